"""Rows as a network is shown them: corrupted by the core, by the user's function, or by the user.

The three sources have the same methods; nothing else asks which kind of corruption there is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dae import _core
from dae._data.containers import check_numbers
from dae._data.rows import Rows
from dae._data.streams import function_stream
from dae._model.corruption import NO_CORRUPTION, Corruption, get_kind
from dae._model.csr import CSR
from dae._model.missing import Categories, is_missing, without_missing

CorruptionFunction = Callable[[np.ndarray, np.random.Generator], np.ndarray]

# ------------------------------------------------------------------ checks of parameters


def check_levels(
    name: str, level: Any, n_features: int, parameter: str = "corruption"
) -> np.ndarray:
    """`corruption_level` of the kind `name` as one float64 per feature.

    `parameter` is what the estimator calls `corruption`, and its level so and "_level".
    """
    try:
        check_numbers(f"{parameter}_level", level)
        levels = np.asarray(level, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{parameter}_level must be a scalar or an array of shape ({n_features},), of real "
            f"numbers, got {level!r}."
        ) from error
    if levels.ndim and levels.shape != (n_features,):
        raise ValueError(
            f"{parameter}_level must be a scalar or an array of one value for each of the "
            f"{n_features} features, got shape {levels.shape}."
        )
    kind = get_kind(name)
    low, high = levels.min(initial=np.inf), levels.max(initial=-np.inf)
    if not (low >= 0 and high <= kind.level_limit):
        values = f"{low:.6g}" if low == high else f"values from {low:.6g} to {high:.6g}"
        raise ValueError(
            f"{parameter}_level must be {kind.level_meaning}, for {parameter}={name!r}; got "
            f"{values}."
        )
    return np.ascontiguousarray(np.broadcast_to(levels, (n_features,)))


def needs_feature_range(corruption: Any) -> bool:
    """Whether the parameter `corruption` needs the range of each feature."""
    return isinstance(corruption, str) and get_kind(corruption).needs_feature_range


# ------------------------------------------------------------------ sources


@dataclass
class CoreCall:
    """What one call of the core trains on.

    Attributes
    ----------
    order : intp ndarray
        Rows of the data set that are presented, in this order.
    X : ndarray or CSR
        Rows that the core reads: all of the data set, or those of `order` alone.
    rows : intp ndarray
        The rows of `X` that are presented.
    corruption : Corruption
    X_corrupted : ndarray or CSR shaped as `X`, or None
    added_energy : float
        Largest squared length of a corrupted row, where only this call knows it.
    missing : bool
        Whether NaN in `X` or `X_corrupted` are missing entries.
    """

    order: np.ndarray
    X: np.ndarray | CSR
    rows: np.ndarray
    corruption: Corruption
    X_corrupted: np.ndarray | CSR | None = None
    added_energy: float = 0.0
    missing: bool = False

    def companion(self, values: np.ndarray | None) -> np.ndarray | None:
        """Values for each row of the data set, as the core needs them beside `X`."""
        return values if values is None or self.rows is self.order else values[self.order]


@dataclass
class CorruptedRows(ABC):
    """A data set, and corrupted copies of its rows.

    Attributes
    ----------
    X : Rows
        The clean data.
    n_threads : int
    categories : sequence of (start, stop)
        Ranges of features that are missing, and swapped, as a whole.
    """

    X: Rows
    n_threads: int
    categories: Categories

    @abstractmethod
    def calls(self, order: np.ndarray, presentation: int, batch_size: int) -> Iterator[CoreCall]:
        """What the core trains on, call by call, to present the rows of `order`."""

    @abstractmethod
    def show(self, rows: np.ndarray, presentation: int, batch: int) -> np.ndarray:
        """Corrupted copies of X[rows], 0 where an entry is missing.

        `batch` is the number of the batch that they are.
        """

    def entry_weight(
        self,
        emphasis: tuple[float, float],
        rows: np.ndarray,
        shown: np.ndarray,
        presentation: int,
    ) -> np.ndarray:
        """The emphasis on each entry: an entry is corrupted where it differs from X."""
        return np.where(shown != self.X.take(rows), *emphasis).astype(self.X.dtype)

    def added_energy(self) -> float:
        """Squared length that the corruption may add to a row, as far as it is known."""
        return 0.0

    def _as_it_is(self) -> Corruption:
        """No corruption, of these categories."""
        return replace(NO_CORRUPTION, categories=self.categories)

    def changes_nothing(self, rows: np.ndarray) -> bool:
        """Whether X[rows] are certainly shown as they are."""
        return False

    def keeps_zeros(self) -> bool:
        """Whether the core reads corrupted rows by their non-zeros alone."""
        return False


@dataclass
class BuiltIn(CorruptedRows):
    """Corrupted by the core, entry by entry, while it reads X."""

    corruption: Corruption

    def calls(self, order: np.ndarray, presentation: int, batch_size: int) -> Iterator[CoreCall]:
        X = self.X
        yield CoreCall(order, X.core_input, order, self.corruption, missing=X.missing)

    def show(self, rows: np.ndarray, presentation: int, batch: int) -> np.ndarray:
        return _core.corrupt(
            self.corruption,
            self.X.core_input,
            rows,
            presentation,
            n_threads=self.n_threads,
            missing=self.X.missing,
        )

    def entry_weight(
        self,
        emphasis: tuple[float, float],
        rows: np.ndarray,
        shown: np.ndarray,
        presentation: int,
    ) -> np.ndarray:
        """The emphasis on each entry: an entry is corrupted where the core has picked it."""
        return _core.entry_weights(
            self.corruption,
            emphasis,
            self.X.core_input,
            rows,
            presentation,
            n_threads=self.n_threads,
            missing=self.X.missing,
        )

    def added_energy(self) -> float:
        return self.corruption.added_energy

    def changes_nothing(self, rows: np.ndarray) -> bool:
        return self.corruption.changes_nothing

    def keeps_zeros(self) -> bool:
        return self.X.is_sparse and get_kind(self.corruption.kind).keeps_zeros


@dataclass
class Given(CorruptedRows):
    """Corrupted copies that the user has made."""

    X_corrupted: Rows

    def calls(self, order: np.ndarray, presentation: int, batch_size: int) -> Iterator[CoreCall]:
        X, copies = self.X, self.X_corrupted
        missing = X.missing or copies.missing
        yield CoreCall(
            order, X.core_input, order, self._as_it_is(), copies.core_input, missing=missing
        )

    def show(self, rows: np.ndarray, presentation: int, batch: int) -> np.ndarray:
        shown = self.X_corrupted.take(rows)
        return without_missing(shown, self.categories) if self.X_corrupted.missing else shown

    def entry_weight(
        self,
        emphasis: tuple[float, float],
        rows: np.ndarray,
        shown: np.ndarray,
        presentation: int,
    ) -> np.ndarray:
        """The emphasis on each entry: NaN in a copy differs from what is in X."""
        return super().entry_weight(emphasis, rows, self.X_corrupted.take(rows), presentation)

    def added_energy(self) -> float:
        return self.X_corrupted.largest_energy()

    def changes_nothing(self, rows: np.ndarray) -> bool:
        return self.X.equals(self.X_corrupted, rows)

    def keeps_zeros(self) -> bool:
        return self.X.is_sparse


@dataclass
class ByFunction(CorruptedRows):
    """Corrupted by the user's function, which is called for one batch at a time."""

    function: CorruptionFunction
    seed: int
    parameter: str

    def calls(self, order: np.ndarray, presentation: int, batch_size: int) -> Iterator[CoreCall]:
        for batch, start in enumerate(range(0, len(order), batch_size)):
            rows = order[start : start + batch_size]
            x = self.X.take(rows)
            shown = self._corrupted(x, presentation, batch)
            own = np.arange(len(rows), dtype=np.intp)
            missing = self.X.missing
            energy = Rows(shown, missing=missing).largest_energy()
            yield CoreCall(rows, x, own, self._as_it_is(), shown, energy, missing)

    def show(self, rows: np.ndarray, presentation: int, batch: int) -> np.ndarray:
        shown = self._corrupted(self.X.take(rows), presentation, batch)
        return without_missing(shown, self.categories) if self.X.missing else shown

    def _corrupted(self, x: np.ndarray, presentation: int, batch: int) -> np.ndarray:
        stream = function_stream(self.seed, presentation, batch)
        return call_corruption(self.function, x, stream, self.parameter)


def corrupted_rows(
    corruption: str | CorruptionFunction | None,
    level: Any,
    X: Rows,
    *,
    X_corrupted: Rows | None = None,
    donors: np.ndarray,
    feature_range: tuple[np.ndarray, np.ndarray] | None,
    seed: int,
    n_threads: int,
    categories: Categories = (),
    parameter: str = "corruption",
) -> CorruptedRows:
    """The source for the parameters `corruption` and `corruption_level`.

    Parameters
    ----------
    X_corrupted : Rows or None
        The user's own corrupted copies, which replace any corruption.
    donors : intp ndarray
        Rows of X that "swap" may take values from.
    feature_range : (minimum, maximum) of each feature, or None
        Required by the kinds that `needs_feature_range` names.
    categories : sequence of (start, stop)
        Ranges of features that are missing, and swapped, as a whole.
    parameter : str
        What the estimator calls `corruption`, for messages.
    """
    if X_corrupted is not None:
        return Given(X, n_threads, categories, X_corrupted)
    if callable(corruption):
        return ByFunction(X, n_threads, categories, corruption, seed, parameter)
    if corruption is None:
        return BuiltIn(X, n_threads, categories, replace(NO_CORRUPTION, categories=categories))
    levels = check_levels(corruption, level, X.n_features, parameter)
    numbers = Corruption(corruption, levels, seed, categories=categories)
    kind = get_kind(corruption)
    if kind.needs_feature_range:
        assert feature_range is not None
        numbers.low, numbers.high = (
            # of features that are always missing nothing is known, and nothing shown
            np.ascontiguousarray(np.where(np.isnan(edge), 0, edge), dtype=X.dtype)
            for edge in feature_range
        )
    if kind.needs_donors:
        numbers.donors = np.ascontiguousarray(donors, dtype=np.intp)
    return BuiltIn(X, n_threads, categories, numbers)


def all_corrupted(source: CorruptedRows, presentation: int, batch_size: int) -> np.ndarray:
    """All rows as a presentation has them, in the order of X."""
    X = source.X
    result = np.empty((len(X), X.n_features), X.dtype)
    for batch, start in enumerate(range(0, len(X), batch_size)):
        rows = np.arange(start, min(start + batch_size, len(X)), dtype=np.intp)
        result[rows] = source.show(rows, presentation, batch)
    return result


def call_corruption(
    function: CorruptionFunction,
    batch: np.ndarray,
    generator: np.random.Generator,
    parameter: str = "corruption",
) -> np.ndarray:
    """A batch as the user's function returns it, checked; it gets a copy and may write into it."""
    made = function(batch.copy(), generator)
    name = f"{parameter}={getattr(function, '__name__', type(function).__name__)}"
    advice = "Return a finite real array with the shape of the batch it was given."
    try:
        shown = np.asarray(made)
    except Exception as error:
        raise ValueError(f"{name} returned no array. {advice}") from error
    if np.ma.is_masked(made):
        raise ValueError(
            f"{name} must not mask values, got a masked array with "
            f"{np.ma.count_masked(made)} of them. {advice}"
        )
    if shown.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must return real numbers, got "
            f"{type(made).__name__} of dtype {shown.dtype}. {advice}"
        )
    if shown.shape != batch.shape:
        raise ValueError(f"{name} must return shape {batch.shape}, got {shown.shape}. {advice}")
    with np.errstate(over="ignore"):
        shown = np.require(shown, dtype=batch.dtype, requirements=["C", "A"])
    if not (np.isfinite(shown) | (is_missing(shown) & is_missing(batch))).all():
        raise ValueError(f"{name} returned NaN or infinite values. {advice}")
    return shown
