"""What nobody sets: epochs by the number of samples, the penalty, no complaints on toy data."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn import datasets
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae._training.settings import FINE_TUNING, automatic_epochs

SUPERVISED = [StackedDenoisingClassifier, StackedDenoisingRegressor]


@pytest.fixture
def X():
    return np.random.default_rng(0).random((200, 5))


# ------------------------------------------------------------------ epochs


@pytest.mark.parametrize(
    ("n_rows", "epochs"), [(1, 200), (100, 200), (1797, 56), (10_000, 24), (60_000, 10), (10**7, 5)]
)
def test_more_rows_take_fewer_epochs(n_rows, epochs):
    assert automatic_epochs(n_rows, 64) == epochs
    assert automatic_epochs(n_rows, 64, 0) == epochs


@pytest.mark.parametrize("stage", [1, 2, FINE_TUNING])
def test_codes_and_all_layers_together_take_twice_as_many(stage):
    assert automatic_epochs(60_000, 64, stage) == 20
    assert automatic_epochs(100, 64, stage) == 200


def test_updates_grow_with_the_rows():
    updates = [automatic_epochs(n, 64) * -(-n // 64) for n in (10**3, 10**4, 10**5, 10**6)]
    assert updates == sorted(updates)


def test_automatic_epochs_of_one_layer(X):
    dae = DenoisingAutoencoder(4, batch_size=2, random_state=0).fit(X)
    assert dae.max_iter == "auto"
    assert dae.n_iter_ == len(dae.loss_curve_) == automatic_epochs(200, 2) == 30
    again = DenoisingAutoencoder(4, batch_size=2, max_iter=30, random_state=0).fit(X)
    np.testing.assert_array_equal(dae.components_, again.components_)


def test_rows_that_are_set_aside_do_not_count(X):
    how = {"early_stopping": True, "validation_fraction": 0.5, "batch_size": 2, "random_state": 0}
    assert DenoisingAutoencoder(4, **how).fit(X).n_iter_ == automatic_epochs(100, 2) == 42


@pytest.mark.parametrize(
    "estimator",
    [
        DenoisingAutoencoder(4),
        StackedDenoisingAutoencoder((4, 3)),
        StackedDenoisingAutoencoder((4, 3), fine_tune=True),
        *(cls((4, 3)) for cls in SUPERVISED),
    ],
)
def test_training_goes_on_with_what_nobody_sets(X, estimator):
    y = np.arange(200) % 3
    fitted = clone(estimator).set_params(warm_start=True).fit(X, y)
    epochs = fitted.n_iter_
    assert fitted.fit(X, y).n_iter_ == 2 * epochs
    assert fitted.partial_fit(X, y).n_iter_ > 2 * epochs
    classes = {"classes": range(3)} if is_classifier(estimator) else {}
    assert clone(estimator).partial_fit(X, y, **classes).n_iter_ in (1, 2)  # one of each layer


def test_automatic_epochs_of_each_layer(X):
    stack = StackedDenoisingAutoencoder(
        (4, 3, 2), max_iter=["auto", 7, "auto"], fine_tune=True, batch_size=2, random_state=0
    ).fit(X)
    assert [len(curve) for curve in stack.loss_curves_] == [30, 7, 60]
    assert len(stack.loss_curve_) == 60


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (DenoisingAutoencoder(max_iter="many"), "max_iter"),
        (StackedDenoisingAutoencoder(max_iter="many"), "max_iter"),
        (StackedDenoisingAutoencoder((4, 3), max_iter=["auto", "many"]), "max_iter"),
        (StackedDenoisingAutoencoder(fine_tune_max_iter="many"), "fine_tune_max_iter"),
        (StackedDenoisingRegressor(alpha="many"), "alpha"),
        (DenoisingAutoencoder(alpha="auto"), "alpha"),
    ],
)
def test_other_words_are_refused(X, estimator, name):
    with pytest.raises(ValueError, match=name):
        estimator.fit(X, X[:, 0])


def test_automatic_epochs_go_through_a_pickle(X):
    dae = DenoisingAutoencoder(4, batch_size=2, warm_start=True, random_state=0).fit(X)
    again = pickle.loads(pickle.dumps(dae))
    np.testing.assert_array_equal(dae.fit(X).components_, again.fit(X).components_)
    assert again.n_iter_ == 60


@pytest.mark.parametrize("chunk", [50, 200])
def test_dask_counts_the_rows(X, chunk):
    """Of partitions whose lengths are not known."""
    da = pytest.importorskip("dask.array")
    distributed_rows = da.from_array(X, chunks=(chunk, -1))
    unknown = distributed_rows[distributed_rows[:, 0] > -1]
    from dae.dask import DaskDenoisingAutoencoder

    model = DaskDenoisingAutoencoder(4, batch_size=50, random_state=0).fit(unknown)
    assert model.n_iter_ == automatic_epochs(200, 50) == 150


def test_known_lengths_are_not_computed(X, monkeypatch):
    """Counting would load every partition once more."""
    da = pytest.importorskip("dask.array")
    import dae.dask

    monkeypatch.setattr(dae.dask, "count_rows", lambda partitions: pytest.fail("counted"))
    rows = da.from_array(X, chunks=(50, -1))
    model = dae.dask.DaskDenoisingAutoencoder(4, batch_size=50, random_state=0).fit(rows)
    assert model.n_iter_ == automatic_epochs(200, 50)


# ------------------------------------------------------------------ the fine-tuning of predictors


@pytest.mark.parametrize(("kind", "corruption"), [*zip(SUPERVISED, ["masking", None], strict=True)])
def test_classifiers_are_shown_masked_inputs(kind, corruption, X):
    y = (X[:, 0] > 0.5).astype(int)
    how = {"max_iter": 2, "fine_tune_max_iter": 3, "random_state": 0}
    untuned = kind((4, 3), **how).fit(X, y)
    told = kind((4, 3), fine_tune_corruption=corruption, fine_tune_corruption_level=0.1, **how).fit(
        X, y
    )
    other = kind((4, 3), fine_tune_corruption="gaussian", **how).fit(X, y)
    np.testing.assert_array_equal(untuned.coefs_[0], told.coefs_[0])
    assert not np.array_equal(untuned.coefs_[0], other.coefs_[0])


@pytest.mark.parametrize("kind", SUPERVISED)
def test_the_automatic_penalty_is_shared_out_to_the_samples(kind, X):
    y = (X[:, 0] > 0.5).astype(int)
    how = {"max_iter": 2, "fine_tune_max_iter": 3, "random_state": 0}
    automatic = kind((4, 3), **how).fit(X, y)
    by_hand = kind((4, 3), alpha=3 / len(X), **how).fit(X, y)
    none = kind((4, 3), alpha=0.0, **how).fit(X, y)
    for a, b, c in zip(automatic.coefs_, by_hand.coefs_, none.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_no_automatic_penalty_in_a_stream(X):
    automatic, none = (
        StackedDenoisingRegressor((4, 3), alpha=alpha, random_state=0).partial_fit(X, X[:, 0])
        for alpha in ("auto", 0.0)
    )
    for a, b in zip(automatic.coefs_, none.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------ what it comes to

TOYS = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}


@pytest.mark.parametrize("name", TOYS)
def test_nothing_is_said_about_toy_data(name):
    X, y = TOYS[name](return_X_y=True)
    X = StandardScaler().fit_transform(X)
    predictor = SUPERVISED[name == "diabetes"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for estimator in (DenoisingAutoencoder, StackedDenoisingAutoencoder, predictor):
            estimator(random_state=0).fit(X, y)


def test_untuned_regression_is_near_ridge():
    """Of `load_diabetes`, where ridge regression explains 48 % and the defaults once did 15 %."""
    X, y = datasets.load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), StackedDenoisingRegressor(random_state=0))
    assert cross_val_score(model, X, y).mean() > 0.3


def test_an_upper_layer_is_worth_something():
    """Codes of the second layer tell digits apart nearly as well as those of the first do."""
    X, y = datasets.load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
    stack = StackedDenoisingAutoencoder((200, 200), random_state=0).fit(X)
    errors = []
    for layer in (0, 1):
        stack.set_params(output_layers=layer)
        linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        linear.fit(stack.transform(X), y)
        errors.append(1 - linear.score(stack.transform(X_test), y_test))
    assert errors[1] < errors[0] + 0.02 < 0.06
