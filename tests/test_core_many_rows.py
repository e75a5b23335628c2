"""Batches and tables of many rows, which go through the matrix unit where there is one.

Every level runs them: what is compared with the reference and to the last bit holds for all.
"""

import numpy as np
import pytest
from networks import (
    DTYPES,
    NOTHING,
    SOLVERS,
    assert_same_bits,
    data,
    in_float64,
    make_corruption,
    make_network,
    make_solver,
    make_stack,
    make_supervised,
    named_arrays,
    target_for,
)
from parity import assert_close, assert_trains_like_the_reference

from dae import DenoisingAutoencoder, _core
from dae._data import rows as _rows
from dae._model import reference as _reference

pytestmark = pytest.mark.usefixtures("always_threads")


# One of everything that a tile or a block of tiles can be cut at: 16 and 32 rows, columns and
# terms, 128 hidden units in a sum, 384 features in a sum, 128 columns and some hundred rows of a
# gradient.
SIZES = [(5, 3), (16, 16), (31, 33), (49, 129), (130, 500), (401, 70), (600, 17)]


def make(model, sizes, dtype):
    """A network, or a stack, for 10 classes if it is supervised."""
    if model.endswith("stack"):
        return make_stack(sizes, dtype, tied=model == "tied stack")
    if model == "supervised":
        return make_supervised((*sizes[:2], 10), dtype)
    return make_network(*sizes[:2], dtype, tied=model == "tied")


# ------------------------------------------------------------------ training


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
def test_sizes(sizes, tied, dtype):
    """Two batches of 64 rows and one of 51; weighted rows and entries."""
    X = data(179, sizes[0], dtype)
    assert_trains_like_the_reference(
        make_network(*sizes, dtype, tied=tied),
        "nesterov",
        X,
        batch_size=64,
        n_batches=3,
        n_threads=2,
        corruption=make_corruption("masking", X),
        sample_weight=np.linspace(0, 2, 179).astype(dtype),
        emphasis=(1, 0.5),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("batch_size", [47, 48, 128, 129, 160, 300])
def test_batch_sizes(batch_size, n_threads, dtype):
    """Around the fewest rows and the most that are taken at a time; many rows of weights each."""
    X = data(2 * batch_size, 601, dtype)
    assert_trains_like_the_reference(
        make_network(601, 150, dtype, tied=False, activation="logistic"),
        "plain",
        X,
        batch_size=batch_size,
        n_batches=2,
        n_threads=n_threads,
        corruption=make_corruption("gaussian", X),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("supervised", [True, False])
def test_stacks(supervised, kind, dtype):
    X = data(200, 70, dtype)
    sizes = (70, 140, 33, 48)
    stack = make_supervised(sizes, dtype) if supervised else make_stack(sizes, dtype, tied=False)
    assert_trains_like_the_reference(
        stack,
        kind,
        X,
        batch_size=100,
        n_batches=2,
        n_threads=2,
        corruption=make_corruption("masking", X),
        target=target_for(stack, 200) if supervised else None,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [64, 300])
@pytest.mark.parametrize("model", ["tied", "free", "supervised"])
def test_batches_of_zeros(model, batch_size, dtype):
    """Batches whose zeros are skipped, in the gradient of what is dense and of what is not."""
    X = data(2 * batch_size, 400, dtype) * (data(2 * batch_size, 400, dtype, seed=1) < 0.1)
    network = make(model, (400, 140), dtype)
    assert_trains_like_the_reference(
        network,
        "adam",
        X,
        batch_size=batch_size,
        n_batches=2,
        n_threads=2,
        target=target_for(network, len(X)) if model == "supervised" else None,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("model", ["tied", "free", "tied stack", "supervised"])
@pytest.mark.parametrize("batch_size", [64, 300])
def test_same_bits_for_any_number_of_threads(batch_size, model, dtype):
    X = data(2 * batch_size + 50, 400, dtype)
    results = []
    for n_threads in (1, 2, 3, 8):
        network = make(model, (400, 140, 60), dtype)
        solver = make_solver(network, "adam")
        losses = _core.train(
            network, solver, make_corruption("masking", X), X, np.arange(len(X), dtype=np.intp),
            batch_size=batch_size, presentation=1, n_threads=n_threads,
            target=target_for(network, len(X)) if model == "supervised" else None,
        )  # fmt: skip
        results.append(named_arrays(network, solver) | {"losses": losses})
    for result in results[1:]:
        assert_same_bits(result, results[0])


def test_a_nan_in_a_batch_is_seen():
    """Whatever its products make of it."""
    X = data(128, 40, np.float32)
    X[100, 7] = np.nan
    network = make_network(40, 20, np.float32, activation="logistic", tied=False)
    losses = _core.train(
        network, make_solver(network, "plain"), NOTHING, X, np.arange(128, dtype=np.intp),
        batch_size=64, presentation=1, n_threads=1,
    )  # fmt: skip
    assert np.isfinite(losses[0])
    assert np.isnan(losses[1])
    assert _core.network_is_finite(network, 1)


def test_same_bits_where_leaves_are_large():
    """Leaves of 400 features, the pairs of them split by three threads and not by two."""
    X = data(96, 25_600, np.float32)
    results = []
    for n_threads in (1, 2, 3):
        network = make_network(25_600, 20, np.float32)
        solver = make_solver(network, "plain", learning_rate=1e-5)
        losses = _core.train(
            network, solver, NOTHING, X, np.arange(96, dtype=np.intp), batch_size=48,
            presentation=1, n_threads=n_threads,
        )  # fmt: skip
        results.append(named_arrays(network, solver) | {"losses": losses})
    for result in results[1:]:
        assert_same_bits(result, results[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("model", ["tied", "free", "stack", "supervised"])
@pytest.mark.parametrize("batch_size", [129, 257, 300])
def test_batches_in_pieces(batch_size, model, dtype):
    """Pieces of 80, 96 and 112 rows; a last batch of fewer pieces, and of one row."""
    for n_rows in (batch_size + 130, 2 * batch_size + 1):
        X = data(n_rows, 70, dtype)
        network = make(model, (70, 33, 40), dtype)
        assert_trains_like_the_reference(
            network,
            "adam",
            X,
            batch_size=batch_size,
            n_batches=3,
            n_threads=2,
            corruption=make_corruption("masking", X),
            sample_weight=np.linspace(0, 2, n_rows).astype(dtype),
            target=target_for(network, n_rows) if model == "supervised" else None,
        )


@pytest.mark.parametrize("batch_size", [200, 500])
def test_a_batch_in_pieces_is_refused_as_a_whole(batch_size):
    """Though its first piece is well: nothing has moved, biases neither."""
    X = data(2 * batch_size, 40, np.float32)
    X[-1] = 1e6
    results = []
    for n_rows in (batch_size, 2 * batch_size):
        network = make_network(40, 20, np.float32, tied=False)
        solver = make_solver(network, "adam")
        losses = _core.train(
            network, solver, NOTHING, X, np.arange(n_rows, dtype=np.intp), batch_size=batch_size,
            presentation=1, n_threads=2, max_loss=1e5,
        )  # fmt: skip
        results.append(named_arrays(network, solver))
    assert losses[-1] > 1e5
    assert_same_bits(*results)


# ------------------------------------------------------------------ inference


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
def test_inference(sizes, dtype):
    """More rows than worth packing the weights for, the last chunk a small one."""
    n, m = sizes
    network = make_network(n, m, dtype, activation="logistic", tied=False)
    wide = in_float64(network)
    X, shown = data(515, n, dtype), data(515, n, dtype, seed=1)
    H = _core.encode(network, X, n_threads=2)
    assert_close(H, _reference.encode(wide, X), n, dtype, "encode")
    assert_close(_core.decode(network, H, n_threads=2), _reference.decode(wide, H), m, dtype)
    Z = _core.reconstruct(network, X, n_threads=2)
    assert_close(Z, _reference.reconstruct(wide, X), n + m, dtype, "reconstruct")
    losses = _core.sample_losses(network, X, shown, n_threads=2)
    assert_close(losses, _reference.sample_losses(wide, X, shown), n + m, dtype, "losses")


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_is_coded_alike_among_many(dtype, monkeypatch):
    """By any number of threads, in calls of any size, wherever it stands."""
    X = data(700, 50, dtype)
    turned = np.roll(X, 300, axis=0)
    ways = ((X, 1, 1e12), (X, 5, 1e12), (X, 2, 1e5), (turned, 3, 3e5))
    for stack in (make_network(50, 70, dtype), make_stack((50, 70, 20), dtype)):
        whole = None
        for rows, n_threads, operations in ways:
            monkeypatch.setattr(_core.tuning, "OPERATIONS_PER_CALL", operations)
            found = {
                "codes": _core.encode(stack, rows, n_threads=n_threads),
                "reconstructions": _core.reconstruct(stack, rows, n_threads=n_threads),
                "losses": _core.sample_losses(stack, rows, rows, n_threads=n_threads),
            }
            if rows is turned:
                found = {name: np.roll(array, -300, axis=0) for name, array in found.items()}
            whole = whole or found
            assert_same_bits(found, whole)


@pytest.mark.parametrize("size", [1e-25, 1e30, 3e38])
def test_numbers_of_any_size(size):
    """The largest and small ones are whole in the pieces that the matrix unit multiplies."""
    network = make_network(40, 20, np.float32, activation="identity")
    network.hidden_bias[:] = 0
    network.encoder[:, :20] *= 1e-3
    X = data(600, 40, np.float32) * np.float32(size)
    expected = _reference.encode(in_float64(network), X)
    assert_close(_core.encode(network, X, n_threads=1), expected, 40, np.float32)


def test_any_layout_and_dtype_gives_the_same_codes(monkeypatch):
    """Though they are converted in blocks of fewer rows than go through the matrix unit."""
    monkeypatch.setattr(_rows, "BLOCK", 40 * 300)
    X = data(700, 40, np.float32)
    dae = DenoisingAutoencoder(50, max_iter=1, tol=None, random_state=0).fit(X)
    for other in (np.asfortranarray(X), X.astype(np.float64)):
        for function in (dae.transform, dae.reconstruct, dae.score_samples):
            found, expected = function(other), function(X)
            np.testing.assert_array_equal(found.astype(expected.dtype), expected)
