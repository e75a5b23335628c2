"""How the defaults were chosen, and what they come to.

    1. rates       activation x solver x learning rate
    2. batches     batch size x learning rate
    3. lengths     epochs x learning rate
    4. untuned     `DenoisingAutoencoder()` beside linear methods and `MLPRegressor()`
    5. odd         unscaled, tiny and unusual tables: it works, or says what is wrong
    6. candidates  what else might have been the defaults of the supervised estimators
    7. predictors  the untuned supervised estimators beside scikit-learn's
    8. codes       a linear model of untuned codes, and of the columns
    9. layers      three layers of 1,000 units on rotated digits

In 1 to 5 a model is judged by repairing a fifth of each table, held out and masked with a fixed
mask. In 1 to 3 and 6 all errors are relative to the best of the same table, so that no table counts
more than another: defaults must be good everywhere rather than best somewhere.

Data are read from the folder in DAE_DATA_DIR and left out where it is unset. Writes
bench/results/defaults.json and defaults.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from bench import machine, records
from bench.defaults.candidates import candidates
from bench.defaults.cases import CHOOSING, JUDGING, Case, available
from bench.defaults.codes import codes, rot_layers
from bench.defaults.predictors import predictors
from bench.defaults.report import report
from bench.defaults.search import DEFAULTS, batches, lengths, rates
from bench.defaults.tables import tables
from bench.defaults.untuned import odd, untuned

CHOSEN = (
    "activation", "solver", "learning_rate_init", "learning_rate", "batch_size", "max_iter", "tol",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    names = list(parts(quick=False))
    parser = argparse.ArgumentParser(
        prog="python -m bench.defaults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="small tables, three epochs: a trial")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument(
        "--cases", nargs="+", metavar="CASE", help="predictors and codes of these; the others stay"
    )
    parser.add_argument("--report", action="store_true", help="only write defaults.md again")
    options = parser.parse_args(arguments)
    # results of a trial are not kept beside the code
    folder = options.out or (None if options.quick else records.FOLDER)
    file = (folder or records.FOLDER) / "defaults.json"
    some = options.report or options.cases or options.only != names
    results = records.read(file) if some and file.exists() else {}
    if not options.report:
        save = partial(records.write, file) if folder else lambda _: None
        if options.cases:
            results = run_cases(options.quick, options.cases, results, save)
        else:
            results = run(options.quick, options.only, results, save)
    if all(name in results for name in names):  # else some are still to be run
        print(report(results))
        if folder:
            records.write_text(folder / "defaults.md", report(results))


def parts(quick: bool) -> dict[str, Callable[[], Any]]:
    """Each experiment by its name in defaults.json."""
    searched = cache(lambda: tables(search=True, quick=quick))
    judging = cache(lambda: smaller(available(JUDGING), quick))
    return {
        "rates": lambda: rates(searched()),
        "batches": lambda: batches(searched()),
        "lengths": lambda: lengths(searched()),
        "untuned": lambda: untuned(tables(search=False, quick=quick), quick),
        "odd": lambda: odd(quick),
        "candidates": lambda: candidates(smaller(available(CHOOSING), quick)),
        "predictors": lambda: predictors(judging()),
        "codes": lambda: codes(judging()),
        "layers": lambda: {
            name: layers
            for case in judging()
            if case.name.startswith("rot")
            for name, layers in rot_layers(case).items()
        },
    }


def smaller(cases: list[Case], quick: bool) -> list[Case]:
    """All of it, or 3,000 rows of each in a trial."""
    return [case.with_labels(3000) for case in cases] if quick else cases


def run(
    quick: bool, only: list[str], kept: dict[str, Any], save: Callable[[dict], None]
) -> dict[str, Any]:
    """The experiments named in `only`, beside what is kept of an earlier run."""
    started = time.perf_counter()
    results = kept | {"defaults": {key: DEFAULTS[key] for key in CHOSEN}}
    for name, part in parts(quick).items():
        if name in only:
            results = results | {name: part(), "run": machine.run_information(started)}
            save(results)
    return results


def run_cases(
    quick: bool, names: list[str], kept: dict[str, Any], save: Callable[[dict], None]
) -> dict[str, Any]:
    """Predictors and codes of some of the cases that judge, after those of the others."""
    cases = [case for case in available(JUDGING) if case.name in names]
    if len(cases) < len(names):
        raise SystemExit(f"--cases: of {names} there are {[case.name for case in cases]}")
    results = kept
    for part, experiment in (("predictors", predictors), ("codes", codes)):
        others = [record for record in kept.get(part, []) if record["case"] not in names]
        results = results | {part: others + experiment(smaller(cases, quick))}
        save(results)
    return results


if __name__ == "__main__":
    main()
