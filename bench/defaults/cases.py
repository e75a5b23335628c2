"""Tables with labels: some choose the defaults, others judge them.

Each is what a user would pass: pixels from 0 to 1, columns standardised, categories one-hot. A case
has rows to learn from and rows to test, drawn once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler, normalize

from bench import data
from bench.features import tables as mixed
from bench.papers import benchmarks

N_TEST = 10_000  # of the variations of MNIST
N_WORDS = 2000


@dataclass(frozen=True)
class Case:
    """Rows to learn from, and rows to test."""

    name: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    classes: bool

    def with_labels(self, n_labels: int, seed: int = 0) -> Case:
        """The same with so many of the rows, drawn at random."""
        rows = np.random.default_rng(seed).permutation(len(self.X))[:n_labels]
        name = f"{self.name}, {n_labels:,} labels"
        return replace(self, name=name, X=self.X[rows], y=self.y[rows])


def toy(name: str, load: Callable, *, classes: bool, scale: float | None = None) -> Case:
    """One of scikit-learn's: a third of the rows is tested; standardised, or divided by `scale`."""
    return split(name, *load(return_X_y=True), classes=classes, scale=scale)


def split(name: str, X: Any, y: Any, *, classes: bool, scale: float | None = None) -> Case:
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=1 / 3, random_state=0, stratify=y if classes else None
    )
    if scale is None:
        scaler = StandardScaler().fit(X)
        X, X_test = scaler.transform(X), scaler.transform(X_test)
    else:
        X, X_test = X / scale, X_test / scale
    return Case(name, X.astype(np.float32), y, X_test.astype(np.float32), y_test, classes)


def friedman() -> Case:
    X, y = datasets.make_friedman1(600, n_features=10, noise=1.0, random_state=0)
    return split("friedman1", X, y, classes=False)


def imputation_table(name: str, *, classes: bool) -> Case:
    """A table of UCI; its last column is predicted."""
    path = data.folder("tabular") / "imputation" / f"{name}.csv"
    values = np.loadtxt(path, delimiter=",", skiprows=1)[:, 1:]
    return split(name, values[:, :-1], values[:, -1], classes=classes)


def newsgroups() -> Case:
    """20 Newsgroups by date: words that most texts have, logarithms of counts, length 1."""
    (X, y), (X_test, y_test) = data.newsgroups("train"), data.newsgroups("test")
    common = np.sort(np.argsort(-(X > 0).sum(axis=0), kind="stable")[:N_WORDS])
    X, X_test = (normalize(np.log1p(part[:, common].toarray())) for part in (X, X_test))
    return Case("20 Newsgroups", np.float32(X), y, np.float32(X_test), y_test, classes=True)


def faces() -> Case:
    """Pieces of photographs, 25 x 25 pixels: is it a face? (scikit-image's sample of LFW)"""
    try:
        from skimage.data import lfw_subset
    except ImportError as error:
        raise FileNotFoundError("faces: scikit-image is not installed") from error
    y = np.arange(200) < 100
    return split("faces", lfw_subset().reshape(200, -1), y, classes=True, scale=1)


def mixed_table(name: str, load: Callable) -> Case:
    table = load()
    return Case(name, table.X, table.y, table.X_test, table.y_test, table.classes)


def variation(name: str) -> Case:
    """10,000 digits to learn from, with their 2,000 for validation, and 10,000 to test."""
    sets = benchmarks.benchmark(name)
    return Case(
        name,
        np.concatenate([sets.train.data, sets.validation.data]),
        np.concatenate([sets.train.target, sets.validation.target]),
        sets.test.data[:N_TEST],
        sets.test.target[:N_TEST],
        classes=True,
    )


def mnist() -> Case:
    (X, y), (X_test, y_test) = data.mnist("train"), data.mnist("t10k")
    return Case("MNIST", X, y, X_test, y_test, classes=True)


def few(load: Callable[[], Case], n_labels: int) -> Case:
    return load().with_labels(n_labels)


adult = partial(mixed_table, "Adult", mixed.adult)
credit = partial(mixed_table, "Credit", mixed.credit)
california = partial(mixed_table, "California", mixed.california)

CHOOSING: tuple[Callable[[], Case], ...] = (
    partial(toy, "digits", datasets.load_digits, classes=True, scale=16),
    partial(toy, "breast cancer", datasets.load_breast_cancer, classes=True),
    partial(few, adult, 2000),
    partial(variation, "basic"),
    partial(few, partial(variation, "bg_img"), 2000),
    partial(variation, "bg_img"),
    partial(imputation_table, "spam", classes=True),
    friedman,
    partial(imputation_table, "airfoil", classes=False),
    partial(imputation_table, "wine", classes=False),
    partial(few, california, 2000),
)

JUDGING: tuple[Callable[[], Case], ...] = (
    partial(toy, "iris", datasets.load_iris, classes=True),
    partial(toy, "wine cultivars", datasets.load_wine, classes=True),
    partial(imputation_table, "obesity", classes=True),
    partial(imputation_table, "ionosphere", classes=True),
    partial(few, credit, 500),
    credit,
    adult,
    partial(few, mnist, 1000),
    mnist,
    partial(variation, "rot"),
    partial(variation, "bg_rand"),
    partial(variation, "convex"),
    partial(few, newsgroups, 1000),
    faces,
    partial(toy, "diabetes", datasets.load_diabetes, classes=False),
    partial(imputation_table, "yacht", classes=False),
    california,
)


def available(cases: tuple[Callable[[], Case], ...]) -> list[Case]:
    """Those whose data are there."""
    found = []
    for load in cases:
        try:
            found.append(load())
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
    return found
