"""The denoiser that comes with dae: ``python -m bench.pretrain FOLDER`` writes pretrained.npz.

FOLDER holds the photographs that bench/photographs.tsv lists: each with the package that it comes
from, its author and its licence, which allows to learn from it and to pass on what was learned.
Beside them serve the photographs inside the installed packages:

    scikit-image    cell, camera, clock, hubble_deep_field, retina      CC0 or public domain
                    coins, immunohistochemistry                         no known restrictions

Colours become luminance. Photographs are reduced, which leaves less of their own noise and of what
JPEG did to them, and used at two sizes. The same seed gives the same weights on one machine.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from skimage.transform import downscale_local_mean, resize

from bench.data import luminance
from dae.image import PRETRAINED, ConvolutionalAutoencoder, ImageDenoiser

MANIFEST = Path(__file__).parent / "photographs.tsv"
INSTALLED = (
    "cell", "camera", "clock", "hubble_deep_field", "retina", "coins", "immunohistochemistry",
)  # fmt: skip
LONGEST = 1200  # pixels of the longer side
LOSSY = {".jpg", ".webp"}

LEVELS = (5 / 255, 75 / 255)
N_PATCHES = 300_000


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


def train(pictures: list[np.ndarray], n_patches: int, n_jobs: int | None = None) -> ImageDenoiser:
    """The denoiser, trained."""
    return ImageDenoiser(
        level=LEVELS,
        autoencoder=ConvolutionalAutoencoder(),
        patch_size=64,
        batch_size=4,
        learning_rate_init=0.0005,
        n_patches=n_patches,
        random_state=0,
        n_jobs=n_jobs,
        matmul_precision="medium",
        verbose=1,
    ).fit(pictures)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.pretrain", description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--patches", type=int, default=N_PATCHES)
    options.add_argument("--out", default=PRETRAINED, help="default: %(default)s")
    arguments = options.parse_args()
    started = time.perf_counter()
    denoiser = train(photographs(arguments.folder), arguments.patches)
    denoiser.set_params(verbose=0)
    denoiser.save(arguments.out)
    print(f"{arguments.out}: {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
