"""Corrupted copies, and training: native calls short enough for Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from dae._core import tuning
from dae._core.arguments import (
    check_emphasis,
    check_index,
    check_inputs,
    check_same_rows,
    check_target,
    check_weight,
    corruption_record,
    input_record,
    layer_records,
    solver_record,
    target_is_classes,
)
from dae._core.threads import useful_threads
from dae._model.corruption import Corruption
from dae._model.csr import CSR
from dae._model.network import Layer, Network
from dae._model.solver import Solver
from daecore import _training, records


def corrupt(
    corruption: Corruption,
    X: np.ndarray | CSR,
    rows: np.ndarray,
    presentation: int,
    *,
    n_threads: int,
    missing: bool = False,
) -> np.ndarray:
    """Corrupted copies of ``X[rows]``, dense; with `missing`, NaN in X is 0 there."""
    out, _ = _corrupt(corruption, (1.0, 1.0), X, rows, presentation, n_threads, missing)
    return out


def entry_weights(
    corruption: Corruption,
    emphasis: tuple[float, float],
    X: np.ndarray | CSR,
    rows: np.ndarray,
    presentation: int,
    *,
    n_threads: int,
    missing: bool = False,
) -> np.ndarray:
    """Weight of the loss of each entry of ``X[rows]``: of corrupted ones, of untouched ones.

    With `missing`, 0 where X is NaN.
    """
    check_emphasis(emphasis)
    weights = np.empty((len(rows), X.shape[1]), X.dtype)
    _corrupt(corruption, emphasis, X, rows, presentation, n_threads, missing, weights)
    return weights


def _corrupt(
    corruption: Corruption,
    emphasis: tuple[float, float],
    X: np.ndarray | CSR,
    rows: np.ndarray,
    presentation: int,
    n_threads: int,
    missing: bool,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The corrupted rows; the weights of their entries go into `weights`, if given."""
    check_inputs("X", X, X.shape[1], X.dtype)
    check_index("rows", rows, len(X))
    out = np.empty((len(rows), X.shape[1]), X.dtype)
    if not len(rows):
        return out, weights
    record = corruption_record(corruption, X, presentation)
    data = records.Data(input_record(X), record, emphasis=emphasis, missing=missing)
    per_row = tuning.OPERATIONS_PER_CORRUPTED_ENTRY * X.shape[1]
    at_once = max(1, int(tuning.OPERATIONS_PER_CALL / per_row))
    unpacked = None  # sparse rows, for one call
    if isinstance(X, CSR):
        at_once = max(1, min(at_once, len(rows), tuning.UNPACKED_ENTRIES // X.n_features))
        unpacked = np.empty((at_once, X.n_features), X.dtype)
    for start in range(0, len(rows), at_once):
        part = slice(start, start + at_once)
        threads = useful_threads(n_threads, per_row * len(rows[part]))
        part_weights = None if weights is None else weights[part]
        _training.corrupt(data, rows[part], out[part], part_weights, unpacked, threads)
    return out, weights


def train(
    network: Layer | Network,
    solver: Solver,
    corruption: Corruption,
    X: np.ndarray | CSR,
    rows: np.ndarray,
    *,
    batch_size: int,
    presentation: int,
    n_threads: int,
    X_corrupted: np.ndarray | CSR | None = None,
    missing: bool = False,
    unit_rows: bool = False,
    sample_weight: np.ndarray | None = None,
    emphasis: tuple[float, float] = (1.0, 1.0),
    target: np.ndarray | None = None,
    max_loss: float = np.inf,
) -> np.ndarray:
    """Mean loss of each batch of ``X[rows]``; network and solver are trained on them in place.

    Stops at the first batch whose loss is above `max_loss`, or NaN: its loss is the last one
    returned, and its step is not made. With `unit_rows`, corrupted rows are scaled to unit length;
    with `missing`, NaN in dense rows are missing entries, else numbers.
    `dae._model.reference.train` says the rest. Signals are handled between native calls, and within
    one between the micro-batches of a large batch, which is dropped if a handler raises.
    """
    check_inputs("X", X, network.n_features, network.dtype)
    check_index("rows", rows, len(X))
    if X_corrupted is not None:
        check_inputs("X_corrupted", X_corrupted, network.n_features, network.dtype)
        check_same_rows("X_corrupted", X_corrupted, X)
        if isinstance(X, CSR) != isinstance(X_corrupted, CSR):
            raise ValueError("X and X_corrupted must both be dense, or both be sparse.")
    if not len(rows):
        raise ValueError("rows must name at least one row.")
    if sample_weight is not None:
        check_weight(sample_weight, len(X), network.dtype)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
    # how a batch is cut into micro-batches depends on this size, not on the rows of one call
    batch_size = min(batch_size, len(rows))
    check_emphasis(emphasis)
    layers = layer_records(network, solver)
    check_target(network, target, X)
    by_class = target is not None and target_is_classes(network)
    data = records.Data(
        clean=input_record(X),
        corruption=corruption_record(corruption, X, presentation),
        corrupted=None if X_corrupted is None else input_record(X_corrupted),
        unit_rows=unit_rows,
        missing=missing,
        weight=sample_weight,
        target=None if by_class else target,
        classes=target if by_class else None,
        emphasis=emphasis,
    )
    settings = solver_record(solver, network.dtype)

    weights = sum(layer.n_features * layer.n_hidden for layer in network.layers)
    step = 10.0 * batch_size * weights
    n_batches = -(-len(rows) // batch_size)
    threads = useful_threads(n_threads, step, step * n_batches)

    def call(part: slice, batches: records.Batches, losses: np.ndarray) -> int:
        return _training.train(data, layers, settings, batches, losses, threads)

    return in_short_calls(call, solver, rows, batch_size, max_loss, step)


def in_short_calls(
    call: Callable[[slice, records.Batches, np.ndarray], int],
    solver: Solver,
    rows: np.ndarray,
    batch_size: int,
    max_loss: float,
    step: float,
) -> np.ndarray:
    """Mean loss of each batch, from native calls of so many batches that Ctrl-C is served.

    Parameters
    ----------
    call : callable
        Trains on the batches of ``rows[part]`` and returns how many were done; only the last of
        them may have a loss above `max_loss`, or NaN, and then its step is not made.
    step : float
        Operations of one batch, about.
    """
    n_batches = -(-len(rows) // batch_size)
    losses = np.full(n_batches, np.nan)
    # what the core has done must be known even if a signal handler raises as soon as it returns
    solver.losses, solver.max_loss = losses, max_loss
    at_once = max(1, int(tuning.OPERATIONS_PER_CALL / step))
    done = 0
    while done < n_batches:
        stop = min(done + at_once, n_batches)
        part = slice(done * batch_size, stop * batch_size)
        batches = records.Batches(rows[part], batch_size, solver.n_steps, max_loss)
        started = time.perf_counter()
        count = call(part, batches, losses[done:stop])
        seconds = time.perf_counter() - started
        done += count
        # `not <=` rather than `>`: the loss may be NaN
        if not losses[done - 1] <= max_loss:
            solver.n_steps += count - 1
            return losses[:done]
        solver.n_steps += count
        if seconds < tuning.CALL_SECONDS / 2:
            at_once *= 2
        elif seconds > tuning.CALL_SECONDS:
            at_once = max(1, at_once // 2)
    return losses
