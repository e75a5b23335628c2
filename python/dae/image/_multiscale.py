"""A picture cleaned at several resolutions, each with half the white noise of the one before.

A network sees a patch; noise and structure that are wider than the patch it cannot tell apart. At
half the resolution it sees twice as far, and the noise is half as strong. So a picture is cleaned
at each resolution, and the coarser ones determine the low frequencies (Facciolo, Pierazzo & Morel,
"Conservative scale recomposition for multiscale denoising", SIAM Journal on Imaging Sciences 2017).

The picture is halved by a filter with a root-raised-cosine spectrum, of which every other value is
kept: its powers at two frequencies that fall onto one add up to 1, so white noise stays white.
Averages of pixels would not keep it so. Filters of finite length, unlike a cosine transform of the
whole picture, make a pixel depend on pixels within `reach` only, and so can be cut into tiles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import correlate1d
from scipy.signal import upfirdn

# A halving filter with HALF values on each side of a pixel of the coarser picture, its spectrum
# falling from 1 to 0 between 1 - ROLL_OFF and 1 + ROLL_OFF times the cut. On 16 pictures of
# bsd400_train_gray at sigma 15, 25 and 50 this gentle one gains 0.06, 0.05 and 0.05 dB over a
# cosine transform that is cut off, (16, 0.3) 0.02 dB, (8, 0.6) 0.05, 0.04 and 0.04.
HALF, ROLL_OFF = 6, 0.8

# The frequencies of the coarser picture, along each axis, that it determines are the lower ones.
# The highest ones ring where they are cut off. On held-out training pictures at sigma 15, 25 and 50
# half of them gain 0.03, 0.08 and 0.18 dB; from 0.4 to 0.7 the sum differs by 0.01.
SHARE = 0.5
LOW_HALF = 6  # values on each side of the middle of the filter that selects them


def _root_raised_cosine() -> np.ndarray:
    """The halving filter, 2 HALF values of sum 1 around the middle between two pixels."""
    at = (np.arange(2 * HALF) - HALF + 0.5) / 2  # in pixels of the coarser picture
    top = np.sin(np.pi * at * (1 - ROLL_OFF)) + 4 * ROLL_OFF * at * np.cos(
        np.pi * at * (1 + ROLL_OFF)
    )
    values = top / (np.pi * at * (1 - np.square(4 * ROLL_OFF * at)))
    return values / values.sum()


def _raised_cosine() -> np.ndarray:
    """The filter of the lower frequencies, 2 LOW_HALF + 1 values of sum 1."""
    at = SHARE * np.arange(-LOW_HALF, LOW_HALF + 1)
    values = np.sinc(at) * np.cos(np.pi * ROLL_OFF * at) / (1 - np.square(2 * ROLL_OFF * at))
    return values / values.sum()


HALVING = _root_raised_cosine()
LOWER = _raised_cosine()

# The factor by which halving changes the standard deviation of white noise: 0.5, nearly
NOISE_LEFT = float(np.square(HALVING).sum())


def n_scales(shape: tuple[int, int], smallest: int, scales: int) -> int:
    """Number of resolutions, up to `scales`, at which a plane has `smallest` pixels each way."""
    return min(scales, max(1, int(np.log2(min(shape) / smallest)) + 1))


def reach(patch: int, scales: int) -> int:
    """Pixels around one that it depends on, where at each resolution it is `patch` pixels."""
    if scales == 1:
        return patch
    return 2 * HALF + 2 * (LOW_HALF + reach(patch, scales - 1))


def halved(picture: np.ndarray) -> np.ndarray:
    """The plane at half the resolution, with the same mean and `NOISE_LEFT` of the noise.

    A pixel of it lies in the middle of 2 x 2 pixels. Odd lengths are rounded up.
    """
    weights = HALVING.astype(picture.dtype)
    for axis, length in enumerate(picture.shape):
        filtered = upfirdn(weights, picture, down=2, axis=axis, mode="symmetric")
        picture = _part(filtered, HALF // 2, -(-length // 2), axis)
    return np.ascontiguousarray(picture)


def doubled(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The plane at twice the resolution and of that shape: the transpose of `halved`."""
    weights = (2 * HALVING).astype(picture.dtype)
    for axis, length in enumerate(shape):
        filtered = upfirdn(weights, picture, up=2, axis=axis, mode="symmetric")
        picture = _part(filtered, HALF - 1, length, axis)
    return picture


def lower(picture: np.ndarray) -> np.ndarray:
    """The lower frequencies of a plane, along both axes."""
    for axis in (0, 1):
        picture = correlate1d(picture, LOWER, axis=axis, mode="reflect")
    return picture


def _part(picture: np.ndarray, first: int, count: int, axis: int) -> np.ndarray:
    return picture[first : first + count] if axis == 0 else picture[:, first : first + count]


def cleaned_at_scales(
    picture: np.ndarray,
    clean: Callable[[np.ndarray, float], np.ndarray],
    level: float,
    scales: int,
) -> np.ndarray:
    """The plane, cleaned at `scales` resolutions.

    Parameters
    ----------
    picture : ndarray of shape (height, width)
    clean : callable
        ``clean(plane, level)``, the plane without its noise of that level.
    level : float
        Standard deviation of the noise.
    scales : int
        1 for the picture as it is; at most `n_scales`.
    """
    fine = clean(picture, level)
    if scales == 1:
        return fine
    coarse = cleaned_at_scales(halved(picture), clean, level * NOISE_LEFT, scales - 1)
    return fine + doubled(lower(coarse - halved(fine)), picture.shape)
