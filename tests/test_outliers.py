"""`DenoisingOutlierDetector`: what it finds, its contract, and what it refuses."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from estimators import assert_unchanged, state_of
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from dae import (
    DenoisingAutoencoder,
    DenoisingOutlierDetector,
    StackedDenoisingAutoencoder,
)


def make(**parameters):
    defaults = {"hidden_layer_sizes": (16,), "max_iter": 10, "random_state": 0}
    return DenoisingOutlierDetector(**(defaults | parameters))


def table(n=400, seed=0, *, broken=0):
    """Pairs of columns that belong together, in units of their own; `broken` rows do not fit."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    second = hidden + 0.1 * rng.normal(size=hidden.shape)
    second[:broken] = rng.permuted(second, axis=0)[:broken]
    return np.hstack([1e6 + 1e4 * hidden, 1e-3 * second])


@pytest.fixture
def X():
    return table()


@pytest.fixture
def detector(X):
    return make().fit(X)


# ------------------------------------------------------------------ what it finds


def test_rows_whose_entries_do_not_fit_each_other():
    """Each entry of an anomaly is a usual one; units differ by ten orders of magnitude."""
    new, y = table(200, seed=1, broken=50), np.arange(200) < 50
    scores = DenoisingOutlierDetector(random_state=0).fit(table()).score_samples(new)
    assert roc_auc_score(~y, scores) > 0.9
    # what a plain autoencoder of the default size makes of the same rows, scaled by hand
    scale = table().std(axis=0)
    plain = DenoisingAutoencoder(max_iter=20, tol=None, random_state=0).fit(table() / scale)
    assert roc_auc_score(~y, plain.score_samples(new / scale)) < roc_auc_score(~y, scores)


def test_among_the_rows_that_are_learned_from():
    X, y = table(400, broken=20), np.arange(400) < 20
    labels = DenoisingOutlierDetector(contamination=0.05, random_state=0).fit_predict(X)
    assert (labels == -1).sum() == 20
    assert (labels[y] == -1).mean() > 0.7


def with_many_alike(n=400, odd=60):
    """Anomalies that are alike: the pairs are negatives of each other. And which these are."""
    X, y = table(n), np.arange(n) < odd
    X[y, 3:] *= -1
    return X, y


@pytest.mark.parametrize("seed", range(3))
def test_the_oddest_rows_may_be_left_out(seed):
    """So that the network does not learn anomalies that many rows share."""
    X, y = with_many_alike()
    every, most = (
        DenoisingOutlierDetector(support_fraction=share, random_state=seed).fit(X).score_samples(X)
        for share in (1.0, 0.7)
    )
    assert roc_auc_score(~y, most) > roc_auc_score(~y, every) + 0.02


def test_the_rows_that_are_left_out_weigh_nothing_and_count_as_outliers():
    X, y = with_many_alike()
    how = {"hidden_layer_sizes": (64, 64), "max_iter": 100, "support_fraction": 0.7}
    labels = make(contamination=0.15, **how).fit_predict(X)
    assert (labels == -1).sum() == 60
    assert (labels[y] == -1).mean() > 0.8
    found = make(**how).fit(X).predict(X)
    assert (found[y] == -1).mean() > 0.6
    assert (found[~y] == -1).mean() < 0.05


def test_support_fraction_counts_weights(X, monkeypatch):
    shown = []
    fit = StackedDenoisingAutoencoder.fit

    def spy(self, Z, sample_weight=None):
        total = Z.shape[0] if sample_weight is None else np.sum(sample_weight)
        shown.append((Z.shape[0], total, self.fine_tune_max_iter))
        return fit(self, Z, sample_weight=sample_weight)

    monkeypatch.setattr(StackedDenoisingAutoencoder, "fit", spy)
    weight = np.random.default_rng(0).integers(1, 9, len(X)).astype(float)
    for given in (None, weight / weight.mean()):
        make(max_iter=40, support_fraction=0.6).fit(X, sample_weight=given)
    (_, all_rows, first), (_, some_rows, second), (_, all_weight, _), (_, some_weight, _) = shown
    assert (first, second) == (5, 40)
    assert some_rows / all_rows == pytest.approx(0.6, abs=0.03)
    assert some_weight / all_weight == pytest.approx(0.6, abs=0.03)


def test_errors_name_the_feature(X):
    detector = DenoisingOutlierDetector(random_state=0).fit(X)
    odd = np.median(X, axis=0)
    odd[4] += 3e-3  # three standard deviations, in a feature that its partner tells
    errors = detector.errors(odd[None])
    assert errors[0].argmax() in (1, 4)  # the pair
    assert errors[0].max() > 5
    assert (detector.errors(X).mean(axis=0) < 1).all()


@pytest.mark.parametrize("n_features", [1, 2])
def test_few_features(n_features):
    X = np.random.default_rng(0).normal(size=(300, n_features))
    detector = DenoisingOutlierDetector(random_state=0).fit(X)
    far, near = np.full((1, n_features), 6.0), np.zeros((1, n_features))
    assert detector.score_samples(far) < detector.score_samples(near)
    np.testing.assert_array_equal(detector.predict(np.vstack([near, far])), [1, -1])


# ------------------------------------------------------------------ the contract


def test_scores_are_means_of_errors(X, detector):
    errors = detector.errors(X)
    assert errors.shape == X.shape and (errors >= 0).all()
    np.testing.assert_allclose(detector.score_samples(X), -errors.mean(axis=1), rtol=1e-6)
    decision = detector.decision_function(X)
    np.testing.assert_array_equal(decision, detector.score_samples(X) - detector.offset_)
    np.testing.assert_array_equal(detector.predict(X), np.where(decision < 0, -1, 1))


def test_errors_of_one_repeat_by_hand(X):
    """Each group of features masked in turn, reconstructed, and compared with the scaled rows."""
    detector = make(n_repeats=1, corruption_level=0.3).fit(X)
    low, center, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0, method="lower")
    np.testing.assert_array_equal(detector.center_, center)
    np.testing.assert_allclose(detector.scale_, (high - low) / 1.349)
    z = (X - detector.center_) / detector.scale_
    scaled = z / np.sqrt(1 + (z / 4) ** 2)
    expected = np.full_like(X, np.nan)
    groups = detector._groups[0]
    assert sorted(np.bincount(groups)) == [2, 2, 2]
    for group in range(3):
        masked = groups == group
        shown = np.where(masked, 0, scaled).astype(np.float32)
        expected[:, masked] = (detector.autoencoder_.reconstruct(shown) - scaled)[:, masked] ** 2
    usual = detector.usual_errors_
    np.testing.assert_allclose(usual, expected.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(detector.errors(X), expected / (usual + 0.1), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("contamination", [0.05, 0.2, 0.5])
def test_contamination_is_the_share_of_outliers(X, contamination):
    assert (make(contamination=contamination).fit_predict(X) == -1).mean() == contamination


def test_contamination_auto():
    """About the oddest hundredth of new rows; more where the errors have a long tail."""
    new, new_broken = table(4000, seed=7), table(4000, seed=7, broken=400)
    clean, broken = make().fit(table(1000)), make().fit(table(1000, broken=100))
    assert 0.003 <= (clean.predict(new) == -1).mean() < 0.03
    assert (broken.predict(new_broken) == -1).mean() > (clean.predict(new) == -1).mean()


@pytest.mark.parametrize("seed", range(3))
def test_few_rows_to_learn_from_do_not_make_new_rows_outliers(seed):
    """The network knows its 150 rows by heart; the threshold is for rows that it has not seen."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(3, 12))
    X = random.normal(size=(2150, 3)) @ mixing + 0.3 * random.normal(size=(2150, 12))
    detector = make(hidden_layer_sizes=(64, 64), max_iter=100).fit(X[:150])
    assert (detector.predict(X[150:]) == -1).mean() < 0.06


def test_rows_that_are_held_out_are_not_learned_from(X, monkeypatch):
    shown = []
    fit = StackedDenoisingAutoencoder.fit

    def spy(self, Z, *args, **settings):
        shown.append(Z.shape[0])
        return fit(self, Z, *args, **settings)

    monkeypatch.setattr(StackedDenoisingAutoencoder, "fit", spy)
    for n in (99, 100, 400):
        make(max_iter=1).fit(X[:n])
    make(max_iter=1).fit(as_sparse(X), sample_weight=np.arange(400) % 2)
    assert shown == [99, 90, 360, 180]


def test_contamination_may_be_a_fraction(X):
    share = make(contamination=Fraction(1, 10)).fit(X)
    assert share.offset_ == make(contamination=0.1).fit(X).offset_


def test_a_fit_that_fails_at_its_end_changes_nothing(X, monkeypatch):
    detector = make().fit(X)
    before = state_of(detector)
    monkeypatch.setattr("dae.outliers._offset", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        detector.fit(X[:, :3])
    assert_unchanged(detector, before)


def test_contamination_changes_the_offset_alone(X):
    one, other = make(contamination=0.1).fit(X), make(contamination=0.3).fit(X)
    np.testing.assert_array_equal(one.score_samples(X), other.score_samples(X))
    assert one.offset_ < other.offset_


def test_scores_do_not_depend_on_the_other_rows(X, detector):
    scores = detector.score_samples(X)
    np.testing.assert_array_equal(detector.score_samples(X[::-1])[::-1], scores)
    np.testing.assert_array_equal(detector.score_samples(X[7:8]), scores[7:8])


def test_using_it_does_not_write_on_it(X, detector):
    before = state_of(detector)
    for method in ("score_samples", "decision_function", "predict", "errors"):
        getattr(detector, method)(X[:10])
    assert_unchanged(detector, before)


@pytest.mark.parametrize("sizes", [(16,), (16, 8)])
def test_same_bits_for_any_number_of_threads(X, always_threads, monkeypatch, sizes):
    monkeypatch.setattr("dae.outliers._SERIAL_WEIGHTS", 0)
    one, two = (make(hidden_layer_sizes=sizes, n_jobs=n).fit(X) for n in (1, 2))
    np.testing.assert_array_equal(one.score_samples(X), two.score_samples(X))
    assert one.offset_ == two.offset_


def test_random_state_decides(X):
    scores = [make(random_state=seed).fit(X).score_samples(X) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


@pytest.mark.parametrize("n", [30, 6400, 64 * 2000])
def test_number_of_epochs(n):
    epochs = make(max_iter="auto")._n_epochs(-(-n // 64))
    assert epochs == {30: 200, 6400: 20, 64 * 2000: 10}[n]
    assert make(max_iter=3).fit(table(50)).n_iter_ == 3


# ------------------------------------------------------------------ data of all kinds


def test_sparse_rows_get_the_scores_of_dense_ones():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.2, size=(300, 40)).astype(float)
    X[:, 0] = rng.normal(5, 1, size=300)  # a column without zeros
    X[:, 1] = 0
    dense = make().fit(X)
    for form in (sparse.csr_array, sparse.csr_matrix, sparse.csc_array):
        other = make().fit(form(X))
        np.testing.assert_array_equal(other.center_, dense.center_)
        np.testing.assert_array_equal(other.scale_, dense.scale_)
        np.testing.assert_array_equal(other.score_samples(form(X)), dense.score_samples(X))
        np.testing.assert_array_equal(other.errors(form(X)), dense.errors(X))
        assert other.offset_ == dense.offset_


def test_sparse_rows_are_never_dense_whole():
    import tracemalloc

    X = sparse.random(20_000, 2000, 0.001, "csr", random_state=0)
    detector = make(hidden_layer_sizes=(2,), max_iter=1, n_repeats=1, batch_size=1000)
    tracemalloc.start()
    detector.fit(X).score_samples(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 20_000 * 2000 / 2  # half of X in float32


def test_blocks_of_rows_do_not_matter(X, detector, monkeypatch):
    scores, errors = detector.score_samples(X), detector.errors(X)
    monkeypatch.setattr("dae._data.rows.BLOCK", 60)
    np.testing.assert_array_equal(detector.score_samples(X), scores)
    np.testing.assert_array_equal(detector.errors(X), errors)
    assert make().fit(X).offset_ == detector.offset_


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, bool])
def test_dtypes(dtype):
    X = np.random.default_rng(0).integers(0, 2, size=(100, 5)).astype(dtype)
    detector = make().fit(X)
    scores = detector.score_samples(X)
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores, make().fit(X.astype(float)).score_samples(X))
    assert detector.errors(X).dtype == (np.float32 if dtype == np.float32 else np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.int32, bool])
def test_errors_of_sparse_rows_have_the_dtype_of_those_of_dense_ones(dtype):
    X = (np.random.default_rng(0).random((100, 5)) * 3).astype(dtype)
    X[X < 1] = 0
    detector = make().fit(X)
    expected, found = detector.errors(X), detector.errors(sparse.csr_array(X))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_layouts(X, detector):
    scores = detector.score_samples(X)
    for same in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.tolist()):
        np.testing.assert_array_equal(detector.score_samples(same), scores)
        np.testing.assert_array_equal(make().fit(same).score_samples(X), scores)


@pytest.mark.parametrize(
    "column",
    [
        np.zeros(200),
        np.full(200, 1e300),
        np.where(np.arange(200) < 10, 1e308, -1e308),
        np.where(np.arange(200) < 10, 1.0, 0.0),
        np.geomspace(1e-300, 1e300, 200),
        np.full(200, 5e-324),
    ],
)
def test_columns_that_are_hard_to_scale(X, column):
    X = np.c_[X[:200], column]
    detector = make().fit(X)
    assert (detector.scale_ > 0).all()
    assert np.isfinite(detector.score_samples(X)).all()
    assert np.isfinite(detector.errors(X)).all()


def test_missing_entries_have_no_error(X, detector):
    holes = X.copy()
    holes[::3, 1] = np.nan
    holes[5] = np.nan
    errors, scores = detector.errors(holes), detector.score_samples(holes)
    np.testing.assert_array_equal(np.isnan(errors), np.isnan(holes))
    whole = ~np.isnan(holes).any(axis=1)
    np.testing.assert_array_equal(scores[whole], detector.score_samples(X)[whole])
    np.testing.assert_array_equal(errors[whole], detector.errors(X)[whole])
    np.testing.assert_allclose(scores[0], -np.nanmean(errors[0]))
    assert scores[5] == 0


def test_fit_with_missing_entries():
    """Also a feature that is always missing; a masked array and NaN are the same."""
    rng = np.random.default_rng(0)
    X = table(1000)
    hidden = rng.random(X.shape) < 0.1
    holes = np.where(hidden, np.nan, X)
    detector = DenoisingOutlierDetector(random_state=0).fit(holes)
    low, center, high = np.nanquantile(holes, [0.25, 0.5, 0.75], axis=0, method="lower")
    np.testing.assert_array_equal(detector.center_, center)
    np.testing.assert_allclose(detector.scale_, (high - low) / 1.349)
    new, y = table(200, seed=1, broken=50), np.arange(200) < 50
    new[rng.random(new.shape) < 0.1] = np.nan
    assert roc_auc_score(~y, detector.score_samples(new)) > 0.8
    masked = np.ma.masked_array(X, hidden)
    np.testing.assert_array_equal(make().fit(masked).scale_, detector.scale_)

    never = np.c_[holes, np.full(1000, np.nan)]
    detector = make().fit(never)
    assert np.isfinite(detector.score_samples(never)).all()
    assert np.isfinite(detector.score_samples(np.c_[X, np.zeros(1000)])).all()


def test_outliers_do_not_set_the_scale(X):
    wild = X.copy()
    wild[:20] *= 1e9
    np.testing.assert_allclose(make().fit(wild).scale_, make().fit(X).scale_, rtol=0.3)


def test_a_feature_of_equal_quartiles_is_scaled_by_what_differs():
    X = np.zeros((200, 3))
    X[:20, 0] = 1
    X[:20, 1] = np.arange(1, 21) * 100
    X[:, 2] = 7
    detector = make().fit(X)
    np.testing.assert_array_equal(detector.center_, [0, 0, 7])
    np.testing.assert_array_equal(detector.scale_, [1, 1000, 1])


def test_data_frames(X):
    pandas = pytest.importorskip("pandas")
    names = [f"feature {k}" for k in range(X.shape[1])]
    frame = pandas.DataFrame(X, columns=names)
    before = frame.copy()
    detector = make().fit(frame)
    assert list(detector.feature_names_in_) == names
    np.testing.assert_array_equal(detector.score_samples(frame), make().fit(X).score_samples(X))
    pandas.testing.assert_frame_equal(frame, before)
    with pytest.raises(ValueError, match="feature names should match"):
        detector.score_samples(frame[names[::-1]])


# ------------------------------------------------------------------ tables of mixed columns


def mixed(kind, n=600, seed=0):
    """Size decides category and price, day is noise; a DataFrame of pandas or polars."""
    frames = pytest.importorskip(kind)
    rng = np.random.default_rng(seed)
    size = rng.uniform(0, 9, n)
    columns = {
        "size": size,
        "class": np.array(["small", "middle", "large"])[(size // 3).astype(int)],
        "price": 100 * size + rng.normal(0, 5, n),
        "day": np.datetime64("2020-01-01") + rng.integers(0, 100, n),
        "always": ["x"] * n,
    }
    return frames.DataFrame(columns)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_category_that_does_not_fit_is_found(kind):
    frame, test = mixed(kind), mixed(kind, seed=1)
    wrong = np.arange(600) < 60
    size, given = test["size"].to_numpy(), np.array(test["class"].to_list())
    given[wrong] = np.where(size[wrong] < 3, "large", "small")
    wrong &= given != np.array(test["class"].to_list())
    if kind == "pandas":
        test = test.assign(**{"class": given})
    else:
        test = test.with_columns(type(test["class"])("class", given.tolist()))
    detector = make(max_iter=60).fit(frame)
    assert roc_auc_score(wrong, -detector.score_samples(test)) > 0.98
    errors = detector.errors(test)
    assert type(errors) is type(test) and list(errors.columns) == list(test.columns)
    values = errors.to_numpy()
    assert np.isnan(values[:, 4]).all()  # constant
    # the category is odd, and the day, which has nothing to do with it, is not
    assert values[wrong, 1].mean() > 3 * values[~wrong, 1].mean()
    assert values[wrong, 3].mean() < 1.5 * values[~wrong, 3].mean()
    np.testing.assert_allclose(detector.score_samples(test), -np.nanmean(values, axis=1), rtol=1e-5)
    twin = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(twin.predict(test), detector.predict(test))


def test_a_category_is_masked_as_a_whole_by_hand():
    frame = mixed("pandas")
    detector = make(n_repeats=1).fit(frame)
    encoder, (group,) = detector._encoder, detector._groups
    encoded = encoder.encode(frame)
    expected = np.full((600, 5), np.nan)
    for own in range(group.max() + 1):
        shown = np.where((group == own)[encoder.owners()], np.float32(0), encoded)
        made = encoder.errors(encoded, detector.autoencoder_.reconstruct(shown))
        expected[:, group == own] = made[:, group == own]
    usual = np.where(np.isnan(expected).all(axis=0), 1, np.nan_to_num(expected).mean(axis=0))
    np.testing.assert_allclose(detector.usual_errors_, usual, rtol=1e-4)
    np.testing.assert_allclose(
        detector.errors(frame), expected / (usual + 0.1), rtol=1e-3, atol=1e-6
    )


def test_missing_and_unknown_values_in_tables():
    frame = mixed("pandas")
    detector = make().fit(frame.mask(np.random.default_rng(0).random(frame.shape) < 0.1))
    odd = frame.head(3).assign(**{"class": "gigantic"})  # a level never seen is missing
    odd.loc[1, ["size", "price", "day", "always"]] = None
    errors = detector.errors(odd).to_numpy()
    assert np.isnan(errors[:, 1]).all() and np.isfinite(errors[0, [0, 2, 3]]).all()
    scores = detector.score_samples(odd)
    assert scores[1] == 0 and np.isfinite(scores).all()


def test_column_types_can_be_named(X):
    X = np.c_[X, np.arange(len(X)) % 3]
    named = make(column_types={6: "categorical"}).fit(X)
    assert named._encoder.columns[6].type == "categorical"
    assert named.errors(X).shape == X.shape
    plain = named.set_params(column_types="auto").fit(X)
    assert "_encoder" not in plain.__dict__ and plain.center_.shape == (7,)
    frame_types = {"class": "categorical", "size": "ignore"}
    detector = make(column_types=frame_types).fit(mixed("pandas"))
    assert np.isnan(detector.errors(mixed("pandas"))["size"]).all()
    assert "center_" not in detector.__dict__


def test_errors_of_a_frame_of_numbers_are_a_frame(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, index=np.arange(len(X)) + 5).add_prefix("column ")
    errors = make().fit(frame).errors(frame)
    assert list(errors.columns) == list(frame.columns) and errors.index.equals(frame.index)
    np.testing.assert_array_equal(errors.to_numpy(), make().fit(X).errors(X))


# ------------------------------------------------------------------ weights


def as_sparse(X):
    return sparse.csr_array(np.where(np.abs(X) > 1, X, 0))


@pytest.mark.parametrize("kind", [np.asarray, as_sparse])
def test_rows_of_weight_0_are_left_out(kind):
    X = table()
    X[::2] = 1e9 * np.random.default_rng(1).normal(size=X[::2].shape)
    weight = np.arange(len(X)) % 2
    weighted = make().fit(kind(X), sample_weight=weight)
    alone = make().fit(kind(X[1::2]))
    np.testing.assert_array_equal(weighted.score_samples(kind(X)), alone.score_samples(kind(X)))
    assert weighted.offset_ == pytest.approx(alone.offset_)


def test_weights_decide_what_is_usual():
    """Two groups of rows: each is usual where it weighs."""
    first, second = table(200, seed=1), table(200, seed=2)
    second[:, 3:] *= -1  # the pairs are negatives of each other
    X = np.r_[first, second]
    is_first = np.arange(400) < 200
    detector = make(max_iter=60)
    for heavy in (is_first, ~is_first):
        scores = detector.fit(X, sample_weight=np.where(heavy, 1, 0.01)).score_samples(X)
        assert scores[heavy].mean() > 2 * scores[~heavy].mean()
        assert (detector.predict(X)[heavy] == 1).mean() > 0.9


@pytest.mark.parametrize("contamination", [0.1, 0.3])
def test_contamination_is_a_share_of_the_weights(X, contamination):
    weight = np.random.default_rng(0).integers(1, 5, len(X))
    detector = make(contamination=contamination).fit(X, sample_weight=weight)
    share = weight[detector.predict(X) == -1].sum() / weight.sum()
    assert abs(share - contamination) <= 5 / weight.sum()


def test_bad_weights(X, detector):
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        make().fit(X, sample_weight=np.full(len(X), -1))
    with pytest.raises(ValueError, match="sample_weight must have one value for each of the 400"):
        make().fit(X, sample_weight=[1, 2])


# ------------------------------------------------------------------ in scikit-learn


def test_clone_pickle_pipeline_and_search(X, detector):
    twin = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(twin.score_samples(X), detector.score_samples(X))
    fresh = clone(detector)
    assert not hasattr(fresh, "offset_")
    np.testing.assert_array_equal(fresh.fit(X).predict(X), detector.predict(X))
    pipeline = make_pipeline(FunctionTransformer(), make()).set_output(transform="default").fit(X)
    np.testing.assert_array_equal(pipeline.score_samples(X), detector.score_samples(X))
    np.testing.assert_array_equal(pipeline.predict(X), detector.predict(X))

    y = np.where(np.arange(200) < 50, -1, 1)
    search = GridSearchCV(
        make(max_iter=50),
        {"hidden_layer_sizes": [(1,), (32,)]},
        scoring="roc_auc",
        cv=StratifiedKFold(2),
        error_score="raise",
    ).fit(table(200, seed=3, broken=50), y)
    assert search.best_params_ == {"hidden_layer_sizes": (32,)}


def test_damaged_states(X, detector):
    for name, value in (
        ("autoencoder_", None),
        ("autoencoder_", DenoisingAutoencoder(2, max_iter=1, tol=None).fit(X)),
        ("center_", np.zeros(3)),
        ("center_", np.full(6, np.nan)),
        ("scale_", np.zeros(6)),
        ("scale_", "a"),
        ("usual_errors_", np.full(6, -1.0)),
        ("usual_errors_", None),
        ("_groups", np.zeros((2, 5), np.int32)),
        ("_groups", np.full((2, 6), 6, np.int32)),
        ("_groups", np.zeros((0, 6), np.int32)),
        ("offset_", None),
        ("n_features_in_", 5),
    ):
        twin = pickle.loads(pickle.dumps(detector))
        twin.__dict__[name] = value
        with pytest.raises(ValueError, match="The fitted state is damaged: .*Fit the estimator"):
            twin.predict(X)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes must be one integer of 1 or more"),
        ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes must be one integer of 1 or more"),
        ({"hidden_layer_sizes": 0}, "hidden_layer_sizes"),
        ({"corruption_level": 0}, "'corruption_level' parameter"),
        ({"corruption_level": 1.0}, "'corruption_level' parameter"),
        ({"n_repeats": 0}, "'n_repeats' parameter"),
        ({"contamination": 0}, "'contamination' parameter"),
        ({"support_fraction": 0}, "'support_fraction' parameter"),
        ({"support_fraction": 1.5}, "'support_fraction' parameter"),
        ({"contamination": 0.6}, "'contamination' parameter"),
        ({"contamination": "some"}, "'contamination' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"max_iter": "all"}, "'max_iter' parameter"),
        ({"learning_rate_init": -1}, "'learning_rate_init' parameter"),
        ({"learning_rate_init": 1e9}, "Training diverged with learning_rate_init=1e\\+09. Lower"),
        ({"n_jobs": 0}, "'n_jobs' parameter"),
    ],
)
def test_bad_parameters(X, parameters, message):
    with pytest.raises(ValueError, match=message):
        make(**parameters).fit(X)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda X: sparse.csr_array(np.where(X == X[3, 2], np.nan, X)),
            "is sparse and stores NaN",
        ),
        (lambda X: np.where(X == X[3, 2], np.inf, X), "contains infinity"),
        (lambda X: X[:, 0], "Expected 2D array"),
        (lambda X: X[:0], "minimum of 1 is required"),
        (lambda X: X.astype(str).astype(object) + "m", "X has columns that are not numbers: 0 "),
        (lambda X: X + 1j, "Complex data not supported"),
    ],
)
def test_bad_data(X, detector, spoil, message):
    fresh = make()
    for call in (fresh.fit, detector.score_samples, detector.errors, detector.predict):
        with pytest.raises((ValueError, TypeError), match=message):
            call(spoil(X))
    assert "n_features_in_" not in fresh.__dict__  # nothing is half fitted


def test_other_columns(X, detector):
    with pytest.raises(ValueError, match="X has 5 features, but DenoisingOutlierDetector"):
        detector.predict(X[:, :5])


def test_text_where_numbers_were(X, detector):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X).astype(str)
    with pytest.raises(ValueError, match="could not convert string to float|are not numbers"):
        detector.predict(frame.assign(**{"0": "here"}))


def test_a_failed_fit_changes_nothing(X, detector):
    before = state_of(detector)
    with pytest.raises(ValueError, match="diverged"):
        detector.set_params(learning_rate_init=1e9).fit(X[:, :3])
    detector.set_params(learning_rate_init=0.01)
    assert_unchanged(detector, before)


def test_before_fit(X):
    with pytest.raises(ValueError, match="not fitted yet"):
        make().predict(X)


def test_a_small_support_may_be_held_out_rows_alone(X):
    """Then these are learned from."""
    for seed in range(40):
        make(max_iter=1, n_repeats=1, support_fraction=0.01, random_state=seed).fit(X[:120])
