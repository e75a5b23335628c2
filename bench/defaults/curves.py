"""Training curves of a table, and where a stopping rule would have ended them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.defaults.tables import Table, denoising_error
from dae import DenoisingAutoencoder

COMPONENTS = 256
JUDGED = 1000  # held-out rows that judge after each epoch
DIVERGED = float("inf")


@dataclass
class Curve:
    """Training loss and held-out denoising error after each epoch; empty if it diverged."""

    losses: list[float]
    errors: list[float]
    seconds: float

    def outcome(
        self, tol: float = 0.0, patience: float = np.inf, max_iter: int = 10**9
    ) -> tuple[float, int, bool]:
        """Denoising error, epochs, and whether `tol` ended it, by the stopping rule of `fit`.

        The rule is written out again here, because a recorded curve has no network to train;
        tests/test_bench_defaults.py holds it against `fit`.
        """
        best, best_epoch, stale, stopped, epoch = np.inf, 0, 0, False, 0
        for epoch, loss in enumerate(self.losses[:max_iter], start=1):
            stale = 0 if not np.isfinite(best) or loss < best * (1 - tol) else stale + 1
            if loss < best:
                best, best_epoch = loss, epoch
            if stale >= patience:
                stopped = True
                break
        error = self.errors[best_epoch - 1] if best_epoch else DIVERGED
        return error, epoch, stopped


def curve(table: Table, parameters: dict[str, Any], epochs: int | None = None) -> Curve:
    """Train epoch by epoch; one `partial_fit` is one epoch of `fit`."""
    model = DenoisingAutoencoder(COMPONENTS, random_state=0, **parameters)
    losses, errors, seconds = [], [], 0.0
    for _ in range(epochs or table.epochs):
        started = time.perf_counter()
        try:
            model.partial_fit(table.train)
        except ValueError:  # diverged
            return Curve([], [], seconds)
        seconds += time.perf_counter() - started
        losses.append(model.loss_curve_[-1])
        errors.append(denoising_error(model.reconstruct(table.noisy[:JUDGED]), table))
    return Curve(losses, errors, seconds)
