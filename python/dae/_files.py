"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

# what a file system answers that has no unnamed files, or none that can be given a name
_NO_UNNAMED_FILES = (
    errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EPERM, errno.EINVAL, errno.EXDEV,
    errno.ENOSYS,
)  # fmt: skip


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a new file in the folder of `path`, then give it that name.

    A failure or a power cut leaves the old file, or none: the new one is on the disk before
    it gets its name, and a rename within one folder is one step. It gets the permissions of the
    old one; where `path` is a link, its target is replaced.

    While it is written the file has no name, where the system has such files, so that a killed
    process leaves nothing. Elsewhere, and for the moment of the rename, it is called
    ``.<name>.<random>.tmp``; what a killed process left of that kind is removed by the next
    `write_whole` of the same path.
    """
    path = Path(path).resolve()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    _remove_leftovers(path)
    if not _write_unnamed(path, write, mode):
        _write_named(path, write, mode)


def _write_unnamed(path: Path, write: Callable[[IO[bytes]], Any], mode: int | None) -> bool:
    """Write by a file without a name; False, and nothing done, where the system has none."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
        return False
    try:
        with _named(path):
            descriptor = os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o666)
    except OSError as error:
        if error.errno in _NO_UNNAMED_FILES:
            return False
        raise
    with open(descriptor, "w+b") as file:
        _fill(file, write, mode)
        try:
            if mode is None:
                with suppress(FileExistsError), _named(path):
                    _link(descriptor, path)
                    return True
            unfinished = _temporary(path)
            with _named(path):
                _link(descriptor, unfinished)
        except OSError as error:
            if error.errno in _NO_UNNAMED_FILES:
                return False
            raise
        try:
            with _named(path):
                os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    return True


def _write_named(path: Path, write: Callable[[IO[bytes]], Any], mode: int | None) -> None:
    """Write by a file that can be recognised as unfinished."""
    unfinished = _temporary(path)
    new_and_binary = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with _named(path):
        descriptor = os.open(unfinished, new_and_binary, 0o666)
    try:
        with open(descriptor, "w+b") as file:
            _fill(file, write, mode)
        with _named(path):
            os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors name `path`, not what the file is called until it is complete."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _fill(file: IO[bytes], write: Callable[[IO[bytes]], Any], mode: int | None) -> None:
    _lock(file.fileno())
    if mode is not None and hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), mode)
    write(file)
    file.flush()
    os.fsync(file.fileno())


def _link(descriptor: int, path: Path) -> None:
    """Name an unnamed file. `src_dir_fd` makes Python call linkat, which follows the link."""
    os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)


def _temporary(path: Path) -> Path:
    # a name has 255 bytes at most
    name = os.fsdecode(os.fsencode(path.name)[:200])
    return path.with_name(f".{name}.{secrets.token_hex(8)}.tmp")


def _remove_leftovers(path: Path) -> None:
    """Remove unfinished files of `path` whose writer is gone: nobody holds their lock."""
    start = _temporary(path).name[: -len("0123456789abcdef.tmp")]
    with suppress(OSError):
        for entry in os.scandir(path.parent):
            rest = entry.name.removeprefix(start)
            is_ours = entry.name.startswith(start) and len(rest) == 20 and rest.endswith(".tmp")
            if is_ours and entry.is_file(follow_symlinks=False):
                with suppress(OSError):  # also: in use, on systems without these locks
                    _remove_if_unlocked(entry.path)


def _remove_if_unlocked(path: str) -> None:
    if fcntl is None:
        os.unlink(path)  # fails where a writer has it open
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if fcntl is not None:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def open_regular(path: Path) -> IO[bytes]:
    """Open a file for reading, unless it is a folder, a pipe, a socket or a device.

    Raises
    ------
    FileNotFoundError
    ValueError
        It is something else than a file; opening a pipe would wait for a writer.
    """

    def without_waiting(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    if path.is_dir():
        raise ValueError(f"{path} is a folder, a file is expected.")
    stream = open(path, "rb", opener=without_waiting)
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise ValueError(f"{path} is not a regular file.")
    return stream


def check_place(path: Path, *, make_folders: bool = False) -> None:
    """Raise ValueError unless a file may be written to `path`: before the work, not after.

    With `make_folders`, missing folders will be created in the nearest one that exists.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; choose another file name.")
    folder = path.parent
    while make_folders and not folder.exists():
        folder = folder.parent
    if not folder.exists():
        raise ValueError(f"folder {folder} does not exist; create it first.")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, {path} needs a folder there.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"folder {folder} is not writable; choose another one.")
