"""`Schema`: kind, names and dtypes of a table, and what its implementations share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np

from dae._data.containers import missing_objects
from dae._model.damage import damaged
from dae._tables.column import Column
from dae._tables.state import Fields, Record, hashable, list_of


@dataclass(frozen=True)
class Filling:
    """New values for some cells of one column: where, and what; `values` for every row."""

    where: np.ndarray
    values: np.ndarray


class Schema(Record, ABC):
    """Kind, names and dtypes of a table, without its data: what builds another table like it."""

    names: list[Any]

    fields: ClassVar[Fields] = {"names": list_of(hashable)}

    def check_columns(self, path: str, n_columns: int) -> None:
        """Raise ValueError unless names, dtypes and so on are of so many columns."""
        if any(len(each) != n_columns for each in self._by_column()):
            raise damaged(f"{path} must describe {n_columns} columns")

    def _by_column(self) -> Sequence[Any]:
        """All that has an item for each column."""
        return [self.names]

    @abstractmethod
    def columns(self, X: Any) -> list[Column]:
        """Read every column of a table that has this schema."""

    @abstractmethod
    def build(self, values: Sequence[np.ndarray], like: Any = None) -> Any:
        """A table of the schema's dtypes from values as `Column` has them, levels as objects.

        `like`, a table of the same rows, gives its index.
        """

    @abstractmethod
    def fill(self, X: Any, fillings: Sequence[Filling | None]) -> Any:
        """A copy of X with these cells replaced; all others, and the dtypes, as they were."""

    @abstractmethod
    def numbers(self, values: np.ndarray, names: Sequence[Any], like: Any = None) -> Any:
        """A table of this kind of plain numbers (n_rows, n_columns)."""

    def marked(self, X: Any, mark: Any) -> Any:
        """X with missing values where it has the user's own mark of them."""
        return self.emptied(X, [column.equal_to(mark) for column in self.columns(X)])

    @abstractmethod
    def emptied(self, X: Any, where: Sequence[np.ndarray]) -> Any:
        """A copy of X with missing values at these rows of each column.

        Its dtypes are those of X where they can say missing.
        """

    @abstractmethod
    def select(self, X: Any, positions: Sequence[int]) -> Any:
        """These columns of X alone."""

    @abstractmethod
    def restored(self, built: Any, X: Any, positions: Sequence[int]) -> Any:
        """A copy of `built`, a table like X, whose columns at these positions are those of X."""

    @abstractmethod
    def beside(self, X: Any, flags: np.ndarray, names: Sequence[Any]) -> Any:
        """X with columns of booleans behind its own, row by row: (n_rows, n_flags)."""


def refuse_column(name: Any, dtype: Any) -> ValueError:
    """The error for a column whose dtype no kind of column can hold."""
    return ValueError(
        f"Column {name!r} has the dtype {dtype}, which is neither numbers, booleans, dates, text "
        "nor categories. Convert the column to one of them, or drop it."
    )


def whole(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Numbers rounded to integers of a dtype, within its range."""
    range_of = np.iinfo(dtype)
    rounded = np.rint(values)
    # float64 cannot hold the largest integers of 64 bits
    inside = np.clip(rounded, float(range_of.min), np.nextafter(float(range_of.max), 0))
    return inside.astype(dtype)


def observed_objects(values: np.ndarray, missing: np.ndarray, absent: Any) -> np.ndarray:
    """Values as Python objects, `absent` where they are missing."""
    out = np.empty(len(values), dtype=object)
    out[:] = values.tolist()
    out[missing] = absent
    return out


def objects_like(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Numbers as Decimal where all other numbers of a column of objects are; else as they are."""
    if values.dtype.kind != "f" or not any(isinstance(value, Decimal) for value in others):
        return values
    if not all(isinstance(value, Decimal) for value in others[~missing_objects(others)]):
        return values
    decimals = np.empty(len(values), dtype=object)
    decimals[:] = [Decimal(repr(value)) for value in values.tolist()]
    return decimals


def missing_in(values: np.ndarray) -> np.ndarray:
    """Which of some values, as `Schema.build` takes them, are missing."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    return np.array([value is None for value in values], dtype=bool)
