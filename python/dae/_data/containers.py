"""Containers of data that would be misread, or whose error would name neither column nor remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import numpy as np
from sklearn.utils._missing import is_pandas_na

_MOST_NAMED = 5  # columns in a message

_CODE_THEM = (
    "Encode text and categories with OneHotEncoder or OrdinalEncoder in a ColumnTransformer, turn "
    "dates into numbers, or drop these columns."
)


@contextmanager
def understood(name: str, X: Any) -> Iterator[None]:
    """Around scikit-learn's checks of X: what they let pass, and what they do not say.

    Raises
    ------
    ValueError
        X is a data frame with columns that are not numbers.
    """
    _refuse_columns(name, [column for column in _columns(X) if column[1].startswith(_TIMES)])
    try:
        # scikit-learn looks for NaN in a sum, which is infinity minus infinity for huge values
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except (TypeError, ValueError) as error:
        strange = [column for column in _columns(X) if not _is_number(X, column)]
        if not strange and isinstance(error, TypeError):  # text of digits, with NA
            strange = [column for column in _columns(X) if _is_text(X, column)]
        _refuse_columns(name, strange)
        raise


def check_not_masked(name: str, values: Any) -> None:
    """Raise ValueError for masked entries, whose values would be used as they are."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(
            f"{name} is a masked array with {np.ma.count_masked(values)} masked values, which are "
            f"not supported. Fill them, for example with {name}.filled(0) or SimpleImputer, or "
            f"pass {name}.data to use the values behind the mask."
        )


def check_same_columns(X: Any, X_corrupted: Any) -> None:
    """Raise ValueError if two data frames do not have the same columns in the same order."""
    if not (_is_frame(X) and _is_frame(X_corrupted)):
        return
    expected, given = list(X.columns), list(X_corrupted.columns)
    if expected == given:
        return
    if sorted(map(str, expected)) == sorted(map(str, given)):
        problem = "has them in another order"
    else:
        strange = [name for name in given if name not in expected]
        absent = [name for name in expected if name not in given]
        problem = f"lacks {_listed(absent)} and has {_listed(strange)}"
    raise ValueError(
        f"X_corrupted must have the columns of X in the same order; it {problem}. Pass "
        "X_corrupted[X.columns], or an array to compare by position."
    )


# ------------------------------------------------------------------ columns

# dtypes of NumPy, pandas, Arrow and polars whose values would convert to numbers without a word
_TIMES = ("date", "time", "duration")
_CATEGORIES = ("category", "categorical", "enum")
_TEXTS = ("str", "string", "large_string", "utf8")
_NUMBERS = re.compile(r"(u?int|float|bool|boolean|complex|decimal|sparse|null)\d*\b")

_Column = tuple[Any, str, int]  # name, dtype, position


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "dtypes") and getattr(X, "ndim", 2) == 2


def _columns(X: Any) -> Iterator[_Column]:
    """The columns of a data frame; an array of one dtype counts as one column."""
    if _is_frame(X):
        for k, (name, dtype) in enumerate(zip(X.columns, X.dtypes, strict=True)):
            yield name, str(dtype).lower(), k
    elif isinstance(X, np.ndarray):
        yield "all", str(X.dtype), 0


def _is_number(X: Any, column: _Column) -> bool:
    """Whether a column can be converted to numbers."""
    if not _is_frame(X):
        return True  # scikit-learn's error says enough
    _, dtype, k = column
    if _NUMBERS.match(dtype):
        return True
    try:
        np.asarray(_values(X, k), dtype=np.float64)
    except Exception:
        return False
    return True


def _values(X: Any, k: int) -> Any:
    """The k-th column of a data frame."""
    return X.iloc[:, k] if hasattr(X, "iloc") else X[:, k]


def _is_text(X: Any, column: _Column) -> bool:
    """Whether a column of a data frame is text, or objects of which one is."""
    _, dtype, k = column
    if dtype == "object" and _is_frame(X):
        return any(isinstance(value, str) for value in _values(X, k))
    return dtype.startswith(_TEXTS)


def holds_only_numbers(X: Any) -> bool:
    """Whether X is an array, or a data frame whose columns are numbers or booleans.

    Text is no number, also where it consists of digits.
    """
    if not _is_frame(X):
        return True
    return all(
        not column[1].startswith((*_TIMES, *_CATEGORIES))
        and not _is_text(X, column)
        and _is_number(X, column)
        for column in _columns(X)
    )


def _refuse_columns(name: str, columns: list[_Column]) -> None:
    if columns:
        named = [f"{column!r} ({dtype})" for column, dtype, _ in columns]
        raise ValueError(f"{name} has columns that are not numbers: {_listed(named)}. {_CODE_THEM}")


def _listed(names: list[Any]) -> str:
    shown = ", ".join(map(str, names[:_MOST_NAMED]))
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown or "no others"


# ------------------------------------------------------------------ missing values


def missing_objects(values: np.ndarray) -> np.ndarray:
    """Which Python objects are missing, bool of their shape: None, NaN, NaT, `pandas.NA`."""
    missing = [_is_missing(value) for value in values.ravel().tolist()]
    return np.array(missing, dtype=bool).reshape(values.shape)


def _is_missing(value: Any) -> bool:
    if value is None or is_pandas_na(value):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # an array, for example
        return False


def with_nan(name: str, X: Any, dtype: Any) -> Any:
    """X with NaN where it says missing in a way that scikit-learn cannot convert to numbers.

    That is a mask of a masked array, `pandas.NA` or NaT among Python objects, and NA among the
    decimals of Arrow. Other X are returned as they are.

    Parameters
    ----------
    dtype : float dtype
        Of a masked array's result, which is a copy.
    """
    if isinstance(X, np.ma.MaskedArray):
        if X.dtype.kind in "biufO" and np.ma.is_masked(X):
            with np.errstate(over="ignore", invalid="ignore"):  # what is behind the mask
                floats: Any = X.astype(dtype)
            return floats.filled(np.nan)
        check_not_masked(name, X)
    elif isinstance(X, np.ndarray) and X.dtype == object:
        missing = missing_objects(X)
        if missing.any():
            return np.where(missing, np.nan, X)
    elif _is_frame(X) and hasattr(X, "isna"):
        return _frame_with_nan(X)
    return X


def _frame_with_nan(X: Any) -> Any:
    """A data frame of pandas with NaN in its columns of objects and of Arrow's decimals."""
    kinds = [kind for _, kind, _ in _columns(X)]
    decimals = [k for k, kind in enumerate(kinds) if kind.startswith("decimal")]
    if decimals:
        X = X.copy(deep=False)
        for k in decimals:
            X.isetitem(k, X.iloc[:, k].to_numpy(np.float64, na_value=np.nan))
    if "object" in kinds:
        missing = X.isna()
        if missing.to_numpy().any():
            return X.astype(object).mask(missing, np.nan)
    return X


def refuse_stored_nan(name: str, values: np.ndarray) -> None:
    """Raise ValueError if NaN is among the values that sparse rows store."""
    if len(values) and np.isnan(values.min()):  # without a mask of them
        raise ValueError(
            f"{name} is sparse and stores NaN. Missing entries are for dense rows; what sparse "
            f"rows do not store is 0. Fill the entries or leave them out, or pass {name}.toarray()."
        )
