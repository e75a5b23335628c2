"""Deep networks as the papers build them: pretrained layer by layer, then tuned for the classes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from dae import StackedDenoisingAutoencoder, StackedDenoisingClassifier

# of all networks, unless an experiment says otherwise
SHARED: dict[str, Any] = {
    "activation": "relu",
    "loss": "log_loss",
    "solver": "adam",
    "learning_rate": "cosine",
    "alpha": 0.0,
    "batch_size": 100,
    "tol": None,
    "random_state": 0,
}


def pretrained(
    settings: dict, X: np.ndarray, quick: bool = False
) -> tuple[StackedDenoisingAutoencoder, float]:
    """A stack trained layer by layer, and the seconds it took."""
    settings = {key: value for key, value in settings.items() if "fine_tune" not in key}
    stack = StackedDenoisingAutoencoder(**(settings | ({"max_iter": 1} if quick else {})))
    started = time.perf_counter()
    stack.fit(X)
    return stack, time.perf_counter() - started


def tuned(
    settings: dict,
    stack: StackedDenoisingAutoencoder | None,
    X: np.ndarray,
    y: np.ndarray,
    quick: bool = False,
) -> tuple[StackedDenoisingClassifier, float]:
    """A network that starts from a stack, or without one from random weights; the seconds."""
    settings = settings | {"pretrained": stack, "max_iter": 0}
    network = StackedDenoisingClassifier(
        **(settings | ({"fine_tune_max_iter": 2} if quick else {}))
    )
    started = time.perf_counter()
    network.fit(X, y)
    return network, time.perf_counter() - started
