"""How a network is trained, and with what: two records that training only reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np

from dae._data.checks import check_corrupted_copies, check_weights
from dae._data.corruption import CorruptionFunction
from dae._data.rows import Rows
from dae._model.solver import Solver

SCHEDULES = ("constant", "cosine")

# Which network of an estimator is trained: the number of a layer, all layers together, or, as
# None, the only one that there is.
Stage = int | str | None
FINE_TUNING: Final = "fine-tuning"


def stage_name(stage: Stage) -> str:
    """The stage for people; empty where there is only one network."""
    if stage is None:
        return ""
    return f"layer {stage}" if isinstance(stage, int) else stage


# `max_iter="auto"`: as many epochs as `automatic_epochs` says.
AUTO: Final = "auto"
_EPOCHS_OF_ONE_BATCH = 300
_FEWEST_EPOCHS, _MOST_EPOCHS = 5, 200


def automatic_epochs(n_rows: int, batch_size: int, stage: Stage = None) -> int:
    """Epochs for so many rows: the more rows, the fewer epochs, and the more updates.

    Updates grow with the square root of the mini-batches that an epoch has. Layers that read
    codes, and all layers together, take twice as many as one that reads samples: with less, a
    higher layer of a stack is no better than the one below.
    """
    n_batches = max(1, -(-n_rows // batch_size))
    longer = 1 if stage in (None, 0) else 2
    epochs = round(longer * _EPOCHS_OF_ONE_BATCH / n_batches**0.5)
    return min(max(epochs, _FEWEST_EPOCHS), _MOST_EPOCHS)


@dataclass
class TrainingSettings:
    """How: the parameters of an estimator, those of one layer where there are several.

    Attributes
    ----------
    stage : int, "fine-tuning" or None
        Which network of the estimator is trained.
    solver : Solver, without moments
    corruption, corruption_level : as the parameters
    corruption_parameter : str
        What the estimator calls `corruption`.
    emphasis : (float, float)
        Weights of the loss of corrupted and of untouched entries.
    max_iter : int or "auto"
        Largest number of epochs; 0 for a network that is not trained by itself. "auto" until the
        number of rows is known, see `for_rows`.
    tol : float or None
        The smallest relative improvement that counts; None never stops early.
    schedule : str, of `SCHEDULES`
        "cosine": the learning rate decreases to 0 along half a period over `max_iter` epochs.
    input_norm : str or None
        How rows are scaled before they are encoded; None for a layer that reads codes.
    reconstruction_sampling : float or None
        Zeros of a sparse row that are reconstructed per non-zero; None reconstructs all.
    """

    stage: Stage
    solver: Solver
    corruption: str | CorruptionFunction | None
    corruption_level: Any
    emphasis: tuple[float, float]
    max_iter: Any
    batch_size: int
    shuffle: bool
    tol: float | None
    n_iter_no_change: float
    schedule: str
    n_threads: int
    input_norm: str | None = None
    reconstruction_sampling: float | None = None
    corruption_parameter: str = "corruption"

    def for_rows(self, n_rows: int) -> Self:
        """The same with a number of epochs instead of "auto"."""
        if self.max_iter != AUTO:
            return self
        return replace(self, max_iter=automatic_epochs(n_rows, self.batch_size, self.stage))


@dataclass
class TrainingData:
    """What with, checked.

    Attributes
    ----------
    X : Rows
        The clean data.
    X_corrupted : Rows or None
        The user's own corrupted copies.
    sample_weight : ndarray of shape (n_samples,) of X's dtype, or None
    rows, validation_rows : intp ndarray
        Rows to train on, and rows to judge by; without the latter the training loss judges.
    target : ndarray or None
        Target of the outputs of a supervised network, row by row; None: X is reconstructed.
    """

    X: Rows
    X_corrupted: Rows | None
    sample_weight: np.ndarray | None
    rows: np.ndarray
    validation_rows: np.ndarray
    target: np.ndarray | None = None

    @classmethod
    def of(cls, X: Rows, sample_weight: Any, X_corrupted: Any = None, *, normalise: bool) -> Self:
        """Checked X with what the user passed beside it."""
        copies = check_corrupted_copies(X_corrupted, X)
        weight, rows = check_weights(sample_weight, X, normalise=normalise)
        return cls(X, copies, weight, rows, rows[:0])

    @property
    def largest_weight(self) -> float:
        """The largest weight of a sample, at least 1."""
        return 1.0 if self.sample_weight is None else max(1.0, float(self.sample_weight.max()))

    def mean(self, losses: np.ndarray, rows: np.ndarray) -> float:
        """Weighted mean of one loss for each of `rows`."""
        if self.sample_weight is None:
            return float(losses.mean())
        return float(np.average(losses, weights=self.sample_weight[rows]))
