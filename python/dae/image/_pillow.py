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
from dae.image._source import (
    LAYOUT_TAGS,
    ORIENTATION,
    SourceFile,
)

MAX_PAGES = 10_000
MAX_STACK_PIXELS = 2**30  # of all pages of a file

ADVICE = "Convert it to 8 or 16 bits of grey, or 8 of RGB"


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
    except _Refused as error:
        raise ValueError(f"{name} {error}") from error.__cause__
    except image_module.UnidentifiedImageError as error:
        raise ValueError(f"{name} is not a picture that Pillow can read.") from error
    except image_module.DecompressionBombError as error:
        raise ValueError(f"{name} is too large to be read safely: {_line(error)}") from error
    except MemoryError as error:
        raise ValueError(f"{name} is larger than the memory.") from error
    except Exception as error:  # decoders raise errors of every kind
        raise ValueError(f"{name} cannot be read, it may be cut short: {_line(error)}") from error


class _Refused(ValueError):
    """Why a picture is not read: a sentence without the name of the file."""


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
        raise _Refused(
            f"holds {n_pages} pictures (an animation), one is expected. Save one of them."
        )
    if n_pages > MAX_PAGES:
        raise _Refused(f"holds {n_pages} pages, {MAX_PAGES} at most can be read. Split it.")
    pages, pixels = [], 0
    for number in range(n_pages):
        if n_pages > 1:
            image.seek(number)
        pixels += image.size[0] * image.size[1]
        if n_pages > 1 and pixels > MAX_STACK_PIXELS:
            raise _Refused(f"holds more than {MAX_STACK_PIXELS} pixels. Split it.")
        if kind == "TIFF":
            _check_tiff(image, stream)
            source.tags.append(_tags_of(image))
        elif _is_wide(image):
            raise _Refused(
                "has 16 bits per colour, of which Pillow keeps 8. Read it with another library "
                "and pass the array."
            )
        if number == 0:
            source.storage = _storage_of(image, stream, source.kind)
        pages.append(_page(image, source))
        if number == 0:
            source.metadata = _metadata_of(image, source)
    return pages, source


# ------------------------------------------------------------------ pixels


def _page(image: Any, source: SourceFile) -> np.ndarray:
    """The pixels of the page that `image` is at."""
    if source.kind != "TIFF":
        return pixels_of(image, source)
    white_is_zero = image.tag_v2.get(262) == 0 and image.mode.startswith("I;16")
    image.load()
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(image)
    pixels = pixels_of(image if turned is None else turned, source)
    if white_is_zero:  # Pillow inverts 8 bits itself
        pixels = np.iinfo(pixels.dtype).max - pixels
        source.note("black and white are stored the other way round (MinIsBlack)")
    return pixels


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
        return np.asarray(image.convert("L"))
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
    raise _Refused(f"has pixels of Pillow's mode {mode!r}. {ADVICE}.")


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


def _is_wide(image: Any) -> bool:
    """Whether colours have 16 bits, of which Pillow keeps 8: its raw modes like "RGB;16B"."""
    if image.mode not in ("RGB", "RGBA", "LA", "CMYK"):
        return False
    arguments = [tile[3] for tile in image.tile]  # a string, or the first of other values
    names = [given if isinstance(given, str) else given[0] for given in arguments if given]
    bands = [str(name).partition(";16") for name in names]
    # BGR;16 of a BMP is 5, 6 and 5 bits: 16 per pixel, read whole
    return any(middle and first != "BGR" for first, middle, _ in bands)


def _check_tiff(image: Any, stream: IO[bytes]) -> None:
    """Raise where Pillow would read a part of the channels or of their bits, or make up pixels."""
    tags = image.tag_v2
    n_channels = int(tags.get(277, 1))
    if image.mode == "RGBX" or n_channels > len(image.getbands()):
        raise _Refused(
            f"has {n_channels} channels, of which Pillow reads {min(3, len(image.getbands()))}. "
            "Read it with another library (such as tifffile) and pass each channel as a picture."
        )
    bits = tags.get(258, (1,))
    if max(bits) == 32 and tags.get(339, (1,))[0] == 1:
        raise _Refused(
            "has unsigned integers of 32 bits, which Pillow reads as signed. Read it with another "
            "library (such as tifffile) and pass the array."
        )
    at = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(at)
    if tags.get(259, 1) == 1 and image.size[0] * image.size[1] * sum(bits) > 8 * size:
        raise _Refused("has fewer pixels than it says, it may be cut short.")
    if max(bits) > 8 and n_channels > 1:
        raise _Refused(
            f"has {max(bits)} bits per colour, of which Pillow keeps 8. Read it with another "
            "library (such as tifffile) and pass the array."
        )


# ------------------------------------------------------------------ the rest


def _tags_of(image: Any) -> dict[int, tuple[int | None, Any]]:
    """The tags of a TIFF's page that say something about the picture."""
    tags = image.tag_v2
    kept = {}
    for tag in list(tags):
        if tag in LAYOUT_TAGS or tag == ORIENTATION:
            continue
        with suppress(Exception):  # one that cannot be decoded
            kept[tag] = (tags.tagtype.get(tag), tags[tag])
    with suppress(Exception):
        exif = image.getexif()
        for tag in (34665, 34853):
            if tag in kept:
                kept[tag] = (4, dict(exif.get_ifd(tag)))
    kept.pop(40965, None)
    return kept


def _storage_of(image: Any, stream: IO[bytes], kind: str) -> dict[str, Any]:
    if kind == "TIFF":
        return {"compression": image.info.get("compression", "raw")}
    if kind == "WEBP":
        at = stream.tell()
        stream.seek(0)
        lossless = b"VP8L" in stream.read(2**16)
        stream.seek(at)
        return {"lossless": lossless}
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


def _metadata_of(image: Any, source: SourceFile) -> dict[str, Any]:
    """What the file says in a form that other formats keep too."""
    info = image.info
    kept = {name: info[name] for name in ("icc_profile", "dpi", "comment") if info.get(name)}
    if image.mode in ("CMYK", "LAB", "HSV", "YCbCr"):
        kept.pop("icc_profile", None)  # that of other colours
    if source.kind == "TIFF":
        with suppress(Exception):
            kept["exif"] = _descriptive_exif(image)
        tags = source.tags[0]
        xmp = tags.get(700, (None, None))[1]
    else:
        kept["exif"] = info.get("exif")
        xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    kept["xmp"] = xmp.encode() if isinstance(xmp, str) else xmp
    text = {
        key: str(value)
        for key, value in (getattr(image, "text", None) or {}).items()
        if key != "XML:com.adobe.xmp" and isinstance(key, str)
    }
    kept["text"] = text
    if source.kind == "PNG" and isinstance(info.get("gamma"), float):
        kept["gamma"] = info["gamma"]
    for marker, content in getattr(image, "applist", None) or []:
        if marker == "APP13" and isinstance(content, bytes):
            kept["iptc"] = content
    return {name: value for name, value in kept.items() if value}


def _descriptive_exif(image: Any) -> bytes:
    """EXIF of a TIFF's tags, for other formats."""
    exif = image.getexif()
    for tag in list(exif):
        if (
            tag in LAYOUT_TAGS
            or tag == ORIENTATION
            or tag > 50_000
            or tag in (700, 33723, 34377, 34675)
        ):
            del exif[tag]
    return exif.tobytes() if len(exif) else b""
