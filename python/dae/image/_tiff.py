"""The directories of a TIFF: what is refused, what is kept of them, and in which form."""

from __future__ import annotations

import io
import math
import re
from contextlib import suppress
from typing import IO, Any

import numpy as np

from dae.image._source import (
    LAST_EXIF_TAG,
    LAYOUT_TAGS,
    ORIENTATION,
    SUBFILE_TYPE,
    SUBIFDS,
    XMP,
    Refused,
    SourceFile,
    as_read,
    upright_xmp,
)

ELSEWHERE = "Read it with another library (such as tifffile) and pass"

UNSIGNED, SIGNED = 1, 2  # formats of samples
ASSOCIATED = 1  # alpha that colours are multiplied by

# compressions that every Pillow with libtiff reads
USUAL = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg", "tiff_jpeg",
         "group3", "group4", "tiff_ccitt")  # fmt: skip

IMAGEJ_COUNTS, IMAGEJ_METADATA = 50838, 50839
# bytes per word of what ImageJ stores in its own tag, where not 1; text is UTF-16
IMAGEJ_WORDS = {b"info": 2, b"labl": 2, b"prop": 2, b"rang": 8}


# ------------------------------------------------------------------ what is refused


def check_tiff(image: Any, stream: IO[bytes]) -> None:
    """Raise where Pillow would read a part of the channels or of their bits, or make up pixels."""
    tags = image.tag_v2
    n_channels = int(tags.get(277, 1))
    if image.mode == "RGBX" or n_channels > len(image.getbands()):
        raise Refused(
            f"has {n_channels} channels, of which Pillow reads {min(3, len(image.getbands()))}. "
            f"{ELSEWHERE} each channel as a picture."
        )
    bits = tags.get(258, (1,))
    sign = tags.get(339, (UNSIGNED,))[0]
    if max(bits) <= 8 and sign == SIGNED:
        raise Refused(
            f"has signed integers of {max(bits)} bits, which Pillow reads as unsigned. "
            f"{ELSEWHERE} the array."
        )
    if max(bits) == 32 and sign == UNSIGNED:
        raise Refused(
            "has unsigned integers of 32 bits, which Pillow reads as signed. "
            f"{ELSEWHERE} the array."
        )
    if tags.get(259, 1) == 1 and _page_bits(image) > 8 * _size_of(stream):
        raise Refused("has fewer pixels than it says, it may be cut short.")
    if max(bits) > 8 and n_channels > 1:
        raise Refused(
            f"has {max(bits)} bits per colour, of which Pillow keeps 8. {ELSEWHERE} the array."
        )


def check_stack(image: Any, stream: IO[bytes], n_pages: int) -> None:
    """Raise where one directory stands for a whole stack: Pillow would read the first picture.

    Programs write such files where a stack is larger than 4 GB, for example.
    """
    told = _pictures_told(image)
    there = image.tag_v2.get(259, 1) == 1 and told * _page_bits(image) <= 8 * _size_of(stream)
    if told > n_pages and there:
        raise Refused(
            f"holds {told} pictures, of which Pillow reads {n_pages}: they share a directory. "
            f"{ELSEWHERE} the array."
        )


def _pictures_told(image: Any) -> int:
    """How many pictures the file holds by the words of ImageJ, tifffile or MetaMorph."""
    tags = image.tag_v2
    with suppress(Exception):
        planes = tags.get(33629)  # of MetaMorph: a value for each
        if isinstance(planes, tuple) and len(planes) > 1:
            return len(planes)
        text = str(tags.get(270, ""))
        if text.startswith("ImageJ="):
            found = re.search(r"^images=(\d{1,9})\s*$", text, re.MULTILINE)
            return int(found[1]) if found else 1
        shape = re.match(r'(?:\{"shape": |shape=)[\[(]([\d, ]{1,99})[\])]', text)
        if shape:
            values = math.prod(int(length) for length in shape[1].split(",") if length.strip())
            return values // (image.size[0] * image.size[1] * int(tags.get(277, 1)))
    return 1


def _page_bits(image: Any) -> int:
    return int(image.size[0] * image.size[1] * sum(image.tag_v2.get(258, (1,))))


def _size_of(stream: IO[bytes]) -> int:
    at = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(at)
    return size


# ------------------------------------------------------------------ what is kept


def note_dtype(image: Any, pixels: np.ndarray, source: SourceFile) -> None:
    """Say where pixels of a page are not written with the bits, sign or alpha that they have."""
    bits, sign = max(image.tag_v2.get(258, (1,))), image.tag_v2.get(339, (UNSIGNED,))[0]
    if sign == SIGNED and pixels.dtype.name != f"int{bits}":
        source.note(f"int{bits} is stored as {pixels.dtype}")
    stored = 8 * pixels.dtype.itemsize
    if ASSOCIATED in image.tag_v2.get(338, ()) and image.mode in ("LA", "RGBA"):
        source.note("colours that alpha was multiplied into are stored without it (unassociated)")
    if sign == UNSIGNED and 1 < bits < stored and image.mode != "P":  # of others it is said
        source.note(f"{bits} bits per pixel are stored as {stored}")


def turn_resolution(image: Any) -> None:
    """Exchange both resolutions of a page that Pillow will turn by a quarter."""
    with suppress(Exception):
        exif, tags = image.getexif(), image.tag_v2
        if exif.get(ORIENTATION, 1) not in (5, 6, 7, 8):
            return
        for known in (tags, exif):
            if 282 in known and 283 in known:
                known[282], known[283] = known[283], known[282]
        if "dpi" in image.info:
            image.info["dpi"] = image.info["dpi"][::-1]


def tags_of(image: Any, source: SourceFile) -> dict[int, tuple[int | None, Any]]:
    """The tags of a page that say something about the picture, for a little-endian file."""
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
    if tags.get(SUBFILE_TYPE):  # 0 is what a page without it is
        kept[SUBFILE_TYPE] = (4, tags[SUBFILE_TYPE])
    if SUBIFDS in tags:
        source.lose("pictures inside a page (SubIFDs) are lost")
    if XMP in kept:
        kind, xmp = kept[XMP]
        kept[XMP] = (kind, upright_xmp(xmp[0] if isinstance(xmp, tuple) else xmp))
    if IMAGEJ_METADATA in kept and tags.prefix == b"MM":
        _turn_imagej(kept, source)
    return kept


def _turn_imagej(tags: dict[int, tuple[int | None, Any]], source: SourceFile) -> None:
    """Labels, overlays and so on of ImageJ in the other byte order, which is that of the file."""
    kind, content = tags.pop(IMAGEJ_METADATA)
    counts = tags.pop(IMAGEJ_COUNTS, (None, ()))
    try:
        turned = _turned_imagej(content, counts[1])
    except (TypeError, ValueError, IndexError):
        source.lose("labels and overlays of ImageJ are lost")
        return
    tags[IMAGEJ_METADATA], tags[IMAGEJ_COUNTS] = (kind, turned), counts


def _turned_imagej(content: bytes, counts: tuple[int, ...]) -> bytes:
    """A header of words of 4 bytes (magic, then names and how many), then as many pieces."""
    if content[:4] != b"IJIJ" or counts[0] % 8 != 4 or sum(counts) != len(content):
        raise ValueError("not as ImageJ writes it")
    header = np.frombuffer(content[: counts[0]], np.uint32)
    words = [
        IMAGEJ_WORDS.get(name.tobytes(), 1)
        for name, how_many in zip(header[1::2], header[2::2], strict=True)
        for _ in range(min(int.from_bytes(how_many.tobytes(), "big"), len(counts)))
    ]
    pieces, at = [header.byteswap().tobytes()], counts[0]
    for length, word in zip(counts[1:], words, strict=True):
        piece = np.frombuffer(content[at : at + length], f"u{word}")
        pieces.append(piece.byteswap().tobytes())
        at += length
    return b"".join(pieces)


def descriptive_exif(image: Any) -> bytes:
    """EXIF of a TIFF's tags, for other formats."""
    exif = image.getexif()
    for tag in list(exif):
        if (
            tag in LAYOUT_TAGS
            or tag == ORIENTATION
            or tag > LAST_EXIF_TAG
            or tag in (700, 33723, 34377, 34675)
        ):
            del exif[tag]
    for directory in (exif, *(exif.get_ifd(tag) for tag in (34665, 34853))):
        for tag, value in list(directory.items()):
            directory[tag] = as_read(value)
    return exif.tobytes() if len(exif) else b""
