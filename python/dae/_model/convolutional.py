"""A convolutional network: what its parameters are, how they start, and its equations in NumPy.

    code   = K_head * x
    code  += K_2 * max(0, K_1 * code)       for each block
    output = K_tail * code

where * is the convolution with filters of 3 x 3 pixels, zeros around the picture. There are no
biases: twice the input has twice the output, so a picture of less contrast with less noise is
cleaned like one of more contrast with more (Mohan et al., "Robust and interpretable blind image
denoising via bias-free convolutional neural networks", ICLR 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dae._model.damage import checked_choice, damaged, is_array
from dae._model.layout import aligned_zeros, check_layout
from dae._model.precision import HIGHEST, PRECISIONS

LINE = 16  # numbers of float32 in a cache line; filters have whole lines of outputs


def whole_lines(channels: int) -> int:
    """The number of channels of a map that holds so many."""
    return -(-channels // LINE) * LINE


@dataclass
class ConvolutionalNetwork:
    """Filters (3, 3, inputs, outputs), all in one array.

    Attributes
    ----------
    weights : float32 ndarray of shape (n_parameters,)
        Those of the head, of the blocks in order and of the tail, one behind the other; unused
        outputs of the tail are 0.
    n_inputs, n_outputs, n_channels, n_blocks : int
    matmul_precision : str, of `PRECISIONS`
    """

    weights: np.ndarray
    n_inputs: int
    n_outputs: int
    n_channels: int
    n_blocks: int
    matmul_precision: str = HIGHEST

    def shapes(self) -> list[tuple[int, int, int, int]]:
        """Shapes of the filters, in order."""
        m = self.n_channels
        head, tail = (3, 3, self.n_inputs, m), (3, 3, m, whole_lines(self.n_outputs))
        return [head, *[(3, 3, m, m)] * (2 * self.n_blocks), tail]

    def filters(self) -> list[np.ndarray]:
        """The filters, in order: views of the one array."""
        shapes = self.shapes()
        stops = np.cumsum([math.prod(shape) for shape in shapes])
        parts = np.split(self.weights, stops[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    @property
    def head(self) -> np.ndarray:
        return self.filters()[0]

    @property
    def tail(self) -> np.ndarray:
        return self.filters()[-1]

    @property
    def blocks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Both filters of each block."""
        inner = self.filters()[1:-1]
        return list(zip(inner[::2], inner[1::2], strict=True))

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in self.shapes())

    def like(self, weights: np.ndarray) -> ConvolutionalNetwork:
        """Another array of the same shapes: a gradient, or a moment."""
        return replace(self, weights=weights)

    def check(self) -> None:
        """Raise ValueError unless the array has the numbers that the shapes ask for."""
        checked_choice("matmul_precision", self.matmul_precision, PRECISIONS)
        if not is_array(self.weights):
            raise damaged(f"weights must be an ndarray, got {type(self.weights).__name__}")
        check_layout("weights", self.weights, (self.size,), np.dtype(np.float32))


def new_network(
    n_inputs: int, n_outputs: int, n_channels: int, n_blocks: int, rng: np.random.Generator
) -> ConvolutionalNetwork:
    """A network with random filters.

    Normal, of variance 2 / (9 inputs) (He et al., ICCV 2015); those behind the rectifier of a
    block a tenth of that, so that at first all blocks together change the code by little, as in
    "Fixup initialization" (Zhang, Dauphin & Ma, ICLR 2019). The tail begins at 0: the output does.
    """
    shell = ConvolutionalNetwork(np.empty(0, np.float32), n_inputs, n_outputs, n_channels, n_blocks)
    network = shell.like(aligned_zeros((shell.size,), np.dtype(np.float32)))
    for number, filters in enumerate(network.filters()[:-1]):
        size = np.sqrt(2 / (9 * filters.shape[2]))
        if number and number % 2 == 0:
            size *= 0.1
        filters[:] = rng.normal(scale=size, size=filters.shape)
    return network


# ------------------------------------------------------------------ the equations in NumPy


def convolved(x: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """The convolution of maps (n, height + 2, width + 2, inputs), which have a border of zeros.

    Returns
    -------
    y : ndarray of shape (n, height, width, outputs)
    """
    height, width = x.shape[1] - 2, x.shape[2] - 2
    return sum(x[:, i : i + height, j : j + width] @ filters[i, j] for i, j in np.ndindex(3, 3))


def filter_gradient(x: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """dE/dfilters, given dE/dy (n, height, width, outputs) of such a convolution."""
    height, width = delta.shape[1:3]
    gradient = np.empty((3, 3, x.shape[3], delta.shape[3]), delta.dtype)
    for i, j in np.ndindex(3, 3):
        seen = x[:, i : i + height, j : j + width]
        gradient[i, j] = np.einsum("nhwc,nhwd->cd", seen, delta)
    return gradient


def with_border(y: np.ndarray) -> np.ndarray:
    """Maps of these values, with a border of zeros."""
    return np.pad(y, ((0, 0), (1, 1), (1, 1), (0, 0)))


def turned(filters: np.ndarray) -> np.ndarray:
    """The filters of the convolution that goes back: dE/dx is that of dE/dy with it."""
    return np.ascontiguousarray(filters[::-1, ::-1].transpose(0, 1, 3, 2))


def reconstruct(network: ConvolutionalNetwork, x: np.ndarray) -> np.ndarray:
    """The output of the network, (n, height, width, outputs), for maps of its inputs."""
    code = convolved(x, network.head)
    for first, second in network.blocks:
        hidden = np.maximum(convolved(with_border(code), first), 0)
        code = code + convolved(with_border(hidden), second)
    return convolved(with_border(code), network.tail)
