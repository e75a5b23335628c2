"""It learns what theory and common sense say it should."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from dae import DenoisingAutoencoder


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_linear_autoencoder_finds_the_pca_subspace(tied, solver):
    """Baldi & Hornik (1989): the optimum of the squared error is the projection by PCA."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 10)) * np.array([3, 2.5, 2, *[0.3] * 7])
    X = X @ np.linalg.qr(rng.normal(size=(10, 10)))[0]
    X -= X.mean(axis=0)
    rate = {"sgd": 1e-3, "adam": 5e-3}[solver]
    dae = DenoisingAutoencoder(
        3, corruption=None, activation="identity", tied_weights=tied, solver=solver,
        learning_rate_init=rate, batch_size=50, max_iter=300, tol=None, random_state=0,
    ).fit(X)  # fmt: skip
    pca = PCA(3).fit(X)
    angle = subspace_angles(dae.decoder_components_.T, pca.components_.T).max()
    assert angle < 0.05
    optimum = ((X - pca.inverse_transform(pca.transform(X))) ** 2).sum(axis=1).mean()
    assert optimum <= -dae.score(X) * (1 + 1e-9)  # nothing linear does better
    assert -dae.score(X) < 1.02 * optimum


@pytest.fixture(scope="module")
def digits():
    X = load_digits().data.astype(np.float32) / 16
    order = np.random.default_rng(0).permutation(len(X))
    return X[order[:1400]], X[order[1400:]]


NOISE = {
    "masking": (0.3, lambda X, rng: np.where(rng.random(X.shape) < 0.3, 0, X)),
    "gaussian": (0.3, lambda X, rng: X + rng.normal(0, 0.3, X.shape)),
    "salt_and_pepper": (
        0.2,
        lambda X, rng: np.where(rng.random(X.shape) < 0.2, rng.integers(0, 2, X.shape), X),
    ),
}


@pytest.mark.parametrize("corruption", NOISE)
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_denoising_beats_the_noise_and_pca(digits, corruption, loss):
    train, test = digits
    level, spoil = NOISE[corruption]
    noisy = spoil(test, np.random.default_rng(1)).astype(np.float32)
    dae = DenoisingAutoencoder(
        32, corruption=corruption, corruption_level=level, loss=loss, max_iter=60, tol=None,
        learning_rate_init=0.005, batch_size=50, random_state=0,
    ).fit(train)  # fmt: skip
    pca = PCA(32).fit(train)

    def error(X):
        return ((X - test) ** 2).sum(axis=1).mean()

    projected = pca.inverse_transform(pca.transform(noisy))
    assert error(dae.reconstruct(noisy)) < 0.9 * min(error(noisy), error(projected))


def test_score_samples_tells_the_unusual(digits):
    train, test = digits
    dae = DenoisingAutoencoder(64, max_iter=20, tol=None, random_state=0).fit(train)
    strange = np.random.default_rng(0).permuted(test, axis=1)  # the same pixels, elsewhere
    scores = np.concatenate([dae.score_samples(test), dae.score_samples(strange)])
    ranks = scores.argsort().argsort()
    n = len(test)
    area = (ranks[:n].sum() - n * (n - 1) / 2) / (n * n)  # that a digit outranks a strange one
    assert area > 0.95


def test_float32_learns_as_float64(digits):
    train, test = digits
    parameters = {"n_components": 32, "max_iter": 10, "tol": None, "random_state": 0}
    single = DenoisingAutoencoder(**parameters).fit(train)
    double = DenoisingAutoencoder(**parameters).fit(train.astype(np.float64))
    np.testing.assert_allclose(single.loss_curve_, double.loss_curve_, rtol=1e-3)
    assert single.score(test) == pytest.approx(double.score(test), rel=1e-2)
