"""Dask collections as a list of partitions: rows that one worker holds together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from dask import delayed
from dask.base import is_dask_collection
from dask.delayed import Delayed


class Partition(NamedTuple):
    """Some rows, not computed yet, and their weights."""

    rows: Delayed
    weights: Delayed | None


def partitions_of(X: Any, sample_weight: Any = None) -> list[Partition]:
    """The partitions of X, from the first; their lengths need not be known.

    Parameters
    ----------
    X : dask Array of two dimensions, dask DataFrame, or list of Delayed
        Blocks may be arrays, SciPy's CSR or DataFrames.
    sample_weight : dask Array of one dimension with the chunks of X, or None
    """
    rows = _blocks("X", X)
    if sample_weight is None:
        return [Partition(block, None) for block in rows]
    weights = _blocks("sample_weight", sample_weight)
    if len(weights) != len(rows):
        raise ValueError(
            f"sample_weight must have the partitions of X, {len(rows)}, got {len(weights)}. Use "
            "sample_weight.rechunk(X.chunks[0])."
        )
    return [Partition(*pair) for pair in zip(rows, weights, strict=True)]


def _blocks(name: str, collection: Any) -> list[Delayed]:
    if isinstance(collection, (list, tuple)) and all(isinstance(b, Delayed) for b in collection):
        blocks = list(collection)
    elif is_array(collection):
        dimensions = 2 if name == "X" else 1
        if collection.ndim != dimensions:
            raise ValueError(
                f"{name} must have {dimensions} dimensions, got a dask array of shape "
                f"{collection.shape}."
            )
        blocks = in_rows(collection).to_delayed().ravel().tolist()
    elif is_frame(collection):
        blocks = list(collection.to_delayed())
    else:
        instead = (
            f"Pass [{name}]."
            if isinstance(collection, Delayed)
            else f"Use dask.array.from_array({name}, chunks=(10_000, -1)), or an estimator of "
            "`dae`, which takes arrays."
        )
        raise TypeError(
            f"{name} must be a dask Array, a dask DataFrame or a list of dask.delayed blocks of "
            f"rows, got {type(collection).__name__}. {instead}"
        )
    if not blocks:
        raise ValueError(f"{name} must have at least one partition, got none.")
    return blocks


def is_array(collection: Any) -> bool:
    """Whether it is a dask Array."""
    return _is_collection(collection) and hasattr(collection, "chunks")


def _is_collection(collection: Any) -> bool:
    """Whether it is a collection of Dask, but not a single Delayed, which has every attribute."""
    return is_dask_collection(collection) and not isinstance(collection, Delayed)


def known_length(collection: Any) -> int | None:
    """Rows of a dask Array whose chunks are known; None where counting takes its partitions."""
    if not is_array(collection) or np.isnan(collection.shape[0]):
        return None
    return int(collection.shape[0])


def is_frame(collection: Any) -> bool:
    """Whether it is a dask DataFrame or Series."""
    return _is_collection(collection) and hasattr(collection, "npartitions") and (
        hasattr(collection, "divisions")
    )  # fmt: skip


def in_rows(array: Any) -> Any:
    """A dask Array of which each block has all columns."""
    if array.ndim == 2 and array.numblocks[1] > 1:
        return array.rechunk({1: -1})
    return array


def by_partition(function: Any, X: Any, width: int | None, dtype: np.dtype) -> Any:
    """``function(rows)`` of each partition as a dask Array, computed when it is asked for.

    Parameters
    ----------
    function : Delayed
        Gives ``width`` columns, or one number per row if None.
    """
    import dask.array as da

    tail = () if width is None else (width,)
    meta = np.empty((0, *tail), dtype)
    parts = _blocks("X", X)
    lengths = X.chunks[0] if is_array(X) else (np.nan,) * len(parts)
    blocks = [
        da.from_delayed(function(rows), (length, *tail), meta=meta)
        for rows, length in zip(parts, lengths, strict=True)
    ]
    return da.concatenate(blocks, allow_unknown_chunksizes=True)


def lazily(function: Any, *arguments: Any) -> Delayed:
    """The call as a node of a graph, run once for each place that it stands in."""
    return delayed(function, pure=False)(*arguments)


def n_rows_of(block: Any) -> int:
    """Rows of a block of X that has been computed; raises ValueError if it has no rows."""
    shape = getattr(block, "shape", ())
    if not shape:
        raise ValueError(
            "Each block of X must be an array, SciPy's CSR or a DataFrame, got one that is a "
            f"{type(block).__name__}. Compute one block and look at what it gives."
        )
    return int(shape[0])
