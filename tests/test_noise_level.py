"""`sigma="auto"`: noise is found in the forms that people have it in, and no more is removed."""

import io
import warnings
from functools import partial

import numpy as np
import pytest
from scipy.ndimage import convolve, gaussian_filter, zoom
from sklearn.datasets import load_sample_images

from dae.image import ImageDenoiser
from dae.image._jpeg_noise import STANDARD, _without_odd

CHINA, FLOWER = load_sample_images().images
PHOTOGRAPH = np.ascontiguousarray(FLOWER[120:280, 200:360])  # in colour, 160 x 160
GREY = np.ascontiguousarray(FLOWER[200:360, 60:220, 1])
TOLD = (0.6, 0.8, 1.0, 1.2, 1.5)  # times the noise made


@pytest.fixture(scope="module")
def denoiser():
    return ImageDenoiser.pretrained().set_params(stride=5)


def psnr(a, b):
    error = np.mean((np.float64(a) - b) ** 2) / 255**2
    return np.inf if error == 0 else -10 * np.log10(error)


def with_noise(picture, sigma, seed=0):
    noise = np.random.default_rng(seed).normal(scale=sigma, size=picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def as_jpeg(picture, quality, subsampling):
    image_module = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image_module.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(image_module.open(file))


def best_told(denoiser, noisy, clean, sigma):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # below the levels trained for
        return max(psnr(denoiser.transform(noisy, sigma=f * sigma / 255), clean) for f in TOLD)


def drawing(size=160):
    """Thin dark lines at all angles on paper."""
    rows, columns = np.mgrid[:size, :size]
    paper = np.full((size, size), 235, dtype=np.uint8)
    for number in range(25):
        angle = number / 4
        across = (rows - 80) * np.cos(angle) - (columns - 80) * np.sin(angle)
        paper[np.abs(across - (number - 12) * 7) < 0.6] = 20
    return paper


def scene(size=160):
    """Discs before a slope."""
    rows, columns = np.mgrid[:size, :size]
    discs = np.hypot(rows % 60 - 30, columns % 60 - 30) < 20
    return np.rint(70 + rows / 2 + 60 * discs).astype(np.uint8)


ROWS, COLUMNS = np.mgrid[:160, :160]
GRATINGS = {
    "of 8 grey levels": np.tile(np.array([100, 104, 100, 96], np.uint8), (160, 40)),
    "slanted": np.rint(128 + 60 * np.sin(1.1 * ROWS + 1.43 * COLUMNS)).astype(np.uint8),
    "of three pixels": (((ROWS + COLUMNS) % 3) * 30 + 60).astype(np.uint8),
    "chequered": (((ROWS + COLUMNS) % 2) * 40 + 100).astype(np.uint8),
}

# ------------------------------------------------------------------ noise that is found


@pytest.mark.parametrize("sigma", [5, 10, 25, 50])
@pytest.mark.parametrize(("quality", "subsampling"), [(95, 2), (90, 2), (75, 2), (75, 0), (95, 0)])
def test_noise_of_jpeg_in_colour_is_found(denoiser, sigma, quality, subsampling):
    noisy = as_jpeg(with_noise(PHOTOGRAPH, sigma), quality, subsampling)
    best = best_told(denoiser, noisy, PHOTOGRAPH, sigma)
    assert psnr(denoiser.transform(noisy), PHOTOGRAPH) > best - 0.5


@pytest.mark.parametrize("sigma", [10, 25, 50])
@pytest.mark.parametrize("quality", [95, 75])
def test_noise_of_grey_jpeg_is_found(denoiser, sigma, quality):
    noisy = as_jpeg(with_noise(GREY, sigma), quality, 0)
    best = best_told(denoiser, noisy, GREY, sigma)
    assert psnr(denoiser.transform(noisy), GREY) > best - 0.5


@pytest.mark.parametrize(("sigma", "quality"), [(10, 95), (25, 95), (50, 90)])
def test_texture_in_jpeg_is_not_taken_for_noise(denoiser, sigma, quality):
    """Grass has some in all frequencies; colours tell how much of it is noise."""
    texture = gaussian_filter(np.random.default_rng(1).normal(size=(160, 160, 1)), (0.6, 0.6, 0))
    texture = 110 + 20 * texture / texture.std()
    grass = np.clip(np.rint(texture * [0.9, 1.0, 0.7]), 0, 255).astype(np.uint8)
    noisy = as_jpeg(with_noise(grass, sigma), quality, 0)
    expected = np.std(np.sum(noisy - np.float64(grass), axis=2)) / np.sqrt(3)
    assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("quality", "most"), [(95, 5.5), (90, 6)])
def test_grey_texture_in_fine_jpeg_is_not_taken_for_noise(denoiser, quality, most):
    """It has no flat blocks; where JPEG's steps are small, the highest frequencies tell."""
    clean = pytest.importorskip("skimage.data").grass()[100:300, 100:300]
    stored = as_jpeg(clean, quality, 0)
    assert 255 * denoiser.estimate_sigma(stored) < most
    noisy = as_jpeg(with_noise(clean, 15), quality, 0)
    assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(15, rel=0.35)


@pytest.mark.parametrize(("sigma", "quality"), [(15, 95), (25, 90)])
def test_texture_as_white_as_noise_is_not_taken_for_it(denoiser, sigma, quality):
    """In half as many pixels, the colours of a JPEG file tell which part of the grey is noise."""
    slope = np.linspace(60, 190, 256)[:, None]
    texture = np.random.default_rng(0).normal(scale=0.55 * sigma, size=(256, 256, 1))
    clean = np.clip(np.rint(slope + texture + np.zeros(3)), 0, 255).astype(np.uint8)
    noisy = as_jpeg(with_noise(clean, sigma), quality, 2)
    assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(sigma, rel=0.15)


def test_noise_in_coarse_steps_is_not_told_too_low(denoiser):
    """Less costs more than it does of white noise: what JPEG has left of it looks like texture."""
    clean = np.ascontiguousarray(FLOWER[200:400, 400:600])
    noisy = as_jpeg(with_noise(clean, 20), 75, 2)
    assert psnr(denoiser.transform(noisy), clean) > best_told(denoiser, noisy, clean, 20) - 0.3


def test_a_step_found_by_chance_is_not_believed():
    """Among steps of 14 to 60, one of 2 says that there is next to no noise."""
    for quality in (40, 75, 90, 95):
        scale = 5000 / quality if quality < 50 else 200 - 2 * quality
        table = np.clip((STANDARD * scale + 50) // 100, 1, 255).astype(float)
        np.testing.assert_array_equal(_without_odd(table.copy()), table)
    table = np.maximum(STANDARD / 2, 1)
    table[7, 2] = 2
    kept = _without_odd(table.copy())
    assert np.isinf(kept[7, 2]) and np.isfinite(kept).sum() == 63


def test_jpeg_cut_out_of_another_is_found(denoiser):
    """Its grid of blocks does not begin at the corner."""
    noisy = as_jpeg(with_noise(scene(), 12), 75, 0)[3:, 5:]
    clean = scene()[3:, 5:]
    assert psnr(denoiser.transform(noisy), clean) > best_told(denoiser, noisy, clean, 12) - 0.5


@pytest.mark.parametrize("sigma", [5, 25, 50])
@pytest.mark.parametrize("alpha", [False, True])
def test_grey_as_rgb_is_cleaned_as_grey(denoiser, sigma, alpha):
    noisy = with_noise(GREY, sigma)
    colours = np.dstack([noisy] * 3 + ([np.full_like(noisy, 200)] if alpha else []))
    cleaned = denoiser.transform(colours)
    for channel in range(3):
        np.testing.assert_array_equal(cleaned[..., channel], denoiser.transform(noisy))
    if alpha:
        np.testing.assert_array_equal(cleaned[..., 3], 200)
    assert denoiser.estimate_sigma(colours) == denoiser.estimate_sigma(noisy)


@pytest.mark.parametrize("sigma", [10, 40])
def test_a_tinted_grey_picture_is_cleaned(denoiser, sigma):
    """The luminance has sqrt(3) times the noise of a channel, also beyond the range."""
    tint = np.array([1.0, 0.95, 0.88])
    noisy, clean = (
        np.rint(picture[..., None] * tint).astype(np.uint8)
        for picture in (with_noise(scene(), sigma), scene())
    )
    grey = psnr(denoiser.transform(with_noise(scene(), sigma)), scene())
    assert psnr(denoiser.transform(noisy), clean) > grey - 0.5


def mesh(size=200):
    rows, columns = np.mgrid[:size, :size]
    return np.where((rows % 5 < 1) | (columns % 6 < 1), 60, 180).astype(np.uint8)


def weave(size=200):
    rows, columns = np.mgrid[:size, :size]
    threads = 30 * np.sin(1.9 * rows) * np.sin(2.1 * columns)
    return np.rint(100 + threads + 20 * ((rows // 7 + columns // 5) % 2)).astype(np.uint8)


def knit(size=256):
    rows, columns = np.mgrid[:size, :size]
    return np.rint(
        120 + 50 * np.sin(1.5 * rows + 2 * np.sin(0.8 * columns)) * np.cos(0.8 * columns)
    ).astype(np.uint8)


@pytest.mark.parametrize("pattern", [mesh, weave, knit])
@pytest.mark.parametrize("sigma", [0, 2, 5])
def test_patterns_everywhere_are_not_noise(denoiser, pattern, sigma):
    """They have no flat blocks, and the same power in all: but in lines of a Fourier transform."""
    clean = pattern()
    noisy = with_noise(clean, sigma)
    assert 255 * denoiser.estimate_sigma(noisy) < 1.15 * sigma + 2.5
    if not sigma:
        np.testing.assert_array_equal(denoiser.transform(clean), clean)
    else:
        assert psnr(denoiser.transform(noisy), clean) >= psnr(noisy, clean)


def dithered():
    """The slope of a grey, in black and white dots."""
    slope = np.linspace(0.2, 0.8, 160) + np.zeros((160, 1))
    return np.where(np.random.default_rng(0).random((160, 160)) < slope, 255, 0).astype(np.uint8)


def dots(n_channels=3):
    """A twelfth of the pixels, on black."""
    rng = np.random.default_rng(0)
    picture = rng.integers(50, 256, size=(160, 160, n_channels))
    return np.where(rng.random((160, 160, 1)) < 1 / 12, picture, 0).astype(np.uint8)


def few_levels():
    """A photograph of which each channel has six values."""
    return (np.rint(PHOTOGRAPH / 51) * 51).astype(np.uint8)


@pytest.mark.parametrize("make", [dithered, dots, few_levels])
def test_dots_and_few_values_are_not_noise(denoiser, make):
    picture = make()
    np.testing.assert_array_equal(denoiser.transform(picture), picture)
    assert denoiser.estimate_sigma(picture) == 0


def written(size, shape=(320, 480)):
    """A page of letters, black on white."""
    image, draw, font = (pytest.importorskip(f"PIL.Image{part}") for part in ("", "Draw", "Font"))
    page = image.new("L", shape[::-1], 255)
    words = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do".split()
    for number, top in enumerate(range(30, shape[0] - 30, int(1.45 * size))):
        line = " ".join(np.random.default_rng(number).choice(words, 9))
        draw.Draw(page).text((40, top), line, 0, font.load_default(size))
    return np.asarray(page)


def halftone(period):
    dots = np.cos(2 * np.pi * (COLUMNS + ROWS) / period) * np.cos(
        2 * np.pi * (COLUMNS - ROWS) / period
    )
    return np.where(GREY > 127 + 127 * dots, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("quality", [95, 90, 80])
@pytest.mark.parametrize(
    "make",
    [partial(written, 11), partial(written, 15), partial(written, 20), drawing, dithered]
    + [partial(halftone, period) for period in (4, 6, 8)],
)
def test_print_and_dots_in_jpeg_are_not_noise(denoiser, make, quality):
    """Their edges are in all blocks that are not constant, and JPEG's ringing around them."""
    clean = make()
    stored = as_jpeg(clean, quality, 0)
    assert psnr(denoiser.transform(stored), clean) > psnr(stored, clean) - 0.1


def test_print_that_was_changed_is_not_noise(denoiser):
    turned = zoom(written(16, (160, 240)).astype(float), 2, order=3)
    page = np.clip(np.rint(turned), 0, 255).astype(np.uint8)
    noisy = with_noise(page, 0.5)
    assert psnr(denoiser.transform(noisy), page) > psnr(noisy, page) - 0.1
    for made in (dithered(), halftone(6)):
        reduced = np.clip(np.rint(zoom(made.astype(float), 0.8, order=3)), 0, 255).astype(np.uint8)
        np.testing.assert_array_equal(denoiser.transform(reduced), reduced)


def test_small_letters_are_not_coloured_noise(denoiser):
    """They are steep as noise that was enlarged is, but not the same everywhere."""
    image, draw, font = (pytest.importorskip(f"PIL.Image{part}") for part in ("", "Draw", "Font"))
    page = image.new("L", (240, 240), 255)
    for seed in range(20):
        letters = np.random.default_rng(seed).choice(list("abcdeghmnorstuw  "), size=60)
        draw.Draw(page).text((2, 12 * seed), "".join(letters), 0, font.load_default(10))
    assert 255 * denoiser.estimate_sigma(np.asarray(page)) < 2


@pytest.mark.parametrize("seed", range(3))
def test_noise_beside_many_clipped_pixels_is_found(denoiser, seed):
    """Its excess in lower bands is not texture."""
    clean = FLOWER[60:200, 100:240]
    noisy = with_noise(clean, 10, seed)
    assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(10, rel=0.3)


def test_noise_of_jpeg_is_found_where_no_block_is_whole(denoiser):
    """Clipped pixels hide the steps that JPEG has rounded to."""
    clean = FLOWER[60:200, 100:240]
    noisy = as_jpeg(with_noise(clean, 25, 1), 75, 0)
    assert psnr(denoiser.transform(noisy), clean) > best_told(denoiser, noisy, clean, 25) - 1


def test_noise_of_an_enlarged_picture_with_edges_is_found(denoiser):
    clean = pytest.importorskip("skimage.data").coins()[:100, :100]
    noisy = np.clip(zoom(with_noise(clean, 25).astype(float), 2), 0, 255)
    assert 255 * denoiser.estimate_sigma(np.rint(noisy).astype(np.uint8)) > 25


def enlarged(picture):
    factors = (2, 2, 1)[: picture.ndim]
    return np.clip(np.rint(zoom(picture.astype(float), factors, order=1)), 0, 255).astype(np.uint8)


def blurred(picture):
    return np.rint(gaussian_filter(picture.astype(float), 0.7)).astype(np.uint8)


def sharpened(picture):
    pixels = picture.astype(float)
    edges = pixels - gaussian_filter(pixels, 1.2)
    return np.clip(np.rint(pixels + 0.8 * edges), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [enlarged, blurred, sharpened])
def test_noise_of_changed_pictures_is_found(denoiser, change):
    noisy, clean = change(with_noise(scene(), 25)), change(scene())
    assert psnr(denoiser.transform(noisy), clean) > best_told(denoiser, noisy, clean, 25) - 1


def from_filter_array(picture):
    """Of each pixel one colour, as a sensor sees it, and the others made up from those around."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    places = (rows % 2 + columns % 2 == 0, (rows + columns) % 2 == 1, rows * columns % 2 == 1)
    kernel = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    made_up = [
        convolve(picture[..., c] * place.astype(float), kernel) / convolve(place * 1.0, kernel)
        for c, place in enumerate(places)
    ]
    return np.clip(np.rint(np.stack(made_up, axis=-1)), 0, 255).astype(np.uint8)


def straightened(picture):
    image_module = pytest.importorskip("PIL.Image")
    turned = image_module.fromarray(picture).rotate(3, image_module.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(turned)[20:-20, 20:-20])


@pytest.mark.parametrize("change", [from_filter_array, straightened])
@pytest.mark.parametrize("quality", [None, 92])
@pytest.mark.parametrize("picture", [CHINA[100:320, 100:320], FLOWER[100:320, 160:380]])
def test_coloured_noise_is_that_of_the_chrominances(denoiser, change, quality, picture):
    """In luminance alone it looks like texture."""
    noisy, clean = change(with_noise(picture, 20)), change(picture)
    noisy = noisy if quality is None else as_jpeg(noisy, quality, 2)
    assert psnr(denoiser.transform(noisy), clean) > best_told(denoiser, noisy, clean, 20) - 1.1


@pytest.mark.parametrize("sigma", [10, 25, 50])
@pytest.mark.parametrize("clean", [PHOTOGRAPH, GREY], ids=["colour", "grey"])
def test_independent_noise_is_found(denoiser, sigma, clean):
    noisy = with_noise(clean, sigma)
    # clipped at black and white, the strongest noise is weaker than it was made
    assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(
        sigma, rel=0.1 if sigma < 50 else 0.2
    )
    best = best_told(denoiser, noisy, clean, sigma)
    assert psnr(denoiser.transform(noisy), clean) > best - 0.3


def textured(field, depth):
    """Grey levels of a random field; `depth` is its standard deviation, place by place."""
    return np.clip(np.rint(120 + depth * field / field.std()), 0, 255).astype(np.uint8)


def test_texture_everywhere_is_not_taken_for_noise(denoiser):
    """There are no flat places, but the power of texture grows from place to place."""
    rng = np.random.default_rng(3)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(160), np.fft.fftfreq(160)))
    spectrum = np.fft.fft2(rng.normal(size=(160, 160))) / np.maximum(frequency, 0.03) ** 0.9
    place = gaussian_filter(rng.normal(size=(160, 160)), 8)
    noisy = with_noise(textured(np.fft.ifft2(spectrum).real, 16 * np.exp(place / place.std())), 5)
    assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(5, rel=0.2)


def test_texture_like_grass_is_not_taken_for_coloured_noise(denoiser):
    rng = np.random.default_rng(3)
    field = gaussian_filter(rng.normal(size=(256, 256)), 0.6)
    place = gaussian_filter(rng.normal(size=field.shape), 16)
    noisy = with_noise(textured(field, 20 * np.exp(1.2 * 16 * place)), 10)
    assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(10, rel=0.1)


def test_clipped_noise_is_not_taken_for_texture(denoiser):
    """Cut off at black, noise is stronger in brighter places, but white."""
    clean = pytest.importorskip("skimage.data").astronaut()[128:384, 128:384]
    noisy = with_noise(clean, 50)
    assert psnr(denoiser.transform(noisy), clean) > best_told(denoiser, noisy, clean, 50) - 0.5


def test_saturated_paper_does_not_hide_the_noise(denoiser):
    clean = scene()
    clean[:70] = 255
    assert 255 * denoiser.estimate_sigma(with_noise(clean, 20)) == pytest.approx(20, rel=0.1)


# ------------------------------------------------------------------ detail that is kept


@pytest.mark.parametrize("sigma", [0.5, 1, 2, 3, 5])
@pytest.mark.parametrize("clean", [GREY, PHOTOGRAPH, drawing()], ids=["grey", "colour", "lines"])
def test_weak_noise_is_not_made_worse(denoiser, sigma, clean):
    noisy = with_noise(clean, sigma)
    assert psnr(denoiser.transform(noisy), clean) > psnr(noisy, clean) - 0.1


@pytest.mark.parametrize("sigma", [0.5, 1, 2, 3])
@pytest.mark.parametrize("name", ["camera", "page", "text"])
def test_weak_noise_on_scans_is_not_made_worse(denoiser, sigma, name):
    clean = getattr(pytest.importorskip("skimage.data"), name)()[:160, :160]
    noisy = with_noise(clean, sigma)
    assert psnr(denoiser.transform(noisy), clean) > psnr(noisy, clean) - 0.1


@pytest.mark.parametrize("name", ["camera", "page", "text"])
def test_clean_pictures_are_returned(denoiser, name):
    clean = getattr(pytest.importorskip("skimage.data"), name)()[:, 100:300]
    np.testing.assert_array_equal(denoiser.transform(clean), clean)


def test_a_clean_drawing_is_returned(denoiser):
    """Blocks on its lines are few, and differ as those on JPEG's grid and beside it do."""
    for clean in (drawing(), np.where(drawing() > 100, 255, 0).astype(np.uint8)):
        np.testing.assert_array_equal(denoiser.transform(clean), clean)


@pytest.mark.parametrize("name", GRATINGS)
def test_gratings_are_kept(denoiser, name):
    clean = GRATINGS[name]
    np.testing.assert_array_equal(denoiser.transform(clean), clean)
    for sigma in (0.5, 2, 3):
        noisy = with_noise(clean, sigma)
        gain = psnr(denoiser.transform(noisy), clean) - psnr(noisy, clean)
        assert gain > -0.1
        # exact, because the pattern takes few dimensions; rounding adds its own
        expected = np.hypot(sigma, 0.29)
        assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(expected, rel=0.1)


def test_what_is_removed_of_a_picture_ends_gently(denoiser):
    """From noise that is removed to noise that is left there is no step."""
    noise = np.random.default_rng(0).normal(size=(160, 160))
    picture = scene() / 255
    removed = []
    for sigma in np.arange(0.5, 4, 0.25):
        noisy = (picture + sigma / 255 * noise).astype(np.float32)
        removed.append(255 * np.sqrt(np.mean((denoiser.transform(noisy) - noisy) ** 2)))
    assert removed[0] == 0 and removed[-1] > 2
    assert np.max(np.diff(removed)) < 0.8


# ------------------------------------------------------------------ forms


@pytest.mark.parametrize("color", ["luminance", "channels"])
def test_channels_are_measured_apart(denoiser, color):
    """Noise on one channel alone is removed from it; the others lose nothing."""
    clean = np.dstack([scene()] * 3)
    clean[..., 1] //= 2
    noisy = clean.copy()
    noisy[..., 0] = with_noise(clean[..., 0], 20)
    cleaned = ImageDenoiser.pretrained().set_params(stride=5, color=color).transform(noisy)
    assert psnr(cleaned[..., 0], clean[..., 0]) > psnr(noisy[..., 0], clean[..., 0]) + 4
    if color == "channels":
        np.testing.assert_array_equal(cleaned[..., 1:], clean[..., 1:])


@pytest.mark.parametrize("shape", [(13, 13), (13, 200), (40, 40), (20, 30, 3)])
def test_small_pictures_are_measured(denoiser, shape):
    noise = np.random.default_rng(0).normal(scale=20, size=shape)
    noisy = np.clip(np.rint(128 + noise), 0, 255).astype(np.uint8)
    assert 255 * denoiser.estimate_sigma(noisy) == pytest.approx(20, rel=0.35)
    assert denoiser.transform(noisy).shape == shape


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_the_estimate_does_not_depend_on_the_dtype(denoiser, dtype):
    white = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    noisy = (
        np.rint(with_noise(scene(), 15) * (white / 255))
        if white > 1
        else (with_noise(scene(), 15) / 255)
    )
    expected = denoiser.estimate_sigma(with_noise(scene(), 15))
    assert denoiser.estimate_sigma(noisy.astype(dtype)) == pytest.approx(expected, rel=1e-3)
