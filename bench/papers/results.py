"""What is kept of an experiment, and where.

Each experiment is an entry of ``bench/results/papers.json`` under its name, written as soon as it
is done: an interrupted run loses the experiment it was in.
"""

from __future__ import annotations

import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import commit, cpu_model, load
from dae import __version__, _core

FOLDER = Path(__file__).parents[1] / "results"


def score(predicted: np.ndarray, y: np.ndarray) -> dict:
    """Share of errors, with the half-width of its 95 % interval (normal approximation)."""
    error = float(np.mean(predicted != y))
    half = 1.96 * np.sqrt(error * (1 - error) / len(y))
    return {"error": error, "half_width": float(half), "rows": len(y)}


def row(method: str, scored: dict, **more: Any) -> dict:
    """A line of an experiment's table; `more` may have paper, seconds, settings, tried, note."""
    return {"method": method, **scored, **more}


def run_information(started: float) -> dict:
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
        "minutes": (time.perf_counter() - started) / 60,
        **commit(),
        "cpu": cpu_model(),
        "threads": _core.n_threads(None),
        "load": load(),
        "simd": _core.simd_level(),
        "dae": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
    }


def plain(value: Any) -> Any:
    """For JSON: no NumPy, no infinity."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def read(folder: Path) -> dict[str, dict]:
    file = folder / "papers.json"
    return json.loads(file.read_text()) if file.exists() else {}


def write(folder: Path, entries: dict[str, dict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(plain(entries), indent=1, allow_nan=False)
    (folder / "papers.json").write_text(text + "\n")
