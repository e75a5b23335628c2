"""Accuracy of the core's own exp, log and tanh, seen through what is made of them.

Errors are in ulp of the exact value, at numbers of the core's type; "exact" is long double where
that has more digits than double, else double (half an ulp worse).
"""

import numpy as np
import pytest
from networks import NOTHING, make_corruption, make_network, make_solver

from dae import _core
from dae._model.reference import random_words

DTYPES = [np.float32, np.float64]
ULP = 4  # csrc/activations.h promises this
WIDTH = 16  # features and hidden units, one to one: all lanes of a vector work

# below, exp() takes its value at the end of the range: 2^-125 or 2^-1021, still no denormal
LOWEST = {np.float32: -87.0, np.float64: -708.0}


def one_to_one(dtype, activation, decoder_activation="identity", loss="squared_error"):
    """Hidden unit j sees feature j alone, with weight 1, and so does output j."""
    network = make_network(
        WIDTH, WIDTH, dtype, activation=activation, decoder_activation=decoder_activation,
        loss=loss, tied=True,
    )  # fmt: skip
    network.encoder[...] = 0
    network.encoder[:, :WIDTH] = np.eye(WIDTH)
    network.hidden_bias[:] = network.visible_bias[:] = 0
    return network


def in_rows(a, dtype):
    """The points, the first of them repeated to fill the last row."""
    return np.resize(np.asarray(a).astype(dtype), (-(-len(a) // WIDTH), WIDTH))


def encode(activation, a, dtype):
    return _core.encode(one_to_one(dtype, activation), in_rows(a, dtype), n_threads=2)


def decode(activation, a, dtype):
    return _core.decode(one_to_one(dtype, "identity", activation), in_rows(a, dtype), n_threads=2)


def worst_ulp(found, exact, dtype):
    """Largest error in units of the exact value's last place."""
    spacing = np.spacing(np.abs(exact).astype(dtype)).astype(np.longdouble)
    return float((np.abs(found - exact) / spacing).max())


def points(dtype):
    """A dense sweep over the range of exp, its small numbers, its ends, and around 0."""
    low = -LOWEST[dtype]
    rng = np.random.default_rng(0)
    size = rng.permutation(
        np.concatenate(
            [
                rng.uniform(0, low, 60_000),
                rng.uniform(0, 3, 60_000),
                10.0 ** rng.uniform(-30, 1, 30_000),
                np.arange(0, 128) * np.log(2) / 2,  # where exp changes its power of two
                [0, 1, low],
            ]
        )
    )
    a = np.concatenate([size, -size]).astype(dtype)
    return a[np.abs(a) <= low]


def exact_logistic(a):
    a = a.astype(np.longdouble)
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1, e) / (1 + e)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [encode, decode])
def test_logistic(function, dtype):
    a = in_rows(points(dtype), dtype)
    assert worst_ulp(function("logistic", a.ravel(), dtype), exact_logistic(a), dtype) <= ULP


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [encode, decode])
def test_tanh(function, dtype):
    """Relative accuracy down to 1e-30: no cancellation near 0."""
    a = in_rows(points(dtype), dtype)
    exact = np.tanh(a.astype(np.longdouble))
    found = function("tanh", a.ravel(), dtype)
    assert worst_ulp(found, exact, dtype) <= ULP
    assert np.abs(found).max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [encode, decode])
def test_relu_and_identity(function, dtype):
    a = in_rows(points(dtype), dtype)
    np.testing.assert_array_equal(function("relu", a.ravel(), dtype), np.maximum(a, 0))
    np.testing.assert_array_equal(function("identity", a.ravel(), dtype), a)


def log_loss(a, x, dtype):
    """The loss of single entries, by a network of one feature that is shown `a`."""
    network = make_network(
        1, 1, dtype, activation="identity", decoder_activation="logistic", loss="log_loss"
    )
    network.encoder[0, 0] = 1
    network.hidden_bias[:] = network.visible_bias[:] = 0
    shown = a.reshape(-1, 1)
    return _core.sample_losses(network, np.full_like(shown, x), shown, n_threads=2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus(dtype):
    """The log loss of x = 0 is log(1 + exp(a)): 4.3 ulp was the worst of 10^7 points."""
    a = points(dtype)
    wide = a.astype(np.longdouble)
    exact = np.maximum(wide, 0) + np.log1p(np.exp(-np.abs(wide)))
    assert worst_ulp(log_loss(a, 0, dtype), exact, dtype) <= ULP + 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("x", [0.25, 0.5, 1.0])
def test_log_loss(x, dtype):
    """For other x a difference of terms up to |a|: accurate to ulps of |a| + 1."""
    a = points(dtype)
    wide = a.astype(np.longdouble)
    exact = np.maximum(wide, 0) + np.log1p(np.exp(-np.abs(wide))) - x * wide
    unit = np.spacing((np.abs(a) + 1).astype(dtype))
    assert (np.abs(log_loss(a, x, dtype) - exact) / unit).max() <= ULP


@pytest.mark.parametrize("dtype", DTYPES)
def test_delta_of_log_loss(dtype):
    """logistic(a) - x, found in the moments after one step on one row of zeros.

    Training takes denormals as 0 (csrc/denormals.h), the parts that make up exp(-87) among them:
    there it may be off by the smallest normal number.
    """
    a = points(dtype)
    network = make_network(
        len(a), 1, dtype, activation="identity", decoder_activation="logistic", loss="log_loss"
    )
    network.encoder[...] = 0
    network.visible_bias[:] = a
    solver = make_solver(network, "momentum", learning_rate=1.0)
    X = np.zeros((1, len(a)), dtype)
    rows = np.zeros(1, np.intp)
    _core.train(network, solver, NOTHING, X, rows, batch_size=1, presentation=1, n_threads=2)
    (moment,) = solver.moments["visible_bias"]
    exact = exact_logistic(a)
    allowed = ULP * np.spacing(exact.astype(dtype)) + np.finfo(dtype).tiny
    assert (np.abs(-moment - exact) <= allowed).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_normals(dtype):
    """log, sqrt, sin and cos of "gaussian", against the same words in long double."""
    n = 20_000
    X = np.zeros((5, n), dtype)
    corruption = make_corruption("gaussian", X, 1.0)
    rows = np.arange(5, dtype=np.intp)
    found = _core.corrupt(corruption, X, rows, 1, n_threads=2)
    words = random_words(corruption.seed, 1, rows, n, 0).astype(np.longdouble)
    # u as the core rounds it: log(u) near u = 1 magnifies that, and it is no error of log
    u = ((words[:, 0::2].astype(dtype) + dtype(1)) * dtype(2.0**-32)).astype(np.longdouble)
    angle = 2 * np.longdouble(np.pi) * words[:, 1::2] / 2**32
    radius = np.sqrt(-2 * np.log(u))
    exact = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(5, n)
    # near multiples of pi/2 the angle's own rounding is what is left of the small one of the two
    unit = np.spacing(np.repeat(radius, 2, axis=1).astype(dtype))
    assert (np.abs(found - exact) / unit).max() <= ULP


def code_of(a, activation, dtype):
    """g(a) by the smallest network, where an infinite feature meets no zero weight."""
    network = make_network(1, 1, dtype, activation=activation)
    network.encoder[0, 0] = 1
    network.hidden_bias[:] = 0
    return _core.encode(network, np.array([[a]], dtype), n_threads=1)[0, 0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("a", [100, 1e4, 1e30, np.inf])
def test_far_out(a, dtype):
    """Saturated, at most by the smallest exp off; infinity is no exception."""
    smallest = np.exp(LOWEST[dtype]) * (1 + 1e-6)
    assert code_of(a, "logistic", dtype) == 1
    assert code_of(-a, "logistic", dtype) == pytest.approx(np.exp(-a), rel=1e-6, abs=smallest)
    assert code_of(a, "tanh", dtype) == 1
    assert code_of(-a, "tanh", dtype) == -1
    assert code_of(a, "relu", dtype) == dtype(a)
    assert code_of(-a, "relu", dtype) == 0
    if np.isfinite(a):
        losses = log_loss(np.array([a, -a], dtype), 0, dtype)
        np.testing.assert_allclose(losses, [dtype(a), np.exp(-a)], rtol=1e-6, atol=smallest)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_nan_passes(activation, dtype):
    """Through its own unit and into no other."""
    a = np.linspace(-1, 1, WIDTH)
    a[5] = np.nan
    network = make_network(1, WIDTH, dtype, activation=activation)
    network.encoder[...] = 0
    network.hidden_bias[:] = a
    found = _core.encode(network, np.zeros((1, 1), dtype), n_threads=1)
    np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(a))
    assert np.isnan(log_loss(np.array([np.nan], dtype), 0, dtype)).all()
