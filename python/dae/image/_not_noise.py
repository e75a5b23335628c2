"""What looks like noise and is none: dots, print, codes, drawings, also after JPEG or resizing.

`has_few_values`   values that are not those of a noisy picture
`is_print`         a level that is far above what the quiet places of a picture have
`is_dots`          a level that is not that of white noise, where a pattern has peaks

Their flattest blocks of 8 x 8 pixels are not flat, and all alike, as those of noise are.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter

# Values of a channel that are too few for noise, if they are so far apart on average; rows that
# mostly tell that there are more
FEW_VALUES, APART, SAMPLED_ROWS = 8, 16 / 255, 16
# Of the pixels near others that vary, the share with eight equal neighbours that noise has at most
MOST_CONSTANT = 0.25
NEAR = 8  # pixels

# Share of blocks with less than QUIET of the noise's power, from which on it is print, if power
# rises from the second to the fourth band by more than RISES: there is noise in all blocks, but
# for those beyond white, and its power hardly rises. Pages of text of 11 to 20 pixels, as JPEG or
# enlarged, have 0.4 to 0.7 of it and rise by 6 to 300.
QUIET, SHARE_QUIET, RISES = 0.1, 0.1, 1.5**2
# Below the highest band, power falls from a band to a lower one by less than PEAK in noise, and to
# the lowest, where it was sharpened, by less than SHARPENED. Where it falls by more, there is a
# pattern: then noise is what is left between its lines, if that is white, up to WHITE, and no
# stronger than MOST. Halftones as JPEG have 80 and more there, or differ by 1.25 to 2; meshes with
# noise of 2 to 25 differ by 1.05 to 1.1.
PEAK, SHARPENED, WHITE, MOST = 1.35**2, 1.5**2, 1.2**2, 40.0
# Times the deviation in the lowest band, what noise has at most: dithering by error diffusion has 3
# to 5, that at random is white, as noise of 100 and more is that is clipped
BLUE, STRONGEST = 2.5, 100.0


def has_few_values(colours: np.ndarray) -> bool:
    """Whether the values of a picture (height, width, n_colours) are not those of a noisy one.

    That is where a channel has few of them, as after dithering or in text of one bit; and where
    much between the dots, strokes or stars is constant: noise is everywhere, but for where it is
    clipped.
    """
    height, width, n_channels = colours.shape
    constant = np.ones((height, width), dtype=bool)
    for channel in range(n_channels):
        plane = colours[..., channel]
        sample = plane[:: max(1, height // SAMPLED_ROWS)]
        if len(np.unique(sample)) <= FEW_VALUES:
            values = np.unique(plane)
            if len(values) <= FEW_VALUES and np.ptp(values) >= APART * (len(values) - 1) > 0:
                return True
        constant &= _equals_all_around(plane)
    varied = minimum_filter(constant, NEAR) < constant  # constant, and something is near it
    return bool(varied.sum() > MOST_CONSTANT * (varied | ~constant).sum())


def _equals_all_around(plane: np.ndarray) -> np.ndarray:
    """Which pixels have the value of all eight around them, bool: faster than two filters."""
    right, below = plane[:, 1:] == plane[:, :-1], plane[1:] == plane[:-1]
    in_row = np.ones(plane.shape, dtype=bool)
    in_row[:, 1:] &= right
    in_row[:, :-1] &= right
    around = in_row.copy()
    around[1:] &= in_row[:-1] & below
    around[:-1] &= in_row[1:] & below
    return around


def is_print(level: float, power: np.ndarray, by_block: np.ndarray) -> bool:
    """Whether there is no noise of that level: many blocks are too quiet.

    Parameters
    ----------
    level : float
        Standard deviation.
    power : ndarray of shape (n_bands,)
        Variance by band, high frequencies first, in the flattest blocks.
    by_block : ndarray of shape (n_blocks,)
        Variance at low frequencies in all blocks, constant ones among them.
    """
    if power[3] <= RISES * power[1]:
        return False
    return bool(np.mean(by_block < QUIET * level**2) > SHARE_QUIET)


def is_dots(level: float, power: np.ndarray, between_lines: np.ndarray) -> bool:
    """Whether there is no noise of that level, but a pattern.

    Parameters
    ----------
    level : float
        Standard deviation, in grey levels of 255.
    power, between_lines : ndarrays of shape (n_bands,)
        Variance by band, high frequencies first, in the flattest blocks, and between the lines of
        a pattern.
    """
    if level > min(STRONGEST, BLUE * np.sqrt(power[-1])):
        return True
    most = np.append(PEAK * power[:-1], SHARPENED * power[-1])
    most = np.minimum.accumulate(most[::-1])[::-1]  # the least of a band and those below
    if not (power[1:-1] > most[2:]).any():
        return False
    between = between_lines[:-1]
    return bool(level > MOST or between.max() > WHITE * between.min())
