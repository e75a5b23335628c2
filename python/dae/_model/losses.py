"""Losses: one object each, from which everything that depends on a loss follows.

To add one, append an object to `_ALL`. The values of the parameter `loss`, the "auto" decoder
activation, the checks of X, the bound that detects divergence, the state checks and the reference
equations are taken from here; the compiled formula is in ``csrc/losses.h``. No other module of
`dae` compares the name of a loss with a string (``tests/test_rooms.py``).
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from dae._model.activations import ACTIVATIONS, get_activation
from dae._model.missing import is_missing, without_missing

EVERYTHING = (-math.inf, math.inf)

# Training stops when the loss is this many times that of a network that ignores its input.
_DIVERGENCE_FACTOR = 1e4


class Entries(Protocol):
    """What a loss needs to know of the values it compares with; `dae._data.rows.Rows` has it."""

    @property
    def n_features(self) -> int: ...

    def value_range(self) -> tuple[float, float]:
        """Smallest and largest entry."""
        ...

    def largest_energy(self, origin: float = 0.0) -> float:
        """Largest squared distance of a row from `origin`."""
        ...

    def columns(self, own: slice) -> Entries:
        """The entries of some features."""
        ...


class Loss:
    """Loss of a reconstruction z = g(a) against x, or of outputs against a target.

    Attributes
    ----------
    name : str
        The value of the parameter `loss`, and the name in ``csrc/enums.h``.
    decoder_activations : tuple of str
        Activations that the compared units may have. The first one is "auto"; where outputs are
        compared with a target, it is part of the loss, which gets the pre-activations.
    valid_range : (float, float)
        Smallest and largest valid x.
    advice : str
        How to bring X into `valid_range`.
    reconstructs : bool
        Whether it compares a reconstruction with x, entry by entry: a value of `loss`.
    of_classes : bool
        Whether a target is one class number per row, rather than one value per output.
    couples_features : bool
        Whether the loss of an entry depends on the other features of its row. A weight of an entry
        then multiplies x, and outputs cannot be sampled.
    """

    name: str
    decoder_activations: tuple[str, ...] = ACTIVATIONS
    valid_range: tuple[float, float] = EVERYTHING
    advice: str = ""
    reconstructs: bool = True
    of_classes: bool = False
    couples_features: bool = False

    @property
    def parameter(self) -> str:
        """How users have asked for it."""
        return f"loss={self.name!r}"

    # -------------------------------------------------------------- what it asks of a network

    def decoder_activation(self, asked: str) -> str:
        """The activation for a value of `decoder_activation`. Raises ValueError if not allowed."""
        if asked == "auto":
            return self.decoder_activations[0]
        if asked not in self.decoder_activations:
            allowed = " or ".join(repr(name) for name in (*self.decoder_activations, "auto"))
            raise ValueError(
                f"loss={self.name!r} requires decoder_activation={allowed}, got {asked!r}."
            )
        return asked

    def of_codes(self, activation: str) -> Loss:
        """The loss of a layer that reconstructs codes of that activation, not samples."""
        return SQUARED_ERROR

    # -------------------------------------------------------------- what it asks of X

    def check(self, x: Entries, of: str | None = None) -> None:
        """Raise ValueError unless all of x lies in `valid_range`; `of` says what asks for it."""
        if self.valid_range == EVERYTHING:
            return
        low, high = self.valid_range
        smallest, largest = x.value_range()
        if not (smallest >= low and largest <= high):
            interval = f"[{low:g}, {high:g}]" if math.isfinite(high) else f"[{low:g}, inf)"
            raise ValueError(
                f"{of or self.parameter} requires X in {interval}, got values from {smallest:.6g} "
                f"to {largest:.6g}. {self.advice}"
            )

    # -------------------------------------------------------------- divergence

    def at_zero(self, x: Entries, activation: str) -> float:
        """Largest loss of a row of x where all pre-activations are zero, or a bound of it."""
        raise NotImplementedError

    def divergence_bound(self, x: Entries, activation: str, added_energy: float = 0.0) -> float:
        """A loss per sample that training reaches only when it diverges.

        10^4 times the largest loss of a network that ignores its input, plus the number of
        features, plus the energy that the corruption adds.
        """
        return _DIVERGENCE_FACTOR * (self.at_zero(x, activation) + added_energy + x.n_features)

    def output_divergence_bound(self, target: Entries | None, n_outputs: int) -> float:
        """The same for outputs that are compared with a target; None: with classes."""
        assert target is not None
        return self.divergence_bound(target, self.decoder_activations[0])

    # -------------------------------------------------------------- reference equations

    def entries(
        self, activation: str, a: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Loss of each entry, float64, and its derivative with respect to the pre-activation."""
        raise NotImplementedError

    def weighted_entries(
        self, activation: str, a: np.ndarray, x: np.ndarray, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """`entries` of which each counts as much as its weight; a missing one, NaN, nothing."""
        missing = is_missing(x)
        losses, delta = self.entries(activation, a, without_missing(x))
        weight = np.where(missing, 0, 1 if weight is None else weight).astype(a.dtype)
        return losses * weight, delta * weight

    def observed_share(self, missing: np.ndarray) -> np.ndarray:
        """How much of the loss of each row can be observed, from 0 to 1, float64."""
        return 1 - missing.mean(axis=1)

    def rows(self, a: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss of each row of outputs, float64, and its derivative by their pre-activations."""
        losses, delta = self.entries(self.decoder_activations[0], a, target)
        return losses.sum(axis=1), delta

    # -------------------------------------------------------------- judging predictions

    def prediction_error(
        self, outputs: np.ndarray, target: np.ndarray, sample_weight: np.ndarray | None
    ) -> float:
        """1 - R^2: the share of the variance of the target that is not explained."""
        center = np.average(target, axis=0, weights=sample_weight)
        left = np.average((target - outputs) ** 2, axis=0, weights=sample_weight)
        total = np.average((target - center) ** 2, axis=0, weights=sample_weight)
        # an output without variance counts by its squared error
        return float((left / np.where(total > 0, total, 1.0)).mean())


class SquaredError(Loss):
    """sum_d (x_d - z_d)^2."""

    name = "squared_error"

    def at_zero(self, x: Entries, activation: str) -> float:
        return x.largest_energy(get_activation(activation).at_zero)

    def entries(
        self, activation: str, a: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        g = get_activation(activation)
        z = g.value(a)
        return (z.astype(np.float64) - x) ** 2, 2 * (z - x) * g.derivative(z)


class LogLoss(Loss):
    """Cross-entropy -sum_d [x_d log z_d + (1 - x_d) log(1 - z_d)], z = logistic(a).

    In terms of the pre-activation: softplus(a) - x a, with derivative z - x.
    """

    name = "log_loss"
    decoder_activations = ("logistic",)
    valid_range = (0.0, 1.0)
    advice = "Scale X, for example with MinMaxScaler(clip=True), or use loss='squared_error'."

    def of_codes(self, activation: str) -> Loss:
        return self if activation in self.decoder_activations else SQUARED_ERROR

    def at_zero(self, x: Entries, activation: str) -> float:
        return x.n_features * math.log(2)

    def entries(
        self, activation: str, a: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        softplus = np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))
        return (softplus - x * a).astype(np.float64), get_activation(activation).value(a) - x

    def prediction_error(
        self, outputs: np.ndarray, target: np.ndarray, sample_weight: np.ndarray | None
    ) -> float:
        """1 - subset accuracy: the share of the samples of which not every label is predicted."""
        wrong = ((outputs > 0) != (target > 0.5)).any(axis=1)
        return float(np.average(wrong, weights=sample_weight))


class Poisson(Loss):
    """Half the Poisson deviance, sum_d [z_d - x_d - x_d log(z_d / x_d)], z = exp(a): counts.

    The negative log-likelihood exp(a) - x a, less its value at z = x; the derivative by a is z - x.
    Fractional x are valid: z = x is where the loss is smallest, whatever x >= 0 (quasi-likelihood).
    """

    name = "poisson"
    decoder_activations = ("exp",)
    valid_range = (0.0, math.inf)
    advice = "Pass counts, or use loss='squared_error'."

    def at_zero(self, x: Entries, activation: str) -> float:
        # 1 - x + x log x <= 1 + x^2
        return x.n_features + x.largest_energy()

    def entries(
        self, activation: str, a: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        z = get_activation(activation).value(a)
        t = a - np.log(np.where(x > 0, x, 1))
        losses = np.where(x > 0, x * (np.expm1(t) - t), z)
        return losses.astype(np.float64), z - x


class Multinomial(Loss):
    """-sum_d x_d log softmax(a)_d over all features: which of them, given how many.

    Liang, Krishnan, Hoffman & Jebara (WWW 2018), eq. 2. Its derivative by a is
    (sum_e x_e) softmax(a) - x. Fractional x are valid: cross-entropy with the shares x / sum_e x_e,
    weighted by the sum.
    """

    name = "multinomial"
    decoder_activations = ("softmax",)
    valid_range = (0.0, math.inf)
    advice = "Pass counts, clicks or other shares, or use loss='squared_error'."
    couples_features = True

    def at_zero(self, x: Entries, activation: str) -> float:
        # (sum_d x_d) log n, and sum_d x_d <= n + sum_d x_d^2
        return (x.n_features + x.largest_energy()) * math.log(x.n_features + 1)

    def entries(
        self, activation: str, a: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Whole rows: a feature's part of the loss depends on all of them."""
        a = a - a.max(axis=1, keepdims=True)
        log_softmax = a - np.log(np.exp(a).sum(axis=1, keepdims=True))
        mass = x.sum(axis=1, keepdims=True)
        return (-x * log_softmax).astype(np.float64), mass * np.exp(log_softmax) - x

    def weighted_entries(
        self, activation: str, a: np.ndarray, x: np.ndarray, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A weight multiplies x; the softmax is that of the features that are not missing."""
        missing = is_missing(x)
        x = without_missing(x)
        if weight is not None:
            x = x * weight
        losses, delta = self.entries(activation, np.where(missing, a.dtype.type(-1e9), a), x)
        return np.where(missing, 0, losses), np.where(missing, a.dtype.type(0), delta)


class SoftmaxLogLoss(Loss):
    """-log softmax(a)_k of a row whose class is number k."""

    name = "softmax_log_loss"
    decoder_activations = ("identity",)
    reconstructs = False
    of_classes = True

    def output_divergence_bound(self, target: Entries | None, n_outputs: int) -> float:
        return _DIVERGENCE_FACTOR * (math.log(n_outputs) + 1)

    def rows(self, a: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a = a - a.max(axis=1, keepdims=True)
        e = np.exp(a)
        total = e.sum(axis=1, keepdims=True)
        index = np.arange(len(a))
        delta = e / total
        delta[index, target] -= 1
        return (np.log(total[:, 0]) - a[index, target]).astype(np.float64), delta

    def prediction_error(
        self, outputs: np.ndarray, target: np.ndarray, sample_weight: np.ndarray | None
    ) -> float:
        """1 - accuracy: the share of the samples whose class is not predicted."""
        return float(np.average(outputs.argmax(axis=1) != target, weights=sample_weight))


SQUARED_ERROR = SquaredError()
LOG_LOSS = LogLoss()
POISSON = Poisson()
MULTINOMIAL = Multinomial()
SOFTMAX_LOG_LOSS = SoftmaxLogLoss()

_ALL: tuple[Loss, ...] = (
    SQUARED_ERROR,
    LOG_LOSS,
    POISSON,
    MULTINOMIAL,
    SOFTMAX_LOG_LOSS,
)
_BY_NAME = {loss.name: loss for loss in _ALL}

# of the outputs of a supervised network
OUTPUT_LOSSES = tuple(loss.name for loss in _ALL if not loss.couples_features)
LOSSES = tuple(loss.name for loss in _ALL if loss.reconstructs)


def get_loss(name: str) -> Loss:
    return _BY_NAME[name]
