"""The whole experiment: 15 epochs of MNIST, 784-500, masking 0.3, batch 20, plain SGD.

Ours is `fit`, from the initial weights to the fitted estimator. The rivals train one epoch of
the same problem, which is scaled to 15; all epochs cost the same. The losses after one epoch are
compared on one held set.
"""

from __future__ import annotations

import warnings
from functools import partial

from bench import rivals, targets
from bench.render import cell
from bench.rivals._base import network_of
from bench.settings import (
    MNIST_MISSING,
    Setting,
    held_rows,
    initial_weights,
    mnist_images,
    order,
    rows_of,
)
from bench.tables import Context, table
from bench.tables.steps import names_of
from bench.timing import in_turn, ratios, seconds_of
from dae import DenoisingAutoencoder
from dae._model import reference as _reference

EPOCHS = 15
NAMES = ("ours", "torch_eager", "torch_by_hand", "sklearn_mlp")


def estimator(setting: Setting, epochs: int, n_threads: int, **more) -> DenoisingAutoencoder:
    return DenoisingAutoencoder(
        setting.n_hidden,
        activation="logistic",
        loss="log_loss",
        solver="sgd",
        momentum=0.0,
        learning_rate_init=setting.learning_rate,
        batch_size=setting.batch_size,
        learning_rate="constant",
        max_iter=epochs,
        n_jobs=n_threads,
        random_state=0,
        **more,
    )


def seconds_of_fit(dae: DenoisingAutoencoder, X) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return seconds_of(lambda: dae.fit(X))


def fit(context: Context) -> dict:
    columns = ["library", "time", "dae is faster", "loss after 1 epoch", "after all"]
    if mnist_images() is None:
        context.say(MNIST_MISSING)
        return table("fit", "MNIST, 15 epochs", columns, [], {})
    setting = Setting(data="mnist", batch_size=20)
    epochs = 1 if context.quick else EPOCHS
    X, start, held = rows_of(setting), initial_weights(setting), held_rows(setting)
    rows_of_epoch = order(setting, 2000 if context.quick else len(X))
    names = tuple(name for name in NAMES if name in context.rivals)
    found, skipped = rivals.load(names, context.n_threads)
    for line in skipped:
        context.say(line)
    sessions = {
        name: rival.Session(setting, *start, X, context.n_threads) for name, rival in found.items()
    }
    losses = {}
    for name, session in sessions.items():  # not timed: warms up, and tells what is learned
        session.activate()
        session.train(rows_of_epoch)
        if session.comparable_loss:
            losses[name] = session.loss(*held)
    dae = estimator(setting, epochs, context.n_threads)

    def epoch(session):
        def task() -> float:
            session.activate()
            return epochs * seconds_of(lambda: session.train(rows_of_epoch))

        return task

    tasks = {"fit": partial(seconds_of_fit, dae, X[: len(rows_of_epoch)])} | {
        n: epoch(s) for n, s in sessions.items() if n != "ours"
    }
    taken = in_turn(tasks, 1 if context.quick else min(context.rounds, 3))
    network = network_of(dae.components_.T.copy(), dae.intercept_hidden_, dae.intercept_visible_)
    after_all = float(_reference.sample_losses(network, *held).mean())
    rows = [["dae fit", cell(taken["fit"], "s"), "-", cell(losses["ours"]), cell(after_all)]]
    for name in sessions:
        if name == "ours":
            continue
        apart = "-"
        if name in losses:
            distance = abs(losses[name] / losses["ours"] - 1)
            apart = cell(distance, "%", target=targets.LOSS_WITHIN, sense="<=", word="apart")
        ratio = cell(ratios(taken[name], taken["fit"]), "x")
        rows.append([names_of((name,))[0], cell(taken[name], "s"), ratio, apart, "-"])
    return table(
        "fit",
        f"MNIST, {epochs} epochs, 784-500, batch 20, plain SGD",
        columns,
        rows,
        {"setting": vars(setting), "seconds": taken, "losses": losses, "after_all": after_all},
        [f"Rivals: one epoch measured, times {epochs}."],
    )
