"""Parts that picture files are made of, where Pillow does not tell about them, or not all of them.

Every function takes the content of a file, and reads names, lengths and single bytes of it only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff])")


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of a PNG's chunks, without those of pixels."""
    at = 8
    while at + 8 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if name == b"IEND":
            break
        if name != b"IDAT":
            yield name, content[at + 8 : at + 8 + length]
        at += 12 + length


def is_lossless_webp(content: bytes) -> bool:
    at = 12
    while at + 8 <= len(content):
        name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        at += 24 if name == b"ANMF" else 8 + length + length % 2  # a frame holds chunks itself
    return False


def after_jpeg(content: bytes) -> bytes:
    """What follows the end of a JPEG, as the film of a phone's moving picture does."""
    at = 2
    while found := JPEG_MARKER.match(content, at):  # segments up to the pixels
        at = found.end() + int.from_bytes(content[found.end() : found.end() + 2], "big")
        if found[1] == b"\xda":
            break
    end = content.find(b"\xff\xd9", at)  # pixels have no such bytes
    return content[end + 2 :] if end >= 0 else b""


def jpeg2000_bits(content: bytes) -> int:
    """Bits per colour of a JPEG 2000."""
    start = content.find(b"\xff\x4f\xff\x51")
    if start < 0:
        return 8
    n_colours = int.from_bytes(content[start + 40 : start + 42], "big")
    depths = content[start + 42 : start + 42 + 3 * n_colours : 3]
    return max((depth & 0x7F for depth in depths), default=7) + 1


def avif_bits(content: bytes) -> int:
    """Bits per colour of an AVIF."""
    bits = 8
    for found in re.finditer(rb"av1C..(.)", content, re.DOTALL):
        flags = found[1][0]
        if flags & 0x40:
            bits = max(bits, 12 if flags & 0x20 else 10)
    return bits


def fits_scale(content: bytes) -> tuple[float, float]:
    """BZERO and BSCALE of the first picture of a FITS: what its numbers stand for is
    BZERO + BSCALE * number.
    """
    at = 0
    values: dict[bytes, bytes] = {}
    while at + 80 <= len(content):
        card = content[at : at + 80]
        at += 80
        if card[:8].strip() == b"END":
            if values.get(b"NAXIS") != b"0":
                break
            at, values = 2880 * -(-at // 2880), {}  # no picture: the next header
        elif card[8:9] == b"=":
            values[card[:8].strip()] = card[9:].partition(b"/")[0].strip()
    zero, scale = values.get(b"BZERO", b"0"), values.get(b"BSCALE", b"1")
    return float(zero.replace(b"D", b"E")), float(scale.replace(b"D", b"E"))
