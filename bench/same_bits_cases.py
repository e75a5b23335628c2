"""What `bench.same_bits` compares: digests of results, through the public interface alone.

Started by path with PYTHONPATH set to a checkout, so the same cases run on every revision; prints
one JSON object, {case: {result: digest}}. Arguments: a word that the names of the cases contain,
"" for all, and the values of `n_jobs`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
    datasets,
)
from dae.image import ImageDenoiser

# Sizes that no vector length divides, and large enough that batches of 20 use all threads.
N_FEATURES, N_HIDDEN, N_ROWS = 157, 75, 560
SIZES = (75, 41)
FEW = 60  # rows of batches of 1

Results = dict[str, Any]
Case = Callable[[int], Results]


# ------------------------------------------------------------------ digests


def digest(value: Any) -> str:
    """SHA-256 of type, shape and bits; of numbers and containers, of their text."""
    return hashlib.sha256(_bytes(value)).hexdigest()[:20]


def _bytes(value: Any) -> bytes:
    if isinstance(value, np.ndarray) and value.dtype != object:
        return f"{value.dtype.str} {value.shape} ".encode() + np.ascontiguousarray(value).tobytes()
    if isinstance(value, (list, tuple, np.ndarray)):
        return b"[" + b", ".join(_bytes(item) for item in value) + b"]"
    if isinstance(value, BaseEstimator):
        return b"{" + b", ".join(_bytes(pair) for pair in fitted(value).items()) + b"}"
    if isinstance(value, bytes):
        return value
    if isinstance(value, (float, np.floating)):
        return f"{type(value).__name__} {float(value).hex()}".encode()
    return repr(value).encode()


def fitted(estimator: Any) -> Results:
    """The public fitted attributes that the estimator has."""
    found = {}
    for name in dir(estimator):
        if name.endswith("_") and not name.startswith("_"):
            try:
                found[name] = getattr(estimator, name)
            except AttributeError:
                continue
    return found


METHODS = ("transform", "reconstruct", "score_samples", "predict", "predict_proba")


def answers(estimator: Any, X: np.ndarray) -> Results:
    """Fitted attributes, and what every method makes of many rows, of few and of one."""
    found = fitted(estimator)
    for name, n in product(METHODS, (len(X), 7, 1)):
        if hasattr(estimator, name):
            found[f"{name} of {n}"] = getattr(estimator, name)(X[:n])
    if hasattr(estimator, "inverse_transform"):
        found["inverse_transform"] = estimator.inverse_transform(found[f"transform of {len(X)}"])
    return found


def stages(estimator: Any, X: np.ndarray, *fit: Any, again: bool = True, **how: Any) -> Results:
    """Results after `fit`, and after a `partial_fit`, which shows moments and random streams."""
    found = answers(estimator.fit(X, *fit, **how), X)
    if again and not estimator.early_stopping:
        part = slice(0, 100)
        how = {name: value[part] for name, value in how.items()}
        estimator.partial_fit(X[part], *(y[part] for y in fit), **how)
        found |= {f"{name}, continued": v for name, v in answers(estimator, X).items()}
    return found


# ------------------------------------------------------------------ data


def rows(dtype: str = "float32", n_rows: int = N_ROWS, density: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(0)
    X = random.random((n_rows, N_FEATURES))
    X[random.random(X.shape) > density] = 0
    return X.astype(dtype)


def classes() -> np.ndarray:
    return np.array(["a", "b", "c"])[rows()[:, :3].argmax(axis=1)]


def targets() -> np.ndarray:
    return rows("float64")[:, :2] @ np.array([[1.0, 2.0], [-1.0, 3.0]])


def weights() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 3, N_ROWS).astype(float)


def noisy_copy(X: np.ndarray) -> np.ndarray:
    return X + np.random.default_rng(2).normal(scale=0.1, size=X.shape).astype(X.dtype)


def drop_a_third(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    X[rng.random(X.shape) < 0.3] = 0
    return X


# ------------------------------------------------------------------ the autoencoder of one layer

SOLVERS = {
    "plain SGD": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "Nesterov": {"solver": "sgd"},
    "Adam": {"solver": "adam"},
}
LEVELS = tuple(np.linspace(0.1, 0.6, N_FEATURES))
CORRUPTIONS = {
    "masking": {"corruption": "masking"},
    "masking, a level per feature": {"corruption": "masking", "corruption_level": LEVELS},
    "gaussian": {"corruption": "gaussian", "corruption_level": 0.2},
    "salt and pepper": {"corruption": "salt_and_pepper"},
    "swap": {"corruption": "swap"},
    "callable": {"corruption": drop_a_third},
    "none": {"corruption": None},
}


def autoencoder(n_jobs: int, **parameters: Any) -> DenoisingAutoencoder:
    common = {
        "max_iter": 1, "tol": None, "learning_rate": "constant", "learning_rate_init": 0.001,
        "batch_size": 20, "random_state": 3, "n_jobs": n_jobs,
    }  # fmt: skip
    return DenoisingAutoencoder(N_HIDDEN, **(common | parameters))


def one_layer(parameters: dict, n_jobs: int, *, dtype: str = "float32", **data: Any) -> Results:
    return stages(autoencoder(n_jobs, **parameters), rows(dtype, **data))


def own_corruption(n_jobs: int) -> Results:
    X = rows()
    return stages(autoencoder(n_jobs, emphasis=(1.0, 0.3)), X, X_corrupted=noisy_copy(X))


def weighted(n_jobs: int) -> Results:
    return stages(autoencoder(n_jobs), rows(), sample_weight=weights())


def warm_start(n_jobs: int) -> Results:
    estimator = autoencoder(n_jobs, warm_start=True).fit(rows())
    return stages(estimator, rows())


def only_partial_fit(n_jobs: int) -> Results:
    estimator, X = autoencoder(n_jobs, corruption="salt_and_pepper"), rows()
    for first in (0, 1, 30, 260):
        estimator.partial_fit(X[first : first + 200])
    return answers(estimator, X)


def other_rows(n_jobs: int) -> Results:
    """Rows in other types and orders than the core's own."""
    X = rows("float64")
    given = {
        "columns first": np.asfortranarray(X),
        "bytes": (255 * X).astype(np.uint8),
        "whole numbers": (99 * X).astype(np.int64),
        "every other row": X[::2],
    }
    estimator = autoencoder(n_jobs)
    return {name: answers(clone(estimator).fit(G), G) for name, G in given.items()}


def one_layer_cases() -> Iterator[tuple[str, Case]]:
    common = product(("squared_error", "log_loss"), ("float32", "float64"), (True, False))
    for loss, dtype, tied in common:
        which = f"{loss}, {dtype}, {'tied' if tied else 'untied'}"
        for activation in ("identity", "logistic", "tanh", "relu"):
            parameters = {"loss": loss, "activation": activation, "tied_weights": tied}
            yield f"{activation}, {which}", partial(one_layer, parameters, dtype=dtype)
    for (name, solver), dtype, tied in product(
        SOLVERS.items(), ("float32", "float64"), (True, False)
    ):
        for batch_size in (1, 20, 200):
            parameters = {**solver, "tied_weights": tied, "batch_size": batch_size, "alpha": 1e-4}
            n_rows = FEW if batch_size == 1 else N_ROWS
            which = f"{dtype}, {'tied' if tied else 'untied'}, batches of {batch_size}"
            yield f"{name}, {which}", partial(one_layer, parameters, dtype=dtype, n_rows=n_rows)
    for (name, corruption), dtype in product(CORRUPTIONS.items(), ("float32", "float64")):
        for emphasis in (None, (1.0, 0.3)):
            which = f"{name}, {dtype}{', emphasis' if emphasis else ''}"
            parameters = {**corruption, "emphasis": emphasis}
            yield which, partial(one_layer, parameters, dtype=dtype)
    for name, parameters in {
        "early stopping": {"early_stopping": True, "max_iter": 4, "n_iter_no_change": 1},
        "stops by tol": {"max_iter": 20, "tol": 0.5, "n_iter_no_change": 2},
        "best epoch": {"max_iter": 3, "tol": 0.0, "learning_rate_init": 0.02},
        "cosine": {"learning_rate": "cosine", "max_iter": 3},
        "not shuffled": {"shuffle": False, "max_iter": 2},
        "tanh outputs": {"decoder_activation": "tanh"},
        "relu outputs": {"decoder_activation": "relu", "tied_weights": False},
        "batches of 200, log_loss": {"batch_size": 200, "loss": "log_loss"},
        "batches of 1, log_loss": {"batch_size": 1, "loss": "log_loss", "solver": "sgd"},
    }.items():
        yield name, partial(one_layer, parameters)
    for batch_size in (1, 20, 200):
        which = f"mostly zeros, batches of {batch_size}"
        yield which, partial(one_layer, {"batch_size": batch_size}, density=0.1)
    yield "X_corrupted", own_corruption
    yield "sample_weight", weighted
    yield "warm_start", warm_start
    yield "partial_fit alone", only_partial_fit
    yield "other rows", other_rows


# ------------------------------------------------------------------ stacks


# what may be a default of one version and not of another is said
STACK = {
    "max_iter": 1, "tol": None, "learning_rate": "constant", "learning_rate_init": 0.001,
    "fine_tune_learning_rate_init": 0.001, "batch_size": 20, "random_state": 3,
}  # fmt: skip
SUPERVISED = STACK | {"alpha": 0.0, "fine_tune_corruption": None}


def stack(parameters: dict, n_jobs: int, *, dtype: str = "float32") -> Results:
    how = STACK | {"fine_tune": True, "fine_tune_max_iter": 1, "n_jobs": n_jobs}
    estimator = StackedDenoisingAutoencoder(SIZES, **(how | parameters))
    found = stages(estimator, rows(dtype))
    if parameters.get("warm_start"):
        found |= {f"{name}, again": v for name, v in stages(estimator, rows(dtype)).items()}
    for output_layers in ("all", 0):
        estimator.set_params(output_layers=output_layers)
        found[f"codes of {output_layers}"] = estimator.transform(rows(dtype))
    return found


def stack_arguments(n_jobs: int) -> Results:
    X = rows()
    estimator = StackedDenoisingAutoencoder(SIZES, fine_tune=True, n_jobs=n_jobs, **STACK)
    estimator.set_params(fine_tune_max_iter=1)
    found = stages(clone(estimator), X, sample_weight=weights())
    corrupted = stages(estimator, X, X_corrupted=noisy_copy(X))
    return found | {f"{name}, X_corrupted": value for name, value in corrupted.items()}


def supervised(kind: type, y: Any, parameters: dict, n_jobs: int, **more: Any) -> Results:
    X = rows(more.pop("dtype", "float32"))
    how = SUPERVISED | {"fine_tune_max_iter": 2, "n_jobs": n_jobs}
    estimator = kind(SIZES, **(how | parameters))
    found = stages(estimator, X, y, **more)
    if parameters.get("warm_start"):
        found |= {f"{name}, again": v for name, v in stages(estimator, X, y, **more).items()}
    return found


def only_supervised(n_jobs: int) -> Results:
    X, y, z = rows(), classes(), targets()
    classifier = StackedDenoisingClassifier(SIZES, n_jobs=n_jobs, **SUPERVISED)
    regressor = StackedDenoisingRegressor(SIZES, n_jobs=n_jobs, **SUPERVISED)
    for first in (0, 1, 300):
        block = slice(first, first + 200)
        classifier.partial_fit(X[block], y[block], classes=np.unique(y))
        regressor.partial_fit(X[block], z[block])
    found = answers(classifier, X)
    return found | {f"{name}, regressor": value for name, value in answers(regressor, X).items()}


def pretrained(n_jobs: int) -> Results:
    layers = StackedDenoisingAutoencoder(SIZES, n_jobs=n_jobs, **STACK).fit(rows())
    how = {"pretrained": layers, "fine_tune_max_iter": 1, "n_jobs": n_jobs}
    return stages(StackedDenoisingClassifier(SIZES, **(SUPERVISED | how)), rows(), classes())


def stack_cases() -> Iterator[tuple[str, Case]]:
    for (loss, dtype), tied in product(
        (("squared_error", "float32"), ("log_loss", "float64")), (True, False)
    ):
        parameters = {"loss": loss, "tied_weights": tied, "activation": "logistic"}
        which = f"stack, {loss}, {dtype}, {'tied' if tied else 'untied'}"
        yield which, partial(stack, parameters, dtype=dtype)
    for name, parameters in {
        "no fine-tuning": {"fine_tune": False},
        "batches of 1": {"batch_size": 1, "solver": "sgd", "learning_rate_init": 1e-4},
        "batches of 200": {"batch_size": 200},
        "early stopping": {"early_stopping": True, "max_iter": 3, "n_iter_no_change": 1},
        "emphasis, cosine": {"emphasis": (1.0, 0.3), "learning_rate": "cosine", "max_iter": 2},
        "a list for each": {
            "corruption": ["swap", "gaussian"],
            "corruption_level": [0.2, 0.3],
            "activation": ["relu", "tanh"],
            "max_iter": [2, 1],
        },
        "callable": {"corruption": drop_a_third},
        "warm_start": {"warm_start": True},
        "fine-tuning alone": {"max_iter": 0},
    }.items():
        yield f"stack, {name}", partial(stack, parameters)
    yield "stack, sample_weight and X_corrupted", stack_arguments
    kinds = {
        "classifier": (StackedDenoisingClassifier, classes()),
        "regressor": (StackedDenoisingRegressor, targets()),
    }
    for name, (kind, y) in kinds.items():
        of = partial(supervised, kind, y)
        for dtype in ("float32", "float64"):
            yield f"{name}, {dtype}", partial(of, {}, dtype=dtype)
        for batch_size in (1, 200):
            parameters = {"batch_size": batch_size, "solver": "sgd", "learning_rate_init": 1e-4}
            parameters["fine_tune_learning_rate_init"] = 1e-4
            yield f"{name}, batches of {batch_size}", partial(of, parameters)
        stopping = {"early_stopping": True, "fine_tune_max_iter": 4, "n_iter_no_change": 1}
        yield f"{name}, early stopping", partial(of, stopping)
        corrupted = {"fine_tune_corruption": "masking", "solver": "sgd"}
        yield f"{name}, corrupted fine-tuning", partial(of, corrupted)
        yield f"{name}, sample_weight", partial(of, {}, sample_weight=weights())
        yield f"{name}, warm_start", partial(of, {"warm_start": True})
    yield "classifier and regressor, partial_fit alone", only_supervised
    yield "classifier, pretrained", pretrained


# ------------------------------------------------------------------ pictures


def picture(height: int = 33, width: int = 37, *, colour: bool = False) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    grey = 127 + 60 * np.sin(x / 5.0) + 60 * np.cos((x + y) / 9.0)
    shades = [grey, 255 - grey, 0.5 * grey] if colour else [grey]
    return np.clip(np.dstack(shades) if colour else grey, 0, 255).astype(np.uint8)


def spoiled(image: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(4)
    noisy = np.clip(image + random.normal(scale=20, size=image.shape), 0, 255)
    noisy[random.random(image.shape) < 0.05] = 0
    return noisy.astype(np.uint8)


def denoiser(parameters: dict, n_jobs: int, colour: bool = False) -> Results:
    network = StackedDenoisingAutoencoder(
        (64, 48), corruption=None, tied_weights=False, fine_tune=True
    )
    how = {"autoencoder": network, "n_patches": 600, "random_state": 5, "n_jobs": n_jobs}
    estimator = ImageDenoiser(**(how | parameters))
    images = [picture(colour=colour), picture(36, 30, colour=colour)]
    noisy = spoiled(images[0])
    found = {}
    estimator.fit(images)
    for step in ("fitted", "continued"):
        found |= {f"{name}, {step}": value for name, value in fitted(estimator).items()}
        found[f"transform, {step}"] = estimator.transform(noisy)
        found[f"floats, {step}"] = estimator.transform(noisy / 255.0)
        found[f"score, {step}"] = estimator.score(images, noisy=[spoiled(i) for i in images])
        if step == "fitted":
            estimator.partial_fit(images)
    found["sigma"] = estimator.estimate_sigma(noisy)
    if parameters.get("noise") == "masking":
        mask = np.random.default_rng(6).random(noisy.shape[:2]) < 0.2
        found["mask"] = estimator.transform(noisy, mask=mask)
    if parameters.get("warm_start"):
        found["again"] = estimator.fit(images).transform(noisy)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.npz")
        estimator.save(path)
        found["saved and loaded"] = ImageDenoiser.load(path).transform(noisy)
    return found


def own_pairs(n_jobs: int) -> Results:
    network = DenoisingAutoencoder(40, corruption=None, tied_weights=False)
    images = [picture(), picture(36, 30)]
    estimator = ImageDenoiser(
        autoencoder=network, n_patches=600, level=0.08, random_state=5, n_jobs=n_jobs
    )
    estimator.fit(images, noisy=[spoiled(image) for image in images])
    return {**fitted(estimator), "transform": estimator.transform(spoiled(images[0]))}


def bundled(n_jobs: int) -> Results:
    estimator = ImageDenoiser.pretrained().set_params(n_jobs=n_jobs)
    found = {}
    for colour in (False, True):
        noisy = spoiled(picture(40, 40, colour=colour))
        found[f"transform, colour {colour}"] = estimator.transform(noisy)
        found[f"sigma given, colour {colour}"] = estimator.transform(noisy, sigma=20 / 255)
    return found


def picture_cases() -> Iterator[tuple[str, Case]]:
    for name, parameters in {
        "gaussian": {"level": 0.1},
        "gaussian, a range": {"level": (0.02, 0.2), "scales": 1},
        "masking": {"noise": "masking", "level": 0.2},
        "salt and pepper": {"noise": "salt_and_pepper", "level": 0.2},
        "unknown": {"noise": "unknown", "patch_size": 7},
        "predict noise, not centred": {
            "predict": "noise",
            "center": False,
            "learning_rate": "linear",
        },
        "uniform window": {"window": "uniform", "stride": 2, "output_size": 7},
        "warm_start": {"warm_start": True},
        "the default network": {"autoencoder": None, "n_patches": 128},
    }.items():
        yield f"denoiser, {name}", partial(denoiser, parameters)
    yield "denoiser, colour", partial(denoiser, {}, colour=True)
    yield "denoiser, channels", partial(denoiser, {"color": "channels"}, colour=True)
    yield "denoiser, own pairs", own_pairs
    yield "denoiser, bundled", bundled


# ------------------------------------------------------------------ data sets


def data_sets(n_jobs: int) -> Results:
    sizes = {"n_train": 40, "n_validation": 7, "n_test": 30, "random_state": 0}
    digits = np.random.default_rng(7).integers(0, 256, (90, 28, 28), dtype=np.uint8)
    labels, scenes = np.arange(90) % 10, [picture(90, 80, colour=True), picture()]
    found = {
        "rectangles": datasets.make_rectangles(**sizes),
        "rectangles on pictures": datasets.make_rectangles_images(scenes, **sizes),
        "convex": datasets.make_convex(**sizes),
    }
    for kind in ("basic", "rot", "bg_rand", "bg_img", "rot_bg_img"):
        behind = {"backgrounds": scenes} if "img" in kind else {}
        found[kind] = datasets.make_mnist_variation(kind, digits, labels, **behind, **sizes)
    return {f"{name}, {key}": part[key] for name, part in found.items() for key in part}


# ------------------------------------------------------------------


def cases() -> dict[str, Case]:
    return dict([*one_layer_cases(), *stack_cases(), *picture_cases(), ("data sets", data_sets)])


def run(case: Case, n_jobs: int) -> dict[str, str]:
    """Digests of a case's results; an error is a result, too."""
    try:
        return {name: digest(value) for name, value in case(n_jobs).items()}
    except Exception as error:
        return {f"error: {type(error).__name__}": str(error)}


def main() -> None:
    warnings.simplefilter("ignore")
    json.dump(
        {
            f"{name}, n_jobs={n_jobs}": run(case, n_jobs)
            for name, case in cases().items()
            if sys.argv[1] in name
            for n_jobs in map(int, sys.argv[2:])
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
