"""The command line of the package."""

from __future__ import annotations

import argparse
import time

from bench import machine, records
from bench.imputation import compare, mixed, report
from bench.imputation.rivals import IMPUTERS


def run_mixed(*, quick: bool) -> None:
    started = time.perf_counter()
    result = mixed.run(quick=quick)
    result["environment"] = machine.run_information(started)
    lines = mixed.report(result)
    print(lines)
    if not quick:
        path = records.folder() / "imputation_mixed.json"
        records.write_with_report(path, result, lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.imputation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    parser.add_argument(
        "--only", nargs="+", choices=IMPUTERS, help="others keep their results of before"
    )
    parser.add_argument("--mixed", action="store_true", help="Adult, Credit and California instead")
    options = parser.parse_args()
    if options.mixed:
        return run_mixed(quick=options.quick)
    path = records.folder() / "imputation.json"
    started = time.perf_counter()
    result = records.read(path) if options.only and not options.quick else {}
    for rows in compare.run(options.only or list(IMPUTERS), quick=options.quick):
        result = compare.merged(result, rows, machine.run_information(started))
        lines = report.report(result)
        if not options.quick:  # what is done is kept
            records.write_with_report(path, result, lines)
    print(lines)


if __name__ == "__main__":
    main()
