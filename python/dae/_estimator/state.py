"""The fitted state: plain attributes of the estimator on one side, networks on the other.

Everything that `fit` leaves behind is a name in `STATE`, so that a failed `fit` can restore all
of it. Arrays are checked each time they are used: attributes can be assigned and pickles edited.
What continuing a training takes is stored in a dict: the estimator's own, or one for each
network that is trained by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dae import _core
from dae._data.scaling import INPUT_NORMS
from dae._model.blocks import (
    IN_BLOCKS,
    BlockLosses,
    as_stored,
    blocks_of,
    check_covers,
    stored_blocks,
)
from dae._model.damage import damaged, is_array
from dae._model.losses import SQUARED_ERROR, Loss, get_loss
from dae._model.memory import check_memory, too_big
from dae._model.network import Layer, initial_network
from dae._model.precision import HIGHEST, PRECISIONS

STATE = (
    "n_features_in_",
    "feature_names_in_",
    "_n_features_out",
    "_encoder_weights",
    "_decoder_weights",
    "intercept_hidden_",
    "intercept_visible_",
    "_activation",
    "_decoder_activation",
    "_loss",
    "_output_blocks",
    "_moments",
    "_moments_kind",
    "_n_steps",
    "_seed",
    "_presentation",
    "_largest_sane_loss",
    "_feature_range",
    "_input_norm",
    "_layers",
    "_stages",
    "pretraining_loss_curves_",
    "_target_mean",
    "_target_scale",
    "classes_",
    "n_outputs_",
    "loss_curve_",
    "validation_loss_curve_",
    "best_loss_",
    "n_iter_",
)


@contextmanager
def all_or_nothing(estimator: Any, completed: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Restore every name of `STATE` if the body raises.

    What scikit-learn's callbacks keep on the estimator stays: they are ended after it.

    Parameters
    ----------
    completed : callable
        Is called where the body raised; True if it left the new state instead, whole.
    """
    before = {name: estimator.__dict__[name] for name in STATE if name in estimator.__dict__}
    try:
        yield
    except BaseException:
        if not completed():
            for name in STATE:
                if name not in before:
                    estimator.__dict__.pop(name, None)
            estimator.__dict__.update(before)
        raise


@contextmanager
def unchanged_if_it_fails(
    estimator: Any, completed: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Restore all attributes if the body raises: of estimators without callbacks.

    `completed` as in `all_or_nothing`.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        if not completed():
            estimator.__dict__ = before
        raise


# ------------------------------------------------------------------ network


def matmul_precision_of(estimator: Any, dtype: np.dtype) -> str:
    """The parameter `matmul_precision`. Raises ValueError if it does not suit the dtype."""
    precision = estimator.__dict__.get("matmul_precision", HIGHEST)
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ValueError(f"matmul_precision must be one of {set(PRECISIONS)}, got {precision!r}.")
    if precision != HIGHEST and dtype != np.float32:
        raise ValueError(
            f"matmul_precision={precision!r} needs float32, got {dtype}. Fit "
            f"X.astype(numpy.float32), or use matmul_precision={HIGHEST!r}."
        )
    return precision


def network_of(estimator: Any) -> Layer:
    """The fitted network, over the estimator's own arrays. Raises ValueError when damaged."""
    get: Callable[[str], Any] = estimator.__dict__.get  # checked below
    encoder, decoder = get("_encoder_weights"), get("_decoder_weights")
    network = Layer(
        encoder=encoder,
        decoder=encoder if decoder is None else decoder,
        hidden_bias=get("intercept_hidden_"),
        visible_bias=get("intercept_visible_"),
        activation=get("_activation"),
        decoder_activation=get("_decoder_activation"),
        loss=get("_loss"),
        blocks=stored_blocks("_output_blocks", get("_output_blocks")),
    )
    network.check()
    _core.check_finite(network)
    network.matmul_precision = matmul_precision_of(estimator, network.dtype)
    check_fits_weights("_n_features_out", get("_n_features_out"), network.n_hidden)
    check_features(estimator, network.n_features)
    return network


def check_fits_weights(name: str, value: Any, expected: int) -> None:
    """Raise ValueError unless a stored size is that of the weights."""
    if not isinstance(value, (int, np.integer)) or value != expected:
        raise damaged(f"{name} must be {expected} to fit the weights, got {value!r}")


def check_features(estimator: Any, n_features: int) -> None:
    """Raise ValueError unless number and names of the features are those of the weights."""
    get: Callable[[str], Any] = estimator.__dict__.get
    check_fits_weights("n_features_in_", get("n_features_in_"), n_features)
    if "feature_names_in_" in estimator.__dict__:
        names = get("feature_names_in_")
        if (
            not is_array(names)
            or names.shape != (n_features,)
            or not all(isinstance(name, str) for name in names)
        ):
            raise damaged(f"feature_names_in_ must be an array of {n_features} strings")


def encoder_weights(layer: Layer) -> np.ndarray:
    """Weights of a checked layer without their padding, (n_features, n_hidden); a view."""
    return layer.encoder[:, : layer.n_hidden]


def decoder_weights(layer: Layer) -> np.ndarray:
    """The same of its decoder; those of the encoder, if the layer is tied."""
    assert layer.decoder is not None
    return layer.decoder[:, : layer.n_hidden]


def not_fitted(estimator: Any, public: str) -> AttributeError:
    """The error of a public attribute that `fit` leaves, so that `hasattr` is False."""
    return AttributeError(
        f"{type(estimator).__name__} has no {public} before it is fitted. Call fit first."
    )


def network_attributes(network: Any) -> dict[str, Any]:
    """The network as the estimator stores it."""
    return {
        "_encoder_weights": network.encoder,
        "_decoder_weights": None if network.tied else network.decoder,
        "intercept_hidden_": network.hidden_bias,
        "intercept_visible_": network.visible_bias,
        "_activation": network.activation,
        "_decoder_activation": network.decoder_activation,
        "_loss": network.loss,
        "_output_blocks": as_stored(network.blocks),
        "_n_features_out": network.n_hidden,
        "n_features_in_": network.n_features,
    }


def input_norm_of(estimator: Any) -> str | None:
    """How a fitted estimator scales rows before they are encoded; None in states without it."""
    norm = estimator.__dict__.get("_input_norm")
    if norm is not None and not (isinstance(norm, str) and norm in INPUT_NORMS):
        raise damaged(f"_input_norm must be None or one of {INPUT_NORMS}, got {norm!r}")
    return norm


def outputs_of(estimator: Any) -> dict[str, Any]:
    """Activation, loss and blocks of the reconstruction that the parameters describe.

    Raises ValueError if they do not go together.
    """
    blocks = blocks_of(getattr(estimator, "output_blocks", None))
    loss, activation = estimator.loss, estimator.decoder_activation
    if blocks is None:
        activation = get_loss(loss).decoder_activation(activation)
        return {"decoder_activation": activation, "loss": loss, "blocks": None}
    if (loss, activation) != (SQUARED_ERROR.name, "auto"):
        raise ValueError(
            "output_blocks have their own losses and activations: leave loss and "
            f"decoder_activation at their defaults, got loss={loss!r} and "
            f"decoder_activation={activation!r}."
        )
    return {"decoder_activation": IN_BLOCKS, "loss": IN_BLOCKS, "blocks": blocks}


def loss_of(estimator: Any, n_features: int) -> Loss:
    """The loss that the parameters describe, for X of so many features."""
    outputs = outputs_of(estimator)
    if outputs["blocks"] is None:
        return get_loss(outputs["loss"])
    check_covers(outputs["blocks"], n_features)
    return BlockLosses(outputs["blocks"])


def new_network(
    estimator: Any,
    n_features: int,
    dtype: np.dtype,
    random_state: np.random.RandomState,
    *,
    n_moments: int,
) -> Layer:
    """A random network as the estimator's parameters describe it."""
    n_components = int(estimator.n_components)
    check_memory(
        "n_components",
        (n_components,),
        n_features,
        dtype,
        tied=bool(estimator.tied_weights),
        n_moments=n_moments,
    )
    try:
        return initial_network(
            n_features,
            n_components,
            dtype=np.dtype(dtype),
            activation=estimator.activation,
            **outputs_of(estimator),
            tied_weights=bool(estimator.tied_weights),
            random_state=random_state,
        )
    except MemoryError as error:
        raise too_big("n_components", (n_components,), n_features, dtype) from error


def check_same_network(estimator: Any, network: Layer, *, fit: bool) -> None:
    """Raise ValueError if training would have to continue with another network."""
    fitted = {
        "n_components": network.n_hidden,
        "tied_weights": network.tied,
        "activation": network.activation,
    }
    asked = {name: getattr(estimator, name) for name in fitted}
    check_unchanged(fitted, asked, fit=fit)
    check_same_outputs(estimator, network, fit=fit)


def check_same_outputs(estimator: Any, layer: Layer, *, fit: bool) -> None:
    """Raise ValueError if a layer that reconstructs X would have to do so by another loss."""
    outputs = outputs_of(estimator)
    blocks = outputs.pop("blocks")
    check_unchanged(
        {"output_blocks": as_stored(layer.blocks)}, {"output_blocks": as_stored(blocks)}, fit=fit
    )
    check_unchanged(
        {"loss": layer.loss, "decoder_activation": layer.decoder_activation}, outputs, fit=fit
    )


def check_unchanged(fitted: dict[str, Any], asked: dict[str, Any], *, fit: bool) -> None:
    """Raise ValueError if a parameter is no longer what was fitted.

    Parameters
    ----------
    fit : bool
        Whether it is `fit` with `warm_start` that continues, rather than `partial_fit`.
    """
    what = "warm_start=True" if fit else "partial_fit"
    remedy = "use warm_start=False" if fit else "train a new estimator (sklearn.base.clone)"
    for name, value in fitted.items():
        if asked[name] != value:
            raise ValueError(
                f"{what} continues training the fitted network, which has {name}={value!r}; got "
                f"{name}={asked[name]!r}. Restore the parameter with "
                f"set_params({name}={value!r}), or {remedy}."
            )
