"""Does the cost follow the non-zeros? The same rows among 10,000, 100,000 and 1,000,000 columns.

Synthetic: 90 non-zeros in a row, columns drawn by a power law (the k-th with probability
proportional to 1 / (k + 10)) and spread over the whole width at random; 64 logistic units, tied,
cross-entropy, masking 0.3, one zero per non-zero, batches of 128. `step` is the core's samples per
second, `partial_fit` that of `DenoisingAutoencoder.partial_fit`, with all that belongs to it.
"""

from __future__ import annotations

import time

import numpy as np
import scipy.sparse

from bench.sparse import table
from bench.timing import in_turn, spread
from dae import DenoisingAutoencoder, _core
from dae._core.sampled import train_sampled
from dae._model.csr import CSR

N_ROWS, PER_ROW, N_HIDDEN, BATCH = 40_000, 90, 64, 128
WIDTHS = (10_000, 100_000, 1_000_000)


def rows_of(n_columns: int, n_rows: int = N_ROWS) -> scipy.sparse.csr_array:
    """Zeros and ones."""
    rng = np.random.default_rng(0)
    share = np.cumsum(1 / (np.arange(n_columns) + 10))
    rank = np.searchsorted(share, rng.random((n_rows, PER_ROW)) * share[-1])
    columns = rng.permutation(n_columns)[np.minimum(rank, n_columns - 1)]
    starts = np.arange(0, n_rows * PER_ROW + 1, PER_ROW)
    values = np.ones(columns.size, np.float32)
    X = scipy.sparse.csr_array((values, columns.ravel(), starts), shape=(n_rows, n_columns))
    X.sum_duplicates()
    X.data[:] = 1
    return X


def model(solver: str) -> DenoisingAutoencoder:
    return DenoisingAutoencoder(
        N_HIDDEN,
        activation="logistic",
        loss="log_loss",
        solver=solver,
        momentum=0.0,
        reconstruction_sampling=1.0,
        batch_size=BATCH,
        random_state=0,
    )


def step_task(X: scipy.sparse.csr_array, solver: str, n_threads: int):
    """Samples per second of the core, over all rows."""
    from bench.sparse.speed import layer_for, masking, solver_for

    layer, rows = layer_for(X.shape[1], N_HIDDEN), np.arange(X.shape[0], dtype=np.intp)
    steps, corruption, csr = solver_for(layer, solver), masking(X.shape[1]), CSR.of(X, np.float32)
    passes = iter(range(1, 10**9))

    def measured() -> float:
        started = time.perf_counter()
        train_sampled(
            layer, steps, corruption, csr, rows, batch_size=BATCH, presentation=next(passes),
            n_threads=n_threads, zeros_per_nonzero=1.0,
        )  # fmt: skip
        return len(rows) / (time.perf_counter() - started)

    measured()
    return measured


def pass_task(X: scipy.sparse.csr_array, solver: str):
    """Samples per second of `partial_fit` on all rows, which also checks them."""
    estimator = model(solver).partial_fit(X)

    def measured() -> float:
        started = time.perf_counter()
        estimator.partial_fit(X)
        return X.shape[0] / (time.perf_counter() - started)

    return measured


def run(quick: bool = False) -> dict:
    rounds, n_rows = (1, 4000) if quick else (5, N_ROWS)
    widths = WIDTHS[:2] if quick else WIDTHS
    n_threads = _core.n_threads(None)
    data = {n: rows_of(n, n_rows) for n in widths}
    results = []
    for solver in ("sgd", "adam"):
        for what, make in (
            ("step", lambda X, solver=solver: step_task(X, solver, n_threads)),
            ("partial_fit", lambda X, solver=solver: pass_task(X, solver)),
        ):
            tasks = {str(n): make(X) for n, X in data.items()}
            rates = in_turn(tasks, rounds)
            results.append({"solver": solver, "what": what, "rates": rates})
            print(solver, what, {n: round(np.median(r)) for n, r in rates.items()}, flush=True)
    entries = {str(n): X.nnz / X.shape[0] for n, X in data.items()}
    return {"n_rows": n_rows, "entries_per_row": entries, "measured": results}


def text(result: dict) -> str:
    widths = list(result["entries_per_row"])
    entries = ", ".join(f"{result['entries_per_row'][n]:.0f}" for n in widths)
    rows = []
    for measured in result["measured"]:
        rates = measured["rates"]
        slower = spread(np.divide(rates[widths[0]], rates[widths[-1]]))[0]
        rows.append(
            [f"{measured['solver']}, {measured['what']}"]
            + [f"{np.median(rates[n]):,.0f}" for n in widths]
            + [f"{slower:.2f}x"]
        )
    return table.markdown(
        f"Samples per second of sampled training, {result['n_rows']:,} rows, {N_HIDDEN} units, "
        f"batches of {BATCH}, by the number of columns (non-zeros in a row: {entries}); "
        f"{table.machine_of(result)}.",
        ["solver", *[f"{int(n):,} columns" for n in widths], "narrowest over widest"],
        rows,
    )
