"""Imputers of arrays of numbers, with the settings they come with but for the trees' number.

MIDAS2 (`midasverse-midas`) and imputify are there if they are installed; both need PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from dae.tabular import DenoisingImputer

# Each makes, of a seed, a function of rows with holes that returns them filled.
Fill = Callable[[np.ndarray], np.ndarray]
Rival = Callable[[int], Fill]

MIDAS_DRAWS = 10  # imputations that the mean is taken of


def of_scikit_learn(make: Callable[[int], Any]) -> Rival:
    return lambda seed: make(seed).fit_transform


def midas_draws(table: Any, seed: int) -> list[Any]:
    """Imputations of a pandas DataFrame by MIDAS2, which infers the types of columns."""
    from midas2.model import MIDAS

    model = MIDAS()
    model.fit(table, seed=seed, verbose=False)
    return list(model.transform(m=MIDAS_DRAWS))


def imputify_filled(table: Any, seed: int) -> Any:
    """An array or a pandas DataFrame, filled by imputify's denoising autoencoder."""
    from imputify.imputer.deep_learning.dae import DAEImputer

    return DAEImputer(seed=seed, verbose=False, device="cpu").fit_transform(table)


def midas(seed: int) -> Fill:
    """The mean of its imputations."""

    def fill(holes: np.ndarray) -> np.ndarray:
        import pandas as pd

        table = pd.DataFrame(holes, columns=[f"x{k}" for k in range(holes.shape[1])])
        draws = [draw.to_numpy(dtype=np.float64) for draw in midas_draws(table, seed)]
        return np.where(np.isnan(holes), np.mean(draws, axis=0), holes)

    return fill


def imputify(seed: int) -> Fill:
    return lambda holes: np.asarray(imputify_filled(holes, seed))


IMPUTERS: dict[str, Rival] = {
    "mean": of_scikit_learn(lambda seed: SimpleImputer()),
    "KNN": of_scikit_learn(lambda seed: KNNImputer()),
    "ridge": of_scikit_learn(lambda seed: IterativeImputer(random_state=seed)),
    "extra trees": of_scikit_learn(
        lambda seed: IterativeImputer(
            ExtraTreesRegressor(20, random_state=seed, n_jobs=1), max_iter=3, random_state=seed
        )
    ),
    "MIDAS2": midas,
    "imputify": imputify,
    "dae": of_scikit_learn(lambda seed: DenoisingImputer(random_state=seed, n_jobs=1)),
}
PACKAGES = {"MIDAS2": "midas2", "imputify": "imputify"}

# Cells of a table from which on extra trees take minutes: one mechanism and one seed of these
MANY_CELLS = 100_000


def installed(name: str) -> bool:
    return name not in PACKAGES or find_spec(PACKAGES[name]) is not None


def affordable(name: str, n_rows: int, n_columns: int, mechanism: str, seed: int) -> bool:
    """Whether it ends in time: what is left out has no figure and no rank."""
    once = mechanism == "MCAR 30 %" and seed == 0
    if name == "extra trees":
        return once or n_rows * n_columns < MANY_CELLS
    return name not in PACKAGES or once
