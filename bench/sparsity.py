"""Where skipping zeros pays: the constants SPARSE_PERCENT and SPARSE_MIN_HIDDEN of `_training.pyx`.

    python -m bench.sparsity [--quick] [--out FILE]

A step on rows of which a share is not zero, against a step on the same rows with a tiny number in
place of each zero, so that nothing is skipped. No corruption: the share is just what the core sees.
The code is copied, the two constants are set so that zeros are always skipped, and the copy is
built and timed; the density where the ratio falls below 1 is the one to write into the constant.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from bench import builds, machine, records, render
from bench.render import cell
from bench.tables import table
from bench.timing import in_turn, per_call, ratios

SOURCE = "src/daecore/_training.pyx"
DENSITIES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
HIDDEN = (64, 128, 256, 512)
BATCHES = (20, 128)
N_FEATURES, N_ROWS = 784, 2560
TINY = 1e-30


def always_skip(folder: Path) -> None:
    """Set the constants of a copy so that any zero is skipped."""
    path = folder / SOURCE
    text = path.read_text()
    for name, value in (("SPARSE_PERCENT", 100), ("SPARSE_MIN_HIDDEN", 1)):
        text, count = re.subn(rf"^(    {name}) = \d+$", rf"\1 = {value}", text, flags=re.MULTILINE)
        if count != 1:
            sys.exit(f"{SOURCE} has no {name}")
    path.write_text(text)


def rows(density: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows with zeros, and the same without a zero."""
    random = np.random.default_rng(0)
    X = random.random((N_ROWS, N_FEATURES), dtype=np.float32) * np.float32(0.9) + np.float32(0.1)
    X[random.random(X.shape) >= density] = 0
    return X, np.where(X == 0, np.float32(TINY), X)


def child(seconds: float, rounds: int) -> list[dict]:
    """Measure with the `dae` that this process imports; one thread, so that cores do not matter."""
    from bench.rivals import ours
    from bench.settings import Setting, initial_weights

    found = []
    for m, B, density in product(HIDDEN, BATCHES, DENSITIES):
        setting = Setting(N_FEATURES, m, batch_size=B, level=0.0)
        order = np.arange(N_ROWS // B * B, dtype=np.intp)
        tasks = {}
        for name, X in zip(("skipping", "all"), rows(density), strict=True):
            session = ours.Session(setting, *initial_weights(setting), X, 1)
            tasks[name] = per_call(partial(session.train, order), seconds)
        found.append(
            {"hidden": m, "batch": B, "density": density, "seconds": in_turn(tasks, rounds)}
        )
    return found


def sparsity_table(raw: list[dict]) -> dict:
    made = []
    for m, B in product(HIDDEN, BATCHES):
        row: list = [str(m), str(B)]
        for one in raw:
            if (one["hidden"], one["batch"]) == (m, B):
                row.append(cell(ratios(one["seconds"]["all"], one["seconds"]["skipping"]), "x"))
        made.append(row)
    return table(
        "sparsity",
        f"Gain of skipping zeros in a step, {N_FEATURES} features, float32, one thread",
        ["hidden", "batch", *(f"{density:.0%} not zero" for density in DENSITIES)],
        made,
        raw,
        ["Above 1: skip. The density is that of the corrupted batch."],
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sparsity", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny; the figures mean nothing")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(*((0.005, 1) if args.quick else (0.1, 5)))))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = builds.check_out(".", Path(temporary, "always-skipping"))
        always_skip(folder)
        print("building a copy that always skips zeros ...", flush=True)
        builds.build(folder)
        command = [sys.executable, "-m", "bench.sparsity", "--child"]
        command += ["--quick"] if args.quick else []
        run = subprocess.run(
            command,
            cwd=folder,
            env=builds.environment(folder),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    made = sparsity_table(json.loads(run.stdout))
    print(render.plain(made))
    if args.out:
        records.write(
            args.out, {"environment": machine.environment(), "tables": {"sparsity": made}}
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
