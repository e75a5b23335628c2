"""What the command lines share: errors in one line, converters that say what they expect."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np


class Parser(argparse.ArgumentParser):
    """Errors in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def number(kind: type, low: float, high: float, what: str) -> Callable[[str], Any]:
    """A converter for argparse: numbers from `low` to `high`."""

    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = np.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"should be {what}, got {text}")
        return value

    return convert


def n_threads(text: str) -> int:
    """A converter for argparse: scikit-learn's ``n_jobs``."""
    value = number(int, -(2**31), 2**31 - 1, "an integer")(text)
    if value == 0:
        raise argparse.ArgumentTypeError("should be 1 or more, or -1 for all cores, got 0")
    return value
