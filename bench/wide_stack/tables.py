"""Adult as the matrix a network is shown: one-hot with one loss, or a loss for each column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench import data
from bench.features.tables import adult
from dae._tables.encoder import Encoding, TableEncoder


@dataclass(frozen=True)
class Case:
    """Rows, the groups of columns that are swapped as a whole, and the loss of each group.

    Attributes
    ----------
    X : float32 ndarray of shape (n_rows, n_columns)
    blocks : list of (loss, n_columns, weight) or None
        `output_blocks`; None is the squared error of every column.
    """

    X: np.ndarray
    blocks: list[tuple[str, int, float]] | None

    def owners(self) -> np.ndarray:
        """Which columns are swapped together: for each of them a number of its group."""
        groups: list[int] = []
        for loss, width, _ in self.blocks or [("squared_error", self.X.shape[1], 1.0)]:
            first = groups[-1] + 1 if groups else 0
            together = loss == "multinomial"
            groups += [first if together else first + k for k in range(width)]
        return np.array(groups)


def one_hot() -> Case:
    """Numbers standardised, categories one-hot, squared error throughout."""
    return Case(np.ascontiguousarray(adult().X), None)


def mixed() -> Case:
    """The columns as `TabularDenoisingAutoencoder` reads them; "?" is a level like any other."""
    rows, _ = data.adult("data")
    table = np.array(rows, dtype=object)
    for k in data.NUMERIC:
        table[:, k] = table[:, k].astype(float)
    encoder = TableEncoder.fit(table, Encoding())
    return Case(encoder.encode(table), encoder.output_blocks({}))


CASES = {"Adult one-hot": one_hot, "Adult mixed": mixed}
