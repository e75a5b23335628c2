"""The defaults of `DenoisingOutlierDetector`: candidates on the third of the sets for it.

Each differs from the defaults in one parameter. Also what the score consists of: errors that are
not put in relation to what is usual for their feature, and the plain error of unmasked rows by the
network of a transformer's size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from bench.anomalies import compare, sets
from bench.anomalies.rivals import Rival, Score, detector
from dae import DenoisingAutoencoder, DenoisingOutlierDetector

CANDIDATES: dict[str, list[Any]] = {
    "hidden_layer_sizes": [(64,), (256,), (32, 32), (128, 64), (64, 64, 64)],
    "corruption_level": [0.2, 0.3, 0.5, 0.6],
    "n_repeats": [2, 4, 16],
    "learning_rate_init": [0.003, 0.02],
    "alpha": [0.001],
    "batch_size": [32, 128],
    "max_iter": [30, 100],
}
SUPPORTS = [0.5, 0.6, 0.7, 0.8, 0.9]  # with anomalies among the training rows


def with_parameters(parameters: dict) -> Rival:
    return lambda X, seed: detector(X, seed, **parameters)


def absolute(X: np.ndarray, seed: int) -> Score:
    """The mean of squared errors as they are."""
    model = DenoisingOutlierDetector(random_state=seed).fit(X)
    return lambda X: model.errors(X) @ (model.usual_errors_ + 0.1)


def plain(X: np.ndarray, seed: int) -> Score:
    """`DenoisingAutoencoder` with its defaults on standardised features."""
    scaler = StandardScaler().fit(X)
    model = DenoisingAutoencoder(random_state=seed).fit(scaler.transform(X))
    return lambda X: -model.score_samples(scaler.transform(X))


def run(quick: bool = False) -> dict:
    tried: dict[str, Rival] = {"defaults": detector}
    for name, values in CANDIDATES.items():
        for value in values[:1] if quick else values:
            tried[f"{name}={value}"] = with_parameters({name: value})
    tried["errors as they are, not over the usual ones"] = absolute
    tried["DenoisingAutoencoder().score_samples"] = plain
    names = sets.chosen_on()
    seeds = compare.SEEDS[:1] if quick else compare.SEEDS
    among = {
        f"support_fraction={share}": with_parameters({"support_fraction": share})
        for share in (SUPPORTS[:1] if quick else SUPPORTS)
    }
    mixed = [name for name in names if name in sets.UNSUPERVISED]
    return {
        "seeds": list(seeds),
        "semi_supervised": compare.on_sets(names, tried, sets.semi_supervised, seeds),
        "unsupervised": compare.on_sets(
            mixed, {"defaults": detector, **among}, sets.unsupervised, seeds
        ),
    }
