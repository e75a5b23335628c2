"""What a rival is: a session that trains one network on one problem.

All sessions of a comparison get the same initial weights, data, row order, batch size, dtype and
thread count. Each gathers its rows and draws its masks itself, because a user's loop has to.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import ThreadpoolController

from bench.settings import Setting
from dae._model import reference as _reference
from dae._model.network import Layer, aligned_zeros, padded_width


class Session:
    """Base of the sessions. `train` takes whole batches only: a rest would favour nobody."""

    comparable_loss = True  # whether the same loss is minimised, with tied weights

    def __init__(
        self,
        setting: Setting,
        W: np.ndarray,
        b: np.ndarray,
        c: np.ndarray,
        X: np.ndarray,
        n_threads: int,
    ) -> None:
        self.setting, self.n_threads = setting, n_threads
        self._controller: ThreadpoolController | None = None
        self.start(W.copy(), b.copy(), c.copy(), X)

    def start(self, W: np.ndarray, b: np.ndarray, c: np.ndarray, X: np.ndarray) -> None:
        """Take the initial weights and the data; called once."""
        raise NotImplementedError

    def activate(self) -> None:
        """Set the thread counts of this process for this session; not timed."""
        if self._controller is None:
            self._controller = ThreadpoolController()
        self._controller.limit(limits=self.n_threads, user_api="blas")

    def train(self, rows: np.ndarray) -> None:
        """One pass over X[rows] in that order, in mini-batches, freshly masked."""
        raise NotImplementedError

    def weights(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """W (n_features, n_hidden), b, c."""
        raise NotImplementedError

    def loss(self, clean: np.ndarray, shown: np.ndarray) -> float:
        """Mean cross-entropy of `clean` rows when `shown` is presented, by the reference."""
        network = network_of(*self.weights())
        return float(_reference.sample_losses(network, clean, shown).mean())


def network_of(W: np.ndarray, b: np.ndarray, c: np.ndarray) -> Layer:
    """The weights as this library holds them."""
    encoder = aligned_zeros((len(W), padded_width(W.shape[1], W.dtype)), W.dtype)
    encoder[:, : W.shape[1]] = W
    return Layer(encoder, encoder, b, c, "logistic", "logistic", "log_loss")
