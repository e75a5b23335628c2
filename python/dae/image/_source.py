"""What a picture file says beside its pixels: how it was stored, and its metadata."""

from __future__ import annotations

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
ORIENTATION, XMP, IPTC, PHOTOSHOP, ICC_PROFILE = 274, 700, 33723, 34377, 34675
DIRECTORY_TAGS = frozenset([34665, 34853, 40965])  # EXIF, GPS, interoperability


@dataclass
class SourceFile:
    """How a picture file was stored, for writing the cleaned picture in the same way.

    Attributes
    ----------
    path : Path
    kind : str
        Pillow's name of the format: "PNG", "JPEG", "TIFF" and so on.
    metadata : dict
        What other formats may keep too: "icc_profile", "exif", "dpi", "xmp", "comment", "iptc",
        and "text" (a dict).
    storage : dict
        Options of Pillow for storing pixels as the source does, for the same format only:
        "compression" of a TIFF, "qtables", "subsampling" and "progressive" of a JPEG, "lossless"
        of a WebP.
    tags : list of dict
        Of a TIFF, for each page: tag -> (type, value).
    notes : list of str
        What reading has converted or left out, for users to read.
    """

    path: Path
    kind: str
    metadata: dict[str, Any] = field(default_factory=dict)
    storage: dict[str, Any] = field(default_factory=dict)
    tags: list[dict[int, tuple[int | None, Any]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)
