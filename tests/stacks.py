"""A small stack and its arrays, for the tests of stacks."""

import numpy as np

from dae import StackedDenoisingAutoencoder

WEIGHTS = ("coefs_", "intercepts_", "decoder_coefs_", "decoder_intercepts_")


def make(hidden_layer_sizes=(6, 5, 4), **parameters):
    """An estimator for small data: few epochs, all of them run."""
    defaults = {
        "max_iter": 3, "fine_tune_max_iter": 2, "tol": None, "batch_size": 16, "random_state": 0,
        "learning_rate": "constant",
    }  # fmt: skip
    return StackedDenoisingAutoencoder(hidden_layer_sizes, **(defaults | parameters))


def arrays_of(estimator):
    return [array for name in WEIGHTS for array in getattr(estimator, name)]


def assert_same(a, b):
    for one, other in zip(arrays_of(a), arrays_of(b), strict=True):
        np.testing.assert_array_equal(one, other)
