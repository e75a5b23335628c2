"""Tables of numbers and categories: RMSE of hidden numbers, accuracy of hidden categories."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np

from bench import data
from bench.features.tables import from_csv
from bench.imputation.rivals import IMPUTERS
from bench.render import markdown_rows
from dae.tabular import DenoisingImputer

ROWS = 3000  # of each table, at random: KNN is quadratic
RATE = 0.3
SEEDS = (0, 1)
MOST_COLUMNS = 40  # that ridge is given, one-hot

Filled = Callable[[np.ndarray, list[int], int], np.ndarray]


def adult() -> tuple[np.ndarray, list[int]]:
    rows, _ = data.adult("data")
    return _objects(np.array(rows, dtype=object), list(data.NUMERIC))


def credit() -> tuple[np.ndarray, list[int]]:
    columns, numeric, _ = from_csv("credit")
    return _objects(np.array(columns, dtype=object).T, numeric)


def california() -> tuple[np.ndarray, list[int]]:
    columns, numeric, _ = from_csv("california")
    return _objects(np.array(columns, dtype=object).T, numeric)


TABLES = {"Adult": adult, "Credit": credit, "California": california}


def _objects(table: np.ndarray, numeric: list[int]) -> tuple[np.ndarray, list[int]]:
    """Complete rows, numbers as floats from 0 to 1."""
    table = table[(table != "").all(axis=1)]
    table = table[np.random.default_rng(0).permutation(len(table))[:ROWS]]
    for k in numeric:
        numbers = table[:, k].astype(float)
        table[:, k] = (numbers - numbers.min()) / (numbers.max() - numbers.min())
    return table, numeric


def ours(holes: np.ndarray, numeric: list[int], seed: int) -> np.ndarray:
    return DenoisingImputer(random_state=seed, n_jobs=1).fit_transform(holes)


def by_numbers(name: str) -> Filled:
    """An imputer of numbers on standardised and one-hot columns: the largest level is taken."""

    def filled(holes: np.ndarray, numeric: list[int], seed: int) -> np.ndarray:
        blocks, levels = [], []
        for k in range(holes.shape[1]):
            missing = np.array([value is None for value in holes[:, k]])
            if k in numeric:
                numbers = np.where(missing, np.nan, holes[:, k]).astype(float)
                levels.append((np.nanmean(numbers), np.nanstd(numbers)))
                blocks.append(((numbers - levels[-1][0]) / levels[-1][1])[:, None])
            else:
                levels.append(np.unique(holes[~missing, k].astype(str)))
                one_hot = (holes[:, k, None].astype(str) == levels[-1]).astype(float)
                blocks.append(np.where(missing[:, None], np.nan, one_hot))
        matrix = IMPUTERS[name](seed)(np.hstack(blocks))
        result, start = holes.copy(), 0
        for k, block in enumerate(blocks):
            made = matrix[:, start : start + block.shape[1]]
            start += block.shape[1]
            if k in numeric:
                result[:, k] = made[:, 0] * levels[k][1] + levels[k][0]
            else:
                result[:, k] = levels[k][made.argmax(axis=1)]
        return result

    return filled


RIVALS: dict[str, Filled] = {
    "mean, mode": by_numbers("mean"),
    "KNN": by_numbers("KNN"),
    "ridge": by_numbers("ridge"),
    "dae": ours,
}


def run(quick: bool = False) -> dict:
    results = []
    for name, load in TABLES.items():
        table, numeric = load()
        names = [k for k in range(table.shape[1]) if k not in numeric]
        n_columns = len(numeric) + sum(len(set(table[:, k])) for k in names)
        for seed in SEEDS[:1] if quick else SEEDS:
            hidden = np.random.default_rng(seed).random(table.shape) < RATE
            holes = np.where(hidden, None, table)
            for rival, fill in RIVALS.items():
                if rival == "ridge" and n_columns > MOST_COLUMNS:
                    continue
                started = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    filled = fill(holes, numeric, seed)
                seconds = time.process_time() - started
                there = hidden[:, numeric]
                off = (filled[:, numeric] - table[:, numeric]).astype(float)[there]
                right = (filled[:, names] == table[:, names])[hidden[:, names]]
                results.append(
                    {
                        "table": name,
                        "imputer": rival,
                        "seed": seed,
                        "shape": [len(table), len(numeric), len(names)],
                        "rmse": float(np.sqrt(np.mean(off**2))),
                        "accuracy": float(np.mean(right)),
                        "seconds": seconds,
                    }
                )
            print(name, seed, results[-1], flush=True)
    return {"results": results}


def report(result: dict) -> str:
    environment, results = result["environment"], result["results"]
    rows = []
    for name in TABLES:
        mine = [row for row in results if row["table"] == name]
        n_rows, n_numbers, n_names = mine[0]["shape"]
        cells = []
        for rival in RIVALS:
            own = [row for row in mine if row["imputer"] == rival]
            figures = [np.mean([row[f] for row in own]) for f in ("rmse", "accuracy", "seconds")]
            cells.append("{:.3f}, {:.3f} ({:.1f})".format(*figures) if own else "-")
        rows.append([f"{name} {n_rows} x {n_numbers} + {n_names}", *cells])
    return "\n".join(
        [
            "# Imputation of numbers and categories",
            "",
            f"30 % of the cells hidden at random, {len(SEEDS)} seeds; {ROWS:,} random rows of each "
            "table, of those that lack no value. RMSE of numbers scaled to [0, 1], accuracy of "
            "categories; CPU seconds of fit and transform in brackets, one thread. Rivals read "
            "standardised numbers and one-hot categories, and their largest level is taken; ridge "
            f"where these are at most {MOST_COLUMNS} columns. Settings as they come. "
            f"{environment['cpu']}; {environment['date']}.",
            "",
            markdown_rows(["table, numbers + categories", *RIVALS], rows),
        ]
    )
