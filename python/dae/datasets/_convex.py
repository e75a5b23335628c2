"""Convex regions, and unions that are not convex."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import fft
from sklearn.utils import Bunch, gen_batches
from sklearn.utils._param_validation import validate_params

from dae.datasets._common import BLOCK, SIDE, SIZES, splits_bunch, streams

# Half-planes of a region: a geometric number of them, counted from 0, and the smallest region
# in pixels. Counted from 0 the two classes have the same mean number of white pixels, as the
# recipe says they have; counted from 1 they differ by 200.
CONVEX_STOP, CONVEX_PIXELS = 0.195, 19
PART_STOP, PART_PIXELS = 0.07, 10


@validate_params(SIZES, prefer_skip_nested_validation=True)
def make_convex(
    *,
    n_train: int = 6_000,
    n_validation: int = 2_000,
    n_test: int = 50_000,
    random_state: Any = None,
) -> Bunch:
    """White regions: convex or not? After Larochelle et al. (2007).

    A convex region is the part of 28 x 28 pixels that lies in a number of random
    half-planes; it has at least 19 pixels. The others are unions of two to four such
    parts, made of more half-planes and of at least 10 pixels, and are kept if they fail
    this test: the pixel midway between any two white pixels, where there is one, is white.
    Half of each split is convex. The recipe is the published one [1]_, the rows are not.

    Parameters
    ----------
    n_train, n_validation, n_test : int, default=6000, 2000, 50000
        Numbers of rows.

    random_state : int, RandomState instance or None, default=None
        Determines the regions.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        - data : float32 ndarray of shape (n_rows, 784), 0 or 1; the training rows, then the
          validation rows, then the test rows
        - target : ndarray of shape (n_rows,), 1 where convex, else 0
        - train, validation, test : Bunch with `data` and `target`, views of the above
        - DESCR : str

    Notes
    -----
    The numbers of half-planes are geometric, with parameters 0.195 and 0.07 as published,
    and may be 0: a third of the convex images are white all over. The publication does not
    say so, but that both classes have the same mean number of white pixels, which is what
    comes of it (450 each), and not if at least one half-plane is drawn (274 and 474).

    Choices where the recipe is silent: the border of a half-plane goes through a point drawn
    uniformly from the image, in a uniformly drawn direction, and a pixel belongs to the
    half-plane if its centre does. The recipe's condition on pairs of pixels is not given; an image
    that fails the one used here is certainly not convex.

    References
    ----------
    .. [1] H. Larochelle, D. Erhan, A. Courville, J. Bergstra, Y. Bengio. "An empirical
       evaluation of deep architectures on problems with many factors of variation",
       ICML 2007.

    Examples
    --------
    >>> from dae.datasets import make_convex
    >>> sets = make_convex(n_train=100, n_validation=100, n_test=500, random_state=0)
    >>> sets.train.data.shape, sets.test.data.shape
    ((100, 784), (500, 784))
    >>> int(sets.train.target.sum())
    50
    """
    sizes = (n_train, n_validation, n_test)
    convex_rng, union_rng, order_rng = streams(random_state, 3)
    y = np.concatenate([order_rng.permutation(np.arange(size) % 2) for size in sizes])
    X = np.empty((len(y), SIDE * SIDE), dtype=np.float32)
    n_convex = int(y.sum())
    X[y == 1] = _take_rows(n_convex, lambda: _convex_regions(convex_rng))
    X[y == 0] = _take_rows(len(y) - n_convex, lambda: _non_convex_regions(union_rng))
    return splits_bunch(X, y, sizes, "Convex sets: 1 convex, 0 not.")


def _take_rows(n_rows: int, next_block: Callable[[], np.ndarray]) -> np.ndarray:
    """The first `n_rows` rows of the blocks that `next_block` returns."""
    blocks = [next_block()]
    while sum(map(len, blocks)) < n_rows:
        blocks.append(next_block())
    return np.concatenate(blocks)[:n_rows]


def _convex_regions(rng: np.random.Generator) -> np.ndarray:
    return _intersections(4 * BLOCK, CONVEX_STOP, CONVEX_PIXELS, rng)


def _non_convex_regions(rng: np.random.Generator) -> np.ndarray:
    parts = _intersections(8 * BLOCK, PART_STOP, PART_PIXELS, rng)
    n_parts = rng.integers(2, 5, len(parts) // 4)
    first = np.cumsum(n_parts) - n_parts
    unions = np.logical_or.reduceat(parts[: n_parts.sum()], first)
    return unions[_fails_midway(unions)]


def _intersections(
    n_candidates: int, stop: float, least_pixels: int, rng: np.random.Generator
) -> np.ndarray:
    """Intersections of half-planes that are large enough, bool of shape (n, SIDE * SIDE).

    The rest of a row of pixels is always one interval, so two numbers describe it.
    """
    n_planes = rng.geometric(stop, n_candidates) - 1
    first = np.zeros((n_candidates, SIDE))
    end = np.full((n_candidates, SIDE), float(SIDE))
    unfinished = np.flatnonzero(n_planes)
    large = np.ones(n_candidates, dtype=bool)
    drawn = 0
    while len(unfinished):
        right, border = _half_planes(len(unfinished), rng)
        here, right = unfinished, right[:, None]
        first[here] = np.where(right, np.maximum(first[here], border), first[here])
        end[here] = np.where(right, end[here], np.minimum(end[here], border))
        # a region only shrinks: most are discarded long before their last half-plane
        large[here] = np.maximum(end[here] - first[here], 0).sum(axis=1) >= least_pixels
        drawn += 1
        unfinished = here[large[here] & (n_planes[here] > drawn)]
    column = np.arange(SIDE)
    first, end = first[large, :, None], end[large, :, None]
    return ((first <= column) & (column < end)).reshape(-1, SIDE * SIDE)


def _half_planes(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whether each lies to the right of its border; the first column beyond it, row by row."""
    row, column = rng.uniform(-0.5, SIDE - 0.5, (2, n))
    angle = rng.uniform(0, 2 * np.pi, n)
    # kept off 0: a border along the rows is then just a very flat one
    across = np.cos(angle)
    across = np.copysign(np.maximum(abs(across), 1e-9), across)
    slope = np.sin(angle) / across
    border = column[:, None] - slope[:, None] * (np.arange(SIDE) - row[:, None])
    return across > 0, np.clip(np.ceil(border), 0, SIDE)


def _fails_midway(region: np.ndarray) -> np.ndarray:
    """Whether some pixel midway between two white ones is black.

    The coordinates of a pair whose midpoint is m sum to 2 m, and the convolution of a region
    with itself counts the pairs with each sum.
    """
    side = fft.next_fast_len(2 * SIDE - 1, real=True)
    fails = np.empty(len(region), dtype=bool)
    for rows in gen_batches(len(region), BLOCK):
        white = region[rows].reshape(-1, SIDE, SIDE)
        spectrum = fft.rfft2(white.astype(np.float64), s=(side, side))
        pairs = fft.irfft2(spectrum * spectrum, s=(side, side))[:, : 2 * SIDE : 2, : 2 * SIDE : 2]
        fails[rows] = ((pairs > 0.5) & ~white).any(axis=(1, 2))
    return fails
