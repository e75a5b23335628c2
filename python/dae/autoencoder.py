"""`DenoisingAutoencoder`: the estimator."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions

from dae import _core
from dae._callbacks import CallbackSupportMixin, Monitor
from dae._corruption import KINDS, NO_CORRUPTION, Corruption
from dae._feed import Diverged, Feed, corrupted, order_of, split
from dae._inference import NetworkTransformer
from dae._network import ACTIVATIONS, LOSSES, Network
from dae._persistence import VersionStampMixin
from dae._solver import SOLVERS, Solver
from dae._state import (
    all_or_nothing,
    check_same_network,
    counter,
    decoder_activation_of,
    network_attributes,
    new_network,
    new_solver,
    resume,
    seen_range,
    solver_attributes,
)
from dae._training import Outcome, Plan, Snapshot, run_epochs
from dae._validation import (
    CorruptionFunction,
    built_in_corruption,
    check_shown,
    check_training_data,
    check_unit_range,
    check_weights,
    feature_range,
    largest_sane_loss,
)

# `loss_curve_` keeps this many of the last passes (all passes of one `fit`, if more)
HISTORY = 10_000


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

    solver : {"adam", "sgd"}, default="adam"
        "sgd" is gradient descent with `momentum`; ``momentum=0`` is the plain update. "adam"
        is [5]_.

    learning_rate_init : float, default=0.001
        Step size, constant.

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
        Decides initial weights, order, corruption and validation split. Read when training
        starts from the beginning; from then on the state is part of the estimator.

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
        `early_stopping`. After `partial_fit`, the smallest training loss so far.

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
        "corruption": [StrOptions(set(KINDS) - {"none"}), callable, None],
        "corruption_level": [Interval(Real, 0, None, closed="left"), "array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "decoder_activation": [StrOptions({"auto", *ACTIVATIONS})],
        "loss": [StrOptions(set(LOSSES))],
        "tied_weights": ["boolean"],
        "solver": [StrOptions(set(SOLVERS))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterovs_momentum": ["boolean"],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
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
        solver: str = "adam",
        learning_rate_init: float = 0.001,
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
        self.solver = solver
        self.learning_rate_init = learning_rate_init
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
            outcome = self._fit(X, sample_weight, X_corrupted)
        if outcome.interrupted:
            warnings.warn(
                f"Training interrupted after {len(outcome.losses)} complete epochs of "
                f"max_iter={self.max_iter}; the estimator is fitted as far as that.",
                stacklevel=2,
            )
        elif self.tol is not None and not outcome.stopped:
            warnings.warn(
                f"Stochastic optimization reached max_iter={self.max_iter} epochs while the "
                "loss was still falling. Raise max_iter, or set tol=None for a fixed number "
                "of epochs.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _fit(self, X: Any, sample_weight: Any, X_corrupted: Any) -> Outcome:
        warm = self.warm_start and self.__sklearn_is_fitted__()
        if warm:
            network, solver = resume(self, copy=True)
            check_same_network(self, network)
            seed, done = counter(self, "_seed"), counter(self, "_presentation")
            X = check_training_data(self, X, reset=False, dtype=network.dtype)
        else:
            X = check_training_data(self, X, reset=True)
            done = 0
        X_corrupted = check_shown(X_corrupted, X)
        weight, rows = check_weights(sample_weight, X, normalise=True)
        self._check_range(X)
        if not warm:
            network, solver, seed = self._start(X)
        validation_rows = rows[:0]
        if self.early_stopping:
            rows, validation_rows = split(rows, self.validation_fraction, seed)
        feed, learned = self._feed(X, X_corrupted, weight, rows, network, seed, warm=warm)
        plan = Plan(
            rows=rows,
            validation_rows=validation_rows,
            first_presentation=done + 1,
            shuffle=self.shuffle,
            max_iter=self.max_iter,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
        )
        monitor = Monitor(
            self,
            X,
            {"sample_weight": weight, "X_corrupted": X_corrupted},
            max_iter=self.max_iter,
            n_rows=len(rows),
            attributes=lambda: network_attributes(network.copy()),
        )
        outcome = run_epochs(network, solver, feed, plan, monitor)
        n_epochs = len(outcome.losses)
        old_curve, old_validation = (
            (self.loss_curve_, self.validation_loss_curve_ or []) if warm else ([], [])
        )
        kept = max(HISTORY, n_epochs)
        self.__dict__.update(
            **network_attributes(network),
            **solver_attributes(solver),
            **learned,
            _seed=seed,
            _presentation=done + n_epochs,
            loss_curve_=(old_curve + outcome.losses)[-kept:],
            validation_loss_curve_=(
                (old_validation + outcome.validation_losses)[-kept:]
                if self.early_stopping
                else None
            ),
            best_loss_=outcome.best_loss,
            n_iter_=(self.n_iter_ if warm else 0) + n_epochs,
        )
        monitor.end_fit()
        return outcome

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
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: each call is one pass. "
                "Use fit, or set early_stopping=False."
            )
        with all_or_nothing(self):
            self._partial_fit(X, sample_weight, X_corrupted)
        return self

    def _partial_fit(self, X: Any, sample_weight: Any, X_corrupted: Any) -> None:
        first = not self.__sklearn_is_fitted__()
        if first:
            X = check_training_data(self, X, reset=True)
            done = 0
        else:
            network, solver = resume(self, copy=False)
            seed, done = counter(self, "_seed"), counter(self, "_presentation")
            X = check_training_data(self, X, reset=False, dtype=network.dtype)
        X_corrupted = check_shown(X_corrupted, X)
        weight, rows = check_weights(sample_weight, X, normalise=False)
        self._check_range(X, None if first else network.loss)
        if first:
            network, solver, seed = self._start(X)
        feed, learned = self._feed(X, X_corrupted, weight, rows, network, seed, warm=not first)
        # The core stops before the update of a batch that went wrong, so one batch needs no
        # copy to go back to, unless its own update could overflow.
        snapshot = None
        risky = solver.learning_rate > 1 or feed.max_loss > 1e20
        if not first and (risky or len(rows) > feed.batch_size):
            snapshot = Snapshot()
            snapshot.save(0, network, solver)
        presentation = done + 1
        order = order_of(rows, seed, presentation, shuffle=self.shuffle)
        where = f"partial_fit (pass {presentation})"
        try:
            loss = feed.present(network, solver, order, presentation, where=where)
            if (first or snapshot) and not network.is_finite():
                raise Diverged(where, None, solver.learning_rate)
        except BaseException:
            if snapshot:
                snapshot.restore(network, solver)
            raise
        curve, best = ([], np.inf) if first else (self.loss_curve_, self.best_loss_)
        self.__dict__.update(
            **network_attributes(network),
            **solver_attributes(solver),
            **learned,
            _seed=seed,
            _presentation=presentation,
            loss_curve_=[*curve[1 - HISTORY :], loss],
            validation_loss_curve_=None if first else self.validation_loss_curve_,
            best_loss_=min(best, loss),
            n_iter_=(0 if first else self.n_iter_) + 1,
        )

    def _start(self, X: np.ndarray) -> tuple[Network, Solver, int]:
        """A new network, its solver, and the seed of all streams but the initial weights'."""
        random_state = check_random_state(self.random_state)
        seed = int(random_state.randint(0, 2**64, dtype=np.uint64))
        network = new_network(self, X.shape[1], X.dtype, random_state)
        solver = new_solver(self)
        solver.reset(network)
        return network, solver, seed

    def _check_range(self, X: np.ndarray, loss: str | None = None) -> None:
        decoder_activation_of(self)
        if (loss or self.loss) == "log_loss":
            check_unit_range(X)

    def _feed(
        self,
        X: np.ndarray,
        X_corrupted: np.ndarray | None,
        weight: np.ndarray | None,
        rows: np.ndarray,
        network: Network,
        seed: int,
        *,
        warm: bool,
    ) -> tuple[Feed, dict[str, Any]]:
        """The data as the core gets them, and what was learned from looking at them.

        With `warm` the ranges seen before count too.
        """
        seen = seen_range(self, X.shape[1]) if warm else None
        if self.corruption == "salt_and_pepper":
            low, high = feature_range(X, rows)
            if seen is not None:
                low, high = np.minimum(low, seen[0]), np.maximum(high, seen[1])
            seen = (low, high)
        corruption = self._corruption(seed, X, rows, seen) if X_corrupted is None else NO_CORRUPTION
        sane = largest_sane_loss(X, network, corruption, X_corrupted)
        if warm:  # blocks may differ in scale
            sane = max(sane, self._largest_sane_loss)
        feed = Feed(
            X=X,
            corruption=corruption,
            X_corrupted=X_corrupted,
            sample_weight=weight,
            seed=seed,
            batch_size=min(self.batch_size, len(rows)),
            n_threads=_core.n_threads(self.n_jobs),
            max_loss=sane * (1.0 if weight is None else max(1.0, float(weight.max()))),
        )
        return feed, {"_feature_range": seen, "_largest_sane_loss": sane}

    def _corruption(
        self,
        seed: int,
        X: np.ndarray,
        rows: np.ndarray,
        seen: tuple[np.ndarray, np.ndarray] | None,
    ) -> Corruption | CorruptionFunction:
        if callable(self.corruption):
            return self.corruption
        return built_in_corruption(
            self.corruption, self.corruption_level, seed, X, rows=rows, feature_range=seen
        )

    def corrupt(self, X: Any, *, presentation: int | None = None) -> np.ndarray:
        """Corrupted copies of X, as training shows them.

        Row i is corrupted as training row i would be in that presentation. The same
        arguments give the same answer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Clean samples. "swap" takes values from other rows of this X.

        presentation : int or None, default=None
            Number of the presentation: training used 1, 2, ...; 0 is the one of validation.
            None stands for the next one.

        Returns
        -------
        X_corrupted : ndarray of shape (n_samples, n_features)
            In the dtype of the weights.
        """
        network = self._network()
        if presentation is None:
            presentation = counter(self, "_presentation") + 1
        elif (
            not isinstance(presentation, Integral)
            or isinstance(presentation, bool)
            or not 0 <= presentation < 2**47
        ):
            raise ValueError(
                "presentation should be an integer of 0 or more, or None for the next one; "
                f"got {presentation!r}."
            )
        X = check_training_data(self, X, reset=False, dtype=network.dtype)
        rows = np.arange(len(X), dtype=np.intp)
        seen = seen_range(self, X.shape[1])
        if seen is None and self.corruption == "salt_and_pepper":
            seen = feature_range(X, rows)  # trained with another corruption
        seed = counter(self, "_seed")
        return corrupted(
            self._corruption(seed, X, rows, seen),
            X,
            seed=seed,
            presentation=int(presentation),
            batch_size=min(self.batch_size, len(X)),
            n_threads=_core.n_threads(self.n_jobs),
        )
