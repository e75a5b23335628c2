"""The core against the equations in NumPy, array by array; one layer."""

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
    named_arrays,
)
from parity import assert_close, assert_trains_like_the_reference

from dae import _core
from dae._model import reference as _reference
from dae._model.corruption import KINDS
from dae._model.network import ACTIVATIONS

pytestmark = pytest.mark.usefixtures("always_threads")

OUTPUTS = [
    *[("squared_error", name) for name in ACTIVATIONS],
    ("log_loss", "logistic"),
    ("poisson", "exp"),
    ("multinomial", "softmax"),
]
SIZES = [1, 7, 8, 15, 16, 17, 33, 100]
# each size with four others as the number of features, and with as many as that of hidden units
SHAPES = [(n, SIZES[(i + k) % 8]) for i, n in enumerate(SIZES) for k in (0, 1, 3, 6)]
# more than one block of hidden units, span of features, chunk of rows
LARGE = [(33, 130), (100, 500), (200, 65), (97, 257)]


def every_row(X):
    return np.arange(len(X), dtype=np.intp)


# ------------------------------------------------------------------ inference


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "m"), SHAPES + LARGE)
def test_inference_shapes(n, m, dtype):
    """encode, decode, reconstruct and sample_losses, for every remainder of the loops."""
    for n_rows, tied, n_threads in ((1, True, 1), (100, False, 2)):
        network = make_network(n, m, dtype, activation="logistic", tied=tied)
        wide = in_float64(network)
        X, shown = data(n_rows, n, dtype), data(n_rows, n, dtype, seed=1)
        H = _core.encode(network, X, n_threads=n_threads)
        assert_close(H, _reference.encode(wide, X), n, dtype, "encode")
        Z = _core.decode(network, H, n_threads=n_threads)
        assert_close(Z, _reference.decode(wide, H), m, dtype, "decode")
        Z = _core.reconstruct(network, X, n_threads=n_threads)
        assert_close(Z, _reference.reconstruct(wide, X), n + m, dtype, "reconstruct")
        losses = _core.sample_losses(network, X, shown, n_threads=n_threads)
        assert losses.dtype == np.float64
        expected = _reference.sample_losses(wide, X, shown)
        assert_close(losses, expected, n + m, dtype, "sample_losses")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "decoder_activation"), OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_inference_activations(activation, loss, decoder_activation, dtype):
    """The same for every activation and loss, at 195 rows: chunks of 96, 96 and 3."""
    n, m, n_rows = 19, 21, 195
    network = make_network(
        n, m, dtype, activation=activation, decoder_activation=decoder_activation, loss=loss,
        tied=False,
    )  # fmt: skip
    wide = in_float64(network)
    X, shown = data(n_rows, n, dtype), data(n_rows, n, dtype, seed=1)
    H = _core.encode(network, X, n_threads=1)
    assert_close(H, _reference.encode(wide, X), n, dtype, "encode")
    assert_close(_core.decode(network, H, n_threads=1), _reference.decode(wide, H), m, dtype)
    Z = _core.reconstruct(network, X, n_threads=1)
    assert_close(Z, _reference.reconstruct(wide, X), n + m, dtype, "reconstruct")
    assert_close(
        _core.sample_losses(network, X, shown, n_threads=1),
        _reference.sample_losses(wide, X, shown),
        n + m,
        dtype,
        "sample_losses",
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_is_coded_alike_in_any_company(dtype):
    """Codes, reconstructions and losses of a row do not depend on the rows around it."""
    network = make_network(50, 70, dtype, activation="relu", tied=False)
    X = data(200, 50, dtype)
    losses = _core.sample_losses(network, X, X, n_threads=1)
    for function in (_core.encode, _core.reconstruct):
        whole = function(network, X, n_threads=2)
        for rows in (slice(0, 1), slice(3, 9), slice(95, 98), slice(100, 200)):
            np.testing.assert_array_equal(function(network, X[rows], n_threads=1), whole[rows])
            part = _core.sample_losses(network, X[rows], X[rows], n_threads=1)
            np.testing.assert_array_equal(part, losses[rows])


# ------------------------------------------------------------------ corruption


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [*SIZES, 3, 255, 256, 257, 700])
@pytest.mark.parametrize("kind", KINDS)
def test_corrupt(kind, n, dtype):
    """Entry by entry the reference's: same bits where values are only moved."""
    X = data(40, n, dtype)
    corruption = make_corruption(kind, X, np.linspace(0, 1, n))
    rows = np.random.default_rng(1).permutation(40).astype(np.intp)[:31]
    for presentation in (1, 2**40 + 7):
        found = _core.corrupt(corruption, X, rows, presentation, n_threads=2)
        expected = _reference.corrupt(corruption, X.astype(np.float64), rows, presentation)
        assert found.dtype == dtype
        if kind == "gaussian":
            # The radius is sqrt(y) with y = -2 log u, and log u for u near 1 is off by what u is,
            # u's rounding: |sqrt(y + e) - sqrt(y)| <= sqrt(e), reached at y = 0 alone.
            u = np.finfo(dtype).eps / 2
            np.testing.assert_allclose(found, expected, rtol=0, atol=np.sqrt(8 * u))
            assert np.median(np.abs(found - expected)) < 8 * u
        else:
            np.testing.assert_array_equal(found, expected)


# ------------------------------------------------------------------ training


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_batches", [1, 5])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", SOLVERS)
def test_solvers(kind, tied, n_batches, dtype):
    """One step and five, weighted samples, the penalty on."""
    X = data(100, 33, dtype)
    weight = np.random.default_rng(2).uniform(0, 2, 100).astype(dtype)
    weight[::7] = 0
    assert_trains_like_the_reference(
        make_network(33, 70, dtype, tied=tied),
        kind,
        X,
        batch_size=20,
        n_batches=n_batches,
        alpha=0.05,
        n_threads=2,
        corruption=make_corruption("masking", X),
        sample_weight=weight,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "m"), SHAPES + LARGE)
def test_training_shapes(n, m, dtype):
    """Two steps and a smaller third, for every remainder of the loops."""
    X = data(19, n, dtype)
    for kind, tied in (("nesterov", True), ("adam", False)):
        assert_trains_like_the_reference(
            make_network(n, m, dtype, activation="logistic", tied=tied),
            kind,
            X,
            batch_size=7,
            n_batches=3,
            corruption=make_corruption("masking", X),
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 20, 64, 65, 128, 129, 300])
@pytest.mark.parametrize("tied", [True, False])
def test_batch_sizes(batch_size, tied, dtype):
    """Every remainder of the tiles' rows; batches summed in pieces; a smaller last one."""
    X = data(2 * batch_size + batch_size // 2 + 1, 33, dtype)
    assert_trains_like_the_reference(
        make_network(33, 70, dtype, tied=tied),
        "momentum",
        X,
        batch_size=batch_size,
        n_batches=3,
        corruption=make_corruption("masking", X),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [129, 300])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("tied", [True, False])
def test_rows_go_a_few_at_a_time_through_many_leaves(tied, sparse, batch_size, dtype):
    """Batches of more rows than are summed together; eight leaves, of three threads."""
    X = (sparse_data if sparse else data)(2 * batch_size + 7, 300, dtype)
    assert_trains_like_the_reference(
        make_network(300, 150, dtype, tied=tied),
        "momentum",
        X,
        batch_size=batch_size,
        n_batches=3,
        n_threads=3,
        corruption=make_corruption("masking", X),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [2, 5, 31, 32, 33])
@pytest.mark.parametrize("tied", [True, False])
def test_plain_steps_of_small_batches(tied, batch_size, dtype):
    """Straight from the registers up to 32 rows; more features than a span, units than a block."""
    X = data(2 * batch_size + 1, 130, dtype)
    assert_trains_like_the_reference(
        make_network(130, 270, dtype, tied=tied),
        "plain",
        X,
        batch_size=batch_size,
        n_batches=3,
        alpha=0.05,
        n_threads=2,
        corruption=make_corruption("masking", X),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("alpha", [0, 0.05])
@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("tied", [True, False])
def test_batches_of_one_row(tied, kind, alpha, dtype):
    """Step and next code in one pass over the weights, for every solver, on many leaves."""
    X = data(4, 130, dtype)
    for n_threads in (1, 2, 3):
        assert_trains_like_the_reference(
            make_network(130, 270, dtype, tied=tied, activation="logistic"),
            kind,
            X,
            batch_size=1,
            n_batches=4,
            alpha=alpha,
            n_threads=n_threads,
            corruption=make_corruption("masking", X),
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["plain", "adam"])
def test_one_row_is_left_of_a_batch(kind, dtype):
    """Two pieces of 128 rows, then a smaller batch, in pieces of 128 and 1."""
    X = data(385, 33, dtype)
    assert_trains_like_the_reference(
        make_network(33, 70, dtype, tied=False), kind, X, batch_size=256, n_batches=2
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("loss", "decoder_activation"), OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_training_activations(activation, loss, decoder_activation, tied, dtype):
    """Every activation and loss; two steps."""
    X = data(24, 17, dtype)
    network = make_network(
        17, 9, dtype, activation=activation, decoder_activation=decoder_activation, loss=loss,
        tied=tied, seed=3,
    )  # fmt: skip
    assert_trains_like_the_reference(
        network, "plain", X, batch_size=12, n_batches=2, corruption=make_corruption("masking", X)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["none", "salt_and_pepper", "swap"])
def test_training_sees_the_references_corruption(kind, dtype):
    """The kinds that only move values, so that both are shown the same."""
    X = data(50, 33, dtype)
    assert_trains_like_the_reference(
        make_network(33, 40, dtype),
        "adam",
        X,
        batch_size=10,
        n_batches=5,
        corruption=make_corruption(kind, X),
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_training_on_the_users_corrupted_copies(dtype):
    """X_corrupted is shown, X is the aim, and the built-in corruption is off."""
    X, shown = data(50, 33, dtype), data(50, 33, dtype, seed=1)
    assert_trains_like_the_reference(
        make_network(33, 40, dtype, tied=False),
        "adam",
        X,
        batch_size=10,
        n_batches=5,
        corruption=make_corruption("masking", X),
        X_corrupted=shown,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [1, 7, 20, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_training_shows_what_corrupt_shows(kind, batch_size, dtype):
    """To the last bit, in any batches: both ways to give the network the same copies."""
    X = data(100, 33, dtype)
    corruption = make_corruption(kind, X)
    rows = np.random.default_rng(3).permutation(100).astype(np.intp)
    shown = _core.corrupt(corruption, X, every_row(X), 5, n_threads=1)
    results = []
    for built_in, copies in ((corruption, None), (NOTHING, shown)):
        network = make_network(33, 40, dtype)
        solver = make_solver(network, "adam")
        losses = _core.train(
            network, solver, built_in, X, rows, batch_size=batch_size, presentation=5,
            n_threads=1, X_corrupted=copies,
        )  # fmt: skip
        results.append(named_arrays(network, solver) | {"losses": losses})
    assert_same_bits(*results)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stop", [0, 1, 3])
@pytest.mark.parametrize("kind", SOLVERS)
def test_a_loss_above_the_limit_stops_before_the_update(kind, stop, dtype):
    """What the batches before it did stays; the one that is too large changes nothing."""
    X = data(60, 33, dtype)
    X[10 * stop : 10 * stop + 10] *= 100  # this batch's loss is far above the others'
    results = []
    for rows, n_losses in ((every_row(X), stop + 1), (every_row(X)[: 10 * stop], stop)):
        network = make_network(33, 70, dtype)
        solver = make_solver(network, kind)
        losses = np.empty(0)
        if len(rows):
            losses = _core.train(
                network, solver, NOTHING, X, rows, batch_size=10, presentation=1, n_threads=1,
                max_loss=1e3,
            )  # fmt: skip
        assert len(losses) == n_losses
        assert solver.n_steps == stop
        results.append(named_arrays(network, solver))
        if n_losses > stop:
            assert losses[-1] > 1e3
            assert (losses[:-1] < 1e3).all()
    assert_same_bits(*results)


def test_a_nan_loss_stops_before_the_update():
    X = data(30, 9, np.float32)
    X[25] = np.nan
    network = make_network(9, 5, np.float32)
    solver = make_solver(network, "adam")
    losses = _core.train(
        network, solver, NOTHING, X, every_row(X), batch_size=10, presentation=1, n_threads=1
    )
    assert np.isfinite(losses[:2]).all()
    assert np.isnan(losses[2])
    assert solver.n_steps == 2
    assert _core.network_is_finite(network, 1)


@pytest.mark.parametrize(
    ("batch_size", "n_rows", "kind"),
    [
        (7, 200, "adam"),
        (1, 20, "plain"),
        (256, 513, "plain"),  # of the last batch one row
        (256, 456, "adam"),  # of the last batch more than a piece
    ],
)
def test_long_calls_are_the_same_as_short_ones(batch_size, n_rows, kind, monkeypatch):
    """Where a call to the core ends is seen by nobody."""
    X = data(n_rows, 33, np.float32)
    results = []
    for operations in (1.0, 1e12):
        monkeypatch.setattr(_core.tuning, "OPERATIONS_PER_CALL", operations)
        monkeypatch.setattr(_core.tuning, "CALL_SECONDS", 0.0 if operations == 1.0 else 1e9)
        network = make_network(33, 130, np.float32, activation="logistic", tied=False)
        solver = make_solver(network, kind)
        losses = _core.train(
            network, solver, make_corruption("masking", X, 0.9), X, every_row(X),
            batch_size=batch_size, presentation=1, n_threads=1,
        )  # fmt: skip
        codes = _core.encode(network, X, n_threads=1)
        results.append(named_arrays(network, solver) | {"losses": losses, "codes": codes})
    assert_same_bits(*results)


# ------------------------------------------------------------------ sparse batches


def sparse_data(n_rows, n_features, dtype, share=0.1, seed=0):
    """Few non-zeros; the first row and the first column have none."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n_rows, n_features))
    X[rng.random(X.shape) > share] = 0
    X[0] = 0
    X[:, 0] = 0
    return X.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 7, 95, 96, 97, 384, 385, 500])
@pytest.mark.parametrize("tied", [True, False])
def test_sparse_batches(n, tied, dtype):
    """Features up to more than four spans, where the next code is made in two goes."""
    X = sparse_data(40, n, dtype)
    network = make_network(n, 130, dtype, tied=tied)
    assert_trains_like_the_reference(network, "adam", X, batch_size=9, n_batches=4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [1, 2, 129, 300])
@pytest.mark.parametrize("tied", [True, False])
def test_sparse_batch_sizes(batch_size, tied, dtype):
    X = sparse_data(3 * batch_size, 40, dtype)
    network = make_network(40, 200, dtype, tied=tied)
    assert_trains_like_the_reference(network, "momentum", X, batch_size=batch_size, n_batches=3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [True, False])
def test_sparse_and_dense_batches_in_turn(tied, dtype):
    """Also batches that a single dense row makes dense."""
    X = sparse_data(80, 100, dtype)
    full = data(80, 100, dtype)
    X[10:20], X[35], X[50:70] = full[10:20], full[35], full[50:70]
    network = make_network(100, 130, dtype, tied=tied)
    rows = every_row(X)
    solver = make_solver(network, "adam")
    wide = in_float64(network)
    wide_solver = make_solver(wide, "adam")
    arguments = {"batch_size": 10, "presentation": 1}
    losses = _core.train(network, solver, NOTHING, X, rows, **arguments, n_threads=2)
    X64 = X.astype(np.float64)
    expected = _reference.train(wide, wide_solver, NOTHING, X64, rows, **arguments)
    length = 8 * (100 + 2 * 130 + 10 + 100)
    assert_close(losses, expected, length, dtype, "losses")
    theirs = named_arrays(wide, wide_solver)
    for name, array in named_arrays(network, solver).items():
        assert_close(array, theirs[name], length, dtype, name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["adam", "plain"])
@pytest.mark.parametrize(("batch_size", "tied"), [(20, True), (20, False), (300, False)])
def test_skipping_zeros_leaves_the_same_bits(batch_size, tied, kind, dtype):
    """An added row of weight 0 decides whether zeros are skipped, and adds zeros only.

    All ones, it makes its batch dense; all zeros, it does not. (With tied weights and hundreds of
    rows the two products of the gradient are summed in another order. The matrix unit, which takes
    large dense batches of float32, rounds its sums otherwise.)
    """
    if batch_size > 20 and dtype is np.float32 and _core.simd_level() == "x86_64_amx":
        pytest.skip("other roundings")
    n = 400
    X = sparse_data(3 * batch_size, n, dtype)
    weight = np.ones(len(X), dtype)
    last = slice(batch_size - 1, None, batch_size)
    weight[last] = 0
    results = []
    for value in (0, 1):
        X[last] = value
        network = make_network(n, 130, dtype, tied=tied)
        solver = make_solver(network, kind)
        losses = _core.train(
            network, solver, NOTHING, X, every_row(X), batch_size=batch_size, presentation=1,
            n_threads=2, sample_weight=weight,
        )  # fmt: skip
        results.append(named_arrays(network, solver) | {"losses": losses})
    assert_same_bits(*results)
