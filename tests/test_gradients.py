"""Every derivative against differences of the loss itself.

Fourth-order central differences with step h = 1e-3 are off by h^4 f''''' / 30, 1e-10 for the fifth
derivatives of up to 3000 that these networks have, and by the rounding of the loss, 1.5 u |f| / h,
1e-11 for |f| < 50. The tolerance is ten times that.
"""

import numpy as np
import pytest
from networks import NOTHING, make_corruption, make_network, make_solver, named_arrays

from dae import _core
from dae._model import reference as _reference
from dae._model.network import ACTIVATIONS

H = 1e-3
TOLERANCE = 1e-9

OUTPUTS = [
    *[("squared_error", name) for name in ACTIVATIONS],
    ("log_loss", "logistic"),
    ("poisson", "exp"),
    ("multinomial", "softmax"),
]


def core_loss(network, X, shown, weight):
    return _core.sample_losses(network, X, shown, n_threads=1) @ weight / len(X)


def reference_loss(network, X, shown, weight):
    return _reference.sample_losses(network, X, shown) @ weight / len(X)


def differences(loss, network, *data):
    """The gradient of `loss` by each parameter, by differences."""
    gradients = {}
    for name, array in named_arrays(network).items():
        gradients[name] = np.empty(array.shape)
        for index in np.ndindex(array.shape):
            value = array[index]
            f = {}
            for step in (-2, -1, 1, 2):
                array[index] = value + step * H
                f[step] = loss(network, *data)
            array[index] = value
            gradients[name][index] = (f[-2] - 8 * f[-1] + 8 * f[1] - f[2]) / (12 * H)
    return gradients


def core_gradients(network, X, shown, weight, n_threads):
    """What one plain step of rate 1 takes off each parameter."""
    after = network.copy()
    solver = make_solver(after, "plain", learning_rate=1.0)
    rows = np.arange(len(X), dtype=np.intp)
    _core.train(
        after, solver, NOTHING, X, rows, batch_size=len(X), presentation=1, n_threads=n_threads,
        X_corrupted=shown, sample_weight=weight,
    )  # fmt: skip
    stepped = named_arrays(after)
    return {name: array - stepped[name] for name, array in named_arrays(network).items()}


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert np.abs(gradient).max() > 1e-3, f"{name}: a gradient of zeros shows nothing"
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=TOLERANCE, err_msg=name)


def pre_activations(network, shown):
    """Of the relus, hidden and visible; none for other units."""
    a = shown @ network.encoder[:, : network.n_hidden] + network.hidden_bias
    b = _reference.pre_decode(network, _reference.encode(network, shown))
    relu = [network.activation == "relu", network.decoder_activation == "relu"]
    return np.concatenate(
        [p.ravel() for p, here in zip((a, b), relu, strict=True) if here] or [[1]]
    )


def problem(n_features, n_hidden, n_rows, **parameters):
    """A network and weighted, corrupted data; no relu is near its kink."""
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        X = rng.random((n_rows, n_features))
        rows = np.arange(n_rows, dtype=np.intp)
        shown = _reference.corrupt(make_corruption("gaussian", X), X, rows, 1)
        network = make_network(n_features, n_hidden, seed=seed, **parameters)
        # a step of 2 H moves a pre-activation by 2 H times what the weight is multiplied with
        if np.abs(pre_activations(network, shown)).min() > 10 * H:
            return network, X, shown, rng.uniform(0.5, 1.5, n_rows)
    raise AssertionError("no seed keeps the relus from their kinks")


@pytest.mark.usefixtures("always_threads")
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("loss", "decoder_activation"), OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients(activation, loss, decoder_activation, tied):
    """Reference and core have the derivatives of their own losses, by every parameter."""
    network, *data = problem(
        7, 5, 6, activation=activation, decoder_activation=decoder_activation, loss=loss, tied=tied
    )
    X, shown, weight = data
    value, gradients = _reference.gradients(network, X, shown, weight)
    assert value == pytest.approx(reference_loss(network, *data), rel=1e-12)
    assert_close(gradients, differences(reference_loss, network, *data))
    by_core = differences(core_loss, network, *data)
    for n_threads in (1, 2):
        assert_close(core_gradients(network, *data, n_threads), by_core)


@pytest.mark.usefixtures("always_threads")
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("loss", "decoder_activation"), [OUTPUTS[2], OUTPUTS[-1]])
def test_gradients_across_blocks(loss, decoder_activation, tied):
    """The same where there is more than one unit of features and one block of hidden units."""
    network, *data = problem(
        18,
        35,
        7,
        activation="logistic",
        decoder_activation=decoder_activation,
        loss=loss,
        tied=tied,
    )
    expected = differences(core_loss, network, *data)
    for n_threads in (1, 2):
        assert_close(core_gradients(network, *data, n_threads), expected)
