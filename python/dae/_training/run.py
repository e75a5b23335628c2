"""One network in training: what `fit` and `partial_fit` of every estimator share.

A `TrainingRun` owns the network, its solver and everything that continuing takes.
`TrainingSettings` say how it is trained, `TrainingData` with what. Estimators choose these three
and store the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from dae import _core
from dae._data.corruption import CorruptedRows, corrupted_rows, needs_feature_range
from dae._model.losses import Loss
from dae._model.network import Layer, Network
from dae._model.solver import Solver
from dae._training.divergence import (
    Diverged,
    NothingCorrupted,
    divergence_bound,
    located,
    output_divergence_bound,
)
from dae._training.epochs import EpochMonitor, Outcome, Snapshot, run_epochs
from dae._training.feed import Feed, SupervisedFeed
from dae._training.resume import (
    counter,
    curve,
    moments_kind,
    number,
    optional_curve,
    resume_solver,
    seen_range,
)
from dae._training.settings import TrainingData, TrainingSettings

# A loss curve keeps this many of the last passes (all passes of one `fit`, if more).
HISTORY = 10_000


@dataclass(frozen=True)
class _Pass:
    """A call of `partial_fit`, and what takes it back.

    Attributes
    ----------
    feed : Feed
    presentation : int
    n_steps : int
        Of the solver, before.
    snapshot : Snapshot or None
        Network and solver of before; None for one batch, which the core updates whole or not.
    """

    feed: Feed
    presentation: int
    n_steps: int
    snapshot: Snapshot | None


@dataclass
class TrainingRun:
    """A network in training.

    Attributes
    ----------
    network, solver : trained in place
        A solver without moments gets its first when training starts.
    seed : int
        Key of all random streams of this training.
    presentation : int
        Number of the last presentation of the data.
    divergence_bound : float
        The largest one of all data so far: blocks of `partial_fit` may differ in scale.
    feature_range : (minimum, maximum) of each feature, or None
        Of all data so far, where the corruption needs it.
    loss_curve, validation_loss_curve, best_loss, n_iter : the estimators' attributes
    """

    network: Layer | Network
    solver: Solver
    seed: int
    presentation: int = 0
    divergence_bound: float = 0.0
    feature_range: tuple[np.ndarray, np.ndarray] | None = None
    loss_curve: list[float] = field(default_factory=list)
    validation_loss_curve: list[float] | None = None
    best_loss: float = np.inf
    n_iter: int = 0
    _pass: _Pass | None = field(default=None, init=False, repr=False)

    # -------------------------------------------------------------- stored state

    @classmethod
    def resume(
        cls, state: Mapping[str, Any], network: Layer | Network, solver: Solver, *, copy: bool
    ) -> Self:
        """The run that `attributes` stored; with `copy`, over arrays that are not its own."""
        resume_solver(state, network, solver, copy=copy)
        return cls(
            network,
            solver,
            seed=counter(state, "_seed"),
            presentation=counter(state, "_presentation"),
            divergence_bound=number(state, "_largest_sane_loss"),
            feature_range=seen_range(state, network.n_features),
            loss_curve=curve(state, "loss_curve_", ends=True),
            validation_loss_curve=optional_curve(state, "validation_loss_curve_", ends=True),
            best_loss=number(state, "best_loss_"),
            n_iter=counter(state, "n_iter_"),
        )

    def attributes(self) -> dict[str, Any]:
        """What an estimator stores, beside the network."""
        return {
            "_moments": self.solver.moments,
            "_moments_kind": moments_kind(self.solver) if self.solver.moments else None,
            "_n_steps": self.solver.n_steps,
            "_seed": self.seed,
            "_presentation": self.presentation,
            "_largest_sane_loss": self.divergence_bound,
            "_feature_range": self.feature_range,
            "loss_curve_": self.loss_curve,
            "validation_loss_curve_": self.validation_loss_curve,
            "best_loss_": self.best_loss,
            "n_iter_": self.n_iter,
        }

    # -------------------------------------------------------------- training

    def fit(
        self,
        data: TrainingData,
        settings: TrainingSettings,
        monitor: EpochMonitor,
        *,
        keep_start: bool = False,
    ) -> Outcome:
        """Epochs over the data, see `run_epochs`."""
        feed = self._begin(data, settings)
        with located(stage=settings.stage):
            outcome = run_epochs(
                self.network,
                self.solver,
                feed,
                monitor,
                first_presentation=self.presentation + 1,
                keep_start=keep_start,
            )
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

    def partial_fit(
        self, data: TrainingData, settings: TrainingSettings, *, undo: bool = False
    ) -> None:
        """One pass over the data; with `undo`, call `settle` where it fails, or what follows it."""
        feed = self._begin(data, settings)
        # The core stops before the update of a batch whose loss is too large, so one batch needs
        # no copy to go back to, unless its own update can overflow. With losses up to 1e20,
        # gradients are sums of products of values up to 1e10, far below float32's 3e38.
        snapshot = None
        may_overflow = self.solver.learning_rate > 1 or feed.max_loss > 1e20
        if undo and (may_overflow or len(data.rows) > feed.batch_size):
            snapshot = Snapshot()
            snapshot.save(0, self.network, self.solver)
        presentation = self.presentation + 1
        if undo:
            self._pass = _Pass(feed, presentation, self.solver.n_steps, snapshot)
        try:
            with located(stage=settings.stage, presentation=presentation):
                loss = feed.present(self.network, self.solver, presentation)
                checked = snapshot is not None or not undo
                if checked and not _core.network_is_finite(self.network, settings.n_threads):
                    raise Diverged("update", None, self.solver.learning_rate)
        except Diverged:
            if undo:
                self.settle()
                _core.check_finite(self.network, again=True)  # the weights are those of before
            raise
        self._count(presentation, loss)

    def settle(self) -> bool:
        """After an exception: whether the last pass is complete; else nothing of it is left.

        A signal handler (that of Ctrl-C) may raise between any two lines, also between the last
        update of the core and the lines that count it. Where there is a copy, the pass is undone;
        an update of a single batch cannot be, and is counted.
        """
        made = self._pass
        if made is None:
            return False
        if made.snapshot is not None:
            made.snapshot.restore(self.network, self.solver)
            return False
        solver = self.solver
        if not (len(solver.losses) and solver.losses[0] <= solver.max_loss):
            return False
        solver.n_steps = made.n_steps + 1
        if self.presentation < made.presentation:
            loss = made.feed.loss_of_one_batch(float(solver.losses[0]), made.presentation)
            self._count(made.presentation, loss)
        return True

    def _count(self, presentation: int, loss: float) -> None:
        """Add a pass to what is known of them; all at once, so that none is counted in part."""
        best = self.best_loss
        if self.validation_loss_curve is None:  # else the last fit was judged by other samples
            best = min(best, loss)
        self.__dict__.update(
            presentation=presentation,
            loss_curve=[*self.loss_curve[1 - HISTORY :], loss],
            best_loss=best,
            n_iter=self.n_iter + 1,
        )

    def _begin(self, data: TrainingData, settings: TrainingSettings) -> Feed:
        """The data as the core is given them; records what their range and size say."""
        if not self.solver.moments:
            self.solver.reset(self.network)
        if needs_feature_range(settings.corruption):
            self.feature_range = _union(self.feature_range, data.X.feature_range(data.rows))
        source = corrupted_rows(
            settings.corruption,
            settings.corruption_level,
            data.X,
            X_corrupted=data.X_corrupted,
            donors=data.rows,
            feature_range=self.feature_range,
            seed=self.seed,
            n_threads=settings.n_threads,
            categories=self.network.layers[0].categories,
            parameter=settings.corruption_parameter,
        )
        if settings.reconstruction_sampling is not None:
            _check_sampling(data, settings, source, self.network.output_loss)
        if not settings.emphasis[1] and source.changes_nothing(data.rows):
            raise NothingCorrupted(settings)
        if data.target is None:
            bound = divergence_bound(self.network, data.X, source.added_energy())
            bound *= max(1.0, *settings.emphasis)
        else:
            bound = output_divergence_bound(self.network, data.target)
        self.divergence_bound = max(bound, self.divergence_bound)
        kind = Feed if data.target is None else SupervisedFeed
        return kind(data, settings, source, self.seed, self.divergence_bound * data.largest_weight)


def _check_sampling(
    data: TrainingData, settings: TrainingSettings, source: CorruptedRows, loss: Loss
) -> None:
    """Raise ValueError where the outputs of this training cannot be sampled."""
    parameter = f"reconstruction_sampling={settings.reconstruction_sampling!r}"
    if not data.X.is_sparse:
        raise ValueError(
            f"{parameter} requires sparse X, got a dense array. Pass scipy.sparse.csr_array(X), "
            "or set reconstruction_sampling=None."
        )
    if not source.keeps_zeros():
        raise ValueError(
            f"{parameter} requires a corruption that keeps zeros, got corruption="
            f"{settings.corruption!r}. Use corruption='masking' or None, pass X_corrupted as CSR, "
            "or set reconstruction_sampling=None."
        )
    if loss.couples_features:
        raise ValueError(
            f"{parameter} requires a loss that is a sum over features, got {loss.parameter}. "
            "Use another loss, or set reconstruction_sampling=None."
        )


FeatureRange = tuple[np.ndarray, np.ndarray]


def _union(seen: FeatureRange | None, new: FeatureRange) -> FeatureRange:
    if seen is None:
        return new
    # NaN: all entries of a feature have been missing
    return np.fmin(new[0], seen[0]), np.fmax(new[1], seen[1])
