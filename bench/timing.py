"""How times are taken: in turn, and compared round by round.

On a shared machine only the ratio of two times taken side by side says anything. So all that is
compared runs in rounds A B C, A B C, ...; each round gives a ratio, and the median of the ratios
counts, with the quartiles as its spread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

# Idle threads of OpenMP and BLAS spin before they sleep, OpenBLAS's for 2^26 cycles: let them, or
# they take a core from whoever is measured next.
PAUSE = 0.1


def seconds_of(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def in_turn(tasks: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each task returns, round by round: A B C, A B C, ..."""
    values: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            time.sleep(PAUSE)
            values[name].append(task())
    return values


def calls_for(function: Callable[[int], object], seconds: float, first: int = 1) -> int:
    """How large a count makes `function(count)` last about `seconds`; warms it up, too."""
    function(first)
    count = first
    while True:
        started = time.perf_counter()
        function(count)
        taken = time.perf_counter() - started
        if taken >= seconds / 4 or count >= 10**7:
            return max(1, round(count * seconds / max(taken, 1e-9)))
        count = max(count + 1, round(count * min(8.0, seconds / 2 / max(taken, 1e-9))))


def repeat(function: Callable[[], object]) -> Callable[[int], None]:
    """`function` as a function of how often it is called."""

    def run(count: int) -> None:
        for _ in range(count):
            function()

    return run


def per_call(function: Callable[[], object], seconds: float) -> Callable[[], float]:
    """A task for `in_turn`: seconds of one call, from as many as fill `seconds`."""
    run = repeat(function)
    count = calls_for(run, seconds)
    return lambda: seconds_of(lambda: run(count)) / count


def ratios(numerators: list[float], denominators: list[float]) -> np.ndarray:
    return np.asarray(numerators) / np.asarray(denominators)


def spread(values) -> tuple[float, float, float]:
    """Median and quartiles."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float(middle), float(low), float(high)
