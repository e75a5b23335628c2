"""Rivals that do without this library; their entries stay while the networks are worked on.

svm-NAME     RBF SVM, C and gamma chosen on the validation rows
raw-rot      linear SVM on the pixels of `rot`
few-rivals   RBF SVM and HistGradientBoosting on a tenth of MNIST's labels
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from bench.papers import benchmarks, svm
from bench.papers.results import row, score

SETS = ("basic", "rot", "bg_rand", "bg_img", "rect", "convex")
PAPER_SVM = {
    "basic": 0.0303, "rot": 0.1111, "bg_rand": 0.1458,
    "bg_img": 0.2261, "rect": 0.0215, "convex": 0.1913,
}  # fmt: skip

# 1/gamma is a squared distance: rows of rect are close to each other, those of convex far apart
GAMMAS = {
    "basic": (0.01, 0.02, 0.03, 0.05),
    "rot": (0.02, 0.03, 0.05, 0.08),
    "bg_rand": (0.003, 0.006, 0.01, 0.02),
    "bg_img": (0.003, 0.006, 0.01, 0.02),
    "rect": (0.003, 0.01, 0.03, 0.1),
    "convex": (0.001, 0.003, 0.01, 0.03),
}
CS = (10.0, 1.0, 100.0)

FEW = 6000  # labels
FEW_HELD = 1000  # of them choose hyper-parameters


def rbf_svm(name: str, folder: Path | None, quick: bool) -> dict:
    sets = benchmarks.benchmark(name, quick)
    train, validation = ((part.data, part.target) for part in (sets.train, sets.validation))
    kernels = {gamma: svm.rbf(gamma) for gamma in GAMMAS[name]}
    machine, tried = svm.select(train, validation, kernels, CS)
    scored = score(machine.predict(sets.test.data), sets.test.target)
    return {
        "title": f"`{name}`: RBF SVM",
        "settings": {
            "rows": [len(sets.train.data), len(sets.validation.data), len(sets.test.data)],
            "pixels": "from 0 to 1",
            "data_seed": benchmarks.SEED,
        },
        "rows": [
            row(
                "RBF SVM", scored, paper=PAPER_SVM[name], seconds=machine.seconds,
                settings=best_of(tried), tried=tried,
            )
        ],
    }  # fmt: skip


def best_of(tried: list[dict]) -> dict:
    return min(tried, key=lambda record: record["validation_error"])


def raw_rot(folder: Path | None, quick: bool) -> dict:
    """The parameter of a linear kernel is its scale; C alone matters."""
    sets = benchmarks.benchmark("rot", quick)
    train, validation = ((part.data, part.target) for part in (sets.train, sets.validation))
    machine, tried = svm.select(train, validation, {1.0: svm.linear}, (1.0, 0.01, 0.03, 0.1, 0.3))
    scored = score(machine.predict(sets.test.data), sets.test.target)
    return {
        "title": "`rot`: linear SVM on the pixels",
        "settings": {"rows": [10_000, 2_000, 50_000], "data_seed": benchmarks.SEED},
        "rows": [
            row(
                "linear SVM on pixels", scored, paper=0.4347, seconds=machine.seconds,
                settings=best_of(tried), tried=tried,
            )
        ],
    }  # fmt: skip


def few_rows(quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of MNIST's training rows whose labels may be used: to fit, to choose."""
    n = 300 if quick else FEW
    chosen = np.random.default_rng(benchmarks.SEED).permutation(1000 if quick else 60_000)[:n]
    held = n * FEW_HELD // FEW
    return chosen[held:], chosen[:held]


def few_rivals(folder: Path | None, quick: bool) -> dict:
    """Parameters from 5,000 rows judged by 1,000, then fitted to all 6,000."""
    digits = benchmarks.digits(quick=quick)
    fit_rows, held_rows = few_rows(quick)
    X, y = digits.all.data, digits.all.target
    fit, held = (X[fit_rows], y[fit_rows]), (X[held_rows], y[held_rows])
    rows = np.concatenate([fit_rows, held_rows])
    kernels = {gamma: svm.rbf(gamma) for gamma in (0.01, 0.02, 0.03, 0.05)}
    machine, tried = svm.select(fit, held, kernels, CS)
    best = best_of(tried)
    machine = svm.KernelSVM(svm.rbf(best["parameter"]), best["C"]).fit(X[rows], y[rows])
    found = [
        row(
            "RBF SVM", score(machine.predict(digits.test.data), digits.test.target),
            seconds=machine.seconds, settings=best, tried=tried,
        )
    ]  # fmt: skip
    tried = []
    for leaves in (15, 31):
        settings = {"learning_rate": 0.1, "max_leaf_nodes": leaves, "max_iter": 400}
        model = boosting(settings, quick).fit(*fit)
        error = float(np.mean(model.predict(held[0]) != held[1]))
        tried.append(settings | {"validation_error": error, "iterations": model.n_iter_})
    best = best_of(tried)
    started = time.perf_counter()
    model = boosting(best | {"max_iter": best["iterations"]}, quick, stop=False)
    model.fit(X[rows], y[rows])
    seconds = time.perf_counter() - started
    scored = score(model.predict(digits.test.data), digits.test.target)
    found.append(row("HistGradientBoosting", scored, seconds=seconds, settings=best, tried=tried))
    return {
        "title": "A tenth of MNIST's labels: rivals",
        "settings": {
            "labels": len(rows),
            "validation_rows": len(held_rows),
            "seed": benchmarks.SEED,
        },
        "rows": found,
    }


def boosting(settings: dict, quick: bool, *, stop: bool = True) -> HistGradientBoostingClassifier:
    """With `stop`, a tenth of the rows says how many iterations are enough."""
    return HistGradientBoostingClassifier(
        learning_rate=settings["learning_rate"],
        max_leaf_nodes=settings["max_leaf_nodes"],
        max_iter=5 if quick else settings["max_iter"],
        early_stopping=stop,
        random_state=0,
    )
