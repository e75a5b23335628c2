"""Networks, solvers and corruptions for the tests of the core."""

import itertools

import numpy as np

from dae._model.blocks import IN_BLOCKS
from dae._model.corruption import Corruption
from dae._model.network import Layer, Network, aligned_zeros, initial_network, padded_width
from dae._model.solver import Solver

DTYPES = [np.float32, np.float64]

NOTHING = Corruption("none", np.empty(0), seed=0)

# Adam divides by sqrt(v2) + epsilon: with epsilon as large as the learning rate a step magnifies
# the rounding errors of its gradient no more than plain SGD of rate 1 does.
SOLVERS = {
    "plain": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.0},
    "momentum": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.8, "nesterov": False},
    "nesterov": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.8},
    "adam": {"name": "adam", "learning_rate": 0.02, "epsilon": 0.02},
}


def data(n_rows, n_features, dtype, seed=0):
    return np.random.default_rng(seed).random((n_rows, n_features)).astype(dtype)


def target_for(stack, n_rows, seed=5):
    """Classes or outputs for a supervised stack."""
    rng = np.random.default_rng(seed)
    if stack.loss == "softmax_log_loss":
        return rng.integers(0, stack.n_hidden, n_rows).astype(np.intp)
    return rng.random((n_rows, stack.n_hidden)).astype(stack.dtype)


def make_network(
    n_features,
    n_hidden,
    dtype=np.float64,
    *,
    activation="tanh",
    decoder_activation="identity",
    loss="squared_error",
    tied=True,
    seed=0,
    blocks=None,
):
    """A network with random weights and biases."""
    random_state = np.random.RandomState(seed)
    if blocks is not None:
        decoder_activation = loss = IN_BLOCKS
    network = initial_network(
        n_features,
        n_hidden,
        dtype=np.dtype(dtype),
        activation=activation,
        decoder_activation=decoder_activation,
        loss=loss,
        tied_weights=tied,
        random_state=random_state,
        blocks=blocks,
    )
    network.hidden_bias[:] = random_state.uniform(-0.5, 0.5, n_hidden)
    network.visible_bias[:] = random_state.uniform(-0.5, 0.5, n_features)
    return network


def make_stack(sizes, dtype=np.float64, *, activation="tanh", loss="squared_error", tied=True):
    """A mirrored stack; sizes[0] features. Decoders above the lowest are of `activation`."""
    lowest = "logistic" if loss == "log_loss" else "identity"
    return Network(
        [
            make_network(
                n_features,
                n_hidden,
                dtype,
                activation=activation,
                decoder_activation=activation if k else lowest,
                loss="squared_error" if k else loss,
                tied=tied,
                seed=k,
            )
            for k, (n_features, n_hidden) in enumerate(itertools.pairwise(sizes))
        ]
    )


def make_supervised(sizes, dtype=np.float64, *, activation="tanh", loss="softmax_log_loss"):
    """A stack without decoders; sizes[-1] outputs."""
    layers = make_stack(sizes, dtype, activation=activation).layers
    for layer in layers:
        layer.decoder = layer.visible_bias = None
    layers[-1].activation, layers[-1].loss = "identity", loss
    return Network(layers)


def make_solver(network, kind, **changes):
    """One of `SOLVERS`, with zero moments for `network`."""
    solver = Solver(**(SOLVERS[kind] | changes))
    solver.reset(network)
    return solver


def make_corruption(kind, X, level=0.3, seed=0x0123456789ABCDEF):
    """A corruption of one level, with the ranges and the donors of X."""
    return Corruption(
        kind,
        np.broadcast_to(np.float64(level), X.shape[1:]).copy(),
        seed,
        low=X.min(axis=0),
        high=X.max(axis=0),
        donors=np.arange(len(X), dtype=np.intp),
    )


def in_float64(network):
    """The same numbers in float64."""
    if isinstance(network, Network):
        return Network([in_float64(layer) for layer in network.layers])
    n_hidden = network.n_hidden
    arrays = {"decoder": None, "visible_bias": None}
    for name, array in network.parameters().items():
        if array.ndim == 2:
            shape = (network.n_features, padded_width(n_hidden, np.float64))
            arrays[name] = aligned_zeros(shape, np.float64)
            arrays[name][:, :n_hidden] = array[:, :n_hidden]
        else:
            arrays[name] = array.astype(np.float64)
    if network.tied:
        arrays["decoder"] = arrays["encoder"]
    return Layer(
        **arrays,
        activation=network.activation,
        decoder_activation=network.decoder_activation,
        loss=network.loss,
        blocks=network.blocks,
    )


def named_arrays(network, solver=None):
    """Parameters, and the solver's moments, by name and without the padding."""
    arrays = {}
    for prefix, layer in zip(network.prefixes(), network.layers, strict=True):
        for name, parameter in layer.parameters().items():
            of_parameter = {prefix + name: parameter}
            for i, moment in enumerate(solver.moments[prefix + name] if solver else ()):
                of_parameter[f"moment {i} of {prefix}{name}"] = moment
            for key, array in of_parameter.items():
                arrays[key] = array[:, : layer.n_hidden] if array.ndim == 2 else array
    return arrays


def padding(network, solver):
    """The padding of every weight array and of its moments."""
    for prefix, layer in zip(network.prefixes(), network.layers, strict=True):
        for name, parameter in layer.parameters().items():
            if parameter.ndim == 2:
                for array in (parameter, *solver.moments[prefix + name]):
                    yield array[:, layer.n_hidden :]


def assert_same_bits(one, other):
    """Two dicts of arrays are equal to the last bit, array by array."""
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
