"""Training samples per second on texts: this library dense, sparse and sampled, and PyTorch.

20 Newsgroups, 10,000 words as 0 and 1, 256 logistic units, tied, cross-entropy, masking 0.3, all
sides in turn from the same initial weights on the same number of threads. PyTorch does what its
users do: dense batches; the encoder as `embedding_bag`; and, for sampled outputs, the asked rows of
the weights gathered, with sparse gradients.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import scipy.sparse

from bench import data
from bench.sparse import table
from bench.timing import in_turn, ratios, spread
from dae import _core
from dae._core.sampled import train_sampled
from dae._model.corruption import Corruption
from dae._model.csr import CSR
from dae._model.network import Layer, initial_network
from dae._model.solver import Solver

N_HIDDEN = 256
LEVEL = 0.3
RATE = {"sgd": 0.001, "adam": 0.001}
BATCHES = (20, 128, 512)
OURS = ("dae, dense rows", "dae, CSR", "dae, CSR sampled 1:1")


def texts(part: str = "train") -> scipy.sparse.csr_array:
    """Which of 10,000 words a text has."""
    X, _ = data.newsgroups(part)
    X.data = np.ones(len(X.data), np.float32)
    return X


def masking(n_features: int) -> Corruption:
    return Corruption("masking", np.full(n_features, LEVEL), seed=1)


def layer_for(n_features: int, n_hidden: int = N_HIDDEN) -> Layer:
    return initial_network(
        n_features,
        n_hidden,
        dtype=np.dtype(np.float32),
        activation="logistic",
        decoder_activation="logistic",
        loss="log_loss",
        tied_weights=True,
        random_state=np.random.RandomState(0),
    )


def solver_for(layer: Layer, name: str) -> Solver:
    solver = Solver(name, RATE[name], momentum=0.0)
    solver.reset(layer)
    return solver


def ours(X, batch_size: int, solver: str, n_threads: int, *, sampled: float | None = None):
    """A pass over rows, as a function of them."""
    layer = layer_for(X.shape[1])
    steps, corruption = solver_for(layer, solver), masking(X.shape[1])
    rows_in = CSR.of(X, np.float32) if scipy.sparse.issparse(X) else X
    passes = iter(range(1, 10**9))

    def train(rows: np.ndarray) -> None:
        how = {"batch_size": batch_size, "presentation": next(passes), "n_threads": n_threads}
        if sampled is None:
            _core.train(layer, steps, corruption, rows_in, rows, **how)
        else:
            train_sampled(layer, steps, corruption, rows_in, rows, zeros_per_nonzero=sampled, **how)

    return train


# ------------------------------------------------------------------ PyTorch


def _torch_parameters(X, solver: str, *, sparse: bool = False):
    import torch

    layer = layer_for(X.shape[1])
    W = torch.tensor(layer.encoder[:, :N_HIDDEN].copy(), requires_grad=True)
    b = torch.zeros(N_HIDDEN, requires_grad=True)
    c = torch.zeros(X.shape[1] if not sparse else (X.shape[1], 1), requires_grad=True)
    if sparse:
        kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.SparseAdam}
        rest = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
        optimizers = [kinds[solver]([W, c], lr=RATE[solver]), rest[solver]([b], lr=RATE[solver])]
    else:
        kind = torch.optim.SGD if solver == "sgd" else torch.optim.Adam
        optimizers = [kind([W, b, c], lr=RATE[solver], foreach=True)]
    return W, b, c, optimizers


def _step(loss, optimizers) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()


def torch_dense(X, batch_size: int, solver: str, n_threads: int):
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

    W, b, c, optimizers = _torch_parameters(X, solver)
    X = torch.tensor(X.toarray())

    def train(rows: np.ndarray) -> None:
        torch.set_num_threads(n_threads)
        index = torch.tensor(rows)
        for start in range(0, len(rows), batch_size):
            x = X[index[start : start + batch_size]]
            shown = x * torch.empty_like(x).bernoulli_(1 - LEVEL)
            a = torch.addmm(c, torch.sigmoid(torch.addmm(b, shown, W)), W.T)
            _step(cross_entropy(a, x, reduction="sum") / len(x), optimizers)

    return train


def _entries(X, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of these rows one after the other, and the number of each row."""
    part = X[rows]
    return part.indices, part.indptr, np.repeat(np.arange(len(rows)), np.diff(part.indptr))


def torch_embedding_bag(X, batch_size: int, solver: str, n_threads: int):
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
    from torch.nn.functional import embedding_bag

    W, b, c, optimizers = _torch_parameters(X, solver)

    def train(rows: np.ndarray) -> None:
        torch.set_num_threads(n_threads)
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            columns, starts, _ = _entries(X, batch)
            columns, starts = torch.tensor(columns.astype(np.int64)), torch.tensor(starts[:-1])
            kept = torch.empty(len(columns)).bernoulli_(1 - LEVEL)
            code = embedding_bag(columns, W, starts.long(), per_sample_weights=kept, mode="sum")
            x = torch.tensor(X[batch].toarray())
            a = torch.addmm(c, torch.sigmoid(code + b), W.T)
            _step(cross_entropy(a, x, reduction="sum") / len(x), optimizers)

    return train


def torch_gathered(X, batch_size: int, solver: str, n_threads: int):
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
    from torch.nn.functional import embedding, embedding_bag

    W, b, c, optimizers = _torch_parameters(X, solver, sparse=True)
    n, random = X.shape[1], np.random.default_rng(0)

    def train(rows: np.ndarray) -> None:
        torch.set_num_threads(n_threads)
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            columns, starts, row_of = _entries(X, batch)
            counts = np.diff(starts)
            zeros = random.integers(0, n, len(columns))  # one per entry; few are no zeros
            weight = np.repeat((n - counts) / np.maximum(counts, 1), counts)
            asked = torch.tensor(np.concatenate([columns, zeros]).astype(np.int64))
            of_row = torch.tensor(np.concatenate([row_of, row_of]))
            target = torch.cat([torch.ones(len(columns)), torch.zeros(len(zeros))])
            weights = torch.tensor(
                np.concatenate([np.ones(len(columns)), weight]).astype(np.float32)
            )
            kept = torch.empty(len(columns)).bernoulli_(1 - LEVEL)
            shown = torch.tensor(columns.astype(np.int64))
            code = embedding_bag(
                shown, W, torch.tensor(starts[:-1]).long(), per_sample_weights=kept, mode="sum",
                sparse=True,
            )  # fmt: skip
            H = torch.sigmoid(code + b)
            a = (H[of_row] * embedding(asked, W, sparse=True)).sum(1)
            a = a + embedding(asked, c, sparse=True)[:, 0]
            _step(
                cross_entropy(a, target, weight=weights, reduction="sum") / len(batch), optimizers
            )

    return train


RIVALS = {
    "PyTorch, dense": torch_dense,
    "PyTorch, embedding_bag": torch_embedding_bag,
    "PyTorch, gathered": torch_gathered,
}


def task(train: Callable, rows: np.ndarray, seconds: float) -> Callable[[], float]:
    """Samples per second of a pass over as many rows as take about `seconds`."""
    started = time.perf_counter()
    train(rows[: len(rows) // 8])
    rate = len(rows) / 8 / (time.perf_counter() - started)
    part = rows[: int(np.clip(rate * seconds, 1024, len(rows)))]

    def measured() -> float:
        started = time.perf_counter()
        train(part)
        return len(part) / (time.perf_counter() - started)

    return measured


def run(quick: bool = False) -> dict:
    rounds, seconds = (1, 0.2) if quick else (5, 0.7)
    n_threads = _core.n_threads(None)
    X = texts()
    rows = np.random.RandomState(0).permutation(X.shape[0]).astype(np.intp)
    dense = X.toarray()
    results = []
    for solver in ("sgd", "adam"):
        for batch_size in BATCHES:
            how = (batch_size, solver, n_threads)
            tasks = {
                "dae, dense rows": task(ours(dense, *how), rows, seconds),
                "dae, CSR": task(ours(X, *how), rows, seconds),
                "dae, CSR sampled 1:1": task(ours(X, *how, sampled=1.0), rows, seconds),
            }
            for name, rival in RIVALS.items():
                try:
                    tasks[name] = task(rival(X, *how), rows, seconds)
                except ImportError:
                    continue
            rates = in_turn(tasks, rounds)
            results.append({"solver": solver, "batch_size": batch_size, "rates": rates})
            print(solver, batch_size, {name: round(np.median(r)) for name, r in rates.items()})
    return {"shape": list(X.shape), "entries": int(X.nnz), "steps": results}


def text(result: dict) -> str:
    """Samples per second, and medians of the ratios of each round."""
    n_rows, n_columns = result["shape"]
    rivals = [name for name in result["steps"][0]["rates"] if name not in OURS]
    lines = [
        f"Training samples per second: {n_rows:,} texts of {n_columns:,} words, "
        f"{result['entries'] / n_rows:.0f} of them in a text, 256 logistic units, cross-entropy, "
        f"masking 0.3, float32; {table.machine_of(result)}. Medians; ratios are medians over "
        "rounds.",
        "",
        "| solver, batch | " + " | ".join([*OURS, *rivals]) + " | sampled over the fastest "
        "PyTorch | sampled over dense | CSR over the fastest PyTorch |",
        "| --- |" + " --- |" * (len(OURS) + len(rivals) + 3),
    ]
    for step in result["steps"]:
        rates = step["rates"]
        fastest = max(rivals, key=lambda name: np.median(rates[name]), default=None)
        cells = [f"{np.median(rates[name]):,.0f}" for name in (*OURS, *rivals)]
        for mine, other in ((OURS[2], fastest), (OURS[2], OURS[0]), (OURS[1], fastest)):
            middle = spread(ratios(rates[mine], rates[other]))[0] if other else None
            cells.append("-" if middle is None else f"{middle:.1f}x")
        lines.append(f"| {step['solver']}, {step['batch_size']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
