"""The command line of the package."""

from __future__ import annotations

import argparse
import time

from bench import machine, records
from bench.sparse import (
    cells,
    clicks,
    columns,
    few_labels,
    inference,
    memory,
    reviews,
    sampling,
    speed,
)

EXPERIMENTS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        speed, inference, columns, memory, sampling, clicks, reviews, few_labels, cells
    )
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sparse", description=__doc__)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    options = parser.parse_args()
    experiment = EXPERIMENTS[options.experiment]
    started = time.perf_counter()
    result = experiment.run(quick=options.quick)
    result["environment"] = machine.run_information(started)
    lines = experiment.text(result)
    print(lines)
    if not options.quick:
        path = records.folder() / f"sparse_{options.experiment}.json"
        records.write_with_report(path, result, lines)


if __name__ == "__main__":
    main()
