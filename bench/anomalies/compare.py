"""All detectors on all sets, in turn for each seed: AUC ROC, average precision, seconds."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable

from sklearn.metrics import average_precision_score, roc_auc_score

from bench.anomalies import sets
from bench.anomalies.rivals import AMONG_ANOMALIES, OURS, RIVALS, Rival

SEEDS = (0, 1, 2)
FIGURES = ("auc", "precision", "fit", "score")


def judge(rival: Rival, split: sets.Split, seed: int) -> dict[str, float]:
    """Figures of one fit; seconds of fitting and of scoring the test rows."""
    started = time.perf_counter()
    score = rival(split.train, seed)
    fitted = time.perf_counter()
    scores = score(split.test)
    return {
        "auc": float(roc_auc_score(split.y, scores)),
        "precision": float(average_precision_score(split.y, scores)),
        "fit": fitted - started,
        "score": time.perf_counter() - fitted,
    }


def on_sets(
    names: Iterable[str],
    rivals: dict[str, Rival],
    split_of: Callable[[str, int], sets.Split],
    seeds: Iterable[int] = SEEDS,
) -> dict[str, dict]:
    """By set and rival: each figure's list of one value for each seed."""
    results: dict[str, dict] = {}
    seen = list(seeds)
    for name in names:
        figures: dict[str, dict[str, list]] = {
            rival: {figure: [] for figure in FIGURES} for rival in rivals
        }
        for seed in seen:
            split = split_of(name, seed)
            for rival, fit in rivals.items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    judged = judge(fit, split, seed)
                for figure, value in judged.items():
                    figures[rival][figure].append(value)
        results[name] = {
            "shape": list(split.train.shape),
            "test": len(split.y),
            "anomalies": int(split.y.sum()),
            "rivals": figures,
        }
        means = {rival: round(sum(each["auc"]) / len(seen), 3) for rival, each in figures.items()}
        print(name, means, flush=True)
    return results


def run(quick: bool = False, only: list[str] | None = None) -> dict:
    """All rivals, or only some of them."""
    seeds = SEEDS[:1] if quick else SEEDS
    names = sets.names()[:3] if quick else sets.names()
    rivals = {name: RIVALS[name] for name in only or RIVALS}
    among_anomalies = rivals | (AMONG_ANOMALIES if OURS in rivals else {})
    for rival in rivals.values():  # imports and first calls are not timed
        judge(rival, sets.unsupervised("thyroid", 0), 0)
    chosen = [name for name in names if name in sets.chosen_on()]
    return {
        "seeds": list(seeds),
        "chosen_on": chosen,
        "semi_supervised": on_sets(names, rivals, sets.semi_supervised, seeds),
        "unsupervised": on_sets(sets.UNSUPERVISED, among_anomalies, sets.unsupervised, seeds),
    }


def merged(before: dict, result: dict) -> dict:
    """What was kept, with the rivals that ran again in their place; with the date of the others."""
    for split in ("semi_supervised", "unsupervised"):
        for name, each in result[split].items():
            each["rivals"] = {**before[split][name]["rivals"], **each["rivals"]}
    versions = result["environment"]["versions"]
    for package, version in before["environment"]["versions"].items():
        if versions.get(package) in (None, "not installed"):  # only the others need it
            versions[package] = version
    dated = before.get("others", before["environment"])
    return {**result, "others": {key: dated[key] for key in ("date", "load")}}
