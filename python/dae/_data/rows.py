"""Rows of data: the only classes that know how X lies in memory.

`Rows` is a dense array or a memory map, `SparseRows` holds the non-zeros alone. Everything else
asks them with the verbs below, so that another layout needs another class with the same verbs and
nothing else in Python: `take`, `part`, `blocks`, `features`, `feature_range`, `value_range`,
`largest_energy`, `lengths`, `equals`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dae import _core
from dae._model.csr import CSR
from dae._model.layout import is_plain
from dae._model.losses import Loss
from dae._model.missing import Categories, is_missing, without_missing

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))

# Entries of a temporary array when X is read block by block: X is never copied whole.
BLOCK = 2**20


class Rows:
    """Samples as rows of a dense array of any layout and real dtype; never copied whole.

    Parameters
    ----------
    array : ndarray of shape (n_rows, n_features)
        The core is given this object itself where it can read it `as_they_lie`.
    missing : bool
        Whether entries may be NaN, that is missing.
    """

    __slots__ = ("array", "missing")

    is_sparse = False

    def __init__(self, array: np.ndarray, *, missing: bool = False) -> None:
        self.array = array
        self.missing = missing

    @classmethod
    def with_missing(cls, array: np.ndarray, n_jobs: int | None = None) -> Rows:
        """Rows of a finite array, but for NaN, which are missing entries: are there any?"""
        rows = cls(array)
        if array.dtype in FLOATS and is_plain(array):
            rows.missing = not rows.is_finite(n_jobs)
        elif array.dtype.kind == "f":
            rows.missing = any(is_missing(block).any() for _, block in rows.blocks())
        return rows

    def __len__(self) -> int:
        return len(self.array)

    @property
    def n_features(self) -> int:
        return self.array.shape[1]

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def core_input(self) -> np.ndarray | CSR:
        """What the core is given to train on."""
        return self.array

    @property
    def container(self) -> Any:
        """The data as a user may be given them: an array, or SciPy's CSR."""
        return self.array

    def as_they_lie(self, dtype: np.dtype) -> np.ndarray | CSR | None:
        """The array itself if the core can read it without conversion to `dtype`, else None."""
        array = self.array
        return array if array.dtype == dtype and is_plain(array) else None

    def is_finite(self, n_jobs: int | None) -> bool:
        """Whether rows that are not empty and can be read as they lie have only finite entries."""
        return _core.all_finite(self.array, n_jobs)

    # -------------------------------------------------------------- parts

    def columns(self, own: slice) -> Rows:
        """Some features of all rows."""
        return Rows(self.array[:, own], missing=self.missing)

    def subset(self, index: np.ndarray) -> Rows:
        """Some rows, copied."""
        return Rows(self.array[index], missing=self.missing)

    def shown(self, index: Any, categories: Categories = ()) -> np.ndarray | CSR:
        """`part` as the network encodes it: 0 where an entry is missing."""
        return self.filled(self.part(index), categories)

    def filled(self, block: np.ndarray | CSR, categories: Categories = ()) -> np.ndarray | CSR:
        """A block of these rows with 0 where an entry is missing."""
        if not self.missing:
            return block
        assert isinstance(block, np.ndarray)
        return without_missing(block, categories)

    def take(self, index: Any) -> np.ndarray:
        """The rows of an index array, copied, or of a slice, perhaps a view."""
        return self.array[index]

    def part(self, index: Any) -> np.ndarray | CSR:
        """The rows of an index array or of a slice as the core encodes them: dense, or CSR."""
        return self.take(index)

    def slices(self, n_rows: int | None = None) -> Iterator[slice]:
        """Consecutive rows of blocks whose dense form is small, of `n_rows` rows or of all."""
        n_rows = len(self) if n_rows is None else n_rows
        step = rows_per_block(self.n_features)
        for start in range(0, n_rows, step):
            yield slice(start, min(start + step, n_rows))

    def blocks(self, index: np.ndarray | None = None) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of consecutive rows (of X[index], if given) and where they lie in the result."""
        for part in self.slices(None if index is None else len(index)):
            yield part, self.take(part if index is None else index[part])

    def converted_blocks(
        self, dtype: np.dtype, *, unpacked: bool = True
    ) -> Iterator[tuple[slice, np.ndarray | CSR]]:
        """The blocks as the core reads them: of that dtype and C-ordered, or CSR.

        With `unpacked`, blocks of sparse rows are small when they are dense, too.
        """
        for part, block in self.blocks():
            yield part, converted(block, dtype)

    def features(self) -> Iterator[tuple[np.ndarray, int]]:
        """The values of each feature that are not missing, and how many zeros are beside them."""
        for column in self.array.T:
            yield column[~is_missing(column)] if self.missing else column, 0

    # -------------------------------------------------------------- summaries

    def feature_range(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minimum and maximum of each feature over X[index]; NaN where all are missing."""
        lowest, highest = (np.fmin, np.fmax) if self.missing else (np.minimum, np.maximum)
        if len(index) == len(self):
            return lowest.reduce(self.array, axis=0), highest.reduce(self.array, axis=0)
        edges = [
            (lowest.reduce(block, axis=0), highest.reduce(block, axis=0))
            for _, block in self.blocks(index)
        ]
        low, high = zip(*edges, strict=True)
        return lowest.reduce(low, axis=0), highest.reduce(high, axis=0)

    def value_range(self) -> tuple[float, float]:
        """Smallest and largest entry; 0 and 0 where all are missing."""
        if not self.missing:
            return self.array.min(), self.array.max()
        low, high = np.fmin.reduce(self.array, axis=None), np.fmax.reduce(self.array, axis=None)
        return (low, high) if low <= high else (0.0, 0.0)

    def observed_shares(self, loss: Loss) -> np.ndarray:
        """How much of the loss of each row can be observed, from 0 to 1, float64."""
        shares = [loss.observed_share(is_missing(block)) for _, block in self.blocks()]
        return np.concatenate(shares)

    def lengths(self) -> np.ndarray:
        """Euclidean length of each row, float64.

        Non-zeros are added one after the other, so that sparse and dense rows get the same bits.
        """
        lengths = np.empty(len(self))
        for part, block in self.blocks():
            rows, columns = np.nonzero(block)
            squares = block[rows, columns].astype(np.float64) ** 2
            lengths[part] = np.sqrt(np.bincount(rows, weights=squares, minlength=len(block)))
        return lengths

    def largest_energy(self, origin: float = 0.0) -> float:
        """Largest squared distance of a row from `origin`; missing entries are at it."""
        largest = 0.0
        for _, block in self.blocks():
            block = block.astype(np.float64)
            if self.missing:
                block[is_missing(block)] = origin
            if origin:
                block -= origin
            largest = max(largest, float(np.einsum("ij,ij->i", block, block).max()))
        return largest

    def equals(self, other: Rows, index: np.ndarray) -> bool:
        """Whether X[index] is the same in both."""
        return all(
            np.array_equal(mine, theirs, equal_nan=self.missing)
            for (_, mine), (_, theirs) in zip(self.blocks(index), other.blocks(index), strict=True)
        )


def rows_per_block(entries: float) -> int:
    """How many rows of so many entries are read at a time."""
    return max(1, int(BLOCK // entries))


def converted(block: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in C order and of that dtype. Raises ValueError if one is too large for it."""
    with np.errstate(over="ignore"):
        result = np.require(block, dtype=dtype, requirements=["C", "A"])
    # A float64 may become infinite in float32. An infinity that was in X was let in on purpose.
    if block.dtype.kind == "f" and block.dtype.itemsize > dtype.itemsize:
        if not np.array_equal(np.isfinite(result), np.isfinite(block)):
            raise ValueError(
                f"X has a value too large for {dtype}, the dtype that the estimator was fitted "
                "in. Scale X, or fit on float64 data."
            )
    return result
