"""New normal rows that are called outliers, with and without rows that are held out in `fit`."""

from __future__ import annotations

from unittest import mock

import numpy as np
from sklearn.metrics import roc_auc_score

from bench.anomalies import sets
from dae import DenoisingOutlierDetector, outliers

ROWS = (150, 600, 2400)  # to learn from
SEEDS = (0, 1)
MOST_TESTED = 1500
SHARES = {"none held out": 0.0, "a tenth held out": outliers._HELD_SHARE}


def run(quick: bool = False) -> dict:
    results = []
    for name in sets.chosen_on()[:1] if quick else sets.chosen_on():
        for n_rows in ROWS[:1] if quick else ROWS:
            for label, share in SHARES.items():
                figures = [_figures(name, n_rows, share, seed) for seed in SEEDS]
                means = {key: float(np.mean([each[key] for each in figures])) for key in figures[0]}
                results.append({"set": name, "rows": n_rows, "held": label, **means})
                print(results[-1], flush=True)
    return {"results": results, "seeds": list(SEEDS)}


def _figures(name: str, n_rows: int, share: float, seed: int) -> dict[str, float]:
    split = sets.semi_supervised(name, seed)
    with mock.patch.object(outliers, "_HELD_SHARE", share):
        detector = DenoisingOutlierDetector(random_state=seed).fit(split.train[:n_rows])
    step = max(1, len(split.y) // MOST_TESTED)
    X, y = split.test[::step], split.y[::step]
    scores = detector.score_samples(X)
    odd = scores < detector.offset_
    return {
        "learned": len(split.train[:n_rows]),
        "false": float(odd[y == 0].mean()),
        "found": float(odd[y == 1].mean()),
        "auc": float(roc_auc_score(y, -scores)),
    }
