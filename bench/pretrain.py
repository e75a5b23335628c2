"""The denoiser that comes with dae: ``python -m bench.pretrain FOLDER`` writes pretrained.npz.

FOLDER holds the photographs that bench/photographs.tsv lists: each with the package that it comes
from, its author and its licence, which allows to learn from it and to pass on what was learned.
Beside them serve the photographs inside the installed packages:

    scikit-image    cell, camera, clock, hubble_deep_field, retina      CC0 or public domain
                    coins, immunohistochemistry                         no known restrictions

Colours become luminance. Photographs are reduced, which leaves less of their own noise and of what
JPEG did to them, and used at two sizes. The network learns in two parts, each with a falling rate:

    plain       Gaussian noise on photographs; --from MODEL takes a model that knows it
    as found    noise as files have it, in half of the pieces cut off at black and white and rounded
                to 8 bits, in a quarter kept as JPEG, too; every tenth piece is a drawing

The same seed gives the same weights on one machine.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from skimage.transform import downscale_local_mean, resize

from bench.data import luminance
from bench.drawings import SIDE, drawing
from dae.image import PRETRAINED, ConvolutionalAutoencoder, ImageDenoiser

MANIFEST = Path(__file__).parent / "photographs.tsv"
INSTALLED = (
    "cell", "camera", "clock", "hubble_deep_field", "retina", "coins", "immunohistochemistry",
)  # fmt: skip
LONGEST = 1200  # pixels of the longer side
LOSSY = {".jpg", ".webp"}

RATES = 0.0005, 0.0003  # of learning, at the start of each part
PLAIN_LEVELS = (5 / 255, 75 / 255)
LEVELS = (2 / 255, 75 / 255)
N_PATCHES = 300_000  # of each part

PIECES = 512  # a block of patches is cut from
DRAWN, CUT_OFF, AS_JPEG = 0.1, 0.5, 0.25  # shares of the pieces
QUALITIES = (70, 98)


def grey(pixels: np.ndarray) -> np.ndarray:
    """Luminance from 0 to 1."""
    if pixels.dtype == np.uint8:
        pixels = pixels / 255
    return luminance(pixels).astype(np.float32)


def reduced(picture: np.ndarray, lossy: bool) -> list[np.ndarray]:
    """At two sizes, of which one is half of the other; of a lossy file none is its own."""
    longest = max(picture.shape)
    scale = min(1.0, LONGEST / longest, 0.6 if lossy else 1.0)
    shape = [round(scale * length) for length in picture.shape]
    first = resize(picture, shape, anti_aliasing=True) if scale < 1 else picture
    half = downscale_local_mean(first[: shape[0] // 2 * 2, : shape[1] // 2 * 2], 2)
    return [np.clip(part, 0, 1).astype(np.float32) for part in (first, half)]


def photographs(folder: Path) -> list[np.ndarray]:
    """Grey float32 pictures from 0 to 1."""
    found = [(grey(getattr(data, name)()), False) for name in INSTALLED]
    with MANIFEST.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines, delimiter="\t"):
            path = folder / line["file"]
            found.append((grey(np.asarray(Image.open(path).convert("RGB"))), path.suffix in LOSSY))
    return [part for picture, lossy in found for part in reduced(picture, lossy)]


def piece(pictures: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """A part of a photograph, turned at random, or a drawing."""
    if rng.random() < DRAWN:
        return drawing(rng)
    sizes = np.array([picture.size for picture in pictures])
    picture = pictures[int(rng.choice(len(sizes), p=sizes / sizes.sum()))]
    corner = tuple(
        slice(first, first + SIDE)
        for first in (int(rng.integers(0, max(1, length - SIDE + 1))) for length in picture.shape)
    )
    mirrored = picture[corner][:: 1 if rng.random() < 0.5 else -1]
    return np.ascontiguousarray(np.rot90(mirrored, int(rng.integers(0, 4))))


def spoiled(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The piece as a file has it."""
    level = np.float32(rng.uniform(*LEVELS))
    noisy = clean + level * rng.standard_normal(clean.shape, dtype=np.float32)
    fate = rng.random()
    if fate >= CUT_OFF:
        return noisy
    rounded = np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8)
    if fate < AS_JPEG:
        file = io.BytesIO()
        Image.fromarray(rounded).save(file, "JPEG", quality=int(rng.integers(*QUALITIES)))
        rounded = np.asarray(Image.open(file))
    return rounded / np.float32(255)


def train_plain(pictures: list[np.ndarray], n_patches: int) -> ImageDenoiser:
    """The denoiser after the first part."""
    return ImageDenoiser(
        level=PLAIN_LEVELS,
        autoencoder=ConvolutionalAutoencoder(),
        patch_size=64,
        batch_size=4,
        learning_rate_init=RATES[0],
        n_patches=n_patches,
        random_state=0,
        matmul_precision="medium",
        verbose=1,
    ).fit(pictures)


def train_as_found(denoiser: ImageDenoiser, pictures: list[np.ndarray], n_patches: int) -> None:
    """The second part."""
    denoiser.set_params(level=LEVELS)
    until, started = denoiser.n_patches_ + n_patches, time.perf_counter()
    while denoiser.n_patches_ < until:
        left = (until - denoiser.n_patches_) / n_patches
        rng = np.random.default_rng([1, denoiser.n_patches_])
        clean = [piece(pictures, rng) for _ in range(PIECES)]
        noisy = [spoiled(part, rng) for part in clean]
        rate = RATES[1] * (1 - np.cos(np.pi * left)) / 2
        denoiser.set_params(learning_rate_init=rate).partial_fit(clean, noisy)
        seconds = time.perf_counter() - started
        loss = -10 * np.log10(denoiser.loss_curve_[-1])
        print(f"{left:.1%} left, {loss:.2f} dB, {seconds:.0f} s", flush=True)
    denoiser.set_params(learning_rate_init=RATES[0])


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.pretrain", description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--patches", type=int, default=N_PATCHES, help="of each part")
    options.add_argument("--from", dest="model", type=Path, help="what the first part has left")
    options.add_argument("--out", default=PRETRAINED, help="default: %(default)s")
    arguments = options.parse_args()
    started = time.perf_counter()
    pictures = photographs(arguments.folder)
    if arguments.model is None:
        train_plain(pictures, arguments.patches).set_params(verbose=0).save(arguments.out)
    # a file keeps no moments of the solver: the second part begins as it does with --from
    denoiser = ImageDenoiser.load(arguments.model or arguments.out)
    train_as_found(denoiser, pictures, arguments.patches)
    denoiser.save(arguments.out)
    print(f"{arguments.out}: {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
