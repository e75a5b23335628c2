"""The command line of the package."""

from __future__ import annotations

import argparse
import time

import numpy as np

from bench import machine, records
from bench.features import choose, compare
from bench.render import markdown_rows

OTHERS = ("MLP", "boosted trees")  # models that are not linear


def report(result: dict) -> str:
    rows, methods = [], []
    for name, table in result["tables"].items():
        for n_labels, scores in table["labels"].items():
            methods = list(scores)
            means = [float(np.mean(values)) for values in scores.values()]
            best = max(means[: -len(OTHERS)])
            cells = [f"**{v:.3f}**" if v == best else f"{v:.3f}" for v in means]
            seeds = len(next(iter(scores.values())))
            measure = "AUC ROC" if table["classes"] else "R2"
            rows.append([f"{name}, {measure}", n_labels, str(seeds), *cells])
    return "\n".join(
        [
            "# Features for linear models",
            "",
            "Test scores, means over seeds (of the labels and of the autoencoder). Logistic "
            "regression (C = 0.1 on all labels), or ridge, with a penalty chosen by cross- "
            "validation on the labels that there are; bold is the best of the linear models. "
            "Codes, of TabularDenoisingAutoencoder as it comes, and principal components (95 % of "
            "the variance) are learned from all training rows without labels. Columns: numbers "
            "standardised, categories one-hot. MLPClassifier or MLPRegressor and boosted trees "
            "(HistGradientBoosting), both untuned, read the columns. "
            f"{result['environment']['cpu']}; {result['environment']['date']}.",
            "",
            markdown_rows(["table", "labels", "seeds", *methods], rows),
        ]
    )


# name -> what runs, what writes it down, and the name of the result
EXPERIMENTS = {
    "choose": (choose.run, choose.report, "features_defaults"),
    "compare": (compare.run, report, "features"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.features")
    parser.add_argument("experiment", choices=EXPERIMENTS, nargs="?", default="compare")
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    options = parser.parse_args()
    run, text, name = EXPERIMENTS[options.experiment]
    started = time.perf_counter()
    result = run(quick=options.quick)
    result["environment"] = machine.run_information(started)
    lines = text(result)
    print(lines)
    if not options.quick:
        records.write_with_report(records.folder() / f"{name}.json", result, lines)


if __name__ == "__main__":
    main()
