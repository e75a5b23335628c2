"""The format of a picture in memory: its shape, its dtype, its value of white.

`ImageFormat.of`         inspects an array and refuses what is no picture
`ImageFormat.to_unit`    pixels as float32, black 0, white 1, without the alpha channel
`ImageFormat.from_unit`  back to the dtype, range, shape and alpha channel of the input
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

# How far pictures of floats may leave [0, 1]: clean ones by rounding, noisy ones by the noise,
# which is six standard deviations in one pixel of 10^9
ROUNDING = 1e-3
NOISE_REACH = 1.5


@dataclass(frozen=True)
class ImageFormat:
    """How a picture came.

    Attributes
    ----------
    shape : tuple of int
        (height, width), or (height, width, channels).
    dtype : numpy dtype
    white : float
        The value that stands for white; black is 0.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    white: float

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
        """Look at an array.

        Parameters
        ----------
        image : ndarray
        name : str
            What to call it in messages.
        data_range : float or None
            The value of white in float images; None means 1.
        noise : float or None
            Standard deviation of the noise that floats may have on them, where white is 1;
            None: they are clean.
        nan_means : str or None
            What NaN is taken for; None refuses NaN.
        """
        shape = image.shape
        if image.ndim not in (2, 3) or (image.ndim == 3 and shape[2] not in (1, 2, 3, 4)):
            raise ValueError(
                f"{name} must have shape (height, width) or (height, width, channels) with 1 to "
                f"4 channels (the last of 2 or 4 is alpha), got {shape}."
            )
        if 0 in shape:
            raise ValueError(f"{name} must have pixels, got shape {shape}.")
        if image.dtype in (np.uint8, np.uint16):
            return cls(shape, image.dtype, float(np.iinfo(image.dtype).max))
        if image.dtype.kind != "f":
            raise ValueError(
                f"{name} must hold uint8, uint16 or floats, got {image.dtype}. Convert it, for "
                "example with image.astype(np.uint8) if its values go from 0 to 255."
            )
        white = 1.0 if data_range is None else float(data_range)
        n_nan = int(np.isnan(image).sum())
        if n_nan and nan_means is None:
            raise ValueError(
                f"{name} has NaN in {n_nan} places. Fill them, or use a denoiser of "
                "noise='masking', which takes NaN for missing pixels."
            )
        if n_nan == image.size:
            raise ValueError(f"{name} has no pixel that is known: all are NaN.")
        low, high = float(np.nanmin(image)), float(np.nanmax(image))
        reach = ROUNDING if noise is None else max(NOISE_REACH, 6 * noise)
        if not (-reach * white <= low and high <= (1 + reach) * white):
            raise ValueError(
                f"{name} must have floats from 0 (black) to {white:g} (white), got values from "
                f"{low:.6g} to {high:.6g}. Divide by the value of white, or pass it as data_range."
            )
        return cls(shape, image.dtype, white)

    def to_unit(self, image: np.ndarray) -> np.ndarray:
        """Colours as float32 (height, width, n_colours), black 0, white 1. NaN stays."""
        colours = image.reshape(*self.shape[:2], self.n_channels)[..., : self.n_colours]
        return np.multiply(colours, np.float32(1 / self.white), dtype=np.float32, casting="unsafe")

    def from_unit(self, colours: np.ndarray, image: np.ndarray, keep: Any = False) -> np.ndarray:
        """`colours` in this form; what they do not hold, and where `keep`, is from `image`."""
        result = image.reshape(*self.shape[:2], self.n_channels).copy()
        values = np.clip(colours, 0, 1).astype(np.float64 if self.white > 1 else np.float32)
        values *= self.white
        if self.dtype.kind == "u":
            values = np.rint(values)
        old = result[..., : self.n_colours]
        result[..., : self.n_colours] = np.where(keep, old, values.astype(self.dtype))
        return result.reshape(self.shape)
