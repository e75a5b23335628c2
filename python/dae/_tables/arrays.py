"""Two-dimensional arrays as tables: a column's name is its position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dae._tables.column import (
    BOOLEANS,
    DATES,
    INTEGERS,
    NUMBERS,
    Column,
    Times,
    level_column,
    object_column,
    seconds_of,
    times_of,
)
from dae._tables.schema import Filling, Schema, missing_in, observed_objects, whole


@dataclass(frozen=True)
class ArraySchema(Schema):
    """Number of columns and dtype of an array.

    An array of numbers holds numbers and nothing else: no column of it is a category unless the
    user says so.
    """

    n_columns: int
    dtype: np.dtype
    names: list[Any] = field(init=False)

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
        missing = np.array([value is None or value != value for value in values.tolist()], bool)
        return object_column(name, values, missing)

    def build(self, values: Sequence[np.ndarray], like: Any = None) -> np.ndarray:
        kind = self.dtype.kind
        if kind in "OUS":
            columns = [observed_objects(each, missing_in(each), np.nan) for each in values]
            X = np.column_stack(columns) if columns else np.empty((0, 0), object)
            return X if kind == "O" else X.astype(self.dtype.kind)
        X = np.column_stack(values)
        if kind in "mM":
            return times_of(X, kind).astype(self.dtype)
        if np.isnan(X).any() and kind != "f":
            return X
        if kind == "b":
            return X >= 0.5
        if kind in "iu":
            return whole(X, self.dtype)
        return X.astype(self.dtype)

    def fill(self, X: np.ndarray, fillings: Sequence[Filling | None]) -> np.ndarray:
        filled = X.copy()
        for k, filling in enumerate(fillings):
            if filling is not None:
                new = filling.values[filling.where]
                kind = X.dtype.kind
                filled[filling.where, k] = times_of(new, kind) if kind in "mM" else new
        return filled

    def numbers(self, values: np.ndarray, names: Sequence[Any], like: Any = None) -> np.ndarray:
        return values

    def take(self, positions: Sequence[int]) -> ArraySchema:
        return ArraySchema(len(positions), self.dtype)
