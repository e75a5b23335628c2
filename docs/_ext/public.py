"""What the package offers: the names that the reference must have. Needs no Sphinx."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any

import dae


def public_modules() -> list[ModuleType]:
    """`dae`, and its sub-modules without an underscore that say what they offer (``__all__``).

    A sub-module of an optional package that is not installed is left out: it cannot be imported.
    """
    found = [dae]
    for info in pkgutil.iter_modules(dae.__path__):
        if info.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"dae.{info.name}")
        except ImportError:
            continue
        if hasattr(module, "__all__"):
            found.append(module)
    return found


def members(module: ModuleType) -> list[str]:
    """Classes and functions of ``__all__``, those that `dae` itself offers left out elsewhere."""
    names = [name for name in module.__all__ if not name.startswith("__")]
    if module is not dae:
        names = [name for name in names if getattr(dae, name, None) is not getattr(module, name)]
    return [name for name in names if is_documented_kind(getattr(module, name))]


def is_documented_kind(thing: Any) -> bool:
    return inspect.isclass(thing) or inspect.isroutine(thing)


def public_names() -> dict[str, list[str]]:
    """Module -> its classes and functions."""
    found = {module.__name__: members(module) for module in public_modules()}
    return {module: names for module, names in found.items() if names}
