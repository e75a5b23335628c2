"""What a user sees while `fit` runs: a line an epoch, and scikit-learn's callbacks (1.9)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""


def report(message: str) -> None:
    """The only place that prints."""
    print(message, flush=True)


class Monitor:
    """Tells the callbacks and the terminal how far `fit` has come.

    Parameters
    ----------
    estimator : the estimator being fitted
    X : ndarray, the training data
    metadata : dict, what came with it, for the callbacks
    max_iter : int
    n_rows : int
        Rows presented in one epoch.
    attributes : callable
        Returns the fitted attributes as if `fit` had stopped now, over arrays of their own.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        metadata: dict[str, Any],
        *,
        max_iter: int,
        n_rows: int,
        attributes: Callable[[], dict[str, Any]],
    ) -> None:
        self.estimator = estimator
        self.max_iter = max_iter
        self.n_rows = n_rows
        self.attributes = attributes
        self.verbose = bool(estimator.verbose)
        self._data = {"estimator": estimator, "X": X, "y": None, "metadata": metadata}
        self._root = None
        if hasattr(estimator, "_init_callback_context"):
            self._root = estimator._init_callback_context(max_subtasks=max_iter)
            self._root.call_on_fit_task_begin(**self._data)
        self._epoch: Any = None
        self._started = time.perf_counter()

    def begin_epoch(self) -> None:
        if self._root is not None:
            self._epoch = self._root.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._data)

    def end_epoch(self, epoch: int, loss: float, validation_loss: float | None) -> bool:
        """Report epoch number `epoch` (from 1); True when a callback asks to stop."""
        if self.verbose:
            elapsed = max(time.perf_counter() - self._started, 1e-9)
            speed = epoch * self.n_rows / elapsed
            left = elapsed / epoch * (self.max_iter - epoch)
            validation = (
                "" if validation_loss is None else f"  validation loss {validation_loss:.6g}"
            )
            report(
                f"Epoch {epoch:{len(str(self.max_iter))}d}/{self.max_iter}  loss {loss:.6g}"
                f"{validation}  {speed:,.0f} samples/s  {left:.1f} s left"
            )
        if self._epoch is None:
            return False
        return bool(
            self._epoch.call_on_fit_task_end(
                **self._data, reconstruction_attributes=self.attributes
            )
        )

    def end_fit(self) -> None:
        if self._root is not None:
            self._root.call_on_fit_task_end(**self._data, reconstruction_attributes=self.attributes)
