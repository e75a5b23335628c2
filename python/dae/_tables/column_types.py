"""Which kind of column each column of a table is, unless the user says so."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dae._data.containers import missing_objects
from dae._tables.column import BOOLEANS, DATES, INTEGERS, LEVELS, Column

NUMERIC, COUNT, ORDINAL, DATE = "numeric", "count", "ordinal", "date"
BOOLEAN, BINARY, CATEGORICAL = "boolean", "binary", "categorical"
IGNORE, CONSTANT = "ignore", "constant"

# what a user may ask for; "constant" is found, not asked for
COLUMN_TYPES = (NUMERIC, COUNT, ORDINAL, DATE, BOOLEAN, BINARY, CATEGORICAL, IGNORE)
OF_NUMBERS = (NUMERIC, COUNT, DATE)

_LARGEST_MEAN_COUNT = 20
_UNIQUE_SHARE = 0.95  # of texts that differ, from which a column identifies rows
_FEW_ROWS = 20


def column_types(columns: Sequence[Column], asked: Any, *, array: bool) -> list[Any]:
    """The type of each column, a name of `COLUMN_TYPES`, CONSTANT, or a list of levels.

    Parameters
    ----------
    asked : "auto" or mapping
        From names of columns to their types; others are inferred.
    array : bool
        Whether the table is a plain array, whose numbers are numbers.
    """
    asked = checked_column_types(asked, [column.name for column in columns])
    return [
        _settled(column, asked[column.name])
        if column.name in asked
        else inferred_type(column, array=array)
        for column in columns
    ]


def inferred_type(column: Column, *, array: bool) -> str:
    """What the values of a column look like."""
    missing = column.missing
    if missing.all():
        return IGNORE
    if column.holds == BOOLEANS:
        return BOOLEAN
    if column.holds == LEVELS:
        return _type_of_levels(column, int((~missing).sum()))
    assert column.numbers is not None
    numbers = column.numbers[~missing]
    first = numbers[0]
    if (numbers == first).all():
        return CONSTANT
    if column.holds == DATES:
        return DATE
    if array:
        return NUMERIC
    second = numbers[np.argmax(numbers != first)]
    if ((numbers == first) | (numbers == second)).all():
        return BINARY
    # integers with missing values are floats in many tables
    if column.holds == INTEGERS or (numbers == np.rint(numbers)).all():
        return COUNT if _looks_counted(numbers) else NUMERIC
    return NUMERIC


def _type_of_levels(column: Column, n_observed: int) -> str:
    assert column.codes is not None
    n_levels = len(np.unique(column.codes[column.codes >= 0]))
    if column.declared:
        if len(column.levels) == 1:
            return CONSTANT
        return ORDINAL if column.ordered else CATEGORICAL
    if n_levels == 1:
        return CONSTANT
    if n_observed >= _FEW_ROWS and n_levels > _UNIQUE_SHARE * n_observed:
        what, remedy = "texts", "Drop the column"
        others = [type(level) for level in column.levels if not isinstance(level, (str, bytes))]
        if others:  # periods or intervals, for example
            what = f"{others[0].__name__} values"
            remedy = "Turn the column into dates or numbers, drop it"
        warnings.warn(
            f"Column {column.name!r} has {n_levels} different {what} in {n_observed} rows: it "
            f"identifies rows and is ignored. {remedy}, or name its type in column_types.",
            stacklevel=2,
        )
        return IGNORE
    return BINARY if n_levels == 2 else CATEGORICAL


def _looks_counted(numbers: np.ndarray) -> bool:
    """Integers from 0 of small mean, and of at least the spread of a Poisson distribution.

    Codes of categories are less spread, years and amounts are larger.
    """
    # the sum of huge values is infinite
    if numbers.min() != 0 or numbers.max() > _LARGEST_MEAN_COUNT * len(numbers):
        return False
    mean = numbers.mean()
    return bool(
        mean <= _LARGEST_MEAN_COUNT and len(np.unique(numbers)) >= 5 and numbers.var() >= mean
    )


def _settled(column: Column, asked: Any) -> Any:
    """The type that the user asked for, if the column can be of it."""
    if not isinstance(asked, str):
        return list(asked)
    if asked == IGNORE:
        return asked
    if column.missing.all():
        return IGNORE
    if asked in OF_NUMBERS and column.numbers is None:
        raise ValueError(
            f"Column {column.name!r} cannot be {asked!r}: it holds text or categories. Convert it "
            "to numbers, or make it 'categorical' or 'ordinal' in column_types."
        )
    levels = column.as_levels()
    assert levels.codes is not None
    n_levels = len(np.unique(levels.codes[levels.codes >= 0]))
    if n_levels == 1 and not column.declared and column.holds != BOOLEANS:
        return CONSTANT
    if asked in (BINARY, BOOLEAN) and n_levels > 2:
        raise ValueError(
            f"Column {column.name!r} cannot be {asked!r}: it has {n_levels} different values. Make "
            "it 'categorical' or 'numeric' in column_types."
        )
    if asked == COUNT:
        assert column.numbers is not None
        least = np.nanmin(column.numbers)
        if least < 0:
            raise ValueError(
                f"Column {column.name!r} cannot be 'count': its smallest value is {least:g}. "
                "Counts are 0 or more; make it 'numeric' in column_types."
            )
    return asked


def checked_column_types(asked: Any, names: Sequence[Any]) -> Mapping[Any, Any]:
    """The parameter `column_types` as a mapping; raises ValueError unless it can be one."""
    if isinstance(asked, str) and asked == "auto":
        return {}
    if not isinstance(asked, Mapping):
        raise ValueError(
            "column_types must be 'auto' or a dict from names of columns to types, got "
            f"{asked!r}. Pass for example {{'age': 'numeric'}}; other columns are inferred."
        )
    strange = [name for name in asked if name not in names]
    if strange:
        raise ValueError(
            f"column_types names {strange[0]!r}, which is no column of X. X has "
            f"{', '.join(map(repr, names[:10]))}{' ...' if len(names) > 10 else ''}."
        )
    for name, kind in asked.items():
        listed = isinstance(kind, (list, tuple)) and _are_levels(name, kind)
        if not (listed or (isinstance(kind, str) and kind in COLUMN_TYPES)):
            raise ValueError(
                f"column_types[{name!r}] must be one of {', '.join(map(repr, COLUMN_TYPES))}, or a "
                f"list of at least two different levels, got {kind!r}."
            )
    return asked


def _are_levels(name: Any, levels: Sequence[Any]) -> bool:
    """Whether there are at least two, all different; raises ValueError for what is no level."""
    objects = np.empty(len(levels), dtype=object)
    objects[:] = levels
    for level, missing in zip(levels, missing_objects(objects), strict=True):
        if missing:
            raise ValueError(
                f"column_types[{name!r}] lists {level!r}, which is no level but a missing value. "
                "Leave it out of the list."
            )
        try:
            hash(level)
        except TypeError:
            raise ValueError(
                f"column_types[{name!r}] lists {level!r}, a {type(level).__name__}, which cannot "
                "be a level. List numbers or text."
            ) from None
    return len(set(levels)) == len(levels) >= 2
