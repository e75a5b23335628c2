"""Real numbers of any class as floats."""

from __future__ import annotations

import math
from typing import Any


def as_float(value: Any) -> float:
    """A real number in float64, infinite where it is too large: Python raises OverflowError."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
