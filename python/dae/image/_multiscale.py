"""A picture at several resolutions: white noise that is halved with each, and one picture again.

A network sees a patch; what is wider than its patch, noise and picture, it cannot tell apart. At
half the resolution it sees twice as far, and finds half the noise. So a picture is cleaned at each
resolution, and the coarser ones decide over the low frequencies (Facciolo, Pierazzo & Morel,
"Conservative scale recomposition for multiscale denoising", SIAM Journal on Imaging Sciences 2017).

The cosine transform is cut for that, not the picture averaged: white noise stays white.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.fft import dctn, idctn

# Share of the coarser picture's frequencies, along each axis, that it decides over. The highest
# ones ring where they are cut off. On held-out training pictures at sigma 15, 25 and 50 half of
# them gain 0.03, 0.08 and 0.18 dB; from 0.4 to 0.7 the sum differs by 0.01.
SHARE = 0.5


def n_scales(shape: tuple[int, int], smallest: int, scales: int) -> int:
    """At how many of `scales` resolutions a plane is at least `smallest` pixels high and wide."""
    return min(scales, max(1, int(np.log2(min(shape) / smallest)) + 1))


def halved(picture: np.ndarray) -> np.ndarray:
    """The plane at half the resolution; its mean stays, `noise_left` tells what its noise does."""
    height, width = (length // 2 for length in picture.shape)
    lowest = dctn(picture, norm="ortho")[:height, :width]
    return idctn(lowest, norm="ortho") * noise_left(picture.shape)


def noise_left(shape: tuple[int, int]) -> float:
    """What halving a plane of that shape multiplies the standard deviation of its noise by."""
    height, width = shape
    return float(np.sqrt((height // 2) * (width // 2) / (height * width)))


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
    left = noise_left(picture.shape)
    coarse = cleaned_at_scales(halved(picture), clean, level * left, scales - 1)
    frequencies = dctn(fine, norm="ortho")
    lowest = tuple(slice(int(SHARE * length)) for length in coarse.shape)
    frequencies[lowest] = dctn(coarse, norm="ortho")[lowest] / left
    return idctn(frequencies, norm="ortho")
