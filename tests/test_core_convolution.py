"""Convolutions by the core against their equations, at every level; and what never breaks."""

import numpy as np
import pytest
from parity import assert_close

from dae import _core
from dae._core import convolutional
from dae._model import convolutional as reference
from dae._model.precision import to_bfloat16
from daecore import _convolution, _enums, records

pytestmark = pytest.mark.usefixtures("always_threads")

# height, width, inputs and outputs, pictures: what strips, tiles and lines can be cut at
SHAPES = [
    (1, 1, 1, 16, 1),
    (2, 3, 5, 16, 2),
    (9, 7, 5, 64, 3),
    (16, 32, 64, 64, 2),
    (33, 17, 64, 16, 1),
    (40, 31, 32, 96, 2),
    (3, 600, 16, 32, 1),
]


def maps(n, height, width, channels, seed=0):
    x = convolutional.new_maps(n, height, width, channels)
    x[:, 1:-1, 1:-1] = np.random.default_rng(seed).normal(size=(n, height, width, channels))
    return x


def some_filters(inputs, outputs, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, 3, inputs, outputs)).astype(np.float32)


def record(shape, precision="highest", rectify=False):
    height, width, inputs, outputs, _ = shape
    return records.Convolution(
        height, width, inputs, outputs, rectify, _enums.PRECISIONS[precision]
    )


def convolve(shape, x, k, *, added=None, mask=None, rectify=False, precision="highest", threads=2):
    height, width, _, outputs, n = shape
    y = convolutional.new_maps(n, height, width, outputs)
    layer = record(shape, precision, rectify)
    _convolution.convolve(layer, x, k, added, mask, y, 0, height, threads)
    return y


def in_bfloat16(shape):
    """Whether "medium" rounds the factors of this convolution."""
    return "bf16" in _core.simd_level() and shape[2] % 32 == 0 and shape[3] % 32 == 0


@pytest.mark.parametrize("precision", ["highest", "medium"])
@pytest.mark.parametrize("shape", SHAPES)
def test_convolve(shape, precision):
    height, width, inputs, outputs, n = shape
    x, k = maps(n, height, width, inputs), some_filters(inputs, outputs)
    y = convolve(shape, x, k, precision=precision)
    if precision == "medium" and in_bfloat16(shape):
        x, k = to_bfloat16(x), to_bfloat16(k)
    expected = reference.convolved(x.astype(float), k.astype(float))
    assert_close(y[:, 1:-1, 1:-1], expected, 9 * inputs, np.float32)
    y[:, 1:-1, 1:-1] = 0
    assert not y.any()  # the border is left alone


def test_what_is_added_rectified_and_masked():
    shape = (9, 7, 16, 32, 2)
    x, k = maps(2, 9, 7, 16), some_filters(16, 32)
    added, mask = maps(2, 9, 7, 32, seed=2), maps(2, 9, 7, 32, seed=3)
    sums = reference.convolved(x.astype(float), k.astype(float)) + added[:, 1:-1, 1:-1]
    y = convolve(shape, x, k, added=added)[:, 1:-1, 1:-1]
    assert_close(y, sums, 145, np.float32)
    y = convolve(shape, x, k, added=added, rectify=True)[:, 1:-1, 1:-1]
    assert_close(y, np.maximum(sums, 0), 145, np.float32)
    y = convolve(shape, x, k, added=added, mask=mask)[:, 1:-1, 1:-1]
    assert_close(y, sums * (mask[:, 1:-1, 1:-1] > 0), 145, np.float32)
    _convolution.convolve(record(shape), x, k, added, None, added, 0, 9, 2)  # in place
    assert_close(added[:, 1:-1, 1:-1], sums, 145, np.float32)


@pytest.mark.parametrize("precision", ["highest", "medium"])
@pytest.mark.parametrize("shape", SHAPES)
def test_filter_gradient(shape, precision):
    height, width, inputs, outputs, n = shape
    x, delta = maps(n, height, width, inputs), maps(n, height, width, outputs, seed=2)
    before = some_filters(inputs, outputs)
    gradient = before.copy()
    _convolution.filter_gradient(record(shape, precision), x, delta, gradient, 2)
    if precision == "medium" and in_bfloat16(shape):
        x, delta = to_bfloat16(x), to_bfloat16(delta)
    expected = reference.filter_gradient(x.astype(float), delta[:, 1:-1, 1:-1].astype(float))
    assert_close(gradient, before + expected, n * height * width + 1, np.float32)


@pytest.mark.parametrize("precision", ["highest", "medium"])
@pytest.mark.parametrize("shape", SHAPES)
def test_same_bits_for_any_threads_and_rows(shape, precision):
    height, width, inputs, outputs, n = shape
    x, k = maps(n, height, width, inputs), some_filters(inputs, outputs)
    whole = convolve(shape, x, k, precision=precision, threads=1)
    for threads in (2, 3):
        again = convolve(shape, x, k, precision=precision, threads=threads)
        assert again.tobytes() == whole.tobytes()
    y = np.zeros_like(whole)
    for row in range(height):  # row by row
        layer = record(shape, precision)
        _convolution.convolve(layer, x, k, None, None, y, row, row + 1, 1)
    assert y.tobytes() == whole.tobytes()
    gradients = [np.zeros_like(k) for _ in range(3)]
    for threads, gradient in enumerate(gradients, 1):
        _convolution.filter_gradient(record(shape, precision), x, whole, gradient, threads)
        assert gradient.tobytes() == gradients[0].tobytes()


# ------------------------------------------------------------------ networks


def make_network(n_blocks=2, precision="highest"):
    rng = np.random.default_rng(0)
    network = reference.new_network(5, 4, 32, n_blocks, rng)
    network.tail[..., :4] = 0.1 * rng.normal(size=(3, 3, 32, 4))
    network.matmul_precision = precision
    return network


def in_float64(network):
    return network.like(network.weights.astype(float))


def test_reconstruct():
    network, x = make_network(), maps(2, 9, 12, 5)
    out = convolutional.reconstruct(network, x, 2)
    expected = reference.reconstruct(in_float64(network), x.astype(float))
    assert_close(out[:, 1:-1, 1:-1], expected, 2000, np.float32)


def test_one_call_or_many(monkeypatch):
    network, x = make_network(), maps(1, 9, 12, 5)
    whole = convolutional.reconstruct(network, x, 2)
    monkeypatch.setattr(_core.tuning, "OPERATIONS_PER_CALL", 1)  # a row, or a picture, at a time
    assert convolutional.reconstruct(network, x, 2).tobytes() == whole.tobytes()
    assert convolutional.reconstruct(network, maps(3, 9, 12, 5), 2).shape == (3, 11, 14, 16)


def test_new_networks_change_nothing():
    network = reference.new_network(5, 4, 16, 3, np.random.default_rng(0))
    assert not reference.reconstruct(network, maps(1, 6, 6, 5)).any()
    assert all(filters.any() for filters in network.filters()[:-1])


def test_twice_the_input_has_twice_the_output():
    network, x = make_network(), maps(1, 8, 8, 5)
    once, twice = (convolutional.reconstruct(network, factor * x, 1) for factor in (1, 2))
    np.testing.assert_array_equal(twice, 2 * once)


def test_gradient_of_a_network():
    """Against differences of the loss, in float64, along random directions."""
    network, x = make_network(), maps(2, 6, 5, 5)
    target = np.random.default_rng(4).normal(size=(2, 6, 5, 4))

    def loss(network):
        out = reference.reconstruct(network, x.astype(float))
        return np.sum((out[..., :4] - target) ** 2)

    space = convolutional.Workspace(network, 3, 6, 5)  # of more pictures than there are
    out = convolutional.forward(network, x, space, 2)
    np.testing.assert_array_equal(out, convolutional.reconstruct(network, x, 1))
    delta = np.zeros_like(out)
    delta[:, 1:-1, 1:-1, :4] = 2 * (out[:, 1:-1, 1:-1, :4] - target)
    gradient = network.like(np.zeros_like(network.weights))
    convolutional.backward(network, x, space, delta, gradient, 2)
    exact = in_float64(network)
    for filters, found in zip(exact.filters(), gradient.filters(), strict=True):
        way = np.random.default_rng(5).normal(size=filters.shape)
        before, step = filters.copy(), 1e-6
        ends = []
        for sign in (-1, 1):
            filters[:] = before + sign * step * way
            ends.append(loss(exact))
        filters[:] = before
        slope = (ends[1] - ends[0]) / (2 * step)
        assert np.sum(found * way) == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((1, 5, 5, 4), np.float32)}, r"shape \(3, 3, 4, 32\)"),
        ({"x": np.zeros((1, 5, 5, 5))}, "float32 arrays of shape"),
        ({"x": np.zeros((1, 2, 5, 5), np.float32)}, "a border around at least one pixel"),
        ({"x": np.zeros((5, 5, 5), np.float32)}, "a border around at least one pixel"),
        ({"x": np.zeros((1, 5, 10, 5), np.float32)[:, :, ::2]}, "C-ordered"),
        ({"weights": np.zeros(7, np.float32)}, r"weights must have shape \(42912,\), got \(7,\)"),
        ({"weights": [0.0]}, "weights must be an ndarray, got list"),
        ({"matmul_precision": "low"}, "matmul_precision must be one of"),
    ],
)
def test_nothing_unchecked_reaches_the_kernels(change, message):
    network = make_network()
    x = change.pop("x", maps(1, 3, 3, 5))
    for name, value in change.items():
        setattr(network, name, value)
    with pytest.raises(ValueError, match=message):
        convolutional.reconstruct(network, x, 1)
