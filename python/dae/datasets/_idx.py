"""A reader of MNIST's own files."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from typing import BinaryIO

import numpy as np

_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def load_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an array from a file in MNIST's idx format, gzipped or not.

    Parameters
    ----------
    path : str or path-like
        The file, ``train-images-idx3-ubyte.gz`` for example.

    Returns
    -------
    array : ndarray
        Of the shape and dtype that the file states, in native byte order; MNIST's images
        are uint8 of shape (n_images, 28, 28), its labels uint8 of shape (n_images,).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from dae.datasets import load_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "labels-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     load_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    path = os.fspath(path)
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            if not zipped:
                return _read_idx(file, path)
            with gzip.GzipFile(fileobj=file) as unzipped:
                return _read_idx(unzipped, path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path} is a damaged gzip file ({error}). Download it again."
            ) from error


def _read_idx(file: BinaryIO | gzip.GzipFile, path: str) -> np.ndarray:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX_TYPES or not start[3]:
        raise ValueError(
            f"{path} is not an idx file: it starts with {start!r}, where two zero bytes, a "
            "known type and a number of dimensions must be. Pass one of MNIST's files."
        )
    dtype, n_axes = np.dtype(_IDX_TYPES[start[2]]), start[3]
    header = file.read(4 * n_axes)
    if len(header) < 4 * n_axes:
        raise ValueError(f"{path} is cut short in its header. Download it again.")
    shape = struct.unpack(f">{n_axes}I", header)
    n_bytes = math.prod(shape) * dtype.itemsize
    data = _read(file, n_bytes + 1)
    if len(data) < n_bytes:
        raise ValueError(
            f"{path} is cut short: its header states {' x '.join(map(str, shape))} values, "
            f"{n_bytes} bytes, and {len(data)} bytes follow. Download it again."
        )
    if len(data) > n_bytes:
        raise ValueError(
            f"{path} has more than the {n_bytes} bytes of data that its header states. "
            "Download it again."
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _read(file: BinaryIO | gzip.GzipFile, most: int) -> bytes:
    """Up to `most` bytes. Not in one go: `read` would make room for what a wrong header states."""
    data = bytearray()
    while chunk := file.read(min(most - len(data), 2**20)):
        data += chunk
    return bytes(data)
