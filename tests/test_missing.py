"""NaN in X: a missing entry, shown as 0 and without loss, in every estimator and container."""

import functools

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae._model.corruption import KINDS
from dae._model.losses import LOSSES

CORRUPTIONS = [kind for kind in KINDS if kind != "none"] + [None]


def make(**parameters):
    defaults = {"max_iter": 4, "tol": None, "batch_size": 16, "random_state": 0}
    return DenoisingAutoencoder(**({"n_components": 5} | defaults | parameters))


def make_stack(**parameters):
    defaults = {"max_iter": 2, "tol": None, "batch_size": 16, "random_state": 0}
    tuning = {"fine_tune": True, "fine_tune_max_iter": 2}
    return StackedDenoisingAutoencoder(
        **({"hidden_layer_sizes": (5, 3)} | defaults | tuning | parameters)
    )


@pytest.fixture
def X():
    """Multiples of 1/16 above 0; gaps, one row and one column of them."""
    rng = np.random.default_rng(0)
    X = (1 + rng.integers(0, 15, (90, 6))) / 16
    X[rng.random(X.shape) < 0.25] = np.nan
    X[4], X[:, 2] = np.nan, np.nan
    return X


def training_state(dae):
    return [dae.components_, dae.intercept_hidden_, dae.intercept_visible_, dae.loss_curve_]


def assert_trained_alike(one, other):
    for mine, theirs in zip(training_state(one), training_state(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


# ------------------------------------------------------------------ training


@pytest.mark.parametrize("maker", [make, make_stack])
@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_trains_on_what_is_there(X, loss, corruption, maker):
    """Finite results everywhere, and what is in a column that is always missing has no say."""
    dae = maker(loss=loss, corruption=corruption, emphasis=(1, 0.5), early_stopping=True).fit(X)
    assert np.isfinite(dae.loss_curve_).all() and np.isfinite(dae.validation_loss_curve_).all()
    assert np.isfinite(dae.components_).all()
    assert dae.intercept_visible_[2] == 0 if maker is make else True
    for result in (dae.transform(X), dae.reconstruct(X), dae.corrupt(X), dae.score_samples(X)):
        assert np.isfinite(result).all()
    dae.set_params(early_stopping=False).partial_fit(X)
    assert np.isfinite(dae.loss_curve_).all()


def test_missing_is_not_zero(X):
    """The reconstruction of a column that is often missing is not drawn to 0."""
    rng = np.random.default_rng(0)
    X = rng.normal(5, 0.1, (400, 4))
    X[rng.random(X.shape) < 0.6] = np.nan
    dae = make(max_iter=60, learning_rate_init=0.01, n_components=3).fit(X)
    np.testing.assert_allclose(np.median(dae.reconstruct(X), axis=0), 5, atol=0.3)


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("corruption", CORRUPTIONS[:-1])
def test_missing_entries_stay_hidden(X, corruption, level):
    """No corruption writes into them, and swap takes no value from them."""
    shown = make(corruption=corruption, corruption_level=level).fit(X).corrupt(X)
    assert not shown[np.isnan(X)].any()
    if corruption == "swap":
        assert shown[~np.isnan(X)].all()  # every entry that is there is above 0


def test_functions_see_what_is_missing(X):
    """They are given NaN, may leave it, and what they write there is shown."""
    seen = []

    def noise(batch, rng):
        seen.append(np.isnan(batch).mean())
        return batch + rng.normal(size=batch.shape)

    assert np.isfinite(make(corruption=noise).fit(X).loss_curve_).all()
    assert max(seen) > 0
    filled = make(corruption=lambda batch, rng: np.where(np.isnan(batch), 0.5, batch)).fit(X)
    assert (filled.corrupt(X)[np.isnan(X)] == 0.5).all()
    with pytest.raises(ValueError, match="returned NaN or infinite"):
        make(corruption=lambda batch, rng: batch * np.nan).fit(X)


def test_copies_with_missing_entries(X):
    """NaN in X_corrupted is shown as 0, and hides an entry that X has."""
    complete = np.nan_to_num(X, nan=0.5)
    hidden = make().fit(complete, X_corrupted=X)
    zeros = make().fit(complete, X_corrupted=np.nan_to_num(X))
    assert_trained_alike(hidden, zeros)
    how = {"emphasis": (1, 0.5), "early_stopping": True}
    complete[5] = 0  # shown as 0, and corrupted all the same
    X[5] = np.nan
    hidden = make(**how).fit(complete, X_corrupted=X)
    zeros = make(**how).fit(complete, X_corrupted=np.nan_to_num(X))
    assert hidden.loss_curve_ != zeros.loss_curve_
    with pytest.raises(ValueError, match="counts corrupted entries only"):
        make(emphasis=(1, 0)).fit(X, X_corrupted=X)


def test_rows_of_unit_length(X):
    """The length is that of what is shown."""
    dae = make(input_norm="l2", corruption=None).fit(X)
    np.testing.assert_array_equal(dae.transform(X), dae.transform(np.nan_to_num(X)))


def test_weights_of_samples(X):
    """A row of weight 0 is left out, NaN or not."""
    weight = np.ones(len(X))
    weight[:10] = 0
    other = X.copy()
    other[:10] = 0.3
    how = {"corruption": "masking"}
    assert_trained_alike(
        make(**how).fit(X, sample_weight=weight), make(**how).fit(other, sample_weight=weight)
    )


def test_ranges_are_of_what_is_there(X):
    """Salt and pepper writes minima and maxima of observed entries, in blocks, too."""
    dae = make(corruption="salt_and_pepper", corruption_level=1.0)
    dae.partial_fit(X[:4]).partial_fit(X[4:5]).partial_fit(X[5:])
    shown = dae.corrupt(X)
    for k in (0, 1, 3, 4, 5):
        column = X[:, k]
        assert set(shown[~np.isnan(column), k]) == {np.nanmin(column), np.nanmax(column)}
    X[0, 2] = 0.5  # never seen: nothing is known of its range
    assert dae.corrupt(X)[0, 2] == 0


def test_threads(X, always_threads):
    big = np.tile(X, (1, 20))
    fits = [make(corruption="swap", n_jobs=n).fit(big) for n in (1, 2, 3)]
    for other in fits[1:]:
        assert_trained_alike(fits[0], other)


# ------------------------------------------------------------------ use


@pytest.mark.parametrize("maker", [make, make_stack])
def test_missing_entries_are_encoded_as_zeros(X, maker):
    dae = maker().fit(X)
    zeros = np.nan_to_num(X)
    np.testing.assert_array_equal(dae.transform(X), dae.transform(zeros))
    np.testing.assert_array_equal(dae.reconstruct(X), dae.reconstruct(zeros))
    for mine, theirs in zip(dae.top_features(X, 3), dae.top_features(zeros, 3), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(dae.transform(X[:1]), dae.transform(X)[:1])


@pytest.mark.parametrize("loss", LOSSES)
def test_scores_are_of_what_is_there(X, loss):
    """The sum over the observed entries, times features over observed ones; 0 without any."""
    dae = make(loss=loss).fit(X)
    scores = dae.score_samples(X)
    assert scores[4] == 0
    assert dae.score(X) == pytest.approx(scores.mean())
    z, there = dae.reconstruct(X), ~np.isnan(X)
    x, z = np.where(there, X, 0.5), np.where(there, z, 0.5)
    if loss == "multinomial":
        z = np.where(there, z, 0) / np.where(there, z, 0).sum(axis=1, keepdims=True).clip(1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        entries = {
            "squared_error": (x - z) ** 2,
            "log_loss": -x * np.log(z) - (1 - x) * np.log(1 - z),
            "poisson": z - x - x * np.log(z / x),
            "multinomial": -x * np.log(z),
        }[loss]
    sums, counts = np.where(there, entries, 0).sum(axis=1), there.sum(axis=1)
    rows = counts > 0
    np.testing.assert_allclose(
        scores[rows], -(sums * 6 / counts.clip(1))[rows], rtol=1e-6, atol=1e-12
    )


def test_everything_missing():
    X = np.full((20, 3), np.nan)
    dae = make(corruption="swap").fit(X)
    assert dae.loss_curve_ == [0.0] * 4
    assert dae.score(X) == 0
    assert np.isfinite(dae.reconstruct(X)).all()


# ------------------------------------------------------------------ containers


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_layouts(X, dtype, tmp_path):
    """Fortran order, steps between rows, memory maps: as the plain array, and left as they are."""
    X = X.astype(dtype)
    expected = make().fit(X)
    mapped = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", dtype, X.shape)
    mapped[...] = X
    mapped.flush()
    steps = np.repeat(X, 2, axis=1)[:, ::2]
    for given in (np.asfortranarray(X), np.load(tmp_path / "X.npy", mmap_mode="r"), steps):
        before = np.array(given)
        assert_trained_alike(make().fit(given), expected)
        for method in ("transform", "reconstruct", "score_samples", "corrupt"):
            np.testing.assert_array_equal(
                getattr(expected, method)(given), getattr(expected, method)(X)
            )
        np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("dtype", ["int8", "int64", "float32", "float64", "object"])
def test_masked_arrays(X, dtype):
    """What is masked is missing, whatever lies behind the mask."""
    there = np.rint(np.nan_to_num(X, nan=-7) * 16)
    masked = np.ma.masked_array(there.astype(dtype), mask=np.isnan(X))
    if dtype.startswith("float"):
        masked.data[0, np.isnan(X)[0]] = np.inf
    plain = np.where(np.isnan(X), np.nan, there)
    plain = plain.astype(np.float32 if dtype in ("int8", "float32") else np.float64)
    expected, found = make().fit(plain), make().fit(masked)
    assert_trained_alike(found, expected)
    np.testing.assert_array_equal(found.score_samples(masked), found.score_samples(plain))
    complete = np.nan_to_num(plain)
    assert_trained_alike(
        make().fit(complete, X_corrupted=masked), make().fit(complete, X_corrupted=plain)
    )
    assert masked.mask.sum() == np.isnan(X).sum()


@pytest.mark.parametrize("kind", ["Int64", "Float32", "boolean", "object NA", "object None"])
def test_columns_of_pandas(kind):
    pandas = pytest.importorskip("pandas")
    values = [1, 0, None, 1, 0, 0] * 5
    if kind == "object NA":
        column = pandas.Series([pandas.NA if v is None else v for v in values], dtype=object)
    else:
        column = pandas.Series(values, dtype=object if kind == "object None" else kind)
    frame = pandas.DataFrame({"a": np.arange(30.0), "b": column})
    before = frame.copy()
    dae = make().fit(frame)
    np.testing.assert_array_equal(np.nonzero(dae.corrupt(frame)[:, 1])[0] % 6 % 3, 0)
    plain = np.c_[np.arange(30.0), [np.nan if v is None else v for v in values]]
    assert_trained_alike(dae, make().fit(plain))
    assert np.isfinite(dae.score_samples(frame)).all()
    pandas.testing.assert_frame_equal(frame, before)


def test_columns_of_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1.0, None, 3.0] * 8, "b": [None, 2, 4] * 8})
    plain = np.array([[1, np.nan], [np.nan, 2], [3, 4]] * 8)
    assert_trained_alike(make().fit(frame), make().fit(plain))


# ------------------------------------------------------------------ supervised, and the rest


@pytest.mark.parametrize("corruption", [None, "swap"])
@pytest.mark.parametrize("cls", [StackedDenoisingClassifier, StackedDenoisingRegressor])
def test_supervised(X, cls, corruption):
    y = np.nan_to_num(X[:, 0], nan=0.5) > 0.5
    estimator = cls(
        (6, 4), max_iter=2, fine_tune_max_iter=30, tol=None, fine_tune_corruption=corruption,
        early_stopping=True, random_state=0,
    ).fit(X, y)  # fmt: skip
    zeros = np.nan_to_num(X)
    np.testing.assert_array_equal(estimator.predict(X), estimator.predict(zeros))
    with pytest.raises(ValueError, match="y contains NaN"):
        estimator.fit(zeros, X[:, 0])
    estimator.set_params(early_stopping=False).partial_fit(X, y)
    scaled = make_pipeline(StandardScaler(), estimator)
    assert np.isfinite(cross_val_score(scaled, X[:, [0, 1, 3]], y)).all()


def test_a_pretrained_autoencoder(X):
    y = np.arange(len(X)) % 2
    stack = make_stack().fit(X)
    tuned = StackedDenoisingClassifier((5, 3), pretrained=stack, fine_tune_max_iter=2, tol=None)
    assert tuned.fit(X, y).predict_proba(X).shape == (90, 2)


@pytest.mark.parametrize(
    "cls",
    [
        DenoisingAutoencoder,
        StackedDenoisingAutoencoder,
        StackedDenoisingClassifier,
        StackedDenoisingRegressor,
    ],
)
def test_the_tag(cls):
    assert get_tags(cls()).input_tags.allow_nan


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinities_are_errors(X, value):
    """Also beside NaN, in every method."""
    dae = make().fit(X)
    X[7, 1] = value
    calls = [dae.fit, dae.partial_fit, dae.transform, dae.reconstruct, dae.score_samples]
    calls += [dae.score, dae.corrupt, functools.partial(dae.top_features, k=2)]
    calls += [lambda bad: dae.fit(np.nan_to_num(X[:, :6], posinf=0, neginf=0), X_corrupted=bad)]
    for call in calls:
        with pytest.raises(ValueError, match="infinity"):
            call(X)
