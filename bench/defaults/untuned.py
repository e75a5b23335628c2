"""The untuned estimator beside other methods, and on tables that nobody prepared."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.defaults.search import progress
from bench.defaults.tables import Table, denoising_error, energy, masked
from dae import DenoisingAutoencoder

COMPONENTS = 256
PROBED = 10_000  # rows that the linear probe learns from


@dataclass
class Method:
    """A fitted method: how it repairs and encodes rows, and its epochs."""

    repair: Callable[[np.ndarray], np.ndarray]
    code: Callable[[np.ndarray], np.ndarray] | None = None
    epochs: int | None = None
    warned: bool | None = None


def autoencoder(table: Table, quick: bool) -> Method:
    model = DenoisingAutoencoder(random_state=0)
    if quick:
        model.set_params(max_iter=3)
    warned = warns(lambda: model.fit(table.train))
    return Method(model.reconstruct, model.transform, model.n_iter_, warned)


def perceptron(table: Table, quick: bool) -> Method:
    """`MLPRegressor`, all at its defaults but as many hidden units, on one masked copy."""
    model = MLPRegressor(
        hidden_layer_sizes=(COMPONENTS,), random_state=0, max_iter=3 if quick else 200
    )
    warned = warns(lambda: model.fit(masked(table.train, 2), table.train))

    def repair(X: np.ndarray) -> np.ndarray:
        return model.predict(X).reshape(X.shape)

    def code(X: np.ndarray) -> np.ndarray:
        return np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)

    return Method(repair, code, model.n_iter_, warned)


def principal(table: Table, quick: bool) -> Method:
    """Of the rank of the code; with as many features or fewer it changes nothing."""
    pca = PCA(min(COMPONENTS, *table.train.shape), random_state=0).fit(table.train)
    return Method(lambda X: pca.inverse_transform(pca.transform(X)), pca.transform)


def linear(table: Table, quick: bool) -> Method:
    """The best linear map from masked rows to clean ones."""
    return Method(Ridge(1.0).fit(masked(table.train, 2), table.train).predict)


def untouched(table: Table, quick: bool) -> Method:
    return Method(lambda X: X, lambda X: X)


METHODS = {
    "DenoisingAutoencoder()": autoencoder,
    "MLPRegressor, 256 units": perceptron,
    "Ridge": linear,
    "PCA, rank 256": principal,
    "as they come": untouched,
}


def warns(function: Callable[[], object]) -> bool:
    """Whether `function` warns that it has not converged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return any(issubclass(w.category, ConvergenceWarning) for w in caught)


def untuned(found: list[Table], quick: bool) -> list[dict]:
    records = []
    for table, (name, method) in product(found, METHODS.items()):
        if method is perceptron and len(table.X) > 40_000:
            continue  # many minutes
        started = time.perf_counter()
        fitted = method(table, quick)
        seconds = time.perf_counter() - started
        records.append(
            {
                "table": table.name,
                "method": name,
                "unexplained": energy(fitted.repair(table.test) - table.test)
                / energy(table.test - table.train.mean(axis=0)),
                "denoising": denoising_error(fitted.repair(table.noisy), table),
                "probe": probe(fitted, table),
                "epochs": fitted.epochs,
                "warned": fitted.warned,
                "seconds": seconds,
            }
        )
        progress(f"{name} on {table.name}")
    return records


def probe(fitted: Method, table: Table) -> float | None:
    """Accuracy of a linear classifier of the codes, on held-out rows."""
    if table.y is None or fitted.code is None:
        return None
    y, y_test = table.labels()
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    warns(lambda: classifier.fit(fitted.code(table.train[:PROBED]), y[:PROBED]))
    return float(classifier.score(fitted.code(table.test), y_test))


# ------------------------------------------------------------------ odd tables


def odd_tables() -> dict[str, np.ndarray]:
    digits_64 = load_digits().data / 16
    cancer = load_breast_cancer().data
    return {
        "digits, float64": digits_64,
        "digits, 0 to 16": digits_64 * 16,
        "digits, 20 rows": digits_64[:20],
        "digits, 2 rows": digits_64[:2],
        "wine, raw": load_wine().data,
        "wine, standardised": StandardScaler().fit_transform(load_wine().data),
        "breast cancer, raw": cancer,
        "breast cancer, standardised": StandardScaler().fit_transform(cancer),
        "breast cancer, raw, float32": cancer.astype(np.float32),
        "breast cancer, one column": cancer[:, :1],
        "breast cancer, times 1e6": cancer * 1e6,
        "zeros": np.zeros((100, 5)),
        "one constant": np.full((100, 5), 1000.0),
    }


def odd(quick: bool) -> list[dict]:
    """An untuned fit of tables that nobody prepared; an error must say what to do."""
    records = []
    for name, X in odd_tables().items():
        model = DenoisingAutoencoder(random_state=0)
        if quick:
            model.set_params(max_iter=3)
        record: dict[str, Any] = {"table": name, "shape": list(X.shape)}
        started = time.perf_counter()
        try:
            record["warned"] = warns(lambda m=model, X=X: m.fit(X))
            spread = energy(X - X.mean(axis=0))
            left = energy(X - model.reconstruct(X))
            record |= {"epochs": model.n_iter_, "unexplained": left / spread if spread else None}
        except ValueError as error:
            record["error"] = str(error)
        record["seconds"] = time.perf_counter() - started
        records.append(record)
    return records
