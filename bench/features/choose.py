"""Defaults of `TabularDenoisingAutoencoder`: candidates on tables that do not judge.

The tables of the imputation benchmark whose last column is a target that the others tell something
of. Codes are learned from all rows to learn from, without labels, a linear model on them from 100
labels and from all. Figures are what it gains over one on the standardised columns: AUC ROC of
classes, R2 of numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from bench import data
from bench.features.compare import standardised
from bench.render import markdown_rows
from dae.tabular import TabularDenoisingAutoencoder

CLASSES = ("blood", "credit", "health", "ionosphere", "libras", "obesity", "raisin", "spam")
NUMBERS = ("airfoil", "wine", "yacht")
LABELS = (100, None)
SEEDS = (0, 1, 2)
PENALTY = 0.03  # C of logistic regression, of columns and of codes

CANDIDATES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "max_iter=20": {"max_iter": 20},
    "max_iter=60": {"max_iter": 60},
    "max_iter=150": {"max_iter": 150},
    "learning_rate_init=0.001": {"learning_rate_init": 0.001},
    "learning_rate_init=0.001, max_iter=60": {"learning_rate_init": 0.001, "max_iter": 60},
    "learning_rate_init=0.004": {"learning_rate_init": 0.004},
    "corruption_level=0.05": {"corruption_level": 0.05},
    "corruption_level=0.3": {"corruption_level": 0.3},
    "masking, 0.3": {"corruption": "masking", "corruption_level": 0.3},
    "(128,)": {"hidden_layer_sizes": (128,)},
    "(512,)": {"hidden_layer_sizes": (512,)},
    "(256, 256), all": {"hidden_layer_sizes": (256, 256), "output_layers": "all"},
    "quantile": {"numeric_scaler": "quantile"},
    "standard": {"numeric_scaler": "standard"},
    "tanh": {"activation": "tanh"},
    "tied": {"tied_weights": True},
    "emphasis=(1, 0.5)": {"emphasis": (1.0, 0.5)},
}


def score(name: str, Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an optimizer that ends early
        if name in NUMBERS:
            return float(RidgeCV(np.logspace(-1, 4, 6)).fit(Z, y).score(Z_test, y_test))
        logistic = LogisticRegression(C=PENALTY, max_iter=200)
        probabilities = logistic.fit(Z, y).predict_proba(Z_test)
    if probabilities.shape[1] == 2:
        return float(roc_auc_score(y_test, probabilities[:, 1]))
    return float(roc_auc_score(y_test, probabilities, multi_class="ovr"))


def parts(name: str, table: np.ndarray, seed: int) -> Iterator[tuple[int | None, tuple]]:
    """Rows and targets to learn from and to test, with the number of labels."""
    X, y, classes = table[:, :-1], table[:, -1], name in CLASSES
    if classes:
        y = np.unique(y, return_inverse=True)[1]
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, random_state=seed, stratify=y if classes else None
    )
    for n_labels in LABELS:
        labelled = np.arange(len(y))
        if n_labels is not None and n_labels < len(y):
            labelled, _ = train_test_split(
                labelled, train_size=n_labels, random_state=seed, stratify=y if classes else None
            )
        yield n_labels, (X, X_test, y, y_test, labelled)


def run(quick: bool = False) -> dict:
    names = (*CLASSES, *NUMBERS)[:2] if quick else (*CLASSES, *NUMBERS)
    tables, rows = data.complete_tables(), []
    for name in names:
        for seed in SEEDS[:1] if quick else SEEDS:
            made: dict[str, tuple[np.ndarray, np.ndarray]] = {}
            for n_labels, (X, X_test, y, y_test, labelled) in parts(name, tables[name], seed):
                Z, Z_test = standardised(X, X_test)
                columns = score(name, Z[labelled], y[labelled], Z_test, y_test)
                for candidate, settings in CANDIDATES.items():
                    if candidate not in made:
                        model = TabularDenoisingAutoencoder(random_state=seed, **settings).fit(X)
                        made[candidate] = standardised(model.transform(X), model.transform(X_test))
                    codes, codes_test = made[candidate]
                    of_codes = score(name, codes[labelled], y[labelled], codes_test, y_test)
                    rows.append(
                        {
                            "table": name, "seed": seed, "labels": n_labels,
                            "candidate": candidate, "columns": columns, "codes": of_codes,
                        }
                    )  # fmt: skip
        print(name, flush=True)
    return {"rows": rows}


def report(result: dict) -> str:
    rows = []
    names = list(dict.fromkeys(row["table"] for row in result["rows"]))

    def gain(**which) -> float:
        own = [row for row in result["rows"] if all(row[key] == which[key] for key in which)]
        return float(np.mean([row["codes"] - row["columns"] for row in own]))

    for candidate in CANDIDATES:
        cells = [f"{gain(candidate=candidate, table=name):+.3f}" for name in names]
        means = [f"{gain(candidate=candidate, labels=n_labels):+.4f}" for n_labels in LABELS]
        rows.append([candidate, *cells, *means, f"{gain(candidate=candidate):+.4f}"])
    head = ["", *names, f"mean, {LABELS[0]} labels", "mean, all labels", "mean"]
    return "\n".join(
        [
            "# Defaults of TabularDenoisingAutoencoder",
            "",
            "What a linear model gains in AUC ROC, or R2, by codes instead of standardised "
            f"columns: means over {len(SEEDS)} seeds and both numbers of labels. The first line is "
            "the defaults, the others differ from them as they say. "
            f"{result['environment']['cpu']}; {result['environment']['date']}.",
            "",
            markdown_rows(head, rows),
        ]
    )
