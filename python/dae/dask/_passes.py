"""Passes over the partitions, until the loss no longer decreases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dae._training.epochs import Outcome, improves, learning_rate_at
from dae._training.monitor import Progress
from dae._training.settings import FINE_TUNING, TrainingSettings
from dae.dask._cluster import WorkersLost, place, until_done
from dae.dask._partitions import Partition
from dae.dask._rounds import Stage, Trained, one_pass, training_state, zero_weights_only


class Passes:
    """The training of one network of an estimator.

    Parameters
    ----------
    n_shards : int
        Partitions per round.
    verbose : int
        Whether each pass prints its loss.
    client : distributed.Client or None
    number : int
        Of the network's training state.
    settings : TrainingSettings
        How the network is trained.
    """

    def __init__(
        self,
        partitions: Sequence[Partition],
        number: int,
        settings: TrainingSettings,
        *,
        n_shards: int,
        verbose: int,
        client: Any,
    ) -> None:
        self.partitions = partitions
        self.number = number
        self.settings = settings
        self.n_shards = n_shards
        self.verbose = verbose
        self.client = client

    def run(self, state: Any, n_passes: int) -> tuple[Any, Outcome]:
        """The estimator after up to so many passes, and how they ended; `state` is not changed.

        Ctrl-C ends them after the last complete one; before the end of the first it is raised.
        """
        settings, parameters = self.settings, state.get_params(deep=False)
        outcome = Outcome(settings)
        best: Any = None
        stale = 0
        progress = Progress(n_passes, settings.stage)
        try:
            for number in range(1, n_passes + 1):
                state, loss, n_rows = self._one_pass(state, learning_rate_at(settings, number))
                stale = 0 if improves(loss, outcome.best_loss, settings.tol) else stale + 1
                if loss < outcome.best_loss:
                    outcome.best_loss = loss
                    best = state._fitted() if settings.tol is not None else None
                outcome.losses.append(loss)
                if self.verbose:
                    progress.report(number, n_rows, loss)
                if settings.tol is not None and stale >= settings.n_iter_no_change:
                    outcome.stopped = True
                    break
        except KeyboardInterrupt:
            if not outcome.losses:
                raise
            outcome.interrupted = True
        except WorkersLost as error:
            error.state = state.set_params(**parameters) if outcome.losses else None
            raise
        if best is not None:
            state.__dict__.update(state._network_attributes(best))
        return state.set_params(**parameters), outcome

    def _one_pass(self, state: Any, learning_rate: float) -> tuple[Any, float, int]:
        """The estimator after one more pass, the loss of the pass, and the rows trained on."""
        stage = Stage(self.number, self._parameters(state, learning_rate))
        of_pass = training_state(state, stage)
        order = range(len(self.partitions))
        if self.settings.shuffle:
            key = [of_pass["_seed"], of_pass["_presentation"]]
            order = np.random.default_rng(key).permutation(order).tolist()

        def graph() -> Any:
            shared = place(state, self.client)
            return one_pass(shared, order, self.partitions, stage, self.n_shards)

        trained: Trained = until_done(graph, self.client)
        if not trained.n_rows:
            n_partitions = len(self.partitions)
            if self.partitions[0].weights is None:
                raise ValueError(
                    f"X must have at least one row, got {n_partitions} empty partitions."
                )
            raise zero_weights_only(n_partitions)
        loss = trained.loss / trained.weight
        after = training_state(trained.estimator, stage)
        after["_presentation"] = of_pass["_presentation"] + 1
        after["loss_curve_"] = [*of_pass["loss_curve_"], loss]
        after["best_loss_"] = min(of_pass["best_loss_"], loss)
        after["n_iter_"] = of_pass["n_iter_"] + 1
        return trained.estimator, loss, trained.n_rows

    def _parameters(self, state: Any, learning_rate: float) -> dict[str, Any]:
        """What the estimator's parameters are while this network alone is trained."""
        stage = self.settings.stage
        if stage is None:
            return {"learning_rate_init": learning_rate}
        if stage == FINE_TUNING:
            return {"fine_tune": True, "fine_tune_learning_rate_init": learning_rate}
        n_layers = len(state._fitted().layers)
        return {
            "fine_tune": False,
            "learning_rate_init": learning_rate,
            "max_iter": tuple(int(k == stage) for k in range(n_layers)),
        }
