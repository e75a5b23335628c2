"""Pictures as tables of patches, and back: each patch one row, its pixels the features.

`gather_patches`   patches at chosen positions (train on random places)
`filter_picture`   a picture through a function of its patches, strip by strip, overlaps averaged
                   (clean a picture of any size)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def gather_patches(
    picture: np.ndarray, size: int, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """The patches whose upper left corners are ``(rows[i], columns[i])``.

    Returns
    -------
    patches : C-ordered ndarray of shape (len(rows), size * size)
    """
    windows = np.lib.stride_tricks.sliding_window_view(picture, (size, size))
    return windows[rows, columns].reshape(-1, size * size)


def filter_picture(
    planes: Sequence[np.ndarray],
    function: Callable[..., np.ndarray],
    size: int,
    stride: int,
    profile: np.ndarray,
    block: int = 2**14,
) -> np.ndarray:
    """Apply a function to the patches of a picture, and average where they overlap.

    Patches reach over the border, where the picture is mirrored, so that pixels there are in as
    many patches as any other.

    Parameters
    ----------
    planes : sequence of ndarrays of shape (height, width)
        The planes that patches are cut from, of one shape, at least `size` each way.
    function : callable
        ``function(*patches)`` with, for each plane, a C-ordered array (n_patches, size * size);
        returns cleaned patches of that shape.
    size, stride : int
    profile : ndarray of shape (size,)
        Weight of a row or column of a patch in the average; a pixel weighs their product.
    block : int
        Approximate number of patches per call, which bounds the memory for any picture.

    Returns
    -------
    picture : ndarray of shape (height, width), in the dtype of what `function` returns
    """
    height, width = planes[0].shape
    before = size // 2
    counts = [-(-(length + 2 * before - size) // stride) + 1 for length in (height, width)]
    padded = [(count - 1) * stride + size for count in counts]
    margins = [
        (before, length - before - inner)
        for length, inner in zip(padded, (height, width), strict=True)
    ]
    windows = [
        np.lib.stride_tricks.sliding_window_view(
            np.pad(plane, margins, mode="symmetric"), (size, size)
        )[::stride, ::stride]
        for plane in planes
    ]
    n_rows, n_columns = counts
    step = max(1, block // n_columns)
    total: np.ndarray | None = None
    for first in range(0, n_rows, step):
        strips = [window[first : first + step].reshape(-1, size * size) for window in windows]
        cleaned = function(*strips).reshape(-1, n_columns, size, size)
        if total is None:
            total = np.zeros(padded, dtype=cleaned.dtype)
            profile = profile.astype(cleaned.dtype)
        target = total[first * stride :]
        last = (len(cleaned) - 1) * stride + 1, (n_columns - 1) * stride + 1
        # from the last line of patches to the first: so a pixel adds the patches that it is in from
        # the top of the picture down, however that is cut into strips or tiles
        for i in np.flatnonzero(profile)[::-1]:
            for j in np.flatnonzero(profile):
                places = target[i : i + last[0] : stride, j : j + last[1] : stride]
                places += profile[i] * profile[j] * cleaned[:, :, i, j]
    assert total is not None
    weights = np.outer(*(_weights(count, stride, profile) for count in counts))
    inside = slice(before, before + height), slice(before, before + width)
    return total[inside] / weights[inside]


def _weights(count: int, stride: int, profile: np.ndarray) -> np.ndarray:
    """Sum of the profiles of `count` patches along an axis, at each of its pixels."""
    weights = np.zeros((count - 1) * stride + len(profile), dtype=profile.dtype)
    for start in range(0, count * stride, stride):
        weights[start : start + len(profile)] += profile
    return weights
