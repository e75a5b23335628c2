"""The denoiser that comes with dae: ``python -m bench.pretrain`` writes python/dae/pretrained.npz.

Trained on photographs whose licences allow it, all of them inside the installed packages:

    scikit-image    astronaut, cell, chelsea, coffee, camera, hubble_deep_field, retina, rocket,
                    brick, grass, gravel, clock                     CC0 or public domain
                    coins, immunohistochemistry                     no known restrictions
    scikit-learn    china (flickr.com/photos/danielbuechele/6061409035) and
                    flower (flickr.com/photos/vultilion/6056698931)  CC BY 2.0

Colours become luminance. Each picture is used as it is and halved, which leaves less of the noise
that it has itself. The same seed gives the same weights on one machine.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from dae.image import PRETRAINED, ImageDenoiser

PUBLIC_DOMAIN = (
    "astronaut", "cell", "chelsea", "coffee", "camera", "hubble_deep_field", "retina", "rocket",
    "brick", "grass", "gravel", "clock", "coins", "immunohistochemistry",
)  # fmt: skip

LEVELS = (5 / 255, 75 / 255)
N_PATCHES = 9_000_000


def photographs() -> list[np.ndarray]:
    """Grey float32 pictures from 0 to 1."""
    from skimage import data
    from skimage.color import rgb2gray
    from skimage.transform import downscale_local_mean
    from sklearn.datasets import load_sample_image

    pictures = [getattr(data, name)() for name in PUBLIC_DOMAIN]
    pictures += [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    grey = [rgb2gray(p) if p.ndim == 3 else p / 255 for p in pictures]
    halved = [downscale_local_mean(p[: len(p) // 2 * 2, : p.shape[1] // 2 * 2], 2) for p in grey]
    return [np.clip(p, 0, 1).astype(np.float32) for p in grey + halved]


def train(n_patches: int, n_jobs: int | None = None) -> ImageDenoiser:
    """The denoiser, trained."""
    return ImageDenoiser(
        level=LEVELS,
        patch_size=13,  # better than the default's 11 after so long a training
        n_patches=n_patches,
        random_state=0,
        n_jobs=n_jobs,
        verbose=1,
    ).fit(photographs())


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.pretrain", description=__doc__)
    options.add_argument("--patches", type=int, default=N_PATCHES)
    options.add_argument("--out", default=PRETRAINED, help="default: %(default)s")
    arguments = options.parse_args()
    started = time.perf_counter()
    denoiser = train(arguments.patches)
    denoiser.set_params(verbose=0)
    denoiser.save(arguments.out)
    print(f"{arguments.out}: {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
