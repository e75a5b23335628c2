"""Linear models on columns, on codes, on both, on principal components; and boosted trees.

Codes and components are learned from all rows without labels, the models from 200, 1,000 or all
labels. Nobody is tuned, but the penalty of the linear models, by cross-validation on their labels;
that of logistic regression on all labels is C = 0.1.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.features.tables import TABLES, Table
from dae import DenoisingAutoencoder

LABELS = (200, 1000, None)
SEEDS = (0, 1, 2)
ALL_LABELS_SEEDS = SEEDS[:1]

# Swap noise as in tabular contests, for tables of ten to a hundred columns.
AUTOENCODER = {
    "n_components": 256,
    "corruption": "swap",
    "corruption_level": 0.15,
    "max_iter": 20,
    "learning_rate": "cosine",
    "learning_rate_init": 0.001,
    "batch_size": 128,
    "tol": None,
}


def linear(table: Table, n_labels: int | None):
    if table.classes and n_labels is None:
        model = LogisticRegression(C=0.1, max_iter=300)
    elif table.classes:
        model = LogisticRegressionCV(
            Cs=[1e-4, 1e-3, 1e-2, 1e-1, 1], cv=3, scoring="roc_auc", max_iter=300
        )
    else:
        model = RidgeCV(alphas=np.logspace(-1, 4, 6))
    return make_pipeline(StandardScaler(), model)


def trees(table: Table, seed: int):
    kind = HistGradientBoostingClassifier if table.classes else HistGradientBoostingRegressor
    return kind(random_state=seed)


def features(table: Table, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features of the rows to learn from and to test, by name."""
    X, X_test = table.X, table.X_test
    autoencoder = DenoisingAutoencoder(random_state=seed, **AUTOENCODER).fit(X)
    codes = autoencoder.transform(X), autoencoder.transform(X_test)
    pca = PCA(0.95, svd_solver="full").fit(X)
    return {
        "columns": (X, X_test),
        "codes": codes,
        "codes and columns": (np.hstack([codes[0], X]), np.hstack([codes[1], X_test])),
        "PCA": (pca.transform(X), pca.transform(X_test)),
    }


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
                    model = trees(table, seed).fit(table.X[rows], table.y[rows])
                by_name.setdefault("boosted trees", []).append(score(table, model, table.X_test))
            print(name, seed, f"{seconds:.1f} s", scores, flush=True)
        results[name]["labels"] = scores
    return {"autoencoder": AUTOENCODER, "tables": results}
