"""Picture files: what is read, what is written, what is kept, what is said to be lost."""

import io
import logging
import os
import struct
import warnings
import zlib

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image, ImageOps, PngImagePlugin, TiffImagePlugin

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder
from dae.image import ImageDenoiser
from dae.image._clean_file import clean_file
from dae.image._io import find_pictures, read, read_pages, write

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (30, 40), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def denoiser():
    small = StackedDenoisingAutoencoder((8,), corruption=None, fine_tune=True)
    made = ImageDenoiser(
        level=(0.02, 0.2), patch_size=6, n_patches=300, random_state=0, autoencoder=small
    )
    return made.fit([GREY])


def smooth(height=60, width=80, channels=3):
    """A picture that survives JPEG."""
    rows, columns = np.mgrid[:height, :width]
    planes = [np.sin(rows / (9 + k)) * np.cos(columns / (11 - k)) for k in range(channels)]
    return (128 + 80 * np.stack(planes, axis=-1)).astype(np.uint8)


def error(a, b):
    return np.sqrt(np.mean((np.float64(a) - b) ** 2))


# ------------------------------------------------------------------ pixels


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(
    "pixels",
    [
        GREY,
        COLOUR,
        np.dstack([GREY, GREY]),
        np.dstack([COLOUR, GREY]),
        GREY.astype(np.uint16) * 257,
        (GREY.astype(np.uint16) * 257)[..., None],
    ],
    ids=["grey", "colour", "grey with alpha", "colour with alpha", "16 bits", "one channel"],
)
def test_files_keep_every_bit(tmp_path, pixels, suffix):
    write(tmp_path / f"it{suffix}", pixels)
    again, _ = read(tmp_path / f"it{suffix}")
    assert again.dtype == pixels.dtype
    np.testing.assert_array_equal(again, pixels.reshape(again.shape))


def test_a_colour_profile_stays(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png", icc_profile=b"a profile", dpi=(300, 300))
    pixels, about = read(tmp_path / "a.png")
    write(tmp_path / "b.jpg", pixels, about)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["icc_profile"] == b"a profile"
        assert image.info["dpi"] == pytest.approx((300, 300), abs=1)


def test_palettes_and_bits(tmp_path):
    Image.fromarray(COLOUR).quantize(16).save(tmp_path / "palette.png")
    assert read(tmp_path / "palette.png")[0].shape == COLOUR.shape
    Image.fromarray(GREY).convert("1").save(tmp_path / "bits.png")
    assert set(np.unique(read(tmp_path / "bits.png")[0])) == {0, 255}


def test_files_that_cannot_be_kept(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(GREY.T)]
    frames[0].save(tmp_path / "two.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="holds 2 pages, one picture is expected"):
        read(tmp_path / "two.tif")
    with pytest.raises(ValueError, match="is a folder"):
        read(tmp_path)
    for pixels, name, message in (
        (np.dstack([COLOUR, GREY]), "a.jpg", "JPEG keeps neither an alpha channel nor 16 bits"),
        (GREY.astype(np.uint16), "a.bmp", "BMP keeps neither"),
        (GREY, "a.gif", "must end in one of"),
    ):
        with pytest.raises(ValueError, match=message):
            write(tmp_path / name, pixels)
        assert not (tmp_path / name).exists()


@pytest.mark.parametrize("compression", ["bmp", "raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_eight_bits_of_colour_are_not_taken_for_sixteen(tmp_path, compression):
    """Though their files have a 16 among the numbers that say how to read them."""
    picture = np.resize(COLOUR, (720, 720, 3))
    for width in (16, 160, 216, 720):  # 3 * 720 is 2160
        name = tmp_path / ("a.bmp" if compression == "bmp" else "a.tif")
        options = {} if compression == "bmp" else {"compression": compression}
        Image.fromarray(picture[:, :width]).save(name, **options)
        np.testing.assert_array_equal(read(name)[0], picture[:, :width])


@pytest.mark.skipif(os.name != "posix", reason="permissions and links")
def test_a_file_keeps_its_permissions_and_stays_where_it_is(tmp_path):
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    write(real, COLOUR)
    real.chmod(0o600)
    link.symlink_to(real)
    write(link, GREY)
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o600
    np.testing.assert_array_equal(read(real)[0], GREY)
    assert sorted(os.listdir(tmp_path)) == ["link.png", "real.png"]


def test_sixteen_bits_of_colour_are_not_halved_in_silence(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "wide.tif", COLOUR.astype(np.uint16), photometric="rgb")
    with pytest.raises(ValueError, match=r"16 bits per colour|not a picture that Pillow can read"):
        read(tmp_path / "wide.tif")


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_is_read_as_rgb(tmp_path, name):
    picture = Image.fromarray(smooth()).convert("CMYK")
    picture.save(tmp_path / name)
    pixels, source = read(tmp_path / name)
    assert error(pixels, smooth()) < 4
    assert source.notes == ["CMYK is stored as RGB"]


def test_pages_of_a_stack(tmp_path, denoiser):
    pages = [GREY, GREY[:20], COLOUR]
    write(tmp_path / "stack.tif", pages)
    again, _ = read_pages(tmp_path / "stack.tif")
    for page, expected in zip(again, pages, strict=True):
        np.testing.assert_array_equal(page, expected)
    done = clean_file(denoiser, tmp_path / "stack.tif", tmp_path / "clean.tif")
    assert done.n_pages == 3 and done.n_pixels == 30 * 40 * 2 + 20 * 40 and len(done.sigmas) == 3
    cleaned, _ = read_pages(tmp_path / "clean.tif")
    for page, expected in zip(cleaned, denoiser.transform(pages), strict=True):
        np.testing.assert_array_equal(page, expected)
    with pytest.raises(ValueError, match="PNG keeps one picture, not 3 pages. Write TIFF"):
        clean_file(denoiser, tmp_path / "stack.tif", tmp_path / "clean.png")
    assert not (tmp_path / "clean.png").exists()


@pytest.mark.parametrize("white", [1, 255, 4095])
def test_pictures_of_floats(tmp_path, denoiser, white):
    Image.fromarray((GREY / 255 * white).astype(np.float32)).save(tmp_path / "float.tif")
    done = clean_file(denoiser, tmp_path / "float.tif", tmp_path / "clean.tif")
    assert done.notes == (() if white == 1 else (f"white is taken to be {white}",))
    cleaned = read(tmp_path / "clean.tif")[0]
    assert cleaned.dtype == np.float32
    expected = denoiser.transform((GREY / 255).astype(np.float32))
    np.testing.assert_allclose(cleaned / white, expected, atol=1e-5)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_than_sixteen_bits(tmp_path, denoiser, bits):
    picture = np.rint(GREY / 255 * (2**bits - 1)).astype(np.uint16)
    write(tmp_path / "a.png", picture)
    done = clean_file(denoiser, tmp_path / "a.png", tmp_path / "b.png")
    assert done.notes == (f"white is taken to be {2**bits - 1} ({bits} bits)",)
    told = ImageDenoiser(**denoiser.get_params(deep=False))
    told.__dict__.update(vars(denoiser))
    expected = told.set_params(data_range=2**bits - 1).transform(picture)
    np.testing.assert_array_equal(read(tmp_path / "b.png")[0], expected)


def test_signed_integers_of_8_bits_are_refused(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", (GREY.astype(int) - 128).astype(np.int8))
    with pytest.raises(ValueError, match="signed integers of 8 bits, which Pillow reads as unsig"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("dtype", "offset", "stored"),
    [
        (np.int16, 0, "uint16"),
        (np.int16, -300, "int32"),
        (np.int32, 0, "uint16"),
        (np.int32, -300, None),
        (np.uint16, 0, None),
        (np.uint8, 0, None),
        (np.float32, 0, None),
    ],
)
def test_another_dtype_is_said(tmp_path, dtype, offset, stored):
    tifffile = pytest.importorskip("tifffile")
    picture = (GREY.astype(int) + offset).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", picture)
    pixels, source = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels, picture)
    said = [] if stored is None else [f"{np.dtype(dtype)} is stored as {stored}"]
    assert source.notes == said and pixels.dtype == (stored or dtype)


def test_more_bits_are_said(tmp_path):
    four_values = Image.fromarray(GREY // 64).convert("P")
    four_values.putpalette([0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255])
    four_values.save(tmp_path / "palette.png", bits=2)
    assert read(tmp_path / "palette.png")[1].notes == ["the palette is stored as RGB"]
    tags = {256: 8, 257: 4, 258: 4, 262: 1, 273: 110, 277: 1, 278: 4, 279: 16}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()]
    content = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + b"".join(entries)
    (tmp_path / "four.tif").write_bytes((content + bytes(4)).ljust(110, b"\0") + b"\x0f" * 16)
    pixels, source = read(tmp_path / "four.tif")
    assert source.notes == ["4 bits per pixel are stored as 8"]
    np.testing.assert_array_equal(pixels, np.tile(np.uint8([0, 255]), (4, 4)))
    header = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 62, 0, 54, 40, 2, 2, 1, 16, 0, 8, 0, 0, 0, 0)
    (tmp_path / "a.bmp").write_bytes(header + bytes(8))
    assert read(tmp_path / "a.bmp")[1].notes == ["15 bits per pixel are stored as 24"]


def png_of_grey(bits):
    """A picture of 8 x 1 pixels, all of them 0."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 8, 1, bits, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1 + bits))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_grey_of_few_bits_in_a_png(tmp_path, bits):
    (tmp_path / "a.png").write_bytes(png_of_grey(bits))
    pixels, source = read(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels, np.zeros((1, 8), np.uint8))
    assert source.notes == ([] if bits == 8 else [f"{bits} bits per pixel are stored as 8"])


def with_data_range(denoiser, white):
    told = ImageDenoiser(**denoiser.get_params(deep=False))
    told.__dict__.update(vars(denoiser))
    return told.set_params(data_range=white)


@pytest.mark.parametrize(
    ("white", "notes"), [(4095, ("white is taken to be 4095 (12 bits)",)), (65535, ())]
)
def test_a_file_has_one_white(tmp_path, denoiser, white, notes):
    bright = np.rint(GREY / 255 * white).astype(np.uint16)
    pages = [bright // 8, bright, bright // 64]
    write(tmp_path / "stack.tif", pages)
    done = clean_file(denoiser, tmp_path / "stack.tif", tmp_path / "clean.tif", sigma=0.1)
    told = with_data_range(denoiser, white)
    for page, picture in zip(read_pages(tmp_path / "clean.tif")[0], pages, strict=True):
        np.testing.assert_array_equal(page, told.transform(picture, sigma=0.1))
    assert done.notes == notes


def test_pages_below_black_have_the_white_of_the_others(tmp_path, denoiser):
    positive = GREY.astype(np.int32) * 3
    pages = [positive, positive - 1000, COLOUR]
    write(tmp_path / "stack.tif", [positive.astype(np.uint16), *pages[1:]])
    done = clean_file(denoiser, tmp_path / "stack.tif", tmp_path / "clean.tif", sigma=0.1)
    assert done.notes == ("white is taken to be 1023",)
    cleaned = read_pages(tmp_path / "clean.tif")[0]
    told = with_data_range(denoiser, 1023)
    np.testing.assert_array_equal(cleaned[0], told.transform(positive, sigma=0.1))
    np.testing.assert_array_equal(cleaned[2], denoiser.transform(COLOUR, sigma=0.1))
    assert cleaned[1].min() < -900 and cleaned[1].max() < 0
    assert np.abs(cleaned[1] + 1000 - cleaned[0].astype(int)).max() <= 20


def test_what_decides_white_alone_is_said(tmp_path, denoiser):
    def notes(pixels):
        write(tmp_path / "a.tif", pixels)
        done = clean_file(denoiser, tmp_path / "a.tif", tmp_path / "b.tif", sigma=0.1)
        return done.notes

    dark = GREY.astype(np.uint16) * 8
    dark[3, 3] = 65535
    (said,) = notes(dark)
    assert said.startswith(f"white is taken to be 65535, because of 1 of {dark.size} values, all ")
    elevation = GREY.astype(np.float32) * 4
    elevation[:10] = -9999
    (said,) = notes(elevation)
    assert said.startswith("white is taken to be 16383, because of -9999: if that stands for no")
    assert notes(GREY.astype(np.float32)) == ("white is taken to be 255",)
    assert notes(GREY.astype(np.uint16) * 257) == ()
    (said,) = notes(GREY.astype(np.float32) / 255 * np.float32(0.01))
    assert said.startswith("white is taken to be 1, but no value is above 0.01: if white is less")


def test_webp_and_gif(tmp_path, denoiser):
    picture = Image.fromarray(smooth())
    picture.save(tmp_path / "a.webp", lossless=True)
    picture.save(tmp_path / "lossy.webp", quality=90)
    Image.fromarray(GREY).save(tmp_path / "a.gif")
    np.testing.assert_array_equal(read(tmp_path / "a.webp")[0], smooth())
    clean_file(denoiser, tmp_path / "a.webp", tmp_path / "b.webp")
    np.testing.assert_array_equal(read(tmp_path / "b.webp")[0], denoiser.transform(smooth()))
    clean_file(denoiser, tmp_path / "lossy.webp", tmp_path / "c.webp")
    assert (tmp_path / "c.webp").stat().st_size < (tmp_path / "b.webp").stat().st_size
    assert (tmp_path / "a.webp") in find_pictures(tmp_path)
    clean_file(denoiser, tmp_path / "a.gif", tmp_path / "d.png")
    assert read(tmp_path / "d.png")[0].shape[:2] == GREY.shape
    picture.save(tmp_path / "e.gif", save_all=True, append_images=[picture.rotate(90)])
    with pytest.raises(ValueError, match="holds 2 pictures .an animation., one is expected"):
        read(tmp_path / "e.gif")


def test_of_a_phones_two_pictures_the_first_is_taken(tmp_path, denoiser):
    picture = Image.fromarray(smooth())
    picture.save(tmp_path / "m.jpg", "MPO", save_all=True, append_images=[picture.resize((20, 20))])
    pixels, source = read(tmp_path / "m.jpg")
    assert pixels.shape == smooth().shape and source.kind == "JPEG"
    done = clean_file(denoiser, tmp_path / "m.jpg", tmp_path / "b.jpg")
    assert done.notes == ("only the first of 2 pictures of the file is kept",)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("transparent", [77, (10, 20, 30)])
def test_a_transparent_colour_is_kept(tmp_path, transparent):
    picture = (GREY if isinstance(transparent, int) else COLOUR).copy()
    picture[3, 4] = transparent
    Image.fromarray(picture).save(tmp_path / "t.png", transparency=transparent)
    pixels, source = read(tmp_path / "t.png")
    assert pixels[3, 4, -1] == 0 and pixels[..., -1].max() == 255
    write(tmp_path / "u.png", pixels, source)
    with Image.open(tmp_path / "t.png") as before, Image.open(tmp_path / "u.png") as after:
        assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()


def test_alpha_is_not_lost_in_a_bmp(tmp_path):
    with pytest.raises(ValueError, match="BMP keeps neither an alpha channel"):
        write(tmp_path / "a.bmp", np.dstack([COLOUR, GREY]))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("bits", [8, 16])
def test_white_may_be_zero(tmp_path, bits, compression):
    picture = GREY.astype(np.uint16) * 257 if bits == 16 else GREY
    largest = np.iinfo(picture.dtype).max
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[262] = 0
    Image.fromarray(picture).save(tmp_path / "a.tif", tiffinfo=info, compression=compression)
    expected = picture if bits == 8 else largest - picture
    pixels, source = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels, expected)
    write(tmp_path / "b.tif", pixels, source)
    with Image.open(tmp_path / "b.tif") as image:
        assert image.tag_v2[262] == 1
    np.testing.assert_array_equal(read(tmp_path / "b.tif")[0], expected)


def test_unsigned_integers_of_32_bits_are_refused(tmp_path):
    """Pillow reads them as signed: the upper half would become black."""
    tags = {256: 4, 257: 4, 258: 32, 259: 1, 262: 1, 273: 138, 277: 1, 278: 4, 279: 64, 339: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    pixels = np.full((4, 4), 3_000_000_000, np.uint32).tobytes()
    path = tmp_path / "wide.tif"
    path.write_bytes(head.ljust(138, b"\0") + pixels)
    with pytest.raises(ValueError, match="unsigned integers of 32 bits"):
        read(path)


def test_five_channels_are_refused(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    for planar in ("contig", "separate"):
        shape = (30, 40, 5) if planar == "contig" else (5, 30, 40)
        tifffile.imwrite(
            tmp_path / "five.tif", np.zeros(shape, np.uint8), photometric="rgb", planarconfig=planar
        )
        with pytest.raises(ValueError, match=r"five.tif has 5 channels|not a picture that Pillow"):
            read(tmp_path / "five.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_upright(tmp_path, dtype, compression, orientation):
    picture = GREY.astype(dtype)
    plain = Image.fromarray(picture)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[274] = orientation
    plain.save(tmp_path / "a.tif", tiffinfo=info, compression=compression)
    plain.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(plain))
    pixels, source = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels, expected)
    write(tmp_path / "b.tif", pixels, source)
    np.testing.assert_array_equal(read(tmp_path / "b.tif")[0], expected)


@pytest.mark.parametrize("suffix", [".bmp", ".png", ".tif", ".jpg"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_jpeg_is_shown_as_before(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(smooth()).save(tmp_path / "o.jpg", exif=exif, quality=95)
    write(tmp_path / f"p{suffix}", *read(tmp_path / "o.jpg"))
    shown = []
    for name in ("o.jpg", f"p{suffix}"):
        with open(tmp_path / name, "rb") as file, Image.open(file) as image:
            shown.append(np.asarray(ImageOps.exif_transpose(image)))
    assert error(*shown) < 3


# ------------------------------------------------------------------ what is kept


def exif_of_a_camera():
    exif = Image.Exif()
    exif[256], exif[257], exif[258], exif[262], exif[273] = 320, 320, (8, 8, 8), 6, 12345
    exif[271] = "Maker"
    exif.get_ifd(34665)[37386] = 50.0
    return exif


@pytest.mark.parametrize("first", ["e.jpg", "e.png"])
def test_exif_does_not_make_a_tiff_unreadable(tmp_path, first):
    Image.fromarray(smooth()).save(tmp_path / first, exif=exif_of_a_camera())
    pixels, source = read(tmp_path / first)
    assert write(tmp_path / "e.tif", pixels, source) == []
    with Image.open(tmp_path / "e.tif") as image:
        image.load()
        assert image.tag_v2[271] == "Maker"
        assert image.getexif().get_ifd(34665)[37386] == 50.0
    np.testing.assert_array_equal(read(tmp_path / "e.tif")[0], pixels)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_tiff_keeps_its_exif(tmp_path, compression):
    exif = Image.Exif()
    exif[271] = "Maker"
    exif.get_ifd(34665)[37386] = 50.0
    Image.fromarray(COLOUR).save(tmp_path / "a.tif", exif=exif.tobytes())
    pixels, source = read(tmp_path / "a.tif")
    source.storage["compression"] = compression  # Pillow does not write such files
    notes = write(tmp_path / "b.tif", pixels, source)
    kept = "the picture is stored without compression, to keep EXIF"
    assert notes == ([] if compression == "raw" else [kept])
    for name in ("b.tif", "c.jpg", "d.png"):
        write(tmp_path / name, pixels, source)
        with Image.open(tmp_path / name) as image:
            assert image.getexif()[271] == "Maker"
            assert image.getexif().get_ifd(34665)[37386] == 50.0


def test_what_cannot_be_read_back_replaces_nothing(tmp_path, monkeypatch):
    goal = tmp_path / "a.tif"
    goal.write_bytes(b"an older one")
    save = Image.Image.save

    def cut(self, file, **options):
        content = io.BytesIO()
        save(self, content, **options)
        file.write(content.getvalue()[:-100])

    monkeypatch.setattr(Image.Image, "save", cut)
    with pytest.raises(ValueError, match="a.tif cannot be written as TIFF: it cannot be read back"):
        write(goal, COLOUR)
    assert goal.read_bytes() == b"an older one" and os.listdir(tmp_path) == ["a.tif"]


def test_metadata_that_cannot_be_written_are_left_out_and_said(tmp_path, monkeypatch):
    Image.fromarray(smooth()).save(tmp_path / "a.jpg")
    pixels, source = read(tmp_path / "a.jpg")
    source.metadata["exif"] = b"x" * 70_000
    assert write(tmp_path / "b.jpg", pixels, source) == ["metadata could not be kept"]
    assert read(tmp_path / "b.jpg")[0].shape == pixels.shape


@pytest.mark.parametrize("quality", [50, 75, 90, 98])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_jpeg_is_written_as_it_was(tmp_path, quality, subsampling):
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", quality=quality, subsampling=subsampling)
    pixels, source = read(tmp_path / "a.jpg")
    write(tmp_path / "b.jpg", pixels, source)
    with Image.open(tmp_path / "a.jpg") as a, Image.open(tmp_path / "b.jpg") as b:
        assert a.quantization == b.quantization
        from PIL.JpegImagePlugin import get_sampling

        assert get_sampling(a) == get_sampling(b) == subsampling
    write(tmp_path / "c.jpg", pixels, source, quality=98)
    assert error(read(tmp_path / "c.jpg")[0], pixels) < 2.5


def test_colours_of_a_new_jpeg_are_not_halved(tmp_path):
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (255, 0, 0), (0, 0, 255)
    write(tmp_path / "s.jpg", stripes)
    assert error(read(tmp_path / "s.jpg")[0], stripes) < 5


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("n_pages", [1, 2])
def test_a_tiff_keeps_its_tags_and_compression(tmp_path, compression, n_pages):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[270] = "scale 0.65 um"
    info[305] = "a microscope"
    info[282], info[283], info[296] = 100.0, 100.0, 3  # per centimetre
    for tag, kind, value in (
        (33550, 12, (0.5, 0.5, 0.0)), (33922, 12, (0.0, 0.0, 0.0, 1.5, 2.5, 0.0)),
        (34735, 3, (1, 1, 0, 1, 1024, 0, 1, 1)), (34737, 2, "WGS 84|"), (50838, 4, (12, 30)),
        (700, 1, b"<x:xmpmeta/>"), (65000, 2, "of my own"),
    ):  # fmt: skip
        info.tagtype[tag] = kind
        info[tag] = value
    image = Image.fromarray(COLOUR)
    more = {} if n_pages == 1 else {"save_all": True, "append_images": [Image.fromarray(COLOUR)]}
    image.save(tmp_path / "a.tif", tiffinfo=info, compression=compression, **more)
    pages, source = read_pages(tmp_path / "a.tif")
    assert write(tmp_path / "b.tif", pages, source) == []
    with Image.open(tmp_path / "a.tif") as a, Image.open(tmp_path / "b.tif") as b:
        assert b.info["compression"] == compression
        assert a.n_frames == b.n_frames == n_pages
        for tag in info:
            assert b.tag_v2[tag] == a.tag_v2[tag], tag


@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".webp", ".bmp"])
def test_png_keeps_its_text_and_others_say_what_they_lose(tmp_path, suffix):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "a scan")
    chunks.add_itxt("Author", "Ünal")
    chunks.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    chunks.add(b"gAMA", (45455).to_bytes(4, "big"))
    Image.fromarray(smooth()).save(tmp_path / "a.png", pnginfo=chunks, dpi=(300, 300))
    pixels, source = read(tmp_path / "a.png")
    assert write(tmp_path / "b.png", pixels, source) == []
    with Image.open(tmp_path / "b.png") as image:
        image.load()
        assert image.text["Title"] == "a scan" and image.text["Author"] == "Ünal"
        assert image.text["XML:com.adobe.xmp"] == "<x:xmpmeta/>"
        assert image.info["gamma"] == pytest.approx(0.45455)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    (note,) = write(tmp_path / f"c{suffix}", pixels, source)
    assert "does not keep" in note and "text" in note and "gamma" in note
    assert ("XMP" in note) == (suffix == ".bmp")


def test_jpeg_keeps_xmp_iptc_and_comment(tmp_path):
    xmp, iptc = (
        b"<x:xmpmeta/>",
        b"Photoshop 3.0\x00" + b"8BIM\x04\x04\0\0\0\0\0\x08\x1c\x02\x05\0\x03abc",
    )
    extra = b""
    for marker, content in ((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp), (0xED, iptc)):
        extra += bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", extra=extra, comment="a note")
    pixels, source = read(tmp_path / "a.jpg")
    assert write(tmp_path / "b.jpg", pixels, source) == []
    with Image.open(tmp_path / "a.jpg") as a, Image.open(tmp_path / "b.jpg") as b:
        assert b.info["comment"] == b"a note"
        assert sorted(b.applist)[-2:] == sorted(a.applist)[-2:]
        assert ("APP13", iptc) in b.applist


# ------------------------------------------------------------------ damage


def two_directories(path):
    """A TIFF whose second directory has no dimensions."""
    Image.fromarray(GREY).save(path)
    raw = bytearray(path.read_bytes())
    (start,) = struct.unpack("<I", raw[4:8])
    (count,) = struct.unpack("<H", raw[start : start + 2])
    end = start + 2 + 12 * count
    raw[end : end + 4] = struct.pack("<I", len(raw))
    path.write_bytes(raw + struct.pack("<HHHIII", 1, 305, 2, 1, 0, 0))


def test_whatever_a_decoder_raises_is_one_line(tmp_path):
    path = tmp_path / "a.tif"
    two_directories(path)
    with pytest.raises(ValueError, match="a.tif cannot be read, it may be cut short") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_pixels_that_a_file_does_not_hold_are_not_made_up(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(GREY).save(path)
    raw = bytearray(path.read_bytes())
    (start,) = struct.unpack("<I", raw[4:8])
    at = next(k for k in range(start + 2, len(raw), 12) if raw[k : k + 2] == b"\x01\x01")
    raw[at : at + 12] = struct.pack("<HHII", 257, 4, 1, 10**6)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="a.tif has fewer pixels than it says"):
        read(path)


def test_pillow_says_nothing_by_itself(tmp_path, capfd, denoiser):
    """Neither its logger nor its warnings, also when the picture is written."""
    path = tmp_path / "a.tif"
    Image.fromarray(COLOUR).save(path)
    raw = bytearray(path.read_bytes())
    (start,) = struct.unpack("<I", raw[4:8])
    (count,) = struct.unpack("<H", raw[start : start + 2])
    for k in range(count):
        at = start + 2 + 12 * k
        if raw[at : at + 2] == struct.pack("<H", 277):
            raw[at + 8 : at + 10] = struct.pack("<H", 86)  # samples per pixel
    path.write_bytes(raw)
    with warnings.catch_warnings(), pytest.raises(ValueError):
        warnings.simplefilter("error")
        read(path)
    assert capfd.readouterr().err == ""
    assert logging.getLogger("PIL").handlers == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_no_picture(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match="a.png is not a regular file"):
        read(tmp_path / "a.png")


# ------------------------------------------------------------------ levels


def test_the_level_that_was_used_is_told(tmp_path, denoiser):
    write(tmp_path / "a.png", GREY)

    def clean(sigma):
        return clean_file(denoiser, tmp_path / "a.png", tmp_path / "b.png", sigma=sigma)

    assert clean(0.1).sigmas == (0.1,) and clean(0.1).notes == ()
    low, high = clean(0.001), clean(0.8)
    assert low.sigmas == (0.02,) and high.sigmas == (0.2,)
    said = "sigma 0.255 is outside the levels of the model, 5.1 to 51.0: 5.1 was used"
    assert low.notes == (f"{said}, and no more than the noise is removed",)
    assert high.notes == (
        "sigma 204 is outside the levels of the model, 5.1 to 51.0: 51.0 was used",
    )
    assert clean(0.0).sigmas == (0.0,) and clean(0.0).notes == ()
    np.testing.assert_array_equal(read(tmp_path / "b.png")[0], GREY)


def test_how_much_is_done(tmp_path, denoiser):
    write(tmp_path / "a.tif", [GREY, GREY])
    seen = []
    clean_file(denoiser, tmp_path / "a.tif", tmp_path / "b.tif", progress=seen.append)
    assert seen == sorted(seen) and 0 < seen[0] < 1 and 0.8 < seen[-1] <= 1


def test_a_denoiser_that_is_not_told(tmp_path):
    one = ImageDenoiser(n_patches=64, autoencoder=DenoisingAutoencoder(2, corruption=None))
    write(tmp_path / "a.png", GREY)
    done = clean_file(one.fit([GREY]), tmp_path / "a.png", tmp_path / "b.png")
    assert done.sigmas == ()
