"""`TableEncoder`: a table as one float32 matrix with NaN, and such matrices as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from dae._data.containers import check_columns, refuse_unreadable, with_names
from dae._model.damage import checked_count, damaged
from dae._model.losses import get_loss
from dae._tables import column_types as types
from dae._tables.arrays import without_mask
from dae._tables.column import BOOLEANS, Column
from dae._tables.columns import ConstantColumn, FittedColumn, fit_column
from dae._tables.frames import is_frame, schema_of
from dae._tables.schema import Filling, Schema, missing_in
from dae._tables.state import Fields, Record, check_positions, is_a, list_of, record

_SMALL = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class Encoding:
    """How columns become numbers: parameters of the estimators, in one record."""

    column_types: Any = "auto"
    numeric_scaler: str = "robust"
    max_categories: int = 40
    min_frequency: int = 1
    missing_indicator: bool = False


@dataclass
class TableEncoder(Record):
    """Fitted columns, and where each of them lies in the matrix.

    Columns of one loss lie side by side, whatever their order in the table: those of the same loss
    and weight are then one block of the network, but for categories, which are a block each.
    """

    schema: Schema
    columns: list[FittedColumn]
    indicated: list[int] = field(default_factory=list)  # columns with an indicator
    places: list[slice] = field(default_factory=list)
    n_encoded: int = 0

    fields: ClassVar[Fields] = {
        "schema": record(Schema),
        "columns": list_of(record(FittedColumn)),
        "indicated": is_a(list),
        "places": list_of(is_a(slice)),
        "n_encoded": checked_count,
    }

    def check_state(self, path: str) -> None:
        super().check_state(path)
        self.schema.check_columns(f"{path}.schema", len(self.columns))
        check_positions(f"{path}.indicated", self.indicated, len(self.columns))
        if (self.places, self.n_encoded) != self._layout():
            raise damaged(f"{path}.places must be those of the columns, side by side")

    def check_network(self, path: str, network: Any) -> None:
        """Raise ValueError unless a stack has the features, and their losses, of the matrix."""
        blocks = network._fitted().layers[0].blocks or ()
        own = [(loss, width) for loss, width, _ in self.output_blocks({})]
        if _by_feature(own) != _by_feature([(block.loss, block.n_columns) for block in blocks]):
            raise damaged(f"{path} must be a network for the {self.n_encoded} encoded columns")

    @classmethod
    def fit(cls, X: Any, how: Encoding, *, partial: bool = False) -> TableEncoder:
        """`partial`: from the first part of a table, whose categories must be declared."""
        schema, read = schema_of(X), read_columns(X)
        asked = how.column_types if isinstance(how.column_types, Mapping) else {}
        kinds = types.column_types(read, how.column_types, array=not is_frame(X))
        if partial:
            _check_declared(read, kinds)
        columns = [
            fit_column(
                column,
                kind,
                scaler=how.numeric_scaler,
                most=how.max_categories,
                least=how.min_frequency,
                asked=column.name in asked,
                declared=partial,
            )
            for column, kind in zip(read, kinds, strict=True)
        ]
        indicated = []
        if how.missing_indicator:
            shares = [column.missing.mean() for column in read]
            indicated = [k for k, share in enumerate(shares) if 0 < share < 1]
        encoder = cls(schema, columns, indicated)
        encoder.places, encoder.n_encoded = encoder._layout()
        return encoder

    def check_learnable(self) -> None:
        """Raise ValueError if no column varies."""
        if not self.n_encoded:
            raise ValueError(
                "X has no column to learn from: each column is empty, constant or ignored, or X "
                "has one sample. Pass columns that vary, or name their types in column_types."
            )

    def _layout(self) -> tuple[list[slice], int]:
        """Where each column lies in the matrix, and how many columns that has."""
        order = sorted(
            range(len(self.columns)),
            key=lambda k: (str(self.columns[k].loss), self.columns[k].weight, k),
        )
        start, places = 0, [slice(0, 0)] * len(self.columns)
        for k in order:
            places[k] = slice(start, start + self.columns[k].width)
            start = places[k].stop
        return places, start + len(self.indicated)

    def output_blocks(self, weights: Mapping[Any, float]) -> list[tuple[str, int, float]]:
        """Blocks of the network, with the users' `weights` of columns."""
        blocks: list[tuple[str, int, float]] = []
        for k in sorted(range(len(self.columns)), key=lambda k: self.places[k].start):
            column = self.columns[k]
            if column.loss is None:
                continue
            weight = column.weight * float(weights.get(column.name, 1.0))
            last = blocks[-1] if blocks else None
            alone = get_loss(column.loss).couples_features  # also where all levels are rare: one
            if not alone and last and (last[0], last[2]) == (column.loss, weight):
                blocks[-1] = (column.loss, last[1] + column.width, weight)
            else:
                blocks.append((column.loss, column.width, weight))
        if self.indicated:
            blocks.append(("log_loss", len(self.indicated), 1.0))
        return blocks

    def levels_of(self, rates: Any) -> Any:
        """Corruption levels of the matrix from one rate or from rates by column."""
        if not isinstance(rates, Mapping):
            default, rates = float(rates), {}
        else:
            default, rates = 0.15, rates
        levels = np.full(self.n_encoded, default)
        for column, place in zip(self.columns, self.places, strict=True):
            levels[place] = rates.get(column.name, default)
        levels[self.n_encoded - len(self.indicated) :] = 0
        return levels

    def encode(self, X: Any) -> np.ndarray:
        """Matrix (n_rows, n_encoded), float32, NaN where a value is missing or unknown."""
        read = read_columns(X)
        matrix = np.empty((len(read[0]), self.n_encoded), dtype=np.float32)
        for column, fitted, place in zip(read, self.columns, self.places, strict=True):
            fitted.check(column)
            matrix[:, place] = fitted.encode(column)
        for k, last in zip(self.indicated, range(-len(self.indicated), 0), strict=True):
            matrix[:, last] = read[k].missing
        return matrix

    def decode(self, Z: np.ndarray, like: Sequence[Column] = ()) -> list[np.ndarray]:
        """Values of each column from reconstructions (n_rows, n_encoded).

        Times are written as in the columns `like`, of another table, if there are any.
        """
        values = []
        for k, (column, place) in enumerate(zip(self.columns, self.places, strict=True)):
            made = column.decode(Z[:, place])
            times = (like[k].times if like else None) or column.times
            values.append(times.written(made) if times else made)
        return values

    def errors(self, encoded: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Error of each cell over that of a constant guess, (n_rows, n_columns), NaN if missing."""
        return np.column_stack(
            [
                column.errors(encoded[:, place], Z[:, place])
                for column, place in zip(self.columns, self.places, strict=True)
            ]
        )

    def owners(self) -> np.ndarray:
        """The column of the table that each column of the matrix belongs to, intp.

        An indicator belongs to the column whose values it tells of.
        """
        owner = np.empty(self.n_encoded, dtype=np.intp)
        for k, place in enumerate(self.places):
            owner[place] = k
        owner[self.n_encoded - len(self.indicated) :] = self.indicated
        return owner

    def possible(self, Z: np.ndarray) -> np.ndarray:
        """Rows without NaN, brought to what the columns can be: float32.

        Numbers within the range of the training data, shares of levels that add to 1.
        """
        Z = np.array(Z, dtype=np.float32)
        for column, place in zip(self.columns, self.places, strict=True):
            Z[:, place] = np.clip(Z[:, place], *column.bounds)
            if column.width > 1:
                Z[:, place] /= np.maximum(Z[:, place].sum(axis=1, keepdims=True), _SMALL)
        return Z

    def ignored(self) -> list[int]:
        """Positions in the table of the columns of which nothing was learned."""
        return [
            k
            for k, column in enumerate(self.columns)
            if isinstance(column, ConstantColumn) and column.only is None
        ]

    def encoded_names(self) -> list[str]:
        """A name for each column of the matrix."""
        names = [""] * self.n_encoded
        for column, place in zip(self.columns, self.places, strict=True):
            levels = getattr(column, "levels", ())
            for k in range(column.width):
                rare = "infrequent" if k >= len(levels) else column.text(levels[k])
                names[place.start + k] = (
                    str(column.name) if column.width == 1 else f"{column.name}_{rare}"
                )
        for k, last in zip(self.indicated, range(-len(self.indicated), 0), strict=True):
            names[last] = f"missing_{self.columns[k].name}"
        return names

    def schema_for(self, X: Any) -> Schema:
        """What builds tables like X: of the dtypes of `fit`, or of X where X is of another kind."""
        own = schema_of(X)
        return self.schema if type(own) is type(self.schema) else own

    def filled(
        self, X: Any, read: Sequence[Column], matrix: np.ndarray, zeroed: Sequence[int] = ()
    ) -> Any:
        """A copy of X, whose columns have been `read`, with missing values from the matrix.

        Of the columns in `zeroed`, numbers are filled with 0. Those of ignored columns stay.
        """
        fillings: list[Filling | None] = []
        for k, (column, values) in enumerate(zip(read, self.decode(matrix, read), strict=True)):
            where = column.missing
            if k in zeroed and column.numbers is not None:
                values = np.zeros(len(where))
            if where.any():
                where[where] = ~missing_in(values[where])
            fillings.append(Filling(where, values) if where.any() else None)
        return schema_of(X).fill(X, fillings)


def _by_feature(blocks: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """The loss of each feature, with the size of the block where that counts, of a category.

    Weights, by which other blocks are put together, may be the user's.
    """
    features: list[tuple[str, int]] = []
    for loss, width in blocks:
        coupled = get_loss(loss).couples_features
        features += [(loss, width if coupled else 1)] * width
    return features


def _check_declared(columns: Sequence[Column], kinds: Sequence[Any]) -> None:
    for column, kind in zip(columns, kinds, strict=True):
        known = column.declared or column.holds == BOOLEANS or isinstance(kind, list)
        if not known and kind in (types.CATEGORICAL, types.BINARY, types.ORDINAL):
            raise ValueError(
                f"partial_fit must know all levels of column {column.name!r} from the start. Give "
                "it a categorical dtype that declares them (pandas Categorical, polars Enum), or "
                "list them in column_types."
            )


def check_table(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X as a DataFrame or a two-dimensional array, with the columns of `fit`.

    Raises
    ------
    ValueError
        Names or number of the columns are not those of `fit`, a name is there twice, there are no
        rows, or X cannot be read.
    """
    check_columns("X", X)
    X = with_names(X)
    if is_frame(X):
        names = list(X.columns)
        twice = [name for k, name in enumerate(names) if name in names[:k]]
        if twice:
            raise ValueError(
                f"X has several columns named {twice[0]!r}. Rename them: a column is known by name."
            )
        if not X.shape[0] or not X.shape[1]:
            raise ValueError(
                f"X has {X.shape[0]} rows and {X.shape[1]} columns. Pass at least one of each."
            )
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X
    if isinstance(X, np.ma.MaskedArray):
        X = without_mask(X)
    if isinstance(X, (list, tuple)) and any(
        isinstance(value, str) for row in X if isinstance(row, (list, tuple)) for value in row
    ):
        X = np.array(X, dtype=object)  # else its numbers would become text
    try:
        checked = check_array(
            X, dtype=None, ensure_all_finite=False, input_name="X", estimator=estimator
        )
    except Exception:
        refuse_unreadable("X", X)
        raise  # scikit-learn's error says enough
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return checked


def read_columns(X: Any) -> list[Column]:
    """The columns of a checked table; raises ValueError where one has infinite values."""
    columns = schema_of(X).columns(X)
    for column in columns:
        if column.numbers is not None and np.isinf(column.numbers).any():
            row = int(np.argmax(np.isinf(column.numbers)))
            raise ValueError(
                f"X contains infinity: column {column.name!r}, row {row}. Replace infinite values, "
                "with NaN if they are missing."
            )
    return columns
