"""What the data sets share: splits, random streams, pixels and backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval

SIDE = 28  # pixels, of rectangles and convex regions
BLOCK = 1024  # rows that are made at a time
ROUNDS = 1000  # draws of a background patch before giving up

# Standard deviation of a background patch, pixels from 0 to 1. With 400 photographs and 10,000
# training rows an RBF SVM (C = 10, gamma = 0.01) errs on 21.2 % of bg_img; with 0.05 on 18.4 %;
# published are 22.6 %. On bg_rand, where the brighter of digit and noise is taken, 16.2 %; with
# noise only where the digit is 0, 21.8 %; published are 14.6 %.
LEAST_CONTRAST = 0.1

SIZES: dict[str, list[Any]] = {
    "n_train": [Interval(Integral, 1, None, closed="left")],
    "n_validation": [Interval(Integral, 0, None, closed="left")],
    "n_test": [Interval(Integral, 0, None, closed="left")],
    "random_state": ["random_state"],
}

REGENERATED = (
    "Regenerated after the recipe of Larochelle et al., ICML 2007; not the published files."
)


# ------------------------------------------------------------------ splits and streams


def streams(random_state: Any, n_streams: int) -> list[np.random.Generator]:
    """Independent generators: the draws of one do not depend on those of another."""
    seed = check_random_state(random_state).randint(0, 2**32, size=4, dtype=np.uint64)
    return [
        np.random.default_rng(s) for s in np.random.SeedSequence(seed.tolist()).spawn(n_streams)
    ]


def splits_bunch(X: np.ndarray, y: np.ndarray, sizes: tuple[int, ...], title: str) -> Bunch:
    """All rows, and views of the three splits."""
    X = X.reshape(len(X), -1)
    ends = np.cumsum(sizes)[:-1]
    names = ("train", "validation", "test")
    splits = zip(names, np.split(X, ends), np.split(y, ends), strict=True)
    return Bunch(
        data=X,
        target=y,
        **{name: Bunch(data=data, target=target) for name, data, target in splits},
        DESCR=f"{title} {REGENERATED}",
    )


# ------------------------------------------------------------------ pixels


def to_unit_range(pixels: np.ndarray) -> np.ndarray:
    """Pixels that `check_pixels` accepted, as float32 from 0 to 1."""
    scale = np.float32(255 if pixels.dtype.kind in "iu" else 1)
    return pixels.astype(np.float32) / scale


def check_pixels(pixels: np.ndarray, name: str) -> None:
    integers = pixels.dtype.kind in "iu"
    if not integers and pixels.dtype.kind not in "bf":
        raise ValueError(
            f"{name} must be numbers, got dtype {pixels.dtype}. Pass integers from 0 to 255 "
            "or floats from 0 to 1."
        )
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= (255 if integers else 1)):
        wanted = "integers from 0 to 255" if integers else "floats from 0 to 1"
        raise ValueError(
            f"{name} must be {wanted}, got {pixels.dtype} from {low:.6g} to {high:.6g}. "
            "Scale the pixels, for example by their largest possible value."
        )


def check_backgrounds(backgrounds: Any, side: int, kind: str) -> list[np.ndarray]:
    """Grey pictures, large enough for a patch."""
    if backgrounds is None:
        raise ValueError(
            f"kind={kind!r} needs backgrounds, got None. Pass a list of pictures, for example "
            "sklearn.datasets.load_sample_images().images."
        )
    pictures = [_grey(np.asarray(picture), number) for number, picture in enumerate(backgrounds)]
    if not pictures:
        raise ValueError("backgrounds must have at least one picture, got none.")
    for number, picture in enumerate(pictures):
        if min(picture.shape) < side:
            raise ValueError(
                f"backgrounds[{number}] must be at least {side}x{side} pixels, got "
                f"{picture.shape[0]}x{picture.shape[1]}. Use larger pictures."
            )
    return pictures


def _grey(picture: np.ndarray, number: int) -> np.ndarray:
    """Luminance of a picture (ITU-R BT.601); a grey one is returned unchanged."""
    name = f"backgrounds[{number}]"
    if picture.ndim not in (2, 3) or not picture.size or picture.shape[2:] not in ((), (3,)):
        raise ValueError(
            f"{name} must have shape (height, width) or (height, width, 3), got "
            f"{picture.shape}. Pass a sequence of pictures, without alpha channels."
        )
    check_pixels(picture, name)
    if picture.ndim == 2:
        return picture
    return to_unit_range(picture) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


# ------------------------------------------------------------------ background patches


def draw_patches(
    pictures: Sequence[np.ndarray], n_patches: int, side: int, rng: np.random.Generator
) -> np.ndarray:
    """Random patches of random pictures, each drawn again until it has enough contrast."""
    patches = np.empty((n_patches, side, side), dtype=np.float32)
    missing = np.arange(n_patches)
    for _ in range(ROUNDS):
        drawn = _random_patches(pictures, len(missing), side, rng)
        good = drawn.std(axis=(1, 2)) >= LEAST_CONTRAST
        patches[missing[good]] = drawn[good]
        missing = missing[~good]
        if not len(missing):
            return patches
    raise ValueError(
        f"backgrounds: of {ROUNDS} random patches of {side}x{side} pixels none had a standard "
        f"deviation of {LEAST_CONTRAST} or more. Pass pictures with more contrast."
    )


def _random_patches(
    pictures: Sequence[np.ndarray], n_patches: int, side: int, rng: np.random.Generator
) -> np.ndarray:
    """Patches at uniformly drawn places of uniformly drawn pictures."""
    which = rng.integers(len(pictures), size=n_patches)
    room = np.array([picture.shape for picture in pictures])[which] - side + 1
    rows, columns = rng.integers(0, room.T)
    patches = np.empty((n_patches, side, side), dtype=np.float32)
    for number in np.unique(which):
        here = np.flatnonzero(which == number)
        windows = np.lib.stride_tricks.sliding_window_view(pictures[number], (side, side))
        patches[here] = to_unit_range(windows[rows[here], columns[here]])
    return patches
