"""Digits: three layers of 1000 pretrained on all of MNIST, tuned on all labels or a tenth of them.

sda-mnist   784-1000-1000-1000-10, masking of .1, .2 and .3, all labels (2010 tutorial)
few-labels  the same stack, tuned on the labels of 6,000 rows
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.papers import benchmarks
from bench.papers.baselines import best_of, few_rows
from bench.papers.networks import SHARED, pretrained, tuned
from bench.papers.results import row, score

STACK: dict[str, Any] = SHARED | {
    "hidden_layer_sizes": (1000, 1000, 1000),
    "corruption_level": (0.1, 0.2, 0.3),
    "learning_rate_init": 0.0005,
    "max_iter": 10,
}

# Normal noise on the pixels while the labels are learned: what keeps 2.8 million weights, trained
# until no row is wrong, from learning the rows by heart.
ALL_LABELS: dict[str, Any] = {"fine_tune_max_iter": 40, "fine_tune_learning_rate_init": 0.0005}
FEW_LABELS: dict[str, Any] = {"fine_tune_max_iter": 50, "fine_tune_learning_rate_init": 0.0005}


def noise(level: float) -> dict:
    return {"fine_tune_corruption": "gaussian", "fine_tune_corruption_level": level}


def sda_mnist(folder: Path | None, quick: bool) -> dict:
    """Chosen on 50,000 rows and 10,000 others; trained again on all 60,000."""
    digits = benchmarks.digits(quick=quick)
    train, validation = digits.train, digits.validation
    stack, _ = pretrained(STACK, train.data, quick)
    tried = []
    for tuning in (noise(0.3), noise(0.4)):
        settings = STACK | ALL_LABELS | tuning
        network, seconds = tuned(settings, stack, train.data, train.target, quick)
        error = score(network.predict(validation.data), validation.target)["error"]
        tried.append(tuning | {"validation_error": error, "seconds": seconds})
    settings = STACK | ALL_LABELS | noise(best_of(tried)["fine_tune_corruption_level"])
    stack, before = pretrained(settings, digits.all.data, quick)
    network, after = tuned(settings, stack, digits.all.data, digits.all.target, quick)
    scored = score(network.predict(digits.test.data), digits.test.target)
    return {
        "title": "SdA-3 on MNIST, 784-1000-1000-1000-10",
        "target": "at most 1.3 % in at most 12 minutes of training",
        "settings": settings,
        "rows": [
            row(
                "SdA-3", scored, paper=0.0128, seconds=before + after,
                settings={"pretraining": f"{before:.0f} s", "fine-tuning": f"{after:.0f} s"},
                tried=tried,
            )
        ],
        "notes": ["The 2010 tutorial: 1.3 % in 585 + 444 minutes on one core."],
    }  # fmt: skip


def sda_rate(folder: Path | None, quick: bool) -> dict:
    """What `sda-mnist` costs where nothing else runs: an epoch of each kind, times their number."""
    digits = benchmarks.digits(quick=quick)
    X, y = digits.all.data, digits.all.target
    stack, before = pretrained(STACK | {"max_iter": 1}, X)
    tuning = STACK | ALL_LABELS | noise(0.4) | {"fine_tune_max_iter": 1}
    _, after = tuned(tuning, stack, X, y)
    epochs = STACK["max_iter"], ALL_LABELS["fine_tune_max_iter"]
    minutes = (before * epochs[0] + after * epochs[1]) / 60
    return {
        "title": "SdA-3 on MNIST: seconds an epoch on the machine alone",
        "settings": STACK | ALL_LABELS,
        "minutes": minutes,
        "table": {
            "columns": ["", "epochs", "seconds an epoch"],
            "rows": [["pretraining, three layers", epochs[0], before],
                     ["fine-tuning", epochs[1], after]],
        },
        "notes": [f"Together {minutes:.1f} minutes; `sda-mnist` itself shared the machine."],
    }  # fmt: skip


def few_labels(folder: Path | None, quick: bool) -> dict:
    """Chosen on 5,000 labelled rows and 1,000 others; tuned again on all 6,000."""
    digits = benchmarks.digits(quick=quick)
    fit_rows, held_rows = few_rows(quick)
    X, y = digits.all.data, digits.all.target
    rows = np.concatenate([fit_rows, held_rows])
    stack, before = pretrained(STACK, X, quick)
    found = []
    for method, start in (("pretrained on 60,000", stack), ("no pretraining", None)):
        tried = []
        for tuning in (noise(0.3), noise(0.5)):
            settings = STACK | FEW_LABELS | tuning
            network, seconds = tuned(settings, start, X[fit_rows], y[fit_rows], quick)
            error = score(network.predict(X[held_rows]), y[held_rows])["error"]
            tried.append(tuning | {"validation_error": error, "seconds": seconds})
        best = best_of(tried)
        settings = STACK | FEW_LABELS | noise(best["fine_tune_corruption_level"])
        network, after = tuned(settings, start, X[rows], y[rows], quick)
        scored = score(network.predict(digits.test.data), digits.test.target)
        found.append(
            row(
                method, scored, seconds=after + (before if start else 0.0),
                settings={"noise while tuning": best["fine_tune_corruption_level"]}, tried=tried,
            )
        )  # fmt: skip
    return {
        "title": "A tenth of MNIST's labels",
        "target": "ahead of the same network without pretraining, of an SVM and of boosting",
        "settings": STACK | FEW_LABELS | {"labels": len(rows)},
        "rows": found,
        "notes": ["The SVM and boosting on the same 6,000 rows stand under `few-rivals`."],
    }
