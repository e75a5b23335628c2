"""Containers of data that would be misread, or whose error would name neither column nor remedy."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Complex, Rational, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils._missing import is_pandas_na

from dae._model.numbers import as_float

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
        X has columns that are not numbers, or two of one name, or NumPy cannot read it.
    """
    _refuse_columns(name, list(_oddities(_examined(X))))
    try:
        # scikit-learn looks for NaN in a sum, which is infinity minus infinity for huge values
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except Exception as error:
        if not _is_frame(X):
            refuse_unreadable(name, X)
            raise  # scikit-learn's error says enough
        if type(error).__name__ == "DuplicateError":  # of narwhals, which reads the names
            _refuse_columns_of_one_name(name, X)
        if not isinstance(error, (TypeError, ValueError)):
            _refuse_unreadable_columns(name, X)
            raise
        _refuse_other_fill_values(name, X)
        strange = [column for column in _columns(X) if not _is_number(X, column)]
        if not strange and isinstance(error, TypeError):  # text of which all is NA
            strange = [column for column in _columns(X) if column[1].startswith(_TEXTS)]
        _refuse_columns(name, [(column, column[1]) for column in strange])
        raise


def check_columns(name: str, X: Any) -> None:
    """Raise ValueError for rows that have no columns to be read, whatever they hold."""
    if isinstance(X, np.ndarray) and X.dtype.names:
        raise ValueError(
            f"{name} is a structured array, with the fields {_listed(list(X.dtype.names))}. Pass "
            f"numpy.lib.recfunctions.structured_to_unstructured({name})."
        )
    if type(X).__name__ == "LazyFrame":  # its attributes warn of what they cost
        raise ValueError(
            f"{name} is a polars LazyFrame, which has no rows yet. Pass {name}.collect()."
        )
    dtype = getattr(X, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.isbuiltin == _OF_ANOTHER_LIBRARY:
        raise ValueError(
            f"{name} has the dtype {dtype}, which is none of NumPy's. Pass "
            f"{name}.astype(numpy.float32)."
        )


def with_names(X: Any) -> Any:
    """A RecordBatch of pyarrow as a Table, whose names scikit-learn reads; others as they are."""
    if _is_of_arrow("RecordBatch", X):
        return sys.modules["pyarrow"].Table.from_batches([X])
    return X


def check_numbers(name: str, values: Any) -> None:
    """Raise ValueError unless what comes beside X is numbers that float64 holds.

    NumPy would convert text of digits, dates and durations, drop masks and imaginary parts.
    """
    check_not_masked(name, values)
    values = _examined(values)
    if any(dtype.startswith("complex") for _, dtype, _ in _columns(values)):
        raise ValueError(f"Complex data not supported: {name} must be real numbers.")
    what = next((what for _, what in _oddities(values)), None) or _no_number_among(values)
    if what is not None:
        raise ValueError(f"{name} must be numbers, got {what}. Pass int or float.")


def check_labels(name: str, values: Any) -> None:
    """Raise ValueError for classes that are masked or missing, or of types that do not compare."""
    check_not_masked(name, values)
    if values is None or sparse.issparse(values):
        return
    try:
        labels = np.asarray(values)
    except Exception:  # scikit-learn has words for it
        return
    kind = labels.dtype.kind
    if kind in "ST" or (kind == "V" and not labels.dtype.names):
        raise ValueError(
            f"{name} must be numbers or str, got an array of dtype {labels.dtype}. Pass "
            f"{name}.astype(str), or the numbers of the classes."
        )
    if labels.dtype != object:
        return
    if missing_objects(labels).any():
        raise ValueError(
            f"{name} has missing values. Leave out their rows, or give them a class of their own."
        )
    kinds = {isinstance(label, str) for label in labels.ravel().tolist()}
    if len(kinds) > 1:
        raise ValueError(
            f"{name} must be numbers or str, got both, which have no order. Pass "
            f"numpy.asarray({name}, dtype=str)."
        )


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
    expected, given = column_names(X), column_names(X_corrupted)
    if expected == given:
        return
    if sorted(map(str, expected)) == sorted(map(str, given)):
        problem = "has them in another order"
    else:
        strange = [name for name in given if name not in expected]
        absent = [name for name in expected if name not in given]
        problem = f"lacks {_listed(absent)} and has {_listed(strange)}"
    names = "list(X.columns)" if hasattr(X, "dtypes") else "X.schema.names"
    chosen = f"[{names}]" if hasattr(X_corrupted, "dtypes") else f".select({names})"
    raise ValueError(
        f"X_corrupted must have the columns of X in the same order; it {problem}. Pass "
        f"X_corrupted{chosen}, or an array to compare by position."
    )


def check_order_of_codes(estimator: Any, H: Any) -> None:
    """Raise ValueError if a data frame has the columns of `transform` in another order."""
    if not _is_frame(H):
        return
    given, expected = column_names(H), list(estimator.get_feature_names_out())
    if given != expected and sorted(map(str, given)) == sorted(map(str, expected)):
        raise ValueError(
            "inverse_transform requires the columns in the order of get_feature_names_out(); they "
            "are in another order. Pass what transform returned."
        )


# ------------------------------------------------------------------ columns

# dtypes of NumPy, pandas, Arrow and polars whose values would convert to numbers without a word
_TIMES = ("date", "time", "duration")
_NESTED = ("struct", "array")
_TIME_OBJECTS = (date, time, timedelta, np.datetime64, np.timedelta64)
_CATEGORIES = ("category", "categorical", "enum")
_TEXTS = ("str", "string", "large_string", "utf8")
_NUMBERS = re.compile(
    r"(u?int|float|halffloat|double|bool|boolean|complex|decimal|sparse|null)\d*\b"
)

_OF_ANOTHER_LIBRARY = 2  # what `dtype.isbuiltin` says of bfloat16, for example

_COMPLEX = "complex numbers"
_TOO_LARGE = "numbers too large for float64"

_Column = tuple[Any, str, int]  # name, dtype, position


def _is_frame(X: Any) -> bool:
    """Whether X is a data frame, or a table of pyarrow."""
    if _is_of_arrow("Table", X) or _is_of_arrow("RecordBatch", X):
        return True
    return hasattr(X, "columns") and hasattr(X, "dtypes") and getattr(X, "ndim", 2) == 2


def _is_of_arrow(name: str, X: Any) -> bool:
    """Whether X is of this class of pyarrow, which is never imported here."""
    module = sys.modules.get("pyarrow")
    return module is not None and isinstance(X, getattr(module, name, ()))


def column_names(X: Any) -> list[Any]:
    """The names of the columns of a data frame."""
    return list(X.columns) if hasattr(X, "dtypes") else list(X.schema.names)


def _dtypes(X: Any) -> list[Any]:
    """The dtypes of the columns of a data frame."""
    return list(X.dtypes) if hasattr(X, "dtypes") else list(X.schema.types)


def _columns(X: Any) -> Iterator[_Column]:
    """The columns of a data frame, or of an array of objects; other arrays count as one column."""
    if _is_frame(X):
        for k, (name, dtype) in enumerate(zip(column_names(X), _dtypes(X), strict=True)):
            yield name, str(dtype).lower(), k
    elif isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 2:
        yield from ((k, "object", k) for k in range(X.shape[1]))
    elif hasattr(X, "dtype"):
        yield "all", str(X.dtype).lower(), 0


def _values(X: Any, k: int) -> Any:
    """The k-th column."""
    if hasattr(X, "iloc"):
        return X.iloc[:, k]
    return X[:, k] if hasattr(X, "dtypes") or isinstance(X, np.ndarray) else X.column(k)


def _examined(X: Any) -> Any:
    """X with a dtype or with columns: the array that NumPy makes of a list; None if it cannot."""
    if hasattr(X, "dtype") or _is_frame(X):
        return X
    try:
        return np.asarray(X)
    except Exception:  # scikit-learn has words for it
        return None


def _oddities(X: Any) -> Iterator[tuple[_Column, str]]:
    """Columns with what NumPy would convert to numbers without a word, or not at all."""
    for column in _columns(X):
        name, dtype, k = column
        if dtype.startswith(_TIMES + _NESTED):
            yield column, dtype
        elif not _NUMBERS.match(dtype):
            values = X if name == "all" and not _is_frame(X) else _values(X, k)
            what = oddity_among(values, str(getattr(values, "dtype", dtype)))
            if what is not None:
                yield column, what


def oddity_among(values: Any, dtype: str | None = None) -> str | None:
    """Text, times, complex or too large numbers among values of one dtype, in words, or None."""
    dtype = str(values.dtype) if dtype is None else dtype
    plain = dtype.lower().startswith(_TEXTS)  # a dtype that says enough
    try:
        if not isinstance(values, np.ndarray):
            values = np.asarray(values)
    except Exception:  # of another library: scikit-learn may convert them all the same
        return None
    if values.dtype != object:
        kind = values.dtype.kind
        if kind in "SUT":
            return dtype if plain else f"text, {dtype}"
        return dtype if kind in "mMV" else None
    for value in values.ravel().tolist():
        if isinstance(value, (str, bytes, *_TIME_OBJECTS)):
            if not _is_missing(value):  # as NaT
                return dtype if plain else f"{dtype}, with {type(value).__name__}"
        elif isinstance(value, Rational):
            if math.isinf(as_float(value)):
                return _TOO_LARGE
        elif isinstance(value, Complex) and not isinstance(value, Real):
            return _COMPLEX
    return None


def _no_number_among(values: Any) -> str | None:
    """The type of a Python object that float does not take, such as a period of pandas, or None."""
    if all(_NUMBERS.match(dtype) for _, dtype, _ in _columns(values)):
        return None
    for value in np.asarray(values, dtype=object).ravel().tolist():
        try:
            float(value)
        except (TypeError, ValueError):
            if not _is_missing(value):
                return type(value).__name__
        except OverflowError:  # `_oddities` knows it
            pass
    return None


def _is_number(X: Any, column: _Column) -> bool:
    """Whether a column of a data frame can be converted to numbers."""
    _, dtype, k = column
    if _NUMBERS.match(dtype):
        return True
    try:
        # lists, arrays and structures may become several numbers each
        return np.asarray(_values(X, k), dtype=np.float64).ndim == 1
    except Exception:
        return False


def holds_only_numbers(X: Any) -> bool:
    """Whether X is an array, or a data frame whose columns are numbers or booleans.

    Text is no number, also where it consists of digits.
    """
    if not _is_frame(X):
        return True
    columns = list(_columns(X))
    return (
        not any(column[1].startswith((*_TEXTS, *_CATEGORIES)) for column in columns)
        and not list(_oddities(X))
        and all(_is_number(X, column) for column in columns)
    )


def _refuse_columns(name: str, columns: list[tuple[_Column, str]]) -> None:
    """Raise ValueError if there are such columns, each with what is odd about it."""
    for (column, _, _), what in columns:
        if what in (_COMPLEX, _TOO_LARGE):
            remedy = "Scale" if what == _TOO_LARGE else "Pass real numbers, or drop"
            raise ValueError(f"{name} has {what} in column {column!r}. {remedy} this column.")
    if columns:
        named = [f"{column!r} ({what})" for (column, _, _), what in columns]
        raise ValueError(f"{name} has columns that are not numbers: {_listed(named)}. {_CODE_THEM}")


def refuse_unreadable(name: str, X: Any) -> None:
    """Raise ValueError if NumPy cannot make an array of what says that it can become one."""
    if not hasattr(X, "__array__"):
        return
    try:
        np.asarray(X)
    except MemoryError:
        raise
    except Exception as error:
        if _is_frame(X):
            types = [f"{column!r} ({dtype})" for column, dtype, _ in _columns(X)]
            why, instead = f"its columns are {_listed(types)}", f"{name}.to_pandas()"
        else:
            why, instead = _first_line(error), "a NumPy array of numbers"
        raise ValueError(
            f"{name}, a {type(X).__name__}, cannot be converted to one NumPy array: {why}. Pass "
            f"{instead}."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _refuse_unreadable_columns(name: str, X: Any) -> None:
    """Raise ValueError if a data frame has columns that NumPy cannot make arrays of."""
    unreadable = [
        f"{column!r} ({dtype})"
        for k, (column, dtype) in enumerate(zip(column_names(X), _dtypes(X), strict=True))
        if not _is_readable(_values(X, k))
    ]
    if unreadable:
        raise ValueError(
            f"{name} has columns that cannot be converted to NumPy: {_listed(unreadable)}. Convert "
            "these columns to float64, or drop them."
        )


def _is_readable(values: Any) -> bool:
    try:
        np.asarray(values)
    except MemoryError:
        raise
    except Exception:
        return False
    return True


def _refuse_columns_of_one_name(name: str, X: Any) -> None:
    names = column_names(X)
    if len(set(names)) < len(names):
        twice = next(column for k, column in enumerate(names) if column in names[:k])
        raise ValueError(
            f"{name} has several columns named {twice!r}. Rename them: a column is known by name."
        )


def _refuse_other_fill_values(name: str, X: Any) -> None:
    """Raise ValueError for sparse columns of pandas that leave out another value than 0."""
    kinds = _dtypes(X)
    if not all(hasattr(kind, "fill_value") for kind in kinds):
        return  # pandas makes them dense beside a dense column
    filled = [
        f"{column!r} ({kind})"
        for column, kind in zip(column_names(X), kinds, strict=True)
        if kind.fill_value != 0
    ]
    if filled:
        raise ValueError(
            f"{name} has sparse columns that leave out another value than 0: {_listed(filled)}. "
            f"Pass {name}.sparse.to_dense()."
        )


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
