"""Networks, solvers and corruptions for the tests of the core."""

import numpy as np

from dae._corruption import Corruption
from dae._network import Network, aligned_zeros, initial_network, padded_width
from dae._solver import Solver

NOTHING = Corruption("none", np.empty(0), seed=0)

# Adam divides by sqrt(v2) + epsilon: with epsilon as large as the learning rate a step magnifies
# the rounding errors of its gradient no more than plain SGD of rate 1 does.
SOLVERS = {
    "plain": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.0},
    "momentum": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.8, "nesterov": False},
    "nesterov": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.8},
    "adam": {"name": "adam", "learning_rate": 0.02, "epsilon": 0.02},
}


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
):
    """A network with random weights and biases."""
    random_state = np.random.RandomState(seed)
    network = initial_network(
        n_features,
        n_hidden,
        dtype=np.dtype(dtype),
        activation=activation,
        decoder_activation=decoder_activation,
        loss=loss,
        tied_weights=tied,
        random_state=random_state,
    )
    network.hidden_bias[:] = random_state.uniform(-0.5, 0.5, n_hidden)
    network.visible_bias[:] = random_state.uniform(-0.5, 0.5, n_features)
    return network


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
    n_hidden = network.n_hidden
    arrays = {}
    for name, array in network.parameters().items():
        if array.ndim == 2:
            shape = (network.n_features, padded_width(n_hidden, np.float64))
            arrays[name] = aligned_zeros(shape, np.float64)
            arrays[name][:, :n_hidden] = array[:, :n_hidden]
        else:
            arrays[name] = array.astype(np.float64)
    arrays.setdefault("decoder", arrays["encoder"])
    return Network(
        **arrays,
        activation=network.activation,
        decoder_activation=network.decoder_activation,
        loss=network.loss,
    )


def named_arrays(network, solver=None):
    """Parameters, and the solver's moments, by name and without the padding."""
    arrays = dict(network.parameters())
    if solver is not None:
        for name, moments in solver.moments.items():
            arrays |= {f"moment {i} of {name}": moment for i, moment in enumerate(moments)}
    return {k: a[:, : network.n_hidden] if a.ndim == 2 else a for k, a in arrays.items()}


def assert_same_bits(one, other):
    """Two dicts of arrays are equal to the last bit, array by array."""
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
