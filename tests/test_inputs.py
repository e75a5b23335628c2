"""Layouts and types that must work, and bad input with the sentence it must get."""

import datetime
import fractions
import functools

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.fixes import parse_version

import dae as dae_package
from dae import DenoisingAutoencoder, _core

N_FEATURES = 4


def make(**parameters):
    defaults = {"max_iter": 2, "tol": None, "batch_size": 32, "random_state": 0}
    return DenoisingAutoencoder(**({"n_components": 5} | defaults | parameters))


@pytest.fixture
def X():
    """Multiples of 1/16, exact in every float type."""
    return np.round(load_iris().data * 16) / 16


def unaligned(X):
    buffer = np.empty(X.nbytes + 1, dtype=np.uint8)
    out = buffer[1:].view(X.dtype).reshape(X.shape)
    out[...] = X
    assert not out.flags.aligned
    return out


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def every_second(X):
    wide = np.zeros((2 * len(X), 2 * X.shape[1]), dtype=X.dtype)
    wide[::2, ::2] = X
    return wide[::2, ::2]


LAYOUTS = {
    "fortran": np.asfortranarray,
    "negative strides": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "strided": every_second,
    "read-only": read_only,
    "unaligned": unaligned,
    "big-endian": lambda X: X.astype(X.dtype.newbyteorder(">")),
    "list": lambda X: X.tolist(),
    "object": lambda X: X.astype(object),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("corruption", ["masking", "swap"])
def test_layouts_do_not_matter(X, layout, corruption):
    plain = make(corruption=corruption).fit(X)
    other = LAYOUTS[layout](X)
    dae = make(corruption=corruption).fit(other)
    np.testing.assert_array_equal(dae.components_, plain.components_)
    np.testing.assert_array_equal(dae.transform(other), plain.transform(X))
    np.testing.assert_array_equal(dae.reconstruct(other), plain.reconstruct(X))
    np.testing.assert_array_equal(dae.score_samples(other), plain.score_samples(X))
    np.testing.assert_array_equal(dae.corrupt(other), plain.corrupt(X))
    H = plain.transform(X)
    np.testing.assert_array_equal(
        dae.inverse_transform(LAYOUTS[layout](H)), plain.inverse_transform(H)
    )
    dae.partial_fit(other, X_corrupted=other)
    plain.partial_fit(X, X_corrupted=X)
    np.testing.assert_array_equal(dae.components_, plain.components_)


@pytest.mark.parametrize("layout", ["fortran", "strided", "unaligned"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layouts_of_one_row(X, layout, dtype):
    """The short way of `transform` must not take what the core cannot read."""
    X = X.astype(dtype)
    dae = make().fit(X)
    np.testing.assert_array_equal(dae.transform(LAYOUTS[layout](X[:1])), dae.transform(X[:1]))


@pytest.mark.parametrize("mode", ["r", "c"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_maps(X, tmp_path, mode, dtype):
    np.save(tmp_path / "X.npy", X.astype(dtype))
    mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
    dae, plain = make().fit(mapped), make().fit(X.astype(dtype))
    np.testing.assert_array_equal(dae.components_, plain.components_)
    np.testing.assert_array_equal(dae.transform(mapped), plain.transform(X.astype(dtype)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mapped", [True, False])
def test_float_data_are_not_copied(tmp_path, dtype, mapped):
    """Peak memory of Python's and NumPy's allocations while `fit` and `transform` run."""
    import tracemalloc

    X = np.random.default_rng(0).random((4000, 256)).astype(dtype)
    if mapped:
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    dae = DenoisingAutoencoder(2, max_iter=1, tol=None, batch_size=16)
    dae.fit(X[:100])
    for method in (dae.fit, dae.transform, dae.partial_fit):
        tracemalloc.start()
        method(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # less than half of X in float32, and than a mask of X: the temporaries are blocks
        assert peak < 0.5 * X.size * 4 + 2**23 * (method is not dae.transform), method
    assert dae.transform(X).shape == (4000, 2)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.bool_, ">f4"])
def test_small_types_are_trained_in_float32(X, dtype):
    X = X.astype(np.uint8).astype(dtype)
    dae, plain = make().fit(X), make().fit(X.astype(np.float32))
    assert dae.components_.dtype == np.float32
    np.testing.assert_array_equal(dae.components_, plain.components_)
    np.testing.assert_array_equal(dae.transform(X), plain.transform(X.astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.longdouble])
def test_wide_types_are_trained_in_float64(X, dtype):
    X = X.astype(dtype)
    dae, plain = make().fit(X), make().fit(X.astype(np.float64))
    assert dae.components_.dtype == np.float64
    np.testing.assert_array_equal(dae.transform(X), plain.transform(X.astype(np.float64)))


NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_data_frames(X, library, dtype):
    frames = pytest.importorskip(library)
    X = X.astype(dtype)
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(NAMES)})
    dae, plain = make().fit(frame), make().fit(X)
    if library == "pandas" or parse_version(sklearn.__version__) >= parse_version("1.9"):
        assert list(dae.feature_names_in_) == NAMES
        renamed = frames.DataFrame({name: X[:, i] for i, name in enumerate("wxyz")})
        with pytest.raises(ValueError, match="feature names"):
            dae.transform(renamed)
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            dae.transform(X)
    assert dae.components_.dtype == plain.components_.dtype
    np.testing.assert_array_equal(dae.components_, plain.components_)
    np.testing.assert_array_equal(dae.transform(frame), plain.transform(X))
    np.testing.assert_array_equal(
        dae.partial_fit(frame).components_, plain.partial_fit(X).components_
    )


# ------------------------------------------------------------------ bad data


def with_value(X, value):
    X = X.copy()
    X[3, 2] = value
    return X


def with_object(X, value):
    X = X.astype(object)
    X[3, 2] = value
    return X


BAD = {
    "infinity": (lambda X: with_value(X, -np.inf), "infinity"),
    "no rows": (lambda X: X[:0], "0 sample"),
    "no columns": (lambda X: X[:, :0], "0 feature"),
    "one dimension": (lambda X: X[0], "Expected 2D array, got 1D array"),
    "three dimensions": (lambda X: X[None], "3"),
    "complex": (lambda X: X + 1j, "Complex"),
    "words": (lambda X: np.char.add(X.astype(str), "x"), "not numbers: 'all'"),
    "digits": (lambda X: X.astype(int).astype(str), "not numbers: 'all'"),
    "bytes": (lambda X: X.astype(int).astype("S"), "not numbers: 'all'"),
    "objects": (lambda X: X.astype(int).astype(str).astype(object), r"0 \(object, with str\)"),
    "days": (lambda X: X.astype(int).astype("M8[D]"), "not numbers: 'all'"),
    "huge": (lambda X: with_object(X, 10**400), "X has numbers too large for float64 in column 2"),
    "complex object": (lambda X: with_object(X, 1j), "X has complex numbers in column 2"),
    "day": (lambda X: with_object(X, np.datetime64("2020")), r"2 \(object, with datetime64\)"),
    "span": (lambda X: with_object(X, np.timedelta64(1, "s")), r"2 \(object, with timedelta64"),
    "fields": (lambda X: np.zeros(9, [("a", float), ("b", float)]), "array, with the fields a, b"),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit", "transform", "reconstruct", "corrupt"])
@pytest.mark.parametrize("case", BAD)
def test_bad_data(X, method, case):
    spoil, message = BAD[case]
    dae = make().fit(X)
    before = dict(dae.__dict__)
    weights = dae.components_.copy()
    with pytest.raises(ValueError, match=message):
        getattr(dae, method)(spoil(X))
    assert dae.__dict__ == before
    np.testing.assert_array_equal(dae.components_, weights)


@pytest.mark.parametrize("case", BAD)
def test_bad_codes(X, case):
    spoil, message = BAD[case]
    dae = make().fit(X)
    with pytest.raises(ValueError, match=message):
        dae.inverse_transform(spoil(dae.transform(X)))


def test_codes_that_are_missing(X):
    dae = make().fit(X)
    with pytest.raises(ValueError, match=r"codes without NaN. Pass what transform returned"):
        dae.inverse_transform(with_value(dae.transform(X), np.nan))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_bad_single_rows(X, value):
    """Small arrays take a short way through the checks."""
    dae = make().fit(X)
    row = X[:1].copy()
    row[0, 1] = value
    with pytest.raises(ValueError, match="infinity"):
        dae.transform(row)
    row[0, 1] = 1e200  # finite, though its square is not
    assert np.isfinite(dae.transform(row)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_bad_large_rows(dtype, value):
    """Plain arrays are looked at by the core, large ones by several threads, in blocks."""
    X = np.ones((70_001, 5), dtype)
    X[2] = np.finfo(dtype).max, -np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal, 0, 1
    dae = make(n_jobs=3).fit(np.eye(5, dtype=dtype))
    assert _core.all_finite(X, 3)
    for entry in (0, 1, 65535, 65536, 200_000, X.size - 1):
        bad = X.copy()
        bad.reshape(-1)[entry] = value
        assert not _core.all_finite(bad, 3)
        if np.isnan(value):
            filled = np.where(np.isnan(bad), 0, bad).astype(dtype)
            np.testing.assert_array_equal(dae.transform(bad), dae.transform(filled))
            continue
        with pytest.raises(ValueError, match="infinity"):
            dae.transform(bad)
    with sklearn.config_context(assume_finite=True):
        assert dae.transform(bad).shape == (70_001, dae.n_components)


@pytest.mark.parametrize("method", ["partial_fit", "transform", "score", "corrupt"])
def test_another_number_of_features(X, method):
    dae = make().fit(X)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting 4"):
        getattr(dae, method)(X[:, :3])


def test_another_number_of_components(X):
    dae = make().fit(X)
    with pytest.raises(ValueError, match="one column for each of the 5 components, got 4"):
        dae.inverse_transform(X)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_codes(X, container):
    dae = make().fit(X)
    with pytest.raises(TypeError, match=r"requires dense codes, got a csr_.*\.toarray\(\)"):
        dae.inverse_transform(container(dae.transform(X)))


def test_large_float64_for_float32_weights(X):
    dae = make().fit(X.astype(np.float32))
    with pytest.raises(ValueError, match="too large for float32"):
        dae.transform(with_value(X, 1e300))


# ------------------------------------------------------------------ bad companions of X


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (lambda n: -np.ones(n), r"sample_weight must not be negative, got a minimum of -1"),
        (np.zeros, r"sample_weight must have at least one value above 0"),
        (lambda n: np.ones(n - 1), r"sample_weight must have one value for each .* \(149,\)"),
        (lambda n: np.ones((n, 1)), r"sample_weight must have one value for each"),
        (lambda n: np.full(n, np.nan), "sample_weight contains NaN"),
        (lambda n: np.full(n, np.inf), "sample_weight contains infinity"),
        (lambda n: -1.0, "sample_weight must not be negative"),
        (lambda n: ["1"] * n, "sample_weight must be numbers, got text, <U1"),
        (lambda n: np.ones(n) + 1j, "Complex data not supported: sample_weight"),
        (lambda n: np.ones(n, "M8[s]"), r"sample_weight must be numbers, got datetime64\[s\]"),
        (lambda n: [10**400] * n, "sample_weight must be numbers, got numbers too large"),
        (lambda n: 10**400, "sample_weight must be numbers, got numbers too large"),
    ],
)
def test_bad_weights(X, method, weight, message):
    with pytest.raises(ValueError, match=message):
        getattr(make(), method)(X, sample_weight=weight(len(X)))


@pytest.mark.parametrize("weight", [1e-50, 1e39])
def test_weights_that_float32_does_not_hold(X, weight):
    with pytest.raises(ValueError, match=r"sample_weight must be of a size that float32 holds"):
        make().partial_fit(X.astype(np.float32), sample_weight=weight)
    make().fit(X.astype(np.float32), sample_weight=weight)  # scaled to a mean of 1
    make(solver="sgd", learning_rate_init=1e-60).partial_fit(X, sample_weight=weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_of_very_different_sizes(X, dtype):
    """What is nothing beside the others is left out; the largest float is no overflow."""
    weight = np.ones(len(X))
    weight[::2] = 1e-50 if dtype == np.float32 else 1e-320
    given = weight.copy()
    zero = np.where(weight == 1, 1.0, 0.0)
    tiny, none = (make().fit(X.astype(dtype), sample_weight=w) for w in (weight, zero))
    np.testing.assert_array_equal(tiny.components_, none.components_)
    np.testing.assert_array_equal(weight, given)
    huge = make().fit(X.astype(dtype), sample_weight=weight * 1e308)
    np.testing.assert_allclose(huge.components_, none.components_, rtol=1e-5)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("shown", "message"),
    [
        (lambda X: X[1:], r"X_corrupted must have the shape of X, \(150, 4\), got \(149, 4\)"),
        (lambda X: X[:, 1:], r"X_corrupted must have the shape of X"),
        (lambda X: with_value(X, np.inf), "X_corrupted contains infinity"),
        (lambda X: X[0], "X_corrupted|Expected 2D array"),
        (lambda X: X.astype(str), "X_corrupted has columns that are not numbers"),
    ],
)
def test_bad_corrupted_copies(X, method, shown, message):
    with pytest.raises(ValueError, match=message):
        getattr(make(), method)(X, X_corrupted=shown(X))


@pytest.mark.parametrize(
    ("corruption", "level", "message"),
    [
        ("masking", 1.5, r"a probability in \[0, 1\], for corruption='masking'; got 1\.5"),
        ("swap", [0.1, 0.2, 0.3, 1.1], "got values from 0.1 to 1.1"),
        ("salt_and_pepper", [0.1, -0.2, 0.3, 1], "got values from -0.2 to 1"),
        ("masking", [0.1, 0.2], r"one value for each of the 4 features, got shape \(2,\)"),
        ("masking", np.full((1, 4), 0.1), r"got shape \(1, 4\)"),
        ("masking", [0.1, 0.2, 0.3, np.nan], "a probability"),
        ("gaussian", [0.1, 0.2, 0.3, np.inf], "a standard deviation, finite"),
        ("gaussian", [-0.1, 0.2, 0.3, 1], "a standard deviation"),
        ("gaussian", -0.5, "corruption_level"),
        ("masking", ["a", "b", "c", "d"], "corruption_level must be a scalar"),
        ("masking", ["0.1"] * 4, "corruption_level must be a scalar .* of real numbers"),
        ("masking", np.full(4, 0.1 + 5j), "corruption_level must be a scalar .* of real numbers"),
        ("gaussian", [10**400] * 4, "corruption_level must be a scalar .* of real numbers"),
        ("masking", np.ma.masked_array([0.1] * 4, [1, 0, 0, 0]), "corruption_level must be a scal"),
    ],
)
def test_bad_levels(X, corruption, level, message):
    dae = make(corruption=corruption, corruption_level=level)
    with pytest.raises(ValueError, match=message):
        dae.fit(X)
    assert not hasattr(dae, "n_features_in_")


def returns(value):
    def corruption(batch, rng):
        return value(batch)

    return corruption


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda x: x[:, 1:], r"must return shape \(32, 4\), got \(32, 3\)"),
        (lambda x: x * np.nan, "returned NaN or infinite"),
        (lambda x: x + 1j, "real numbers, got ndarray of dtype complex128"),
        (lambda x: None, "real numbers, got NoneType"),
        (lambda x: x.astype(str), "real numbers"),
        (lambda x: 0.0, r"must return shape \(32, 4\), got \(\)"),
        (lambda x: [[1.0], [1.0, 2.0]], "returned no array"),
        (
            lambda x: np.ma.masked_array(x, x > 5),
            r"must not mask values, got a masked array with \d",
        ),
    ],
)
def test_bad_callables(X, value, message):
    dae = make(corruption=returns(value))
    with pytest.raises(ValueError, match=f"corruption=corruption .*{message}|{message}"):
        dae.fit(X)
    assert not hasattr(dae, "n_features_in_")


@pytest.mark.parametrize("spoil", [lambda X: X - 1, lambda X: X * 2])
def test_log_loss_needs_the_unit_interval(X, spoil):
    X = X / X.max()
    message = r"loss='log_loss' requires X in \[0, 1\], got values from \S+ to \S+\. Scale X"
    dae = make(loss="log_loss").fit(X)
    for method in (dae.fit, dae.partial_fit, dae.score_samples):
        with pytest.raises(ValueError, match=message):
            method(spoil(X))
    assert dae.transform(spoil(X)).shape == (150, 5)


def test_log_loss_needs_logistic_outputs(X):
    with pytest.raises(
        ValueError, match="requires decoder_activation='logistic' or 'auto', got 'tanh'"
    ):
        make(loss="log_loss", decoder_activation="tanh").fit(X / X.max())


def shortened(value):
    return str(value)[:31]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("n_components", 2.5),
        ("corruption", "salt"),
        ("corruption", "none"),
        ("corruption_level", None),
        ("activation", "sigmoid"),
        ("decoder_activation", "sigmoid"),
        ("loss", "mse"),
        ("tied_weights", "yes"),
        ("solver", "lbfgs"),
        ("learning_rate_init", 0.0),
        ("learning_rate_init", 10**400),
        ("learning_rate_init", fractions.Fraction(10**400)),
        ("momentum", 1.0),
        ("nesterovs_momentum", "no"),
        ("beta_1", 1.0),
        ("beta_2", -0.1),
        ("epsilon", 0.0),
        ("epsilon", 10**400),
        ("alpha", -1.0),
        ("alpha", 10**400),
        ("reconstruction_sampling", 10**400),
        ("batch_size", 0),
        ("batch_size", "auto"),
        ("max_iter", 0),
        ("shuffle", 2),
        ("tol", -1.0),
        ("tol", 10**400),
        ("n_iter_no_change", 0),
        ("early_stopping", "auto"),
        ("validation_fraction", 1.0),
        ("warm_start", None),
        ("random_state", "seed"),
        ("verbose", -1),
        ("n_jobs", 0),
        ("n_jobs", 1.5),
    ],
    ids=shortened,
)
def test_bad_parameters(X, name, value):
    for method in ("fit", "partial_fit"):
        with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
            getattr(make(**{name: value}), method)(X)


def test_more_epochs_than_float64_counts(X):
    """Training that `tol` stops; the cosine does not come to an end."""
    many, constant = (
        make(max_iter=10**400, tol=1e9, n_iter_no_change=2, learning_rate=schedule).fit(X)
        for schedule in ("cosine", "constant")
    )
    np.testing.assert_array_equal(many.components_, constant.components_)


@pytest.mark.parametrize("n_components", [10**9, 10**12, 10**30, 10**400], ids=shortened)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_more_memory_than_there_is(n_components, method):
    X = np.random.default_rng(0).random((20, 10_000)).astype(np.float32)
    dae = make(n_components=n_components)
    with pytest.raises(MemoryError, match=rf"n_components={n_components} with 10000 features"):
        getattr(dae, method)(X)
    assert not hasattr(dae, "n_features_in_")


def test_memory_is_asked_before_it_is_taken(X, monkeypatch):
    """Not left to the allocation, which an operating system that overcommits always grants."""
    monkeypatch.setattr("dae._model.memory.available_memory", lambda: 2.0**20)
    make(n_components=1000).fit(X.astype(np.float32))
    with pytest.raises(MemoryError, match=r"n_components=2000000 .* at least 0\.1 GiB"):
        make(n_components=2_000_000).fit(X.astype(np.float32))


# ------------------------------------------------------------------ containers


def supervised(cls):
    return cls((3,), max_iter=1, fine_tune_max_iter=1, tol=None, random_state=0)


def calls_with(X):
    """Every method that reads X, of all estimators, as functions of another X."""
    y = np.arange(len(X)) % 2
    dae = make().fit(X)
    stack = dae_package.StackedDenoisingAutoencoder((3, 2), max_iter=1, tol=None).fit(X)
    classifier = supervised(dae_package.StackedDenoisingClassifier).fit(X, y)
    regressor = supervised(dae_package.StackedDenoisingRegressor).fit(X, y)
    calls = {
        f"{type(estimator).__name__}.{method}": getattr(estimator, method)
        for estimator in (dae, stack)
        for method in (
            "fit", "partial_fit", "transform", "reconstruct", "score_samples", "score", "corrupt",
        )
    }  # fmt: skip
    for estimator in (classifier, regressor):
        name = type(estimator).__name__
        calls[f"{name}.predict"] = estimator.predict
        for method in ("fit", "partial_fit"):
            calls[f"{name}.{method}"] = functools.partial(getattr(estimator, method), y=y)
    return calls


def test_masked_arrays(X):
    """Their masked values must not be used; those of X are missing entries (test_missing.py)."""
    masked = np.ma.masked_array(X, mask=X < np.quantile(X, 0.1))
    for call in calls_with(X).values():
        call(masked)
        call(np.ma.masked_array(X, mask=False))
        with pytest.raises(ValueError, match=r"X is a masked array with \d+ masked values"):
            call(masked + 1j)
    dae = make().fit(X)
    codes = np.ma.masked_array(dae.transform(X), mask=True)
    with pytest.raises(ValueError, match=r"X is a masked array .* X\.filled\(0\)"):
        dae.inverse_transform(codes)
    weight = np.ma.masked_array(np.ones(len(X)), mask=X[:, 0] > 5)
    with pytest.raises(ValueError, match="sample_weight is a masked array"):
        dae.fit(X, sample_weight=weight)
    target = np.ma.masked_array(X[:, 0], mask=X[:, 0] > 5)
    with pytest.raises(ValueError, match="y is a masked array"):
        supervised(dae_package.StackedDenoisingRegressor).fit(X, target)


def odd_columns(library, n):
    days = [datetime.datetime(2020, 1, 1 + k % 20) for k in range(n)]
    words = ["red", "blue"] * (n // 2)
    odd = {"words": words, "days": days, "spans": [day - days[0] for day in days]}
    if library.__name__ == "pandas":
        odd["kinds"] = library.Categorical(words)
        odd["things"] = [{"a": 1}] * n
    else:
        odd["kinds"] = library.Series(words, dtype=library.Categorical)
        odd["dates"] = [day.date() for day in days]
    return odd


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_are_not_numbers(X, library):
    """One sentence that names the column, its dtype and the remedy; `fit` and every use."""
    frames = pytest.importorskip(library)
    plain = frames.DataFrame({name: X[:, k] for k, name in enumerate("abcd")})
    calls = calls_with(plain)
    message = r"X has columns that are not numbers: 'd' \(\S.*\)\. Encode .*OneHotEncoder.* drop"
    for values in odd_columns(frames, len(X)).values():
        bad = frames.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "d": values})
        for call in calls.values():
            with pytest.raises(ValueError, match=message):
                call(bad)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_would_convert_to_numbers(X, library):
    """NumPy reads digits as numbers, and NumPy's dates among objects too."""
    frames = pytest.importorskip(library)
    digits = ["1", "2"] * (len(X) // 2)
    if library == "pandas":
        odd = {
            "str": digits,
            "str, NumPy": np.array(digits, dtype=object),
            "str, category": frames.Categorical(digits),
            "bytes": [b"1"] * len(X),
            "datetime64": frames.Series([np.datetime64("2020")] * len(X), dtype=object),
            "timedelta64": frames.Series([np.timedelta64(1, "s")] * len(X), dtype=object),
        }
    else:
        pairs = frames.Series(X[:, :2].tolist(), dtype=frames.Array(frames.Float64, 2))
        odd = {
            "str": digits,
            "str, category": frames.Series(digits, dtype=frames.Categorical),
            "bytes": [b"1"] * len(X),
            "struct": [{"x": 1.0}] * len(X),
            "array": pairs,
        }
    dae = make().fit(frames.DataFrame({name: X[:, k] for k, name in enumerate("abcd")}))
    for name, values in odd.items():
        bad = frames.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "d": values})
        message = rf"(?i)X has columns that are not numbers: 'd' \(.*{name.partition(',')[0]}"
        for method in (dae.fit, dae.transform):
            with pytest.raises(ValueError, match=message):
                method(bad)


def test_a_frame_without_rows_yet(X):
    polars = pytest.importorskip("polars")
    lazy = polars.DataFrame(X).lazy()
    dae = make().fit(X)
    for method in (dae.fit, dae.transform, dae.inverse_transform):
        with pytest.raises(ValueError, match=r"X is a polars LazyFrame, .* X\.collect\(\)"):
            method(lazy)


def test_columns_of_one_name(X):
    pandas = pytest.importorskip("pandas")
    if parse_version(sklearn.__version__) < parse_version("1.9"):
        pytest.skip("scikit-learn takes them")
    twice = pandas.DataFrame(X, columns=list("abca"))
    message = r"has several columns named 'a'\. Rename them"
    with pytest.raises(ValueError, match=f"X {message}"):
        make().fit(twice)
    with pytest.raises(ValueError, match=f"X_corrupted {message}"):
        make().fit(X, X_corrupted=twice)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("kind", ["DenoisingAutoencoder", "StackedDenoisingAutoencoder"])
def test_codes_in_another_order(X, library, kind):
    frames = pytest.importorskip(library)
    dae = getattr(dae_package, kind)(3, max_iter=1, tol=None, random_state=0).fit(X)
    codes = dae.transform(X)
    names = list(dae.get_feature_names_out())
    framed = frames.DataFrame(dict(zip(names, codes.T, strict=True)))
    expected = dae.inverse_transform(codes)
    np.testing.assert_array_equal(dae.inverse_transform(framed), expected)
    renamed = frames.DataFrame(dict(zip("cab", codes.T, strict=True)))
    np.testing.assert_array_equal(dae.inverse_transform(renamed), expected)
    with pytest.raises(ValueError, match=r"the columns in the order of get_feature_names_out\(\)"):
        dae.inverse_transform(framed[names[::-1]])


def test_only_dates(X):
    pandas = pytest.importorskip("pandas")
    days = pandas.DataFrame({"day": pandas.to_datetime(["2020-01-01", "2020-01-02"])})
    with pytest.raises(ValueError, match=r"not numbers: 'day' \(datetime64"):
        make().fit(days)
    with pytest.raises(ValueError, match="not numbers"):
        make().fit(days.to_numpy())


def test_series(X):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="Expected"):
        make().fit(pandas.Series(X[:, 0]))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_corrupted_copies_with_other_columns(X, library, method):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({name: X[:, k] for k, name in enumerate("abcd")})
    turned = frame[list("dcba")]
    renamed = frames.DataFrame({name: X[:, k] for k, name in enumerate("abcz")})
    train = getattr(make(), method)
    with pytest.raises(ValueError, match="X_corrupted must have the columns .* another order"):
        train(frame, X_corrupted=turned)
    with pytest.raises(ValueError, match="it lacks d and has z"):
        train(frame, X_corrupted=renamed)
    same = make().fit(frame, X_corrupted=frame)
    plain = make().fit(X, X_corrupted=X)
    np.testing.assert_array_equal(same.components_, plain.components_)


@pytest.mark.parametrize("weight", ["balanced", {0: 1.0, 1: 2.0}, [{}], object()])
def test_weights_that_are_not_numbers(X, weight):
    with pytest.raises(ValueError, match="sample_weight"):
        make().fit(X, sample_weight=weight)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("corruption_level", 0.25), ("learning_rate_init", 0.125), ("momentum", 0.5),
        ("alpha", 0.5), ("tol", 0.25), ("validation_fraction", 0.25), ("epsilon", 0.5),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fractions_are_numbers(X, name, value):
    how = {"solver": "sgd" if name == "momentum" else "adam", "early_stopping": True}
    fraction = make(**how | {name: fractions.Fraction(value)}).fit(X)
    plain = make(**how | {name: value}).fit(X)
    np.testing.assert_array_equal(fraction.components_, plain.components_)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.uint64])
@pytest.mark.parametrize(
    "make",
    [
        functools.partial(DenoisingAutoencoder, 3),
        functools.partial(dae_package.DenoisingOutlierDetector, 3),
        functools.partial(dae_package.StackedDenoisingAutoencoder, 3, fine_tune=True),
    ],
    ids=["layer", "detector", "stack"],
)
def test_a_batch_size_of_any_integer_type(X, make, dtype):
    """Numbers of samples are larger than some types hold; unsigned ones have no negative."""
    narrow = make(batch_size=dtype(64), random_state=0).fit(X)
    plain = make(batch_size=64, random_state=0).fit(X)
    np.testing.assert_array_equal(narrow.score_samples(X), plain.score_samples(X))


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("size", [1e37, 3e37])
def test_huge_values_of_both_signs_warn_of_nothing(size):
    """The sum that scikit-learn checks overflows in both directions."""
    X = (np.random.default_rng(0).normal(size=(200, 64)) * size).astype(np.float32)
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match="Training diverged"):
            getattr(make(), method)(X)
    make().fit(X / np.float32(size)).transform(X[::2])
