"""Products of factors rounded to bfloat16, against the reference that rounds in the same places.

Where the core has no such products, it must give the bits of "highest".

The core's float32 and the reference's float64 round a few factors to different sides of a tie, and
each such factor is off by 2^-8. So training is judged by the mean: beside what "highest" is off by
anyway, the core must be ten times as close to the reference that rounds as that is to the reference
that does not. One product of five that is not rounded, or elsewhere, makes it more than a fifth.
Two pieces are so close to float32 that many ties are decided differently: twice as close, there.
"""

import numpy as np
import pytest
from networks import (
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
    padding,
    target_for,
)
from parity import assert_close
from test_core_blocks import MIXTURES, network_for, rows_for

from dae import _core
from dae._model import reference as _reference
from dae._model.precision import HIGHEST, PRECISIONS, product, rounded, to_bfloat16

pytestmark = pytest.mark.usefixtures("always_threads")

LOWER = [name for name in PRECISIONS if name != HIGHEST]
FASTER = _core.accelerated_precisions()

# what a panel or a tile can be cut at: pairs, 16 and 32 features, 384 of a sum, 512 units of a sum
SIZES = [(5, 3), (16, 16), (33, 31), (130, 40), (401, 70), (30, 530)]


def at_precision(network, precision):
    """The same network, multiplied at that precision."""
    network = network.copy()
    for layer in network.layers:
        layer.matmul_precision = precision
    return network


def make(model, sizes):
    if model.endswith("stack"):
        return make_stack(sizes, np.float32, tied=model == "tied stack")
    if model == "supervised":
        return make_supervised((*sizes[:2], 10), np.float32)
    return make_network(*sizes[:2], np.float32, tied=model == "tied")


# ------------------------------------------------------------------ rounding


def test_the_nearest_number_of_eight_bits_the_even_one_of_two():
    """Against the definition: no bfloat16 number is nearer, and the last bit of a tie is 0."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(10_000) * 10.0 ** rng.integers(-30, 30, 10_000)).astype(np.float32)
    x[:3] = 1 + 2.0**-8, 1 + 3 * 2.0**-8, -1 - 2.0**-8  # ties
    y = to_bfloat16(x)
    assert not (y.view(np.uint32) & 0xFFFF).any()
    for step in (-0x10000, 0x10000):
        neighbour = (y.view(np.int32) + step).view(np.float32)
        nearer = abs(x.astype(float) - neighbour) < abs(x.astype(float) - y)
        assert not nearer.any()
    np.testing.assert_array_equal(y[:3], np.float32([1, 1 + 2.0**-6, -1]))


def test_what_is_no_number_stays_none():
    x = np.float32([np.nan, np.inf, -np.inf, 3.4e38, 1e-40, 0, -0.0])
    x[0:1].view(np.uint32)[0] = 0x7FFFFFFF  # a NaN that rounding its bits would make a number
    expected = np.float32([np.nan, np.inf, -np.inf, np.inf, 0, 0, 0])
    np.testing.assert_array_equal(to_bfloat16(x), expected)


@pytest.mark.parametrize(("precision", "bits"), [("medium", 8), ("high", 17)])
def test_relative_error_of_a_factor(precision, bits):
    x = data(100, 100, np.float32)
    error = abs(sum(piece.astype(float) for piece in rounded(x, precision)) - x) / x
    assert 2.0 ** -(bits + 1) < error.max() <= 2.0**-bits


def test_products_are_ordered_by_their_precision():
    A, B = data(50, 300, np.float32) - 0.5, data(300, 40, np.float32, seed=1) - 0.5
    A, B = A.astype(float), B.astype(float)
    error = [abs(product(A, B, name) - A @ B).max() for name in PRECISIONS]
    assert error[0] == 0 < 50 * error[1] < error[2]


# ------------------------------------------------------------------ inference


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("sizes", SIZES)
def test_inference(sizes, precision):
    """From the same factors the sums are as close as those of float32 are."""
    plain = make_network(*sizes, np.float32, tied=False, activation="identity")
    network = at_precision(plain, precision)
    X = data(_core.tuning.MANY_ROWS, sizes[0], np.float32) - 0.5
    H = _core.encode(network, X, n_threads=2)
    Z = _core.decode(network, H, n_threads=2)
    if precision not in FASTER:
        np.testing.assert_array_equal(H, _core.encode(plain, X, n_threads=2))
        np.testing.assert_array_equal(Z, _core.decode(plain, H, n_threads=2))
        return
    wide = at_precision(in_float64(network), precision)
    assert_close(H, _reference.encode(wide, X.astype(float)), sum(sizes), np.float32, "codes")
    assert_close(Z, _reference.decode(wide, H.astype(float)), sum(sizes), np.float32, "outputs")
    np.testing.assert_array_equal(_core.reconstruct(network, X, n_threads=3), Z)
    losses = _core.sample_losses(network, X, X, n_threads=2)
    expected = _reference.sample_losses(wide, X.astype(float), X.astype(float))
    np.testing.assert_allclose(losses, expected, rtol=1e-3)
    assert abs(H - _core.encode(plain, X, n_threads=2)).max() > 0


@pytest.mark.parametrize("precision", LOWER)
def test_few_rows_are_multiplied_as_ever(precision):
    plain = make_network(40, 30, np.float32)
    X = data(_core.tuning.MANY_ROWS - 1, 40, np.float32)
    found = _core.reconstruct(at_precision(plain, precision), X, n_threads=2)
    np.testing.assert_array_equal(found, _core.reconstruct(plain, X, n_threads=2))


# ------------------------------------------------------------------ training


def train(train_function, network, kind, X, *, batch_size, n_batches=2, **arguments):
    """The network after training; a copy."""
    network = network.copy()
    solver = make_solver(network, kind, alpha=0.01)
    rows = np.arange(batch_size * n_batches, dtype=np.intp) % len(X)
    arguments = {"presentation": 3, "corruption": NOTHING} | arguments
    corruption = arguments.pop("corruption")
    X = X.astype(network.dtype)
    arguments["batch_size"] = batch_size
    losses = train_function(network, solver, corruption, X, rows, **arguments)
    assert len(losses) == n_batches
    return network, solver


def assert_trains_as_it_should(network, kind, X, precision, *, n_threads=2, **arguments):
    lower = at_precision(network, precision)
    found, solver = train(_core.train, lower, kind, X, n_threads=n_threads, **arguments)
    for array in padding(found, solver):
        assert not array.any(), "padding"
    plain, _ = train(_core.train, network, kind, X, n_threads=n_threads, **arguments)
    if precision not in FASTER:
        assert_same_bits(named_arrays(found), named_arrays(plain))
        return
    plain = named_arrays(plain)
    exact = in_float64(network)
    if arguments.get("target") is not None and arguments["target"].dtype.kind == "f":
        arguments["target"] = arguments["target"].astype(float)
    expected = named_arrays(train(_reference.train, at_precision(exact, precision), kind, X,
                                  **arguments)[0])  # fmt: skip
    unrounded = named_arrays(train(_reference.train, exact, kind, X, **arguments)[0])
    for name, array in named_arrays(found).items():
        scale = abs(unrounded[name] - expected[name]).mean()
        assert scale > 0, name
        noise = abs(plain[name] - unrounded[name]).mean()
        closer = 10 if precision == "medium" else 2
        assert abs(array - expected[name]).mean() < scale / closer + 2 * noise, name


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
def test_sizes(sizes, tied, precision):
    network = make_network(*sizes, np.float32, tied=tied)
    X = data(192, sizes[0], np.float32)
    assert_trains_as_it_should(network, "plain", X, precision, batch_size=96)


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("batch_size", [48, 49, 127, 128, 129, 300])
def test_batch_sizes(batch_size, precision):
    """Odd ones have a row without a partner; more than 128 rows are micro-batches."""
    network = make_network(101, 60, np.float32, tied=False, activation="logistic")
    X = data(2 * batch_size, 101, np.float32)
    assert_trains_as_it_should(network, "plain", X, precision, batch_size=batch_size)


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("model", ["tied stack", "free stack", "supervised"])
def test_stacks(model, kind, precision):
    """The deltas that one layer passes down to another are packed, too."""
    network = make(model, (40, 33, 17, 9))
    X = data(128, 40, np.float32)
    target = target_for(network, len(X)) if model == "supervised" else None
    assert_trains_as_it_should(network, kind, X, precision, batch_size=64, target=target)


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("mixture", MIXTURES)
def test_output_blocks(mixture, precision):
    blocks = MIXTURES[mixture]
    network = network_for(blocks, 40, dtype=np.float32)
    X = rows_for(blocks, 128, np.float32)
    assert_trains_as_it_should(network, "plain", X, precision, batch_size=64)


@pytest.mark.parametrize("precision", LOWER)
def test_zeros_that_are_skipped_are_not_rounded(precision):
    """Mostly empty rows go by lists. One layer of outputs has no other product than those with X:
    its bits are those of "highest", unless the rows are full.
    """
    rng = np.random.default_rng(0)
    full = data(128, 90, np.float32)
    network = make_supervised((90, 140), np.float32, loss="squared_error")
    target = target_for(network, len(full))
    for X in (full * (rng.random(full.shape) < 0.05), full):
        arguments = {"batch_size": 64, "n_threads": 2, "target": target}
        found, _ = train(_core.train, at_precision(network, precision), "plain", X, **arguments)
        plain, _ = train(_core.train, network, "plain", X, **arguments)
        rounds = X is full and precision in FASTER
        assert (found.layers[0].encoder == plain.layers[0].encoder).all() != rounds


@pytest.mark.parametrize("precision", LOWER)
def test_one_row_and_few_are_multiplied_as_ever(precision):
    network, X = make_network(40, 30, np.float32), data(20, 40, np.float32)
    for batch_size in (1, 4):
        found, _ = train(
            _core.train, at_precision(network, precision), "adam", X, batch_size=batch_size,
            n_threads=2,
        )  # fmt: skip
        plain, _ = train(_core.train, network, "adam", X, batch_size=batch_size, n_threads=2)
        assert_same_bits(named_arrays(found), named_arrays(plain))


# ------------------------------------------------------------------ threads


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("model", ["tied", "free", "tied stack", "supervised"])
@pytest.mark.parametrize("batch_size", [20, 129])
def test_same_bits_for_any_number_of_threads(batch_size, model, precision):
    network = at_precision(make(model, (1201, 70, 33)), precision)
    X = data(2 * batch_size, 1201, np.float32)
    arguments = {
        "corruption": make_corruption("masking", X),
        "target": target_for(network, len(X)) if model == "supervised" else None,
        "batch_size": batch_size,
    }
    one = named_arrays(*train(_core.train, network, "adam", X, n_threads=1, **arguments))
    for n_threads in (2, 3, 8):
        many = train(_core.train, network, "adam", X, n_threads=n_threads, **arguments)
        assert_same_bits(named_arrays(*many), one)


@pytest.mark.parametrize("precision", LOWER)
def test_a_row_does_not_depend_on_the_rows_beside_it(precision):
    network = at_precision(make_network(60, 50, np.float32), precision)
    X = data(1000, 60, np.float32)
    whole = _core.reconstruct(network, X, n_threads=3)
    part = _core.reconstruct(network, X[7:900], n_threads=2)
    np.testing.assert_array_equal(part, whole[7:900])
