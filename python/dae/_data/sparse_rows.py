"""Sparse rows of data: the verbs of `Rows` where only the non-zeros are stored."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from dae._data.rows import FLOATS, Rows, converted, rows_per_block
from dae._model.csr import CSR, ascending


class SparseRows(Rows):
    """Samples as rows of a CSR matrix; some rows at a time are made dense, never all of them.

    Parameters
    ----------
    csr : CSR
        Without stored zeros, so that what is stored is what is known.
    """

    __slots__ = ("csr",)

    is_sparse = True

    def __init__(self, csr: CSR) -> None:
        self.csr = csr
        self.missing = False

    @classmethod
    def of(cls, X: Any, dtype: np.dtype) -> SparseRows:
        """A SciPy CSR array or matrix, which is not modified.

        Copied only where types or order differ. Values of float32 and float64 keep their dtype,
        others become `dtype`.
        """
        starts = np.require(X.indptr, np.intp, ["C", "A"])
        columns, values = X.indices, X.data
        if values.dtype not in FLOATS:
            values = converted(values, dtype)
        if not ascending(starts, columns):
            # a copy: SciPy sorts and sums in place
            ordered = sparse.csr_array((values, columns, starts), shape=X.shape, copy=True)
            ordered.sum_duplicates()
            starts, columns, values = ordered.indptr, ordered.indices, ordered.data
        if not values.all():
            kept = values != 0
            starts = np.concatenate([[0], np.cumsum(kept)])[starts]
            columns, values = columns[kept], values[kept]
        return cls(
            CSR(
                np.require(starts, np.intp, ["C", "A"]),
                np.require(columns, np.int32, ["C", "A"]),
                np.require(values, requirements=["C", "A"]),
                X.shape[1],
            )
        )

    def __len__(self) -> int:
        return len(self.csr)

    @property
    def n_features(self) -> int:
        return self.csr.n_features

    @property
    def dtype(self) -> np.dtype:
        return self.csr.dtype

    @property
    def core_input(self) -> CSR:
        return self.csr

    @property
    def container(self) -> Any:
        csr = self.csr
        starts = csr.starts
        if starts[-1] <= np.iinfo(np.int32).max:  # SciPy would convert the columns, a large copy
            starts = starts.astype(np.int32)
        return sparse.csr_array((csr.values, csr.columns, starts), shape=csr.shape)

    def as_they_lie(self, dtype: np.dtype) -> Any:
        return self.csr if self.csr.dtype == dtype else None

    def columns(self, own: slice) -> SparseRows:
        return SparseRows.of(self.container[:, own], self.dtype)

    def subset(self, index: np.ndarray) -> SparseRows:
        return SparseRows(self.part(index))

    def is_finite(self, n_jobs: int | None) -> bool:
        low, high = self.value_range()  # NaN is carried by both; a mask would be an eighth of X
        return bool(np.isfinite(low) and np.isfinite(high))

    # -------------------------------------------------------------- parts

    def take(self, index: Any) -> np.ndarray:
        """The rows of an index array or of a slice, dense: for a few rows at a time."""
        return self.part(index).toarray()

    def part(self, index: Any) -> CSR:
        csr = self.csr
        if isinstance(index, slice):
            return csr[index]
        counts = csr.starts[index + 1] - csr.starts[index]
        starts = np.zeros(len(index) + 1, dtype=np.intp)
        np.cumsum(counts, out=starts[1:])
        entries = np.arange(starts[-1]) + np.repeat(csr.starts[index] - starts[:-1], counts)
        return CSR(starts, csr.columns[entries], csr.values[entries], csr.n_features)

    def converted_blocks(
        self, dtype: np.dtype, *, unpacked: bool = True
    ) -> Iterator[tuple[slice, np.ndarray | CSR]]:
        for part in self.slices() if unpacked else self._packed_slices(len(self)):
            block = self.csr[part]
            values = converted(block.values, dtype)
            yield part, CSR(block.starts, block.columns, values, block.n_features)

    def _packed_slices(self, n_rows: int) -> Iterator[slice]:
        """Consecutive rows of blocks that have few non-zeros, of `n_rows` rows."""
        step = rows_per_block(1 + len(self.csr.values) / len(self))
        for start in range(0, n_rows, step):
            yield slice(start, min(start + step, n_rows))

    def _parts(self, index: np.ndarray | None = None) -> Iterator[CSR]:
        """Consecutive rows (of X[index], if given) in blocks, not made dense."""
        for part in self._packed_slices(len(self) if index is None else len(index)):
            yield self.part(part if index is None else index[part])

    def features(self) -> Iterator[tuple[np.ndarray, int]]:
        by_feature = self.container.tocsc()
        for start, stop in itertools.pairwise(by_feature.indptr):
            yield by_feature.data[start:stop], len(self) - int(stop - start)

    # -------------------------------------------------------------- summaries

    def feature_range(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minimum and maximum of each feature over X[index], with the zeros that are not stored."""
        low = np.full(self.n_features, np.inf, dtype=self.dtype)
        high, counts = -low, np.zeros(self.n_features, dtype=np.intp)
        for part in self._parts(index):
            np.minimum.at(low, part.columns, part.values)
            np.maximum.at(high, part.columns, part.values)
            counts += np.bincount(part.columns, minlength=self.n_features)
        with_zero = counts < len(index)
        low[with_zero] = np.minimum(low[with_zero], 0)
        high[with_zero] = np.maximum(high[with_zero], 0)
        return low, high

    def value_range(self) -> tuple[float, float]:
        """Smallest and largest entry; zeros that are not stored are entries."""
        values = self.csr.values
        if len(values) == len(self) * self.n_features:
            return values.min(), values.max()
        return values.min(initial=0), values.max(initial=0)

    def largest_energy(self, origin: float = 0.0) -> float:
        largest = 0.0
        for part in self._parts():
            moved = part.values.astype(np.float64) - origin
            energy = row_sums(part, moved * moved)
            energy = energy + (self.n_features - part.counts()) * origin**2
            largest = max(largest, float(energy.max()))
        return largest

    def equals(self, other: Rows, index: np.ndarray) -> bool:
        assert isinstance(other, SparseRows)
        for part in self._packed_slices(len(index)):
            mine, theirs = self.part(index[part]), other.part(index[part])
            if not (
                np.array_equal(mine.starts, theirs.starts)
                and np.array_equal(mine.columns, theirs.columns)
                and np.array_equal(mine.values, theirs.values)
            ):
                return False
        return True

    def lengths(self) -> np.ndarray:
        return np.concatenate(
            [np.sqrt(row_sums(part, part.values.astype(np.float64) ** 2)) for part in self._parts()]
        )


def row_sums(rows: CSR, values: np.ndarray) -> np.ndarray:
    """Sum of `values`, one for each stored entry, over each row."""
    numbers = np.repeat(np.arange(len(rows)), rows.counts())
    return np.bincount(numbers, weights=values, minlength=len(rows))
