"""Pickles and model files written before the package was cut into rooms load and continue.

`data/before_rooms` was written by commit ef19e96, with what the estimators answered then.
"""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae.image import ImageDenoiser

SAVED = Path(__file__).parent / "data" / "before_rooms"
KINDS: dict[str, type] = {
    "autoencoder": DenoisingAutoencoder,
    "autoencoder_swap_sgd": DenoisingAutoencoder,
    "stacked": StackedDenoisingAutoencoder,
    "classifier": StackedDenoisingClassifier,
    "regressor": StackedDenoisingRegressor,
}
# what the denoiser of that commit measured in the picture
SIGMA = 0.19607843137254902
# float32 sums differ in their last bits between SIMD levels
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}


def unpickled(name: str) -> Any:
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        pytest.skip("the pickles were written with NumPy 2, which NumPy 1 cannot read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return pickle.loads((SAVED / f"{name}.pkl").read_bytes())


@pytest.fixture(scope="module")
def expected() -> Any:
    with np.load(SAVED / "expected.npz") as file:
        return dict(file)


def answer(estimator: Any, X: np.ndarray) -> np.ndarray:
    return estimator.predict(X) if hasattr(estimator, "predict") else estimator.transform(X)


@pytest.mark.parametrize("name", KINDS)
def test_a_pickled_estimator_answers_as_it_did(name: str, expected: Any) -> None:
    estimator = unpickled(name)
    assert type(estimator) is KINDS[name]
    np.testing.assert_allclose(answer(estimator, expected["X"]), expected[name], **CLOSE)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "autoencoder_swap_sgd"])
def test_a_pickled_estimator_continues_as_it_would_have(name: str, expected: Any) -> None:
    estimator, X = unpickled(name), expected["X"]
    y = {"classifier": np.arange(40) % 3, "regressor": expected["regressor"]}.get(name)
    if name == "regressor":  # the target was not kept: that a pass changes the answer will do
        before = answer(estimator, X)
        assert not np.array_equal(answer(estimator.partial_fit(X, y + 1), X), before)
        return
    estimator.partial_fit(X) if y is None else estimator.partial_fit(X, y)
    np.testing.assert_allclose(answer(estimator, X), expected[f"{name}_continued"], **CLOSE)


@pytest.mark.parametrize("suffix", ["pkl", "npz"])
@pytest.mark.parametrize("noise", ["gaussian", "masking"])
def test_a_saved_denoiser_cleans_as_it_did(noise: str, suffix: str, expected: Any) -> None:
    name, picture = f"denoiser_{noise}", expected["picture"]
    denoiser = unpickled(name) if suffix == "pkl" else ImageDenoiser.load(SAVED / f"{name}.npz")
    cleaned = (
        denoiser.transform(picture, sigma=SIGMA)
        if noise == "gaussian"
        else denoiser.transform(picture, mask=picture < 0.2)
    )
    np.testing.assert_allclose(cleaned, expected[name], **CLOSE)
