"""The command line of the package."""

from __future__ import annotations

import argparse
import time

import numpy as np

from bench import machine, records
from bench.render import markdown_rows
from bench.timing import ratios
from bench.wide_stack import compare
from bench.wide_stack.rivals import RIVALS, SIZES


def text(result: dict) -> str:
    environment = result["environment"]
    rivals = list(result["results"][0]["rates"])
    theirs = [rival for rival in rivals if not rival.startswith("dae")]
    rows = []
    for each in result["results"]:
        rates = each["rates"]
        row = [each["table"], str(each["columns"]), str(each["batch_size"])]
        row += [f"{np.median(rates[rival]):,.0f}" for rival in rivals]
        row += [f"{np.median(ratios(rates['dae'], rates[rival])):.2f}x" for rival in theirs]
        row.append(f"{each['limit']:,.0f}")
        row += [f"{each['last_losses'][rival]:.3g}" for rival in rivals]
        rows.append(row)
    columns = ["table", "columns", "batch", *rivals, *(f"dae over {r}" for r in theirs)]
    columns.append("limit")
    columns += [f"loss, {rival}" for rival in rivals]
    sizes = "-".join(map(str, SIZES))
    return "\n".join(
        [
            "# Training of the wide stack on tables",
            "",
            f"Samples per CPU second, {sizes} units, mirrored decoders, swap noise, Adam, "
            "all layers together, one thread each. Rivals in turn, medians of "
            f"{result['rounds']} rounds and of their ratios, on a machine shared with other work. "
            "One-hot: squared error of every column. Mixed: a softmax for each category, squared "
            "error for numbers. PyTorch: modules, autograd, `Adam(fused=True)`. Losses after "
            f"{result['rounds'] + 1} passes over {compare.SAMPLES} rows. Limit: the products of a "
            "step alone, at the best rate of NumPy's BLAS on one thread in this run: what float32 "
            "could come to if all else took no time. "
            f"{environment['cpu']}, SIMD level {environment['simd_level']}, PyTorch "
            f"{environment['versions']['torch']}; {environment['date']}.",
            "",
            markdown_rows(columns, rows),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.wide_stack")
    parser.add_argument("--quick", action="store_true", help="a short run that keeps nothing")
    parser.add_argument("--only", nargs="+", choices=RIVALS, default=list(RIVALS))
    options = parser.parse_args()
    started = time.perf_counter()
    result = compare.run(options.only, quick=options.quick)
    result["environment"] = machine.run_information(started)
    lines = text(result)
    print(lines)
    if not options.quick:
        path = records.folder() / "wide_stack.json"
        records.write_with_report(path, result, lines)


if __name__ == "__main__":
    main()
