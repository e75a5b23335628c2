"""What is done to an input before the network sees it, as plain numbers for the core."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

KINDS = ("none", "masking", "gaussian", "salt_and_pepper", "swap")


@dataclass
class Corruption:
    """A built-in corruption with its levels and its random key.

    The random words come from the counter-based generator Philox4x32-10 (Salmon et al. 2011),
    keyed by `seed` and counted by (presentation, row, column): the same entry of the same
    presentation is corrupted alike, whatever the batches, the order and the threads.

    Attributes
    ----------
    kind : str, of `KINDS`
    level : ndarray of shape (n_features,), float64
        Probability of each entry, or the standard deviation for "gaussian".
    low, high : ndarray of shape (n_features,), of the data's dtype
        Values written by "salt_and_pepper". Empty for the other kinds.
    donors : ndarray of intp
        Rows that "swap" may take values from. Empty for the other kinds.
    seed : int, below 2**64
    """

    kind: str
    level: np.ndarray
    seed: int
    low: np.ndarray = field(default_factory=lambda: np.empty(0))
    high: np.ndarray = field(default_factory=lambda: np.empty(0))
    donors: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.intp))


NO_CORRUPTION = Corruption("none", np.empty(0), seed=0)
