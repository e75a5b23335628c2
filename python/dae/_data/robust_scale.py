"""Features of a raw table on one scale, whatever their units, tails and outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from dae._data.rows import Rows
from dae._model.damage import damaged, is_array

# Scaled features lie within -BOUND and BOUND, and are about linear within -1 and 1.
BOUND = 4.0

# Quartiles of a normal distribution are this many standard deviations apart.
_QUARTILES_APART = 1.349
_LARGEST = 1e150  # whose square is finite


@dataclass(frozen=True)
class RobustScale:
    """``z / sqrt(1 + (z / BOUND)**2)`` of ``z = (x - center) / scale``, feature by feature.

    Attributes
    ----------
    center : float64 ndarray of shape (n_features,)
        Medians. That of a feature that is mostly 0 is 0, so that sparse rows stay sparse.
    scale : float64 ndarray of shape (n_features,), above 0
        The distance of the quartiles over that of a standard normal distribution; where they are
        equal, the median distance from `center` of the values that differ from it, which is 1 for
        a feature of 0 and 1; 1 for a constant feature and for one that is always missing.
    """

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, X: Rows) -> RobustScale:
        """That of rows, from the entries that are not missing."""
        center, scale = np.empty(X.n_features), np.empty(X.n_features)
        with np.errstate(over="ignore"):
            for feature, (stored, n_zeros) in enumerate(X.features()):
                center[feature], scale[feature] = _center_and_scale(stored, n_zeros)
        return cls(center, scale)

    @property
    def n_cells(self) -> int:
        """One for each feature: the verbs of `Cells` (masked_errors.py)."""
        return len(self.center)

    def output_blocks(self) -> None:
        return None

    def hidden(self, cells: np.ndarray) -> np.ndarray:
        return cells

    def errors(self, clean: np.ndarray, made: np.ndarray) -> np.ndarray:
        """Squared errors of scaled rows; overwrites `made`."""
        made -= clean
        made *= made
        return made

    def check(self, n_features: int) -> None:
        """Raise ValueError unless every feature has a finite center and a scale above 0."""
        for name, array in (("center_", self.center), ("scale_", self.scale)):
            if not is_array(array) or array.shape != (n_features,) or array.dtype != np.float64:
                raise damaged(f"{name} must be a float64 array of shape ({n_features},)")
            if not np.isfinite(array).all():
                raise damaged(f"{name} must be finite")
        if not (self.scale > 0).all():
            raise damaged("scale_ must be above 0")

    def scaled(self, block: np.ndarray) -> np.ndarray:
        """Dense rows, scaled, in float32; NaN stays NaN."""
        with np.errstate(over="ignore"):
            z = np.clip((block - self.center) / self.scale, -_LARGEST, _LARGEST)
        z /= np.sqrt(1 + (z / BOUND) ** 2)
        return z.astype(np.float32, order="C")

    def scaled_rows(self, X: Rows) -> np.ndarray | sparse.csr_array:
        """All rows, scaled, in float32: dense, or CSR if `X` is."""
        if X.is_sparse:
            parts = [sparse.csr_array(self.scaled(block)) for _, block in X.blocks()]
            return sparse.vstack(parts, format="csr")
        result = np.empty((len(X), X.n_features), dtype=np.float32)
        for part, block in X.blocks():
            result[part] = self.scaled(block)
        return result


def _center_and_scale(stored: np.ndarray, n_zeros: int) -> tuple[float, float]:
    """Those of one feature, of its values and of so many zeros beside them."""
    if not len(stored) + n_zeros:  # always missing
        return 0.0, 1.0
    stored = np.sort(stored.astype(np.float64))
    low, center, high = (_quantile(stored, n_zeros, share) for share in (0.25, 0.5, 0.75))
    scale = high / _QUARTILES_APART - low / _QUARTILES_APART
    if not scale > 0:
        distances = np.abs(stored[stored != center] - center)
        zeros = n_zeros if center else 0
        distances = np.sort(np.concatenate([distances, np.full(zeros, abs(center))]))
        scale = _quantile(distances, 0, 0.5) if len(distances) else 1.0
    return center, scale if 0 < scale < np.inf else 1.0


def _quantile(stored: np.ndarray, n_zeros: int, share: float) -> float:
    """A value, of ascending ones without zeros, and `n_zeros` zeros: never between two values."""
    place = int(share * (len(stored) + n_zeros - 1))
    below = int(np.searchsorted(stored, 0)) if n_zeros else 0
    if n_zeros and place >= below:
        return 0.0 if place < below + n_zeros else float(stored[place - n_zeros])
    return float(stored[place])
