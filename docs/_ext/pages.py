"""Pages made from the Markdown files of the repository: changes, contributing, security."""

from __future__ import annotations

from pathlib import Path

from _ext.from_markdown import convert

ROOT = Path(__file__).parents[2]
LINKS = {
    "CHANGELOG.md": ":doc:changes",
    "CONTRIBUTING.md": ":doc:contributing",
    "SECURITY.md": ":doc:security",
}
PAGES = {"CHANGELOG.md": "changes", "CONTRIBUTING.md": "contributing", "SECURITY.md": "security"}
INDEX = """\
.. This page is made by docs/_ext/pages.py.

Project
=======

.. toctree::
   :maxdepth: 2

   changes
   contributing
   security
"""


def write_if_changed(path: Path, text: str) -> None:
    """Leave an unchanged page alone: Sphinx then does not read it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def write(folder: Path) -> None:
    write_if_changed(folder / "index.rst", INDEX)
    for source, name in PAGES.items():
        text = convert((ROOT / source).read_text(encoding="utf-8"), links=LINKS)
        head = f".. This page is made from {source}.\n\n"
        write_if_changed(folder / f"{name}.rst", head + text)
