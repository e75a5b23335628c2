"""What continuing a training takes, read back from a stored state and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from dae import _core
from dae._model.damage import checked_count, checked_curve, checked_number, damaged, is_array
from dae._model.layout import aligned_copy, is_trainable
from dae._model.network import Layer, Network
from dae._model.solver import Solver

AnyNetwork = TypeVar("AnyNetwork", Layer, Network)


def moments_kind(solver: Solver) -> str:
    """Identifies the moments: those of another solver cannot be continued."""
    return f"{solver.name}, {solver.n_moments} moments"


def own(network: AnyNetwork, *, copy: bool) -> AnyNetwork:
    """The network itself, to train in place, or a copy if asked for or if it is not trainable."""
    if copy:
        _core.check_finite(network, again=True)  # else training would seem to diverge
    trainable = all(is_trainable(array) for array in network.parameters().values())
    return network if trainable and not copy else network.copy()


def resume_solver(
    state: Mapping[str, Any], network: Layer | Network, solver: Solver, *, copy: bool
) -> None:
    """Restore the moments of `solver`; none if they are of another solver, or if there are none.

    Their arrays are those of `state`, as in `own`.
    """
    kind = state.get("_moments_kind")
    if kind is not None and not isinstance(kind, str):
        raise damaged(f"_moments_kind must be a string or None, got {kind!r}")
    if kind == moments_kind(solver):
        moments = state.get("_moments")
        if (
            not isinstance(moments, dict)
            or moments.keys() != network.parameters().keys()
            or not all(isinstance(arrays, tuple) for arrays in moments.values())
        ):
            raise damaged(
                "_moments must be a dict of one tuple of arrays for each parameter, got "
                f"{type(moments).__name__}"
            )
        solver.moments = dict(moments)
        solver.n_steps = counter(state, "_n_steps")
        solver.check(network)
    solver.moments = {
        name: tuple(
            aligned_copy(array) if copy or not is_trainable(array) else array for array in arrays
        )
        for name, arrays in solver.moments.items()
    }


# what the core takes: the number of the next presentation is one more
_LIMITS = {"_seed": 2**64, "_presentation": 2**46}


def counter(state: Mapping[str, Any], name: str) -> int:
    """A stored non-negative integer that the core can count on from."""
    return checked_count(name, state.get(name), _LIMITS.get(name, 2**62))


def number(state: Mapping[str, Any], name: str) -> float:
    """A stored real number."""
    return checked_number(name, state.get(name))


def curve(state: Mapping[str, Any], name: str, *, ends: bool = False) -> list[float]:
    """A stored list of losses; `ends` as in `checked_curve`."""
    return checked_curve(name, state.get(name), ends=ends)


def optional_curve(
    state: Mapping[str, Any], name: str, *, ends: bool = False
) -> list[float] | None:
    """The same, or a stored None."""
    if name not in state:
        raise damaged(f"{name} is missing")
    return None if state[name] is None else curve(state, name, ends=ends)


def seen_range(state: Mapping[str, Any], n_features: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Minimum and maximum of each feature in the training data, where training needed them."""
    value = state.get("_feature_range")
    if value is None:
        return None
    if (
        not isinstance(value, tuple)
        or len(value) != 2
        or not all(
            is_array(edge) and edge.dtype.kind == "f" and edge.shape == (n_features,)
            for edge in value
        )
        or not _are_edges(*value)
    ):
        raise damaged(
            f"_feature_range must be two float arrays of shape ({n_features},), minima and maxima"
        )
    return value


def _are_edges(low: np.ndarray, high: np.ndarray) -> bool:
    """Whether they are minima and maxima; both NaN where a feature has always been missing."""
    unknown = np.isnan(low) & np.isnan(high)
    return bool((unknown | ((low <= high) & np.isfinite(low) & np.isfinite(high))).all())
