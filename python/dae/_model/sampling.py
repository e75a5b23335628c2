"""Which outputs of a sparse row are reconstructed (Dauphin, Glorot & Bengio, ICML 2011)."""

from __future__ import annotations

import numpy as np


def zeros_asked(n_known: np.ndarray, n_features: int, zeros_per_nonzero: float) -> np.ndarray:
    """Zeros that are reconstructed in rows with `n_known` other entries: at least one, if any."""
    zeros = n_features - n_known
    asked = np.minimum(np.ceil(zeros_per_nonzero * n_known), zeros).astype(np.int64)
    return np.minimum(np.maximum(asked, 1), zeros)
