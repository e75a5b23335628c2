"""defaults.md, from what defaults.json contains."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import render
from bench.defaults.search import DEFAULTS
from bench.defaults.tables import LEVEL


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
            cell = shown_error(r["errors"][name])
            if "epochs" in r:
                more = "" if r["stopped"][name] else "+"
                cell += f" ({r['epochs'][name]}{more})"
            cells.append(cell)
        cells += [shown_error(r["worst"]), shown_error(r["mean"])]
        if all(DEFAULTS[key] == value for key, value in r["parameters"].items()):
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


def report(results: dict) -> str:
    """All of it as Markdown."""
    run, versions = results["run"], results["run"]["versions"]
    sklearn = versions["scikit-learn"]
    return f"""# The defaults, by experiment

`python -m bench.defaults`, {run["date"]}, dae {run["dae"]}, scikit-learn {sklearn},
NumPy {versions["numpy"]}, Python {run["python"]}, SIMD level {run["simd_level"]},
{run["threads"]} thread(s), {run["minutes"]:.0f} minutes. Defaults in bold:

{", ".join(f"`{k}={v!r}`" for k, v in results["defaults"].items())}

Denoising error: squared error of repaired rows over that of the masked rows (level {LEVEL:g}), on
the fifth of each table that was held out. "worst / best": its ratio to the best of the same table,
on the worst table; "mean / best": the geometric mean of the ratios. One seed, and the rows that
judge the untuned fit are those that chose: candidates a few hundredths apart are equals.

## Activation, solver and learning rate

The same number of epochs for all, {DEFAULTS["batch_size"]} rows per batch.

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

Clean rows differ from the masked rows used in training: their sums are larger, by one over the
share that masking keeps. Where the features rise and fall together (patches with their
brightness), every method that learned to undo the masking returns too large values for clean rows.

{record_table(results["untuned"], UNTUNED)}

## Tables that nobody prepared

"unexplained" is that of the training rows.

{record_table(results["odd"], ODD)}
"""
