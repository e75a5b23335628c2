"""The models, what each is trained on, and their training within a budget."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench import records
from bench.denoise.cases import training_pictures
from dae.image import ImageDenoiser, default_autoencoder


@dataclass(frozen=True)
class Model:
    """A denoiser to train.

    Attributes
    ----------
    noise, level : parameters of `ImageDenoiser`
    share : float, of the budget
    start : str or None
        The model whose training it continues.
    parameters : dict, others of `ImageDenoiser`
    """

    noise: str
    level: Any
    share: float
    start: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


def deep(*sizes: int, noise: str = "gaussian") -> Any:
    return default_autoencoder(noise).set_params(hidden_layer_sizes=sizes)


# For a long training a larger network, larger patches and larger batches than by default. On
# held-out training pictures at sigma 15, 25 and 50, two scales, stride 1, after two million
# patches: hidden layers (1024, 512) are 0.04, 0.03 and 0.03 dB ahead of (768, 512), for 1.2 times
# the operations; patches of 13 are 0.03 and 0.02 behind those of 11, and 0.01 ahead. The longer
# the training, the more the larger ones gain.
LONG_TRAINING = {
    "patch_size": 13,
    "autoencoder": deep(1024, 512),
    "batch_size": 256,
    "learning_rate_init": 0.0014,
}

# One model serves all levels of pixels that are lost. Those for one level of Gaussian noise begin
# with what the one for all of them has learned, which most of the budget is for: they gain little.
MODELS = {
    "gaussian-10-50": Model("gaussian", (10 / 255, 50 / 255), 0.58),
    "gaussian-15": Model("gaussian", 15 / 255, 0.035, "gaussian-10-50"),
    "gaussian-25": Model("gaussian", 25 / 255, 0.035, "gaussian-10-50"),
    "gaussian-50": Model("gaussian", 50 / 255, 0.035, "gaussian-10-50"),
    "salt_and_pepper": Model(
        "salt_and_pepper",
        (0.05, 0.6),
        0.24,
        parameters={"patch_size": 11, "autoencoder": deep(768, 512, noise="salt_and_pepper")},
    ),
    # small, because it must be fast
    "masking": Model(
        "masking",
        (0.2, 0.85),
        0.075,
        parameters={"patch_size": 11, "autoencoder": deep(384, 256, noise="masking")},
    ),
}
CONTINUED_RATE = 2e-4  # initial learning rate of a model that begins with another


def recipe(noise: str, level: Any, n_patches: int, **parameters: Any) -> ImageDenoiser:
    """The defaults, and a seed."""
    return ImageDenoiser(noise, level, n_patches=n_patches, random_state=0, **parameters)


def patches_within(seconds: float, model: Model, pictures: list[np.ndarray]) -> int:
    """Number of patches to train on in that time, estimated from a few blocks."""
    parameters = LONG_TRAINING | model.parameters
    trial = recipe(model.noise, model.level, 1, **parameters).partial_fit(pictures)
    before, started = trial.n_patches_, time.perf_counter()
    for _ in range(3):
        trial.partial_fit(pictures)
    rate = (trial.n_patches_ - before) / (time.perf_counter() - started)
    return max(1, int(rate * seconds))


def untrained(name: str, n_patches: int, trained: dict[str, ImageDenoiser]) -> ImageDenoiser:
    """A model before its training; one that begins with another continues its training."""
    model = MODELS[name]
    if not model.start:
        return recipe(model.noise, model.level, n_patches, **LONG_TRAINING | model.parameters)
    return deepcopy(trained[model.start]).set_params(
        level=model.level,
        n_patches=n_patches,
        warm_start=True,
        learning_rate_init=CONTINUED_RATE,
    )


def train(folder: Path, budget: float, record: dict, keep: Path) -> dict[str, ImageDenoiser]:
    """All models: those missing from `folder` are trained within `budget` seconds.

    What their training took goes into `record`, which is written to `keep` after each.
    """
    pictures = training_pictures()
    folder.mkdir(parents=True, exist_ok=True)
    denoisers: dict[str, ImageDenoiser] = {}
    for name, model in MODELS.items():
        path = folder / f"{name}.npz"
        if not path.exists():
            started = time.perf_counter()
            n_patches = patches_within(0.98 * model.share * budget, model, pictures)
            print(f"{name}: {n_patches:,} patches", flush=True)
            denoiser = untrained(name, n_patches, denoisers)
            denoiser.set_params(verbose=1).fit(pictures)
            denoiser.set_params(verbose=0, warm_start=False).save(path)
            record["training"][name] = {
                "patches": n_patches,
                "seconds": time.perf_counter() - started,
                "begins_with": model.start,
            }
            records.write(keep, record)
        denoisers[name] = ImageDenoiser.load(path)
    return denoisers
