"""pandas DataFrames as tables. Imported only once the user has imported pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pandas as pd

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
    seconds_of,
    times_of,
)
from dae._tables.pandas_plain import dtype_of, index_of, plain_dtype, plain_index
from dae._tables.schema import (
    Filling,
    Schema,
    missing_in,
    objects_like,
    observed_objects,
    refuse_column,
    whole,
)
from dae._tables.state import Fields, is_a, list_of

is_type = pd.api.types


@dataclass(frozen=True)
class PandasSchema(Schema):
    """Names and dtypes of the columns; category sets and time zones are part of the dtypes."""

    names: list[Any]
    dtypes: list[Any]
    labels: Any  # the index of columns, with its own name and levels

    fields: ClassVar[Fields] = {
        **Schema.fields,
        "dtypes": list_of(is_a(np.dtype, pd.api.extensions.ExtensionDtype)),
        "labels": is_a(pd.Index),
    }

    def _by_column(self) -> Sequence[Any]:
        return [self.names, self.dtypes, self.labels]

    def __getstate__(self) -> dict[str, Any]:
        """The fields without objects of pandas, as far as they can do without."""
        state = dict(vars(self))
        if isinstance(state.get("dtypes"), list):
            state["dtypes"] = [plain_dtype(dtype) for dtype in state["dtypes"]]
        if isinstance(state.get("labels"), pd.Index):
            state["labels"] = plain_index(state["labels"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From these fields, or from those of a state that has objects of pandas."""
        fields = dict(state)
        if isinstance(fields.get("dtypes"), list):
            fields["dtypes"] = [dtype_of(dtype) for dtype in fields["dtypes"]]
        if "labels" in fields:
            fields["labels"] = index_of(fields["labels"])
        self.__dict__.update(fields)

    @classmethod
    def of(cls, X: pd.DataFrame) -> PandasSchema:
        return cls(list(X.columns), list(X.dtypes), X.columns)

    def columns(self, X: pd.DataFrame) -> list[Column]:
        return [_column(name, X.iloc[:, k]) for k, name in enumerate(self.names)]

    def build(self, values: Sequence[np.ndarray], like: Any = None) -> pd.DataFrame:
        index = like.index if isinstance(like, pd.DataFrame) else None
        series = {}
        for k, (each, dtype) in enumerate(zip(values, self.dtypes, strict=True)):
            # pandas would make dates its own
            kept = object if is_type.is_object_dtype(dtype) else None
            series[k] = pd.Series(_array(each, dtype), index=index, dtype=kept)
        return _frame(series, index, self.labels)

    def fill(self, X: pd.DataFrame, fillings: Sequence[Filling | None]) -> pd.DataFrame:
        filled = {k: _filled(X.iloc[:, k], filling) for k, filling in enumerate(fillings)}
        return _frame(filled, X.index, X.columns)

    def numbers(self, values: np.ndarray, names: Sequence[Any], like: Any = None) -> pd.DataFrame:
        if not isinstance(like, pd.DataFrame):
            return pd.DataFrame(values, columns=list(names))
        own = list(like.columns) == list(names)  # with levels and a name of their own
        return pd.DataFrame(values, index=like.index, columns=like.columns if own else list(names))

    def emptied(self, X: pd.DataFrame, where: Sequence[np.ndarray]) -> pd.DataFrame:
        columns = {}
        for k, own in enumerate(where):
            old = X.iloc[:, k]
            columns[k] = old.mask(own) if own.any() else old
        return _frame(columns, X.index, X.columns)

    def select(self, X: pd.DataFrame, positions: Sequence[int]) -> pd.DataFrame:
        return X.iloc[:, list(positions)]

    def restored(
        self, built: pd.DataFrame, X: pd.DataFrame, positions: Sequence[int]
    ) -> pd.DataFrame:
        restored = built.copy()
        for k in positions:
            restored.isetitem(k, X.iloc[:, k])
        return restored

    def beside(self, X: pd.DataFrame, flags: np.ndarray, names: Sequence[Any]) -> pd.DataFrame:
        # equal indexes are not aligned, so that a label may be there several times
        beside = self.numbers(flags, names, like=X)
        if isinstance(X.columns, pd.MultiIndex):
            others = [""] * (X.columns.nlevels - 1)
            tuples = [(name, *others) for name in names]
            beside.columns = pd.MultiIndex.from_tuples(tuples, names=X.columns.names)
        return pd.concat([X, beside], axis=1) if len(names) else X


def _frame(series: dict[int, Any], index: Any, labels: pd.Index) -> pd.DataFrame:
    """A frame of columns that are numbered, with these labels."""
    frame = pd.DataFrame(series, index=index)
    frame.columns = labels
    return frame


def _filled(old: pd.Series, filling: Filling | None) -> pd.Series:
    """A copy of a column with new values in some cells."""
    if filling is None or not filling.where.any():
        return old.copy()
    new = filling.values[filling.where]
    dtype = old.dtype
    if isinstance(dtype, pd.SparseDtype):  # which cannot be written into
        return _filled(old.sparse.to_dense(), filling).astype(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        strange = [level for level in dict.fromkeys(new.tolist()) if level is not None]
        strange = [level for level in strange if level not in dtype.categories]
        if strange:  # X declares fewer levels than the table of `fit`
            old = old.cat.add_categories(strange)
            dtype = old.dtype
    series = old.copy()
    if is_type.is_object_dtype(dtype):
        new = objects_like(new, old[~filling.where].to_numpy())
    series.iloc[np.flatnonzero(filling.where)] = _array(new, dtype)
    return series


def _column(name: Any, values: pd.Series) -> Column:
    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
        dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy().astype(np.int64)
        levels = tuple(dtype.categories.tolist())
        return Column(
            name, LEVELS, codes=codes, levels=levels, declared=True, ordered=bool(dtype.ordered)
        )
    if is_type.is_bool_dtype(dtype):
        return Column(name, BOOLEANS, numbers=_floats(values))
    if is_type.is_complex_dtype(dtype):
        raise refuse_column(name, dtype)
    if is_type.is_numeric_dtype(dtype):
        holds = INTEGERS if is_type.is_integer_dtype(dtype) else NUMBERS
        return Column(name, holds, numbers=_floats(values))
    if is_type.is_datetime64_any_dtype(dtype):
        if isinstance(dtype, pd.ArrowDtype):
            values = pd.Series(pd.DatetimeIndex(pd.to_datetime(values.astype(object))))
        times = Times(zone=values.dt.tz)
        if values.dt.tz is not None:
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return Column(name, DATES, numbers=seconds_of(values.to_numpy()), times=times)
    if _holds_durations(dtype):
        # pandas 2.0 does not convert Arrow's with NA itself
        arrow = isinstance(dtype, pd.ArrowDtype)
        durations = (values.array.__arrow_array__() if arrow else values).to_numpy()
        return Column(name, DATES, numbers=seconds_of(durations), times=Times(duration=True))
    missing = values.isna().to_numpy(dtype=bool)
    if is_type.is_object_dtype(dtype) or _holds_dates(dtype):
        return object_column(name, values.to_numpy(dtype=object), missing)
    return level_column(name, values.to_list(), missing)


def _holds_durations(dtype: Any) -> bool:
    """Whether it is a dtype of durations, of NumPy or Arrow."""
    return is_type.is_timedelta64_dtype(dtype) or (
        isinstance(dtype, pd.ArrowDtype) and dtype.kind == "m"
    )


def _holds_dates(dtype: Any) -> bool:
    """Whether it is Arrow's dtype of dates without a time of day."""
    return isinstance(dtype, pd.ArrowDtype) and dtype.type is date


def _floats(values: pd.Series) -> np.ndarray:
    return values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)


def _array(values: np.ndarray, dtype: Any) -> Any:
    """Values of a column, levels as objects, in a dtype of pandas."""
    missing = missing_in(values)
    if isinstance(dtype, pd.SparseDtype):
        return pd.arrays.SparseArray(values, dtype=dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return pd.Categorical(observed_objects(values, missing, None), dtype=dtype)
    if is_type.is_datetime64_any_dtype(dtype):
        times = pd.Series(times_of(values, "M"))
        tz = getattr(dtype, "tz", None) or getattr(
            getattr(dtype, "pyarrow_dtype", None), "tz", None
        )
        if tz is not None:
            times = times.dt.tz_localize("UTC").dt.tz_convert(tz)
        return times.astype(dtype).array
    if _holds_durations(dtype):
        durations = pd.Series(times_of(values, "m"))
        if isinstance(dtype, pd.ArrowDtype):  # which refuses to lose what its unit cannot hold
            durations = durations.astype(f"timedelta64[{dtype.pyarrow_dtype.unit}]")
        return durations.astype(dtype).array
    if values.dtype.kind != "f":
        return pd.array(observed_objects(values, missing, None), dtype=dtype)
    if is_type.is_bool_dtype(dtype):
        return _masked(values >= 0.5, missing, dtype)
    if is_type.is_integer_dtype(dtype):
        plain = getattr(dtype, "numpy_dtype", dtype)
        return _masked(whole(np.where(missing, 0, values), plain), missing, dtype)
    if is_type.is_object_dtype(dtype):
        return observed_objects(values, missing, None)
    return pd.array(values, dtype=dtype)


def _masked(values: np.ndarray, missing: np.ndarray, dtype: Any) -> Any:
    """Booleans or integers with missing ones, if the dtype has a place for them."""
    if not missing.any():
        return pd.array(values, dtype=dtype)
    if isinstance(dtype, np.dtype):  # cannot say missing: what pandas itself does
        return np.where(missing, np.nan, values.astype(np.float64))
    return pd.array(observed_objects(values, missing, None), dtype=dtype)
