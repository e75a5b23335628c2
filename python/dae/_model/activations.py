"""Activations: one object each, with the formulas that the compiled core is tested against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Activation:
    """An elementwise function g of a pre-activation a.

    Attributes
    ----------
    name : str
        The value of `activation` and `decoder_activation`, and the name in ``csrc/enums.h``.
    value : callable
        g(a).
    derivative : callable
        g'(a), computed from g(a).
    initial_scale : float
        Factor of the bound of random initial weights; 1 / g'(0) for units whose derivative at
        zero is small.
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    initial_scale: float = 1.0

    @property
    def at_zero(self) -> float:
        """g(0): the output of a unit that ignores its input."""
        return float(self.value(np.zeros(1))[0])


def _logistic(a: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1 / (1 + e), e / (1 + e))


def _exp(a: np.ndarray) -> np.ndarray:
    """exp(a) within the range of the smaller dtype's exponential, as the core has it."""
    highest = 87.0 if a.dtype == np.float32 else 708.0
    return np.exp(np.minimum(a, highest))


def _softmax(a: np.ndarray) -> np.ndarray:
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


_ELEMENTWISE = (
    Activation("identity", np.copy, np.ones_like),
    Activation("logistic", _logistic, lambda g: g * (1 - g), initial_scale=4.0),
    Activation("tanh", np.tanh, lambda g: 1 - g * g),
    Activation("relu", lambda a: np.maximum(a, 0), lambda g: (g > 0).astype(g.dtype)),
)
# of the outputs of one loss each, see `losses.py`; the latter is of whole rows
EXP = Activation("exp", _exp, np.copy)
SOFTMAX = Activation("softmax", _softmax, lambda g: g * (1 - g))

_BY_NAME = {activation.name: activation for activation in (*_ELEMENTWISE, EXP, SOFTMAX)}

ACTIVATIONS = tuple(activation.name for activation in _ELEMENTWISE)
DECODER_ACTIVATIONS = tuple(_BY_NAME)


def get_activation(name: str) -> Activation:
    return _BY_NAME[name]
