"""Missing entries in the core: shown as 0, without loss, like the reference, on any threads."""

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
    make_supervised,
    named_arrays,
    target_for,
)
from parity import assert_close, assert_trains_like_the_reference
from test_gradients import OUTPUTS, H, differences
from test_gradients import assert_close as assert_same_gradients

from dae import _core
from dae._model import reference as _reference
from dae._model.corruption import KINDS

pytestmark = pytest.mark.usefixtures("always_threads")


def with_gaps(X, share=0.3, seed=7):
    """X with NaN here and there, one row and one column of it only."""
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    X[3], X[:, -1] = np.nan, np.nan
    return X


def corruption_of(kind, X):
    return make_corruption(kind, np.nan_to_num(X))


def every_row(X):
    return np.arange(len(X), dtype=np.intp)


# ------------------------------------------------------------------ what is shown


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_features", [5, 300])
def test_what_is_shown(kind, n_features, dtype):
    """As the reference has it: 0 where X is missing; 0 is its weight."""
    X = with_gaps(data(40, n_features, dtype))
    corruption, rows = corruption_of(kind, X), every_row(X)
    expected = _reference.corrupt(corruption, X, rows, 2)
    weights = _reference.entry_weights(corruption, (1.0, 0.25), X, rows, 2)
    assert not expected[np.isnan(X)].any() and not weights[np.isnan(X)].any()
    assert np.isfinite(expected).all()
    for n_threads in (1, 3):
        shown = _core.corrupt(corruption, X, rows, 2, n_threads=n_threads, missing=True)
        found = _core.entry_weights(
            corruption, (1.0, 0.25), X, rows, 2, n_threads=n_threads, missing=True
        )
        atol = 40 * np.finfo(dtype).eps if kind == "gaussian" else 0
        np.testing.assert_allclose(shown, expected, rtol=0, atol=atol)
        np.testing.assert_array_equal(found, weights)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_swap_takes_what_is_there(share):
    """All values come from the column's observed ones, nearly all from other rows."""
    X = np.arange(200.0 * 6).reshape(200, 6) + 1
    X = with_gaps(X, share)
    corruption = corruption_of("swap", X)
    corruption.level[:] = 1.0
    shown = _core.corrupt(corruption, X, every_row(X), 1, n_threads=1, missing=True)
    there = ~np.isnan(X)
    assert (shown[there] > 0).all()
    for column, values in zip(shown.T, X.T, strict=True):
        assert np.isin(column[column > 0], values).all()
    same = (shown == X)[there].mean()
    assert same == 0 if share < 0.5 else same < 0.5  # few to take from: some draws find nothing


def test_swap_when_nobody_has_a_value():
    X = np.full((20, 3), np.nan)
    X[4, 1] = 5.0
    corruption = corruption_of("swap", X)
    corruption.level[:] = 1.0
    shown = _core.corrupt(corruption, X, every_row(X), 1, n_threads=1, missing=True)
    np.testing.assert_array_equal(shown, np.nan_to_num(X))


# ------------------------------------------------------------------ losses and gradients


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emphasised", [False, True])
@pytest.mark.parametrize(("loss", "activation"), OUTPUTS)
@pytest.mark.parametrize(("n", "m", "n_rows"), [(7, 5, 9), (40, 20, 100), (100, 9, 30)])
def test_sample_losses(n, m, n_rows, loss, activation, emphasised, dtype):
    network = make_network(n, m, dtype, decoder_activation=activation, loss=loss)
    X, shown = with_gaps(data(n_rows, n, dtype)), data(n_rows, n, dtype, seed=1)
    weight = data(n_rows, n, dtype, seed=2) if emphasised else None
    expected = _reference.sample_losses(in_float64(network), X.astype(float), shown, weight)
    assert np.isfinite(expected).all() and expected[3] == 0
    for n_threads in (1, 2):
        found = _core.sample_losses(network, X, shown, weight, n_threads=n_threads)
        assert_close(found, expected, n + m, dtype)
        assert found[3] == 0


@pytest.mark.parametrize(("loss", "activation"), OUTPUTS)
def test_a_missing_entry_has_no_loss(loss, activation):
    """Whatever the network makes of it: sums over what is there."""
    network = make_network(6, 4, decoder_activation=activation, loss=loss)
    X, shown = data(10, 6, np.float64), data(10, 6, np.float64, seed=1)
    X[:, 2] = np.nan
    found = _core.sample_losses(network, X, shown, n_threads=1)
    network.visible_bias[2] += 3
    np.testing.assert_array_equal(_core.sample_losses(network, X, shown, n_threads=1), found)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("loss", "activation"), OUTPUTS)
@pytest.mark.parametrize("n_features", [7, 18])
def test_gradients(n_features, loss, activation, tied):
    """Reference and core have the derivatives of the losses of what is there."""
    for seed in range(1000):
        network = make_network(
            n_features, 5, decoder_activation=activation, loss=loss, tied=tied, seed=seed
        )
        X = data(6, n_features, np.float64, seed=seed)
        X[np.random.default_rng(seed).random(X.shape) < 0.3] = np.nan
        shown = np.nan_to_num(X)
        a = _reference.pre_decode(network, _reference.encode(network, shown))
        if activation != "relu" or np.abs(a).min() > 10 * H:
            break
    weight = np.linspace(0.5, 1.5, 6)

    def core_loss(network, X):
        return _core.sample_losses(network, X, shown, n_threads=1) @ weight / len(X)

    def reference_loss(network, X):
        return _reference.sample_losses(network, X, shown) @ weight / len(X)

    _, gradients = _reference.gradients(network, X, shown, weight)
    assert_same_gradients(gradients, differences(reference_loss, network, X))
    by_core = differences(core_loss, network, X)
    for n_threads in (1, 2):
        after = network.copy()
        _core.train(
            after, make_solver(after, "plain", learning_rate=1.0), NOTHING, X, every_row(X),
            batch_size=6, presentation=1, n_threads=n_threads, missing=True, sample_weight=weight,
        )  # fmt: skip
        stepped = named_arrays(after)
        taken = {name: array - stepped[name] for name, array in named_arrays(network).items()}
        assert_same_gradients(taken, by_core)


# ------------------------------------------------------------------ training


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("loss", "activation"), OUTPUTS)
def test_training(loss, activation, kind, dtype):
    network = make_network(21, 9, dtype, decoder_activation=activation, loss=loss)
    X = with_gaps(data(60, 21, dtype))
    assert_trains_like_the_reference(
        network, "nesterov", X, batch_size=9, n_batches=4, corruption=corruption_of(kind, X),
        n_threads=2, emphasis=(1, 0.5), sample_weight=data(60, 1, dtype)[:, 0], missing=True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize(("batch_size", "n_batches"), [(1, 8), (300, 2)])
@pytest.mark.parametrize("loss", ["squared_error", "multinomial"])
def test_batches(loss, kind, batch_size, n_batches):
    """Single rows; micro-batches; zeros that are skipped."""
    activation = "softmax" if loss == "multinomial" else "identity"
    network = make_network(50, 130, decoder_activation=activation, loss=loss)
    X = with_gaps(data(500, 50, np.float64), 0.8)
    assert_trains_like_the_reference(
        network, kind, X, batch_size=batch_size, n_batches=n_batches, n_threads=2,
        corruption=corruption_of("masking", X), missing=True,
    )  # fmt: skip


@pytest.mark.parametrize("emphasis", [(1, 1), (1, 0.5)])
def test_given_copies(emphasis):
    """NaN in a copy is shown as 0 and counts as corrupted; what a copy has is shown."""
    network = make_network(12, 6)
    X = with_gaps(data(50, 12, np.float64))
    copies = data(50, 12, np.float64, seed=1)
    copies[:, :6] = X[:, :6]
    copies[::2, 5] = np.nan
    for clean in (X, np.nan_to_num(X)):
        assert_trains_like_the_reference(
            network.copy(), "adam", clean, batch_size=10, n_batches=5, n_threads=2,
            X_corrupted=copies, emphasis=emphasis, missing=True,
        )  # fmt: skip


def test_supervised():
    stack = make_supervised((9, 6, 3))
    X = with_gaps(data(40, 9, np.float64))
    assert_trains_like_the_reference(
        stack, "adam", X, batch_size=8, n_batches=5, corruption=corruption_of("swap", X),
        n_threads=2, target=target_for(stack, 40), missing=True,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["log_loss", "multinomial"])
@pytest.mark.parametrize("n_hidden", [20, 200])
def test_same_bits_on_any_threads(n_hidden, loss, dtype):
    activation = "softmax" if loss == "multinomial" else "logistic"
    X = with_gaps(data(200, 150, dtype))
    results = []
    for n_threads in (1, 2, 3, 5):
        network = make_network(150, n_hidden, dtype, decoder_activation=activation, loss=loss)
        solver = make_solver(network, "adam")
        losses = _core.train(
            network, solver, corruption_of("swap", X), X, every_row(X), batch_size=64,
            presentation=1, n_threads=n_threads, emphasis=(1, 0.5), missing=True,
        )  # fmt: skip
        results.append({"losses": losses} | named_arrays(network, solver))
    for other in results[1:]:
        assert_same_bits(results[0], other)


@pytest.mark.parametrize("loss", ["squared_error", "multinomial"])
def test_nothing_missing_changes_no_bit(loss):
    """Complete rows, told that some entries may be missing."""
    activation = "softmax" if loss == "multinomial" else "identity"
    X = data(100, 30, np.float32)
    results = []
    for missing in (False, True):
        network = make_network(30, 12, np.float32, decoder_activation=activation, loss=loss)
        solver = make_solver(network, "adam")
        losses = _core.train(
            network, solver, corruption_of("swap", X), X, every_row(X), batch_size=20,
            presentation=1, n_threads=2, missing=missing,
        )  # fmt: skip
        results.append({"losses": losses} | named_arrays(network, solver))
    assert_same_bits(*results)
