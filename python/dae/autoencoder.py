"""`DenoisingAutoencoder`: the estimator."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context

from dae._data.corruption import CorruptionFunction
from dae._data.streams import new_seed
from dae._estimator.parameters import DECODING, EPOCHS, LAYER, TRAINING, Interval
from dae._estimator.state import (
    check_same_network,
    decoder_weights,
    encoder_weights,
    loss_of,
    network_attributes,
    network_of,
    new_network,
    not_fitted,
    outputs_of,
)
from dae._estimator.training import Begun, TrainedEstimator, training_settings
from dae._estimator.transformer import NetworkTransformer
from dae._model.losses import Loss
from dae._model.network import Layer
from dae._training.epochs import Outcome
from dae._training.monitor import Monitor
from dae._training.resume import own
from dae._training.run import TrainingRun
from dae._training.settings import TrainingData, TrainingSettings


class DenoisingAutoencoder(TrainedEstimator, NetworkTransformer):
    """Denoising autoencoder: features learned by repairing corrupted copies of the data.

    A hidden layer encodes a corrupted sample, an output layer decodes the code, and both are
    trained to reconstruct the clean sample [1]_. For a sample x::

        x~ = corrupt(x)            drawn independently at each presentation of x
        h  = g1(b + W x~)          the code, `transform`
        z  = g2(b* + W* h)         the reconstruction; W* is W transposed if tied

    Training uses mini-batches and stochastic gradient descent or Adam, in a compiled core.
    The same data, parameters and integer `random_state` give the same bits on one machine,
    for any `n_jobs`.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units, the length of a code.

    corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or None, \
            default="masking"
        What is done to an entry before the network sees it. Drawn independently for each
        presentation of a sample; never applied in `transform`.

        - "masking": set to 0 with probability `corruption_level`.
        - "gaussian": normal noise of standard deviation `corruption_level` is added.
        - "salt_and_pepper": replaced with probability `corruption_level` by the minimum or
          the maximum of the feature in the training data, each with probability 1/2. In
          `partial_fit`, of the data seen so far.
        - "swap": replaced with probability `corruption_level` by the value of the same
          feature in another training row, drawn for each entry [4]_. In `partial_fit`,
          another row of the block.
        - callable: ``f(X_batch, rng) -> X_batch_corrupted``, called for each mini-batch
          with a copy of it (which it may write into) and a `numpy.random.Generator`. Must
          return finite real numbers of the same shape.
        - None: no corruption, a plain autoencoder.

    corruption_level : float or array-like of shape (n_features,), default=0.3
        Probability in [0, 1], or the standard deviation for "gaussian"; one for all
        features or one per feature. Ignored if `corruption` is callable or None.

    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation g1 of the hidden units.

    decoder_activation : {"auto", "identity", "logistic", "tanh", "relu", "exp", "softmax"}, \
            default="auto"
        Activation g2 of the reconstruction. "auto" is "identity" for
        ``loss="squared_error"``, which allows any of the first four; "logistic" for
        "log_loss", "exp" for "poisson" and "softmax" over all features for "multinomial",
        which allow no other.

    loss : {"squared_error", "log_loss", "poisson", "multinomial"}, default="squared_error"
        The loss of a sample is a sum over its features; that of a batch is the mean over
        its samples.

        - "squared_error": ``sum_d (x_d - z_d)^2``.
        - "log_loss": cross-entropy ``-sum_d [x_d log z_d + (1 - x_d) log(1 - z_d)]``, for X
          in [0, 1]. Requires a logistic reconstruction.
        - "poisson": half the Poisson deviance
          ``sum_d [z_d - x_d - x_d log(z_d / x_d)]``, for counts and other amounts, with a
          logarithmic link: z = exp(a). X may be any number of 0 or more: z is its mean, and
          the loss only says that the variance grows with it.
        - "multinomial": ``-sum_d x_d log z_d`` where z adds up to 1, for clicks and
          purchases: which features, given how many [7]_. X may be any number of 0 or more,
          such as TF-IDF, which is then the weight of the feature.

    output_blocks : list of (loss, n_columns) or (loss, n_columns, weight), default=None
        Consecutive groups of features that cover all of X, each with a `loss` of its own, as
        tables need: ``[("squared_error", 3), ("multinomial", 5, 0.7), ("log_loss", 1)]`` is
        three numbers, a category of five levels, one-hot, and a bit. The loss of a sample is
        the sum over the groups, each times its weight (1 by default, above 0); outputs are
        identity, logistic, exp, or a softmax over the group, as the losses have them. The
        columns of a "multinomial" group are one thing: "swap" takes all of them from one row,
        with the level of the first, and NaN in one of them makes all of them missing. None
        gives all features the parameter `loss`; else leave `loss` and `decoder_activation` at
        their defaults.

    tied_weights : bool, default=True
        Whether the decoder of a layer uses the transposed weights of its encoder.

    emphasis : (float, float) or None, default=None
        Weights of the reconstruction loss of corrupted and of untouched entries (Vincent et
        al. 2010, section 4.2). (1, 0) counts corrupted entries only; None is (1, 1). An
        entry of `X_corrupted`, or of the result of a callable, is corrupted where it
        differs from X.

    input_norm : {"l2"} or None, default=None
        How each sample is scaled before it is encoded, in training and in use. "l2": to unit
        Euclidean length, as is usual for counts and purchases; the reconstruction is compared
        with the sample as it is, and samples of zeros only stay so. In training the corrupted
        sample is scaled, so that masking does not change the length of what is encoded.

    reconstruction_sampling : float or None, default=None
        Reconstruct, of each sparse sample, the non-zeros and only so many zeros per non-zero,
        at least one, drawn at each presentation and weighted so that `loss_curve_` and the
        gradient are unbiased (Dauphin et al. 2011); the loss of validation samples is exact. A
        batch then costs its non-zeros, not its features.
        None reconstructs all features. Applies to the training of the layer that reads X, not
        to training all layers together. Requires X as a sparse matrix,
        ``corruption="masking"``, None or a sparse `X_corrupted`, and a loss that is a sum
        over features. Weights that no sample of a batch asks for do not move: neither do their
        momentum and Adam's moments, and `alpha` does not shrink them (lazy updates). That is why
        it is not the default for sparse X: None gives what the same X gives dense.

    solver : {"adam", "sgd"}, default="adam"
        "adam" is Adam (Kingma & Ba 2015), "sgd" is gradient descent with `momentum`;
        ``momentum=0`` is the plain update.

    learning_rate_init : float, default=0.002
        Step size in the first epoch.

    learning_rate : {"cosine", "constant"}, default="cosine"
        Learning-rate schedule in `fit`: cosine annealing to 0 over the maximal number of epochs,
        or "constant". In `partial_fit` the rate is constant.

    momentum : float, default=0.9
        Momentum in [0, 1) of "sgd".

    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.

    beta_1 : float, default=0.9
        Exponential decay rate in [0, 1) of Adam's first moment.

    beta_2 : float, default=0.999
        Exponential decay rate in [0, 1) of Adam's second moment.

    epsilon : float, default=1e-8
        Term in the denominator of Adam's update that keeps it finite.

    alpha : float, default=0.0
        L2 penalty: ``alpha / 2`` times the sum of the squared weights in training is added
        to the loss of each batch. Biases are not penalised; `loss_curve_` does not contain
        the penalty.

    batch_size : int, default=64
        Samples per mini-batch, clipped to the number of samples.

    max_iter : int or "auto", default="auto"
        Maximal number of epochs (passes over the data) of one `fit`. "auto" takes 300 divided by
        the square root of the number of mini-batches in an epoch, from 5 to 200: 56 epochs of
        1,797 samples, 24 of 10,000, 10 of 60,000.

    shuffle : bool, default=True
        Whether each epoch presents the samples in a new random order.

    tol : float or None, default=None
        None trains for all epochs and keeps the last weights, with `early_stopping` the best.
        A number stops training when the loss (with `early_stopping`, what it is judged by) has
        not fallen below the best one by this fraction of it for `n_iter_no_change` consecutive
        epochs, and keeps the best weights. Relative, because the loss grows with the number of
        features. Suits a constant learning rate, as in
        ``learning_rate="constant", max_iter=500, tol=1e-3``.

    n_iter_no_change : int, default=10
        Epochs without improvement before training stops; ``numpy.inf`` never stops.

    early_stopping : bool, default=False
        Whether to set `validation_fraction` of the samples aside and to judge training by
        their loss. Their corruption is the same in each epoch.

    validation_fraction : float, default=0.1
        Fraction in (0, 1) of the samples that `early_stopping` sets aside.

    warm_start : bool, default=False
        Whether `fit` continues the last fit: weights, solver moments and the numbering of
        presentations, so that no corruption is repeated.

    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of the samples, corruption and validation split.
        Read when training starts from the beginning; from then on its state is part of the
        estimator.

    verbose : int, default=0
        Whether to print one line per epoch.

    n_jobs : int or None, default=None
        Number of threads of the core. None means one per core, within the limits of
        OMP_NUM_THREADS, threadpoolctl and the control group; -1 means all cores, -2 all but
        one. It changes the time, not the result.

    matmul_precision : {"highest", "high", "medium"}, default="highest"
        Precision of the factors of float32 matrix products, in training and in use; may be changed
        after `fit`. "medium" rounds them to bfloat16 (a relative error of up to 2^-8 each), "high"
        to two bfloat16 numbers each (2^-17); sums, weights, solver, losses and biases stay float32.
        Where the machine has no faster product for it, a value computes as "highest":
        `dae.show_versions` tells which are faster. So do sparse X, `reconstruction_sampling`,
        small mini-batches, and calls of fewer than 512 rows in use. Codes and reconstructions
        have the error of their factors: with "medium" two to three digits are right.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Encoder weights W. A view: writing into it changes the fitted network.

    decoder_components_ : ndarray of shape (n_components, n_features)
        Decoder weights, W* transposed. The same memory as `components_` if tied.

    intercept_hidden_ : ndarray of shape (n_components,)
        Biases b of the hidden units.

    intercept_visible_ : ndarray of shape (n_features,)
        Biases b* of the reconstruction.

    loss_curve_ : list of float
        Mean training loss of each epoch or `partial_fit`, computed before the updates and
        weighted by `sample_weight`. Holds the last 10 000 passes (all of one `fit`, if more).

    validation_loss_curve_ : list of float or None
        Loss of the validation samples at the end of each epoch. None without
        `early_stopping`.

    best_loss_ : float
        Smallest loss of the last `fit`, that of the validation samples with
        `early_stopping`. The weights are those at the end of this epoch, unless ``tol=None``
        without `early_stopping`. After `partial_fit`, the smallest training loss so far, unless
        the last `fit` had validation samples.

    n_iter_ : int
        Number of passes over the data, including those of continued fits.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has string names for all of them.

    See Also
    --------
    sklearn.neural_network.BernoulliRBM : Binary features by contrastive divergence.
    sklearn.decomposition.PCA : What a linear autoencoder without corruption learns.

    Notes
    -----
    Training on float32 data is in float32, on float64 data in float64. Booleans, integers of up
    to 16 bits and float16 are exact in float32 and are converted to it (half the memory of
    float64); wider integers become float64. C-ordered float32 and float64 data, memory maps
    included, are not copied.

    Sparse X of any SciPy format, or a data frame of sparse columns, is converted to CSR without
    changing it, and is never made dense whole. Without `reconstruction_sampling` the result has
    the bits that ``X.toarray()`` gives. Encoding costs the non-zeros; decoding costs all features,
    unless they are sampled [6]_. "gaussian", "salt_and_pepper" and "swap" also change zeros, and a
    callable is given dense mini-batches: a mini-batch then costs what it costs when X is dense.
    `corrupt`, `reconstruct` and `inverse_transform` return dense arrays; `top_features` and
    `score_samples` work block by block.

    NaN in a dense X, a masked entry of a masked array and a missing value of a data frame are
    missing entries: the network is shown 0 there, as for a masked entry, under any corruption, and
    the entry has no loss; for "multinomial" the other features of the sample are compared with each
    other. "swap" takes no value from a missing entry. `loss_curve_` contains the sums over what is
    there. `score_samples` multiplies a sample's sum by the number of features over the number of
    its entries that are there, so that samples can be compared; without any its score is 0. (With
    `output_blocks`, features count by the weight of their block, and all columns of a "multinomial"
    block together as one.) `reconstruct` gives a value for every entry; `corrupt` returns 0 where X
    is missing. NaN in `X_corrupted` is shown as 0 and hides that entry; a callable is given NaN and
    may leave it, and what it writes there is shown. A feature that is missing in all samples learns
    nothing. Zeros are neutral where features are centred: centre them, so that a missing entry
    tells little. Sparse X has no missing entries. Infinities are errors.

    Initial weights are uniform in +-sqrt(6 / (n_features + n_components)), four times that for
    logistic units ([3]_, eq. 16).

    A fitted estimator computes in the dtype of its weights; results are float32 for float32
    input and float64 for float64 input.

    `transform`, `inverse_transform`, `reconstruct`, `score_samples` and `score` do not modify
    the estimator: several threads may call them at the same time. No other method may run on the
    same estimator during `fit` and `partial_fit`.

    The default activation, solver, learning rate, batch size and number of epochs were chosen by
    experiment on digits, a table with heavy tails and patches of photographs: none is the best
    everywhere, together they come close to the best on each. ``python -m bench.defaults`` in the
    source repository repeats the experiment; its tables are in ``bench/results``.

    Masking removes, on average, the fraction `corruption_level` of the sum of an input, and the
    network learns to compensate: a clean input is therefore reconstructed too large, the more so
    the further the means of the features are from 0. If clean inputs must be reconstructed
    faithfully, centre the features (StandardScaler), or subtract from each patch of an image its
    own mean.

    A fitted estimator can be saved with pickle, joblib or ``skops.io``, which executes nothing that
    is not trusted. The estimator's class is the only type to trust, as in
    ``skops.io.load(path, trusted=["dae.autoencoder.DenoisingAutoencoder"])``, and a callable
    `corruption`. For programs without Python see `dae.onnx.to_onnx`.

    Ctrl-C in `fit` keeps the last complete epoch, with a warning: with a constant learning rate
    as if `max_iter` had been the number of complete epochs, with "cosine" before the rate has come
    down. Before the end of the first epoch KeyboardInterrupt is raised and the estimator is
    unchanged.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol. "Extracting and composing
       robust features with denoising autoencoders", ICML 2008.
    .. [2] P. Vincent et al. "Stacked denoising autoencoders", JMLR 11, 2010.
    .. [3] X. Glorot, Y. Bengio. "Understanding the difficulty of training deep feedforward
       neural networks", AISTATS 2010.
    .. [4] M. Jahrer. Winning solution of Porto Seguro's Safe Driver Prediction, Kaggle 2017.
    .. [5] D. P. Kingma, J. Ba. "Adam: a method for stochastic optimization", ICLR 2015.
    .. [6] Y. Dauphin, X. Glorot, Y. Bengio. "Large-scale learning of embeddings with
       reconstruction sampling", ICML 2011.
    .. [7] D. Liang, R. G. Krishnan, M. D. Hoffman, T. Jebara. "Variational autoencoders for
       collaborative filtering", WWW 2018.

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

    Sparse rows, of which the non-zeros and one zero for each of them are reconstructed:

    >>> from scipy import sparse
    >>> clicks = sparse.random(500, 3000, 0.01, "csr", random_state=0, dtype="float32")
    >>> coder = DenoisingAutoencoder(
    ...     16, reconstruction_sampling=1.0, input_norm="l2", max_iter=2, tol=None, random_state=0
    ... ).fit(clicks)
    >>> indices, values = coder.top_features(clicks[:2], 5)  # features that a row does not have
    >>> indices.shape
    (2, 5)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "max_iter": EPOCHS,
        **LAYER,
        **DECODING,
        "output_blocks": ["array-like", None],  # checked by `blocks_of`
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
        output_blocks: list[Any] | None = None,
        tied_weights: bool = True,
        emphasis: tuple[float, float] | None = None,
        input_norm: str | None = None,
        reconstruction_sampling: float | None = None,
        solver: str = "adam",
        learning_rate_init: float = 0.002,
        learning_rate: str = "cosine",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        alpha: float = 0.0,
        batch_size: int = 64,
        max_iter: int | str = "auto",
        shuffle: bool = True,
        tol: float | None = None,
        n_iter_no_change: float = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
        n_jobs: int | None = None,
        matmul_precision: str = "highest",
    ) -> None:
        self.n_components = n_components
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.activation = activation
        self.decoder_activation = decoder_activation
        self.loss = loss
        self.output_blocks = output_blocks
        self.tied_weights = tied_weights
        self.emphasis = emphasis
        self.input_norm = input_norm
        self.reconstruction_sampling = reconstruction_sampling
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
        self.matmul_precision = matmul_precision

    # -------------------------------------------------------------- training

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_corrupted: Any = None
    ) -> Self:
        """Learn to repair corrupted copies of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Clean samples; NaN in dense rows is a missing entry.

        y : Ignored
            Present for API consistency. Noisy data with clean targets are not passed as
            ``fit(X_noisy, X_clean)``, which would train on X_noisy alone, but as
            ``fit(X_clean, X_corrupted=X_noisy)``.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of the loss of each sample, 0 or more. Scaled to a mean of 1 over the samples
            of positive weight; samples of weight 0 are left out.

        X_corrupted : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Your own corrupted copies of X, row by row, used instead of the built-in
            corruption. NaN is shown as 0.

        Returns
        -------
        self : DenoisingAutoencoder
            The fitted estimator.
        """
        return self._fit(X, y, {"sample_weight": sample_weight, "X_corrupted": X_corrupted})

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_corrupted: Any = None
    ) -> Self:
        """Continue training by one pass over a block of data, in mini-batches.

        The first call creates a network as `fit` does; later calls continue with its weights,
        the solver's moments and the random streams. `n_components`, `activation`,
        `decoder_activation`, `loss`, `output_blocks`, `tied_weights` and `input_norm` are those of
        the first call: ValueError is raised if they have changed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Clean samples; NaN in dense rows is a missing entry.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of the loss of each sample, 0 or more, used as given; samples of weight 0 are
            left out.

        X_corrupted : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Your own corrupted copies of X, used instead of the built-in corruption. NaN is
            shown as 0.

        Returns
        -------
        self : DenoisingAutoencoder
            The estimator, after one more pass.
        """
        return self._partial_fit(X, y, {"sample_weight": sample_weight, "X_corrupted": X_corrupted})

    def _settings(self) -> list[TrainingSettings]:
        outputs_of(self)  # raises ValueError if loss and activation do not go together
        return [
            training_settings(
                self,
                corruption=self.corruption,
                corruption_level=self.corruption_level,
                learning_rate=self.learning_rate_init,
                max_iter=self.max_iter,
                emphasis=self.emphasis,
                samples_outputs=True,
            )
        ]

    def _n_tasks(self, settings: list[TrainingSettings]) -> int:
        return settings[0].max_iter  # callbacks hear of the epochs of the only network

    def _resume(self, settings: list[TrainingSettings], *, fit: bool) -> list[TrainingRun]:
        network = own(self._fitted(), copy=fit)
        check_same_network(self, network, fit=fit)
        return [TrainingRun.resume(self.__dict__, network, settings[0].solver, copy=fit)]

    def _start(
        self,
        settings: list[TrainingSettings],
        data: TrainingData,
        learned: dict[str, Any],
        random_state: np.random.RandomState,
    ) -> list[TrainingRun]:
        solver, seed = settings[0].solver, new_seed(random_state)
        network = new_network(
            self, data.X.n_features, data.X.dtype, random_state, n_moments=solver.n_moments
        )
        return [TrainingRun(network, solver, seed)]

    def _reconstruction_loss(self, begun: Begun, *, fit: bool) -> Loss:
        if begun.continues:
            return begun.runs[0].network.output_loss
        return loss_of(self, begun.data.X.n_features)

    def _train(self, begun: Begun, monitor: Monitor) -> list[Outcome]:
        (how,) = begun.settings
        epochs = monitor.epochs(how.max_iter, len(begun.data.rows))
        return [begun.runs[0].fit(begun.data, how, epochs)]

    def _network_attributes(self, network: Any) -> dict[str, Any]:
        return network_attributes(network)

    def _run_attributes(self, begun: Begun, *, fit: bool) -> dict[str, Any]:
        return begun.runs[0].attributes()

    # -------------------------------------------------------------- fitted state

    def _fitted(self) -> Layer:
        return network_of(self)

    def _input_training(self) -> tuple[dict[str, Any], TrainingSettings]:
        return self.__dict__, self._settings()[0]

    @property
    def components_(self) -> np.ndarray:
        """Encoder weights, (n_components, n_features); a view."""
        return encoder_weights(self._layer_of("components_")).T

    @property
    def decoder_components_(self) -> np.ndarray:
        """Decoder weights, (n_components, n_features); a view, of `components_` if tied."""
        return decoder_weights(self._layer_of("decoder_components_")).T

    def _layer_of(self, name: str) -> Layer:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(self, name)
        return self._fitted()

    def __sklearn_is_fitted__(self) -> bool:
        return self.__dict__.get("_encoder_weights") is not None
