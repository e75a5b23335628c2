"""The library beside every installed rival, and beside the limits of the machine.

    python -m bench.compare                      all tables; writes results/<processor>/compare.json
    python -m bench.compare --quick              everything once and briefly: does it run?
    python -m bench.compare --only steps,load    these tables; the others in the file stay
    python -m bench.compare --missing            only the tables that the file does not have
    python -m bench.compare --show FILE          print the tables of a file again
    python -m bench.compare --markdown FILE      the README's table, from a file

The comparison is fair: one run, all candidates in alternation (A B C, A B C, ...), the same initial
weights, data, row order, batch size, dtype and threads for all, masks drawn by each rival itself,
medians and quartiles of the ratios of neighbours, and the final loss beside the time. Each table is
written as soon as it is finished. MNIST is found through DAE_DATA_DIR; without it only the dense
rows are measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from bench import machine, readme, records, render, rivals
from bench.tables import (
    Context,
    bfloat16,
    bfloat16_uses,
    fits,
    imports,
    inference,
    load,
    memory,
    steps,
)

TABLES = {
    "steps": steps.steps,
    "solvers": steps.solvers,
    "bfloat16": bfloat16.bfloat16,
    "bfloat16-uses": bfloat16_uses.bfloat16_uses,
    "float64": steps.float64,
    "networks": steps.networks,
    "threads": steps.threads,
    "transform": inference.many_rows,
    "one-row": inference.one_row,
    "partial-fit": inference.partial_fit,
    "memory": memory.memory,
    "imports": imports.imports,
    "fit": fits.fit,
    "load": load.load,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "out", nargs="?", type=Path, default=records.folder() / "compare.json", help="JSON file"
    )
    parser.add_argument("--only", metavar="TABLE,...", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--missing", action="store_true", help="tables that OUT lacks")
    parser.add_argument("--quick", action="store_true", help="tiny; the figures mean nothing")
    parser.add_argument("--rounds", type=int, help="default 11 (2 with --quick)")
    parser.add_argument("--seconds", type=float, help="of one measurement; default 0.3")
    parser.add_argument("--threads", type=int, help="default: the cores of the process")
    parser.add_argument("--rivals", metavar="NAME,...", help=f"of {', '.join(rivals.MODULES)}")
    parser.add_argument("--markdown", metavar="FILE", help="print the README's table")
    parser.add_argument("--show", metavar="FILE", help="print a file's tables")
    return parser.parse_args()


def chosen(text: str | None, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text else known
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no {what} {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def measure(args: argparse.Namespace) -> int:
    path = args.out
    result = {"tables": {}, **records.read(path)}
    names = chosen(args.only, tuple(TABLES), "table")
    if args.missing:
        names = tuple(name for name in names if name not in result["tables"])
    left_out = {"torch_compile"} if args.quick and not args.rivals else set()
    asked = chosen(args.rivals, rivals.MODULES, "rival")
    asked = ("ours", *(name for name in asked if name not in {"ours", *left_out}))
    n_threads = args.threads or len(os.sched_getaffinity(0))

    print(f"peaks of this machine, 1 and {n_threads} threads ...", flush=True)
    peaks = machine.peaks(n_threads, quick=args.quick)
    for key, rate in peaks["gemm"].items():
        print(f"   gemm {key} threads: {rate / 1e9:.1f} GFLOP/s")
    context = Context(
        quick=args.quick,
        seconds=args.seconds or (0.03 if args.quick else 0.3),
        rounds=args.rounds or (2 if args.quick else 11),
        n_threads=n_threads,
        rivals=asked,
        peaks=peaks,
    )
    for name in left_out:
        context.say(f"left out by --quick: {name}")
    for name in names:
        print(f"{name} ...", flush=True)
        started, before = time.perf_counter(), machine.load()
        made = TABLES[name](context)
        made["measured"] = {
            "environment": machine.environment(),
            "peaks": peaks,
            "quick": args.quick,
            "rounds": context.rounds,
            "seconds": context.seconds,
            "n_threads": n_threads,
            "load_before": before,
            "took_seconds": time.perf_counter() - started,
        }
        result["tables"][name] = made
        result["tables"] = {n: result["tables"][n] for n in TABLES if n in result["tables"]}
        result["environment"] = made["measured"]["environment"]
        records.write(path, result)
        print(render.plain(made), flush=True)
    summary({name: result["tables"][name] for name in names})
    return 0


def summary(tables: dict[str, dict]) -> None:
    counts = render.counts(tables)
    print(f"\n{counts['pass']} of {sum(counts.values())} targets met, ", end="")
    print(f"{counts['out of reach']} of the others beyond the run's own limit")
    for line in render.shortfalls(tables):
        print(f"   {line}")


def main() -> int:
    args = arguments()
    if args.markdown:
        print(readme.block(records.read(args.markdown)))
        return 0
    if args.show:
        tables = records.read(args.show)["tables"]
        print(*map(render.plain, tables.values()), sep="\n")
        summary(tables)
        return 0
    return measure(args)


if __name__ == "__main__":
    sys.exit(main())
