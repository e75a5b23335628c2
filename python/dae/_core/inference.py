"""Rows through a fixed network: codes, reconstructions, losses.

Each function has two arguments for callers who make several calls in a row. `checked`: whether the
network is a fitted one, for which the caller has just called ``network.check()``, which takes 5 us;
one in training may have diverged. `n_rows`: of how many rows in all the given ones are a part; None
for these alone.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from dae._core import threads, tuning
from dae._core.arguments import (
    check_decodes,
    check_inputs,
    check_rows,
    check_same_rows,
    csr_record,
    decoder_record,
    encoder_record,
    loss_number,
)
from dae._model.csr import CSR
from dae._model.damage import damaged
from dae._model.network import Layer, Network
from daecore import _inference


def all_finite(X: np.ndarray, n_jobs: int | None) -> bool:
    """Whether a plain array that is not empty has neither NaN nor infinity."""
    if X.size < tuning.SERIAL_ENTRIES:
        return _inference.all_finite(X, 1)
    return _inference.all_finite(X, threads.n_threads(n_jobs))


def network_is_finite(network: Layer | Network, n_threads: int) -> bool:
    """Whether no parameter has NaN or infinity; no array of booleans is made."""
    return all(
        all_finite(array.reshape(1, -1), n_threads) for array in network.parameters().values()
    )


# Arrays in which `check_finite` found neither NaN nor infinity, by their id, while they live: to
# look at all weights takes as long as to encode a row.
_looked_at: dict[int, weakref.ref[np.ndarray]] = {}


def check_finite(network: Layer | Network, *, again: bool = False) -> None:
    """Raise ValueError if a parameter of a checked network has NaN or infinity.

    Each array is looked at once, or with `again` at every call. What is written into it later shows
    in the results, see `_without_damage`.
    """
    for layer in network.layers:
        for array in (layer.encoder, layer.hidden_bias, layer.decoder, layer.visible_bias):
            if array is None:
                continue
            known = _looked_at.get(id(array))
            if again or known is None or known() is not array:
                _look_at(layer, array)


def _look_at(layer: Layer, array: np.ndarray) -> None:
    if not all_finite(array.reshape(1, -1), None):
        names = [name for name, each in layer.parameters().items() if each is array]
        raise damaged(f"{names[0]} has values that are NaN or infinite")
    number = id(array)
    if number not in _looked_at:  # its entry goes when it does
        _looked_at[number] = weakref.ref(array, lambda _: _looked_at.pop(number, None))


def _without_damage(network: Layer | Network, X: np.ndarray | CSR, out: np.ndarray) -> np.ndarray:
    """`out`, the results for `X`. Raises ValueError if damaged weights show in them.

    NaN among the weights makes the codes of each dense row NaN, so that one row of many is looked
    at, which costs next to nothing. Sparse rows may lack the feature, and losses may leave it out.
    """
    if out.ndim == 1:
        some = out[None]
    else:
        some = out if isinstance(X, CSR) else out[:1]
    if not _inference.all_finite(some, 1):
        check_finite(network, again=True)  # else the values of X are too large
    return out


class _How(NamedTuple):
    """How rows go through a network."""

    many: bool  # whether they are a part of many: then products go through a matrix unit
    n_threads: int


def _how(X: np.ndarray | CSR, n_rows: int | None, n_threads: int) -> _How:
    return _How((n_rows or len(X)) >= tuning.MANY_ROWS, n_threads)


def _calls(layer: Layer, n_rows: int, how: _How) -> Iterator[tuple[slice, int]]:
    """Rows of each native call through a layer, and its threads."""
    return _parts(4.0 * layer.n_features * layer.n_hidden, n_rows, how)


def _parts(per_row: float, n_rows: int, how: _How) -> Iterator[tuple[slice, int]]:
    """Rows of native calls that take `per_row` operations per row, and their threads."""
    at_once = max(1, int(tuning.OPERATIONS_PER_CALL * how.n_threads / per_row))
    for start in range(0, n_rows, at_once):
        stop = min(start + at_once, n_rows)
        operations = per_row * (stop - start)
        yield slice(start, stop), threads.useful_threads(how.n_threads, operations)


def _encode_layer(layer: Layer, X: np.ndarray | CSR, how: _How) -> np.ndarray:
    encoder = encoder_record(layer)
    out = np.empty((len(X), layer.n_hidden), layer.dtype)
    if isinstance(X, CSR):
        per_row = 4.0 * layer.n_hidden * (1 + len(X.values) / len(X))
        for rows, n_threads in _parts(per_row, len(X), how):
            _inference.encode(encoder, csr_record(X[rows]), out[rows], how.many, n_threads)
        return out
    for rows, n_threads in _calls(layer, len(X), how):
        _inference.encode(encoder, X[rows], out[rows], how.many, n_threads)
    return out


def _decode_layer(layer: Layer, H: np.ndarray, how: _How) -> np.ndarray:
    decoder = decoder_record(layer)
    out = np.empty((len(H), layer.n_features), layer.dtype)
    for rows, n_threads in _calls(layer, len(H), how):
        _inference.decode(decoder, H[rows], out[rows], how.many, n_threads)
    return out


def _reconstruct_layer(layer: Layer, X: np.ndarray, how: _How) -> np.ndarray:
    encoder, decoder = encoder_record(layer), decoder_record(layer)
    out = np.empty_like(X)
    for rows, n_threads in _calls(layer, len(X), how):
        _inference.reconstruct(encoder, decoder, X[rows], out[rows], how.many, n_threads)
    return out


# what is done with a layer, and the layer
_Moves = list[tuple[Callable[[Layer, Any, _How], np.ndarray], Layer]]


def _up(layers: list[Layer]) -> _Moves:
    return [(_encode_layer, layer) for layer in layers]


def _down(layers: list[Layer]) -> _Moves:
    return [(_decode_layer, layer) for layer in reversed(layers)]


def _up_and_down(layers: list[Layer]) -> _Moves:
    """The topmost layer encodes and decodes a row in one go."""
    return [*_up(layers[:-1]), (_reconstruct_layer, layers[-1]), *_down(layers[:-1])]


def _go(moves: _Moves, X: np.ndarray | CSR, width: int, how: _How) -> np.ndarray:
    """X after these moves; the result has `width` columns."""
    if len(moves) == 1:
        move, layer = moves[0]
        return move(layer, X, how)
    out = np.empty((len(X), width), X.dtype)
    for start in range(0, len(X), tuning.ROWS_BETWEEN_LAYERS):
        rows = slice(start, start + tuning.ROWS_BETWEEN_LAYERS)
        between: np.ndarray | CSR = X[rows]
        for move, layer in moves:
            between = move(layer, between, how)
        out[rows] = between
    return out


def encode(
    network: Layer | Network,
    X: np.ndarray | CSR,
    *,
    n_threads: int,
    checked: bool = False,
    n_rows: int | None = None,
) -> np.ndarray:
    """Codes of the rows of `X`, those of the topmost layer: (len(X), n_hidden)."""
    if not checked:
        network.check()
    check_inputs("X", X, network.n_features, network.dtype)
    out = _go(_up(network.layers), X, network.n_hidden, _how(X, n_rows, n_threads))
    return _without_damage(network, X, out) if checked else out


def decode(
    network: Layer | Network,
    H: np.ndarray,
    *,
    n_threads: int,
    checked: bool = False,
    n_rows: int | None = None,
) -> np.ndarray:
    """Reconstructions from codes of the topmost layer: (len(H), n_features)."""
    if not checked:
        network.check()
    check_decodes(network)
    check_rows("H", H, network.n_hidden, network.dtype)
    out = _go(_down(network.layers), H, network.n_features, _how(H, n_rows, n_threads))
    return _without_damage(network, H, out) if checked else out


def reconstruct(
    network: Layer | Network,
    X: np.ndarray | CSR,
    *,
    n_threads: int,
    checked: bool = False,
    n_rows: int | None = None,
) -> np.ndarray:
    """The rows of `X` encoded and decoded: (len(X), n_features)."""
    if not checked:
        network.check()
    check_decodes(network)
    check_inputs("X", X, network.n_features, network.dtype)
    moves = _up_and_down(network.layers)
    if isinstance(X, CSR):
        moves = [*_up(network.layers), *_down(network.layers)]
    out = _go(moves, X, network.n_features, _how(X, n_rows, n_threads))
    return _without_damage(network, X, out) if checked else out


def sample_losses(
    network: Layer | Network,
    X: np.ndarray,
    X_corrupted: np.ndarray | CSR,
    entry_weight: np.ndarray | None = None,
    *,
    n_threads: int,
    checked: bool = False,
    n_rows: int | None = None,
) -> np.ndarray:
    """Loss of each row of `X` against the reconstruction of its corrupted copy: float64 (len(X),).

    With `entry_weight`, of the shape of `X`, the loss of each entry counts that much. NaN in `X`
    is a missing entry, whose loss counts nothing.
    """
    if not checked:
        network.check()
    check_decodes(network)
    check_rows("X", X, network.n_features, network.dtype)
    check_inputs("X_corrupted", X_corrupted, network.n_features, network.dtype)
    check_same_rows("X_corrupted", X_corrupted, X)
    if entry_weight is not None:
        check_rows("entry_weight", entry_weight, network.n_features, network.dtype)
        check_same_rows("entry_weight", entry_weight, X)
    how = _how(X, n_rows, n_threads)
    lowest, *others = network.layers
    out = np.zeros(len(X))
    at_once = tuning.ROWS_BETWEEN_LAYERS if others else len(X)
    for start in range(0, len(X), at_once):
        rows = slice(start, start + at_once)
        shown: np.ndarray | CSR = X_corrupted[rows]
        coded = bool(others) or isinstance(shown, CSR)  # `shown` is what the lowest layer decodes
        if others:
            shown = _go([*_up([lowest]), *_up_and_down(others)], shown, lowest.n_hidden, how)
        elif coded:
            shown = _encode_layer(lowest, shown, how)
        weight = None if entry_weight is None else entry_weight[rows]
        assert isinstance(shown, np.ndarray)
        _layer_losses(lowest, X[rows], shown, coded, weight, out[rows], how)
    return _without_damage(network, X_corrupted, out) if checked else out


def _layer_losses(
    layer: Layer,
    X: np.ndarray,
    shown: np.ndarray,
    coded: bool,
    entry_weight: np.ndarray | None,
    out: np.ndarray,
    how: _How,
) -> None:
    """`out` += the losses of one layer; `shown` holds what it decodes if `coded`, else inputs."""
    encoder = None if coded else encoder_record(layer)
    decoder, loss = decoder_record(layer), loss_number(layer)
    for rows, n_threads in _calls(layer, len(X), how):
        weight = None if entry_weight is None else entry_weight[rows]
        _inference.sample_losses(
            encoder, decoder, loss, X[rows], shown[rows], weight, out[rows], how.many, n_threads
        )
