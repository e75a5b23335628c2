"""`output_blocks`: columns of a table with a loss each, in the estimators."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder, StackedDenoisingClassifier
from dae._model.corruption import KINDS

CORRUPTIONS = [kind for kind in KINDS if kind != "none"] + [None]
BLOCKS = [("squared_error", 3), ("multinomial", 5, 0.7), ("log_loss", 1), ("poisson", 2)]
CATEGORY = slice(3, 8)


@pytest.fixture
def X():
    """Three numbers, a category that they tell of, a bit and two counts."""
    rng = np.random.default_rng(0)
    level = rng.integers(0, 5, 300)
    return np.c_[
        rng.normal(size=(300, 3)) + level[:, None] * [1, -1, 0.5],
        np.eye(5)[level],
        level > 2,
        rng.poisson(1 + level[:, None], (300, 2)),
    ].astype(float)


def make(cls=DenoisingAutoencoder, **parameters):
    defaults = {"max_iter": 4, "tol": None, "batch_size": 16, "random_state": 0}
    if cls is StackedDenoisingAutoencoder:
        defaults |= {"hidden_layer_sizes": (8, 4), "fine_tune": True, "fine_tune_max_iter": 3}
    else:
        defaults |= {"n_components": 8}
    return cls(**({"output_blocks": BLOCKS} | defaults | parameters))


def losses_by_hand(X, Z):
    """Of each row, from reconstructions."""
    with np.errstate(divide="ignore", invalid="ignore"):
        poisson = (
            Z[:, 9:] - X[:, 9:] - np.where(X[:, 9:] > 0, X[:, 9:] * np.log(Z[:, 9:] / X[:, 9:]), 0)
        )
    return (
        ((X[:, :3] - Z[:, :3]) ** 2).sum(axis=1)
        - 0.7 * np.log((Z * X)[:, CATEGORY].sum(axis=1))
        - np.log(np.where(X[:, 8] == 1, Z[:, 8], 1 - Z[:, 8]))
        + poisson.sum(axis=1)
    )


# ------------------------------------------------------------------ results


@pytest.mark.parametrize("cls", [DenoisingAutoencoder, StackedDenoisingAutoencoder])
def test_outputs_are_those_of_their_blocks(X, cls):
    dae = make(cls).fit(X)
    Z = dae.reconstruct(X)
    np.testing.assert_allclose(Z[:, CATEGORY].sum(axis=1), 1)
    assert (Z[:, 3:] > 0).all() and (Z[:, 3:9] < 1).all()
    assert (Z[:, :3] < 0).any()
    np.testing.assert_allclose(dae.inverse_transform(dae.transform(X)), Z, rtol=1e-12)
    np.testing.assert_allclose(dae.score_samples(X), -losses_by_hand(X, Z), rtol=1e-9)
    assert dae.score(X) == pytest.approx(dae.score_samples(X).mean())


def test_loss_curve_is_the_weighted_sum(X):
    """With a learning rate of almost nothing it is the loss of the initial network."""
    dae = make(corruption=None, learning_rate_init=1e-12, max_iter=1).fit(X)
    assert dae.loss_curve_[0] == pytest.approx(losses_by_hand(X, dae.reconstruct(X)).mean())


@pytest.mark.parametrize("cls", [DenoisingAutoencoder, StackedDenoisingAutoencoder])
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_trains_with_missing_entries(X, corruption, cls):
    X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    X[7] = np.nan
    dae = make(cls, corruption=corruption, emphasis=(1, 0.5), early_stopping=True).fit(X)
    assert np.isfinite(dae.loss_curve_).all() and np.isfinite(dae.validation_loss_curve_).all()
    for result in (dae.transform(X), dae.reconstruct(X), dae.corrupt(X)):
        assert np.isfinite(result).all()
    scores = dae.score_samples(X)
    assert np.isfinite(scores).all() and scores[7] == 0
    dae.set_params(early_stopping=False).partial_fit(X)


def test_it_learns(X):
    """Far better than marginals: the category from the numbers, and they from it."""
    dae = make(max_iter=100, learning_rate_init=0.01, corruption="swap").fit(X)
    shown = X.copy()
    shown[:, CATEGORY] = np.nan
    Z = dae.reconstruct(shown)
    assert (Z[:, CATEGORY].argmax(axis=1) == X[:, CATEGORY].argmax(axis=1)).mean() > 0.6
    assert dae.loss_curve_[-1] < 0.6 * dae.loss_curve_[0]


def test_weights_balance(X):
    """A block that counts more is reconstructed better."""
    errors = []
    for weight in (0.01, 100.0):
        blocks = [("squared_error", 3), ("multinomial", 5, weight), *BLOCKS[2:]]
        dae = make(n_components=2, max_iter=60, output_blocks=blocks).fit(X)
        Z = dae.reconstruct(X)
        errors.append(-np.log((Z * X)[:, CATEGORY].sum(axis=1)).mean())
    assert errors[1] < 0.7 * errors[0]


def test_scores_of_incomplete_samples(X):
    """A category counts as one feature, each block by its weight; it is missing as a whole."""
    dae = make().fit(X)
    X[0, 4] = np.nan  # the category
    X[1, [0, 9]] = np.nan  # a number and a count
    filled = X.copy()
    filled[0, CATEGORY] = 0
    filled = np.nan_to_num(filled)
    Z = dae.reconstruct(X)
    np.testing.assert_array_equal(Z, dae.reconstruct(filled))
    scores = dae.score_samples(X)
    total = 3 + 0.7 + 1 + 2
    whole = X[:2].copy()
    whole[0, CATEGORY] = np.eye(5)[0]
    whole = np.where(np.isnan(whole), Z[:2], whole)  # of the others the loss is 0 there
    without = losses_by_hand(whole, Z[:2])
    without[0] += 0.7 * np.log(Z[0, 3])
    expected = without * total / np.array([total - 0.7, total - 2])
    np.testing.assert_allclose(scores[:2], -expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_and_dtypes(X, dtype, always_threads):
    wide = np.tile(X, (1, 10)).astype(dtype)
    fits = [make(output_blocks=BLOCKS * 10, n_jobs=n).fit(wide) for n in (1, 2, 3)]
    assert fits[0].components_.dtype == dtype
    for other in fits[1:]:
        assert other.loss_curve_ == fits[0].loss_curve_
        np.testing.assert_array_equal(other.components_, fits[0].components_)
        np.testing.assert_array_equal(other.score_samples(wide), fits[0].score_samples(wide))


def test_swap_keeps_categories_whole(X):
    dae = make(corruption="swap", corruption_level=0.5).fit(X)
    shown = dae.corrupt(X)[:, CATEGORY]
    assert (shown.sum(axis=1) == 1).all() and (shown.max(axis=1) == 1).all()
    assert 0.2 < (shown != X[:, CATEGORY]).any(axis=1).mean() < 0.6


def test_sparse_rows(X):
    """The bits of dense rows."""
    dense = make(corruption="masking").fit(X)
    csr = make(corruption="masking").fit(sparse.csr_array(X))
    np.testing.assert_array_equal(csr.components_, dense.components_)
    np.testing.assert_array_equal(csr.score_samples(sparse.csr_array(X)), dense.score_samples(X))
    with pytest.raises(ValueError, match=r"reconstruction_sampling=1.0 .* got output_blocks"):
        make(reconstruction_sampling=1.0).fit(sparse.csr_array(X))


# ------------------------------------------------------------------ the life of an estimator


@pytest.mark.parametrize("cls", [DenoisingAutoencoder, StackedDenoisingAutoencoder])
def test_continues_after_pickling(X, cls):
    dae = make(cls).fit(X)
    twin = pickle.loads(pickle.dumps(dae))
    for each in (dae, twin):
        each.partial_fit(X)
    np.testing.assert_array_equal(twin.components_, dae.components_)
    np.testing.assert_array_equal(twin.reconstruct(X), dae.reconstruct(X))
    warm = make(cls, warm_start=True).fit(X).fit(X)
    assert np.isfinite(warm.loss_curve_).all()


@pytest.mark.parametrize("cls", [DenoisingAutoencoder, StackedDenoisingAutoencoder])
def test_continuing_with_other_blocks(X, cls):
    dae = make(cls).fit(X)
    for other in (None, [("squared_error", 11)], [*BLOCKS[:3], ("poisson", 2, 2.0)]):
        with pytest.raises(ValueError, match=r"which has output_blocks=\[\('squared_error', 3, 1"):
            dae.set_params(output_blocks=other).partial_fit(X)
    same = [("squared_error", np.int64(3)), ("multinomial", 5, np.float32(0.7)), *BLOCKS[2:]]
    same[1] = ("multinomial", 5, 0.7)
    dae.set_params(output_blocks=tuple(same)).partial_fit(X)


def test_clone_and_search(X):
    dae = make()
    assert clone(dae).output_blocks == BLOCKS
    search = GridSearchCV(make(), {"output_blocks": [BLOCKS, [("squared_error", 11)]]}, cv=2)
    assert np.isfinite(search.fit(X).cv_results_["mean_test_score"]).all()
    make_pipeline(make(), LogisticRegression()).fit(X, X[:, 8])


def test_pretrains_a_classifier(X):
    stack = make(StackedDenoisingAutoencoder).fit(X)
    classifier = StackedDenoisingClassifier(
        (8, 4), pretrained=stack, fine_tune_max_iter=3, tol=None, fine_tune_corruption="swap"
    ).fit(X, X[:, 8])
    assert classifier.partial_fit(X, X[:, 8]).predict_proba(X).shape == (300, 2)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "must be None or a list of"),
        ("poisson", "output_blocks"),
        (3, "output_blocks"),
        ([("squared_error", 11), "log_loss"], r"output_blocks\[1\] must be \(loss, n_columns\)"),
        ([("squared_error",)], r"output_blocks\[0\] must be \(loss, n_columns\)"),
        ([("squared_error", 1, 1, 1)], r"output_blocks\[0\] must be"),
        ([("log_loss", 3), ("hinge", 8)], r"output_blocks\[1\] must have one of the losses"),
        ([("softmax_log_loss", 11)], r"output_blocks\[0\] must have one of the losses"),
        ([(None, 11)], "must have one of the losses"),
        ([("squared_error", 0)], r"an integer of 1 or more, got 0"),
        ([("squared_error", 2.0)], r"an integer of 1 or more, got 2\.0"),
        ([("squared_error", True)], r"an integer of 1 or more, got True"),
        ([("squared_error", 11, 0)], "a finite weight above 0, got 0"),
        ([("squared_error", 11, np.inf)], "a finite weight above 0, got inf"),
        ([("squared_error", 11, 10**400)], "a finite weight above 0, got 1000"),
        ([("squared_error", 11, "a")], "a finite weight above 0, got 'a'"),
        ([("squared_error", 3), ("poisson", 2)], "cover all of X, 11 features, got blocks of 5"),
        ([("squared_error", 12)], "cover all of X, 11 features, got blocks of 12"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("cls", [DenoisingAutoencoder, StackedDenoisingAutoencoder])
def test_bad_blocks(X, cls, method, blocks, message):
    with pytest.raises(ValueError, match=message):
        getattr(make(cls, output_blocks=blocks), method)(X)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (5, -1, r"output_blocks\[1\] \('multinomial', columns 3 to 7\) requires X in \[0, inf\)"),
        (8, 2, r"output_blocks\[2\] \('log_loss', columns 8 to 8\) requires X in \[0, 1\]"),
        (10, -0.5, r"output_blocks\[3\] \('poisson', columns 9 to 10\) requires X in \[0, inf\)"),
    ],
)
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_values_out_of_range(X, form, gaps, column, value, message):
    dae = make().fit(X)
    X[4, column] = value
    if gaps and form is np.asarray:
        X[::2] = np.where(np.arange(11) == column, X[::2], np.nan)
    for method in ("fit", "partial_fit", "score_samples"):
        with pytest.raises(ValueError, match=message):
            getattr(dae, method)(form(X))
    assert dae.transform(X).shape == (300, 8)


@pytest.mark.parametrize("changed", [{"loss": "poisson"}, {"decoder_activation": "logistic"}])
def test_other_losses_beside_blocks(X, changed):
    with pytest.raises(ValueError, match="leave loss and decoder_activation at their defaults"):
        make(**changed).fit(X)


def test_divergence_is_seen(X):
    with pytest.raises(ValueError, match="Training diverged"):
        make(solver="sgd", learning_rate_init=1e3, max_iter=20).fit(X)


@pytest.mark.parametrize(
    "value",
    [None, "poisson", [("squared_error", 11)], [("squared_error", 3)], [1], BLOCKS[::-1] * 2,
     [("squared_error", 2**70)], [("hinge", 11)]],
)  # fmt: skip
def test_damaged_blocks(X, value):
    """Never a crash; blocks that fit are blocks."""
    dae, stack = make().fit(X), make(StackedDenoisingAutoencoder).fit(X)
    dae._output_blocks = value
    stack._layers[0]["blocks"] = value
    for estimator in (dae, stack):
        if value == [("squared_error", 11)]:
            assert estimator.reconstruct(X).shape == X.shape
            continue
        for method in ("transform", "reconstruct", "score_samples", "partial_fit", "corrupt"):
            with pytest.raises(ValueError, match="damaged"):
                getattr(estimator, method)(X)
