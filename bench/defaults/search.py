"""Activations, learning rates, batch sizes and epochs: every candidate on every table."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from bench.defaults.tables import Table, denoising_error
from dae import DenoisingAutoencoder
from dae._training.settings import automatic_epochs

RATES = {"adam": (1e-3, 2e-3, 4e-3), "sgd": (1e-3, 1e-2, 1e-1)}
ACTIVATIONS = ("relu", "tanh", "logistic", "identity")
BATCHES = (16, 32, 64, 128, 256)
EPOCHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the automatic number
DEFAULTS = DenoisingAutoencoder().get_params()
JUDGED = 1000  # held-out rows
DIVERGED = float("inf")


def trained(table: Table, parameters: dict[str, Any]) -> tuple[float, float]:
    """Held-out denoising error of a fit, and its seconds; "epochs" times the automatic number."""
    parameters = dict(parameters)
    times = parameters.pop("epochs", 1.0)
    model = DenoisingAutoencoder(random_state=0, **parameters)
    epochs = automatic_epochs(len(table.train), model.batch_size)
    started = time.perf_counter()
    try:
        model.set_params(max_iter=max(1, round(times * epochs))).fit(table.train)
    except ValueError:  # diverged
        return DIVERGED, time.perf_counter() - started
    seconds = time.perf_counter() - started
    return denoising_error(model.reconstruct(table.noisy[:JUDGED]), table), seconds


def grid(keys: Iterable[str], values: Iterable[tuple], found: list[Table]) -> list:
    """Held-out denoising error of each candidate on each table."""
    records = []
    for candidate in values:
        parameters = dict(zip(keys, candidate, strict=True))
        outcomes = {table.name: trained(table, parameters) for table in found}
        records.append(
            {
                "parameters": parameters,
                "errors": {name: error for name, (error, _) in outcomes.items()},
                "seconds": sum(seconds for _, seconds in outcomes.values()),
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
    return grid(keys, values, found)


def batches(found: list[Table]) -> list[dict]:
    return grid(("batch_size", "learning_rate_init"), product(BATCHES, RATES["adam"]), found)


def lengths(found: list[Table]) -> list[dict]:
    return grid(("epochs", "learning_rate_init"), product(EPOCHS, RATES["adam"]), found)


def progress(what: object) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)
