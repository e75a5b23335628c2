"""Learning rates, batch sizes and stopping rules: every candidate on every table."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import product

import numpy as np

from bench.defaults.curves import curve
from bench.defaults.tables import Table
from dae import DenoisingAutoencoder

RATES = {"adam": (3e-4, 1e-3, 3e-3), "sgd": (1e-3, 1e-2, 1e-1)}
ACTIVATIONS = ("relu", "tanh", "logistic", "identity")
BATCHES = (16, 32, 64, 128, 256)
BATCH_RATES = (5e-4, 1e-3, 2e-3)
TOLS = (1e-2, 3e-3, 1e-3, 1e-4)
PATIENCES = (5, 10, 20)
DEFAULTS = DenoisingAutoencoder().get_params()


def grid(keys: Iterable[str], values: Iterable[tuple], found: list[Table], times: int = 1) -> list:
    """Held-out denoising error of each candidate on each table."""
    records = []
    for candidate in values:
        parameters = dict(zip(keys, candidate, strict=True))
        curves = [curve(table, parameters, times * table.epochs) for table in found]
        records.append(
            {
                "parameters": parameters,
                "errors": {t.name: c.outcome()[0] for t, c in zip(found, curves, strict=True)},
                "seconds": sum(c.seconds for c in curves),
            }
        )
        progress(parameters)
    return ranked(records)


def ranked(records: list[dict]) -> list[dict]:
    """Each candidate's errors relative to the best of each table: worst, and geometric mean."""
    names = records[0]["errors"]
    best = {name: min(r["errors"][name] for r in records) for name in names}
    for record in records:
        relative = [record["errors"][name] / best[name] for name in names]
        record["worst"] = max(relative)
        record["mean"] = float(np.exp(np.mean(np.log(relative))))
    return records


def rates(found: list[Table]) -> list[dict]:
    keys = ("activation", "solver", "learning_rate_init")
    values = [(a, s, r) for a in ACTIVATIONS for s, steps in RATES.items() for r in steps]
    batch = {"batch_size": DEFAULTS["batch_size"]}
    return grid((*keys, *batch), [(*v, *batch.values()) for v in values], found)


def batches(found: list[Table]) -> list[dict]:
    """Twice as long: what a large step costs shows late."""
    return grid(("batch_size", "learning_rate_init"), product(BATCHES, BATCH_RATES), found, times=2)


def stopping(found: list[Table], max_iter: int) -> list[dict]:
    """Denoising error and epochs of each rule on the same curves, with the chosen steps."""
    curves = {}
    for table in found:
        curves[table.name] = curve(table, {}, max_iter)
        progress(f"long curve of {table.name}")
    records = []
    for tol, patience in product(TOLS, PATIENCES):
        ends = {name: c.outcome(tol, patience) for name, c in curves.items()}
        records.append(
            {
                "parameters": {"tol": tol, "n_iter_no_change": patience},
                "errors": {name: error for name, (error, _, _) in ends.items()},
                "epochs": {name: epochs for name, (_, epochs, _) in ends.items()},
                "stopped": {name: stopped for name, (_, _, stopped) in ends.items()},
            }
        )
    return ranked(records)


def progress(what: object) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)
