"""A linear model of untuned codes beside one of the columns, on the cases that judge."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.defaults.candidates import error_of
from bench.defaults.cases import Case
from bench.defaults.search import progress
from bench.papers.codes import linear_svm, scaled
from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder

MOST_LABELS = 5000  # of the linear model; the autoencoders see all rows
CS = (0.01, 0.1, 1.0, 10.0)
ROT_LAYERS = (1000, 1000, 1000)


def error_on(case: Case, encode: Any) -> float:
    """Test error of a linear model of ``encode(X)``, its penalty chosen by cross-validation."""
    X, y, X_test = encode(case.X[:MOST_LABELS]), case.y[:MOST_LABELS], encode(case.X_test)
    if case.classes:
        # of mean square norm 100: one scale for C, whatever the columns
        X, X_test = 10 * scaled(X, X), 10 * scaled(X_test, X)
        model = LogisticRegressionCV(Cs=CS, cv=3, l1_ratios=(0,), use_legacy_attributes=False)
    else:
        model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 15)))
    learned = replace(case, X=X, y=y, X_test=X_test)
    return error_of(model.fit(X, y), learned)


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
            H, V, T = map(stack.transform, (case.X[:-2000], case.X[-2000:], case.X_test))
            machine, _ = linear_svm(H, case.y[:-2000], V, case.y[-2000:])
            errors.append(float(np.mean(machine.predict(scaled(T, H)) != case.y_test)))
            progress(f"rot, {name}, layer {k}: {errors[-1]:.4f}")
        records[name] = {"seconds": seconds, "epochs": stack.n_iter_, "errors": errors}
    return records
