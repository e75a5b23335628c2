"""Rows in compressed sparse row format, in the types that the core reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from dae._model.layout import is_plain

_BLOCK = 2**20  # column indices that are compared at a time


@dataclass(frozen=True)
class CSR:
    """Rows of which only the stored entries exist; all others are zero.

    Attributes
    ----------
    starts : intp ndarray of shape (n_rows + 1,)
        Row i has the entries ``starts[i]:starts[i + 1]``.
    columns : int32 ndarray of shape (n_entries,)
        Ascending within a row.
    values : float32 or float64 ndarray of shape (n_entries,)
    n_features : int
    """

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    n_features: int

    @classmethod
    def of(cls, X: Any, dtype: Any) -> Self:
        """A SciPy CSR array or matrix; copied only where its types or its order differ.

        Duplicate entries are summed, as SciPy does, and stored zeros are dropped.
        """
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        if not X.data.all():
            X = X.copy()
            X.eliminate_zeros()
        if X.shape[1] > np.iinfo(np.int32).max:
            raise ValueError(f"X has {X.shape[1]} features, more than 2**31 - 1.")
        return cls(
            np.require(X.indptr, np.intp, ["C", "A"]),
            np.require(X.indices, np.int32, ["C", "A"]),
            np.require(X.data, dtype, ["C", "A"]),
            X.shape[1],
        )

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.starts) - 1, self.n_features

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, rows: slice) -> CSR:
        """Consecutive rows, over the same entries."""
        start, stop, _ = rows.indices(len(self))
        starts = self.starts[start : max(start, stop) + 1]
        entries = slice(starts[0], starts[-1])
        return CSR(starts - starts[0], self.columns[entries], self.values[entries], self.n_features)

    def counts(self) -> np.ndarray:
        """Stored entries of each row."""
        return np.diff(self.starts)

    def toarray(self) -> np.ndarray:
        X = np.zeros(self.shape, self.dtype)
        X[np.repeat(np.arange(len(self)), self.counts()), self.columns] = self.values
        return X

    def check(self, name: str) -> None:
        """Raise ValueError unless every index is one that the core may follow."""
        arrays = {"starts": self.starts, "columns": self.columns, "values": self.values}
        for part, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.ndim != 1 or not is_plain(array):
                raise ValueError(f"{name}.{part} must be a plain one-dimensional array.")
        starts, columns = self.starts, self.columns
        if (
            starts.dtype != np.intp
            or columns.dtype != np.int32
            or self.values.dtype not in (np.float32, np.float64)
            or len(starts) < 2
            or starts[0] != 0
            or starts[-1] != len(columns)
            or len(columns) != len(self.values)
            or (np.diff(starts) < 0).any()
        ):
            raise ValueError(
                f"{name} must be valid CSR: indptr from 0 to the number of entries, not "
                "decreasing, with one index per value."
            )
        if len(columns):
            if columns.min() < 0 or columns.max() >= self.n_features:
                raise ValueError(
                    f"{name} must have column indices in [0, {self.n_features}), got "
                    f"{columns.min()} to {columns.max()}."
                )
            if not ascending(starts, columns):
                raise ValueError(f"{name} must have ascending column indices within each row.")


def ascending(starts: np.ndarray, columns: np.ndarray) -> bool:
    """Whether the column indices of each row increase strictly; without a copy of them."""
    for start in range(1, len(columns), _BLOCK):
        stop = min(start + _BLOCK, len(columns))
        rises = columns[start:stop] > columns[start - 1 : stop - 1]
        begins = starts[np.searchsorted(starts, start) : np.searchsorted(starts, stop)]
        rises[begins - start] = True
        if not rises.all():
            return False
    return True
