"""Rows that are scaled to unit length before they are encoded: the parameter `input_norm`."""

from __future__ import annotations

from typing import Any

import numpy as np

from dae._data.rows import Rows
from dae._data.sparse_rows import SparseRows
from dae._model.csr import CSR

INPUT_NORMS = ("l2",)


def normed(rows: Any, norm: str | None) -> Any:
    """Rows, dense or CSR, as the network encodes them.

    Corrupted ones in training: a row has the same length whatever the corruption has left of it.
    A row of zeros stays as it is, and so does one so short that 1 / length overflows.
    """
    if norm is None:
        return rows
    lengths = (SparseRows(rows) if isinstance(rows, CSR) else Rows(rows)).lengths()
    with np.errstate(divide="ignore", over="ignore"):
        scale = (1 / lengths).astype(rows.dtype)
    scale[~np.isfinite(scale)] = 1
    if isinstance(rows, CSR):
        values = rows.values * np.repeat(scale, rows.counts())
        return CSR(rows.starts, rows.columns, values, rows.n_features)
    return rows * scale[:, None]
