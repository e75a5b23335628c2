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
    """Rows to learn from, and rows to test.

    Attributes
    ----------
    raw, raw_test : object ndarray of shape (n_rows, n_columns)
        Numbers, NaN where they are missing, and texts.
    X, X_test : float32 ndarray of shape (n_rows, n_features)
        Numbers standardised, missing ones at the median; categories one-hot.
    y, y_test : ndarray of shape (n_rows,)
    classes : bool
        Whether y is 0 or 1, and not a number.
    """

    raw: np.ndarray
    raw_test: np.ndarray
    X: np.ndarray
    X_test: np.ndarray
    y: np.ndarray
    y_test: np.ndarray
    classes: bool

    @classmethod
    def of(
        cls,
        columns: list[list[str]],
        numeric: list[int],
        y: np.ndarray,
        train: np.ndarray,
        test: np.ndarray,
        *,
        classes: bool,
    ) -> Table:
        raw = np.empty((len(columns[0]), len(columns)), dtype=object)
        for k, column in enumerate(columns):
            raw[:, k] = [_number(cell) for cell in column] if k in numeric else column
        X = _encoded(raw, numeric, train)
        return cls(raw[train], raw[test], X[train], X[test], y[train], y[test], classes)


def _encoded(values: np.ndarray, numeric: list[int], train: np.ndarray) -> np.ndarray:
    """What a scikit-learn user makes of the columns; fitted on the rows to learn from."""
    names = [k for k in range(values.shape[1]) if k not in numeric]
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
    y = np.concatenate([y, y_test])
    return Table.of(columns, list(data.NUMERIC), y, train, test, classes=True)


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
    return Table.of(columns, numeric, y.astype(int), *_split(len(y)), classes=True)


def california() -> Table:
    """Logarithm of the median house value of a block of houses."""
    columns, numeric, y = from_csv("california")
    return Table.of(columns, numeric, np.log(y), *_split(len(y)), classes=False)


TABLES: dict[str, Callable[[], Table]] = {
    "Adult": adult,
    "Credit": credit,
    "California": california,
}
