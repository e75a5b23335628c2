"""Training on a cluster: what a pass costs, moves and learns: ``python -m bench.dask_rounds``.

MNIST's first rows in partitions on two worker processes of one thread each, on this machine. Three
figures per way of training: the loss of all rows, without corruption, after 5, 20 and 60 passes;
seconds per pass; bytes that the workers sent per pass, as Dask counts them. Beside them one
process of one thread on the same rows, with as many passes.

The model of a larger cluster that is printed last adds up measured rates, and nothing was run for
it: a pass of W workers takes ``rows / (W * rows per second of one) + rounds * (latency + bytes of
weights and moments * 2 W / bandwidth)``; one node makes the averages.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process as one worker

import dask.array as da
import distributed
import numpy as np

from bench import records, render
from bench.machine import environment
from bench.settings import mnist_images
from dae import DenoisingAutoencoder
from dae.dask import DaskDenoisingAutoencoder

PASSES = (5, 20, 60)
N_ROWS, N_PARTITIONS = 16_000, 16
MODEL = {"n_components": 200, "loss": "log_loss", "tol": None, "random_state": 0}
BANDWIDTH = 1.25e9  # bytes per second: 10 Gbit/s Ethernet, assumed


def sent(client: Any) -> int:
    """Bytes that workers have sent, to each other and to the client."""
    return sum(client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total).values())


def in_passes(fit: Any, score: Any) -> tuple[list[float], list[float]]:
    """Loss at each of PASSES, seconds of each pass."""
    losses, seconds = [], []
    for number in range(1, max(PASSES) + 1):
        begun = time.perf_counter()
        fit()
        seconds.append(time.perf_counter() - begun)
        if number in PASSES:
            losses.append(-score())
    return losses, seconds


def measured(client: Any, X: np.ndarray, n_shards: int | None) -> dict:
    if n_shards is None:
        one = DenoisingAutoencoder(n_jobs=1, **MODEL)
        losses, seconds = in_passes(lambda: one.partial_fit(X), lambda: one.score(X))
        return {"n_shards": None, "losses": losses, "seconds": float(np.median(seconds))}
    rows = client.persist(da.from_array(X, chunks=(N_ROWS // N_PARTITIONS, -1)))
    distributed.wait(rows)
    model = DaskDenoisingAutoencoder(n_shards=n_shards, client=client, **MODEL)
    before = sent(client)
    losses, seconds = in_passes(lambda: model.partial_fit(rows), lambda: model.score(rows))
    per_pass = (sent(client) - before) / max(PASSES)
    local = model.to_local()
    arrays = [*local._fitted().parameters().values()]
    arrays += [moment for moments in local._moments.values() for moment in moments]
    return {
        "n_shards": n_shards,
        "losses": losses,
        "seconds": float(np.median(seconds)),
        "bytes_per_pass": per_pass,
        "bytes_of_state": sum(array.nbytes for array in arrays),
    }


def latency_of(client: Any) -> float:
    """Seconds of a round that trains nothing: two tasks and one that waits for both."""
    times = []
    for number in range(20):
        begun = time.perf_counter()
        both = [client.submit(lambda a, b: None, number, k, pure=False) for k in range(2)]
        client.submit(lambda a: None, both, pure=False).result()
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


def model_of_clusters(results: list[dict], latency: float) -> list[list[str]]:
    rate = N_ROWS / results[0]["seconds"]
    state = results[-1]["bytes_of_state"]
    lines = []
    for workers in (2, 8, 32, 128, 1000):
        row = [str(workers)]
        for n_rows in (1e7, 1e9):
            rows_per_round = 50_000 * workers
            rounds = max(1.0, n_rows / rows_per_round)
            alone, train = n_rows / rate, n_rows / (workers * rate)
            talk = rounds * (latency + 2 * workers * state / BANDWIDTH)
            row += [f"{train + talk:,.0f} s", f"{alone / (train + talk):.1f}x"]
        lines.append(row)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=records.folder() / "dask_rounds.json")
    arguments = parser.parse_args()
    images = mnist_images()
    if images is None:
        parser.exit(2, "DAE_DATA_DIR must name a folder with mnist/.\n")
    X = np.asarray(images[:N_ROWS], np.float32)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        results = [measured(client, X, n_shards) for n_shards in (None, 1, 2, 8, 16)]
        latency = latency_of(client)
    records.write(
        arguments.out,
        {"environment": environment(), "latency": latency, "results": results},
    )
    rows = [
        [
            "one process" if result["n_shards"] is None else f"n_shards={result['n_shards']}",
            *(f"{loss:.2f}" for loss in result["losses"]),
            f"{result['seconds']:.2f}",
            f"{result.get('bytes_per_pass', 0) / 1e6:.1f}",
        ]
        for result in results
    ]
    columns = ["training", *(f"loss, {n} passes" for n in PASSES), "s per pass", "MB per pass"]
    print(render.markdown_rows(columns, rows))
    print(f"\nA round that trains nothing: {latency * 1e3:.1f} ms\n")
    columns = ["workers", "10^7 rows", "speed-up", "10^9 rows", "speed-up"]
    print(render.markdown_rows(columns, model_of_clusters(results, latency)))


if __name__ == "__main__":
    main()
