"""Tables with held-out rows and a fixed mask, and the error by which a model is judged."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from sklearn.datasets import load_digits, load_sample_images
from sklearn.preprocessing import StandardScaler

from bench import data

LEVEL = 0.3  # of masking, as the estimator's default


@dataclass
class Table:
    """Rows to learn from, rows to judge by, and the latter with a fixed mask."""

    name: str
    X: np.ndarray
    y: np.ndarray | None = None

    def __post_init__(self) -> None:
        order = np.random.default_rng(0).permutation(len(self.X))
        cut = max(1, len(order) // 5)
        self.test_rows, self.train_rows = order[:cut], order[cut:]

    @cached_property
    def train(self) -> np.ndarray:
        return self.X[self.train_rows]

    @cached_property
    def test(self) -> np.ndarray:
        return self.X[self.test_rows]

    @cached_property
    def noisy(self) -> np.ndarray:
        return masked(self.test, 1)

    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        assert self.y is not None
        return self.y[self.train_rows], self.y[self.test_rows]


def masked(X: np.ndarray, seed: int) -> np.ndarray:
    kept = np.random.default_rng(seed).random(X.shape, dtype=np.float32) >= LEVEL
    return X * kept


def digits() -> Table:
    X, y = load_digits(return_X_y=True)
    return Table("digits", (X / 16).astype(np.float32), y)


def mnist(n_rows: int = 60_000) -> Table:
    images, labels = data.mnist("train")
    name = "MNIST" if n_rows == 60_000 else f"MNIST, {n_rows} rows"
    return Table(name, images[:n_rows], labels[:n_rows])


def adult() -> Table:
    """The numeric columns, standardised; gains and losses are zero but for heavy tails."""
    X = data.adult_numbers(data.adult("data")[0])
    return Table("Adult", StandardScaler().fit_transform(X).astype(np.float32))


def patches(size: int, *, centred: bool, n_rows: int = 20_000) -> Table:
    """Grey patches of scikit-learn's two photographs, pixels from 0 to 1."""
    rng = np.random.default_rng(0)
    found = []
    for image in load_sample_images().images:
        picture = (data.luminance(image) / 255).astype(np.float32)
        rows, columns = (rng.integers(0, n - size + 1, n_rows // 2) for n in picture.shape)
        windows = np.lib.stride_tricks.sliding_window_view(picture, (size, size))
        found.append(windows[rows, columns].reshape(-1, size * size))
    X = np.concatenate(found)
    if centred:
        X -= X.mean(axis=1, keepdims=True)
    return Table(f"patches {size}x{size}{', centred' if centred else ''}", X)


def tables(*, search: bool, quick: bool) -> list[Table]:
    """The tables of the search (fewer, smaller) or of the final comparison."""
    found = [digits()]
    try:
        found += [mnist(2000 if quick or search else 10_000), adult()]
        if not search and not quick:
            found.append(mnist())
    except FileNotFoundError as error:
        print(f"without MNIST and Adult: {error}", file=sys.stderr)
    n_rows = 2000 if quick else 20_000
    kinds = [(8, False), (8, True), (12, True)] if search else product((8, 12), (False, True))
    found += [patches(size, centred=centred, n_rows=n_rows) for size, centred in kinds]
    return found


def energy(difference: np.ndarray) -> float:
    return float(np.square(difference, dtype=np.float64).sum())


def denoising_error(repaired: np.ndarray, table: Table) -> float:
    """Squared error of repaired rows over that of the masked rows."""
    rows = slice(len(repaired))
    return energy(repaired - table.test[rows]) / energy(table.noisy[rows] - table.test[rows])
