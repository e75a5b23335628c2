"""What a network has taken away and is no noise is given back."""

import copy

import numpy as np
import pytest
from scipy.fft import dctn, idctn
from scipy.stats import norm
from sklearn.datasets import load_sample_images

from dae.image import ImageDenoiser
from dae.image._removal import (
    ALIGNED,
    FALSE_SHARE,
    REACH,
    THRESHOLDS,
    WINDOW,
    limit_removal,
    structure,
)

CHINA, FLOWER = load_sample_images().images


def noise(shape, level=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(shape)).astype(np.float32)


def grating(shape, height=0.05):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (height * np.sin(2.2 * rows + 1.3 * columns)).astype(np.float32)


def by_the_equations(removed, level):
    """The same, one window after the other, its thresholds tried from high to low."""
    half = WINDOW // 2
    sine = np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)
    weight = np.outer(sine, sine)
    padded = np.pad(removed.astype(float), 2 * WINDOW)
    found = np.zeros_like(padded)
    for top in range(half, padded.shape[0] - WINDOW, half):
        for left in range(half, padded.shape[1] - WINDOW, half):
            place = slice(top, top + WINDOW), slice(left, left + WINDOW)
            values = dctn(weight * padded[place], norm="ortho") / (level / 2)
            threshold = np.inf
            for tried in sorted(THRESHOLDS, reverse=True):
                if 2 * norm.sf(tried) * WINDOW**2 <= FALSE_SHARE * (np.abs(values) > tried).sum():
                    threshold = tried
            values[np.abs(values) <= threshold] = 0
            found[place] += weight * idctn(values * (level / 2), norm="ortho")
    return found[2 * WINDOW :, 2 * WINDOW :][: removed.shape[0], : removed.shape[1]]


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (63, 64), (128, 257), (200, 330)])
def test_the_equations(shape):
    removed = noise(shape) + grating(shape)
    found = structure(removed, 0.1)
    assert found.shape == shape and found.dtype == np.float32
    np.testing.assert_allclose(found, by_the_equations(removed, 0.1), atol=2e-6)


def test_noise_has_no_structure():
    for seed in range(3):
        removed = noise((512, 512), seed=seed)
        assert np.square(structure(removed, 0.1)).sum() < 1e-3 * np.square(removed).sum()


def test_a_pattern_in_noise_is_found():
    pattern = grating((512, 512))
    left = structure(noise(pattern.shape) + pattern, 0.1) - pattern
    assert np.square(left).sum() < 0.05 * np.square(pattern).sum()


def test_a_picture_is_structure_and_the_sum_is_exact():
    picture = (CHINA[:300, :300, 1] / 255).astype(np.float32)
    np.testing.assert_allclose(structure(picture, 1e-6), picture, atol=2e-6)


def test_a_part_has_the_bits_of_the_whole():
    removed = noise((7 * ALIGNED + 13, 6 * ALIGNED + 5)) + grating((7 * ALIGNED + 13, 773))
    whole = structure(removed, 0.1)
    rows, columns = slice(ALIGNED, 5 * ALIGNED), slice(2 * ALIGNED, None)
    part = structure(removed[rows, columns], 0.1)
    inside = slice(REACH, -REACH), slice(REACH, -REACH)
    np.testing.assert_array_equal(part[inside], whole[rows, columns][inside])


def test_what_is_kept_of_a_pattern_that_was_removed():
    """Of the rest less is removed, too."""
    pattern = grating((400, 400), height=0.03)
    noisy, cleaned = noise(pattern.shape, 0.02) + pattern, np.zeros_like(pattern)

    def error(plane):
        return np.mean(np.square(plane - pattern))

    assert error(cleaned + structure(noisy - cleaned, 0.02)) < 0.1 * error(cleaned)
    assert error(limit_removal(noisy, cleaned, 0.02)) < 0.5 * min(error(cleaned), error(noisy))
    np.testing.assert_array_equal(limit_removal(noisy, cleaned, 0.0), noisy)
    # far below what was removed, nothing is noise
    np.testing.assert_allclose(limit_removal(noisy, cleaned, 1e-3), noisy, atol=0.01)


# ------------------------------------------------------------------ the bundled denoiser


@pytest.fixture(scope="module")
def denoiser():
    return ImageDenoiser.pretrained()


def psnr(a, b):
    return -10 * np.log10(np.mean((np.float64(a) - b) ** 2) / 255**2)


def noisy_copy(clean, sigma):
    spoilt = clean + np.random.default_rng(0).normal(scale=sigma, size=clean.shape)
    return np.clip(np.rint(spoilt), 0, 255).astype(np.uint8)


ROWS, COLUMNS = np.mgrid[:200, :200]
PATTERNS = {
    "mesh": np.where((ROWS % 5 < 1) | (COLUMNS % 6 < 1), 60, 180).astype(np.uint8),
    "of three pixels": (((ROWS + COLUMNS) % 3) * 30 + 60).astype(np.uint8),
    "chequered": (((ROWS + COLUMNS) % 2) * 40 + 100).astype(np.uint8),
    "dots": np.where((ROWS % 4 == 1) & (COLUMNS % 3 == 1), 200, 90).astype(np.uint8),
}


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("sigma", [3, 5, 10, 25])
def test_patterns_come_out_better_than_they_went_in(denoiser, name, sigma):
    clean = PATTERNS[name]
    noisy = noisy_copy(clean, sigma)
    if denoiser.estimate_sigma(noisy) > 0:  # that of strong dots is only found from 10 on
        assert psnr(denoiser.transform(noisy), clean) > psnr(noisy, clean) + 0.3


@pytest.mark.parametrize("told", [None, 20 / 255])
def test_tiles_give_the_bits_of_the_whole_picture(denoiser, monkeypatch, told):
    """Of windows and of what a network that convolves is given, in other tiles."""
    clean = np.concatenate([FLOWER[:400, :, 1], np.tile(PATTERNS["mesh"], (2, 4))[:, :640]])
    noisy = noisy_copy(np.concatenate([clean, clean[:, ::-1]], axis=1), 20)
    whole = denoiser.transform(noisy, sigma=told)
    monkeypatch.setattr("dae.image._cleaning.TILE", 300)
    monkeypatch.setattr("dae.image._cleaning.MAP_BYTES", 2**24)
    np.testing.assert_array_equal(denoiser.transform(noisy, sigma=told), whole)


def test_a_told_level_is_answered_by_the_network_alone(denoiser):
    """So ONNX models have the same pixels."""
    clean = PATTERNS["mesh"]
    noisy = noisy_copy(clean, 25)
    told = denoiser.transform(noisy, sigma=25 / 255)
    assert psnr(denoiser.transform(noisy), clean) > psnr(told, clean) + 1
    one = copy.copy(denoiser)
    one.level_ = (25 / 255, 25 / 255)
    np.testing.assert_array_equal(one.transform(noisy), told)
