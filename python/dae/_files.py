"""Files written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a new file beside `path`, then put it in the place of `path`.

    A failure or a power cut leaves the old file, or none: the new one is on the disk before
    it gets its name, and a rename within one folder is one step. It gets the permissions of the
    old one; where `path` is a link, what it leads to is written.
    """
    path = Path(path).resolve()
    unfinished = path.with_name(f".{secrets.token_hex(8)}.tmp")
    new_and_binary = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(unfinished, new_and_binary, 0o666)
    try:
        with open(descriptor, "wb") as file:
            if path.exists():
                os.chmod(unfinished, stat.S_IMODE(path.stat().st_mode))
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def check_place(path: Path, *, make_folders: bool = False) -> None:
    """Raise ValueError unless a file may be written to `path`: before the work, not after.

    With `make_folders`, those that are missing will be made in the nearest one that is there.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder, a file is to be written; choose another name.")
    folder = path.parent
    while make_folders and not folder.exists():
        folder = folder.parent
    if not folder.exists():
        raise ValueError(f"folder {folder} does not exist; create it first.")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, {path} needs a folder there.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"folder {folder} is not writable; choose another one.")
