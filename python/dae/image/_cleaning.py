"""A fitted denoiser at work: a picture, its planes, their resolutions, their patches.

clean_picture    one picture in the format it came in
Cleaner          one plane, at each resolution: its patches through the network, averaged; or all of
                 it through a network that convolves
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from math import lcm
from typing import Any

import numpy as np

from dae._model.damage import damaged
from dae._training.monitor import report
from dae.image._colour import GREY, from_planes, to_planes
from dae.image._crops import check_size
from dae.image._format import ImageFormat
from dae.image._multiscale import cleaned_at_scales, n_scales, reach
from dae.image._noise import pixels_to_make_up
from dae.image._noise_level import cautious, noise_levels
from dae.image._patch_task import LOST, PatchTask
from dae.image._patches import filter_picture
from dae.image._removal import ALIGNED, REACH, limit_removal
from dae.image._training import set_known

# Large pictures are cleaned in tiles, so that memory is a few times the picture: a tile of this
# height and width needs about 350 MB
TILE = 2048

# A network that convolves takes smaller ones: two maps of one have about so many bytes. With 64
# channels, at half the resolution, that is 1024 x 1024 pixels.
MAP_BYTES = 2**27

# Pixels around a tile that holes in it are filled from: those further away hardly count. All else
# is cleaned exactly as in the whole picture.
FILL_MARGIN = 192

# What a network may answer at most where white is 1: less than this is a bad answer, and more, or
# what is not finite, comes from weights that were changed after training
FURTHEST = 1e6

# height and width of the tiles that noise is estimated from, in large pictures, and their number
SAMPLE, N_SAMPLES = 1024, 16


@dataclass(frozen=True)
class Cleaner:
    """A fitted network with what decides how it is applied.

    Attributes
    ----------
    task : PatchTask
    network : estimator
    levels : tuple (low, high)
        Noise levels that the network was trained for.
    stride : int
        Pixels between neighbouring patches; 2 for a network that convolves, which takes 2 x 2
        pixels at a time.
    scales : int
        Resolutions, where the picture is large enough.
    luminance : bool
        Whether colours are cleaned as luminance and chrominances.
    count : callable or None
        Called with the number of patches each time some are cleaned.
    """

    task: PatchTask
    network: Any
    levels: tuple[float, float]
    stride: int
    scales: int
    luminance: bool
    count: Callable[[int], None] | None = None

    @classmethod
    def of(cls, denoiser: Any, task: PatchTask) -> Cleaner:
        """The cleaner that a fitted denoiser and its parameters describe."""
        network = copy(denoiser.autoencoder_)  # shares the weights
        set_known(network, n_jobs=denoiser.n_jobs, matmul_precision=denoiser.matmul_precision)
        asked = denoiser.scales
        stride = 1 if task.noise == "unknown" else min(int(denoiser.stride), task.answered)
        return cls(
            task,
            network,
            denoiser.level_,
            2 if task.convolves else stride,
            task.scales if asked is None else min(int(asked), task.scales),
            denoiser.color == "luminance" and task.noise not in LOST,
        )

    @property
    def tells_level(self) -> bool:
        """Whether the network is told the level: trained on a range of Gaussian noise."""
        return self.task.noise == "gaussian" and self.levels[0] < self.levels[1]

    @property
    def step(self) -> int:
        """Pixels between places where patches of all resolutions, and windows, start."""
        patches = self.stride * 2 ** (self.scales - 1)
        return lcm(patches, ALIGNED) if self.tells_level else patches

    @property
    def margin(self) -> int:
        """Pixels around a tile that its own pixels depend on; a multiple of `step`."""
        pixels = reach(self._seen, self.scales)
        if self.tells_level:
            pixels += REACH
        if self.task.noise in LOST:
            pixels = max(FILL_MARGIN, self._seen)
        return self.step * -(-pixels // self.step)

    @property
    def _seen(self) -> int:
        """Pixels to each side of one that the network makes it from."""
        return self.network._reach if self.task.convolves else self.task.size

    @property
    def smallest(self) -> int:
        """Height and width of the smallest picture that can be cleaned."""
        return 1 if self.task.convolves else self.task.size

    def level(self, sigma: float | None) -> float:
        """The level passed to the network: the nearest of those that it was trained for."""
        return float(np.clip(self.levels[0] if sigma is None else sigma, *self.levels))

    def watched(
        self, pieces: list[Tile], n_planes: int, progress: Callable[[float], Any]
    ) -> Cleaner:
        """A copy of the cleaner that tells `progress` how much of the picture is done."""
        pixels = sum(
            (tile.outer[0].stop - tile.outer[0].start) * (tile.outer[1].stop - tile.outer[1].start)
            for tile in pieces
        )
        patches = n_planes * pixels / self.stride**2 * sum(0.25**k for k in range(self.scales))
        done = 0

        def count(n_patches: int) -> None:
            nonlocal done
            done += n_patches
            progress(min(1.0, done / patches))

        return replace(self, count=count)

    def clean_plane(self, noisy: np.ndarray, lost: np.ndarray, level: float) -> np.ndarray:
        """A plane without its noise.

        Parameters
        ----------
        noisy : ndarray of shape (height, width)
        lost : bool ndarray of shape (height, width)
            Pixels to make up.
        level : float
            Standard deviation of the noise.
        """
        scales = n_scales(noisy.shape, self.task.coarsest, self.scales)
        return cleaned_at_scales(noisy, partial(self._clean_scale, lost), level, scales)

    def remove_measured(self, noisy: np.ndarray, sigma: float) -> np.ndarray:
        """A plane without noise of a measured level, which may be wrong or outside the range.

        No more than noise of that level is removed. Noise above the range is that of its upper
        end in a picture of less contrast.
        """
        if sigma == 0:
            return noisy
        level = self.level(sigma)
        contrast = noisy.dtype.type(min(1.0, level / sigma))
        nothing = np.zeros(noisy.shape, dtype=bool)
        if self.task.convolves:  # and looks at brightness: less contrast is nearer to grey
            grey = GREY * (1 - contrast)
            cleaned = (self.clean_plane(noisy * contrast + grey, nothing, level) - grey) / contrast
        else:
            cleaned = self.clean_plane(noisy * contrast, nothing, level) / contrast
        return limit_removal(noisy, as_answered(cleaned), sigma)

    def remove_told(self, noisy: np.ndarray, sigma: float | None) -> np.ndarray:
        """A plane without noise of a level that is known, or the one that was trained for.

        Below the range the network removes more than the noise. From its lower end to 0 the
        result goes over, without a step, from what the network answers to what is left of that
        by the limit, and so to the noisy plane.
        """
        nothing = np.zeros(noisy.shape, dtype=bool)
        cleaned = as_answered(self.clean_plane(noisy, nothing, self.level(sigma)))
        low = self.levels[0]
        if sigma is None or sigma >= low:
            return cleaned
        limited = limit_removal(noisy, cleaned, sigma)
        return limited + noisy.dtype.type((sigma / low) ** 4) * (cleaned - limited)

    def _clean_scale(self, lost: np.ndarray, plane: np.ndarray, level: float) -> np.ndarray:
        """A plane cleaned at one resolution."""
        task = self.task
        if task.convolves:
            return self._clean_map(level, task.planes(plane, lost))
        return filter_picture(
            task.planes(plane, lost),
            partial(self._clean_patches, level),
            task.size,
            self.stride,
            task.profile(),
        )

    def _clean_patches(self, level: float, *patches: np.ndarray) -> np.ndarray:
        given = self.task.show(patches, level)
        cleaned = self.task.cleaned(self.network.reconstruct(given.shown), given)
        if self.count is not None:
            self.count(len(cleaned))
        return cleaned

    def _clean_map(self, level: float, planes: tuple[np.ndarray, ...]) -> np.ndarray:
        """The first of these planes, by a network that takes pictures of any size, in parts."""
        channels = self.network._network().n_channels  # checked
        size = max(1, int(np.sqrt(MAP_BYTES / (2 * channels))))
        margin = self.stride * -(-self._seen // self.stride)
        cleaned = np.empty_like(planes[0])
        for part in tiles(planes[0].shape, margin, self.stride, size):
            answer = self._clean_part(level, tuple(plane[part.outer] for plane in planes))
            cleaned[part.inner] = answer[_inside(part.inner, part.outer)]
            if self.count is not None:
                self.count(cleaned[part.inner].size // self.stride**2)
        return cleaned

    def _clean_part(self, level: float, planes: tuple[np.ndarray, ...]) -> np.ndarray:
        height, width = planes[0].shape
        given = self.task.show(tuple(plane.reshape(1, -1) for plane in planes), level)
        seen = given.shown[:, :-1].reshape(1, len(planes), height, width)
        answer = self.network._reconstruct_pictures(seen, given.shown[:, -1])
        return self.task.cleaned(answer.reshape(1, -1), given).reshape(height, width)


def as_answered(cleaned: np.ndarray) -> np.ndarray:
    """A cleaned plane. Raises ValueError if it is not what a network that `fit` leaves answers."""
    furthest = max(float(cleaned.max()), -float(cleaned.min()))
    if not furthest <= FURTHEST:  # or NaN
        raise damaged(
            f"its network must answer with pixels from {-FURTHEST:g} to {FURTHEST:g}, where white "
            f"is 1, got {furthest:g}"
        )
    return cleaned


@dataclass(frozen=True)
class Cleaned:
    """A cleaned picture.

    Attributes
    ----------
    pixels : ndarray
        In the format of the input.
    sigma : float or None
        The noise level where white is 1: what the network was told, or what was measured and
        removed, of colours in the luminance; 0 if nothing was done; None where it is not told.
    """

    pixels: np.ndarray
    sigma: float | None


def clean_picture(
    cleaner: Cleaner,
    image: np.ndarray,
    name: str,
    *,
    sigma: float | None,
    mask: Any,
    data_range: float | None,
    progress: Callable[[float], Any] | None = None,
) -> Cleaned:
    """A picture without its noise, in its own dtype, range and shape.

    Parameters
    ----------
    cleaner : Cleaner
    image : ndarray
    name : str
        What to call it in messages.
    sigma : float or None
        Standard deviation of the noise where white is 1; None estimates it.
    mask : bool ndarray or None
        Pixels that are missing.
    data_range : float or None
        The value of white.
    progress : callable or None
        Called now and then with the share of the picture that is done, from 0 to 1.
    """
    task = cleaner.task
    image_format = ImageFormat.of(
        image,
        name,
        data_range=data_range,
        noise=None if task.noise in LOST else expected_noise(task.noise, cleaner.levels),
        nan_means="missing" if task.noise == "masking" else None,
    )
    check_size(image_format, cleaner.smallest, name)
    if sigma == 0:
        return Cleaned(image.copy(), 0.0)
    grey = has_equal_channels(image, image_format)
    measured: list[float] = []
    used = cleaner.level(sigma)
    if sigma is None and cleaner.tells_level:
        measured = estimate_noise(image, image_format, cleaner.luminance)
        measured = cautious(measured, lead=cleaner.luminance and len(measured) == 3)
        if not any(measured):
            return Cleaned(image.copy(), 0.0)
        used = measured[0] if cleaner.luminance else float(np.median(measured))
    lost = None
    if task.noise in LOST:
        # of the whole picture: whether NaN, a mask or the values tell is decided once
        lost = pixels_to_make_up(task.noise, image_format.to_unit(image), mask, name)
    pieces = tiles(image_format.shape[:2], cleaner.margin, cleaner.step, TILE)
    if progress is not None:
        cleaner = cleaner.watched(pieces, 1 if grey else image_format.n_colours, progress)
    remove = [partial(cleaner.remove_measured, sigma=level) for level in measured]
    remove = remove or [partial(cleaner.remove_told, sigma=sigma)] * image_format.n_colours

    @np.errstate(all="ignore")  # a damaged network is an error, by `as_answered`
    def clean(image: np.ndarray, lost: np.ndarray | None) -> np.ndarray:
        if lost is not None:
            return _repaired_piece(cleaner, image_format, image, lost)
        return _denoised_piece(cleaner, image_format, grey, remove, image)

    if len(pieces) == 1:
        pixels = clean(image, lost)
    else:
        pixels = np.empty_like(image)
        for piece in pieces:
            outer = _with_known(piece, lost)
            cleaned = clean(image[outer], None if lost is None else lost[outer])
            pixels[piece.inner] = cleaned[_inside(piece.inner, outer)]
    return Cleaned(pixels, used if cleaner.tells_level else None)


def _repaired_piece(
    cleaner: Cleaner, image_format: ImageFormat, image: np.ndarray, lost: np.ndarray
) -> np.ndarray:
    """A part of a picture with its lost pixels made up."""
    noisy = image_format.to_unit(image)
    level = cleaner.level(None)
    planes = [
        as_answered(cleaner.clean_plane(np.ascontiguousarray(noisy[..., c]), lost[..., c], level))
        for c in range(noisy.shape[2])
    ]
    return image_format.from_unit(np.stack(planes, axis=-1), image, keep=~lost)


def _denoised_piece(
    cleaner: Cleaner,
    image_format: ImageFormat,
    grey: bool,
    remove: Sequence[Callable[[np.ndarray], np.ndarray]],
    image: np.ndarray,
) -> np.ndarray:
    """A part of a picture without its noise; `remove` takes it from one plane each."""
    noisy = image_format.to_unit(image)
    if grey:
        noisy = noisy[..., :1]
    around_grey = cleaner.task.convolves
    noisy_planes = to_planes(noisy, cleaner.luminance, around_grey)
    del noisy
    # one at a time: of a large tile these arrays decide how much memory is needed
    planes = [remove[index](noisy_planes.pop(0)) for index in range(len(noisy_planes))]
    colours = from_planes(planes, cleaner.luminance, around_grey)
    return image_format.from_unit(colours, image)


def has_equal_channels(image: np.ndarray, image_format: ImageFormat) -> bool:
    """Whether a picture is grey, stored as three channels: then it is cleaned as one plane."""
    if image_format.n_colours != 3:
        return False
    first = image[..., 0]
    return all(np.array_equal(first, image[..., channel]) for channel in (1, 2))


class Progress:
    """Prints how long a picture will take, if that is more than a few seconds.

    Parameters
    ----------
    name : str
    """

    PAUSE = 5.0  # seconds between two lines

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = self.reported = time.perf_counter()

    def __call__(self, done: float) -> None:
        """Report that a share `done` of the picture is cleaned."""
        now = time.perf_counter()
        if now - self.reported > self.PAUSE and done > 0:
            self.reported = now
            left = (now - self.started) * (1 - done) / done
            report(f"{self.name}: {done:.0%} cleaned, {left:.0f} s left")


# ------------------------------------------------------------------ tiles


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes
    ----------
    outer : tuple of two slices
        The part that is cleaned.
    inner : tuple of two slices
        The part that is kept: its pixels are as if the whole picture had been cleaned.
    """

    outer: tuple[slice, slice]
    inner: tuple[slice, slice]


def tiles(shape: tuple[int, ...], margin: int, step: int, size: int) -> list[Tile]:
    """Tiles that cover a picture; one, if it is not much larger than `size` pixels squared.

    Outer parts start at multiples of `step`, so that patches lie where they lie in the picture.
    """
    axes = []
    for length in shape[:2]:
        count = max(1, round(length / size))
        bounds = [step * round(k * length / count / step) for k in range(count)] + [length]
        axes.append(
            [
                (slice(max(0, first - margin), min(length, stop + margin)), slice(first, stop))
                for first, stop in pairwise(bounds)
            ]
        )
    return [
        Tile((rows[0], columns[0]), (rows[1], columns[1]))
        for rows in axes[0]
        for columns in axes[1]
    ]


def _with_known(tile: Tile, lost: np.ndarray | None) -> tuple[slice, slice]:
    """The outer part of a tile, grown until each channel has a pixel that is known."""
    rows, columns = tile.outer
    while lost is not None and lost[rows, columns].all(axis=(0, 1)).any():
        rows, columns = (
            slice(max(0, part.start - TILE), min(length, part.stop + TILE))
            for part, length in zip((rows, columns), lost.shape[:2], strict=True)
        )
    return rows, columns


def _inside(inner: tuple[slice, slice], outer: tuple[slice, slice]) -> tuple[slice, ...]:
    return tuple(
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(inner, outer, strict=True)
    )


# ------------------------------------------------------------------ levels


def expected_noise(noise: str, levels: tuple[float, float]) -> float:
    """Standard deviation of the strongest noise that pictures are expected to have."""
    return levels[1] if noise == "gaussian" else 0.0


def estimate_noise(image: np.ndarray, image_format: ImageFormat, luminance: bool) -> list[float]:
    """Standard deviation of the noise of each plane; of a large picture medians over tiles."""
    grey = has_equal_channels(image, image_format)
    pieces = [tile.inner for tile in tiles(image_format.shape, 0, 1, TILE)]
    if len(pieces) > 1:
        pieces = [tile.inner for tile in tiles(image_format.shape, 0, 1, SAMPLE)]
        pieces = pieces[:: -(-len(pieces) // N_SAMPLES)]
    found = []
    for piece in pieces:
        colours = image_format.to_unit(image[piece])[..., : 1 if grey else None]
        planes = to_planes(colours, luminance)
        found.append(noise_levels(colours, planes, lead=luminance and len(planes) == 3))
    return [float(level) for level in np.median(found, axis=0)]
