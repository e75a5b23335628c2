"""Did the head get slower than the base? A guard that a noisy machine cannot fool.

    python -m bench.regression BASE [HEAD]               times, base and head in turn
    python -m bench.regression BASE [HEAD] --instructions    counted by valgrind, no clock at all

BASE and HEAD are git revisions; HEAD is by default the working tree ("."). Both are copied into a
temporary folder and built there. The same script (regression_cases.py, the one beside this file)
runs on either code. Each case is timed base, head, base, head, ...; it fails when the median of the
ratios and the time lost a call are both beyond `thresholds.toml`, and again in every repetition.

Instructions are counted on one thread at DAE_SIMD=x86_64_v3 or baseline: valgrind knows no AVX-512.
Exit status 1 when a case got slower.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np

from bench import builds, render
from bench.render import cell
from bench.tables import table
from bench.timing import in_turn, ratios

HERE = Path(__file__).parent
CASES = HERE / "regression_cases.py"


def limits_of(kind: str, case: str) -> dict:
    """Limits of a case: those of its kind, changed by its own."""
    limits = tomllib.loads((HERE / "thresholds.toml").read_text())[kind]
    return limits | limits.get("cases", {}).get(case, {})


def is_slower(kind: str, case: str, base, head) -> bool:
    """Both limits passed. Seconds, or instructions, a call, round by round."""
    limits = limits_of(kind, case)
    lost = float(np.median(np.subtract(head, base)))
    allowed = limits["microseconds"] * 1e-6 if kind == "times" else limits["thousands"] * 1e3
    return bool(np.median(ratios(head, base)) > limits["ratio"] and lost > allowed)


# ------------------------------------------------------------------ times


class Worker:
    """A process that runs the cases on the code of one folder, and sleeps in between."""

    def __init__(self, folder: Path, n_threads: int) -> None:
        environment = builds.environment(folder, BENCH_THREADS=str(n_threads))
        self.process = subprocess.Popen(
            [sys.executable, str(CASES)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cases = json.loads(self._answer())

    def _answer(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a measuring process ended")
        return line

    def seconds(self, case: str, count: int) -> float:
        self.process.stdin.write(json.dumps([case, count]) + "\n")
        self.process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def time_case(workers: dict[str, Worker], case: str, rounds: int, seconds: float) -> dict:
    """Seconds a call, round by round, of 'base' and 'head'."""
    once = workers["base"].seconds(case, 3) / 3
    count = max(1, round(seconds / once))
    tasks = {
        name: (lambda w=worker: w.seconds(case, count) / count) for name, worker in workers.items()
    }
    return in_turn(tasks, rounds)


def times(folders: dict[str, Path], args: argparse.Namespace) -> tuple[list, list[str]]:
    workers = {name: Worker(folder, args.threads) for name, folder in folders.items()}
    seconds = 0.01 if args.quick else 0.1
    rows, slower = [], []
    try:
        for case in args.cases or workers["head"].cases:
            limits = limits_of("times", case)
            rounds = 3 if args.quick else limits["rounds"]
            taken = time_case(workers, case, rounds, seconds)
            bad, tries = is_slower("times", case, **taken), 0
            while bad and tries < limits["confirmations"]:
                tries += 1
                taken = time_case(workers, case, 2 * rounds, seconds)
                bad = is_slower("times", case, **taken)
            slower += [case] if bad else []
            ratio = cell(ratios(taken["head"], taken["base"]), "x")
            rows.append([case, cell(taken["base"], "us"), cell(taken["head"], "us"), ratio])
            rows[-1].append("SLOWER" if bad else "ok")
            print(f"   {case}: {render.text(ratio)} {rows[-1][-1]}", flush=True)
    finally:
        for worker in workers.values():
            worker.close()
    return rows, slower


# ------------------------------------------------------------------ instructions


def count_instructions(folder: Path, calls: int) -> dict[str, float]:
    """Instructions of one call of each case: callgrind's, dumped at every mark."""
    from dae import _core

    level = "x86_64_v3" if "x86_64_v3" in _core.available_simd_levels() else "baseline"
    environment = builds.environment(
        folder,
        DAE_SIMD=level,
        BENCH_THREADS="1",
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
        PYTHONHASHSEED="0",
    )
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary, "counts")
        command = ["valgrind", "--tool=callgrind", "--dump-before=getsid"]
        command += [f"--callgrind-out-file={out}", sys.executable, str(CASES)]
        command += ["--marks", str(calls)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if run.returncode:
            sys.exit(f"valgrind failed:\n{run.stderr[-3000:]}")
        names = [line for line in run.stdout.splitlines() if line]
        counts = [total(Path(f"{out}.{i + 1}")) for i in range(2 * len(names))]
    # dumps: before the first mark, between its two marks, between cases, ...
    return {name: counts[2 * i + 1] / calls for i, name in enumerate(names)}


def total(path: Path) -> float:
    for line in path.read_text().splitlines():
        if line.startswith(("summary:", "totals:")):
            return float(line.split()[1])
    raise ValueError(f"no total in callgrind's {path.name}")


def instructions(folders: dict[str, Path], args: argparse.Namespace) -> tuple[list, list[str]]:
    if shutil.which("valgrind") is None:
        sys.exit("--instructions needs valgrind")
    counts = {}
    for name, folder in folders.items():
        print(f"   counting {name} ...", flush=True)
        counts[name] = count_instructions(folder, 1 if args.quick else 2)
    rows, slower = [], []
    for case, head in counts["head"].items():
        base = counts["base"][case]
        bad = is_slower("instructions", case, base=[base], head=[head])
        slower += [case] if bad else []
        rows.append([case, cell(base), cell(head), cell(head / base, "x")])
        rows[-1].append("SLOWER" if bad else "ok")
    return rows, slower


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.regression",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", help="git revision")
    parser.add_argument("head", nargs="?", default=".", help='git revision; "." the working tree')
    parser.add_argument("--instructions", action="store_true", help="count, do not time")
    parser.add_argument("--threads", type=int, default=1, help="of the core, when timing")
    parser.add_argument("--cases", type=lambda t: t.split(";"), help="names, separated by ;")
    parser.add_argument("--quick", action="store_true", help="brief; for trying the tool")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folders = {}
        for name, revision in (("base", args.base), ("head", args.head)):
            print(f"building {name} ({revision}) ...", flush=True)
            folders[name] = builds.check_out(revision, Path(temporary, name))
            builds.build(folders[name])
        kind = "instructions" if args.instructions else "times"
        rows, slower = (instructions if args.instructions else times)(folders, args)
    title = f"{kind} a call, {args.base} and {args.head}"
    columns = ["case", "base", "head", "head / base", "verdict"]
    print(render.plain(table("regression", title, columns, rows, None)))
    print(f"\nslower: {', '.join(slower)}" if slower else "\nnothing got slower")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
