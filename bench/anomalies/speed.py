"""CPU seconds of a fit, beside PyOD's autoencoder: in turn, on one thread each.

CPU seconds, not wall-clock seconds: other work on the machine slows both, but not equally.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

from bench import machine
from bench.anomalies import sets
from bench.anomalies.rivals import detector, pyod_autoencoder

ROUNDS = 2
RIVALS = {"dae": detector, "PyOD AutoEncoder": pyod_autoencoder}


def run(quick: bool = False) -> dict:
    machine.set_torch_threads(1)
    results = {}
    for name in sets.names()[:3] if quick else sets.names():
        X = sets.semi_supervised(name, 0).train
        seconds: dict[str, list[float]] = {rival: [] for rival in RIVALS}
        for fit in RIVALS.values():  # imports and first calls are not timed
            _cpu_seconds(fit, X[:200], 0)
        for seed in range(1 if quick else ROUNDS):
            for rival, fit in RIVALS.items():
                seconds[rival].append(_cpu_seconds(fit, X, seed))
        results[name] = {"shape": list(X.shape), "seconds": seconds}
        print(name, {rival: float(np.median(each)) for rival, each in seconds.items()}, flush=True)
    return {"sets": results}


def _cpu_seconds(fit, X: np.ndarray, seed: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.process_time()
        if fit is detector:
            fit(X, seed, n_jobs=1)
        else:
            fit(X, seed)
        return time.process_time() - started
