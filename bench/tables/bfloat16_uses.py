"""What users do with `matmul_precision="medium"`: whole fits, inference, pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np

from bench.denoise.cases import luminance
from bench.render import cell
from bench.rivals import load
from bench.settings import Setting, initial_weights, mnist_images, order, rows_of
from bench.tables import Context, fits, table
from bench.tables.inference import activate, estimator
from bench.tables.steps import names_of
from bench.timing import in_turn, per_call, ratios, seconds_of
from dae.image import ImageDenoiser

PRECISIONS = ("highest", "medium")
TRAINING_RIVALS = ("torch_autocast", "torch_bfloat16")
SIGMA = 25 / 255
Tasks = dict[str, Callable[[], float]]


def bfloat16_uses(context: Context) -> dict:
    """One line for each use: "highest", "medium" and what PyTorch's users have."""
    cases = {
        f"`fit` of MNIST, {fits.EPOCHS} epochs, batch 20, SGD": whole_fit(context),
        **inference(context),
        "`ImageDenoiser.fit`, 100,000 patches": denoiser_training(context),
        "bundled denoiser, a megapixel of grey": denoiser_cleaning(),
    }
    rows, raws = [], {}
    for what, tasks in cases.items():
        if not tasks:
            continue
        rounds = 1 if context.quick else 3 if "fit" in what else context.rounds
        seconds = raws[what] = in_turn(tasks, rounds)
        highest, medium = (seconds[name] for name in PRECISIONS)
        row = [what, cell(highest, "s"), cell(medium, "s"), cell(ratios(highest, medium), "x")]
        theirs = [name for name in seconds if name not in PRECISIONS]
        if theirs:
            name = min(theirs, key=lambda name: np.median(seconds[name]))
            row += [cell(seconds[name], "s"), cell(ratios(seconds[name], medium), "x", word=name)]
        else:
            row += ["-", "-"]
        rows.append(row)
    return table(
        "bfloat16-uses",
        'matmul_precision="medium" in use',
        ["what", "highest", "medium", "medium is faster", "fastest rival", "medium over rival"],
        rows,
        raws,
        [
            f"{context.n_threads} threads on all sides, in turn. Rivals: PyTorch with bfloat16, "
            "by autocast or by hand; of `fit` one epoch, times their number."
        ],
    )


def whole_fit(context: Context) -> Tasks:
    """From the initial weights to the fitted estimator; of the rivals their training."""
    if mnist_images() is None:
        return {}
    setting = Setting(data="mnist", batch_size=20)
    epochs = 1 if context.quick else fits.EPOCHS
    X, start = rows_of(setting), initial_weights(setting)
    rows = order(setting, 2000 if context.quick else len(X))

    def theirs(session) -> Callable[[], float]:
        session.train(rows[:2000])  # not timed: warms up

        def task() -> float:
            session.activate()
            return epochs * seconds_of(lambda: session.train(rows))

        return task

    found, skipped = load(TRAINING_RIVALS, context.n_threads)
    for line in skipped:
        context.say(line)
    tasks: Tasks = {}
    for precision in PRECISIONS:
        dae = fits.estimator(setting, epochs, context.n_threads, matmul_precision=precision)
        tasks[precision] = partial(fits.seconds_of_fit, dae, X[: len(rows)])
    for name, rival in found.items():
        session = rival.Session(setting, *start, X, context.n_threads)
        tasks[names_of((name,))[0]] = theirs(session)
    return tasks


def inference(context: Context) -> dict[str, Tasks]:
    """`transform` and `reconstruct` of many rows; PyTorch's weights are rounded beforehand."""
    n_rows = 1000 if context.quick else 10_000
    setting = Setting(batch_size=20)
    X = rows_of(setting)[:n_rows]
    models = {precision: estimator(setting, context.n_threads) for precision in PRECISIONS}
    rivals, skipped = load(("torch_eager",), context.n_threads)
    for line in skipped:
        context.say(line)
    torch_calls = torch_functions(setting, X) if rivals else {}
    found: dict[str, Tasks] = {}
    for what in ("transform", "reconstruct"):
        calls = {
            precision: getattr(model.set_params(matmul_precision=precision), what)
            for precision, model in models.items()
        }
        tasks = {
            name: per_call(lambda call=call: call(X), context.seconds)
            for name, call in calls.items()
        }
        for (name, of), call in torch_calls.items():
            if of == what:
                tasks[name] = per_call(call, context.seconds)
        found[f"`{what}` of {n_rows:,} rows, 784-500"] = tasks
    activate(context.n_threads)
    return found


def torch_functions(setting: Setting, X: np.ndarray) -> dict:
    """(name, what) -> a call; autocast rounds X, by hand everything is bfloat16."""
    import torch
    import torch.nn.functional as F

    W, b, c = (torch.from_numpy(array) for array in initial_weights(setting))
    weights = {
        "PyTorch autocast": (W.t().contiguous(), b, c, torch.from_numpy(X)),
        "PyTorch, all bfloat16": tuple(
            part.bfloat16() for part in (W.t().contiguous(), b, c, torch.from_numpy(X))
        ),
    }

    def calls(V, b, c, X) -> dict:
        @torch.inference_mode()
        @torch.autocast("cpu", torch.bfloat16)
        def encode():
            return torch.sigmoid(F.linear(X, V, b))

        @torch.inference_mode()
        @torch.autocast("cpu", torch.bfloat16)
        def reconstruct():
            return torch.sigmoid(F.linear(encode(), V.t(), c))

        return {"transform": encode, "reconstruct": reconstruct}

    every = {name: calls(*parts) for name, parts in weights.items()}
    return {
        (name, what): every[name][what]
        for name, what in product(weights, ("transform", "reconstruct"))
    }


def picture() -> np.ndarray:
    """The flower with noise, grey float32 from 0 to 1."""
    from sklearn.datasets import load_sample_image

    clean = luminance(load_sample_image("flower.jpg"))
    noise = np.random.default_rng(0).normal(scale=SIGMA, size=clean.shape)
    return (clean + noise).astype(np.float32)


def denoiser_training(context: Context) -> Tasks:
    patches = 5000 if context.quick else 100_000
    pictures = [np.clip(picture(), 0, 1)]

    def task(precision: str) -> float:
        denoiser = ImageDenoiser(
            level=SIGMA, n_patches=patches, n_jobs=context.n_threads, random_state=0,
            matmul_precision=precision,
        )  # fmt: skip
        return seconds_of(lambda: denoiser.fit(pictures))

    return {precision: lambda p=precision: task(p) for precision in PRECISIONS}


def denoiser_cleaning() -> Tasks:
    noisy = picture()

    def task(denoiser: ImageDenoiser) -> float:
        seconds = seconds_of(lambda: denoiser.transform([noisy], sigma=SIGMA))
        return seconds / noisy.size * 1e6

    denoisers = {
        precision: ImageDenoiser.pretrained().set_params(matmul_precision=precision)
        for precision in PRECISIONS
    }
    return {precision: lambda d=d: task(d) for precision, d in denoisers.items()}
