"""dtypes and indexes of pandas as plain Python and NumPy objects, and back.

Fitted state is written without pandas' own objects, which formats other than pickle cannot hold. A
description is a dict. What has none, such as a category of time spans, stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

_PLAIN = (str, int, float, bool, type(None))


def plain_dtype(dtype: Any) -> Any:
    """The description of a dtype of pandas; one of NumPy, and what has none, as it is."""
    if not isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return dtype
    return _described(dtype, _dtype_description, dtype_of, _same_dtypes)


def plain_index(index: Any) -> Any:
    """The description of an index of pandas; what has none, as it is."""
    return _described(index, _index_description, index_of, _same_indexes)


def dtype_of(plain: Any) -> Any:
    """The dtype of a description; other objects, those of states from before, as they are."""
    return _made(plain, _dtype)


def index_of(plain: Any) -> Any:
    """The index of a description; other objects, those of states from before, as they are."""
    return _made(plain, _index)


def _described(
    value: Any,
    describe: Callable[[Any], dict[str, Any] | None],
    make: Callable[[Any], Any],
    same: Callable[[Any, Any], bool],
) -> Any:
    """A description that gives the same value again, or the value where there is none."""
    try:
        plain = describe(value)
        return value if plain is None or not same(make(plain), value) else plain
    except Exception:
        return value


def _made(plain: Any, make: Callable[[dict[str, Any]], Any]) -> Any:
    """What a dict describes; an edited one stays as it is, for the check of the state to refuse."""
    if not isinstance(plain, dict):
        return plain
    try:
        return make(plain)
    except Exception:
        return plain


# ------------------------------------------------------------------ dtypes


def _dtype_description(dtype: Any) -> dict[str, Any] | None:
    if isinstance(dtype, pd.CategoricalDtype):
        categories = plain_index(dtype.categories)
        if not isinstance(categories, dict):
            return None
        return {"name": "category", "categories": categories, "ordered": bool(dtype.ordered)}
    if isinstance(dtype, pd.StringDtype):
        nan = isinstance(getattr(dtype, "na_value", None), float)  # not so before pandas 2.3
        return {"name": "string", "storage": dtype.storage, "nan": nan}
    return {"name": str(dtype)}


def _dtype(plain: dict[str, Any]) -> Any:
    if plain["name"] == "category":
        return pd.CategoricalDtype(index_of(plain["categories"]), ordered=plain["ordered"])
    if plain["name"] == "string":
        missing: dict[str, Any] = {"na_value": np.nan} if plain["nan"] else {}
        return pd.StringDtype(plain["storage"], **missing)
    return pd.api.types.pandas_dtype(plain["name"])


def _same_dtypes(made: Any, dtype: Any) -> bool:
    if isinstance(dtype, pd.CategoricalDtype):  # equal without an order whatever their places
        return made == dtype and _same_indexes(made.categories, dtype.categories)
    return type(made) is type(dtype) and made == dtype and repr(made) == repr(dtype)


# ------------------------------------------------------------------ indexes


def _index_description(index: Any) -> dict[str, Any] | None:
    if isinstance(index, pd.MultiIndex):
        levels = [plain_index(index.get_level_values(k)) for k in range(index.nlevels)]
        return {"levels": levels} if all(isinstance(each, dict) for each in levels) else None
    if not _is_plain(index.name):
        return None
    if isinstance(index, pd.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "name": index.name}
    values: Any = index.to_numpy()
    if values.dtype == object:
        values = values.tolist()
        if not all(map(_is_plain, values)):
            return None
    return {"values": values, "dtype": plain_dtype(index.dtype), "name": index.name}


def _index(plain: dict[str, Any]) -> Any:
    if "levels" in plain:
        levels = [index_of(each) for each in plain["levels"]]
        return pd.MultiIndex.from_arrays(levels, names=[each.name for each in levels])
    if "range" in plain:
        return pd.RangeIndex(*plain["range"], name=plain["name"])
    return pd.Index(
        plain["values"], dtype=dtype_of(plain["dtype"]), name=plain["name"], tupleize_cols=False
    )


def _same_indexes(made: Any, index: Any) -> bool:
    if isinstance(index, pd.MultiIndex):
        pairs = zip(made.levels, index.levels, strict=True)
        alike = all(_same_dtypes(a.dtype, b.dtype) for a, b in pairs)
        return alike and made.equals(index) and list(made.names) == list(index.names)
    return bool(
        type(made) is type(index)
        and _same_dtypes(made.dtype, index.dtype)
        and made.equals(index)
        and made.name == index.name
        and list(map(type, made)) == list(map(type, index))
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN
