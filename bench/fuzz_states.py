"""Edited estimators: whatever their attributes hold, the outcome is an answer or one clear error.

    python -m bench.fuzz_states [--n 2000] [--seed 0] [--first 0]

Each case takes a fitted estimator of `dae`, `dae.tabular` or `dae.image`, replaces, deletes or
damages one value in its `__dict__`, at any depth, and calls its methods. Allowed are results,
ValueError (NotFittedError and InvalidParameterError are ValueErrors) and MemoryError. Attributes
that are properties may also raise AttributeError where the estimator counts as not fitted. The exit
status is 1 if anything else was seen; each line of the report names the case, which ``--first``
repeats.
"""

from __future__ import annotations

import argparse
import math
import pickle
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import sparse

from dae import (
    DenoisingAutoencoder,
    DenoisingOutlierDetector,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)
from dae.image import ConvolutionalAutoencoder, ImageDenoiser
from dae.tabular import DenoisingImputer, TabularDenoisingAutoencoder

ALLOWED = (ValueError, MemoryError)

N_FEATURES = 5
BLOCKS = [("squared_error", 2), ("multinomial", 2, 0.5), ("log_loss", 1)]

# ------------------------------------------------------------------ what is fitted


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((24, N_FEATURES)), np.arange(24) % 3


def fitted_estimators() -> dict[str, Any]:
    """Small fitted estimators with all kinds of state."""
    X, y = _data()
    small = {"max_iter": 2, "tol": None, "batch_size": 8, "random_state": 0, "n_jobs": 1}
    tuned = {"fine_tune_max_iter": 2} | small
    picture = np.random.default_rng(1).random((20, 20)).astype(np.float32)
    frame = _frame(X)
    return {
        "autoencoder": DenoisingAutoencoder(4, corruption="salt_and_pepper", **small).fit(frame),
        "untied": DenoisingAutoencoder(
            4, tied_weights=False, solver="sgd", early_stopping=True, **small
        ).fit(X.astype(np.float32)).set_params(early_stopping=False),
        "sparse": DenoisingAutoencoder(
            4, input_norm="l2", reconstruction_sampling=1.0, loss="poisson", **small
        ).fit(sparse.csr_array(np.rint(3 * X))),
        "blocks": DenoisingAutoencoder(
            4, output_blocks=BLOCKS, corruption="salt_and_pepper", **small
        ).fit(_with_gaps(X)),
        "stack in blocks": StackedDenoisingAutoencoder(
            (4, 3), output_blocks=BLOCKS, corruption="swap", fine_tune=True, **tuned
        ).fit(_with_gaps(X)),
        "stack": StackedDenoisingAutoencoder((4, 3), fine_tune=True, **tuned).fit(X),
        "layers": StackedDenoisingAutoencoder((4, 3), output_layers="all", **tuned).fit(frame),
        "classifier": StackedDenoisingClassifier((4, 3), **tuned).fit(X, y),
        "regressor": StackedDenoisingRegressor((4,), **tuned).fit(X, np.c_[y, y**2]),
        "detector": DenoisingOutlierDetector(
            (4, 3), n_repeats=2, max_iter=2, batch_size=8, random_state=0, n_jobs=1
        ).fit(frame),
        "denoiser": ImageDenoiser(
            level=(0.1, 0.3), patch_size=5, n_patches=100, batch_size=50, random_state=0,
            autoencoder=StackedDenoisingAutoencoder(
                (4,), fine_tune=True, corruption=None, tied_weights=False
            ),
        ).fit([picture]),
        "convolutional denoiser": ImageDenoiser(
            level=(0.1, 0.3), patch_size=6, n_patches=20, batch_size=4, random_state=0,
            autoencoder=ConvolutionalAutoencoder(16, 1),
        ).fit([picture]),
        "convolutional": ConvolutionalAutoencoder(16, 1, random_state=0).partial_fit(_patches()),
        "table": TabularDenoisingAutoencoder(
            4, missing_indicator=True, max_iter=2, random_state=0
        ).fit(_table()),
        "table in quantiles": TabularDenoisingAutoencoder(
            (4, 3), numeric_scaler="quantile", keep_input=True, output_layers="all", max_iter=2,
            random_state=0,
        ).fit(_table()),
        "imputer": DenoisingImputer(
            hidden_layer_sizes=4, add_indicator=True, max_iter=2, random_state=0
        ).fit(_table()),
        "detector of a table": DenoisingOutlierDetector(
            (4,), n_repeats=2, max_iter=2, random_state=0, n_jobs=1
        ).fit(_table()),
    }  # fmt: skip


def _patches() -> np.ndarray:
    return np.random.default_rng(3).random((8, 37)).astype(np.float32)


def _table() -> Any:
    """Columns of every kind, with missing values."""
    import pandas

    rng, n = np.random.default_rng(4), 24
    frame = pandas.DataFrame(
        {
            "number": rng.normal(size=n),
            "count": [0, 0, 0, 1, 2, 3, 8, 9] * (n // 8),
            "text": rng.choice(["x", "y", "z"], n),
            "date": pandas.date_range("2020", periods=n),
            "day": [day.date() for day in pandas.date_range("2020", periods=n, tz="UTC")],
            "level": pandas.Categorical(rng.choice(["u", "v"], n), ordered=True),
            "flag": rng.random(n) < 0.5,
            "one": 1,
        }
    )
    frame.loc[3, "number"], frame.loc[5, "text"] = np.nan, None
    return frame


def _with_gaps(X: np.ndarray) -> np.ndarray:
    X = X.copy()
    X[::3, 1], X[1, 2], X[:, 4] = np.nan, np.nan, np.nan
    return X


def _frame(X: np.ndarray) -> Any:
    import pandas

    return pandas.DataFrame(X, columns=[f"column {k}" for k in range(X.shape[1])])


def calls(name: str, estimator: Any) -> dict[str, Callable[[], Any]]:
    """What is called, by name."""
    X, y = _data()
    if name in ("autoencoder", "layers", "detector"):
        X = _frame(X)
    if "blocks" in name:
        X = _with_gaps(X)
    if name == "sparse":
        X = sparse.csr_array(np.rint(3 * X))
    made: dict[str, Callable[[], Any]] = {"pickle": lambda: pickle.loads(pickle.dumps(estimator))}
    if "denoiser" in name:
        picture = np.random.default_rng(2).random((16, 16)).astype(np.float32)
        return made | {
            "transform": lambda: estimator.transform(picture),
            "score": lambda: estimator.score([picture]),
            "estimate_sigma": lambda: estimator.estimate_sigma(picture),
            "tells_level": lambda: estimator.tells_level,
        }
    if name == "convolutional":
        return made | {
            "reconstruct": lambda: estimator.reconstruct(_patches()),
            "partial_fit": lambda: estimator.partial_fit(_patches()),
        }
    if "table" in name or name == "imputer":
        X = _table()
    if name == "imputer":
        return made | {
            "transform": lambda: estimator.transform(X),
            "impute_many": lambda: estimator.impute_many(X),
            "names": lambda: estimator.get_feature_names_out(),
            "columns": lambda: estimator.describe_columns(),
        }
    if name.startswith("table"):
        codes = np.ones((3, 17 if name.endswith("quantiles") else 4))
        by_table = ("transform", "reconstruct", "impute", "level_probabilities", "errors", "score")
        return made | {
            "partial_fit": lambda: estimator.partial_fit(X),
            **{method: lambda m=method: getattr(estimator, m)(X) for method in by_table},
            "inverse_transform": lambda: estimator.inverse_transform(codes),
            "names": lambda: estimator.get_feature_names_out(),
            "columns": lambda: estimator.describe_columns(),
            "categories_": lambda: estimator.categories_,
            "n_iter_": lambda: estimator.n_iter_,
        }
    if name.startswith("detector"):
        return made | {
            "predict": lambda: estimator.predict(X),
            "score_samples": lambda: estimator.score_samples(X),
            "errors": lambda: estimator.errors(X),
        }
    target = {"classifier": (y,), "regressor": (np.c_[y, y**2],)}.get(name, ())
    made["partial_fit"] = lambda: estimator.partial_fit(X, *target)
    if target:
        made["predict"] = lambda: estimator.predict(X)
        made["score"] = lambda: estimator.score(X, *target)
        public = ["coefs_", "intercepts_", "components_", "loss_curve_", "n_iter_", "best_loss_"]
        public += ["validation_scores_", "best_validation_score_"]
    else:
        width = 7 if name == "layers" else 3 if name.startswith("stack") else 4
        codes = np.ones((3, width))
        made |= {
            "transform": lambda: estimator.transform(X),
            "score_samples": lambda: estimator.score_samples(X),
            "reconstruct": lambda: estimator.reconstruct(X),
            "inverse_transform": lambda: estimator.inverse_transform(codes),
            "corrupt": lambda: estimator.corrupt(X),
            "names": lambda: estimator.get_feature_names_out(),
        }
        public = ["components_", "decoder_components_"]
        if name == "layers" or name.startswith("stack"):
            public += ["coefs_", "intercepts_", "decoder_coefs_", "decoder_intercepts_"]
            public += ["loss_curves_", "validation_loss_curves_", "loss_curve_", "n_iter_"]
            public += ["validation_loss_curve_", "best_loss_"]
    return made | {attribute: lambda a=attribute: getattr(estimator, a) for attribute in public}


# ------------------------------------------------------------------ what is done to it

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 3, 2**31, 2**63, 2**64, -(2**70), 0.0, -0.5, 2.5, 1e308, math.nan,
    math.inf, -math.inf, "", "relu", "a", b"a", 1j, Fraction(1, 3), (), (1, 2), ("a",), [], [1.0],
    [None], ["a"], [[1.0]], {}, {"a": 1}, {"encoder": None}, set(), range(3),
    Ellipsis, NotImplemented,
    np.float32(1), np.int64(-1), np.array(1.0), np.array("a"), np.zeros(0), np.zeros(3),
    np.zeros((2, 2)), np.zeros((2, 2, 2)), np.array([1, 2]), np.array(["a", "b"]),
    np.array([None, "a"], dtype=object), np.array([np.nan, 1.0]), np.ma.masked_array([1.0], [True]),
    np.zeros(2, dtype="f4,i4"), np.zeros(5, dtype="M8[s]"), slice(None),
)  # fmt: skip


def _damaged_array(array: np.ndarray, rng: np.random.Generator) -> Any:
    ways: list[Callable[[], Any]] = [
        lambda: array[..., :-1],
        lambda: array[::-1],
        lambda: array.T,
        lambda: array[None],
        lambda: array.ravel(),
        lambda: array.astype(np.float16 if array.dtype.kind == "f" else np.float64),
        lambda: array.astype(array.dtype.newbyteorder(">")),
        lambda: array.astype(object),
        lambda: array.astype(str),
        lambda: array * np.nan,
        lambda: array - np.inf,
        lambda: array * 1e300,
        lambda: np.zeros_like(array),
        lambda: array.tolist(),
        lambda: array.view(np.uint8),
        lambda: np.concatenate([array, array]),
        lambda: np.broadcast_to(array.ravel()[:1].reshape([1] * array.ndim), array.shape),
        lambda: np.ma.masked_array(array, mask=True),
        lambda: np.asfortranarray(array),
    ]
    return ways[rng.integers(len(ways))]()


def _inside(value: Any) -> Any:
    """What a value consists of, as a dict or a list: also of estimators and records of `dae`."""
    if isinstance(value, (dict, list)):
        return value
    if type(value).__module__.startswith("dae."):
        return vars(value)
    return None


def mutate(estimator: Any, rng: np.random.Generator) -> str:
    """Change one value of the estimator, at any depth; returns what was done."""
    owner: Any = estimator.__dict__
    path = type(estimator).__name__
    parameters = set(estimator.get_params(deep=False))
    while True:
        keys = sorted(owner, key=str) if isinstance(owner, dict) else range(len(owner))
        if owner is estimator.__dict__ and rng.random() < 0.8:
            keys = [key for key in keys if key not in parameters]
        key = keys[rng.integers(len(keys))]
        value = owner[key]
        path += f"[{key!r}]"
        inside = _inside(value)
        if not inside or rng.random() < 0.2:
            break
        owner = inside
        if hasattr(value, "get_params"):
            parameters = set(value.get_params(deep=False))
    # scikit-learn's own methods, too, need every parameter
    if isinstance(owner, dict) and key not in parameters and rng.random() < 0.1:
        del owner[key]
        return f"del {path}"
    if isinstance(value, np.ndarray) and rng.random() < 0.5:
        try:
            new = _damaged_array(value, rng)
        except (TypeError, ValueError):
            new = None
    elif isinstance(value, tuple) and value and rng.random() < 0.5:
        parts = list(value)
        parts[rng.integers(len(parts))] = ODD_VALUES[rng.integers(len(ODD_VALUES))]
        new = tuple(parts)
    else:
        new = ODD_VALUES[rng.integers(len(ODD_VALUES))]
    owner[key] = new
    return f"{path} = {' '.join(repr(new).split())[:60]}"


# ------------------------------------------------------------------ cases


def run(
    n: int, seed: int = 0, first: int = 0, *, trace: bool = False
) -> tuple[Counter[str], list[str]]:
    """Outcomes by name, and one entry for each call that ended as it must not.

    Parameters
    ----------
    n, first : int
        Number of cases, and number of the first one; a case depends on its number and the seed.
    trace : bool
        Whether to print each case before its calls.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        stored = {name: pickle.dumps(each) for name, each in fitted_estimators().items()}
        outcomes: Counter[str] = Counter()
        faults = []
        for case in range(first, first + n):
            rng = np.random.default_rng([seed, case])
            name = list(stored)[case % len(stored)]
            estimator = pickle.loads(stored[name])
            done = mutate(estimator, rng)
            if trace:
                print(case, done, flush=True)
            methods = list(calls(name, estimator).items())
            for k in rng.permutation(len(methods)):
                method, call = methods[k]
                try:
                    call()
                    outcomes["answer"] += 1
                except ALLOWED as error:
                    outcomes[type(error).__name__] += 1
                except Exception as error:
                    if _says_not_fitted(error):
                        outcomes["not fitted"] += 1
                        continue
                    where = traceback.extract_tb(error.__traceback__)[-1]
                    faults.append(
                        f"case {case}, {method}: {done}: {type(error).__name__}: {error} "
                        f"({where.filename.rsplit('/', 1)[-1]}:{where.lineno})"
                    )
                    outcomes[type(error).__name__] += 1
    return outcomes, faults


def _says_not_fitted(error: Exception) -> bool:
    return isinstance(error, AttributeError) and "before it is fitted" in str(error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=2000, help="number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--trace", action="store_true", help="print each case before its calls")
    arguments = parser.parse_args()
    outcomes, faults = run(arguments.n, arguments.seed, arguments.first, trace=arguments.trace)
    for fault in faults:
        print(fault)
    print(f"{arguments.n} cases, {sum(outcomes.values())} calls: {dict(outcomes)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
