"""The tables of `bench.compare`, by name: functions of a `Context` that return a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Context:
    """How much to measure, with how many threads, and the peaks of this run.

    Attributes
    ----------
    seconds : float, what one measurement lasts
    rounds : int, how often all are measured in turn
    n_threads : int
    rivals : tuple of str, the adapters to use, `ours` among them
    peaks : dict of `machine.peaks`
    """

    quick: bool
    seconds: float
    rounds: int
    n_threads: int
    rivals: tuple[str, ...]
    peaks: dict
    said: set[str] = field(default_factory=set)

    def say(self, line: str) -> None:
        """Print a line, once."""
        if line not in self.said:
            self.said.add(line)
            print(f"   {line}", flush=True)


def table(name: str, title: str, columns: list[str], rows: list, raw: Any, notes=()) -> dict:
    return {
        "name": name,
        "title": title,
        "columns": columns,
        "rows": rows,
        "notes": list(notes),
        "raw": raw,
    }
