"""Training steps, ours beside the NumPy twin's: `pytest bench/ --benchmark-only`."""

import pytest

from bench._suite import DATA, ROUNDS, rows_for, session_of
from bench.rivals import numpy_step, ours
from bench.settings import SOLVERS, Setting


def train(benchmark, rival, setting):
    session, rows = session_of(rival, setting), rows_for(setting)
    benchmark.extra_info["samples"] = len(rows)
    benchmark.pedantic(session.train, (rows,), **ROUNDS)


@pytest.mark.parametrize("rival", [ours, numpy_step], ids=["dae", "numpy"])
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("batch_size", [1, 20, 128])
def test_twin(benchmark, batch_size, data, rival):
    benchmark.group = f"784-500 float32, {data}, batch {batch_size}"
    train(benchmark, rival, Setting(data=data, batch_size=batch_size))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_solver(benchmark, solver, dtype):
    benchmark.group = "784-500, solvers, batch 128"
    train(benchmark, ours, Setting(solver=solver, dtype=dtype, batch_size=128))


@pytest.mark.parametrize("shape", [(128, 32), (784, 2000), (4096, 256)], ids=str)
def test_shape(benchmark, shape):
    benchmark.group = "other networks, batch 20"
    train(benchmark, ours, Setting(*shape, batch_size=20))
