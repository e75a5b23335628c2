"""What is kept of a measurement, and where: every file is written whole or not at all.

Times depend on the processor, so they are kept in a folder of its name, ``results/<processor>``
(`machine.processor`). The figures of `bench.defaults` and `bench.papers` are errors, not times;
they are kept in ``results`` itself, and each run records the processor it was made on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine

FOLDER = Path(__file__).parent / "results"


def folder() -> Path:
    """The folder of this machine's processor."""
    return FOLDER / machine.processor()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file name to write to; it replaces `path` when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with whole(path) as part:
        part.write_text(text)


def write(path: Path, content: dict) -> None:
    """Write a JSON file."""
    write_text(path, json.dumps(plain(content), indent=1, allow_nan=False) + "\n")


def write_with_report(path: Path, content: dict, report: str) -> None:
    """Write a JSON file, and beside it the Markdown report of what it holds."""
    write(path, content)
    write_text(path.with_suffix(".md"), report + "\n")


def read(path: Path) -> dict:
    """The content of a JSON file; empty where there is none."""
    path = Path(path)
    return json.loads(path.read_text()) if path.exists() else {}


def plain(value: Any) -> Any:
    """For JSON, which knows neither NumPy nor infinity: null stands for what is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
