"""`DenoisingAutoencoder`: the estimator."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from dae._data.checks import CorruptionFunction, check_training_data, check_unit_range
from dae._estimator.parameters import DECODING, LAYER, TRAINING
from dae._estimator.state import (
    all_or_nothing,
    check_same_network,
    decoder_activation_of,
    network_attributes,
    network_of,
    new_network,
    own,
)
from dae._estimator.transformer import NetworkTransformer
from dae._estimator.version_stamp import VersionStampMixin
from dae._model.network import Layer
from dae._training.epochs import Outcome
from dae._training.feed import split
from dae._training.monitor import CallbackSupportMixin, Monitor
from dae._training.run import Data, Settings, Stage, refuse_early_stopping, warn_how_it_ended


class DenoisingAutoencoder(
    VersionStampMixin,
    CallbackSupportMixin,
    NetworkTransformer,
):
    """Denoising autoencoder: features learned by repairing corrupted copies of the data.

    One hidden layer codes a corrupted sample, a second one decodes the code, and both are
    trained to give back the clean sample [1]_. For a sample x::

        x~ = corrupt(x)            fresh each time x is presented
        h  = g1(b + W x~)          the code, `transform`
        z  = g2(b* + W* h)         its reconstruction; W* is W transposed if tied

    Training is on mini-batches by stochastic gradient descent or Adam, in a compiled core.
    The same data, parameters and integer `random_state` give the same bits on one machine,
    whatever `n_jobs` is.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units, the length of a code.

    corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or None, \
            default="masking"
        What is done to an entry before the network sees it. Drawn afresh at each
        presentation of a sample, never in `transform`.

        - "masking": set to 0, with probability `corruption_level`.
        - "gaussian": normal noise is added, of standard deviation `corruption_level`.
        - "salt_and_pepper": replaced, with probability `corruption_level`, by the minimum or
          the maximum of the feature in the training data, half and half. In `partial_fit`,
          of the data seen so far.
        - "swap": replaced, with probability `corruption_level`, by the value of the same
          feature in another training row, chosen for each entry [4]_. In `partial_fit`,
          another row of the block.
        - callable: ``f(X_batch, rng) -> X_batch_corrupted``, called for each mini-batch with
          a copy of it (which it may write into) and a `numpy.random.Generator`. Must return
          finite real numbers of the same shape.
        - None: nothing, a plain autoencoder.

    corruption_level : float or array-like of shape (n_features,), default=0.3
        Probability in [0, 1], or the standard deviation for "gaussian"; one for all features
        or one for each. Ignored where `corruption` is callable or None.

    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation g1 of the hidden units.

    decoder_activation : {"auto", "identity", "logistic", "tanh", "relu"}, default="auto"
        Activation g2 of the outputs. "auto" is "logistic" for ``loss="log_loss"`` and
        "identity" for ``loss="squared_error"``.

    loss : {"squared_error", "log_loss"}, default="squared_error"
        The loss of a sample is a sum over its features; of a batch, the mean over samples.

        - "squared_error": ``sum_d (x_d - z_d)^2``.
        - "log_loss": cross-entropy ``-sum_d [x_d log z_d + (1 - x_d) log(1 - z_d)]``, for X
          in [0, 1]. Needs logistic outputs.

    tied_weights : bool, default=True
        Whether the decoder uses the encoder's weights, transposed.

    emphasis : (float, float) or None, default=None
        Weights of the loss of corrupted and of untouched entries ([2]_, section 4.2). (1, 0)
        looks at corrupted entries only; None is (1, 1). An entry of your own `X_corrupted`, or
        of what a callable returns, is corrupted where it differs from X.

    solver : {"adam", "sgd"}, default="adam"
        "sgd" is gradient descent with `momentum`; ``momentum=0`` is the plain update. "adam"
        is [5]_.

    learning_rate_init : float, default=0.001
        Step size of the first epoch.

    learning_rate : {"constant", "cosine"}, default="constant"
        What becomes of it in `fit`: it stays, or falls towards 0 along half a period of the
        cosine over `max_iter` epochs. In `partial_fit` it stays.

    momentum : float, default=0.9
        Momentum in [0, 1) of "sgd".

    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.

    beta_1 : float, default=0.9
        Decay in [0, 1) of Adam's first moment.

    beta_2 : float, default=0.999
        Decay in [0, 1) of Adam's second moment.

    epsilon : float, default=1e-8
        Keeps Adam's division finite.

    alpha : float, default=0.0
        L2 penalty: ``alpha / 2`` times the sum of the squared weights is added to the loss
        of each batch. Biases are not penalised; `loss_curve_` does not contain it.

    batch_size : int, default=64
        Samples in a mini-batch. Clipped to the number of samples.

    max_iter : int, default=200
        Largest number of epochs (passes over the data) of one `fit`.

    shuffle : bool, default=True
        Whether each epoch presents the samples in a new order.

    tol : float or None, default=1e-3
        `fit` stops when the loss has not fallen below the best one by this share of it for
        `n_iter_no_change` epochs in a row. Relative, because the loss grows with the number
        of features. None trains for `max_iter` epochs and keeps the last weights rather
        than the best.

    n_iter_no_change : int, default=10
        Epochs without improvement before `fit` stops; ``numpy.inf`` never stops.

    early_stopping : bool, default=False
        Whether to set `validation_fraction` of the data aside and to judge by their loss.
        They are always corrupted in the same way.

    validation_fraction : float, default=0.1
        Share of the data set aside, in (0, 1).

    warm_start : bool, default=False
        Whether `fit` goes on from the last fit: weights, solver moments, and the numbering
        of presentations, so that no corruption comes twice.

    random_state : int, RandomState instance or None, default=None
        Decides initial weights (uniform, scaled by [3]_, eq. 16), order, corruption and
        validation split. Read when training starts from the beginning; from then on the state
        is part of the estimator.

    verbose : int, default=0
        Whether to print one line an epoch.

    n_jobs : int or None, default=None
        Number of threads of the core. None means as many as there are cores, within the
        limits of OMP_NUM_THREADS, threadpoolctl and the control group; -1 the same, -2 one
        less. It changes the time, not the result.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Encoder weights W. A view: what is written into it is used.

    decoder_components_ : ndarray of shape (n_components, n_features)
        Decoder weights, W* transposed. The same memory as `components_` if tied.

    intercept_hidden_ : ndarray of shape (n_components,)
        Biases b of the hidden units.

    intercept_visible_ : ndarray of shape (n_features,)
        Biases b* of the outputs.

    loss_curve_ : list of float
        Mean training loss of each epoch or `partial_fit`, as seen before the updates;
        weighted by `sample_weight`. Holds the last 10 000 passes (all of one `fit`, if more).

    validation_loss_curve_ : list of float or None
        Loss of the samples set aside, at the end of each epoch. None without
        `early_stopping`.

    best_loss_ : float
        Smallest loss of the last `fit`, on the validation samples with `early_stopping`.
        The weights are those at the end of this epoch, unless ``tol=None`` without
        `early_stopping`. After `partial_fit`, the smallest training loss so far, unless the
        last `fit` had validation samples.

    n_iter_ : int
        Number of passes over the data, those of continued fits included.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had string names for all.

    See Also
    --------
    sklearn.neural_network.BernoulliRBM : Binary features by contrastive divergence.
    sklearn.decomposition.PCA : What a linear autoencoder without corruption learns.

    Notes
    -----
    float32 data are trained and coded in float32, float64 data in float64. Booleans, integers
    of up to 16 bits and float16 are held exactly by float32 and become that (half the memory
    of float64); wider integers become float64. C-ordered float32 and float64 data, memory
    maps included, are not copied.

    A fitted estimator codes data of another dtype in that of its weights, and answers in
    float32 for float32 and in float64 for float64.

    `transform`, `inverse_transform`, `reconstruct`, `score_samples` and `score` write nothing
    on the estimator: threads may call them at the same time. `fit` and `partial_fit` may not
    run beside anything on the same estimator.

    The default activation, solver, learning rate, batch size and stopping rule were chosen by
    experiment, on digits, a table with heavy tails and patches of photographs: none is the best
    everywhere, together they come close to it on each. ``bench/defaults.py`` in the source
    repository repeats the experiment; its tables lie beside it, in ``bench/results``.

    Masking takes away, on average, the share `corruption_level` of what an input sums to, and the
    network learns to make up for it: a clean input is therefore reconstructed too large, the more
    so the further the features' means are from 0. Centre the features (StandardScaler), or
    take a patch's own mean off, where clean inputs are to be reconstructed faithfully.

    Ctrl-C in `fit` ends it as if `max_iter` had been the number of complete epochs, with a
    warning; before the end of the first epoch the estimator stays as it was and
    KeyboardInterrupt is raised.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol. "Extracting and composing
       robust features with denoising autoencoders", ICML 2008.
    .. [2] P. Vincent et al. "Stacked denoising autoencoders", JMLR 11, 2010.
    .. [3] X. Glorot, Y. Bengio. "Understanding the difficulty of training deep feedforward
       neural networks", AISTATS 2010.
    .. [4] M. Jahrer. Winning solution of Porto Seguro's Safe Driver Prediction, Kaggle 2017.
    .. [5] D. P. Kingma, J. Ba. "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dae import DenoisingAutoencoder
    >>> X = load_digits().data / 16
    >>> dae = DenoisingAutoencoder(n_components=32, max_iter=5, tol=None, random_state=0)
    >>> H = dae.fit_transform(X)
    >>> H.shape
    (1797, 32)
    >>> dae.reconstruct(X[:2]).shape
    (2, 64)
    >>> dae.loss_curve_[-1] < dae.loss_curve_[0]
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        **LAYER,
        **DECODING,
        **TRAINING,
    }

    def __init__(
        self,
        n_components: int = 256,
        *,
        corruption: str | CorruptionFunction | None = "masking",
        corruption_level: Any = 0.3,
        activation: str = "relu",
        decoder_activation: str = "auto",
        loss: str = "squared_error",
        tied_weights: bool = True,
        emphasis: tuple[float, float] | None = None,
        solver: str = "adam",
        learning_rate_init: float = 0.001,
        learning_rate: str = "constant",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        alpha: float = 0.0,
        batch_size: int = 64,
        max_iter: int = 200,
        shuffle: bool = True,
        tol: float | None = 1e-3,
        n_iter_no_change: float = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.activation = activation
        self.decoder_activation = decoder_activation
        self.loss = loss
        self.tied_weights = tied_weights
        self.emphasis = emphasis
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    # -------------------------------------------------------------- training

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_corrupted: Any = None
    ) -> Self:
        """Learn to repair corrupted copies of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Clean samples.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's loss, 0 or more. Scaled to a mean of 1 over the samples
            that weigh anything; samples of weight 0 are left out.

        X_corrupted : array-like of shape (n_samples, n_features), default=None
            Your own corrupted copies of X, row by row: shown in place of the built-in
            corruption.

        Returns
        -------
        self : DenoisingAutoencoder
            The fitted estimator.
        """
        # again, because scikit-learn's configuration may have skipped it
        self._validate_params()
        with all_or_nothing(self):
            outcome, settings = self._fit(X, sample_weight, X_corrupted)
        warn_how_it_ended(outcome, settings)
        return self

    def _fit(self, X: Any, sample_weight: Any, X_corrupted: Any) -> tuple[Outcome, Settings]:
        settings = self._settings()
        go_on = self.warm_start and self.__sklearn_is_fitted__()
        stage, data = self._begin(
            X, sample_weight, X_corrupted, settings, go_on=go_on, normalise=True
        )
        if self.early_stopping:
            data.rows, data.validation_rows = split(data.rows, self.validation_fraction, stage.seed)
        network = stage.network
        monitor = Monitor(
            self,
            data.X,
            {"sample_weight": data.sample_weight, "X_corrupted": data.X_corrupted},
            max_subtasks=self.max_iter,
            attributes=lambda: network_attributes(network.copy()),
        )
        outcome = stage.fit(data, settings, monitor.epochs(self.max_iter, len(data.rows)))
        self.__dict__.update(**network_attributes(network), **stage.attributes())
        monitor.end_fit()
        return outcome, settings

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_corrupted: Any = None
    ) -> Self:
        """Go on training with one pass over a block of data, in mini-batches.

        The first call starts a network as `fit` does; later calls continue it, its solver's
        moments and its random streams. `n_components`, `activation`, `decoder_activation`,
        `loss` and `tied_weights` are those of the first call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Clean samples.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's loss, 0 or more, used as given; samples of weight 0 are
            left out.

        X_corrupted : array-like of shape (n_samples, n_features), default=None
            Your own corrupted copies of X, shown in place of the built-in corruption.

        Returns
        -------
        self : DenoisingAutoencoder
            The estimator, after one more pass.
        """
        # scikit-learn checks the parameters before the first call only
        self._validate_params()
        refuse_early_stopping(self)
        with all_or_nothing(self):
            self._partial_fit(X, sample_weight, X_corrupted)
        return self

    def _partial_fit(self, X: Any, sample_weight: Any, X_corrupted: Any) -> None:
        settings = self._settings()
        go_on = self.__sklearn_is_fitted__()
        stage, data = self._begin(
            X, sample_weight, X_corrupted, settings, go_on=go_on, normalise=False
        )
        stage.partial_fit(data, settings, undo=go_on)
        self.__dict__.update(**network_attributes(stage.network), **stage.attributes())

    def _begin(
        self,
        X: Any,
        sample_weight: Any,
        X_corrupted: Any,
        settings: Settings,
        *,
        go_on: bool,
        normalise: bool,
    ) -> tuple[Stage, Data]:
        """A new network or the one to go on with, and the data, checked.

        `fit`, which scales the weights of samples, goes on with a copy.
        """
        if go_on:
            network = own(network_of(self), copy=normalise)
            if normalise:
                check_same_network(self, network)
            solver = settings.solver
            stage = Stage.resume(self.__dict__, network, solver, copy=normalise)
        X = check_training_data(
            self, X, reset=not go_on, dtype=stage.network.dtype if go_on else None
        )
        data = Data.of(X, sample_weight, X_corrupted, normalise=normalise)
        decoder_activation_of(self)
        if (stage.network.loss if go_on else self.loss) == "log_loss":
            check_unit_range(X)
        if not go_on:
            random_state = check_random_state(self.random_state)
            # of all streams but that of the initial weights
            seed = int(random_state.randint(0, 2**64, dtype=np.uint64))
            network = new_network(self, X.shape[1], X.dtype, random_state)
            stage = Stage(network, settings.solver, seed)
        return stage, data

    def _settings(self) -> Settings:
        return Settings.of(
            self,
            corruption=self.corruption,
            corruption_level=self.corruption_level,
            learning_rate=self.learning_rate_init,
            max_iter=self.max_iter,
        )

    # -------------------------------------------------------------- fitted state

    def _fitted(self) -> Layer:
        return network_of(self)

    def _input_training(self) -> tuple[dict[str, Any], Settings]:
        return self.__dict__, self._settings()

    @property
    def components_(self) -> np.ndarray:
        """Encoder weights, (n_components, n_features); a view."""
        return self._weights("_encoder_weights", "components_")

    @property
    def decoder_components_(self) -> np.ndarray:
        """Decoder weights, (n_components, n_features); a view, of `components_` if tied."""
        tied = self.__dict__.get("_decoder_weights") is None
        return self._weights(
            "_encoder_weights" if tied else "_decoder_weights", "decoder_components_"
        )

    def _weights(self, stored: str, public: str) -> np.ndarray:
        padded = self.__dict__.get(stored)
        if padded is None:
            raise AttributeError(
                f"{type(self).__name__} has no {public} before it is fitted. Call fit first."
            )
        return padded[:, : self._n_features_out].T

    def __sklearn_is_fitted__(self) -> bool:
        return self.__dict__.get("_encoder_weights") is not None
