"""The format of a picture in memory: its shape, its dtype, its value of white.

`ImageFormat.of`         inspects an array and refuses what is no picture
`ImageFormat.to_unit`    pixels as float32, black 0, white 1, without the alpha channel
`ImageFormat.from_unit`  back to the dtype, range, shape and alpha channel of the input

Values beyond black and white are of two kinds. Noise takes single pixels there, and what is left of
it after cleaning is cut off. Whole regions are there because black or white is elsewhere, as in CT,
where air is -1000, or in pictures whose mean has been subtracted: their values are kept. So are
those of pictures around zero, such as the difference of two, of which many are further below than
noise is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

# How far pictures may leave [0, 1]: clean ones by rounding, noisy ones by the noise, which is six
# standard deviations in one pixel of 10^9
ROUNDING = 1e-3
NOISE_REACH = 1.5

# Blocks that tell whether regions are beyond black or white, height and width in pixels: larger
# ones tell smaller differences. Of white noise the mean of a block would have to differ by so many
# of its standard deviations; of noise blurred over 4 pixels that is 5 deviations.
BLOCKS, SURE = (8, 16, 32, 64), 20

# Of the values that Gaussian noise takes below black, 1 of 22 is more than two of its standard
# deviations (DEEP) below, and of an estimate from blocks (of that size, a low quantile of those
# that reach black) at most 1 of 15. Where there are more than 1 of 14 the picture is there itself;
# not where they are single pixels, of less than so much of the picture.
NOISE_BLOCK, NOISE_QUANTILE, DEEP, DEEP_SHARE, SINGLE = 16, 0.1, 2, 0.07, 1e-3

# bits of a pixel that cameras, microscopes and scanners store in 16
FEWER_BITS = (8, 10, 12, 14)

ALMOST_BLACK = 0.02  # floats that reach no further are likely to have another white than 1

SMALLEST_RANGE, LARGEST_RANGE = 1e-30, 1e30  # what float32 can be divided by


@dataclass(frozen=True)
class ImageFormat:
    """The format of a picture.

    Attributes
    ----------
    shape : tuple of int
        (height, width), or (height, width, channels).
    dtype : numpy dtype
    white : float
        The value that stands for white; black is 0.
    lowest, highest : float
        The range of cleaned values where white is 1: from 0 to 1, and on the sides where the
        picture is beyond that itself, to its last value.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    white: float
    lowest: float = 0.0
    highest: float = 1.0

    @property
    def n_channels(self) -> int:
        """Channels, alpha included."""
        return 1 if len(self.shape) == 2 else self.shape[2]

    @property
    def n_colours(self) -> int:
        """Channels without alpha: of two or four, the last is alpha."""
        return {1: 1, 2: 1, 3: 3, 4: 3}[self.n_channels]

    @classmethod
    def of(
        cls,
        image: np.ndarray,
        name: str,
        *,
        data_range: float | None = None,
        noise: float | None = None,
        nan_means: str | None = None,
    ) -> ImageFormat:
        """Inspect an array.

        Parameters
        ----------
        image : ndarray
        name : str
            What to call it in messages.
        data_range : float or None
            The value of white. None: 1 for floats, the largest value of uint8, and of uint16 and
            int16 that of the number of bits that the picture uses, with a warning if that is
            not 16.
        noise : float or None
            Standard deviation of the noise that the picture may have, where white is 1; None: it
            is clean.
        nan_means : str or None
            What NaN stands for; None refuses NaN.
        """
        shape, dtype = image.shape, image.dtype
        if image.ndim not in (2, 3) or (image.ndim == 3 and shape[2] not in (1, 2, 3, 4)):
            raise ValueError(
                f"{name} must have shape (height, width) or (height, width, channels) with 1 to "
                f"4 channels (the last of 2 or 4 is alpha), got {shape}."
            )
        if 0 in shape:
            raise ValueError(f"{name} must have pixels, got shape {shape}.")
        if dtype.kind not in "uif":
            raise ValueError(
                f"{name} must hold integers or floats, got {dtype}. Convert it, for example with "
                "image.astype(np.uint8) if its values go from 0 to 255."
            )
        if data_range is not None and not SMALLEST_RANGE <= data_range <= LARGEST_RANGE:
            raise ValueError(
                f"data_range, the value of white, must be from {SMALLEST_RANGE:g} to "
                f"{LARGEST_RANGE:g}, got {data_range!r}."
            )
        if data_range is not None and dtype.kind in "ui":
            largest = np.iinfo(dtype).max
            if data_range > 2 * (float(largest) + 1):
                raise ValueError(
                    f"{name} holds {dtype}, whose values are at most {largest}; data_range, the "
                    f"value of white, must be near to that or less, got {data_range:.6g}."
                )
        white = own_white(image, name) if data_range is None else float(data_range)
        if dtype.kind == "f":
            n_nan = int(np.isnan(image).sum())
            if n_nan and nan_means is None:
                raise ValueError(
                    f"{name} has NaN in {n_nan} places. Fill them, or use a denoiser of "
                    "noise='masking', which takes NaN for missing pixels."
                )
            if n_nan == image.size:
                raise ValueError(f"{name} has no pixel that is known: all are NaN.")
        elif data_range is None and dtype.kind == "u":
            return cls(shape, dtype, white)
        low, high = float(np.nanmin(image)), float(np.nanmax(image))
        reach = ROUNDING if noise is None else max(NOISE_REACH, 6 * noise)
        if not (-reach * white <= low and high <= (1 + reach) * white):
            raise ValueError(
                f"{name} must have {'floats' if dtype.kind == 'f' else 'values'} from 0 (black) "
                f"to {white:g} (white), got values from {low:.6g} to {high:.6g}. Divide by the "
                "value of white, or pass it as data_range"
                f"{'; subtract the value of black first' if low < 0 else ''}."
            )
        result = cls(shape, dtype, white)
        below, above = result._keeps_beyond(image, low < 0, high > white)
        return replace(
            result,
            lowest=low / white if below else 0.0,
            highest=high / white if above else 1.0,
        )

    def _keeps_beyond(self, image: np.ndarray, *there_are: bool) -> tuple[bool, bool]:
        """Whether more of a picture than its noise is below black, and above white.

        `there_are` says whether any values are there.
        """
        if not any(there_are):
            return False, False
        # a copy of all would need memory
        strips = [image[top : top + BLOCKS[-1]] for top in range(0, self.shape[0], BLOCKS[-1])]
        blocks = [block_means(self.to_unit(strip)) for strip in strips]
        below, above = (
            there
            and (
                any(_regions_are(beyond, *means_and_errors) for means_and_errors in blocks)
                or self._is_deep(beyond, strips, blocks)
            )
            for there, beyond in zip(there_are, (below_black, above_white), strict=True)
        )
        return below, above

    def _is_deep(
        self,
        beyond: Callable[[np.ndarray], np.ndarray],
        strips: list[np.ndarray],
        blocks: list[tuple[list[np.ndarray], list[np.ndarray]]],
    ) -> bool:
        """Whether too many pixels are further beyond black, or white, than noise is."""
        noise = _noise_of_blocks(beyond, blocks)
        if noise is None:
            return False
        n_beyond = n_deep = n_values = 0
        for strip in strips:
            depth = beyond(self.to_unit(strip))
            n_beyond += int(np.count_nonzero(depth > 0))
            n_deep += int(np.count_nonzero(depth > DEEP * noise))
            n_values += depth.size
        return n_deep > max(DEEP_SHARE * n_beyond, SINGLE * n_values)

    def to_unit(self, image: np.ndarray) -> np.ndarray:
        """Colours as float32 (height, width, n_colours), black 0, white 1. NaN is kept."""
        colours = image.reshape(*image.shape[:2], self.n_channels)[..., : self.n_colours]
        return np.multiply(colours, np.float32(1 / self.white), dtype=np.float32, casting="unsafe")

    def from_unit(self, colours: np.ndarray, image: np.ndarray, keep: Any = False) -> np.ndarray:
        """`colours` in this format; what they lack, and where `keep`, is taken from `image`."""
        result = image.reshape(*image.shape[:2], self.n_channels).copy()
        values = np.clip(colours, self.lowest, self.highest)
        values = values.astype(np.float64 if self.white > 1 else np.float32)
        values *= self.white
        if self.dtype.kind in "ui":
            values = np.clip(np.rint(values), *integers_of(self.dtype))
        else:
            values = np.clip(values, np.finfo(self.dtype).min, np.finfo(self.dtype).max)
        old = result[..., : self.n_colours]
        result[..., : self.n_colours] = np.where(keep, old, values.astype(self.dtype))
        return result.reshape(image.shape)


def integers_of(dtype: np.dtype) -> tuple[float, float]:
    """The smallest and largest floats that are integers of that dtype."""
    limits = np.iinfo(dtype)
    largest = float(limits.max)
    if int(largest) > limits.max:  # of 64 bits, where floats are further apart than 1
        largest = float(np.nextafter(largest, 0.0))
    return float(limits.min), largest


def below_black(values: np.ndarray) -> np.ndarray:
    """How far values are below black, where white is 1."""
    return -values


def above_white(values: np.ndarray) -> np.ndarray:
    return values - 1


def block_means(colours: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Means of blocks of each size of `BLOCKS`, and their standard errors if noise is white.

    Parameters
    ----------
    colours : ndarray of shape (height, width, n_colours)
        Of a size that it does not have, blocks are as large as it is; rests at the end are left.
    """
    means, errors = [], []
    total, squares, n_pixels = colours, np.square(colours, dtype=np.float64), 1
    for size, last in zip(BLOCKS, (1, *BLOCKS[:-1]), strict=True):
        n_pixels *= min(size // last, total.shape[0]) * min(size // last, total.shape[1])
        total, squares = (_block_sums(values, size // last) for values in (total, squares))
        mean = total / n_pixels
        means.append(mean)
        errors.append(np.sqrt(np.maximum(squares / n_pixels - mean**2, 0) / n_pixels))
    return means, errors


def _regions_are(
    beyond: Callable[[np.ndarray], np.ndarray], means: list[np.ndarray], errors: list[np.ndarray]
) -> bool:
    """Whether the mean of a block is beyond black, or white, by more than its noise explains."""
    return any(
        bool((beyond(mean) - SURE * error > ROUNDING).any())
        for mean, error in zip(means, errors, strict=True)
    )


def _noise_of_blocks(
    beyond: Callable[[np.ndarray], np.ndarray],
    blocks: list[tuple[list[np.ndarray], list[np.ndarray]]],
) -> float | None:
    """Standard deviation of the noise in blocks that reach black, or white; None without such."""
    size = BLOCKS.index(NOISE_BLOCK)
    found = []
    for means, errors in blocks:
        deviation = errors[size] * NOISE_BLOCK
        reaches = (deviation > 0) & (beyond(means[size]) + DEEP * deviation > 0)
        found.append(deviation[reaches])
    deviations = np.concatenate(found)
    return float(np.quantile(deviations, NOISE_QUANTILE)) if deviations.size else None


def _block_sums(values: np.ndarray, size: int) -> np.ndarray:
    height, width = (min(size, length) for length in values.shape[:2])
    rows, columns = values.shape[0] // height, values.shape[1] // width
    blocks = values[: rows * height, : columns * width]
    blocks = blocks.reshape(rows, height, columns, width, values.shape[2])
    return blocks.sum(axis=(1, 3), dtype=np.float64)


def own_white(image: np.ndarray, name: str) -> float:
    """The value of white that the dtype, and for 16 bits the largest value, tell."""
    if image.dtype.kind == "f":
        reached = largest_value(image)
        if is_almost_black(reached):
            warnings.warn(
                f"{name} holds floats up to {reached:.3g}, where white is 1: it is almost black. "
                "Pass the value of white as data_range if it is not 1.",
                stacklevel=2,
            )
        return 1.0
    largest = int(np.iinfo(image.dtype).max)
    if image.dtype == np.uint8:
        return float(largest)
    if image.dtype.itemsize != 2:
        raise ValueError(
            f"{name} holds {image.dtype}, which does not tell the value of white. Pass it as "
            "data_range, for example data_range=4095 for 12 bits, or convert the picture, for "
            "example with image.astype(np.uint8) if its values go from 0 to 255."
        )
    bits = fewer_bits(largest_value(image))
    if bits is None:
        return float(largest)
    white = 2**bits - 1
    values = f"up to {image.max()}"
    if image.min() < 0:
        values = f"from {image.min()} to {image.max()}"
    warnings.warn(
        f"{name} holds {image.dtype} with values {values}: white is taken to be "
        f"{white} ({bits} bits). Pass data_range={largest} if all bits are used.",
        stacklevel=2,
    )
    return float(white)


def is_almost_black(largest: float) -> bool:
    """Whether floats with that largest value are black throughout if white is 1."""
    return 0 < largest < ALMOST_BLACK


def fewer_bits(highest: float) -> int | None:
    """Bits that a 16-bit picture uses by its largest value, or None for all of them."""
    if highest > 0:
        for bits in FEWER_BITS:
            if highest < 2**bits:
                return bits
    return None


def largest_value(image: np.ndarray) -> float:
    """The largest value without regard to signs, 0 where there is none; NaN is passed over."""
    if not image.size:
        return 0.0
    if image.dtype.kind == "f":  # without nanmax's warning where all are NaN, and without a copy
        highest, lowest = np.fmax.reduce(image, axis=None), np.fmin.reduce(image, axis=None)
    else:
        highest, lowest = image.max(), 0 if image.dtype.kind == "u" else image.min()
    return max(float(highest), -float(lowest))
