"""How the defaults of `DenoisingAutoencoder` were chosen: ``python -m bench.defaults``.

    1. rates     activation x solver x learning rate, the same number of epochs for all
    2. batches   batch size x learning rate, for the chosen activation and solver
    3. stopping  tol x n_iter_no_change x max_iter, replayed on recorded curves
    4. untuned   `DenoisingAutoencoder()` beside linear methods and `MLPRegressor()`
    5. odd       unscaled, tiny and other tables: it works, or says what is wrong

A model is judged by repairing rows that it has never seen, a fifth of each table, masked with a
mask that it has never seen. All that is compared in 1 to 3 is relative to the best of the same
table, so that no table counts more than another, and the worst table counts most: defaults have
to be good everywhere rather than best somewhere.

MNIST and Adult are read from the folder in DAE_DATA_DIR and left out where it is unset.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_sample_images, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dae import DenoisingAutoencoder, __version__, _core

RESULTS = Path(__file__).parent / "results"
LEVEL = 0.3  # of masking, as the estimator's default
COMPONENTS = 256
JUDGED = 1000  # held-out rows looked at after each epoch
PROBED = 10_000  # rows that the linear probe learns from
DIVERGED = float("inf")

# ------------------------------------------------------------------ tables


@dataclass
class Table:
    """Rows to learn from, rows to judge by, and the latter with a fixed mask."""

    name: str
    X: np.ndarray
    y: np.ndarray | None = None
    epochs: int = 30  # of the search

    def __post_init__(self) -> None:
        order = np.random.default_rng(0).permutation(len(self.X))
        cut = max(1, len(order) // 5)
        self.test_rows, self.train_rows = order[:cut], order[cut:]

    @cached_property
    def train(self) -> np.ndarray:
        return self.X[self.train_rows]

    @cached_property
    def test(self) -> np.ndarray:
        return self.X[self.test_rows]

    @cached_property
    def noisy(self) -> np.ndarray:
        return masked(self.test, 1)

    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        assert self.y is not None
        return self.y[self.train_rows], self.y[self.test_rows]


def masked(X: np.ndarray, seed: int) -> np.ndarray:
    kept = np.random.default_rng(seed).random(X.shape, dtype=np.float32) >= LEVEL
    return X * kept


def digits() -> Table:
    X, y = load_digits(return_X_y=True)
    return Table("digits", (X / 16).astype(np.float32), y, epochs=100)


def mnist(n_rows: int = 60_000, epochs: int = 10) -> Table:
    images = _idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:n_rows]
    labels = _idx("train-labels-idx1-ubyte.gz", 8)[:n_rows]
    name = "MNIST" if n_rows == 60_000 else f"MNIST, {n_rows} rows"
    return Table(name, images.astype(np.float32) / np.float32(255), labels, epochs)


def _idx(name: str, header: int) -> np.ndarray:
    with gzip.open(data_folder() / "mnist" / name) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def adult() -> Table:
    """The numeric columns, standardised; gains and losses are zero but for heavy tails."""
    with gzip.open(data_folder() / "tabular" / "adult.data.gz", "rt") as file:
        rows = [row for row in csv.reader(file) if row]
    X = np.array([[float(row[column]) for column in (0, 2, 4, 10, 11, 12)] for row in rows])
    return Table("Adult", StandardScaler().fit_transform(X).astype(np.float32), epochs=20)


def patches(size: int, *, centred: bool, n_rows: int = 20_000) -> Table:
    """Grey patches of scikit-learn's two photographs, pixels from 0 to 1."""
    rng = np.random.default_rng(0)
    found = []
    for image in load_sample_images().images:
        picture = (image @ np.array([0.299, 0.587, 0.114]) / 255).astype(np.float32)
        rows, columns = (rng.integers(0, n - size + 1, n_rows // 2) for n in picture.shape)
        windows = np.lib.stride_tricks.sliding_window_view(picture, (size, size))
        found.append(windows[rows, columns].reshape(-1, size * size))
    X = np.concatenate(found)
    if centred:
        X -= X.mean(axis=1, keepdims=True)
    return Table(f"patches {size}x{size}{', centred' if centred else ''}", X, epochs=25)


def data_folder() -> Path:
    return Path(os.environ.get("DAE_DATA_DIR", "."))


def tables(*, search: bool, quick: bool) -> list[Table]:
    """The tables of the search (fewer, smaller) or of the final comparison."""
    found = [digits()]
    if not os.environ.get("DAE_DATA_DIR"):
        print("DAE_DATA_DIR is unset: without MNIST and Adult", file=sys.stderr)
    else:
        found += [mnist(2000 if quick else 10_000), adult()]
        if not search and not quick:
            found.append(mnist())
    n_rows = 2000 if quick else 20_000
    kinds = [(8, False), (8, True), (12, True)] if search else product((8, 12), (False, True))
    found += [patches(size, centred=centred, n_rows=n_rows) for size, centred in kinds]
    if quick:
        for table in found:
            table.epochs = 3
    return found


# ------------------------------------------------------------------ measures


def energy(difference: np.ndarray) -> float:
    return float(np.square(difference, dtype=np.float64).sum())


def denoising_error(repaired: np.ndarray, table: Table) -> float:
    """Squared error of repaired rows over that of the rows as they came."""
    rows = slice(len(repaired))
    return energy(repaired - table.test[rows]) / energy(table.noisy[rows] - table.test[rows])


@dataclass
class Curve:
    """Training loss and held-out denoising error after each epoch; empty if it diverged."""

    losses: list[float]
    errors: list[float]
    seconds: float

    def outcome(self, tol: float = 0.0, patience: float = np.inf, max_iter: int = 10**9):
        """Denoising error, epochs and whether it stopped by itself, as `fit` would have it."""
        best, best_epoch, stale, stopped, epoch = np.inf, 0, 0, False, 0
        for epoch, loss in enumerate(self.losses[:max_iter], start=1):
            stale = 0 if not np.isfinite(best) or loss < best * (1 - tol) else stale + 1
            if loss < best:
                best, best_epoch = loss, epoch
            if stale >= patience:
                stopped = True
                break
        error = self.errors[best_epoch - 1] if best_epoch else DIVERGED
        return error, epoch, stopped


def curve(table: Table, parameters: dict[str, Any], epochs: int | None = None) -> Curve:
    """Train epoch by epoch; one `partial_fit` is one epoch of `fit`."""
    model = DenoisingAutoencoder(COMPONENTS, random_state=0, **parameters)
    losses, errors, seconds = [], [], 0.0
    for _ in range(epochs or table.epochs):
        started = time.perf_counter()
        try:
            model.partial_fit(table.train)
        except ValueError:  # diverged
            return Curve([], [], seconds)
        seconds += time.perf_counter() - started
        losses.append(model.loss_curve_[-1])
        errors.append(denoising_error(model.reconstruct(table.noisy[:JUDGED]), table))
    return Curve(losses, errors, seconds)


# ------------------------------------------------------------------ search

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


# ------------------------------------------------------------------ untuned


@dataclass
class Method:
    """A fitted method: how it repairs rows, how it codes them, what it took."""

    repair: Callable[[np.ndarray], np.ndarray]
    code: Callable[[np.ndarray], np.ndarray] | None = None
    epochs: int | None = None
    warned: bool | None = None


def autoencoder(table: Table, quick: bool) -> Method:
    model = DenoisingAutoencoder(random_state=0)
    if quick:
        model.set_params(max_iter=3)
    warned = warns(lambda: model.fit(table.train))
    return Method(model.reconstruct, model.transform, model.n_iter_, warned)


def perceptron(table: Table, quick: bool) -> Method:
    """`MLPRegressor`, all at its defaults but as many hidden units, on one masked copy."""
    model = MLPRegressor(
        hidden_layer_sizes=(COMPONENTS,), random_state=0, max_iter=3 if quick else 200
    )
    warned = warns(lambda: model.fit(masked(table.train, 2), table.train))

    def repair(X: np.ndarray) -> np.ndarray:
        return model.predict(X).reshape(X.shape)

    def code(X: np.ndarray) -> np.ndarray:
        return np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)

    return Method(repair, code, model.n_iter_, warned)


def principal(table: Table, quick: bool) -> Method:
    """Of the rank of the code; with as many features or fewer it changes nothing."""
    pca = PCA(min(COMPONENTS, *table.train.shape), random_state=0).fit(table.train)
    return Method(lambda X: pca.inverse_transform(pca.transform(X)), pca.transform)


def linear(table: Table, quick: bool) -> Method:
    """What the best linear map makes of masked rows."""
    return Method(Ridge(1.0).fit(masked(table.train, 2), table.train).predict)


def untouched(table: Table, quick: bool) -> Method:
    return Method(lambda X: X, lambda X: X)


METHODS = {
    "DenoisingAutoencoder()": autoencoder,
    "MLPRegressor, 256 units": perceptron,
    "Ridge": linear,
    "PCA, rank 256": principal,
    "as they come": untouched,
}


def warns(function: Callable[[], object]) -> bool:
    """Whether it says that it has not converged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return any(issubclass(w.category, ConvergenceWarning) for w in caught)


def untuned(found: list[Table], quick: bool) -> list[dict]:
    records = []
    for table, (name, method) in product(found, METHODS.items()):
        if method is perceptron and len(table.X) > 40_000:
            continue  # many minutes
        started = time.perf_counter()
        fitted = method(table, quick)
        seconds = time.perf_counter() - started
        records.append(
            {
                "table": table.name,
                "method": name,
                "unexplained": energy(fitted.repair(table.test) - table.test)
                / energy(table.test - table.train.mean(axis=0)),
                "denoising": denoising_error(fitted.repair(table.noisy), table),
                "probe": probe(fitted, table),
                "epochs": fitted.epochs,
                "warned": fitted.warned,
                "seconds": seconds,
            }
        )
        progress(f"{name} on {table.name}")
    return records


def probe(fitted: Method, table: Table) -> float | None:
    """Accuracy of a linear classifier of the codes, on held-out rows."""
    if table.y is None or fitted.code is None:
        return None
    y, y_test = table.labels()
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    warns(lambda: classifier.fit(fitted.code(table.train[:PROBED]), y[:PROBED]))
    return float(classifier.score(fitted.code(table.test), y_test))


# ------------------------------------------------------------------ odd tables


def odd_tables() -> dict[str, np.ndarray]:
    digits_64 = load_digits().data / 16
    cancer = load_breast_cancer().data
    return {
        "digits, float64": digits_64,
        "digits, 0 to 16": digits_64 * 16,
        "digits, 20 rows": digits_64[:20],
        "digits, 2 rows": digits_64[:2],
        "wine, raw": load_wine().data,
        "wine, standardised": StandardScaler().fit_transform(load_wine().data),
        "breast cancer, raw": cancer,
        "breast cancer, standardised": StandardScaler().fit_transform(cancer),
        "breast cancer, raw, float32": cancer.astype(np.float32),
        "breast cancer, one column": cancer[:, :1],
        "breast cancer, times 1e6": cancer * 1e6,
        "zeros": np.zeros((100, 5)),
        "one constant": np.full((100, 5), 1000.0),
    }


def odd(quick: bool) -> list[dict]:
    """An untuned fit of tables that nobody prepared; an error has to say what to do."""
    records = []
    for name, X in odd_tables().items():
        model = DenoisingAutoencoder(random_state=0)
        if quick:
            model.set_params(max_iter=3)
        record: dict[str, Any] = {"table": name, "shape": list(X.shape)}
        started = time.perf_counter()
        try:
            record["warned"] = warns(lambda m=model, X=X: m.fit(X))
            spread = energy(X - X.mean(axis=0))
            left = energy(X - model.reconstruct(X))
            record |= {"epochs": model.n_iter_, "unexplained": left / spread if spread else None}
        except ValueError as error:
            record["error"] = str(error)
        record["seconds"] = time.perf_counter() - started
        records.append(record)
    return records


# ------------------------------------------------------------------ output


def progress(what: object) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def shown(value: Any, digits: int = 3) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "diverged" if np.isinf(value) else f"{value:.{digits}f}"
    return str(value)


def markdown(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def search_table(records: list[dict]) -> str:
    """Candidates with their errors; the defaults in bold."""
    names = list(records[0]["errors"])
    keys = list(records[0]["parameters"])
    rows = []
    for r in records:
        cells = [f"{r['parameters'][key]:g}" if not isinstance(r["parameters"][key], str)
                 else r["parameters"][key] for key in keys]  # fmt: skip
        for name in names:
            cell = shown(r["errors"][name])
            if "epochs" in r:
                more = "" if r["stopped"][name] else "+"
                cell += f" ({r['epochs'][name]}{more})"
            cells.append(cell)
        cells += [shown(r["worst"]), shown(r["mean"])]
        if all(DEFAULTS[key] == value for key, value in r["parameters"].items()):
            cells = [f"**{cell}**" for cell in cells]
        rows.append(cells)
    return markdown([*keys, *names, "worst / best", "mean / best"], rows)


def record_table(records: list[dict], keys: tuple[str, ...]) -> str:
    return markdown(
        [key.replace("_", " ") for key in keys],
        ([shown(r.get(key)) for key in keys] for r in records),
    )


UNTUNED = ("table", "method", "unexplained", "denoising", "probe", "epochs", "warned", "seconds")
ODD = ("table", "shape", "unexplained", "epochs", "warned", "seconds", "error")


def report(results: dict) -> str:
    """All of it as Markdown."""
    run = results["run"]
    return f"""# The defaults, by experiment

`python -m bench.defaults`, {run["date"]}, dae {run["dae"]}, scikit-learn {run["scikit-learn"]},
NumPy {run["numpy"]}, Python {run["python"]}, SIMD level {run["simd"]}, {run["threads"]} thread(s),
{run["minutes"]:.0f} minutes. Defaults in bold:

{", ".join(f"`{k}={v!r}`" for k, v in run["defaults"].items())}

Denoising error: squared error of repaired rows over that of the masked rows (level {LEVEL:g}), on
the fifth of each table that was held out. "worst / best": its ratio to the best of the same table,
on the worst table; "mean / best": the geometric mean of the ratios. One seed, and the rows that
judge the untuned fit are those that chose: candidates a few hundredths apart are equals.

## Activation, solver and learning rate

The same number of epochs for all, {DEFAULTS["batch_size"]} rows a batch.

{search_table(results["rates"])}

## Batch size and learning rate

Twice the epochs.

{search_table(results["batches"])}

## Stopping

Denoising error (epochs) of each rule on the same curves; + where it would not
have stopped by itself within `max_iter` epochs.

{search_table(results["stopping"])}

## An untuned fit

"unexplained": squared error of clean held-out rows over their variance. "probe": accuracy of a
logistic regression of the codes. `MLPRegressor` is at its defaults but for the number of hidden
units; it learns from one masked copy, `Ridge` too. Of tables with no more features than its rank,
`PCA` keeps all and repairs nothing.

Clean rows are unlike the masked rows that were learned from: their sums are larger, by one over
the share that masking keeps. Where the features rise and fall together (patches with their
brightness), each method that learned to undo the masking answers too large for clean rows.

{record_table(results["untuned"], UNTUNED)}

## Tables that nobody prepared

"unexplained" is that of the training rows.

{record_table(results["odd"], ODD)}
"""


def run_information(started: float) -> dict:
    chosen = (
        "activation", "solver", "learning_rate_init", "batch_size",
        "max_iter", "tol", "n_iter_no_change",
    )  # fmt: skip
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "dae": __version__,
        "scikit-learn": version("scikit-learn"),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "simd": _core.simd_level(),
        "threads": _core.n_threads(None),
        "minutes": (time.perf_counter() - started) / 60,
        "defaults": {key: DEFAULTS[key] for key in chosen},
    }


def strict(value: Any) -> Any:
    """For JSON, which knows no infinity: null stands for a candidate that diverged."""
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [strict(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def write(results: dict, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(strict(results), indent=1, allow_nan=False)
    (folder / "defaults.json").write_text(text + "\n")
    (folder / "defaults.md").write_text(report(results))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.defaults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="small tables, three epochs: a trial")
    parser.add_argument("--out", type=Path, help="folder of the results")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    found = tables(search=True, quick=options.quick)
    results: dict[str, Any] = {
        "rates": rates(found),
        "batches": batches(found),
        "stopping": stopping(found, 5 if options.quick else DEFAULTS["max_iter"]),
        "untuned": untuned(tables(search=False, quick=options.quick), options.quick),
        "odd": odd(options.quick),
    }
    results = {"run": run_information(started), **results}
    print(report(results))
    # what a trial finds is no result to keep beside the code
    if options.out or not options.quick:
        write(results, options.out or RESULTS)


if __name__ == "__main__":
    main()
