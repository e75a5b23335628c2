"""The site's Sphinx extension: drawings, names in docstrings, plots of the gallery."""

from __future__ import annotations

import importlib
import inspect
import re

from _figures import figures
from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (a name in docstrings)
from sphinx.util import logging

logger = logging.getLogger(__name__)


class Drawing(Directive):
    """``.. drawing:: name``: a figure of `_figures`, inlined so that it follows the theme."""

    required_arguments = 1
    has_content = True
    option_spec = {"alt": directives.unchanged_required, "width": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if "alt" not in self.options:
            raise self.error("a drawing must have an alternative text, :alt:")
        if name not in figures():
            raise self.error(f"there is no drawing {name!r}; there are {', '.join(figures())}")
        figure = nodes.figure(classes=["drawing"])
        picture = figures()[name]().svg(" ".join(self.options["alt"].split()))
        width = self.options.get("width", "")
        style = f' style="max-width:{width}"' if width else ""
        figure += nodes.raw("", f'<div class="drawn"{style}>{picture}</div>', format="html")
        if self.content:
            caption = nodes.caption()
            text = nodes.Element()
            self.state.nested_parse(self.content, self.content_offset, text)
            caption += text[0].children if len(text) else []
            figure += caption
        return [figure]


def resolve_other_names(app, env, node, contnode):
    """Names in single backticks of docstrings.

    Those of this package have become links already. Of scikit-learn the address of the page
    follows from the name; what it is must exist. Anything else, as a parameter, is set as code.
    """
    target = node.get("reftarget", "")
    if target.split(".")[0] == "sklearn":
        kind = kind_of(target)
        if kind is None:
            return None  # Sphinx warns
        url = f"https://scikit-learn.org/stable/modules/generated/{target}.html"
        return nodes.reference("", "", contnode, internal=False, refuri=url)
    if node.get("reftype") == "obj":
        if target.split(".")[0] == "dae" and "." in target and kind_of(target) is None:
            return None
        return contnode
    return None


def escape_names(app, what, name, obj, options, lines: list[str]) -> None:
    """A fitted attribute within a type, ``(n_features_in_,)``, is not a link to a target."""
    lines[:] = [
        re.sub(r"(?<![\w`])(\w+_)(?=[,)])", r"`\1`", line) if " : " in line else line
        for line in lines
    ]


def kind_of(name: str) -> object | None:
    """What a dotted name is, or None."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            found = inspect.getattr_static(found, part, None) or getattr(found, part, None)
            if found is None:
                return None
        return found
    return None


def reset_plots(gallery_conf, fname) -> None:
    """One look for all plots of the gallery."""
    import matplotlib as mpl

    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "axes.labelsize": 9,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.fontsize": 8,
            "legend.frameon": False,
            "axes.prop_cycle": mpl.cycler(
                color=["#2a6fbb", "#d9622b", "#3a9a5b", "#8a5ab0", "#a8862d", "#6b7280"]
            ),
        }
    )


def setup(app) -> dict:
    app.add_directive("drawing", Drawing)
    app.connect("autodoc-process-docstring", escape_names, priority=100)  # before numpydoc
    app.connect("missing-reference", resolve_other_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
