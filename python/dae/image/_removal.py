"""How much of what a network takes away from a noisy plane is noise.

`structure`       the part of it that white noise does not have: a pattern that repeats itself
`limit_removal`   the cleaned plane with that part, and with what is beyond the noise place by place

Pixels go from 0 to 1; planes are arrays of shape (height, width).

A network that knows photographs smooths a mesh, a weave or a grating away, because at a few pixels
it looks like noise. Not in many: a pattern that repeats itself has all of its power at few
frequencies, noise the same at all of them. So what was removed is looked at in large windows, by
frequency, and what is too strong for noise is given back. That the difference between a noisy and
a cleaned picture should look like noise is due to Buades, Coll & Morel, "A review of image
denoising algorithms, with a new one", Multiscale Modeling & Simulation 2005.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

WINDOW = 128  # pixels, height and width; neighbours are half of it apart
# Of the values that are given back, the share that is noise at most, in expectation (Benjamini &
# Hochberg, Journal of the Royal Statistical Society B 1995), and the thresholds that are tried, in
# standard deviations of the noise. On 40 photographs of bsd400_train_gray and kodak24 that do not
# judge, auto is within 0.06 dB of what it is without, from sigma 1 to 50; on 28 meshes and waves
# drawn at random it gains 1.3 dB at sigma 5, 3.5 dB at 25, and is behind the noisy picture on a
# sixth of them instead of a half. With windows of 64 pixels photographs are the same, and patterns
# 0.2 to 0.8 dB worse.
FALSE_SHARE = 0.2
THRESHOLDS = np.arange(2.5, 6.6, 0.25)

LIMIT_WIDTH = 2.0  # pixels, of the window that the removed energy is averaged over
# c of `limit_removal` grows with the level. Weak noise is weaker than texture, which a network
# removes first: at sigma 2, 3 and 5 of 255 on 12 held-out pictures c = 0.5 gains as much as c = 1
# on average, and loses on none of them. Strong noise is most of what is removed, and its energy
# in a window is now and then above s^2: 1.4 costs nothing, 1 costs 0.2 dB at 15.
LIMIT_LEAST, LIMIT_SLOPE, LIMIT_MOST = 0.2, 0.1 * 255, 1.4
# A network that is sure of the noise removes no more than that on average, in the larger window of
# TRUST_WIDTH: up to TRUST_FULL s^2 there c grows to (s / TRUST_KNEE)^2, TRUST_MOST at most, and
# from TRUST_NONE s^2 on it does not. On 20 pictures of bsd400_train_gray and 3 textures that do not
# judge auto loses 0.08 dB at sigma 5 against the best told level (0.29 without it), 0.45 dB at most
# (1.7); a fine pattern, of which more than the noise is removed, stays (without the window 1.1 dB
# worse than the noisy picture).
TRUST_WIDTH, TRUST_KNEE, TRUST_MOST = 8.0, 4.56 / 255, 2.0
TRUST_FULL, TRUST_NONE = 0.9, 1.1
LIMIT_REACH = 24  # pixels, half the size of the larger window

REACH = WINDOW + LIMIT_REACH  # pixels around one that a plane depends on here
# From a row and a column whose numbers are multiples of this, a part of a plane has the windows of
# the whole, added up in the same order
ALIGNED = WINDOW

_SINE = np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW).astype(np.float32)
# Squares of windows that overlap by half add up to 1. One alone leaves a quarter of the variance.
_WEIGHT = np.outer(_SINE, _SINE)
LEFT = 0.5


def structure(removed: np.ndarray, level: float) -> np.ndarray:
    """The part of a plane that white noise does not have.

    Parameters
    ----------
    removed : float32 ndarray of shape (height, width)
    level : float
        Standard deviation of the noise.

    Returns
    -------
    found : float32 ndarray of shape (height, width)
        In windows of `WINDOW` pixels, what the coefficients of the cosine transform have that are
        above the lowest of the `THRESHOLDS` that noise alone exceeds by no more than `FALSE_SHARE`
        as often.
    """
    height, width = removed.shape
    half = WINDOW // 2
    rows, columns = (-(-length // half) + 1 for length in removed.shape)  # windows
    columns += columns % 2
    padded = np.zeros(((rows + 1) * half, (columns + 1) * half), dtype=np.float32)
    padded[half : half + height, half : half + width] = removed
    found = np.zeros_like(padded)
    for top in range(0, rows * half, half):
        strip = padded[top : top + WINDOW]
        windows = np.lib.stride_tricks.sliding_window_view(strip, WINDOW, axis=1)[:, ::half]
        windows = np.ascontiguousarray(windows.swapaxes(0, 1))
        kept = dctn(windows * _WEIGHT, axes=(1, 2), norm="ortho", overwrite_x=True)
        has = _without_noise(kept, LEFT * level)
        kept[has] = idctn(kept[has], axes=(1, 2), norm="ortho") * _WEIGHT
        for first in (0, 1):  # those side by side
            side_by_side = kept[first::2].swapaxes(0, 1).reshape(WINDOW, -1)
            start = first * half
            found[top : top + WINDOW, start : start + side_by_side.shape[1]] += side_by_side
    return found[half : half + height, half : half + width]


def _without_noise(coefficients: np.ndarray, level: float) -> np.ndarray:
    """Set what may be noise in coefficients (n, `WINDOW`, `WINDOW`) to 0; which have any left."""
    n_windows = len(coefficients)
    sizes = np.abs(coefficients)
    window, row, column = np.nonzero(sizes > THRESHOLDS[0] * level)
    size = sizes[window, row, column]
    least = np.full(n_windows, np.inf)
    for threshold in THRESHOLDS[::-1] * level:
        above = np.bincount(window[size > threshold], minlength=n_windows)
        by_chance = 2 * norm.sf(threshold / level) * WINDOW**2
        least[by_chance <= FALSE_SHARE * above] = threshold
    is_kept = size > least[window]
    kept = window[is_kept], row[is_kept], column[is_kept]
    values = coefficients[kept]
    coefficients[:] = 0
    coefficients[kept] = values
    return np.isfinite(least)


def limit_removal(noisy: np.ndarray, cleaned: np.ndarray, level: float) -> np.ndarray:
    """The cleaned plane, given back what was removed beyond the noise.

    With a residual r = noisy - cleaned of the energy E around a pixel, and noise of variance s^2,
    the share min(1, c s^2 / E) of r is removed: for c = 1 Wiener's, if r is all of the noise and
    some of the picture. So detail that a network does not know stays, and at level 0 the picture.
    Of r without its `structure` less than that is removed, too: E is the mean of both energies.

    Parameters
    ----------
    noisy, cleaned : ndarrays of shape (height, width)
    level : float
        Standard deviation of the noise, s.
    """
    removed = noisy - cleaned
    noise = max(level**2, float(np.finfo(np.float32).tiny))
    random = removed - structure(removed, np.sqrt(noise))
    squares = 0.5 * (np.square(removed) + np.square(random))
    wide = _averaged(squares, TRUST_WIDTH) / noise
    trust = np.clip((TRUST_NONE - wide) / (TRUST_NONE - TRUST_FULL), 0, 1)
    least = min(LIMIT_MOST, LIMIT_LEAST + LIMIT_SLOPE * level)
    most = max(least, min(TRUST_MOST, (level / TRUST_KNEE) ** 2))
    allowed = (least + trust * (most - least)) * noise
    energy = _averaged(squares, LIMIT_WIDTH)
    # where nothing is removed, no share of it matters
    share = np.minimum(1, allowed / np.maximum(energy, np.finfo(np.float32).tiny))
    return noisy - share.astype(random.dtype) * random


def _averaged(plane: np.ndarray, width: float) -> np.ndarray:
    return gaussian_filter(plane, width, mode="reflect", radius=min(LIMIT_REACH, int(4 * width)))
