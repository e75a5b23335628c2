"""``python -m dae``: a photograph cleaned by what another photograph has taught.

    1. train   an `ImageDenoiser` per kind of noise, on scikit-learn's picture of a building
    2. clean   scikit-learn's flower, which no training here has seen, with the same noise
    3. compare PSNR and SSIM with filters designed by hand, as a table and as a picture

The last panel of the picture is the textbook's experiment: one hidden layer with tied weights,
trained on corrupted patches, whose weights are drawn as small images.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dae._cli._options import Parser, add_n_jobs, complain, seed
from dae._cli._process import INTERRUPTED
from dae._files import check_place, write_whole
from dae.autoencoder import DenoisingAutoencoder
from dae.image import ImageDenoiser
from dae.image._noise import add_noise, lost_pixels

SUFFIXES = (".png", ".jpg", ".jpeg", ".pdf", ".svg")
EXTRAS = {"skimage": "scikit-image", "matplotlib": "matplotlib", "PIL": "pillow"}

KINDS = {  # noise of `ImageDenoiser` -> its level, and what to call it
    "gaussian": (25 / 255, "Gaussian noise, sigma 25 of 255"),
    "masking": (0.3, "30 % of the pixels missing"),
    "salt_and_pepper": (0.1, "10 % of the pixels black or white"),
}
LEARNED, BUNDLED = "learned here", "bundled model *"
PART = slice(110, 320), slice(165, 445)  # of the flower: what is drawn, and what --quick cleans
FILTER_SIZE = 10  # pixels, height and width


@dataclass(frozen=True)
class Size:
    """How much work to do."""

    n_patches: int
    stride: int
    n_filter_patches: int
    part: tuple[slice, ...] = ()


FULL = Size(n_patches=300_000, stride=1, n_filter_patches=100_000)
QUICK = Size(n_patches=20_000, stride=3, n_filter_patches=20_000, part=PART)


# ------------------------------------------------------------------ filters designed by hand


def median_of_known(noisy: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Lost pixels replaced by the median of the known ones around them (Hwang & Haddad, 1995).

    The window grows from 3 x 3 until it holds a known pixel.
    """
    known = np.where(lost, np.float32(np.nan), noisy)
    result, size = known.copy(), 3
    while np.isnan(result).any():
        padded = np.pad(known, size // 2, constant_values=np.nan)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # windows without a known pixel
            result[np.isnan(result)] = np.nanmedian(windows[np.isnan(result)], axis=(1, 2))
        size += 2
    return result


def designed(kind: str, noisy: np.ndarray, lost: np.ndarray) -> dict[str, Callable[[], Any]]:
    """The filters for one kind of noise; of several strengths, the best on photographs."""
    from scipy.ndimage import median_filter
    from skimage import restoration

    if kind == "gaussian":
        sigma = KINDS[kind][0]
        filters: dict[str, Callable[[], Any]] = {
            "bilateral": lambda: restoration.denoise_bilateral(
                noisy, sigma_color=2 * sigma, sigma_spatial=2
            ),
            "wavelet": lambda: restoration.denoise_wavelet(
                noisy, sigma=0.5 * sigma, wavelet="db4", method="VisuShrink", rescale_sigma=True
            ),
            "total variation": lambda: restoration.denoise_tv_chambolle(noisy, weight=0.8 * sigma),
            "non-local means": lambda: restoration.denoise_nl_means(
                noisy, patch_size=7, patch_distance=9, h=0.6 * sigma, sigma=sigma
            ),
        }
        if importlib.util.find_spec("pywt") is None:  # optional for scikit-image too
            del filters["wavelet"]
        return filters
    median = {f"median {n} x {n}": lambda n=n: median_filter(noisy, size=n) for n in (3, 5)}
    return (median if kind == "salt_and_pepper" else {}) | {
        "median of known pixels": lambda: median_of_known(noisy, lost),
        "biharmonic inpainting": lambda: restoration.inpaint_biharmonic(noisy, lost),
    }


# ------------------------------------------------------------------ the experiment


@dataclass(frozen=True)
class Result:
    """What was found for one kind of noise.

    Attributes
    ----------
    pictures : dict of str -> ndarray
        "noisy", and the result of each method, in the order of PSNR.
    scores : dict of str -> (float, float)
        PSNR in dB and SSIM of each.
    """

    pictures: dict[str, np.ndarray]
    scores: dict[str, tuple[float, float]]

    @property
    def best_designed(self) -> str:
        return max(set(self.scores) - {LEARNED, BUNDLED}, key=lambda name: self.scores[name])


def load_pictures() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's building and flower, grey, float32 from 0 to 1."""
    from skimage.color import rgb2gray
    from sklearn.datasets import load_sample_images

    building, flower = (rgb2gray(p).astype(np.float32) for p in load_sample_images().images)
    return building, flower


def score(clean: np.ndarray, picture: np.ndarray) -> tuple[float, float]:
    """PSNR in dB and SSIM."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    return (
        float(peak_signal_noise_ratio(clean, picture, data_range=1)),
        float(structural_similarity(clean, picture, data_range=1)),
    )


def compare(
    kind: str, denoiser: ImageDenoiser, clean: np.ndarray, rng: np.random.Generator
) -> Result:
    """Add noise to `clean` and remove it by every method."""
    level = KINDS[kind][0]
    # a stored picture has no pixels below black or above white
    noisy = np.clip(add_noise(kind, level, clean, rng), 0, 1)
    lost = np.ones(noisy.shape, dtype=bool) if kind == "gaussian" else lost_pixels(kind, noisy)
    methods = designed(kind, noisy, lost) | {LEARNED: lambda: denoiser.transform(noisy)}
    if kind == "gaussian":
        bundled = ImageDenoiser.pretrained().set_params(n_jobs=denoiser.n_jobs)
        methods[BUNDLED] = lambda: bundled.transform(noisy, sigma=level)
    pictures = {"noisy": noisy}
    for name, method in methods.items():  # all replace the lost pixels, and no others
        pictures[name] = np.where(lost, np.clip(method(), 0, 1), noisy).astype(np.float32)
    scores = {name: score(clean, picture) for name, picture in pictures.items()}
    order = sorted(scores, key=lambda name: scores[name][0])
    return Result({name: pictures[name] for name in order}, {name: scores[name] for name in order})


def learn_filters(
    building: np.ndarray, n_patches: int, seed: int, n_jobs: int | None
) -> DenoisingAutoencoder:
    """One hidden layer with tied weights, trained to remove noise from small patches."""
    from sklearn.feature_extraction.image import extract_patches_2d

    shape = FILTER_SIZE, FILTER_SIZE
    X = extract_patches_2d(building, shape, max_patches=n_patches, random_state=seed)
    X = X.reshape(n_patches, -1)
    X = (X - X.mean(axis=1, keepdims=True)) / 0.2  # about their contrast
    return DenoisingAutoencoder(
        100,
        activation="relu",
        corruption="gaussian",
        corruption_level=0.5,
        learning_rate_init=0.01,
        max_iter=3,
        tol=None,
        random_state=seed,
        n_jobs=n_jobs,
    ).fit(X)


def run(out: Path, *, seed: int = 0, n_jobs: int | None = None, size: Size = FULL) -> dict:
    """Train, clean, compare; print the table and write the picture to `out`."""
    started = time.perf_counter()
    building, flower = load_pictures()
    flower = np.ascontiguousarray(flower[size.part])
    results = {}
    for index, (kind, (level, name)) in enumerate(KINDS.items()):
        print(f"{name}\n  training on the building ...", end="", flush=True)
        denoiser = ImageDenoiser(
            kind,
            level,
            n_patches=size.n_patches,
            stride=size.stride,
            learning_rate_init=0.002,  # better than the default's 0.001 in so short a training
            random_state=seed,
            n_jobs=n_jobs,
        )
        begun = time.perf_counter()
        denoiser.fit([building])
        if denoiser.n_patches_ < size.n_patches:
            raise KeyboardInterrupt  # `fit` keeps what was learned until then; here it is no use
        print(f" {size.n_patches:,} patches in {time.perf_counter() - begun:.1f} s", flush=True)
        results[kind] = compare(kind, denoiser, flower, np.random.default_rng([seed, index]))
        print(table(results[kind]), flush=True)
    filters = learn_filters(building, size.n_filter_patches, seed, n_jobs)
    save(draw(results, flower if size.part else flower[PART], filters), out)
    print("* trained in advance for every sigma from 5 to 75, on other photographs")
    print(f"{time.perf_counter() - started:.1f} s in all; picture: {out}")
    return results


# ------------------------------------------------------------------ report


def table(result: Result) -> str:
    """The scores, the worst first."""
    lines = [f"  {'':<24}{'PSNR (dB)':>9} {'SSIM':>6}"]
    lines += [f"  {name:<24}{p:9.2f} {s:6.3f}" for name, (p, s) in result.scores.items()]
    return "\n".join(lines)


def draw(results: dict[str, Result], clean: np.ndarray, filters: DenoisingAutoencoder) -> Any:
    """The figure: a row per kind of noise; in the last column what belongs to none."""
    from matplotlib.figure import Figure

    from dae.inspection import FiltersDisplay

    figure = Figure(figsize=(12.2, 8.4), dpi=100, layout="constrained")
    figure.suptitle("Noise removed from a photograph by what another one has taught")
    axes = figure.subplots(3, 4)
    for row, (kind, result) in zip(axes, results.items(), strict=True):
        names = ["noisy", result.best_designed, LEARNED] + [BUNDLED] * (BUNDLED in result.scores)
        for axis, name in zip(row, names, strict=False):
            picture = result.pictures[name]
            show(axis, picture if picture.shape == clean.shape else picture[PART])
            label = KINDS[kind][1] if name == "noisy" else name.removesuffix(" *")
            axis.set_title(f"{label}: {result.scores[name][0]:.2f} dB", fontsize=9)
    show(axes[1, 3], clean)
    axes[1, 3].set_title("without noise", fontsize=9)
    FiltersDisplay.from_estimator(filters, n_filters=70, n_columns=10, ax=axes[2, 3], cmap="gray")
    axes[2, 3].set_title(f"filters of one hidden layer, {FILTER_SIZE} x {FILTER_SIZE}", fontsize=9)
    for axis in axes.flat:
        axis.set_axis_off()
    return figure


def show(axis: Any, picture: np.ndarray) -> None:
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)


def save(figure: Any, out: Path) -> None:
    """Write the figure whole or not at all."""
    data = io.BytesIO()
    figure.savefig(data, format=out.suffix[1:].lower())
    write_whole(out, lambda file: file.write(data.getvalue()))


# ------------------------------------------------------------------ command line


def output_file(text: str) -> Path:
    """A converter for argparse: a picture file that can be written."""
    path = Path(text)
    if path.suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"must end in one of {', '.join(SUFFIXES)}, got {text}")
    try:
        check_place(path)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return path


def parser() -> Parser:
    """The options of the command line."""
    options = Parser(
        prog="python -m dae",
        description="Train denoisers on one photograph, clean another one that has three kinds of "
        "noise, and compare with filters designed by hand. Takes about a minute.",
        allow_abbrev=False,
    )
    options.add_argument(
        "--out",
        type=output_file,
        default="dae_demo.png",
        metavar="FILE",
        help=f"the picture to write ({', '.join(SUFFIXES)}); default: %(default)s",
    )
    options.add_argument(
        "--quick",
        action="store_true",
        help="clean a part of the photograph after a fifteenth of the training: a few seconds, "
        "and worse results",
    )
    options.add_argument(
        "--seed", type=seed, default=0, help="same seed, same result; default: %(default)s"
    )
    add_n_jobs(options)
    return options


def check_extras(options: Parser) -> None:
    """End with one line if a package is missing that only the demonstration needs."""
    missing = [name for module, name in EXTRAS.items() if importlib.util.find_spec(module) is None]
    if missing:
        options.error(
            f"the demonstration needs {', '.join(missing)}; "
            'install with: pip install ".[demo]" (or "daecore[demo]")'
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; returns the exit status."""
    options = parser()
    arguments = options.parse_args(argv)
    check_extras(options)
    size = QUICK if arguments.quick else FULL
    try:
        run(arguments.out, seed=arguments.seed, n_jobs=arguments.n_jobs, size=size)
    except KeyboardInterrupt:
        print()  # "training ..." has no end of line
        complain("interrupted", options.prog)
        return INTERRUPTED
    except OSError as error:
        complain(error, options.prog)
        return 1
    return 0
