"""The core's calls, one by one, one thread: `pytest bench/ --benchmark-only`."""

import numpy as np
import pytest

from bench._suite import ROUNDS, session_of
from bench.rivals import ours
from bench.rivals._base import network_of
from bench.settings import Setting, initial_weights, rows_of
from dae import _core

N_ROWS = 960


@pytest.fixture(params=["float32", "float64"])
def setting(request):
    return Setting(dtype=request.param)


@pytest.fixture
def network(setting):
    return network_of(*initial_weights(setting))


@pytest.fixture
def X(setting):
    return rows_of(setting)[:N_ROWS]


def test_encode(benchmark, network, X):
    benchmark.pedantic(_core.encode, (network, X), {"n_threads": 1}, **ROUNDS)


def test_decode(benchmark, network, X):
    H = _core.encode(network, X, n_threads=1)
    benchmark.pedantic(_core.decode, (network, H), {"n_threads": 1}, **ROUNDS)


def test_reconstruct(benchmark, network, X):
    benchmark.pedantic(_core.reconstruct, (network, X), {"n_threads": 1}, **ROUNDS)


def test_sample_losses(benchmark, network, X):
    benchmark.pedantic(_core.sample_losses, (network, X, X), {"n_threads": 1}, **ROUNDS)


def test_corrupt(benchmark, setting, X):
    corruption = session_of(ours, setting, 1).corruption
    rows = np.arange(len(X), dtype=np.intp)
    benchmark.pedantic(_core.corrupt, (corruption, X, rows, 1), {"n_threads": 1}, **ROUNDS)
