"""A problem that is the same for every rival: shape, data, solver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from bench import data

SOLVERS = ("sgd", "momentum", "adam")  # "momentum" is Nesterov's, the default of the estimators
MOMENTUM, BETA_1, BETA_2, EPSILON = 0.9, 0.9, 0.999, 1e-8
PRODUCTS = 5  # of a training step: encode, decode, delta of the code, two gradients

MNIST_MISSING = "MNIST: set DAE_DATA_DIR to a folder that has mnist/train-images-idx3-ubyte.gz"


@dataclass(frozen=True)
class Setting:
    """Tied weights, logistic units, cross-entropy, masking of `level`, mini-batches."""

    n_features: int = 784
    n_hidden: int = 500
    batch_size: int = 20
    solver: str = "sgd"
    dtype: str = "float32"
    data: str = "dense"
    level: float = 0.3

    @property
    def learning_rate(self) -> float:
        """Small enough that the rivals' different masks hardly show in the final loss."""
        if self.solver == "adam":
            return 0.001
        rate = 0.01 if self.solver == "momentum" else 0.1
        rate *= min(1.0, 784 / self.n_features)  # the loss is a sum over the features
        return rate * 0.1 if self.batch_size < 20 else rate

    @property
    def operations(self) -> float:
        """Operations per sample: five products of n_features x n_hidden."""
        return 2.0 * PRODUCTS * self.n_features * self.n_hidden

    @property
    def shape(self) -> str:
        return f"{self.n_features}-{self.n_hidden}"

    def label(self) -> str:
        return f"{self.shape} {self.data} {self.dtype} {self.solver} batch {self.batch_size}"


def rows_of(setting: Setting) -> np.ndarray:
    """The clean data: MNIST / 255, or uniform random numbers without a single zero."""
    if setting.data == "mnist":
        X = mnist_images()
        if X is None:
            raise FileNotFoundError(MNIST_MISSING)
        return X.astype(setting.dtype, copy=False)
    return _dense_rows(setting.n_features, setting.dtype)


@cache
def _dense_rows(n_features: int, dtype: str) -> np.ndarray:
    n_rows = int(np.clip(2e7 / n_features, 1000, 10_000))
    X = np.random.default_rng(0).random((n_rows, n_features), dtype=dtype)
    return np.maximum(X, np.finfo(dtype).eps, out=X)


def mnist_images() -> np.ndarray | None:
    """(60000, 784) float32 in [0, 1], or None where there is no file."""
    try:
        return data.mnist()[0]
    except FileNotFoundError:
        return None


def initial_weights(setting: Setting) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W (n_features, n_hidden), b and c: what every rival starts from."""
    n, m = setting.n_features, setting.n_hidden
    bound = 4 * np.sqrt(6 / (n + m))
    W = np.random.default_rng(1).uniform(-bound, bound, (n, m)).astype(setting.dtype)
    return W, np.zeros(m, setting.dtype), np.zeros(n, setting.dtype)


def held_rows(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Clean rows and one fixed masking of them, to judge final weights by."""
    X = rows_of(setting)
    random = np.random.default_rng(2)
    clean = X[random.choice(len(X), min(len(X), 1000), replace=False)]
    kept = random.random(clean.shape) >= setting.level
    return clean, clean * kept.astype(clean.dtype)


def order(setting: Setting, n_rows: int) -> np.ndarray:
    """`n_rows` row numbers in random order, again from the start where the data end."""
    n = len(rows_of(setting))
    random = np.random.default_rng(3)
    passes = [random.permutation(n) for _ in range(-(-n_rows // n))]
    return np.concatenate(passes)[:n_rows].astype(np.intp)
