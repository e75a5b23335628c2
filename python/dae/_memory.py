"""How much memory there is, to refuse what cannot fit before anything is changed."""

from __future__ import annotations

import os

import numpy as np

from dae._network import padded_width

# where Linux tells the limit of the control group, version 2 and version 1
_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def total_memory() -> float:
    """Bytes of memory that this process may hope for; infinity where nobody says."""
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
    n_components: int, n_features: int, dtype: np.dtype, *, tied: bool, n_moments: int
) -> None:
    """Raise MemoryError when the weights and the solver's moments cannot fit.

    Asked before the allocation, because an operating system that overcommits grants any
    request and ends the process later.
    """
    one = padded_width(n_components, dtype) * n_features * np.dtype(dtype).itemsize
    needed = one * (1 if tied else 2) * (1 + n_moments)
    available = total_memory()
    if needed > available:
        raise MemoryError(too_big(n_components, n_features, needed, available))


def too_big(n_components: int, n_features: int, needed: float, available: float) -> str:
    return (
        f"n_components={n_components} with {n_features} features needs at least "
        f"{needed / 2**30:.1f} GiB for weights and solver, this machine has "
        f"{available / 2**30:.1f} GiB. Use a smaller n_components or fewer features."
    )
