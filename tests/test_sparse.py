"""Sparse X: what every estimator does with it, beside the same rows dense."""

import pickle
import subprocess
import sys
import textwrap
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae._model.losses import LOSSES
from dae._training import feed

N_ROWS, N_FEATURES = 90, 53

CORRUPTIONS = {
    "masking": "masking",
    "gaussian": "gaussian",
    "salt_and_pepper": "salt_and_pepper",
    "swap": "swap",
    "none": None,
    "callable": lambda batch, rng: batch * (rng.random(batch.shape) < 0.7),
}


@pytest.fixture
def X():
    """Small counts, an empty row, a full row, a column of zeros."""
    rng = np.random.default_rng(0)
    X = rng.integers(1, 5, (N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.1)
    X[7], X[11], X[:, 13] = 0, 1, 0
    return sparse.csr_array(X.astype(np.float32))


def make(kind=DenoisingAutoencoder, **parameters):
    parameters = {
        "corruption_level": 0.3,
        "max_iter": 2,
        "tol": None,
        "learning_rate": "constant",
        "batch_size": 16,
        "random_state": 0,
    } | parameters
    if kind is DenoisingAutoencoder:
        return kind(**({"n_components": 9} | parameters))
    given = {"hidden_layer_sizes": (9, 6), "fine_tune_max_iter": 2} | parameters
    return kind(**given)


def target(X):
    return (np.asarray(X.sum(axis=1)).ravel() > 12).astype(int)


ESTIMATORS = {
    "autoencoder": lambda **how: make(**how),
    "stack": lambda **how: make(StackedDenoisingAutoencoder, **how),
    "fine-tuned stack": lambda **how: make(StackedDenoisingAutoencoder, fine_tune=True, **how),
    "classifier": lambda **how: make(StackedDenoisingClassifier, **how),
    "regressor": lambda **how: make(StackedDenoisingRegressor, **how),
}


def arrays_of(estimator):
    """All fitted arrays and numbers, by name."""
    found = {}

    def collect(name, value):
        if isinstance(value, dict):
            for key, part in value.items():
                collect(f"{name}.{key}", part)
        elif isinstance(value, (list, tuple)):
            for key, part in enumerate(value):
                collect(f"{name}.{key}", part)
        elif isinstance(value, (np.ndarray, float, int)):
            found[name] = value

    fitted = {name: value for name, value in vars(estimator).items() if name not in vars(make())}
    collect("", fitted)
    return {
        name: value for name, value in found.items() if "n_jobs" not in name and "bound" not in name
    }


def assert_same(sparse_one, dense_one):
    mine, theirs = arrays_of(sparse_one), arrays_of(dense_one)
    assert mine.keys() == theirs.keys()
    assert any("weights" in name or "encoder" in name for name in mine)
    for name, value in mine.items():
        if "largest_sane_loss" not in name:  # only bounds the loss; sums in another order
            np.testing.assert_array_equal(value, theirs[name], name)


# ------------------------------------------------------------------ the same bits as dense rows


@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_fit_is_that_of_dense_rows(X, name, corruption):
    how = {"corruption": CORRUPTIONS[corruption]}
    y = target(X)
    mine, theirs = ESTIMATORS[name](**how).fit(X, y), ESTIMATORS[name](**how).fit(X.toarray(), y)
    assert_same(mine, theirs)
    for method in ("transform", "reconstruct", "score_samples", "corrupt", "predict"):
        if hasattr(mine, method):
            np.testing.assert_array_equal(
                getattr(mine, method)(X), getattr(theirs, method)(X.toarray()), method
            )


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_solvers_and_threads(X, loss, solver, n_jobs, always_threads):
    if loss == "log_loss":
        X = X.astype(bool).astype(np.float32)
    how = {"loss": loss, "solver": solver, "learning_rate_init": 1e-3}
    mine, theirs = make(n_jobs=n_jobs, **how).fit(X), make(n_jobs=1, **how).fit(X.toarray())
    assert_same(mine, theirs)
    for method in ("transform", "reconstruct", "score_samples"):
        np.testing.assert_array_equal(
            getattr(mine, method)(X), getattr(theirs, method)(X.toarray())
        )


@pytest.mark.parametrize("emphasis", [None, (1, 0.5), (1, 0)])
@pytest.mark.parametrize("norm", [None, "l2"])
@pytest.mark.parametrize("name", ["autoencoder", "fine-tuned stack", "classifier"])
def test_companions_of_x(X, name, norm, emphasis):
    rng = np.random.default_rng(1)
    shown = X.multiply(sparse.csr_array(rng.random(X.shape) < 0.7)).tocsr()
    how = {"emphasis": emphasis, "input_norm": norm, "early_stopping": True}
    given = [{"sample_weight": rng.random(N_ROWS)}]
    if name != "classifier":
        given.append({"X_corrupted": shown})
    for more in given:
        dense = {k: v.toarray() if sparse.issparse(v) else v for k, v in more.items()}
        mine = ESTIMATORS[name](**how).fit(X, target(X), **more)
        theirs = ESTIMATORS[name](**how).fit(X.toarray(), target(X), **dense)
        assert_same(mine, theirs)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_partial_fit_and_warm_start(X, name):
    y = target(X)
    results = []
    for rows in (X, X.toarray()):
        estimator = ESTIMATORS[name](warm_start=True)
        first = {"classes": [0, 1]} if name == "classifier" else {}
        estimator.partial_fit(rows[:50], y[:50], **first).partial_fit(rows[50:], y[50:])
        results.append(estimator.fit(rows, y))
    assert_same(*results)


@pytest.mark.parametrize("norm", [None, "l2"])
def test_float64_rows_for_a_float32_network(X, norm):
    dae = make(input_norm=norm).fit(X)
    wide = X.astype(np.float64)
    for method in ("transform", "reconstruct", "score_samples"):
        mine = getattr(dae, method)(wide)
        np.testing.assert_array_equal(mine, getattr(dae, method)(wide.toarray()))
        assert mine.dtype == np.float64
    wide.data[3] = 1e300
    with pytest.raises(ValueError, match="too large for float32"):
        dae.transform(wide)


def test_all_codes_of_a_stack(X):
    stack = make(StackedDenoisingAutoencoder, output_layers="all").fit(X)
    np.testing.assert_array_equal(stack.transform(X), stack.transform(X.toarray()))


def test_blocks_do_not_matter(X, monkeypatch):
    how = {"input_norm": "l2", "early_stopping": True, "corruption": "salt_and_pepper"}
    whole = make(**how).fit(X)
    expected = [whole.transform(X), whole.score_samples(X), *whole.top_features(X, 4)]
    monkeypatch.setattr("dae._data.rows.BLOCK", 3 * N_FEATURES)
    assert_same(make(**how).fit(X), whole)
    found = [whole.transform(X), whole.score_samples(X), *whole.top_features(X, 4)]
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


# ------------------------------------------------------------------ what counts as sparse


def unsorted(X):
    X = X.copy()
    for i in range(X.shape[0]):
        part = slice(X.indptr[i], X.indptr[i + 1])
        X.indices[part], X.data[part] = X.indices[part][::-1].copy(), X.data[part][::-1].copy()
    return sparse.csr_array((X.data, X.indices, X.indptr), shape=X.shape)


def duplicated(X):
    coo = X.tocoo()
    half = np.concatenate([coo.data / 2, coo.data / 2])
    rows, columns = np.tile(coo.row, 2), np.tile(coo.col, 2)
    order = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=X.shape[0]))])
    return sparse.csr_array((half[order], columns[order], indptr), shape=X.shape)


def explicit_zeros(X):
    filled = sparse.csr_array(np.ones(X.shape, dtype=X.dtype))
    filled.data[:] = X.toarray().ravel()
    return filled


def spare_room(X):
    X = X.copy()
    X.data = np.append(X.data, np.nan).astype(X.dtype)
    X.indices = np.append(X.indices, 10**6).astype(X.indices.dtype)
    return X


def wide_indices(X):
    X = X.copy()
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


CONTAINERS = {
    "csr_matrix": sparse.csr_matrix,
    "csc_array": sparse.csc_array,
    "csc_matrix": sparse.csc_matrix,
    "coo_array": sparse.coo_array,
    "lil_array": sparse.lil_array,
    "dok_array": sparse.dok_array,
    "bsr_array": sparse.bsr_array,
    "unsorted": unsorted,
    "duplicated": duplicated,
    "explicit zeros": explicit_zeros,
    "spare room": spare_room,
    "wide indices": wide_indices,
    "counts of 8 bits": lambda X: X.astype(np.uint8),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers(X, container):
    given = CONTAINERS[container](X)
    before = pickle.dumps(given)
    mine, theirs = make().fit(given), make().fit(X)
    assert_same(mine, theirs)
    np.testing.assert_array_equal(mine.transform(given), theirs.transform(X))
    np.testing.assert_array_equal(mine.score_samples(given), theirs.score_samples(X))
    assert_same(mine.partial_fit(given, X_corrupted=given), theirs.partial_fit(X, X_corrupted=X))
    after = pickle.loads(before)
    if hasattr(given, "indptr"):
        for name in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(given, name), getattr(after, name))


def test_sparse_data_frames(X):
    pandas = pytest.importorskip("pandas")
    names = [f"word_{i}" for i in range(N_FEATURES)]
    frame = pandas.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X), columns=names)
    mine, theirs = make().fit(frame), make().fit(X)
    assert mine.components_.dtype == np.float32
    np.testing.assert_array_equal(mine.components_, theirs.components_)
    np.testing.assert_array_equal(mine.transform(frame), theirs.transform(X))
    assert list(mine.feature_names_in_) == names


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_sparse_data_frames_that_leave_out_another_value(value):
    pandas = pytest.importorskip("pandas")
    column = pandas.arrays.SparseArray([1.0, 0.0, 2.0] * 10, fill_value=value)
    frame = pandas.DataFrame({"a": column, "b": column})
    with pytest.raises(ValueError, match=r"another value than 0: 'a' \(Sparse.*X.sparse.to_dense"):
        make().fit(frame)
    make().fit(frame.sparse.to_dense())


def test_a_matrix_of_zeros():
    X = sparse.csr_array((20, 6), dtype=np.float32)
    mine, theirs = make().fit(X), make().fit(X.toarray())
    assert_same(mine, theirs)
    np.testing.assert_array_equal(mine.score_samples(X), theirs.score_samples(X.toarray()))


# ------------------------------------------------------------------ bad input


def decreasing(X):
    X.indptr[5] = X.indptr[-1]


def beyond(X):
    X.indices[4] = X.shape[1]


def negative(X):
    X.indices[4] = -1


def too_long(X):
    X.indptr[-1] += 5


def not_a_number(X):
    X.data[4] = np.nan


def infinite(X):
    X.data[4] = np.inf


BAD = {
    decreasing: "X must have an indptr that .* never decreases",
    too_long: "X must have an indptr that runs from 0 to the number of stored entries",
    beyond: r"X must have indices in \[0, 53\), got 0 to 53",
    negative: r"X must have indices in \[0, 53\), got -1 to 52",
    not_a_number: r"X is sparse and stores NaN. .* X\.toarray\(\)",
    infinite: "Input X contains infinity",
}


@pytest.mark.parametrize("method", ["fit", "partial_fit", "transform", "score_samples", "corrupt"])
@pytest.mark.parametrize("spoil", BAD)
def test_bad_matrices(X, spoil, method):
    dae = make().fit(X)
    before, weights = dict(dae.__dict__), dae.components_.copy()
    bad = X.copy()
    spoil(bad)
    with pytest.raises(ValueError, match=BAD[spoil]):
        getattr(dae, method)(bad)
    assert dae.__dict__ == before
    np.testing.assert_array_equal(dae.components_, weights)


@pytest.mark.parametrize("attribute", ["row", "col"])
def test_bad_coordinates(X, attribute):
    bad = sparse.coo_matrix(X)
    getattr(bad, attribute)[3] = 1000
    with pytest.raises(ValueError, match="X must have indices in"):
        make().fit(bad)


@pytest.mark.parametrize(
    ("part", "row", "message"),
    [
        ("rows", [1, 2, 3, 4], r"one column index for each value, got 4 indices and 2 values"),
        ("data", [1.0], r"one column index for each value, got 2 indices and 1 values in row 3"),
        ("data", ["a", 2.0], "lists of integers in rows and of numbers in data"),
        ("rows", (1, 2), "X must have lists in rows and data"),
        ("rows", [5, N_FEATURES], r"X must have indices in \[0, 53\)"),
    ],
)
def test_bad_lists(part, row, message):
    X = np.zeros((20, N_FEATURES), np.float32)
    X[:, :2] = 1
    bad = sparse.lil_array(X)
    getattr(bad, part)[3] = row
    dae = make().fit(X)
    for method in (dae.fit, dae.transform):
        with pytest.raises(ValueError, match=f"{message}.*Build it again"):
            method(bad)
    bad.rows = bad.rows[:5]
    with pytest.raises(ValueError, match="one list of columns and one of values for each .* 20 "):
        dae.fit(bad)


def test_bad_diagonals_and_blocks():
    bad = sparse.dia_array(np.eye(6))
    bad.offsets = np.array([0, 1])
    with pytest.raises(ValueError, match=r"one offset for each of its 1 diagonals.* got \[0 1\]"):
        make().fit(bad)
    bad = sparse.bsr_array(np.ones((4, 4)), blocksize=(2, 2))
    bad.data = np.ones((4, 3, 3))
    with pytest.raises(ValueError, match=r"blocks that divide its shape \(4, 4\), got \(3, 3\)"):
        make().fit(bad)


FORMATS = ["csr", "csc", "coo", "bsr", "dia"]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", ["f2", ">f4", ">f8", "O", "g"])
def test_values_of_another_type(X, kind, dtype):
    X = X[:40]
    given = X.asformat(kind)
    given.data = given.data.astype(dtype)
    wanted = np.float32 if dtype in ("f2", ">f4") else np.float64
    mine, theirs = make().fit(given), make().fit(X.astype(wanted))
    assert mine.components_.dtype == wanted
    np.testing.assert_array_equal(mine.components_, theirs.components_)
    np.testing.assert_array_equal(mine.transform(given), theirs.transform(X.astype(wanted)))
    assert given.data.dtype == dtype


BAD_VALUES = {
    "M8[s]": (lambda values: values.astype("i8").astype("M8[s]"), "numbers, got datetime64"),
    "m8[s]": (lambda values: values.astype("i8").astype("m8[s]"), "numbers, got timedelta64"),
    "text": (lambda values: values.astype(str), "X.data must be numbers, got text, <U"),
    "objects": (lambda values: np.full(values.shape, "1", object), "numbers, got object, with str"),
    "huge": (lambda values: np.full(values.shape, 10**400, object), "numbers too large"),
    "missing": (lambda values: np.full(values.shape, None), "X is sparse and stores NaN"),
    "none": (lambda values: None, "X.data must be an array of numbers .* got NoneType"),
    "list": (lambda values: values.tolist(), "X.data must be an array of numbers .* got list"),
    "dimensions": (lambda values: values[None], r"array of numbers in \d dimensions, got shape"),
    "masked": (lambda values: np.ma.masked_array(values, values > 2), "X.data is a masked array"),
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("case", BAD_VALUES)
def test_values_that_are_no_numbers(X, kind, case):
    spoil, message = BAD_VALUES[case]
    X = X[:40]
    dae = make().fit(X)
    bad = X.asformat(kind, copy=True)
    bad.data = spoil(bad.data)
    for method in (dae.fit, dae.transform):
        with pytest.raises(ValueError, match=message):
            method(bad)
    with pytest.raises(ValueError, match=message.replace("X", "X_corrupted")):
        dae.fit(X, X_corrupted=bad)


@pytest.mark.parametrize("method", ["partial_fit", "transform", "reconstruct", "top_features"])
def test_another_width(X, method):
    dae = make().fit(X)
    more = (3,) if method == "top_features" else ()
    with pytest.raises(ValueError, match="X has 50 features, but .* is expecting 53"):
        getattr(dae, method)(X[:, :50], *more)


def test_sparse_and_dense_do_not_mix(X):
    with pytest.raises(ValueError, match="X_corrupted must be sparse as X is, got dense rows"):
        make().fit(X, X_corrupted=X.toarray())
    with pytest.raises(ValueError, match="X_corrupted must be dense as X is, got sparse rows"):
        make().fit(X.toarray(), X_corrupted=X)


def test_bad_copies(X):
    bad = X.copy()
    bad.indices[4] = 99
    with pytest.raises(ValueError, match="X_corrupted must have indices in"):
        make().fit(X, X_corrupted=bad)
    with pytest.raises(ValueError, match="X_corrupted must have the shape of X"):
        make().fit(X, X_corrupted=X[1:])


@pytest.mark.parametrize("loss", ["log_loss", "poisson", "multinomial"])
def test_values_that_a_loss_does_not_allow(X, loss):
    X.data[3] = -2
    with pytest.raises(ValueError, match=f"loss='{loss}' requires X in .*got values from -2"):
        make(loss=loss).fit(X)


@pytest.mark.parametrize("method", ["reconstruct", "corrupt"])
def test_results_larger_than_memory(X, method, monkeypatch):
    dae = make().fit(X)
    starts = np.ones(10**6 + 1, dtype=np.int64)
    starts[0] = 0
    one = np.ones(1, np.float32), np.zeros(1, np.int64), starts
    tall = sparse.csr_array(one, shape=(10**6, N_FEATURES))
    monkeypatch.setattr("dae._model.memory.available_memory", lambda: 2e8)
    with pytest.raises(MemoryError, match=rf"{method} of 1000000 rows .* 0\.2 GiB"):
        getattr(dae, method)(tall)


# ------------------------------------------------------------------ rows of unit length


def unit(X):
    dense = (X.toarray() if sparse.issparse(X) else X).astype(np.float64)
    lengths = np.linalg.norm(dense, axis=1, keepdims=True)
    return (dense / np.where(lengths > 0, lengths, 1)).astype(X.dtype)


@pytest.mark.parametrize("container", [sparse.csr_array, np.asarray])
def test_input_norm_scales_what_is_encoded(X, container):
    rows = X if container is sparse.csr_array else X.toarray()
    dae = make(input_norm="l2").fit(rows)
    plain = make().fit(rows)
    plain.__dict__ |= {name: vars(dae)[name] for name in ("_encoder_weights", "_decoder_weights")}
    plain.intercept_hidden_, plain.intercept_visible_ = (
        dae.intercept_hidden_,
        dae.intercept_visible_,
    )
    np.testing.assert_allclose(dae.transform(rows), plain.transform(unit(X)), rtol=1e-4, atol=1e-6)
    z = plain.reconstruct(unit(X))
    np.testing.assert_allclose(dae.reconstruct(rows), z, rtol=1e-4, atol=1e-6)
    loss = ((z - X.toarray()) ** 2).sum(axis=1)
    np.testing.assert_allclose(dae.score_samples(rows), -loss, rtol=1e-4)


def test_input_norm_in_training_is_that_of_the_corrupted_row(X):
    mine = make(input_norm="l2", shuffle=False, max_iter=1).fit(X)
    shown = unit(make(shuffle=False, max_iter=1).partial_fit(X).corrupt(X, presentation=1))
    theirs = make(corruption=None, shuffle=False, max_iter=1)
    theirs.fit(X.toarray(), X_corrupted=shown)
    np.testing.assert_allclose(mine.components_, theirs.components_, rtol=1e-4, atol=1e-6)


def test_input_norm_of_own_copies_is_their_own(X):
    shown = sparse.csr_array(np.round(X.toarray() * 0.6))
    mine = make(input_norm="l2").fit(X, X_corrupted=shown)
    theirs = make().fit(X.toarray(), X_corrupted=unit(shown))
    np.testing.assert_allclose(mine.components_, theirs.components_, rtol=1e-3, atol=1e-5)


def test_input_norm_is_that_of_the_fit(X):
    dae = make(input_norm="l2").fit(X)
    expected = dae.transform(X)
    dae.set_params(input_norm=None)
    np.testing.assert_array_equal(dae.transform(X), expected)
    with pytest.raises(ValueError, match="which has input_norm='l2'; got input_norm=None"):
        dae.partial_fit(X)
    for damage in ("l1", 2, np.zeros(3), ["l2"]):
        dae._input_norm = damage
        with pytest.raises(ValueError, match="_input_norm must be None or one of"):
            dae.transform(X)


def test_input_norm_of_pretrained_layers(X):
    stack = make(StackedDenoisingAutoencoder, input_norm="l2").fit(X)
    with pytest.raises(ValueError, match="input_norm must be that of pretrained, 'l2', got"):
        make(StackedDenoisingClassifier, pretrained=stack).fit(X, target(X))
    how = {"pretrained": stack, "input_norm": "l2"}
    assert make(StackedDenoisingClassifier, **how).fit(X, target(X)).predict(X).shape == (N_ROWS,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_too_short_to_scale(dtype):
    X = np.zeros((4, 3), dtype)
    X[1, 1], X[2] = np.finfo(dtype).smallest_subnormal, 1
    dae = make(input_norm="l2").fit(X)
    codes = dae.transform(X)
    assert np.isfinite(codes).all()
    np.testing.assert_array_equal(codes[0], codes[3])
    np.testing.assert_array_equal(codes, dae.transform(sparse.csr_array(X)))


# ------------------------------------------------------------------ sampled reconstruction


SAMPLED = {"reconstruction_sampling": 1.0, "loss": "squared_error"}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_sampling_does_not_depend_on_threads(X, name, always_threads):
    fitted = [ESTIMATORS[name](n_jobs=k, **SAMPLED).fit(X, target(X)) for k in (1, 2, 3)]
    assert_same(fitted[0], fitted[1])
    assert_same(fitted[0], fitted[2])
    exact = ESTIMATORS[name]().fit(X, target(X))
    assert not np.array_equal(exact.components_, fitted[0].components_)


def test_sampling_is_of_the_first_layer_alone(X):
    exact, sampled = (
        make(StackedDenoisingAutoencoder, max_iter=[2, 0], reconstruction_sampling=r).fit(X)
        for r in (None, 1e6)
    )
    # all zeros are drawn, so that only the order of the sums differs
    np.testing.assert_allclose(exact.coefs_[0], sampled.coefs_[0], rtol=1e-3, atol=1e-5)
    how = {"fine_tune": True, "max_iter": 0}
    stacks = [
        make(StackedDenoisingAutoencoder, reconstruction_sampling=r, **how).fit(X)
        for r in (None, 1.0)
    ]
    assert_same(*stacks)


def test_sampled_loss_curve_estimates_the_loss(X):
    """Means of many presentations at a learning rate of nothing, and the exact loss."""
    how = {"corruption": None, "learning_rate_init": 1e-30, "solver": "sgd", "max_iter": 400}
    losses = make(reconstruction_sampling=0.5, **how).fit(X).loss_curve_
    (exact,) = make(**how | {"max_iter": 1}).fit(X).loss_curve_
    error = np.std(losses) / np.sqrt(len(losses))
    assert 0 < error < 0.02 * exact
    assert abs(np.mean(losses) - exact) < 4 * error


def test_validation_of_sampled_training_is_exact(X):
    how = {"early_stopping": True, "learning_rate_init": 1e-30, "solver": "sgd"}
    sampled, exact = make(reconstruction_sampling=0.5, **how).fit(X), make(**how).fit(X)
    assert sampled.loss_curve_ != exact.loss_curve_
    assert sampled.validation_loss_curve_ == exact.validation_loss_curve_


def test_sampled_partial_fit_is_an_epoch_of_fit(X):
    fitted = make(**SAMPLED, max_iter=3).fit(X)
    passes = make(**SAMPLED)
    for _ in range(3):
        passes = pickle.loads(pickle.dumps(passes.partial_fit(X)))
    np.testing.assert_array_equal(passes.components_, fitted.components_)
    continued = make(**SAMPLED, max_iter=1, warm_start=True).fit(X).fit(X).fit(X)
    np.testing.assert_array_equal(continued.components_, fitted.components_)


def test_weights_that_no_sample_asks_for_do_not_move():
    X = sparse.csr_array(([1.0, 2.0], ([0, 1], [3, 5])), shape=(2, 1000))
    dae = make(**SAMPLED, max_iter=1, alpha=0.1).fit(X)
    start = make(max_iter=1, solver="sgd", learning_rate_init=1e-300, corruption=None).fit(X)
    moved = (dae.components_ != start.components_).any(axis=0)
    assert moved[[3, 5]].all()
    assert moved.sum() <= 4


@pytest.mark.parametrize("emphasis", [(1, 0.5), (1, 0)])
def test_sampling_with_companions(X, emphasis):
    rng = np.random.default_rng(1)
    shown = sparse.csr_array(X.toarray() * (rng.random(X.shape) < 0.7))
    how = {"emphasis": emphasis, "input_norm": "l2", "early_stopping": True, **SAMPLED}
    dae = make(corruption="gaussian", **how).fit(X, rng.random(N_ROWS), X_corrupted=shown)
    assert np.isfinite(dae.loss_curve_).all()


def test_sampling_learns(X):
    """The exact loss falls about as far as with all features."""
    how = {"max_iter": 60, "learning_rate_init": 0.01}
    exact, sampled = make(**how).fit(X), make(reconstruction_sampling=3.0, **how).fit(X)
    before = make(**how | {"max_iter": 1}).fit(X).score(X)
    assert sampled.score(X) - before > 0.8 * (exact.score(X) - before) > 0


@pytest.mark.parametrize(
    ("how", "dense", "message"),
    [
        ({}, True, r"sparse X, got a dense array\. Pass scipy\.sparse\.csr_array"),
        ({"corruption": "gaussian"}, False, r".*got corruption='gaussian'\. Use"),
        ({"corruption": "swap"}, False, "a corruption that keeps zeros"),
        ({"corruption": lambda x, rng: x}, False, "a corruption that keeps zeros"),
        ({"loss": "multinomial"}, False, r"a loss .*got loss='multinomial'"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", ["autoencoder", "stack"])
def test_what_cannot_be_sampled(X, name, method, how, dense, message):
    estimator = ESTIMATORS[name](reconstruction_sampling=1.0, **how)
    with pytest.raises(ValueError, match="reconstruction_sampling=1.0 requires " + message):
        getattr(estimator, method)(X.toarray() if dense else X)
    assert not hasattr(estimator, "n_features_in_")


def test_interrupted_sampling_keeps_the_last_epoch(X, monkeypatch):
    calls = []

    def interrupt(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train(*args, **kwargs)

    expected = make(**SAMPLED, max_iter=2).fit(X)
    train = feed.train_sampled
    monkeypatch.setattr(feed, "train_sampled", interrupt)
    with pytest.warns(UserWarning, match="interrupted after 2 complete epochs"):
        stopped = make(**SAMPLED, max_iter=9).fit(X)
    np.testing.assert_array_equal(stopped.components_, expected.components_)


# ------------------------------------------------------------------ the best features


def best_by_sorting(z, known, k):
    indices = np.full((len(z), k), -1)
    values = np.full((len(z), k), np.nan, z.dtype)
    for i, row in enumerate(z):
        order = [j for j in np.argsort(-row, kind="stable") if not known[i, j]][:k]
        indices[i, : len(order)], values[i, : len(order)] = order, row[order]
    return indices, values


@pytest.mark.parametrize("exclude_known", [True, False])
@pytest.mark.parametrize("k", [1, 5, N_FEATURES])
@pytest.mark.parametrize("name", ["autoencoder", "stack"])
def test_top_features(X, name, k, exclude_known):
    estimator = ESTIMATORS[name](input_norm="l2").fit(X)
    known = (X.toarray() != 0) & exclude_known
    expected = best_by_sorting(estimator.reconstruct(X), known, k)
    for rows in (X, X.toarray()):
        found = estimator.top_features(rows, k, exclude_known=exclude_known)
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype


def test_top_features_of_equal_values_and_full_rows(X):
    dae = make(decoder_activation="relu").fit(X)
    dae.intercept_visible_[:] = -100  # every reconstruction is 0
    indices, values = dae.top_features(X, 4)
    dense = X.toarray()
    for i, row in enumerate(indices):
        unknown = np.flatnonzero(dense[i] == 0)[:4]
        np.testing.assert_array_equal(row[: len(unknown)], unknown)
        assert (row[len(unknown) :] == -1).all()
        assert np.isnan(values[i, len(unknown) :]).all()
    assert (indices[11] == -1).sum() == 3  # a full row, but for the column of zeros


@pytest.mark.parametrize("k", [0, N_FEATURES + 1, 2.0, True, None])
def test_bad_k(X, k):
    with pytest.raises(ValueError, match=r"k must be an integer from 1 to .*53, got"):
        make().fit(X).top_features(X, k)


# ------------------------------------------------------------------ memory


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_csr_is_not_copied(dtype, monkeypatch):
    """Peak memory of Python's and NumPy's allocations, beside the size of X."""
    monkeypatch.setattr("dae._data.rows.BLOCK", 2**14)
    monkeypatch.setattr("dae._model.csr._BLOCK", 2**14)
    n_rows, per_row = 2000, 500
    columns = np.tile(np.arange(0, 2 * per_row, 2, dtype=np.int32), n_rows)
    starts = np.arange(0, len(columns) + 1, per_row, dtype=np.int32)
    X = sparse.csr_array((np.ones(len(columns), dtype), columns, starts), (n_rows, 2 * per_row))
    dae = make(reconstruction_sampling=1.0, max_iter=1)
    dae.fit(X[:50])
    for method in (dae.fit, dae.partial_fit, dae.transform):
        tracemalloc.start()
        method(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.11 * (X.data.nbytes + X.indices.nbytes), method  # no mask of them


PROGRAM = """
import resource
import sys

import numpy as np
from scipy import sparse
from dae import DenoisingAutoencoder

rng = np.random.default_rng(0)
n_rows, n_features, per_row = 20_000, 50_000, 10
columns = rng.integers(0, n_features, n_rows * per_row)
starts = np.arange(0, n_rows * per_row + 1, per_row)
X = sparse.csr_array((np.ones(len(columns), np.float32), columns, starts), (n_rows, n_features))
X.sum_duplicates()
dae = DenoisingAutoencoder(
    4, max_iter=1, tol=None, early_stopping=True, validation_fraction=0.01, random_state=0,
    reconstruction_sampling=1.0, input_norm="l2", batch_size=64,
)
dae.fit(X[:100])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dae.fit(X)
dae.transform(X)
dae.top_features(X[:200], 3)
dae.score_samples(X[:200])
more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(more if sys.platform == "darwin" else 1024 * more)
"""


def test_peak_memory_is_far_below_the_dense_matrix():
    """4 GB when dense; the weights, their moments and copies are a few megabytes."""
    pytest.importorskip("resource")
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(result.stdout) < 200e6
