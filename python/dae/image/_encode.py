"""Picture files, encoded by Pillow as the source was stored, and read back before they count."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from dae._files import write_whole
from dae.image._pillow import pillow, silence
from dae.image._source import (
    DIRECTORY_TAGS,
    ICC_PROFILE,
    IPTC,
    LAST_EXIF_TAG,
    LAYOUT_TAGS,
    ORIENTATION,
    PHOTOSHOP,
    RESOLUTION_TAGS,
    XMP,
    SourceFile,
    as_read,
    upright_xmp,
)

QUALITY = 95  # of JPEG and WebP, where the source has none

LOSSLESS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma")

# metadata that a format keeps
KEPT = {
    "PNG": ("icc_profile", "exif", "dpi", "xmp", "text", "gamma", "comment", "srgb", "chunks"),
    "JPEG": ("icc_profile", "exif", "dpi", "xmp", "comment", "iptc", "segments"),
    "TIFF": ("icc_profile", "exif", "dpi", "xmp"),
    "WEBP": ("icc_profile", "exif", "xmp"),
    "BMP": ("dpi",),
}
NAMES = {
    "icc_profile": "the colour profile", "exif": "EXIF", "dpi": "the resolution", "xmp": "XMP",
    "text": "text", "gamma": "gamma", "comment": "the comment", "iptc": "IPTC",
    "segments": "other segments of the JPEG", "chunks": "other chunks of the PNG",
}  # fmt: skip


def encode(
    path: Path,
    kind: str,
    pages: list[np.ndarray],
    source: SourceFile | None,
    quality: int | None,
) -> list[str]:
    """Write a picture file, whole or not at all; returns notes on what is lost or changed."""
    pages = [_plain(page) for page in pages]
    _check(path, kind, pages)
    if source is None:
        source = SourceFile(path, kind)
    if kind in ("BMP", "TIFF") and source.kind != "TIFF":  # whose pages are upright
        pages = [_upright(page, _orientation(source)) for page in pages]
    notes = _losses(kind, source)
    # metadata that make Pillow fail, or a file that cannot be read, are left out
    attempts = [(source, "")]
    if kind == "TIFF" and DIRECTORY_TAGS & {tag for tags in source.tags for tag in tags}:
        # libtiff compresses no picture that has EXIF
        plain = replace(source, storage={"compression": "raw"})
        attempts.append((plain, "the picture is stored without compression, to keep EXIF"))
    bare = SourceFile(source.path, source.kind, storage=source.storage)
    attempts.append((bare, "metadata could not be kept"))
    for attempt, compromise in attempts:
        options, changed = _options(kind, attempt, len(pages), quality)

        def write(file: IO[bytes], options: list[dict[str, Any]] = options) -> None:
            with silence():
                _save(file, kind, pages, options)
            _verify(file, kind, pages, has_exif=bool(options[0].get("exif")))

        try:
            write_whole(path, write)
            return [*notes, *changed, *([compromise] if compromise else [])]
        except _NotReadable as error:
            problem: Exception = error
        except OSError:
            raise
        except Exception as error:  # encoders raise errors of every kind
            problem = error
    text = " ".join(str(problem).split()) or type(problem).__name__
    raise ValueError(f"{path} cannot be written as {kind}: {text[:200]}") from problem


def _plain(page: np.ndarray) -> np.ndarray:
    if page.ndim == 3 and page.shape[2] == 1:
        page = page[..., 0]
    return np.ascontiguousarray(page, dtype=page.dtype.newbyteorder("="))


def _check(path: Path, kind: str, pages: list[np.ndarray]) -> None:
    if len(pages) > 1 and kind != "TIFF":
        raise ValueError(f"{path}: {kind} keeps one picture, not {len(pages)} pages. Write TIFF.")
    for page in pages:
        n_channels = 1 if page.ndim == 2 else page.shape[2]
        if kind in ("JPEG", "BMP") and (n_channels in (2, 4) or page.dtype != np.uint8):
            raise ValueError(
                f"{path}: {kind} keeps neither an alpha channel nor 16 bits. Write PNG or TIFF."
            )
        if kind == "WEBP" and page.dtype != np.uint8:
            raise ValueError(f"{path}: WebP keeps 8 bits only. Write PNG or TIFF.")
        wide = (np.uint16, np.int32) if kind == "TIFF" else (np.uint16,)
        wide_grey = n_channels == 1 and page.dtype in wide
        is_float = n_channels == 1 and page.dtype == np.float32 and kind == "TIFF"
        if page.dtype != np.uint8 and not wide_grey and not is_float:
            raise ValueError(
                f"{path}: {kind} is written with 8 bits, or 16 bits of grey"
                f"{', or float32 of grey' if kind == 'TIFF' else ''}; got {page.dtype} with "
                f"{n_channels} channels. Convert it first."
            )


def _image(page: np.ndarray) -> Any:
    return pillow().fromarray(page)


def _orientation(source: SourceFile) -> int:
    """How the pixels are to be turned by EXIF, or by XMP if EXIF is silent; 1 is upright."""
    with silence(), suppress(Exception):
        known = pillow().new("L", (1, 1))
        known.info |= {name: source.metadata.get(name) for name in ("exif", "xmp")}
        orientation = known.getexif().get(ORIENTATION, 1)
        return orientation if orientation in range(1, 9) else 1
    return 1


def _upright(page: np.ndarray, orientation: int) -> np.ndarray:
    """The page turned, for a format whose pages are upright."""
    if orientation == 1:
        return page
    from PIL import ImageOps

    image = _image(page)
    image.getexif()[ORIENTATION] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


# ------------------------------------------------------------------ metadata


def _losses(kind: str, source: SourceFile) -> list[str]:
    """What a file of this kind does not keep, and what writing changes."""
    notes = list(source.losses)
    if kind != "TIFF" or source.kind != "TIFF":
        # sRGB is what a picture without a profile is taken to be
        lost = [NAMES[name] for name in source.metadata if name not in (*KEPT[kind], "srgb")]
        if source.kind == "TIFF" and any(
            tag > (LAST_EXIF_TAG if "exif" in source.metadata and "exif" in KEPT[kind] else 32767)
            and tag not in (XMP, IPTC, PHOTOSHOP, ICC_PROFILE, *DIRECTORY_TAGS)
            for tags in source.tags
            for tag in tags
        ):
            lost.append("private TIFF tags")
        if lost:
            notes.append(f"{kind} does not keep {', '.join(lost)}")
    return notes


def _options(
    kind: str, source: SourceFile, n_pages: int, quality: int | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Options of Pillow's `save` for each page, and notes."""
    metadata = {name: value for name, value in source.metadata.items() if name in KEPT[kind]}
    same = source.kind == kind
    notes: list[str] = []
    if kind == "TIFF":
        compression = source.storage.get("compression", "raw") if same else "raw"
        if compression not in LOSSLESS:
            notes.append(f"{compression} compression is stored as Deflate")
            compression = "tiff_adobe_deflate"
        tags = source.tags if same and source.tags else [_tags_from(source, metadata)] * n_pages
        tags = [*tags, *([{}] * (n_pages - len(tags)))]
        return [{"compression": compression, "tiffinfo": _directory(page)} for page in tags], notes
    options: dict[str, Any] = {
        name: metadata[name] for name in ("icc_profile", "exif", "dpi", "xmp") if name in metadata
    }
    if kind == "PNG":
        options.pop("xmp", None)
        options["pnginfo"] = _png_chunks(metadata)
    elif kind == "JPEG":
        options.pop("xmp", None)
        options |= {"quality": QUALITY, "subsampling": 0}
        if same:
            storage = dict(source.storage)
            if "qtables" in storage:
                del options["quality"]
            options |= storage
        if quality is not None:
            options.pop("qtables", None)
            options["quality"] = quality
        if "comment" in metadata:
            options["comment"] = metadata["comment"]
        options["extra"] = _jpeg_segments(metadata, notes)
    elif kind == "WEBP":
        lossless = same and source.storage.get("lossless", False) and quality is None
        options |= {"lossless": lossless, "quality": QUALITY if quality is None else quality}
        options["exact"] = lossless  # with the colours of transparent pixels
    elif kind == "BMP":
        options = {"dpi": _upright_dpi(source, metadata)} if "dpi" in metadata else {}
    return [options], notes


def _png_chunks(metadata: dict[str, Any]) -> Any:
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    if "gamma" in metadata:
        chunks.add(b"gAMA", round(metadata["gamma"] * 100_000).to_bytes(4, "big"))
    if "comment" in metadata:
        chunks.add_text("Comment", _decoded(metadata["comment"]))  # of more than Latin-1 as iTXt
    if "xmp" in metadata:
        chunks.add_itxt("XML:com.adobe.xmp", metadata["xmp"].decode("utf-8", "replace"))
    if "srgb" in metadata:
        chunks.add(b"sRGB", metadata["srgb"])
    for name, content in (*metadata.get("text", ()), *metadata.get("chunks", ())):
        chunks.add(name, content)
    return chunks


def _decoded(comment: bytes | str) -> str:
    """A comment as text: its bytes are UTF-8 or, in older files, Latin-1."""
    if isinstance(comment, str):
        return comment
    try:
        return comment.decode("utf-8")
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def _jpeg_segments(metadata: dict[str, Any], notes: list[str]) -> bytes:
    """XMP, which older versions of Pillow have no option for, IPTC and other segments."""
    segments = [*metadata.get("iptc", ()), *metadata.get("segments", ())]
    if "xmp" in metadata:
        xmp = (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + metadata["xmp"])
        if len(xmp[1]) <= 65_533:
            segments.insert(0, xmp)
        else:
            notes.append("XMP is too long for JPEG and is lost")
    return b"".join(
        bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
        for marker, content in segments
    )


def _upright_dpi(source: SourceFile, metadata: dict[str, Any]) -> tuple[float, float]:
    """The resolution of the picture when it is upright."""
    horizontal, vertical = metadata["dpi"]
    turned = _orientation(source) >= 5  # by a quarter
    return (vertical, horizontal) if turned else (horizontal, vertical)


def _tags_from(source: SourceFile, metadata: dict[str, Any]) -> dict[int, tuple[int | None, Any]]:
    """TIFF tags for the metadata of another format."""
    tags: dict[int, tuple[int | None, Any]] = {}
    if "exif" in metadata:
        with silence(), suppress(Exception):
            exif = pillow().Exif()
            exif.load(metadata["exif"])
            for tag, value in exif.items():
                if tag not in {*LAYOUT_TAGS, *DIRECTORY_TAGS, ORIENTATION}:
                    tags[tag] = (None, value)
            for tag in (34665, 34853):
                directory = dict(exif.get_ifd(tag))
                directory.pop(40965, None)
                if directory:
                    tags[tag] = (4, directory)
    if "icc_profile" in metadata:
        tags[ICC_PROFILE] = (7, metadata["icc_profile"])
    if "xmp" in metadata:
        tags[XMP] = (1, upright_xmp(metadata["xmp"]))
    if "dpi" in metadata and not RESOLUTION_TAGS & set(tags):
        horizontal, vertical = _upright_dpi(source, metadata)
        tags |= {282: (5, horizontal), 283: (5, vertical), 296: (3, 2)}
    elif {282, 283} <= set(tags) and _orientation(source) >= 5:  # turned by a quarter
        tags[282], tags[283] = tags[283], tags[282]
    return tags


def _directory(tags: dict[int, tuple[int | None, Any]]) -> Any:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2()
    for tag, (kind, value) in tags.items():
        if kind is not None:
            directory.tagtype[tag] = kind
        directory[tag] = as_read(value)
    return directory


# ------------------------------------------------------------------ the file


def _save(
    file: IO[bytes], kind: str, pages: list[np.ndarray], options: list[dict[str, Any]]
) -> None:
    if len(pages) == 1:
        # libtiff writes by the number of the file, and leaves its position where it was
        content = io.BytesIO()
        _image(pages[0]).save(content, format=kind, **options[0])
        file.write(content.getbuffer())
        return
    from PIL.TiffImagePlugin import AppendingTiffWriter

    content = io.BytesIO()
    with AppendingTiffWriter(content, new=True) as writer:
        for page, option in zip(pages, options, strict=True):
            _image(page).save(writer, format=kind, **option)
            writer.newFrame()
        file.write(content.getbuffer())


class _NotReadable(Exception):
    """The written file is not what was to be written."""


def _verify(file: IO[bytes], kind: str, pages: list[np.ndarray], has_exif: bool) -> None:
    """Read the file back, before it gets its name."""
    file.flush()
    file.seek(0)
    same: Callable[[np.ndarray, np.ndarray], bool] = (
        np.array_equal
        if kind in ("PNG", "TIFF", "BMP")
        else lambda written, page: written.shape == page.shape
    )
    image_module = pillow()
    try:
        with silence(), image_module.open(file) as image:
            if getattr(image, "n_frames", 1) != len(pages):
                raise _NotReadable("it has another number of pages when read back")
            for number, page in enumerate(pages):
                if len(pages) > 1:
                    image.seek(number)
                image.load()
                if has_exif and not image.info.get("exif"):
                    raise _NotReadable("its EXIF is missing when read back")
                written = np.asarray(image)
                if not same(written, page):
                    raise _NotReadable("its pixels differ when read back")
    except _NotReadable:
        raise
    except Exception as error:
        raise _NotReadable("it cannot be read back") from error
    finally:
        file.seek(0, io.SEEK_END)
