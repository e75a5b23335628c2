"""Rows that are scaled to unit length before they are encoded: the parameter `input_norm`."""

from __future__ import annotations

from typing import Any

import numpy as np

from dae._data.rows import Rows
from dae._data.sparse_rows import SparseRows
from dae._model.csr import CSR

INPUT_NORMS = ("l2",)


def input_scale(X: Rows, norm: str | None) -> np.ndarray | None:
    """What each row of X is multiplied by, in the dtype of X; None for 1.

    A row of zeros stays one, and so does a row that is too short for 1 / length to be finite.
    """
    if norm is None:
        return None
    lengths = X.lengths()
    with np.errstate(divide="ignore", over="ignore"):
        scale = (1 / lengths).astype(X.dtype)
    scale[~np.isfinite(scale)] = 0
    return scale


def scales_of(rows: np.ndarray | CSR, norm: str | None) -> np.ndarray | None:
    """`input_scale` of a block of rows."""
    if norm is None:
        return None
    return input_scale(SparseRows(rows) if isinstance(rows, CSR) else Rows(rows), norm)


def scaled(rows: Any, scale: np.ndarray | None) -> Any:
    """Rows, dense or CSR, each multiplied by its number in `scale`; None: as they are."""
    if scale is None:
        return rows
    if isinstance(rows, CSR):
        values = rows.values * np.repeat(scale, rows.counts())
        return CSR(rows.starts, rows.columns, values, rows.n_features)
    return rows * scale[:, None]
