"""The pages of the reference, made from what the package offers. Needs no Sphinx.

A new public class or function, and a new public sub-package, appears by itself.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from _ext import parameters
from _ext.pages import write_if_changed
from _ext.public import public_names

TITLES = {
    "dae": "Estimators",
    "dae.tabular": "Tables",
    "dae.image": "Images",
    "dae.inspection": "Plots of what was learned",
    "dae.onnx": "Out of Python",
    "dae.dask": "Past one machine",
    "dae.datasets": "Data sets",
}
HEAD = """\
.. This page is made by docs/_ext/reference.py.

Reference
=========

Every public class and function. A class page describes each parameter, each fitted attribute and
each method, with shapes and units; the :doc:`guide </guide/index>` says what they are for. What all
estimators share is described in the same words everywhere. Looking for one parameter?
:doc:`parameters` has them all, by name.

.. toctree::
   :hidden:

   parameters

"""


def heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n"


def index(names: dict[str, list[str]]) -> str:
    """The page as reStructuredText."""
    order = [module for module in TITLES if module in names]
    order += [module for module in names if module not in TITLES]
    parts = [HEAD]
    for module in order:
        pages = "\n".join(f"   {module}.{name}" for name in names[module])
        caption = TITLES.get(module, "More")
        parts.append(f".. toctree::\n   :hidden:\n   :caption: {caption}\n\n{pages}\n")
    for module in order:
        doc = inspect.getdoc(importlib.import_module(module)) or ""
        title = f"{TITLES.get(module, 'More')} (``{module}``)"
        first = " ".join(doc.split("\n\n")[0].split())
        lines = [heading(title, "-"), f".. currentmodule:: {module}\n", first, ""]
        lines += [".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in names[module]]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


# ------------------------------------------------------------------ a page each


def page(module: str, name: str) -> str:
    """The page of a class or function: its docstring, its methods, the examples that use it."""
    full = f"{module}.{name}"
    thing = getattr(importlib.import_module(module), name)
    lines = [".. This page is made by docs/_ext/reference.py.\n", heading(name, "=")]
    lines.append(f".. currentmodule:: {module}\n")
    if inspect.isclass(thing):
        lines.append(f".. autoclass:: {name}\n")
        own, others = methods(thing, "dae"), methods(thing, "sklearn")
        if own:
            lines.append("   .. rubric:: Methods\n")
            lines += [f"   .. automethod:: {method}\n" for method in own]
        if others:
            lines.append(f"From scikit-learn: {', '.join(f'``{other}``' for other in others)}.\n")
    else:
        lines.append(f".. autofunction:: {name}\n")
    lines.append(f".. minigallery:: {full}\n   :add-heading: Examples that use it")
    return "\n".join(lines) + "\n"


def methods(cls: type, package: str) -> list[str]:
    """Public methods of a class whose code is in a package."""
    return [
        name
        for name, value in inspect.getmembers(cls)
        if not name.startswith("_")
        and inspect.isroutine(value)
        and str(getattr(value, "__module__", "")).split(".")[0] == package
    ]


def write(folder: Path) -> None:
    names = public_names()
    made = {f"{module}.{name}": page(module, name) for module in names for name in names[module]}
    made["index"] = index(names)
    made["parameters"] = parameters.page()
    for old in folder.glob("*.rst"):
        if old.stem not in made:
            old.unlink()
    for name, text in made.items():
        write_if_changed(folder / f"{name}.rst", text)
