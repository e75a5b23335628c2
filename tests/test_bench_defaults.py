"""The search for the defaults replays the stopping rule of `fit`; it is the same rule."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from dae import DenoisingAutoencoder

EPOCHS = 25


@pytest.fixture
def curves(bench_module):
    return bench_module("defaults.curves")


@pytest.fixture(scope="module")
def X():
    return (load_digits().data[:300] / 16).astype(np.float32)


def autoencoder(**parameters):
    return DenoisingAutoencoder(24, random_state=0, learning_rate_init=0.003, **parameters)


@pytest.fixture(scope="module")
def losses(X):
    """Of a training that nothing stops."""
    return autoencoder(max_iter=EPOCHS, tol=None).fit(X).loss_curve_


@pytest.mark.parametrize("max_iter", [3, EPOCHS])
@pytest.mark.parametrize("patience", [1, 3, np.inf])
@pytest.mark.parametrize("tol", [0.0, 1e-3, 0.03, 0.1])
def test_a_recorded_curve_ends_where_fit_does(curves, X, losses, tol, patience, max_iter):
    model = autoencoder(tol=tol, n_iter_no_change=patience, max_iter=max_iter)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X)
    stopped = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
    # errors that tell which epoch they belong to
    curve = curves.Curve(losses, [float(epoch) for epoch in range(1, EPOCHS + 1)], 0.0)
    best, epochs, ended = curve.outcome(tol, patience, max_iter)
    assert (epochs, ended) == (model.n_iter_, stopped)
    assert losses[int(best) - 1] == model.best_loss_


def test_both_endings_are_tried(curves, losses):
    curve = curves.Curve(losses, losses, 0.0)
    assert curve.outcome(0.1, 1)[2]
    assert not curve.outcome(0.0, np.inf)[2]


def test_a_curve_that_diverged_has_no_error(curves):
    assert curves.Curve([], [], 0.0).outcome() == (float("inf"), 0, False)
