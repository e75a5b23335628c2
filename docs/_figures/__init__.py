"""Drawings of the guide and of "How the core works", made by these scripts as SVG.

``python docs/_figures`` writes them as files; the site inlines them, so that they take the colours
of its light and of its dark theme.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from _figures.canvas import Canvas


@cache
def figures() -> dict[str, Callable[[], Canvas]]:
    """Name -> the function that draws it."""
    from _figures import core, images, learning, measured, networks

    found: dict[str, Callable[[], Canvas]] = {}
    for module in (networks, learning, images, core, measured):
        for name in module.__all__:
            found[name.replace("_", "-")] = getattr(module, name)
    return found
