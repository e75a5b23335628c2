"""``papers.md``, from what ``papers.json`` holds."""

from __future__ import annotations

from typing import Any

from bench import render
from bench.papers import summary

INTRODUCTION = """# The papers' experiments, repeated

`python -m bench.papers` (settings, seeds, what was tried and versions are in `papers.json`). Each
experiment chose its hyper-parameters on validation rows and looked at its test rows once; `bg_rand`
was run twice (11.53 % in the first run, before more levels of noise were among the candidates).
Errors are shares of the test rows, in %, with the half-width of their 95 % interval. "paper" is the
figure of Vincent et al., JMLR 11, 2010, unless said otherwise; the variations of MNIST are
**regenerated after the recipe, not the published files**, so that figures beside each other are not
of the same rows. "seconds" are of training, selection left out.
"""


def report(entries: dict[str, dict], order: list[str]) -> str:
    parts = [INTRODUCTION, markdown(summary.HEADER, summary.summary(entries)), ""]
    parts += [section(name, entries[name]) for name in order if name in entries]
    return "\n".join(parts)


def section(name: str, entry: dict) -> str:
    lines = [f"## {entry['title']}", "", f"`--only {name}`, {run_line(entry['run'])}", ""]
    if entry.get("target"):
        lines += [f"Target: {entry['target']}. {entry.get('verdict', '')}".rstrip(), ""]
    if entry.get("rows"):
        lines += [table(entry["rows"]), ""]
    if entry.get("table"):
        lines += [markdown(entry["table"]["columns"], entry["table"]["rows"]), ""]
    for picture, caption in entry.get("pictures", {}).items():
        lines += [f"![{caption}]({picture})", ""]
    for note in entry.get("notes", []):
        lines += [note, ""]
    lines += ["Settings: " + listed(entry["settings"]), ""]
    return "\n".join(lines)


def run_line(run: dict) -> str:
    return (
        f"{run['date']}, {run['threads']} thread(s), {run['minutes']:.1f} minutes with selection, "
        f"load {run['load'][0]:g}"
    )


def table(rows: list[dict]) -> str:
    columns = ["method", "test error, %", "paper, %", "seconds", "settings"]
    lines = []
    for row in rows:
        error = f"{100 * row['error']:.2f} ± {100 * row['half_width']:.2f}"
        paper = f"{100 * row['paper']:.2f}" if row.get("paper") is not None else ""
        seconds = f"{row['seconds']:.0f}" if row.get("seconds") is not None else ""
        lines.append([row["method"], error, paper, seconds, listed(row.get("settings") or {})])
    return markdown(columns, lines)


def listed(settings: dict) -> str:
    return ", ".join(f"{key} {shown(value)}" for key, value in settings.items())


def shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return " / ".join(map(shown, value))
    if isinstance(value, dict):
        return "(" + listed(value) + ")"
    return str(value)


def markdown(columns: list[str], rows: list[list[Any]]) -> str:
    return render.markdown_rows(columns, ([shown(cell) for cell in line] for line in rows))
