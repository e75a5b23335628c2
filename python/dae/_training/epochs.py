"""The epochs of `fit`: when to stop, which weights to keep, what an interruption leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from dae import _core
from dae._model.layout import aligned_zeros
from dae._model.network import Layer, Network
from dae._model.numbers import as_float
from dae._model.solver import Solver
from dae._training.divergence import Diverged, located
from dae._training.feed import Feed
from dae._training.settings import TrainingSettings


class EpochMonitor(Protocol):
    """Is called at the beginning and the end of each epoch."""

    def begin_epoch(self) -> None: ...

    def end_epoch(self, epoch: int, loss: float, validation_loss: float | None) -> bool:
        """True asks to stop."""
        ...


@dataclass
class Outcome:
    """The result of training; the network and the solver were changed in place."""

    settings: TrainingSettings
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    best_loss: float = np.inf
    stopped: bool = False  # by tol, or by a callback
    interrupted: bool = False  # by Ctrl-C


class Snapshot:
    """A copy of network and solver (or of the network alone) at the end of some epoch."""

    def __init__(self) -> None:
        self.epoch: int | None = None  # None while there is no complete copy
        self._network: Any = None  # a Layer or a Network
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


def learning_rate_at(settings: TrainingSettings, epoch: int) -> float:
    """The step size of an epoch, from 1 to `max_iter`."""
    initial = settings.solver.learning_rate
    if settings.schedule == "constant":
        return initial
    return initial * (0.5 * (1 + math.cos(math.pi * (epoch - 1) / as_float(settings.max_iter))))


def run_epochs(
    network: Layer | Network,
    solver: Solver,
    feed: Feed,
    monitor: EpochMonitor,
    *,
    first_presentation: int,
    keep_start: bool = False,
) -> Outcome:
    """Train `network` in place.

    A KeyboardInterrupt ends training with the last complete epoch.
    Before the end of the first epoch it is raised, unless `keep_start` asks to return to the
    start instead.

    Parameters
    ----------
    first_presentation : int
        Number of the presentation of the first epoch.
    """
    settings = feed.settings
    keeps_best = settings.tol is not None or len(feed.data.validation_rows) > 0
    outcome = Outcome(settings)
    best, last = Snapshot(), Snapshot()
    if keep_start:
        last.save(0, network, solver)
    intact = 0  # the epoch whose end the live arrays are the state of; -1 within an epoch
    stale = 0
    try:
        for epoch in range(1, settings.max_iter + 1):
            monitor.begin_epoch()
            intact = -1
            stepping = solver.with_learning_rate(learning_rate_at(settings, epoch))
            with located(epoch=epoch):
                loss, validation_loss = _epoch(
                    network, stepping, feed, first_presentation + epoch - 1
                )
            solver.n_steps = stepping.n_steps
            judged = loss if validation_loss is None else validation_loss
            better = judged < outcome.best_loss
            stale = 0 if improves(judged, outcome.best_loss, settings.tol) else stale + 1
            if validation_loss is not None:
                outcome.validation_losses.append(validation_loss)
            intact = epoch
            outcome.losses.append(loss)  # from now on the epoch counts
            if better:
                outcome.best_loss = judged
                if keeps_best:
                    best.save(epoch, network)
            last.save(epoch, network, solver)
            stop = monitor.end_epoch(epoch, loss, validation_loss)
            if stop or (settings.tol is not None and stale >= settings.n_iter_no_change):
                outcome.stopped = True
                break
    except KeyboardInterrupt:
        complete = len(outcome.losses)
        if not complete and not keep_start:
            raise
        outcome.interrupted = True
        del outcome.validation_losses[complete:]
        if intact != complete:
            last.restore(network, solver)
    # If an interruption cut the copy of the best weights short, they are the live ones.
    if keeps_best and best.epoch is not None:
        best.restore(network)
    if outcome.losses:
        # no later loss would show that the very last update was too large
        loss = feed.clean_loss(network)
        if not loss <= feed.max_loss:
            epoch = len(outcome.losses)
            with located(epoch=epoch):
                raise Diverged("end", loss, learning_rate_at(settings, epoch))
    return outcome


def _epoch(
    network: Layer | Network, solver: Solver, feed: Feed, presentation: int
) -> tuple[float, float | None]:
    """One presentation of the training rows, and the loss of the validation rows, if any."""
    loss = feed.present(network, solver, presentation)
    if not _core.network_is_finite(network, feed.settings.n_threads):
        raise Diverged("update", None, solver.learning_rate)
    if not len(feed.data.validation_rows):
        return loss, None
    validation_loss = feed.evaluate(network)
    if not np.isfinite(validation_loss):
        raise Diverged("validation", validation_loss, solver.learning_rate)
    return loss, validation_loss


def improves(loss: float, best: float, tol: float | None) -> bool:
    """Whether `loss` is below `best` by the share `tol` of it."""
    return not np.isfinite(best) or loss < best - (tol or 0.0) * abs(best)
