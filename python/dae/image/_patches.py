"""Pictures as tables of patches, and back: each patch one row, its pixels the features.

    patches at a grid of positions   `extract_patches`  (clean a whole picture)
    patches at chosen positions      `gather_patches`   (train on random places)
    overlapping patches averaged     `average_patches`  (put the cleaned picture together)
    all three, strip by strip        `filter_picture`   (clean a picture of any size)

scikit-learn's ``reconstruct_from_patches_2d`` visits the patches one by one and knows no
stride; here each of the few pixels of a patch is moved for all patches at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def grid_positions(length: int, size: int, stride: int) -> np.ndarray:
    """Starts of the patches along an axis: every `stride`, and one flush with the end."""
    if not 1 <= size <= length:
        raise ValueError(
            f"A patch of {size} pixels does not fit into a picture of {length}; "
            "use a smaller patch or a larger picture."
        )
    if not 1 <= stride <= size:
        raise ValueError(
            f"stride should be between 1 and the patch size {size}, so that every pixel "
            f"is covered, got {stride}."
        )
    last = length - size
    return np.unique(np.append(np.arange(0, last + 1, stride), last))


def _grid(shape: tuple[int, int], size: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts of the patches down and across a picture of that shape."""
    return grid_positions(shape[0], size, stride), grid_positions(shape[1], size, stride)


def extract_patches(picture: np.ndarray, size: int, stride: int) -> np.ndarray:
    """The overlapping square patches of a picture, row by row.

    Parameters
    ----------
    picture : ndarray of shape (height, width)
    size : int
        Height and width of a patch.
    stride : int
        Step between neighbours, at most `size`. The last patch of a row and of a column
        ends at the border, whatever the stride.

    Returns
    -------
    patches : C-ordered ndarray of shape (n_patches, size * size)
    """
    rows, columns = _grid(picture.shape, size, stride)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (size, size))
    return windows[np.ix_(rows, columns)].reshape(-1, size * size)


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


def average_patches(
    patches: np.ndarray, shape: tuple[int, int], size: int, stride: int
) -> np.ndarray:
    """Put a picture together from overlapping patches: each pixel the mean of its copies.

    Parameters
    ----------
    patches : ndarray of shape (n_patches, size * size)
        In the order of ``extract_patches(picture, size, stride)``.
    shape : (height, width) of the picture

    Returns
    -------
    picture : ndarray of shape `shape` and the dtype of `patches`
    """
    rows, columns = _grid(shape, size, stride)
    tiles = patches.reshape(len(rows), len(columns), size, size)
    total = np.zeros(shape, dtype=patches.dtype)
    for i in range(size):
        for j in range(size):
            # the positions differ from each other, so no pixel is added to twice
            total[np.ix_(rows + i, columns + j)] += tiles[:, :, i, j]
    # a pixel's copies are those of its row times those of its column
    copies = np.outer(_coverage(rows, shape[0], size), _coverage(columns, shape[1], size))
    return total / copies.astype(patches.dtype)


def _coverage(positions: np.ndarray, length: int, size: int) -> np.ndarray:
    """How many patches of that size, at those positions, cover each of `length` pixels."""
    return np.bincount((positions[:, None] + np.arange(size)).ravel(), minlength=length)


def filter_picture(
    planes: Sequence[np.ndarray],
    function: Callable[..., np.ndarray],
    size: int,
    stride: int,
    profile: np.ndarray,
    block: int = 2**14,
) -> np.ndarray:
    """Put a picture through a function of its patches, and average where they overlap.

    Patches reach over the border, where the picture is mirrored: pixels there are in as many
    patches as any other.

    Parameters
    ----------
    planes : sequence of ndarrays of shape (height, width)
        What `function` gets to see of the picture, of one shape. At least `size` each way.
    function : callable
        ``function(*patches)`` with, for each plane, a C-ordered array (n_patches, size * size);
        returns cleaned patches of that shape.
    size, stride : int
    profile : ndarray of shape (size,)
        Weight of a row or column of a patch in the average; a pixel weighs their product.
    block : int
        Patches taken at a time, about: the memory that this needs does not depend on the picture.

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
        for i in np.flatnonzero(profile):
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
