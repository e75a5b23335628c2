"""How well each entry of a row is predicted from the others: what anomalies are told by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dae import _core
from dae._data.rows import Rows
from dae._model.damage import damaged, is_array
from dae._model.missing import without_missing
from dae._model.network import Layer, Network


class Cells(Protocol):
    """What a row consists of, and how far a prediction of it is off: features, or columns."""

    @property
    def n_cells(self) -> int:
        """How many a row has."""

    def check(self, n_features: int) -> None:
        """Raise ValueError unless they belong to a network of so many features."""

    def output_blocks(self) -> Any:
        """Losses of the network's features, None for the squared error of all."""

    def scaled_rows(self, X: Rows) -> Any:
        """All rows as the network reads them."""

    def hidden(self, cells: np.ndarray) -> np.ndarray:
        """Which features of the network are hidden with these cells, all bool."""

    def scaled(self, block: np.ndarray) -> np.ndarray:
        """Rows as the network reads them, in float32, NaN where a cell is missing."""

    def errors(self, clean: np.ndarray, made: np.ndarray) -> np.ndarray:
        """Error of each cell of scaled rows, NaN where it is missing; may overwrite `made`."""


def masking_groups(
    n_features: int, level: float, n_repeats: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Random partitions of the features into groups that are masked one after the other.

    The same for all rows: the score of a row does not depend on those beside it, and each of its
    entries is masked equally often.

    Returns
    -------
    groups : int32 ndarray of shape (n_repeats, n_features)
        The group of each feature, from 0: about ``1 / level`` groups of about equal size.
    """
    n_groups = min(max(round(1 / level), 1), n_features)
    in_turn = np.arange(n_features, dtype=np.int32) % n_groups
    return np.stack([random_state.permutation(in_turn) for _ in range(n_repeats)])


@dataclass(frozen=True)
class EntryPredictor:
    """Predicts entries of rows while they are masked.

    Attributes
    ----------
    network : Layer or Network, checked by the caller
        Reconstructs scaled rows, of which some entries are masked.
    cells : Cells
    groups : int32 ndarray of shape (n_repeats, n_cells)
        As `masking_groups` returns them; errors are means over the repeats.
    """

    network: Layer | Network
    cells: Cells
    groups: np.ndarray

    def check(self) -> None:
        """Raise ValueError unless cells and groups are of the network's features."""
        self.cells.check(self.network.n_features)
        n_features = self.cells.n_cells
        groups = self.groups
        if (
            not is_array(groups)
            or groups.ndim != 2
            or not len(groups)
            or groups.shape[1] != n_features
            or groups.dtype != np.int32
            or not ((groups >= 0) & (groups < n_features)).all()
        ):
            raise damaged(f"_groups must hold groups of {n_features} features")

    def errors(
        self, X: Rows, index: np.ndarray | None = None, *, n_threads: int
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Error of each cell of the scaled rows, in float32, for blocks of rows.

        NaN where the cell is missing: it is shown to the network like a masked one.

        Parameters
        ----------
        index : intp ndarray or None
            The rows of X, of any layout and dtype; None is all of them.
        """
        n_rows = len(X) if index is None else len(index)
        cells = self.cells
        masks = [repeat == group for repeat in self.groups for group in range(repeat.max() + 1)]
        hidden = [cells.hidden(mask) for mask in masks]
        for part, block in X.blocks(index):
            clean = cells.scaled(block)
            known = without_missing(clean) if X.missing else clean
            errors = np.zeros((len(clean), cells.n_cells), dtype=np.float32)
            for mask, features in zip(masks, hidden, strict=True):
                if not features.any():  # nothing to learn from in these columns
                    continue
                shown = np.where(features, np.float32(0), known)
                made = _core.reconstruct(
                    self.network, shown, n_threads=n_threads, checked=True, n_rows=n_rows
                )
                np.add(errors, cells.errors(clean, made), out=errors, where=mask)
            errors /= len(self.groups)
            yield part, errors

    def mean_errors(
        self, X: Rows, most_rows: int, weight: Any = None, *, n_threads: int
    ) -> np.ndarray:
        """Mean error of each cell over so many rows, evenly spaced: float64 (n_cells,).

        `weight` of each row of X, or None. 1 for a cell that is always missing there.
        """
        n_rows = min(len(X), most_rows)
        index = np.arange(n_rows, dtype=np.intp) * len(X) // n_rows
        total, counts = np.zeros(self.cells.n_cells), np.zeros(self.cells.n_cells)
        for part, errors in self.errors(X, index, n_threads=n_threads):
            if weight is None:
                total += np.nansum(errors, axis=0, dtype=np.float64)
                counts += len(errors) - np.isnan(errors).sum(axis=0)
            else:
                own = weight[index[part]].astype(np.float64)
                total += own @ np.nan_to_num(errors)
                counts += own @ ~np.isnan(errors)
        return np.where(counts > 0, total / np.where(counts > 0, counts, 1), 1.0)
