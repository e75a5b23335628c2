"""How data reaches the core: orders of rows, random streams, one presentation at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dae import _core
from dae._data.checks import CorruptionFunction, call_corruption
from dae._model.corruption import NO_CORRUPTION, Corruption
from dae._model.network import Layer, Network
from dae._model.solver import Solver

# what a random stream is for
_ORDER, _FUNCTION, _SPLIT = range(3)

VALIDATION = 0  # the number of the presentation that validation data keep; training starts at 1


def generator(seed: int, presentation: int, purpose: int, index: int = 0) -> np.random.Generator:
    """An independent stream for each (seed, presentation, purpose, index); no state to keep."""
    key = np.array([seed, presentation], dtype=np.uint64)
    counter = np.array([0, index, purpose, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def order_of(rows: np.ndarray, seed: int, presentation: int, *, shuffle: bool) -> np.ndarray:
    """The order in which a presentation shows `rows`."""
    return generator(seed, presentation, _ORDER).permutation(rows) if shuffle else rows


def split(
    rows: np.ndarray, fraction: float, seed: int, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation rows, each in ascending order.

    With `classes`, the number of the class of each sample, every class has its share of both, to
    a row.
    """
    n_validation = int(np.ceil(fraction * len(rows)))
    if n_validation >= len(rows):
        raise ValueError(
            f"early_stopping with validation_fraction={fraction} leaves none of {len(rows)} rows "
            "to train on. Lower validation_fraction, give more rows or set early_stopping=False."
        )
    mixed = generator(seed, VALIDATION, _SPLIT).permutation(rows)
    if classes is None:
        return np.sort(mixed[n_validation:]), np.sort(mixed[:n_validation])
    mixed = mixed[np.argsort(classes[mixed], kind="stable")]
    # every so many of the rows, class by class
    places = (np.arange(n_validation) + 0.5) * (len(mixed) / n_validation)
    picked = np.zeros(len(mixed), dtype=bool)
    picked[places.astype(np.intp)] = True
    return np.sort(mixed[~picked]), np.sort(mixed[picked])


class Diverged(ValueError):
    """The loss or a weight left every sane range."""

    def __init__(self, where: str, loss: float | None, rate: tuple[str, float]) -> None:
        what = "a weight is not finite" if loss is None else f"the loss is {loss:.4g}"
        name, value = rate
        super().__init__(
            f"Training diverged at {where}: {what} with {name}={value:g}. Scale the features "
            f"(StandardScaler or MinMaxScaler) or lower {name}."
        )


@dataclass
class Feed:
    """The data of one `fit` or `partial_fit`, and how the network is shown them.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    corruption : Corruption, or a function of (batch, generator)
    X_corrupted : ndarray shaped as X, or None
        Shown in place of corrupted X.
    sample_weight : ndarray of shape (n_samples,) of X's dtype, or None
    seed : int
    batch_size : int
    n_threads : int
    max_loss : float
        Largest mean loss of a batch that counts as sane.
    rate : (str, float)
        Name and value of the parameter that sets the learning rate, for messages.
    emphasis : (float, float)
        Weights of the loss of corrupted and of untouched entries.
    target : ndarray or None
        What the outputs of a supervised stack are to be, row by row.
    """

    X: np.ndarray
    corruption: Corruption | CorruptionFunction
    X_corrupted: np.ndarray | None
    sample_weight: np.ndarray | None
    seed: int
    batch_size: int
    n_threads: int
    max_loss: float
    rate: tuple[str, float]
    emphasis: tuple[float, float] = (1.0, 1.0)
    target: np.ndarray | None = None

    def mean(self, losses: np.ndarray, rows: np.ndarray) -> float:
        """Weighted mean of one loss for each of `rows`."""
        if self.sample_weight is None:
            return float(losses.mean())
        return float(np.average(losses, weights=self.sample_weight[rows]))

    def present(
        self,
        network: Layer | Network,
        solver: Solver,
        rows: np.ndarray,
        presentation: int,
        *,
        where: str,
    ) -> float:
        """Train once on X[rows], in that order; return the (weighted) mean loss.

        Raises `Diverged`, which says `where`, before the update of a batch whose loss is not
        sane; what the batches before it did to network and solver stays.
        """
        batch = self.batch_size
        # the function is asked for one batch at a time
        step = batch if callable(self.corruption) else len(rows)
        total = 0.0
        for first in range(0, len(rows), step):
            chunk = rows[first : first + step]
            losses, limit = self._train(network, solver, chunk, presentation, first // batch)
            if not losses[-1] <= limit:
                number = first // batch + len(losses)
                raise Diverged(f"{where}, batch {number}", losses[-1], self.rate)
            sizes = np.full(len(losses), batch)
            sizes[-1] = len(chunk) - batch * (len(losses) - 1)
            total += float(losses @ sizes)
        if self.sample_weight is None:
            return total / len(rows)
        return total / float(self.sample_weight[rows].sum(dtype=np.float64))

    def _train(
        self,
        network: Layer | Network,
        solver: Solver,
        chunk: np.ndarray,
        presentation: int,
        batch_index: int,
    ) -> tuple[np.ndarray, float]:
        """Train on `chunk`; the loss of each of its batches, and the largest sane one."""
        weight, target, limit = self.sample_weight, self.target, self.max_loss
        if not callable(self.corruption):
            losses = _core.train(
                network,
                solver,
                self.corruption if self.X_corrupted is None else NO_CORRUPTION,
                self.X,
                chunk,
                batch_size=self.batch_size,
                presentation=presentation,
                n_threads=self.n_threads,
                X_corrupted=self.X_corrupted,
                sample_weight=weight,
                emphasis=self.emphasis,
                target=target,
                max_loss=limit,
            )
            return losses, limit
        x, shown = self._show(self.corruption, chunk, presentation, batch_index)
        energy = shown.astype(np.float64)
        limit += 1e4 * float(np.einsum("ij,ij->i", energy, energy).max())
        losses = _core.train(
            network,
            solver,
            NO_CORRUPTION,
            x,
            np.arange(len(x), dtype=np.intp),
            batch_size=len(x),
            presentation=presentation,
            n_threads=self.n_threads,
            X_corrupted=shown,
            sample_weight=None if weight is None else weight[chunk],
            emphasis=self.emphasis,
            target=None if target is None else target[chunk],
            max_loss=limit,
        )
        return losses, limit

    def _show(
        self, function: CorruptionFunction, rows: np.ndarray, presentation: int, index: int
    ) -> tuple[np.ndarray, np.ndarray]:
        x = self.X[rows]
        random = generator(self.seed, presentation, _FUNCTION, index)
        return x, call_corruption(function, x, random)

    def shown(
        self, rows: np.ndarray, presentation: int, index: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """X[rows] and what the network is shown of them; `index` numbers the batch."""
        if callable(self.corruption):
            return self._show(self.corruption, rows, presentation, index)
        if self.X_corrupted is not None:
            return self.X[rows], self.X_corrupted[rows]
        return self.X[rows], _core.corrupt(
            self.corruption, self.X, rows, presentation, n_threads=self.n_threads
        )

    def evaluate(self, network: Layer | Network, rows: np.ndarray) -> float:
        """What training is judged by: the mean loss over `rows`, under corruption number 0."""
        losses = []
        for index, first in enumerate(range(0, len(rows), self.batch_size)):
            block = rows[first : first + self.batch_size]
            x, shown = self.shown(block, VALIDATION, index)
            losses.append(
                _core.sample_losses(
                    network,
                    x,
                    shown,
                    entry_weight=self._entry_weight(x, shown, block),
                    n_threads=self.n_threads,
                )
            )
        return self.mean(np.concatenate(losses), rows)

    def _entry_weight(
        self, x: np.ndarray, shown: np.ndarray, rows: np.ndarray
    ) -> np.ndarray | None:
        """The emphasis on each entry of the validation rows; None where all count the same."""
        if self.emphasis == (1.0, 1.0):
            return None
        if callable(self.corruption) or self.X_corrupted is not None:
            return np.where(shown != x, *self.emphasis).astype(x.dtype)
        return _core.entry_weights(
            self.corruption, self.emphasis, self.X, rows, VALIDATION, n_threads=self.n_threads
        )

    def clean_loss(self, network: Layer | Network, rows: np.ndarray) -> float:
        """Mean loss over `rows` without corruption, weights and emphasis."""
        x = self.X[rows]
        return float(_core.sample_losses(network, x, x, n_threads=self.n_threads).mean())


def corrupted(
    corruption: Corruption | CorruptionFunction,
    X: np.ndarray,
    *,
    seed: int,
    presentation: int,
    batch_size: int,
    n_threads: int,
) -> np.ndarray:
    """All of X as presentation number `presentation` would show it, in the order it lies."""
    result = np.empty_like(X)
    for index, first in enumerate(range(0, len(X), batch_size)):
        rows = np.arange(first, min(first + batch_size, len(X)), dtype=np.intp)
        if callable(corruption):
            random = generator(seed, presentation, _FUNCTION, index)
            result[rows] = call_corruption(corruption, X[rows], random)
        else:
            result[rows] = _core.corrupt(corruption, X, rows, presentation, n_threads=n_threads)
    return result
