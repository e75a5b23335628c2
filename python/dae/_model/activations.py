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


_ALL = (
    Activation("identity", np.copy, np.ones_like),
    Activation("logistic", _logistic, lambda g: g * (1 - g), initial_scale=4.0),
    Activation("tanh", np.tanh, lambda g: 1 - g * g),
    Activation("relu", lambda a: np.maximum(a, 0), lambda g: (g > 0).astype(g.dtype)),
)
_BY_NAME = {activation.name: activation for activation in _ALL}

ACTIVATIONS = tuple(_BY_NAME)


def get_activation(name: str) -> Activation:
    return _BY_NAME[name]
