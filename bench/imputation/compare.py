"""RMSE on hidden cells of min-max scaled tables, and seconds of fit and transform."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator

import numpy as np

from bench import data, machine
from bench.imputation.cells import MECHANISMS, hidden
from bench.imputation.rivals import IMPUTERS, affordable, installed

SEEDS = (0, 1)


def tables() -> dict[str, np.ndarray]:
    """The complete tables, scaled to [0, 1] by column."""
    found = {}
    for name, X in data.complete_tables().items():
        low, high = X.min(axis=0), X.max(axis=0)
        X = X[:, high > low]
        found[name] = (X - low[high > low]) / (high - low)[high > low]
    return found


def judge(X: np.ndarray, mechanism: str, seed: int, name: str) -> dict:
    mask = hidden(X, mechanism, seed)
    holes = np.where(mask, np.nan, X)
    fill = IMPUTERS[name](seed)
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ridge and trees stop before they converge
        filled = fill(holes)
    seconds = time.process_time() - started
    rmse = float(np.sqrt(np.mean((filled - X)[mask] ** 2)))
    return {"rmse": rmse, "seconds": seconds}


def run(only: list[str], quick: bool = False) -> Iterator[list[dict]]:
    """Results of those of these imputers that are installed, one mechanism after the other."""
    sets = tables()
    only = [name for name in only if installed(name)]
    machine.set_torch_threads(1)
    for mechanism in MECHANISMS[:1] if quick else MECHANISMS:
        results: list[dict] = []
        for table, X in sets.items():
            for seed in SEEDS[:1] if quick else SEEDS:
                for name in only:
                    if affordable(name, *X.shape, mechanism, seed) and not (
                        quick and name == "extra trees"
                    ):
                        result = judge(X, mechanism, seed, name)
                        case = {"table": table, "mechanism": mechanism, "imputer": name}
                        results.append({**case, "shape": list(X.shape), "seed": seed, **result})
            print(mechanism, table, flush=True)
        yield results


def merged(before: dict, results: list[dict], environment: dict) -> dict:
    """What was kept, with new results in the place of those of the same imputer and mechanism.

    Each row says when it was made.
    """
    new = {(row["imputer"], row["mechanism"]) for row in results}
    kept = [
        {"date": before["environment"]["date"], **row}
        for row in before.get("results", [])
        if (row["imputer"], row["mechanism"]) not in new
    ]
    dated = [{**row, "date": environment["date"]} for row in results]
    return {"results": kept + dated, "environment": environment}
