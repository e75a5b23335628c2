"""Training on CSR rows with sampled outputs: checks, then the compiled core."""

from __future__ import annotations

import numpy as np

from dae._core.arguments import (
    check_csr,
    check_emphasis,
    check_index,
    check_weight,
    corruption_record,
    csr_record,
    layer_records,
    solver_record,
)
from dae._core.threads import useful_threads
from dae._core.training import in_short_calls
from dae._model.corruption import Corruption, get_kind
from dae._model.csr import CSR
from dae._model.network import Layer
from dae._model.solver import Solver
from daecore import _sampled, records


def train_sampled(
    layer: Layer,
    solver: Solver,
    corruption: Corruption,
    X: CSR,
    rows: np.ndarray,
    *,
    batch_size: int,
    presentation: int,
    n_threads: int,
    zeros_per_nonzero: float,
    X_corrupted: CSR | None = None,
    unit_rows: bool = False,
    sample_weight: np.ndarray | None = None,
    emphasis: tuple[float, float] = (1.0, 1.0),
    max_loss: float = np.inf,
) -> np.ndarray:
    """See `dae._model.reference.train_sampled`. Signals are served between native calls."""
    check_csr("X", X, layer.n_features, layer.dtype)
    check_index("rows", rows, len(X))
    if not len(rows):
        raise ValueError("rows must name at least one row.")
    known = shown = X.counts()
    if X_corrupted is not None:
        check_csr("X_corrupted", X_corrupted, layer.n_features, layer.dtype)
        if len(X_corrupted) != len(X):
            raise ValueError(f"X has {len(X)} rows, X_corrupted {len(X_corrupted)}.")
        shown = X_corrupted.counts()
        known = known + shown  # at most: the entries that either stores
    if sample_weight is not None:
        check_weight(sample_weight, len(X), layer.dtype)
    if layer.blocks is not None:
        raise ValueError("Outputs in blocks cannot be sampled.")
    if not get_kind(corruption.kind).keeps_zeros:
        raise ValueError(
            f"Sampled outputs need a corruption that keeps zeros, got {corruption.kind!r}."
        )
    if not (0 <= zeros_per_nonzero < np.inf):
        raise ValueError(f"zeros_per_nonzero must be 0 or more, got {zeros_per_nonzero}.")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
    batch_size = min(batch_size, len(rows))
    check_emphasis(emphasis)
    asked = np.minimum(known + np.ceil(zeros_per_nonzero * known) + 1, layer.n_features)
    room = (shown + asked)[rows]
    if room.max() > np.iinfo(np.int32).max:
        raise MemoryError(f"A row of X asks for {room.max()} entries, more than 2**31 - 1.")
    data = records.SampledData(
        clean=csr_record(X),
        corruption=corruption_record(corruption, X, presentation),
        zeros_per_nonzero=zeros_per_nonzero,
        corrupted=None if X_corrupted is None else csr_record(X_corrupted),
        weight=sample_weight,
        unit_rows=unit_rows,
        emphasis=emphasis,
    )
    (record,) = layer_records(layer, solver)
    settings = solver_record(solver, layer.dtype)
    step = 10.0 * layer.n_hidden * float(room.mean()) * batch_size
    threads = useful_threads(n_threads, step, step * -(-len(rows) // batch_size))
    room = room.astype(np.int32)

    def call(part: slice, batches: records.Batches, losses: np.ndarray) -> int:
        return _sampled.train_sampled(data, record, settings, batches, room[part], losses, threads)

    return in_short_calls(call, solver, rows, batch_size, max_loss, step)
