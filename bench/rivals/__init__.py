"""The rivals, one adapter a file. Each module has `name`, `available(n_threads)` and `Session`."""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "ours",
    "numpy_step",
    "sklearn_mlp",
    "torch_eager",
    "torch_by_hand",
    "torch_compile",
    "jax_jit",
)


def load(names: tuple[str, ...] = MODULES, n_threads: int = 1) -> tuple[dict, list[str]]:
    """The rivals that can run here, by name, and a line for each one that cannot."""
    found, skipped = {}, []
    for name in names:
        rival = import_module(f"bench.rivals.{name}")
        reason = rival.available(n_threads)
        if reason:
            skipped.append(f"skipped {rival.name}: {reason}")
        else:
            found[name] = rival
    return found, skipped
