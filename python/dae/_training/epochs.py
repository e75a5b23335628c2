"""The epochs of `fit`: when to stop, which weights to keep, what an interruption leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from dae._model.network import Layer, Network, aligned_zeros
from dae._model.solver import Solver
from dae._training.feed import Diverged, Feed, order_of

SCHEDULES = ("constant", "cosine")


class EpochMonitor(Protocol):
    """Who is told about the epochs."""

    def begin_epoch(self) -> None: ...

    def end_epoch(self, epoch: int, loss: float, validation_loss: float | None) -> bool:
        """True asks to stop."""
        ...


@dataclass
class Plan:
    """What `fit` means to do.

    Attributes
    ----------
    rows, validation_rows : intp ndarray
        Rows to train on and rows to judge by; without the latter the training loss judges.
    first_presentation : int
        Number of the first epoch's presentation.
    tol : float or None
        The smallest relative improvement that counts; None never stops early.
    schedule : str, of `SCHEDULES`
        "cosine": the learning rate falls towards 0 along half a period over `max_iter` epochs.
    name : str
        What is trained, for messages; "" where there is but one network.
    keep_start : bool
        Whether an interruption of the first epoch goes back to the start instead of raising.
    """

    rows: np.ndarray
    validation_rows: np.ndarray
    first_presentation: int
    shuffle: bool
    max_iter: int
    tol: float | None
    n_iter_no_change: float
    schedule: str = "constant"
    name: str = ""
    keep_start: bool = False

    @property
    def keeps_best(self) -> bool:
        return self.tol is not None or len(self.validation_rows) > 0

    def rate(self, epoch: int) -> float:
        """The share of the learning rate that an epoch trains with."""
        if self.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (epoch - 1) / self.max_iter))

    def where(self, epoch: int) -> str:
        return f"{self.name}, epoch {epoch}" if self.name else f"epoch {epoch}"


@dataclass
class Outcome:
    """What came of it; the network and the solver were changed in place."""

    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    best_loss: float = np.inf
    stopped: bool = False  # by tol, or by a callback
    interrupted: bool = False  # by Ctrl-C


class Snapshot:
    """A copy of network and solver (or of the network alone) at the end of some epoch."""

    def __init__(self) -> None:
        self.epoch: int | None = None  # None while there is no complete copy
        self._network: Any = None  # a Layer or a Network, as it comes
        self._moments: dict[str, tuple[np.ndarray, ...]] = {}
        self._n_steps = 0

    def save(self, epoch: int, network: Layer | Network, solver: Solver | None = None) -> None:
        self.epoch = None
        if self._network is None:
            self._network = network.copy()
        else:
            self._network.assign(network)
        if solver is not None:
            for name, moments in solver.moments.items():
                if name not in self._moments:
                    self._moments[name] = tuple(aligned_zeros(m.shape, m.dtype) for m in moments)
                for mine, theirs in zip(self._moments[name], moments, strict=True):
                    mine[...] = theirs
            self._n_steps = solver.n_steps
        self.epoch = epoch

    def restore(self, network: Any, solver: Solver | None = None) -> None:
        assert self._network is not None
        network.assign(self._network)
        if solver is not None:
            for name, moments in self._moments.items():
                for mine, theirs in zip(moments, solver.moments[name], strict=True):
                    theirs[...] = mine
            solver.n_steps = self._n_steps


def run_epochs(
    network: Layer | Network, solver: Solver, feed: Feed, plan: Plan, monitor: EpochMonitor
) -> Outcome:
    """Train `network` in place.

    A KeyboardInterrupt ends training as if `max_iter` had been the number of epochs that
    were complete by then; before the end of the first epoch it is raised, unless the plan
    keeps the start.
    """
    outcome = Outcome()
    best, last = Snapshot(), Snapshot()
    rate = solver.learning_rate
    if plan.keep_start:
        last.save(0, network, solver)
    intact = 0  # the live arrays stand at the end of this epoch; -1 while one is under way
    stale = 0
    try:
        for epoch in range(1, plan.max_iter + 1):
            monitor.begin_epoch()
            intact = -1
            solver.learning_rate = rate * plan.rate(epoch)
            loss, validation_loss = _epoch(network, solver, feed, plan, epoch)
            judged = loss if validation_loss is None else validation_loss
            better = judged < outcome.best_loss
            stale = 0 if _improves(judged, outcome.best_loss, plan.tol) else stale + 1
            outcome.losses.append(loss)
            if validation_loss is not None:
                outcome.validation_losses.append(validation_loss)
            intact = epoch
            if better:
                outcome.best_loss = judged
                if plan.keeps_best:
                    best.save(epoch, network)
            last.save(epoch, network, solver)
            stop = monitor.end_epoch(epoch, loss, validation_loss)
            if stop or (plan.tol is not None and stale >= plan.n_iter_no_change):
                outcome.stopped = True
                break
    except KeyboardInterrupt:
        complete = len(outcome.losses)
        if not complete and not plan.keep_start:
            raise
        outcome.interrupted = True
        if intact != complete:
            last.restore(network, solver)
    # a copy of the best that was cut short by an interruption is a copy of what stands here
    if plan.keeps_best and best.epoch is not None:
        best.restore(network)
    if outcome.losses:
        _check_last_update(network, feed, plan, len(outcome.losses))
    return outcome


def _epoch(
    network: Layer | Network, solver: Solver, feed: Feed, plan: Plan, epoch: int
) -> tuple[float, float | None]:
    """One presentation of the training rows, and a look at the validation rows."""
    where = plan.where(epoch)
    presentation = plan.first_presentation + epoch - 1
    order = order_of(plan.rows, feed.seed, presentation, shuffle=plan.shuffle)
    loss = feed.present(network, solver, order, presentation, where=where)
    if not network.is_finite():
        raise Diverged(where, None, feed.rate)
    if not len(plan.validation_rows):
        return loss, None
    validation_loss = feed.evaluate(network, plan.validation_rows)
    if not np.isfinite(validation_loss):
        raise Diverged(f"{where}, validation", validation_loss, feed.rate)
    return loss, validation_loss


def _improves(loss: float, best: float, tol: float | None) -> bool:
    """Whether `loss` is below `best` by the share `tol` of it."""
    return not np.isfinite(best) or loss < best - (tol or 0.0) * abs(best)


def _check_last_update(network: Layer | Network, feed: Feed, plan: Plan, epoch: int) -> None:
    """Raise `Diverged` when the very last update, after which no loss is seen, blew up."""
    loss = feed.clean_loss(network, plan.rows[: feed.batch_size])
    if not loss <= feed.max_loss:
        raise Diverged(f"the end of {plan.where(epoch)}", loss, feed.rate)
