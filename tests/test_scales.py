"""Pictures at several resolutions: what becomes of noise, who decides over which frequencies."""

import numpy as np
import pytest
from scipy.fft import dctn

from dae.image._multiscale import SHARE, cleaned_at_scales, halved, n_scales, noise_left

PICTURE = np.random.default_rng(0).random((61, 84), dtype=np.float32)


def test_noise_that_is_halved_stays_white():
    noise = np.random.default_rng(0).standard_normal((301, 400), dtype=np.float32)
    half = halved(noise)
    assert half.shape == (150, 200)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half.std(), noise_left(noise.shape), rtol=0.01)
    for neighbours in ((half[1:], half[:-1]), (half[:, 1:], half[:, :-1])):
        assert abs(np.corrcoef(*(side.ravel() for side in neighbours))[0, 1]) < 0.02


def test_halving_keeps_the_mean():
    np.testing.assert_allclose(halved(PICTURE).mean(), PICTURE.mean(), rtol=1e-5)


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
    low = np.zeros(PICTURE.shape, dtype=bool)
    low[: int(SHARE * 30), : int(SHARE * 42)] = True
    np.testing.assert_allclose(back[low], 0, atol=1e-4)
    np.testing.assert_allclose(back[~low], frequencies[~low], atol=1e-4)


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
    assert [shape for shape, _ in seen] == [(61, 84), (30, 42), (15, 21)]
    levels = [0.1, 0.1 * noise_left((61, 84)), 0.1 * noise_left((61, 84)) * noise_left((30, 42))]
    np.testing.assert_allclose([level for _, level in seen], levels)
