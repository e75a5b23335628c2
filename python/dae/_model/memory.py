"""How much memory this process may use, to refuse what cannot fit before anything changes."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from dae._model.layout import padded_width

# files with the limit of the control group on Linux, version 2 and version 1
_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def total_memory() -> float:
    """Memory available to this process in bytes; infinity if unknown."""
    limits = [float("inf")]
    try:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        pass
    for path in _GROUP_LIMITS:
        try:
            with open(path) as file:
                limits.append(int(file.read()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return min(limits)


def check_memory(
    name: str,
    sizes: Sequence[int],
    n_features: int,
    dtype: np.dtype,
    *,
    tied: bool,
    n_moments: int,
) -> None:
    """Raise MemoryError when the weights and the solver's moments cannot fit.

    Called before the allocation, because an operating system that overcommits grants any
    request and kills the process later.

    Parameters
    ----------
    name : str
        The parameter that sets the number of units.
    sizes : sequence of int
        Units of each layer, from the first.
    """
    copies = (1 if tied else 2) * (1 + n_moments)
    if copies * _weights(sizes, n_features, dtype) > total_memory():
        raise too_big(name, sizes, n_features, dtype, copies)


def too_big(
    name: str, sizes: Sequence[int], n_features: int, dtype: np.dtype, copies: int = 1
) -> MemoryError:
    value = sizes[0] if len(sizes) == 1 else tuple(sizes)
    return MemoryError(
        f"{name}={value} with {n_features} features needs at least "
        f"{copies * _weights(sizes, n_features, dtype) / 2**30:.1f} GiB for weights and solver, "
        f"this machine has {total_memory() / 2**30:.1f} GiB. Use a smaller {name} or fewer "
        "features."
    )


def _weights(sizes: Sequence[int], n_features: int, dtype: np.dtype) -> int:
    """Bytes of the weights of all layers."""
    item = np.dtype(dtype).itemsize
    inputs = (n_features, *sizes[:-1])
    return sum(n * padded_width(m, dtype) * item for n, m in zip(inputs, sizes, strict=True))
