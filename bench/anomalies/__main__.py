"""The command line of the package."""

from __future__ import annotations

import argparse
import time

from bench import machine, records
from bench.anomalies import choose, compare, report, speed, threshold
from bench.anomalies.rivals import RIVALS

# name -> what runs, what writes it down, and the name of the result
EXPERIMENTS = {
    "choose": (choose.run, report.choose, "anomalies_defaults"),
    "compare": (compare.run, report.compare, "anomalies"),
    "speed": (speed.run, report.speed, "anomalies_speed"),
    "threshold": (threshold.run, report.threshold, "anomalies_threshold"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.anomalies", description=__doc__)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    parser.add_argument(
        "--only", nargs="+", choices=RIVALS, help="of compare: others keep their results of before"
    )
    options = parser.parse_args()
    run, text, name = EXPERIMENTS[options.experiment]
    started = time.perf_counter()
    path = records.folder() / f"{name}.json"
    only = {"only": options.only} if options.only else {}
    result = run(quick=options.quick, **only)
    result["environment"] = machine.run_information(started)
    if only and not options.quick:
        result = compare.merged(records.read(path), result)
    lines = text(result)
    print(lines)
    if not options.quick:
        records.write_with_report(path, result, lines)


if __name__ == "__main__":
    main()
