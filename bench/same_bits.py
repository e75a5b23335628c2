"""Does this tree give the same bits as another one? For changes that must not change a result.

    python -m bench.same_bits OTHER                  a folder with a built tree, or a git revision
    python -m bench.same_bits OTHER --cases stack    only the cases whose names contain a word

OTHER is built in a temporary folder when it is a revision; this tree must be built in place. The
cases (same_bits_cases.py, of this tree) run on both through the public interface, in a process for
each SIMD level that both have. At the highest level they run on 1, 2 and 3 threads, below it on 2;
`--n-jobs 1 2 3` does all of them at every level. Takes 70 s on two cores with nothing else to do.
Exit status 1 when a result differs, or when one is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import builds
from bench.machine import ROOT

CASES = Path(__file__).with_name("same_bits_cases.py")


def levels_of(folder: Path) -> list[str]:
    """SIMD levels that a tree has on this machine, lowest first."""
    shown = _python(folder, "-c", "import dae; dae.show_versions()")
    for line in shown.splitlines():
        if line.startswith("SIMD levels available"):
            return line.removeprefix("SIMD levels available").replace(",", " ").split()
    raise ValueError(f"show_versions() names no SIMD levels:\n{shown}")


def digests_of(folder: Path, level: str, n_jobs: list[int], word: str) -> dict[str, dict]:
    arguments = [str(CASES), word, *map(str, n_jobs)]
    return json.loads(_python(folder, *arguments, DAE_SIMD=level))


def _python(folder: Path, *arguments: str, **variables: str) -> str:
    command = [sys.executable, *arguments]
    environment = builds.environment(folder, **variables)
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"{folder.name}: {' '.join(arguments)} failed:\n{run.stderr[-3000:]}")
    return run.stdout


def differences(other: dict[str, dict], this: dict[str, dict]) -> list[str]:
    """One line for each case with results that differ, or that only OTHER has."""
    lines = []
    for case, expected in other.items():
        found = this[case]
        changed = [name for name in expected if name in found and found[name] != expected[name]]
        lost = [name for name in expected if name not in found]
        if changed or lost:
            what = [*changed, *(f"{name} (missing)" for name in lost)]
            more = f" and {len(what) - 4} more" if len(what) > 4 else ""
            lines.append(f"{case}: {', '.join(what[:4])}{more}")
    return lines


def errors(digests: dict[str, dict]) -> list[str]:
    """The cases that failed, with their errors."""
    return [
        f"{case}: {name}: {value}"
        for case, results in digests.items()
        for name, value in results.items()
        if name.startswith("error: ")
    ]


def compare(other: Path, this: Path, args: argparse.Namespace) -> bool:
    levels = [level for level in levels_of(other) if level in levels_of(this)]
    same = True
    with ThreadPoolExecutor(2) as pool:
        runs = {}
        for level in reversed(args.levels or levels):
            n_jobs = args.n_jobs or ([1, 2, 3] if level == levels[-1] else [2])
            runs[level] = [
                pool.submit(digests_of, folder, level, n_jobs, args.cases)
                for folder in (other, this)
            ]
        for level, (expected, found) in runs.items():
            lines = differences(expected.result(), found.result())
            failed = errors(expected.result())
            same = same and not lines
            n_results = sum(map(len, expected.result().values()))
            print(
                f"{level}: {len(expected.result())} cases, {n_results} results, "
                f"{len(lines)} cases differ, {len(failed)} failed on OTHER",
                flush=True,
            )
            print("".join(f"    {line}\n" for line in [*lines, *failed]), end="", flush=True)
    return same


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.same_bits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("other", help="folder of a built tree, or git revision")
    parser.add_argument("--cases", default="", help="only those whose names contain this")
    parser.add_argument("--levels", nargs="+", help="SIMD levels (default: all)")
    parser.add_argument("--n-jobs", nargs="+", type=int, help="numbers of threads, at every level")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        other = Path(args.other)
        if not other.is_dir():
            other = builds.check_out(args.other, Path(temporary, "other"))
            builds.build(other)
        same = compare(other.resolve(), ROOT, args)
    print("the same bits" if same else "results differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
