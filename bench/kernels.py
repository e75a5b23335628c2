"""Rates of the kernels at each SIMD level, and the sizes from which threads pay.

    python -m bench.kernels [--quick] [--only levels,precision,thresholds] [--out FILE]

levels: operations per second of each part, one thread, a new process for each level; a product of
NumPy's BLAS stands beside them. precision: how far float32 products are off. thresholds: one thread
and all, over sizes, with the limits of `dae/_core/tuning.py` (`SERIAL_STEP`, `SERIAL_CALL`)
switched off; where the gain passes 1 is where they belong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from bench import machine, records, render
from bench.machine import gemm_rates
from bench.render import cell
from bench.rivals import _base, ours
from bench.settings import Setting, initial_weights, order, rows_of
from bench.tables import table
from bench.timing import in_turn, per_call, ratios
from dae import _core

STEPS = ((20, "sgd"), (128, "sgd"), (512, "sgd"), (128, "momentum"), (128, "adam"))


def session_of(setting: Setting, n_threads: int) -> ours.Session:
    return ours.Session(setting, *initial_weights(setting), rows_of(setting), n_threads)


def at_each_level(*arguments: str) -> list:
    """What this module prints when it is run with these arguments, in a process a level."""
    printed = []
    for level in _core.available_simd_levels():
        print(f"   ... {level}", flush=True)
        run = subprocess.run(
            [sys.executable, "-m", "bench.kernels", *arguments],
            env={**os.environ, "DAE_SIMD": level},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        printed.append(json.loads(run.stdout))
    return printed


# ------------------------------------------------------------------ levels


def parts(dtype: str) -> dict[str, tuple[Callable, float]]:
    """Name -> a call and its operations. A masked entry counts as one operation."""
    setting = Setting(dtype=dtype)
    n, m, n_rows = setting.n_features, setting.n_hidden, 1920
    network = _base.network_of(*initial_weights(setting))
    X = rows_of(setting)[:n_rows]
    H = _core.encode(network, X, n_threads=1)
    session = session_of(setting, 1)
    index = np.arange(n_rows, dtype=np.intp)
    product = 2.0 * n_rows * n * m
    found = {
        "encode": (lambda: _core.encode(network, X, n_threads=1), product),
        "decode": (lambda: _core.decode(network, H, n_threads=1), product),
        "reconstruct": (lambda: _core.reconstruct(network, X, n_threads=1), 2 * product),
        "losses": (lambda: _core.sample_losses(network, X, X, n_threads=1), 2 * product),
        "corrupt": (
            lambda: _core.corrupt(session.corruption, X, index, 1, n_threads=1),
            float(X.size),
        ),
    }
    for precision in _core.accelerated_precisions() if dtype == "float32" else []:
        lower = replace(network, matmul_precision=precision)
        found[f"encode {precision}"] = (partial(_core.encode, lower, X, n_threads=1), product)
        found[f"decode {precision}"] = (partial(_core.decode, lower, H, n_threads=1), product)
    for B, solver in STEPS:
        setting = Setting(dtype=dtype, batch_size=B, solver=solver)
        rows = order(setting, 2048 // B * B)
        call = partial(session_of(setting, 1).train, rows)
        found[f"step {B} {solver}"] = (call, setting.operations * len(rows))
    return found


def child(seconds: float, rounds: int) -> dict:
    """Operations per second of each part, at the level of this process."""
    rates: dict = {}
    for dtype in ("float32", "float64"):
        found = parts(dtype)
        tasks = {name: per_call(call, seconds) for name, (call, _) in found.items()}
        for name, taken in in_turn(tasks, rounds).items():
            rates[f"{name}, {dtype}"] = [found[name][1] / t for t in taken]
    return {"level": _core.simd_level(), "rates": rates}


def levels(quick: bool) -> dict:
    """One process a level, one after the other; so the best of the rounds counts."""
    raw = at_each_level("--child", *(["--quick"] if quick else []))
    sizes = [(1024, 1024, 1024), (1920, 784, 500)]
    rows = []
    for dtype in ("float32", "float64"):
        best = max(t["rate"] for t in gemm_rates(dtype, 1, 0.05 if quick else 0.5, sizes))
        rows.append([f"best gemm, {dtype}", *([cell(best / 1e9)] * len(raw))])
        for name in dict.fromkeys(name for one in raw for name in one["rates"]):
            if name.endswith(dtype):
                rates = [one["rates"].get(name) for one in raw]
                rows.append([name, *(cell(max(of) / 1e9) if of else "-" for of in rates)])
    return table(
        "levels",
        "Kernels, 784-500, one thread: 10^9 operations per second",
        ["part", *(one["level"] for one in raw)],
        rows,
        raw,
        ["corrupt: 10^9 entries per second. The product is any BLAS's, at its own level."],
    )


# ------------------------------------------------------------------ precision


TERMS = (100, 784, 10_000)


def errors(n: int) -> dict[str, dict[str, float]]:
    """Errors of X W in float32, |found - exact| / (|X| |W|) in units of 2^-24: largest and mean.

    At the level of this process, by `matmul_precision`, and of NumPy's product. A precision that is
    not faster here is left out: it has the errors of "highest".
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1024, n), dtype=np.float32)
    W = rng.standard_normal((n, 256), dtype=np.float32)
    network = _base.network_of(W, np.zeros(256, np.float32), np.zeros(n, np.float32))
    network.activation = "identity"
    exact, size = X.astype(np.float64) @ W.astype(np.float64), np.abs(X) @ np.abs(W)
    found = {"NumPy": X @ W}
    for precision in ("highest", *_core.accelerated_precisions()):
        network.matmul_precision = precision
        found[precision] = _core.encode(network, X, n_threads=1)
    made = {}
    for name, product in found.items():
        error = np.abs(product - exact) / size * 2**24
        made[name] = {"largest": float(error.max()), "mean": float(error.mean())}
    return made


def precision(quick: bool) -> dict:
    """The same numbers at every level."""
    raw = at_each_level("--errors")
    numpy_once = {"level": "NumPy", "errors": raw[0]["errors"]}
    rows = []
    names = [(one, name) for one in raw for name in one["errors"][str(TERMS[0])]]
    ours = [(one, name) for one, name in names if name != "NumPy"]
    for one, name in [(numpy_once, "NumPy"), *ours]:
        found = [one["errors"][str(n)][name] for n in TERMS]
        cells = [cell(error[kind]) for error in found for kind in ("largest", "mean")]
        rows.append([one["level"], "-" if name == "NumPy" else name, *cells])
    columns = [f"{n:,} terms, {kind}" for n in TERMS for kind in ("largest", "mean")]
    return table(
        "precision",
        "Errors of float32 products, in units of 2^-24 of the sum of their terms' sizes",
        ["level", "matmul_precision", *columns],
        rows,
        raw,
        [
            "Normally distributed numbers, 1024 rows, 256 columns. A matmul_precision that a level "
            "has no row for computes as 'highest' there."
        ],
    )


# ------------------------------------------------------------------ thresholds

SIZES = ((8, 4), (16, 8), (32, 16), (64, 16), (64, 32), (64, 64), (128, 64), (128, 128), (256, 128))


def thresholds(quick: bool) -> dict:
    """Many steps a call, one step a call, and rows to code a call."""
    _core.tuning.SERIAL_STEP = _core.tuning.SERIAL_CALL = 0
    more = max(2, len(os.sched_getaffinity(0)))
    seconds, rounds = (0.005, 1) if quick else (0.1, 5)
    rows, raw = [], []
    for what in ("steps of a long call", "a call of one step", "a call of encode"):
        for n, m in SIZES:
            operations, tasks = threshold_tasks(what, n, m, (1, more), seconds)
            taken = in_turn(tasks, rounds)
            raw.append({"what": what, "operations": operations, "seconds": taken})
            one, all_threads = taken["1"], taken[str(more)]
            gain = cell(ratios(one, all_threads), "x")
            rows.append(
                [what, f"{n}-{m}", cell(operations), cell(one, "us"), cell(all_threads, "us"), gain]
            )
    return table(
        "thresholds",
        f"One thread and {more}, small work",
        ["what", "network", "operations", "1 thread", f"{more} threads", "gain"],
        rows,
        raw,
        ["SERIAL_STEP: where steps of a long call gain; SERIAL_CALL: where calls gain."],
    )


def threshold_tasks(what: str, n: int, m: int, counts: tuple, seconds: float) -> tuple[float, dict]:
    """Operations of what is timed, and for each thread count the task that times it."""
    setting = Setting(n, m, batch_size=20)
    X = rows_of(setting)
    tasks = {}
    for n_threads in counts:
        if what == "a call of encode":
            network = _base.network_of(*initial_weights(setting))
            call = partial(_core.encode, network, X[:960], n_threads=n_threads)
            operations, per = 2.0 * 960 * n * m, 1
        else:
            n_steps = 50 if what.startswith("steps") else 1
            call = partial(session_of(setting, n_threads).train, order(setting, 20 * n_steps))
            operations, per = setting.operations * 20, n_steps
        whole = per_call(call, seconds)
        tasks[str(n_threads)] = lambda w=whole, p=per: w() / p
    return operations, tasks


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.kernels", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny; the figures mean nothing")
    parser.add_argument("--only", default="levels,precision,thresholds")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--errors", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(*((0.01, 1) if args.quick else (0.1, 7)))))
        return 0
    if args.errors:
        print(
            json.dumps({"level": _core.simd_level(), "errors": {str(n): errors(n) for n in TERMS}})
        )
        return 0
    makers = {"levels": levels, "precision": precision, "thresholds": thresholds}
    tables = {}
    for name in args.only.split(","):
        made = tables[name] = makers[name](args.quick)
        print(render.plain(made), flush=True)
    if args.out:
        records.write(args.out, {"environment": machine.environment(), "tables": tables})
    return 0


if __name__ == "__main__":
    sys.exit(main())
