"""How many threads a call of the core gets."""

from __future__ import annotations

import functools
import logging
import os
import time
from typing import Any

import joblib
import numpy as np

from dae._core import tuning
from dae._model.network import Layer, Network
from daecore import _threads

openmp_enabled = _threads.openmp_enabled

# libgomp's threads do not survive a fork, and the child would wait for them for ever
# (GCC PR 60035; scikit-learn issue 19272). A forked child therefore works on one thread.
_forked = False
_said: set[str] = set()  # what was logged, once per process


def _after_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)


def n_threads(n_jobs: int | None) -> int:
    """Number of threads that `n_jobs` means at this moment, at least one.

    None: what OpenMP would use (OMP_NUM_THREADS, threadpoolctl), but no more than the cores this
    process may use (affinity, cgroup quota). A positive number: exactly that, up to 256. A negative
    number counts from the cores: -1 all, -2 all but one.

    A build without OpenMP, and a forked process, work on one thread and log so, once.
    """
    check_n_jobs(n_jobs)
    if not openmp_enabled():
        if _more_than_one_wanted(n_jobs):
            _say_once(
                logging.WARNING,
                "This build of dae is serial, because no OpenMP was found where it was built: it "
                "works on one thread whatever n_jobs is. Install a wheel, or build it again with a "
                "compiler that has OpenMP (pip install -v shows what the build says).",
            )
        return 1
    if _forked:
        _say_once(
            logging.INFO,
            "This process was forked: dae works on one thread here. Start processes with "
            "the 'spawn' or 'forkserver' method to use more.",
        )
        return 1
    if n_jobs is None:
        wanted = _threads.max_threads()
        if "OMP_NUM_THREADS" not in os.environ:
            wanted = min(wanted, _cores())
    elif n_jobs < 0:
        wanted = _cores() + 1 + int(n_jobs)
    else:
        wanted = int(n_jobs)
    return max(1, min(wanted, tuning.MOST_THREADS))


def _more_than_one_wanted(n_jobs: int | None) -> bool:
    alone = n_jobs == 1 or (n_jobs is None and os.environ.get("OMP_NUM_THREADS") == "1")
    return not alone and _cores() > 1


def _say_once(level: int, message: str) -> None:
    if message not in _said:
        _said.add(message)
        logging.getLogger("dae").log(level, message)


def n_threads_for(n_jobs: int | None, network: Layer | Network, n_rows: int) -> int:
    """`n_threads` for these rows; asked for only where it matters, since that takes 4 us."""
    size = 0
    for layer in network.layers:
        size += layer.encoder.size
    if 4 * n_rows * size >= tuning.SERIAL_CALL:
        return n_threads(n_jobs)
    check_n_jobs(n_jobs)
    return 1


def check_n_jobs(n_jobs: Any) -> None:
    """Raise ValueError for a value that was set after `fit`, which would have refused it."""
    if n_jobs is not None and (not isinstance(n_jobs, (int, np.integer)) or n_jobs == 0):
        raise ValueError(f"n_jobs must be None, a positive or a negative integer, got {n_jobs!r}.")


def useful_threads(n_threads: int, step: float, call: float = np.inf) -> int:
    """One thread, or `n_threads` where a step and a call have operations enough for more."""
    small = step < tuning.SERIAL_STEP or call < tuning.SERIAL_CALL
    return 1 if small else n_threads


def _cores() -> int:
    """Cores that this process may use now, as joblib counts them."""
    return _count_cores(int(time.monotonic()), os.environ.get("LOKY_MAX_CPU_COUNT"))


@functools.lru_cache(maxsize=1)
def _count_cores(_second: int, _loky_limit: str | None) -> int:
    # joblib reads files for 25 us, more than encoding a row takes: once per second is enough
    return int(joblib.cpu_count())
