"""The core beside its NumPy twin: the same step, gradients by hand, every buffer reused.

    python -m bench.twin [--quick] [--out FILE]

Batch sizes 1, 20 and 128, 784-500, float32, plain SGD, masking 0.3, one thread and all, dense rows
and MNIST. Same initial weights, rows and threads, passes in turn; the final loss of both after the
same number of samples. The twin does not compute the loss of each batch, ours does.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import product
from pathlib import Path

from bench import machine, records, render
from bench.render import cell
from bench.settings import Setting
from bench.tables import Context, table
from bench.tables.steps import data_sets, loss_cells, measure
from bench.timing import ratios

NAMES = ("ours", "numpy_step")


def twin_table(context: Context) -> dict:
    rows, raws = [], []
    for data, threads, B in product(data_sets(context), (1, context.n_threads), (1, 20, 128)):
        raw = measure(context, Setting(data=data, batch_size=B), NAMES, threads)
        raws.append(raw)
        ours, twin = (raw["rates"][name] for name in NAMES)
        ratio = cell(ratios(ours, twin), "x", target=1.0)
        rows.append([data, str(threads), str(B), cell(ours), cell(twin), ratio, *loss_cells(raw)])
    return table(
        "numpy-twin",
        "784-500, plain SGD, float32: samples per second beside NumPy's",
        ["data", "threads", "batch", "dae", "NumPy", "ratio", "final loss", "losses apart"],
        rows,
        raws,
        [f"Medians of {context.rounds} rounds in turn, with quartiles."],
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.twin", description=__doc__)
    parser.add_argument("--out", type=Path, default=records.folder() / "numpy_twin.json")
    parser.add_argument("--quick", action="store_true", help="tiny; the figures mean nothing")
    args = parser.parse_args()
    n_threads = len(os.sched_getaffinity(0))
    context = Context(
        quick=args.quick,
        seconds=0.03 if args.quick else 0.3,
        rounds=2 if args.quick else 11,
        n_threads=n_threads,
        rivals=NAMES,
        peaks=machine.peaks(n_threads, quick=True),  # a round's own product is measured beside it
    )
    made = twin_table(context)
    print(render.plain(made))
    environment = machine.environment()
    records.write(args.out, {"environment": environment, "tables": {made["name"]: made}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
