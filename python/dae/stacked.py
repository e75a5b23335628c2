"""`StackedDenoisingAutoencoder`: several layers, trained one by one and together."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions

from dae import _core
from dae._data.checks import check_codes, check_inference_data
from dae._data.row_blocks import by_rows
from dae._data.rows import Rows
from dae._data.streams import new_seed
from dae._estimator.parameters import STACK
from dae._estimator.stack_state import (
    StackAttributes,
    all_codes,
    as_pretrained,
    check_same_stack,
    layer_settings,
    new_layers,
    run_states,
    stack_attributes,
    stack_of,
)
from dae._estimator.state import loss_of
from dae._estimator.training import Begun, TrainedEstimator, training_settings
from dae._estimator.transformer import NetworkTransformer
from dae._model.losses import Loss
from dae._model.memory import check_result
from dae._model.network import Layer, Network
from dae._training.epochs import Outcome
from dae._training.monitor import Monitor
from dae._training.pretraining import one_pass, pretrain
from dae._training.resume import counter, own
from dae._training.run import TrainingRun
from dae._training.settings import FINE_TUNING, TrainingData, TrainingSettings


class StackedDenoisingAutoencoder(TrainedEstimator, StackAttributes, NetworkTransformer):
    """Denoising autoencoders on top of each other.

    Layer k is a `DenoisingAutoencoder` of the codes of layer k - 1: it is trained to repair
    corrupted copies of the codes of clean samples [1]_. With `fine_tune`, all layers are then
    trained together, as one network that encodes a corrupted sample up to the last layer and
    decodes it through all layers. Layers are numbered from 0, which reads the samples.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(256, 128)
        Number of hidden units of each layer, from the input on.

    corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or None, or a \
            list of one per layer, default="masking"
        What is done to the input of a layer in its training; see `DenoisingAutoencoder`.
        That of the first layer is also used in the fine-tuning.

    corruption_level : float or list of one per layer, default=0.3
        Its probability, or the standard deviation for "gaussian". That of a layer may be an
        array of one value per input of the layer.

    activation : {"identity", "logistic", "tanh", "relu"} or a list of one per layer, \
            default="relu"
        Activation of the hidden units.

    decoder_activation : {"auto", "identity", "logistic", "tanh", "relu", "exp", "softmax"}, \
            default="auto"
        Activation of the reconstruction of samples, as in `DenoisingAutoencoder`. A layer above
        the first reconstructs codes, with the activation of the layer below; those of rectified
        units linearly while the layer is trained by itself.

    loss : {"squared_error", "log_loss", "poisson", "multinomial"}, default="squared_error"
        Loss of the reconstruction of samples, as in `DenoisingAutoencoder`. Codes are
        compared by "log_loss" if that is the loss and they are logistic, else by
        "squared_error".

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

    fine_tune : bool, default=False
        Whether all layers are trained together after each has been trained.

    output_layers : {"last", "all"} or int, default="last"
        Which codes `transform` returns: those of the last layer, of all layers side by
        side, or of the layer with this number, from 0; -1 is the last. May be changed after
        `fit`.

    solver : {"adam", "sgd"}, default="adam"
        "adam" is Adam (Kingma & Ba 2015), "sgd" is gradient descent with `momentum`;
        ``momentum=0`` is the plain update.

    learning_rate_init : float or list of one per layer, default=0.002
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

    max_iter : int, "auto" or list of one per layer, default="auto"
        Maximal number of epochs of the training of a layer; 0 for a layer that is not
        trained by itself. "auto" takes 300 (600 for a layer that reads codes) divided by the
        square root of the number of mini-batches in an epoch, from 5 to 200.

    fine_tune_max_iter : int or "auto", default="auto"
        Maximal number of epochs of the fine-tuning; "auto" takes 600 likewise.

    fine_tune_learning_rate_init : float, default=0.002
        Step size in the first epoch of the fine-tuning.

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
        Whether `fit` continues the last fit: each layer, and then all together, for as many
        epochs again, with the solver moments and without repeating any corruption.

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
    coefs_ : list of ndarray of shape (n_inputs, n_units)
        Encoder weights of each layer. Views: writing into them changes the fitted network.

    intercepts_ : list of ndarray of shape (n_units,)
        Biases of the units of each layer.

    decoder_coefs_ : list of ndarray of shape (n_units, n_inputs)
        Decoder weights of each layer. The same memory as `coefs_` if tied.

    decoder_intercepts_ : list of ndarray of shape (n_inputs,)
        Biases of the reconstruction of each layer.

    components_ : ndarray of shape (n_units, n_features)
        Encoder weights of the first layer, a view.

    decoder_components_ : ndarray of shape (n_units, n_features)
        Decoder weights of the first layer, a view.

    loss_curves_ : list of list of float
        Mean training loss of each epoch of each layer, computed before the updates. Each holds
        the last 10 000 passes (all of one `fit`, if more).

    validation_loss_curves_ : list of list of float, or of None
        Losses of the validation samples at the end of each epoch.

    loss_curve_ : list of float
        Training losses of the last stage: of the fine-tuning, or of the last layer.

    validation_loss_curve_ : list of float or None
        Validation losses of the last stage.

    best_loss_ : float
        Smallest loss of the last stage.

    n_iter_ : int
        Number of passes over the data, summed over all layers and the fine-tuning.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has string names for all of them.

    See Also
    --------
    DenoisingAutoencoder : One layer.
    StackedDenoisingClassifier : Trains these layers further, with labels.
    StackedDenoisingRegressor : Trains these layers further, with targets.

    Notes
    -----
    The notes of `DenoisingAutoencoder` on dtypes, sparse X, missing entries, memory, threads and
    masking apply here too; layers above the first read codes, which are dense. `loss` and
    `output_blocks` are those of the reconstruction of X, by the first layer and by all layers
    together. While layer k > 0 is trained, the codes of all rows that it reads are held in memory.

    A stack of one layer equals a `DenoisingAutoencoder`, to the last bit. The first layers of a
    stack that is not fine-tuned equal those of a stack that ends with them.

    The decoder of a layer that is not trained by itself (``max_iter=0``) has random initial
    weights too, and is trained by the fine-tuning only.

    Ctrl-C in `fit` keeps the layers whose training is complete, and the last complete epoch of
    the layer in training, with a warning; the layers above keep their initial weights. Before the
    end of the very first epoch KeyboardInterrupt is raised and the estimator is unchanged. A
    callback that asks to stop ends the training of the layer that it was called for.

    References
    ----------
    .. [1] P. Vincent et al. "Stacked denoising autoencoders: learning useful representations in
       a deep network with a local denoising criterion", JMLR 11, 2010.
    .. [2] M. Jahrer. Winning solution of Porto Seguro's Safe Driver Prediction, Kaggle 2017.
    .. [3] D. P. Kingma, J. Ba. "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dae import StackedDenoisingAutoencoder
    >>> X = load_digits().data / 16
    >>> sdae = StackedDenoisingAutoencoder(
    ...     (64, 32), corruption_level=[0.3, 0.2], max_iter=3, tol=None, random_state=0
    ... )
    >>> sdae.fit_transform(X).shape
    (1797, 32)
    >>> sdae.set_params(output_layers="all").transform(X).shape
    (1797, 96)

    Wide layers trained together under swap noise, with all of their codes as features [2]_:

    >>> wide = StackedDenoisingAutoencoder(
    ...     (150, 150, 150), corruption="swap", corruption_level=0.15, max_iter=0,
    ...     fine_tune=True, fine_tune_max_iter=2, tol=None, output_layers="all",
    ... )
    >>> wide.fit_transform(X).shape
    (1797, 450)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **STACK,
        "output_blocks": ["array-like", None],  # checked by `blocks_of`
        "fine_tune": ["boolean"],
        "output_layers": [StrOptions({"last", "all"}), Integral],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (256, 128),
        *,
        corruption: Any = "masking",
        corruption_level: Any = 0.3,
        activation: Any = "relu",
        decoder_activation: str = "auto",
        loss: str = "squared_error",
        output_blocks: list[Any] | None = None,
        tied_weights: bool = True,
        emphasis: tuple[float, float] | None = None,
        input_norm: str | None = None,
        reconstruction_sampling: float | None = None,
        fine_tune: bool = False,
        output_layers: str | int = "last",
        solver: str = "adam",
        learning_rate_init: Any = 0.002,
        learning_rate: str = "cosine",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        alpha: float = 0.0,
        batch_size: int = 64,
        max_iter: Any = "auto",
        fine_tune_max_iter: int | str = "auto",
        fine_tune_learning_rate_init: float = 0.002,
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
        self.hidden_layer_sizes = hidden_layer_sizes
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
        self.fine_tune = fine_tune
        self.output_layers = output_layers
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
        self.fine_tune_max_iter = fine_tune_max_iter
        self.fine_tune_learning_rate_init = fine_tune_learning_rate_init
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
        """Train each layer on the codes of the layer below, then all together with `fine_tune`.

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
            Your own corrupted copies of X, row by row, used instead of the built-in corruption
            in the first layer and in the fine-tuning. NaN is shown as 0.

        Returns
        -------
        self : StackedDenoisingAutoencoder
            The fitted estimator.
        """
        return self._fit(X, y, {"sample_weight": sample_weight, "X_corrupted": X_corrupted})

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_corrupted: Any = None
    ) -> Self:
        """Continue training by one pass over a block of data, in mini-batches.

        With `fine_tune`, all layers are trained together; without, each layer is trained by
        itself, from the first, on the codes of the layers below (layers with ``max_iter=0`` are
        not). The first call creates the layers as `fit` does; later calls continue with their
        weights, the solvers' moments and the random streams. The layers' sizes and activations,
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
        self : StackedDenoisingAutoencoder
            The estimator, after one more pass.
        """
        return self._partial_fit(X, y, {"sample_weight": sample_weight, "X_corrupted": X_corrupted})

    def _settings(self) -> list[TrainingSettings]:
        """Of each layer, and of the fine-tuning."""
        layers = layer_settings(self)
        fine_tuning = training_settings(
            self,
            stage=FINE_TUNING,
            corruption=layers[0].corruption,
            corruption_level=layers[0].corruption_level,
            learning_rate=self.fine_tune_learning_rate_init,
            max_iter=self.fine_tune_max_iter if self.fine_tune else 0,
            emphasis=self.emphasis,
        )
        settings = [*layers, fine_tuning]
        self._encoded_layer(len(layers))  # raises ValueError before the training, not after
        if not any(how.max_iter for how in settings):
            raise ValueError(
                "max_iter=0 and fine_tune=False leave nothing to train. Set fine_tune=True, or "
                "max_iter to 1 or more for some layer."
            )
        return settings

    def _settings_of_a_pass(self) -> list[TrainingSettings]:
        settings = self._settings()
        if self.fine_tune:  # nothing else
            settings[:-1] = [replace(how, max_iter=0) for how in settings[:-1]]
        return settings

    def _resume(self, settings: list[TrainingSettings], *, fit: bool) -> list[TrainingRun]:
        # of a pass without fine-tuning, a failure above the first layer must not leave what the
        # layers below have learned
        copy = fit or not self.fine_tune
        stack = own(self._fitted(), copy=copy)
        check_same_stack(self, stack, fit=fit)
        networks: list[Layer | Network] = [*as_pretrained(stack.layers), stack]
        states = run_states(self, len(networks))
        return [
            TrainingRun.resume(state, network, how.solver, copy=copy and how.max_iter != 0)
            for state, network, how in zip(states, networks, settings, strict=True)
        ]

    def _start(
        self,
        settings: list[TrainingSettings],
        data: TrainingData,
        learned: dict[str, Any],
        random_state: np.random.RandomState,
    ) -> list[TrainingRun]:
        layers, runs = new_layers(self, settings, data.X.n_features, data.X.dtype, random_state)
        stack = Network(layers)
        return [*runs, TrainingRun(stack, settings[-1].solver, new_seed(random_state))]

    def _reconstruction_loss(self, begun: Begun, *, fit: bool) -> Loss:
        if begun.continues:
            return begun.runs[-1].network.output_loss
        return loss_of(self, begun.data.X.n_features)

    def _train(self, begun: Begun, monitor: Monitor) -> list[Outcome]:
        runs, settings, data = begun.runs, begun.settings, begun.data
        outcomes, stopped = pretrain(runs[:-1], settings[:-1], data, monitor)
        how = settings[-1]
        if how.max_iter and not stopped:
            epochs = monitor.stage(how.stage, how.max_iter, len(data.rows))
            outcomes.append(runs[-1].fit(data, how, epochs, keep_start=bool(outcomes)))
            monitor.end_stage(epochs)
        return outcomes

    def _train_one_pass(self, begun: Begun) -> None:
        if self.fine_tune:
            super()._train_one_pass(begun)
        else:
            one_pass(begun.runs[:-1], begun.settings[:-1], begun.data)

    def _network_attributes(self, network: Any) -> dict[str, Any]:
        return stack_attributes(network)

    def _run_attributes(self, begun: Begun, *, fit: bool) -> dict[str, Any]:
        return {"_stages": [run.attributes() for run in begun.runs]}

    # -------------------------------------------------------------- use

    def transform(self, X: Any) -> np.ndarray:
        """Encode X, without corruption.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN in dense rows is a missing entry.

        Returns
        -------
        H : ndarray of shape (n_samples, n_outputs)
            Their codes: of the last layer, of all layers side by side, or of one layer, by the
            present value of `output_layers`.
        """
        stack = self._network()
        rows = check_inference_data(self, X, stack)
        n_threads = _core.n_threads_for(self.n_jobs, stack, len(rows))
        width = self._n_features_out
        every = self._all_layers
        return by_rows(
            all_codes if every else _core.encode,
            stack if every else self._up_to(stack),
            rows,
            width=width,
            n_threads=n_threads,
            input_norm=self._input_norm_,
        )

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_outputs)
            Codes, as `transform` returns them. Of the codes of all layers side by side, those
            of the last layer are decoded and the others ignored.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The reconstructions.
        """
        stack = self._network()
        H = check_codes(self, X, self._n_features_out)
        check_result("inverse_transform", len(H), stack.n_features, stack.dtype)
        part = self._up_to(stack)
        n_threads = _core.n_threads_for(self.n_jobs, part, len(H))
        H = Rows(H.array[:, -part.n_hidden :])
        return by_rows(_core.decode, part, H, width=stack.n_features, n_threads=n_threads)

    def _up_to(self, stack: Any) -> Network:
        """The layers up to the one of `output_layers`; all for "all"."""
        return Network(stack.layers[: self._encoded_layer(len(stack.layers)) + 1])

    def _encoded_layer(self, n_layers: int) -> int:
        """Number of the layer of `output_layers`; the last one for "all"."""
        k = self.output_layers
        if isinstance(k, str) and k in ("last", "all"):
            return n_layers - 1
        if not isinstance(k, Integral) or isinstance(k, bool) or not -n_layers <= k < n_layers:
            raise ValueError(
                f'output_layers must be "last", "all" or the number of a layer from {-n_layers} '
                f"to {n_layers - 1}, got {k!r}."
            )
        return int(k) % n_layers

    # -------------------------------------------------------------- fitted state

    def _fitted(self) -> Network:
        return stack_of(self, decodes=True)

    def _input_training(self) -> tuple[dict[str, Any], TrainingSettings]:
        settings = layer_settings(self)[0]  # the fine-tuning corrupts in the same way
        states = run_states(self, len(self._fitted().layers) + 1)
        first, last = states[0], states[-1]
        by_itself = counter(first, "_presentation") or not counter(last, "_presentation")
        return (first if by_itself else last), settings

    @property
    def _all_layers(self) -> bool:
        return isinstance(self.output_layers, str) and self.output_layers == "all"

    @property
    def _n_features_out(self) -> int:
        stack = self._network()
        if self._all_layers:
            return sum(layer.n_hidden for layer in stack.layers)
        return self._up_to(stack).n_hidden
