"""Imputers of arrays of numbers, with the settings they come with but for the trees' number."""

from __future__ import annotations

from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from dae.tabular import DenoisingImputer

IMPUTERS = {
    "mean": lambda seed: SimpleImputer(),
    "KNN": lambda seed: KNNImputer(),
    "ridge": lambda seed: IterativeImputer(random_state=seed),
    "extra trees": lambda seed: IterativeImputer(
        ExtraTreesRegressor(20, random_state=seed, n_jobs=1), max_iter=3, random_state=seed
    ),
    "dae": lambda seed: DenoisingImputer(random_state=seed, n_jobs=1),
}


def affordable(name: str, n_rows: int, n_columns: int, mechanism: str, seed: int) -> bool:
    """Whether it ends in time: what is left out has no figure and no rank."""
    if name == "extra trees":
        return mechanism == "MCAR 30 %" and seed == 0 and n_columns <= 25 and n_rows <= 2500
    return name != "ridge" or n_columns <= 40
