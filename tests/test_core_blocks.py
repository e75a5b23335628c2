"""Outputs in blocks of features, each with its own loss: the core held to the equations."""

import numpy as np
import pytest
from networks import (
    DTYPES,
    NOTHING,
    SOLVERS,
    assert_same_bits,
    in_float64,
    make_corruption,
    make_network,
    make_solver,
    make_stack,
    named_arrays,
)
from parity import assert_close, assert_trains_like_the_reference
from test_gradients import assert_close as assert_same_gradients
from test_gradients import differences

from dae import _core
from dae._model import reference as _reference
from dae._model.blocks import IN_BLOCKS, Block, columns_of
from dae._model.corruption import KINDS
from dae._model.losses import LOSSES
from dae._model.network import Network

pytestmark = pytest.mark.usefixtures("always_threads")

ONE_OF_EACH = (
    Block("squared_error", 3),
    Block("multinomial", 5, 0.7),
    Block("log_loss", 1),
    Block("poisson", 2, 2.5),
)
# blocks within vectors, groups of 16 features and leaves, and across them
MIXTURES = {
    "one of each": ONE_OF_EACH,
    "single columns": tuple(Block(LOSSES[k % 4], 1, 0.5 + k % 3) for k in range(23)),
    "categories": (Block("multinomial", 2), Block("multinomial", 3, 0.1), Block("multinomial", 17)),
    "a long category": (
        Block("log_loss", 7),
        Block("multinomial", 150),
        Block("squared_error", 40),
    ),
    "no category": (Block("poisson", 30), Block("squared_error", 9, 0.3), Block("log_loss", 26)),
    "many": ONE_OF_EACH * 12,
}


def rows_for(blocks, n_rows, dtype, seed=0):
    """Numbers for squared error, bits, counts, and one level of each category."""
    rng = np.random.default_rng(seed)
    kinds = {
        "squared_error": lambda n: rng.normal(0, 0.5, (n_rows, n)),
        "log_loss": lambda n: rng.random((n_rows, n)),
        "poisson": lambda n: rng.poisson(0.5, (n_rows, n)),
        "multinomial": lambda n: np.eye(n)[rng.integers(0, n, n_rows)],
    }
    parts = [kinds[block.loss](block.n_columns) for block in blocks]
    return np.concatenate(parts, axis=1).astype(dtype)


def network_for(blocks, n_hidden=9, dtype=np.float64, **parameters):
    n_features = sum(block.n_columns for block in blocks)
    return make_network(n_features, n_hidden, dtype, blocks=blocks, **parameters)


def corruption_for(kind, X, network, level=0.3):
    corruption = make_corruption(kind, np.nan_to_num(X), level)
    corruption.categories = network.layers[0].categories
    return corruption


def with_gaps(X, share=0.2):
    X = X.copy()
    X[np.random.default_rng(1).random(X.shape) < share] = np.nan
    X[2] = np.nan
    return X


def every_row(X):
    return np.arange(len(X), dtype=np.intp)


# ------------------------------------------------------------------ inference


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mixture", MIXTURES)
def test_outputs(mixture, dtype):
    blocks = MIXTURES[mixture]
    network = network_for(blocks, dtype=dtype)
    X = rows_for(blocks, 40, dtype)
    expected = _reference.reconstruct(in_float64(network), X)
    for n_threads in (1, 3):
        Z = _core.reconstruct(network, X, n_threads=n_threads)
        assert_close(Z, expected, sum(network.encoder.shape), dtype)
        H = _core.encode(network, X, n_threads=n_threads)
        assert_close(_core.decode(network, H, n_threads=n_threads), expected, 300, dtype)
    for block, own in columns_of(blocks):
        if block.is_category:
            np.testing.assert_allclose(Z[:, own].sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mixture", MIXTURES)
def test_sample_losses(mixture, weighted, dtype):
    blocks = MIXTURES[mixture]
    network = network_for(blocks, dtype=dtype)
    X = rows_for(blocks, 40, dtype)
    weight = np.random.default_rng(3).random(X.shape).astype(dtype) if weighted else None
    for clean in (X, with_gaps(X)):
        expected = _reference.sample_losses(in_float64(network), clean.astype(float), X, weight)
        for n_threads in (1, 3):
            found = _core.sample_losses(network, clean, X, weight, n_threads=n_threads)
            assert_close(found, expected, sum(network.encoder.shape), dtype)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_single_block_is_the_loss(loss):
    """The same numbers as a network with that loss, up to rounding."""
    blocks = (Block(loss, 21),)
    in_blocks = network_for(blocks)
    activation = blocks[0].activation
    plain = make_network(21, 9, decoder_activation=activation, loss=loss)
    X = rows_for(blocks, 30, np.float64)
    for function in (_core.reconstruct, lambda *a, **k: _core.sample_losses(a[0], X, X, **k)):
        np.testing.assert_allclose(
            function(in_blocks, X, n_threads=1), function(plain, X, n_threads=1), rtol=1e-11
        )
    for network in (in_blocks, plain):
        solver = make_solver(network, "adam")
        _core.train(
            network, solver, NOTHING, X, every_row(X), batch_size=7, presentation=1, n_threads=1
        )
    for name, array in named_arrays(plain).items():
        np.testing.assert_allclose(named_arrays(in_blocks)[name], array, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("value", [1e30, -1e30, 80.0, -80.0])
def test_extreme_scores(value):
    """The largest score of a category is taken off before its exponential."""
    network = network_for(ONE_OF_EACH, dtype=np.float32)
    network.visible_bias[3:8] = value
    X = rows_for(ONE_OF_EACH, 5, np.float32)
    Z = _core.reconstruct(network, X, n_threads=1)
    assert np.isfinite(Z).all()
    np.testing.assert_allclose(Z[:, 3:8].sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(_core.sample_losses(network, X, X, n_threads=1)).all()


# ------------------------------------------------------------------ gradients


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    "blocks",
    [ONE_OF_EACH, *[(Block(loss, 4, 1.5), Block("log_loss", 3)) for loss in LOSSES],
     (Block("squared_error", 13), Block("multinomial", 6, 0.7), Block("poisson", 1))],
)  # fmt: skip
def test_gradients(blocks, tied, gaps):
    """Reference and core have the derivatives of their own losses, by every parameter."""
    network = network_for(blocks, 5, tied=tied)
    X = rows_for(blocks, 7, np.float64)
    clean = with_gaps(X) if gaps else X
    shown = X + np.random.default_rng(2).normal(0, 0.1, X.shape)
    weight = np.linspace(0.5, 1.5, 7)

    def core_loss(network, clean):
        return _core.sample_losses(network, clean, shown, n_threads=1) @ weight / len(X)

    def reference_loss(network, clean):
        return _reference.sample_losses(network, clean, shown) @ weight / len(X)

    _, gradients = _reference.gradients(network, clean, shown, weight)
    assert_same_gradients(gradients, differences(reference_loss, network, clean))
    by_core = differences(core_loss, network, clean)
    nothing = make_corruption("none", X)
    nothing.categories = network.categories
    for n_threads in (1, 2):
        after = network.copy()
        _core.train(
            after, make_solver(after, "plain", learning_rate=1.0), nothing, clean, every_row(X),
            batch_size=7, presentation=1, n_threads=n_threads, missing=gaps, sample_weight=weight,
            X_corrupted=shown,
        )  # fmt: skip
        stepped = named_arrays(after)
        taken = {name: array - stepped[name] for name, array in named_arrays(network).items()}
        assert_same_gradients(taken, by_core)


# ------------------------------------------------------------------ training


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emphasis", [(1, 1), (1, 0.5)])
@pytest.mark.parametrize("mixture", MIXTURES)
def test_training(mixture, emphasis, dtype):
    blocks = MIXTURES[mixture]
    network = network_for(blocks, dtype=dtype)
    X = rows_for(blocks, 60, dtype)
    for rows, missing in ((X, False), (with_gaps(X), True)):
        assert_trains_like_the_reference(
            network.copy(), "nesterov", rows, batch_size=9, n_batches=4, n_threads=2,
            corruption=corruption_for("swap", rows, network), emphasis=emphasis, missing=missing,
            sample_weight=np.linspace(0.5, 1.5, 60).astype(dtype),
        )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_corruptions(kind):
    network = network_for(ONE_OF_EACH * 3)
    X = with_gaps(rows_for(ONE_OF_EACH * 3, 60, np.float64))
    assert_trains_like_the_reference(
        network, "adam", X, batch_size=20, n_batches=3, n_threads=3, emphasis=(1, 0.5),
        corruption=corruption_for(kind, X, network), missing=True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize(("batch_size", "n_batches"), [(1, 4), (300, 2)])
@pytest.mark.parametrize("mixture", ["many", "no category"])
def test_batches(mixture, batch_size, n_batches, kind):
    """Single rows; micro-batches; zeros that are skipped."""
    network = network_for(MIXTURES[mixture], 130)
    X = rows_for(MIXTURES[mixture], 500, np.float64)
    assert_trains_like_the_reference(
        network, kind, X, batch_size=batch_size, n_batches=n_batches, n_threads=2,
        corruption=corruption_for("masking", X, network, 0.8),
    )  # fmt: skip


def test_stacks():
    """The blocks are the lowest layer's."""
    blocks = ONE_OF_EACH
    upper = make_stack((9, 6, 4)).layers
    stack = Network([network_for(blocks), *upper])
    X = rows_for(blocks, 50, np.float64)
    assert_trains_like_the_reference(
        stack, "adam", X, batch_size=10, n_batches=4, n_threads=2,
        corruption=corruption_for("swap", X, stack),
    )  # fmt: skip
    expected = _reference.sample_losses(stack, X, X)
    assert_close(_core.sample_losses(stack, X, X, n_threads=2), expected, 100, np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mixture", ["many", "a long category", "no category"])
@pytest.mark.parametrize("batch_size", [20, 200])
def test_same_bits_on_any_threads(batch_size, mixture, dtype):
    blocks = MIXTURES[mixture]
    X = with_gaps(rows_for(blocks, 300, dtype))
    results = []
    for n_threads in (1, 2, 3, 5):
        network = network_for(blocks, 70, dtype)
        solver = make_solver(network, "adam")
        losses = _core.train(
            network, solver, corruption_for("swap", X, network), X, every_row(X), missing=True,
            batch_size=batch_size, presentation=1, n_threads=n_threads, emphasis=(1, 0.5),
        )  # fmt: skip
        shown = np.nan_to_num(X)
        scores = _core.sample_losses(network, X, shown, n_threads=n_threads)
        results.append({"losses": losses, "scores": scores} | named_arrays(network, solver))
    for other in results[1:]:
        assert_same_bits(results[0], other)


def test_a_nan_is_seen():
    """A network that has diverged in a category stops training."""
    network = network_for(ONE_OF_EACH)
    network.visible_bias[4] = np.nan
    X = rows_for(ONE_OF_EACH, 20, np.float64)
    solver = make_solver(network, "adam")
    losses = _core.train(
        network, solver, NOTHING, X, every_row(X), batch_size=10, presentation=1, n_threads=1
    )
    assert len(losses) == 1 and np.isnan(losses[0])
    assert np.isnan(_core.sample_losses(network, X, X, n_threads=1)).all()


# ------------------------------------------------------------------ categories


@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("n_levels", [2, 40, 300])
def test_swap_takes_categories_from_one_row(n_levels, gaps):
    """Levels stay one-hot, and a category that misses an entry gives and takes nothing."""
    blocks = (Block("squared_error", 250), Block("multinomial", n_levels), Block("log_loss", 3))
    network = network_for(blocks, 2)
    X = rows_for(blocks, 200, np.float32)
    X[:, 0] += 10
    own = slice(250, 250 + n_levels)
    gone = np.random.default_rng(4).random(200) < gaps
    X[gone, 250 + n_levels // 2] = np.nan
    corruption = corruption_for("swap", X, network, 1.0)
    shown = _core.corrupt(corruption, X, every_row(X), 1, n_threads=2, missing=True)
    np.testing.assert_array_equal(shown, _reference.corrupt(corruption, X, every_row(X), 1))
    levels = shown[:, own]
    assert not levels[gone].any()
    assert (levels[~gone].sum(axis=1) == 1).all() and (levels.max(axis=1)[~gone] == 1).all()
    if n_levels < 300:
        assert (levels.argmax(axis=1) != X[:, own].argmax(axis=1))[~gone].any()


@pytest.mark.parametrize(
    "categories",
    [((0, 3), (2, 5)), ((-1, 2),), ((3, 3),), ((4, 12),), ((5, 7), (1, 2)), ((1, 2, 3),)],
)
def test_categories_that_are_none(categories):
    X = np.ones((5, 11))
    corruption = make_corruption("swap", X)
    corruption.categories = categories
    with pytest.raises(ValueError, match=r"categories must be|must"):
        _core.corrupt(corruption, X, every_row(X), 1, n_threads=1)


def test_a_layer_whose_blocks_do_not_fit():
    network = network_for(ONE_OF_EACH)
    network.blocks = ONE_OF_EACH[:-1]
    with pytest.raises(ValueError, match=r"damaged: there are output_blocks of 9 columns for 11"):
        network.check()
    network.blocks = None
    with pytest.raises(ValueError, match=f"got '{IN_BLOCKS}'"):
        network.check()
