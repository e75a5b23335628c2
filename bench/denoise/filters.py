"""The hand-made filters, and the settings each may be tuned over.

A filter is a function of (noisy, lost, level, settings) that returns a cleaned plane: `noisy` is
float32 with black 0 and white 1, `lost` marks the pixels that the noise has replaced (all methods
get the same mask, and only these pixels are changed), `level` is the noise's. The whole grid of a
filter is tried; at each level the settings with the best mean PSNR on training pictures are used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np
from scipy.ndimage import median_filter

Filter = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Candidate:
    """A filter and its grid.

    Attributes
    ----------
    clean : callable
    grid : dict of str -> tuple
        Settings to choose from.
    needs : str
        A package that must be installed.
    """

    clean: Filter
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    needs: str = "skimage"

    def available(self) -> bool:
        return find_spec(self.needs) is not None

    def settings(self) -> list[dict[str, Any]]:
        return [
            dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())
        ]


# ------------------------------------------------------------------ filters


def bilateral(noisy: np.ndarray, lost: np.ndarray, level: float, color: float, spatial: float):
    from skimage.restoration import denoise_bilateral

    # takes no values below 0
    return denoise_bilateral(
        np.clip(noisy, 0, None), sigma_color=color * level, sigma_spatial=spatial
    )


def total_variation(noisy: np.ndarray, lost: np.ndarray, level: float, weight: float):
    from skimage.restoration import denoise_tv_chambolle

    return denoise_tv_chambolle(noisy, weight=weight * level, max_num_iter=200)


def wavelet(noisy: np.ndarray, lost: np.ndarray, level: float, method: str, wavelet: str, k: float):
    from skimage.restoration import denoise_wavelet

    return denoise_wavelet(
        noisy, sigma=k * level, method=method, mode="soft", wavelet=wavelet, rescale_sigma=True
    )


def non_local_means(
    noisy: np.ndarray, lost: np.ndarray, level: float, h: float, patch: int, sigma: bool
):
    from skimage.restoration import denoise_nl_means

    return denoise_nl_means(
        noisy,
        patch_size=patch,
        patch_distance=9,
        h=h * level,
        sigma=level if sigma else 0,
        fast_mode=True,
    )


def block_matching(noisy: np.ndarray, lost: np.ndarray, level: float, k: float):
    from bm3d import bm3d

    return bm3d(noisy, k * level)


def median(noisy: np.ndarray, lost: np.ndarray, level: float, size: int):
    return median_filter(noisy, size=size, mode="reflect")


def median_of_known(noisy: np.ndarray, lost: np.ndarray, level: float, size: int):
    """The median of the known pixels of a window; of a wider one where there is none."""
    cleaned = np.where(lost, np.float32(np.nan), noisy)
    result = cleaned.copy()
    while np.isnan(result).any():
        half = size // 2
        padded = np.pad(cleaned, half, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
        rows, columns = np.nonzero(np.isnan(result))
        around = windows[rows, columns].reshape(len(rows), -1)
        some = ~np.isnan(around).all(axis=1)
        result[rows[some], columns[some]] = np.nanmedian(around[some], axis=1)
        size += 2
    return result


def adaptive_median(noisy: np.ndarray, lost: np.ndarray, level: float, size: int):
    """Hwang & Haddad (1995): the window grows until its median is no extreme value."""
    return median_of_known(noisy, lost, level, size)


def after_median(clean: Filter) -> Filter:
    """A filter for Gaussian noise, on the picture whose lost pixels are medians of the known."""

    def cleaned(
        noisy: np.ndarray, lost: np.ndarray, level: float, strength: float, **settings: Any
    ):
        filled = median_of_known(noisy, lost, level, 3).astype(np.float32)
        return clean(filled, lost, strength, **settings)

    return cleaned


def biharmonic(noisy: np.ndarray, lost: np.ndarray, level: float):
    from skimage.restoration import inpaint_biharmonic

    return inpaint_biharmonic(np.where(lost, 0, noisy), lost)


# ------------------------------------------------------------------ by noise

_STRENGTHS = (0.02, 0.05, 0.1)

FILTERS: dict[str, dict[str, Candidate]] = {
    "gaussian": {
        "bilateral": Candidate(
            bilateral, {"color": (1.0, 1.5, 2.0, 3.0), "spatial": (1, 1.5, 2, 3)}
        ),
        "TV": Candidate(total_variation, {"weight": (0.6, 0.8, 1.0, 1.2, 1.5)}),
        "wavelet": Candidate(
            wavelet,
            {
                "method": ("BayesShrink", "VisuShrink"),
                "wavelet": ("db1", "db4", "sym8"),
                "k": (0.3, 0.5, 0.8, 1.0),
            },
            needs="pywt",
        ),
        "non-local means": Candidate(
            non_local_means,
            {"h": (0.4, 0.6, 0.8, 1.0), "patch": (3, 5, 7), "sigma": (True, False)},
        ),
        "BM3D": Candidate(block_matching, {"k": (0.9, 1.0, 1.1)}, needs="bm3d"),
    },
    "salt_and_pepper": {
        "median 3x3": Candidate(median, {"size": (3,)}, needs="scipy"),
        "median 5x5": Candidate(median, {"size": (5,)}, needs="scipy"),
        "adaptive median": Candidate(adaptive_median, {"size": (3,)}, needs="scipy"),
        "non-local means": Candidate(
            after_median(non_local_means),
            {"strength": _STRENGTHS, "h": (0.6, 0.9), "patch": (3, 5), "sigma": (False,)},
        ),
        "BM3D": Candidate(
            after_median(block_matching),
            {"strength": (0.02, 0.03, 0.05, 0.1), "k": (1.0,)},
            needs="bm3d",
        ),
    },
    "masking": {
        "biharmonic": Candidate(biharmonic),
        "median": Candidate(median_of_known, {"size": (3, 5)}, needs="scipy"),
        "TV": Candidate(
            after_median(total_variation), {"strength": _STRENGTHS, "weight": (0.5, 1.0)}
        ),
    },
}
