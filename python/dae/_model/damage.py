"""Checks of fitted attributes, which can be assigned and whose pickles can be edited.

Whatever has been done to them, the outcome is one ValueError in the same words.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Real
from typing import Any, TypeGuard

import numpy as np


def damaged(problem: str) -> ValueError:
    """The error for a fitted state that no `fit` leaves behind."""
    return ValueError(f"The fitted state is damaged: {problem}. Fit the estimator again.")


def is_array(value: Any) -> TypeGuard[np.ndarray]:
    """Whether it is an ndarray, or a memory map, but not of a class that changes the arithmetic."""
    return type(value) is np.ndarray or type(value) is np.memmap


def checked_count(name: str, value: Any, limit: int = 2**62) -> int:
    """An integer in [0, limit)."""
    if not isinstance(value, (int, np.integer)) or not 0 <= value < limit:
        raise damaged(
            f"{name} must be an integer in [0, 2**{limit.bit_length() - 1}), got {value!r}"
        )
    return int(value)


def checked_number(name: str, value: Any) -> float:
    """A real number; it may be infinite."""
    if not _is_number(value) or math.isnan(value):
        raise damaged(f"{name} must be a number, got {value!r}")
    return float(value)


def checked_curve(name: str, value: Any, *, ends: bool = False) -> list[float]:
    """A list of real numbers; with `ends`, for speed, only the first and the last are looked at."""
    if not isinstance(value, list):
        raise damaged(f"{name} must be a list of numbers, got {type(value).__name__}")
    for loss in [*value[:1], *value[-1:]] if ends else value:
        if not _is_number(loss):
            raise damaged(f"{name} must be a list of numbers, got {loss!r} in it")
    return value


def checked_choice(name: str, value: Any, allowed: Collection[str]) -> str:
    """One of some strings."""
    if not isinstance(value, str) or value not in allowed:
        raise damaged(f"{name} must be one of {allowed}, got {value!r}")
    return value


def _is_number(value: Any) -> bool:
    if type(value) is float:
        return True
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        float(value)
    except (OverflowError, TypeError, ValueError):
        return False
    return True
