"""The noise that a picture had before JPEG rounded it.

`jpeg_noise`     its standard deviation in the luminance; None where JPEG's traces are not found
`chroma_noise`   the same, of the chrominances
`has_grid`       whether there are JPEG's traces, also where too few blocks are whole to tell more

JPEG divides the cosine transform of each 8 x 8 block by a table of steps and rounds. What looks
like noise afterwards is neither white nor normal: of a coefficient with a step of 30, noise of 5
leaves nothing, noise of 15 now and then 30. So the table is read off the picture, every coefficient
becomes the whole number that the file had, and the noise is the normal distribution under which
these numbers, of flat blocks, are most likely.

The blocks are chosen by their lowest frequencies, which have most of a texture. In white noise,
coefficients do not depend on each other: the others tell its level without bias.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct, dctn, idctn
from scipy.ndimage import uniform_filter
from scipy.stats import norm

SIZE = 8  # pixels, height and width of JPEG's blocks
_DCT = dct(np.eye(SIZE), axis=0, norm="ortho").astype(np.float32)
ORDER = np.add.outer(np.arange(SIZE), np.arange(SIZE))
LOWEST = (ORDER >= 1) & (ORDER <= 2)
HIGH = ORDER >= 7
BANDS = (*((ORDER == k) | (ORDER == k + 1) for k in (3, 5, 7, 9)), ORDER == 11, ORDER >= 12)

MOST_BLOCKS = 40_000  # to look at
ZERO = 1.0  # grey levels of 255, below which a coefficient counts as zero: pixels are rounded
# Share of zeros in blocks on the grid, above that in other blocks, from which on steps are looked
# for: without a grid it is up to 0.1, so many pictures are tried in vain
GRID_ZEROS = 0.02
FLAT = 0.05  # of the blocks are taken for flat, LEAST_BLOCKS at least
LEAST_BLOCKS = 80
# Blocks with a larger share of clipped pixels around them are left out, but for this share
FEW_CLIPPED, AWAY = 0.005, 0.3
WHOLE = 0.1  # share of blocks without clipped pixels, from which on these alone tell the steps

STEPS = np.arange(2, 129)  # that a table may have
NEAR = np.minimum(0.8, 0.2 * STEPS)  # how far from a multiple a value may be
LEAST_VALUES = 6  # other than zero, that tell a step
SURE_VALUES, SURE = 10, 0.7  # that tell it surely, and the share of them, above chance, that agree
SMALL_STEPS = 4  # order of the frequencies up to which a step may be too small to be seen
SURE_STEPS = 6  # surely told steps make a table
# Of the median step of a band, what its steps have at least; of the standard's the least is 0.59
ODD = 0.25
POOLED = 0.25  # share of values, above chance, that agree with a standard table
# standard deviation of what is left by the steps, in that of rounded pixels: more of it is noise
# that was added after JPEG, which is white
LEFT = 1.3
ROUNDED = 1 / np.sqrt(12)

SIGMAS = np.exp(np.linspace(np.log(0.4), np.log(150), 120))  # grey levels of 255
TEXTURED = np.array([0, 0.003, 0.01, 0.03])  # shares of flat blocks that are not flat
WIDER = 4.0  # times the noise, what these have
# A level is the highest that is this much less likely, as a logarithm, than the best one: of a
# band that tells little it is higher, and another decides
UNLIKELY = 3.0
# The band with the lowest power has this much texture for a unit of the excess of the bands below
# it, the least of them, over EXCESS times its own power
TEXTURE, EXCESS, MOST_TEXTURE = 0.7, 1.2, 0.8
LEAST_NONZERO = 8  # numbers other than zero that a band needs
# Share of a band's steps that must be known: they are known where there are numbers other than
# zero, so a band with a few of them tells of a level by chance, 4 for noise of 15
KNOWN = 0.5

# of luminance, in the informative annex K of the standard; libraries scale it by quality
STANDARD = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
QUALITIES = range(30, 98)

# JPEG's chrominances, of red, green and blue
CHROMA = np.array([[-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], dtype=np.float32)
# What rounding colours does to them, as a share of what it does to one channel, and to them in
# half as many rows and columns
ROUNDED_CHROMA, ROUNDED_HALVES = 1.2, 1.6
# Of the steps of the lowest frequencies, what noise of chrominances has at least: on pictures of
# kodak24 that do not judge, what was less told 0.7 to 0.9 of noise of 10 at quality 75, what was
# more 1.0 to 1.2
LEAST_CHROMA = 0.7


def jpeg_noise(
    luma: np.ndarray, clipped: np.ndarray, rounding: float, least_steps: float = 0.0
) -> float | None:
    """The noise before JPEG, in grey levels of 255, in its luminance.

    Parameters
    ----------
    luma : ndarray of shape (height, width)
        Luminance as JPEG defines it, 0 to 1.
    clipped : ndarray of shape (height, width), bool
        Pixels at black or white, whose values are not those that JPEG has left.
    rounding : float
        What rounding to 1/255 has done to it, as a share of what it does to one channel.
    least_steps : float
        A level of less than so much of the steps of the lowest frequencies is not told: None.
    """
    if min(luma.shape) < 2 * SIZE:
        return None
    place = _grid(luma, clipped)
    if place is None:
        return None
    coefficients, n_clipped, near = _on_grid(luma, clipped, place)
    if len(coefficients) < LEAST_BLOCKS:
        return None
    is_whole = n_clipped == 0
    whole = coefficients[is_whole] if is_whole.mean() > WHOLE else coefficients
    table = _steps(whole)
    if table is None:
        table = _standard_steps(coefficients)
    if table is None:
        return None
    if is_whole.mean() > WHOLE and _left(whole, table) > LEFT * ROUNDED * rounding:
        return None
    # where noise was cut off before JPEG, it is weaker, and blocks look flat
    level = _most_likely(coefficients[near <= max(FEW_CLIPPED, np.quantile(near, AWAY))], table)
    if least_steps and level < least_steps * min(table[0, 1], table[1, 0]):
        return None
    return level


def has_grid(luma: np.ndarray, clipped: np.ndarray) -> bool:
    """Whether a luminance has the blocks of JPEG, be their steps told or not."""
    return min(luma.shape) >= 2 * SIZE and _grid(luma, clipped) is not None


def chroma_noise(colours: np.ndarray, clipped: np.ndarray, *, full: bool) -> float | None:
    """The noise before JPEG in its chrominances, of a channel, in grey levels of 255.

    The larger one of both: of one that kept too few numbers, the level is far too low. None where
    no steps are found: in half as many rows and columns and, with `full`, in all of their pixels.
    """
    for halve in (False, True) if full else (True,):
        found = []
        for row in CHROMA:
            plane = colours @ row
            if halve:
                ends = np.logical_or.reduce(_halves(clipped), axis=(1, 3))
                level = jpeg_noise(_halved(plane), ends, ROUNDED_HALVES, LEAST_CHROMA)
            else:
                level = jpeg_noise(plane, clipped, ROUNDED_CHROMA, LEAST_CHROMA)
            if level is not None:
                found.append((2 if halve else 1) * level / float(np.linalg.norm(row)))
        if found:
            return max(found)
    return None


def _halves(plane: np.ndarray) -> np.ndarray:
    height, width = plane.shape
    return plane[: height // 2 * 2, : width // 2 * 2].reshape(height // 2, 2, width // 2, 2)


def _halved(plane: np.ndarray) -> np.ndarray:
    """A plane as it was before its rows and columns were doubled by weights of 3/4 and 1/4."""
    means = _halves(plane).mean(axis=(1, 3))
    # which have 3/4 of a pixel and 1/8 of either neighbour, of rows and of columns
    kept = [0.75 + 0.25 * np.cos(np.pi * np.arange(n) / n) for n in means.shape]
    return idctn(dctn(means, norm="ortho") / np.outer(*kept), norm="ortho").astype(plane.dtype)


# ------------------------------------------------------------------ blocks


def _grid(luma: np.ndarray, clipped: np.ndarray) -> tuple[int, int] | None:
    """Row and column where JPEG's blocks may begin: there are the most zeros."""
    step = 1
    while luma.size > MOST_BLOCKS * step**2:
        step += 2  # odd: so blocks are at all positions
    windows = [
        np.lib.stride_tricks.sliding_window_view(plane, (SIZE, SIZE))[::step, ::step]
        for plane in (luma, clipped)
    ]
    rows, columns = (np.arange(length) * step % SIZE for length in windows[0].shape[:2])
    position = np.add.outer(rows * SIZE, columns).ravel()
    blocks = windows[0].reshape(-1, SIZE, SIZE) * np.float32(255)
    n_clipped = windows[1].sum(axis=(2, 3)).ravel()
    # those without clipped pixels, or if these are few, a tenth that has the fewest
    tells = (np.ptp(blocks, axis=(1, 2)) > 1e-3) & (n_clipped <= np.quantile(n_clipped, 0.1))
    if not tells.any():
        return None
    position = position[tells]
    zeros = (np.abs(_DCT @ blocks[tells] @ _DCT.T) < ZERO)[:, HIGH].mean(axis=1)
    counts = np.bincount(position, minlength=SIZE**2)
    shares = np.bincount(position, zeros, minlength=SIZE**2) / np.maximum(counts, 1)
    shares[counts < 4] = 0
    if shares.max() - np.median(shares) < GRID_ZEROS:
        return None
    row, column = divmod(int(np.argmax(shares)), SIZE)
    return row, column


def _on_grid(
    luma: np.ndarray, clipped: np.ndarray, place: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosine transforms of the blocks on the grid, and of each its number of clipped pixels and
    their share around it.
    """
    around = uniform_filter(clipped.astype(np.float32), 3 * SIZE)
    windows = (
        np.lib.stride_tricks.sliding_window_view(plane, (SIZE, SIZE))[
            place[0] :: SIZE, place[1] :: SIZE
        ].reshape(-1, SIZE, SIZE)
        for plane in (luma, clipped, around)
    )
    blocks, ends, near = (blocks[:: -(-len(blocks) // MOST_BLOCKS)] for blocks in windows)
    coefficients = _DCT @ (blocks * np.float32(255)) @ _DCT.T
    return coefficients, ends.sum(axis=(1, 2)), near[:, SIZE // 2, SIZE // 2]


# ------------------------------------------------------------------ steps


def _steps(coefficients: np.ndarray) -> np.ndarray | None:
    """The table of steps that coefficients (n, 8, 8) are multiples of; None if they are not.

    1 is a step that is too small to be seen, infinity one that nothing tells.
    """
    table = np.ones((SIZE, SIZE))
    n_sure = 0
    for place in np.ndindex(SIZE, SIZE):
        values = np.abs(coefficients[:, *place])
        values = values[values >= 1.2 * ZERO]
        if len(values) < LEAST_VALUES:
            table[place] = np.inf
            continue
        known = STEPS <= max(STEPS[0], 1.1 * np.median(values))
        agree = _agreement(values, STEPS[known], NEAR[known])
        best = agree.max()
        if best >= 0.4:  # a divisor of a step agrees as well as the step
            table[place] = STEPS[known][agree >= 0.85 * best][-1]
        elif ORDER[place] > SMALL_STEPS:
            table[place] = np.inf
        is_sure = best >= SURE and len(values) >= SURE_VALUES and table[place] > 2
        n_sure += int(is_sure)
    return _without_odd(table) if n_sure >= SURE_STEPS else None


def _without_odd(table: np.ndarray) -> np.ndarray:
    """The table without steps that are far below those of like frequencies: found by chance.

    Of a step of 40, nearly all numbers of noise of 10 are 0; of one of 2, those of noise of 1.
    """
    for band in BANDS[1:]:
        known = band & np.isfinite(table)
        if known.any():
            table[known & (table < ODD * np.median(table[known]))] = np.inf
    return table


def _standard_steps(coefficients: np.ndarray) -> np.ndarray | None:
    """The standard table that coefficients agree with best, all frequencies together.

    That is found where most blocks have clipped pixels, which are not multiples of any step.
    """
    values = np.abs(coefficients)
    other = values >= 1.2 * ZERO
    best, found = POOLED, None
    for quality in QUALITIES:
        scale = 5000 / quality if quality < 50 else 200 - 2 * quality
        table = np.clip((STANDARD * scale + 50) // 100, 1, 255)
        tell = other & (table >= 4) & (values > table / 2)
        n = np.count_nonzero(tell)
        if n < SURE_STEPS * SURE_VALUES:
            continue
        near = np.minimum(0.8, 0.2 * table)
        distance = np.abs(values - table * np.rint(values / table))
        by_chance = (tell * (2 * near / table)).sum() / n
        agree = ((distance <= near) & tell).sum() / n
        if (agree - by_chance) / (1 - by_chance) > best:
            best, found = (agree - by_chance) / (1 - by_chance), table.astype(float)
    return found


def _agreement(values: np.ndarray, steps: np.ndarray, near: np.ndarray) -> np.ndarray:
    """For each step the share of values that are multiples of it, other than zero, above chance."""
    multiples = steps * np.maximum(1, np.rint(values[:, None] / steps))
    agree = (np.abs(values[:, None] - multiples) <= near).mean(axis=0)
    by_chance = 2 * near / steps
    return (agree - by_chance) / (1 - by_chance)


def _left(coefficients: np.ndarray, table: np.ndarray) -> float:
    """What is left by the steps, as a standard deviation, of those that can be seen."""
    seen = np.isfinite(table) & (table >= 4)
    steps = table[seen]
    values = coefficients[:, seen]
    left = np.abs(values - steps * np.rint(values / steps))
    return float(np.median(left) / norm.ppf(0.75))


# ------------------------------------------------------------------ level


def _most_likely(coefficients: np.ndarray, table: np.ndarray) -> float:
    """The most likely level of noise in flat blocks: the lowest that a band of them tells, less
    the texture that the excess of the bands below it tells of.
    """
    energy = np.square(coefficients[:, LOWEST]).sum(axis=1)
    n_flat = min(len(energy), max(LEAST_BLOCKS, int(FLAT * len(energy))))
    flat = coefficients[energy <= np.partition(energy, n_flat - 1)[n_flat - 1]]
    levels: list[float] = []
    for band in BANDS:
        places = np.argwhere(band & np.isfinite(table))
        if len(places) < KNOWN * band.sum():
            continue
        likelihood = np.zeros((len(SIGMAS), len(TEXTURED)))
        n_other = 0
        for row, column in places:
            step = table[row, column]
            numbers = np.abs(np.rint(flat[:, row, column] / step)).astype(int)
            n_other += int(np.count_nonzero(numbers))
            likelihood += _likelihood(numbers, step)
        if n_other >= LEAST_NONZERO:
            best = likelihood.max(axis=1)
            levels.append(float(SIGMAS[best > best.max() - UNLIKELY][-1]))
    if not levels:
        return 0.0
    power = np.square(levels)
    lowest = int(np.argmin(power))
    # texture has more power in all of the bands below
    excess = power[:lowest].min() - EXCESS * power[lowest] if lowest else 0.0
    texture = min(TEXTURE * max(excess, 0.0), MOST_TEXTURE * power[lowest])
    return float(np.sqrt(power[lowest] - texture))


def _likelihood(numbers: np.ndarray, step: float) -> np.ndarray:
    """Logarithm of the likelihood of rounded coefficients, by level and share of texture."""
    values, counts = np.unique(np.minimum(numbers, 1000), return_counts=True)
    flat, textured = (
        norm.cdf((0.5 - values) * step / sigmas[:, None])
        - norm.cdf((-0.5 - values) * step / sigmas[:, None])
        for sigmas in (SIGMAS, WIDER * SIGMAS)
    )
    share = TEXTURED[:, None]
    both = (1 - share) * flat[:, None] + share * textured[:, None]
    return np.log(np.maximum(both, 1e-12)) @ counts
