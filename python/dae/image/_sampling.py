"""Blocks of patches to train on: crops of pictures, spoiled and cut up, as input and target."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dae.image._crops import Crops
from dae.image._multiscale import NOISE_LEFT, halved, n_scales
from dae.image._noise import add_noise, lost_pixels
from dae.image._patch_task import PatchTask
from dae.image._patches import gather_patches

CROPS_PER_BLOCK = 32
PATCHES_PER_CROP = 4  # of a network that convolves: its patches fill a crop


def training_block(
    task: PatchTask,
    crops: Crops,
    levels: tuple[float, float],
    n_patches: int,
    rng: np.random.Generator,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Targets and inputs of `n_patches` patches from a few crops, each of one noise level, and the
    mean square of their divisors.

    Threads take whole crops, each with a generator of its own: the numbers do not depend on them.
    """
    n_crops = (
        -(-n_patches // PATCHES_PER_CROP) if task.convolves else min(CROPS_PER_BLOCK, n_patches)
    )
    bounds = np.linspace(0, n_patches, n_crops + 1).astype(int)
    drawn = [(crops.draw(child), child) for child in rng.spawn(len(bounds) - 1)]

    def work(number: int) -> tuple[np.ndarray, np.ndarray, np.float32]:
        (clean, noisy), child = drawn[number]
        share = int(bounds[number + 1] - bounds[number])
        return _of_one_crop(task, clean, noisy, levels, share, child)

    numbers = range(len(drawn))
    if n_threads > 1:
        with ThreadPoolExecutor(n_threads) as pool:
            parts = list(pool.map(work, numbers))
    else:
        parts = [work(number) for number in numbers]
    clean, shown, divisors = zip(*parts, strict=True)
    return np.concatenate(clean), np.concatenate(shown), float(np.mean(np.square(divisors)))


def _of_one_crop(
    task: PatchTask,
    clean: np.ndarray,
    noisy: np.ndarray | None,
    levels: tuple[float, float],
    n_patches: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """Targets and inputs of patches at random places of a crop, and their divisor."""
    level = rng.uniform(*levels)
    if noisy is not None:
        if levels[0] < levels[1]:
            level = float(np.clip(np.std(noisy - clean), *levels))
    elif task.noise == "unknown":
        noisy = clean
    else:
        # not clipped to [0, 1], as it would be in a file: that shifts the mean of bright
        # patches, and a network that is not told the brightness would learn the average shift
        noisy = add_noise(task.noise, level, clean, rng)
    # each resolution as often as it has pixels
    pixels = 0.25 ** np.arange(n_scales(clean.shape, task.size, task.scales))
    for _ in range(int(rng.choice(len(pixels), p=pixels / pixels.sum()))):
        level *= NOISE_LEFT
        clean, noisy = halved(clean), halved(noisy)
    lost = lost_pixels(task.noise, noisy)
    if lost.all():
        lost[rng.integers(lost.shape[0]), rng.integers(lost.shape[1])] = False
    rows, columns = (rng.integers(0, n - task.size + 1, n_patches) for n in clean.shape)
    given = task.show(
        tuple(
            gather_patches(plane, task.size, rows, columns) for plane in task.planes(noisy, lost)
        ),
        level,
    )
    target = task.target(gather_patches(clean, task.size, rows, columns), given)
    return target, given.shown, given.scale
