"""Pictures in memory: dtypes, ranges, shapes, containers, and what is refused."""

import copy
import io
import os
from pathlib import Path

import numpy as np
import pytest
from pictures import CHINA, GREY, UNSEEN, make, spoil

from dae.image._colour import from_planes, to_planes
from dae.image._format import ImageFormat


@pytest.mark.parametrize(
    ("dtype", "white"),
    [(np.uint8, 255), (np.uint16, 65535), (np.float16, 1), (np.float32, 1), (np.float64, 1)],
)
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_comes_back_as_it_came(tiny, dtype, white, channels):
    shape = (40, 50) if channels is None else (40, 50, channels)
    values = np.random.default_rng(0).uniform(0.3, 0.7, shape)
    image = (values * white).astype(dtype)
    cleaned = tiny.transform(image)
    assert cleaned.dtype == dtype and cleaned.shape == shape
    assert abs(float(cleaned.mean(dtype=float)) / white - 0.5) < 0.1
    if channels in (2, 4):
        np.testing.assert_array_equal(cleaned[..., -1], image[..., -1])
    if channels in (2, 4):
        assert (cleaned[..., 0] != image[..., 0]).any()


def test_same_picture_in_every_dtype(tiny):
    as_float = tiny.transform((UNSEEN / 255).astype(np.float32))
    assert np.abs(tiny.transform(UNSEEN) - 255.0 * as_float).max() <= 0.51
    assert np.abs(tiny.transform(UNSEEN.astype(np.uint16) * 257) / 65535 - as_float).max() < 1e-4


def test_data_range():
    wide = make(n_patches=200, patch_size=7, data_range=255).fit([GREY.astype(float)])
    usual = make(n_patches=200, patch_size=7).fit([GREY])
    cleaned = wide.transform(UNSEEN.astype(float))
    assert np.abs(cleaned - usual.transform(UNSEEN)).max() < 0.51


def test_containers(tiny):
    one = tiny.transform(UNSEEN)
    assert one.shape == UNSEEN.shape
    listed = tiny.transform([UNSEEN, CHINA[:50, :60]])
    assert isinstance(listed, list) and listed[1].shape == (50, 60, 3)
    np.testing.assert_array_equal(listed[0], one)
    stack = tiny.transform(np.stack([UNSEEN, UNSEEN]))
    assert stack.shape == (2, *UNSEEN.shape)
    np.testing.assert_array_equal(stack[1], one)
    assert tiny.transform(CHINA[None, :50, :60]).shape == (1, 50, 60, 3)


def test_the_input_is_not_written_to(tiny, masking):
    image = UNSEEN.copy()
    image.setflags(write=False)
    tiny.transform(image)
    masking.transform(image)


def test_luminance_and_chrominance():
    colours = CHINA[:20, :30].astype(np.float32) / 255
    planes = to_planes(colours, True)
    np.testing.assert_allclose(from_planes(planes, True), colours, atol=1e-6)
    assert np.std(planes[0]) > 3 * np.std(planes[2])  # most is in the luminance
    white = np.random.default_rng(0).normal(size=(200, 200, 3)).astype(np.float32)
    for plane in to_planes(white, True):
        assert np.std(plane) == pytest.approx(1, abs=0.02)  # the noise keeps its strength


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "images is empty. Pass at least one picture."),
        (3, "must be a list of pictures or of file names, or an array; got int"),
        (np.zeros(5), "got an array of shape"),
        (["no/such/file.png"], "no/such/file.png"),
        ([GREY[:5]], "images[0] has 5 x 320 pixels, less than a patch of 9 x 9. Use larger"),
        ([GREY, CHINA], "images[1] has 3 colour channels, images[0] has 1. Train on pictures"),
        ([np.zeros((20, 20, 5))], "must have shape (height, width) or (height, width, channels)"),
        ([np.zeros((20, 0))], "images[0] must have pixels"),
        ([np.full((20, 20), np.nan)], "images[0] has NaN in 400 places. Fill them, or use"),
        ([np.full((20, 20), np.inf)], "got values from inf to inf"),
        ([GREY.astype(float)], "floats from 0 (black) to 1 (white), got values from"),
        (
            [GREY.astype(np.int64)],
            "images[0] holds int64, which does not tell the value of white",
        ),
        ([GREY > 100], "got bool"),
        ([GREY * 1j], "got complex128"),
        ([[["a"]]], "images[0] must be an array of pixels or a file name, got list"),
        ([[[1, 2], [3]]], "images[0] must be an array of pixels"),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_bad_pictures_in_fit(images, message):
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        make(n_patches=10).fit(images)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "images is empty"),
        (np.zeros((6, 300)), "has 6 x 300 pixels, less than a patch of 7 x 7"),
        (
            np.full((20, 20), 9.0),
            "floats from 0 (black) to 1 (white), got values from 9 to 9",
        ),
        (
            np.where(np.eye(20), np.nan, 0.5),
            "has NaN in 20 places. Fill them, or use a denoiser of",
        ),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_bad_pictures_in_transform(tiny, images, message):
    with pytest.raises(ValueError) as caught:
        tiny.transform(images)
    assert message in str(caught.value)


def test_forms_of_arrays():
    form = ImageFormat.of(np.zeros((4, 5, 2), dtype=np.uint16), "it")
    assert (form.n_channels, form.n_colours, form.white) == (2, 1, 65535)


# ------------------------------------------------------------------ the value of white


def in_bits(bits, picture=UNSEEN):
    return np.rint(picture / 255 * (2**bits - 1)).astype(np.uint16)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.uint32, np.int64, np.float64])
def test_data_range_holds_for_every_dtype(gaussian, dtype):
    noisy = (np.clip(spoil("gaussian", 20 / 255, UNSEEN), 0, 1) * 4095).astype(dtype)
    expected = gaussian.transform((noisy / 4095).astype(np.float32), sigma=20 / 255)
    told = copy.deepcopy(gaussian).set_params(data_range=4095)
    cleaned = told.transform(noisy, sigma=20 / 255)
    assert cleaned.dtype == dtype
    np.testing.assert_allclose(cleaned / 4095, expected, atol=0.6 / 4095)
    assert told.estimate_sigma(noisy) == pytest.approx(gaussian.estimate_sigma(noisy / 4095))


def test_data_range_holds_for_uint8(gaussian):
    told = copy.deepcopy(gaussian).set_params(data_range=127.5)
    half = (UNSEEN // 2).astype(np.uint8)
    expected = gaussian.transform((half / 127.5).astype(np.float32), sigma=0.1)
    np.testing.assert_allclose(told.transform(half, sigma=0.1) / 127.5, expected, atol=0.006)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, ">u2"])
def test_fewer_bits_than_sixteen_are_noticed_and_said(gaussian, bits, dtype):
    noisy = in_bits(bits, np.clip(255 * spoil("gaussian", 20 / 255, UNSEEN), 0, 255))
    with pytest.warns(UserWarning, match=rf"white is taken to be {2**bits - 1} \({bits} bits\)"):
        cleaned = gaussian.transform(noisy.astype(dtype))
    told = copy.deepcopy(gaussian).set_params(data_range=2**bits - 1)
    np.testing.assert_array_equal(cleaned, told.transform(noisy))
    assert cleaned.dtype == dtype


def test_a_stack_has_one_white(gaussian):
    stack = np.stack([in_bits(12), in_bits(12) // 4])
    with pytest.warns(UserWarning, match="images holds uint16 .* 4095") as caught:
        cleaned = gaussian.transform(stack)
    assert len(caught) == 1
    told = copy.deepcopy(gaussian).set_params(data_range=4095)
    np.testing.assert_array_equal(cleaned, told.transform(stack))


def test_training_takes_the_white_of_the_whole_picture():
    dark_corner = in_bits(12, GREY)
    dark_corner[:150] //= 64
    told = make(n_patches=200, data_range=4095).fit([dark_corner])
    with pytest.warns(UserWarning, match="4095"):
        guessed = make(n_patches=200).fit([dark_corner])
    floats = (GREY / 255).astype(np.float32)
    guessed.data_range = told.data_range = None
    np.testing.assert_array_equal(guessed.transform(floats), told.transform(floats))


@pytest.mark.parametrize("data_range", [1e300, 1e-40, 1e-320])
@pytest.mark.parametrize("method", ["transform", "fit", "estimate_sigma", "score"])
def test_errors_name_data_range(tiny, data_range, method):
    denoiser = copy.deepcopy(tiny).set_params(data_range=data_range)
    with pytest.raises(ValueError, match="data_range, the value of white, must be from"):
        getattr(denoiser, method)(np.zeros((20, 20)) if method == "estimate_sigma" else [GREY])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_a_data_range_that_no_integer_is_near(tiny, dtype):
    """A model file may set it; white would be nowhere, and the picture black."""
    denoiser = copy.deepcopy(tiny).set_params(data_range=2**63)
    with pytest.raises(ValueError, match=r"images\[0\] holds .*; data_range, .* must be near"):
        denoiser.transform([GREY.astype(dtype)])


def test_floats_that_are_almost_black_are_said(tiny):
    small = UNSEEN / UNSEEN.max() * 0.01
    with pytest.warns(
        UserWarning, match=r"images\[0\] holds floats up to 0.01, .* data_range"
    ) as said:
        tiny.transform([small])
    assert len(said) == 1
    with pytest.warns(UserWarning, match="images holds floats up to 0.01") as said:
        tiny.transform(np.stack([small, small]))
    assert len(said) == 1
    copy.deepcopy(tiny).set_params(data_range=0.01).transform(small)


def test_negative_values(tiny):
    with pytest.raises(ValueError, match="from 0 .* got values from -.* subtract the value"):
        copy.deepcopy(tiny).set_params(data_range=1000).transform(
            np.full((20, 20), -3000, np.int16)
        )


@pytest.mark.parametrize("shift", [-1.4, -0.6, 0.6, 1.4])
@pytest.mark.parametrize("channels", [1, 3])
def test_regions_beyond_black_and_white_keep_their_values(tiny, shift, channels):
    inside = (UNSEEN[:120, :100, None] / 510 + 0.25) * np.linspace(1, 0.9, channels)
    shifted = tiny.transform((inside + shift).astype(np.float32))
    # but are cut off at the picture's own darkest, or brightest, value
    low, high = (inside.min(), 1) if shift < 0 else (0, inside.max())
    expected = np.clip(tiny.transform(inside), low, high)
    np.testing.assert_allclose(shifted - shift, expected, atol=1e-5)


def test_a_dark_region_does_not_change_the_bright_side(tiny):
    picture = np.ones((64, 64), np.float32)
    picture[:, :32] = -0.3
    noise = np.random.default_rng(0).normal(scale=0.1, size=picture.shape).astype(np.float32)
    cleaned = tiny.transform(picture + noise)
    assert cleaned.max() == 1 and np.mean(cleaned[:, 40:] == 1) > 0.2
    assert cleaned[:, :24].mean() == pytest.approx(-0.3, abs=0.02)


@pytest.mark.parametrize("level", [0.02, 0.25])
def test_noise_beyond_black_and_white_is_cut_off(tiny, level):
    picture = np.zeros((200, 150))
    picture[:, 70:] = 1
    picture += np.random.default_rng(0).normal(scale=level, size=picture.shape)
    cleaned = tiny.transform(picture)
    assert cleaned.min() == 0 and cleaned.max() == 1


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_around_zero_keep_their_values(tiny, sign, channels):
    """As the difference of two pictures: no region is below black, half of the pixels are."""
    difference = np.diff(GREY[:200, :256].astype(float), axis=1)[..., None] / 255
    difference = difference * np.linspace(1, 0.9, channels)
    noise = np.random.default_rng(0).normal(scale=0.03, size=difference.shape)
    picture = 0.5 - 0.5 * sign + difference + noise
    kept = tiny.transform(picture)
    grey = tiny.transform(picture + 0.5 * sign)
    np.testing.assert_allclose(kept + 0.5 * sign, grey, atol=1e-5)
    as_integers = np.rint(2000 * (difference + noise)).astype(np.int16)
    told = copy.deepcopy(tiny).set_params(data_range=2000)
    assert (told.transform(as_integers) < -10).mean() > 0.3


@pytest.mark.parametrize("size", [20, 64, 200])
def test_noise_of_a_dark_picture_is_cut_off(tiny, size):
    noise = np.random.default_rng(0).normal(scale=0.1, size=(size, size))
    noise[3, 3] = -1  # a single pixel far below
    assert tiny.transform(noise).min() == 0


def test_integers_below_black(tiny):
    """As Hounsfield units of CT: air is -1000, bone 1000 and more."""
    ct = np.rint(3000.0 * UNSEEN / 255 - 1000).astype(np.int16)
    with pytest.warns(UserWarning, match="int16 with values from -1000 to .* to be 4095 .12 bits"):
        cleaned = tiny.transform(ct)
    told = copy.deepcopy(tiny).set_params(data_range=4095)
    above = told.transform((ct + 1100).astype(np.uint16)).astype(int) - 1100
    assert cleaned.dtype == np.int16 and cleaned.min() < -900
    assert np.abs(cleaned - np.maximum(above, -1000)).max() <= 1
    with pytest.warns(UserWarning, match="white is taken to be 1023"):
        tiny.transform(np.minimum(ct, 40))  # of 8 bits by its largest value


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_the_largest_integers(tiny, dtype):
    white = int(np.iinfo(dtype).max)
    picture = np.full((32, 32), white, dtype)
    picture[:, :16] //= 2
    cleaned = copy.deepcopy(tiny).set_params(data_range=white).transform(picture)
    assert cleaned.dtype == dtype and cleaned[:, 24:].min() > 0.9 * white
    expected = tiny.transform((picture / white).astype(np.float32))
    np.testing.assert_allclose(cleaned / white, expected, atol=1e-6)


def test_score_of_regions_below_black(tiny):
    picture = (UNSEEN / 510).astype(np.float32)
    dark = picture - np.float32(0.6)
    expected = -20 * np.log10(0.6)
    assert tiny.score([picture], noisy=[dark]) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("dtype", [">u2", ">f4", ">f8"])
def test_any_byte_order(tiny, dtype):
    picture = (UNSEEN / 255 * (65535 if "u" in dtype else 1)).astype(dtype)
    cleaned = tiny.transform(picture)
    assert cleaned.dtype == dtype
    np.testing.assert_array_equal(cleaned, tiny.transform(picture.astype(dtype[1:])))


# ------------------------------------------------------------------ more containers


@pytest.fixture
def files(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name in ("a.png", "b.png"):
        image.fromarray(UNSEEN).save(tmp_path / name)
    return [str(tmp_path / "a.png"), str(tmp_path / "b.png")]


def test_file_names_in_every_form(tiny, files):
    pandas = pytest.importorskip("pandas")
    expected = tiny.transform(UNSEEN)
    forms = [
        np.array(files), np.array(files, dtype=object), pandas.Series(files),
        [os.fsencode(name) for name in files], map(str, files), tuple(files),
    ]  # fmt: skip
    for names in forms:
        cleaned = tiny.transform(names)
        assert isinstance(cleaned, list) and len(cleaned) == 2
        np.testing.assert_array_equal(cleaned[1], expected)
    np.testing.assert_array_equal(tiny.transform(os.fsencode(files[0])), expected)
    make(n_patches=64, patch_size=7).fit(np.array(files))


def test_open_files(tiny, files):
    expected = tiny.transform(UNSEEN)
    with open(files[0], "rb") as file:
        np.testing.assert_array_equal(tiny.transform(file), expected)
        np.testing.assert_array_equal(tiny.transform([file])[0], expected)
        content = io.BytesIO(Path(files[0]).read_bytes())
        np.testing.assert_array_equal(tiny.transform(content), expected)
        make(n_patches=64, patch_size=7).fit([file, content])
    with pytest.raises(ValueError, match="images.* is not a picture that Pillow can read"):
        tiny.transform(io.BytesIO(b"nothing"))


def test_pictures_that_are_closed_or_missing(tiny, files):
    pandas = pytest.importorskip("pandas")
    image = pytest.importorskip("PIL.Image")
    with open(files[0], "rb") as file, image.open(files[0]) as picture:
        pass
    for images, message in (
        ([UNSEEN, file], "a.png is a file that was closed. Open it again"),
        ([UNSEEN, picture], r"images\[1\] cannot be read by Pillow: .* before it is closed"),
        (
            pandas.Series([files[0], None]),
            r"images\[1\] is (None|NaN), an array of pixels or a file",
        ),
        ([UNSEEN, float("nan")], r"images\[1\] is NaN, an array of pixels or a file name"),
        (bytearray(b"abc"), r"images\[0\] is the content of a file. Pass io.BytesIO"),
    ):
        with pytest.raises(ValueError, match=message):
            tiny.transform(images)


@pytest.mark.parametrize("last", [7, 13])
def test_one_picture_of_many_channels_is_said_to_be_a_stack(tiny, last):
    many = np.repeat(UNSEEN[:60, :50, None], last, axis=2)
    with pytest.warns(UserWarning, match=rf"taken for 60 grey pictures of 50 x {last} pixels"):
        tiny.transform(many)
    assert len(tiny.transform(list(np.moveaxis(many, -1, 0)))) == last
    assert tiny.transform(np.stack([UNSEEN[:8, :8]] * 30)).shape == (30, 8, 8)  # as digits


def test_pillow_images_by_their_mode(tiny):
    image = pytest.importorskip("PIL.Image")
    colours = image.fromarray(CHINA[:60, :70])
    np.testing.assert_array_equal(tiny.transform(colours), tiny.transform(CHINA[:60, :70]))
    for mode in ("P", "CMYK", "HSV", "YCbCr"):
        other = colours.convert(mode)
        expected = tiny.transform(np.asarray(other.convert("RGB")))
        np.testing.assert_array_equal(tiny.transform([other])[0], expected)
    grey = image.fromarray(UNSEEN)
    np.testing.assert_array_equal(tiny.transform(grey), tiny.transform(UNSEEN))
    bits = grey.convert("1")
    np.testing.assert_array_equal(
        tiny.transform(bits), tiny.transform(np.asarray(bits) * np.uint8(255))
    )
    wide = image.fromarray(UNSEEN.astype(np.uint16) * 257)
    assert tiny.transform(wide).dtype == np.uint16


def test_whatever_is_an_array(tiny):
    class Labelled:
        """As xarray's arrays and torch's tensors are."""

        def __array__(self, dtype=None, copy=None):
            return UNSEEN

        def __iter__(self):
            return iter(UNSEEN)

    np.testing.assert_array_equal(tiny.transform(Labelled()), tiny.transform(UNSEEN))
    np.testing.assert_array_equal(tiny.transform([Labelled()])[0], tiny.transform(UNSEEN))


def test_containers_that_are_refused_by_their_name(tiny, files):
    pandas = pytest.importorskip("pandas")
    for images, message in (
        (pandas.DataFrame(UNSEEN), "images must be pictures, got a DataFrame. Pass its column"),
        (pandas.DataFrame({"a": files}), "images must be pictures, got a DataFrame"),
        ({"a": UNSEEN}, "got a dict. Pass list"),
        (UNSEEN.tolist(), r"images\[0\] is a list of 200 numbers.*np.asarray"),
        (Path(files[0]).read_bytes(), r"images\[0\] is the content of a file. Pass io.BytesIO"),
        ("a\0b", "has a null character"),
    ):
        with pytest.raises(ValueError, match=message):
            tiny.transform(images)


@pytest.mark.parametrize("error", [RuntimeError, TypeError, NotImplementedError])
def test_tensors_that_numpy_cannot_convert(tiny, error):
    class Tensor:
        """As torch's that need a gradient, or of a type that NumPy does not have."""

        def __array__(self, dtype=None, copy=None):
            raise error("call detach()")

    message = "must be an array of pixels; NumPy cannot convert a .*Tensor: call detach()"
    for images, name in ((Tensor(), "images"), ([UNSEEN, Tensor()], r"images\[1\]")):
        with pytest.raises(ValueError, match=f"^{name} {message}"):
            tiny.transform(images)


def test_a_memoryview_is_an_array(tiny):
    expected = tiny.transform(UNSEEN)
    np.testing.assert_array_equal(tiny.transform(memoryview(UNSEEN)), expected)
    np.testing.assert_array_equal(tiny.transform([memoryview(UNSEEN)])[0], expected)


def test_arrays_of_file_names(tiny, files):
    expected = tiny.transform(files)
    kinds = [object, str] + ([np.dtypes.StringDType()] if hasattr(np.dtypes, "StringDType") else [])
    for kind in kinds:
        for cleaned, picture in zip(
            tiny.transform(np.array(files, dtype=kind)), expected, strict=True
        ):
            np.testing.assert_array_equal(cleaned, picture)
        one = np.array(str(files[0]), dtype=kind)  # without dimensions
        np.testing.assert_array_equal(tiny.transform(one), expected[0])
        np.testing.assert_array_equal(tiny.transform([one])[0], expected[0])
    for empty in ("", b"", [""], np.array("")):
        with pytest.raises(ValueError, match=r"images\[0\] is an empty file name. Pass that of"):
            tiny.transform(empty)


def test_errors_name_the_file(files, tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(CHINA[:50, :60]).save(tmp_path / "c.png")
    with pytest.raises(ValueError, match="c.png has 3 colour channels, .*a.png has 1"):
        make().fit([files[0], tmp_path / "c.png"])


# ------------------------------------------------------------------ masked arrays


def test_the_mask_of_a_masked_array_is_used(masking):
    picture = (UNSEEN / 255).astype(np.float32)
    hole = np.random.default_rng(0).random(picture.shape) < 0.5
    bad = np.where(hole, np.float32(0.9), picture)
    expected = masking.transform(bad, mask=hole)
    for masked in (np.ma.masked_array(bad, hole), [np.ma.masked_array(bad, hole)]):
        cleaned = masking.transform(masked)
        np.testing.assert_array_equal(cleaned[0] if isinstance(masked, list) else cleaned, expected)
    both = masking.transform(np.ma.masked_array(bad, hole & (bad > 0.3)), mask=hole)
    np.testing.assert_array_equal(both, expected)
    stack = np.ma.stack([np.ma.masked_array(bad, hole)] * 2)
    np.testing.assert_array_equal(masking.transform(stack)[1], expected)


def test_a_mask_that_cannot_be_used_is_refused(tiny):
    masked = np.ma.masked_array(UNSEEN, UNSEEN > 200)
    for method in (tiny.transform, tiny.score, tiny.estimate_sigma, make().fit):
        with pytest.raises(ValueError, match="is a masked array with masked pixels. Fill them"):
            method(masked)
    without = np.ma.masked_array(UNSEEN)
    np.testing.assert_array_equal(tiny.transform(without), tiny.transform(UNSEEN))
