"""Files of skops: all that a reader has to trust is the estimator's own class.

What else an estimator consists of, skops knows: numbers, strings, lists, dicts and arrays.
"""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae.image import ImageDenoiser

QUICK = {"max_iter": 2, "tol": None, "random_state": 0}
TUNED = {"fine_tune_max_iter": 2, **QUICK}

STACK = "dae.stacked.StackedDenoisingAutoencoder"

# what is saved, how it is used, and what has to be trusted
CASES = {
    "autoencoder": (
        DenoisingAutoencoder(8, **QUICK),
        "transform",
        ["dae.autoencoder.DenoisingAutoencoder"],
    ),
    "untied, momentum": (
        DenoisingAutoencoder(8, tied_weights=False, solver="sgd", **QUICK),
        "score_samples",
        ["dae.autoencoder.DenoisingAutoencoder"],
    ),
    "stack": (StackedDenoisingAutoencoder((8, 5), fine_tune=True, **TUNED), "transform", [STACK]),
    "classifier": (
        StackedDenoisingClassifier((8, 5), **TUNED),
        "predict_proba",
        ["dae.classifier.StackedDenoisingClassifier"],
    ),
    "classifier of pretrained layers": (
        StackedDenoisingClassifier((8,), pretrained="a stack", **TUNED),
        "predict_proba",
        ["dae.classifier.StackedDenoisingClassifier", STACK],
    ),
    "regressor": (
        StackedDenoisingRegressor((8, 5), **TUNED),
        "predict",
        ["dae.regressor.StackedDenoisingRegressor"],
    ),
    "pipeline": (
        make_pipeline(MinMaxScaler(), DenoisingAutoencoder(8, **QUICK), LogisticRegression()),
        "predict_proba",
        ["dae.autoencoder.DenoisingAutoencoder"],
    ),
}


@pytest.fixture
def io():
    return pytest.importorskip("skops.io")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_round_trip(io, tmp_path, case, dtype):
    X, y = load_digits(return_X_y=True)
    X, y = (X[:200] / 16).astype(dtype), y[:200]
    model, method, trusted = CASES[case]
    if getattr(model, "pretrained", None) == "a stack":
        stack = StackedDenoisingAutoencoder((8,), **QUICK).fit(X)
        model = type(model)((8,), pretrained=stack, **TUNED)
    model.fit(X, y)
    path = tmp_path / "model.skops"
    io.dump(model, path)
    assert io.get_untrusted_types(file=path) == trusted
    with pytest.raises(TypeError, match="[Uu]ntrusted"):
        io.load(path)
    twin = io.load(path, trusted=trusted)
    np.testing.assert_array_equal(getattr(twin, method)(X), getattr(model, method)(X))
    if case != "pipeline":  # and training continues as if there had been no file
        for copy in (model, twin):
            copy.partial_fit(X, y)
        np.testing.assert_array_equal(getattr(twin, method)(X), getattr(model, method)(X))


def test_denoiser(io):
    denoiser = ImageDenoiser.pretrained()
    data = io.dumps(denoiser)
    trusted = io.get_untrusted_types(data=data)
    network = "dae.image.convolutional.ConvolutionalAutoencoder"
    assert trusted == ["dae.image.ImageDenoiser", network]
    noisy = np.random.default_rng(0).random((20, 20), dtype=np.float32)
    found = io.loads(data, trusted=trusted).transform(noisy, sigma=0.1)
    np.testing.assert_array_equal(found, denoiser.transform(noisy, sigma=0.1))


def noise(batch, rng):
    return batch + 0.1 * rng.standard_normal(batch.shape, dtype=batch.dtype)


def test_a_corruption_of_ones_own_has_to_be_trusted_too(io):
    X = np.random.default_rng(0).random((30, 6))
    model = DenoisingAutoencoder(4, corruption=noise, **QUICK).fit(X)
    data = io.dumps(model)
    trusted = io.get_untrusted_types(data=data)
    assert trusted == ["dae.autoencoder.DenoisingAutoencoder", f"{__name__}.noise"]
    twin = io.loads(data, trusted=trusted)
    assert twin.corruption is noise
    np.testing.assert_array_equal(
        twin.partial_fit(X).transform(X), model.partial_fit(X).transform(X)
    )
