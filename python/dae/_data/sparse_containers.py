"""SciPy's sparse containers, whose arrays can be replaced after SciPy has checked them."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from scipy import sparse

from dae._data.containers import (
    check_not_masked,
    missing_objects,
    oddity_among,
    refuse_stored_nan,
)

# dimensions of the values of each format that keeps numbers in one array
_DIMENSIONS = {"csr": 1, "csc": 1, "coo": 1, "dia": 2, "bsr": 3}


def valid_container(name: str, X: Any) -> Any:
    """X, or the same in CSR where its format or the type of its values asks for it.

    Raises
    ------
    ValueError
        X has not two dimensions, values that are masked or no numbers, or indices that lead out of
        its arrays. SciPy's compiled conversions follow them.
    """
    shape: tuple[int, ...] = X.shape
    if len(shape) != 2:
        raise ValueError(
            f"Expected 2D array, got {len(shape)}D array instead: {name} must have one row per "
            "sample. Reshape it."
        )
    if shape[1] > np.iinfo(np.int32).max:
        raise ValueError(
            f"{name} must have fewer than 2**31 features, got {shape[1]}. Hash or select features."
        )
    if X.format in _DIMENSIONS:
        X = _with_valid_values(name, X)
    if X.format == "lil":
        X = _from_lists(name, X)
    _check_structure(name, X)
    return _without_spare_room(X)


# ------------------------------------------------------------------ values


def _with_valid_values(name: str, X: Any) -> Any:
    """X with values of a type that SciPy converts; X is not modified."""
    values = X.data
    if not isinstance(values, np.ndarray) or values.ndim != _DIMENSIONS[X.format]:
        raise ValueError(
            f"{name}.data must be an array of numbers in {_DIMENSIONS[X.format]} dimensions, got "
            f"{_described(values)}. Build it again."
        )
    check_not_masked(f"{name}.data", values)
    problem = oddity_among(values)
    if problem:
        raise ValueError(f"{name}.data must be numbers, got {problem}. Build it again.")
    if values.dtype == object:
        if missing_objects(values).any():
            refuse_stored_nan(name, np.array([np.nan]))
        return X.astype(np.float64)
    if X.format != "csr" and (values.dtype == np.float16 or not values.dtype.isnative):
        # not by X.astype or X.copy: for some formats SciPy makes a matrix of the old type first
        copied = copy(X)
        copied.data = values.astype(np.result_type(values.dtype, np.float16, np.float32))
        return copied
    return X


def _from_lists(name: str, X: Any) -> Any:
    """A matrix of lists in CSR."""
    lists = [X.rows, X.data]
    for part in lists:
        check_not_masked(f"{name}.data", part)
        if not isinstance(part, np.ndarray) or part.shape != X.shape[:1]:
            raise ValueError(
                f"{name} must have one list of columns and one of values for each of its "
                f"{X.shape[0]} rows, got {_described(part)}. Build it again."
            )
        if not all(isinstance(entries, list) for entries in part):
            raise ValueError(f"{name} must have lists in rows and data. Build it again.")
    for row, (columns, values) in enumerate(zip(*lists, strict=True)):
        if len(columns) != len(values):
            raise ValueError(
                f"{name} must have one column index for each value, got {len(columns)} indices "
                f"and {len(values)} values in row {row}. Build it again."
            )
    try:
        return X.tocsr()
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must have lists of integers in rows and of numbers in data: {error}. Build it "
            "again."
        ) from error


def _described(values: Any) -> str:
    if isinstance(values, np.ndarray):
        return f"shape {values.shape}"
    return type(values).__name__


# ------------------------------------------------------------------ indices


def _check_structure(name: str, X: Any) -> None:
    if X.format in ("csr", "csc", "bsr"):
        _check_compressed(name, X)
    elif X.format == "coo":
        for indices, n_indices in zip((X.row, X.col), X.shape, strict=True):
            _check_integers(name, "coordinates", indices)
            if len(indices) != len(X.data):
                raise ValueError(
                    f"{name} must have one row and one column index for each of its "
                    f"{len(X.data)} values, got {len(indices)}. Build it again."
                )
            _check_indices(name, indices, n_indices)
    elif X.format == "dia":
        _check_integers(name, "offsets", X.offsets)
        if len(X.offsets) != len(X.data) or len(np.unique(X.offsets)) != len(X.data):
            raise ValueError(
                f"{name} must have one offset for each of its {len(X.data)} diagonals, each once, "
                f"got {_short(X.offsets)}. Build it again."
            )


def _check_compressed(name: str, X: Any) -> None:
    indptr, indices = X.indptr, X.indices
    _check_integers(name, "indptr", indptr)
    _check_integers(name, "indices", indices)
    if X.format == "bsr" and any(n % b for n, b in zip(X.shape, X.blocksize, strict=True)):
        raise ValueError(
            f"{name} must have blocks that divide its shape {X.shape}, got {X.blocksize}. Build it "
            "again."
        )
    if X.format == "bsr":
        lengths, n_indices = (n // b for n, b in zip(X.shape, X.blocksize, strict=True))
    elif X.format == "csr":
        lengths, n_indices = X.shape
    else:
        n_indices, lengths = X.shape
    if (
        len(indptr) != lengths + 1
        or indptr[0] != 0
        or (indptr[1:] < indptr[:-1]).any()
        or indptr[-1] > min(len(indices), len(X.data))
    ):
        raise ValueError(
            f"{name} must have an indptr that runs from 0 to the number of stored entries and "
            f"never decreases, got {_short(indptr)} with {len(indices)} indices. Build it "
            "again."
        )
    _check_indices(name, indices[: indptr[-1]], n_indices)


def _without_spare_room(X: Any) -> Any:
    """X without the ends of its arrays that `indptr` does not reach; X is not modified."""
    if X.format != "csr" or X.indptr[-1] == len(X.data) == len(X.indices):
        return X
    n = X.indptr[-1]
    return sparse.csr_array((X.data[:n], X.indices[:n], X.indptr), shape=X.shape)


def _check_integers(name: str, part: str, indices: Any) -> None:
    if not isinstance(indices, np.ndarray) or indices.dtype.kind not in "iu" or indices.ndim != 1:
        kind = getattr(indices, "dtype", type(indices).__name__)
        raise ValueError(
            f"{name} must have {part} in one dimension that are integers, got "
            f"{np.ndim(indices)} dimensions of {kind}. Build it again."
        )
    check_not_masked(f"{name}.{part}", indices)


def _check_indices(name: str, indices: np.ndarray, n: int) -> None:
    if len(indices) and not (indices.min() >= 0 and indices.max() < n):
        raise ValueError(
            f"{name} must have indices in [0, {n}), got {indices.min()} to {indices.max()}. "
            "Build it again, with the shape that its indices need."
        )


def _short(values: np.ndarray) -> str:
    return np.array2string(values, threshold=6, edgeitems=3)
