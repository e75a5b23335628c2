"""A stack of layers: what its parameters describe, its fitted state, its training by layers.

The functions take any estimator with the parameters of `StackedDenoisingAutoencoder`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dae import _core
from dae._estimator.parameters import layer_sizes, per_layer
from dae._estimator.state import AGAIN, check_unchanged, decoder_activation_of
from dae._model.memory import check_memory, too_big
from dae._model.network import PARAMETERS, Layer, Network, initial_network
from dae._training.epochs import Outcome
from dae._training.monitor import Monitor
from dae._training.run import Data, Settings, Stage

# ------------------------------------------------------------------ what the parameters describe


def layer_settings(estimator: Any) -> list[Settings]:
    """How each layer is pretrained."""
    values = {
        name: per_layer(estimator, name)
        for name in ("corruption", "corruption_level", "learning_rate_init", "max_iter")
    }

    def parameter(name: str, k: int) -> str:
        return name if np.ndim(getattr(estimator, name)) == 0 else f"{name}[{k}]"

    return [
        Settings.of(
            estimator,
            corruption=values["corruption"][k],
            corruption_level=values["corruption_level"][k],
            learning_rate=values["learning_rate_init"][k],
            max_iter=values["max_iter"][k],
            rate_name=parameter("learning_rate_init", k),
            epochs_name=parameter("max_iter", k),
            name=f"layer {k}",
        )
        for k in range(len(layer_sizes(estimator)))
    ]


def _architecture(estimator: Any) -> list[dict[str, Any]]:
    """Each layer's units, activations and loss.

    A layer's decoder has the activation of the layer below, whose codes it gives back: decoding
    is as non-linear as coding.
    """
    sizes, activations = layer_sizes(estimator), per_layer(estimator, "activation")
    layers = []
    for k, (size, activation) in enumerate(zip(sizes, activations, strict=True)):
        below = activations[k - 1] if k else decoder_activation_of(estimator)
        unit_codes = below == "logistic" and estimator.loss == "log_loss"
        layers.append(
            {
                "n_hidden": size,
                "activation": activation,
                "decoder_activation": below,
                "loss": "log_loss" if unit_codes else "squared_error",
            }
        )
    return layers


def new_stages(
    estimator: Any,
    settings: list[Settings],
    n_features: int,
    dtype: np.dtype,
    random_state: np.random.RandomState,
) -> list[Stage]:
    """A random network for each layer, about to be trained."""
    sizes = layer_sizes(estimator)
    check_memory(
        "hidden_layer_sizes",
        sizes,
        n_features,
        dtype,
        tied=bool(estimator.tied_weights),
        n_moments=settings[0].solver.n_moments,
    )
    stages = []
    try:
        for layer, how in zip(_architecture(estimator), settings, strict=False):
            seed = new_seed(random_state)
            network = initial_network(
                n_features,
                **layer,
                dtype=np.dtype(dtype),
                tied_weights=bool(estimator.tied_weights),
                random_state=random_state,
            )
            stages.append(Stage(network, how.solver, seed))
            n_features = network.n_hidden
    except MemoryError as error:
        raise too_big("hidden_layer_sizes", sizes, n_features, dtype) from error
    return stages


def new_seed(random_state: np.random.RandomState) -> int:
    """The key of a stage's streams, all but that of the initial weights."""
    return int(random_state.randint(0, 2**64, dtype=np.uint64))


# ------------------------------------------------------------------ fitted state


def stack_attributes(stack: Any) -> dict[str, Any]:
    """The stack as an estimator stores it."""
    layers = [
        {
            **{name: getattr(layer, name) for name in PARAMETERS},
            "decoder": None if layer.tied else layer.decoder,
            "activation": layer.activation,
            "decoder_activation": layer.decoder_activation,
            "loss": layer.loss,
        }
        for layer in stack.layers
    ]
    return {"_layers": layers, "n_features_in_": stack.n_features}


def stack_of(estimator: Any, *, decodes: bool) -> Network:
    """The other way round, over the estimator's own arrays. Raises ValueError when damaged."""
    stored = estimator.__dict__.get("_layers")
    if not isinstance(stored, list) or not all(isinstance(layer, dict) for layer in stored):
        raise ValueError(
            "The fitted state is damaged: _layers should be a list of one dict a layer, "
            f"got {type(stored).__name__}. {AGAIN}"
        )
    layers = []
    for layer in stored:
        get = layer.get
        encoder, decoder = get("encoder"), get("decoder")
        layers.append(
            Layer(
                encoder=encoder,
                decoder=encoder if decodes and decoder is None else decoder,
                hidden_bias=get("hidden_bias"),
                visible_bias=get("visible_bias"),
                activation=get("activation"),
                decoder_activation=get("decoder_activation"),
                loss=get("loss"),
            )
        )
    stack = Network(layers)
    stack.check()
    if stack.decodes != decodes:
        raise ValueError(
            "The fitted state is damaged: _layers should have "
            f"{'' if decodes else 'no '}decoders. {AGAIN}"
        )
    if estimator.__dict__.get("n_features_in_") != stack.n_features:
        raise ValueError(
            f"The fitted state is damaged: n_features_in_ should be {stack.n_features} as the "
            f"weights are, got {estimator.__dict__.get('n_features_in_')!r}. {AGAIN}"
        )
    return stack


def stage_states(estimator: Any, n_stages: int) -> list[dict[str, Any]]:
    """What going on with each stage takes."""
    states = estimator.__dict__.get("_stages")
    if (
        not isinstance(states, list)
        or len(states) != n_stages
        or not all(isinstance(state, dict) for state in states)
    ):
        raise ValueError(
            f"The fitted state is damaged: _stages should be a list of {n_stages} dicts. {AGAIN}"
        )
    return states


def check_same_stack(estimator: Any, stack: Network) -> None:
    """Raise ValueError when `warm_start` is asked to go on with another network."""
    layers = _architecture(estimator)
    check_unchanged(
        {
            "hidden_layer_sizes": tuple(layer.n_hidden for layer in stack.layers),
            "activation": [layer.activation for layer in stack.layers],
            "decoder_activation": stack.layers[0].decoder_activation,
            "loss": stack.loss,
            "tied_weights": stack.layers[0].tied,
        },
        {
            "hidden_layer_sizes": layer_sizes(estimator),
            "activation": [layer["activation"] for layer in layers],
            "decoder_activation": layers[0]["decoder_activation"],
            "loss": estimator.loss,
            "tied_weights": estimator.tied_weights,
        },
    )


# ------------------------------------------------------------------ training


def pretrain(
    stages: list[Stage], settings: list[Settings], data: Data, monitor: Monitor
) -> tuple[list[tuple[Outcome, Settings]], bool]:
    """Train each layer, from the first, on the codes of the layers below.

    Returns
    -------
    outcomes : list of (Outcome, Settings), for the layers that were trained
    stopped : bool
        Whether an interruption or a callback asks to go no further.
    """
    outcomes: list[tuple[Outcome, Settings]] = []
    for k, (stage, how) in enumerate(zip(stages, settings, strict=True)):
        if how.max_iter:
            epochs = monitor.stage(how.name, how.max_iter, len(data.rows))
            # what the layers below have learned is kept
            outcome = stage.fit(data, how, epochs, keep_start=bool(outcomes))
            outcomes.append((outcome, how))
            if outcome.interrupted or monitor.end_stage(epochs):
                return outcomes, True
        if any(above.max_iter for above in settings[k + 1 :]):
            data = coded(stage, how, data)
    return outcomes, False


def one_pass(stages: list[Stage], settings: list[Settings], data: Data) -> None:
    """One presentation to each layer, from the first, of the codes of the layers below."""
    for k, (stage, how) in enumerate(zip(stages, settings, strict=True)):
        if how.max_iter:
            stage.partial_fit(data, how)
        if any(above.max_iter for above in settings[k + 1 :]):
            data = coded(stage, how, data)


def coded(stage: Stage, settings: Settings, data: Data) -> Data:
    """What the layer above is trained on: the codes of the clean data."""
    codes = _core.encode(stage.network, data.X, n_threads=settings.n_threads)
    return replace(data, X=codes, X_corrupted=None)


# ------------------------------------------------------------------ what users look at


class LayerAttributes:
    """The weights of a fitted stack by their public names."""

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Encoder weights of each layer, (n_inputs, n_units); views."""
        return [weights(layer, "encoder") for layer in self._layers_of("coefs_")]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases of each layer's units."""
        return [layer["hidden_bias"] for layer in self._layers_of("intercepts_")]

    @property
    def components_(self) -> np.ndarray:
        """Encoder weights of the first layer, (n_units, n_features); a view."""
        return weights(self._layers_of("components_")[0], "encoder").T

    def _layers_of(self, name: str) -> list[dict[str, Any]]:
        return fitted_value(self, "_layers", name)

    def __sklearn_is_fitted__(self) -> bool:
        return self.__dict__.get("_layers") is not None


class StackAttributes(LayerAttributes):
    """The same for a stack that decodes, and how its training went."""

    @property
    def decoder_coefs_(self) -> list[np.ndarray]:
        """Decoder weights of each layer, (n_units, n_inputs); views."""
        return [weights(layer, "decoder").T for layer in self._layers_of("decoder_coefs_")]

    @property
    def decoder_intercepts_(self) -> list[np.ndarray]:
        """Biases of what each layer decodes."""
        return [layer["visible_bias"] for layer in self._layers_of("decoder_intercepts_")]

    @property
    def decoder_components_(self) -> np.ndarray:
        """Decoder weights of the first layer, (n_units, n_features); a view."""
        return weights(self._layers_of("decoder_components_")[0], "decoder").T

    @property
    def loss_curves_(self) -> list[list[float]]:
        """Training losses of each layer's pretraining."""
        return [state["loss_curve_"] for state in self._stages_of("loss_curves_")[:-1]]

    @property
    def validation_loss_curves_(self) -> list[list[float] | None]:
        """Validation losses of each layer's pretraining."""
        stages = self._stages_of("validation_loss_curves_")
        return [state["validation_loss_curve_"] for state in stages[:-1]]

    @property
    def loss_curve_(self) -> list[float]:
        """Training losses of the last stage."""
        return self._last_stage("loss_curve_")["loss_curve_"]

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """Validation losses of the last stage."""
        return self._last_stage("validation_loss_curve_")["validation_loss_curve_"]

    @property
    def best_loss_(self) -> float:
        """Smallest loss of the last stage."""
        return self._last_stage("best_loss_")["best_loss_"]

    @property
    def n_iter_(self) -> int:
        """Passes over the data, of all stages."""
        return sum(state["n_iter_"] for state in self._stages_of("n_iter_"))

    def _stages_of(self, name: str) -> list[dict[str, Any]]:
        return fitted_value(self, "_stages", name)

    def _last_stage(self, name: str) -> dict[str, Any]:
        """Of the fine-tuning, or else of the highest layer that was trained."""
        stages = self._stages_of(name)
        return next((state for state in reversed(stages) if state["n_iter_"]), stages[0])


def weights(layer: dict[str, Any], name: str) -> np.ndarray:
    """Weights without their padding, (n_inputs, n_units); a view."""
    padded = layer["encoder"] if layer[name] is None else layer[name]
    return padded[:, : len(layer["hidden_bias"])]


def fitted_value(estimator: Any, stored: str, public: str) -> Any:
    """A stored attribute that stands behind a public one."""
    value = estimator.__dict__.get(stored)
    if value is None:
        raise AttributeError(
            f"{type(estimator).__name__} has no {public} before it is fitted. Call fit first."
        )
    return value


def all_codes(stack: Layer | Network, X: np.ndarray, **how: Any) -> np.ndarray:
    """The codes of all layers, side by side; `how` is for `_core.encode`."""
    codes = np.empty((len(X), sum(layer.n_hidden for layer in stack.layers)), X.dtype)
    first = 0
    for layer in stack.layers:
        X = _core.encode(layer, X, **how)
        codes[:, first : first + layer.n_hidden] = X
        first += layer.n_hidden
    return codes
