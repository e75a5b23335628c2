"""Fitted attributes that were edited: an answer or a ValueError, whatever is in them."""

import numpy as np
import pytest

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)

DAMAGED = "The fitted state is damaged: .*{}.*Fit the estimator again"


@pytest.fixture
def X():
    return np.random.default_rng(0).random((20, 4))


@pytest.fixture
def autoencoder(X):
    return DenoisingAutoencoder(3, max_iter=2, tol=None, random_state=0).fit(X)


@pytest.fixture
def stack(X):
    return StackedDenoisingAutoencoder((3, 2), max_iter=2, tol=None, random_state=0).fit(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_largest_sane_loss", None),
        ("_largest_sane_loss", np.nan),
        ("loss_curve_", None),
        ("loss_curve_", ["a"]),
        ("loss_curve_", (1.0,)),
        ("validation_loss_curve_", 3),
        ("best_loss_", "a"),
        ("n_iter_", None),
        ("n_iter_", 2**64),
        ("_presentation", 2**64),
        ("_presentation", 2**64 - 1),
        ("_n_steps", 2**63),
        ("_seed", -1),
        ("_moments_kind", np.zeros(3)),
        ("_n_features_out", np.zeros(3)),
        ("feature_names_in_", 2.5),
        ("intercept_hidden_", np.ma.masked_array(np.zeros(3), mask=True)),
        ("_activation", np.array(["relu", "tanh"])),
    ],
)
def test_edited_autoencoder(X, autoencoder, name, value):
    autoencoder.__dict__[name] = value
    shown = {"intercept_hidden_": "hidden_bias", "_activation": "activation"}.get(name, name)
    with pytest.raises(ValueError, match=DAMAGED.format(shown)):
        autoencoder.partial_fit(X)


@pytest.mark.parametrize("stages", [3, None, [], [1, 2, 3], [{}, {}, {}]])
def test_edited_stages(X, stack, stages):
    stack._stages = stages
    for read in (stack.partial_fit, lambda X: stack.loss_curve_, lambda X: stack.n_iter_):
        with pytest.raises(ValueError, match=DAMAGED.format("")):
            read(X)


@pytest.mark.parametrize("weights", [np.zeros((2, 2)), 3, "a", np.zeros(3, dtype="f4,i4")])
def test_views_of_damaged_weights(autoencoder, stack, weights):
    autoencoder._encoder_weights = weights
    stack._layers[0]["encoder"] = weights
    for estimator, names in (
        (autoencoder, ["components_", "decoder_components_"]),
        (stack, ["components_", "coefs_", "intercepts_", "decoder_coefs_", "decoder_intercepts_"]),
    ):
        for name in names:
            with pytest.raises(ValueError, match=DAMAGED.format("")):
                getattr(estimator, name)


@pytest.mark.parametrize("n_jobs", ["all", 1.5, [1], 0])
def test_number_of_threads_set_after_fit(X, autoencoder, n_jobs):
    autoencoder.n_jobs = n_jobs
    for rows in (X, np.zeros((200_000, 4))):
        with pytest.raises(ValueError, match="n_jobs must be None, a positive or a negative"):
            autoencoder.transform(rows)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_target_scale", np.zeros(1)),
        ("_target_mean", np.array([np.nan])),
        ("_target_mean", np.array(["a"])),
    ],
)
def test_edited_scale_of_targets(X, name, value):
    regressor = StackedDenoisingRegressor((3,), max_iter=1, fine_tune_max_iter=1, tol=None)
    regressor.fit(X, X[:, 0])
    setattr(regressor, name, value)
    with pytest.raises(ValueError, match=DAMAGED.format(name)):
        regressor.predict(X)


def test_edited_classes(X):
    classifier = StackedDenoisingClassifier((3,), max_iter=1, fine_tune_max_iter=1, tol=None)
    classifier.fit(X, np.arange(20) % 2)
    classifier.classes_ = np.array([None, "a"], dtype=object)
    with pytest.raises(ValueError, match=DAMAGED.format("classes_")):
        classifier.partial_fit(X, np.arange(20) % 2)


def test_any_edit(bench_module):
    """The same at random; `python -m bench.fuzz_states` goes on for as long as wanted."""
    pytest.importorskip("pandas")
    outcomes, faults = bench_module("fuzz_states").run(140, seed=5)
    assert not faults, "\n".join(faults)
    assert outcomes["answer"] > 100 and outcomes["ValueError"] > 100
