"""The experiments of the papers on denoising autoencoders, repeated on this library's core.

Each selects its hyper-parameters on validation rows, then looks at the test rows once. Results go
to ``bench/results/papers.json``, each experiment under its own name, and from there into
``papers.md``. An experiment that is in the file already is left alone unless it is named.

Data come from the folder in DAE_DATA_DIR. The variations of MNIST are regenerated, not the
published files.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import data, machine, records
from bench.papers import adult, baselines, codes, filters, mnist, report, results, sets

Experiment = Callable[[Path, bool], dict]  # folder of pictures; a quick trial?


def experiments() -> dict[str, Experiment]:
    """By name, in the order in which they are run."""
    return {
        "raw-rot": baselines.raw_rot,
        **{f"svm-{name}": partial(baselines.rbf_svm, name) for name in baselines.SETS},
        "few-rivals": baselines.few_rivals,
        "sda-mnist": mnist.sda_mnist,
        "sda-rate": mnist.sda_rate,
        "rot-codes": codes.rot_codes,
        "few-labels": mnist.few_labels,
        **{f"set-{name}": partial(sets.classic, name) for name in baselines.SETS},
        **{f"emphasis-{name}": partial(sets.emphasis, name) for name in sets.PAPER_EMPHASIS},
        "noise-level": sets.noise_level,
        "adult": adult.adult,
        "filters-mnist": filters.mnist_filters,
        "filters-patches": filters.patch_filters,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.papers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = experiments()
    parser.add_argument(
        "--only", nargs="+", choices=known, metavar="NAME", help=", ".join(known), default=[]
    )
    parser.add_argument("--quick", action="store_true", help="few rows and epochs: a trial")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--report", action="store_true", help="only write papers.md again")
    options = parser.parse_args(arguments)
    # what a trial finds is no result to keep beside the code
    folder = options.out or (None if options.quick else records.FOLDER)
    entries = results.read(folder) if folder else {}
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    wanted = options.only or [name for name in known if name not in entries]
    if not options.report:
        try:
            data.folder()
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            return
        for name in wanted:
            print(f"== {name}", file=sys.stderr, flush=True)
            started = time.perf_counter()
            entry = known[name](folder, options.quick)
            entry["run"] = machine.run_information(started)
            entries[name] = entry
            if folder:
                # read again: another run may have finished an experiment meanwhile
                entries = results.read(folder) | {name: entry}
                results.write(folder, entries)
            print(report.section(name, records.plain(entry)), flush=True)
    if folder:
        text = report.report(results.read(folder), list(known))
        records.write_text(folder / "papers.md", text)


if __name__ == "__main__":
    main()
