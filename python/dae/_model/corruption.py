"""Built-in corruption: the kinds, one object each, and the plain numbers for the core.

The kinds also hold the formulas that the compiled core is tested against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dae._model.missing import Categories, is_missing

_DRAWS = 16  # donors that "swap" asks for an entry, at most

# words(stream, n_columns): a random uint32 for each row and column, see `reference.random_words`
Words = Callable[[int, int], np.ndarray]


class CorruptionKind:
    """What is done to an entry, or with which probability.

    Attributes
    ----------
    name : str
        The value of the parameter `corruption`, and the name in ``csrc/enums.h``.
    level_meaning : str
        What `corruption_level` is.
    level_limit : float
        Largest valid level.
    has_level : bool
        Whether `Corruption.level` is used.
    replaces : bool
        Whether entries are picked with the probability `level` and replaced.
    needs_feature_range : bool
        Whether `Corruption.low` and `Corruption.high` are used.
    needs_donors : bool
        Whether `Corruption.donors` are used.
    keeps_zeros : bool
        Whether an entry that is 0 stays 0, so that sparse rows stay sparse.
    replaces_categories : bool
        Whether a category is replaced as a whole, if its first entry is picked.
    """

    name: str
    level_meaning: str = "a probability in [0, 1]"
    level_limit: float = 1.0
    has_level: bool = True
    replaces: bool = True
    needs_feature_range: bool = False
    needs_donors: bool = False
    keeps_zeros: bool = False
    replaces_categories: bool = False

    def added_energy(self, level: np.ndarray) -> float:
        """Mean squared length of what is added to a row."""
        return 0.0

    def hits(self, corruption: Corruption, n_rows: int, words: Words) -> np.ndarray:
        """Entries that are picked, bool; the new value may be the old one.

        An entry is picked if the upper 24 bits of its word are below level * 2**24.
        """
        upper = words(0, len(corruption.level)) >> np.uint32(8)
        hits: np.ndarray = upper < np.rint(corruption.level * 2**24)
        if self.replaces_categories:
            for start, stop in corruption.categories:
                hits[:, start:stop] = hits[:, start : start + 1]
        return hits

    def apply(
        self, corruption: Corruption, X: np.ndarray, rows: np.ndarray, words: Words
    ) -> np.ndarray:
        """Corrupted copies of X[rows]."""
        out = X[rows]
        hit = self.hits(corruption, len(rows), words)
        out[hit] = self.replacement(corruption, X, rows, words)[hit]
        return out

    def replacement(
        self, corruption: Corruption, X: np.ndarray, rows: np.ndarray, words: Words
    ) -> np.ndarray:
        """The value that each entry gets if it is picked."""
        raise NotImplementedError


class NoCorruption(CorruptionKind):
    """The data as they are."""

    name = "none"
    has_level = False
    replaces = False
    keeps_zeros = True

    def hits(self, corruption: Corruption, n_rows: int, words: Words) -> np.ndarray:
        return np.zeros((n_rows, 1), dtype=bool)

    def apply(
        self, corruption: Corruption, X: np.ndarray, rows: np.ndarray, words: Words
    ) -> np.ndarray:
        return X[rows]


class Masking(CorruptionKind):
    """Picked entries become 0."""

    name = "masking"
    keeps_zeros = True

    def replacement(
        self, corruption: Corruption, X: np.ndarray, rows: np.ndarray, words: Words
    ) -> np.ndarray:
        return np.zeros((len(rows), X.shape[1]), X.dtype)


class Gaussian(CorruptionKind):
    """Normal noise is added (Box & Muller 1958, on the two words of a pair of columns)."""

    name = "gaussian"
    level_meaning = "a standard deviation, finite and at least 0"
    level_limit = float(np.finfo(np.float32).max)
    replaces = False

    def added_energy(self, level: np.ndarray) -> float:
        return float((level**2).sum())

    def hits(self, corruption: Corruption, n_rows: int, words: Words) -> np.ndarray:
        return np.broadcast_to(corruption.level > 0, (n_rows, len(corruption.level)))

    def apply(
        self, corruption: Corruption, X: np.ndarray, rows: np.ndarray, words: Words
    ) -> np.ndarray:
        n_features = X.shape[1]
        pairs = words(0, 2 * (-(-n_features // 2))).astype(np.float64)
        radius = np.sqrt(-2 * np.log((pairs[:, 0::2] + 1) / 2**32))
        angle = 2 * np.pi * pairs[:, 1::2] / 2**32
        normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
        noise = corruption.level * normal.reshape(len(rows), -1)[:, :n_features]
        return (X[rows] + noise).astype(X.dtype)


class SaltAndPepper(CorruptionKind):
    """Picked entries become the feature's minimum or maximum.

    The lowest bit of the word, which `hits` does not use, decides which.
    """

    name = "salt_and_pepper"
    needs_feature_range = True

    def replacement(
        self, corruption: Corruption, X: np.ndarray, rows: np.ndarray, words: Words
    ) -> np.ndarray:
        return np.where(words(0, X.shape[1]) & np.uint32(1), corruption.high, corruption.low)


class Swap(CorruptionKind):
    """Picked entries become the value of another row, any of the donors.

    A donor that is the row itself, or whose entry is missing, is replaced by the next donor, then
    by others at even distances, `_DRAWS` in all; if none has a value, the entry stays as it is.
    A category is taken from one row.
    """

    name = "swap"
    needs_donors = True
    replaces_categories = True

    def replacement(
        self, corruption: Corruption, X: np.ndarray, rows: np.ndarray, words: Words
    ) -> np.ndarray:
        donors, n = corruption.donors, len(corruption.donors)
        pick = (words(1, X.shape[1]).astype(np.uint64) * np.uint64(n)) >> np.uint64(32)
        pick = pick.astype(np.intp)
        for start, stop in corruption.categories:
            pick[:, start:stop] = pick[:, start : start + 1]
        result, sought = X[rows], np.ones(pick.shape, dtype=bool)
        for draw in range(_DRAWS):
            donor = donors[pick]
            values = np.take_along_axis(X, donor, axis=0)
            found = (
                sought
                & (donor != np.asarray(rows)[:, None])
                & ~is_missing(values, corruption.categories)
            )
            result[found] = values[found]
            sought &= ~found
            pick = (pick + (1 if draw == 0 else n // _DRAWS + 1)) % n
        return result


_ALL: tuple[CorruptionKind, ...] = (
    NoCorruption(), Masking(), Gaussian(), SaltAndPepper(), Swap(),
)  # fmt: skip
_BY_NAME = {kind.name: kind for kind in _ALL}

KINDS = tuple(_BY_NAME)


def get_kind(name: str) -> CorruptionKind:
    return _BY_NAME[name]


@dataclass
class Corruption:
    """A built-in corruption with its levels and its random key.

    The random words come from the counter-based generator Philox4x32-10 (Salmon et al. 2011),
    keyed by `seed` and counted by (presentation, row, column): an entry is corrupted identically
    each time the same presentation is computed, for any batches, order and number of threads.

    Attributes
    ----------
    kind : str, of `KINDS`
    level : ndarray of shape (n_features,), float64
        Probability of each entry, or the standard deviation for "gaussian".
    low, high : ndarray of shape (n_features,), of the data's dtype
        Values written by "salt_and_pepper". Empty for the other kinds.
    donors : ndarray of intp
        Rows that "swap" may take values from. Empty for the other kinds.
    categories : sequence of (start, stop)
        Ranges of features, ascending, that are missing, and swapped, as a whole.
    seed : int, below 2**64
    """

    kind: str
    level: np.ndarray
    seed: int
    low: np.ndarray = field(default_factory=lambda: np.empty(0))
    high: np.ndarray = field(default_factory=lambda: np.empty(0))
    donors: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    categories: Categories = ()

    @property
    def added_energy(self) -> float:
        """Mean squared length of what is added to a row."""
        return get_kind(self.kind).added_energy(self.level)

    @property
    def changes_nothing(self) -> bool:
        return not self.level.any()


NO_CORRUPTION = Corruption("none", np.empty(0), seed=0)
