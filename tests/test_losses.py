"""A loss is one object: what users see of it follows from that object."""

import math

import numpy as np
import pytest

from dae import DenoisingAutoencoder
from dae._data.rows import Rows
from dae._model.losses import LOG_LOSS, LOSSES, OUTPUT_LOSSES, get_loss


@pytest.mark.parametrize("name", LOSSES)
def test_auto_is_a_decoder_activation_that_the_loss_allows(name):
    loss = get_loss(name)
    X = np.random.default_rng(0).random((30, 5))
    dae = DenoisingAutoencoder(3, loss=name, max_iter=1, tol=None).fit(X)
    assert dae._decoder_activation == loss.decoder_activation("auto")
    assert loss.decoder_activation("auto") in loss.decoder_activations


@pytest.mark.parametrize("name", LOSSES)
def test_the_derivative_is_that_of_the_loss(name):
    loss, rng = get_loss(name), np.random.default_rng(0)
    a, x, h = rng.normal(size=(4, 6)), rng.random((4, 6)), 1e-6
    for activation in loss.decoder_activations:
        _, delta = loss.entries(activation, a, x)
        for step in h * np.eye(6):  # one feature of all rows at a time
            above, _ = loss.entries(activation, a + step, x)
            below, _ = loss.entries(activation, a - step, x)
            numeric = (above.sum(axis=1) - below.sum(axis=1)) / (2 * h)
            np.testing.assert_allclose(delta[:, step > 0].ravel(), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_training_starts_far_below_the_divergence_bound(name):
    loss, x = get_loss(name), np.random.default_rng(0).random((20, 7))
    for activation in loss.decoder_activations:
        entries, _ = loss.entries(activation, np.zeros_like(x), x)
        worst = entries.sum(axis=1).max()
        assert worst <= loss.at_zero(Rows(x), activation) * (1 + 1e-12) <= 10 * worst
        assert loss.divergence_bound(Rows(x), activation) >= 1e4 * worst


@pytest.mark.parametrize("name", LOSSES)
def test_fit_and_score_refuse_values_outside_the_valid_range(name):
    low, high = get_loss(name).valid_range
    X = np.random.default_rng(0).random((30, 5))
    dae = DenoisingAutoencoder(3, loss=name, max_iter=1, tol=None).fit(X)
    for bad in (low - 0.5, high + 0.5):
        if math.isfinite(bad):
            X[3, 2] = bad
            for method in (dae.fit, dae.partial_fit, dae.score_samples):
                with pytest.raises(ValueError, match=rf"loss='{name}' requires X in \[.*got val"):
                    method(X)


@pytest.mark.parametrize("name", ["poisson", "multinomial"])
@pytest.mark.parametrize("factor", [0.1, 3.7])
def test_losses_of_counts_are_those_of_any_amount(name, factor):
    """In another unit, counts are fractions: the loss is in that unit, too."""
    X = np.random.default_rng(0).poisson(1.5, (40, 6)).astype(float)
    how = {"loss": name, "input_norm": "l2", "max_iter": 3, "tol": None, "random_state": 0}
    dae = DenoisingAutoencoder(3, **how).fit(X)
    losses = dae.score_samples(X)
    if name == "poisson":
        dae.intercept_visible_ += math.log(factor)
    np.testing.assert_allclose(dae.score_samples(factor * X), factor * losses, rtol=1e-9)
    learned = DenoisingAutoencoder(3, **how).fit(factor * X)
    assert np.isfinite(learned.loss_curve_).all()


def test_an_error_of_predictions_is_one_minus_the_score():
    from sklearn.metrics import accuracy_score, r2_score

    rng = np.random.default_rng(0)
    outputs, weight = rng.normal(size=(50, 3)), rng.random(50)
    for name in OUTPUT_LOSSES:
        loss = get_loss(name)
        if loss.of_classes:
            target = rng.integers(0, 3, 50)
            score = accuracy_score(target, outputs.argmax(axis=1), sample_weight=weight)
        elif loss is LOG_LOSS:  # labels: all of a row have to be right
            target = (outputs > 0).astype(float)
            target[::3] = rng.integers(0, 2, (17, 3))
            score = accuracy_score(target, outputs > 0, sample_weight=weight)
        else:
            target = rng.normal(size=(50, 3))
            score = r2_score(target, outputs, sample_weight=weight)
        error = loss.prediction_error(outputs, target, weight)
        assert math.isclose(1 - error, score, rel_tol=1e-12)
