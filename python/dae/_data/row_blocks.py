"""A function of a network and rows, applied block by block where X cannot be read as it lies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dae._data.rows import FLOATS, Rows
from dae._data.scaling import normed
from dae._model.csr import CSR
from dae._model.network import Layer, Network


def by_rows(
    function: Callable[..., np.ndarray],
    network: Layer | Network,
    X: Rows,
    *,
    width: int | None,
    n_threads: int,
    input_norm: str | None = None,
    compares: bool = False,
) -> np.ndarray:
    """``function(network, X)`` for X of any layout and dtype.

    Blocks of rows are converted to the dtype of the weights and C order one by one: X is never
    copied whole, and never made dense whole.

    Parameters
    ----------
    function : callable
        One of `dae._core`'s functions of a network and rows.
    network : Layer or Network, checked by the caller
    width : int or None
        Columns of the result; None: one float64 per row, no columns.
    input_norm : str or None
        How each row is scaled first, as the parameter of the estimators.
    compares : bool
        Whether it is ``function(network, X, shown)``, of dense rows as they are and of what the
        network is shown: 0 where X is missing.

    Returns
    -------
    result : ndarray
        In the dtype of X where that is float32 or float64, else in that of the weights.
    """
    whole = None if X.missing else X.as_they_lie(network.dtype)
    if whole is not None and input_norm is None and not (compares and X.is_sparse):
        given = (whole, whole) if compares else (whole,)
        return function(network, *given, n_threads=n_threads, checked=True)
    if width is None:
        result = np.empty(len(X), dtype=np.float64)
    else:
        result = np.empty((len(X), width), dtype=X.dtype if X.dtype in FLOATS else network.dtype)
    unpacked = compares or width == network.n_features
    for part, block in X.converted_blocks(network.dtype, unpacked=unpacked):
        shown = normed(X.filled(block, network.layers[0].categories), input_norm)
        clean = block.toarray() if isinstance(block, CSR) and compares else block
        given = (clean, shown) if compares else (shown,)
        with np.errstate(over="ignore"):
            result[part] = function(
                network, *given, n_threads=n_threads, checked=True, n_rows=len(X)
            )
    return result
