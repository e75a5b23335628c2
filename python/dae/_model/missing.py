"""Missing entries of dense rows: NaN, which is shown as 0 and whose loss weighs nothing.

`categories` are ranges of features that are missing as a whole if one of them is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Categories = Sequence[tuple[int, int]]


def is_missing(X: np.ndarray, categories: Categories = ()) -> np.ndarray:
    """Which entries of X are missing, bool."""
    missing = np.isnan(X)
    for start, stop in categories:
        missing[:, start:stop] = missing[:, start:stop].any(axis=1, keepdims=True)
    return missing


def without_missing(X: np.ndarray, categories: Categories = ()) -> np.ndarray:
    """A copy of X as it is shown: 0 where an entry is missing."""
    return np.where(is_missing(X, categories), X.dtype.type(0), X)
