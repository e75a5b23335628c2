"""Step time while another process keeps every core busy, ours and PyTorch's.

The busy processes are stopped and continued by signals, so that quiet and loaded passes alternate.
A program without barriers loses just the share of the processor that it has to give away: two
independent one-thread trainings show how much that is. Barriers and spinning cost what is beyond.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from bench import rivals
from bench.render import cell
from bench.settings import Setting, initial_weights, order, rows_of
from bench.tables import Context, table
from bench.tables.steps import names_of, timed_pass
from bench.timing import calls_for, in_turn, ratios, seconds_of, spread

NAMES = ("ours", "torch_eager", "torch_by_hand")


def independent(setting: Setting, n_threads: int, seconds: float):
    """A task: mean samples per second of `n_threads` one-thread trainings side by side."""
    ours = rivals.load(("ours",))[0]["ours"]
    X, start = rows_of(setting), initial_weights(setting)
    sessions = [ours.Session(setting, *start, X, 1) for _ in range(n_threads)]
    rows = order(setting, 2**18 // setting.batch_size * setting.batch_size)
    count = calls_for(lambda k: sessions[0].train(rows[: k * setting.batch_size]), seconds)
    part = rows[: count * setting.batch_size]

    def task() -> float:
        with ThreadPoolExecutor(n_threads) as pool:
            taken = list(pool.map(lambda s: seconds_of(lambda: s.train(part)), sessions))
        return sum(len(part) / t for t in taken) / n_threads

    return task


def load(context: Context) -> dict:
    seconds = max(context.seconds, 0.2 if context.quick else 1.0)
    rows, raws = [], []
    for B in (20, 128):
        setting = Setting(batch_size=B)
        X, start = rows_of(setting), initial_weights(setting)
        tasks = {"independent": independent(setting, context.n_threads, seconds)}
        found, skipped = rivals.load(
            tuple(n for n in NAMES if n in context.rivals), context.n_threads
        )
        for line in skipped:
            context.say(line)
        for name, rival in found.items():
            session = rival.Session(setting, *start, X, context.n_threads)
            tasks[name] = timed_pass(session, setting, seconds)
        rates = alternate(tasks, context.rounds)
        raws.append({"setting": vars(setting), "rates": rates})
        growth = {name: ratios(rates[f"{name}, quiet"], rates[f"{name}, loaded"]) for name in tasks}
        lost = spread(growth["independent"])[0]
        for name in tasks:
            label = "independent threads" if name == "independent" else names_of((name,))[0]
            held = cell(growth[name], "x", target=lost if name == "ours" else None, sense="<=")
            quiet = cell([B / rate for rate in rates[f"{name}, quiet"]], "ms")
            rows.append([str(B), label, quiet, held])
    return table(
        "load",
        f"784-500 while {os.cpu_count()} other processes spin on {os.cpu_count()} cores",
        ["batch", "library", "step, quiet", "step time grows"],
        rows,
        raws,
        ["The target is the growth of independent threads: the share of the processor lost."],
    )


def alternate(tasks: dict, rounds: int) -> dict[str, list[float]]:
    """Rates of each task quiet and loaded, in turn."""
    busy = [
        subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]

    def set_load(on: bool) -> None:
        for process in busy:
            process.send_signal(signal.SIGCONT if on else signal.SIGSTOP)
        time.sleep(0.05)

    def with_load(task, on: bool):
        def run() -> float:
            set_load(on)
            return task()

        return run

    try:
        return in_turn(
            {
                f"{name}, {'loaded' if on else 'quiet'}": with_load(task, on)
                for (name, task), on in product(tasks.items(), (False, True))
            },
            rounds,
        )
    finally:
        for process in busy:
            process.kill()
            process.wait()
