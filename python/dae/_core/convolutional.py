"""Pictures through a convolutional network, and back: native calls short enough for Ctrl-C.

A map holds the channels of each pixel, with a border of zeros around the pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dae._core import tuning
from dae._core.threads import useful_threads
from dae._model.convolutional import LINE, ConvolutionalNetwork, turned
from dae._model.layout import aligned_zeros, is_plain
from daecore import _convolution, _enums, records


def new_maps(n_pictures: int, height: int, width: int, channels: int) -> np.ndarray:
    """Maps of zeros for pictures of that size."""
    return aligned_zeros((n_pictures, height + 2, width + 2, channels), np.dtype(np.float32))


def reconstruct(network: ConvolutionalNetwork, x: np.ndarray, n_threads: int) -> np.ndarray:
    """The output of the network, maps, for `x`, maps of its inputs."""
    network.check()
    return forward(network, x, Workspace(network, *_pixels(x), trains=False), n_threads)


class Workspace:
    """The maps of a network at work on up to `n_pictures`: of all blocks to train, else of one."""

    def __init__(
        self,
        network: ConvolutionalNetwork,
        n_pictures: int,
        height: int,
        width: int,
        *,
        trains: bool = True,
    ) -> None:
        def maps(channels: int = network.n_channels) -> np.ndarray:
            return new_maps(n_pictures, height, width, channels)

        n_blocks = network.n_blocks
        if trains:
            self.codes = [maps() for _ in range(n_blocks + 1)]
            self.hidden = [maps() for _ in range(n_blocks)]
            self.delta, self.hidden_delta = maps(), maps()
        else:  # a block changes its code in place
            self.codes, self.hidden = [maps()] * (n_blocks + 1), [maps()] * n_blocks
        self.out = maps(network.tail.shape[3])


def forward(
    network: ConvolutionalNetwork, x: np.ndarray, space: Workspace, n_threads: int
) -> np.ndarray:
    """The output of the network; what `backward` needs stays in `space`."""
    n = len(x)
    how = _How(network.matmul_precision, n_threads)
    _convolve(x, network.head, space.codes[0][:n], how)
    for number, (first, second) in enumerate(network.blocks):
        code, hidden = space.codes[number][:n], space.hidden[number][:n]
        _convolve(code, first, hidden, how, rectify=True)
        _convolve(hidden, second, space.codes[number + 1][:n], how, added=code)
    _convolve(space.codes[-1][:n], network.tail, space.out[:n], how)
    return space.out[:n]


def backward(
    network: ConvolutionalNetwork,
    x: np.ndarray,
    space: Workspace,
    out_delta: np.ndarray,
    gradient: ConvolutionalNetwork,
    n_threads: int,
) -> None:
    """Add to `gradient` that of the loss, whose derivative by the output is `out_delta`, maps."""
    n = len(x)
    how = _How(network.matmul_precision, n_threads)
    delta, hidden_delta = space.delta[:n], space.hidden_delta[:n]
    _gradient(space.codes[-1][:n], out_delta, gradient.tail, how)
    _convolve(out_delta, turned(network.tail), delta, how)
    blocks = list(zip(network.blocks, gradient.blocks, strict=True))
    for number in reversed(range(len(blocks))):
        (first, second), (of_first, of_second) = blocks[number]
        code, hidden = space.codes[number][:n], space.hidden[number][:n]
        _gradient(hidden, delta, of_second, how)
        _convolve(delta, turned(second), hidden_delta, how, mask=hidden)
        _gradient(code, hidden_delta, of_first, how)
        _convolve(hidden_delta, turned(first), delta, how, added=delta)
    _gradient(x, delta, gradient.head, how)


class _How(NamedTuple):
    """How convolutions are computed."""

    precision: str
    n_threads: int


def _convolve(
    x: np.ndarray,
    filters: np.ndarray,
    y: np.ndarray,
    how: _How,
    *,
    added: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    rectify: bool = False,
) -> None:
    layer = _record(x, filters, y, how, rectify)
    for other in (added, mask):
        if other is not None:
            _check_maps(other, y.shape)
    operations = 2.0 * layer.width * filters.size
    if len(x) == 1:  # so many rows at a time
        for rows, n_threads in _parts(layer.height, operations, how):
            _convolution.convolve(
                layer, x, filters, added, mask, y, rows.start, rows.stop, n_threads
            )
        return
    for part, n_threads in _parts(len(x), operations * layer.height, how):
        _convolution.convolve(
            layer,
            x[part],
            filters,
            None if added is None else added[part],
            None if mask is None else mask[part],
            y[part],
            0,
            layer.height,
            n_threads,
        )


def _gradient(x: np.ndarray, delta: np.ndarray, gradient: np.ndarray, how: _How) -> None:
    layer = _record(x, gradient, delta, how, False)
    operations = 2.0 * layer.width * gradient.size * layer.height
    for part, n_threads in _parts(len(x), operations, how):
        _convolution.filter_gradient(layer, x[part], delta[part], gradient, n_threads)


def _record(
    x: np.ndarray, filters: np.ndarray, y: np.ndarray, how: _How, rectify: bool
) -> records.Convolution:
    """The convolution of `x` by the filters into `y`, all checked."""
    n_pictures, height, width = _pixels(x)
    _check_maps(filters, (3, 3, x.shape[3], filters.shape[3]))
    _check_maps(y, (n_pictures, height + 2, width + 2, filters.shape[3]))
    if filters.shape[3] % LINE:
        raise ValueError(f"filters must have whole lines of outputs, got {filters.shape[3]}.")
    precision = _enums.PRECISIONS[how.precision]
    return records.Convolution(height, width, x.shape[3], filters.shape[3], rectify, precision)


def _pixels(x: np.ndarray) -> tuple[int, int, int]:
    """Number of pictures, height and width of maps, which are checked."""
    if x.ndim != 4 or min(x.shape) < 1 or min(x.shape[1:3]) < 3:
        raise ValueError(f"maps must have a border around at least one pixel, got {x.shape}.")
    _check_maps(x, x.shape)
    return len(x), x.shape[1] - 2, x.shape[2] - 2


def _check_maps(array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype != np.float32 or not is_plain(array):
        raise ValueError(
            f"maps must be aligned, C-ordered float32 arrays of shape {shape}, got {array.dtype} "
            f"of shape {array.shape}."
        )


def _parts(count: int, operations: float, how: _How) -> Iterator[tuple[slice, int]]:
    """Of `count` things of so many operations each, those of one native call, and its threads."""
    at_once = max(1, int(tuning.OPERATIONS_PER_CALL * how.n_threads / operations))
    for start in range(0, count, at_once):
        stop = min(start + at_once, count)
        yield slice(start, stop), useful_threads(how.n_threads, operations * (stop - start))
