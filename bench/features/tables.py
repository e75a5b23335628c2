"""Three tables of mixed columns as numbers, each in a part to learn from and one to test."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench import data

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Table:
    """Numbers standardised, missing ones at the median; categories one-hot."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    classes: bool


def _encoded(columns: list[list[str]], numeric: list[int], train: np.ndarray) -> np.ndarray:
    """What a scikit-learn user makes of the columns; fitted on the rows to learn from."""
    values = np.empty((len(columns[0]), len(columns)), dtype=object)
    for k, column in enumerate(columns):
        values[:, k] = [_number(cell) for cell in column] if k in numeric else column
    names = [k for k in range(len(columns)) if k not in numeric]
    encoder = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numeric),
            ("names", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), names),
        ]
    ).fit(values[train])
    return encoder.transform(values).astype(np.float32)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _split(n: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(n)
    test = int(TEST_SHARE * n)
    return order[test:], order[:test]


def adult() -> Table:
    """More than 50,000 a year? The published test part."""
    (rows, y), (rows_test, y_test) = data.adult("data"), data.adult("test")
    columns = [list(column) for column in zip(*(rows + rows_test), strict=True)]
    train, test = np.arange(len(y)), np.arange(len(y), len(y) + len(y_test))
    X = _encoded(columns, list(data.NUMERIC), train)
    return Table(X[train], y, X[test], y_test, classes=True)


@dataclass(frozen=True)
class File:
    """Where a table lies, what is to be told, and which columns are numbers."""

    path: str
    target: str
    numeric: tuple[str, ...]


FILES = {
    "credit": File(
        "credit_risk_dataset.csv.gz",
        "loan_status",
        (
            "person_age",
            "person_income",
            "person_emp_length",
            "loan_amnt",
            "loan_int_rate",
            "loan_percent_income",
            "cb_person_cred_hist_length",
        ),
    ),
    "california": File(
        "california_housing.csv",
        "median_house_value",
        (
            "longitude",
            "latitude",
            "housing_median_age",
            "total_rooms",
            "total_bedrooms",
            "population",
            "households",
            "median_income",
        ),
    ),
}


def from_csv(name: str) -> tuple[list[list[str]], list[int], np.ndarray]:
    """Columns but for the target, which of them are numbers, and the target."""
    file = FILES[name]
    path = data.folder("tabular") / file.path
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as lines:
        names, *rows = csv.reader(lines)
    y = np.array([float(row[names.index(file.target)]) for row in rows])
    kept = [k for k, name in enumerate(names) if name != file.target]
    columns = [[row[k] for row in rows] for k in kept]
    return columns, [i for i, k in enumerate(kept) if names[k] in file.numeric], y


def credit() -> Table:
    """Will the loan default?"""
    columns, numeric, y = from_csv("credit")
    train, test = _split(len(y))
    X = _encoded(columns, numeric, train)
    return Table(X[train], y[train].astype(int), X[test], y[test].astype(int), classes=True)


def california() -> Table:
    """Logarithm of the median house value of a block of houses."""
    columns, numeric, y = from_csv("california")
    y = np.log(y)
    train, test = _split(len(y))
    X = _encoded(columns, numeric, train)
    return Table(X[train], y[train], X[test], y[test], classes=False)


TABLES: dict[str, Callable[[], Table]] = {
    "Adult": adult,
    "Credit": credit,
    "California": california,
}
