"""The solver's settings and its moments, one set of arrays per parameter of a `Layer`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from dae._model.damage import damaged, is_array
from dae._model.layout import aligned_zeros, check_layout
from dae._model.network import Layer, Network

SOLVERS = ("sgd", "adam")


@dataclass
class Solver:
    """How a gradient ``g`` (of the batch's mean loss, plus ``alpha * w``) moves a weight ``w``.

    "sgd":  v <- momentum * v - lr * g;   w <- w + v,  or with Nesterov's momentum
            w <- w + momentum * v - lr * g  (the new v). Without momentum: w <- w - lr * g.
    "adam": Kingma & Ba (2015), algorithm 1:
            v1 <- beta_1 v1 + (1 - beta_1) g;   v2 <- beta_2 v2 + (1 - beta_2) g^2;
            w <- w - lr * v1 / (1 - beta_1^t) / (sqrt(v2 / (1 - beta_2^t)) + epsilon).

    `alpha` (L2) acts on the weights, not on the biases.

    Attributes
    ----------
    moments : dict of str -> tuple of ndarray
        Per distinct parameter: () for plain SGD, (v,) with momentum, (v1, v2) for Adam.
    n_steps : int
        Updates made so far (Adam's t).
    losses : float64 ndarray
        Of the batches of the last call of the core, which writes them; NaN before.
    max_loss : float
        A batch with a larger loss, or with NaN, makes no update.
    """

    name: str
    learning_rate: float
    momentum: float = 0.9
    nesterov: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    alpha: float = 0.0
    n_steps: int = 0
    moments: dict[str, tuple[np.ndarray, ...]] = field(default_factory=dict)
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    max_loss: float = np.inf

    @property
    def n_moments(self) -> int:
        """Moment arrays per parameter."""
        if self.name == "adam":
            return 2
        return 1 if self.momentum else 0

    def reset(self, network: Layer | Network) -> None:
        """Zero moments that fit `network`."""
        self.n_steps = 0
        self.moments = {
            name: tuple(aligned_zeros(a.shape, a.dtype) for _ in range(self.n_moments))
            for name, a in network.parameters().items()
        }

    def with_learning_rate(self, learning_rate: float) -> Solver:
        """The same solver with another step size; the moment arrays are shared."""
        return replace(self, learning_rate=learning_rate)

    def check(self, network: Layer | Network) -> None:
        """Raise ValueError unless the moments fit `network` array by array."""
        if self.name not in SOLVERS:
            raise ValueError(f"solver must be one of {SOLVERS}, got {self.name!r}.")
        for name, parameter in network.parameters().items():
            moments = self.moments.get(name, ())
            if len(moments) != self.n_moments:
                raise damaged(
                    f"solver {self.name!r} needs {self.n_moments} moment arrays for {name}, "
                    f"got {len(moments)}"
                )
            for moment in moments:
                if not is_array(moment):
                    raise damaged(
                        f"a moment of {name} must be an ndarray, got {type(moment).__name__}"
                    )
                check_layout(f"a moment of {name}", moment, parameter.shape, parameter.dtype)
