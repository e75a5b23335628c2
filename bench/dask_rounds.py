"""Training on a cluster: what a pass costs, moves and learns: ``python -m bench.dask_rounds``.

MNIST's first rows in partitions on two worker processes of one thread each, on this machine. Three
figures per way of training: the loss of all rows, without corruption, after 5, 20 and 60 passes;
seconds per pass; bytes that the workers sent per pass, as Dask counts them. Beside them one
process of one thread on the same rows, with as many passes.

The model of a larger cluster that is printed last adds up measured rates, and nothing was run for
it. A pass of W workers takes the longest chain of partitions on one worker, each trained at the
rate of one process plus the time of a task, and for each round its latency and the averages of W
states, which one node sends and receives. The time of a task is what the run
with one round per pass took beyond training; the other runs, of more rounds, are predicted with it,
as a test of the model.

``--report`` writes the report again from the kept result.
"""

from __future__ import annotations

import argparse
import math
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
N_ROWS, N_PARTITIONS, N_WORKERS = 16_000, 16, 2
ROWS_PER_PARTITION = 50_000  # in the model of larger clusters
MODEL = {
    "n_components": 200, "loss": "log_loss", "learning_rate_init": 0.001, "random_state": 0,
}  # fmt: skip
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


class Model:
    """Time of a pass, from the rate of one process and a run with one round per pass."""

    def __init__(self, kept: dict) -> None:
        alone, *shared = kept["results"]
        self.rate = N_ROWS / alone["seconds"]
        self.latency = kept["latency"]
        self.state = shared[-1]["bytes_of_state"]
        chain = N_PARTITIONS // N_WORKERS
        rounds = 1  # n_shards is the number of partitions there
        spent = shared[-1]["seconds"] - rounds * self.latency
        self.task = spent / chain - N_ROWS / N_PARTITIONS / self.rate

    def seconds(self, n_rows: float, n_partitions: int, n_shards: int, workers: int) -> float:
        """A pass: rounds of `n_shards` partitions, which `workers` train side by side."""
        rounds = n_partitions / n_shards
        chain = rounds * math.ceil(n_shards / min(workers, n_shards))
        train = chain * (n_rows / n_partitions / self.rate + self.task)
        talk = 2 * workers * self.state / BANDWIDTH if workers > N_WORKERS else 0.0
        return train + rounds * (self.latency + talk)

    def limit(self) -> int:
        """Workers whose averages take as long as the training of a partition."""
        train = ROWS_PER_PARTITION / self.rate + self.task
        return round((train - self.latency) * BANDWIDTH / (200 * self.state)) * 100


def report(kept: dict) -> str:
    """What was measured, and the model, as Markdown."""
    machine, model = kept["environment"], Model(kept)
    head = ["training", *(f"loss, {n} passes" for n in PASSES), "s per pass", "by the model"]
    rows = []
    for result in kept["results"]:
        n_shards = result["n_shards"]
        moved = result.get("bytes_per_pass", 0) / 1e6
        expected = "" if n_shards is None else (
            f"{model.seconds(N_ROWS, N_PARTITIONS, n_shards, N_WORKERS):.2f}"
        )  # fmt: skip
        rows.append(
            ["one process" if n_shards is None else f"`n_shards={n_shards}`"]
            + [f"{loss:.2f}" for loss in result["losses"]]
            + [f"{result['seconds']:.2f}", expected, f"{moved:.1f}"]
        )
    measured = render.markdown_rows([*head, "MB sent per pass"], rows)
    rows = []
    for workers in (2, 8, 32, 128, 1000):
        row = [f"{workers:,}"]
        for n_rows in (1e7, 1e9):
            partitions = max(workers, round(n_rows / ROWS_PER_PARTITION))
            seconds = model.seconds(n_rows, partitions, workers, workers)
            row += [f"{seconds:,.0f} s", f"{n_rows / model.rate / seconds:.1f}x"]
        rows.append(row)
    columns = ["workers", "10^7 rows, a pass", "over one process", "10^9 rows", "over one process"]
    return f"""\
# Past one machine: rounds of Dask

`python -m bench.dask_rounds`: {N_ROWS:,} rows of MNIST in {N_PARTITIONS} partitions, \
{MODEL["n_components"]} units, cross-entropy, Adam, masking 0.3; {N_WORKERS} worker processes of \
one thread on one machine, {machine["cpu"]}, {machine["date"]}. The loss is that of all rows \
without corruption.

{measured}

More shards are fewer rounds and averages per pass: less time, and slower progress of the loss at \
first. Partitions of {N_ROWS // N_PARTITIONS:,} rows are small: a partition is trained in \
{N_ROWS / N_PARTITIONS / model.rate * 1e3:.0f} ms, its task costs {model.task * 1e3:.0f} ms more, \
so two workers are slower than one process here. A round that trains nothing takes \
{model.latency * 1e3:.0f} ms.

## Larger clusters, on paper

Nothing was run for this table. One thread per worker at the measured rate of \
{model.rate:,.0f} rows per second, partitions of {ROWS_PER_PARTITION:,} rows (fewer where there \
would be less than one for each worker), one of each worker in a round, the measured times of a \
task and of a round, and {model.state / 1e6:.1f} MB of weights and moments to and from each worker \
through one link of {BANDWIDTH * 8 / 1e9:.0f} Gbit/s per round.

{render.markdown_rows(columns, rows)}

It stops paying where the averages take as long as the training between them: {model.limit():,} \
workers at these sizes. A pass of many workers also teaches less than one of few, as the first \
table shows: fewer averages per pass.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=records.folder() / "dask_rounds.json")
    parser.add_argument("--report", action="store_true", help="only write the report again")
    arguments = parser.parse_args()
    if not arguments.report:
        measure(parser, arguments.out)
    text = report(records.read(arguments.out))
    records.write_text(arguments.out.with_suffix(".md"), text)
    print(text)


def measure(parser: argparse.ArgumentParser, out: Path) -> None:
    images = mnist_images()
    if images is None:
        parser.exit(2, "DAE_DATA_DIR must name a folder with mnist/.\n")
    X = np.asarray(images[:N_ROWS], np.float32)
    with (
        distributed.LocalCluster(
            n_workers=N_WORKERS, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        results = [measured(client, X, n_shards) for n_shards in (None, 1, 2, 8, 16)]
        latency = latency_of(client)
    records.write(out, {"environment": environment(), "latency": latency, "results": results})


if __name__ == "__main__":
    main()
