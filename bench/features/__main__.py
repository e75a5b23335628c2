"""The command line of the package."""

from __future__ import annotations

import argparse
import time

import numpy as np

from bench import machine, records
from bench.features import compare
from bench.render import markdown_rows


def text(result: dict) -> str:
    rows, methods = [], []
    for name, table in result["tables"].items():
        for n_labels, scores in table["labels"].items():
            methods = list(scores)
            means = [float(np.mean(values)) for values in scores.values()]
            best = max(means[:-1])
            cells = [f"**{v:.3f}**" if v == best else f"{v:.3f}" for v in means]
            seeds = len(next(iter(scores.values())))
            measure = "AUC ROC" if table["classes"] else "R2"
            rows.append([f"{name}, {measure}", n_labels, str(seeds), *cells])
    settings = ", ".join(f"{name}={value!r}" for name, value in result["autoencoder"].items())
    return "\n".join(
        [
            "# Features for linear models",
            "",
            "Test scores, means over seeds (of the labels and of the autoencoder). Logistic "
            "regression (C = 0.1 on all labels), or ridge, with a penalty chosen by cross- "
            "validation on the labels that there are; bold is the best of the linear models. "
            "Codes and principal components (95 % of the variance) are learned from all "
            "training rows without labels. Columns: numbers standardised, categories one-hot. "
            "Boosted trees (HistGradientBoosting, "
            f"untuned) read the columns. Autoencoder, untuned: {settings}.",
            "",
            markdown_rows(["table", "labels", "seeds", *methods], rows),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.features")
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    options = parser.parse_args()
    started = time.perf_counter()
    result = compare.run(quick=options.quick)
    result["environment"] = machine.run_information(started)
    lines = text(result)
    print(lines)
    if not options.quick:
        path = records.folder() / "features.json"
        records.write_with_report(path, result, lines)


if __name__ == "__main__":
    main()
