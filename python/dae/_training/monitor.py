"""Progress of `fit`: one line per epoch, and scikit-learn's callbacks (1.9)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dae._training.settings import Stage, stage_name

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Replaces the mixin where scikit-learn has no callbacks."""


def report(message: str) -> None:
    """The only place that prints."""
    print(message, flush=True)


class Progress:
    """The lines that training prints, one at the end of an epoch.

    Parameters
    ----------
    n_epochs : int
        The largest number of them.
    stage : int, FINE_TUNING or None
        What is trained, where there are several networks.
    """

    def __init__(self, n_epochs: int, stage: Stage | None) -> None:
        self._n_epochs = n_epochs
        self._name = "" if stage is None else f"{stage_name(stage)}  ".capitalize()
        self._started = time.perf_counter()

    def report(
        self, epoch: int, n_rows: int, loss: float, validation_loss: float | None = None
    ) -> None:
        """Print the line of epoch number `epoch` (from 1), of so many rows."""
        elapsed = max(time.perf_counter() - self._started, 1e-9)
        left = elapsed / epoch * (self._n_epochs - epoch)
        validation = "" if validation_loss is None else f"  validation loss {validation_loss:.6g}"
        report(
            f"{self._name}Epoch {epoch:{len(str(self._n_epochs))}d}/{self._n_epochs}  "
            f"loss {loss:.6g}{validation}  {epoch * n_rows / elapsed:,.0f} samples/s  "
            f"{left:.1f} s left"
        )


class Monitor:
    """Reports the progress of `fit` to the callbacks and the terminal.

    Parameters
    ----------
    estimator : the estimator being fitted
    X, y : the training data
    metadata : dict
        What was passed to `fit` beside X and y, for the callbacks.
    max_subtasks : int
        Largest number of epochs, or of networks.
    attributes : callable
        Returns the fitted attributes as if `fit` had stopped now, over copies of the arrays.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        metadata: dict[str, Any],
        *,
        max_subtasks: int,
        attributes: Callable[[], dict[str, Any]],
        y: Any = None,
    ) -> None:
        self.attributes = attributes
        self.verbose = bool(estimator.verbose)
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._root = None
        if hasattr(estimator, "_init_callback_context"):
            self._root = estimator._init_callback_context(max_subtasks=max_subtasks)
            self._root.call_on_fit_task_begin(**self._data)

    def epochs(self, max_iter: int, n_rows: int) -> Epochs:
        """For an estimator that trains one network."""
        return Epochs(self, self._root, max_iter, n_rows)

    def stage(self, stage: Stage, max_iter: int, n_rows: int) -> Epochs:
        """For one network of several; `end_stage` ends it."""
        context = None
        if self._root is not None:
            context = self._root.subcontext(task_name=stage_name(stage), max_subtasks=max_iter)
            context.call_on_fit_task_begin(**self._data)
        return Epochs(self, context, max_iter, n_rows, stage)

    def end_stage(self, epochs: Epochs) -> bool:
        """Whether a callback asks not to train the next network."""
        return self.end(epochs.context)

    def end_fit(self) -> None:
        self.end(self._root)

    def begin(self, context: Any) -> Any:
        """A new epoch within `context`."""
        if context is None:
            return None
        epoch = context.subcontext(task_name="epoch")
        epoch.call_on_fit_task_begin(**self._data)
        return epoch

    def end(self, context: Any) -> bool:
        """Whether a callback asks to stop what `context` is part of."""
        return context is not None and bool(
            context.call_on_fit_task_end(**self._data, reconstruction_attributes=self.attributes)
        )


class Epochs:
    """The epochs of one network."""

    def __init__(
        self,
        monitor: Monitor,
        context: Any,
        max_iter: int,
        n_rows: int,
        stage: Stage | None = None,
    ) -> None:
        self.context = context
        self._monitor = monitor
        self._n_rows = n_rows
        self._epoch: Any = None
        self._progress = Progress(max_iter, stage)

    def begin_epoch(self) -> None:
        self._epoch = self._monitor.begin(self.context)

    def end_epoch(self, epoch: int, loss: float, validation_loss: float | None) -> bool:
        """Report epoch number `epoch` (from 1); True if a callback asks to stop."""
        if self._monitor.verbose:
            self._progress.report(epoch, self._n_rows, loss, validation_loss)
        return self._monitor.end(self._epoch)
