"""Saved, copied, damaged and resumed estimators."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from dae import DenoisingAutoencoder
from dae._estimator.version_stamp import STAMP, VersionMismatchWarning

WEIGHTS = ("components_", "decoder_components_", "intercept_hidden_", "intercept_visible_")


def make(**parameters):
    defaults = {
        "n_components": 5, "max_iter": 2, "tol": None, "batch_size": 16, "random_state": 0,
        "tied_weights": False, "learning_rate": "constant",
    }  # fmt: skip
    return DenoisingAutoencoder(**(defaults | parameters))


@pytest.fixture
def X():
    return np.random.default_rng(0).random((40, 7))


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def through_joblib(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


COPIES = {
    "pickle": through_pickle,
    "joblib": through_joblib,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("tied", [True, False])
def test_copies_are_equal(X, way, tied):
    dae = make(tied_weights=tied).fit(X)
    twin = COPIES[way](dae)
    for name in WEIGHTS:
        np.testing.assert_array_equal(getattr(twin, name), getattr(dae, name))
    np.testing.assert_array_equal(twin.transform(X), dae.transform(X))
    np.testing.assert_array_equal(twin.corrupt(X), dae.corrupt(X))
    assert np.shares_memory(twin.components_, twin.decoder_components_) == tied
    assert twin.loss_curve_ == dae.loss_curve_
    assert STAMP not in twin.__dict__


@pytest.mark.parametrize("way", ["pickle", "joblib", "deepcopy"])
def test_deep_copies_share_nothing(X, way):
    dae = make().fit(X)
    twin = COPIES[way](dae)
    before = twin.transform(X)
    dae.partial_fit(X)
    np.testing.assert_array_equal(twin.transform(X), before)


def test_clone_is_not_fitted(X):
    dae = make(corruption_level=np.full(7, 0.2)).fit(X)
    twin = clone(dae)
    assert not hasattr(twin, "components_")
    np.testing.assert_array_equal(twin.fit(X).components_, dae.components_)


@pytest.mark.parametrize("corruption", ["masking", "gaussian", "salt_and_pepper", "swap"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("tied", [True, False])
def test_continued_is_uninterrupted(X, corruption, solver, tied):
    parameters = {
        "corruption": corruption, "solver": solver, "tied_weights": tied,
        "learning_rate_init": 0.01,
    }  # fmt: skip
    whole, parts = make(**parameters), make(**parameters)
    for number in range(4):
        whole.partial_fit(X[10 * number :])
        parts = through_pickle(parts).partial_fit(X[10 * number :])
    for name in WEIGHTS:
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)
    assert parts.loss_curve_ == whole.loss_curve_


def test_warm_start_through_a_pickle(X):
    whole = make(max_iter=6).fit(X)
    first = make(max_iter=3, warm_start=True).fit(X)
    second = through_pickle(first).fit(X)
    for name in WEIGHTS:
        np.testing.assert_array_equal(getattr(second, name), getattr(whole, name))
    assert second.loss_curve_ == whole.loss_curve_


def test_a_memory_mapped_estimator(X, tmp_path):
    """Joblib can map the arrays read-only: fine to use, and copied before training goes on."""
    dae = make().fit(X)
    joblib.dump(dae, tmp_path / "dae.joblib")
    mapped = joblib.load(tmp_path / "dae.joblib", mmap_mode="r")
    assert not mapped.intercept_hidden_.flags.writeable
    np.testing.assert_array_equal(mapped.transform(X), dae.transform(X))
    np.testing.assert_array_equal(mapped.partial_fit(X).components_, dae.partial_fit(X).components_)


def test_pickles_do_not_grow(X, monkeypatch):
    monkeypatch.setattr("dae._training.run.HISTORY", 20)
    dae = make()
    sizes = []
    for _ in range(60):
        sizes.append(len(pickle.dumps(dae.partial_fit(X[:1]))))
    assert max(sizes[25:]) - min(sizes[25:]) < 40  # the counters' digits
    assert sizes[30] > sizes[0]  # the curve is in there


def test_no_training_data_in_the_pickle():
    X = np.random.default_rng(0).random((5000, 7))
    dae = make(corruption="swap", early_stopping=True).fit(X)
    assert len(pickle.dumps(dae)) < X.nbytes / 10


# ------------------------------------------------------------------ versions


def test_another_version_warns(X):
    dae = make().fit(X)
    state = dae.__getstate__()
    assert state[STAMP]
    for saved in ("0.0.1", None):
        state = dae.__getstate__() | {STAMP: saved}
        if saved is None:
            del state[STAMP]
        twin = DenoisingAutoencoder.__new__(DenoisingAutoencoder)
        with pytest.warns(VersionMismatchWarning, match=r"saved with dae .* loaded with"):
            twin.__setstate__(state)
        np.testing.assert_array_equal(twin.transform(X), dae.transform(X))


# ------------------------------------------------------------------ damaged states


def off_by_one_byte(array):
    buffer = np.empty(array.nbytes + 1, dtype=np.uint8)
    out = buffer[1:].view(array.dtype).reshape(array.shape)
    out[...] = array
    return out


DAMAGES = {
    "encoder missing rows": ("_encoder_weights", lambda a: a[:-1].copy()),
    "encoder too wide": ("_encoder_weights", lambda a: np.hstack([a, a])),
    "encoder without padding": ("_encoder_weights", lambda a: a[:, :5].copy()),
    "encoder empty": ("_encoder_weights", lambda a: a[:0]),
    "encoder flat": ("_encoder_weights", np.ravel),
    "encoder of another dtype": ("_encoder_weights", lambda a: a.astype(np.float32)),
    "encoder of integers": ("_encoder_weights", lambda a: a.astype(np.int64)),
    "encoder of objects": ("_encoder_weights", lambda a: a.astype(object)),
    "encoder big-endian": ("_encoder_weights", lambda a: a.astype(">f8")),
    "encoder in Fortran order": ("_encoder_weights", np.asfortranarray),
    "encoder unaligned": ("_encoder_weights", off_by_one_byte),
    "encoder a list": ("_encoder_weights", np.ndarray.tolist),
    "encoder a string": ("_encoder_weights", lambda a: "weights"),
    "decoder missing rows": ("_decoder_weights", lambda a: a[:-1].copy()),
    "decoder too narrow": ("_decoder_weights", lambda a: a[:, :-1].copy()),
    "decoder of another dtype": ("_decoder_weights", lambda a: a.astype(np.float32)),
    "decoder strided": ("_decoder_weights", lambda a: np.repeat(a, 2, axis=0)[::2]),
    "decoder a number": ("_decoder_weights", lambda a: 0.5),
    "hidden biases too few": ("intercept_hidden_", lambda a: a[:-1].copy()),
    "hidden biases too many": ("intercept_hidden_", lambda a: np.append(a, 0)),
    "hidden biases far too many": ("intercept_hidden_", lambda a: np.zeros(10**6)),
    "hidden biases two-dimensional": ("intercept_hidden_", lambda a: a[None]),
    "hidden biases of another dtype": ("intercept_hidden_", lambda a: a.astype(np.float32)),
    "hidden biases reversed": ("intercept_hidden_", lambda a: a[::-1]),
    "hidden biases gone": ("intercept_hidden_", lambda a: None),
    "visible biases too few": ("intercept_visible_", lambda a: a[:-1].copy()),
    "visible biases of strings": ("intercept_visible_", lambda a: a.astype(str)),
    "visible biases gone": ("intercept_visible_", lambda a: None),
    "activation unknown": ("_activation", lambda a: "softmax"),
    "activation a number": ("_activation", lambda a: 99),
    "decoder activation unknown": ("_decoder_activation", lambda a: None),
    "loss unknown": ("_loss", lambda a: "hinge"),
    "loss without its activation": ("_loss", lambda a: "log_loss"),
    "features": ("n_features_in_", lambda a: 6),
    "components": ("_n_features_out", lambda a: 6),
}

TRAINING_DAMAGES = {
    "moments a list": ("_moments", lambda m: list(m)),
    "moments of one array missing": ("_moments", lambda m: {**m, "encoder": m["encoder"][:1]}),
    "moments missing": ("_moments", lambda m: {}),
    "moments too small": (
        "_moments",
        lambda m: {**m, "encoder": tuple(a[:-1].copy() for a in m["encoder"])},
    ),
    "moments of another dtype": (
        "_moments",
        lambda m: {**m, "decoder": tuple(a.astype(np.float32) for a in m["decoder"])},
    ),
    "moments in Fortran order": (
        "_moments",
        lambda m: {**m, "encoder": tuple(np.asfortranarray(a) for a in m["encoder"])},
    ),
    "moments not arrays": ("_moments", lambda m: {**m, "hidden_bias": (1.0, 2.0)}),
    "steps negative": ("_n_steps", lambda n: -1),
    "steps a string": ("_n_steps", lambda n: "3"),
    "seed too large": ("_seed", lambda n: 2**64),
    "seed a float": ("_seed", lambda n: 0.5),
    "presentation negative": ("_presentation", lambda n: -3),
    "presentation gone": ("_presentation", lambda n: None),
}


def damaged(estimator, name, change):
    broken = copy.copy(estimator)
    broken.__dict__[name] = change(broken.__dict__[name])
    return broken


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_networks_raise(X, case):
    dae = make().fit(X)
    codes = dae.transform(X)
    broken = damaged(dae, *DAMAGES[case])
    broken.warm_start = True
    given = X[:, : broken.n_features_in_]  # so that the number of features is not the complaint
    for method, data in (
        (broken.transform, given),
        (broken.reconstruct, given),
        (broken.score_samples, given),
        (broken.inverse_transform, codes),
        (broken.corrupt, given),
        (broken.partial_fit, given),
        (broken.fit, given),
    ):
        with pytest.raises(ValueError, match=r"damaged|log_loss"):
            method(data)


@pytest.mark.parametrize("case", TRAINING_DAMAGES)
def test_damaged_solvers_raise(X, case):
    dae = make().fit(X)
    before = dae.components_.copy()
    broken = damaged(dae, *TRAINING_DAMAGES[case])
    broken.warm_start = True
    for method in (broken.partial_fit, broken.fit):
        with pytest.raises(ValueError, match="damaged"):
            method(X)
    np.testing.assert_array_equal(broken.components_, before)


@pytest.mark.parametrize(
    "value",
    [
        (np.zeros(6), np.ones(6)),
        (np.zeros(10**6), np.ones(10**6)),
        (np.zeros((7, 7)), np.ones(7)),
        (np.zeros(7),),
        (np.zeros(7, dtype=object), ["a"] * 7),
        (0.0, 1.0),
        "ab",
        7,
    ],
)
def test_damaged_ranges_raise(X, value):
    dae = make(corruption="salt_and_pepper").fit(X)
    broken = damaged(dae, "_feature_range", lambda old: value)
    for method in (broken.corrupt, broken.partial_fit):
        with pytest.raises(ValueError, match="damaged"):
            method(X)


@pytest.mark.parametrize("name", sorted({name for name, _ in DAMAGES.values()}))
def test_missing_attributes_raise(X, name):
    """Nothing is assumed to be there, or to mean what the parameters say."""
    dae = make().fit(X)
    del dae.__dict__[name]
    if name == "_encoder_weights":
        assert not hasattr(dae, "components_")
        return
    if name == "_decoder_weights":  # then the weights are tied
        assert dae.transform(X).shape == (40, 5)
        return
    with pytest.raises(ValueError, match="damaged"):
        dae.transform(X)


def test_changed_parameters_do_not_reach_the_core(X):
    dae = make().fit(X)
    before = dae.transform(X)
    dae.set_params(n_components=10**6, activation="tanh", tied_weights=True, loss="log_loss")
    np.testing.assert_array_equal(dae.transform(X), before)
    with pytest.raises(ValueError, match="has n_components=5; got n_components=1000000"):
        dae.partial_fit(X)
    np.testing.assert_array_equal(dae.transform(X), before)


def test_arrays_at_any_address_are_loaded():
    # as distributed sends them: all buffers of a pickle in one message
    X = np.random.default_rng(0).random((30, 9))
    dae = DenoisingAutoencoder(4, max_iter=2, tol=None, random_state=0).fit(X)
    buffers = []
    data = pickle.dumps(dae, protocol=5, buffer_callback=buffers.append)
    message = b"-" + b"".join(buffer.raw().tobytes() for buffer in buffers)
    start, parts = 1, []
    for buffer in buffers:
        parts.append(memoryview(message)[start : start + buffer.raw().nbytes])
        start += buffer.raw().nbytes
    loaded = pickle.loads(data, buffers=parts)
    np.testing.assert_array_equal(loaded.transform(X), dae.transform(X))
    np.testing.assert_array_equal(
        loaded.partial_fit(X).transform(X), dae.partial_fit(X).transform(X)
    )
