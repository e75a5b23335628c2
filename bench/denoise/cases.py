"""Images, and their noisy copies with the measures that judge a cleaned one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench import data
from dae.image._noise import add_noise, lost_pixels

LEVELS = {
    "gaussian": (15 / 255, 25 / 255, 50 / 255),
    "salt_and_pepper": (0.1, 0.2, 0.5),
    "masking": (0.3, 0.5, 0.8),
}

# of scikit-image's bundled pictures, those that are photographs of scenes
PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "coins", "rocket")


def levels_of_noises() -> Iterator[tuple[str, float]]:
    for noise, levels in LEVELS.items():
        for level in levels:
            yield noise, level


def named(noise: str, level: float) -> str:
    return f"sigma {255 * level:.0f}" if noise == "gaussian" else f"{100 * level:.0f} %"


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Luminance from 0 to 1, float32, in whole grey levels of 255."""
    return (np.rint(data.luminance(pixels)) / 255).astype(np.float32)


def training_pictures() -> list[np.ndarray]:
    return list(data.pictures("bsd400_train_gray").values())


def test_pictures() -> dict[str, np.ndarray]:
    from skimage import data as bundled

    kodak = data.pictures("kodak24").values()
    pictures = {f"kodak {number}": pixels for number, pixels in enumerate(kodak, 1)}
    pictures |= {name: getattr(bundled, name)() for name in PHOTOGRAPHS}
    return {name: luminance(pixels) for name, pixels in pictures.items()}


@dataclass(frozen=True)
class Case:
    """A clean picture and its noisy copy."""

    name: str
    noise: str
    level: float
    clean: np.ndarray
    noisy: np.ndarray
    lost: np.ndarray

    @classmethod
    def of(cls, name: str, clean: np.ndarray, noise: str, level: float) -> Case:
        # a seed for each picture and level, the same in every run
        rng = np.random.default_rng([len(name), sum(name.encode()), round(1e6 * level)])
        if noise == "masking":  # which pixels are missing is known; black ones are not missing
            lost = add_noise(noise, level, np.ones_like(clean), rng) == 0
            noisy = np.where(lost, np.float32(0), clean)
        else:
            noisy = add_noise(noise, level, clean, rng)
            lost = lost_pixels(noise, noisy)
        return cls(name, noise, level, clean, noisy, lost)

    def finish(self, cleaned: np.ndarray) -> np.ndarray:
        """`cleaned` within [0, 1], and with the pixels that were not lost as they were."""
        cleaned = np.clip(cleaned, 0, 1)
        return cleaned if self.noise == "gaussian" else np.where(self.lost, cleaned, self.noisy)

    def psnr(self, cleaned: np.ndarray) -> float:
        error = np.mean(np.square(cleaned - self.clean, dtype=np.float64))
        return float(-10 * np.log10(error))

    def ssim(self, cleaned: np.ndarray) -> float:
        from skimage.metrics import structural_similarity

        return float(structural_similarity(self.clean, cleaned.astype(np.float32), data_range=1.0))
