"""The parameter `matmul_precision` of every estimator, in training and in use."""

import pickle

import numpy as np
import pytest
from networks import data

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
    _core,
    show_versions,
)
from dae.image import ImageDenoiser

FASTER = _core.accelerated_precisions()
COMMON = {"batch_size": 64, "random_state": 0, "learning_rate": "constant"}
ESTIMATORS = {
    "autoencoder": DenoisingAutoencoder(40, max_iter=2, **COMMON),
    "stack": StackedDenoisingAutoencoder(
        (40, 20), max_iter=1, fine_tune=True, fine_tune_max_iter=1, **COMMON
    ),
    "classifier": StackedDenoisingClassifier(
        (40, 20), max_iter=1, fine_tune_max_iter=1, **COMMON
    ),
    "regressor": StackedDenoisingRegressor((40, 20), max_iter=1, fine_tune_max_iter=1, **COMMON),
}  # fmt: skip
N_ROWS = _core.tuning.MANY_ROWS
X = data(N_ROWS, 30, np.float32)
y = (X[:, 0] > 0.5).astype(int)


def fitted(name, precision, X=X):
    estimator = ESTIMATORS[name]
    estimator = type(estimator)(**estimator.get_params() | {"matmul_precision": precision})
    return estimator.fit(X, y)


def use(estimator):
    """Every real number that a fitted estimator makes of X."""
    names = ("transform", "reconstruct", "score_samples", "decision_function", "predict_proba")
    if not hasattr(estimator, "classes_"):
        names += ("predict",)
    return [getattr(estimator, name)(X) for name in names if hasattr(estimator, name)]


def differ(found, expected):
    return [not np.array_equal(a, b) for a, b in zip(found, expected, strict=True)]


@pytest.mark.parametrize("precision", ["high", "medium"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_training_and_use_follow_the_parameter(name, precision):
    exact, lower = fitted(name, "highest"), fitted(name, precision)
    assert (lower.loss_curve_ != exact.loss_curve_) == (precision in FASTER)
    before = use(lower)
    lower.set_params(matmul_precision="highest")
    after = use(lower)
    assert differ(after, before) == [precision in FASTER] * len(after)
    for a, b in zip(after, before, strict=True):  # four products of two factors at most
        assert abs(a - b).mean() <= 8 * 2**-8 * abs(a).mean()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_it_is_stored_with_the_model(name):
    lower = fitted(name, "medium")
    again = pickle.loads(pickle.dumps(lower))
    assert again.matmul_precision == "medium"
    assert not any(differ(use(again), use(lower)))


def test_partial_fit_continues():
    """A fit of two epochs is a fit of one and a pass."""
    whole = DenoisingAutoencoder(40, max_iter=2, matmul_precision="medium", **COMMON).fit(X)
    parts = DenoisingAutoencoder(40, max_iter=1, matmul_precision="medium", **COMMON).fit(X)
    parts.partial_fit(X)
    assert whole.loss_curve_ == parts.loss_curve_
    assert not any(differ(use(parts), use(whole)))


@pytest.mark.parametrize("precision", ["high", "medium"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_float64_is_refused(name, precision):
    message = rf"matmul_precision='{precision}' needs float32.*float64.*matmul_precision='highest'"
    with pytest.raises(ValueError, match=message):
        fitted(name, precision, X.astype(np.float64))
    exact = fitted(name, "highest", X.astype(np.float64))
    exact.set_params(matmul_precision=precision)
    for function in (use, lambda exact: exact.partial_fit(X, y)):
        with pytest.raises(ValueError, match=message):
            function(exact)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("wrong", ["low", "bfloat16", None, 1, ["medium"]])
def test_other_values_are_refused(name, wrong):
    with pytest.raises(ValueError, match="matmul_precision"):
        fitted(name, wrong)
    exact = fitted(name, "highest").set_params(matmul_precision=wrong)
    with pytest.raises(ValueError, match="matmul_precision must be one of"):
        use(exact)


def test_pictures():
    """The denoiser hands it to its network, to train and to clean."""
    images = [np.random.default_rng(0).random((96, 96)).astype(np.float32)]
    denoisers = {
        precision: ImageDenoiser(
            patch_size=7, n_patches=2048, random_state=0, matmul_precision=precision
        ).fit(images)
        for precision in ("highest", "medium")
    }
    medium = denoisers["medium"]
    assert medium.autoencoder_.matmul_precision == "medium"
    assert (medium.loss_curve_ != denoisers["highest"].loss_curve_) == ("medium" in FASTER)
    (cleaned,) = medium.transform(images)
    (exact,) = medium.set_params(matmul_precision="highest").transform(images)
    assert np.array_equal(cleaned, exact) == ("medium" not in FASTER)
    np.testing.assert_allclose(cleaned, exact, atol=0.02)


def test_show_versions_tells_which_are_faster(capsys, monkeypatch):
    show_versions()
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("matmul_precision"))
    assert line[25:].strip() == (", ".join(FASTER) or "none: each computes as 'highest'")
    monkeypatch.setattr(_core, "accelerated_precisions", lambda: ["high", "medium"])
    show_versions()
    assert "high, medium" in capsys.readouterr().out
