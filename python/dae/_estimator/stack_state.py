"""A stack of layers: what its parameters describe, its fitted state, its public attributes.

The functions take any estimator with the parameters of `StackedDenoisingAutoencoder`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dae import _core
from dae._data.streams import new_seed
from dae._estimator.parameters import layer_sizes, per_layer
from dae._estimator.state import (
    check_features,
    check_same_outputs,
    check_unchanged,
    decoder_weights,
    encoder_weights,
    matmul_precision_of,
    not_fitted,
    outputs_of,
)
from dae._estimator.training import training_settings
from dae._model.blocks import BlockLosses, as_stored, stored_blocks
from dae._model.csr import CSR
from dae._model.damage import damaged
from dae._model.losses import get_loss
from dae._model.memory import check_memory, too_big
from dae._model.network import PARAMETERS, Layer, Network, initial_network
from dae._training.resume import counter, curve, number, optional_curve
from dae._training.run import TrainingRun
from dae._training.settings import TrainingSettings

# ------------------------------------------------------------------ what the parameters describe


def layer_settings(estimator: Any) -> list[TrainingSettings]:
    """How each layer is pretrained."""
    names = ("corruption", "corruption_level", "learning_rate_init", "max_iter")
    values = {name: per_layer(estimator, name) for name in names}
    return [
        training_settings(
            estimator,
            stage=k,
            corruption=values["corruption"][k],
            corruption_level=values["corruption_level"][k],
            learning_rate=values["learning_rate_init"][k],
            max_iter=values["max_iter"][k],
            emphasis=estimator.emphasis,
            reads_samples=k == 0,
            samples_outputs=k == 0,
        )
        for k in range(len(layer_sizes(estimator)))
    ]


def _architecture(estimator: Any) -> list[dict[str, Any]]:
    """Units, activations and loss of each layer.

    The decoder of a layer has the activation of the layer below, whose codes it reconstructs:
    decoding is as non-linear as encoding. Pretraining differs, see `as_pretrained`.
    """
    sizes, activations = layer_sizes(estimator), per_layer(estimator, "activation")
    outputs = outputs_of(estimator)
    blocks = outputs["blocks"]
    loss = get_loss(outputs["loss"]) if blocks is None else BlockLosses(blocks)
    layers: list[dict[str, Any]] = []
    for k, (size, activation) in enumerate(zip(sizes, activations, strict=True)):
        if k:
            below = activations[k - 1]
            outputs = {"decoder_activation": below, "loss": loss.of_codes(below).name}
        layers.append({"n_hidden": size, "activation": activation, **outputs})
    return layers


def new_layers(
    estimator: Any,
    settings: list[TrainingSettings],
    n_features: int,
    dtype: np.dtype,
    random_state: np.random.RandomState,
) -> tuple[list[Layer], list[TrainingRun]]:
    """Random layers, and a run of each for its pretraining."""
    sizes = layer_sizes(estimator)
    check_memory(
        "hidden_layer_sizes",
        sizes,
        n_features,
        dtype,
        tied=bool(estimator.tied_weights),
        n_moments=settings[0].solver.n_moments,
    )
    layers: list[Layer] = []
    seeds = []
    try:
        for layer in _architecture(estimator):
            seeds.append(new_seed(random_state))
            layers.append(
                initial_network(
                    n_features,
                    **layer,
                    dtype=np.dtype(dtype),
                    tied_weights=bool(estimator.tied_weights),
                    random_state=random_state,
                )
            )
            n_features = layers[-1].n_hidden
    except MemoryError as error:
        raise too_big("hidden_layer_sizes", sizes, n_features, dtype) from error
    return layers, [
        TrainingRun(layer, how.solver, seed)
        for layer, how, seed in zip(as_pretrained(layers), settings, seeds, strict=False)
    ]


def as_pretrained(layers: list[Layer]) -> list[Layer]:
    """The layers as each is trained by itself, over the same arrays: rectified codes are decoded
    linearly.

    A rectified output that is off gets no gradient, and few of a layer's codes are far from 0: many
    outputs switch off for good, and what the layer learns of the others is worth less (linear SVM
    on the second layer's codes of rotated digits: 31 % wrong, 15 % with linear outputs).
    """
    return [
        replace(layer, decoder_activation="identity")
        if k and layer.decoder_activation == "relu"
        else layer
        for k, layer in enumerate(layers)
    ]


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
            "blocks": as_stored(layer.blocks),
        }
        for layer in stack.layers
    ]
    return {"_layers": layers, "n_features_in_": stack.n_features}


def stack_of(estimator: Any, *, decodes: bool) -> Network:
    """The stored stack, over the estimator's own arrays. Raises ValueError if it is damaged."""
    stored = estimator.__dict__.get("_layers")
    if not isinstance(stored, list) or not all(isinstance(layer, dict) for layer in stored):
        raise damaged(f"_layers must be a list of one dict per layer, got {type(stored).__name__}")
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
                blocks=stored_blocks("blocks", get("blocks")),
            )
        )
    stack = Network(layers)
    stack.check()
    _core.check_finite(stack)
    stack.multiply(matmul_precision_of(estimator, stack.dtype))
    if stack.decodes != decodes:
        raise damaged(f"_layers must have {'' if decodes else 'no '}decoders")
    check_features(estimator, stack.n_features)
    return stack


def run_states(estimator: Any, n_runs: int) -> list[dict[str, Any]]:
    """What continuing each run takes."""
    states = estimator.__dict__.get("_stages")
    if (
        not isinstance(states, list)
        or len(states) != n_runs
        or not all(isinstance(state, dict) for state in states)
    ):
        raise damaged(f"_stages must be a list of {n_runs} dicts")
    return states


def check_same_stack(estimator: Any, stack: Network, *, fit: bool) -> None:
    """Raise ValueError if training would have to continue with another network."""
    layers = _architecture(estimator)
    check_unchanged(
        {
            "hidden_layer_sizes": tuple(layer.n_hidden for layer in stack.layers),
            "activation": [layer.activation for layer in stack.layers],
            "tied_weights": stack.layers[0].tied,
        },
        {
            "hidden_layer_sizes": layer_sizes(estimator),
            "activation": [layer["activation"] for layer in layers],
            "tied_weights": estimator.tied_weights,
        },
        fit=fit,
    )
    check_same_outputs(estimator, stack.layers[0], fit=fit)


# ------------------------------------------------------------------ public attributes


class LayerAttributes:
    """The weights of a fitted stack by their public names."""

    def _fitted(self) -> Network:
        """The fitted network, checked; over the estimator's own arrays."""
        raise NotImplementedError

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Encoder weights of each layer, (n_inputs, n_units); views."""
        return [encoder_weights(layer) for layer in self._layers_of("coefs_")]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases of each layer's units."""
        return [layer.hidden_bias for layer in self._layers_of("intercepts_")]

    @property
    def components_(self) -> np.ndarray:
        """Encoder weights of the first layer, (n_units, n_features); a view."""
        return encoder_weights(self._layers_of("components_")[0]).T

    def _layers_of(self, name: str) -> list[Layer]:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(self, name)
        return self._fitted().layers

    def __sklearn_is_fitted__(self) -> bool:
        return self.__dict__.get("_layers") is not None


class StackAttributes(LayerAttributes):
    """The same for a stack with decoders, and the course of its training."""

    @property
    def decoder_coefs_(self) -> list[np.ndarray]:
        """Decoder weights of each layer, (n_units, n_inputs); views."""
        return [decoder_weights(layer).T for layer in self._layers_of("decoder_coefs_")]

    @property
    def decoder_intercepts_(self) -> list[np.ndarray | None]:
        """Biases of what each layer decodes."""
        return [layer.visible_bias for layer in self._layers_of("decoder_intercepts_")]

    @property
    def decoder_components_(self) -> np.ndarray:
        """Decoder weights of the first layer, (n_units, n_features); a view."""
        return decoder_weights(self._layers_of("decoder_components_")[0]).T

    @property
    def loss_curves_(self) -> list[list[float]]:
        """Training losses of each layer's pretraining."""
        return [curve(state, "loss_curve_") for state in self._stages_of("loss_curves_")[:-1]]

    @property
    def validation_loss_curves_(self) -> list[list[float] | None]:
        """Validation losses of each layer's pretraining."""
        stages = self._stages_of("validation_loss_curves_")
        return [optional_curve(state, "validation_loss_curve_") for state in stages[:-1]]

    @property
    def loss_curve_(self) -> list[float]:
        """Training losses of the last stage."""
        return curve(self._last_stage("loss_curve_"), "loss_curve_")

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """Validation losses of the last stage."""
        return optional_curve(self._last_stage("validation_loss_curve_"), "validation_loss_curve_")

    @property
    def best_loss_(self) -> float:
        """Smallest loss of the last stage."""
        return number(self._last_stage("best_loss_"), "best_loss_")

    @property
    def n_iter_(self) -> int:
        """Passes over the data, of all stages."""
        return sum(counter(state, "n_iter_") for state in self._stages_of("n_iter_"))

    def _stages_of(self, name: str) -> list[dict[str, Any]]:
        return run_states(self, len(self._layers_of(name)) + 1)

    def _last_stage(self, name: str) -> dict[str, Any]:
        """Of the fine-tuning, or else of the highest layer that was trained."""
        stages = self._stages_of(name)
        return next((state for state in reversed(stages) if counter(state, "n_iter_")), stages[0])


def all_codes(stack: Layer | Network, X: np.ndarray | CSR, **how: Any) -> np.ndarray:
    """The codes of all layers, side by side; `how` is passed to `_core.encode`."""
    codes = np.empty((len(X), sum(layer.n_hidden for layer in stack.layers)), X.dtype)
    first = 0
    for layer in stack.layers:
        X = layers_own = _core.encode(layer, X, **how)
        codes[:, first : first + layer.n_hidden] = layers_own
        first += layer.n_hidden
    return codes
