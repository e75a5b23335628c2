"""What several tests of estimators share: their state, and an interruption in the middle."""

import numpy as np


def state_of(value):
    """A deep copy of an estimator's attributes, or of a part of them."""
    if hasattr(value, "get_params"):
        value = value.__dict__
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: state_of(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(state_of(item) for item in value)
    return value


def assert_unchanged(estimator, before):
    np.testing.assert_equal(state_of(estimator), before)


class Interrupt:
    """A corruption that raises when it has been called `after` times."""

    def __init__(self, after, error=KeyboardInterrupt):
        self.left = after
        self.error = error

    def __call__(self, batch, rng):
        if self.left == 0:
            raise self.error
        self.left -= 1
        return batch
