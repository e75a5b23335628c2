"""What continuing a training takes, read back from a stored state and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from dae._model.damage import damaged
from dae._model.layout import aligned_copy, is_trainable
from dae._model.network import Layer, Network
from dae._model.solver import Solver

AnyNetwork = TypeVar("AnyNetwork", Layer, Network)


def moments_kind(solver: Solver) -> str:
    """Identifies the moments: those of another solver cannot be continued."""
    return f"{solver.name}, {solver.n_moments} moments"


def own(network: AnyNetwork, *, copy: bool) -> AnyNetwork:
    """The network itself, to train in place, or a copy if asked for or if it is not trainable."""
    trainable = all(is_trainable(array) for array in network.parameters().values())
    return network if trainable and not copy else network.copy()


def resume_solver(
    state: Mapping[str, Any], network: Layer | Network, solver: Solver, *, copy: bool
) -> None:
    """Restore the moments of `solver`; none if they are of another solver, or if there are none.

    Their arrays are those of `state`, as in `own`.
    """
    if state.get("_moments_kind") == moments_kind(solver):
        moments = state.get("_moments")
        if not isinstance(moments, dict) or not all(
            isinstance(arrays, tuple) for arrays in moments.values()
        ):
            raise damaged(
                f"_moments must be a dict of tuples of arrays, got {type(moments).__name__}"
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


def counter(state: Mapping[str, Any], name: str) -> int:
    """A stored non-negative integer that fits into 64 bits."""
    value = state.get(name)
    if not isinstance(value, (int, np.integer)) or not 0 <= value < 2**64:
        raise damaged(f"{name} must be an integer of 0 or more, below 2**64, got {value!r}")
    return int(value)


def seen_range(state: Mapping[str, Any], n_features: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Minimum and maximum of each feature in the training data, where training needed them."""
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
        raise damaged(f"_feature_range must be two float arrays of shape ({n_features},)")
    return value
