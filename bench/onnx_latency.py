"""ONNX Runtime beside this package's own `transform`: ``python -m bench.onnx_latency``.

The encoder of a few networks, written by `dae.onnx.to_onnx`: the time of one row, called again
and again, and rows per second of 10,000 rows at once, with one thread and with all cores. Both
compute the same numbers in each round, in turn; the median of the rounds' ratios counts. ONNX
Runtime's threads do not spin while they wait, as they would take a core from the other side.

The latency is that of the call from Python. `transform` checks its input; a session's `run`
does not. ``--report`` writes the report again from the kept result.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from bench import records
from bench.machine import environment
from bench.timing import in_turn, per_call, ratios, spread
from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder
from dae.onnx import to_onnx

ROWS = 10_000
BATCHES = (1, ROWS)

# features, units of each layer, dtype
NETWORKS = (
    (30, (64,), "float32"),
    (784, (500,), "float32"),
    (784, (500,), "float64"),
    (784, (512, 256, 128), "float32"),
)


def fitted(n_features: int, sizes: tuple[int, ...], dtype: str, n_jobs: int) -> Any:
    """Weights matter little to the time: those after one pass over few rows."""
    X = np.random.default_rng(0).random((128, n_features)).astype(dtype)
    how: dict[str, Any] = {"random_state": 0, "n_jobs": n_jobs}
    if len(sizes) == 1:
        return DenoisingAutoencoder(sizes[0], **how).partial_fit(X)
    return StackedDenoisingAutoencoder(sizes, **how).partial_fit(X)


def session_of(estimator: Any, n_threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = to_onnx(estimator).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def compared(case: tuple, n_rows: int, n_threads: int, rounds: int, seconds: float) -> dict:
    n_features, sizes, dtype = case
    estimator = fitted(n_features, sizes, dtype, n_threads)
    session = session_of(estimator, n_threads)
    X = np.random.default_rng(1).random((n_rows, n_features)).astype(dtype)
    own, [theirs] = estimator.transform(X), session.run(None, {"X": X})
    scale = np.finfo(dtype).eps * np.abs(own).max()
    times = in_turn(
        {
            "dae": per_call(partial(estimator.transform, X), seconds),
            "onnxruntime": per_call(partial(session.run, None, {"X": X}), seconds),
        },
        rounds,
    )
    median, low, high = spread(ratios(times["onnxruntime"], times["dae"]))
    return {
        "features": n_features,
        "units": list(sizes),
        "dtype": dtype,
        "rows": n_rows,
        "threads": n_threads,
        "seconds": {name: float(np.median(values)) for name, values in times.items()},
        "rows_per_second": {
            name: n_rows / float(np.median(values)) for name, values in times.items()
        },
        "ratio_quartiles": [low, median, high],
        "largest_difference_in_roundings": float(np.abs(own - theirs).max() / scale),
    }


def table(results: list[dict]) -> str:
    lines = [
        "| network | dtype | rows | threads | dae | ONNX Runtime | ONNX Runtime / dae |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in results:
        network = "-".join(map(str, (result["features"], *result["units"])))
        micros = {name: f"{value * 1e6:,.1f} us" for name, value in result["seconds"].items()}
        low, median, high = result["ratio_quartiles"]
        lines.append(
            f"| {network} | {result['dtype']} | {result['rows']:,} | {result['threads']} "
            f"| {micros['dae']} | {micros['onnxruntime']} "
            f"| {median:.2f} ({low:.2f} to {high:.2f}) |"
        )
    return "\n".join(lines)


def report(kept: dict) -> str:
    """The table, and what it was measured on, as Markdown."""
    machine = kept["environment"]
    largest = max(result["largest_difference_in_roundings"] for result in kept["results"])
    return f"""\
# ONNX Runtime beside `transform`

`python -m bench.onnx_latency`: the encoder as ONNX Runtime {machine["versions"]["onnxruntime"]} \
computes it and as `transform` does, called from Python, in turn; medians, with quartiles of the \
rounds' ratios: above 1, `transform` is faster. `transform` checks its input, a session's `run` \
does not. {machine["cpu"]}, {machine["cores"]} cores, {machine["date"]}.

{table(kept["results"])}

The largest difference of the two is {largest:.1f} roundings of the largest value.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.2, help="of one measurement")
    parser.add_argument("--out", type=Path, default=records.folder() / "onnx_latency.json")
    parser.add_argument("--report", action="store_true", help="only write the report again")
    arguments = parser.parse_args()
    if not arguments.report:
        measure(arguments)
    text = report(records.read(arguments.out))
    records.write_text(arguments.out.with_suffix(".md"), text)
    print(text)


def measure(arguments: argparse.Namespace) -> None:
    machine = environment()
    cores = int(machine["cores"])
    machine["versions"] |= {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    results = [
        compared(case, n_rows, n_threads, arguments.rounds, arguments.seconds)
        for case in NETWORKS
        for n_rows in BATCHES
        for n_threads in ([1] if n_rows == 1 else sorted({1, cores}))
    ]
    records.write(arguments.out, {"environment": machine, "results": results})


if __name__ == "__main__":
    main()
