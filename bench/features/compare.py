"""Linear models on columns, codes, both, principal components; a network; and boosted trees.

Codes, of `TabularDenoisingAutoencoder` as it comes, and components are learned from all rows
without labels, and so is their scale; the models from 200, 1,000 or all labels. Nobody is tuned,
but the penalty of the linear models, by cross-validation on their labels; that of logistic
regression on all labels is C = 0.1.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from bench.features.tables import TABLES, Table
from dae.tabular import TabularDenoisingAutoencoder

LABELS = (200, 1000, None)
SEEDS = (0, 1, 2)
ALL_LABELS_SEEDS = SEEDS[:1]


def linear(table: Table, n_labels: int | None):
    if not table.classes:
        return RidgeCV(alphas=np.logspace(-1, 4, 6))
    if n_labels is None:
        return LogisticRegression(C=0.1, max_iter=300)
    return LogisticRegressionCV(
        Cs=[1e-4, 1e-3, 1e-2, 1e-1, 1], cv=3, scoring="roc_auc", max_iter=300
    )


def network(table: Table, seed: int):
    kind = MLPClassifier if table.classes else MLPRegressor
    return kind(random_state=seed)


def trees(table: Table, seed: int):
    kind = HistGradientBoostingClassifier if table.classes else HistGradientBoostingRegressor
    return kind(random_state=seed)


def features(table: Table, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features of the rows to learn from and to test, by name."""
    X, X_test = table.X, table.X_test
    autoencoder = TabularDenoisingAutoencoder(random_state=seed).fit(table.raw)
    codes = autoencoder.transform(table.raw), autoencoder.transform(table.raw_test)
    pca = PCA(0.95, svd_solver="full").fit(X)
    made = {
        "columns": (X, X_test),
        "codes": codes,
        "codes and columns": (np.hstack([codes[0], X]), np.hstack([codes[1], X_test])),
        "PCA": (pca.transform(X), pca.transform(X_test)),
    }
    return {name: standardised(*pair) for name, pair in made.items()}


def standardised(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By all rows to learn from: a unit may be 0 in nearly all of the few that have labels."""
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def score(table: Table, model, X_test: np.ndarray) -> float:
    """AUC ROC of classes, R2 of numbers."""
    if not table.classes:
        return float(model.score(X_test, table.y_test))
    return float(roc_auc_score(table.y_test, model.predict_proba(X_test)[:, 1]))


def run(quick: bool = False) -> dict:
    results: dict[str, dict] = {}
    for name, load in TABLES.items():
        table = load()
        results[name] = {"shape": list(table.X.shape), "classes": table.classes, "labels": {}}
        scores: dict[str, dict[str, list[float]]] = {}
        for seed in SEEDS[:1] if quick else SEEDS:
            started = time.perf_counter()
            made = features(table, seed)
            seconds = time.perf_counter() - started
            for n_labels in LABELS[:2] if quick else LABELS:
                if n_labels is None and seed not in ALL_LABELS_SEEDS:
                    continue
                rows = np.random.default_rng(seed).permutation(len(table.y))[:n_labels]
                by_name = scores.setdefault(str(n_labels or "all"), {})
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of an optimizer that ends early
                    for what, (X, X_test) in made.items():
                        model = linear(table, n_labels).fit(X[rows], table.y[rows])
                        by_name.setdefault(what, []).append(score(table, model, X_test))
                    for what, make in (("MLP", network), ("boosted trees", trees)):
                        X, X_test = made["columns"]
                        model = make(table, seed).fit(X[rows], table.y[rows])
                        by_name.setdefault(what, []).append(score(table, model, X_test))
            print(name, seed, f"{seconds:.1f} s", scores, flush=True)
        results[name]["labels"] = scores
    return {"tables": results}
