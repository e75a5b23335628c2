"""Picture files, decoded by Pillow: pixels of every mode as arrays, metadata, storage."""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from dae._files import open_regular
from dae.image._chunks import (
    after_jpeg,
    avif_bits,
    fits_scale,
    is_lossless_webp,
    jpeg2000_bits,
    png_chunks,
)
from dae.image._source import Refused, SourceFile
from dae.image._tiff import (
    ELSEWHERE,
    USUAL,
    check_stack,
    check_tiff,
    descriptive_exif,
    note_dtype,
    tags_of,
    turn_resolution,
)

MAX_PAGES = 10_000
MAX_STACK_PIXELS = 2**30  # of all pages of a file

ADVICE = "Convert it to 8 or 16 bits of grey, or 8 of RGB"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

LOOKED_INTO = (
    "JPEG",
    "MPO",
    "PNG",
    "WEBP",
    "JPEG2000",
    "AVIF",
    "FITS",
)  # for what Pillow does not tell

# segments of a JPEG that Pillow writes itself, or that are about other pictures of the file
OWN_SEGMENTS = (
    ("APP0", b"JFIF\0"), ("APP1", b"Exif\0"), ("APP1", b"http://ns.adobe.com/xap/1.0/\0"),
    ("APP2", b"ICC_PROFILE\0"), ("APP2", b"MPF\0"), ("APP14", b"Adobe"),
)  # fmt: skip

# chunks of a PNG that Pillow reads and writes itself, or that are about how pixels are stored
OWN_CHUNKS = frozenset(
    [
        b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"iCCP", b"eXIf", b"tEXt", b"zTXt", b"iTXt",
        b"acTL", b"fcTL", b"fdAT",
    ]
)  # fmt: skip


TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
XMP_KEYWORD = b"XML:com.adobe.xmp\0"
EXIF_HEADER = b"Exif\0\0"


def pillow() -> Any:
    """The module `PIL.Image`."""
    if importlib.util.find_spec("PIL") is None:
        raise ImportError(
            'Picture files need Pillow; install it with: pip install "daecore[image]". Or read '
            "them with another library and pass arrays."
        )
    from PIL import Image

    return Image


@contextmanager
def silence() -> Iterator[None]:
    """Without Pillow's warnings and log lines on odd metadata; what matters raises."""
    logger, handler = logging.getLogger("PIL"), logging.NullHandler()
    logger.addHandler(handler)  # else Python prints what no handler takes
    propagate, logger.propagate = logger.propagate, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.propagate = propagate
        logger.removeHandler(handler)


@contextmanager
def silence_libraries() -> Iterator[None]:
    """Without what C libraries (libtiff) print on odd files: for commands, not for libraries.

    It turns off stderr of the whole process, that of other threads too.
    """
    try:
        saved = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def decode(file: Any, name: str) -> tuple[list[np.ndarray], SourceFile]:
    """The pages of a picture file, upright in a TIFF, and how it was stored.

    Parameters
    ----------
    file : Path, or a binary file that is open
    name : str
        What to call it in messages.

    Raises
    ------
    FileNotFoundError, PermissionError
    ValueError
        The file is not a picture, is damaged, or holds what this cannot keep.
    """
    image_module = pillow()
    if isinstance(file, Path):
        if file.is_dir():
            raise ValueError(f"{name} is a folder, a picture file is expected.")
        with open_regular(file) as stream:
            return decode(stream, name)
    try:
        with silence(), image_module.open(file) as image:
            return _decode(image, file, Path(name))
    except Refused as error:
        raise ValueError(f"{name} {error}") from error.__cause__
    except image_module.UnidentifiedImageError as error:
        advice = f" {ADVICE}. Or {ELSEWHERE[0].lower()}{ELSEWHERE[1:]} the array."
        raise ValueError(
            f"{name} is not a picture that Pillow can read.{advice if _is_tiff(file) else ''}"
        ) from error
    except image_module.DecompressionBombError as error:
        raise ValueError(f"{name} is too large to be read safely: {_line(error)}") from error
    except MemoryError as error:
        raise ValueError(f"{name} is larger than the memory.") from error
    except Exception as error:  # decoders raise errors of every kind
        raise ValueError(f"{name} cannot be read, it may be cut short: {_line(error)}") from error


def _is_tiff(stream: IO[bytes]) -> bool:
    """Whether the file that Pillow does not know is a TIFF, of which there are many kinds."""
    with suppress(Exception):
        return _content_of(stream, 4) in TIFF_STARTS
    return False


def _content_of(stream: IO[bytes], size: int = -1) -> bytes:
    at = stream.tell()
    stream.seek(0)
    content = stream.read(size)
    stream.seek(at)
    return content


def _line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}..."


def _decode(image: Any, stream: IO[bytes], path: Path) -> tuple[list[np.ndarray], SourceFile]:
    kind = image.format or ""
    source = SourceFile(path, kind)
    n_pages = getattr(image, "n_frames", 1)
    if kind == "MPO":
        source.kind = "JPEG"
        if n_pages > 1:
            source.note(f"only the first of {n_pages} pictures of the file is kept")
        n_pages = 1
    if n_pages > 1 and kind != "TIFF":
        raise Refused(
            f"holds {n_pages} pictures (an animation), one is expected. Save one of them."
        )
    if n_pages > MAX_PAGES:
        raise Refused(f"holds {n_pages} pages, {MAX_PAGES} at most can be read. Split it.")
    content = _content_of(stream) if kind in LOOKED_INTO else b""
    pages, pixels = [], 0
    for number in range(n_pages):
        if n_pages > 1:
            image.seek(number)
        pixels += image.size[0] * image.size[1]
        if n_pages > 1 and pixels > MAX_STACK_PIXELS:
            raise Refused(f"holds more than {MAX_STACK_PIXELS} pixels. Split it.")
        if kind == "TIFF":
            check_tiff(image, stream)
            if number == 0:
                check_stack(image, stream, n_pages)
            turn_resolution(image)
            source.tags.append(tags_of(image, source))
        else:
            _check_bits(image, content, source)
            _note_fewer_bits(image, source)
        if number == 0:
            source.storage = _storage_of(image, content, source.kind)
            if kind == "PNG":
                _scale_transparency(image, content)
        if kind == "FITS":
            _check_byte_order(image)
        pages.append(_page(image, source))
        if kind == "FITS":
            pages[-1] = _fits_values(pages[-1], image.mode, *fits_scale(content))
            if pages[-1].dtype == np.int32 and image.mode == "I;16":
                source.note("int16 is stored as int32")
        if kind == "TIFF":
            note_dtype(image, pages[-1], source)
        if number == 0:
            source.metadata = _metadata_of(image, content, source)
    return pages, source


# ------------------------------------------------------------------ pixels


def _page(image: Any, source: SourceFile) -> np.ndarray:
    """The pixels of the page that `image` is at."""
    if source.kind != "TIFF":
        return pixels_of(image, source)
    mode = image.mode
    white_is_zero = image.tag_v2.get(262) == 0 and (mode == "L" or mode.startswith("I;16"))
    compression = image.info.get("compression", "raw")
    try:
        image.load()
    except OSError as error:
        if compression in USUAL:
            raise
        raise Refused(
            f"cannot be read: it is compressed by {compression}, which Pillow reads only where its "
            f"libtiff does, or it is cut short. {ELSEWHERE} the array."
        ) from error
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(image)
    pixels = pixels_of(image if turned is None else turned, source)
    if white_is_zero and mode != "L":  # Pillow inverts 8 bits itself
        pixels = np.iinfo(pixels.dtype).max - pixels
    if white_is_zero:
        source.note("black and white are stored the other way round (MinIsBlack)")
    return pixels


def _check_byte_order(image: Any) -> None:
    """Refuse a FITS whose numbers Pillow takes in the order of this machine, as old versions do."""
    decoder, arguments = image.tile[0][0], image.tile[0][3]
    if decoder == "raw" and image.mode != "L" and arguments[0] == image.mode:
        raise Refused(
            "has numbers of several bytes, which this version of Pillow reads in the wrong order. "
            "Update Pillow, or read it with another library and pass the array."
        )


def _fits_values(pixels: np.ndarray, mode: str, zero: float, scale: float) -> np.ndarray:
    """What the pixels of a FITS stand for: Pillow takes 16 bits as unsigned, and does not scale."""
    if (zero, scale) == (0, 1):
        signed = pixels.view(np.int16).astype(np.int32) if mode == "I;16" else pixels
        return signed if signed.min(initial=0) < 0 else pixels
    if (zero, scale) == (32768, 1) and mode == "I;16":  # unsigned integers, as FITS has them
        return pixels ^ np.uint16(32768)
    raise Refused(
        f"has numbers that are to be scaled (BZERO {zero:g}, BSCALE {scale:g}), which Pillow does "
        "not do. Read it with another library (such as astropy) and pass the array."
    )


def pixels_of(image: Any, source: SourceFile | None = None) -> np.ndarray:
    """The pixels of a Pillow image of any mode: grey, grey with alpha, RGB or RGBA."""
    mode = image.mode
    note = (lambda text: None) if source is None else source.note
    transparent = "transparency" in image.info
    if mode in ("L", "RGB") and transparent:
        return np.asarray(image.convert("LA" if mode == "L" else "RGBA"))
    if mode in ("L", "LA", "RGB", "RGBA", "F"):
        return np.asarray(image)
    if mode in ("P", "PA"):
        note("the palette is stored as RGB")
        return np.asarray(image.convert("RGBA" if transparent or mode == "PA" else "RGB"))
    if mode == "1":
        note("1 bit per pixel is stored as 8 bits of grey")
        return np.asarray(image.convert("LA" if transparent else "L"))
    if mode == "RGBX":
        return np.asarray(image.convert("RGB"))
    if mode in ("La", "RGBa"):
        return np.asarray(image.convert(mode.upper()))
    if mode in ("CMYK", "YCbCr", "HSV", "LAB"):
        note(f"{mode} is stored as RGB")
        return np.asarray(_to_rgb(image))
    if mode.startswith("I"):  # 16 bits, in 32 where Pillow has no 16
        pixels = np.asarray(image)
        if transparent:
            note("the transparent colour is lost")
        if pixels.size and pixels.min() >= 0 and pixels.max() <= 65535:
            return pixels.astype(np.uint16)
        return pixels
    raise Refused(f"has pixels of Pillow's mode {mode!r}. {ADVICE}.")


def _to_rgb(image: Any) -> Any:
    """An image of another colour space as RGB, by its colour profile if it has one."""
    profile = image.info.get("icc_profile")
    if image.mode == "LAB" or (image.mode == "CMYK" and profile):
        with suppress(Exception):  # a damaged profile, or Pillow without its colour engine
            from PIL import ImageCms

            rgb = ImageCms.createProfile("sRGB")
            own = (
                ImageCms.createProfile("LAB")
                if image.mode == "LAB"
                else ImageCms.ImageCmsProfile(io.BytesIO(profile))
            )
            return ImageCms.profileToProfile(image, own, rgb, outputMode="RGB")
    return image.convert("RGB")


def _check_bits(image: Any, content: bytes, source: SourceFile) -> None:
    """Raise where Pillow would keep 8 of more bits per colour; of an AVIF, say it.

    AVIF is lossy, and its 10 bits are seldom more than 8 with less rounding.
    """
    bits = _bits_per_colour(image, content)
    if bits <= 8:
        return
    if image.format == "AVIF":
        source.note(f"{bits} bits per colour are read as 8")
        return
    raise Refused(
        f"has {bits} bits per colour, of which Pillow keeps 8. Read it with another library and "
        "pass the array."
    )


def _bits_per_colour(image: Any, content: bytes) -> int:
    """Bits per colour of the file, where Pillow keeps 8."""
    if image.mode not in ("L", "RGB", "RGBA", "LA", "CMYK"):
        return 8
    if image.format == "JPEG2000":
        return jpeg2000_bits(content)
    if image.format == "AVIF":
        return avif_bits(content)
    if image.format == "PPM":  # its colours have any white up to 65535
        given = image.tile[0][3]
        return 8 if isinstance(given, str) else int(given[1]).bit_length()
    return 16 if _is_wide(image) else 8


def _is_wide(image: Any) -> bool:
    """Whether Pillow's decoder is told of 16 bits per colour, by raw modes like "RGB;16B"."""
    if any(tile[0] == "SGI16" for tile in image.tile):
        return True
    # BGR;16 of a BMP is 5, 6 and 5 bits: 16 per pixel, read whole
    return any(bits.startswith("16") and bands != "BGR" for bands, _, bits in _raw_modes_of(image))


def _note_fewer_bits(image: Any, source: SourceFile) -> None:
    """Say that grey of 2 or 4 bits, or colours of 5 or 6, are written with 8."""
    for bands, _, bits in _raw_modes_of(image):
        if image.mode == "L" and bits in ("2", "4"):
            source.note(f"{bits} bits per pixel are stored as 8")
        if bands == "BGR" and bits in ("15", "16"):
            source.note(f"{bits} bits per pixel are stored as 24")


def _raw_modes_of(image: Any) -> list[tuple[str, str, str]]:
    """What Pillow's decoder is told of pixels: bands, a semicolon, and bits, such as "RGB;16B"."""
    arguments = [tile[3] for tile in image.tile]  # a string, or the first of other values
    names = [given if isinstance(given, str) else given[0] for given in arguments if given]
    return [str(name).partition(";") for name in names]


def _scale_transparency(image: Any, content: bytes) -> None:
    """The transparent grey of a PNG of 2 or 4 bits in units of Pillow's 8."""
    bits = content[24]
    transparent = image.info.get("transparency")
    if image.mode == "L" and bits < 8 and isinstance(transparent, int):
        image.info["transparency"] = transparent * 255 // (2**bits - 1)


# ------------------------------------------------------------------ the rest


def _storage_of(image: Any, content: bytes, kind: str) -> dict[str, Any]:
    if kind == "TIFF":
        return {"compression": image.info.get("compression", "raw")}
    if kind == "WEBP":
        return {"lossless": is_lossless_webp(content)}
    if kind != "JPEG":
        return {}
    storage: dict[str, Any] = {"progressive": bool(image.info.get("progressive"))}
    with suppress(Exception):
        from PIL.JpegImagePlugin import get_sampling

        tables = image.quantization
        if tables and image.mode in ("L", "RGB"):
            storage["qtables"] = [list(tables[key]) for key in sorted(tables)]
            sampling = get_sampling(image)
            if sampling in (0, 1, 2):
                storage["subsampling"] = sampling
    return storage


def _metadata_of(image: Any, content: bytes, source: SourceFile) -> dict[str, Any]:
    """What the file says in a form that other formats keep too."""
    info = image.info
    kept = {name: info[name] for name in ("icc_profile", "dpi", "comment") if info.get(name)}
    if image.mode in ("CMYK", "LAB", "HSV", "YCbCr"):
        kept.pop("icc_profile", None)  # that of other colours
    if source.kind == "TIFF":
        with suppress(Exception):
            kept["exif"] = descriptive_exif(image)
        tags = source.tags[0]
        xmp = tags.get(700, (None, None))[1]
    else:
        kept["exif"] = _with_header(info.get("exif"))
        xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    kept["xmp"] = xmp.encode() if isinstance(xmp, str) else xmp
    if source.kind == "PNG" and isinstance(info.get("gamma"), float):
        kept["gamma"] = info["gamma"]
    if source.kind == "JPEG":
        kept |= _segments_of(image, content, source)
    if source.kind == "PNG":
        kept |= _chunks_of(content, source)
    return {name: value for name, value in kept.items() if value}


def _with_header(exif: bytes | None) -> bytes | None:
    """EXIF as it is in a JPEG. In other formats it may lack the header, which all readers skip."""
    return EXIF_HEADER + exif if exif and not exif.startswith(EXIF_HEADER) else exif


def _segments_of(image: Any, content: bytes, source: SourceFile) -> dict[str, Any]:
    """Segments of a JPEG beside those that Pillow writes itself, each as (marker, content)."""
    kept: dict[str, Any] = {"iptc": [], "segments": []}
    # of comments, Pillow writes the last
    comments = [segment for segment in image.applist if segment[0] == "COM"]
    for name, segment in image.applist:
        if (name, segment) in comments[-1:] or any(
            name == own and segment.startswith(start) for own, start in OWN_SEGMENTS
        ):
            continue
        if name == "APP11":
            # signatures of the picture as it was, or corrections of its pixels
            source.lose("content credentials (JUMBF) are lost")
        elif name == "APP13":
            kept["iptc"].append((0xED, segment))
        else:
            marker = 0xFE if name == "COM" else 0xE0 + int(name[3:])
            kept["segments"].append((marker, segment))
    across, down = image.info.get("jfif_density", (1, 1))
    if across != down and image.info.get("jfif_unit") == 0:
        source.lose(f"the shape of the pixels, {across} to {down}, is lost")
    if image.format == "JPEG" and after_jpeg(content).strip(b"\0\xff\r\n "):
        source.lose("what follows the picture in the file (such as a film) is lost")
    return kept


def _chunks_of(content: bytes, source: SourceFile) -> dict[str, Any]:
    """Chunks of a PNG beside those that Pillow reads itself."""
    chunks: dict[str, Any] = {"srgb": b"", "text": [], "chunks": []}
    lost = []
    for name, chunk in png_chunks(content):
        if name in TEXT_CHUNKS:  # of those with one keyword, Pillow tells the last
            if not chunk.startswith(XMP_KEYWORD):  # XMP is kept in all formats
                chunks["text"].append((name, chunk))
        elif name == b"sRGB":
            chunks["srgb"] = chunk
        elif name in (b"cHRM", b"cICP", b"tIME") or _is_safe_to_copy(name):
            chunks["chunks"].append((name, chunk))
        elif name not in OWN_CHUNKS and not _is_kept_resolution(name, chunk):
            lost.append(name.decode("ascii", "replace"))
    if lost:
        source.lose(f"PNG chunks are lost: {', '.join(sorted(set(lost)))}")
    return chunks


def _is_safe_to_copy(name: bytes) -> bool:
    """Whether a chunk is a private one that other pixels may have, as its letters say."""
    return name[:2].islower() and name[3:].islower()


def _is_kept_resolution(name: bytes, chunk: bytes) -> bool:
    """Whether a chunk is a resolution that Pillow keeps, or says nothing: squares of no size."""
    return name == b"pHYs" and (chunk[8:] != b"\0" or chunk[:4] == chunk[4:8])
