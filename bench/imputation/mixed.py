"""Tables of numbers and categories: RMSE of hidden numbers, accuracy of hidden categories."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np

from bench import data, machine
from bench.features.tables import from_csv
from bench.imputation.rivals import IMPUTERS, imputify_filled, installed, midas_draws
from bench.render import markdown_rows
from dae.tabular import DenoisingImputer

ROWS = 3000  # of each table, at random: KNN is quadratic
RATE = 0.3
SEEDS = (0, 1)

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


def frame_of(holes: np.ndarray, numeric: list[int]):
    """A pandas DataFrame of floats and categories."""
    import pandas as pd

    table = pd.DataFrame(holes, columns=[f"x{k}" for k in range(holes.shape[1])])
    kinds = {name: float if k in numeric else "category" for k, name in enumerate(table)}
    return table.astype(kinds)


def midas(holes: np.ndarray, numeric: list[int], seed: int) -> np.ndarray:
    """The means of its imputed numbers, and the level that most imputations have."""
    draws = midas_draws(frame_of(holes, numeric), seed)
    made = np.stack([draw.to_numpy(dtype=object) for draw in draws])
    missing = holes == None  # noqa: E711
    result = holes.copy()
    for k in range(holes.shape[1]):
        own = made[:, missing[:, k], k]
        if k in numeric:
            result[missing[:, k], k] = own.astype(float).mean(axis=0)
        else:
            levels, codes = np.unique(own.astype(str), return_inverse=True)
            votes = (codes.reshape(own.shape)[..., None] == np.arange(len(levels))).sum(axis=0)
            result[missing[:, k], k] = levels[votes.argmax(axis=1)]
    return result


def imputify(holes: np.ndarray, numeric: list[int], seed: int) -> np.ndarray:
    return imputify_filled(frame_of(holes, numeric), seed).to_numpy(dtype=object)


RIVALS: dict[str, Filled] = {
    "mean, mode": by_numbers("mean"),
    "KNN": by_numbers("KNN"),
    "ridge": by_numbers("ridge"),
    "extra trees": by_numbers("extra trees"),
    "MIDAS2": midas,
    "imputify": imputify,
    "dae": ours,
}
ONCE = ("extra trees",)  # minutes: the first seed only


def run(quick: bool = False) -> dict:
    machine.set_torch_threads(1)
    results = []
    for name, load in TABLES.items():
        table, numeric = load()
        names = [k for k in range(table.shape[1]) if k not in numeric]
        for seed in SEEDS[:1] if quick else SEEDS:
            hidden = np.random.default_rng(seed).random(table.shape) < RATE
            holes = np.where(hidden, None, table)
            for rival, fill in RIVALS.items():
                if not installed(rival) or (rival in ONCE and (quick or seed != SEEDS[0])):
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
            "categories; CPU seconds of fit and transform in brackets, one thread. scikit-learn's "
            "imputers read standardised numbers and one-hot categories, and their largest level is "
            "taken. Settings as they come; 20 extra trees, 3 rounds, one seed; of MIDAS2 the mean, "
            "or the most frequent level, of ten imputations. "
            f"{environment['cpu']}; {environment['date']}.",
            "",
            markdown_rows(["table, numbers + categories", *RIVALS], rows),
        ]
    )
