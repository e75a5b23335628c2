"""Sparse matrices, damaged at random: an answer or one ValueError that says what is wrong.

    python tests/fuzz_sparse.py --n 5000 --seed 0

The arrays of a SciPy container can be changed after it has checked them. The same seed damages in
the same way; a finding is printed with its number, and `--first` starts there. A few run in
`test_fuzz_sparse.py`.
"""

import argparse
import sys
import traceback
import warnings
from collections import Counter

import numpy as np
from scipy import sparse

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder, StackedDenoisingClassifier

N_ROWS, N_FEATURES = 24, 17


class Finding(Exception):
    """What should not have happened."""


def good(dtype=np.float32) -> sparse.csr_array:
    rng = np.random.default_rng(0)
    X = rng.integers(1, 4, (N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.3)
    X[3] = 0
    return sparse.csr_array(X.astype(dtype))


# ------------------------------------------------------------------ damages, each in place


def _any(rng, choices):
    return choices[int(rng.integers(len(choices)))]


def index(X, rng):
    """A column that is not there, or is there twice, or not in order."""
    k = int(rng.integers(len(X.indices)))
    wild = [-1, N_FEATURES, 2**31 - 1, -(2**31), X.indices[k - 1], 0, N_FEATURES - 1]
    X.indices[k] = _any(rng, wild)


def wide_index(X, rng):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    if rng.random() < 0.7:
        X.indices[int(rng.integers(len(X.indices)))] = _any(rng, [2**40, -(2**40), 2**32, 2**62])
    if rng.random() < 0.3:
        X.indptr[int(rng.integers(len(X.indptr)))] = _any(rng, [2**40, -(2**40), 2**63 - 1])


def pointer(X, rng):
    k = int(rng.integers(len(X.indptr)))
    X.indptr[k] = _any(rng, [-1, 0, 1, X.indptr[-1] + 1, 2**31 - 1, int(X.indptr[k]) + 3])


def value(X, rng):
    wild = [np.nan, np.inf, -np.inf, -1.0, 0.5, 1e30, 0.0, 1e-40]
    X.data[int(rng.integers(len(X.data)))] = _any(rng, wild)


def lengths(X, rng):
    name = _any(rng, ["data", "indices", "indptr"])
    array = getattr(X, name)
    setattr(X, name, _any(rng, [array[:-1], array[:0], np.append(array, array[-1:]), array[::-1]]))


def dtypes(X, rng):
    name = _any(rng, ["data", "indices", "indptr"])
    kinds = ["f2", "f4", "f8", "i1", "u1", "i4", "u4", "i8", "u8", "c16", "?", ">f8", ">i4"]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        setattr(X, name, getattr(X, name).astype(_any(rng, kinds)))


def layouts(X, rng):
    name = _any(rng, ["data", "indices", "indptr"])
    array = getattr(X, name)
    apart = np.repeat(array, 2)[::2]
    unaligned = np.frombuffer(b"x" + array.tobytes(), np.uint8)[1:].view(array.dtype)
    locked = array.copy()
    locked.flags.writeable = False
    setattr(X, name, _any(rng, [apart, unaligned, locked]))


def shape(X, rng):
    X._shape = _any(
        rng, [(N_ROWS, N_FEATURES + 1), (N_ROWS, 5), (N_ROWS + 1, N_FEATURES), (5, N_FEATURES),
              (N_ROWS, 2**33), (0, N_FEATURES)],
    )  # fmt: skip


DAMAGES = (index, wide_index, pointer, value, lengths, dtypes, layouts, shape)


def damaged(rng):
    """A container with one to three damages, and their names."""
    X = good(_any(rng, [np.float32, np.float64]))
    names = []
    for _ in range(int(rng.integers(1, 4))):
        damage = _any(rng, DAMAGES)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                damage(X, rng)
        except (ValueError, IndexError, OverflowError, TypeError):  # after an earlier damage
            continue
        names.append(damage.__name__)
    if rng.random() < 0.15:
        try:
            converted = _any(rng, [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])(good())
            if converted.format != "coo":
                converted.indices[0] = _any(rng, [-1, 2**30])
            else:
                converted.col[0] = _any(rng, [-1, 2**30])
            return converted, ["another format"]
        except (ValueError, TypeError):
            pass
    return X, names


# ------------------------------------------------------------------ what is called


def estimators():
    small = {"max_iter": 1, "tol": None, "batch_size": 7, "random_state": 0, "n_jobs": 1}
    stacked = {"hidden_layer_sizes": (3,), "fine_tune_max_iter": 1} | small
    y = np.arange(N_ROWS) % 2
    return {
        "all outputs": DenoisingAutoencoder(3, **small).fit(good()),
        "sampled": DenoisingAutoencoder(3, reconstruction_sampling=1.0, **small).fit(good()),
        "multinomial": DenoisingAutoencoder(3, loss="multinomial", input_norm="l2", **small).fit(
            good()
        ),
        "poisson": DenoisingAutoencoder(3, loss="poisson", **small).fit(good()),
        "swap": DenoisingAutoencoder(3, corruption="swap", **small).fit(good()),
        "stack": StackedDenoisingAutoencoder(**stacked).fit(good()),
        "classifier": StackedDenoisingClassifier(**stacked).fit(good(), y),
    }


def calls(estimator, X, rng):
    """One of what can be done with X."""
    if isinstance(estimator, StackedDenoisingClassifier):
        y = np.arange(X.shape[0] if X.shape[0] < 100 else N_ROWS) % 2
        return _any(rng, [
            ("fit", lambda: estimator.fit(X, y)), ("predict", lambda: estimator.predict(X)),
            ("partial_fit", lambda: estimator.partial_fit(X, y)),
        ])  # fmt: skip
    made = [
        (name, lambda name=name: getattr(estimator, name)(X))
        for name in ("fit", "partial_fit", "transform", "reconstruct", "score_samples", "corrupt")
        if hasattr(estimator, name)
    ]
    made.append(("top_features", lambda: estimator.top_features(X, 3)))
    made.append(("X_corrupted", lambda: estimator.partial_fit(good(), X_corrupted=X)))
    return _any(rng, made)


def finite(result):
    """Whether all numbers of a result are finite; NaN in `top_features` stands for none left."""
    arrays = result if isinstance(result, tuple) else (result,)
    return all(np.isfinite(array).all() for array in arrays if isinstance(array, np.ndarray))


def run(n, seed=0, first=0):
    """Try `n` cases, and count their outcomes. Raises Finding."""
    outcomes = Counter()
    fitted = estimators()
    expected = {name: _codes(estimator) for name, estimator in fitted.items()}
    for number in range(first, first + n):
        rng = np.random.default_rng([seed, number])
        name = _any(rng, list(fitted))
        estimator = fitted[name]
        before = dict(estimator.__dict__)
        X, damage = damaged(rng)
        method, call = calls(estimator, X, rng)
        what = f"case {number}: {damage}, {name}.{method}"
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = call()
        except (ValueError, MemoryError) as error:
            if not str(error):
                raise Finding(f"{what}: an error without a word") from error
            outcomes[type(error).__name__] += 1
            if estimator.__dict__.keys() != before.keys() or any(
                estimator.__dict__[key] is not item for key, item in before.items()
            ):
                raise Finding(f"{what}: the estimator has changed: {error}") from error
        except Exception as error:
            raise Finding(f"{what}: {traceback.format_exc()}") from error
        else:
            if method != "top_features" and not finite(result):
                raise Finding(f"{what}: the result has NaN or infinity")
            outcomes["worked"] += 1
            if method in ("fit", "partial_fit", "X_corrupted"):  # it is another one now
                fitted[name] = estimators()[name]
        if not np.array_equal(_codes(fitted[name]), expected[name]):
            raise Finding(f"{what}: other codes than before")
    return outcomes


def _codes(estimator):
    classifies = isinstance(estimator, StackedDenoisingClassifier)
    return estimator.predict_proba(good()) if classifies else estimator.transform(good())


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--n", type=int, default=5000, help="cases; default: %(default)s")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--first", type=int, default=0, help="number of the first case")
    arguments = options.parse_args()
    try:
        print(dict(run(arguments.n, arguments.seed, arguments.first)))
    except Finding as finding:
        sys.exit(str(finding))


if __name__ == "__main__":
    main()
