"""What an `ImageDenoiser` removes: each kind of noise, known and estimated."""

import copy
import pickle
import re
import tracemalloc

import numpy as np
import pytest
from pictures import CHINA, FLOWER, GREY, UNSEEN, make, psnr, spoil

from dae import DenoisingAutoencoder, _core
from dae.image import ConvolutionalAutoencoder, ImageDenoiser
from dae.image._noise import fill, lost_pixels


@pytest.mark.parametrize("level", [20 / 255, 50 / 255])
def test_gaussian_noise_goes(gaussian, level):
    noisy = spoil("gaussian", level, UNSEEN)
    cleaned = gaussian.transform(noisy, sigma=level)
    assert psnr(UNSEEN / 255, cleaned) > psnr(UNSEEN / 255, noisy) + 3


@pytest.mark.parametrize("level", [0.7, 0.85])
def test_missing_pixels_come_back(masking, level, monkeypatch):
    noisy = spoil("masking", level, np.maximum(UNSEEN, 1))
    cleaned = masking.transform(noisy)
    lost = noisy == 0
    np.testing.assert_array_equal(cleaned[~lost], noisy[~lost])
    smooth = fill(noisy, lost)
    monkeypatch.setattr("dae.image._noise.SMOOTHING_STEPS", 0)
    nearest = fill(noisy, lost)
    assert psnr(UNSEEN / 255, smooth) > psnr(UNSEEN / 255, nearest) > 20
    assert psnr(UNSEEN / 255, cleaned) > psnr(UNSEEN / 255, nearest)


def test_salt_and_pepper_go(salt_and_pepper):
    noisy = np.rint(255 * spoil("salt_and_pepper", 0.2, UNSEEN)).astype(np.uint8)
    cleaned = salt_and_pepper.transform(noisy)
    grey = (noisy > 0) & (noisy < 255)
    np.testing.assert_array_equal(cleaned[grey], noisy[grey])
    assert psnr(UNSEEN / 255, cleaned / 255) > 28


def test_white_in_the_midst_of_white_stays():
    picture = np.full((40, 40), 0.5, dtype=np.float32)
    picture[:, 20:] = 1  # white of its own
    picture[5, 5] = 1  # salt
    picture[5, 35] = 0  # pepper
    lost = lost_pixels("salt_and_pepper", picture)
    assert np.argwhere(lost).tolist() == [[5, 5], [5, 35]]


def test_no_hit_pixel_of_a_grey_picture_is_taken_for_its_own():
    """By chance some windows have more white pixels than others."""
    picture = np.linspace(90, 165, 500 * 500).reshape(500, 500)
    noisy = spoil("salt_and_pepper", 0.5, picture)
    hit = (noisy == 0) | (noisy == 1)
    np.testing.assert_array_equal(lost_pixels("salt_and_pepper", noisy), hit)


def test_unknown_noise_from_the_noisy_picture_alone():
    noisy = spoil("gaussian", 40 / 255, GREY)
    cleaned = make("unknown", n_patches=200_000).fit_transform([noisy])[0]
    assert psnr(GREY / 255, cleaned) > psnr(GREY / 255, noisy) + 4


def test_unknown_noise_does_not_look_at_the_pixel():
    """The value of a pixel has no part in its own prediction."""
    denoiser = make("unknown", n_patches=2_000).fit([GREY])
    other = GREY.copy()
    other[100, 100] ^= 128
    before, after = denoiser.transform([GREY, other])
    assert before[100, 100] == after[100, 100]
    assert (before != after).any()


def test_pairs():
    rng = np.random.default_rng(0)
    # noise that no option makes: stripes
    noisy = GREY / 255 + 0.2 * (rng.random((len(GREY), 1)) - 0.5)
    denoiser = make(n_patches=100_000).fit([GREY / 255], noisy=[noisy])
    assert psnr(GREY / 255, denoiser.transform(noisy)) > psnr(GREY / 255, noisy) + 3
    assert denoiser.score([GREY / 255], noisy=[noisy]) == pytest.approx(
        psnr(GREY / 255, denoiser.transform(noisy)), abs=1e-3
    )


@pytest.mark.parametrize("color", ["luminance", "channels"])
def test_colours(color):
    picture = FLOWER[100:250, 200:350]
    noisy = np.clip(np.rint(255 * spoil("gaussian", 25 / 255, picture)), 0, 255).astype(np.uint8)
    cleaned = make(color=color).fit([CHINA[::2, ::2]]).transform(noisy)
    assert psnr(picture / 255, cleaned / 255) > psnr(picture / 255, noisy / 255) + 4


@pytest.mark.parametrize("way", ["nan", "mask", "zero"])
def test_ways_to_say_what_is_missing(masking, way):
    picture = (np.maximum(UNSEEN, 1) / 255).astype(np.float32)
    missing = np.random.default_rng(0).random(picture.shape) < 0.8
    given = picture.copy()
    if way == "nan":
        given[missing] = np.nan
    elif way == "zero":
        given[missing] = 0
    cleaned = masking.transform(given, mask=missing if way == "mask" else None)
    np.testing.assert_array_equal(cleaned[~missing], picture[~missing])
    assert psnr(picture, cleaned) > psnr(picture, fill(picture, missing))
    reference = masking.transform(np.where(missing, np.nan, picture))
    np.testing.assert_array_equal(cleaned, reference)


def test_a_large_hole(masking):
    picture = UNSEEN.copy()
    missing = np.zeros(picture.shape, dtype=bool)
    missing[50:110, 60:120] = True  # larger than any patch
    cleaned = masking.transform(picture, mask=missing)
    inside = cleaned[missing].astype(float)
    ring = picture[45:115, 55:125]
    assert int(ring.min()) - 30 <= inside.mean() <= int(ring.max()) + 30


def test_strong_noise_goes_better_at_two_scales():
    smooth, level = FLOWER[..., 1], 50 / 255
    denoiser = make(level=(10 / 255, 60 / 255), n_patches=200_000).fit([GREY])
    noisy = spoil("gaussian", level, smooth)
    one, two = (
        psnr(smooth / 255, denoiser.set_params(scales=scales).transform(noisy, sigma=level))
        for scales in (1, 2)
    )
    assert two > one + 0.2


def test_sigma_auto(gaussian):
    level = 30 / 255
    noisy = spoil("gaussian", level, UNSEEN)
    assert gaussian.estimate_sigma(noisy) == pytest.approx(level, rel=0.1)
    blind, auto = gaussian.transform(noisy), gaussian.transform(noisy, sigma="auto")
    np.testing.assert_array_equal(blind, auto)
    told = gaussian.transform(noisy, sigma=level)
    assert abs(psnr(UNSEEN / 255, told) - psnr(UNSEEN / 255, blind)) < 0.3
    wrong = gaussian.transform(noisy, sigma=10 / 255)
    assert psnr(UNSEEN / 255, wrong) < psnr(UNSEEN / 255, blind) - 1


def test_a_flat_picture_has_no_noise(gaussian):
    flat = np.full((50, 50), 100, dtype=np.uint8)
    assert gaussian.estimate_sigma(flat) < 1e-12
    assert np.abs(gaussian.transform(flat).astype(int) - 100).max() <= 3


def test_strong_noise_may_go_far_beyond_black_and_white():
    strong = make(level=0.6, n_patches=200, patch_size=7).fit([GREY])
    assert np.isfinite(strong.score([GREY]))
    noisy = spoil("gaussian", 0.6, GREY)
    assert noisy.min() < -1.5 and strong.transform(noisy).shape == GREY.shape
    with pytest.raises(ValueError, match=r"floats from 0 \(black\) to 1 \(white\)"):
        strong.transform(GREY.astype(np.float32))


def test_the_middle_of_a_patch_is_answered_better():
    """Than all of it, by a network that learned as long."""
    noisy = spoil("gaussian", 25 / 255, UNSEEN)
    found = {
        output: make(output_size=output, stride=2).fit([GREY]).transform(noisy)
        for output in (None, 9)
    }
    assert psnr(UNSEEN, 255 * found[None]) > psnr(UNSEEN, 255 * found[9]) + 0.05


def test_score_is_psnr(tiny):
    score = tiny.score([UNSEEN])
    assert score == tiny.score([UNSEEN]) == pytest.approx(tiny.score([UNSEEN / 255]), abs=1e-4)
    noisy = spoil("gaussian", 0.1, UNSEEN)
    expected = psnr(UNSEEN / 255, tiny.transform(noisy))
    assert tiny.score([UNSEEN / 255], noisy=[noisy]) == pytest.approx(expected, abs=1e-4)


def test_bad_sigma_and_mask(gaussian, masking, tiny):
    for sigma in (25, -1, "loud", np.nan, True):
        with pytest.raises(ValueError, match="sigma must be 'auto' or a number from 0 to 1"):
            gaussian.transform(UNSEEN, sigma=sigma)
    for denoiser in (tiny, masking):
        for sigma in (0.1, "auto"):
            with pytest.raises(ValueError, match=r"range of levels of Gaussian noise"):
                denoiser.transform(UNSEEN, sigma=sigma)
    with pytest.raises(ValueError, match="mask is only supported with noise='masking'"):
        gaussian.transform(UNSEEN, mask=UNSEEN > 3)
    for mask, message in (
        (UNSEEN, "must be bool, True where a pixel is missing, of shape"),
        (UNSEEN[:5] > 3, "must be bool, True where a pixel is missing, of shape"),
        (UNSEEN >= 0, "has no pixel that is known"),
    ):
        with pytest.raises(ValueError, match=message):
            masking.transform(UNSEEN, mask=mask)
    with pytest.raises(ValueError, match="one mask for each of the 2 images, got 1"):
        masking.transform([UNSEEN, UNSEEN], mask=[UNSEEN > 3])
    with pytest.raises(ValueError, match="mask must be a list of one mask for each of the 1 im"):
        masking.transform([UNSEEN], mask=True)
    with pytest.raises(ValueError, match="no pixel that is known: all are NaN"):
        masking.transform(np.full((20, 20), np.nan))


def test_transform_writes_nothing(tiny):
    before = pickle.dumps(tiny)
    tiny.transform(UNSEEN)
    tiny.score([UNSEEN])
    assert pickle.dumps(tiny) == before


def test_cleaning_takes_the_threads_of_the_denoiser(tiny, monkeypatch):
    """Not those that its network was trained with."""
    asked = []
    n_threads = _core.threads.n_threads

    def spy(n_jobs):
        asked.append(n_jobs)
        return n_threads(n_jobs)

    monkeypatch.setattr(_core.threads, "n_threads", spy)
    changed = copy.deepcopy(tiny).set_params(n_jobs=3)
    np.testing.assert_array_equal(changed.transform(GREY), tiny.transform(GREY))
    assert 3 in asked and changed.autoencoder_.n_jobs is None


def test_no_more_scales_than_were_trained_for():
    denoiser = make(scales=1, n_patches=500).fit([GREY])
    noisy = spoil("gaussian", 0.1, GREY)
    before = denoiser.transform(noisy)
    np.testing.assert_array_equal(denoiser.set_params(scales=3).transform(noisy), before)
    # what `transform` does by default is what was trained for, whatever becomes of parameters
    denoiser.set_params(scales=None)
    np.testing.assert_array_equal(denoiser.transform(noisy), before)
    del denoiser._task["scales"]  # as in files that were written before there were any
    np.testing.assert_array_equal(denoiser.transform(noisy), before)
    denoiser.set_params(warm_start=True).fit([GREY])
    assert denoiser._task["scales"] == 1
    assert denoiser.set_params(scales=2).fit([GREY])._task["scales"] == 2


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("color", "lum"), ("stride", 0), ("scales", 0), ("data_range", -1), ("n_jobs", 0)],
)
def test_what_may_be_changed_after_fit_is_looked_at(tiny, parameter, value):
    changed = copy.deepcopy(tiny).set_params(**{parameter: value})
    for method in (changed.transform, changed.score):
        with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
            method(GREY)


def test_a_damaged_state(tiny):
    broken = copy.deepcopy(tiny)
    broken._task = {"noise": "gaussian"}
    with pytest.raises(ValueError, match="damaged"):
        broken.transform(UNSEEN)
    for change in ({"noise": "gausian"}, {"size": 0}, {"output": 9}, {"scales": 0.5}):
        broken = copy.deepcopy(tiny)
        broken._task = {**broken._task, **change}
        with pytest.raises(ValueError, match="damaged"):
            broken.transform(UNSEEN)
    broken = copy.deepcopy(tiny)
    broken._task = {**broken._task, "size": 9}
    with pytest.raises(ValueError, match="features"):
        broken.transform(UNSEEN)


@pytest.fixture(scope="module")
def convolutional():
    network = ConvolutionalAutoencoder(n_channels=16, n_blocks=1, random_state=0)
    made = ImageDenoiser(level=(0.02, 0.2), autoencoder=network, patch_size=16, n_patches=64)
    return made.fit([GREY])


@pytest.mark.parametrize("factor", [1e12, 1e37])
@pytest.mark.parametrize("sigma", [None, 0.1])
@pytest.mark.parametrize("picture", [GREY[:40, :50], CHINA[:40, :50]], ids=["grey", "colours"])
def test_huge_weights_are_a_damaged_state(convolutional, factor, sigma, picture):
    broken = copy.deepcopy(convolutional)
    broken.autoencoder_.weights_ *= np.float32(factor)
    with pytest.raises(ValueError, match="state is damaged: its network must answer with pixels"):
        broken.transform(spoil("gaussian", 0.1, picture), sigma=sigma)


def test_huge_weights_that_fill_holes_are_a_damaged_state():
    broken = make("masking", 0.5, n_patches=64, patch_size=7).fit([GREY])
    broken.autoencoder_._layers[0]["decoder"][:] = 1e30
    with pytest.raises(ValueError, match="state is damaged: its network must answer with pixels"):
        broken.transform(np.where(GREY < 100, 0, GREY))


@pytest.mark.filterwarnings("ignore:sigma=0.1 is outside the levels")
@pytest.mark.parametrize("sigma", [None, 0.1])
def test_levels_near_zero_are_a_damaged_state(convolutional, sigma):
    broken = copy.deepcopy(convolutional)
    broken.level_ = (5e-324, 1e-323)
    with pytest.raises(ValueError, match="state is damaged: its network must answer with pixels"):
        broken.transform(spoil("gaussian", 0.1, GREY), sigma=sigma)


# ------------------------------------------------------------------ levels


def test_of_no_noise_the_picture_is_returned(gaussian):
    for picture in (UNSEEN, UNSEEN / 255, np.dstack([UNSEEN] * 4)):
        cleaned = gaussian.transform(picture, sigma=0)
        np.testing.assert_array_equal(cleaned, picture)
        assert not np.shares_memory(cleaned, picture)


def test_a_level_that_was_not_trained_for_is_said(gaussian):
    with pytest.warns(UserWarning, match=f"sigma=0.9 is outside .* {50 / 255:.4g}, is used"):
        cleaned = gaussian.transform(UNSEEN, sigma=0.9)
    np.testing.assert_array_equal(cleaned, gaussian.transform(UNSEEN, sigma=50 / 255))


def test_below_the_levels_trained_for_less_and_less_is_removed(gaussian):
    """Down to nothing at 0, and without a step at the range's lower end."""
    noisy = spoil("gaussian", 0.01, UNSEEN)
    low = 10 / 255
    removed = []
    for sigma in (0.001, 0.01, 0.03, 0.999 * low):
        with pytest.warns(UserWarning, match=f"{low:.4g}, is used, and no more than the noise"):
            cleaned = gaussian.transform(noisy, sigma=sigma)
        removed.append(np.sqrt(np.mean((cleaned - noisy) ** 2)))
        assert removed[-1] < 1.1 * sigma
    assert removed == sorted(removed)
    assert np.abs(cleaned - gaussian.transform(noisy, sigma=low)).max() < 0.01


# ------------------------------------------------------------------ large pictures


def tiled(monkeypatch, denoiser, picture, tile, **arguments):
    whole = denoiser.transform(picture, **arguments)
    monkeypatch.setattr("dae.image._cleaning.TILE", tile)
    return whole, denoiser.transform(picture, **arguments)


@pytest.mark.parametrize(("scales", "stride"), [(1, 1), (1, 4), (2, 3), (3, 4)])
def test_tiles_give_the_bits_of_the_whole_picture(gaussian, monkeypatch, stride, scales):
    denoiser = copy.deepcopy(gaussian).set_params(scales=scales, stride=stride)
    denoiser._task = {**denoiser._task, "scales": 3}
    length = {1: 157, 2: 253, 3: 421}[scales]
    picture = (FLOWER[: length - 2, :length] / 255).astype(np.float32)
    picture = picture if scales == 2 else picture[..., 1]  # colours are mixed
    whole, parts = tiled(monkeypatch, denoiser, picture, length // 2, sigma=0.1)
    np.testing.assert_array_equal(parts, whole)


def test_tiles_at_measured_levels_give_the_bits_of_the_whole_picture(gaussian, monkeypatch):
    noisy = spoil("gaussian", 0.1, CHINA[:217, :401])
    whole, parts = tiled(monkeypatch, gaussian, noisy, 200)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("noise", ["masking", "salt_and_pepper"])
def test_tiles_of_lost_pixels(noise, request, monkeypatch):
    denoiser = request.getfixturevalue(noise)
    noisy = spoil(noise, 0.5, np.clip(CHINA[..., 1], 1, 254))
    noisy[:230, :230] = 0 if noise == "masking" else noisy[:230, :230]  # wider than a tile
    whole, parts = tiled(monkeypatch, denoiser, noisy, 200)
    assert np.sqrt(np.mean((parts - whole)[:, 250:] ** 2)) < 0.5 / 255
    assert np.isfinite(parts).all()


def test_memory_is_a_few_times_a_large_picture(monkeypatch):
    monkeypatch.setattr("dae.image._cleaning.TILE", 256)
    denoiser = make(n_patches=64, autoencoder=DenoisingAutoencoder(2, corruption=None)).fit([GREY])
    large = np.tile(GREY, (10, 9))[..., None].repeat(3, axis=2)  # 18.5 MB
    tracemalloc.start()
    try:
        denoiser.transform(large)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * large.nbytes + 60e6


def test_how_long_a_large_picture_will_take(tiny, monkeypatch, capsys):
    monkeypatch.setattr("dae.image._cleaning.TILE", 100)
    monkeypatch.setattr("dae.image._cleaning.Progress.PAUSE", 0.0)
    tiny.transform(GREY)
    assert capsys.readouterr().out == ""
    copy.deepcopy(tiny).set_params(verbose=1).transform(GREY)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    assert all(re.fullmatch(r"images\[0\]: \d+% cleaned, \d+ s left", line) for line in lines)
    assert lines[-1].startswith("images[0]: 100%") or lines[-1].startswith("images[0]: 9")
