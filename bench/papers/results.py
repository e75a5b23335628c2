"""What is kept of an experiment, and where.

Each experiment is an entry of ``bench/results/papers.json`` under its name, written as soon as it
is done: an interrupted run loses the experiment it was in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench import records


def score(predicted: np.ndarray, y: np.ndarray) -> dict:
    """Share of errors, with the half-width of its 95 % interval (normal approximation)."""
    error = float(np.mean(predicted != y))
    half = 1.96 * np.sqrt(error * (1 - error) / len(y))
    return {"error": error, "half_width": float(half), "rows": len(y)}


def row(method: str, scored: dict, **more: Any) -> dict:
    """A line of an experiment's table; `more` may have paper, seconds, settings, tried, note."""
    return {"method": method, **scored, **more}


def read(folder: Path) -> dict[str, dict]:
    return records.read(folder / "papers.json")


def write(folder: Path, entries: dict[str, dict]) -> None:
    records.write(folder / "papers.json", entries)
