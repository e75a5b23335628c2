"""The only module that imports the compiled core: same functions as `dae._reference`.

Temporary: stands on the reference until the compiled core is linked in.
"""

from __future__ import annotations

import numpy as np

from dae import _reference
from dae._corruption import Corruption
from dae._network import Network
from dae._solver import Solver


def encode(network: Network, X: np.ndarray, *, n_threads: int) -> np.ndarray:
    network.check()
    return _reference.encode(network, X)


def decode(network: Network, H: np.ndarray, *, n_threads: int) -> np.ndarray:
    network.check()
    return _reference.decode(network, H)


def reconstruct(network: Network, X: np.ndarray, *, n_threads: int) -> np.ndarray:
    network.check()
    return _reference.reconstruct(network, X)


def sample_losses(
    network: Network, X: np.ndarray, X_corrupted: np.ndarray, *, n_threads: int
) -> np.ndarray:
    network.check()
    return _reference.sample_losses(network, X, X_corrupted)


def corrupt(
    corruption: Corruption, X: np.ndarray, rows: np.ndarray, presentation: int, *, n_threads: int
) -> np.ndarray:
    return _reference.corrupt(corruption, X, rows, presentation)


def train(
    network: Network,
    solver: Solver,
    corruption: Corruption,
    X: np.ndarray,
    rows: np.ndarray,
    *,
    batch_size: int,
    presentation: int,
    n_threads: int,
    X_corrupted: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    max_loss: float = np.inf,
) -> np.ndarray:
    network.check()
    solver.check(network)
    return _reference.train(
        network,
        solver,
        corruption,
        X,
        rows,
        batch_size=batch_size,
        presentation=presentation,
        X_corrupted=X_corrupted,
        sample_weight=sample_weight,
        max_loss=max_loss,
    )


def n_threads(n_jobs: int | None) -> int:
    """Threads that `n_jobs` stands for at this moment."""
    return 1
