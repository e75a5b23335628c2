"""Tables as text and as Markdown.

A table is a dict of name, title, notes, columns and rows. A cell is a string, or a dict of a value,
its unit and, where known, its quartiles, its target, its limit and a remark.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.timing import spread

FORMATS = {
    "": lambda v: f"{v:,.0f}" if abs(v) >= 100 else f"{v:.3g}",
    "x": lambda v: f"{v:.2f}x",
    "%": lambda v: f"{100 * v:.1f} %",
    "us": lambda v: f"{1e6 * v:.1f} us",
    "ms": lambda v: f"{1e3 * v:.2f} ms",
    "s": lambda v: f"{v:.3g} s",
    "GB": lambda v: f"{v:.3f} GB",
}


def cell(
    values: Any,
    unit: str = "",
    *,
    target: float | None = None,
    sense: str = ">=",
    limit: float | None = None,
    word: str = "",
) -> dict:
    """One value, or the median and quartiles of many; `limit` is the most that it could be."""
    made: dict = {"unit": unit}
    if hasattr(values, "__len__"):
        made["value"], *made["quartiles"] = spread(values)
    else:
        made["value"] = float(values)
    if target is not None:
        made["target"], made["sense"] = target, sense
        if limit is not None:
            made["limit"] = float(limit)
    if word:
        made["word"] = word
    return made


def verdict(made: Any) -> str | None:
    """'pass', 'short', 'out of reach' beyond its limit, or None for a cell without a target."""
    if not isinstance(made, dict) or "target" not in made:
        return None
    value, target = made["value"], made["target"]
    if value >= target if made["sense"] == ">=" else value <= target:
        return "pass"
    return "out of reach" if made.get("limit", target) < target else "short"


def text(made: Any, *, quartiles: bool = True) -> str:
    if not isinstance(made, dict):
        return str(made)
    show = FORMATS[made["unit"]]
    shown = show(made["value"])
    if quartiles and "quartiles" in made and made["unit"]:
        low, high = (show(q).rstrip("x %usm") for q in made["quartiles"])
        shown += f" ({low} to {high})"
    if made.get("word"):
        shown += f" {made['word']}"
    result = verdict(made)
    if result:
        limit = f", the limit is {show(made['limit'])}" if result == "out of reach" else ""
        shown += f" [{made['sense']} {show(made['target'])}: {result}{limit}]"
    return shown


def plain(table: dict) -> str:
    """The table for a terminal."""
    rows = [table["columns"], *([text(c) for c in row] for row in table["rows"])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table["columns"]))]
    lines = ["", f"== {table['name']}: {table['title']}"]
    lines += ["   " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
    lines += [f"   {note}" for note in table["notes"]]
    return "\n".join(line.rstrip() for line in lines)


def markdown(table: dict, *, title: bool = True) -> str:
    rows = markdown_rows(table["columns"], [[text(c) for c in row] for row in table["rows"]])
    return f"**{table['title']}**\n\n{rows}" if title else rows


def markdown_rows(columns: list[str], rows: Iterable[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def counts(tables: dict[str, dict]) -> dict[str, int]:
    """How many cells there are of each verdict."""
    verdicts = [verdict(c) for t in tables.values() for row in t["rows"] for c in row]
    return {word: verdicts.count(word) for word in ("pass", "short", "out of reach")}


def shortfalls(tables: dict[str, dict]) -> list[str]:
    return [
        f"{name}: {', '.join(text(c) for c in row if not isinstance(c, dict))}: {text(c)}"
        for name, table in tables.items()
        for row in table["rows"]
        for c in row
        if verdict(c) in ("short", "out of reach")
    ]
