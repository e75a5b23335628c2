"""Training steps: samples per second of every rival, in turn, from the same initial weights.

Each rival first trains on the same number of samples, which warms it up and gives the final loss
(ours and theirs on one held set, by the reference). The timed passes follow.
"""

from __future__ import annotations

import time
from importlib import import_module
from itertools import product

import numpy as np

from bench import rivals, targets
from bench.machine import gemm_peak, products, set_torch_threads
from bench.render import cell
from bench.settings import (
    MNIST_MISSING,
    PRODUCTS,
    Setting,
    held_rows,
    initial_weights,
    mnist_images,
    order,
    rows_of,
)
from bench.tables import Context, table
from bench.timing import calls_for, in_turn, ratios, seconds_of
from dae import _core

LONGEST = 2**18  # rows of one timed pass
SPARSE = 0.3  # share of non-zeros below which zeros are skipped (bench.sparsity)


def data_sets(context: Context) -> list[str]:
    """'dense', and 'mnist' where it is to be had."""
    if mnist_images() is None:
        context.say(MNIST_MISSING)
        return ["dense"]
    return ["dense", "mnist"]


def final_loss(session, setting: Setting, quick: bool) -> float:
    """Of a new session, after a fixed number of samples."""
    budget, most = (3e9, 60) if quick else (1.5e11, 3000)
    n_steps = int(np.clip(budget / (setting.operations * setting.batch_size), 5, most))
    session.activate()
    session.train(order(setting, n_steps * setting.batch_size))
    return session.loss(*held_rows(setting))


def timed_pass(session, setting: Setting, seconds: float):
    """A task that returns samples per second of a pass that lasts about `seconds`."""
    B = setting.batch_size
    rows = order(setting, max(LONGEST // B, 1) * B)
    session.activate()
    count = calls_for(lambda k: session.train(rows[: k * B]), seconds)
    part = rows[: count * B]

    def task() -> float:
        session.activate()
        return len(part) / seconds_of(lambda: session.train(part))

    return task


def gemm_task(context: Context, dtype: str, n_threads: int):
    """Operations per second of this run's best matrix product, measured beside the steps."""
    best = max(
        (d for d in context.peaks["details"] if (d["dtype"], d["threads"]) == (dtype, n_threads)),
        key=lambda d: d["rate"],
    )
    M, K, N = best["shape"]
    A, B, out = (np.ones(shape, dtype) for shape in ((M, K), (K, N), (M, N)))
    multiply = products()[best["blas"]]
    session = rivals.load(("numpy_step",))[0]["numpy_step"]  # for its thread control alone
    setting = Setting(1, 1, 1, dtype=dtype)
    control = session.Session(setting, *initial_weights(setting), np.ones((1, 1), dtype), n_threads)

    def task() -> float:
        control.activate()
        set_torch_threads(n_threads)
        rates, stop = [], time.perf_counter() + context.seconds / 4
        while not rates or time.perf_counter() < stop:
            rates.append(2.0 * M * K * N / seconds_of(lambda: multiply(A, B, out)))
        return float(np.median(rates))

    return task


def measure(context: Context, setting: Setting, names: tuple[str, ...], n_threads: int) -> dict:
    """Samples per second by round and final loss of each rival; 'gemm' is among the rates."""
    print(f"   ... {setting.label()}", flush=True)
    found, skipped = rivals.load(names, n_threads)
    for line in skipped:
        context.say(line)
    X, start = rows_of(setting), initial_weights(setting)
    tasks, losses = {}, {}
    for name, rival in found.items():
        try:
            session = rival.Session(setting, *start, X, n_threads)
            if session.comparable_loss:
                losses[name] = final_loss(session, setting, context.quick)
            tasks[name] = timed_pass(session, setting, context.seconds)
        except Exception as error:
            if name == "ours":
                raise
            what = (str(error).splitlines() or [""])[0][:120]
            context.say(f"skipped {rival.name}, {setting.label()}: {type(error).__name__}: {what}")
    tasks["gemm"] = gemm_task(context, setting.dtype, n_threads)
    return {
        "setting": vars(setting) | {"learning_rate": setting.learning_rate},
        "n_threads": n_threads,
        "rates": in_turn(tasks, context.rounds),
        "losses": losses,
    }


# ------------------------------------------------------------------ rows of the tables


def peers(raw: dict) -> list[str]:
    return [name for name in raw["rates"] if name not in ("ours", "gemm")]


def fastest(raw: dict) -> str | None:
    """The rival that ours beats by least."""
    ours = raw["rates"]["ours"]
    return min(
        peers(raw), key=lambda name: np.median(ratios(ours, raw["rates"][name])), default=None
    )


def setting_of(raw: dict) -> Setting:
    return Setting(**{k: v for k, v in raw["setting"].items() if k != "learning_rate"})


def best_product(context: Context, raw: dict) -> float:
    """Operations per second of the best matrix product of this run."""
    peak = gemm_peak(context.peaks, raw["setting"]["dtype"], raw["n_threads"])
    return max(peak, max(raw["rates"]["gemm"]))


def most_samples(context: Context, raw: dict) -> float | None:
    """Samples per second of a step of its products alone, all at the best rate of BLAS.

    The two products with the corrupted rows take only the non-zeros of these, where there are few
    enough to skip the others. None where that is no limit: the products of a single row are not
    those of matrices, and a matrix unit makes those of float32 faster than BLAS does.
    """
    setting = setting_of(raw)
    by_unit = _core.simd_level() == "x86_64_amx" and setting.dtype == "float32"
    if setting.batch_size == 1 or by_unit:
        return None
    shown = np.mean(rows_of(setting) != 0) * (1 - setting.level)
    products = PRODUCTS - 2 * (1 - shown) if shown < SPARSE else PRODUCTS
    return best_product(context, raw) / (setting.operations * products / PRODUCTS)


def ratio_cells(context: Context, raw: dict, wanted: dict) -> list:
    """Ours over PyTorch eager, and over the fastest rival."""
    ours, cells, most = raw["rates"]["ours"], [], most_samples(context, raw)
    for name, key in (("torch_eager", "eager"), (fastest(raw), "fastest")):
        if name is None or name not in raw["rates"]:
            cells.append("-")
            continue
        theirs = raw["rates"][name]
        word = "" if key == "eager" else names_of((name,))[0]
        limit = None if most is None else most / np.median(theirs)
        ratio = ratios(ours, theirs)
        cells.append(cell(ratio, "x", target=wanted.get(key), limit=limit, word=word))
    return cells


def names_of(names: tuple[str, ...]) -> list[str]:
    return [import_module(f"bench.rivals.{name}").name for name in names]


def share_cells(context: Context, raw: dict, wanted: dict) -> list:
    """Our operations per second over the best product of the run, and over that of each round."""
    done = np.asarray(raw["rates"]["ours"]) * setting_of(raw).operations
    return [
        cell(done / best_product(context, raw), "%", target=wanted.get("share")),
        cell(ratios(list(done), raw["rates"]["gemm"]), "%"),
    ]


def loss_cells(raw: dict) -> list:
    """Our final loss, and the largest distance of a comparable rival's from it."""
    ours = raw["losses"]["ours"]
    apart = [abs(loss / ours - 1) for name, loss in raw["losses"].items() if name != "ours"]
    far = cell(max(apart), "%", target=targets.LOSS_WITHIN, sense="<=") if apart else "-"
    return [cell(ours), far]


def step_table(context: Context, name: str, title: str, settings: list, wanted, notes=()) -> dict:
    """`wanted` is a function from a setting to its targets."""
    raws = [measure(context, s, context.rivals, context.n_threads) for s in settings]
    shown = [n for n in context.rivals if any(n in raw["rates"] for raw in raws)]
    rows = []
    for setting, raw in zip(settings, raws, strict=True):
        row = [setting.shape, setting.data, setting.dtype, setting.solver, str(setting.batch_size)]
        for n in shown:
            row.append(cell(raw["rates"][n]) if n in raw["rates"] else "-")
        row += ratio_cells(context, raw, wanted(setting))
        row += share_cells(context, raw, wanted(setting))
        row += loss_cells(raw)
        rows.append(row)
    columns = [
        *("network", "data", "type", "solver", "batch"),
        *names_of(tuple(shown)),
        *("vs PyTorch eager", "vs the fastest", "of best gemm", "of gemm beside it"),
        *("final loss", "losses apart"),
    ]
    return table(
        name,
        title,
        columns,
        rows,
        raws,
        [
            f"Samples per second, {context.n_threads} threads on all sides; ratios are medians "
            f"over {context.rounds} rounds in turn, with quartiles. A sample costs 10 * n * m "
            "operations. MLPRegressor: untied, squared error, so its final loss is not compared.",
            "Out of reach is a target that a step would miss which consists of its five products "
            "alone, at the best rate of BLAS in this run (of MNIST's shown rows, the non-zeros).",
            *notes,
        ],
    )


# ------------------------------------------------------------------ tables


def steps(context: Context) -> dict:
    settings = [
        Setting(data=data, batch_size=B)
        for data, B in product(data_sets(context), (1, 20, 128, 512))
    ]
    return step_table(
        context,
        "steps",
        "Plain SGD, 784-500, masking 0.3",
        settings,
        lambda s: targets.step_targets(s.data, s.batch_size),
    )


def solvers(context: Context) -> dict:
    settings = [
        Setting(data=data, solver=solver, batch_size=B)
        for data, solver, B in product(data_sets(context), ("momentum", "adam"), (20, 128))
    ]
    return step_table(
        context,
        "solvers",
        "Momentum and Adam, 784-500",
        settings,
        lambda s: {"eager": targets.SOLVERS_EAGER[s.batch_size]},
    )


def float64(context: Context) -> dict:
    settings = [
        Setting(data=data, dtype="float64", batch_size=B)
        for data, B in product(data_sets(context), (20, 128))
    ]
    return step_table(
        context, "float64", "Plain SGD, 784-500, float64", settings, lambda setting: {}
    )


WEIGHT_PASSES = 3.0  # a step reads the weights in each of its two sweeps, and writes them in one
NETWORKS = ((128, 32), (784, 2000), (4096, 1024), (20_000, 512))


def networks(context: Context) -> dict:
    """Other shapes; where the weights outgrow the caches, bytes are the limit."""
    settings = [
        Setting(n, m, batch_size=B)
        for n, m in NETWORKS
        for B in ((1, 20, 128) if n * m > 4e6 else (20, 128))
    ]
    made = step_table(context, "networks", "Plain SGD, other networks", settings, lambda s: {})
    copies = context.peaks["copy"][str(context.n_threads)]
    at = made["columns"].index("final loss")
    made["columns"].insert(at, "of copy rate")
    for setting, row, raw in zip(settings, made["rows"], made["raw"], strict=True):
        n_bytes = (
            WEIGHT_PASSES * setting.n_features * setting.n_hidden * np.dtype(setting.dtype).itemsize
        )
        moved = np.asarray(raw["rates"]["ours"]) / setting.batch_size * n_bytes
        row.insert(at, cell(moved / max(copies.values()), "%"))
    rates = ", ".join(f"{rate / 1e9:.1f} GB/s ({size})" for size, rate in copies.items())
    made["notes"].append(
        "Of copy rate: weights read twice and written once per step, as a share of the bytes that "
        f"a copy reads and writes per second: {rates}."
    )
    return made


def threads(context: Context) -> dict:
    """One thread and more, batch 128."""
    rows, raws = [], []
    more = max(2, context.n_threads)
    for data in data_sets(context):
        setting = Setting(data=data, batch_size=128)
        X, start = rows_of(setting), initial_weights(setting)
        names = [n for n in ("ours", "torch_eager", "torch_by_hand") if n in context.rivals]
        tasks = {}
        for name, n_threads in product(names, (1, more)):
            found, skipped = rivals.load((name,), n_threads)
            for line in skipped:
                context.say(line)
            for rival in found.values():
                session = rival.Session(setting, *start, X, n_threads)
                tasks[f"{name}, {n_threads}"] = timed_pass(session, setting, context.seconds)
        rates = in_turn(tasks, context.rounds)
        raws.append({"setting": vars(setting), "rates": rates})
        for name in names:
            if f"{name}, {more}" not in rates:
                continue
            one, two = rates[f"{name}, 1"], rates[f"{name}, {more}"]
            target = targets.THREADS if name == "ours" and more == 2 else None
            rows.append(
                [data, *names_of((name,)), cell(one), cell(two)]
                + [cell(ratios(two, one), "x", target=target)]
            )
    columns = ["data", "library", "1 thread", f"{more} threads", "gain"]
    return table("threads", "Threads, 784-500, batch 128", columns, rows, raws)
