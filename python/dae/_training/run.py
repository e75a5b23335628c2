"""One network in training: what `fit` and `partial_fit` of every estimator share.

A `Stage` has the network, its solver and all that going on takes; `Settings` say how it is
trained, `Data` with what. Estimators choose these three and store what comes of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from dae import _core
from dae._data.checks import (
    CorruptionFunction,
    built_in_corruption,
    check_emphasis,
    check_shown,
    check_weights,
    feature_range,
    largest_sane_loss,
)
from dae._estimator.state import AGAIN, counter, moments_kind, new_solver, resume_solver, seen_range
from dae._model.corruption import NO_CORRUPTION, Corruption
from dae._model.network import Layer, Network
from dae._model.solver import Solver
from dae._training.epochs import EpochMonitor, Outcome, Plan, Snapshot, run_epochs
from dae._training.feed import Diverged, Feed, order_of
from dae._training.supervised_feed import LabelledFeed, largest_sane_output_loss

# a loss curve keeps this many of the last passes (all passes of one `fit`, if more)
HISTORY = 10_000

# what is read from a stored state without a check of its own
_NUMBERS = (
    "_largest_sane_loss",
    "loss_curve_",
    "validation_loss_curve_",
    "best_loss_",
    "n_iter_",
)


@dataclass
class Settings:
    """How a network is trained: an estimator's parameters, of one layer where there are several.

    Attributes
    ----------
    solver : Solver, without moments
    rate_name, epochs_name : str
        The parameters that set the learning rate and `max_iter`, for messages.
    name : str
        What is trained, for messages; "" where there is but one network.
    """

    solver: Solver
    corruption: str | CorruptionFunction | None
    corruption_level: Any
    emphasis: tuple[float, float]
    max_iter: int
    batch_size: int
    shuffle: bool
    tol: float | None
    n_iter_no_change: float
    schedule: str
    n_threads: int
    rate_name: str = "learning_rate_init"
    epochs_name: str = "max_iter"
    name: str = ""

    @classmethod
    def of(
        cls,
        estimator: Any,
        *,
        corruption: Any,
        corruption_level: Any,
        learning_rate: float,
        max_iter: int,
        **names: str,
    ) -> Self:
        """The estimator's parameters; those that may differ by layer are given apart."""
        emphasis = estimator.emphasis
        return cls(
            solver=new_solver(estimator, learning_rate),
            corruption=corruption,
            corruption_level=corruption_level,
            emphasis=(1.0, 1.0) if emphasis is None else check_emphasis(emphasis),
            max_iter=int(max_iter),
            batch_size=estimator.batch_size,
            shuffle=estimator.shuffle,
            tol=estimator.tol,
            n_iter_no_change=estimator.n_iter_no_change,
            schedule=estimator.learning_rate,
            n_threads=_core.n_threads(estimator.n_jobs),
            **names,
        )

    def corruption_of(
        self,
        seed: int,
        X: np.ndarray,
        rows: np.ndarray,
        seen: tuple[np.ndarray, np.ndarray] | None,
    ) -> Corruption | CorruptionFunction:
        """What is done to X; `seen` are the features' ranges, where the kind needs them."""
        if callable(self.corruption):
            return self.corruption
        return built_in_corruption(
            self.corruption, self.corruption_level, seed, X, rows=rows, feature_range=seen
        )


@dataclass
class Data:
    """What a network is trained with, checked.

    Attributes
    ----------
    X, X_corrupted, sample_weight : as in `Feed`
    rows, validation_rows : intp ndarray
        Rows to train on, and rows to judge by.
    target : ndarray or None
        What the outputs of a supervised stack are to be, row by row.
    """

    X: np.ndarray
    X_corrupted: np.ndarray | None
    sample_weight: np.ndarray | None
    rows: np.ndarray
    validation_rows: np.ndarray
    target: np.ndarray | None = None

    @classmethod
    def of(
        cls, X: np.ndarray, sample_weight: Any, X_corrupted: Any = None, *, normalise: bool
    ) -> Self:
        """Checked X with its companions as the user gave them."""
        X_corrupted = check_shown(X_corrupted, X)
        weight, rows = check_weights(sample_weight, X, normalise=normalise)
        return cls(X, X_corrupted, weight, rows, rows[:0])


@dataclass
class Stage:
    """A network in training.

    Attributes
    ----------
    network, solver : trained in place
        A solver without moments gets its first when training starts.
    seed : int
        Key of all random streams of this training.
    presentation : int
        Number of the last presentation of the data.
    largest_sane_loss : float
        Of all data so far.
    feature_range : (minimum, maximum) of each feature, or None
        Of all data so far, where training has looked at them.
    loss_curve, validation_loss_curve, best_loss, n_iter : the estimators' attributes
    """

    network: Layer | Network
    solver: Solver
    seed: int
    presentation: int = 0
    largest_sane_loss: float = 0.0
    feature_range: tuple[np.ndarray, np.ndarray] | None = None
    loss_curve: list[float] = field(default_factory=list)
    validation_loss_curve: list[float] | None = None
    best_loss: float = np.inf
    n_iter: int = 0

    @classmethod
    def resume(
        cls, state: Mapping[str, Any], network: Layer | Network, solver: Solver, *, copy: bool
    ) -> Self:
        """Where `attributes` left off; with `copy`, over arrays that are not those of `state`."""
        for name in _NUMBERS:
            if name not in state:
                raise ValueError(f"The fitted state is damaged: {name} is missing. {AGAIN}")
        resume_solver(state, network, solver, copy=copy)
        return cls(
            network,
            solver,
            seed=counter(state, "_seed"),
            presentation=counter(state, "_presentation"),
            largest_sane_loss=float(state["_largest_sane_loss"]),
            feature_range=seen_range(state, network.n_features),
            loss_curve=state["loss_curve_"],
            validation_loss_curve=state["validation_loss_curve_"],
            best_loss=state["best_loss_"],
            n_iter=state["n_iter_"],
        )

    def attributes(self) -> dict[str, Any]:
        """What an estimator stores, beside the network."""
        return {
            "_moments": self.solver.moments,
            "_moments_kind": moments_kind(self.solver) if self.solver.moments else None,
            "_n_steps": self.solver.n_steps,
            "_seed": self.seed,
            "_presentation": self.presentation,
            "_largest_sane_loss": self.largest_sane_loss,
            "_feature_range": self.feature_range,
            "loss_curve_": self.loss_curve,
            "validation_loss_curve_": self.validation_loss_curve,
            "best_loss_": self.best_loss,
            "n_iter_": self.n_iter,
        }

    def fit(
        self, data: Data, settings: Settings, monitor: EpochMonitor, *, keep_start: bool = False
    ) -> Outcome:
        """Epochs over the data, as `run_epochs` has it."""
        plan = Plan(
            rows=data.rows,
            validation_rows=data.validation_rows,
            first_presentation=self.presentation + 1,
            shuffle=settings.shuffle,
            max_iter=settings.max_iter,
            tol=settings.tol,
            n_iter_no_change=settings.n_iter_no_change,
            schedule=settings.schedule,
            name=settings.name,
            keep_start=keep_start,
        )
        self._start_solver()
        outcome = run_epochs(self.network, self.solver, self._feed(data, settings), plan, monitor)
        n_epochs = len(outcome.losses)
        kept = max(HISTORY, n_epochs)
        self.presentation += n_epochs
        self.loss_curve = (self.loss_curve + outcome.losses)[-kept:]
        if len(data.validation_rows):
            old = self.validation_loss_curve or []
            self.validation_loss_curve = (old + outcome.validation_losses)[-kept:]
        else:
            self.validation_loss_curve = None
        self.best_loss = outcome.best_loss
        self.n_iter += n_epochs
        return outcome

    def partial_fit(self, data: Data, settings: Settings, *, undo: bool = False) -> None:
        """One pass over the data; with `undo`, a failure leaves network and solver unchanged."""
        self._start_solver()
        feed = self._feed(data, settings)
        # The core stops before the update of a batch that went wrong, so one batch needs no
        # copy to go back to, unless its own update could overflow.
        snapshot = None
        risky = self.solver.learning_rate > 1 or feed.max_loss > 1e20
        if undo and (risky or len(data.rows) > feed.batch_size):
            snapshot = Snapshot()
            snapshot.save(0, self.network, self.solver)
        presentation = self.presentation + 1
        order = order_of(data.rows, self.seed, presentation, shuffle=settings.shuffle)
        where = f"partial_fit (pass {presentation})"
        if settings.name:
            where = f"{settings.name}, {where}"
        try:
            loss = feed.present(self.network, self.solver, order, presentation, where=where)
            if (snapshot or not undo) and not self.network.is_finite():
                raise Diverged(where, None, feed.rate)
        except BaseException:
            if snapshot:
                snapshot.restore(self.network, self.solver)
            raise
        self.presentation = presentation
        self.loss_curve = [*self.loss_curve[1 - HISTORY :], loss]
        if self.validation_loss_curve is None:  # else the last fit was judged by other samples
            self.best_loss = min(self.best_loss, loss)
        self.n_iter += 1

    def _start_solver(self) -> None:
        if not self.solver.moments:
            self.solver.reset(self.network)

    def _feed(self, data: Data, settings: Settings) -> Feed:
        """The data as the core gets them; remembers what was learned from looking at them."""
        X, weight = data.X, data.sample_weight
        if settings.corruption == "salt_and_pepper":
            low, high = feature_range(X, data.rows)
            if self.feature_range is not None:
                low = np.minimum(low, self.feature_range[0])
                high = np.maximum(high, self.feature_range[1])
            self.feature_range = (low, high)
        corruption = (
            settings.corruption_of(self.seed, X, data.rows, self.feature_range)
            if data.X_corrupted is None
            else NO_CORRUPTION
        )
        if not settings.emphasis[1] and _leaves_all(corruption, data):
            of = f" of {settings.name}" if settings.name else ""
            raise ValueError(
                f"emphasis={settings.emphasis} counts corrupted entries only, and nothing is "
                f"corrupted: corruption{of} is {settings.corruption!r}, corruption_level "
                f"{settings.corruption_level!r}. Choose a corruption and a level above 0, "
                "X_corrupted that differs from X, or a second weight above 0."
            )
        if data.target is None:
            sane = largest_sane_loss(X, self.network, corruption, data.X_corrupted)
            sane *= max(1.0, *settings.emphasis)
        else:
            sane = largest_sane_output_loss(self.network, data.target)
        # blocks may differ in scale
        self.largest_sane_loss = sane = max(sane, self.largest_sane_loss)
        kind = Feed if data.target is None else LabelledFeed
        return kind(
            X=X,
            corruption=corruption,
            X_corrupted=data.X_corrupted,
            sample_weight=weight,
            seed=self.seed,
            batch_size=min(settings.batch_size, len(data.rows)),
            n_threads=settings.n_threads,
            max_loss=sane * (1.0 if weight is None else max(1.0, float(weight.max()))),
            rate=(settings.rate_name, self.solver.learning_rate),
            emphasis=settings.emphasis,
            target=data.target,
        )


def warn_how_it_ended(outcome: Outcome, settings: Settings, *, stacklevel: int = 3) -> None:
    """Tell the caller of `fit` that training was interrupted, or may have been too short."""
    epochs = f"{settings.epochs_name}={settings.max_iter}"
    if outcome.interrupted:
        during = f" in {settings.name}" if settings.name else ""
        warnings.warn(
            f"Training interrupted{during} after {len(outcome.losses)} complete epochs of "
            f"{epochs}; the estimator is fitted as far as that.",
            stacklevel=stacklevel,
        )
    elif settings.tol is not None and not outcome.stopped and settings.schedule == "constant":
        of = f" of {settings.name}" if settings.name else ""
        warnings.warn(
            f"Stochastic optimization{of} reached {epochs} epochs while the loss was still "
            f"falling. Raise {settings.epochs_name}, or set tol=None for a fixed number of "
            "epochs.",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )


def refuse_early_stopping(estimator: Any) -> None:
    """`partial_fit` has no epochs to stop between."""
    if estimator.early_stopping:
        raise ValueError(
            "partial_fit does not support early_stopping=True: each call is one pass. "
            "Use fit, or set early_stopping=False."
        )


def _leaves_all(corruption: Corruption | CorruptionFunction, data: Data) -> bool:
    """Whether X is shown as it is: by built-in corruption without a level, or by X_corrupted."""
    if data.X_corrupted is not None:
        return np.array_equal(data.X_corrupted[data.rows], data.X[data.rows])
    return isinstance(corruption, Corruption) and not corruption.level.any()
