"""Supervised estimators: what else might have been their defaults, on the cases that choose."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from bench.defaults.cases import Case
from bench.defaults.search import progress, ranked
from dae import StackedDenoisingClassifier, StackedDenoisingRegressor
from dae._training.settings import FINE_TUNING, automatic_epochs

FEW_ROWS = 3000  # tables of no more have several seeds
SEEDS = 3

MASKED = {"fine_tune_corruption": "masking", "fine_tune_corruption_level": 0.1}

# "epochs": of the fine-tuning, times the automatic number; "penalty": alpha times the rows
CANDIDATES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "epochs / 2": {"epochs": 0.5},
    "epochs x 2": {"epochs": 2.0},
    "learning rate / 2": {"fine_tune_learning_rate_init": 0.001},
    "learning rate x 2": {"fine_tune_learning_rate_init": 0.004},
    "alpha = 0": {"penalty": 0.0},
    "alpha / 3": {"penalty": 1.0},
    "alpha x 3": {"penalty": 10.0},
    "no input masked": {"fine_tune_corruption": None},
    "10 % of the inputs masked": MASKED,
    "20 % of the inputs masked": MASKED | {"fine_tune_corruption_level": 0.2},
    "not pretrained": {"max_iter": 0},
    "early stopping": {"early_stopping": True},
    "those before": {
        "learning_rate": "constant",
        "learning_rate_init": 0.001,
        "fine_tune_learning_rate_init": 0.001,
        "max_iter": 200,
        "fine_tune_max_iter": 200,
        "tol": 1e-3,
        "alpha": 0.0,
        "fine_tune_corruption": None,
    },
}


def error_of(model: Any, case: Case) -> float:
    """Share of wrong test rows; of numbers, squared error over their variance, which is 1 - R2."""
    predicted = model.predict(case.X_test)
    if case.classes:
        return float(np.mean(predicted != case.y_test))
    return float(np.mean((predicted - case.y_test) ** 2) / np.var(case.y_test))


def timed_fit(model: Any, case: Case) -> tuple[float, bool]:
    """Seconds of `fit`, and whether it warned that it has not converged."""
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(case.X, case.y)
    warned = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    return time.perf_counter() - started, warned


def stack(case: Case, seed: int, changes: dict[str, Any]) -> Any:
    parameters = dict(changes)
    kind = StackedDenoisingClassifier if case.classes else StackedDenoisingRegressor
    model = kind(random_state=seed)
    if "penalty" in parameters:
        model.set_params(alpha=parameters.pop("penalty") / len(case.X))
    if "epochs" in parameters:
        automatic = automatic_epochs(len(case.X), model.batch_size, FINE_TUNING)
        parameters["fine_tune_max_iter"] = round(parameters.pop("epochs") * automatic)
    return model.set_params(**parameters)


def seeds_for(case: Case) -> range:
    return range(SEEDS if len(case.X) <= FEW_ROWS else 1)


def candidates(cases: list[Case]) -> list[dict]:
    """Mean test error of each candidate on each case, and the seconds of all its fits."""
    records = []
    for name, changes in CANDIDATES.items():
        errors: dict[str, float] = {}
        seconds = 0.0
        for case in cases:
            found = []
            for seed in seeds_for(case):
                model = stack(case, seed, changes)
                seconds += timed_fit(model, case)[0]
                found.append(error_of(model, case))
            errors[case.name] = float(np.mean(found))
        records.append({"parameters": {"what": name}, "errors": errors, "seconds": seconds})
        progress(name)
    return ranked(records)
