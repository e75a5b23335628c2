"""Real data, from the folder in DAE_DATA_DIR: mnist/, images/, tabular/ and text/."""

from __future__ import annotations

import csv
import gzip
import os
from functools import cache
from pathlib import Path

import numpy as np
import scipy.sparse

from dae.datasets import load_idx

NUMERIC = (0, 2, 4, 10, 11, 12)  # columns of Adult; the others name categories
LUMA = np.array([0.299, 0.587, 0.114])  # Rec. 601


def folder(name: str = "") -> Path:
    """The data folder, or one inside it.

    Raises
    ------
    FileNotFoundError
        DAE_DATA_DIR is unset, or the folder does not exist.
    """
    root = os.environ.get("DAE_DATA_DIR")
    path = Path(root or ".", name)
    if not root or not path.is_dir():
        raise FileNotFoundError(f"set DAE_DATA_DIR to a folder that has {name or 'the data'}")
    return path


@cache
def mnist(part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Pixels from 0 to 1, float32, and labels of "train" or "t10k"."""
    images = load_idx(folder("mnist") / f"{part}-images-idx3-ubyte.gz")
    labels = load_idx(folder("mnist") / f"{part}-labels-idx1-ubyte.gz")
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255), labels.astype(int)


def adult(part: str) -> tuple[list[list[str]], np.ndarray]:
    """The columns of Adult without the label; the label, 1 for more than 50K."""
    with gzip.open(folder("tabular") / f"adult.{part}.gz", "rt") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if len(row) == 15]
    return [row[:-1] for row in rows], np.array([row[-1].startswith(">50K") for row in rows], int)


def adult_numbers(rows: list[list[str]]) -> np.ndarray:
    """The numeric columns."""
    return np.array([[float(row[column]) for column in NUMERIC] for row in rows])


def complete_tables() -> dict[str, np.ndarray]:
    """The tables of numbers in tabular/imputation, without any missing value."""
    found = {}
    for path in sorted(folder("tabular/imputation").glob("*.csv")):
        with path.open() as file:
            rows = list(csv.reader(file))[1:]
        found[path.stem] = np.array(rows, dtype=np.float64)[:, 1:]  # the first column is an index
    return found


def newsgroups(part: str) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """How often each text of 20 Newsgroups, "train" or "test" by date, has each of 10,000 words,
    and its class.
    """
    path = folder("text")
    X = scipy.sparse.csr_array(scipy.sparse.load_npz(path / f"bow10k_{part}.npz"))
    X.sum_duplicates()
    return X, np.load(path / f"y_{part}.npy")


def pictures(name: str) -> dict[str, np.ndarray]:
    """The PNG files of a folder of images/, by name and sorted by it."""
    from PIL import Image

    found = {}
    for path in sorted(folder(f"images/{name}").glob("*.png")):
        with Image.open(path) as image:
            found[path.stem] = np.asarray(image)
    return found


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Luminance of RGB pixels (Rec. 601), in the unit they are in; grey ones unchanged."""
    return pixels[..., :3] @ LUMA if pixels.ndim == 3 else pixels
