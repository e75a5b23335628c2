"""The page of all parameters, made from the docstrings of the estimators. Needs no Sphinx.

One entry for each name, and for each wording of it: what estimators share is described in the same
words, so most names have one entry.
"""

from __future__ import annotations

import importlib
import inspect
import re

from _ext.public import public_names

HEAD = """\
.. This page is made by docs/_ext/parameters.py.

Parameters of the estimators, by name
=====================================

What each parameter means, with its type and its default, for each estimator that has it. What they
share is described once.

"""


def described(cls: type) -> dict[str, tuple[str, list[str]]]:
    """Parameter -> its type, and the lines of its description."""
    text = inspect.getdoc(cls) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^[A-Z][\w ]*\n-+\n|\Z)", text, re.M | re.S)
    found = {}
    for name, kind, body in re.findall(
        r"^(\w+) : (.*)\n((?:(?: .*)?\n)*)", section[1] + "\n" if section else "", re.M
    ):
        found[name] = kind.strip(), inspect.cleandoc("\n" + body).splitlines()
    return found


def entries() -> dict[str, list[tuple[str, list[str], list[str]]]]:
    """Name -> type, description and classes of each wording."""
    found: dict[str, dict] = {}
    for module, names in public_names().items():
        for name in names:
            thing = getattr(importlib.import_module(module), name)
            if not (inspect.isclass(thing) and hasattr(thing, "get_params")):
                continue
            parameters = inspect.signature(thing).parameters
            for parameter, (kind, lines) in described(thing).items():
                if parameter in parameters:
                    wordings = found.setdefault(parameter, {})
                    wordings.setdefault((kind, tuple(lines)), []).append(f"{module}.{name}")
    return {
        name: [(kind, list(lines), classes) for (kind, lines), classes in found[name].items()]
        for name in sorted(found)
    }


def page() -> str:
    parts = [HEAD]
    for name, wordings in entries().items():
        parts.append(f".. _parameter-{name.replace('_', '-')}:\n\n{name}\n{'-' * len(name)}\n")
        for kind, lines, classes in wordings:
            links = ", ".join(f":class:`~{cls}`" for cls in classes)
            body = "\n".join(f"   {line}".rstrip() for line in without_citations(lines))
            parts.append(f"{links}: {typed(kind)}\n\n{body}\n")
    return "\n".join(parts)


def typed(kind: str) -> str:
    """The type as text: names in it are not links, and no mark of reStructuredText is one."""
    return (
        "*" + " ".join(kind.split()).replace("*", "").replace("`", "").replace("_,", "\\_,") + "*"
    )


def without_citations(lines: list[str]) -> list[str]:
    """A citation leads to the references of the class's own page."""
    return [re.sub(r" ?\[\d+\]_", "", line) for line in lines]
