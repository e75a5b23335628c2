"""In the company it is made for: pipelines, searches, data frames, routing, progress bars."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:600], y[:600]


def make(**parameters):
    defaults = {"n_components": 32, "max_iter": 5, "tol": None, "random_state": 0}
    return DenoisingAutoencoder(**(defaults | parameters))


def test_classifier_pipeline(digits):
    X, y = digits
    pipeline = make_pipeline(MinMaxScaler(), make(), LogisticRegression(max_iter=500))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.8
    names = pipeline.fit(X, y)[:-1].get_feature_names_out()
    assert names[0] == "denoisingautoencoder0"
    assert len(names) == 32


def test_grid_search_in_two_processes(digits):
    X, y = digits
    pipeline = Pipeline(
        [("scale", MinMaxScaler()), ("dae", make()), ("fit", LogisticRegression(max_iter=500))]
    )
    grid = {"dae__n_components": [1, 32], "dae__corruption": ["masking", "swap"]}
    search = GridSearchCV(pipeline, grid, n_jobs=2, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_["dae__n_components"] == 32
    alone = GridSearchCV(pipeline, grid, n_jobs=1, cv=2, error_score="raise").fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )


def test_grid_search_by_its_own_score(digits):
    """Without labels the score is minus the reconstruction loss: more units do better."""
    X = digits[0] / 16
    search = GridSearchCV(make(), {"n_components": [2, 64]}, cv=2, error_score="raise").fit(X)
    assert search.best_params_ == {"n_components": 64}
    assert (search.cv_results_["mean_test_score"] < 0).all()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(digits, library):
    frames = pytest.importorskip(library)
    X = digits[0][:20]
    dae = make(n_components=3).fit(X).set_output(transform=library)
    H = dae.transform(X)
    assert isinstance(H, frames.DataFrame)
    assert list(H.columns) == [f"denoisingautoencoder{i}" for i in range(3)]
    plain = dae.set_output(transform="default").transform(X)
    np.testing.assert_array_equal(H.to_numpy(), plain)
    assert isinstance(dae.set_output(transform=library).reconstruct(X), np.ndarray)


def test_metadata_routing(digits):
    X, y = digits
    X = X / 16
    weight = (np.arange(len(X)) % 3 == 0).astype(float)
    noisy = np.where(np.random.default_rng(0).random(X.shape) < 0.5, 0, X)
    alone = make().fit(X, sample_weight=weight, X_corrupted=noisy)
    with sklearn.config_context(enable_metadata_routing=True):
        dae = make().set_fit_request(sample_weight=True, X_corrupted=True)
        classifier = LogisticRegression(max_iter=500).set_fit_request(sample_weight=False)
        pipeline = make_pipeline(dae, classifier)
        pipeline.fit(X, y, sample_weight=weight, X_corrupted=noisy)
    np.testing.assert_array_equal(pipeline[0].components_, alone.components_)


def test_partial_fit_takes_metadata_requests():
    with sklearn.config_context(enable_metadata_routing=True):
        dae = make().set_partial_fit_request(sample_weight=True, X_corrupted=False)
    requests = dae.get_metadata_routing().partial_fit.requests
    assert requests == {"sample_weight": True, "X_corrupted": False}


def test_progress_bar_in_a_pipeline(digits, capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    X, y = digits
    pipeline = make_pipeline(MinMaxScaler(), make(), LogisticRegression(max_iter=500))
    pipeline.set_callbacks(callback.ProgressBar())
    with pytest.warns(UserWarning, match="MinMaxScaler does not support callbacks"):
        pipeline.fit(X, y)
    out = capsys.readouterr().out
    assert "DenoisingAutoencoder" in out
    assert not hasattr(pipeline[1], "_skl_callbacks")
    assert pipeline[1].n_iter_ == 5


def test_progress_bar_alone(digits, capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    make().set_callbacks(callback.ProgressBar()).fit(digits[0])
    out = capsys.readouterr().out
    assert "DenoisingAutoencoder - fit" in out
    assert "100%" in out


def test_configuration_that_skips_validation(digits):
    """Unchecked parameters must not reach compiled code."""
    X = digits[0]
    with sklearn.config_context(skip_parameter_validation=True):
        for name, value in {"batch_size": -5, "n_components": -1, "n_jobs": 0}.items():
            with pytest.raises(ValueError, match=name):
                make(**{name: value}).fit(X)


def test_configuration_that_assumes_finite_data(digits):
    """Infinities go in and NaN comes out; nothing else happens. NaN are missing entries as ever."""
    X = digits[0] / 16
    dae = make().fit(X)
    X = X.copy()
    X[5, 5] = np.nan
    expected = dae.transform(X)
    with sklearn.config_context(assume_finite=True):
        np.testing.assert_array_equal(dae.transform(X), expected)
    X[5, 5:7] = np.inf, -np.inf
    with sklearn.config_context(assume_finite=True):
        H = dae.transform(X)
        with pytest.raises(ValueError, match="diverged"):
            make().fit(X)
    rows = np.isnan(H).any(axis=1)
    assert rows.sum() <= 1 and not rows[np.arange(len(X)) != 5].any()


# ------------------------------------------------------------------ weights of samples in scores


@pytest.mark.parametrize("cls", [DenoisingAutoencoder, StackedDenoisingAutoencoder])
def test_score_with_weights(cls):
    X = np.random.default_rng(0).random((40, 5))
    estimator = cls(4, max_iter=2, tol=None, random_state=0).fit(X)
    weight = np.arange(40.0)
    expected = np.average(estimator.score_samples(X), weights=weight)
    np.testing.assert_allclose(estimator.score(X, sample_weight=weight), expected)
    assert estimator.score(X, sample_weight=np.ones(40)) == pytest.approx(estimator.score(X))
    assert np.isfinite(estimator.score(X, sample_weight=weight * 1e306))
    for bad in (-weight, weight[1:], weight * 0, "balanced"):
        with pytest.raises(ValueError, match="sample_weight"):
            estimator.score(X, sample_weight=bad)


@pytest.mark.parametrize("cls", [DenoisingAutoencoder, StackedDenoisingAutoencoder])
def test_weights_are_routed_to_fit_and_score(cls):
    """As for every estimator of scikit-learn whose methods take them."""
    X = np.random.default_rng(0).random((40, 5))
    weight = np.repeat([0.0, 1.0], 20)
    estimator = cls(4, max_iter=2, tol=None, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=True, X_corrupted=True)
        estimator.set_partial_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        result = cross_validate(
            estimator, X, params={"sample_weight": weight}, cv=[(np.arange(40), np.arange(40))],
            return_estimator=True,
        )  # fmt: skip
        direct = clone(estimator).fit(X, sample_weight=weight)
        assert result["test_score"][0] == direct.score(X, sample_weight=weight)
        pipe = make_pipeline(estimator).fit(X, sample_weight=weight)
        assert pipe.score(X, sample_weight=weight) == direct.score(X, sample_weight=weight)
