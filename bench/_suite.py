"""What the pytest-benchmark suites share: sessions on small problems, and how often they run."""

from __future__ import annotations

import os

from bench.settings import Setting, initial_weights, mnist_images, order, rows_of

THREADS = min(2, len(os.sched_getaffinity(0)))
ROUNDS = {"rounds": 7, "warmup_rounds": 1}
DATA = ["dense"] + (["mnist"] if mnist_images() is not None else [])


def session_of(rival, setting: Setting, n_threads: int = THREADS):
    made = rival.Session(setting, *initial_weights(setting), rows_of(setting), n_threads)
    made.activate()
    return made


def rows_for(setting: Setting, most: int = 1024):
    """Some whole batches: milliseconds of work."""
    n_batches = max(1, min(most // setting.batch_size, 64))
    return order(setting, n_batches * setting.batch_size)
