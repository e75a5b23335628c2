"""Greedy layer-wise pretraining: each layer on the codes of the layers below."""

from __future__ import annotations

from dataclasses import replace

from dae import _core
from dae._data.row_blocks import by_rows
from dae._data.rows import Rows
from dae._training.epochs import Outcome
from dae._training.monitor import Monitor
from dae._training.run import TrainingRun
from dae._training.settings import TrainingData, TrainingSettings


def pretrain(
    runs: list[TrainingRun],
    settings: list[TrainingSettings],
    data: TrainingData,
    monitor: Monitor,
) -> tuple[list[Outcome], bool]:
    """Train each layer, from the first, on the codes of the layers below.

    Returns
    -------
    outcomes : list of Outcome
        Of the layers that were trained.
    stopped : bool
        Whether an interruption or a callback asks not to continue.
    """
    outcomes: list[Outcome] = []
    for k, (run, how) in enumerate(zip(runs, settings, strict=True)):
        if how.max_iter:
            epochs = monitor.stage(how.stage, how.max_iter, len(data.rows))
            # what the layers below have learned is kept
            outcome = run.fit(data, how, epochs, keep_start=bool(outcomes))
            outcomes.append(outcome)
            if outcome.interrupted or monitor.end_stage(epochs):
                return outcomes, True
        if any(above.max_iter for above in settings[k + 1 :]):
            data = encoded(run, how, data)
    return outcomes, False


def one_pass(runs: list[TrainingRun], settings: list[TrainingSettings], data: TrainingData) -> None:
    """One presentation to each layer, from the first, of the codes of the layers below."""
    for k, (run, how) in enumerate(zip(runs, settings, strict=True)):
        if how.max_iter:
            run.partial_fit(data, how)
        if any(above.max_iter for above in settings[k + 1 :]):
            data = encoded(run, how, data)


def encoded(run: TrainingRun, settings: TrainingSettings, data: TrainingData) -> TrainingData:
    """What the layer above is trained on: the codes of the clean data."""
    run.network.check()
    codes = by_rows(
        _core.encode,
        run.network,
        data.X,
        width=run.network.n_hidden,
        n_threads=settings.n_threads,
        input_norm=settings.input_norm,
    )
    return replace(data, X=Rows(codes), X_corrupted=None)
