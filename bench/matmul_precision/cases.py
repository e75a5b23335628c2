"""What is learned with both settings: functions of seed and precision that return named figures.

digits     the estimators' defaults, loss of held-out digits
layer      the papers' layer (784-500, logistic, masking 0.25, plain SGD), loss of held-out MNIST
mnist      SdA-3 of bench.papers, from all labels and from a tenth of them
sets       SdA-3 of bench.papers on `basic` and `rot`
pictures   PSNR of kodak's pictures, cleaned after a short training on a range of levels
bundled    PSNR of kodak's pictures, cleaned by the bundled model; the seed is that of the noise
defaults   the untuned classifiers and regressors of bench.defaults, the cases that judge
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from bench import data, records
from bench.defaults.candidates import error_of, seeds_for, stack
from bench.defaults.cases import JUDGING, available
from bench.denoise.cases import Case, luminance, training_pictures
from bench.papers import benchmarks, results
from bench.papers.baselines import few_rows
from bench.papers.mnist import ALL_LABELS, FEW_LABELS, STACK, noise
from bench.papers.networks import SHARED, pretrained, tuned
from bench.papers.sets import SETTINGS
from dae import DenoisingAutoencoder
from dae.image import ImageDenoiser

SIGMAS = (15, 25, 50)  # of 255
Figures = dict[str, float]


def digits(seed: int, precision: str, quick: bool) -> Figures:
    X = (load_digits().data / 16).astype(np.float32)
    epochs = {"max_iter": 3} if quick else {}
    dae = DenoisingAutoencoder(random_state=seed, matmul_precision=precision, **epochs)
    return {"digits, defaults: loss": -float(dae.fit(X[:1400]).score(X[1400:]))}


def layer(seed: int, precision: str, quick: bool) -> Figures:
    X = data.mnist()[0]
    dae = DenoisingAutoencoder(
        500, activation="logistic", loss="log_loss", corruption_level=0.25, solver="sgd",
        momentum=0.0, learning_rate_init=0.1, learning_rate="constant", batch_size=20,
        max_iter=1 if quick else 3, tol=None, random_state=seed, matmul_precision=precision,
    )  # fmt: skip
    loss = -float(dae.fit(X[:1000] if quick else X[:10_000]).score(X[50_000:55_000]))
    return {"MNIST, 784-500: loss": loss}


def mnist(seed: int, precision: str, quick: bool) -> Figures:
    """One pretraining for both; noise on the pixels as bench.papers chose it."""
    sets = benchmarks.digits(quick=quick)
    X, y = sets.all.data, sets.all.target
    settings = STACK | {"random_state": seed, "matmul_precision": precision}
    start, _ = pretrained(settings, X, quick)
    rows = np.concatenate(few_rows(quick))
    found = {}
    for what, tuning, part in (
        ("SdA-3 on MNIST: error", ALL_LABELS | noise(0.4), slice(None)),
        ("SdA-3, a tenth of the labels: error", FEW_LABELS | noise(0.3), rows),
    ):
        network, _ = tuned(settings | tuning, start, X[part], y[part], quick)
        found[what] = float(np.mean(network.predict(sets.test.data) != sets.test.target))
    return found


def sets(seed: int, precision: str, quick: bool) -> Figures:
    """With the levels of noise that bench.papers chose."""
    found = {}
    chosen = results.read(records.FOLDER)
    for name in ("basic", "rot"):
        parts = benchmarks.benchmark(name, quick)
        best = dict(chosen[f"set-{name}"]["rows"][0]["settings"])
        del best["validation_error"]
        settings = SHARED | SETTINGS | best
        settings |= {"random_state": seed, "matmul_precision": precision}
        X, y = parts.train.data, parts.train.target
        network, _ = tuned(settings, pretrained(settings, X, quick)[0], X, y, quick)
        error = float(np.mean(network.predict(parts.test.data) != parts.test.target))
        found[f"`{name}`, SdA-3: error"] = error
    return found


def pictures(seed: int, precision: str, quick: bool) -> Figures:
    denoiser = ImageDenoiser(
        level=(5 / 255, 75 / 255), n_patches=20_000 if quick else 400_000, random_state=seed,
        matmul_precision=precision,
    ).fit(training_pictures())  # fmt: skip
    return cleaned("trained on 400,000 patches", denoiser, 1 if quick else 4, 0)


def bundled(seed: int, precision: str, quick: bool) -> Figures:
    denoiser = ImageDenoiser.pretrained().set_params(matmul_precision=precision)
    return cleaned("the bundled denoiser", denoiser, 1 if quick else 24, seed)


def cleaned(what: str, denoiser: ImageDenoiser, n_pictures: int, seed: int) -> Figures:
    """Mean PSNR at each level."""
    return {
        f"{what}, sigma {sigma}: PSNR, dB": float(
            np.mean(
                [
                    case.psnr(case.finish(denoiser.transform([case.noisy], sigma=case.level)[0]))
                    for case in noisy(n_pictures, sigma / 255, seed)
                ]
            )
        )
        for sigma in SIGMAS
    }


def noisy(count: int, sigma: float, seed: int) -> Iterator[Case]:
    for name, clean in kodak(count):
        yield Case.of(f"{name} {seed}" if seed else name, clean, "gaussian", sigma)


@cache
def kodak(count: int) -> list[tuple[str, np.ndarray]]:
    found = data.pictures("kodak24").items()
    return [(name, luminance(pixels)) for name, pixels in islice(found, count)]


@cache
def judging() -> list[Any]:
    return available(JUDGING)


def defaults(seed: int, precision: str, quick: bool) -> Figures:
    found = {}
    for case in judging()[: 3 if quick else None]:
        if seed not in seeds_for(case):
            continue
        model = stack(case, seed, {"matmul_precision": precision})
        found[f"{case.name}, untuned: error"] = error_of(model.fit(case.X, case.y), case)
    return found


# by name: how many seeds, and the function; large sets and long trainings have few
CASES: dict[str, tuple[int, Callable[[int, str, bool], Figures]]] = {
    "digits": (5, digits),
    "layer": (5, layer),
    "sets": (2, sets),
    "mnist": (1, mnist),
    "pictures": (3, pictures),
    "bundled": (1, bundled),
    "defaults": (3, defaults),
}
