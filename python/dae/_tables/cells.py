"""`TableCells`: the columns of a table as what is predicted of a row (_data/masked_errors.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dae._model.damage import damaged
from dae._tables.encoder import TableEncoder


@dataclass(frozen=True)
class TableCells:
    """Columns of a table in encoded rows: a category is hidden, and has its error, as a whole."""

    encoder: TableEncoder

    @property
    def n_cells(self) -> int:
        return len(self.encoder.columns)

    def check(self, n_features: int) -> None:
        """Raise ValueError unless the encoded columns are those of the network."""
        if self.encoder.n_encoded != n_features:
            raise damaged(
                f"the columns make {self.encoder.n_encoded} features, and the network has "
                f"{n_features}"
            )

    def output_blocks(self) -> list[tuple[str, int, float]]:
        return self.encoder.output_blocks({})

    def scaled_rows(self, X: Any) -> np.ndarray:
        """The encoded rows that X, of `_data.rows.Rows`, holds."""
        return X.array

    def hidden(self, cells: np.ndarray) -> np.ndarray:
        return cells[self.encoder.owners()]

    def scaled(self, block: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(block, dtype=np.float32)

    def errors(self, clean: np.ndarray, made: np.ndarray) -> np.ndarray:
        """Errors over that of a constant guess; NaN in columns without a loss, too."""
        return self.encoder.errors(clean, made).astype(np.float32)
