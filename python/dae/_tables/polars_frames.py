"""polars DataFrames as tables. Imported only once the user has imported polars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from dae._tables.column import (
    BOOLEANS,
    DATES,
    INTEGERS,
    LEVELS,
    NUMBERS,
    Column,
    Times,
    level_column,
    object_column,
)
from dae._tables.schema import (
    Filling,
    Schema,
    missing_in,
    observed_objects,
    refuse_column,
    whole,
)
from dae._tables.state import Fields, is_a, list_of


@dataclass(frozen=True)
class PolarsSchema(Schema):
    """Names and dtypes of the columns; the levels of an Enum are part of its dtype."""

    names: list[Any]
    dtypes: list[Any]

    fields: ClassVar[Fields] = {
        "names": list_of(is_a(str)),
        "dtypes": list_of(is_a(pl.DataType, type(pl.DataType))),
    }

    def _by_column(self) -> Sequence[Any]:
        return [self.names, self.dtypes]

    @classmethod
    def of(cls, X: pl.DataFrame) -> PolarsSchema:
        return cls(list(X.columns), list(X.dtypes))

    def columns(self, X: pl.DataFrame) -> list[Column]:
        return [_column(name, X.to_series(k)) for k, name in enumerate(self.names)]

    def build(self, values: Sequence[np.ndarray], like: Any = None) -> pl.DataFrame:
        return pl.DataFrame(
            [
                _series(name, each, dtype)
                for name, each, dtype in zip(self.names, values, self.dtypes, strict=True)
            ]
        )

    def fill(self, X: pl.DataFrame, fillings: Sequence[Filling | None]) -> pl.DataFrame:
        filled = []
        for k, filling in enumerate(fillings):
            old = X.to_series(k)
            if filling is not None and filling.where.any():
                dtype = old.dtype
                if isinstance(dtype, pl.Enum):
                    chosen = dict.fromkeys(filling.values[filling.where].tolist())
                    strange = [
                        level
                        for level in chosen
                        if level is not None and level not in set(dtype.categories)
                    ]
                    if strange:  # X declares fewer levels than the table of `fit`
                        dtype = pl.Enum([*dtype.categories, *strange])
                        old = old.cast(dtype)
                # the rest of `values` need not fit the dtype
                values = np.where(filling.where, filling.values, _nothing(filling.values))
                new = _series(old.name, values, dtype)
                old = new.zip_with(pl.Series(filling.where), old)
            filled.append(old)
        return pl.DataFrame(filled)

    def numbers(self, values: np.ndarray, names: Sequence[Any], like: Any = None) -> pl.DataFrame:
        return pl.DataFrame(values, schema=[str(name) for name in names])

    def emptied(self, X: pl.DataFrame, where: Sequence[np.ndarray]) -> pl.DataFrame:
        return pl.DataFrame([_emptied(X.to_series(k), own) for k, own in enumerate(where)])

    def select(self, X: pl.DataFrame, positions: Sequence[int]) -> pl.DataFrame:
        return X.select([self.names[k] for k in positions])

    def restored(
        self, built: pl.DataFrame, X: pl.DataFrame, positions: Sequence[int]
    ) -> pl.DataFrame:
        return built.with_columns([X.to_series(k) for k in positions])

    def beside(self, X: pl.DataFrame, flags: np.ndarray, names: Sequence[Any]) -> pl.DataFrame:
        return X.hstack(self.numbers(flags, names))


def _emptied(column: pl.Series, where: np.ndarray) -> pl.Series:
    """A column without some of its values."""
    if not where.any():
        return column
    if isinstance(column.dtype, pl.Enum):  # which polars 1.0 does not set, nor objects
        return _emptied(column.cast(pl.String), where).cast(column.dtype)
    if column.dtype == pl.Object:
        kept = [None if own else value for own, value in zip(where, column, strict=True)]
        return pl.Series(column.name, kept, dtype=pl.Object)
    return column.set(pl.Series(where), None)


def _nothing(values: np.ndarray) -> Any:
    return np.nan if values.dtype.kind == "f" else None


def _column(name: Any, values: pl.Series) -> Column:
    dtype = values.dtype
    missing = values.is_null().to_numpy()
    if dtype == pl.Boolean:
        return Column(name, BOOLEANS, numbers=_floats(values))
    if dtype.is_numeric():
        holds = INTEGERS if dtype.is_integer() else NUMBERS
        return Column(name, holds, numbers=_floats(values))
    if dtype in (pl.Date, pl.Datetime, pl.Duration):
        if dtype == pl.Duration:
            values = values.cast(pl.Duration("us"))
        else:
            values = values.cast(pl.Datetime("us"))
        zone = getattr(dtype, "time_zone", None)
        times = Times(zone=ZoneInfo(zone) if zone else None, duration=dtype == pl.Duration)
        return Column(name, DATES, numbers=_floats(values.to_physical()) / 1e6, times=times)
    if isinstance(dtype, pl.Enum):
        codes = values.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
        levels = tuple(dtype.categories.to_list())
        return Column(name, LEVELS, codes=codes, levels=levels, declared=True)
    if dtype in (pl.String, pl.Categorical):
        return level_column(name, values.to_list(), missing)
    if dtype == pl.Null:
        return Column(name, NUMBERS, numbers=np.full(len(values), np.nan))
    if dtype == pl.Object:
        objects = observed_objects(np.array(values.to_list(), dtype=object), missing, None)
        return object_column(name, objects, missing)
    raise refuse_column(name, dtype)


def _floats(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()


def _series(name: Any, values: np.ndarray, dtype: Any) -> pl.Series:
    """Values of a column, levels as objects, in a dtype of polars."""
    missing = missing_in(values)
    if values.dtype.kind != "f":
        return pl.Series(name, observed_objects(values, missing, None).tolist(), dtype=dtype)
    if dtype == pl.Null:
        return pl.Series(name, [None] * len(values), dtype=dtype)
    if dtype in (pl.Date, pl.Datetime, pl.Duration):
        micro = np.rint(np.where(missing, 0, values) * 1e6).astype(np.int64)
        zoned = dtype == pl.Datetime and getattr(dtype, "time_zone", None)
        unit = pl.Duration("us") if dtype == pl.Duration else pl.Datetime("us")
        series = pl.Series(name, micro).cast(unit)
        if zoned:
            series = series.dt.replace_time_zone("UTC")
            series = series.dt.convert_time_zone(dtype.time_zone)
        series = series.cast(dtype)
    elif dtype == pl.Boolean:
        series = pl.Series(name, values >= 0.5)
    elif dtype.is_integer():
        plain = np.uint64 if dtype in _UNSIGNED else np.int64
        limits = np.iinfo(_NARROW.get(str(dtype), plain))
        inside = np.clip(np.where(missing, 0, values), float(limits.min), float(limits.max))
        series = pl.Series(name, whole(inside, np.dtype(plain))).cast(dtype)
    elif dtype == pl.Object:
        return pl.Series(name, observed_objects(values, missing, None).tolist(), dtype=dtype)
    else:
        series = pl.Series(name, np.where(missing, 0, values)).cast(dtype)
    if not missing.any():
        return series
    absent = pl.Series(name, [None] * len(values), dtype=series.dtype)
    return absent.zip_with(pl.Series(missing), series)


# NumPy's types of fewer than 64 bits
_NARROW = {name: name.lower() for name in ("Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32")}
_UNSIGNED = (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
