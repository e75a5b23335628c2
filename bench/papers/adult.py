"""Swap noise on a table of people: do its features serve a linear model better than its columns?

The deep stack of tabular contests: three wide layers trained together, swap noise of 0.15, the
codes of all layers side by side.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench import data
from bench.papers import benchmarks
from bench.papers.results import row, score
from dae import StackedDenoisingAutoencoder

HELD, ALL = 8000, 32561  # so many of the training rows choose hyper-parameters


def table(quick: bool) -> tuple[np.ndarray, ...]:
    """X, y, X_test, y_test: numbers standardised, categories one-hot, "?" one of them."""
    (rows, y), (rows_test, y_test) = data.adult("data"), data.adult("test")
    if quick:
        rows, y, rows_test, y_test = rows[:2000], y[:2000], rows_test[:1000], y_test[:1000]
    names = [column for column in range(14) if column not in data.NUMERIC]
    scaler, encoder = StandardScaler(), OneHotEncoder(sparse_output=False, handle_unknown="ignore")

    def numbers(people: list[list[str]]) -> np.ndarray:
        return np.array([[float(person[column]) for column in data.NUMERIC] for person in people])

    def categories(people: list[list[str]]) -> list[list[str]]:
        return [[person[column] for column in names] for person in people]

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


CS = (0.0001, 0.001, 0.01, 0.1)

STACK: dict[str, Any] = {
    "corruption": "swap",
    "fine_tune": True,
    "max_iter": 0,  # the layers are trained together from the start
    "learning_rate": "cosine",
    "fine_tune_learning_rate_init": 0.001,
    "batch_size": 128,
    "tol": None,
    "output_layers": "all",
    "random_state": 0,
}
STACKS: tuple[dict[str, Any], ...] = (
    {"hidden_layer_sizes": (500,) * 3, "corruption_level": 0.15, "fine_tune_max_iter": 20},
    {"hidden_layer_sizes": (500,) * 3, "corruption_level": 0.3, "fine_tune_max_iter": 20},
)


def choose_C(X: np.ndarray, y: np.ndarray, V: np.ndarray, v: np.ndarray) -> list[dict]:
    """The penalties by their log loss on the validation rows, from the strongest on."""
    tried: list[dict] = []
    for C in CS:
        judged = Logistic(C).fit(X, y).judge(V, v)
        tried.append({"C": C, "validation_log_loss": judged["log_loss"],
                      "validation_error": judged["error"]})  # fmt: skip
        if judged["log_loss"] > min(record["validation_log_loss"] for record in tried):
            break  # weaker ones take ever longer and get no better
    return tried


def least(tried: list[dict]) -> dict:
    return min(tried, key=lambda record: record["validation_log_loss"])


def adult(folder: Path | None, quick: bool) -> dict:
    """Chosen by log loss on 8,000 of the training rows; trained again on all of them."""
    X, y, X_test, y_test = table(quick)
    order = np.random.default_rng(benchmarks.SEED).permutation(len(X))
    held, fit = np.split(order, [len(X) * HELD // ALL])

    def line(method: str, A: np.ndarray, A_test: np.ndarray, best: dict, **more: Any) -> dict:
        judged = Logistic(best["C"]).fit(A, y).judge(A_test, y_test)
        told = {"auc": judged.pop("auc"), "log loss": judged.pop("log_loss"), "C": best["C"]}
        return row(method, judged, settings=told, **more)

    raw = choose_C(X[fit], y[fit], X[held], y[held])
    rows = [line("columns", X, X_test, least(raw), tried=raw)]

    tried = []
    for stack_settings in STACKS:
        stack, seconds = trained(stack_settings, X[fit], quick)
        penalties = choose_C(stack.transform(X[fit]), y[fit], stack.transform(X[held]), y[held])
        tried.append(stack_settings | least(penalties) | {"seconds": seconds})
    best = least(tried)
    chosen = next(s for s in STACKS if all(best[key] == value for key, value in s.items()))
    stack, seconds = trained(chosen, X, quick)
    codes, codes_test = stack.transform(X), stack.transform(X_test)
    rows.append(
        line("features of the stack", codes, codes_test, best, seconds=seconds, tried=tried)
    )
    return {
        "title": "Adult: logistic regression on columns and on the features of a swap-noise stack",
        "target": "a gain",
        "settings": STACK | chosen | {"columns": X.shape[1], "rows": [len(X), len(X_test)]},
        "rows": rows,
    }


def trained(
    settings: dict, X: np.ndarray, quick: bool
) -> tuple[StackedDenoisingAutoencoder, float]:
    settings = STACK | settings | ({"fine_tune_max_iter": 1} if quick else {})
    stack = StackedDenoisingAutoencoder(**settings)
    started = time.perf_counter()
    stack.fit(X)
    return stack, time.perf_counter() - started
