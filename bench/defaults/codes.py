"""A linear model of untuned codes beside one of the columns, on the cases that judge."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.defaults.candidates import error_of
from bench.defaults.cases import Case
from bench.defaults.search import progress
from bench.papers import svm
from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder

MOST_LABELS = 5000  # of the linear model; the autoencoders see all rows
CS = (0.01, 0.1, 1.0, 10.0)
ROT_LAYERS = (1000, 1000, 1000)


def linear(case: Case) -> Any:
    """A linear model whose penalty is chosen by cross-validation."""
    if not case.classes:
        return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 15)))
    return make_pipeline(
        OneScale(), LogisticRegressionCV(Cs=CS, cv=3, l1_ratios=(0,), use_legacy_attributes=False)
    )


class OneScale:
    """Centred, and of mean square norm 100: one scale for C, whatever the columns."""

    def fit(self, X: np.ndarray, y: Any = None) -> OneScale:
        self.mean = X.mean(axis=0)
        self.norm = np.sqrt(((X - self.mean) ** 2).sum(axis=1).mean()) / 10
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return (X - self.mean) / self.norm

    def fit_transform(self, X: np.ndarray, y: Any = None) -> np.ndarray:
        return self.fit(X).transform(X)


def error_on(case: Case, encode: Any) -> float:
    """Test error of a linear model of ``encode(X)``."""
    learned = Case(
        case.name,
        encode(case.X[:MOST_LABELS]),
        case.y[:MOST_LABELS],
        encode(case.X_test),
        case.y_test,
        case.classes,
    )
    return error_of(linear(case).fit(learned.X, learned.y), learned)


def codes(cases: list[Case]) -> list[dict]:
    """Test errors with the columns, and with the codes of untuned autoencoders."""
    records = []
    for case in cases:
        record: dict[str, Any] = {"case": case.name, "columns": error_on(case, lambda X: X)}
        one = DenoisingAutoencoder(random_state=0).fit(case.X)
        record["one layer"] = error_on(case, one.transform)
        stack = StackedDenoisingAutoencoder(random_state=0).fit(case.X)
        record["last of two"] = error_on(case, stack.transform)
        stack.set_params(output_layers="all")
        record["both"] = error_on(case, stack.transform)
        records.append(record)
        progress(record)
    return records


def rot_layers(case: Case) -> dict:
    """Linear SVM on the codes of each of three layers of 1,000 units, nothing tuned but C.

    The last 2,000 of the rows to learn from choose C.
    """
    records = {}
    tried: dict[str, dict[str, Any]] = {
        "the defaults": {},
        'corruption_level=0.25, loss="log_loss"': {"corruption_level": 0.25, "loss": "log_loss"},
    }
    for name, settings in tried.items():
        stack = StackedDenoisingAutoencoder(ROT_LAYERS, random_state=0, **settings)
        started = time.perf_counter()
        stack.fit(case.X)
        seconds = time.perf_counter() - started
        errors = []
        for k in range(len(ROT_LAYERS)):
            stack.set_params(output_layers=k)
            scale = OneScale().fit(stack.transform(case.X[:-2000]))
            H, V = (scale.transform(stack.transform(X)) for X in (case.X[:-2000], case.X[-2000:]))
            # the norm of `OneScale` is 10, that of the papers' experiments 1
            machine, _ = svm.select(
                (H, case.y[:-2000]), (V, case.y[-2000:]), {1.0: svm.linear}, (0.1, 0.03, 0.3)
            )
            T = scale.transform(stack.transform(case.X_test))
            errors.append(float(np.mean(machine.predict(T) != case.y_test)))
            progress(f"rot, {name}, layer {k}: {errors[-1]:.4f}")
        records[name] = {"seconds": seconds, "epochs": stack.n_iter_, "errors": errors}
    return records
