"""`Column`: one column of a table as the rest of the package sees it, whatever the table was."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from importlib import import_module
from numbers import Number, Rational, Real
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np

from dae._model.damage import damaged
from dae._tables.state import Fields, Record, flag, is_a, one_of, optional

# what the values of a column are, before anybody has decided what they mean
NUMBERS, INTEGERS, BOOLEANS, DATES, LEVELS = "numbers", "integers", "booleans", "dates", "levels"
HOLDS = (NUMBERS, INTEGERS, BOOLEANS, DATES, LEVELS)


_BOOLS = (bool, np.bool_)
_EPOCH = datetime(1970, 1, 1)


# what seconds lie within: microseconds of 64 bits, the years and the durations that Python knows
_OF_DTYPES = (-9.2e12, 9.2e12)
_OF_OBJECTS = tuple((end - _EPOCH).total_seconds() for end in (datetime.min, datetime.max))
_OF_DURATIONS = (timedelta.min.total_seconds(), timedelta.max.total_seconds())


_PYTZ = "pytz:"  # before the names of zones of pytz, which pandas before 3 makes


def _name_of(zone: tzinfo | None) -> str | None:
    """What gives the same time zone again; None for zones without a name."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    name, pytz = getattr(zone, "zone", None), sys.modules.get("pytz")
    if pytz is not None and isinstance(name, str) and pytz.timezone(name) is zone:
        return _PYTZ + name
    return None


def _zone_of(name: str) -> tzinfo:
    """The time zone of a name."""
    if name.startswith(_PYTZ):
        zone: tzinfo = import_module("pytz").timezone(name.removeprefix(_PYTZ))
        return zone
    return ZoneInfo(name)


@dataclass(frozen=True)
class Times(Record):
    """What the seconds of DATES mean: since 1970, in UTC, or of a duration.

    Attributes
    ----------
    objects : type or None
        datetime.date, datetime.datetime or datetime.timedelta, where the table holds objects of
        Python; None where it has a dtype for times.
    zone : tzinfo or None
        The time zone of the table.
    duration : bool
    """

    objects: type | None = None
    zone: tzinfo | None = None
    duration: bool = False

    fields: ClassVar[Fields] = {
        "objects": one_of(None, date, datetime, timedelta),
        "zone": optional(is_a(tzinfo)),
        "duration": flag,
    }

    def __getstate__(self) -> dict[str, Any]:
        """The fields, with a time zone by its name, where it has one: files hold no zones."""
        state = dict(vars(self))
        if "zone" in state:
            state["zone"] = _name_of(state["zone"]) or state["zone"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From these fields, or from those of a state that has the zone itself."""
        fields = dict(state)
        if isinstance(fields.get("zone"), str):
            with suppress(Exception):  # an edited name is for the check of the state to refuse
                fields["zone"] = _zone_of(fields["zone"])
        self.__dict__.update(fields)

    def check_range(self, path: str, low: float, high: float) -> None:
        """Raise ValueError unless these seconds are times that the table can hold."""
        first, last = _OF_DTYPES
        if self.objects is not None:
            first, last = _OF_DURATIONS if self.duration else _OF_OBJECTS
        if not first <= low <= high <= last:
            raise damaged(f"{path} must be times from {first:g} to {last:g} seconds")

    def written(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds as the table's objects, None for NaN; as they are where it has a dtype."""
        if self.objects is None:
            return seconds
        values = np.empty(len(seconds), dtype=object)
        values[:] = [None if each != each else self._object(each) for each in seconds.tolist()]
        return values

    def value(self, seconds: float) -> Any:
        """One of them: an object of Python, or datetime64 or timedelta64 (in UTC)."""
        if self.objects is not None:
            return self._object(seconds)
        return times_of(np.array([seconds]), "m" if self.duration else "M")[0]

    def text(self, seconds: float) -> str:
        """As a person writes it: without a time of day where that is midnight."""
        try:
            time = timedelta(seconds=seconds) if self.duration else self._local(seconds)
        except OverflowError:  # beyond the years that Python knows
            return str(self.value(seconds))
        if isinstance(time, timedelta):
            return str(time)
        written = str(time.replace(microsecond=0))
        return written.removesuffix("+00:00").removesuffix(" 00:00:00")

    def local(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds since 1970 by the clock of the zone, of seconds in UTC without NaN."""
        return seconds + self._offsets(seconds)

    def from_local(self, local: np.ndarray) -> np.ndarray:
        """The inverse of `local`; the second guess is right but for hours that no clock shows."""
        guess = local - self._offsets(local)
        return local - self._offsets(guess)

    def _offsets(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds that the zone is ahead of UTC at these seconds in UTC."""
        if self.zone is None:
            return np.zeros(len(seconds))
        distinct, at = np.unique(seconds, return_inverse=True)
        return np.array([self._offset(each) for each in distinct.tolist()])[at]

    def _offset(self, seconds: float) -> float:
        try:
            ahead = self._local(seconds).utcoffset()
        except OverflowError:  # beyond the years that Python knows
            return 0.0
        return ahead.total_seconds() if ahead else 0.0

    def _object(self, seconds: float) -> Any:
        if self.duration:
            return timedelta(seconds=seconds)
        time = self._local(seconds)
        return time.date() if self.objects is date else time

    def _local(self, seconds: float) -> datetime:
        time = _EPOCH + timedelta(seconds=seconds)
        return time if self.zone is None else time.replace(tzinfo=UTC).astimezone(self.zone)


@dataclass(frozen=True)
class Column:
    """Values of one column, in one of two forms.

    Attributes
    ----------
    name : hashable
        As the user knows it; of an array, its position.
    holds : str
        NUMBERS, INTEGERS, BOOLEANS, DATES or LEVELS.
    numbers : float64 ndarray of shape (n_rows,) or None
        NaN where a value is missing. Booleans are 0 and 1, dates and durations are seconds. None
        for LEVELS.
    codes : int64 ndarray of shape (n_rows,) or None
        Positions in `levels`, -1 where a value is missing.
    levels : tuple
        Distinct values of LEVELS; where the table declares them, all of them in their order.
    declared, ordered : bool
        Whether the dtype of the table declares levels, and an order of them.
    times : Times or None
        What seconds mean, of DATES.
    """

    name: Any
    holds: str
    numbers: np.ndarray | None = None
    codes: np.ndarray | None = None
    levels: tuple[Any, ...] = ()
    declared: bool = False
    ordered: bool = False
    times: Times | None = None

    def __len__(self) -> int:
        return len(self.missing)

    @property
    def missing(self) -> np.ndarray:
        """Which values are missing, bool (n_rows,)."""
        if self.numbers is not None:
            return np.isnan(self.numbers)
        assert self.codes is not None
        return self.codes < 0

    def equal_to(self, mark: Any) -> np.ndarray:
        """Which values are the user's mark of missing ones, a number or a text, bool (n_rows,).

        False is not the number 0, nor is a date a number.
        """
        boolean = isinstance(mark, _BOOLS)
        if self.codes is not None:
            marked = [
                k
                for k, each in enumerate(self.levels)
                if isinstance(each, _BOOLS) == boolean and each == mark
            ]
            return np.isin(self.codes, marked)
        comparable = self.holds != DATES and not isinstance(mark, str)
        if not comparable or (self.holds == BOOLEANS) != boolean or not fits_float(mark):
            return np.zeros(len(self), dtype=bool)
        return self.numbers == mark

    def as_levels(self) -> Column:
        """The same column with its distinct values as levels, in ascending order."""
        if self.numbers is None:
            return self
        distinct, codes = np.unique(self.numbers, return_inverse=True)  # NaN is the last
        codes = np.where(np.isnan(self.numbers), -1, codes).astype(np.int64)
        levels = tuple(distinct[~np.isnan(distinct)].tolist())
        return Column(self.name, self.holds, codes=codes, levels=levels, times=self.times)


def fits_float(number: Any) -> bool:
    """Whether it is not one of the integers and fractions that are too large for a float."""
    size: Any = abs(number) if isinstance(number, Rational) else 0
    return bool(size <= sys.float_info.max)


def level_column(name: Any, values: Iterable[Any], missing: np.ndarray) -> Column:
    """A column of text or other values that can be told apart, in ascending order if possible.

    Raises
    ------
    ValueError
        A value is a list, a dict or another object that has no hash.
    """
    seen: dict[Any, int] = {}
    codes = np.full(len(missing), -1, dtype=np.int64)
    for row, value in enumerate(values):
        if missing[row]:
            continue
        try:
            codes[row] = seen.setdefault(value, len(seen))
        except TypeError:
            raise ValueError(
                f"Column {name!r} holds {type(value).__name__} objects (row {row}). Turn them into "
                "numbers or text, spread them over several columns, or drop the column."
            ) from None
    levels = list(seen)
    try:
        order = sorted(range(len(levels)), key=levels.__getitem__)
    except TypeError:  # text and numbers, for example
        order = sorted(range(len(levels)), key=lambda k: (type(levels[k]).__name__, str(levels[k])))
    place = np.empty(len(levels) + 1, dtype=np.int64)
    place[order] = np.arange(len(levels))
    place[-1] = -1
    return Column(name, LEVELS, codes=place[codes], levels=tuple(levels[k] for k in order))


def object_column(name: Any, values: np.ndarray, missing: np.ndarray) -> Column:
    """A column of Python objects: booleans, numbers, dates, or levels if they are neither."""
    kinds = {type(value) for value in values[~missing]}
    if kinds and all(issubclass(kind, (date, timedelta)) for kind in kinds):
        return _times_column(name, values, missing)
    if kinds and all(issubclass(kind, _BOOLS) for kind in kinds):
        holds = BOOLEANS
    elif kinds and all(issubclass(kind, (int, np.integer)) for kind in kinds):
        holds = INTEGERS
    elif all(issubclass(kind, Number) for kind in kinds):  # Decimal and Fraction too
        holds = NUMBERS
    else:
        return level_column(name, values, missing)
    if not all(issubclass(kind, (Real, Decimal, np.bool_)) for kind in kinds):
        raise ValueError(f"Complex data not supported: column {name!r}. Pass real numbers.")
    numbers = np.full(len(values), np.nan)
    try:
        numbers[~missing] = values[~missing].astype(np.float64)
    except OverflowError:  # of integers and fractions; others become infinite
        raise ValueError(
            f"Column {name!r} holds numbers too large for float64. Scale them, or turn them into "
            "text."
        ) from None
    return Column(name, holds, numbers=numbers)


def _times_column(name: Any, values: np.ndarray, missing: np.ndarray) -> Column:
    """A column of dates, of datetimes in one time zone or without, or of durations."""
    known = values[~missing].tolist()
    durations = [isinstance(value, timedelta) for value in known]
    zones = {getattr(value, "tzinfo", None) for value in known}
    if any(durations) != all(durations) or (None in zones and len(zones) > 1):
        return level_column(name, values, missing)  # nothing that could be compared
    if all(durations):
        times = Times(timedelta, duration=True)
        seconds = [value / timedelta(seconds=1) for value in known]
    else:
        whole = not any(isinstance(value, datetime) for value in known)
        times = Times(date if whole else datetime, zones.pop() if len(zones) == 1 else UTC)
        seconds = [_seconds_since_1970(value) for value in known]
    numbers = np.full(len(values), np.nan)
    numbers[~missing] = seconds
    return Column(name, DATES, numbers=numbers, times=times)


def _seconds_since_1970(value: date) -> float:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return (value - _EPOCH) / timedelta(seconds=1)


def seconds_of(times: np.ndarray) -> np.ndarray:
    """Seconds of datetime64 or timedelta64 values, NaN for NaT."""
    kind = times.dtype.kind
    micro = times.astype(f"{kind}8[us]")
    return np.where(np.isnat(micro), np.nan, micro.astype(np.int64) / 1e6)


def times_of(seconds: np.ndarray, kind: str) -> np.ndarray:
    """The inverse of `seconds_of`: "M" for datetime64[us], "m" for timedelta64[us]."""
    missing = np.isnan(seconds)
    micro = np.round(np.where(missing, 0, seconds) * 1e6).astype(np.int64)
    times = micro.view(f"{kind}8[us]").copy()
    times[missing] = np.array("NaT", dtype=times.dtype)
    return times
