"""`LinearFill`: missing entries as a normal distribution expects them, given the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dae._model.damage import damaged, is_array
from dae._tables.state import Fields, Record, is_a, optional

_ROUNDS = 3  # of filling and measuring the covariance again
_STEPS = 30  # of conjugate gradients, at most
_TOLERANCE = 1e-10  # of the squared residual
_MOST_ENTRIES = 150_000  # that covariances are measured on
_MOST_COLUMNS = 500  # beyond these an inverse costs more than a network


@dataclass(frozen=True)
class LinearFill(Record):
    """Mean and inverse covariance of the columns of a matrix.

    Attributes
    ----------
    mean : float64 ndarray of shape (n_columns,)
    precision : float64 ndarray of shape (n_columns, n_columns), or None
        None for wide matrices, which are filled by the mean.
    """

    mean: np.ndarray
    precision: np.ndarray | None

    fields: ClassVar[Fields] = {
        "mean": is_a(np.ndarray),
        "precision": optional(is_a(np.ndarray)),
    }

    @classmethod
    def fit(cls, Z: np.ndarray, ridge: float, rng: np.random.Generator) -> LinearFill:
        """From rows with NaN, of which all columns have a value.

        The first covariances are those of the rows that have both values. Then the rows are filled
        and measured again, as the EM algorithm does, with the variance that the other columns
        leave in a filled value (of its covariances nothing is added). `ridge` is added to the
        correlation of each column with itself: the larger, the nearer is all to the mean.
        """
        n_columns = Z.shape[1]
        mean = _column_means(Z)
        if n_columns > _MOST_COLUMNS:
            return cls(mean, None)
        most = max(_MOST_ENTRIES // n_columns, 100)
        if len(Z) > most:
            Z = Z[np.sort(rng.choice(len(Z), most, replace=False))]
        missing = np.isnan(Z)
        known = (~missing).astype(np.float64)
        apart = np.where(missing, 0.0, Z - mean)
        covariance = apart.T @ apart / np.maximum(known.T @ known, 1)
        precision = _inverse(covariance, ridge)
        model = cls(mean, precision)
        share = missing.mean(axis=0)
        for _ in range(_ROUNDS if share.any() else 0):
            filled = model.fill(Z)
            apart = filled - filled.mean(axis=0)
            covariance = apart.T @ apart / len(Z)
            covariance[np.diag_indices(n_columns)] += share / np.diag(precision)
            precision = _inverse(covariance, ridge)
            model = cls(filled.mean(axis=0), precision)
        return model

    def check_columns(self, path: str, n_columns: int) -> None:
        """Raise ValueError unless it fills matrices of so many columns."""
        _check_finite(f"{path}.mean", self.mean, (n_columns,))
        if self.precision is None and n_columns > _MOST_COLUMNS:
            return
        _check_finite(f"{path}.precision", self.precision, (n_columns, n_columns))
        assert self.precision is not None
        if not (np.diag(self.precision) > 0).all():
            raise damaged(f"{path}.precision must have a diagonal above 0")

    def fill(self, Z: np.ndarray) -> np.ndarray:
        """A copy with every NaN replaced, float64."""
        missing = np.isnan(Z)
        if self.precision is None or not missing.any():
            return np.where(missing, self.mean, Z)
        rows = missing.any(axis=1)
        filled = np.array(Z, dtype=np.float64)
        filled[rows] = self._conditional_mean(filled[rows], missing[rows])
        return filled

    def _conditional_mean(self, Z: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Solves P_mm x_m = -P_mo x_o for the missing entries m, of all rows side by side.

        By conjugate gradients: a row takes its own steps, and stops by itself.
        """
        P = self.precision
        assert P is not None
        diagonal = np.diag(P)
        apart = np.where(missing, 0.0, Z - self.mean)
        left = np.where(missing, -(apart @ P), 0.0)
        scaled = left / diagonal
        direction, energy = scaled.copy(), np.einsum("ij,ij->i", left, scaled)
        enough = _TOLERANCE * energy
        found = np.zeros_like(apart)
        for _ in range(_STEPS):
            active = energy > enough
            if not active.any():
                break
            image = np.where(missing, direction @ P, 0.0)
            curvature = np.einsum("ij,ij->i", direction, image)
            step = np.where(active, energy / np.where(active, curvature, 1), 0.0)[:, None]
            found += step * direction
            left -= step * image
            scaled = left / diagonal
            before, energy = energy, np.einsum("ij,ij->i", left, scaled)
            ratio = np.where(active, energy / np.where(active, before, 1), 0.0)[:, None]
            direction = scaled + ratio * direction
        return np.where(missing, self.mean + found, Z)


def _check_finite(path: str, value: Any, shape: tuple[int, ...]) -> None:
    if (
        not is_array(value)
        or value.dtype != np.float64
        or value.shape != shape
        or not np.isfinite(value).all()
    ):
        raise damaged(f"{path} must be finite numbers in float64, of shape {shape}")


def _column_means(Z: np.ndarray) -> np.ndarray:
    """Of what is not NaN; 0 for a column without a value."""
    known = ~np.isnan(Z)
    return np.where(known, Z, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)


def _inverse(covariance: np.ndarray, ridge: float) -> np.ndarray:
    """Of a covariance whose correlations are made possible ones, with a ridge."""
    spread = np.sqrt(np.diag(covariance))
    spread = np.where(spread > 0, spread, 1.0)
    correlation = covariance / np.outer(spread, spread)
    # correlations of different rows may contradict each other: negative eigenvalues
    values, vectors = np.linalg.eigh(correlation)
    inverse = (vectors / (np.maximum(values, 0) + ridge)) @ vectors.T
    return inverse / np.outer(spread, spread)
