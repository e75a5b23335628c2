"""Training pictures: checked once, kept while there is room, cut into crops at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from dae.image._colour import to_planes
from dae.image._format import ImageFormat
from dae.image._io import as_list, is_path, load

CROP = 192  # pixels, height and width of a crop at most
CACHE = 2**30  # bytes of pictures read from files that are kept


def check_size(image_format: ImageFormat, size: int, name: str) -> None:
    """Raise ValueError where a picture is smaller than a patch."""
    height, width = image_format.shape[:2]
    if min(height, width) < size:
        raise ValueError(
            f"{name} has {height} x {width} pixels, less than a patch of {size} x {size}. Use "
            "larger pictures, or a smaller patch_size."
        )


class Crops:
    """A stream of pieces of single planes, clean and (given pairs) noisy.

    Every picture is read and checked at the start, so that training does not end at the
    last file of a folder.

    Parameters
    ----------
    images, noisy : as in `ImageDenoiser.fit`
    size : int
        Patch size; no picture may be smaller.
    luminance : bool
        Whether colours become luminance and chrominances.
    around_grey : bool
        Whether these are around grey, see `to_planes`.
    data_range : float or None
    are_noisy : bool
        Whether `images` themselves have noise (there are no clean ones).
    """

    def __init__(
        self,
        images: Any,
        noisy: Any,
        *,
        size: int,
        luminance: bool,
        data_range: float | None,
        are_noisy: bool,
        noise: float,
        around_grey: bool = False,
    ) -> None:
        self.luminance = luminance
        self.around_grey = around_grey
        self.data_range = data_range
        self.are_noisy = are_noisy
        self.noise = noise  # of noisy pictures, at most
        self.images, _ = as_list(images)
        self.noisy: list[Any] | None = None
        if noisy is not None:
            self.noisy, _ = as_list(noisy, "noisy")
            if len(self.noisy) != len(self.images):
                raise ValueError(
                    f"noisy must have one picture for each of the {len(self.images)} images, "
                    f"got {len(self.noisy)}."
                )
        self._cache: dict[tuple[str, int], np.ndarray] = {}
        self._room = CACHE
        self._formats: dict[tuple[str, int], ImageFormat] = {}
        first = self._inspect(0, size)
        for index in range(1, len(self.images)):
            n_colours = self._inspect(index, size)
            if n_colours != first:
                raise ValueError(
                    f"{self._name(index)} has {n_colours} colour channels, {self._name(0)} has "
                    f"{first}. Train on pictures of one kind: convert them all to grey or all to "
                    "RGB."
                )
        shapes = [self._formats["images", index].shape for index in range(len(self.images))]
        places = [(shape[0] - size + 1) * (shape[1] - size + 1) for shape in shapes]
        self._share = np.array(places) / sum(places)

    def _name(self, index: int) -> str:
        item = self.images[index]
        return str(item) if is_path(item) else f"images[{index}]"

    def _inspect(self, index: int, size: int) -> int:
        """Check a picture and its partner, once; returns its number of colours."""
        image, name = self._get("images", index)
        image_format = self._format(image, name, self.are_noisy)
        self._formats["images", index] = image_format
        check_size(image_format, size, name)
        if self.noisy is not None:
            other, other_name = self._get("noisy", index)
            if other.dtype.kind == "f" and np.isnan(other).any():
                raise ValueError(
                    f"{other_name} has NaN; in pictures to train on, missing pixels are 0. Write 0 "
                    "there."
                )
            # what is white in the clean picture is white in its copy
            data_range = image_format.white if other.dtype == image.dtype else self.data_range
            self._formats["noisy", index] = self._format(other, other_name, True, data_range)
            if other.shape != image.shape:
                raise ValueError(
                    f"{other_name} must have the shape of {name}, {image.shape}, got {other.shape}."
                )
        return image_format.n_colours

    def _format(
        self, image: np.ndarray, name: str, noisy: bool, data_range: float | None = None
    ) -> ImageFormat:
        return ImageFormat.of(
            image,
            name,
            data_range=self.data_range if data_range is None else data_range,
            noise=self.noise if noisy else None,
        )

    def _get(self, which: str, index: int) -> tuple[np.ndarray, str]:
        item = (self.images if which == "images" else self.noisy or [])[index]
        if (which, index) in self._cache:
            return self._cache[which, index], str(item)
        array, name = load(item, f"{which}[{index}]")
        if array is not item and array.nbytes <= self._room:
            self._room -= array.nbytes
            self._cache[which, index] = array
        return array, name

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
        """One plane of a random crop; the same of its noisy partner, where there is one.

        Pictures are drawn by the number of their patches, so that all are equally likely. Where
        the noise is made, clean ones are turned and mirrored at random; noise that was passed in
        with a picture may have a direction, so that is left as it is.
        """
        index = int(rng.choice(len(self._share), p=self._share))
        image, _ = self._get("images", index)
        height, width = (min(CROP, length) for length in image.shape[:2])
        top = int(rng.integers(0, image.shape[0] - height + 1))
        left = int(rng.integers(0, image.shape[1] - width + 1))
        corner = slice(top, top + height), slice(left, left + width)

        clean = self._planes("images", index, corner)
        plane = int(rng.integers(0, len(clean)))
        if self.noisy is not None:
            return clean[plane], self._planes("noisy", index, corner)[plane]
        if self.are_noisy:
            return clean[plane], None
        mirrored = clean[plane][:: 1 if rng.random() < 0.5 else -1]
        return np.rot90(mirrored, int(rng.integers(0, 4))), None

    def _planes(self, which: str, index: int, corner: tuple[slice, slice]) -> list[np.ndarray]:
        piece = self._get(which, index)[0][corner]
        colours = self._formats[which, index].to_unit(piece)
        return to_planes(colours, self.luminance, self.around_grey)
