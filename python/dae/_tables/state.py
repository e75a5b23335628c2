"""What `fit` leaves behind of a table, declared field by field.

Attributes can be assigned and pickles edited. So every record declares its fields, each with a
check of what `fit` leaves there, and an estimator checks all that it keeps before it uses any of
it. The outcome is the error of `_model/damage.py`, which names the path to the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from dae._data.containers import missing_objects
from dae._model.damage import checked_choice, checked_count, damaged

# of the path to a field, and its value; raises ValueError
Check = Callable[[str, Any], Any]
Fields = Mapping[str, Check]


class Record:
    """Base of what is kept of a table."""

    fields: ClassVar[Fields] = {}

    def check_state(self, path: str) -> None:
        """Raise ValueError unless the record at this path is one that `fit` leaves behind."""
        check_fields(self, self.fields, f"{path}.")


def check_fields(owner: Any, fields: Fields, prefix: str = "") -> None:
    """Raise ValueError unless every declared field is there and passes its check.

    The default of a class does not stand in for what was deleted.
    """
    held = vars(owner)
    for name, check in fields.items():
        if name not in held:
            raise damaged(f"{prefix}{name} is missing")
        check(prefix + name, held[name])


# ------------------------------------------------------------------ checks of one value


def finite(path: str, value: Any) -> None:
    """A finite float."""
    if not (isinstance(value, float) and math.isfinite(value)):
        raise damaged(f"{path} must be a finite number, got {shown(value)}")


def positive(path: str, value: Any) -> None:
    """A finite float above 0."""
    if not (isinstance(value, float) and 0 < value < math.inf):
        raise damaged(f"{path} must be a finite number above 0, got {shown(value)}")


def flag(path: str, value: Any) -> None:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise damaged(f"{path} must be True or False, got {shown(value)}")


def random_seed(path: str, value: Any) -> None:
    """What random numbers start from."""
    checked_count(path, value, 2**64)


def hashable(path: str, value: Any) -> None:
    """What can be told apart from others: a level, or the name of a column."""
    if not _is_hashable(value):
        raise damaged(f"{path} must be a value that has a hash, got {shown(value)}")


def choice(*allowed: str) -> Check:
    """One of some strings."""
    return lambda path, value: checked_choice(path, value, allowed)


def one_of(*allowed: Any) -> Check:
    """One of some objects, and no other that equals it."""

    def check(path: str, value: Any) -> None:
        if not any(value is each for each in allowed):
            raise damaged(f"{path} must be one of {allowed}, got {shown(value)}")

    return check


def is_a(*kinds: type) -> Check:
    """An object of one of some classes."""

    def check(path: str, value: Any) -> None:
        if not isinstance(value, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise damaged(f"{path} must be of the class {wanted}, got {shown(value)}")

    return check


def record(kind: type[Record]) -> Check:
    """A record, with all that it holds."""
    of_kind = is_a(kind)

    def check(path: str, value: Any) -> None:
        of_kind(path, value)
        value.check_state(path)

    return check


def optional(check: Check) -> Check:
    """None, or what passes another check."""
    return lambda path, value: None if value is None else check(path, value)


def list_of(check: Check) -> Check:
    """A list, each of whose items passes a check."""

    def check_items(path: str, value: Any) -> None:
        if not isinstance(value, list):
            raise damaged(f"{path} must be a list, got {shown(value)}")
        for k, item in enumerate(value):
            check(f"{path}[{k}]", item)

    return check_items


def tuple_of_levels(path: str, value: Any) -> None:
    """A tuple of values that can be told apart, and are not missing."""
    if not isinstance(value, tuple) or not all(map(_is_hashable, value)):
        raise damaged(f"{path} must be a tuple of levels, got {shown(value)}")
    levels = np.empty(len(value), dtype=object)
    levels[:] = value
    if missing_objects(levels).any():
        raise damaged(f"{path} must have no missing value among its levels, got {shown(value)}")


def check_positions(path: str, value: Any, n: int) -> None:
    """A list of positions from 0 to n - 1, in ascending order."""
    if (
        not isinstance(value, list)
        or not all(type(k) is int and 0 <= k < n for k in value)
        or value != sorted(set(value))
    ):
        raise damaged(f"{path} must be a list of positions of {n} columns, got {shown(value)}")


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def shown(value: Any) -> str:
    """A value in one line of a message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
