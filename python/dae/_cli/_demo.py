"""``python -m dae``: a filter learned from one photograph cleans another one.

    1. train   patches of the building, noisy -> clean, fresh places and fresh noise a block
    2. clean   the flower, never seen, with the same noise: patch by patch, overlaps averaged
    3. judge   PSNR and SSIM beside the hand-made filters, as a table and as a picture

Each patch loses its own mean before the network sees it and gets it back afterwards: the
network then has to know texture only, not brightness. What the mean is taken over, and which
pixels of the result are used, is up to the noise (`Noise`).
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from dae._cli._options import Parser, n_threads, number
from dae._files import check_place, write_whole
from dae.autoencoder import DenoisingAutoencoder
from dae.image._patches import average_patches, extract_patches, gather_patches

PATCH_SIZE = 8
N_PATCHES = 2_000_000
BLOCK = 100_000  # patches between two changes of noise and learning rate
LEARNING_RATE = 0.005  # at the start; falls to zero along half a cosine

DEFAULT_LEVELS = {"gaussian": 25 / 255, "masking": 0.3, "salt_and_pepper": 0.1}
SUFFIXES = (".png", ".jpg", ".jpeg", ".pdf", ".svg")
EXTRAS = {"skimage": "scikit-image", "matplotlib": "matplotlib", "PIL": "pillow"}

# ------------------------------------------------------------------ noise


@dataclass(frozen=True)
class Noise:
    """A kind of noise on grey pictures with pixels from 0 to 1.

    Attributes
    ----------
    kind : {"gaussian", "masking", "salt_and_pepper"}
    level : float
        Standard deviation of "gaussian", else the share of the pixels that are hit.
    """

    kind: str
    level: float

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} noise of level {self.level:.3g}"

    def for_training(self) -> Noise:
        """The noise to train on.

        Where only lost pixels are replaced, a network that sees few of them spends itself on
        copying the others. With half of them lost it fills holes better, few holes too.
        """
        if self.kind == "gaussian":
            return self
        return replace(self, level=max(self.level, 0.5))

    def add(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A noisy copy. Gaussian noise may leave [0, 1]."""
        if self.kind == "gaussian":
            noise = rng.standard_normal(picture.shape, dtype=picture.dtype)
            return picture + picture.dtype.type(self.level) * noise
        noisy = picture.copy()
        hit = rng.random(picture.shape) < self.level
        if self.kind == "masking":
            noisy[hit] = 0
        else:
            noisy[hit] = rng.integers(0, 2, int(hit.sum()))
        return noisy

    def lost(self, noisy: np.ndarray) -> np.ndarray:
        """Which pixels look as if nothing of the picture were left in them, bool."""
        if self.kind == "gaussian":
            return np.zeros(noisy.shape, dtype=bool)
        black = noisy == 0
        return black if self.kind == "masking" else black | (noisy == 1)

    def keep(self, cleaned: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        """The cleaned picture, with the pixels that the noise cannot have touched put back."""
        if self.kind == "gaussian":
            return np.clip(cleaned, 0, 1)
        return np.where(self.lost(noisy), np.clip(cleaned, 0, 1), noisy)


def centred(noisy: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patches less their means; the means, of shape (n_patches, 1).

    Lost pixels do not count in the mean, and become the mean: zero, as if masked.
    """
    kept = ~lost
    n_kept = kept.sum(axis=1, keepdims=True)
    # with nothing left to go by, as in a saturated sky, the noisy pixels are the best guess
    kept |= n_kept == 0
    mean = np.mean(noisy, axis=1, keepdims=True, where=kept)
    return np.where(lost, noisy.dtype.type(0), noisy - mean), mean


# ------------------------------------------------------------------ training, cleaning


def load_pictures() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's building and flower, grey, float32 from 0 to 1."""
    from skimage.color import rgb2gray
    from sklearn.datasets import load_sample_image

    building, flower = (
        rgb2gray(load_sample_image(name)).astype(np.float32) for name in ("china.jpg", "flower.jpg")
    )
    return building, flower


def training_block(
    picture: np.ndarray, noise: Noise, n_patches: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Clean patches from random places, and what the network is shown of them.

    The noise is not clipped to [0, 1] as it is in a stored picture: clipping shifts the mean
    of bright patches down, and a network that is not told the brightness would learn the
    shift of this picture's sky for all pictures.
    """
    rows, columns = (rng.integers(0, n - PATCH_SIZE + 1, n_patches) for n in picture.shape)
    noisy_picture = noise.add(picture, rng)
    noisy = gather_patches(noisy_picture, PATCH_SIZE, rows, columns)
    lost = gather_patches(noise.lost(noisy_picture), PATCH_SIZE, rows, columns)
    shown, mean = centred(noisy, lost)
    return gather_patches(picture, PATCH_SIZE, rows, columns) - mean, shown


def train(
    model: DenoisingAutoencoder,
    picture: np.ndarray,
    noise: Noise,
    n_patches: int,
    rng: np.random.Generator,
) -> Iterator[int]:
    """Train in blocks; yields, after each, the number of patches shown so far."""
    done = 0
    while done < n_patches:
        decay = (1 + np.cos(np.pi * done / n_patches)) / 2
        model.set_params(learning_rate_init=LEARNING_RATE * decay)
        clean, shown = training_block(picture, noise, min(BLOCK, n_patches - done), rng)
        model.partial_fit(clean, X_corrupted=shown)
        done += len(clean)
        yield done


def clean_picture(
    model: DenoisingAutoencoder, noisy: np.ndarray, noise: Noise, stride: int
) -> np.ndarray:
    """The picture put together from its cleaned patches."""
    shown, mean = centred(
        extract_patches(noisy, PATCH_SIZE, stride),
        extract_patches(noise.lost(noisy), PATCH_SIZE, stride),
    )
    return average_patches(model.reconstruct(shown) + mean, noisy.shape, PATCH_SIZE, stride)


def hand_made(noisy: np.ndarray, sigma: float) -> dict[str, np.ndarray]:
    """The picture as the designed filters clean it; `sigma` is the noise's deviation."""
    from scipy.ndimage import median_filter
    from skimage.restoration import denoise_bilateral, denoise_nl_means

    return {
        "median 3x3": median_filter(noisy, size=3),
        "median 5x5": median_filter(noisy, size=5),
        "bilateral": denoise_bilateral(noisy, sigma_color=2 * sigma, sigma_spatial=2),
        "non-local means": denoise_nl_means(
            noisy, patch_size=5, patch_distance=6, h=0.6 * sigma, sigma=sigma, fast_mode=True
        ),
    }


# ------------------------------------------------------------------ report


@dataclass(frozen=True)
class Result:
    """What one run of the experiment found.

    Attributes
    ----------
    pictures : dict of str -> ndarray
        "clean", "noisy" and each method's picture.
    scores : dict of str -> (float, float)
        PSNR in dB and SSIM of each of them but "clean".
    filters : ndarray of shape (n_components, n_features)
    n_patches, seconds : shown in training, and how long that took
    """

    pictures: dict[str, np.ndarray]
    scores: dict[str, tuple[float, float]]
    filters: np.ndarray
    n_patches: int
    seconds: float


def score(clean: np.ndarray, picture: np.ndarray) -> tuple[float, float]:
    """PSNR in dB and SSIM."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    return (
        float(peak_signal_noise_ratio(clean, picture, data_range=1)),
        float(structural_similarity(clean, picture, data_range=1)),
    )


class Progress:
    """A line a block, or on a terminal one line that is written over."""

    def __init__(self, total: int, stream: IO[str]) -> None:
        self.total = total
        self.stream = stream
        self.over = stream.isatty()
        self.start = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    def show(self, done: int, loss: float) -> None:
        """Write where training stands; `loss` is a patch's squared error."""
        rate = done / self.seconds
        psnr = -10 * np.log10(loss / PATCH_SIZE**2)
        line = (
            f"  {done:>9,} of {self.total:,} patches   training PSNR {psnr:5.2f} dB"
            f"   {rate:>9,.0f} patches/s   {(self.total - done) / rate:3.0f} s left"
        )
        last = done == self.total
        self.stream.write(("\r" if self.over else "") + line)
        self.stream.write("\n" if last or not self.over else "")
        self.stream.flush()


def table(result: Result) -> str:
    """The scores, and the cost of training."""
    lines = [f"  {'':<16} {'PSNR (dB)':>9} {'SSIM':>6}"]
    lines += [f"  {name:<16} {p:9.2f} {s:6.3f}" for name, (p, s) in result.scores.items()]
    rate = result.n_patches / result.seconds
    lines.append(
        f"  training: {result.n_patches:,} samples in {result.seconds:.1f} s, "
        f"{rate:,.0f} samples per second"
    )
    return "\n".join(lines)


def filter_tiles(filters: np.ndarray) -> np.ndarray:
    """Filters as tiles of one picture from -1 to 1, the largest norm first, NaN between."""
    order = np.argsort(-np.linalg.norm(filters, axis=1), kind="stable")
    across = int(np.ceil(np.sqrt(len(filters))))
    tiles = np.full((across * across, PATCH_SIZE + 1, PATCH_SIZE + 1), np.nan)
    for tile, weights in zip(tiles, filters[order], strict=False):
        largest = max(float(np.abs(weights).max()), np.finfo(weights.dtype).tiny)
        tile[:-1, :-1] = weights.reshape(PATCH_SIZE, PATCH_SIZE) / largest
    side = across * (PATCH_SIZE + 1)
    picture = tiles.reshape(across, across, PATCH_SIZE + 1, PATCH_SIZE + 1)
    return picture.transpose(0, 2, 1, 3).reshape(side, side)[:-1, :-1]


def draw(result: Result, title: str) -> Any:
    """The figure: each picture with its scores, and the learned filters."""
    from matplotlib.figure import Figure

    panels = len(result.pictures) + 1
    rows, columns = 2, -(-panels // 2)
    height, width = result.pictures["clean"].shape
    # about a dot of the figure for a pixel of the pictures, and room for the titles
    figure = Figure(
        figsize=(columns * (width + 20) / 100, rows * (height + 50) / 100 + 0.4),
        dpi=100,
        layout="constrained",
    )
    figure.suptitle(title)
    axes = figure.subplots(rows, columns).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, (name, picture) in zip(axes, result.pictures.items(), strict=False):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
        scores = result.scores.get(name)
        axis.set_title(f"{name}: {scores[0]:.2f} dB, SSIM {scores[1]:.3f}" if scores else name)
    axes[-1].imshow(filter_tiles(result.filters), cmap="gray", vmin=-1, vmax=1)
    axes[-1].set_title(f"the {len(result.filters)} learned filters, largest first")
    return figure


def save(figure: Any, out: Path) -> None:
    """Write the figure whole or not at all."""
    data = io.BytesIO()
    figure.savefig(data, format=out.suffix[1:].lower())
    write_whole(out, lambda file: file.write(data.getvalue()))


# ------------------------------------------------------------------ the job


def run(
    noise: Noise,
    out: Path,
    *,
    seed: int = 0,
    n_jobs: int | None = None,
    n_patches: int = N_PATCHES,
    stride: int = 1,
    stream: IO[str] | None = None,
) -> Result:
    """Train, clean, judge; print the table to `stream` and write the picture to `out`."""
    stream = stream or sys.stdout

    def say(line: str) -> None:
        print(line, file=stream, flush=True)

    building, flower = load_pictures()
    # streams of their own: the test picture's noise does not depend on the training
    training_rng, test_rng = np.random.default_rng(seed).spawn(2)
    # stored pictures have no pixels below black or above white
    noisy = np.clip(noise.add(flower, test_rng), 0, 1)
    deviation = float(np.std(noise.add(building, test_rng) - building))

    harder = noise.for_training()
    say(f"Training on the building, {harder}")
    model = DenoisingAutoencoder(
        n_components=256, activation="relu", random_state=seed, n_jobs=n_jobs
    )
    progress = Progress(n_patches, stream)
    for done in train(model, building, harder, n_patches, training_rng):
        progress.show(done, model.loss_curve_[-1])
    seconds = progress.seconds

    say(f"Cleaning the flower, never seen, {noise}")
    if noise.kind != "gaussian":
        say("  (every method replaces the pixels that look hit, and no others)")
    cleaned = hand_made(noisy, deviation)
    cleaned["autoencoder"] = clean_picture(model, noisy, noise, stride)
    pictures = {"clean": flower, "noisy": noisy}
    pictures |= {name: noise.keep(picture, noisy) for name, picture in cleaned.items()}
    scores = {name: score(flower, p) for name, p in pictures.items() if name != "clean"}
    result = Result(pictures, scores, model.components_, n_patches, seconds)
    say(table(result))
    save(draw(result, f"Learned on the building, tested on the flower: {noise}"), out)
    say(f"  picture: {out}")
    return result


# ------------------------------------------------------------------ command line


def output_file(text: str) -> Path:
    """A converter for argparse: a picture file that can be written."""
    path = Path(text)
    if path.suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"should end in one of {', '.join(SUFFIXES)}, got {text}")
    try:
        check_place(path)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return path


def parser() -> Parser:
    """The command line's options."""
    options = Parser(
        prog="python -m dae",
        description="Train a denoising autoencoder on one photograph, clean another one with "
        "it, and compare with hand-made filters.",
        allow_abbrev=False,
    )
    options.add_argument(
        "--noise", choices=sorted(DEFAULT_LEVELS), default="gaussian", help="default: %(default)s"
    )
    options.add_argument(
        "--level",
        type=number(float, 0.001, 0.999, "a number from 0.001 to 0.999"),
        help="standard deviation of gaussian noise where pixels go from 0 to 1, else the share "
        "of pixels hit; default: "
        + ", ".join(f"{level:.3g} for {kind}" for kind, level in DEFAULT_LEVELS.items()),
    )
    options.add_argument(
        "--seed",
        type=number(int, 0, 2**32 - 1, "an integer from 0 to 2**32 - 1"),
        default=0,
        help="same seed, same result; default: %(default)s",
    )
    options.add_argument(
        "--out",
        type=output_file,
        default="dae_demo.png",
        help="the picture to write; default: %(default)s",
    )
    options.add_argument(
        "--n-jobs",
        type=n_threads,
        help="threads; -1 for all cores; default: all cores that may be used",
    )
    return options


def check_extras(options: Parser) -> None:
    """End with one line if a package is missing that only the demonstration needs."""
    missing = [name for module, name in EXTRAS.items() if importlib.util.find_spec(module) is None]
    if missing:
        options.error(
            f"the demonstration needs {', '.join(missing)}; "
            'install with: pip install ".[demo]" (or "daecore[demo]")'
        )


def main(argv: Sequence[str] | None = None, **settings: Any) -> int:
    """Run the demonstration from the command line; returns the exit status.

    `settings` go to `run`: a smaller job for the tests.
    """
    options = parser()
    arguments = options.parse_args(argv)
    check_extras(options)
    level = DEFAULT_LEVELS[arguments.noise] if arguments.level is None else arguments.level
    try:
        run(
            Noise(arguments.noise, level),
            arguments.out,
            seed=arguments.seed,
            n_jobs=arguments.n_jobs,
            **settings,
        )
    except KeyboardInterrupt:
        # on a terminal the line that is written over has not ended yet
        print(f"{chr(10) if sys.stdout.isatty() else ''}interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"{options.prog}: error: {error}", file=sys.stderr)
        return 1
    return 0
