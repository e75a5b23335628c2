"""Colours as uncorrelated planes, which are cleaned one by one, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Luminance and two chrominances. Orthonormal, so that white noise keeps its strength in each
# plane; the colours of photographs vary mostly along the first.
OPPONENT = np.array(
    [
        [1 / np.sqrt(3), 1 / np.sqrt(3), 1 / np.sqrt(3)],
        [1 / np.sqrt(2), 0, -1 / np.sqrt(2)],
        [1 / np.sqrt(6), -2 / np.sqrt(6), 1 / np.sqrt(6)],
    ],
    dtype=np.float32,
)


# A grey between black and white, which stays what it is in planes that are asked for around it.
GREY = np.float32(0.5)


def to_planes(colours: np.ndarray, luminance: bool, around_grey: bool = False) -> list[np.ndarray]:
    """Planes (height, width) of a picture: its channels, or luminance and chrominances.

    The latter are around 0.87 and 0; with `around_grey` all of them around `GREY`, as channels are.
    """
    if luminance and colours.shape[2] == 3:
        colours = _turned(colours, OPPONENT, around_grey)
    return [np.ascontiguousarray(colours[..., channel]) for channel in range(colours.shape[2])]


def from_planes(
    planes: Sequence[np.ndarray], luminance: bool, around_grey: bool = False
) -> np.ndarray:
    """The inverse of `to_planes`."""
    colours = np.stack(planes, axis=-1)
    if luminance and colours.shape[2] == 3:
        colours = _turned(colours, OPPONENT.T, around_grey)
    return colours


def _turned(colours: np.ndarray, matrix: np.ndarray, around_grey: bool) -> np.ndarray:
    if around_grey:
        return _mixed(colours - GREY, matrix) + GREY
    return _mixed(colours, matrix)


def _mixed(colours: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Each row of `matrix` times the three colours of a pixel.

    Term by term: a product of BLAS may add them in an order that depends on the number of pixels.
    """
    rows = [sum(colours[..., k] * row[k] for k in range(3)) for row in matrix]
    return np.stack(rows, axis=-1)
