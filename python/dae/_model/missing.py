"""Missing entries of dense rows: NaN, which is shown as 0 and whose loss weighs nothing."""

from __future__ import annotations

import numpy as np


def is_missing(X: np.ndarray) -> np.ndarray:
    """Which entries of X are missing, bool."""
    return np.isnan(X)


def without_missing(X: np.ndarray) -> np.ndarray:
    """A copy of X as it is shown: 0 where an entry is missing."""
    return np.where(is_missing(X), X.dtype.type(0), X)


def observed_share(X: np.ndarray) -> np.ndarray:
    """How much of each row there is, from 0 to 1, float64: its entries over the features."""
    return 1 - is_missing(X).mean(axis=1)
