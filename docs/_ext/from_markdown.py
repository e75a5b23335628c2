"""The Markdown of this repository as reStructuredText: what its files use, and no more.

Headings, paragraphs, lists, tables, fenced code, pictures, links, bold, emphasis and code. Links to
files of the repository have no place on the site and become plain text, unless `links` says where
they lead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

LINES = "=-~^"


def convert(
    text: str, *, links: Mapping[str, str] | None = None, picture: Callable[[str], str] = str
) -> str:
    """`text` as reStructuredText.

    Parameters
    ----------
    text : str
    links : dict
        Target of a link -> what it is on the site: ``:doc:`` of a page, or an address.
    picture : callable
        Source of a picture -> its source on the site.
    """
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.S)
    blocks, lines = [], text.splitlines()
    i = 0
    while i < len(lines):
        start = i
        if not lines[i].strip():
            i += 1
        elif match := re.match(r"(#+) (.*)", lines[i]):
            title = inline(match[2], links)
            blocks.append(f"{title}\n{LINES[len(match[1]) - 1] * len(title)}")
            i += 1
        elif lines[i].startswith("```"):
            i = _until(lines, i + 1, lambda line: line.startswith("```")) + 1
            language = lines[start][3:].strip() or "text"
            code = "\n".join("   " + line for line in lines[start + 1 : i - 1])
            blocks.append(f".. code-block:: {language}\n\n{code}")
        elif lines[i].startswith("    ") and blocks:
            i = _until(lines, i, lambda line: bool(line.strip()) and not line.startswith("    "))
            code = "\n".join(line[1:] for line in lines[start:i]).rstrip()
            blocks.append(f".. code-block:: text\n\n{code}")
        elif lines[i].startswith("|"):
            i = _until(lines, i, lambda line: not line.startswith("|"))
            blocks.append(table(lines[start:i], links))
        elif match := re.fullmatch(r"!\[(.*?)\]\((.*?)\)", lines[i].strip()):
            blocks.append(f".. image:: {picture(match[2])}\n   :alt: {match[1]}")
            i += 1
        elif re.match(r"- ", lines[i]):
            i = _until(lines, i, lambda line: not line.strip() or line.startswith("#"))
            items = re.split(r"\n(?=- )", "\n".join(lines[start:i]))
            blocks.append("\n".join(inline(item, links) for item in items))
        else:
            i = _until(
                lines,
                i + 1,
                lambda line: not line.strip() or line.startswith(("#", "|", "```", "![", "- ")),
            )
            blocks.append(inline("\n".join(lines[start:i]), links))
    return "\n\n".join(blocks) + "\n"


def _until(lines: list[str], i: int, stop: Callable[[str], bool]) -> int:
    while i < len(lines) and not stop(lines[i]):
        i += 1
    return i


def table(lines: list[str], links: Mapping[str, str] | None = None, style: str = "results") -> str:
    """A table of Markdown as a list-table."""
    rows = [_cells(line) for line in lines]
    rows = [row for n, row in enumerate(rows) if n != 1]  # the rule below the head
    parts = [".. list-table::", "   :header-rows: 1", f"   :class: {style}", ""]
    for row in rows:
        for n, cell in enumerate(row):
            text = inline(cell, links)
            if text in ("-", "+"):  # not the beginning of a list
                text = "\\" + text
            parts.append(f"   {'*' if n == 0 else ' '} - {text}".rstrip())
    return "\n".join(parts)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def inline(text: str, links: Mapping[str, str] | None = None) -> str:
    """Code, links and bold within a paragraph."""
    kept: list[str] = []

    def keep(rst: str) -> str:
        kept.append(rst)
        return f"\0{len(kept) - 1}\0"

    def link(match: re.Match) -> str:
        words, target = " ".join(match[1].split()), match[2]
        target = (links or {}).get(target, target)
        plain = re.sub(r"\0(\d+)\0", lambda m: kept[int(m[1])].strip("`"), words)
        if target.startswith(":doc:"):
            return keep(f":doc:`{plain} <{target[5:]}>`")
        if re.match(r"https?://", target):
            return keep(f"`{plain} <{target}>`__")
        return words

    text = re.sub(r"``?([^`]+)``?", lambda m: keep(f"``{' '.join(m[1].split())}``"), text)
    text = re.sub(r"\[([^\]\0]*(?:\0\d+\0[^\]]*)*)\]\(([^)]+)\)", link, text)
    text = re.sub(r"\*\*(.+?)\*\*", lambda m: bold(m[1], kept, keep), text, flags=re.S)
    text = re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", lambda m: keep(m[0]), text)
    text = text.replace("\\", "\\\\").replace("*", r"\*").replace("|", r"\|").replace("_ ", r"\_ ")
    text = re.sub(r"(\w)_(?=\W|$)", r"\1\\_", text)
    while "\0" in text:
        text = re.sub(r"\0(\d+)\0", lambda m: kept[int(m[1])], text)
    return text


def bold(words: str, kept: list[str], keep: Callable[[str], str]) -> str:
    """Bold text; code within it stays code, since markup does not nest."""
    parts = re.split(r"(\0\d+\0)", words)
    made = [
        part if part.startswith("\0") else keep(f"**{part.strip()}**") if part.strip() else ""
        for part in parts
    ]
    return r"\ ".join(part for part in made if part) if len(made) > 1 else "".join(made)


def copied(source: Path, folder: Path) -> str:
    """The picture, copied beside the page; its name."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / source.name
    if not target.exists() or target.read_bytes() != source.read_bytes():
        target.write_bytes(source.read_bytes())
    return source.name
