"""The command line of the package."""

from __future__ import annotations

import argparse
import time

from bench import machine, records
from bench.imputation import compare, report


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.imputation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    options = parser.parse_args()
    started = time.perf_counter()
    result = compare.run(quick=options.quick)
    result["environment"] = machine.run_information(started)
    lines = report.report(result)
    print(lines)
    if not options.quick:
        path = records.folder() / "imputation.json"
        records.write(path, result)
        records.write_text(path.with_suffix(".md"), lines + "\n")


if __name__ == "__main__":
    main()
