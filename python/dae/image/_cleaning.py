"""A fitted denoiser at work: a picture, its planes, their resolutions, their patches.

clean_picture    one picture in the format it came in
Cleaner          one plane: at each resolution the patches, through the network, averaged
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dae.image._colour import from_planes, to_planes
from dae.image._crops import check_size
from dae.image._format import ImageFormat
from dae.image._multiscale import cleaned_at_scales, n_scales
from dae.image._noise import estimate_sigma, pixels_to_make_up
from dae.image._patch_task import LOST, PatchTask
from dae.image._patches import filter_picture
from dae.image._training import set_known


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
        Pixels between neighbouring patches.
    scales : int
        Resolutions, where the picture is large enough.
    luminance : bool
        Whether colours are cleaned as luminance and chrominances.
    """

    task: PatchTask
    network: Any
    levels: tuple[float, float]
    stride: int
    scales: int
    luminance: bool

    @classmethod
    def of(cls, denoiser: Any, task: PatchTask) -> Cleaner:
        """The cleaner that a fitted denoiser and its parameters describe."""
        network = copy(denoiser.autoencoder_)  # shares the weights
        set_known(network, n_jobs=denoiser.n_jobs)
        asked = denoiser.scales
        return cls(
            task,
            network,
            denoiser.level_,
            1 if task.noise == "unknown" else min(int(denoiser.stride), task.answered),
            task.scales if asked is None else min(int(asked), task.scales),
            denoiser.color == "luminance" and task.noise not in LOST,
        )

    @property
    def tells_level(self) -> bool:
        """Whether the network is told the level: trained on a range of Gaussian noise."""
        return self.task.noise == "gaussian" and self.levels[0] < self.levels[1]

    def clean_plane(self, noisy: np.ndarray, lost: np.ndarray, sigma: float | None) -> np.ndarray:
        """A plane without its noise.

        Parameters
        ----------
        noisy : ndarray of shape (height, width)
        lost : bool ndarray of shape (height, width)
            Pixels to make up.
        sigma : float or None
            Standard deviation of the noise; None where the network is not told.
        """
        level = float(np.clip(self.levels[0] if sigma is None else sigma, *self.levels))
        scales = n_scales(noisy.shape, self.task.size, self.scales)
        return cleaned_at_scales(noisy, partial(self._clean_scale, lost), level, scales)

    def _clean_scale(self, lost: np.ndarray, plane: np.ndarray, level: float) -> np.ndarray:
        """A plane cleaned at one resolution."""
        task = self.task
        return filter_picture(
            task.planes(plane, lost),
            partial(self._clean_patches, level),
            task.size,
            self.stride,
            task.profile(),
        )

    def _clean_patches(self, level: float, *patches: np.ndarray) -> np.ndarray:
        given = self.task.show(patches, level)
        return self.task.cleaned(self.network.reconstruct(given.shown), given)


def clean_picture(
    cleaner: Cleaner,
    image: np.ndarray,
    name: str,
    *,
    sigma: float | None,
    mask: Any,
    data_range: float | None,
) -> np.ndarray:
    """A picture without its noise, in its own dtype, range and shape."""
    task = cleaner.task
    image_format = ImageFormat.of(
        image,
        name,
        data_range=data_range,
        noise=None if task.noise in LOST else expected_noise(task.noise, cleaner.levels),
        nan_means="missing" if task.noise == "masking" else None,
    )
    check_size(image_format, task.size, name)
    noisy = image_format.to_unit(image)
    if task.noise in LOST:
        lost = pixels_to_make_up(task.noise, noisy, mask, name)
        planes = [
            cleaner.clean_plane(np.ascontiguousarray(noisy[..., c]), lost[..., c], None)
            for c in range(noisy.shape[2])
        ]
        return image_format.from_unit(np.stack(planes, axis=-1), image, keep=~lost)
    noisy_planes = to_planes(noisy, cleaner.luminance)
    if cleaner.tells_level and sigma is None:
        sigma = median_sigma(noisy_planes)
    nothing = np.zeros(image_format.shape[:2], dtype=bool)
    planes = [cleaner.clean_plane(plane, nothing, sigma) for plane in noisy_planes]
    return image_format.from_unit(from_planes(planes, cleaner.luminance), image)


def expected_noise(noise: str, levels: tuple[float, float]) -> float:
    """Standard deviation of the strongest noise that pictures are expected to have."""
    return levels[1] if noise == "gaussian" else 0.0


def median_sigma(planes: list[np.ndarray]) -> float:
    """The noise of a picture: equal in its planes; what looks like it in one plane is texture."""
    return float(np.median([estimate_sigma(plane) for plane in planes]))
