"""Inference through the estimator, many rows and one: `pytest bench/ --benchmark-only`."""

import pytest

from bench._suite import ROUNDS, THREADS
from bench.settings import Setting, rows_of
from bench.tables.inference import estimator

METHODS = ["transform", "reconstruct", "score_samples"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", METHODS)
def test_many_rows(benchmark, name, dtype):
    setting = Setting(dtype=dtype)
    dae, X = estimator(setting, THREADS), rows_of(setting)[:2000]
    benchmark.pedantic(getattr(dae, name), (X,), **ROUNDS)


@pytest.mark.parametrize("name", METHODS)
def test_one_row(benchmark, name):
    dae, x = estimator(Setting(), None), rows_of(Setting())[:1]
    benchmark(getattr(dae, name), x)
