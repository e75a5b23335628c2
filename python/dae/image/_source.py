"""What a picture file says beside its pixels: how it was stored, and its metadata."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# tags of a TIFF, and of EXIF, that describe how pixels are stored in one file: in another one
# they are wrong, and the file cannot be read
LAYOUT_TAGS = frozenset(
    [
        254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284,
        288, 289, 290, 291, 292, 293, 301, 317, 320, 321, 322, 323, 324, 325, 330, 332, 334, 338,
        339, 340, 341, 342, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532,
    ]
)  # fmt: skip

RESOLUTION_TAGS = frozenset([282, 283, 296])
SUBFILE_TYPE, SUBIFDS = 254, 330
ORIENTATION, XMP, IPTC, PHOTOSHOP, ICC_PROFILE = 274, 700, 33723, 34377, 34675
DIRECTORY_TAGS = frozenset([34665, 34853, 40965])  # EXIF, GPS, interoperability

LAST_EXIF_TAG = 50_000  # larger ones of a TIFF are private: other formats do not keep them as EXIF

# as an attribute or as an element
ORIENTATION_IN_XMP = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>)\s*)[2-8]""")


@dataclass
class SourceFile:
    """How a picture file was stored, for writing the cleaned picture in the same way.

    Attributes
    ----------
    path : Path
    kind : str
        Pillow's name of the format: "PNG", "JPEG", "TIFF" and so on.
    metadata : dict
        What other formats may keep too: "icc_profile", "exif", "dpi", "xmp", "comment", "gamma",
        "iptc" and "segments" (lists of a JPEG's), "srgb", "text" and "chunks" (of a PNG).
    storage : dict
        Options of Pillow for storing pixels as the source does, for the same format only:
        "compression" of a TIFF, "qtables", "subsampling" and "progressive" of a JPEG, "lossless"
        of a WebP.
    tags : list of dict
        Of a TIFF, for each page: tag -> (type, value).
    notes : list of str
        What reading has converted or left out, for users to read.
    losses : list of str
        What no file that is written has, whatever its format: notes too, but a copy keeps it.
    """

    path: Path
    kind: str
    metadata: dict[str, Any] = field(default_factory=dict)
    storage: dict[str, Any] = field(default_factory=dict)
    tags: list[dict[int, tuple[int | None, Any]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def lose(self, text: str) -> None:
        """Add a loss, once."""
        if text not in self.losses:
            self.losses.append(text)


class Refused(ValueError):
    """Why a picture is not read: a sentence without the name of the file."""


class TextAsRead(str):
    """Text that Pillow has decoded from Latin-1, UTF-8 included, and writes in the same bytes.

    It would encode it as ASCII, with a question mark for all else.
    """

    def encode(self, encoding: str = "latin-1", errors: str = "replace") -> bytes:
        return super().encode("latin-1", "replace")


def as_read(value: Any) -> Any:
    """The value of a tag, or the values of a directory, with text as it was read."""
    if isinstance(value, dict):
        return {tag: as_read(inner) for tag, inner in value.items()}
    return TextAsRead(value) if isinstance(value, str) else value


def upright_xmp(xmp: Any) -> Any:
    """XMP that tells nobody to turn the picture, which is upright."""
    if isinstance(xmp, str):
        xmp = xmp.encode("latin-1")
    return ORIENTATION_IN_XMP.sub(rb"\g<1>1", xmp) if isinstance(xmp, bytes) else xmp
