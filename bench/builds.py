"""Copies of the code, built in place in folders of their own. The repository is only read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from bench.machine import ROOT


def check_out(revision: str, folder: Path) -> Path:
    """The files of a revision; "." stands for the working tree with all that is not ignored."""
    folder.mkdir(parents=True)
    if revision == ".":
        names = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in filter(None, names.decode().split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        return folder
    with tarfile.open(fileobj=BytesIO(_git("archive", "--format=tar", revision))) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*arguments: str) -> bytes:
    run = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    if run.returncode:
        sys.exit(f"git {arguments[0]}: {run.stderr.decode().strip()}")
    return run.stdout


def build(folder: Path) -> None:
    """Build the extensions in place."""
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"the build of {folder.name} failed:\n{run.stderr[-3000:]}")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Environment variables that make a new Python import the code of `folder`."""
    paths = [str(folder / "python"), str(folder / "src")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}
