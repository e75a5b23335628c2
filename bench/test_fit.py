"""`fit` and `partial_fit` through the estimator: `pytest bench/ --benchmark-only`."""

import pytest

from bench._suite import ROUNDS, THREADS
from bench.settings import Setting, rows_of
from dae import DenoisingAutoencoder

SETTING = Setting(128, 32)


def estimator(**parameters):
    return DenoisingAutoencoder(
        SETTING.n_hidden, tol=None, random_state=0, n_jobs=THREADS, **parameters
    )


@pytest.mark.parametrize("corruption", ["masking", "gaussian", "salt_and_pepper", "swap", None])
def test_fit(benchmark, corruption):
    X = rows_of(SETTING)[:2000]
    benchmark.group = "fit of 2000 rows, 128-32, 2 epochs"
    benchmark.pedantic(estimator(corruption=corruption, max_iter=2).fit, (X,), **ROUNDS)


def test_partial_fit_of_one_row(benchmark):
    x = rows_of(SETTING)[:1]
    benchmark(estimator().partial_fit, x)
