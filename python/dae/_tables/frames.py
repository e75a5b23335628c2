"""The door to tables: reads pandas, polars and arrays as columns, and builds the same kind again.

pandas and polars are never imported here: a table of theirs is recognised once its owner has
imported them.
"""

from __future__ import annotations

import sys
from typing import Any

from dae._tables.schema import Schema


def schema_of(X: Any) -> Schema:
    """The schema of a pandas or polars DataFrame, or of a two-dimensional array."""
    if _is_from("pandas", "DataFrame", X):
        from dae._tables.pandas_frames import PandasSchema

        return PandasSchema.of(X)
    if _is_from("polars", "DataFrame", X):
        from dae._tables.polars_frames import PolarsSchema

        return PolarsSchema.of(X)
    from dae._tables.arrays import ArraySchema

    return ArraySchema.of(X)


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame of pandas or polars."""
    return _is_from("pandas", "DataFrame", X) or _is_from("polars", "DataFrame", X)


def _is_from(package: str, name: str, X: Any) -> bool:
    module = sys.modules.get(package)
    return module is not None and isinstance(X, getattr(module, name))


def as_pandas(X: Any) -> Any:
    """A table as a DataFrame of pandas with its dtypes, if it is one of polars; else as it is."""
    return X.to_pandas() if _is_from("polars", "DataFrame", X) else X
