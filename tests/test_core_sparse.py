"""Sparse rows give the bits that the same rows give when they are dense."""

import numpy as np
import pytest
import scipy.sparse
from networks import DTYPES, SOLVERS, make_network, make_solver, named_arrays

from dae import _core
from dae._model import reference
from dae._model.corruption import KINDS, Corruption
from dae._model.csr import CSR

N, M = 203, 150  # enough units that zeros are skipped in dense rows as well


def sparse_rows(n_rows=60, dtype=np.float32, seed=0, density=0.08):
    X = scipy.sparse.random(n_rows, N, density, format="csr", random_state=seed, dtype=dtype)
    return CSR.of(X, dtype)


def corruption_of(kind, dtype):
    level = np.linspace(0.1, 0.5, N)
    corruption = Corruption(kind, level, seed=2**40 + 3)
    corruption.low, corruption.high = np.full(N, -1, dtype), np.full(N, 2, dtype)
    corruption.donors = np.arange(5, 50, dtype=np.intp)
    return corruption


def trained(X, kind, *, network=None, solver="adam", n_threads=1, batch_size=16, **given):
    network = network or make_network(N, M, X.dtype)
    steps = make_solver(network, solver)
    rows = np.random.default_rng(2).permutation(len(X)).astype(np.intp)[:50]
    losses = _core.train(
        network, steps, corruption_of(kind, X.dtype), X, rows,
        batch_size=batch_size, presentation=4, n_threads=n_threads, **given,
    )  # fmt: skip
    return [losses, *named_arrays(network, steps).values()]


def assert_same(sparse, dense):
    for mine, theirs in zip(sparse, dense, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_corruption(kind, dtype):
    X = sparse_rows(dtype=dtype)
    assert_same(trained(X, kind), trained(X.toarray(), kind))


@pytest.mark.parametrize("kind", ["masking", "swap"])
@pytest.mark.parametrize(
    ("loss", "decoder_activation"),
    [("log_loss", "logistic"), ("poisson", "exp"), ("multinomial", "softmax")],
)
def test_every_loss(loss, decoder_activation, kind, always_threads):
    X = sparse_rows()
    outputs = {"loss": loss, "decoder_activation": decoder_activation}
    how = {"emphasis": (1.0, 0.5)}
    results = [
        trained(x, kind, network=make_network(N, M, np.float32, **outputs), n_threads=k, **how)
        for x, k in [(X, 1), (X, 3), (X.toarray(), 2)]
    ]
    assert_same(results[0], results[1])
    assert_same(results[0], results[2])


@pytest.mark.parametrize("batch_size", [1, 2, 20, 60])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_and_batch(solver, batch_size):
    X = sparse_rows()
    how = {"solver": solver, "batch_size": batch_size}
    assert_same(trained(X, "masking", **how), trained(X.toarray(), "masking", **how))


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("kind", ["masking", "swap"])
def test_any_number_of_threads(kind, n_threads, always_threads):
    X = sparse_rows()
    assert_same(trained(X, kind, n_threads=n_threads), trained(X.toarray(), kind))


@pytest.mark.parametrize("kind", ["none", "masking", "gaussian"])
def test_emphasis_weights_and_scales(kind):
    X = sparse_rows()
    rng = np.random.default_rng(3)
    given = {
        "emphasis": (1.0, 0.5),
        "sample_weight": rng.random(60).astype(np.float32),
        "unit_rows": True,
    }
    assert_same(trained(X, kind, **given), trained(X.toarray(), kind, **given))


def test_given_corrupted_rows():
    X, shown = sparse_rows(), sparse_rows(seed=1)
    for given in ({}, {"emphasis": (1.0, 0.0)}, {"unit_rows": True}):
        sparse = trained(X, "none", X_corrupted=shown, **given)
        assert_same(sparse, trained(X.toarray(), "none", X_corrupted=shown.toarray(), **given))


def test_rows_without_entries_and_full_rows():
    X = sparse_rows().toarray()
    X[::3] = 0
    X[1::3] = 1
    X = CSR.of(scipy.sparse.csr_array(X), np.float32)
    for kind in ("none", "masking"):
        assert_same(trained(X, kind), trained(X.toarray(), kind))


def test_rows_are_scaled_after_the_corruption():
    X = sparse_rows().toarray()
    X[7] = 0
    given = {"network": make_network(N, M, np.float32)}
    mine = trained(X, "masking", unit_rows=True, **given)
    shown = _core.corrupt(
        corruption_of("masking", np.float32), X, np.arange(60, dtype=np.intp), 4, n_threads=1
    )
    given = {"network": make_network(N, M, np.float32)}
    theirs = trained(X, "none", X_corrupted=reference.of_unit_length(shown), **given)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_corrupted_copies_and_weights_of_entries(kind, monkeypatch):
    X, rows = sparse_rows(), np.arange(0, 60, 2, dtype=np.intp)
    monkeypatch.setattr(_core.tuning, "UNPACKED_ENTRIES", 7 * N)
    corruption = corruption_of(kind, np.float32)
    for function in (
        _core.corrupt,
        lambda *a, **k: _core.entry_weights(a[0], (1, 0.5), *a[1:], **k),
    ):
        mine = function(corruption, X, rows, 3, n_threads=2)
        np.testing.assert_array_equal(mine, function(corruption, X.toarray(), rows, 3, n_threads=1))


@pytest.mark.parametrize("n_hidden", [1, 37, 150, 300])
@pytest.mark.parametrize("dtype", DTYPES)
def test_inference(dtype, n_hidden):
    X = sparse_rows(dtype=dtype)
    layer = make_network(N, n_hidden, dtype)
    for function in (_core.encode, _core.reconstruct):
        np.testing.assert_array_equal(
            function(layer, X, n_threads=2), function(layer, X.toarray(), n_threads=1)
        )
    dense = X.toarray()
    np.testing.assert_array_equal(
        _core.sample_losses(layer, dense, X, n_threads=2),
        _core.sample_losses(layer, dense, dense, n_threads=1),
    )


def test_consecutive_rows_are_a_view():
    X = sparse_rows()
    part = X[10:20]
    np.testing.assert_array_equal(part.toarray(), X.toarray()[10:20])
    assert np.shares_memory(part.values, X.values)
    assert len(X[60:70]) == 0
