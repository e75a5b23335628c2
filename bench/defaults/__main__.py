"""How the defaults of `DenoisingAutoencoder` were chosen.

    1. rates     activation x solver x learning rate, the same number of epochs for all
    2. batches   batch size x learning rate, for the chosen activation and solver
    3. stopping  tol x n_iter_no_change x max_iter, replayed on recorded curves
    4. untuned   `DenoisingAutoencoder()` beside linear methods and `MLPRegressor()`
    5. odd       unscaled, tiny and unusual tables: it works, or says what is wrong

A model is judged by repairing a fifth of each table, held out and masked with a fixed mask. In 1 to
3 all errors are relative to the best of the same table, so that no table counts more than another,
and the worst table decides: defaults must be good everywhere rather than best somewhere.

MNIST and Adult are read from the folder in DAE_DATA_DIR and left out where it is unset. Writes
bench/results/defaults.json and defaults.md.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from bench import machine, records
from bench.defaults.report import report
from bench.defaults.search import DEFAULTS, batches, rates, stopping
from bench.defaults.tables import tables
from bench.defaults.untuned import odd, untuned

CHOSEN = (
    "activation", "solver", "learning_rate_init", "batch_size",
    "max_iter", "tol", "n_iter_no_change",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.defaults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="small tables, three epochs: a trial")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--report", action="store_true", help="only write defaults.md again")
    options = parser.parse_args(arguments)
    # results of a trial are not kept beside the code
    folder = options.out or (None if options.quick else records.FOLDER)
    if options.report:
        results = records.read((folder or records.FOLDER) / "defaults.json")
    else:
        results = run(options.quick)
    print(report(results))
    if folder:
        records.write(folder / "defaults.json", results)
        records.write_text(folder / "defaults.md", report(results))


def run(quick: bool) -> dict[str, Any]:
    started = time.perf_counter()
    found = tables(search=True, quick=quick)
    results = {
        "rates": rates(found),
        "batches": batches(found),
        "stopping": stopping(found, 5 if quick else DEFAULTS["max_iter"]),
        "untuned": untuned(tables(search=False, quick=quick), quick),
        "odd": odd(quick),
    }
    chosen = {key: DEFAULTS[key] for key in CHOSEN}
    return {"run": machine.run_information(started), "defaults": chosen, **results}


if __name__ == "__main__":
    main()
