"""Support vector machines on large dense tables: libsvm on kernels that BLAS has made.

scikit-learn's own kernels take libsvm minutes here, mostly for products of rows. The machines are
the same: one for each pair of classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.svm import SVC

BLOCK = 5000  # rows that are predicted at a time

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


def linear(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return (A @ B.T).astype(np.float64)


def rbf(gamma: float) -> Kernel:
    def kernel(A: np.ndarray, B: np.ndarray) -> np.ndarray:
        squares = A @ B.T
        squares *= -2
        squares += (A * A).sum(axis=1)[:, None]
        squares += (B * B).sum(axis=1)
        np.maximum(squares, 0, out=squares)
        squares *= -gamma
        return np.exp(squares, out=squares).astype(np.float64)

    return kernel


class KernelSVM:
    """`SVC` with a kernel of two tables; the rows of `fit` are kept."""

    def __init__(self, kernel: Kernel, C: float) -> None:
        self.kernel, self.C = kernel, C

    def fit(self, X: np.ndarray, y: np.ndarray, gram: np.ndarray | None = None) -> KernelSVM:
        started = time.perf_counter()
        self.rows = X
        gram = self.kernel(X, X) if gram is None else gram
        self.machine = SVC(C=self.C, kernel="precomputed", cache_size=1000).fit(gram, y)
        self.seconds = time.perf_counter() - started
        return self

    def predict(self, X: np.ndarray, kernel: np.ndarray | None = None) -> np.ndarray:
        if kernel is not None:
            return self.machine.predict(kernel)
        blocks = [X[first : first + BLOCK] for first in range(0, len(X), BLOCK)]
        return np.concatenate([self.machine.predict(self.kernel(b, self.rows)) for b in blocks])


def select(
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    kernels: dict[float, Kernel],
    Cs: tuple[float, ...],
) -> tuple[KernelSVM, list[dict]]:
    """The machine with the fewest validation errors, and all that were tried.

    First each kernel with the first C, then the other C with the best kernel.
    """
    (X, y), (V, v) = train, validation
    tried: list[dict] = []
    best: dict = {"validation_error": np.inf}

    def attempt(parameter: float, gram: np.ndarray, across: np.ndarray, C: float) -> None:
        nonlocal best
        machine = KernelSVM(kernels[parameter], C).fit(X, y, gram)
        error = float(np.mean(machine.predict(V, across) != v))
        tried.append({"parameter": parameter, "C": C, "validation_error": error})
        if error < best["validation_error"]:
            best = tried[-1] | {"machine": machine}

    for parameter, kernel in kernels.items():
        attempt(parameter, kernel(X, X), kernel(V, X), Cs[0])
    kernel = kernels[best["parameter"]]
    gram, across = kernel(X, X), kernel(V, X)
    for C in Cs[1:]:
        attempt(best["parameter"], gram, across, C)
    return best["machine"], tried
