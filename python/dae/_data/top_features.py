"""The features with the highest reconstruction, for each row, without all reconstructions."""

from __future__ import annotations

import numpy as np

from dae import _core
from dae._data.rows import FLOATS, Rows
from dae._data.scaling import normed
from dae._model.csr import CSR
from dae._model.network import Layer, Network


def top_features(
    network: Layer | Network,
    X: Rows,
    k: int,
    *,
    exclude_known: bool,
    n_threads: int,
    input_norm: str | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and reconstructions of the `k` best features of each row, see the estimators."""
    dtype = X.dtype if X.dtype in FLOATS else network.dtype
    indices = np.full((len(X), k), -1, dtype=np.intp)
    values = np.full((len(X), k), np.nan, dtype=dtype)
    for part, block in X.converted_blocks(network.dtype):
        block = X.filled(block, network.layers[0].categories)
        z = _core.reconstruct(
            network,
            normed(block, input_norm),
            n_threads=n_threads,
            checked=True,
            n_rows=len(X),
        )
        if exclude_known:
            if isinstance(block, CSR):
                z[np.repeat(np.arange(len(block)), block.counts()), block.columns] = -np.inf
            else:
                z[block != 0] = -np.inf
        rows, places, columns = _best(z, k)
        indices[part][rows, places] = columns
        values[part][rows, places] = z[rows, columns]
    return indices, values


def _best(z: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, place and column of the `k` largest entries of each row that are above -inf.

    Of equal entries those of smaller columns: whoever `np.argpartition` picks of those that tie
    at the end is a matter of its algorithm.
    """
    n_features = z.shape[1]
    last = np.partition(z, n_features - k, axis=1)[:, n_features - k]
    rows, columns = np.nonzero((z >= last[:, None]) & (z > -np.inf))
    order = np.lexsort((columns, -z[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    first = np.searchsorted(rows, np.arange(len(z)))
    places = np.arange(len(rows)) - first[rows]
    kept = places < k
    return rows[kept], places[kept], columns[kept]
