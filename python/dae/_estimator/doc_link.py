"""Links from an estimator's HTML representation to its page of the documentation."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

# Where the site is, if not where the package's metadata say: the site itself has relative links.
ADDRESS: str | None = None


@cache
def _published() -> str:
    """The address under "Documentation" in the metadata of the distribution; "" without one."""
    try:
        urls = metadata("daecore").get_all("Project-URL") or []
    except PackageNotFoundError:  # a development tree that is not installed
        return ""
    named = dict(url.split(", ", 1) for url in urls)
    return str(named.get("Documentation", "")).rstrip("/")


class DocLinkMixin:
    """Adds the links; there are none where the address of the site is not known."""

    _doc_link_module = "dae"

    @property
    def _doc_link_template(self) -> str:
        address = _published() if ADDRESS is None else ADDRESS
        return f"{address}/reference/{{page}}.html" if address else ""

    def _doc_link_url_param_generator(self) -> dict[str, Any]:
        return {"page": public_name(type(self))}


def public_name(cls: type) -> str:
    """The shortest dotted name that a class is imported by, which its page has too."""
    parts = cls.__module__.split(".")
    for end in range(1, len(parts)):
        package = ".".join(parts[:end])
        if getattr(sys.modules.get(package), cls.__name__, None) is cls:
            return f"{package}.{cls.__name__}"
    return f"{cls.__module__}.{cls.__name__}"
