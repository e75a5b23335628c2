"""JPEG's steps are read off the pixels, and the noise before it off the numbers in the file."""

import io

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from dae.image import _jpeg_noise
from dae.image._jpeg_noise import chroma_noise, jpeg_noise

CHINA, FLOWER = load_sample_images().images
GREY = np.ascontiguousarray(FLOWER[100:356, 150:406, 1])
NOTHING = np.zeros(GREY.shape, dtype=bool)


def with_noise(picture, sigma):
    noise = np.random.default_rng(0).normal(scale=sigma, size=picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def opened(picture, quality, subsampling=0):
    image_module = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image_module.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return image_module.open(file)


def found(picture):
    clipped = (picture == 0) | (picture == 255)
    return jpeg_noise(picture / np.float32(255), clipped, 1.0)


@pytest.mark.parametrize("quality", [95, 90, 85, 75, 60])
@pytest.mark.parametrize("sigma", [5, 10, 25])
def test_the_noise_before_jpeg_is_measured(quality, sigma):
    # where numbers other than zero are few, texture decides more
    tolerance = 0.12 if sigma > 5 or quality > 75 else 0.7
    noisy = np.asarray(opened(with_noise(GREY, sigma), quality))
    assert found(noisy) == pytest.approx(sigma, rel=tolerance)


@pytest.mark.parametrize("quality", [95, 75])
def test_the_table_is_that_of_the_file(quality):
    """Wherever the file tells it, that is where there are numbers other than zero."""
    image = opened(with_noise(GREY, 15), quality)
    table = np.reshape(image.quantization[0], (8, 8))
    picture = np.asarray(image) / np.float32(255)
    coefficients, _, _ = _jpeg_noise._on_grid(picture, NOTHING, (0, 0))
    steps = _jpeg_noise._steps(coefficients)
    told = np.isfinite(steps)
    assert told.mean() > 0.8
    np.testing.assert_array_equal(steps[told], table[told])


def test_clipped_blocks_leave_the_table_to_be_found():
    """Of a picture so dark that hardly a block has no pixel at black."""
    dark = with_noise(GREY // 8 + 2, 14)
    assert (dark == 0).mean() > 0.1
    assert found(np.asarray(opened(dark, 75))) == pytest.approx(14, rel=0.15)


@pytest.mark.parametrize("sigma", [0, 1, 5, 25])
def test_pictures_that_were_no_jpeg_have_no_table(sigma):
    rng = np.random.default_rng(0)
    smooth = np.rint(np.cumsum(rng.normal(size=GREY.shape), axis=1) + 128)
    assert found(with_noise(np.clip(smooth, 1, 254), sigma)) is None


def test_noise_that_was_added_after_jpeg_is_not_that_before_it():
    jpeg = np.asarray(opened(with_noise(GREY, 10), 75))
    assert found(jpeg) == pytest.approx(10, rel=0.12)
    assert found(with_noise(jpeg, 1)) is None


@pytest.mark.parametrize("shape", [(8, 8), (15, 300), (16, 16), (40, 17)])
def test_small_pictures_tell_nothing(shape):
    assert found(np.asarray(opened(with_noise(GREY, 10), 75))[: shape[0], : shape[1]]) is None


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("sigma", [10, 25])
def test_chrominances_tell_the_noise(subsampling, sigma):
    """Also where JPEG has halved them, and whatever texture the luminance has."""
    rng = np.random.default_rng(1)
    texture = np.rint(rng.uniform(60, 180, size=(256, 256, 1)) * [0.9, 1.0, 0.8])
    colours = np.asarray(opened(with_noise(texture, sigma), 95, subsampling)) / np.float32(255)
    level = chroma_noise(colours, np.zeros(colours.shape[:2], dtype=bool), full=not subsampling)
    assert level == pytest.approx(sigma, rel=0.25 if subsampling else 0.15)


def test_few_blocks_beside_clipped_pixels_are_enough():
    """Fewer are left than are looked for."""
    picture = with_noise(GREY[:80, :80], 10)
    picture[:, 40:] = np.clip(picture[:, 40:].astype(int) + 150, 0, 255)
    assert found(np.asarray(opened(picture, 75))) == pytest.approx(10, rel=0.15)
