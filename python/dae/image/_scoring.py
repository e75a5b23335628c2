"""`ImageDenoiser.score`: pictures spoiled, cleaned and compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from dae.image._cleaning import Cleaner, clean_picture
from dae.image._format import ImageFormat
from dae.image._io import as_list, load
from dae.image._noise import add_noise


def mean_psnr(cleaner: Cleaner, images: Any, noisy: Any, data_range: float | None) -> float:
    """Mean PSNR in dB of cleaned pictures; `noisy` None spoils the clean ones."""
    noise = cleaner.task.noise
    clean, _ = as_list(images)
    if noisy is None and noise == "unknown":
        raise ValueError(
            "score needs noisy= for noise='unknown': the denoiser does not know the noise."
        )
    if noisy is None:
        spoiled: list[Any] = [None] * len(clean)
    else:
        spoiled, _ = as_list(noisy, "noisy")
        if len(spoiled) != len(clean):
            raise ValueError(
                f"noisy must have one picture for each of the {len(clean)} images, got "
                f"{len(spoiled)}."
            )
    level = sum(cleaner.levels) / 2
    sigma = level if cleaner.tells_level and noisy is None else None
    rng = np.random.default_rng(0)
    psnr = []
    for index, (item, other) in enumerate(zip(clean, spoiled, strict=True)):
        image, name = load(item, f"images[{index}]")
        image_format = ImageFormat.of(image, name, data_range=data_range)
        unit = image_format.to_unit(image)
        if other is None:
            # floats, so that the noise is not clipped
            other = add_noise(noise, level, unit, rng) * image_format.white
            is_float = image_format.dtype.kind == "f"
            other = other if is_float else other / image_format.white
            other_range, other_name = (data_range if is_float else None), f"noisy[{index}]"
        else:
            other, other_name = load(other, f"noisy[{index}]")
            other_range = data_range
            if other.dtype == image.dtype:
                other_range = image_format.white
        result = clean_picture(
            cleaner, other, other_name, sigma=sigma, mask=None, data_range=other_range
        ).pixels
        if result.shape[:2] != image.shape[:2]:
            raise ValueError(
                f"{other_name} must have the shape of {name}, {image.shape}, got {result.shape}."
            )
        result_format = ImageFormat.of(
            result, name, data_range=other_range, noise=cleaner.levels[1]
        )  # which may be beyond black and white where the noisy picture is
        error = result_format.to_unit(result) - unit
        with np.errstate(divide="ignore"):
            psnr.append(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))
    return float(np.mean(psnr))
