"""Metadata of picture files: what is kept, in which form, and what is said to be lost."""

import io
import struct
import zlib

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image, ImageOps, TiffImagePlugin, features
from PIL import __version__ as pillow_version

from dae.image._chunks import avif_bits
from dae.image._io import load, read, read_pages, write
from dae.image._source import SourceFile

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (30, 40), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)
MICRON = "0.5 \u00b5m"
Image.init()
WRITTEN = set(Image.SAVE)  # formats


def save_tiff(path, picture, tags, **options):
    """`tags` is tag -> value, or (type, value)."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        if isinstance(value, tuple):
            info.tagtype[tag], value = value
        info[tag] = value
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(path, tiffinfo=info, **options)


def again(path, goal):
    """The notes of a file that is written again, and what Pillow tells about it."""
    notes = write(goal, *read(path))
    with Image.open(goal) as image:
        image.load()
        return notes, image


def text_of(value):
    return value.encode("latin-1").decode()


# ------------------------------------------------------------------ TIFF


@pytest.mark.parametrize(
    "description",
    ["ImageJ=1.54f\nimages=6\nframes=6\n", '{"shape": [6, 30, 40], "truncated": true}'],
    ids=["ImageJ", "tifffile"],
)
def test_a_stack_of_one_directory_is_refused(tmp_path, description):
    path = tmp_path / "a.tif"
    save_tiff(path, GREY, {270: description})
    pixels, source = read(path)  # one picture of a stack, with the words of the stack
    np.testing.assert_array_equal(pixels, GREY)
    path.write_bytes(path.read_bytes() + 5 * GREY.tobytes())
    with pytest.raises(ValueError, match="a.tif holds 6 pictures, of which Pillow reads 1"):
        read_pages(path)
    write(path, [GREY] * 6, source)
    assert len(read_pages(path)[0]) == 6


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_text_of_a_tiff_stays_unicode(tmp_path, compression):
    path = tmp_path / "a.tif"
    save_tiff(path, GREY, {270: MICRON.encode(), 65000: (2, MICRON.encode())})
    pixels, source = read(path)
    source.storage["compression"] = compression
    assert write(tmp_path / "b.tif", pixels, source) == []
    with Image.open(tmp_path / "b.tif") as image:
        assert text_of(image.tag_v2[270]) == text_of(image.tag_v2[65000]) == MICRON
    for name in ("c.jpg", "c.png"):
        _, image = again(path, tmp_path / name)
        assert text_of(image.getexif()[270]) == MICRON


def test_text_of_exif_stays_unicode(tmp_path):
    ascii_text = "x" * len(MICRON.encode())
    exif = Image.Exif()
    exif[270] = exif.get_ifd(34665)[42036] = ascii_text  # a description, and the lens
    content = exif.tobytes().replace(ascii_text.encode(), MICRON.encode())
    Image.fromarray(COLOUR).save(tmp_path / "a.jpg", exif=content)
    for first, second in (("a.jpg", "b.tif"), ("b.tif", "c.tif"), ("c.tif", "d.png")):
        notes, image = again(tmp_path / first, tmp_path / second)
        assert notes == []
        assert text_of(image.getexif()[270]) == MICRON
        assert text_of(image.getexif().get_ifd(34665)[42036]) == MICRON


def imagej(order):
    """Two labels and the range of a display, as ImageJ stores them."""
    pieces = [label.encode(f"utf-16-{order}e") for label in ("one", "\u00b5")]
    mark = ">" if order == "b" else "<"
    pieces.append(struct.pack(f"{mark}2d", 0.5, 200.25))
    names = [b"IJIJ", b"labl", b"rang"]
    magic, labels, ranges = names if order == "b" else [name[::-1] for name in names]
    header = magic + labels + struct.pack(f"{mark}I", 2) + ranges + struct.pack(f"{mark}I", 1)
    counts = (len(header), *(len(piece) for piece in pieces))
    return header + b"".join(pieces), counts


def save_big_endian(path, content, counts):
    pixels = GREY.astype(">u2") * 257
    image = Image.frombytes("I;16B", GREY.shape[::-1], pixels.tobytes())
    save_tiff(path, image, {270: "ImageJ=1.54f\n", 50838: (4, counts), 50839: (1, content)})
    assert path.read_bytes()[:2] == b"MM"


def test_labels_of_imagej_follow_the_byte_order(tmp_path):
    save_big_endian(tmp_path / "a.tif", *imagej("b"))
    notes, image = again(tmp_path / "a.tif", tmp_path / "b.tif")
    assert notes == [] and (tmp_path / "b.tif").read_bytes()[:2] == b"II"
    assert (image.tag_v2[50839], image.tag_v2[50838]) == imagej("l")
    # which stays as it is
    notes, image = again(tmp_path / "b.tif", tmp_path / "c.tif")
    assert notes == [] and (image.tag_v2[50839], image.tag_v2[50838]) == imagej("l")


def test_odd_labels_of_imagej_are_said_to_be_lost(tmp_path):
    content, counts = imagej("b")
    for odd in ((content[:-1], counts), (content, counts[:-1]), (b"x" * len(content), counts)):
        save_big_endian(tmp_path / "a.tif", *odd)
        notes, image = again(tmp_path / "a.tif", tmp_path / "b.tif")
        assert notes == ["labels and overlays of ImageJ are lost"]
        assert 50838 not in image.tag_v2 and 50839 not in image.tag_v2


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:tiff="x" %s</x:xmpmeta>'
SIDEWAYS = [XMP % b'tiff:Orientation="6"/>', XMP % b"><tiff:Orientation>6</tiff:Orientation>"]


@pytest.mark.parametrize("xmp", SIDEWAYS, ids=["attribute", "element"])
@pytest.mark.parametrize("tagged", [True, False])
def test_a_turned_tiff_keeps_its_metadata(tmp_path, xmp, tagged):
    path, exif = tmp_path / "a.tif", Image.Exif()
    exif[274] = 6
    tags = {270: "a scan", 700: (1, xmp)} | ({274: 6} if tagged else {})
    save_tiff(path, GREY, tags, icc_profile=b"a profile")
    for goal in ("b.tif", "c.png"):
        notes, image = again(path, tmp_path / goal)
        assert notes == [] and image.info["icc_profile"] == b"a profile"
        np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(image)), np.rot90(GREY, 3))
        kept = image.info["xmp"]
        assert kept == xmp.replace(b'"6"', b'"1"').replace(b">6<", b">1<")


@pytest.mark.parametrize("suffix", [".bmp", ".png", ".tif", ".jpg"])
@pytest.mark.parametrize("with_exif", [True, False])
def test_a_jpeg_turned_by_its_xmp_is_shown_as_before(tmp_path, suffix, with_exif):
    exif = Image.Exif()
    exif[270] = "a scan"
    if with_exif:
        exif[274] = 6
    smooth = np.add.outer(np.arange(30), np.arange(40)).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", xmp=SIDEWAYS[0], exif=exif, quality=95)
    notes, image = again(tmp_path / "a.jpg", tmp_path / f"b{suffix}")
    assert notes == (["BMP does not keep EXIF, XMP"] if suffix == ".bmp" else [])
    shown = np.asarray(ImageOps.exif_transpose(image), dtype=float)
    np.testing.assert_allclose(shown, np.rot90(smooth, 3), atol=4)


def test_the_resolution_is_turned_with_the_picture(tmp_path):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274], exif[282], exif[283], exif[296] = orientation, 100.0, 200.0, 2
        save_tiff(tmp_path / "a.tif", GREY, {282: 100.0, 283: 200.0, 296: 2, 274: orientation})
        Image.fromarray(GREY).save(tmp_path / "b.jpg", exif=exif)
        Image.fromarray(GREY).save(tmp_path / "c.jpg", exif=exif, dpi=(100, 200))
        expected = (200, 100) if orientation >= 5 else (100, 200)
        for first in ("a.tif", "b.jpg", "c.jpg"):
            _, image = again(tmp_path / first, tmp_path / "d.tif")
            assert (image.tag_v2[282], image.tag_v2[283]) == expected, (first, orientation)
        for first in ("a.tif", "c.jpg"):
            _, image = again(tmp_path / first, tmp_path / "d.bmp")
            assert image.info["dpi"] == pytest.approx(expected, abs=0.1), (first, orientation)
        _, image = again(tmp_path / "a.tif", tmp_path / "d.jpg")
        assert image.info["dpi"] == pytest.approx(expected)
        assert (image.getexif()[282], image.getexif()[283]) == expected


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_smaller_pictures_of_a_tiff(tmp_path, compression):
    small = TiffImagePlugin.ImageFileDirectory_v2()
    small[254] = 1
    second = Image.fromarray(GREY[::2, ::2])
    second.encoderinfo = {"tiffinfo": small}
    save_tiff(
        tmp_path / "a.tif", GREY, {}, compression=compression, save_all=True, append_images=[second]
    )
    pages, source = read_pages(tmp_path / "a.tif")
    assert write(tmp_path / "b.tif", pages, source) == []
    with Image.open(tmp_path / "b.tif") as image:
        assert 254 not in image.tag_v2
        image.seek(1)
        assert image.tag_v2[254] == 1
    save_tiff(tmp_path / "a.tif", GREY, {330: (4, 8)})
    for goal in ("b.tif", "b.png"):
        notes, _ = again(tmp_path / "a.tif", tmp_path / goal)
        assert notes == ["pictures inside a page (SubIFDs) are lost"]


def test_what_a_tiff_stores_in_another_way_is_said(tmp_path):
    pixels = np.dstack([COLOUR // 2, np.full_like(GREY, 128)])
    save_tiff(tmp_path / "a.tif", pixels, {})
    assert read(tmp_path / "a.tif")[1].notes == []
    alpha = struct.pack("<HHI", 338, 3, 1)  # 1: colours are multiplied by it
    raw = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(raw.replace(alpha + b"\2", alpha + b"\1"))
    assert read(tmp_path / "a.tif")[1].notes == [
        "colours that alpha was multiplied into are stored without it (unassociated)"
    ]
    save_tiff(tmp_path / "a.tif", GREY, {262: (3, 0)})
    assert read(tmp_path / "a.tif")[1].notes == [
        "black and white are stored the other way round (MinIsBlack)"
    ]


def test_tags_of_a_tiff_that_are_kept_as_exif_are_not_said_to_be_lost(tmp_path):
    title = "a title".encode("utf-16-le")
    save_tiff(tmp_path / "a.tif", GREY, {40091: (1, title)})
    notes, image = again(tmp_path / "a.tif", tmp_path / "b.jpg")
    assert notes == [] and bytes(image.getexif()[40091]) == title
    assert again(tmp_path / "a.tif", tmp_path / "b.bmp")[0] != []
    save_tiff(tmp_path / "a.tif", GREY, {40091: (1, title), 65000: (2, "of my own")})
    notes, _ = again(tmp_path / "a.tif", tmp_path / "b.jpg")
    assert notes == ["JPEG does not keep private TIFF tags"]


def test_kinds_of_tiff_that_pillow_lacks(tmp_path):
    path = tmp_path / "a.tif"
    save_tiff(path, GREY, {})
    raw = bytearray(path.read_bytes())
    at = raw.index(struct.pack("<HH", 258, 3))
    raw[at + 8 : at + 10] = struct.pack("<H", 64)  # bits
    path.write_bytes(raw)
    advice = "a.tif is not a picture that Pillow can read. Convert it to 8 or 16 bits of grey"
    with pytest.raises(ValueError, match=advice):
        read(path)
    with pytest.raises(ValueError, match="images is not a picture that Pillow can read. Convert"):
        load(io.BytesIO(bytes(raw)), "images")
    path.write_text("no picture")
    with pytest.raises(ValueError, match=r"not a picture that Pillow can read\.$"):
        read(path)
    save_tiff(path, GREY, {}, compression="tiff_lzw")
    raw = bytearray(path.read_bytes())
    at = raw.index(struct.pack("<HH", 259, 3))
    raw[at + 8 : at + 10] = struct.pack("<H", 50001)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="it is compressed by webp, which Pillow reads only where"):
        read(path)


# ------------------------------------------------------------------ bits


def test_more_bits_per_colour_than_eight_are_refused(tmp_path):
    wide = COLOUR.astype(">u2") * 257
    (tmp_path / "a.ppm").write_bytes(b"P6\n40 30\n65535\n" + wide.tobytes())
    (tmp_path / "b.ppm").write_bytes(b"P6\n40 30\n1023\n" + (wide // 64).tobytes())
    values = " ".join(str(value) for value in wide.ravel())
    (tmp_path / "c.ppm").write_text(f"P3\n40 30\n65535\n{values}\n")
    for name, bits in (("a.ppm", 16), ("b.ppm", 10), ("c.ppm", 16)):
        with pytest.raises(ValueError, match=f"{name} has {bits} bits per colour, of which Pillow"):
            read(tmp_path / name)
    for white in (255, 100):
        (tmp_path / "d.ppm").write_bytes(b"P6\n40 30\n%d\n" % white + bytes(3600))
        assert read(tmp_path / "d.ppm")[0].dtype == np.uint8


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow without JPEG 2000")
@pytest.mark.parametrize("name", ["a.jp2", "a.j2k"])
def test_jpeg_2000_of_sixteen_bits_is_refused(tmp_path, name):
    path = tmp_path / name
    Image.fromarray(COLOUR).save(path)
    np.testing.assert_array_equal(read(path)[0], COLOUR)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"\xff\x4f\xff\x51") + 42] = 15
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="has 16 bits per colour, of which Pillow keeps 8"):
        read(path)


@pytest.mark.skipif("AVIF" not in WRITTEN, reason="Pillow without AVIF")
def test_bits_of_an_avif_are_said(tmp_path, monkeypatch):
    path = tmp_path / "a.avif"
    Image.fromarray(COLOUR).save(path)
    assert read(path)[1].notes == []
    raw = path.read_bytes()
    at = raw.index(b"av1C") + 6
    for flag, bits in ((0x40, 10), (0x60, 12)):
        assert avif_bits(raw[:at] + bytes([raw[at] | flag]) + raw[at + 1 :]) == bits
    monkeypatch.setattr("dae.image._pillow.avif_bits", lambda content: 10)
    assert read(path)[1].notes == ["10 bits per colour are read as 8"]


def save_fits(path, numbers, bits, *cards, empty_first=False):
    """`numbers` is big-endian; with `empty_first` the picture is in an extension."""
    height, width = numbers.shape

    def header(first, *rest):
        lines = [first, f"BITPIX  = {bits:>20}", *rest, "END"]
        text = "".join(line.ljust(80) for line in lines)
        return text.ljust(2880 * -(-len(text) // 2880)).encode()

    first = "SIMPLE  =                    T"
    content = b""
    if empty_first:
        content = header(first, "NAXIS   =                    0")
        first = "XTENSION= 'IMAGE   '"
    sizes = [f"NAXIS{axis}  = {length:>20}" for axis, length in ((1, width), (2, height))]
    content += header(first, "NAXIS   =                    2", *sizes, *cards) + numbers.tobytes()
    path.write_bytes(content + bytes(-len(content) % 2880))


@pytest.mark.parametrize("empty_first", [False, True])
def test_integers_of_a_fits(tmp_path, empty_first):
    """Unsigned ones are stored less 32768; the first row is the lowest."""
    path, values = tmp_path / "a.fits", GREY.astype(np.int32) * 250
    numbers = (values[::-1] - 32768).astype(">i2")
    save_fits(path, numbers, 16, "BZERO   =              32768.0 / none", empty_first=empty_first)
    with Image.open(path) as image:
        is_old = image.tile[0][3][0] == "I;16"
    if is_old:
        with pytest.raises(ValueError, match="in the wrong order. Update Pillow"):
            read(path)
        return
    pixels = read(path)[0]
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, values)
    for shift in (0, 16000):
        signed = values // 2 - shift
        save_fits(path, signed[::-1].astype(">i2"), 16, empty_first=empty_first)
        pixels, source = read(path)
        assert source.notes == (["int16 is stored as int32"] if shift else [])
        assert pixels.dtype == (np.int32 if shift else np.uint16)
        np.testing.assert_array_equal(pixels, signed)


@pytest.mark.parametrize(
    ("dtype", "bits", "card"),
    [
        (">i2", 16, "BSCALE  =               1.5D-1"),
        (">i2", 16, "BZERO   =                  100"),
        (">i4", 32, "BZERO   =           2147483648"),
        (">u1", 8, "BZERO   =                 -128"),
        (">f4", -32, "BSCALE  =                  2.0"),
    ],
)
def test_scaled_numbers_of_a_fits_are_refused(tmp_path, dtype, bits, card):
    save_fits(tmp_path / "a.fits", GREY.astype(dtype), bits, card)
    message = r"a.fits has numbers (that are to be scaled .* \(such as|.* in the wrong order)"
    with pytest.raises(ValueError, match=message):  # the latter of an old Pillow
        read(tmp_path / "a.fits")


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_lossless_webp_stays_lossless(tmp_path, size):
    Image.fromarray(COLOUR).save(tmp_path / "a.webp", lossless=True, icc_profile=bytes(size))
    notes, image = again(tmp_path / "a.webp", tmp_path / "b.webp")
    assert notes == []
    np.testing.assert_array_equal(np.asarray(image), COLOUR)
    exif = Image.Exif()
    exif[270] = "VP8L"
    Image.fromarray(COLOUR).save(tmp_path / "a.webp", quality=80, exif=exif)
    assert read(tmp_path / "a.webp")[1].storage == {"lossless": False}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_of_a_webp_is_kept(tmp_path, suffix):
    exif = Image.Exif()
    exif[274], exif[271] = 6, "Maker"
    Image.fromarray(COLOUR).save(tmp_path / "a.webp", exif=exif.tobytes())
    notes, image = again(tmp_path / "a.webp", tmp_path / f"b{suffix}")
    assert notes == [] and dict(image.getexif()) == dict(exif)


def test_exif_that_is_missing_when_read_back_is_said(tmp_path):
    pixels, source = GREY, SourceFile(tmp_path / "a.webp", "WEBP")
    source.metadata["exif"] = b"not with the header of a JPEG's"
    assert write(tmp_path / "b.jpg", pixels, source) == ["metadata could not be kept"]


def test_colours_of_transparent_pixels_of_a_lossless_webp_are_kept(tmp_path):
    pixels = np.dstack([COLOUR, np.where(GREY > 100, 255, 0).astype(np.uint8)])
    Image.fromarray(pixels).save(tmp_path / "a.webp", lossless=True, exact=True)
    _, image = again(tmp_path / "a.webp", tmp_path / "b.webp")
    np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_lossless_file_with_a_lossy_name(tmp_path):
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        Image.fromarray(COLOUR).save(tmp_path / "a.jpg", kind, **options)
        said = f"the file is {kind} with the name of JPEG: it is stored as lossy JPEG"
        assert write(tmp_path / "a.jpg", *read(tmp_path / "a.jpg")) == [said]
    # where the name is meant, nothing is said
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    Image.fromarray(COLOUR).save(tmp_path / "lossy.jpg", "WEBP")
    Image.fromarray(COLOUR).save(tmp_path / "wrong.jpg", "PNG")
    for first, second in (("a.png", "b.jpg"), ("lossy.jpg", "b.jpg"), ("wrong.jpg", "b.png")):
        notes, _ = again(tmp_path / first, tmp_path / second)
        assert [note for note in notes if "lossy" in note] == []


# ------------------------------------------------------------------ JPEG


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def save_jpeg(path, *segments, after=b""):
    """With a thumbnail that has an end of its own."""
    content = io.BytesIO()
    Image.fromarray(COLOUR).save(content, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\xff\xd9")
    raw = content.getvalue()
    path.write_bytes(raw[:2] + b"".join(segments) + raw[2:] + after)


def test_segments_of_a_jpeg_are_kept(tmp_path):
    segments = [
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x06\x1c\x02\x05\0\x01A"),
        segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10" + bytes(16)),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 40 + b"<extended>"),
        segment(0xE2, b"FPXR\0abc"),
        segment(0xEC, b"Ducky\0\1\0\4\0\0\0d"),
        segment(0xFE, b"one comment"),
        segment(0xFE, b"another"),
    ]
    save_jpeg(tmp_path / "a.jpg", *segments)
    notes, image = again(tmp_path / "a.jpg", tmp_path / "b.jpg")
    raw = (tmp_path / "b.jpg").read_bytes()
    assert notes == [] and [raw.count(one) for one in segments] == [1] * len(segments)
    assert image.info["comment"] == b"another"
    notes, _ = again(tmp_path / "a.jpg", tmp_path / "c.png")
    assert notes == ["PNG does not keep IPTC, other segments of the JPEG"]


def test_segments_of_a_jpeg_that_are_lost_are_said(tmp_path):
    save_jpeg(tmp_path / "a.jpg", segment(0xEB, b"JP\0\1\0\0\0\1jumb c2pa"))
    save_jpeg(tmp_path / "b.jpg", after=b"\0\0\0\x18ftypmp42" + b"v" * 500)
    save_jpeg(tmp_path / "c.jpg", after=b"\0\0\r\n")
    film = "what follows the picture in the file (such as a film) is lost"
    for name, said in (
        ("a.jpg", ["content credentials (JUMBF) are lost"]), ("b.jpg", [film]), ("c.jpg", []),
    ):  # fmt: skip
        for goal in ("d.jpg", "d.png"):
            assert again(tmp_path / name, tmp_path / goal)[0] == said
        assert read(tmp_path / name)[1].notes == []  # a copy loses nothing


@pytest.mark.parametrize(("density", "losses"), [((1, 1), 0), ((2, 1), 1)])
def test_the_shape_of_pixels_of_a_jpeg_is_said_to_be_lost(tmp_path, density, losses):
    save_jpeg(tmp_path / "a.jpg")
    raw = bytearray((tmp_path / "a.jpg").read_bytes())
    at = raw.index(b"JFIF") + 7
    raw[at : at + 5] = struct.pack(">BHH", 0, *density)
    (tmp_path / "a.jpg").write_bytes(raw)
    said = ["the shape of the pixels, 2 to 1, is lost"][:losses]
    assert again(tmp_path / "a.jpg", tmp_path / "b.jpg")[0] == said


def test_long_xmp_is_said_to_be_lost_in_a_jpeg(tmp_path):
    xmp = b"<x:xmpmeta>" + b" " * 70_000 + b"</x:xmpmeta>"
    Image.fromarray(COLOUR).save(tmp_path / "a.webp", xmp=xmp)
    notes, _ = again(tmp_path / "a.webp", tmp_path / "b.jpg")
    assert notes == ["XMP is too long for JPEG and is lost"]


# ------------------------------------------------------------------ PNG


def chunk(name, content):
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def save_png(path, picture, *chunks, bits=8):
    """A grey PNG of 1, 2, 4 or 8 bits, or a coloured one."""
    height, width = picture.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, bits, 2 if picture.ndim == 3 else 0, 0, 0, 0)
    if bits < 8:
        unpacked = np.unpackbits(picture[..., None], axis=-1)[..., 8 - bits :]
        picture = np.packbits(unpacked.reshape(height, -1), axis=-1)
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    pixels = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunks) + pixels)


def test_chunks_of_a_png_are_kept(tmp_path):
    chunks = [
        chunk(b"sRGB", b"\0"),
        chunk(b"cHRM", struct.pack(">8I", *range(31270, 31278))),
        chunk(b"cICP", b"\x09\x10\0\1"),
        chunk(b"tIME", struct.pack(">H5B", 2020, 1, 2, 3, 4, 5)),
        chunk(b"vpAg", b"of my own"),
    ]
    save_png(tmp_path / "a.png", COLOUR, *chunks)
    notes, _ = again(tmp_path / "a.png", tmp_path / "b.png")
    raw = (tmp_path / "b.png").read_bytes()
    assert notes == [] and [raw.count(one) for one in chunks] == [1] * len(chunks)
    notes, _ = again(tmp_path / "a.png", tmp_path / "c.jpg")
    assert notes == ["JPEG does not keep other chunks of the PNG"]
    save_png(tmp_path / "a.png", COLOUR, chunks[0], chunk(b"pHYs", struct.pack(">IIB", 1, 1, 0)))
    assert again(tmp_path / "a.png", tmp_path / "c.jpg")[0] == []


def test_chunks_of_a_png_that_are_lost_are_said(tmp_path):
    chunks = [
        chunk(b"sBIT", b"\5\6\5"),
        chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0)),
        chunk(b"bKGD", bytes(6)),
        chunk(b"oFFs", bytes(9)),
        chunk(b"prIV", b"not for other pixels"),
    ]
    save_png(tmp_path / "a.png", COLOUR, *chunks)
    for goal in ("b.png", "b.jpg"):
        notes, _ = again(tmp_path / "a.png", tmp_path / goal)
        assert notes == ["PNG chunks are lost: bKGD, oFFs, pHYs, prIV, sBIT"]


def test_all_text_of_a_png_is_kept(tmp_path):
    """Also of one keyword, and as it is: compressed, with its language."""
    chunks = [
        chunk(b"tEXt", b"Comment\0one"),
        chunk(b"tEXt", b"Comment\0two"),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"three")),
        chunk(b"iTXt", b"Title\0\0\0de\0Titel\0\xc3\xbc"),
    ]
    save_png(tmp_path / "a.png", COLOUR, *chunks)
    notes, _ = again(tmp_path / "a.png", tmp_path / "b.png")
    raw = (tmp_path / "b.png").read_bytes()
    assert notes == [] and [raw.count(one) for one in chunks] == [1] * len(chunks)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_comment_of_a_jpeg_in_a_png(tmp_path, encoding):
    Image.fromarray(COLOUR).save(tmp_path / "a.jpg", comment="Z\u00fcrich".encode(encoding))
    _, image = again(tmp_path / "a.jpg", tmp_path / "b.png")
    assert image.text == {"Comment": "Z\u00fcrich"}


KEEPS_ONE_BIT = tuple(map(int, pillow_version.split(".")[:2])) >= (13, 0)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_transparent_grey_is_kept(tmp_path, bits):
    if bits == 1 and not KEEPS_ONE_BIT:
        pytest.skip("this Pillow drops the transparency of one bit")
    picture = GREY >> (8 - bits)
    transparent = 2**bits - 1
    save_png(tmp_path / "a.png", picture, chunk(b"tRNS", struct.pack(">H", transparent)), bits=bits)
    _, image = again(tmp_path / "a.png", tmp_path / "b.png")
    assert image.mode == "LA"
    grey, alpha = np.moveaxis(np.asarray(image), -1, 0)
    np.testing.assert_array_equal(grey, np.uint16(picture) * 255 // (2**bits - 1))
    np.testing.assert_array_equal(alpha, np.where(picture == transparent, 0, 255))
