"""Pictures as tables of patches, and back: each patch one row, its pixels the features.

    patches at a grid of positions   `extract_patches`  (clean a whole picture)
    patches at chosen positions      `gather_patches`   (train on random places)
    overlapping patches averaged     `average_patches`  (put the cleaned picture together)

scikit-learn's ``reconstruct_from_patches_2d`` visits the patches one by one and knows no
stride; here each of the few pixels of a patch is moved for all patches at once.
"""

from __future__ import annotations

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
