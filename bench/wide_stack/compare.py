"""Samples per CPU second, in turn: A B C, A B C, ...

CPU seconds of one thread, not wall-clock seconds: other work on the machine slows both, but not
equally.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import pairwise

import numpy as np

from bench.machine import gemm_peak, peaks
from bench.timing import in_turn
from bench.wide_stack.rivals import RIVALS, SIZES
from bench.wide_stack.tables import CASES

BATCH_SIZES = (128,)
ROUNDS = 5
SAMPLES = 1024  # of one rival in one round: what a call costs besides its steps is then small


def run(only: list[str], quick: bool = False) -> dict:
    results = []
    best = gemm_peak(peaks(1, quick=quick), "float32", 1)
    for table, load in CASES.items():
        case = load()
        for batch_size in BATCH_SIZES[:1] if quick else BATCH_SIZES:
            sessions = {rival: RIVALS[rival](case, batch_size) for rival in only}
            rows = np.random.default_rng(0).choice(len(case.X), SAMPLES, replace=False)
            tasks = {name: partial(_rate, session, rows) for name, session in sessions.items()}
            in_turn(tasks, 1)  # compilers and first calls are not timed
            rates = in_turn(tasks, 2 if quick else ROUNDS)
            losses = {rival: session.loss() for rival, session in sessions.items()}
            results.append(
                {
                    "table": table,
                    "columns": case.X.shape[1],
                    "losses": len(case.blocks or [None]),
                    "batch_size": batch_size,
                    "rates": rates,
                    "limit": best / operations(case.X.shape[1]),
                    "last_losses": losses,
                }
            )
            print(table, batch_size, {r: round(np.median(v)) for r, v in rates.items()}, flush=True)
    return {"results": results, "rounds": ROUNDS}


def operations(n_features: int) -> int:
    """Of the products of one sample: forward, deltas and gradients, encoders and decoders."""
    sizes = (n_features, *SIZES)
    return 2 * 3 * 2 * sum(before * after for before, after in pairwise(sizes))


def _rate(session, rows: np.ndarray) -> float:
    started = time.process_time()
    session.train(rows)
    return len(rows) / (time.process_time() - started)
