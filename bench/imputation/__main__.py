"""The command line of the package."""

from __future__ import annotations

import argparse
import time

from bench import machine, records
from bench.imputation import compare, report
from bench.imputation.rivals import IMPUTERS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.imputation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    parser.add_argument(
        "--only", nargs="+", choices=IMPUTERS, help="others keep their results of before"
    )
    options = parser.parse_args()
    path = records.folder() / "imputation.json"
    started = time.perf_counter()
    only = options.only or list(IMPUTERS)
    result = compare.run(only, quick=options.quick)
    result["environment"] = machine.run_information(started)
    if options.only and not options.quick:
        result = compare.merged(records.read(path), result, only)
    lines = report.report(result)
    print(lines)
    if not options.quick:
        records.write(path, result)
        records.write_text(path.with_suffix(".md"), lines + "\n")


if __name__ == "__main__":
    main()
