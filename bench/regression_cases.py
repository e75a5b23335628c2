"""What `bench.regression` measures: calls through the public interface, in a process of its own.

Started by path with PYTHONPATH set to a checkout, so the same cases drive every revision. A line
that it reads names a case and a number of calls, its answer is the seconds they took. With
`--marks N` it runs all cases once, N calls each, between marks that callgrind sees.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings

import numpy as np

from dae import DenoisingAutoencoder

warnings.simplefilter("ignore")
N_JOBS = int(os.environ.get("BENCH_THREADS", "1"))
COUNTED = "--marks" in sys.argv


def rows(n_rows: int, n_features: int, dtype: str, density: float = 1.0) -> np.ndarray:
    """Random rows; fewer where instructions are counted, which takes fifty times as long."""
    if COUNTED and n_rows > 128:
        n_rows = max(128, n_rows // 8)
    random = np.random.default_rng(0)
    X = random.random((n_rows, n_features)).astype(dtype)
    X[random.random(X.shape) > density] = 0
    return X


def estimator(n_hidden: int, **parameters) -> DenoisingAutoencoder:
    settings = {
        "activation": "logistic",
        "loss": "log_loss",
        "solver": "sgd",
        "momentum": 0.0,
        "learning_rate_init": 0.01,
        "n_jobs": N_JOBS,
        "random_state": 0,
    }
    return DenoisingAutoencoder(n_hidden, **(settings | parameters))


def training(n=784, m=500, n_rows=1024, dtype="float32", density=1.0, **parameters):
    """One `partial_fit` of `n_rows` rows of a network that is trained already."""
    X = rows(n_rows, n, dtype, density)
    dae = estimator(m, **parameters)
    dae.partial_fit(X[:128])
    return lambda: dae.partial_fit(X)


def method(name: str, n_rows: int):
    X = rows(n_rows, 784, "float32")
    dae = estimator(500)
    dae.partial_fit(X[:20])
    call = getattr(dae, name)
    return lambda: call(X)


def small_fit():
    X = rows(500, 64, "float64")
    dae = estimator(32, max_iter=3, tol=None)
    return lambda: dae.fit(X)


CASES = {
    "steps of 1": lambda: training(n_rows=64, batch_size=1),
    "steps of 20": lambda: training(n_rows=320, batch_size=20),
    "steps of 128": lambda: training(batch_size=128),
    "steps of 128, a fifth not zero": lambda: training(batch_size=128, density=0.2),
    "steps of 128, float64": lambda: training(batch_size=128, n_rows=512, dtype="float64"),
    "steps of 20, Adam": lambda: training(n_rows=320, batch_size=20, solver="adam"),
    "steps of 128, Adam": lambda: training(batch_size=128, solver="adam"),
    "partial_fit of one row": lambda: training(n=128, m=32, n_rows=1),
    "transform one row": lambda: method("transform", 1),
    "transform 1000 rows": lambda: method("transform", 1000),
    "reconstruct 1000 rows": lambda: method("reconstruct", 1000),
    "score 1000 rows": lambda: method("score_samples", 1000),
    "fit of a small table": small_fit,
}


def serve() -> None:
    ready: dict = {}
    print(json.dumps(list(CASES)), flush=True)
    for line in sys.stdin:
        name, count = json.loads(line)
        if name not in ready:
            ready[name] = CASES[name]()
            ready[name]()
        call = ready[name]
        started = time.perf_counter()
        for _ in range(count):
            call()
        print(time.perf_counter() - started, flush=True)


def marked(count: int) -> None:
    """Between two calls of getsid lie `count` calls of a case, or what comes between cases."""
    for name, make in CASES.items():
        call = make()
        call()
        os.getsid(0)
        for _ in range(count):
            call()
        os.getsid(0)
        print(name, flush=True)


if __name__ == "__main__":
    if COUNTED:
        marked(int(sys.argv[-1]))
    else:
        serve()
