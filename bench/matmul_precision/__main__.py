"""Does `matmul_precision="medium"` learn what "highest" learns? Pairs of fits, seed by seed.

    python -m bench.matmul_precision [--quick] [--only NAME,...]

Both fits of a pair have the same initial weights, rows and corruption, so that what differs is the
rounding of factors; the seeds tell how much of a difference is chance. The interval is that of the
mean difference over the seeds, 95 % (Student's t). Where this machine has no faster products for
"medium" there is nothing to compare; DAE_SIMD=x86_64_v4_bf16 rounds on every processor with AVX-512
BF16, fast or not.

bench/matmul_precision/cases.py says what is learned. Writes
bench/results/<processor>/matmul_precision.json and .md, after each case; what the file has of other
cases stays.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from bench import machine, records
from bench.matmul_precision.cases import CASES, Figures
from bench.render import markdown_rows
from dae import _core

PRECISIONS = ("highest", "medium")
Pairs = dict[str, dict[str, list[float]]]  # figure: precision: one value for each seed


def pairs(of: Callable[[int, str, bool], Figures], n_seeds: int, quick: bool) -> Pairs:
    found: Pairs = {}
    for seed in range(n_seeds):
        for precision in PRECISIONS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                figures = of(seed, precision, quick)
            for what, value in figures.items():
                values = found.setdefault(what, {name: [] for name in PRECISIONS})
                values[precision].append(value)
    return found


def row(what: str, found: dict[str, list[float]]) -> list[str]:
    highest, medium = (np.asarray(found[name]) for name in PRECISIONS)
    apart = medium - highest
    spread = half = "-"
    if len(apart) > 1:
        spread = f"{highest.std(ddof=1):.2g}"
        error = apart.std(ddof=1) / np.sqrt(len(apart))
        half = f"{stats.t.ppf(0.975, len(apart) - 1) * error:.2g}"
    means = [f"{highest.mean():.5g}", spread, f"{medium.mean():.5g}"]
    return [what, str(len(apart)), *means, f"{apart.mean():+.2g}", half]


def text(result: dict) -> str:
    environment = result["environment"]
    columns = ["what", "seeds", "highest", "its deviation", "medium", "medium - highest"]
    rows = [
        row(what, found)
        for name in CASES
        if name in result["cases"]
        for what, found in result["cases"][name].items()
    ]
    return "\n".join(
        [
            '# What `matmul_precision="medium"` learns',
            "",
            "`python -m bench.matmul_precision`: the same seeds, rows and corruption with both "
            "settings; means over the seeds. Deviation: of the values of highest from seed to "
            "seed. Interval: 95 %, of the mean difference. Errors are shares of wrong rows, of "
            f"regressions 1 - R2. {environment['cpu']}, SIMD level {environment['simd_level']}; "
            f"{environment['date']}.",
            "",
            markdown_rows([*columns, "95 % interval, +-"], rows),
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.matmul_precision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="tiny; the figures mean nothing")
    parser.add_argument("--only", default=",".join(CASES), help=", ".join(CASES))
    options = parser.parse_args()
    if "medium" not in _core.accelerated_precisions():
        sys.exit(
            f"SIMD level {_core.simd_level()} computes 'medium' as 'highest': nothing to compare. "
            "Set DAE_SIMD=x86_64_v4_bf16 where the processor has AVX-512 BF16."
        )
    path = records.folder() / "matmul_precision.json"
    result = {"cases": {}} if options.quick else {"cases": {}, **records.read(path)}
    for name in options.only.split(","):
        n_seeds, function = CASES[name]
        print(f"   ... {name}", flush=True)
        started = time.perf_counter()
        try:
            found = pairs(function, 1 if options.quick else n_seeds, options.quick)
        except FileNotFoundError as error:
            print(f"   left out: {error}", flush=True)
            continue
        result["cases"][name] = found
        result["environment"] = machine.run_information(started)
        if not options.quick:
            records.write_with_report(path, result, text(result))
    print(text(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
