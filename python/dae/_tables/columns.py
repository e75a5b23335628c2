"""One object for each kind of column: it turns the column into floats for the network, and back.

A fitted object has `width` columns of the network's matrix, `loss` and `weight` of their block of
outputs (`weight`: one over the loss of a constant guess, so that every column counts the same), and
`encode`, `decode` and `errors`, all for whole columns. A missing value is NaN in the matrix.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.special import xlogy

from dae._model.damage import checked_count, damaged
from dae._tables import column_types as types
from dae._tables.column import (
    BOOLEANS,
    DATES,
    HOLDS,
    INTEGERS,
    LEVELS,
    NUMBERS,
    Column,
    Times,
    fits_float,
)
from dae._tables.scalers import Scaler, fitted_scaler
from dae._tables.state import (
    Fields,
    Record,
    choice,
    finite,
    flag,
    hashable,
    optional,
    positive,
    record,
    shown,
    tuple_of_levels,
)

# A constant guess about a column that hardly varies is nearly right: what is left is noise, and
# dividing by it would give that noise the weight of a column.
_LEAST_GUESS_LOSS = 0.1

_DAY = 86400.0
_STEPS = (0.0, 1.0, _DAY)


def _in_words(column: FittedColumn | Column) -> str:
    """What the values of a column are: kinds that must not stand in for each other."""
    if column.holds == LEVELS:
        return "text or categories"
    if column.holds == DATES:
        return "durations" if column.times and column.times.duration else "dates"
    return "numbers"


@dataclass
class FittedColumn(Record, ABC):
    """What is common to all kinds."""

    name: Any
    type: str
    holds: str

    loss: ClassVar[str | None] = None
    width: int = 0
    weight: float = 1.0
    times: Times | None = None  # what its seconds mean, of dates

    fields: ClassVar[Fields] = {
        "name": hashable,
        "type": choice(*types.COLUMN_TYPES, types.CONSTANT),
        "holds": choice(*HOLDS),
        "width": checked_count,
        "weight": positive,
        "times": optional(record(Times)),
    }

    def check_state(self, path: str) -> None:
        super().check_state(path)
        if (self.times is None) == (self.holds == DATES):
            raise damaged(f"{path}.times must be there for dates, and for nothing else")

    def _check_width(self, path: str, expected: int) -> None:
        if self.width != expected:
            raise damaged(f"{path}.width must be {expected}, got {self.width}")

    def _check_levels(self, path: str, *levels: Any) -> None:
        """Raise ValueError for levels that the column cannot hold, or holds twice."""
        if len(set(levels)) < len(levels):
            raise damaged(f"{path} has a level twice")
        if self.holds != LEVELS and not all(_is_number(level, self.holds) for level in levels):
            raise damaged(f"{path} must have numbers as levels")

    def check(self, column: Column) -> None:
        """Raise ValueError if a column of another table holds something else."""
        was, now = _in_words(self), _in_words(column)
        if was != now and not column.missing.all():
            raise ValueError(
                f"Column {self.name!r} held {was} in fit and holds {now} now. Convert it to what "
                "it was."
            )

    @abstractmethod
    def encode(self, column: Column) -> np.ndarray:
        """Float columns (n_rows, width), NaN where the value is missing or unknown."""

    @abstractmethod
    def decode(self, Z: np.ndarray) -> np.ndarray:
        """Values from reconstructions (n_rows, width): float64, or levels as objects."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Of encoded values of the training data."""
        return 0.0, 1.0

    def errors(self, encoded: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Loss of each row over that of a constant guess, NaN where the value is missing."""
        return np.full(len(encoded), np.nan)

    def describe(self) -> str:
        """What there is to know besides type and width."""
        return ""

    def value(self, level: Any) -> Any:
        """A level as the user's table has it, not as a float."""
        if self.holds == BOOLEANS:
            return bool(level)
        if self.holds == INTEGERS:
            return int(level)
        return self.times.value(level) if self.times else level

    def text(self, level: Any) -> str:
        """A level as a person writes it."""
        if self.times:
            return self.times.text(level)
        value = self.value(level)
        return f"{value:.12g}" if isinstance(value, float) else str(value)

    def listed(self, levels: Sequence[Any]) -> str:
        """The first few levels."""
        shown = ", ".join(map(self.text, levels[:5]))
        return shown + (f" and {len(levels) - 5} more" if len(levels) > 5 else "")


@dataclass
class NumericColumn(FittedColumn):
    """Numbers and dates by a scaler, ordered levels by the scaled positions of their order."""

    loss = "squared_error"
    width: int = 1
    scaler: Scaler | None = None
    levels: tuple[Any, ...] = ()  # of ordered ones
    step: float = 0.0  # dates are whole multiples of so many seconds, by the clock of their zone

    fields: ClassVar[Fields] = {
        **FittedColumn.fields,
        "scaler": record(Scaler),
        "levels": tuple_of_levels,
        "step": finite,
    }

    def check_state(self, path: str) -> None:
        super().check_state(path)
        assert self.scaler is not None
        if self.step not in _STEPS:
            raise damaged(f"{path}.step must be one of {_STEPS}, got {self.step!r}")
        self._check_width(path, 1)
        self._check_levels(path, *self.levels)
        if (self.type == types.ORDINAL) != bool(self.levels):
            raise damaged(f"{path}.levels must be there for ordered levels, and for nothing else")
        low, high = self.scaler.value_range()
        if self.levels and not 0 <= low <= high < len(self.levels):
            raise damaged(f"{path}.scaler must be of positions among {len(self.levels)} levels")
        if self.times and not self.levels:
            self.times.check_range(f"{path}.scaler", low, high)

    @classmethod
    def fit(cls, column: Column, type: str, scaler: str, levels: Sequence[Any] = ()) -> Any:
        self = cls(column.name, type, column.holds, levels=tuple(levels))
        numbers = self._numbers(column)
        numbers = numbers[~np.isnan(numbers)]
        self.scaler = fitted_scaler("standard" if levels else scaler, numbers)
        if column.holds == DATES and (np.remainder(numbers, 1) == 0).all():
            local = column.times.local(numbers) if column.times else numbers
            self.step = _DAY if (np.remainder(local, _DAY) == 0).all() else 1.0
        return self

    def _numbers(self, column: Column) -> np.ndarray:
        if self.levels:
            codes = _codes(column, self.levels)
            return np.where(codes < 0, np.nan, codes.astype(np.float64))
        if column.numbers is None:  # nothing in it
            return np.full(len(column), np.nan)
        return column.numbers

    def encode(self, column: Column) -> np.ndarray:
        assert self.scaler is not None
        return self.scaler.transform(self._numbers(column))[:, None]

    def decode(self, Z: np.ndarray) -> np.ndarray:
        assert self.scaler is not None
        numbers = self.scaler.inverse_transform(Z[:, 0].astype(np.float64))
        if self.levels:
            return _level_values(self.levels, np.rint(numbers).astype(np.int64), self.holds)
        if self.step == _DAY and self.times:
            days = np.round(self.times.local(numbers) / _DAY)
            return self.times.from_local(days * _DAY)
        return np.round(numbers / self.step) * self.step if self.step else numbers

    @property
    def bounds(self) -> tuple[float, float]:
        assert self.scaler is not None
        low, high = self.scaler.transform(np.array(self.scaler.value_range()))
        return float(low), float(high)

    def errors(self, encoded: np.ndarray, Z: np.ndarray) -> np.ndarray:
        return (Z[:, 0].astype(np.float64) - encoded[:, 0]) ** 2

    def describe(self) -> str:
        assert self.scaler is not None
        if self.levels:
            return self.listed(self.levels)
        low, high = self.scaler.value_range()
        if self.times:
            return f"{self.times.text(low)} to {self.times.text(high)}"
        return f"{low:.6g} to {high:.6g}"


@dataclass
class CountColumn(FittedColumn):
    """Counts over their mean, with a logarithmic link."""

    loss = "poisson"
    width: int = 1
    mean: float = 1.0
    high: float = 1.0
    asked: bool = False  # by the user; else its values looked like counts, and new ones may not

    fields: ClassVar[Fields] = {
        **FittedColumn.fields,
        "mean": positive,
        "high": positive,
        "asked": flag,
    }

    def check_state(self, path: str) -> None:
        super().check_state(path)
        self._check_width(path, 1)

    @classmethod
    def fit(cls, column: Column, *, asked: bool) -> CountColumn:
        assert column.numbers is not None
        numbers = column.numbers[~np.isnan(column.numbers)]
        self = cls(column.name, types.COUNT, column.holds, asked=asked)
        self.mean, self.high = float(numbers.mean()), float(numbers.max())
        guess = _half_deviance(numbers / self.mean, np.ones(len(numbers))).mean()
        self.weight = 1 / max(float(guess), _LEAST_GUESS_LOSS)
        return self

    def encode(self, column: Column) -> np.ndarray:
        numbers = np.full(len(column), np.nan) if column.numbers is None else column.numbers
        if self.asked and np.nanmin(numbers, initial=0) < 0:
            raise ValueError(
                f"Column {self.name!r} counts, and has {np.nanmin(numbers):g} in it. Counts are 0 "
                "or more; make it 'numeric' in column_types."
            )
        return (np.clip(numbers, 0, 3 * self.high) / self.mean)[:, None]

    def decode(self, Z: np.ndarray) -> np.ndarray:
        return np.clip(Z[:, 0].astype(np.float64) * self.mean, 0, self.high)

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, self.high / self.mean

    def errors(self, encoded: np.ndarray, Z: np.ndarray) -> np.ndarray:
        return self.weight * _half_deviance(encoded[:, 0], Z[:, 0].astype(np.float64))

    def describe(self) -> str:
        return f"0 to {self.high:g}, mean {self.mean:.6g}"


@dataclass
class LevelColumn(FittedColumn):
    """Categories as a block of one-hot columns, rare ones together in the last of them.

    A missing value is a block without a one, which no level looks like: also of two levels.
    """

    loss = "multinomial"
    levels: tuple[Any, ...] = ()  # each with a column of its own
    rare: tuple[Any, ...] = ()  # those that share the last one, the most frequent first
    frequencies: tuple[float, ...] = ()  # of the columns

    fields: ClassVar[Fields] = {
        **FittedColumn.fields,
        "levels": tuple_of_levels,
        "rare": tuple_of_levels,
    }

    def check_state(self, path: str) -> None:
        super().check_state(path)
        self._check_width(path, len(self.all_levels))
        self._check_levels(path, *self.levels, *self.rare)
        if not self.width:
            raise damaged(f"{path} must have levels")

    @classmethod
    def fit(
        cls, column: Column, type: str, levels: Sequence[Any], *, most: int, least: int
    ) -> LevelColumn:
        """`most` columns at most; levels of fewer than `least` rows are rare."""
        codes = _codes(column, tuple(levels))
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        order = np.argsort(-counts, kind="stable")
        kept = set(order[: most if len(levels) <= most else most - 1].tolist())
        kept -= {k for k in kept if counts[k] < least}
        rare = [k for k in order.tolist() if k not in kept]
        if len(rare) == 1:  # alone in its column it loses nothing
            kept.add(rare.pop())
        own = sorted(kept)
        self = cls(
            column.name,
            type,
            column.holds,
            levels=tuple(levels[k] for k in own),
            rare=tuple(levels[k] for k in rare),
        )
        self.width = len(own) + bool(rare)
        per_column = [*counts[own], *([counts[rare].sum()] if rare else [])]
        share = np.array(per_column, dtype=np.float64) / max(counts.sum(), 1)
        self.frequencies = tuple(share.tolist())
        self.weight = 1 / max(float(-xlogy(share, share).sum()), _LEAST_GUESS_LOSS)
        return self

    @property
    def all_levels(self) -> tuple[Any, ...]:
        """What each column of the block decodes to: a rare one to the most frequent of them."""
        return self.levels + self.rare[:1]

    def encode(self, column: Column) -> np.ndarray:
        codes = _codes(column, self.levels + self.rare)
        codes = np.minimum(codes, self.width - 1)
        encoded = np.zeros((len(column), self.width))
        known = codes >= 0
        encoded[np.flatnonzero(known), codes[known]] = 1
        encoded[~known] = np.nan
        return encoded

    def decode(self, Z: np.ndarray) -> np.ndarray:
        return _level_values(self.all_levels, Z.argmax(axis=1), self.holds)

    def errors(self, encoded: np.ndarray, Z: np.ndarray) -> np.ndarray:
        least = np.finfo(np.float32).tiny
        likelihood = np.where(encoded == 1, Z, 0).sum(axis=1, dtype=np.float64)
        errors = -self.weight * np.log(np.maximum(likelihood, least))
        return np.where(np.isnan(encoded[:, 0]), np.nan, errors)

    def describe(self) -> str:
        rare = f"; {len(self.rare)} rare levels share a column" if self.rare else ""
        return self.listed(self.levels) + rare


@dataclass
class ConstantColumn(FittedColumn):
    """One value, or with `only` None no value that could be learned: nothing for the network."""

    only: Any = None

    fields: ClassVar[Fields] = {**FittedColumn.fields, "only": hashable}

    def check_state(self, path: str) -> None:
        super().check_state(path)
        self._check_width(path, 0)
        if self.only is not None:
            tuple_of_levels(f"{path}.only", (self.only,))
        if self.only is not None and self.holds != LEVELS:
            finite(f"{path}.only", self.only)
            if self.times:
                self.times.check_range(f"{path}.only", self.only, self.only)

    def check(self, column: Column) -> None:
        if self.only is not None:
            super().check(column)

    def encode(self, column: Column) -> np.ndarray:
        return np.empty((len(column), 0))

    def decode(self, Z: np.ndarray) -> np.ndarray:
        if self.holds != LEVELS:
            return np.full(len(Z), np.nan if self.only is None else self.only)
        return np.full(len(Z), self.only, dtype=object)

    def describe(self) -> str:
        if self.only is None:
            return ""
        text = repr(self.only) if self.holds == LEVELS else self.text(self.only)
        return f"always {text}"


# ------------------------------------------------------------------ making them


def fit_column(
    column: Column,
    type: Any,
    *,
    scaler: str,
    most: int,
    least: int,
    asked: bool = False,
    declared: bool = False,
) -> FittedColumn:
    """The fitted object of a column.

    `asked`: the user named its type. `declared` keeps every declared level apart.
    """
    fitted = _fitted(
        column, type, scaler=scaler, most=most, least=least, asked=asked, declared=declared
    )
    fitted.times = column.times
    return fitted


def _fitted(
    column: Column, type: Any, *, scaler: str, most: int, least: int, asked: bool, declared: bool
) -> FittedColumn:
    if isinstance(type, list):
        return _level_column(column, types.CATEGORICAL, type, most=len(type), least=0)
    if type == types.IGNORE:
        return ConstantColumn(column.name, type, column.holds)
    if type == types.CONSTANT:
        return ConstantColumn(column.name, type, column.holds, only=_only(column))
    if type in (types.NUMERIC, types.DATE):
        return NumericColumn.fit(column, type, scaler)
    if type == types.COUNT:
        return CountColumn.fit(column, asked=asked)
    levels = (0.0, 1.0) if column.holds == BOOLEANS else column.as_levels().levels
    if not column.declared:
        seen = column.as_levels()
        assert seen.codes is not None
        levels = levels if column.holds == BOOLEANS else seen.levels
    if type == types.ORDINAL:
        return NumericColumn.fit(column, type, "standard", levels)
    if declared and (column.declared or column.holds == BOOLEANS):
        most, least = len(levels), 0
    return _level_column(column, type, levels, most=most, least=least)


def _level_column(
    column: Column, type: str, levels: Sequence[Any], *, most: int, least: int
) -> LevelColumn:
    if column.holds != LEVELS:  # "yes" is no level of a column of numbers
        strange = [level for level in levels if not _is_number(level, column.holds)]
        if strange:
            raise ValueError(
                f"column_types[{column.name!r}] lists the level {shown(strange[0])}, and the "
                "column holds numbers. List numbers that float64 holds."
            )
    return LevelColumn.fit(column, type, levels, most=most, least=least)


def _is_number(level: Any, holds: str) -> bool:
    """Whether it can be a level of a column of numbers; one of floats may be infinite."""
    if not isinstance(level, Real) or level != level or not fits_float(level):
        return False
    return holds == NUMBERS or math.isfinite(level)


def _only(column: Column) -> Any:
    """The only value of a constant column, or the first declared one of an empty one."""
    first = np.argmax(~column.missing)
    if column.numbers is not None:
        return float(column.numbers[first])
    assert column.codes is not None
    return column.levels[max(column.codes[first], 0)]


def _codes(column: Column, levels: tuple[Any, ...]) -> np.ndarray:
    """Positions in these levels, -1 where a value is missing or none of them."""
    own = column.as_levels()
    assert own.codes is not None
    if own.levels == levels:
        return own.codes
    place = {level: k for k, level in enumerate(levels)}
    table = np.array([*(place.get(level, -1) for level in own.levels), -1], dtype=np.int64)
    return table[own.codes]


def _level_values(levels: tuple[Any, ...], codes: np.ndarray, holds: str) -> np.ndarray:
    """Values of codes: float64 where the column holds numbers, else objects."""
    if holds != LEVELS:
        return np.array(levels, dtype=np.float64)[codes]
    values = np.empty(len(levels), dtype=object)
    values[:] = levels
    return values[codes]


def _half_deviance(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    z = np.maximum(z, np.finfo(np.float32).tiny)
    return z - x + xlogy(x, x) - xlogy(x, z)
