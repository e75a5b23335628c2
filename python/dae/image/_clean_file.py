"""One picture file cleaned into another: what the command ``dae denoise`` does for each file."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dae._files import write_whole
from dae.image._cleaning import clean_picture
from dae.image._format import (
    LARGEST_RANGE,
    NOISE_REACH,
    ROUNDING,
    fewer_bits,
    is_almost_black,
    largest_value,
)
from dae.image._io import KINDS, read_pages, write
from dae.image._pillow import silence_libraries
from dae.image._source import SourceFile

LOSSY = ("JPEG", "WEBP")
WHITES = (1, 255, 1023, 4095, 16383, 65535)  # values of white that pictures of floats have

# What decides white may be no part of the picture: a value for no data, where all others are less
# than this share of white, or a few bright pixels of a sensor, where they are the only ones above
# the other share
LOW_DECIDES, HIGH_DECIDES, FEW = 4, 16, 1e-3


@dataclass(frozen=True)
class CleanedFile:
    """The outcome for a file, for a summary.

    Attributes
    ----------
    n_pages : int
        Pictures in the file; more than one in a TIFF stack only.
    n_pixels : int
        Of all pages.
    sigmas : tuple of float
        The noise level that was used for each page, where white is 1; 0 for a page that is
        unchanged; empty for a denoiser that is not told a level.
    notes : tuple of str
        What was assumed, converted or lost: each a clause without the name of the file, without
        a capital and without a full stop.
    """

    n_pages: int
    n_pixels: int
    sigmas: tuple[float, ...]
    notes: tuple[str, ...]


def clean_file(
    denoiser: Any,
    path: Path,
    goal: Path,
    *,
    sigma: float | None = None,
    data_range: float | None = None,
    quality: int | None = None,
    progress: Callable[[float], Any] | None = None,
) -> CleanedFile:
    """Clean each page of a picture file and write the result, whole or not at all.

    A file of a lossy format of which nothing is removed is copied.

    Parameters
    ----------
    denoiser : ImageDenoiser
        Fitted.
    path, goal : Path
        May be the same. The suffix of `goal` decides on the format; its folder must exist.
    sigma : float or None
        The noise level where white is 1; None estimates it page by page. Only for a denoiser that
        is told a level (`ImageDenoiser.tells_level`).
    data_range : float or None
        The value of white; None takes `denoiser.data_range`, or what the pixels tell.
    quality : int or None
        Of JPEG and WebP, 1 to 100; None takes that of the source, or 95.
    progress : callable or None
        Called now and then with the share of the file that is done, from 0 to 1.

    Raises
    ------
    OSError, ValueError
        In one line that names the file.
    """
    cleaner = denoiser._cleaner()
    with silence_libraries():
        pages, source = read_pages(path)
    if data_range is None:
        data_range = denoiser.data_range
    n_pages, n_pixels = len(pages), sum(page.shape[0] * page.shape[1] for page in pages)
    whites = {} if data_range is not None else _whites(pages, source)
    cleaned, sigmas = [], []
    for number in range(n_pages):
        page = pages.pop(0)  # not kept, as it may be large
        name = str(path) if n_pages == 1 else f"page {number + 1} of {path}"
        white = whites.get(_kind(page), data_range)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said by notes
            result = clean_picture(
                cleaner,
                page,
                name,
                sigma=sigma,
                mask=None,
                data_range=white,
                progress=None if progress is None else _Part(progress, number, n_pages),
            )
        del page
        cleaned.append(result.pixels)
        if result.sigma is not None:
            sigmas.append(result.sigma)
    low, high = cleaner.levels
    if sigma and cleaner.tells_level and not low <= sigma <= high:
        source.note(
            f"sigma {255 * sigma:.3g} is outside the levels of the model, {255 * low:.1f} to "
            f"{255 * high:.1f}: {255 * sigmas[0]:.1f} was used"
            + (", and no more than the noise is removed" if sigma < low else "")
        )
    unchanged = cleaner.tells_level and not any(sigmas) and quality is None
    if (
        unchanged
        and not source.notes
        and source.kind in LOSSY
        and KINDS.get(goal.suffix.lower()) == source.kind
    ):
        # written anew, it would lose a little each time
        content = path.read_bytes()
        write_whole(goal, lambda file: file.write(content))
        return CleanedFile(n_pages, n_pixels, tuple(sigmas), ())
    with silence_libraries():
        notes = write(goal, cleaned, source, quality=quality)
    return CleanedFile(
        n_pages,
        n_pixels,
        tuple(sigmas),
        (*source.notes, *notes),
    )


class _Part:
    """The progress of one page as that of the file."""

    def __init__(self, progress: Callable[[float], Any], number: int, n_pages: int) -> None:
        self.progress, self.number, self.n_pages = progress, number, n_pages

    def __call__(self, done: float) -> None:
        self.progress((self.number + done) / self.n_pages)


def _kind(page: np.ndarray) -> str:
    """What pages have in common that have one white: 16 bits are stored as 32 if one is below 0."""
    return "8 bits" if page.dtype == np.uint8 else page.dtype.kind.replace("i", "u")


def _whites(pages: list[np.ndarray], source: SourceFile) -> dict[str, float | None]:
    """For each kind of pages the value of white, so that sigma has one meaning in a file."""
    alike: dict[str, list[np.ndarray]] = {}
    for page in pages:
        alike.setdefault(_kind(page), []).append(page)
    return {kind: _white(pages, source) for kind, pages in alike.items()}


def _white(pages: list[np.ndarray], source: SourceFile) -> float | None:
    """The value of white that pages of one kind tell, noted if it is not that of the dtype."""
    dtypes = {page.dtype for page in pages}
    highest = float(np.fmax.reduce([largest_value(page) for page in pages]))
    if dtypes == {np.dtype(np.uint16)}:
        bits = fewer_bits(highest)
        if bits is None:
            if reason := _reason(pages, 65535.0):
                source.note(f"white is taken to be 65535{reason}")
            return 65535.0
        white = float(2**bits - 1)
        source.note(f"white is taken to be {white:.0f} ({bits} bits){_reason(pages, white)}")
        return white
    is_float = pages[0].dtype.kind == "f"
    if (is_float and 1 + NOISE_REACH < highest <= LARGEST_RANGE) or np.dtype(np.int32) in dtypes:
        white = float(next((w for w in WHITES if highest <= w * (1 + ROUNDING)), highest))
        source.note(f"white is taken to be {white:g}{_reason(pages, white)}")
        return white
    if is_float and is_almost_black(highest):
        source.note(
            f"white is taken to be 1, but no value is above {highest:.3g}: if white is less, scale "
            "the picture, or pass the array to Python with data_range"
        )
    return None


def _reason(pages: list[np.ndarray], white: float) -> str:
    """Why white is that large, where what decided it may be no part of the picture."""
    low, high = (
        float(reduce.reduce([reduce.reduce(page, axis=None) for page in pages]))
        for reduce in (np.fmin, np.fmax)
    )
    if -low > white / LOW_DECIDES > high:
        return f", because of {low:.6g}: if that stands for no data, replace it first"
    part = white / HIGH_DECIDES
    n_above = sum(int(np.count_nonzero(page > part)) for page in pages)
    n_values = sum(page.size for page in pages)
    if low < -part or n_above > FEW * n_values:
        return ""
    return (
        f", because of {n_above} of {n_values} values, all others are at most {part:.0f}: if "
        "they are no part of the picture, replace them first"
    )
