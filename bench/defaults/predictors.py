"""The untuned supervised estimators beside scikit-learn's, on the cases that judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR

from bench import machine
from bench.defaults.candidates import error_of, seeds_for, stack, timed_fit
from bench.defaults.cases import Case
from bench.defaults.search import progress

# More cells take the trees and the support vector machines many minutes.
MOST_CELLS = 12_000_000
MOST_ROWS_OF_SVM = 15_000

Make = Callable[[Case, int], Any]


def either(classifier: Callable[..., Any], regressor: Callable[..., Any]) -> Make:
    """By what is predicted; with the seed where it has one."""

    def make(case: Case, seed: int) -> Any:
        model = (classifier if case.classes else regressor)()
        seeded = {"random_state": seed} if "random_state" in model.get_params() else {}
        return model.set_params(**seeded)

    return make


METHODS: dict[str, Make] = {
    "dae": lambda case, seed: stack(case, seed, {}),
    "MLP": either(MLPClassifier, MLPRegressor),
    "boosted trees": either(HistGradientBoostingClassifier, HistGradientBoostingRegressor),
    "SVM": either(SVC, SVR),
    "linear": either(LogisticRegression, RidgeCV),
}


def predictors(cases: list[Case]) -> list[dict]:
    """Mean test error and seconds of each method on each case."""
    records = []
    for case in cases:
        for name, make in METHODS.items():
            slow = name == "SVM" and len(case.X) > MOST_ROWS_OF_SVM
            if slow or (name == "boosted trees" and case.X.size > MOST_CELLS):
                continue
            outcomes = []
            for seed in seeds_for(case):
                model = make(case, seed)
                seconds, warned = timed_fit(model, case)
                outcomes.append((error_of(model, case), seconds, warned))
            errors, times, warnings_ = zip(*outcomes, strict=True)
            records.append(
                {
                    "case": case.name,
                    "rows": len(case.X),
                    "classes": case.classes,
                    "method": name,
                    "error": float(np.mean(errors)),
                    "seconds": float(np.mean(times)),
                    "warned": any(warnings_),
                    "processor": machine.processor(),
                }
            )
            progress(f"{name} on {case.name}: {records[-1]['error']:.4f}")
    return records
