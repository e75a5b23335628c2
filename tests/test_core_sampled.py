"""Sampled outputs of CSR rows: the core beside the reference, and what sampling promises."""

import numpy as np
import pytest
import scipy.sparse
from networks import (
    DTYPES,
    NOTHING,
    SOLVERS,
    in_float64,
    make_network,
    make_solver,
    named_arrays,
    padding,
)
from parity import assert_close

from dae._core.sampled import train_sampled
from dae._model import reference
from dae._model.corruption import Corruption
from dae._model.csr import CSR

N, M = 203, 37


def rows_in_csr(n_rows=50, n_features=N, dtype=np.float64, seed=0, density=0.06):
    X = scipy.sparse.random(
        n_rows, n_features, density, format="csr", random_state=seed, dtype=dtype
    )
    return CSR.of(X, dtype)


def masking(n_features=N, level=0.3):
    return Corruption("masking", np.full(n_features, level), seed=2**40 + 7)


def in_double(X):
    return None if X is None else CSR(X.starts, X.columns, X.values.astype(float), X.n_features)


def assert_trains_alike(network, kind, X, *, corruption=None, n_threads=1, batch_size=16, **given):
    """Losses, parameters and moments after three batches, the last of them smaller."""
    dtype = network.dtype
    wide = in_float64(network)
    solver, wide_solver = (make_solver(net, kind, alpha=0.01) for net in (network, wide))
    rows = np.random.default_rng(1).permutation(len(X)).astype(np.intp)[:40]
    arguments = {
        "batch_size": batch_size,
        "presentation": 3,
        "zeros_per_nonzero": 1.5,
    } | given
    corruption = corruption or masking()
    found = train_sampled(network, solver, corruption, X, rows, n_threads=n_threads, **arguments)
    wider = arguments | {
        name: in_double(given.get(name)) for name in ("X_corrupted",) if name in given
    }
    expected = reference.train_sampled(wide, wide_solver, corruption, in_double(X), rows, **wider)
    length = len(expected) * (2 * N + 2 * M + batch_size)
    assert_close(found, expected, length, dtype, "losses")
    theirs = named_arrays(wide, wide_solver)
    for name, array in named_arrays(network, solver).items():
        assert_close(array, theirs[name], length, dtype, name)
    for array in padding(network, solver):
        assert not array.any(), "padding"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", SOLVERS)
def test_steps_are_those_of_the_reference(kind, tied, dtype):
    network = make_network(N, M, dtype, tied=tied)
    assert_trains_alike(network, kind, rows_in_csr(dtype=dtype))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    ("loss", "decoder_activation"),
    [
        ("squared_error", "identity"),
        ("squared_error", "relu"),
        ("log_loss", "logistic"),
        ("poisson", "exp"),
    ],
)
def test_activations_and_losses(activation, loss, decoder_activation):
    network = make_network(
        N, M, activation=activation, decoder_activation=decoder_activation, loss=loss
    )
    assert_trains_alike(network, "plain", rows_in_csr())


@pytest.mark.parametrize("n_hidden", [1, 16, 64, 130, 300])
def test_any_number_of_units(n_hidden):
    assert_trains_alike(
        make_network(N, n_hidden, np.float32), "adam", rows_in_csr(dtype=np.float32)
    )


@pytest.mark.parametrize("ratio", [0.0, 0.1, 1.0, 7.3, 1e6])
def test_any_number_of_zeros(ratio):
    assert_trains_alike(make_network(N, M), "plain", rows_in_csr(), zeros_per_nonzero=ratio)


@pytest.mark.parametrize("emphasis", [(1.0, 0.5), (1.0, 0.0)])
@pytest.mark.parametrize("given", [True, False])
def test_emphasis_and_given_corrupted_rows(given, emphasis):
    more = {"X_corrupted": rows_in_csr(seed=4)} if given else {}
    corruption = NOTHING if given else masking()
    assert_trains_alike(
        make_network(N, M), "plain", rows_in_csr(), corruption=corruption, emphasis=emphasis, **more
    )


def test_weights_of_samples_and_scales_of_inputs():
    rng = np.random.default_rng(3)
    assert_trains_alike(
        make_network(N, M),
        "nesterov",
        rows_in_csr(),
        sample_weight=rng.random(50),
        unit_rows=True,
    )


def test_rows_without_entries_and_full_rows():
    X = rows_in_csr().toarray()
    X[::3] = 0
    X[1::3] = 1
    assert_trains_alike(make_network(N, M), "plain", CSR.of(scipy.sparse.csr_array(X), float))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("n_threads", [2, 3, 8])
def test_the_same_bits_on_any_number_of_threads(n_threads, tied, always_threads):
    X = rows_in_csr(n_rows=300, dtype=np.float32)
    results = []
    for threads in (1, n_threads):
        network = make_network(N, M, np.float32, tied=tied)
        solver = make_solver(network, "adam")
        rows = np.arange(300, dtype=np.intp)
        losses = train_sampled(
            network, solver, masking(), X, rows,
            batch_size=32, presentation=1, zeros_per_nonzero=1.0, n_threads=threads,
        )  # fmt: skip
        results.append([losses, *named_arrays(network, solver).values()])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_loss_and_gradient_are_unbiased():
    """Means over many draws lie within four standard errors of the exact ones."""
    X = rows_in_csr(n_rows=20)
    network = make_network(N, M, loss="log_loss", decoder_activation="logistic")
    clean, rows = X.toarray(), np.arange(20, dtype=np.intp)
    exact, gradient = reference.gradients(network, clean, clean, np.ones(20))
    losses, steps = [], []
    for presentation in range(1, 801):
        moved = network.copy()
        solver = make_solver(moved, "plain", alpha=0.0)
        losses += list(
            train_sampled(
                moved, solver, Corruption("none", np.empty(0), seed=5), X, rows,
                batch_size=20, presentation=presentation, zeros_per_nonzero=0.5, n_threads=1,
            )
        )  # fmt: skip
        step = (network.encoder - moved.encoder)[:, :M] / solver.learning_rate
        steps.append(step[::20, ::10])
    error = np.std(losses) / np.sqrt(len(losses))
    assert abs(np.mean(losses) - exact) < 4 * error
    assert error < 0.02 * exact  # enough draws to tell
    mean, error = np.mean(steps, axis=0), np.std(steps, axis=0) / np.sqrt(len(steps))
    # one of the 44 numbers or so may be off by more than three
    assert (np.abs(mean - gradient["encoder"][::20, ::10]) < 4.5 * error + 1e-12).all()


def test_weights_that_nobody_asks_for_do_not_move():
    X = CSR.of(scipy.sparse.csr_array(([1.0, 2.0], ([0, 1], [3, 5])), shape=(2, 1000)), float)
    network = make_network(1000, M)
    before = network.encoder.copy()
    solver = make_solver(network, "adam", alpha=0.1)
    train_sampled(
        network, solver, masking(1000), X, np.arange(2, dtype=np.intp),
        batch_size=2, presentation=1, zeros_per_nonzero=1.0, n_threads=1,
    )  # fmt: skip
    moved = (network.encoder != before).any(axis=1)
    assert moved[[3, 5]].all()
    assert moved.sum() == 4


def test_a_loss_beyond_the_limit_stops_before_the_update():
    X, network = rows_in_csr(), make_network(N, M)
    before, solver = network.encoder.copy(), make_solver(network, "plain")
    losses = train_sampled(
        network, solver, masking(), X, np.arange(50, dtype=np.intp), max_loss=1e-9,
        batch_size=10, presentation=1, zeros_per_nonzero=1.0, n_threads=1,
    )  # fmt: skip
    assert len(losses) == 1
    np.testing.assert_array_equal(network.encoder, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": np.full(609, N, dtype=np.int32)}, "column indices in"),
        ({"columns": np.full(609, -1, dtype=np.int32)}, "column indices in"),
        ({"columns": np.zeros(609, dtype=np.int32)}, "ascending column indices"),
        ({"columns": np.zeros(609, dtype=np.int64)}, "valid CSR"),
        ({"starts": np.array([0, 609, 300, 609])}, "valid CSR"),
        ({"starts": np.array([0, 610])}, "valid CSR"),
        ({"starts": np.array([1, 609])}, "valid CSR"),
        ({"values": np.ones((609, 2))}, "one-dimensional"),
        ({"n_features": N + 1}, "with 203 columns"),
    ],
)
def test_indices_are_checked_before_they_are_followed(change, message):
    X = rows_in_csr()
    assert len(X.columns) == 609
    fields = vars(X) | change
    network = make_network(N, M)
    with pytest.raises(ValueError, match=message):
        train_sampled(
            network, make_solver(network, "plain"), masking(), CSR(**fields),
            np.arange(1, dtype=np.intp),
            batch_size=1, presentation=1, zeros_per_nonzero=1.0, n_threads=1,
        )  # fmt: skip
