"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def markdown(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [
        caption,
        "",
        "| " + " | ".join(header) + " |",
        "| --- |" + " --- |" * (len(header) - 1),
    ]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine_of(result: dict) -> str:
    return f"{result['environment']['cpu']}, {result['environment']['threads']} threads"
