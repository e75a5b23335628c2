"""The command line of the package."""

from __future__ import annotations

import argparse
import time

from bench import machine, records
from bench.anomalies import choose, compare, report, speed

# name -> what runs, what writes it down, and the name of the result
EXPERIMENTS = {
    "choose": (choose.run, report.choose, "anomalies_defaults"),
    "compare": (compare.run, report.compare, "anomalies"),
    "speed": (speed.run, report.speed, "anomalies_speed"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.anomalies", description=__doc__)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    options = parser.parse_args()
    run, text, name = EXPERIMENTS[options.experiment]
    started = time.perf_counter()
    result = run(quick=options.quick)
    result["environment"] = machine.run_information(started)
    lines = text(result)
    print(lines)
    if not options.quick:
        path = records.folder() / f"{name}.json"
        records.write(path, result)
        records.write_text(path.with_suffix(".md"), lines + "\n")


if __name__ == "__main__":
    main()
