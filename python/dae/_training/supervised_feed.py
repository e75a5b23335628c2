"""Supervised stacks: what their outputs mean, and how training judges them."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from dae import _core
from dae._data.checks import largest_energy
from dae._model.network import Layer, Network
from dae._training.feed import Feed


def output_losses(network: Layer | Network, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Loss of each row of outputs, float64."""
    if network.loss == "softmax_log_loss":
        return -log_softmax(outputs.astype(np.float64), axis=1)[np.arange(len(target)), target]
    return ((outputs.astype(np.float64) - target) ** 2).sum(axis=1)


def largest_sane_output_loss(network: Layer | Network, target: np.ndarray) -> float:
    """A per-sample loss that no training reaches unless it diverges; see `largest_sane_loss`."""
    n_outputs = network.n_hidden
    if network.loss == "softmax_log_loss":
        return 1e4 * (np.log(n_outputs) + 1)
    return 1e4 * (largest_energy(target) + n_outputs)


class LabelledFeed(Feed):
    """Data with a target: judged by how well it is predicted, without corruption."""

    def evaluate(self, network: Layer | Network, rows: np.ndarray) -> float:
        """1 - score: the share of wrong classes, or of the variance that is not explained."""
        assert self.target is not None
        outputs, target = self._outputs(network, rows).astype(np.float64), self.target[rows]
        if not np.isfinite(outputs).all():
            return np.nan
        if network.loss == "softmax_log_loss":
            return self.mean(outputs.argmax(axis=1) != target, rows)
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        center = np.average(target, axis=0, weights=weight)
        left = np.average((target - outputs) ** 2, axis=0, weights=weight)
        total = np.average((target - center) ** 2, axis=0, weights=weight)
        # an output without variance counts by its squared error
        return float((left / np.where(total > 0, total, 1.0)).mean())

    def clean_loss(self, network: Layer | Network, rows: np.ndarray) -> float:
        assert self.target is not None
        outputs = self._outputs(network, rows)
        return float(output_losses(network, outputs, self.target[rows]).mean())

    def _outputs(self, network: Layer | Network, rows: np.ndarray) -> np.ndarray:
        blocks = [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]
        return np.concatenate(
            [_core.encode(network, self.X[block], n_threads=self.n_threads) for block in blocks]
        )
