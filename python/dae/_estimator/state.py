"""The fitted state: plain attributes of the estimator on one side, networks on the other.

Everything that `fit` leaves behind is a name in `STATE`, so that a failed `fit` can put all
of it back. Arrays are looked at anew each time they are used: attributes can be assigned
and pickles edited. What it takes to go on training stands in a dict: the estimator's own, or
one for each network that is trained by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from dae._model.memory import check_memory, too_big
from dae._model.network import CACHE_LINE, Layer, Network, aligned_zeros, initial_network
from dae._model.solver import Solver

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
    "_moments",
    "_moments_kind",
    "_n_steps",
    "_seed",
    "_presentation",
    "_largest_sane_loss",
    "_feature_range",
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

AGAIN = "Fit the estimator again."


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Put every name of `STATE` back to what it was when the body raises."""
    before = {name: estimator.__dict__[name] for name in STATE if name in estimator.__dict__}
    try:
        yield
    except BaseException:
        for name in STATE:
            estimator.__dict__.pop(name, None)
        estimator.__dict__.update(before)
        raise


# ------------------------------------------------------------------ network


def network_of(estimator: Any) -> Layer:
    """The fitted network, over the estimator's own arrays. Raises ValueError when damaged."""
    get: Callable[[str], Any] = estimator.__dict__.get  # check() looks at what comes
    encoder, decoder = get("_encoder_weights"), get("_decoder_weights")
    network = Layer(
        encoder=encoder,
        decoder=encoder if decoder is None else decoder,
        hidden_bias=get("intercept_hidden_"),
        visible_bias=get("intercept_visible_"),
        activation=get("_activation"),
        decoder_activation=get("_decoder_activation"),
        loss=get("_loss"),
    )
    network.check()
    n_features, n_hidden = network.n_features, network.n_hidden
    for name, expected in (("_n_features_out", n_hidden), ("n_features_in_", n_features)):
        if get(name) != expected:
            raise ValueError(
                f"The fitted state is damaged: {name} should be {expected} as the weights are, "
                f"got {get(name)!r}. {AGAIN}"
            )
    return network


def network_attributes(network: Any) -> dict[str, Any]:
    """The other way round."""
    return {
        "_encoder_weights": network.encoder,
        "_decoder_weights": None if network.tied else network.decoder,
        "intercept_hidden_": network.hidden_bias,
        "intercept_visible_": network.visible_bias,
        "_activation": network.activation,
        "_decoder_activation": network.decoder_activation,
        "_loss": network.loss,
        "_n_features_out": network.n_hidden,
        "n_features_in_": network.n_features,
    }


def decoder_activation_of(estimator: Any) -> str:
    """What `decoder_activation` stands for."""
    name = estimator.decoder_activation
    if name == "auto":
        return "logistic" if estimator.loss == "log_loss" else "identity"
    if estimator.loss == "log_loss" and name != "logistic":
        raise ValueError(
            f"loss='log_loss' needs decoder_activation='logistic' or 'auto', got {name!r}."
        )
    return name


def new_network(
    estimator: Any, n_features: int, dtype: np.dtype, random_state: np.random.RandomState
) -> Layer:
    """A random network as the estimator's parameters describe it."""
    n_components = int(estimator.n_components)
    check_memory(
        "n_components",
        (n_components,),
        n_features,
        dtype,
        tied=bool(estimator.tied_weights),
        n_moments=new_solver(estimator, estimator.learning_rate_init).n_moments,
    )
    try:
        return initial_network(
            n_features,
            n_components,
            dtype=np.dtype(dtype),
            activation=estimator.activation,
            decoder_activation=decoder_activation_of(estimator),
            loss=estimator.loss,
            tied_weights=bool(estimator.tied_weights),
            random_state=random_state,
        )
    except MemoryError as error:
        raise too_big("n_components", (n_components,), n_features, dtype) from error


def check_same_network(estimator: Any, network: Layer) -> None:
    """Raise ValueError when `warm_start` is asked to go on with another network."""
    fitted = {
        "n_components": network.n_hidden,
        "tied_weights": network.tied,
        "activation": network.activation,
        "decoder_activation": network.decoder_activation,
        "loss": network.loss,
    }
    asked = {name: getattr(estimator, name) for name in fitted}
    asked["decoder_activation"] = decoder_activation_of(estimator)
    check_unchanged(fitted, asked)


def check_unchanged(fitted: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise ValueError where a parameter no longer says what was fitted."""
    for name, value in fitted.items():
        if asked[name] != value:
            raise ValueError(
                f"warm_start=True goes on with the fitted network, which has {name}={value!r}; "
                f"got {name}={asked[name]!r}. Set it back, or use warm_start=False."
            )


# ------------------------------------------------------------------ solver


def new_solver(estimator: Any, learning_rate: float) -> Solver:
    """The solver that the parameters describe, without moments."""
    return Solver(
        name=estimator.solver,
        learning_rate=float(learning_rate),
        momentum=float(estimator.momentum),
        nesterov=bool(estimator.nesterovs_momentum),
        beta_1=float(estimator.beta_1),
        beta_2=float(estimator.beta_2),
        epsilon=float(estimator.epsilon),
        alpha=float(estimator.alpha),
    )


def moments_kind(solver: Solver) -> str:
    return f"{solver.name}, {solver.n_moments} moments"


def own(network: Any, *, copy: bool) -> Any:
    """The network or stack itself, to train in place; a copy of it where that cannot be.

    An array may have lost its alignment (pickling does that) or be read-only (a memory map is).
    """
    fit_for_use = all(_ready(array) for array in network.parameters().values())
    return network if fit_for_use and not copy else network.copy()


def resume_solver(
    state: Mapping[str, Any], network: Layer | Network, solver: Solver, *, copy: bool
) -> None:
    """Give `solver` its moments back; none if they are of another solver, or if there are none.

    Their arrays are those of `state`, as in `own`.
    """
    if state.get("_moments_kind") == moments_kind(solver):
        moments = state.get("_moments")
        if not isinstance(moments, dict) or not all(
            isinstance(arrays, tuple) for arrays in moments.values()
        ):
            raise ValueError(
                "The fitted state is damaged: _moments should be a dict of tuples of arrays, "
                f"got {type(moments).__name__}. {AGAIN}"
            )
        solver.moments = dict(moments)
        solver.n_steps = counter(state, "_n_steps")
        solver.check(network)
    solver.moments = {
        name: tuple(_copied(array) if copy or not _ready(array) else array for array in arrays)
        for name, arrays in solver.moments.items()
    }


def _ready(array: np.ndarray) -> bool:
    return array.flags.writeable and array.ctypes.data % CACHE_LINE == 0


def _copied(array: np.ndarray) -> np.ndarray:
    fresh = aligned_zeros(array.shape, array.dtype)
    fresh[...] = array
    return fresh


def counter(state: Mapping[str, Any], name: str) -> int:
    """A stored non-negative integer that fits into 64 bits."""
    value = state.get(name)
    if not isinstance(value, (int, np.integer)) or not 0 <= value < 2**64:
        raise ValueError(
            f"The fitted state is damaged: {name} should be an integer of 0 or more, "
            f"below 2**64, got {value!r}. {AGAIN}"
        )
    return int(value)


def seen_range(state: Mapping[str, Any], n_features: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Minimum and maximum of each feature, where training has looked at them."""
    value = state.get("_feature_range")
    if value is None:
        return None
    if (
        not isinstance(value, tuple)
        or len(value) != 2
        or not all(
            isinstance(edge, np.ndarray) and edge.dtype.kind == "f" and edge.shape == (n_features,)
            for edge in value
        )
    ):
        raise ValueError(
            "The fitted state is damaged: _feature_range should be two float arrays of shape "
            f"({n_features},). {AGAIN}"
        )
    return value
