"""Two-dimensional arrays as tables: a column's name is its position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from dae._data.containers import missing_objects
from dae._model.damage import checked_count
from dae._tables.column import (
    BOOLEANS,
    DATES,
    INTEGERS,
    NUMBERS,
    Column,
    Times,
    fits_float,
    level_column,
    object_column,
    seconds_of,
    times_of,
)
from dae._tables.schema import Filling, Schema, missing_in, objects_like, observed_objects, whole
from dae._tables.state import Fields, is_a


@dataclass(frozen=True)
class ArraySchema(Schema):
    """Number of columns and dtype of an array.

    An array of numbers holds numbers and nothing else: no column of it is a category unless the
    user says so.
    """

    n_columns: int
    dtype: np.dtype
    names: list[Any] = field(init=False)

    fields: ClassVar[Fields] = {
        **Schema.fields,
        "n_columns": checked_count,
        "dtype": is_a(np.dtype),
    }

    def _by_column(self) -> Sequence[Any]:
        return [self.names, range(self.n_columns)]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", list(range(self.n_columns)))

    @classmethod
    def of(cls, X: np.ndarray) -> ArraySchema:
        return cls(X.shape[1], X.dtype)

    def columns(self, X: np.ndarray) -> list[Column]:
        return [self._column(name, X[:, name]) for name in self.names]

    def _column(self, name: int, values: np.ndarray) -> Column:
        kind = values.dtype.kind
        if kind == "b":
            return Column(name, BOOLEANS, numbers=values.astype(np.float64))
        if kind in "iu":
            return Column(name, INTEGERS, numbers=values.astype(np.float64))
        if kind == "f":
            return Column(name, NUMBERS, numbers=values.astype(np.float64))
        if kind in "mM":
            times = Times(duration=kind == "m")
            return Column(name, DATES, numbers=seconds_of(values), times=times)
        if kind in "US":
            return level_column(name, values.tolist(), np.zeros(len(values), bool))
        return object_column(name, values, missing_objects(values))

    def build(self, values: Sequence[np.ndarray], like: Any = None) -> np.ndarray:
        kind = self.dtype.kind
        if kind in "OUS":
            columns = [observed_objects(each, missing_in(each), np.nan) for each in values]
            X = np.column_stack(columns) if columns else np.empty((0, 0), object)
            return X if kind == "O" else X.astype(self.dtype.kind)
        return _converted(np.column_stack(values), self.dtype)

    def fill(self, X: np.ndarray, fillings: Sequence[Filling | None]) -> np.ndarray:
        filled = X.copy()
        for k, filling in enumerate(fillings):
            if filling is not None:
                new = _converted(filling.values[filling.where], X.dtype)
                if X.dtype == object:
                    new = objects_like(new, X[~filling.where, k])
                filled = _wide_enough(filled, new)  # a level may be a longer text than those of X
                filled[filling.where, k] = new
        return filled

    def numbers(self, values: np.ndarray, names: Sequence[Any], like: Any = None) -> np.ndarray:
        return values

    def emptied(self, X: np.ndarray, where: Sequence[np.ndarray]) -> np.ndarray:
        cells = np.column_stack(where)
        if not cells.any():
            return X
        kind = X.dtype.kind
        emptied = X.astype(X.dtype if kind == "f" else np.float64 if kind in "iub" else object)
        emptied[cells] = np.nan
        return emptied

    def select(self, X: np.ndarray, positions: Sequence[int]) -> np.ndarray:
        return X[:, list(positions)]

    def restored(self, built: np.ndarray, X: np.ndarray, positions: Sequence[int]) -> np.ndarray:
        restored = _wide_enough(built.copy(), X)
        restored[:, list(positions)] = X[:, list(positions)]
        return restored

    def beside(self, X: np.ndarray, flags: np.ndarray, names: Sequence[Any]) -> np.ndarray:
        if not len(names):
            return X
        dtype = X.dtype if X.dtype.kind in "iufb" else np.dtype(object)
        return np.hstack([X.astype(dtype, copy=False), flags.astype(dtype)])


def without_mask(X: np.ma.MaskedArray) -> np.ndarray:
    """A masked array as one that says itself which of its entries are missing.

    Numbers, also those among objects, are float64 then, times of their dtype, and others objects.
    """
    kind = X.dtype.kind
    if kind in "biuf":
        return np.ma.filled(X.astype(np.float64), np.nan)
    if kind in "mM":
        missing: Any = np.array("NaT", dtype=X.dtype)
        return X.filled(missing)
    if not np.ma.is_masked(X) and kind != "O":
        return X.data
    objects = np.where(np.ma.getmaskarray(X), np.nan, X.data.astype(object))
    return objects.astype(np.float64) if kind == "O" and _only_numbers(objects) else objects


def _only_numbers(values: np.ndarray) -> bool:
    return all(
        isinstance(value, (Real, Decimal)) and fits_float(value)
        for value in values.ravel().tolist()
    )


def _converted(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Numbers, or levels as objects, in the dtype of an array; texts as long as they are."""
    kind = dtype.kind
    if kind in "US":
        return values.astype(kind)
    if kind == "O" or values.dtype == object:
        return values
    if kind in "mM":
        return times_of(values, kind).astype(dtype)
    if kind != "f" and np.isnan(values).any():
        return values
    if kind == "b":
        return values >= 0.5
    if kind in "iu":
        return whole(values, dtype)
    return values.astype(dtype)


def _wide_enough(X: np.ndarray, other: np.ndarray) -> np.ndarray:
    """X in a dtype that values of another array fit into as well."""
    return X.astype(np.result_type(X.dtype, other.dtype), copy=False)
