"""What hidden units look for, with and without noise (JMLR 2010, section 5; the 2010 tutorial).

    filters-mnist    784-500, 15 epochs of plain gradient descent, without noise and with masking
    filters-patches  12 x 12 patches of whitened photographs, without noise and with Gaussian noise

Two numbers stand beside the pictures, medians over the filters. Localisation: the share of a
filter's energy (its squared weights) in the window, of about a third of its side, that holds most.
Smoothness: the mean product of neighbouring weights over the mean square; 0 for noise, 1 for a
flat filter. A stroke is high in both, a filter that looks like noise in neither.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from bench.papers import benchmarks
from dae import DenoisingAutoencoder
from dae.inspection import FiltersDisplay

SHOWN = 100  # filters in a picture
WINDOW = {28: 9, 12: 4}  # pixels, for a filter of that side

TUTORIAL = {
    "n_components": 500, "activation": "logistic", "loss": "log_loss", "solver": "sgd",
    "momentum": 0.0, "learning_rate_init": 0.1, "learning_rate": "constant", "batch_size": 20,
    "max_iter": 15, "random_state": 0,
}  # fmt: skip

# rectified units and as much noise as signal; logistic units come to the same edges, more slowly
PATCH, N_PATCHES, NOISE = 12, 100_000, 1.0
NATURAL = {
    "n_components": 200, "activation": "relu", "loss": "squared_error", "solver": "adam",
    "learning_rate_init": 0.001, "learning_rate": "constant", "batch_size": 50, "max_iter": 15,
    "random_state": 0,
}  # fmt: skip


def localisation(filters: np.ndarray) -> float:
    side = round(np.sqrt(filters.shape[1]))
    window = WINDOW[side]
    energy = (filters**2).reshape(-1, side, side)
    held = np.lib.stride_tricks.sliding_window_view(energy, (window, window), axis=(1, 2))
    share = held.sum(axis=(-2, -1)).max(axis=(1, 2)) / energy.sum(axis=(1, 2))
    return float(np.median(share))


def smoothness(filters: np.ndarray) -> float:
    side = round(np.sqrt(filters.shape[1]))
    F = filters.reshape(-1, side, side)
    products = (F[:, 1:] * F[:, :-1]).mean(axis=(1, 2)) + (F[:, :, 1:] * F[:, :, :-1]).mean(
        axis=(1, 2)
    )
    return float(np.median(products / 2 / (F**2).mean(axis=(1, 2))))


def mnist_filters(folder: Path | None, quick: bool) -> dict:
    """The tutorial's network, data and settings."""
    X = benchmarks.digits(quick=quick).all.data
    noises = {"no noise": {"corruption": None}, "30 % masking": {"corruption_level": 0.3}}
    entry = compare(X, TUTORIAL, noises, folder, "filters_mnist.png", quick)
    return entry | {"title": "Filters of 784-500 after 15 epochs on MNIST"}


def patch_filters(folder: Path | None, quick: bool) -> dict:
    """Whitened as in Olshausen and Field (1996), whose pictures the paper took."""
    X = patches(1000 if quick else N_PATCHES)
    noises = {
        "no noise": {"corruption": None},
        f"Gaussian noise of {NOISE:g}": {"corruption": "gaussian", "corruption_level": NOISE},
    }
    entry = compare(X, NATURAL, noises, folder, "filters_patches.png", quick)
    entry["settings"] |= {"patches": len(X), "scale": "whitened pictures of unit variance"}
    return entry | {"title": "Filters of 144-200 on patches of natural images"}


def patches(n: int) -> np.ndarray:
    """Random patches of all photographs."""
    rng = np.random.default_rng(benchmarks.SEED)
    pictures = [whitened(picture) for picture in benchmarks.photographs()]
    each = -(-n // len(pictures))
    found = []
    for picture in pictures:
        windows = np.lib.stride_tricks.sliding_window_view(picture, (PATCH, PATCH))
        rows, columns = (rng.integers(0, count, each) for count in windows.shape[:2])
        found.append(windows[rows, columns].reshape(each, -1))
    return rng.permutation(np.concatenate(found))[:n].astype(np.float32)


def whitened(picture: np.ndarray) -> np.ndarray:
    """A flat spectrum up to 0.8 of the highest frequency, unit variance.

    Amplitudes of natural images fall as 1 / frequency: multiplied by it, they are flat; the
    exponential takes away the corners, which hold mostly noise.
    """
    height, width = picture.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    gain = frequency * np.exp(-((frequency / 0.4) ** 4))
    flat = np.fft.ifft2(np.fft.fft2(picture / 255.0) * gain).real
    return (flat / flat.std()).astype(np.float32)


def compare(
    X: np.ndarray,
    settings: dict,
    noises: dict[str, dict],
    folder: Path | None,
    picture: str,
    quick: bool,
) -> dict:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = []
    figure, axes = pyplot.subplots(1, len(noises), figsize=(8, 4.3), dpi=100)
    for ax, (name, noise) in zip(axes, noises.items(), strict=True):
        model = DenoisingAutoencoder(**(settings | noise | ({"max_iter": 1} if quick else {})))
        started = time.perf_counter()
        model.fit(X)
        seconds = time.perf_counter() - started
        W = np.asarray(model.components_)
        rows.append([name, localisation(W), smoothness(W), model.loss_curve_[-1], f"{seconds:.0f}"])
        FiltersDisplay(W[:SHOWN]).plot(ax, cmap="gray")
        ax.set_title(name)
    figure.tight_layout()
    if folder:
        figure.savefig(folder / picture)
        grey(folder / picture)
    pyplot.close(figure)
    return {
        "settings": settings,
        "pictures": {picture: f"The first {SHOWN} filters, without noise and with it"},
        "table": {
            "columns": ["noise", "localisation", "smoothness", "last loss", "seconds"],
            "rows": rows,
        },
    }


def grey(picture: Path) -> None:
    """Less than half the bytes: there is nothing coloured or transparent in it."""
    from PIL import Image

    with Image.open(picture) as opened:
        image = opened.convert("L").quantize(32)
    image.save(picture, optimize=True)
