"""Reading an ``.npz`` archive that may be hostile.

`np.load` unpacks what an archive says it holds: a megabyte of deflated zeros becomes a gigabyte of
memory. Here members must be stored, not compressed, so that all of them together are no larger
than the file; a member is allocated only after its size, dtype and shape agree with each other.
"""

from __future__ import annotations

import math
import os
import re
import zipfile
from typing import IO, Any

import numpy as np

MAX_MEMBERS = 1000
MAX_HEADER = 2**24  # bytes of a text member, four per character
MAX_DIRECTORY = 2**20  # bytes of the list of members

_NPY = re.compile(
    rb"\{'descr': '([<>|][biufU]\d{1,9})', 'fortran_order': False, 'shape': "
    rb"\(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), \} *\n"
)


class BadArchive(ValueError):
    """What is wrong with an archive, as the end of a sentence without its full stop."""


class _Limited:
    """A file that is never asked for more than `limit` bytes at a time.

    `zipfile` reads the list of members in one piece, of the length that the file states.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.limit: int | None = MAX_DIRECTORY

    def read(self, size: int = -1) -> bytes:
        if self.limit is not None and size > self.limit:
            raise BadArchive(f"its list of members has more than {self.limit} bytes")
        return self.stream.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class NpzReader:
    """The members of an archive, by name.

    Parameters
    ----------
    stream : binary file

    Attributes
    ----------
    names : set of str
        "header", "sha256", and "a0", "a1" and so on.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        limited = _Limited(stream)
        size = os.fstat(stream.fileno()).st_size
        try:
            if stream.read(6) == b"\x93NUMPY":
                raise BadArchive("it holds one array")
            self._archive = zipfile.ZipFile(limited)
        except BadArchive:
            raise
        except Exception as error:  # of many kinds, for a file that is no archive
            raise BadArchive("it is not an archive, or was cut short or changed") from error
        limited.limit = None
        members = self._archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise BadArchive(f"it has more than {MAX_MEMBERS} members")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise BadArchive("its members are compressed or encrypted")
            if member.file_size != member.compress_size:
                raise BadArchive("the sizes of its members were changed")
        if sum(member.file_size for member in members) > size:
            raise BadArchive("its members are larger than the file: it was cut short or changed")
        self.names = {member.filename.removesuffix(".npy") for member in members}
        if not {"header", "sha256"} <= self.names:
            raise BadArchive("it has no header")
        expected = {f"a{number}" for number in range(len(members) - 2)} | {"header", "sha256"}
        if self.names != expected or not all(m.filename.endswith(".npy") for m in members):
            raise BadArchive("its members are not those of a model")

    def text(self, name: str) -> str:
        """A member that holds one string."""
        array = self._read(name, "U", MAX_HEADER)
        if array.shape != ():
            raise BadArchive(f"its {name} is not one text")
        try:
            return str(array)
        except (ValueError, SystemError) as error:  # no character
            raise BadArchive(f"its {name} cannot be read") from error

    def array(self, name: str) -> np.ndarray:
        """A member that holds numbers."""
        return self._read(name, "biuf", None)

    def _read(self, name: str, kinds: str, limit: int | None) -> np.ndarray:
        member = self._archive.getinfo(f"{name}.npy")
        if limit is not None and member.file_size > limit:
            raise BadArchive(f"its {name} has more than {limit} bytes")
        try:
            with self._archive.open(member) as stream:
                return _read_npy(stream, member.file_size, kinds, name)
        except (BadArchive, MemoryError):
            raise
        except Exception as error:  # of many kinds, for damaged content
            raise BadArchive(f"its member {name} was cut short or changed") from error


def _read_npy(stream: IO[bytes], size: int, kinds: str, name: str) -> np.ndarray:
    damaged = BadArchive(f"its member {name} was cut short or changed")
    magic = stream.read(8)
    width = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(magic)
    if width is None:
        raise damaged
    length = int.from_bytes(stream.read(width), "little")
    if length > 10_000:
        raise damaged
    described = _NPY.fullmatch(stream.read(length))
    if described is None:
        raise damaged
    dtype = np.dtype(described[1].decode())
    shape = tuple(int(number) for number in described[2].replace(b" ", b"").split(b",") if number)
    if dtype.kind not in kinds or len(shape) > 8:
        raise damaged
    if not dtype.itemsize:  # text without characters, to which NumPy would give room for one
        raise damaged
    if dtype.itemsize * math.prod(shape) != size - 8 - width - length:
        raise damaged
    array = np.empty(shape, dtype)
    content = array.reshape(-1).view(np.uint8) if array.size else array[:0:]
    if array.size and stream.readinto(content.data) != content.size:  # type: ignore[attr-defined]
        raise damaged
    if stream.read(1):  # and so the checksum of the archive is verified
        raise damaged
    return array
