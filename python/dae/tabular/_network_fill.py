"""`NetworkFill`: how `DenoisingImputer` replaces NaN in the matrix of a table.

A linear fill, two networks that start from it, and weights of both that hidden cells have chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dae._model.damage import damaged
from dae._tables.encoder import TableEncoder
from dae._tables.linear_fill import LinearFill
from dae._tables.state import Fields, Record, is_a, list_of, random_seed, record
from dae.stacked import StackedDenoisingAutoencoder

_GROUPS = 8  # a missing value is predicted from all others but those of its group
_FIRST_ROUNDS, _ROUNDS, _AVERAGED = 2, 3, 2  # the result is the mean of the last ones
_RIDGES = (0.003, 0.03, 0.2, 1.0)
_HIDDEN, _MOST_HIDDEN = 0.1, 40_000  # of the observed cells, to choose by
_PRIOR_CELLS = 20  # that speak for equal weights, so that few hidden cells do not decide alone
_EQUAL = np.array([0.5, 0.5])

# a network for a matrix without NaN
NewNetwork = Callable[[], StackedDenoisingAutoencoder]


@dataclass(frozen=True)
class NetworkFill(Record):
    """All that fills a matrix.

    Attributes
    ----------
    encoder : TableEncoder
    linear : LinearFill
    networks : list of two StackedDenoisingAutoencoder
    blend : dict from losses to (float, float)
        Weights of networks and linear fill, of what they differ from the mean; at most 1 together.
    seed : int
        Of the groups in which missing cells are predicted.
    """

    encoder: TableEncoder
    linear: LinearFill
    networks: list[StackedDenoisingAutoencoder]
    blend: dict[str, tuple[float, float]]
    seed: int

    fields: ClassVar[Fields] = {
        "encoder": record(TableEncoder),
        "linear": record(LinearFill),
        "networks": list_of(is_a(StackedDenoisingAutoencoder)),
        "blend": is_a(dict),
        "seed": random_seed,
    }

    def check_state(self, path: str) -> None:
        super().check_state(path)
        self.linear.check_columns(f"{path}.linear", self.encoder.n_encoded)
        if len(self.networks) != 2:
            raise damaged(f"{path}.networks must be two, got {len(self.networks)}")
        for k, network in enumerate(self.networks):
            self.encoder.check_network(f"{path}.networks[{k}]", network)
        for loss in _by_loss(self.encoder):
            if not _are_weights(self.blend.get(loss)):
                raise damaged(f"{path}.blend must have two weights of {loss!r}, at most 1 together")

    @classmethod
    def fit(
        cls, encoder: TableEncoder, encoded: np.ndarray, new_network: NewNetwork, seed: int
    ) -> NetworkFill:
        """From the matrix of the training table, NaN where a cell is missing.

        The first network does not see the hidden cells, which then choose the weights; the second
        one learns from all cells, on the table that the first one filled. Ctrl-C in the training of
        the first raises KeyboardInterrupt.
        """
        rng = np.random.default_rng(seed)
        owner = encoder.owners()
        observed = np.empty((len(encoded), len(encoder.columns)), dtype=bool)
        observed[:, owner] = ~np.isnan(encoded)
        rate = min(_HIDDEN, _MOST_HIDDEN / observed.size)
        hidden = (rng.random(observed.shape) < rate)[:, owner] & ~np.isnan(encoded)
        shown = np.where(hidden, np.float32(np.nan), encoded)

        ridge = _best_ridge(encoded, shown, hidden, rng)
        linear = LinearFill.fit(shown, ridge, rng)
        by_line = encoder.possible(linear.fill(shown))
        first = new_network().fit(by_line)
        if first.n_iter_ < first.fine_tune_max_iter:  # nothing but Ctrl-C ends it early
            raise KeyboardInterrupt  # a network alone fills nothing, and the second has not begun
        rows = hidden.any(axis=1)
        by_network = predicted(
            first, encoder, by_line[rows], np.isnan(shown[rows]), seed, _ROUNDS, _AVERAGED
        )
        at = hidden[rows]
        apart = [part - linear.mean for part in (encoded[rows], by_network, by_line[rows])]
        blend = {
            loss: _weights(*(part[:, own][at[:, own]] for part in apart))
            for loss, own in _by_loss(encoder).items()
        }
        linear = LinearFill.fit(encoded, ridge, rng)
        start = encoder.possible(linear.fill(encoded))
        start = predicted(first, encoder, start, np.isnan(encoded), seed, _FIRST_ROUNDS)
        second = new_network().fit(start)
        return cls(encoder, linear, [first, second], blend, seed)

    def fill(self, encoded: np.ndarray) -> np.ndarray:
        """The matrix with every NaN replaced, float32; rows do not depend on each other."""
        rows = np.isnan(encoded).any(axis=1)
        if not rows.any():
            return encoded
        missing = np.isnan(encoded[rows])
        by_line = self.encoder.possible(self.linear.fill(encoded[rows]))
        first, second = self.networks
        part = predicted(first, self.encoder, by_line, missing, self.seed, _FIRST_ROUNDS)
        part = predicted(second, self.encoder, part, missing, self.seed, _ROUNDS, _AVERAGED)
        mean = self.linear.mean.astype(np.float32)
        mixed = part.copy()
        for loss, own in _by_loss(self.encoder).items():
            network, line = self.blend[loss]
            mixed[:, own] = mean[own] + network * (part[:, own] - mean[own])
            mixed[:, own] += line * (by_line[:, own] - mean[own])
        filled = encoded.copy()
        filled[rows] = np.where(missing, self.encoder.possible(mixed), encoded[rows])
        return filled


def _are_weights(value: Any) -> bool:
    """Whether it is what `_weights` returns; but for rounding."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(weight, float) and weight >= 0 for weight in value)
        and sum(value) <= 1 + 1e-9
    )


def predicted(
    network: StackedDenoisingAutoencoder,
    encoder: TableEncoder,
    filled: np.ndarray,
    missing: np.ndarray,
    seed: int,
    n_rounds: int,
    n_averaged: int = 1,
) -> np.ndarray:
    """Missing entries again, a group of columns at a time from all others, observed and filled.

    The mean over the last rounds; other entries as they are.
    """
    owner = encoder.owners()
    rng = np.random.default_rng(seed)
    rows = missing.any(axis=1)
    part, absent = filled[rows], missing[rows]
    total = np.zeros_like(part)
    for done in range(n_rounds):
        # by column alone: a row is filled in the same way, whichever rows are beside it
        group = (rng.permutation(len(encoder.columns)) % _GROUPS)[owner]
        fresh = part.copy()
        for own in range(_GROUPS):
            asked = absent & (group == own)
            at = asked.any(axis=1)
            if at.any():
                shown = np.where(asked[at], np.float32(0), part[at])
                fresh[at] = np.where(asked[at], network.reconstruct(shown), fresh[at])
        part = fresh
        if done >= n_rounds - n_averaged:
            total += part
    result = filled.copy()
    result[rows] = np.where(absent, total / np.float32(n_averaged), filled[rows])
    return result


def _by_loss(encoder: TableEncoder) -> dict[str, np.ndarray]:
    """Positions in the matrix of the columns of each loss."""
    owner = encoder.owners()
    losses = np.array([str(encoder.columns[k].loss) for k in owner])
    return {str(loss): np.flatnonzero(losses == loss) for loss in np.unique(losses)}


def _best_ridge(
    encoded: np.ndarray, shown: np.ndarray, hidden: np.ndarray, rng: np.random.Generator
) -> float:
    """The ridge whose fill is nearest to the hidden cells."""
    if not hidden.any():
        return _RIDGES[1]
    rows = np.flatnonzero(hidden.any(axis=1))
    seed = int(rng.integers(2**32))  # the same rows for each ridge

    def error(ridge: float) -> float:
        linear = LinearFill.fit(shown, ridge, np.random.default_rng(seed))
        off = (linear.fill(shown[rows]) - encoded[rows])[hidden[rows]]
        return float(np.mean(off**2))

    return min(_RIDGES, key=error)


def _weights(truth: np.ndarray, by_network: np.ndarray, by_line: np.ndarray) -> tuple[float, float]:
    """Weights of two predictions, 0 or more, that come nearest to the truth of hidden entries.

    All as distances from the mean, whose is what both leave: where columns do not depend on each
    other, both weights are 0.
    """
    n_cells = len(truth)
    if not n_cells:
        return float(_EQUAL[0]), float(_EQUAL[1])
    A = np.stack([by_network, by_line])
    moments, targets = A @ A.T, A @ truth
    targets = targets + _PRIOR_CELLS / n_cells * moments @ _EQUAL
    moments = moments * (1 + _PRIOR_CELLS / n_cells) + 1e-9 * np.eye(2)
    best = [np.linalg.solve(moments, targets)]
    if best[0].min() < 0:  # then one of them alone is best
        alone = np.maximum(targets / np.diag(moments), 0)
        best = [np.array([alone[0], 0.0]), np.array([0.0, alone[1]])]
    weights = min(best, key=lambda w: w @ moments @ w - 2 * w @ targets)
    weights = weights / max(1.0, weights.sum())
    return float(weights[0]), float(weights[1])
