"""Swap noise on a table of people: do its features serve a linear model better than its columns?

The deep stack of tabular contests: three wide layers trained together, swap noise of 0.15, the
codes of all layers side by side.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench.papers import data
from bench.papers.results import score

HELD = 8000  # of the training rows choose hyper-parameters


def table(quick: bool) -> tuple[np.ndarray, ...]:
    """X, y, X_test, y_test: numbers standardised, categories one-hot, "?" one of them."""
    (rows, y), (rows_test, y_test) = data.adult("data"), data.adult("test")
    if quick:
        rows, y, rows_test, y_test = rows[:2000], y[:2000], rows_test[:1000], y_test[:1000]
    names = [column for column in range(14) if column not in data.NUMERIC]
    scaler, encoder = StandardScaler(), OneHotEncoder(sparse_output=False, handle_unknown="ignore")

    def numbers(rows: list[list[str]]) -> np.ndarray:
        return np.array([[float(row[column]) for column in data.NUMERIC] for row in rows])

    def categories(rows: list[list[str]]) -> list[list[str]]:
        return [[row[column] for column in names] for row in rows]

    X = np.hstack([scaler.fit_transform(numbers(rows)), encoder.fit_transform(categories(rows))])
    X_test = np.hstack(
        [scaler.transform(numbers(rows_test)), encoder.transform(categories(rows_test))]
    )
    return X.astype(np.float32), y, X_test.astype(np.float32), y_test


class Logistic:
    """Logistic regression on standardised columns."""

    def __init__(self, C: float) -> None:
        self.scaler = StandardScaler()
        self.model = LogisticRegression(C=C, max_iter=2000)

    def fit(self, X: np.ndarray, y: np.ndarray) -> Logistic:
        # lbfgs in float64 finds its way down a long valley, in float32 it stops early
        self.model.fit(self.scaler.fit_transform(X.astype(np.float64)), y)
        return self

    def judge(self, X: np.ndarray, y: np.ndarray) -> dict:
        p = self.model.predict_proba(self.scaler.transform(X.astype(np.float64)))[:, 1]
        return score(p > 0.5, y) | {
            "auc": float(roc_auc_score(y, p)),
            "log_loss": float(log_loss(y, p)),
        }


def choose_C(X: np.ndarray, y: np.ndarray, V: np.ndarray, v: np.ndarray, Cs: Any) -> list[dict]:
    tried = []
    for C in Cs:
        judged = Logistic(C).fit(X, y).judge(V, v)
        tried.append({"C": C, "validation_log_loss": judged["log_loss"],
                      "validation_error": judged["error"]})  # fmt: skip
    return tried


def timed(model: Any, X: np.ndarray) -> float:
    started = time.perf_counter()
    model.fit(X)
    return time.perf_counter() - started
