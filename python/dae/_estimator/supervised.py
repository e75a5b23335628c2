"""What `StackedDenoisingClassifier` and `StackedDenoisingRegressor` share: all but the targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, _clone_parametrized
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from dae import _core
from dae._data.checks import by_rows, check_inference_data, check_unit_range, training_dtype
from dae._estimator.parameters import LAYER, STACK, layer_sizes, per_layer
from dae._estimator.stack_state import (
    LayerAttributes,
    fitted_value,
    layer_settings,
    new_seed,
    new_stages,
    pretrain,
    stack_attributes,
    stack_of,
    stage_states,
)
from dae._estimator.state import all_or_nothing, check_unchanged, own
from dae._estimator.transformer import NetworkTransformer
from dae._estimator.version_stamp import VersionStampMixin
from dae._model.network import Layer, Network, initial_network
from dae._training.epochs import Outcome
from dae._training.feed import split
from dae._training.monitor import CallbackSupportMixin, Monitor
from dae._training.run import Data, Settings, Stage, refuse_early_stopping, warn_how_it_ended


class StackedPredictor(VersionStampMixin, CallbackSupportMixin, LayerAttributes, BaseEstimator):
    """Layers pretrained one by one, then trained together with a layer of outputs."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **STACK,
        "pretrained": [object],  # `_pretrained_layers` does it
        "fine_tune_corruption": LAYER["corruption"],
        "fine_tune_corruption_level": LAYER["corruption_level"],
    }

    _output_loss: ClassVar[str]

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
        fine_tune_corruption: Any = None,
        fine_tune_corruption_level: Any = 0.3,
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
        self.pretrained = pretrained
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

    # -------------------------------------------------------------- targets

    def _learn(
        self, y: np.ndarray, data: Data, *, go_on: bool, partial: bool, classes: Any
    ) -> tuple[np.ndarray, int, dict[str, Any]]:
        """What the outputs are to be, how many there are, and the attributes that follow from y.

        With `go_on` there are no new attributes.
        """
        raise NotImplementedError

    # -------------------------------------------------------------- training

    def _fit_all(self, X: Any, y: Any, sample_weight: Any) -> Self:
        # again, because scikit-learn's configuration may have skipped it
        self._validate_params()
        with all_or_nothing(self):
            outcomes = self._fit(X, y, sample_weight)
        for outcome, settings in outcomes:
            warn_how_it_ended(outcome, settings, stacklevel=4)
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> list[tuple[Outcome, Settings]]:
        go_on = self.warm_start and self.__sklearn_is_fitted__()
        layers, fine_tuning = self._settings()
        stages, stage, data, learned = self._begin(
            X, y, sample_weight, layers, fine_tuning, go_on=go_on, normalise=True
        )
        layers = layers[: len(stages)]
        if self.early_stopping:
            target = data.target if self._output_loss == "softmax_log_loss" else None
            data.rows, data.validation_rows = split(
                data.rows, self.validation_fraction, stage.seed, target
            )
        monitor = Monitor(
            self,
            data.X,
            {"sample_weight": data.sample_weight},
            max_subtasks=sum(how.max_iter > 0 for how in [*layers, fine_tuning]),
            attributes=lambda: {**stack_attributes(stage.network.copy()), **learned},
            y=y,
        )
        outcomes: list[tuple[Outcome, Settings]] = []
        if layers:
            outcomes, _ = pretrain(stages, layers, replace(data, target=None), monitor)
            if any(outcome.interrupted for outcome, _ in outcomes):
                raise KeyboardInterrupt  # there is nothing yet that could predict
        epochs = monitor.stage(fine_tuning.name, fine_tuning.max_iter, len(data.rows))
        outcomes.append((stage.fit(data, fine_tuning, epochs), fine_tuning))
        monitor.end_stage(epochs)
        if not go_on:
            learned["pretraining_loss_curves_"] = [layer.loss_curve for layer in stages]
        self._store(stage, learned)
        monitor.end_fit()
        return outcomes

    def _partial_fit_all(self, X: Any, y: Any, sample_weight: Any, *, classes: Any = None) -> Self:
        # scikit-learn checks the parameters before the first call only
        self._validate_params()
        refuse_early_stopping(self)
        go_on = self.__sklearn_is_fitted__()
        with all_or_nothing(self):
            layers, fine_tuning = self._settings()
            _, stage, data, learned = self._begin(
                X, y, sample_weight, layers, fine_tuning,
                go_on=go_on, normalise=False, classes=classes,
            )  # fmt: skip
            stage.partial_fit(data, fine_tuning, undo=go_on)
            if not go_on:
                learned["pretraining_loss_curves_"] = []
            self._store(stage, learned)
        return self

    def _store(self, stage: Stage, learned: dict[str, Any]) -> None:
        self.__dict__.update(
            **stack_attributes(stage.network), **learned, _stages=[stage.attributes()]
        )

    def _begin(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        layers: list[Settings],
        fine_tuning: Settings,
        *,
        go_on: bool,
        normalise: bool,
        classes: Any = None,
    ) -> tuple[list[Stage], Stage, Data, dict[str, Any]]:
        """New networks or the one to go on with, and the data, checked.

        `fit`, which scales the weights of samples, goes on with a copy.

        Returns
        -------
        stages : list of Stage
            The layers, to be pretrained; none where that has been done.
        stage : Stage
            The supervised stack, over the same arrays.
        data : Data
        learned : dict
            The attributes that follow from y.
        """
        given: list[Layer] = []
        if go_on:
            stack = own(self._fitted(), copy=normalise)
            if normalise:
                self._check_same_layers(stack)
            (state,) = stage_states(self, 1)
            stage = Stage.resume(state, stack, fine_tuning.solver, copy=normalise)
            dtype = stack.dtype
        else:
            given = self._pretrained_layers()
            dtype = given[0].dtype if given else training_dtype(X)
        X, y = validate_data(
            self,
            X,
            y,
            reset=not go_on,
            dtype=dtype,
            order="C",
            multi_output=self._output_loss != "softmax_log_loss",
            y_numeric=self._output_loss != "softmax_log_loss",
        )
        X = np.require(X, requirements=["C", "A"])
        data = Data.of(X, sample_weight, normalise=normalise)
        data.target, n_outputs, learned = self._learn(
            y, data, go_on=go_on, partial=not normalise, classes=classes
        )
        if go_on:
            return [], stage, data, learned

        random_state = check_random_state(self.random_state)
        stages: list[Stage] = []
        if given:
            self._check_same_features(given[0].n_features)
            networks = [_without_decoder(layer).copy() for layer in given]
        else:
            if normalise and self.loss == "log_loss" and any(how.max_iter for how in layers):
                check_unit_range(X)
            stages = new_stages(self, layers, X.shape[1], X.dtype, random_state)
            networks = [_without_decoder(stage.network.layers[0]) for stage in stages]
        networks.append(_output_layer(networks[-1], n_outputs, self._output_loss, random_state))
        stage = Stage(Network(networks), fine_tuning.solver, new_seed(random_state))
        return stages, stage, data, learned

    def _settings(self) -> tuple[list[Settings], Settings]:
        """Of each layer's pretraining, and of the supervised training of all."""
        fine_tuning = Settings.of(
            self,
            corruption=self.fine_tune_corruption,
            corruption_level=self.fine_tune_corruption_level,
            learning_rate=self.fine_tune_learning_rate_init,
            max_iter=self.fine_tune_max_iter,
            rate_name="fine_tune_learning_rate_init",
            epochs_name="fine_tune_max_iter",
            name="fine-tuning",
        )
        # the loss of outputs has no entries that could be corrupted
        return layer_settings(self), replace(fine_tuning, emphasis=(1.0, 1.0))

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
                "pretrained should be a fitted StackedDenoisingAutoencoder or None, "
                f"got {type(given).__name__}."
            )
        if not given.__sklearn_is_fitted__():
            raise ValueError(
                f"pretrained should be fitted, got a {type(given).__name__} that is not. "
                "Fit it first, on all the data there are, with or without labels."
            )
        network = given._network()
        sizes = tuple(layer.n_hidden for layer in network.layers)
        activations = [layer.activation for layer in network.layers]
        if (sizes, activations) != (layer_sizes(self), per_layer(self, "activation")):
            raise ValueError(
                f"pretrained has hidden_layer_sizes={sizes} and activation={activations}, which "
                f"should be those asked for; got hidden_layer_sizes={self.hidden_layer_sizes!r} "
                f"and activation={self.activation!r}. Set them alike."
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
                "The feature names of X should be those that pretrained was fitted with. Pass "
                "the same columns in the same order."
            )

    def __sklearn_clone__(self) -> Self:
        """A clone forgets what was fitted, but not the weights that it is to start from."""
        twin = _clone_parametrized(self)
        twin.pretrained = self.pretrained
        return twin

    # -------------------------------------------------------------- use

    def _outputs(self, X: Any) -> np.ndarray:
        """The pre-activations of the outputs, (n_samples, n_outputs)."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)
        stack = self._fitted()
        X = check_inference_data(self, X, stack)
        n_threads = _core.n_threads_for(self.n_jobs, stack, len(X))
        return by_rows(_core.encode, stack, X, width=stack.n_hidden, n_threads=n_threads)

    # -------------------------------------------------------------- fitted state

    def _fitted(self) -> Network:
        return stack_of(self, decodes=False)

    def _check_same_layers(self, stack: Network) -> None:
        """Raise ValueError when `warm_start` is asked to go on with another network."""
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
        )

    @property
    def loss_curve_(self) -> list[float]:
        """Training loss of each epoch of the fine-tuning."""
        return self._state("loss_curve_")["loss_curve_"]

    @property
    def validation_scores_(self) -> list[float] | None:
        """Score of the samples set aside at the end of each epoch of the fine-tuning."""
        curve = self._state("validation_scores_")["validation_loss_curve_"]
        return None if curve is None else [1.0 - loss for loss in curve]

    @property
    def best_validation_score_(self) -> float | None:
        """Best score of the samples set aside in the last fit."""
        state = self._state("best_validation_score_")
        return None if state["validation_loss_curve_"] is None else 1.0 - state["best_loss_"]

    @property
    def best_loss_(self) -> float | None:
        """Smallest training loss of the last fit; None where the score judged."""
        state = self._state("best_loss_")
        return state["best_loss_"] if state["validation_loss_curve_"] is None else None

    @property
    def n_iter_(self) -> int:
        """Epochs of the fine-tuning."""
        return self._state("n_iter_")["n_iter_"]

    def _state(self, name: str) -> dict[str, Any]:
        return fitted_value(self, "_stages", name)[0]


def _without_decoder(layer: Layer) -> Layer:
    """The encoder alone, over the same arrays."""
    return replace(layer, decoder=None, visible_bias=None)


def _output_layer(
    below: Layer, n_outputs: int, loss: str, random_state: np.random.RandomState
) -> Layer:
    """Outputs at random, as hidden units are: from zeros, which pass no error down at first, the
    digits of scikit-learn were learned 0.7 points worse (means of 12 splits, 100 epochs).
    """
    layer = initial_network(
        below.n_hidden,
        n_outputs,
        dtype=below.dtype,
        activation="identity",
        decoder_activation="identity",
        loss="squared_error",
        tied_weights=True,
        random_state=random_state,
    )
    return replace(_without_decoder(layer), loss=loss)
