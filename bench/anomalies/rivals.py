"""The detectors that people use, at their defaults; a larger score is odder.

Each is a function of the training rows and of a seed that returns a fitted model's score: a
function of rows. What has no scaling of its own gets standardised features.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from dae import DenoisingOutlierDetector

Score = Callable[[np.ndarray], np.ndarray]
Rival = Callable[[np.ndarray, int], Score]

OURS = "dae"
NEIGHBORS = 5  # of kNN, as in ADBench and PyOD
VARIANCE = 0.9  # that PCA keeps


def detector(X: np.ndarray, seed: int, **settings) -> Score:
    model = DenoisingOutlierDetector(random_state=seed, **settings).fit(X)
    return lambda X: -model.score_samples(X)


def knn(X: np.ndarray, seed: int) -> Score:
    """Distance to the fifth neighbour."""
    scaler = StandardScaler().fit(X)
    train = scaler.transform(X)
    model = NearestNeighbors(n_neighbors=NEIGHBORS).fit(train)

    def score(rows: np.ndarray) -> np.ndarray:
        rows = scaler.transform(rows)
        # the nearest neighbour of a training row is that row
        known = rows.shape == train.shape and np.array_equal(rows, train)
        return model.kneighbors(None if known else rows)[0][:, -1]

    return score


def isolation_forest(X: np.ndarray, seed: int) -> Score:
    model = IsolationForest(random_state=seed).fit(X)
    return lambda X: -model.score_samples(X)


def pca_residual(X: np.ndarray, seed: int) -> Score:
    scaler = StandardScaler().fit(X)
    model = PCA(VARIANCE, svd_solver="full").fit(scaler.transform(X))

    def score(rows: np.ndarray) -> np.ndarray:
        rows = scaler.transform(rows)
        return ((rows - model.inverse_transform(model.transform(rows))) ** 2).sum(axis=1)

    return score


def local_outlier_factor(X: np.ndarray, seed: int) -> Score:
    scaler = StandardScaler().fit(X)
    train = scaler.transform(X)
    model = LocalOutlierFactor(novelty=True).fit(train)

    def score(rows: np.ndarray) -> np.ndarray:
        rows = scaler.transform(rows)
        if rows.shape == train.shape and np.array_equal(rows, train):
            return -model.negative_outlier_factor_
        return -model.score_samples(rows)

    return score


def one_class_svm(X: np.ndarray, seed: int) -> Score:
    scaler = StandardScaler().fit(X)
    model = OneClassSVM().fit(scaler.transform(X))
    return lambda X: -model.score_samples(scaler.transform(X))


def ecod(X: np.ndarray, seed: int) -> Score:
    from pyod.models.ecod import ECOD

    return ECOD().fit(X).decision_function


def pyod_autoencoder(X: np.ndarray, seed: int) -> Score:
    from pyod.models.auto_encoder import AutoEncoder

    return AutoEncoder(random_state=seed, verbose=0).fit(X).decision_function


RIVALS: dict[str, Rival] = {
    OURS: detector,
    "kNN": knn,
    "IForest": isolation_forest,
    "PCA": pca_residual,
    "LOF": local_outlier_factor,
    "OCSVM": one_class_svm,
}
if find_spec("pyod"):
    RIVALS["ECOD"] = ecod
    if find_spec("torch"):
        RIVALS["PyOD AutoEncoder"] = pyod_autoencoder

# where the training rows contain anomalies, beside the defaults
SUPPORT = 0.7
AMONG_ANOMALIES: dict[str, Rival] = {
    f"dae, support_fraction={SUPPORT}": lambda X, seed: detector(X, seed, support_fraction=SUPPORT)
}
