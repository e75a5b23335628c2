"""What the commands share: converters of options, errors in one line, checks of files."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from dae._cli._process import say


class Parser(argparse.ArgumentParser):
    """Errors in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def number(kind: type, low: float, high: float, what: str) -> Callable[[str], Any]:
    """A converter for argparse: numbers from `low` to `high`."""

    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = np.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be {what}, got {text}")
        return value

    return convert


seed = number(int, 0, 2**32 - 1, "an integer from 0 to 2**32 - 1")


def n_threads(text: str) -> int:
    """A converter for argparse: `n_jobs` as scikit-learn defines it."""
    value = number(int, -(2**31), 2**31 - 1, "an integer")(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be 1 or more, or -1 for all cores, got 0")
    return value


def add_n_jobs(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--n-jobs",
        type=n_threads,
        help="threads; -1 for all cores; default: all cores that may be used",
    )


def complain(problem: Any, prog: str = "dae") -> None:
    """One line on stderr."""
    if isinstance(problem, OSError) and problem.filename and problem.strerror:
        problem = f"{problem.filename}: {problem.strerror}"
    say(f"{prog}: error: {' '.join(str(problem).split())}")


def complain_about(path: Path, error: Exception) -> None:
    """One line that names the file, whatever a decoder, an encoder or the cleaning has raised."""
    if str(path) in str(error):
        complain(error)
        return
    text = str(error).removeprefix("images[0] ")
    if not isinstance(error, (OSError, ValueError)):  # "Missing dimensions", say, means little
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    complain(f"{path}: {text}")


def check_regular(path: Path, what: str) -> None:
    """Raise ValueError for what exists and is no regular file: reading a pipe may never end."""
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise ValueError(f"{path} is {kind}; {what} must be a regular file.")


def check_output(path: Path, overwrite: bool) -> None:
    """Raise ValueError where an existing file would be replaced without permission."""
    if path.exists() and not overwrite:
        raise ValueError(f"{path} already exists; pass --overwrite or choose another -o.")


def file_or_folder(text: str) -> Path:
    """A converter for argparse: a path. An empty one would be the present folder."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name; name a file or a folder, . for this one")
    if text == "-":
        raise argparse.ArgumentTypeError("standard input and output are not supported; use files")
    return Path(text)
