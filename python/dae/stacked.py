"""`StackedDenoisingAutoencoder`: several layers, trained one by one and together."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from dae import _core
from dae._data.checks import (
    by_rows,
    check_codes,
    check_inference_data,
    check_training_data,
    check_unit_range,
)
from dae._estimator.parameters import STACK
from dae._estimator.stack_state import (
    StackAttributes,
    all_codes,
    check_same_stack,
    layer_settings,
    new_seed,
    new_stages,
    one_pass,
    pretrain,
    stack_attributes,
    stack_of,
    stage_states,
)
from dae._estimator.state import all_or_nothing, own
from dae._estimator.transformer import NetworkTransformer
from dae._estimator.version_stamp import VersionStampMixin
from dae._model.network import Network
from dae._training.epochs import Outcome
from dae._training.feed import split
from dae._training.monitor import CallbackSupportMixin, Monitor
from dae._training.run import Data, Settings, Stage, refuse_early_stopping, warn_how_it_ended


class StackedDenoisingAutoencoder(
    VersionStampMixin,
    CallbackSupportMixin,
    StackAttributes,
    NetworkTransformer,
):
    """Denoising autoencoders on top of each other.

    Layer k is a `DenoisingAutoencoder` of the codes of layer k - 1: it is trained to repair
    corrupted copies of the codes of clean samples [1]_. With `fine_tune`, all layers are then
    trained together, as one network that codes a corrupted sample up to the last layer and
    decodes it down again. Layers are numbered from 0, which reads the samples.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(256, 128)
        Number of hidden units of each layer, from the input on.

    corruption : {"masking", "gaussian", "salt_and_pepper", "swap"}, callable or None, or a \
            list of one for each layer, default="masking"
        What is done to what a layer reads, in its training; see `DenoisingAutoencoder`. The
        first layer's is also that of the fine-tuning.

    corruption_level : float or list of one for each layer, default=0.3
        Its probability, or the standard deviation for "gaussian". A layer's may be an array of
        one for each of its inputs.

    activation : {"identity", "logistic", "tanh", "relu"} or a list of one for each layer, \
            default="relu"
        Activation of the hidden units.

    decoder_activation : {"auto", "identity", "logistic", "tanh", "relu"}, default="auto"
        Activation of the reconstruction of samples. "auto" is "logistic" for
        ``loss="log_loss"`` and "identity" for ``loss="squared_error"``. A layer above
        reconstructs codes with the activation that they have come from.

    loss : {"squared_error", "log_loss"}, default="squared_error"
        Loss of the reconstruction of samples, as in `DenoisingAutoencoder`. Codes are compared
        by "log_loss" where that is the loss and they are logistic, else by "squared_error".

    tied_weights : bool, default=True
        Whether the decoders use the encoders' weights, transposed.

    emphasis : (float, float) or None, default=None
        Weights of the loss of corrupted and of untouched entries ([1]_, section 4.2), in all
        layers and in the fine-tuning. (1, 0) looks at corrupted entries only; None is (1, 1).

    fine_tune : bool, default=False
        Whether all layers are trained together after each has been trained.

    output_layers : {"last", "all"} or int, default="last"
        Which codes `transform` gives: those of the last layer, of all layers side by side, or
        of the layer with this number, from 0; -1 is the last. May be changed after `fit`.

    solver : {"adam", "sgd"}, default="adam"
        "sgd" is gradient descent with `momentum`; "adam" is [3]_.

    learning_rate_init : float or list of one for each layer, default=0.001
        Step size of the first epoch.

    learning_rate : {"constant", "cosine"}, default="constant"
        What becomes of step sizes in `fit`: they stay, or fall towards 0 along half a period of
        the cosine over the epochs of each layer and of the fine-tuning.

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
        L2 penalty: ``alpha / 2`` times the sum of the squared weights that are being trained is
        added to the loss of each batch.

    batch_size : int, default=64
        Samples in a mini-batch. Clipped to the number of samples.

    max_iter : int or list of one for each layer, default=200
        Largest number of epochs of a layer's training; 0 for a layer that is not trained by
        itself.

    fine_tune_max_iter : int, default=200
        Largest number of epochs of the fine-tuning.

    fine_tune_learning_rate_init : float, default=0.001
        Step size of the fine-tuning.

    shuffle : bool, default=True
        Whether each epoch presents the samples in a new order.

    tol : float or None, default=1e-3
        Training of a layer, or of all, stops when the loss has not fallen below the best one by
        this share of it for `n_iter_no_change` epochs in a row. None trains for all epochs and
        keeps the last weights rather than the best.

    n_iter_no_change : int, default=10
        Epochs without improvement before training stops; ``numpy.inf`` never stops.

    early_stopping : bool, default=False
        Whether to set `validation_fraction` of the data aside and to judge by their loss, in
        each layer and in the fine-tuning.

    validation_fraction : float, default=0.1
        Share of the data set aside, in (0, 1).

    warm_start : bool, default=False
        Whether `fit` goes on from the last fit: each layer, and then all together, for as many
        epochs again, with the solvers' moments and fresh corruption.

    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order, corruption and validation split. Read when training
        starts from the beginning; from then on the state is part of the estimator.

    verbose : int, default=0
        Whether to print one line an epoch.

    n_jobs : int or None, default=None
        Number of threads of the core, as in `DenoisingAutoencoder`. It changes the time, not
        the result.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_inputs, n_units)
        Encoder weights of each layer. Views: what is written into them is used.

    intercepts_ : list of ndarray of shape (n_units,)
        Biases of each layer's units.

    decoder_coefs_ : list of ndarray of shape (n_units, n_inputs)
        Decoder weights of each layer. The same memory as `coefs_` if tied.

    decoder_intercepts_ : list of ndarray of shape (n_inputs,)
        Biases of what each layer decodes.

    components_ : ndarray of shape (n_units, n_features)
        Encoder weights of the first layer, a view.

    decoder_components_ : ndarray of shape (n_units, n_features)
        Decoder weights of the first layer, a view.

    loss_curves_ : list of list of float
        Mean training losses of each layer's epochs, as seen before the updates. Each holds the
        last 10 000 passes (all of one `fit`, if more).

    validation_loss_curves_ : list of list of float, or of None
        Losses of the samples set aside, at the end of each epoch.

    loss_curve_ : list of float
        Training losses of the last stage: of the fine-tuning, or of the last layer.

    validation_loss_curve_ : list of float or None
        Validation losses of the last stage.

    best_loss_ : float
        Smallest loss of the last stage.

    n_iter_ : int
        Number of passes over the data, of all layers and the fine-tuning together.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had string names for all.

    See Also
    --------
    DenoisingAutoencoder : One layer.
    StackedDenoisingClassifier : Goes on from these layers with labels.
    StackedDenoisingRegressor : Goes on from these layers with targets.

    Notes
    -----
    What `DenoisingAutoencoder` says of dtypes, memory, threads and masking holds here too. While
    layer k > 0 is trained, the codes of all rows that it reads are held in memory.

    A stack of one layer is a `DenoisingAutoencoder`, to the last bit. The first layers of a stack
    that is not fine-tuned are those of a stack that ends with them.

    The decoder of a layer that is not trained by itself (``max_iter=0``) starts at random too, and
    is trained by the fine-tuning only.

    Ctrl-C in `fit` keeps the layers that are complete, and of the one under way the last
    complete epoch, with a warning; the layers above stay as they started. Before the end of the
    very first epoch the estimator stays as it was and KeyboardInterrupt is raised. A callback
    that asks to stop ends the layer that it was told of.

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

    Wide layers of swap noise, trained jointly, all of their codes as features [2]_:

    >>> wide = StackedDenoisingAutoencoder(
    ...     (150, 150, 150), corruption="swap", corruption_level=0.15, max_iter=0,
    ...     fine_tune=True, fine_tune_max_iter=2, tol=None, output_layers="all",
    ... )
    >>> wide.fit_transform(X).shape
    (1797, 450)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **STACK,
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
        tied_weights: bool = True,
        emphasis: tuple[float, float] | None = None,
        fine_tune: bool = False,
        output_layers: str | int = "last",
        solver: str = "adam",
        learning_rate_init: Any = 0.001,
        learning_rate: str = "constant",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        alpha: float = 0.0,
        batch_size: int = 64,
        max_iter: Any = 200,
        fine_tune_max_iter: int = 200,
        fine_tune_learning_rate_init: float = 0.001,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.activation = activation
        self.decoder_activation = decoder_activation
        self.loss = loss
        self.tied_weights = tied_weights
        self.emphasis = emphasis
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

    # -------------------------------------------------------------- training

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_corrupted: Any = None
    ) -> Self:
        """Train each layer on the codes of the one below, then all together with `fine_tune`.

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
            Your own corrupted copies of X, row by row: shown to the first layer, and in
            fine-tuning, in place of the built-in corruption.

        Returns
        -------
        self : StackedDenoisingAutoencoder
            The fitted estimator.
        """
        # again, because scikit-learn's configuration may have skipped it
        self._validate_params()
        with all_or_nothing(self):
            outcomes = self._fit(X, sample_weight, X_corrupted)
        for outcome, settings in outcomes:
            warn_how_it_ended(outcome, settings)
        return self

    def _fit(self, X: Any, sample_weight: Any, X_corrupted: Any) -> list[tuple[Outcome, Settings]]:
        settings = self._settings()
        go_on = self.warm_start and self.__sklearn_is_fitted__()
        stages, data = self._begin(
            X, sample_weight, X_corrupted, settings, go_on=go_on, normalise=True, copy=True
        )
        stack: Any = stages[-1].network
        if self.early_stopping:
            data.rows, data.validation_rows = split(
                data.rows, self.validation_fraction, stages[0].seed
            )
        monitor = Monitor(
            self,
            data.X,
            {"sample_weight": data.sample_weight, "X_corrupted": data.X_corrupted},
            max_subtasks=sum(how.max_iter > 0 for how in settings),
            attributes=lambda: stack_attributes(stack.copy()),
        )
        outcomes, stopped = pretrain(stages[:-1], settings[:-1], data, monitor)
        how = settings[-1]
        if how.max_iter and not stopped:
            epochs = monitor.stage(how.name, how.max_iter, len(data.rows))
            outcome = stages[-1].fit(data, how, epochs, keep_start=bool(outcomes))
            outcomes.append((outcome, how))
            monitor.end_stage(epochs)
        self.__dict__.update(
            **stack_attributes(stages[-1].network),
            _stages=[stage.attributes() for stage in stages],
        )
        monitor.end_fit()
        return outcomes

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_corrupted: Any = None
    ) -> Self:
        """Go on training with one pass over a block of data, in mini-batches.

        With `fine_tune`, it is a pass of the whole mirrored network; without, one of each layer,
        from the first, on the codes of the layers below (none of a layer with ``max_iter=0``).
        The first call starts a network as `fit` does; later calls continue it, the solvers'
        moments and the random streams. The layers' sizes and activations, `loss` and
        `tied_weights` are those of the first call.

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
        self : StackedDenoisingAutoencoder
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
        if self.fine_tune:  # nothing else
            settings[:-1] = [replace(how, max_iter=0) for how in settings[:-1]]
        go_on = self.__sklearn_is_fitted__()
        # a failure above the first layer would leave what the layers below have learned
        stages, data = self._begin(
            X,
            sample_weight,
            X_corrupted,
            settings,
            go_on=go_on,
            normalise=False,
            copy=not self.fine_tune,
        )
        if self.fine_tune:
            stages[-1].partial_fit(data, settings[-1], undo=go_on)
        else:
            one_pass(stages[:-1], settings[:-1], data)
        self.__dict__.update(
            **stack_attributes(stages[-1].network),
            _stages=[stage.attributes() for stage in stages],
        )

    def _begin(
        self,
        X: Any,
        sample_weight: Any,
        X_corrupted: Any,
        settings: list[Settings],
        *,
        go_on: bool,
        normalise: bool,
        copy: bool,
    ) -> tuple[list[Stage], Data]:
        """New networks or those to go on with, and the data, checked.

        There is a stage for each layer, and one for the whole over the same arrays. With `copy`,
        what is trained is not the estimator's own. `normalise` is for `fit`, which scales the
        weights of samples.
        """
        if go_on:
            stack = own(self._fitted(), copy=copy)
            if normalise:
                check_same_stack(self, stack)
            elif len(settings) != len(stack.layers) + 1:
                raise ValueError(
                    f"partial_fit goes on with {len(stack.layers)} layers, got hidden_layer_sizes="
                    f"{self.hidden_layer_sizes!r}. Set it back, or start with a new estimator."
                )
            networks = [*stack.layers, stack]
            states = stage_states(self, len(networks))
            stages = [
                Stage.resume(state, network, how.solver, copy=copy and how.max_iter > 0)
                for state, network, how in zip(states, networks, settings, strict=True)
            ]
        X = check_training_data(
            self, X, reset=not go_on, dtype=stages[0].network.dtype if go_on else None
        )
        data = Data.of(X, sample_weight, X_corrupted, normalise=normalise)
        if (stages[-1].network.loss if go_on else self.loss) == "log_loss":
            check_unit_range(X)
        if not go_on:
            random_state = check_random_state(self.random_state)
            stages = new_stages(self, settings, X.shape[1], X.dtype, random_state)
            stack = Network([layer for stage in stages for layer in stage.network.layers])
            stages.append(Stage(stack, settings[-1].solver, new_seed(random_state)))
        return stages, data

    def _settings(self) -> list[Settings]:
        """Of each layer, and of the fine-tuning."""
        layers = layer_settings(self)
        fine_tuning = Settings.of(
            self,
            corruption=layers[0].corruption,
            corruption_level=layers[0].corruption_level,
            learning_rate=self.fine_tune_learning_rate_init,
            max_iter=self.fine_tune_max_iter if self.fine_tune else 0,
            rate_name="fine_tune_learning_rate_init",
            epochs_name="fine_tune_max_iter",
            name="fine-tuning",
        )
        settings = [*layers, fine_tuning]
        self._coded_layer(len(layers))  # before the training, not after
        if not any(how.max_iter for how in settings):
            raise ValueError(
                "max_iter=0 and fine_tune=False leave nothing to train. Set fine_tune=True, or "
                "max_iter to 1 or more for some layer."
            )
        return settings

    # -------------------------------------------------------------- use

    def transform(self, X: Any) -> np.ndarray:
        """Code X, without corruption.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        H : ndarray of shape (n_samples, n_outputs)
            Their codes: of the last layer, of all layers side by side, or of one layer, as
            `output_layers` says now.
        """
        stack = self._network()
        X = check_inference_data(self, X, stack)
        n_threads = _core.n_threads_for(self.n_jobs, stack, len(X))
        width = self._n_features_out
        if self.output_layers == "all":
            return by_rows(all_codes, stack, X, width=width, n_threads=n_threads)
        return by_rows(_core.encode, self._up_to(stack), X, width=width, n_threads=n_threads)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_outputs)
            Codes, as `transform` gives them. Of all layers' codes side by side the last layer's
            are decoded; the others follow from them or are thrown away.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The reconstructions.
        """
        stack = self._network()
        H = check_codes(X, self._n_features_out)
        part = self._up_to(stack)
        n_threads = _core.n_threads_for(self.n_jobs, part, len(H))
        return by_rows(
            _core.decode, part, H[:, -part.n_hidden :], width=stack.n_features, n_threads=n_threads
        )

    def _up_to(self, stack: Any) -> Network:
        """The layers that lead to the code of `output_layers`, the last one for "all"."""
        return Network(stack.layers[: self._coded_layer(len(stack.layers)) + 1])

    def _coded_layer(self, n_layers: int) -> int:
        """Number of the layer that `output_layers` asks for, the last one for "all"."""
        k = self.output_layers
        if isinstance(k, str) and k in ("last", "all"):
            return n_layers - 1
        if not isinstance(k, Integral) or isinstance(k, bool) or not -n_layers <= k < n_layers:
            raise ValueError(
                f'output_layers should be "last", "all" or the number of a layer from {-n_layers} '
                f"to {n_layers - 1}, got {k!r}."
            )
        return int(k) % n_layers

    # -------------------------------------------------------------- fitted state

    def _fitted(self) -> Network:
        return stack_of(self, decodes=True)

    def _input_training(self) -> tuple[dict[str, Any], Settings]:
        settings = layer_settings(self)[0]
        return stage_states(self, len(self._fitted().layers) + 1)[0], settings

    @property
    def _n_features_out(self) -> int:
        stack = self._network()
        if self.output_layers == "all":
            return sum(layer.n_hidden for layer in stack.layers)
        return self._up_to(stack).n_hidden
