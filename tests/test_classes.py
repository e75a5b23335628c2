"""Weights of classes and multilabel targets of `StackedDenoisingClassifier`."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import minmax_scale
from sklearn.utils.class_weight import compute_sample_weight

from dae import StackedDenoisingClassifier


def make(**parameters):
    defaults = {
        "hidden_layer_sizes": (16,), "max_iter": 2, "fine_tune_max_iter": 10, "tol": None,
        "batch_size": 32, "random_state": 0, "learning_rate": "constant", "alpha": 0.0,
        "fine_tune_corruption": None, "fine_tune_learning_rate_init": 0.001,
    }  # fmt: skip
    return StackedDenoisingClassifier(**(defaults | parameters))


@pytest.fixture(scope="module")
def rare():
    """Overlapping classes, of which one is rare."""
    rng = np.random.default_rng(0)
    y = (rng.random(600) < 0.06).astype(int)
    return rng.normal(size=(600, 4)) + y[:, None], y


@pytest.fixture(scope="module")
def labelled():
    X, Y = make_multilabel_classification(400, 12, n_classes=5, random_state=0)
    return minmax_scale(X), Y


# ------------------------------------------------------------------ weights of classes


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.5, 1: 3}, {1: 2.0}])
@pytest.mark.parametrize("weighted", [True, False])
def test_class_weight_is_a_sample_weight(rare, class_weight, weighted):
    X, y = rare
    weight = np.arange(len(y)) % 3 + 1.0 if weighted else None
    classifier = make(class_weight=class_weight).fit(X, y, sample_weight=weight)
    if class_weight == "balanced":
        counts = np.bincount(y, weights=weight)
        by_hand = (counts.sum() / counts)[y]
    else:
        by_hand = compute_sample_weight(class_weight, y)
    by_hand = by_hand * (1 if weight is None else weight)
    same = make().fit(X, y, sample_weight=by_hand)
    np.testing.assert_allclose(classifier.coefs_[0], same.coefs_[0], rtol=1e-6, atol=1e-9)
    plain = make().fit(X, y, sample_weight=weight)
    assert not np.allclose(classifier.coefs_[0], plain.coefs_[0])


def test_balanced_finds_rare_classes(rare):
    X, y = rare
    plain, balanced = (
        make(class_weight=w, fine_tune_max_iter=40).fit(X, y).predict(X) for w in (None, "balanced")
    )
    gain = balanced_accuracy_score(y, balanced) - balanced_accuracy_score(y, plain)
    assert gain > 0.1


def test_samples_of_weight_zero_do_not_count_in_balanced(rare):
    X, y = rare
    weight = np.ones(len(y))
    weight[200:] = 0
    zero = make(class_weight="balanced").fit(X, y, sample_weight=weight)
    assert zero.score(X, y) > 0
    of_class = np.bincount(y[:200])
    manual = np.where(weight > 0, 200 / of_class[y], 0)
    same = make().fit(X, y, sample_weight=manual)
    np.testing.assert_allclose(zero.coefs_[0], same.coefs_[0], rtol=1e-6, atol=1e-9)


def test_names_of_classes_and_searches(rare):
    X, y = rare
    names = np.array(["often", "rarely"])[y]
    classifier = make(class_weight={"rarely": 10.0}).fit(X, names)
    assert set(classifier.predict(X)) == {"often", "rarely"}
    search = GridSearchCV(
        make(fine_tune_max_iter=2), {"class_weight": [None, "balanced", {1: 4}]}, cv=2
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 3


def test_class_weight_in_partial_fit(rare):
    X, y = rare
    with pytest.raises(ValueError, match="class_weight='balanced' is not supported by partial_fit"):
        make(class_weight="balanced").partial_fit(X, y, classes=[0, 1])
    weights = {0: 1.0, 1: 4.0}
    one = make(class_weight=weights).partial_fit(X, y, classes=[0, 1])
    two = make().partial_fit(X, y, classes=[0, 1], sample_weight=np.where(y, 4.0, 1.0))
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("equal", "'class_weight' parameter"),
        ({0: -1.0}, "class_weight must have finite weights of 0 or more, got -1.0 for class 0"),
        ({0: "a"}, "class_weight must have finite weights"),
        ({0: np.nan}, "class_weight must have finite weights"),
        ({2: 1.0, 3: 1.0}, "not in class_weight|class"),
    ],
)
def test_bad_class_weights(rare, class_weight, message):
    with pytest.raises(ValueError, match=message):
        make(class_weight=class_weight).fit(*rare)


# ------------------------------------------------------------------ several labels


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_labels_are_learned(labelled):
    X, Y = labelled
    X_train, X_test, Y_train, Y_test = train_test_split(X, Y, random_state=0)
    classifier = make(hidden_layer_sizes=(32,), fine_tune_max_iter=150, corruption_level=0.1).fit(
        X_train, Y_train
    )
    peer = MLPClassifier((32,), max_iter=600, random_state=0, learning_rate_init=0.005)
    score, theirs = (
        classifier.score(X_test, Y_test),
        peer.fit(X_train, Y_train).score(X_test, Y_test),
    )
    assert score > theirs - 0.08 and score > 0.3
    predicted = classifier.predict(X_test)
    assert predicted.shape == Y_test.shape and predicted.dtype.kind == "i"
    assert score == accuracy_score(Y_test, predicted)
    probabilities = classifier.predict_proba(X_test)
    assert probabilities.shape == Y_test.shape
    np.testing.assert_array_equal(predicted, probabilities > 0.5)
    np.testing.assert_allclose(np.log(probabilities), classifier.predict_log_proba(X_test), 1e-6)
    np.testing.assert_array_equal(classifier.classes_, np.arange(5))
    assert classifier.n_outputs_ == 5


def test_the_loss_is_the_cross_entropy_of_each_label(labelled):
    """What is reported before the first update, of a network whose outputs are known."""
    X, Y = labelled
    how = {"batch_size": len(X), "fine_tune_max_iter": 1, "max_iter": 0, "solver": "sgd"}
    start = make(**how, fine_tune_learning_rate_init=1e-12).fit(X, Y)
    p = start.predict_proba(X)
    expected = -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).sum(axis=1).mean()
    np.testing.assert_allclose(start.loss_curve_[0], expected, rtol=1e-7)


@pytest.mark.parametrize("as_type", [np.ndarray.tolist, sparse.csr_array, sparse.csr_matrix, bool])
def test_forms_of_labels(labelled, as_type):
    X, Y = labelled
    given = Y.astype(bool) if as_type is bool else as_type(Y)
    plain, other = make().fit(X, Y), make().fit(X, given)
    np.testing.assert_array_equal(plain.coefs_[0], other.coefs_[0])


def test_early_stopping_by_subset_accuracy(labelled):
    X, Y = labelled
    classifier = make(early_stopping=True, fine_tune_max_iter=5).fit(X, Y)
    n = round(0.1 * len(X))
    scores = np.array(classifier.validation_scores_) * n
    np.testing.assert_allclose(scores, np.round(scores), atol=1e-9)
    assert ((scores >= 0) & (scores <= n)).all()


def test_labels_in_partial_fit_and_warm_start(labelled):
    X, Y = labelled
    classifier = make()
    for _ in range(30):
        classifier.partial_fit(X, Y)
    assert classifier.score(X, Y) > 0.25
    np.testing.assert_array_equal(
        make().partial_fit(X, Y, classes=np.arange(5)).coefs_[0], make().partial_fit(X, Y).coefs_[0]
    )
    warm = make(warm_start=True).fit(X, Y)
    assert warm.fit(X, Y).n_iter_ == 20
    with pytest.raises(ValueError, match="y must have 5 labels, as in the first call, got 4"):
        classifier.partial_fit(X, Y[:, :4])
    with pytest.raises(ValueError, match="y must be of the kind of the first call, multilabel"):
        classifier.partial_fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="classes of multilabel y must be"):
        make().partial_fit(X, Y, classes=[1, 2])
    with pytest.raises(ValueError, match="class_weight must be None for multilabel y"):
        make(class_weight="balanced").fit(X, Y)


@pytest.mark.parametrize("change", [lambda Y: Y + 1, lambda Y: Y * 0.5, lambda Y: Y.astype(str)])
def test_other_matrices_are_no_labels(labelled, change):
    X, Y = labelled
    with pytest.raises(ValueError, match=r"1d array|multioutput|nknown label type|y"):
        make().fit(X, change(Y))


def test_results_do_not_depend_on_threads(labelled, always_threads):
    X, Y = labelled
    one, three = (make(n_jobs=n, tied_weights=True).fit(X, Y) for n in (1, 3))
    np.testing.assert_array_equal(one.coefs_[-1], three.coefs_[-1])


def test_digits_as_labels():
    """Ten labels of which one is on are the classes, learned about as well."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    one_hot = np.eye(10, dtype=int)[y]
    classifier = make(hidden_layer_sizes=(64,), fine_tune_max_iter=60).fit(X[:1000], one_hot[:1000])
    assert classifier.score(X[1000:], one_hot[1000:]) > 0.8


# ------------------------------------------------------------------ what is no class


NO_CLASSES = [
    ([None, "a"], "has missing values"),
    ([np.nan, "a"], "has missing values"),
    ([b"a", b"b"], "must be numbers or str, got an array of dtype .S1"),
    (["a", 1], "must be numbers or str, got both"),
]


@pytest.mark.parametrize(("pair", "message"), NO_CLASSES, ids=lambda value: str(value)[:12])
def test_what_is_no_class_is_said_by_name(pair, message):
    bad = np.array(pair * 10, dtype=None if isinstance(pair[0], bytes) else object)
    X = np.random.default_rng(0).random((20, 3))
    with pytest.raises(ValueError, match=f"y {message}"):
        make().fit(X, bad)
    with pytest.raises(ValueError, match=f"classes {message}"):
        make().partial_fit(X, np.arange(20) % 2, classes=bad[:2])
    with pytest.raises(ValueError, match=f"y {message}"):
        make(max_iter=0, fine_tune_max_iter=1).fit(X, np.arange(20) % 2).score(X, bad)


def test_missing_text_of_pandas_is_no_class():
    pandas = pytest.importorskip("pandas")
    y = pandas.Series(["a", None, "b", "a"] * 5, dtype="string")
    with pytest.raises(ValueError, match="y has missing values"):
        make().fit(np.random.default_rng(0).random((20, 3)), y)
