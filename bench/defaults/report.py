"""defaults.md, from what defaults.json contains."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import render
from bench.defaults.search import DEFAULTS
from bench.defaults.tables import LEVEL

# what is in bold
BOLD: dict[str, Any] = {**DEFAULTS, "epochs": 1.0, "what": "the defaults"}


def shown(value: Any, digits: int = 3) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def shown_error(value: float | None) -> str:
    """An error; JSON has null for that of a candidate that diverged."""
    return "diverged" if value is None or np.isinf(value) else shown(value)


def search_table(records: list[dict]) -> str:
    """Candidates with their errors; the defaults in bold."""
    names = list(records[0]["errors"])
    keys = list(records[0]["parameters"])
    rows = []
    for r in records:
        cells = [f"{r['parameters'][key]:g}" if not isinstance(r["parameters"][key], str)
                 else r["parameters"][key] for key in keys]  # fmt: skip
        for name in names:
            cells.append(shown_error(r["errors"][name]))
        cells += [shown_error(r["worst"]), shown_error(r["mean"])]
        if all(BOLD.get(key) == value for key, value in r["parameters"].items()):
            cells = [f"**{cell}**" for cell in cells]
        rows.append(cells)
    return render.markdown_rows([*keys, *names, "worst / best", "mean / best"], rows)


def record_table(records: list[dict], keys: tuple[str, ...]) -> str:
    return render.markdown_rows(
        [key.replace("_", " ") for key in keys],
        ([shown(r.get(key)) for key in keys] for r in records),
    )


UNTUNED = ("table", "method", "unexplained", "denoising", "probe", "epochs", "warned", "seconds")
ODD = ("table", "shape", "unexplained", "epochs", "warned", "seconds", "error")


def percent(value: float) -> str:
    return f"{100 * value:.2f}"


def predictors_table(records: list[dict]) -> str:
    """One row for each case; the best error in bold, seconds in brackets."""
    by_case: dict[str, dict[str, dict]] = {}
    for r in records:
        by_case.setdefault(r["case"], {})[r["method"]] = r
    methods = list(next(iter(by_case.values())))
    rows = []
    for name, found in by_case.items():
        best = min(r["error"] for r in found.values())
        one = found[methods[0]]
        row = [name + ("" if one["classes"] else ", 1 - R2"), f"{one['rows']:,}"]
        for method in methods:
            if method not in found:
                row.append("-")
                continue
            r = found[method]
            cell = percent(r["error"])
            cell = f"**{cell}**" if r["error"] == best else cell
            row.append(f"{cell} ({r['seconds']:.1f} s{', warned' if r['warned'] else ''})")
        rows.append(row)
    return render.markdown_rows(["case", "rows", *methods], rows)


def processors(records: list[dict]) -> str:
    """Where the seconds were measured."""
    cases: dict[str, dict[str, None]] = {}
    for r in records:
        cases.setdefault(r["processor"], {})[r["case"]] = None
    (most, _), *others = sorted(cases.items(), key=lambda pair: -len(pair[1]))
    told = [f"; {' and '.join(names)} on {processor}" for processor, names in others]
    return f"Processor: {most}{''.join(told)}."


def codes_table(records: list[dict]) -> str:
    keys = [key for key in records[0] if key != "case"]
    rows = []
    for r in records:
        best = min(r[key] for key in keys)
        cells = [f"**{percent(r[key])}**" if r[key] == best else percent(r[key]) for key in keys]
        rows.append([r["case"], *cells])
    return render.markdown_rows(["case", *keys], rows)


def layers_table(found: dict[str, dict]) -> str:
    rows = [
        [name, *map(percent, r["errors"]), str(r["epochs"]), f"{r['seconds']:.0f}"]
        for name, r in found.items()
    ]
    return render.markdown_rows(
        ["settings", "layer 0", "layer 1", "layer 2", "epochs of all", "seconds"], rows
    )


def supervised(results: dict) -> str:
    """What was run of the experiments on supervised estimators."""
    text = ""
    if "candidates" in results:
        text += f"""## What else might have been the supervised defaults

On the cases that choose, errors as shares.

{search_table(results["candidates"])}

"""
    if "predictors" in results:
        text += f"""## Untuned predictors

On the cases that judge; seconds of `fit` in brackets, "warned" where it said that it has not
converged. All estimators as they come: `StackedDenoisingClassifier()` or
`StackedDenoisingRegressor()`, and scikit-learn's.

{predictors_table(results["predictors"])}

{processors(results["predictors"])}

"""
    return text


def report(results: dict) -> str:
    """All of it as Markdown."""
    run, versions = results["run"], results["run"]["versions"]
    sklearn = versions["scikit-learn"]
    return f"""# The defaults, by experiment

`python -m bench.defaults`, {run["date"]}, dae {run["dae"]}, scikit-learn {sklearn},
NumPy {versions["numpy"]}, Python {run["python"]}, SIMD level {run["simd_level"]},
{run["threads"]} thread(s), {run["minutes"]:.0f} minutes. Defaults in bold:

{", ".join(f"`{k}={v!r}`" for k, v in results["defaults"].items())}

Of one layer first. Denoising error: squared error of repaired rows over that of the masked rows
(level {LEVEL:g}), on the fifth of each table that was held out. "worst / best": its ratio to the
best of the same table, on the worst table; "mean / best": the geometric mean of the ratios. One
seed: candidates a few hundredths apart are equals.

## Activation, solver and learning rate

{search_table(results["rates"])}

## Batch size and learning rate

{search_table(results["batches"])}

## Epochs and learning rate

Epochs in multiples of `max_iter="auto"`.

{search_table(results["lengths"])}

## An untuned fit

"unexplained": squared error of clean held-out rows over their variance. "probe": accuracy of a
logistic regression of the codes. `MLPRegressor` is at its defaults but for the number of hidden
units; it learns from one masked copy, `Ridge` too. Of tables with no more features than its rank,
`PCA` keeps all and repairs nothing.

Clean rows differ from the masked rows used in training: their sums are larger, by one over the
share that masking keeps. Where the features rise and fall together (patches with their
brightness), every method that learned to undo the masking returns too large values for clean rows.

{record_table(results["untuned"], UNTUNED)}

## Tables that nobody prepared

"unexplained" is that of the training rows.

{record_table(results["odd"], ODD)}

## Several layers and labels

Cases that choose, and others that judge. Error: share of wrong test rows in %, or of numbers the
squared error over their variance in %, which is 100 (1 - R2). Means of three seeds up to 3,000
rows, else one.

{supervised(results)}## Untuned codes for a linear model

On the cases that judge: logistic regression or ridge, with a penalty chosen by cross-validation, on
up to 5,000 labels; the columns, the codes of `DenoisingAutoencoder()`, of the last layer of
`StackedDenoisingAutoencoder()`, and of both its layers (`output_layers="all"`). The autoencoders
see all rows.

{codes_table(results["codes"])}

## Three layers on rotated digits

`StackedDenoisingAutoencoder((1000, 1000, 1000))` on 12,000 digits, linear SVM on the codes of each
layer (10,000 labels, 2,000 to choose C), 10,000 test rows. Looked at while the epochs of the upper
layers were chosen.

{layers_table(results["layers"])}
"""
