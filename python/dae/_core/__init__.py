"""The only module that imports the compiled core: the functions of `dae._model.reference`, fast.

Whatever comes in is checked here, before the core releases the GIL: the network's arrays against
each other, the data against the network. The core itself checks nothing.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
from daecore._simd import available_levels as available_simd_levels
from daecore._simd import simd_level

from dae._model.corruption import KINDS, Corruption
from dae._model.network import ACTIVATIONS, OUTPUT_LOSSES, PARAMETERS, Layer, Network, is_plain
from dae._model.solver import Solver
from daecore import _inference, _threads, _training

__all__ = [
    "all_finite",
    "available_simd_levels",
    "corrupt",
    "decode",
    "encode",
    "entry_weights",
    "n_threads",
    "n_threads_for",
    "openmp_enabled",
    "reconstruct",
    "sample_losses",
    "simd_level",
    "train",
]

openmp_enabled = _threads.openmp_enabled

# ------------------------------------------------------------------ threads

# libgomp's threads do not survive a fork, and the child would wait for them for ever
# (GCC PR 60035; scikit-learn issue 19272). A forked child therefore works on one thread.
_forked = False
_forked_said = False


def _after_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)


def n_threads(n_jobs: int | None) -> int:
    """Threads that `n_jobs` stands for at this moment, at least one.

    None: what OpenMP would use (OMP_NUM_THREADS, threadpoolctl), but no more than the cores this
    process may have (affinity, cgroup quota). A positive number: just that, up to 256. A negative
    one counts from the cores: -1 all, -2 all but one.
    """
    global _forked_said
    if not openmp_enabled():
        return 1
    if _forked:
        if not _forked_said:
            _forked_said = True
            logging.getLogger("dae").info(
                "This process was forked: dae works on one thread here. Start processes with "
                "the 'spawn' or 'forkserver' method to use more."
            )
        return 1
    if n_jobs == 0:
        raise ValueError("n_jobs should be None, a positive or a negative integer, got 0.")
    if n_jobs is None:
        wanted = _threads.max_threads()
        if "OMP_NUM_THREADS" not in os.environ:
            wanted = min(wanted, _cores())
    elif n_jobs < 0:
        wanted = _cores() + 1 + n_jobs
    else:
        wanted = int(n_jobs)
    return max(1, min(wanted, _MOST_THREADS))


# libgomp keeps what it knows of a team on the stack, and crashes on a team of 100,000.
_MOST_THREADS = 256


def n_threads_for(n_jobs: int | None, network: Layer | Network, n_rows: int) -> int:
    """The same for these rows. To find out takes 4 us: not for rows that one thread does anyway."""
    size = 0
    for layer in network.layers:
        size += layer.encoder.size
    return 1 if 4 * n_rows * size < _SERIAL_CALL and n_jobs != 0 else n_threads(n_jobs)


def _cores() -> int:
    """Cores that this process may use now, as joblib counts them."""
    return _count_cores(int(time.monotonic()), os.environ.get("LOKY_MAX_CPU_COUNT"))


@functools.lru_cache(maxsize=1)
def _count_cores(_second: int, _loky_limit: str | None) -> int:
    # it reads files for 25 us, more than coding a row takes: once a second will do
    return int(joblib.cpu_count())


# Operations below which a second thread costs more than it brings: a step has four barriers, a call
# wakes the team (python -m bench.kernels --only thresholds; two cores, AVX-512).
_SERIAL_STEP = 1_500_000
_SERIAL_CALL = 8_000_000


def _useful_threads(n_threads: int, step: float, call: float = np.inf) -> int:
    return 1 if step < _SERIAL_STEP or call < _SERIAL_CALL else n_threads


# ------------------------------------------------------------------ checks


def _check_rows(name: str, X: np.ndarray, n_columns: int, dtype: np.dtype) -> None:
    if (
        not isinstance(X, np.ndarray)
        or X.ndim != 2
        or X.shape[0] < 1
        or X.shape[1] != n_columns
        or X.dtype != dtype
        or not is_plain(X)
    ):
        found = f"{X.dtype} of shape {X.shape}" if isinstance(X, np.ndarray) else type(X).__name__
        raise ValueError(
            f"{name} should be an aligned, C-ordered {dtype} array of shape "
            f"(n_samples >= 1, {n_columns}), got {found}."
        )


def _check_index(name: str, rows: np.ndarray, n_rows: int) -> None:
    if rows.dtype != np.intp or rows.ndim != 1 or not is_plain(rows):
        raise ValueError(f"{name} should be a one-dimensional, C-ordered intp array.")
    if len(rows) and (rows.min() < 0 or rows.max() >= n_rows):
        raise ValueError(f"{name} should lie in [0, {n_rows}).")


def _network_arguments(network: Layer) -> tuple[Any, ...]:
    """Of a network that is checked."""
    return (
        network.encoder,
        # of a layer that has no decoder: something of the right type, which nobody looks at
        network.encoder if network.decoder is None else network.decoder,
        network.hidden_bias,
        network.hidden_bias if network.visible_bias is None else network.visible_bias,
        ACTIVATIONS.index(network.activation),
        ACTIVATIONS.index(network.decoder_activation),
        OUTPUT_LOSSES.index(network.loss),
    )


def _corruption_arguments(corruption: Corruption, X: np.ndarray) -> tuple[Any, ...]:
    """kind, threshold, level, low, high, donors, seed: checked against the data."""
    n_features, dtype, kind = X.shape[1], X.dtype, corruption.kind
    threshold = np.empty(0, dtype=np.uint32)
    level = low = high = np.empty(0, dtype=dtype)
    if kind not in KINDS:
        raise ValueError(f"corruption should be one of {KINDS}, got {kind!r}.")
    if kind != "none":
        _check_vector("corruption level", corruption.level, n_features)
        if not (corruption.level >= 0).all():
            raise ValueError("corruption level should not be negative.")
    if kind == "gaussian":
        level = corruption.level.astype(dtype)
    elif kind != "none":
        threshold = np.rint(np.minimum(corruption.level, 1) * 2**24).astype(np.uint32)
    if kind == "salt_and_pepper":
        _check_vector("corruption low", corruption.low, n_features)
        _check_vector("corruption high", corruption.high, n_features)
        low, high = corruption.low.astype(dtype), corruption.high.astype(dtype)
    donors = corruption.donors
    if kind == "swap":
        _check_index("donors", donors, len(X))
        if len(donors) < 1:
            raise ValueError("swap corruption needs at least one donor row.")
    return KINDS.index(kind), threshold, level, low, high, donors, corruption.seed


def _check_vector(name: str, vector: np.ndarray, n_features: int) -> None:
    if not isinstance(vector, np.ndarray) or vector.shape != (n_features,):
        raise ValueError(f"{name} should have shape ({n_features},), got {np.shape(vector)}.")


# ------------------------------------------------------------------ inference


def all_finite(X: np.ndarray, n_jobs: int | None) -> bool:
    """Whether a plain array that is not empty has neither NaN nor infinity."""
    # a second thread pays from 2^18 entries, read in 20 us or more, by what a call costs it
    threads = 1 if X.size < 2**18 else n_threads(n_jobs)
    return bool(_inference.all_finite(X, threads))


# Operations of one native call. A slow machine does 10^10 in a second, so that Ctrl-C is served
# within 0.2 s; the call itself costs microseconds.
_OPERATIONS_PER_CALL = 2e9

# Rows from which the matrix unit is worth packing the weights for it, where there is one
# (784-500: 64 rows 0.8x, 128 rows 0.9 to 1.1x, 10,000 rows 1.3x). The rows of all calls together
# decide, so that neither the threads nor the size of a call change a bit of what a row gets.
_MANY_ROWS = 512


def _infer(
    function: Callable[..., None],
    network: Layer,
    sources: tuple[np.ndarray | None, ...],
    out: np.ndarray,
    n_rows: int,
    n_threads: int,
) -> np.ndarray:
    """out[rows] = function(sources[rows]), some rows at a time; returns out. `n_rows` in all."""
    arguments = _network_arguments(network)
    many = n_rows >= _MANY_ROWS
    per_row = 4.0 * network.n_features * network.n_hidden
    at_once = max(1, int(_OPERATIONS_PER_CALL * n_threads / per_row))
    if len(out) <= at_once:
        call = per_row * len(out)
        function(*sources, *arguments, out, many, _useful_threads(n_threads, call))
        return out
    for first in range(0, len(out), at_once):
        rows = slice(first, first + at_once)
        call = per_row * len(out[rows])
        threads = _useful_threads(n_threads, call)
        parts = (None if source is None else source[rows] for source in sources)
        function(*parts, *arguments, out[rows], many, threads)
    return out


def _encode_layer(layer: Layer, X: np.ndarray, n_rows: int, n_threads: int) -> np.ndarray:
    out = np.empty((len(X), layer.n_hidden), layer.dtype)
    return _infer(_inference.encode, layer, (X,), out, n_rows, n_threads)


def _decode_layer(layer: Layer, H: np.ndarray, n_rows: int, n_threads: int) -> np.ndarray:
    out = np.empty((len(H), layer.n_features), layer.dtype)
    return _infer(_inference.decode, layer, (H,), out, n_rows, n_threads)


def _reconstruct_layer(layer: Layer, X: np.ndarray, n_rows: int, n_threads: int) -> np.ndarray:
    return _infer(_inference.reconstruct, layer, (X,), np.empty_like(X), n_rows, n_threads)


# a layer's work, and the layer
_Steps = list[tuple[Callable[[Layer, np.ndarray, int, int], np.ndarray], Layer]]


def _up(layers: list[Layer]) -> _Steps:
    return [(_encode_layer, layer) for layer in layers]


def _down(layers: list[Layer]) -> _Steps:
    return [(_decode_layer, layer) for layer in reversed(layers)]


def _up_and_down(layers: list[Layer]) -> _Steps:
    """The topmost layer codes and decodes a row in one go."""
    return [*_up(layers[:-1]), (_reconstruct_layer, layers[-1]), *_down(layers[:-1])]


# Rows of which a stack holds the codes between its layers.
_ROWS_BETWEEN_LAYERS = 4096


def _go(steps: _Steps, X: np.ndarray, width: int, n_rows: int, n_threads: int) -> np.ndarray:
    """X, of `n_rows` rows in all, through the steps; the result has `width` columns."""
    if len(steps) == 1:
        work, layer = steps[0]
        return work(layer, X, n_rows, n_threads)
    out = np.empty((len(X), width), X.dtype)
    for first in range(0, len(X), _ROWS_BETWEEN_LAYERS):
        rows = slice(first, first + _ROWS_BETWEEN_LAYERS)
        part = X[rows]
        for work, layer in steps:
            part = work(layer, part, n_rows, n_threads)
        out[rows] = part
    return out


# `checked`: the caller has called network.check() a moment ago; it takes 5 us. `n_rows`: of how
# many rows in all these are a part, None for these alone.


def _check_decodes(network: Layer | Network) -> None:
    if not network.decodes:
        raise ValueError("A stack without decoders reconstructs nothing.")


def encode(
    network: Layer | Network,
    X: np.ndarray,
    *,
    n_threads: int,
    checked: bool = False,
    n_rows: int | None = None,
) -> np.ndarray:
    if not checked:
        network.check()
    _check_rows("X", X, network.n_features, network.dtype)
    return _go(_up(network.layers), X, network.n_hidden, n_rows or len(X), n_threads)


def decode(
    network: Layer | Network,
    H: np.ndarray,
    *,
    n_threads: int,
    checked: bool = False,
    n_rows: int | None = None,
) -> np.ndarray:
    if not checked:
        network.check()
    _check_decodes(network)
    _check_rows("H", H, network.n_hidden, network.dtype)
    return _go(_down(network.layers), H, network.n_features, n_rows or len(H), n_threads)


def reconstruct(
    network: Layer | Network,
    X: np.ndarray,
    *,
    n_threads: int,
    checked: bool = False,
    n_rows: int | None = None,
) -> np.ndarray:
    if not checked:
        network.check()
    _check_decodes(network)
    _check_rows("X", X, network.n_features, network.dtype)
    return _go(_up_and_down(network.layers), X, network.n_features, n_rows or len(X), n_threads)


def sample_losses(
    network: Layer | Network,
    X: np.ndarray,
    X_corrupted: np.ndarray,
    entry_weight: np.ndarray | None = None,
    *,
    n_threads: int,
    checked: bool = False,
    n_rows: int | None = None,
) -> np.ndarray:
    if not checked:
        network.check()
    _check_decodes(network)
    _check_rows("X", X, network.n_features, network.dtype)
    _check_rows("X_corrupted", X_corrupted, network.n_features, network.dtype)
    if len(X) != len(X_corrupted):
        raise ValueError(f"X has {len(X)} rows, X_corrupted {len(X_corrupted)}.")
    if entry_weight is not None:
        _check_rows("entry_weight", entry_weight, network.n_features, network.dtype)
        if len(X) != len(entry_weight):
            raise ValueError(f"X has {len(X)} rows, entry_weight {len(entry_weight)}.")
    first, *others = network.layers
    n_rows = n_rows or len(X)
    out = np.zeros(len(X))
    step = _ROWS_BETWEEN_LAYERS if others else len(X)
    for begin in range(0, len(X), step):
        rows = slice(begin, begin + step)
        shown = X_corrupted[rows]
        if others:  # what the lowest layer decodes
            steps = [*_up([first]), *_up_and_down(others)]
            shown = _go(steps, shown, first.n_hidden, n_rows, n_threads)
        _infer(
            functools.partial(_inference.sample_losses, bool(others)),
            first,
            (X[rows], shown, None if entry_weight is None else entry_weight[rows]),
            out[rows],
            n_rows,
            n_threads,
        )
    return out


# ------------------------------------------------------------------ training


def corrupt(
    corruption: Corruption, X: np.ndarray, rows: np.ndarray, presentation: int, *, n_threads: int
) -> np.ndarray:
    out, _ = _corrupt(corruption, (1.0, 1.0), X, rows, presentation, n_threads)
    return out


def entry_weights(
    corruption: Corruption,
    emphasis: tuple[float, float],
    X: np.ndarray,
    rows: np.ndarray,
    presentation: int,
    *,
    n_threads: int,
) -> np.ndarray:
    _check_emphasis(emphasis)
    weights = np.empty((len(rows), X.shape[1]), X.dtype)
    _corrupt(corruption, emphasis, X, rows, presentation, n_threads, weights)
    return weights


def _corrupt(
    corruption: Corruption,
    emphasis: tuple[float, float],
    X: np.ndarray,
    rows: np.ndarray,
    presentation: int,
    n_threads: int,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The corrupted rows; the weights of their entries go into `weights`, if given."""
    _check_rows("X", X, X.shape[1], X.dtype)
    _check_index("rows", rows, len(X))
    out = np.empty((len(rows), X.shape[1]), X.dtype)
    if not len(rows):
        return out, weights
    arguments = _corruption_arguments(corruption, X)
    per_row = 50.0 * X.shape[1]  # about what a random word and its use cost
    at_once = max(1, int(_OPERATIONS_PER_CALL / per_row))
    for first in range(0, len(rows), at_once):
        part = slice(first, first + at_once)
        threads = _useful_threads(n_threads, per_row * len(rows[part]))
        _training.corrupt(
            X,
            rows[part],
            *arguments,
            presentation,
            *emphasis,
            out[part],
            None if weights is None else weights[part],
            threads,
        )
    return out, weights


def _check_emphasis(emphasis: tuple[float, float]) -> None:
    if len(emphasis) != 2 or not all(0 <= weight < np.inf for weight in emphasis):
        raise ValueError(f"emphasis should be two finite numbers of 0 or more, got {emphasis!r}.")


def _layer_arguments(network: Layer | Network, solver: Solver) -> list[tuple[Any, ...]]:
    """Each layer's arrays, activations and moments."""
    network.check()
    solver.check(network)
    layers = []
    for prefix, layer in zip(network.prefixes(), network.layers, strict=True):
        moments = {name: solver.moments[prefix + name] for name in layer.parameters()}
        if layer.tied:
            moments["decoder"] = moments["encoder"]
        layers.append(
            (
                *(getattr(layer, name) for name in PARAMETERS),
                ACTIVATIONS.index(layer.activation),
                ACTIVATIONS.index(layer.decoder_activation),
                OUTPUT_LOSSES.index(layer.loss),
                tuple(moments.get(name, ()) for name in PARAMETERS),
            )
        )
    return layers


def _target_arguments(
    network: Layer | Network, target: np.ndarray | None, n_rows: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """target, classes: one of them given where the network is supervised."""
    if network.decodes:
        if target is not None:
            raise ValueError("target is for a stack without decoders.")
        return None, None
    if target is None:
        raise ValueError("A stack without decoders should be trained with a target.")
    if network.loss != "softmax_log_loss":
        _check_rows("target", target, network.n_hidden, network.dtype)
        if len(target) != n_rows:
            raise ValueError(f"X has {n_rows} rows, target {len(target)}.")
        return target, None
    _check_index("target", target, network.n_hidden)
    if len(target) != n_rows:
        raise ValueError(f"X has {n_rows} rows, target {len(target)}.")
    return None, target


def _solver_arguments(solver: Solver, dtype: np.dtype) -> tuple[Any, ...]:
    # the order of enum dae_solver in csrc/kernels.h, as the lists of names are that of their enums
    if solver.name == "adam":
        kind = 3
    elif not solver.momentum:
        kind = 0
    else:
        kind = 2 if solver.nesterov else 1
    return (
        kind,
        solver.learning_rate,
        solver.momentum,
        solver.beta_1,
        solver.beta_2,
        # not lost in float32: padding would be 0 / 0
        max(solver.epsilon, float(np.finfo(dtype).tiny)),
        solver.alpha,
    )


# Seconds that a native call may take: short for Ctrl-C, long against its first encoding, which
# later batches get for nothing from the sweep before.
_CALL_SECONDS = 0.1


def train(
    network: Layer | Network,
    solver: Solver,
    corruption: Corruption,
    X: np.ndarray,
    rows: np.ndarray,
    *,
    batch_size: int,
    presentation: int,
    n_threads: int,
    X_corrupted: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    emphasis: tuple[float, float] = (1.0, 1.0),
    target: np.ndarray | None = None,
    max_loss: float = np.inf,
) -> np.ndarray:
    """See `dae._model.reference.train`. Signals are served between native calls."""
    _check_rows("X", X, network.n_features, network.dtype)
    _check_index("rows", rows, len(X))
    if X_corrupted is not None:
        _check_rows("X_corrupted", X_corrupted, network.n_features, network.dtype)
        if len(X_corrupted) != len(X):
            raise ValueError(f"X has {len(X)} rows, X_corrupted {len(X_corrupted)}.")
    if not len(rows):
        raise ValueError("rows should name at least one row.")
    if sample_weight is not None and (
        sample_weight.shape != (len(X),)
        or sample_weight.dtype != network.dtype
        or not is_plain(sample_weight)
    ):
        raise ValueError(f"sample_weight should be {network.dtype} of shape ({len(X)},).")
    if batch_size < 1:
        raise ValueError(f"batch_size should be at least 1, got {batch_size}.")
    # how a batch is cut into pieces depends on this size, not on the rows of one call to the core
    batch_size = min(batch_size, len(rows))
    _check_emphasis(emphasis)
    layers = _layer_arguments(network, solver)
    target, classes = _target_arguments(network, target, len(X))
    solver_arguments = _solver_arguments(solver, network.dtype)
    corruption_arguments = _corruption_arguments(corruption, X)

    weights = sum(layer.n_features * layer.n_hidden for layer in network.layers)
    step = 10.0 * batch_size * weights
    n_batches = -(-len(rows) // batch_size)
    threads = _useful_threads(n_threads, step, step * n_batches)
    losses = np.empty(n_batches)
    at_once = max(1, int(_OPERATIONS_PER_CALL / step))
    done = 0
    while done < n_batches:
        stop = min(done + at_once, n_batches)
        started = time.perf_counter()
        count = _training.train(
            X,
            X_corrupted,
            sample_weight,
            target,
            classes,
            rows[done * batch_size : stop * batch_size],
            batch_size,
            layers,
            *solver_arguments,
            solver.n_steps,
            *corruption_arguments,
            presentation,
            *emphasis,
            max_loss,
            losses[done:stop],
            threads,
        )
        seconds = time.perf_counter() - started
        done += count
        # `not <=` rather than `>`: the loss may be NaN
        if not losses[done - 1] <= max_loss:
            solver.n_steps += count - 1
            return losses[:done]
        solver.n_steps += count
        if seconds < _CALL_SECONDS / 2:
            at_once *= 2
        elif seconds > _CALL_SECONDS:
            at_once = max(1, at_once // 2)
    return losses
