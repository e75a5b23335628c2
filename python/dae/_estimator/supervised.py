"""Shared by `StackedDenoisingClassifier` and `StackedDenoisingRegressor`: all but the targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _clone_parametrized
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from dae import _core
from dae._data.checks import check_inference_data, check_training_data_and_target
from dae._data.row_blocks import by_rows
from dae._data.rows import Rows
from dae._data.streams import new_seed, split
from dae._estimator.parameters import LAYER, STACK, layer_sizes, per_layer
from dae._estimator.stack_state import (
    LayerAttributes,
    layer_settings,
    new_layers,
    run_states,
    stack_attributes,
    stack_of,
)
from dae._estimator.state import check_unchanged, input_norm_of, not_fitted
from dae._estimator.training import Begun, TrainedEstimator, training_settings
from dae._estimator.transformer import NetworkTransformer
from dae._model.losses import SQUARED_ERROR, Loss, get_loss
from dae._model.network import Layer, Network, initial_network
from dae._training.epochs import Outcome
from dae._training.monitor import Monitor
from dae._training.pretraining import pretrain
from dae._training.resume import counter, curve, number, optional_curve, own
from dae._training.run import TrainingRun
from dae._training.settings import AUTO, FINE_TUNING, TrainingData, TrainingSettings

# `alpha="auto"` is this divided by the number of samples, as if the weights had a normal prior.
_PENALTY = 3.0


class StackedPredictor(TrainedEstimator, LayerAttributes):
    """Layers pretrained one by one, then trained together with a layer of outputs."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **STACK,
        "alpha": [StrOptions({AUTO}), *STACK["alpha"]],
        "pretrained": [object],  # checked by `_pretrained_layers`
        "fine_tune_corruption": LAYER["corruption"],
        "fine_tune_corruption_level": LAYER["corruption_level"],
    }

    _output_loss: ClassVar[Loss]

    def __init__(
        self,
        hidden_layer_sizes: Any = (256, 128),
        *,
        pretrained: Any = None,
        corruption: Any = "masking",
        corruption_level: Any = 0.3,
        activation: Any = "relu",
        decoder_activation: str = "auto",
        loss: str = "squared_error",
        tied_weights: bool = True,
        emphasis: tuple[float, float] | None = None,
        input_norm: str | None = None,
        reconstruction_sampling: float | None = None,
        solver: str = "adam",
        learning_rate_init: Any = 0.002,
        learning_rate: str = "cosine",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        alpha: float | str = "auto",
        batch_size: int = 64,
        max_iter: Any = "auto",
        fine_tune_max_iter: int | str = "auto",
        fine_tune_learning_rate_init: float = 0.002,
        fine_tune_corruption: Any = None,
        fine_tune_corruption_level: Any = 0.1,
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
        self.pretrained = pretrained
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.activation = activation
        self.decoder_activation = decoder_activation
        self.loss = loss
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
        self.fine_tune_max_iter = fine_tune_max_iter
        self.fine_tune_learning_rate_init = fine_tune_learning_rate_init
        self.fine_tune_corruption = fine_tune_corruption
        self.fine_tune_corruption_level = fine_tune_corruption_level
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

    def _settings(self) -> list[TrainingSettings]:
        """Of each layer's pretraining, and of the supervised training of all."""
        fine_tuning = training_settings(
            self,
            stage=FINE_TUNING,
            corruption=self.fine_tune_corruption,
            corruption_level=self.fine_tune_corruption_level,
            corruption_parameter="fine_tune_corruption",
            learning_rate=self.fine_tune_learning_rate_init,
            max_iter=self.fine_tune_max_iter,
            emphasis=None,  # the loss of outputs has no entries that could be corrupted
        )
        return [*layer_settings(self), fine_tuning]

    def _resume(self, settings: list[TrainingSettings], *, fit: bool) -> list[TrainingRun]:
        stack = own(self._fitted(), copy=fit)
        self._check_same_layers(stack, fit=fit)
        (state,) = run_states(self, 1)
        return [TrainingRun.resume(state, stack, settings[-1].solver, copy=fit)]

    def _start(
        self,
        settings: list[TrainingSettings],
        data: TrainingData,
        learned: dict[str, Any],
        random_state: np.random.RandomState,
    ) -> list[TrainingRun]:
        """Runs of the layers, unless they are pretrained, and of the whole over their arrays."""
        runs: list[TrainingRun] = []
        given = self._pretrained_layers()
        if given:
            self._check_same_features(given[0].n_features)
            layers = [_without_decoder(layer).copy() for layer in given]
        else:
            new, runs = new_layers(self, settings, data.X.n_features, data.X.dtype, random_state)
            layers = [_without_decoder(layer) for layer in new]
        n_outputs = learned["n_outputs_"]
        loss = self._loss_of(data.target)
        layers.append(_output_layer(layers[-1], n_outputs, loss, random_state))
        stack, solver = Network(layers), settings[-1].solver
        return [*runs, TrainingRun(stack, solver, new_seed(random_state))]

    def _reconstruction_loss(self, begun: Begun, *, fit: bool) -> Loss | None:
        pretrains = fit and not begun.continues and self.pretrained is None
        if pretrains and any(how.max_iter for how in begun.settings[:-1]):
            return get_loss(self.loss)
        return None

    def _train(self, begun: Begun, monitor: Monitor) -> list[Outcome]:
        runs, settings, data = begun.runs, begun.settings, begun.data
        if self.alpha == AUTO:
            for run in runs:
                run.solver.alpha = _PENALTY / len(data.rows)
        outcomes, _ = pretrain(runs[:-1], settings[:-1], replace(data, target=None), monitor)
        if any(outcome.interrupted for outcome in outcomes):
            raise KeyboardInterrupt  # there is nothing yet that could predict
        how = settings[-1]
        epochs = monitor.stage(how.stage, how.max_iter, len(data.rows))
        outcomes.append(runs[-1].fit(data, how, epochs))
        monitor.end_stage(epochs)
        return outcomes

    def _split(self, begun: Begun) -> None:
        data = begun.data
        classes = data.target if self._loss_of(data.target).of_classes else None
        data.rows, data.validation_rows = split(
            data.rows, self.validation_fraction, begun.runs[-1].seed, classes
        )

    def _dtype_of_start(self) -> Any:
        given = self._pretrained_layers()
        return given[0].dtype if given else None

    def _check_data(self, X: Any, y: Any, *, reset: bool, dtype: Any) -> tuple[Rows, np.ndarray]:
        return check_training_data_and_target(
            self, X, y, reset=reset, dtype=dtype, multi_output=True, numeric=True
        )

    def _loss_of(self, target: Any) -> Loss:
        """The loss that compares the outputs with this target."""
        return self._output_loss

    def _network_attributes(self, network: Any) -> dict[str, Any]:
        return stack_attributes(network)

    def _run_attributes(self, begun: Begun, *, fit: bool) -> dict[str, Any]:
        stored: dict[str, Any] = {"_stages": [begun.runs[-1].attributes()]}
        if not begun.continues:
            layers = begun.runs[:-1] if fit else []
            stored["pretraining_loss_curves_"] = [run.loss_curve for run in layers]
        return stored

    # -------------------------------------------------------------- pretrained layers

    def _pretrained_layers(self) -> list[Layer]:
        """The layers of `pretrained`; none where it is None."""
        given = self.pretrained
        if given is None:
            return []
        if isinstance(given, FrozenEstimator):
            given = given.estimator
        if not isinstance(given, NetworkTransformer):
            raise ValueError(
                "pretrained must be a fitted StackedDenoisingAutoencoder or None, "
                f"got {type(given).__name__}."
            )
        if not given.__sklearn_is_fitted__():
            raise ValueError(
                f"pretrained must be fitted, got a {type(given).__name__} that is not. "
                "Fit it first, on all available data, with or without labels. A search clones the "
                "values of its grid, which takes the fit away: there pass "
                "sklearn.frozen.FrozenEstimator(autoencoder)."
            )
        network = given._network()
        sizes = tuple(layer.n_hidden for layer in network.layers)
        activations = [layer.activation for layer in network.layers]
        if (sizes, activations) != (layer_sizes(self), per_layer(self, "activation")):
            raise ValueError(
                f"hidden_layer_sizes and activation must be those of pretrained, {sizes} and "
                f"{activations}; got hidden_layer_sizes={self.hidden_layer_sizes!r} and "
                f"activation={self.activation!r}. Set both to the values of pretrained."
            )
        if given._input_norm_ != self.input_norm:
            raise ValueError(
                f"input_norm must be that of pretrained, {given._input_norm_!r}, got "
                f"input_norm={self.input_norm!r}. Set it to the value of pretrained."
            )
        return network.layers

    def _check_same_features(self, n_features: int) -> None:
        names = self.__dict__.get("feature_names_in_")
        given = getattr(self.pretrained, "feature_names_in_", None)
        if self.n_features_in_ != n_features:
            raise ValueError(
                f"X has {self.n_features_in_} features, but pretrained was fitted on "
                f"{n_features}. Pass the same columns."
            )
        if names is not None and given is not None and list(names) != list(given):
            raise ValueError(
                "The feature names of X must be those that pretrained was fitted with. Pass the "
                "same columns in the same order."
            )

    def __sklearn_clone__(self) -> Self:
        """A clone keeps the fitted `pretrained`, from whose weights it starts."""
        twin = _clone_parametrized(self)
        twin.pretrained = self.pretrained
        return twin

    # -------------------------------------------------------------- use

    def _outputs(self, X: Any) -> np.ndarray:
        """The pre-activations of the outputs, (n_samples, n_outputs)."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)
        stack = self._fitted()
        rows = check_inference_data(self, X, stack)
        n_threads = _core.n_threads_for(self.n_jobs, stack, len(rows))
        return by_rows(
            _core.encode,
            stack,
            rows,
            width=stack.n_hidden,
            n_threads=n_threads,
            input_norm=input_norm_of(self),
        )

    # -------------------------------------------------------------- fitted state

    def _fitted(self) -> Network:
        return stack_of(self, decodes=False)

    def _check_same_layers(self, stack: Network, *, fit: bool) -> None:
        """Raise ValueError if training would have to continue with other layers."""
        hidden = stack.layers[:-1]
        check_unchanged(
            {
                "hidden_layer_sizes": tuple(layer.n_hidden for layer in hidden),
                "activation": [layer.activation for layer in hidden],
            },
            {
                "hidden_layer_sizes": layer_sizes(self),
                "activation": per_layer(self, "activation"),
            },
            fit=fit,
        )

    @property
    def loss_curve_(self) -> list[float]:
        """Training loss of each epoch of the fine-tuning."""
        return curve(self._state("loss_curve_"), "loss_curve_")

    @property
    def validation_scores_(self) -> list[float] | None:
        """Score of the samples set aside at the end of each epoch of the fine-tuning."""
        errors = optional_curve(self._state("validation_scores_"), "validation_loss_curve_")
        return None if errors is None else [1.0 - error for error in errors]

    @property
    def best_validation_score_(self) -> float | None:
        """Best score of the samples set aside in the last fit."""
        state = self._state("best_validation_score_")
        judged = optional_curve(state, "validation_loss_curve_", ends=True) is not None
        return 1.0 - number(state, "best_loss_") if judged else None

    @property
    def best_loss_(self) -> float | None:
        """Smallest training loss of the last fit; None where the score judged."""
        state = self._state("best_loss_")
        judged = optional_curve(state, "validation_loss_curve_", ends=True) is not None
        return None if judged else number(state, "best_loss_")

    @property
    def n_iter_(self) -> int:
        """Epochs of the fine-tuning."""
        return counter(self._state("n_iter_"), "n_iter_")

    def _state(self, name: str) -> dict[str, Any]:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(self, name)
        return run_states(self, 1)[0]


def _without_decoder(layer: Layer) -> Layer:
    """The encoder alone, over the same arrays."""
    coupled = layer.output_loss.couples_features  # which outputs of a supervised network cannot be
    layer = replace(layer, decoder=None, visible_bias=None)
    if coupled:
        activation = SQUARED_ERROR.decoder_activations[0]
        layer = replace(layer, blocks=None, loss=SQUARED_ERROR.name, decoder_activation=activation)
    return layer


def _output_layer(
    below: Layer, n_outputs: int, loss: Loss, random_state: np.random.RandomState
) -> Layer:
    """Outputs with random weights, like hidden units.

    From zeros, which pass no error down at first, the digits of scikit-learn were learned 0.7
    points worse (means of 12 splits, 100 epochs).
    """
    layer = initial_network(
        below.n_hidden,
        n_outputs,
        dtype=below.dtype,
        activation="identity",
        decoder_activation="identity",
        loss=SQUARED_ERROR.name,
        tied_weights=True,
        random_state=random_state,
    )
    return replace(_without_decoder(layer), loss=loss.name)
