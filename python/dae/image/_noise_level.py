"""How strong the noise of a picture is.

`noise_levels`      for each plane of a picture, the standard deviation of its noise
`cautious`          the same, less what the clean picture may have had of its own

Pixels go from 0 to 1; planes are arrays of shape (height, width).

The noise is measured on the flattest blocks of 8 x 8 pixels, in bands of the frequencies of their
cosine transform. White noise has the same power in every band. Texture has more, the lower the
frequency: the highest band is nearest to the noise, and the excess of the next band over it tells
how much texture is in both. Texture also grows from flat blocks to others, which noise does not.
That low quantiles over blocks (here of each band's power) find flat places is due to Pyatykh,
Hesser & Zheng, "Image noise level estimation by principal component analysis", IEEE Transactions on
Image Processing 2013. For JPEG files see `_jpeg_noise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import dct, fftfreq, rfft2, rfftfreq
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.stats import chi2

from dae.image._jpeg_noise import chroma_noise, has_grid, jpeg_noise
from dae.image._not_noise import has_few_values, is_dots, is_print

SIZE = 8  # pixels, height and width of a block: JPEG's
N_BLOCKS = 40_000  # to look at, at most
TELLS = 1e-3  # grey levels of 255, the contrast of a block that is not constant

_DCT = dct(np.eye(SIZE), axis=0, norm="ortho").astype(np.float32)
_ORDER = np.add.outer(np.arange(SIZE), np.arange(SIZE))
_CORNER = np.logical_and.outer(np.arange(SIZE) >= 5, np.arange(SIZE) >= 5)

# From high frequencies to low
BANDS = (
    _CORNER,
    (_ORDER >= 9) & ~_CORNER,
    (_ORDER == 7) | (_ORDER == 8),
    (_ORDER == 5) | (_ORDER == 6),
    (_ORDER == 3) | (_ORDER == 4),
    (_ORDER == 1) | (_ORDER == 2),
)
# times the highest band's power, what the next may have by chance: 1 + CHANCE / sqrt(n) of n blocks
# that do not overlap, but no less than EXCESS. On those crops, in 100 x 100 pixels with noise of 5
# to 25 the level's largest error downwards falls from 45 to 12 % where few pixels are clipped or
# none; with noise of 50 in 256 x 256 it falls from 16 to 10 %. Excess that goes on below that band,
# by the first of GOES_ON, is not all chance, and by the second it is texture.
EXCESS, CHANCE, GOES_ON = 1.05, 2.0, (1.3, 2.0)
# The share of the highest band's power that is noise at least, where the next band's is spread as
# that of noise: beside many clipped pixels its excess is not texture
NEVER_LESS = 0.8
# Texture in the highest band for a unit of the next band's excess: 1 / (ratio of a texture's power
# in the next band to that in this one - 1)
TEXTURE = 1.5
# From the lowest quantile of blocks to a larger one (SPREAD_QUANTILES) noise stays, texture grows.
# The share by which the next band's power grows, less GROWS - 1, which is chance, is taken for
# texture of the flattest blocks too: MOST_TEXTURE at most, and RISES times the share by which power
# rises from that band to two below it, less ROSE - 1. Clipped noise grows as well, but does not
# rise. Noise of 5 on 66 pictures of bsd400_train_gray and kodak24 that do not judge: without this
# 15 lose more than 0.5 dB against the best told level, with it five; the mean loss is 0.29 and
# 0.16 dB, with noise of 10 0.11 and 0.07.
GROWS, MOST_TEXTURE = 1.02**2, 0.4
ROSE, RISES = 1.1, 2.0
# Between the lines of a drawing few blocks are flat: their lowest quantiles are not those of all
# blocks. Without texture that rises (up to ROSE, nothing from NOT_ROSE on) and with few clipped
# pixels (all, nothing) the growth tells how few. Noise of 5 on random drawings of lines and letters
# and on photographs was measured 4 to 25 % too high where that is so, and is now within 5 %.
NOT_ROSE, FEW_CLIPPED, SOME_CLIPPED = 1.15, 0.005, 0.02
SHARES_FLAT = np.arange(1, 0.25, -0.02)

# Shares of the blocks that are flatter than those measured; the mean of both estimates is taken.
QUANTILES = (0.02, 0.05)

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # JPEG's luminance
ROUNDED_COLOURS = 1.2  # what rounding luminance, and colours, does to it: as to one channel 1
# Of the noise of JPEG's luminance before it was rounded, what is best removed: of grey pictures,
# and of the luminance of colours, where less is left of the noise at low frequencies.
# Chosen on six pictures of bsd400_train_gray; and on eight of kodak24 that do not judge, as JPEG
# 75, 85 and 90 with halved colours: 0.97 is 0.05 to 0.4 dB better than 0.91 with noise of 10 to 25,
# and up to 0.12 worse with 50; the largest loss against the best told level falls from 1.3 to 0.5.
JPEG_SHARES = {1: 1.03, 3: 0.97}
# Of grey pictures, the deviation in the highest band (grey levels of 255), and its share of that in
# the next, from which on JPEG's steps are so small beside it that it tells the level as without
# JPEG; and times that, what JPEG's numbers may tell: they tell it of texture without flat blocks.
# Grass of scikit-image as JPEG 95 and 90 was measured 8 to 11, and as it is 0 to 5. On 20 pictures
# of bsd400_train_gray that do not judge, with noise of 5, 10 and 25, JPEG's own lie within 1.0 to
# 1.1 times it, or are too high.
UNROUNDED, UNROUNDED_SHARE, MORE_THAN_WHOLE = 4.0, 0.6, 1.1
CHROMA_SHARE = 0.91  # the same, where chrominances tell the noise because there is texture
# Grey levels of 255: what texture and JPEG's errors look like, which is left in up to FULL times it
JPEG_TEXTURE, FULL = 3.0, 1.6
JPEG_CHROMA = 0.6  # of the luminance's noise, what a chrominance has at least
# Of the deviation in the fourth band, what the first has where a chrominance has white noise. With
# this, kodak 6, 14 and 18 as JPEG are 0.07 dB better on average than without chrominances, and 0.16
# worse at most; with 0.7, where JPEG has weakened the noise, 0.8 worse.
WHITE_CHROMA = 0.9
# Ratio of the deviations in the fourth and the second band of a luminance with texture
TEXTURED = 1.15
# Times the noise of the chrominances, the larger one, up to which that of the luminance is the
# same, without texture and with it. On 18 pictures of kodak24 that do not judge, as JPEG without
# subsampling, the larger one is 0.12 dB better than the smaller one at sigma 5 and quality 95, up
# to 0.02 worse elsewhere; 1.35 instead of 1.25 gains up to 0.1 dB at sigma 50, and loses nowhere.
ABOVE_CHROMA = (1.35, 1.8)

# Noise that clean photographs have of their own, as a share of white, below which a picture is
# left as it is: a scan or a sensor leaves 0.5 to 1.5 grey levels of 255.
OWN_NOISE = 1.5 / 255

# A band holds noise alone if the power of its blocks is spread like that of noise: the level by
# the larger quantile is at most this times that by the lowest one. It is 1.00 to 1.05 for white
# noise on photographs, up to 1.12 where power falls within the band, 1.15 to 5 for texture.
SPREAD_QUANTILES = (0.03, 0.25)
SPREAD_LEAST, SPREAD_WHITE, SPREAD_COLOURED = 0.9, 1.05, 1.11
# Ratio of the standard deviations in the second and the first band: white noise on photographs has
# 1.0 to 1.1, that of enlarged, blurred or demosaiced pictures 1.8 to 3.
WHITE, STEEP = 1.1, 1.7
# Blocks that do not overlap, of which fewer are spread like noise by chance: of 37 clean pictures
# of 30 x 30 pixels three had coloured noise of 15 to 71 without this
LEAST_STEEP = 100
# In chrominances, of the power in a low band over the highest, from which on noise is coloured, and
# how far it is spread in the band above that and in itself. On nine pictures of kodak24 that do not
# judge the largest loss against the best told level falls from 6.8 to 0.6 dB for noise of 20 before
# the colours of a filter array are made up, from 9.1 to 0.7 if that is then JPEG 92, from 10.8 to
# 1.0 for noise of 20 that was blurred by 0.6 pixels; clean ones and white noise stay as they were.
TOLD_COLOURED, SPREAD_CHROMA = 1.5**2, (1.15, 1.11)
# Bands that JPEG leaves, and the ratio of deviations up to which they are alike
MIDDLE, MIDDLE_ALIKE = slice(2, 5), 1.15
FAR_LESS = 0.7  # of their level, below which the others are not believed
# Strokes of small letters are steep as well, but have far more in the first band, here as a share
# of the level, and not everywhere the same: texts have 0.1 to 0.25 and spread by 1.6 to 2, enlarged
# pictures with noise less than 0.07
STROKES, SPREAD_STROKES = 0.09, 1.3
# The fourth band's power over the second's: noise between white and coloured, as JPEG leaves it,
# has less, and texture 1.5 to 2
STILL_RISES = 1.3
# times the first band's, what noise between white and coloured may be: there is texture, too
MOST_COLOURED = 1.05
WEAK = 4.0  # grey levels of 255: below it, what lies between white and coloured may be a scan's own

# A pattern that repeats itself, as a grating does, fills no more than this many dimensions of the
# space of blocks. Noise fills those of a band, which are 9 or more.
PATTERN_DIMENSIONS = 8

TILE = 256  # pixels, height and width of the parts that are looked through for lines
QUARTER = 0.25  # share of a band's frequencies whose power tells what lies between the lines
# Times that, what noise may have: both are estimates
LINES = 1.15
COLOURED_LINES = 1.2  # times the deviation between the lines, where power falls within the band
LEAST_WHOLE = 0.02  # share of blocks without clipped pixels, from which on these alone tell
# Share of the blocks, those with the fewest clipped pixels, that tell where fewer are whole
LEAST_CLIPPED = 0.1
# So many blocks that do not overlap, at least. On 37 crops of kodak24 and bsd400_train_gray that do
# not judge, with clipped noise of 25 and 50, the level's error is 6 and 9 % instead of 8 and 12 %
# in 100 x 100 pixels; with 80 blocks, which have more clipped pixels, it is as before.
LEAST_APART = 30
MOSTLY_PAPER = 0.5  # share of pixels that are clipped, of a page of print
BLACK_AND_WHITE = 0.99  # share of pixels at the ends of a picture that has no other values


def _by_share_flat() -> tuple[np.ndarray, np.ndarray]:
    """For each of `SHARES_FLAT`, how much the second band's power grows between the quantiles of
    `SPREAD_QUANTILES`, and by how much of it the highest band's is too high.
    """

    def grown(band: np.ndarray, quantile: float) -> np.ndarray:
        n = int(band.sum())
        return chi2.ppf(np.minimum(quantile / SHARES_FLAT, 1), n) / chi2.ppf(quantile, n)

    low, high = SPREAD_QUANTILES
    too_high = np.mean([1 / grown(BANDS[0], quantile) for quantile in QUANTILES], axis=0)
    return grown(BANDS[1], high) / grown(BANDS[1], low), 1 - too_high


_GROWN_BY_SHARE, _MISSED_BY_SHARE = _by_share_flat()


@dataclass(frozen=True)
class Spectrum:
    """The noise of one plane, by band, high frequencies first; in grey levels of 255.

    Attributes
    ----------
    power : ndarray of shape (n_bands,)
        Variance of a coefficient in the flattest blocks.
    between_lines : ndarray of shape (n_bands,)
        What noise has at most, where the Fourier transform of a pattern has nothing; infinity
        where nothing tells it.
    spread : ndarray of shape (n_bands,)
        How much more the level is by a larger share of the blocks: 1 for noise.
    variances : ndarray of shape (SIZE * SIZE,)
        Of the blocks along their principal axes, ascending.
    clipped : float
        The share of pixels that are clipped.
    n_apart : float
        How many blocks that do not overlap would fill the place of those that tell.
    """

    power: np.ndarray
    between_lines: np.ndarray
    spread: np.ndarray
    variances: np.ndarray
    clipped: float
    n_apart: float

    def level(self) -> float:
        """Standard deviation of the noise, of a plane that is not from a JPEG file.

        With and without what lies between the lines: a pattern of few dimensions is recognised by
        its own level, and then the noise is told best.
        """
        return min(
            self.not_pattern(max(self._highest(most), self._coloured(most)))
            for most in (np.full(len(BANDS), np.inf), self.between_lines)
        )

    def middle(self) -> float:
        """The level in the middle bands, if it is the same in all of them; else 0.

        That is what JPEG leaves of noise, where many clipped pixels hide the steps it rounds to.
        """
        low, high = self.power[MIDDLE].min(), self.power[MIDDLE].max()
        if high > MIDDLE_ALIKE**2 * low or self.spread[MIDDLE][-2:].max() > SPREAD_COLOURED:
            return 0.0
        return float(np.sqrt(min(self.power[MIDDLE].mean(), self.between_lines[MIDDLE].min())))

    def is_hardly_rounded(self) -> bool:
        """Whether JPEG's steps are small beside what is in the highest band."""
        return bool(self.power[0] > max(UNROUNDED**2, UNROUNDED_SHARE**2 * self.power[1]))

    def not_pattern(self, level: float) -> float:
        """The level, or a lower one where a pattern that repeats itself explains the rest."""
        if (self.variances > level**2 / 4).sum() <= PATTERN_DIMENSIONS:
            level = min(level, float(np.sqrt(np.median(self.variances))))
        return min(level, float(np.sqrt(self.between_lines.max())))

    def _highest(self, most: np.ndarray) -> float:
        """The level in the highest band, less the texture there; `most` is the power by band."""
        power = self.power[0]
        rise = self.power[3] / max(self.power[1], np.finfo(float).tiny)
        by_chance = CHANCE / np.sqrt(max(self.n_apart, 1)) * np.interp(rise, GOES_ON, (1, 0))
        excess = self.power[1] - max(EXCESS, 1 + by_chance) * power
        least = NEVER_LESS if self._is_noise(SPREAD_WHITE)[1] else 0.0
        power -= min(TEXTURE * max(excess, 0.0), (1 - least) * power)
        grown = min(self.spread[1] ** 2 - GROWS, RISES * (rise - ROSE), MOST_TEXTURE)
        grown = max(grown, self._missed(rise), 0.0)
        return float(np.sqrt(min((1 - grown) * power, most[0])))

    def _missed(self, rise: float) -> float:
        """By how much of it the power of the highest band is too high, because few blocks are
        flat; `rise` is the fourth band's power over the second's.
        """
        is_drawing = np.interp(rise, (ROSE, NOT_ROSE), (1, 0))
        is_whole = np.interp(self.clipped, (FEW_CLIPPED, SOME_CLIPPED), (1, 0))
        share = np.interp(self.spread[1] ** 2 / GROWS, _GROWN_BY_SHARE, SHARES_FLAT)
        return float(is_drawing * is_whole * np.interp(-share, -SHARES_FLAT, _MISSED_BY_SHARE))

    def _coloured(self, most: np.ndarray) -> float:
        """The level in the lowest band that holds noise alone; 0 where there is none."""
        first, second = np.sqrt(self.power[:2])
        if second <= WHITE * first:
            return 0.0
        most = COLOURED_LINES * np.sqrt(most)
        if second > STEEP * first:
            return self._steep(most) if self.n_apart >= LEAST_STEEP else 0.0
        if self.power[3] > STILL_RISES * self.power[1]:
            return 0.0  # texture
        level = self._lowest_of_noise(SPREAD_WHITE, most)
        return min(level, MOST_COLOURED * float(first)) if level > WEAK else 0.0

    def _steep(self, most: np.ndarray) -> float:
        """The level of noise of an enlarged or blurred picture; `most` is that of each band."""
        if self._is_noise(SPREAD_COLOURED)[4:].all():  # the noise may have got stronger still
            level = float(min(np.sqrt(min(self.power[5], 2 * self.power[4])), most[4:].max()))
        else:
            level = self._lowest_of_noise(SPREAD_COLOURED, most)
        if self.spread[0] > SPREAD_STROKES and np.sqrt(self.power[0]) > STROKES * level:
            return 0.0
        return level

    def _lowest_of_noise(self, spread: float, most: np.ndarray) -> float:
        """The level in the lowest band but one that is spread as noise; 0 where there is none."""
        for band in (4, 3, 2, 1):
            if self._is_noise(spread)[band]:
                return float(min(np.sqrt(self.power[band]), most[band]))
        return 0.0

    def _is_noise(self, spread: float) -> np.ndarray:
        """Which bands are spread as noise is, up to so much."""
        return (SPREAD_LEAST <= self.spread) & (self.spread <= spread)


def noise_levels(colours: np.ndarray, planes: Sequence[np.ndarray], lead: bool) -> list[float]:
    """Standard deviation of the noise of each plane.

    Parameters
    ----------
    colours : ndarray of shape (height, width, n_colours)
        The picture.
    planes : sequence of ndarrays of shape (height, width)
        What it is cleaned as.
    lead : bool
        Whether the first plane is luminance and the others are chrominances. These are smooth:
        low frequencies tell their noise, which subsampling has taken from the high ones, as long
        as it is not above the luminance's.
    """
    if has_few_values(colours):
        return [0.0] * len(planes)
    clipped = saturated(colours)
    n_colours = colours.shape[2]
    luma = colours @ LUMA if n_colours == 3 else colours[..., 0]
    before = jpeg_noise(luma, clipped, ROUNDED_COLOURS if n_colours == 3 else 1.0)
    spectra = [spectrum(plane, clipped) for plane in planes]
    if before is None:
        levels = [found.level() for found in spectra]
        if levels[0] < FAR_LESS * spectra[0].middle() and has_grid(luma, clipped):
            levels = [
                max(level, found.middle()) for level, found in zip(levels, spectra, strict=True)
            ]
        if lead:
            levels[0] = _as_in_chroma(levels[0], spectra, 4)
    else:
        # of the planes' frequencies that JPEG keeps, most have the luminance's noise alone
        level = JPEG_SHARES[n_colours] * np.sqrt(n_colours) * before
        if not lead and spectra[0].is_hardly_rounded():
            level = min(level, MORE_THAN_WHOLE * spectra[0].level())
        if lead:
            level = _at_most_chroma(level, spectra, colours, clipped)
            if spectra[0].power[4] > STEEP**2 * spectra[0].power[1]:
                coloured = _as_in_chroma(level, spectra, 5)
                level = coloured if level < FAR_LESS * coloured else level
        levels = [_less(found.not_pattern(level), JPEG_TEXTURE, FULL) for found in spectra]
    levels = [
        0.0 if _is_none(level, found, plane, before is not None) else level
        for level, found, plane in zip(levels, spectra, planes, strict=True)
    ]
    if lead:
        first = levels[0]
        for index in range(1, len(planes)):
            low = float(np.sqrt(spectra[index].power[-1]))
            if before is not None:  # of a chrominance few bands are left, if any
                levels[index] = min(first, max(low, JPEG_CHROMA * first))
            else:
                sure = 255 * cautious([first / 255], lead)[0]
                levels[index] = max(levels[index], min(sure, low))
    return [level / 255 for level in levels]


def _as_in_chroma(level: float, spectra: Sequence[Spectrum], band: int) -> float:
    """A level of luminance, or that of coloured noise which its chrominances have as well.

    They have hardly any texture, so if their blocks are all alike and have more in a low band than
    in the highest one, there is noise: of a sensor whose colours were made up, of a picture that
    was straightened, enlarged or blurred. Luminance has as much of their spectrum as fits under its
    own. Subsampling has taken from the fifth band, but not from the sixth.
    """
    luma, *chroma = spectra
    # the sixth band has more of the picture, so more is asked of what is believed
    least, most = TOLD_COLOURED, np.array(SPREAD_CHROMA)
    if band == 5:
        least, most = STEEP**2, np.array((SPREAD_COLOURED, SPREAD_COLOURED))
    told = [
        found.power
        for found in chroma
        if found.power[4] > least * found.power[0]
        and found.spread[band - 1 : band + 1].min() >= SPREAD_LEAST
        and (found.spread[band - 1 : band + 1] <= most).all()
    ]
    if not told or luma.power[4] < TOLD_COLOURED * luma.power[0]:
        return level
    power = np.min(told, axis=0)
    share = min(1.0, float((luma.power / power).min()))
    return max(np.sqrt(share * power[band]), min(level, (power[4] * power[5]) ** 0.25))


def _is_none(level: float, found: Spectrum, plane: np.ndarray, rounded: bool) -> bool:
    """Whether what was measured of a plane is none: dots, print, codes or drawings.

    JPEG's steps, where they are known, may have rounded noise to nothing: then there is print only
    on paper, most of which is white.
    """
    if not level or found.n_apart < LEAST_APART:
        return False
    if is_dots(level, found.power, found.between_lines):
        return True
    if rounded and found.clipped < MOSTLY_PAPER:
        return False
    low = np.square(_DCT @ _blocks(plane) @ _DCT.T)[:, BANDS[4] | BANDS[5]].mean(axis=1)
    return is_print(level, found.power, low)


def _at_most_chroma(
    level: float, spectra: Sequence[Spectrum], colours: np.ndarray, clipped: np.ndarray
) -> float:
    """A level of JPEG's luminance, or that of its chrominances if that is somewhat lower.

    Noise that was independent in red, green and blue is as strong in all of the planes, and
    chrominances have hardly any texture. A level that is much higher than theirs is not texture:
    that noise was not independent, as film grain, or of weaker colours, as of a camera.
    """
    power = spectra[0].power
    textured = power[3] > TEXTURED**2 * power[1]
    white = [
        float(np.sqrt(found.power[2]))
        for found in spectra[1:]
        if found.power[0] > WHITE_CHROMA**2 * found.power[3]
    ]
    # without texture, those of all pixels cost 2.2 dB on one of those 18 pictures at sigma 5; those
    # of half as many gain everywhere
    before = None if white else chroma_noise(colours, clipped, full=textured)
    if white:
        chroma = max(white)
    elif before is not None:
        chroma = CHROMA_SHARE * float(np.sqrt(3) * np.linalg.norm(LUMA)) * before
    else:
        return level
    most = ABOVE_CHROMA[1 if textured else 0]
    return chroma if chroma < level <= most * chroma else level


def saturated(colours: np.ndarray) -> np.ndarray:
    """Where a channel is at an end of its range that many of its pixels share, (height, width).

    Noise is cut off there.
    """
    found = np.zeros(colours.shape[:2], dtype=bool)
    for channel in range(colours.shape[2]):
        plane = colours[..., channel]
        for end in (plane.min(), plane.max()):
            at_end = plane == end
            if at_end.mean() > 1e-3:
                found |= at_end
    return found


def spectrum(plane: np.ndarray, clipped: np.ndarray) -> Spectrum:
    """The spectrum of a plane's noise; zero where there are no blocks that tell it.

    Parameters
    ----------
    plane : ndarray of shape (height, width)
    clipped : ndarray of shape (height, width), bool
        Pixels to keep away from, where there are enough others.
    """
    n_bands = len(BANDS)
    nothing = Spectrum(
        np.zeros(n_bands), np.zeros(n_bands), np.ones(n_bands), np.zeros(SIZE**2), 0.0, 0.0
    )
    if min(plane.shape) < SIZE:
        return nothing
    blocks = _blocks(plane)
    n_apart = plane.size / len(blocks) / SIZE**2  # of a block
    tells = _that_tell(blocks, clipped, LEAST_APART / n_apart)
    if not tells.any():
        return nothing
    squares = np.square(_DCT @ blocks[tells] @ _DCT.T)
    power, spread = np.empty(n_bands), np.empty(n_bands)
    for index, band in enumerate(BANDS):
        means = squares[:, band].mean(axis=1)
        n = int(band.sum())
        # of white noise of variance 1
        flattest, larger = chi2.ppf(QUANTILES, n) / n, chi2.ppf(SPREAD_QUANTILES, n) / n
        power[index] = np.mean(np.quantile(means, QUANTILES) / flattest)
        low, high = np.quantile(means, SPREAD_QUANTILES) / larger
        spread[index] = np.sqrt(high / low) if low > 0 else np.inf
    pixels = blocks[tells].reshape(-1, SIZE**2).astype(np.float64)
    pixels -= pixels.mean(axis=1, keepdims=True)
    variances = np.linalg.eigvalsh(pixels.T @ pixels / len(pixels))
    variances = np.maximum(variances, 0)
    between = _between_lines(plane, clipped)
    return Spectrum(
        power, between, spread, variances, float(clipped.mean()), n_apart * int(tells.sum())
    )


def _between_lines(plane: np.ndarray, clipped: np.ndarray) -> np.ndarray:
    """Variance of a coefficient by band, but for frequencies where much more is than beside them.

    A mesh, a weave or a halftone has the same power in all of its blocks, as noise has, and no
    flat ones; but a Fourier transform has it in lines. The quarter of a band's frequencies with the
    least power lies between them. Without a pattern this is at least what flat blocks have.
    """
    n_bands = len(BANDS)
    height, width = (min(length, TILE) for length in plane.shape)
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    band = _band_of_frequencies(height, width)
    result = np.zeros(n_bands)
    for row in _starts(plane.shape[0], height):
        for column in _starts(plane.shape[1], width):
            place = slice(row, row + height), slice(column, column + width)
            tile = plane[place] * np.float32(255)
            varies = maximum_filter(tile, SIZE) - minimum_filter(tile, SIZE) > TELLS
            weight = window * varies
            total = float(np.square(weight).sum())
            if not total:
                continue
            # Of noise, clipping at s of the pixels leaves more than (1 - s)^2 of the variance: of
            # normal noise around the end itself s = 1/2 and 1/2 - 1 / (2 pi). Where nearly all
            # pixels are at the ends, a picture is black and white.
            share = clipped[place][varies].mean()
            total *= (1 - share) ** 2 if share < BLACK_AND_WHITE else 1.0
            tile = (tile - np.average(tile, weights=weight)) * weight
            periodogram = np.square(np.abs(rfft2(tile))) / total
            for index in range(n_bands):
                own = periodogram[band == index]
                if len(own):
                    result[index] = max(result[index], float(np.quantile(own, QUARTER)))
    if not result.any():
        return np.full(n_bands, np.inf)
    # the power of noise is distributed exponentially
    return LINES * result / -np.log1p(-QUARTER)


def _band_of_frequencies(height: int, width: int) -> np.ndarray:
    """The band of each frequency of `rfft2`, -1 for those of none."""
    rows = np.rint(2 * SIZE * np.abs(fftfreq(height))).astype(int)
    columns = np.rint(2 * SIZE * rfftfreq(width)).astype(int)
    result = np.full((height, len(columns)), -1)
    inside = np.ix_(rows < SIZE, columns < SIZE)
    of_coefficient = np.full((SIZE, SIZE), -1)
    for index, own in enumerate(BANDS):
        of_coefficient[own] = index
    result[inside] = of_coefficient[np.ix_(rows[rows < SIZE], columns[columns < SIZE])]
    return result


def _starts(length: int, size: int) -> list[int]:
    """Where up to three tiles begin, evenly spaced."""
    number = min(3, -(-length // size))
    return sorted({round(start) for start in np.linspace(0, length - size, number)})


def _that_tell(blocks: np.ndarray, clipped: np.ndarray, least: float) -> np.ndarray:
    """Which blocks are not constant, and of these not clipped, or the least so, bool.

    Those without clipped pixels are not enough if they are fewer than `least`.
    """
    varied = np.ptp(blocks, axis=(1, 2)) > TELLS
    n_varied = max(1, int(varied.sum()))
    n_clipped = _blocks(clipped).sum(axis=(1, 2))
    few = n_clipped == 0
    if (varied & few).sum() <= max(LEAST_WHOLE * len(few), min(least, 0.8 * n_varied)):
        share = min(1.0, max(LEAST_CLIPPED, least / n_varied))
        few = n_clipped <= np.quantile(n_clipped[varied], share) if varied.any() else few
    return varied & few


def _blocks(plane: np.ndarray) -> np.ndarray:
    """Overlapping blocks (n_blocks, SIZE, SIZE) of a plane, its floats in grey levels of 255."""
    step = 1
    while plane.size > N_BLOCKS * step**2:
        step += 2  # odd, or the grid of a JPEG file before the noise may have more weight
    windows = np.lib.stride_tricks.sliding_window_view(plane, (SIZE, SIZE))[::step, ::step]
    blocks = windows.reshape(-1, SIZE, SIZE)
    if plane.dtype != bool:
        blocks = blocks.astype(np.float32, copy=False) * np.float32(255)
    return blocks


def cautious(levels: Sequence[float], lead: bool) -> list[float]:
    """The parts of measured levels that are removed: less `OWN_NOISE`, in power, where it is low.

    Noise that a clean picture had of its own looks like noise on it. Removing it makes the
    picture differ more from what it was. Let o and n be the standard deviations of both. Taking
    the share g = n^2 / (o^2 + n^2) off leaves the error g^2 o^2 + (1 - g)^2 n^2 = g o^2 <= n^2:
    so that is never worse than the noise, as long as o is at most `OWN_NOISE`.

    Parameters
    ----------
    levels : sequence of float
    lead : bool
        Whether the first one is of the luminance of colours. Its white is sqrt(3), and so is what
        noise that the channels share, as film grain, is multiplied by.
    """
    cautioned = []
    for index, level in enumerate(levels):
        own = OWN_NOISE * (np.sqrt(3) if lead and index == 0 else 1.0)
        cautioned.append(_less(level, own))
    return cautioned


def _less(level: float, other: float, full: float = 4.0) -> float:
    """A level less another one, in power; all of that at it, nothing from `full` times it on."""
    fade = np.clip((full**2 - (level / other) ** 2) / (full**2 - 1), 0.0, 1.0)
    return float(np.sqrt(max(level**2 - fade * other**2, 0.0)))
