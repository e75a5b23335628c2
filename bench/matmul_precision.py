"""Does `matmul_precision="medium"` learn what "highest" learns? Pairs of fits, seed by seed.

    python -m bench.matmul_precision [--quick] [--only digits,mnist,labels,pictures] [--out FILE]

Both fits of a pair have the same initial weights, rows and corruption, so that what differs is the
rounding of factors; the seeds tell how much of a difference is chance. The interval is that of the
mean difference over the seeds, 95 % (Student's t). Where this machine has no faster products for
"medium" there is nothing to compare; DAE_SIMD=x86_64_v4_bf16 rounds on every processor with AVX-512
BF16, fast or not.

digits: the estimators' defaults, loss of held-out digits. mnist: the papers' layer (784-500,
logistic, masking 0.25, plain SGD). labels: a stack and a classifier from a tenth of MNIST's labels.
pictures: PSNR of cleaned pictures at sigma 25 after a short training.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.datasets import load_digits

from bench import data, machine, records, render
from bench.denoise.cases import Case, luminance, training_pictures
from bench.render import cell
from bench.tables import table
from dae import DenoisingAutoencoder, StackedDenoisingClassifier, _core
from dae.image import ImageDenoiser

SEEDS = 5
SIGMA = 25 / 255


def digits(seed: int, precision: str, quick: bool) -> float:
    """Mean loss of held-out digits, the defaults of the estimator."""
    X = (load_digits().data / 16).astype(np.float32)
    dae = DenoisingAutoencoder(
        max_iter=3 if quick else 200, random_state=seed, matmul_precision=precision
    )
    return -float(dae.fit(X[:1400]).score(X[1400:]))


def mnist_layer(seed: int, precision: str, quick: bool) -> float:
    """Mean loss of held-out MNIST digits."""
    X = data.mnist()[0]
    dae = DenoisingAutoencoder(
        500, activation="logistic", loss="log_loss", corruption_level=0.25, solver="sgd",
        momentum=0.0, learning_rate_init=0.1, batch_size=20, max_iter=1 if quick else 3, tol=None,
        random_state=seed, matmul_precision=precision,
    )  # fmt: skip
    return -float(dae.fit(X[:1000] if quick else X[:10_000]).score(X[50_000:55_000]))


def mnist_labels(seed: int, precision: str, quick: bool) -> float:
    """Share of wrong classes; three layers pretrained, then labels of 6,000 digits."""
    X, y = data.mnist()
    classifier = StackedDenoisingClassifier(
        (256, 256, 256), corruption_level=[0.1, 0.2, 0.3], max_iter=1 if quick else 5,
        fine_tune_max_iter=1 if quick else 10, tol=None, random_state=seed,
        matmul_precision=precision,
    )  # fmt: skip
    part = slice(0, 600 if quick else 6000)
    return 1 - float(classifier.fit(X[part], y[part]).score(X[50_000:], y[50_000:]))


def pictures(seed: int, precision: str, quick: bool) -> float:
    """Mean PSNR of noisy pictures of the set, cleaned, in dB."""
    denoiser = ImageDenoiser(
        level=SIGMA,
        n_patches=20_000 if quick else 400_000,
        random_state=seed,
        matmul_precision=precision,
    ).fit(training_pictures())
    cases = [Case.of(name, clean, "gaussian", SIGMA) for name, clean in kodak(1 if quick else 4)]
    return float(
        np.mean([case.psnr(case.finish(denoiser.transform([case.noisy])[0])) for case in cases])
    )


@cache
def kodak(count: int) -> list[tuple[str, np.ndarray]]:
    """The first pictures of the test set."""
    found = list(data.pictures("kodak24").items())[:count]
    return [(name, luminance(pixels)) for name, pixels in found]


CASES: dict[str, tuple[str, Callable[[int, str, bool], float]]] = {
    "digits": ("loss of held-out digits, defaults", digits),
    "mnist": ("loss of held-out MNIST, 784-500", mnist_layer),
    "labels": ("test error, 6,000 labels of MNIST", mnist_labels),
    "pictures": ("PSNR at sigma 25, dB", pictures),
}


def pairs(of: Callable[[int, str], float], n_seeds: int) -> dict[str, list[float]]:
    """What both precisions come to, seed by seed."""
    found: dict[str, list[float]] = {"highest": [], "medium": []}
    for seed in range(n_seeds):
        for precision, values in found.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values.append(of(seed, precision))
    return found


def row(what: str, found: dict[str, list[float]]) -> list:
    highest, medium = (np.asarray(found[name]) for name in ("highest", "medium"))
    apart = medium - highest
    half = 0.0
    if len(apart) > 1:
        half = stats.t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
    spread = highest.std(ddof=1) if len(highest) > 1 else 0.0
    numbers = (highest.mean(), spread, medium.mean(), apart.mean(), half)
    return [
        what,
        *(f"{number:.5g}" for number in numbers),
        cell(abs(apart.mean()) / abs(highest.mean()), "%"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.matmul_precision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="tiny; the figures mean nothing")
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, help="JSON file; what it has of other cases stays")
    args = parser.parse_args()
    if "medium" not in _core.accelerated_precisions():
        sys.exit(
            f"SIMD level {_core.simd_level()} computes 'medium' as 'highest': nothing to compare. "
            "Set DAE_SIMD=x86_64_v4_bf16 where the processor has AVX-512 BF16."
        )
    before = records.read(args.out) if args.out else {}
    raw = before.get("table", {}).get("raw", {})
    for name in args.only.split(","):
        what, function = CASES[name]
        print(f"   ... {what}", flush=True)
        try:
            raw[name] = pairs(partial(_call, function, args.quick), 2 if args.quick else args.seeds)
        except FileNotFoundError as error:
            print(f"   left out: {error}", flush=True)
    made = table(
        "matmul_precision",
        "matmul_precision='medium' beside 'highest', the same seeds",
        ["what", "highest", "its deviation", "medium", "medium - highest", "95 % interval, +-"]
        + ["difference"],
        [row(CASES[name][0], raw[name]) for name in CASES if name in raw],
        raw,
        [f"{args.seeds} seeds. Deviation: of the values of highest from seed to seed."],
    )
    print(render.plain(made), flush=True)
    if args.out:
        records.write(
            args.out,
            {"environment": machine.environment(), "quick": args.quick, "table": made},
        )
    return 0


def _call(function: Callable[[int, str, bool], float], quick: bool, seed: int, precision: str):
    return function(seed, precision, quick)


if __name__ == "__main__":
    sys.exit(main())
