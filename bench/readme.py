"""The README's table of speed, made from a result of `bench.compare`.

python -m bench.readme              write it between the README's two markers
python -m bench.readme --check      exit status 1 if the README's table is not the file's
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import records, render

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULT = records.FOLDER / "zen4" / "compare.json"  # the processor that the README shows
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

# columns of the table of steps, and what the README calls them
COLUMNS = {
    "data": "rows",
    "batch": "batch",
    "dae": "dae, samples per second",
    "vs PyTorch eager": "over PyTorch eager",
    "vs the fastest": "over the fastest rival",
    "of best gemm": "share of the best matrix product",
}
DATA = {"dense": "dense", "mnist": "MNIST"}


def short(cell) -> str:
    """A cell without its target."""
    if isinstance(cell, str):
        return DATA.get(cell, cell)
    return render.text({k: v for k, v in cell.items() if k != "target"})


def block(result: dict) -> str:
    """The text between the markers: the steps, and the machine they were measured on."""
    table = result["tables"]["steps"]
    measured = table["measured"]
    environment, versions = measured["environment"], measured["environment"]["versions"]
    at = [table["columns"].index(name) for name in COLUMNS]
    rivals = table["columns"][table["columns"].index("dae") + 1 : at[3]]
    losses = [row[table["columns"].index("losses apart")] for row in table["rows"]]
    rounds = measured["rounds"]
    apart = max(cell["value"] for cell in losses if isinstance(cell, dict))
    lines = [
        "784 features, 500 hidden units, tied, logistic, cross-entropy, masking 0.3, plain SGD, "
        f"float32; {measured['n_threads']} threads and the same initial weights on all sides; the "
        f"final losses are {100 * apart:.1f} % apart at most. Medians of {rounds} rounds in turn "
        "(quartiles).",
        "",
        render.markdown(
            {
                "columns": list(COLUMNS.values()),
                "rows": [[short(row[i]) for i in at] for row in table["rows"]],
            },
            title=False,
        ),
        "",
        f"Rivals: {', '.join(rivals)} (PyTorch {versions['torch']}, scikit-learn "
        f"{versions['scikit-learn']}, JAX {versions['jax']}, NumPy {versions['numpy']}). "
        f"{environment['cpu']}, {environment['cores']} cores, {environment['simd_level']}, "
        f"{environment['date'].split()[0]}. All tables: `python -m bench.compare`.",
    ]
    return "\n".join(lines)


def replaced(readme: str, text: str) -> str:
    """`readme` with `text` between its markers."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"README.md should have {BEGIN} and {END} once each.")
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{text}\n{END}{tail}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.readme", description=__doc__)
    parser.add_argument("result", nargs="?", type=Path, default=RESULT, help="JSON file")
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    before = README.read_text()
    try:
        after = replaced(before, block(records.read(args.result)))
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    if args.check:
        return int(before != after)
    records.write_text(README, after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
