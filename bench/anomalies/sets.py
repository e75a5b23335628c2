"""The sets of ADBench (Han et al. 2022) with at least 1,000 rows, and how they are divided.

The third that defaults are chosen on was fixed by name before any figure was seen: every third set
in alphabetical order. No set of it shares its origin with one that judges (annthyroid and thyroid
both judge, so do satellite and satimage-2).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import data

FEWEST_ROWS = 1000
MOST_ROWS = 10_000  # normal rows to learn from, and normal rows to test: OCSVM is quadratic

# sets of the unsupervised comparison, up to 1,500 rows of each
UNSUPERVISED = ("pendigits", "mammography", "optdigits", "vowels", "fault", "thyroid")
UNSUPERVISED_ROWS = 1500


def names() -> list[str]:
    """All sets with enough rows, in alphabetical order."""
    return [name for name in _paths() if len(load(name)[1]) >= FEWEST_ROWS]


def chosen_on() -> list[str]:
    """The third of `names` on which defaults may be chosen; the others judge."""
    return names()[2::3]


def _paths() -> dict[str, Path]:
    folder = data.folder("tabular")
    paths = [*folder.glob("*.npz"), *folder.glob("adbench/*.npz")]
    named = {path.stem.split("_", 1)[1]: path for path in paths}
    return dict(sorted(named.items(), key=lambda item: item[0].lower()))


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """X as float64, and y: 1 for an anomaly."""
    with np.load(_paths()[name]) as file:
        return file["X"].astype(np.float64), file["y"].astype(int)


@dataclass(frozen=True)
class Split:
    """Rows to learn from, rows to score, and which of these are anomalies."""

    train: np.ndarray
    test: np.ndarray
    y: np.ndarray


def semi_supervised(name: str, seed: int) -> Split:
    """A random half of the normal rows to learn from; the other half and all anomalies to score.

    The published protocol learns from the FIRST half in the order of the file, which is another
    problem where the file is sorted, and repeats rows of small sets on both sides.
    """
    X, y = load(name)
    random = np.random.default_rng(seed)
    normal = random.permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    train, rest = normal[:half][:MOST_ROWS], normal[half:][:MOST_ROWS]
    test = np.concatenate([rest, np.flatnonzero(y)])
    return Split(X[train], X[test], y[test])


def unsupervised(name: str, seed: int) -> Split:
    """Up to 1,500 rows with their anomalies, to learn from and to score, without labels."""
    X, y = load(name)
    rows = np.random.default_rng(seed).permutation(len(y))[:UNSUPERVISED_ROWS]
    return Split(X[rows], X[rows], y[rows])
