"""Pictures and small denoisers that the tests of images share."""

import numpy as np
from sklearn.datasets import load_sample_images

from dae import StackedDenoisingAutoencoder
from dae.image import ImageDenoiser
from dae.image._noise import add_noise

CHINA, FLOWER = load_sample_images().images
GREY = CHINA[::2, ::2, 1]  # 214 x 320, uint8
UNSEEN = FLOWER[::2, ::2, 1][:200, :200]

SMALL = StackedDenoisingAutoencoder((128, 128), corruption=None, tied_weights=False, fine_tune=True)


def psnr(clean, picture):
    return -10 * np.log10(np.mean((np.float64(clean) - picture) ** 2))


def spoil(noise, level, picture, seed=1):
    return add_noise(noise, level, (picture / 255).astype(np.float32), np.random.default_rng(seed))


def make(noise="gaussian", level=25 / 255, **parameters):
    defaults = {
        "n_patches": 100_000, "random_state": 0, "stride": 4, "patch_size": 9, "batch_size": 64,
        "learning_rate_init": 0.002, "autoencoder": SMALL,
    }  # fmt: skip
    return ImageDenoiser(noise, level, **(defaults | parameters))
