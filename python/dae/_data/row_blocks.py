"""A function of a network and rows, applied block by block where X cannot be read as it lies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dae._data.rows import FLOATS, Rows
from dae._model.network import Layer, Network


def by_rows(
    function: Callable[..., np.ndarray],
    network: Layer | Network,
    X: Rows,
    *,
    width: int | None,
    n_threads: int,
) -> np.ndarray:
    """``function(network, X)`` for X of any layout and dtype.

    Blocks of rows are converted to the dtype of the weights and C order one by one: X is never
    copied whole.

    Parameters
    ----------
    function : callable
        One of `dae._core`'s functions of a network and rows.
    network : Layer or Network, checked by the caller
    width : int or None
        Columns of the result; None: one float64 per row, no columns.

    Returns
    -------
    result : ndarray
        In the dtype of X where that is float32 or float64, else in that of the weights.
    """
    array = X.as_they_lie(network.dtype)
    if array is not None:
        return function(network, array, n_threads=n_threads, checked=True)
    if width is None:
        result = np.empty(len(X), dtype=np.float64)
    else:
        result = np.empty((len(X), width), dtype=X.dtype if X.dtype in FLOATS else network.dtype)
    for part, block in X.converted_blocks(network.dtype):
        with np.errstate(over="ignore"):
            result[part] = function(
                network, block, n_threads=n_threads, checked=True, n_rows=len(X)
            )
    return result
