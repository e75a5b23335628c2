"""Sampled outputs beside all outputs: the held-out loss after equal epochs and after equal time.

20 Newsgroups, which of 10,000 words a text has; 256 logistic units, tied, cross-entropy, masking
0.3. Each side has the learning rate that is best for it on a tenth of the training texts; the loss
of 2,000 test texts is full and without corruption. Time is processor time of training alone, on one
thread, so that a shared machine can tell, too.
"""

from __future__ import annotations

import time

import numpy as np

from bench.sparse import speed, table
from dae import DenoisingAutoencoder

EPOCHS, TEST = 12, 2000
RATES = (3e-4, 1e-3, 3e-3)
# epochs of the sampled sides go on: they are cheap
SIDES = {"all outputs": (None, 1), "1 zero": (1.0, 4), "5 zeros": (5.0, 2)}


def model(sampling: float | None, rate: float) -> DenoisingAutoencoder:
    return DenoisingAutoencoder(
        256,
        activation="logistic",
        loss="log_loss",
        batch_size=128,
        learning_rate_init=rate,
        reconstruction_sampling=sampling,
        random_state=0,
        n_jobs=1,
    )


def curve(sampling, rate: float, X, held_out, epochs: int) -> list[tuple[float, float]]:
    """Seconds of training so far and held-out loss, after each epoch."""
    dae, seconds, points = model(sampling, rate), 0.0, []
    for _ in range(epochs):
        started = time.process_time()
        dae.partial_fit(X)
        seconds += time.process_time() - started
        points.append((seconds, -dae.score(held_out)))
    return points


def run(quick: bool = False) -> dict:
    X, test = speed.texts(), speed.texts("test")
    n_train = 9 * X.shape[0] // 10
    epochs = 2 if quick else EPOCHS
    rng = np.random.RandomState(0)
    X = X[rng.permutation(X.shape[0])]
    test = test[rng.permutation(test.shape[0])[:TEST]]
    sides = {}
    for name, (sampling, longer) in SIDES.items():
        # chosen after as many epochs as the full side has
        chosen = {
            rate: curve(sampling, rate, X[:n_train], X[n_train:], max(2, epochs // 6))[-1][1]
            for rate in (RATES[1:2] if quick else RATES)
        }
        rate = min(chosen, key=chosen.__getitem__)
        points = curve(sampling, rate, X, test, epochs * longer)
        sides[name] = {"sampling": sampling, "rate": rate, "tried": chosen, "points": points}
        print(name, rate, points[-1], flush=True)
    return {"epochs": epochs, "sides": sides}


def _loss_at(points, seconds: float) -> float:
    """The smallest loss within that time."""
    within = [loss for taken, loss in points if taken <= seconds]
    return min(within) if within else np.nan


def _time_to(points, loss: float) -> float:
    reached = [taken for taken, found in points if found <= loss]
    return reached[0] if reached else np.nan


def text(result: dict) -> str:
    full = result["sides"]["all outputs"]["points"]
    best = min(loss for _, loss in full)
    first = next(taken for taken, loss in full if loss <= 1.01 * best)
    rows = []
    for name, side in result["sides"].items():
        points = side["points"]
        epochs = result["epochs"]
        to_best = _time_to(points, 1.01 * best)
        rows.append(
            [
                name,
                f"{side['rate']:g}",
                f"{points[epochs - 1][0] / epochs:.2f}",
                f"{points[epochs - 1][1]:.2f}",
                f"{_loss_at(points, first):.2f}",
                f"{min(loss for _, loss in points):.2f}",
                "-" if np.isnan(to_best) else f"{to_best:.1f}",
                "-" if np.isnan(to_best) else f"{first / to_best:.1f}x",
            ]
        )
    return table.markdown(
        "Held-out loss per text, of all 10,000 outputs and without corruption (20 Newsgroups, 256 "
        "logistic units, Adam, batches of 128; processor time of one thread). \"Equal time\" is "
        "that at which the side with all outputs came within 1 % of its best loss, "
        f"{first:.1f} s; {table.machine_of(result)}.",
        [
            "reconstructed per non-zero", "rate", "seconds per epoch",
            f"loss after {result['epochs']} epochs", "after equal time", "best",
            "seconds to that 1 %", "faster by",
        ],
        rows,
    )  # fmt: skip
