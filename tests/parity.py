"""The core held to the reference, and how close is close.

The reference computes in float64 from the core's own numbers, so what differs is the core's
rounding. A sum of K terms, in whatever order, is off by at most K u times the sum of their
magnitudes (Higham, "Accuracy and stability of numerical algorithms", 4.2; u = 2^-24 or 2^-53), and
what chains several sums by the total of their lengths. So the tolerances are 4 L u of the largest
element, L the total length, 4 for the handful of roundings around the sums. A term too many or too
few changes a sum by 1/L of that and is seen up to L = 2000 in float32.
"""

import numpy as np
from networks import NOTHING, in_float64, make_solver, named_arrays, padding

from dae import _core
from dae._model import reference as _reference


def assert_close(found, expected, length, dtype, name=""):
    """Within 4 L u of the largest element."""
    assert found.shape == expected.shape, name
    atol = 4 * length * np.finfo(dtype).eps / 2 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol, err_msg=name)


def assert_trains_like_the_reference(
    network,
    kind,
    X,
    *,
    batch_size,
    n_batches,
    alpha=0.01,
    corruption=None,
    n_threads=1,
    X_corrupted=None,
    sample_weight=None,
    emphasis=(1, 1),
    target=None,
    missing=False,
):
    """Losses, parameters and moments after these batches; padding still zero."""
    dtype = network.dtype
    wide = in_float64(network)
    solver = make_solver(network, kind, alpha=alpha)
    wide_solver = make_solver(wide, kind, alpha=alpha)
    rows = np.random.default_rng(9).permutation(len(X)).astype(np.intp)[: batch_size * n_batches]
    corruption = corruption or NOTHING
    arguments = {
        "batch_size": batch_size,
        "presentation": 3,
        "X_corrupted": X_corrupted,
        "sample_weight": sample_weight,
        "emphasis": emphasis,
        "target": target,
    }
    found = _core.train(
        network, solver, corruption, X, rows, **arguments, n_threads=n_threads, missing=missing
    )
    X64 = X.astype(np.float64)
    expected = _reference.train(wide, wide_solver, corruption, X64, rows, **arguments)
    steps = len(expected)
    assert steps == -(-len(rows) // batch_size) == solver.n_steps == wide_solver.n_steps
    # decode; dH; gradient; the next code
    length = steps * sum(
        2 * layer.n_features + 2 * layer.n_hidden + batch_size for layer in network.layers
    )
    assert_close(found, expected, length, dtype, "losses")
    theirs = named_arrays(wide, wide_solver)
    for name, array in named_arrays(network, solver).items():
        assert_close(array, theirs[name], length, dtype, name)
    for array in padding(network, solver):
        assert not array.any(), "padding"
