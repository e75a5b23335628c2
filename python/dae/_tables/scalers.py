"""Scalers of one column of numbers: to numbers of mean 0 and variance 1, and back."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from dae._model.damage import damaged, is_array
from dae._tables.state import Fields, Record, finite, positive

SCALERS = ("robust", "quantile", "standard")

_BOUND = 5.0  # interquartile ranges from the median that "robust" never exceeds
_N_QUANTILES = 1000
_LEAST_UNIT = 1e-150  # of the range: the square of a value in such units is finite


@dataclass
class Scaler(Record):
    """Base: a monotone function of the values, then an affine one to mean 0 and variance 1.

    What is decoded stays between the smallest and the largest value of the training data.

    Attributes
    ----------
    low, high : float
        The smallest and the largest value over `size`.
    mean, scale : float
        Of the affine function.
    size : float
        What huge and tiny values are divided by, so that their squares are neither infinite nor 0:
        a power of two. 1 for all others.
    """

    low: float
    high: float
    mean: float = 0.0
    scale: float = 1.0
    size: float = 1.0

    fields: ClassVar[Fields] = {
        "low": finite,
        "high": finite,
        "mean": finite,
        "scale": positive,
        "size": positive,
    }

    def check_state(self, path: str) -> None:
        super().check_state(path)
        if not (self.low <= self.high and all(map(math.isfinite, self.value_range()))):
            raise damaged(f"{path}.low and {path}.high must be the ends of a finite range")

    @classmethod
    def fit(cls, x: np.ndarray) -> Scaler:
        """From finite values that are not all equal."""
        size = _size(x)
        x = x / size
        scaler = cls._of(x)
        scaler.size = size
        y = scaler._forward(x)
        scaler.mean, scaler.scale = float(y.mean()), float(y.std()) or 1.0
        return scaler

    @classmethod
    def _of(cls, x: np.ndarray) -> Scaler:
        return cls(float(x.min()), float(x.max()))

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Scaled values, NaN where x is; of values far outside the training range, finite."""
        with np.errstate(over="ignore"):  # infinities are clipped as other large values are
            x = x / self.size
        return (self._forward(x) - self.mean) / self.scale

    def inverse_transform(self, y: np.ndarray) -> np.ndarray:
        """Values within the range of the training data."""
        x = np.clip(self._backward(y * self.scale + self.mean), self.low, self.high)
        return x * self.size

    def value_range(self) -> tuple[float, float]:
        """The smallest and the largest value of the training data."""
        return float(self.low * self.size), float(self.high * self.size)

    def _forward(self, x: np.ndarray) -> np.ndarray:
        # a value from outside the training range must not drown all other columns of its row
        margin = 2 * (self.high - self.low)
        return np.clip(x, self.low - margin, self.high + margin)

    def _backward(self, y: np.ndarray) -> np.ndarray:
        return y


def _size(x: np.ndarray) -> float:
    """The power of two next to the largest of values whose squares float64 cannot hold, else 1."""
    largest = float(np.abs(x).max())
    if 1e-100 < largest < 1e100:
        return 1.0
    return max(2.0 ** (math.frexp(largest)[1] - 1), sys.float_info.min)


@dataclass
class RobustScaler(Scaler):
    """Median and interquartile range, then a smooth bound (as skrub's SquashingScaler)."""

    centre: float = 0.0
    unit: float = 1.0

    fields: ClassVar[Fields] = {**Scaler.fields, "centre": finite, "unit": positive}

    @classmethod
    def _of(cls, x: np.ndarray) -> RobustScaler:
        low, first, median, third, high = np.quantile(x, [0, 0.25, 0.5, 0.75, 1])
        # more than half of the values may be one and the same
        unit = third - first if third > first else float(x.std())
        unit = max(unit, _LEAST_UNIT * (high - low))
        return cls(low, high, centre=float(median), unit=float(unit))

    def _forward(self, x: np.ndarray) -> np.ndarray:
        z = (super()._forward(x) - self.centre) / (self.unit * _BOUND)
        return _BOUND * z / np.sqrt(1 + z**2)

    def _backward(self, y: np.ndarray) -> np.ndarray:
        z = np.clip(y / _BOUND, -1 + 1e-9, 1 - 1e-9)
        return z / np.sqrt(1 - z**2) * (self.unit * _BOUND) + self.centre


def _ascending(path: str, value: Any) -> None:
    """Finite numbers in ascending order."""
    if (
        not is_array(value)
        or value.dtype != np.float64
        or value.ndim != 1
        or not len(value)
        or not np.isfinite(value).all()
        or (np.diff(value) < 0).any()
    ):
        raise damaged(f"{path} must be an array of finite numbers in ascending order")


@dataclass
class QuantileScaler(Scaler):
    """Ranks as quantiles of a normal distribution ("RankGauss"), linear between them."""

    values: np.ndarray | None = None
    scores: np.ndarray | None = None

    fields: ClassVar[Fields] = {**Scaler.fields, "values": _ascending, "scores": _ascending}

    def check_state(self, path: str) -> None:
        super().check_state(path)
        assert self.values is not None and self.scores is not None
        if len(self.values) != len(self.scores):
            raise damaged(f"{path}.values and {path}.scores must be of one length")

    @classmethod
    def _of(cls, x: np.ndarray) -> QuantileScaler:
        n = min(_N_QUANTILES, len(x))
        ranks = np.linspace(0, 1, n)
        quantiles = np.quantile(x, ranks)
        # equal values have the rank in the middle of theirs
        values, first, count = np.unique(quantiles, return_index=True, return_counts=True)
        ranks = (ranks[first] + ranks[first + count - 1]) / 2
        edge = 0.5 / n
        scores = ndtri(np.clip(ranks, edge, 1 - edge))
        return cls(float(values[0]), float(values[-1]), values=values, scores=scores)

    def _forward(self, x: np.ndarray) -> np.ndarray:
        assert self.values is not None and self.scores is not None
        return np.interp(x, self.values, self.scores)

    def _backward(self, y: np.ndarray) -> np.ndarray:
        assert self.values is not None and self.scores is not None
        return np.interp(ndtr(y), ndtr(self.scores), self.values)


_CLASSES: dict[str, type[Scaler]] = dict(
    zip(SCALERS, (RobustScaler, QuantileScaler, Scaler), strict=True)
)


def fitted_scaler(name: str, x: np.ndarray) -> Scaler:
    """The scaler of a name, fitted to finite values that are not all equal."""
    return _CLASSES[name].fit(x)
