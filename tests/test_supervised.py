"""What `StackedDenoisingClassifier` and `StackedDenoisingRegressor` mean."""

import doctest
import fractions
import io
import pickle

import joblib
import numpy as np
import pytest
from estimators import Interrupt, state_of
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
    _core,
    classifier,
    regressor,
)
from dae._data.streams import split
from dae._estimator.version_stamp import STAMP, VersionMismatchWarning

BOTH = [StackedDenoisingClassifier, StackedDenoisingRegressor]


def make(kind=StackedDenoisingClassifier, hidden_layer_sizes=(6, 5), **parameters):
    """An estimator for small data: few epochs, all of them run."""
    defaults = {
        "max_iter": 2, "fine_tune_max_iter": 3, "tol": None, "batch_size": 16, "random_state": 0,
        "fine_tune_learning_rate_init": 0.01, "learning_rate": "constant", "alpha": 0.0,
        "fine_tune_corruption": None,
    }  # fmt: skip
    return kind(hidden_layer_sizes, **(defaults | parameters))


def autoencoder(hidden_layer_sizes=(6, 5), **parameters):
    defaults = {
        "max_iter": 3, "tol": None, "learning_rate": "constant", "batch_size": 16,
        "random_state": 1,
    }  # fmt: skip
    return StackedDenoisingAutoencoder(hidden_layer_sizes, **(defaults | parameters))


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture
def X(iris):
    return iris[0].copy()


@pytest.fixture
def y(iris):
    return iris[1].copy()


def assert_same(a, b):
    for one, other in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_array_equal(one, other)


# ------------------------------------------------------------------ what is fitted


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attributes(X, y, kind, dtype):
    model = make(kind).fit(X.astype(dtype), y)
    n_outputs = 3 if kind is StackedDenoisingClassifier else 1
    assert [w.shape for w in model.coefs_] == [(4, 6), (6, 5), (5, n_outputs)]
    assert [b.shape for b in model.intercepts_] == [(6,), (5,), (n_outputs,)]
    assert {w.dtype for w in model.coefs_} == {np.dtype(dtype)}
    np.testing.assert_array_equal(model.components_, model.coefs_[0].T)
    assert model.n_outputs_ == n_outputs
    assert [len(curve) for curve in model.pretraining_loss_curves_] == [2, 2]
    assert len(model.loss_curve_) == model.n_iter_ == 3
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert model.n_features_in_ == 4


@pytest.mark.parametrize("kind", BOTH)
def test_nothing_before_fit(X, kind):
    for name in ("coefs_", "loss_curve_", "n_iter_", "validation_scores_", "n_outputs_"):
        assert not hasattr(make(kind), name)
    with pytest.raises(NotFittedError):
        make(kind).predict(X)


@pytest.mark.parametrize("module", [classifier, regressor])
def test_the_examples_in_the_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed


@pytest.mark.parametrize("kind", BOTH)
def test_pretraining_is_that_of_the_autoencoder(X, y, kind):
    model = make(kind, max_iter=3, fine_tune_learning_rate_init=1e-300, solver="sgd").fit(X, y)
    alone = autoencoder(random_state=0, solver="sgd").fit(X)
    for a, b in zip(model.coefs_, alone.coefs_, strict=False):
        np.testing.assert_array_equal(a, b)
    assert model.pretraining_loss_curves_ == alone.loss_curves_
    n_inputs, n_outputs = model.coefs_[-1].shape
    bound = np.sqrt(6 / (n_inputs + n_outputs))  # Glorot & Bengio (2010)
    assert 0.5 * bound < np.abs(model.coefs_[-1]).max() <= bound


# ------------------------------------------------------------------ prediction


def test_probabilities(X, y):
    model = make().fit(X, y)
    H = X
    for weights, bias in list(zip(model.coefs_, model.intercepts_, strict=True))[:-1]:
        H = np.maximum(H @ weights + bias, 0)
    outputs = np.exp(H @ model.coefs_[-1] + model.intercepts_[-1])
    expected = outputs / outputs.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(expected), rtol=1e-9)
    np.testing.assert_array_equal(model.predict(X), expected.argmax(axis=1))


def test_it_learns(X, y):
    model = make(fine_tune_max_iter=40, batch_size=8).fit(X, y)
    assert model.score(X, y) > 0.95
    target = np.c_[X[:, 0] * 1e5, X[:, 1] - 1e4]  # scales that would take plain outputs for ever
    model = make(StackedDenoisingRegressor, fine_tune_max_iter=60, batch_size=8).fit(X, target)
    assert model.predict(X).shape == (150, 2)
    assert model.score(X, target) > 0.9


def test_classes_of_any_kind(X, y):
    names = np.array(["setosa", "versicolor", "virginica"])
    plain = make().fit(X, y)
    for labels in (names[y], list(names[y]), y - 7, y.astype(float), names[y].astype(object)):
        model = make().fit(X, labels)
        assert_same(model, plain)
        np.testing.assert_array_equal(model.classes_, np.unique(labels))
        np.testing.assert_array_equal(model.predict(X), np.unique(labels)[plain.predict(X)])
        assert model.score(X, labels) == plain.score(X, y)


def test_one_class_is_always_predicted(X):
    model = make().fit(X, ["a"] * len(X))
    assert set(model.predict(X)) == {"a"}
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((150, 1)))


def test_a_constant_target(X):
    model = make(StackedDenoisingRegressor, fine_tune_max_iter=300).fit(X, np.full(150, 7.0))
    np.testing.assert_allclose(model.predict(X), 7.0, atol=0.1)


@pytest.mark.parametrize("given", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("fitted", [np.float32, np.float64])
@pytest.mark.parametrize("kind", BOTH)
def test_dtypes(X, y, kind, fitted, given):
    model = make(kind).fit(X.astype(fitted), y)
    outputs = model._outputs(X.astype(given))
    assert outputs.dtype == (given if given is not np.int64 else fitted)


def test_a_column_of_targets_is_flattened(X, y):
    for kind in BOTH:
        with pytest.warns(DataConversionWarning):
            model = make(kind).fit(X, y[:, None])
        assert_same(model, make(kind).fit(X, y))
        assert model.predict(X).shape == (150,)


# ------------------------------------------------------------------ starting from what is known


@pytest.mark.parametrize("kind", BOTH)
def test_pretrained_layers_are_copied(X, y, kind):
    sdae = autoencoder().fit(X)
    before = state_of(sdae)
    model = make(kind, pretrained=sdae, fine_tune_learning_rate_init=1e-300, solver="sgd")
    model.fit(X[:20], y[:20])
    for a, b in zip(model.coefs_, sdae.coefs_, strict=False):
        np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(a, b)
    assert model.pretraining_loss_curves_ == []
    make(kind, pretrained=sdae).fit(X, y).partial_fit(X, y)
    np.testing.assert_equal(state_of(sdae), before)


def test_pretrained_of_one_layer_frozen_or_float32(X, y):
    single = DenoisingAutoencoder(6, max_iter=2, tol=None, random_state=0).fit(X)
    make(hidden_layer_sizes=6, pretrained=single).fit(X, y)
    sdae = autoencoder().fit(X)
    frozen = make(pretrained=FrozenEstimator(sdae)).fit(X, y)
    assert_same(frozen, make(pretrained=sdae).fit(X, y))
    sdae = autoencoder().fit(X.astype(np.float32))
    assert make(pretrained=sdae).fit(X, y).coefs_[-1].dtype == np.float32


def test_clones_keep_the_pretrained_layers(X, y):
    sdae = autoencoder().fit(X)
    model = make(pretrained=sdae)
    assert clone(model).pretrained is sdae
    pipeline = make_pipeline(StandardScaler(), model)
    assert np.isfinite(cross_val_score(pipeline, X, y, cv=3, error_score="raise")).all()
    grid = {"fine_tune_max_iter": [1, 2]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert search.best_estimator_.pretrained is not None


@pytest.mark.parametrize(
    ("pretrained", "message"),
    [
        (lambda X: autoencoder((6, 4)).fit(X), r"must be those of pretrained, \(6, 4\) and"),
        (lambda X: autoencoder((6,)).fit(X), r"must be those of pretrained, \(6,\) and"),
        (
            lambda X: autoencoder(activation="tanh").fit(X),
            r"pretrained, .*'tanh', 'tanh'\]",
        ),
        (lambda X: autoencoder().fit(X[:, :3]), "X has 4 features, but pretrained .* on 3"),
        (lambda X: autoencoder(), "pretrained must be fitted, got a Stacked"),
        (lambda X: StandardScaler().fit(X), "pretrained must be a fitted Stacked.*StandardSc"),
        (lambda X: "layers", "pretrained must be a fitted Stacked.* got str"),
    ],
)
def test_bad_pretrained(X, y, pretrained, message):
    for method in ("fit", "partial_fit"):
        model = make(StackedDenoisingRegressor, pretrained=pretrained(X))
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(X, y)
        assert not hasattr(model, "n_features_in_")


def test_pretrained_on_other_columns(X, y):
    pandas = pytest.importorskip("pandas")
    sdae = autoencoder().fit(pandas.DataFrame(X, columns=list("abcd")))
    with pytest.raises(ValueError, match="feature names of X must be those that pretrained"):
        make(pretrained=sdae).fit(pandas.DataFrame(X, columns=list("abdc")), y)
    model = make(pretrained=sdae).fit(pandas.DataFrame(X, columns=list("abcd")), y)
    assert list(model.feature_names_in_) == list("abcd")


# ------------------------------------------------------------------ early stopping


def test_classes_are_split_evenly():
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    rows = np.arange(100)
    training, validation = split(rows, 0.2, 3, classes)
    np.testing.assert_array_equal(np.sort(np.r_[training, validation]), rows)
    np.testing.assert_array_equal(np.bincount(classes[validation]), [12, 6, 2])
    assert not np.array_equal(validation, split(rows, 0.2, 4, classes)[1])
    rows = np.array([3, 50, 70, 99])  # those that weigh anything
    training, validation = split(rows, 0.25, 0, classes)
    assert set(training) | set(validation) == set(rows) and len(validation) == 1


@pytest.mark.parametrize("kind", BOTH)
def test_the_best_score_stays_what_was_measured(X, y, kind):
    model = make(kind, early_stopping=True, fine_tune_max_iter=8, validation_fraction=0.3)
    model.fit(X, y)
    best = model.best_validation_score_
    model.set_params(early_stopping=False)
    for _ in range(30):
        model.partial_fit(X, y)
    assert model.best_validation_score_ == best == max(model.validation_scores_)


def test_targets_that_float32_cannot_tell_apart(X, y):
    """The network sees standardised ones."""
    target = 1.7e9 + 10 * X[:, 0]
    model = make(StackedDenoisingRegressor, fine_tune_max_iter=200, learning_rate="cosine")
    model.fit(X.astype(np.float32), target)
    assert model.predict(X.astype(np.float32)).dtype == np.float64
    assert model.score(X.astype(np.float32), target) > 0.8


def test_targets_without_a_variance(X):
    with pytest.raises(ValueError, match=r"y must be of a size whose variance float64 holds"):
        make(StackedDenoisingRegressor).fit(X, np.where(X[:, 0] > 0, 1e200, -1e200))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y: y.astype(int).astype("M8[s]"), r"y must be numbers, got datetime64\[s\]"),
        (lambda y: y.astype(int).astype(str), "y must be numbers, got text, <U"),
        (lambda y: [10**400] * len(y), "y must be numbers, got numbers too large for float64"),
        (lambda y: [1j] * len(y), "Complex data not supported: y must be real"),
        (lambda y: np.array([np.timedelta64(1, "s")] * len(y), object), "got object, with timed"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_targets_that_are_no_numbers(X, y, method, spoil, message):
    with pytest.raises(ValueError, match=message):
        getattr(make(StackedDenoisingRegressor), method)(X, spoil(y))


def test_a_frame_of_targets_with_dates(X, y):
    pandas = pytest.importorskip("pandas")
    days = pandas.DataFrame({"n": y, "day": pandas.Timestamp("2020-01-01")})
    with pytest.raises(ValueError, match="y must be numbers, got datetime64"):
        make(StackedDenoisingRegressor).fit(X, days)


def test_sparse_labels_that_contradict_themselves(X):
    labels = (X > 0).astype(int)
    masked, lists = sparse.csr_array(labels), sparse.lil_array(labels)
    masked.data = np.ma.masked_array(masked.data, np.arange(len(masked.data)) < 9)
    lists.data[3] = [1, 1, 1, 1, 1]
    for bad, message in (
        (masked, r"y\.data is a masked array with 9"),
        (lists, "y must have one column index for each value"),
    ):
        for method in (make().fit, make().partial_fit):
            with pytest.raises(ValueError, match=message):
                method(X, bad)


@pytest.mark.parametrize("kind", BOTH)
def test_score_checks_what_it_compares(X, y, kind):
    model = make(kind).fit(X, y)
    weight = np.linspace(0, 1, len(y))
    expected = {StackedDenoisingClassifier: accuracy_score, StackedDenoisingRegressor: r2_score}
    assert model.score(X, y, weight) == expected[kind](y, model.predict(X), sample_weight=weight)
    masked = np.ma.masked_array(y, y == 1)
    for bad, message in (
        (-weight, "sample_weight must not be negative"),
        (weight.astype(str), "sample_weight must be numbers, got text"),
        (np.ma.masked_array(weight, y == 1), "sample_weight is a masked array"),
        (weight[1:], "sample_weight must have one value for each of the 150 rows"),
    ):
        with pytest.raises(ValueError, match=message):
            model.score(X, y, sample_weight=bad)
    with pytest.raises(ValueError, match="y is a masked array with 50 masked values"):
        model.score(X, masked)


@pytest.mark.parametrize("dates", ["datetime64[s]", "timedelta64[s]"])
def test_score_of_dates(X, y, dates):
    model = make(StackedDenoisingRegressor).fit(X, y)
    with pytest.raises(ValueError, match=r"y must be numbers, got \w+64\[s\]"):
        model.score(X, y.astype(dates))


def test_targets_that_no_float_holds(X, y):
    pandas = pytest.importorskip("pandas")
    periods = pandas.Series(pandas.period_range("2020", periods=len(y), freq="D"))
    for bad, what in ((periods, "Period"), ([{1}] * len(y), "set")):
        with pytest.raises(ValueError, match=f"y must be numbers, got {what}"):
            make(StackedDenoisingRegressor).fit(X, bad)


@pytest.mark.parametrize("weight", [10**400, fractions.Fraction(10**400)], ids=["int", "Fraction"])
def test_weights_of_classes_that_float64_does_not_hold(X, y, weight):
    weights = dict.fromkeys(np.unique(y), weight)
    with pytest.raises(ValueError, match="class_weight must have finite weights of 0 or more"):
        make(StackedDenoisingClassifier, class_weight=weights).fit(X, y)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_judges_by_the_score(X, y, kind, weighted):
    weight = np.random.default_rng(0).random(150) + 0.1 if weighted else None
    model = make(kind, early_stopping=True, fine_tune_max_iter=8, validation_fraction=0.3)
    model.fit(X, y, sample_weight=weight)
    assert len(model.validation_scores_) == 8
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None
    classes = y if kind is StackedDenoisingClassifier else None
    _, rows = split(np.arange(150), 0.3, model._stages[0]["_seed"], classes)
    score = accuracy_score if kind is StackedDenoisingClassifier else r2_score
    weight = None if weight is None else weight[rows]
    expected = score(y[rows], model.predict(X[rows]), sample_weight=weight)
    assert model.best_validation_score_ == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", BOTH)
def test_the_best_epoch_is_kept(X, y, kind):
    parameters = {"early_stopping": True, "fine_tune_learning_rate_init": 0.1}
    model = make(kind, fine_tune_max_iter=15, **parameters).fit(X, y)
    best = int(np.argmax(model.validation_scores_)) + 1
    assert best < 15, "the case shows nothing when the last epoch is the best"
    assert_same(model, make(kind, fine_tune_max_iter=best, **parameters).fit(X, y))


def test_r2_of_one_row(X, y):
    make(StackedDenoisingRegressor, early_stopping=True).fit(X[:8], y[:8] + X[:8, 0])


# ------------------------------------------------------------------ going on


@pytest.mark.parametrize("kind", BOTH)
def test_fit_is_as_many_partial_fits(X, y, kind):
    whole = make(kind, max_iter=0, fine_tune_max_iter=4).fit(X, y)
    parts = make(kind)
    for number in range(4):
        first = {"classes": [0, 1, 2]} if number == 0 and kind is BOTH[0] else {}
        assert parts.partial_fit(X, y, **first) is parts
        parts = pickle.loads(pickle.dumps(parts))
    assert_same(whole, parts)
    assert whole.loss_curve_ == parts.loss_curve_
    assert parts.n_iter_ == 4


@pytest.mark.parametrize("kind", BOTH)
def test_warm_start_goes_on(X, y, kind):
    whole = make(kind, fine_tune_max_iter=6).fit(X, y)
    model = make(kind, fine_tune_max_iter=3, warm_start=True).fit(X, y)
    curves = model.pretraining_loss_curves_
    assert_same(model.fit(X, y), whole)
    assert model.pretraining_loss_curves_ == curves
    assert model.loss_curve_ == whole.loss_curve_
    with pytest.raises(ValueError, match=r"warm_start=True .*hidden_layer_sizes=\(6, 5\); got"):
        model.set_params(hidden_layer_sizes=(6, 4)).fit(X, y)


@pytest.mark.usefixtures("always_threads")
@pytest.mark.parametrize("kind", BOTH)
def test_same_bits_on_any_number_of_threads(kind):
    random = np.random.default_rng(0)
    X, y = random.random((200, 60)).astype(np.float32), random.integers(0, 9, 200)
    one, two = (make(kind, (70, 40), n_jobs=n).fit(X, y) for n in (1, 2))
    assert_same(one, two)
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_noise_in_fine_tuning(X, y):
    plain = make().fit(X, y)
    noisy = make(fine_tune_corruption="swap").fit(X, y)
    assert plain.pretraining_loss_curves_ == noisy.pretraining_loss_curves_
    assert not np.array_equal(plain.coefs_[-1], noisy.coefs_[-1])
    assert_same(
        make(fine_tune_corruption="masking", fine_tune_corruption_level=0.0).fit(X, y), plain
    )
    assert_same(make(fine_tune_corruption=lambda batch, rng: batch).fit(X, y), plain)


def test_what_is_wrong_with_the_corruption_of_fine_tuning_is_said_of_it(X, y):
    """Not of that of pretraining, which may be right."""
    for level in (3, [0.1, 0.2, 0.3], [["much"]]):
        with pytest.raises(ValueError, match="^fine_tune_corruption_level must be"):
            make(fine_tune_corruption="masking", fine_tune_corruption_level=level).fit(X, y)
    with pytest.raises(ValueError, match="^fine_tune_corruption=.* must return shape"):
        make(fine_tune_corruption=lambda batch, rng: batch[:, :2]).fit(X, y)


@pytest.mark.parametrize("kind", BOTH)
def test_rows_of_weight_zero_are_left_out(X, y, kind):
    weight = np.ones(150)
    weight[::3] = 0
    dirty, labels = X.copy(), y.astype(float)
    dirty[::3] = 1e3
    if kind is StackedDenoisingRegressor:
        labels[::3] = 1e6
    model = make(kind).fit(dirty, labels, sample_weight=weight)
    clean = make(kind).fit(X, y, sample_weight=weight)
    assert_same(model, clean)
    assert_same(make(kind).fit(X, y, sample_weight=np.ones(150)), make(kind).fit(X, y))


def test_weights_count(X, y):
    weight = np.where(y == 2, 50.0, 1.0)
    plain = make(fine_tune_max_iter=8).fit(X, y)
    heavy = make(fine_tune_max_iter=8).fit(X, y, sample_weight=weight)
    assert (heavy.predict(X) == 2).sum() > (plain.predict(X) == 2).sum()


# ------------------------------------------------------------------ bad labels and parameters


def test_partial_fit_must_know_the_classes(X, y):
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        make().partial_fit(X, y)
    with pytest.raises(ValueError, match=r"no other classes than \[0 1\], got \[2\]"):
        make().partial_fit(X, y, classes=[0, 1])
    model = make().partial_fit(X[:10], y[:10], classes=[2, 0, 1])
    model.partial_fit(X, y).partial_fit(X, y, classes=[0, 1, 2])
    before = state_of(model)
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"got \[3\]"):
        model.partial_fit(X, y + 1)
    np.testing.assert_equal(state_of(model), before)


def test_warm_start_needs_the_same_classes(X, y):
    model = make(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"with the classes \[0 1 2\], got y with \[0 1\]"):
        model.fit(X[:100], y[:100])


def test_another_number_of_outputs(X, y):
    model = make(StackedDenoisingRegressor).fit(X, np.c_[y, y])
    with pytest.raises(ValueError, match="y must have 2 outputs, as in the first call, got 1"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: np.where(y == 0, np.nan, y), "y contains NaN"),
        (lambda y: None, "requires y to be passed"),
        (lambda y: y + 1j, "Complex data not supported"),
        (lambda y: np.zeros((150, 2, 2)), "y must be a 1d array|dim 3|Found array with dim"),
    ],
)
def test_bad_labels(X, y, kind, spoil, message):
    model = make(kind)
    with pytest.raises(ValueError, match=message):
        model.fit(X, spoil(y))
    assert not hasattr(model, "coefs_")


def test_labels_of_the_wrong_kind(X, y):
    with pytest.raises(ValueError, match="Unknown label type"):
        make().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="could not convert string to float|y must be numbers"):
        make(StackedDenoisingRegressor).fit(X, np.array(["a", "b", "c"])[y])
    with pytest.raises(ValueError, match="1d array"):
        make().fit(X, np.c_[y, y])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fine_tune_max_iter", 0),
        ("fine_tune_learning_rate_init", -1.0),
        ("fine_tune_corruption", "salt"),
        ("fine_tune_corruption_level", "much"),
        ("hidden_layer_sizes", 0),
        ("learning_rate", "invscaling"),
        ("warm_start", 1),
    ],
)
def test_bad_parameters(X, y, name, value):
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
        make(**{name: value}).fit(X, y)


def test_wrong_lengths(X, y):
    with pytest.raises(ValueError, match="activation must be one value, or one for each of the 2"):
        make(activation=["relu"]).fit(X, y)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_early_stopping_is_not_for_partial_fit(X, y, method):
    model = make(StackedDenoisingRegressor, early_stopping=True, validation_fraction=0.99)
    message = "leaves none of" if method == "fit" else r"partial_fit.*early_stopping=True"
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X[:50], y[:50])


# ------------------------------------------------------------------ ends before the end


def test_interrupted_fine_tuning_keeps_complete_epochs(X, y):
    # an epoch has 10 batches
    model = make(fine_tune_corruption=Interrupt(25), fine_tune_max_iter=5)
    with pytest.warns(UserWarning, match="in fine-tuning after 2 complete epochs of fine_tune_max"):
        model.fit(X, y)
    whole = make(fine_tune_corruption=Interrupt(-1), fine_tune_max_iter=2).fit(X, y)
    assert_same(model, whole)


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize(
    "parameters",
    [
        {"corruption": Interrupt(5)},
        {"corruption": Interrupt(25)},
        {"fine_tune_corruption": Interrupt(5)},
    ],
)
def test_interrupted_before_there_is_anything_to_predict(X, y, parameters, warm_start):
    if warm_start and "corruption" in parameters:
        pytest.skip("there is no pretraining to interrupt")
    parameters = {name: Interrupt(value.left) for name, value in parameters.items()}
    model = make().fit(X, y)
    model.set_params(**parameters, warm_start=warm_start)
    before = state_of(model)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    np.testing.assert_equal(state_of(model), before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interrupted_partial_fit_is_as_before(X, y, error):
    model = make().fit(X, y)
    model.fine_tune_corruption = Interrupt(3, error)
    before = state_of(model)
    with pytest.raises(error):
        model.partial_fit(X, y)
    np.testing.assert_equal(state_of(model), before)


@pytest.mark.parametrize("kind", BOTH)
def test_divergence_is_named(X, y, kind):
    model = make(kind, activation="identity", fine_tune_learning_rate_init=1e6)
    message = r"diverged at fine-tuning, epoch 1.* lower fine_tune_learning_rate_init\."
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")
    with pytest.raises(
        ValueError, match=r"diverged at layer 0, epoch 1.* lower learning_rate_init"
    ):
        make(kind, activation="identity", learning_rate_init=1e6).fit(X, y)


def test_convergence_warning(X, y):
    with pytest.warns(ConvergenceWarning, match="of fine-tuning reached fine_tune_max_iter=3"):
        make(tol=1e-9, max_iter=0).fit(X, y)
    make(tol=1e-9, max_iter=0, learning_rate="cosine").fit(X, y)  # any warning is an error here


# ------------------------------------------------------------------ saved, copied, damaged


@pytest.mark.parametrize("kind", BOTH)
def test_copies_are_equal(X, y, kind):
    model = make(kind, pretrained=autoencoder().fit(X)).fit(X, y)
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    for twin in (pickle.loads(pickle.dumps(model)), joblib.load(buffer)):
        assert_same(model, twin)
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        assert STAMP not in twin.__dict__
    state = model.__getstate__() | {STAMP: "0.0.1"}
    with pytest.warns(VersionMismatchWarning):
        kind.__new__(kind).__setstate__(state)


@pytest.mark.parametrize("kind", BOTH)
def test_skops(X, y, kind):
    io = pytest.importorskip("skops.io")
    model = make(kind).fit(X, y)
    data = io.dumps(model)
    trusted = io.get_untrusted_types(data=data)
    assert trusted == [f"{kind.__module__}.{kind.__name__}"]
    np.testing.assert_array_equal(io.loads(data, trusted=trusted).predict(X), model.predict(X))


DAMAGES = {
    "weights": lambda state: state["_layers"][1].update(encoder=np.zeros((3, 3))),
    "a decoder": lambda state: state["_layers"][0].update(visible_bias=np.zeros(4)),
    "outputs gone": lambda state: state["_layers"].pop(),
    "output activation": lambda state: state["_layers"][-1].update(activation="relu"),
    "features": lambda state: state.update(n_features_in_=5),
    "classes": lambda state: state.update(classes_=np.arange(2), _target_mean=np.zeros(2)),
    "classes gone": lambda state: state.update(classes_=None, _target_scale=None),
}


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("case", [*DAMAGES, "stages"])
def test_damaged_states_raise(X, y, kind, case):
    state = pickle.loads(pickle.dumps(make(kind).fit(X, y).__getstate__()))
    (DAMAGES | {"stages": lambda state: state.update(_stages=[])})[case](state)
    broken = kind.__new__(kind)
    broken.__setstate__(state)
    X = np.ones((len(y), broken.n_features_in_))
    if case in DAMAGES:
        with pytest.raises(ValueError, match="damaged"):
            broken.predict(X)
    with pytest.raises(ValueError, match="damaged"):
        broken.partial_fit(X, y)


@pytest.mark.parametrize("kind", BOTH)
def test_prediction_writes_nothing(X, y, kind):
    model = make(kind).fit(X, y)
    before = state_of(model)
    model.predict(X)
    model.score(X, y)
    np.testing.assert_equal(state_of(model), before)


def test_the_core_is_asked_for_the_right_loss(X, y, monkeypatch):
    seen = []
    train = _core.train

    def spy(network, *args, target=None, **kwargs):
        seen.append((network.loss, None if target is None else target.dtype))
        return train(network, *args, target=target, **kwargs)

    monkeypatch.setattr(_core, "train", spy)
    make(max_iter=1, fine_tune_max_iter=1).fit(X, y)
    make(StackedDenoisingRegressor, max_iter=0, fine_tune_max_iter=1).fit(X, y)
    assert [loss for loss, _ in seen] == [
        "squared_error", "squared_error", "softmax_log_loss", "squared_error",
    ]  # fmt: skip
    assert [dtype for _, dtype in seen] == [None, None, np.intp, np.float64]


@pytest.mark.parametrize("cls", [StackedDenoisingClassifier, StackedDenoisingRegressor])
@pytest.mark.parametrize(
    ("name", "value"), [("hidden_layer_sizes", (6, 7)), ("activation", "tanh")]
)
def test_partial_fit_says_what_it_cannot_change(cls, name, value):
    X, y = np.random.default_rng(0).random((20, 5)), np.arange(20) % 2
    first = {"classes": [0, 1]} if cls is StackedDenoisingClassifier else {}
    estimator = cls((6, 5), random_state=0).partial_fit(X, y, **first)
    estimator.set_params(**{name: value})
    with pytest.raises(ValueError, match=rf"partial_fit continues .*; got {name}=.*set_params\("):
        estimator.partial_fit(X, y)


@pytest.mark.parametrize("cls", [StackedDenoisingClassifier, StackedDenoisingRegressor])
def test_unknown_parameters_name_the_class(cls):
    with pytest.raises(TypeError, match=rf"{cls.__name__}.__init__\(\) got an unexpected .*'foo'"):
        cls(foo=1)


def test_pretrained_in_a_search():
    """The search clones what is in its grid; FrozenEstimator keeps the fit."""
    X, y = np.random.default_rng(0).random((40, 5)), np.arange(40) % 2
    fitted = StackedDenoisingAutoencoder((4,), max_iter=1, tol=None).fit(X)
    classifier = StackedDenoisingClassifier((4,), max_iter=1, fine_tune_max_iter=1, tol=None)
    search = GridSearchCV(classifier, {"pretrained": [None, fitted]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match=r"A search clones .*sklearn\.frozen\.FrozenEstimator"):
        search.fit(X, y)
    search.param_grid = {"pretrained": [None, FrozenEstimator(fitted)]}
    search.fit(X, y)


@pytest.mark.parametrize("size", [1e-170, 1e-300, 1e-10, 1.0, 1e100])
def test_size_of_targets_does_not_matter(size):
    """Their variance may underflow: 1e-170 squared is 0."""
    X, y = np.random.default_rng(0).random((60, 5)), np.arange(60.0) % 7
    how = {"max_iter": 1, "fine_tune_max_iter": 5, "tol": None, "random_state": 0}
    one, other = (StackedDenoisingRegressor((6,), **how).fit(X, y * s) for s in (1.0, size))
    np.testing.assert_allclose(other.predict(X) / size, one.predict(X), rtol=1e-6)


@pytest.mark.parametrize("kind", BOTH)
def test_layers_pretrained_with_a_loss_over_all_features(X, y, kind):
    """That the outputs could not have it is no damage."""
    X = np.abs(X)
    estimator = make(kind, loss="multinomial").fit(X, y)
    assert estimator.partial_fit(X, y).predict(X).shape == y.shape
    pretrained = autoencoder(loss="multinomial").fit(X)
    assert make(kind, pretrained=pretrained).fit(X, y).predict(X).shape == y.shape
