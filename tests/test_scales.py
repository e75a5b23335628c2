"""Pictures at several resolutions: what becomes of noise, who decides over which frequencies."""

import numpy as np
import pytest
from scipy.fft import dctn
from scipy.ndimage import uniform_filter

from dae.image._multiscale import (
    NOISE_LEFT,
    cleaned_at_scales,
    doubled,
    halved,
    n_scales,
    reach,
)

PICTURE = np.random.default_rng(0).random((61, 84), dtype=np.float32)


def test_noise_that_is_halved_stays_white():
    noise = np.random.default_rng(0).standard_normal((301, 400), dtype=np.float32)
    half = halved(noise)
    assert half.shape == (151, 200)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half.std(), NOISE_LEFT, rtol=0.01)
    assert pytest.approx(0.5, rel=0.02) == NOISE_LEFT
    for neighbours in ((half[1:], half[:-1]), (half[:, 1:], half[:, :-1])):
        assert abs(np.corrcoef(*(side.ravel() for side in neighbours))[0, 1]) < 0.02


def test_halving_keeps_the_mean():
    np.testing.assert_allclose(halved(PICTURE).mean(), PICTURE.mean(), rtol=2e-3)
    np.testing.assert_allclose(halved(np.full_like(PICTURE, 0.3)), 0.3, rtol=1e-6)


def test_a_smooth_picture_is_halved_and_doubled_in_place():
    """Neither moves it by a fraction of a pixel."""
    rows, columns = np.mgrid[:60, :84]
    waves = (np.cos(np.pi * 4 * (rows + 0.5) / 60) * np.cos(np.pi * 5 * (columns + 0.5) / 84)) + 2
    coarse = 2 * np.mgrid[:30, :42] + 0.5
    expected = (
        np.cos(np.pi * 4 * (coarse[0] + 0.5) / 60) * np.cos(np.pi * 5 * (coarse[1] + 0.5) / 84) + 2
    )
    np.testing.assert_allclose(halved(waves), expected, atol=0.02)
    np.testing.assert_allclose(doubled(expected, (60, 84)), waves, atol=0.02)


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_a_picture_that_nothing_is_done_to_comes_back(scales):
    back = cleaned_at_scales(PICTURE, lambda plane, level: plane, 0.1, scales)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, PICTURE, atol=1e-5)


def test_coarse_scales_decide_over_low_frequencies():
    def fine_only(plane, level):
        return plane if plane.shape == PICTURE.shape else np.zeros_like(plane)

    back = dctn(cleaned_at_scales(PICTURE, fine_only, 0.1, 2), norm="ortho")
    frequencies = dctn(PICTURE, norm="ortho")
    assert np.abs(back[:4, :5]).max() < 0.01 * np.abs(frequencies[:4, :5]).max()
    np.testing.assert_allclose(back[45:, 63:], frequencies[45:, 63:], atol=0.02)


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_a_pixel_depends_on_those_within_reach(scales):
    """Not on any other, to the last bit; and on some that are nearly as far away"""

    def blurred(plane, level):
        return uniform_filter(plane, 7)  # 3 pixels around

    picture = np.random.default_rng(1).random((260, 300), dtype=np.float32)
    changed = picture.copy()
    changed[130, 150] += 1e6
    before, after = (cleaned_at_scales(given, blurred, 0.1, scales) for given in (picture, changed))
    rows, columns = np.nonzero(before != after)
    far = max(np.abs(rows - 130).max(), np.abs(columns - 150).max())
    assert reach(3, scales) - 4 * scales <= far <= reach(3, scales)


@pytest.mark.parametrize(
    ("smallest", "scales"), [(5, 4), (7, 4), (8, 3), (16, 2), (30, 2), (31, 1), (61, 1)]
)
def test_scales_end_where_planes_get_too_small(smallest, scales):
    assert n_scales(PICTURE.shape, smallest, 9) == scales
    assert n_scales(PICTURE.shape, smallest, 2) == min(2, scales)


def test_each_scale_is_told_the_noise_that_is_left():
    seen = []

    def clean(plane, level):
        seen.append((plane.shape, level))
        return plane

    cleaned_at_scales(PICTURE, clean, 0.1, 3)
    assert [shape for shape, _ in seen] == [(61, 84), (31, 42), (16, 21)]
    levels = [0.1, 0.1 * NOISE_LEFT, 0.1 * NOISE_LEFT**2]
    np.testing.assert_allclose([level for _, level in seen], levels)
