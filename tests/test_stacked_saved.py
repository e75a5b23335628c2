"""Stacks that are saved, copied, damaged or changed after fit."""

import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
from estimators import state_of
from sklearn.base import clone
from stacks import assert_same, make

from dae import (
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
)
from dae._estimator.version_stamp import STAMP, VersionMismatchWarning


@pytest.fixture
def X():
    return np.random.default_rng(0).random((50, 9))


# ------------------------------------------------------------------ saved, copied, damaged


def test_copies_are_equal(X):
    sdae = make(fine_tune=True, output_layers="all").fit(X)
    buffer = io.BytesIO()
    joblib.dump(sdae, buffer)
    buffer.seek(0)
    for twin in (pickle.loads(pickle.dumps(sdae)), joblib.load(buffer)):
        assert_same(sdae, twin)
        np.testing.assert_array_equal(twin.transform(X), sdae.transform(X))
        assert np.shares_memory(twin.coefs_[0], twin.decoder_coefs_[0])
        assert STAMP not in twin.__dict__
    assert not hasattr(clone(sdae), "coefs_")


def test_memory_mapped(X, tmp_path):
    sdae = make(fine_tune=True).fit(X)
    joblib.dump(sdae, tmp_path / "sdae.joblib")
    mapped = joblib.load(tmp_path / "sdae.joblib", mmap_mode="r")
    np.testing.assert_array_equal(mapped.transform(X), sdae.transform(X))
    assert_same(mapped.partial_fit(X), sdae.partial_fit(X))


def test_skops(X):
    io = pytest.importorskip("skops.io")
    sdae = make(fine_tune=True).fit(X)
    data = io.dumps(sdae)
    trusted = io.get_untrusted_types(data=data)
    assert trusted == ["dae.stacked.StackedDenoisingAutoencoder"]
    twin = io.loads(data, trusted=trusted)
    np.testing.assert_array_equal(twin.transform(X), sdae.transform(X))


def test_another_version_warns(X):
    state = make().fit(X).__getstate__() | {STAMP: "0.0.1"}
    twin = StackedDenoisingAutoencoder.__new__(StackedDenoisingAutoencoder)
    with pytest.warns(VersionMismatchWarning, match=r"saved with dae 0\.0\.1"):
        twin.__setstate__(state)


def test_no_training_data_in_the_pickle():
    X = np.random.default_rng(0).random((5000, 7))
    sdae = make(corruption="swap", early_stopping=True, fine_tune=True, max_iter=1).fit(X)
    assert len(pickle.dumps(sdae)) < X.nbytes / 10


def spoil_layer(name, change, k=1):
    def spoil(state):
        state["_layers"][k][name] = change(state["_layers"][k][name])

    return spoil


DAMAGES = {
    "encoder missing rows": spoil_layer("encoder", lambda a: a[:-1].copy()),
    "encoder a list": spoil_layer("encoder", np.ndarray.tolist),
    "encoder of another dtype": spoil_layer("encoder", lambda a: a.astype(np.float32)),
    "decoder too narrow": spoil_layer("decoder", lambda a: a[:, :-1].copy()),
    "biases gone": spoil_layer("hidden_bias", lambda a: None),
    "visible biases gone": spoil_layer("visible_bias", lambda a: None),
    "activation unknown": spoil_layer("activation", lambda a: "softmax"),
    "a layer missing": lambda state: state["_layers"].pop(1),
    "layers gone": lambda state: state["_layers"].clear(),
    "layers no list": lambda state: state.update(_layers="layers"),
    "features": lambda state: state.update(n_features_in_=8),
}

TRAINING_DAMAGES = {
    "a stage missing": lambda state: state["_stages"].pop(),
    "stages no list": lambda state: state.update(_stages=3),
    "seed": lambda state: state["_stages"][1].update(_seed=-1),
    "moments": lambda state: state["_stages"][1].update(_moments={}),
    "curve gone": lambda state: state["_stages"][1].pop("loss_curve_"),
}


@pytest.mark.parametrize("case", [*DAMAGES, *TRAINING_DAMAGES])
def test_damaged_states_raise(X, case):
    sdae = make(tied_weights=False).fit(X)
    H = sdae.transform(X)
    state = pickle.loads(pickle.dumps(sdae.__getstate__()))
    (DAMAGES | TRAINING_DAMAGES)[case](state)
    broken = StackedDenoisingAutoencoder.__new__(StackedDenoisingAutoencoder)
    broken.__setstate__(state)
    broken.warm_start = True
    X = X[:, : broken.n_features_in_]
    calls = [(broken.fit, X), (broken.partial_fit, X)]
    if case in DAMAGES:
        calls += [(broken.transform, X), (broken.reconstruct, X), (broken.inverse_transform, H)]
    for method, data in calls:
        with pytest.raises(ValueError, match="damaged"):
            method(data)


@pytest.mark.parametrize("mapped", [True, False])
def test_float_data_are_not_copied(tmp_path, mapped):
    """Peak memory while `fit` and its kin run; of what is made of X only the codes are whole."""
    import tracemalloc

    X = np.random.default_rng(0).random((4000, 256)).astype(np.float32)
    if mapped:
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    y = np.arange(4000) % 3
    sdae = make((8, 2), fine_tune=True, max_iter=1, early_stopping=True)
    labelled = StackedDenoisingClassifier((8, 2), max_iter=1, fine_tune_max_iter=1, tol=None)
    calls = {
        "fit": lambda: sdae.fit(X),
        "partial_fit": lambda: sdae.set_params(early_stopping=False).partial_fit(X),
        "transform": lambda: sdae.transform(X),
        "fit with labels": lambda: labelled.fit(X, y),
        "predict": lambda: labelled.predict(X),
    }
    for name, call in calls.items():
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        training = 2**23 * ("fit" in name)  # blocks, in float64, to look for the largest row
        assert peak < 0.5 * X.nbytes + training, name


def test_inference_writes_nothing(X):
    sdae = make(output_layers="all").fit(X)
    before = dict(sdae.__dict__)
    values = state_of(sdae)
    for method in ("transform", "reconstruct", "score_samples", "score", "corrupt"):
        getattr(sdae, method)(X)
    sdae.inverse_transform(sdae.transform(X))
    assert all(sdae.__dict__[name] is before[name] for name in before)
    np.testing.assert_equal(state_of(sdae), values)


def test_the_displays_take_it(X):
    pytest.importorskip("matplotlib")
    from dae.inspection import FiltersDisplay, LossCurveDisplay, ReconstructionDisplay

    sdae = make().fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FiltersDisplay.from_estimator(sdae)
        LossCurveDisplay.from_estimator(sdae)
        ReconstructionDisplay.from_estimator(sdae, X, image_shape=(3, 3))


@pytest.mark.parametrize("fine_tune", [True, False])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", (6, 7, 4)), ("activation", "tanh"), ("loss", "log_loss"),
        ("decoder_activation", "tanh"), ("tied_weights", False),
    ],
)  # fmt: skip
def test_partial_fit_says_what_it_cannot_change(name, value, fine_tune):
    X = np.random.default_rng(0).random((20, 5))
    sdae = StackedDenoisingAutoencoder((6, 5, 4), fine_tune=fine_tune, random_state=0).partial_fit(
        X
    )
    sdae.set_params(**{name: value})
    with pytest.raises(ValueError, match=rf"partial_fit continues .*; got {name}=.*set_params\("):
        sdae.partial_fit(X)
