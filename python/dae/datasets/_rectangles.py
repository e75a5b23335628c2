"""Rectangles, tall or wide."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import Bunch, gen_batches
from sklearn.utils._param_validation import validate_params

from dae.datasets._common import (
    BLOCK,
    SIDE,
    SIZES,
    check_backgrounds,
    draw_patches,
    splits_bunch,
    streams,
)


@validate_params(SIZES, prefer_skip_nested_validation=True)
def make_rectangles(
    *,
    n_train: int = 1_000,
    n_validation: int = 200,
    n_test: int = 50_000,
    random_state: Any = None,
) -> Bunch:
    """Borders of rectangles: tall or wide? After Larochelle et al. (2007).

    White borders, one pixel thick, on black, 28 x 28 pixels. Height and width are drawn
    uniformly from 1 to 28 until they differ by at least 3 pixels; then the position, uniformly
    among those where the rectangle lies within the image. The recipe is the published one [1]_,
    the rows are not.

    Parameters
    ----------
    n_train, n_validation, n_test : int, default=1000, 200, 50000
        Numbers of rows.

    random_state : int, RandomState instance or None, default=None
        Determines the rectangles.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        - data : float32 ndarray of shape (n_rows, 784), 0 or 1; the training rows, then the
          validation rows, then the test rows
        - target : ndarray of shape (n_rows,), 1 where the height exceeds the width, else 0
        - train, validation, test : Bunch with `data` and `target`, views of the above
        - box : ndarray of shape (n_rows, 4): first row, first column, height, width
        - DESCR : str

    Notes
    -----
    There are about 10^5 such rectangles, so a few occur twice, possibly in two splits.

    References
    ----------
    .. [1] H. Larochelle, D. Erhan, A. Courville, J. Bergstra, Y. Bengio. "An empirical
       evaluation of deep architectures on problems with many factors of variation",
       ICML 2007.

    Examples
    --------
    >>> from dae.datasets import make_rectangles
    >>> sets = make_rectangles(n_test=500, random_state=0)
    >>> sets.train.data.shape, sets.test.data.shape
    ((1000, 784), (500, 784))
    """
    sizes = (n_train, n_validation, n_test)
    (box_rng,) = streams(random_state, 1)
    height, width = np.mgrid[1 : SIDE + 1, 1 : SIDE + 1]
    box = _boxes(sum(sizes), abs(height - width) >= 3, box_rng)
    X = np.empty((len(box), SIDE, SIDE), dtype=np.float32)
    for rows in gen_batches(len(X), BLOCK):
        X[rows] = _inside(box[rows]) & ~_inside(box[rows] + [1, 1, -2, -2])
    bunch = splits_bunch(X, _is_tall(box), sizes, "Rectangles: 1 tall, 0 wide.")
    bunch.box = box
    return bunch


@validate_params({"backgrounds": ["array-like"], **SIZES}, prefer_skip_nested_validation=True)
def make_rectangles_images(
    backgrounds: Any,
    *,
    n_train: int = 10_000,
    n_validation: int = 2_000,
    n_test: int = 50_000,
    random_state: Any = None,
) -> Bunch:
    """Rectangles of one picture in front of another: tall or wide? After Larochelle et al. (2007).

    A rectangle is filled with a patch of a picture, its surroundings with another patch. Height
    and width are drawn uniformly until both are at least 10, differ by at least 5, and the area
    is between a quarter and three quarters of the 28 x 28 pixels; then the position, uniformly.
    The recipe is the published one [1]_, the rows are not.

    Parameters
    ----------
    backgrounds : array-like or sequence of arrays
        Pictures, each (height, width) or (height, width, 3): integers from 0 to 255, or
        floats from 0 to 1. RGB is converted to luminance.

    n_train, n_validation, n_test : int, default=10000, 2000, 50000
        Numbers of rows.

    random_state : int, RandomState instance or None, default=None
        Determines the rectangles and the patches.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As that of `make_rectangles`, with `data` from 0 to 1.

    Notes
    -----
    Choice where the recipe is silent: the two patches are drawn independently, each again until
    the standard deviation of its pixels reaches 0.1, as in `make_mnist_variation`.

    References
    ----------
    .. [1] H. Larochelle, D. Erhan, A. Courville, J. Bergstra, Y. Bengio. "An empirical
       evaluation of deep architectures on problems with many factors of variation",
       ICML 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from dae.datasets import make_rectangles_images
    >>> pictures = np.random.default_rng(0).random((3, 100, 100))
    >>> sets = make_rectangles_images(pictures, n_train=100, n_test=500, random_state=0)
    >>> sets.train.data.shape, sets.test.data.shape
    ((100, 784), (500, 784))
    """
    pictures = check_backgrounds(backgrounds, SIDE, "rectangles_images")
    sizes = (n_train, n_validation, n_test)
    box_rng, patch_rng = streams(random_state, 2)
    height, width = np.mgrid[1 : SIDE + 1, 1 : SIDE + 1]
    area = height * width / SIDE**2
    allowed = (np.minimum(height, width) >= 10) & (abs(height - width) >= 5)
    box = _boxes(sum(sizes), allowed & (area >= 0.25) & (area <= 0.75), box_rng)
    X = np.empty((len(box), SIDE, SIDE), dtype=np.float32)
    for rows in gen_batches(len(X), BLOCK):
        n_rows = len(X[rows])
        X[rows] = draw_patches(pictures, n_rows, SIDE, patch_rng)
        patches = draw_patches(pictures, n_rows, SIDE, patch_rng)
        np.copyto(X[rows], patches, where=_inside(box[rows]))
    bunch = splits_bunch(X, _is_tall(box), sizes, "Rectangles of pictures: 1 tall, 0 wide.")
    bunch.box = box
    return bunch


def _boxes(n_boxes: int, allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """First row, first column, height and width; ``allowed[height - 1, width - 1]``.

    Drawing sizes until one is allowed is the same as drawing from the allowed ones.
    """
    extent = np.argwhere(allowed)[rng.integers(allowed.sum(), size=n_boxes)] + 1
    return np.hstack([rng.integers(0, SIDE - extent + 1), extent])


def _inside(box: np.ndarray) -> np.ndarray:
    """The pixels of each box, bool of shape (n_boxes, SIDE, SIDE)."""
    pixel = np.arange(SIDE)
    first, extent = box[:, :2, None], box[:, 2:, None]
    within = (pixel >= first) & (pixel < first + extent)
    return within[:, 0, :, None] & within[:, 1, None, :]


def _is_tall(box: np.ndarray) -> np.ndarray:
    return (box[:, 2] > box[:, 3]).astype(np.int64)
