"""How much memory this process may use, to refuse what cannot fit before anything changes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from dae._model.layout import padded_width
from dae._model.numbers import as_float

_ASK_FROM = 2**26  # bytes: what is free takes half a millisecond to read


def available_memory(root: str = "/") -> float:
    """Bytes that this process can still be given without swapping; infinity if unknown.

    The least of what the machine has, what it has free (caches that it can drop count as free)
    and what the control groups of the process leave of their limits.
    """
    amounts = [float("inf"), *_machine(root), *_groups(root)]
    return max(0.0, min(amounts))


def _machine(root: str) -> Iterator[float]:
    try:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        pass
    free = _fields(os.path.join(root, "proc/meminfo")).get("MemAvailable:")
    if free is not None:
        yield free * 1024


def _groups(root: str) -> Iterator[float]:
    """What each limited control group on Linux leaves, of version 2 and of version 1."""
    for base, limit, usage, cache in (
        ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        (
            "sys/fs/cgroup/memory",
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
    ):
        for group in _own_groups(root, "memory" if base.endswith("memory") else ""):
            folder = os.path.join(root, base, group)
            allowed = _number(os.path.join(folder, limit))
            if allowed is not None:  # there is such a file, and it does not say "max"
                used = _number(os.path.join(folder, usage)) or 0
                reclaimable = _fields(os.path.join(folder, "memory.stat")).get(cache, 0)
                yield allowed - max(0, used - reclaimable)


def _own_groups(root: str, controller: str) -> list[str]:
    """The group of this process and those that it is in, the outermost first; "" is the root."""
    groups = [""]
    for line in _lines(os.path.join(root, "proc/self/cgroup")):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            for name in path.strip().strip("/").split("/"):
                groups.append(os.path.join(groups[-1], name))
    return groups


def _lines(path: str) -> list[str]:
    try:
        with open(path) as file:
            return file.readlines()
    except (OSError, ValueError):
        return []


def _number(path: str) -> int | None:
    try:
        return int("".join(_lines(path)))
    except ValueError:
        return None


def _fields(path: str) -> dict[str, int]:
    """Lines of a name and a number."""
    parts = [line.split() for line in _lines(path)]
    return {part[0]: int(part[1]) for part in parts if len(part) > 1 and part[1].isdigit()}


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
    needed = copies * _weights(sizes, n_features, dtype)
    if needed > _ASK_FROM and needed > available_memory():
        raise too_big(name, sizes, n_features, dtype, copies)


def check_result(method: str, n_rows: int, n_columns: int, dtype: np.dtype) -> None:
    """Raise MemoryError when a dense result of that shape cannot fit."""
    size = n_rows * n_columns * np.dtype(dtype).itemsize
    if size > _ASK_FROM and size > (there := available_memory()):
        raise MemoryError(
            f"{method} of {n_rows} rows makes a dense {dtype} array of shape ({n_rows}, "
            f"{n_columns}), {size / 2**30:.1f} GiB; {there / 2**30:.1f} GiB are free. "
            "Call it for some rows at a time, or use top_features, transform or score_samples."
        )


def too_big(
    name: str, sizes: Sequence[int], n_features: int, dtype: np.dtype, copies: int = 1
) -> MemoryError:
    value = sizes[0] if len(sizes) == 1 else tuple(sizes)
    size = as_float(copies * _weights(sizes, n_features, dtype))
    return MemoryError(
        f"{name}={value} with {n_features} features needs at least "
        f"{size / 2**30:.1f} GiB for weights and solver, "
        f"{available_memory() / 2**30:.1f} GiB are free. Use a smaller {name} or fewer "
        "features."
    )


def _weights(sizes: Sequence[int], n_features: int, dtype: np.dtype) -> int:
    """Bytes of the weights of all layers."""
    item = np.dtype(dtype).itemsize
    inputs = (n_features, *sizes[:-1])
    return sum(n * padded_width(m, dtype) * item for n, m in zip(inputs, sizes, strict=True))
