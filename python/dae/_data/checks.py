"""What users pass in, checked and converted to what the core reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from dae._data.containers import (
    check_columns,
    check_labels,
    check_not_masked,
    check_numbers,
    check_order_of_codes,
    refuse_stored_nan,
    understood,
    with_names,
    with_nan,
)
from dae._data.rows import Rows
from dae._data.sparse_containers import valid_container
from dae._data.sparse_rows import SparseRows
from dae._model.network import Layer, Network

# float32 holds every value of these exactly
_SMALL_TYPES = {
    "bool", "boolean", "int8", "uint8", "int16", "uint16", "float16", "float32",
}  # fmt: skip

# ------------------------------------------------------------------ training data


def training_dtype(X: Any) -> Any:
    """The dtype to train in: float32 where it holds X exactly, else float64."""
    dtypes = getattr(X, "dtypes", None)  # columns of a data frame
    if dtypes is None or not hasattr(dtypes, "__iter__"):  # that of a Series is one dtype
        dtype = getattr(X, "dtype", None)
        dtypes = [] if dtype is None else [dtype]
    dtypes = [getattr(dtype, "subtype", dtype) for dtype in dtypes]  # of pandas' sparse columns
    names = {str(getattr(dtype, "name", dtype)).lower() for dtype in dtypes}
    return np.float32 if names and names <= _SMALL_TYPES else np.float64


def check_training_data(estimator: Any, X: Any, *, reset: bool, dtype: Any = None) -> Rows:
    """X as a C-ordered, aligned float array or in CSR; not copied if it is one already.

    Parameters
    ----------
    reset : bool
        Whether X decides the number and the names of the features.
    dtype : dtype or None
        That of the weights when training continues; None lets X decide.
    """
    X = _valid("X", X)
    wanted = training_dtype(X) if dtype is None else np.dtype(dtype)
    with understood("X", X):
        X = with_nan("X", X, wanted)
        X = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=wanted,
            order="C",
            accept_sparse="csr",
            ensure_all_finite="allow-nan",
        )
    return _rows("X", X, wanted, estimator.n_jobs)


def _valid(name: str, X: Any) -> Any:
    """X, its columns with names; raises ValueError where they or sparse indices cannot be read."""
    check_columns(name, X)
    return valid_container(name, X) if sparse.issparse(X) else with_names(X)


def _rows(name: str, X: Any, dtype: Any, n_jobs: int | None = None) -> Rows:
    """What scikit-learn has checked: a float array, with NaN where entries are missing, or CSR."""
    if sparse.issparse(X):
        refuse_stored_nan(name, X.data)
        return SparseRows.of(X, np.dtype(dtype))
    return Rows.with_missing(np.require(X, requirements=["C", "A"]), n_jobs)


def check_training_data_and_target(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    reset: bool,
    dtype: Any,
    multi_output: bool,
    numeric: bool,
) -> tuple[Rows, np.ndarray]:
    """X as in `check_training_data`; y has one entry per row, or with `multi_output` columns."""
    check_target(y, numeric=numeric)
    X = _valid("X", X)
    wanted = training_dtype(X) if dtype is None else np.dtype(dtype)
    with understood("X", X):
        X = with_nan("X", X, wanted)
        X, y = validate_data(
            estimator,
            X,
            y,
            reset=reset,
            dtype=wanted,
            order="C",
            accept_sparse="csr",
            ensure_all_finite="allow-nan",
            multi_output=multi_output,
            y_numeric=numeric,
        )
    return _rows("X", X, wanted, estimator.n_jobs), y


def check_target(y: Any, *, numeric: bool) -> None:
    """Raise ValueError for a target that is not numbers, or not classes."""
    if numeric:
        check_numbers("y", y)
    else:
        check_labels("y", y)


def check_corrupted_copies(X_corrupted: Any, X: Rows) -> Rows | None:
    """The user's own corrupted copies of X, in the dtype and shape of X."""
    if X_corrupted is None:
        return None
    X_corrupted = _valid("X_corrupted", X_corrupted)
    with understood("X_corrupted", X_corrupted):
        X_corrupted = with_nan("X_corrupted", X_corrupted, X.dtype)
        X_corrupted = check_array(
            X_corrupted,
            dtype=X.dtype,
            order="C",
            accept_sparse="csr",
            ensure_all_finite="allow-nan",
            input_name="X_corrupted",
        )
    if sparse.issparse(X_corrupted) != X.is_sparse:
        mine, theirs = ("dense", "sparse") if X.is_sparse else ("sparse", "dense")
        raise ValueError(
            f"X_corrupted must be {theirs} as X is, got {mine} rows. Pass both as sparse "
            "(scipy.sparse.csr_array) or both as dense arrays."
        )
    shape = (len(X), X.n_features)
    if X_corrupted.shape != shape:
        raise ValueError(
            f"X_corrupted must have the shape of X, {shape}, got {X_corrupted.shape}. "
            "Pass one corrupted copy of each row of X."
        )
    return _rows("X_corrupted", X_corrupted, X.dtype)


def check_weights(
    sample_weight: Any, X: Rows, *, normalise: bool
) -> tuple[np.ndarray | None, np.ndarray]:
    """Weights in the dtype of X, or None, and the rows of positive weight.

    With `normalise` the weights of these rows are scaled to a mean of 1.
    """
    n_samples = len(X)
    everyone = np.arange(n_samples, dtype=np.intp)
    if sample_weight is None:
        return None, everyone
    weight = _weight_vector(sample_weight, n_samples)
    largest = weight.max()
    weight = weight / (largest if normalise else 1.0)  # so that the sum does not overflow
    weight[weight < np.finfo(X.dtype).tiny] = 0  # underflows in this dtype
    rows = everyone[weight > 0]
    if normalise:
        weight /= weight[rows].mean()
    with np.errstate(over="ignore"):
        held = weight.astype(X.dtype)
    if not (len(rows) and np.isfinite(held).all()):
        raise ValueError(
            f"sample_weight must be of a size that {X.dtype} holds, got a maximum of "
            f"{largest:.6g}. Divide the weights by their mean."
        )
    return held, rows


def check_score_weight(
    sample_weight: Any, n_samples: int, *, normalise: bool = True
) -> np.ndarray | None:
    """Weights of the samples in a mean, in float64; at most 1 with `normalise`."""
    if sample_weight is None:
        return None
    weight = _weight_vector(sample_weight, n_samples)
    return weight / weight.max() if normalise else weight  # so that the sum does not overflow


def _weight_vector(sample_weight: Any, n_samples: int) -> np.ndarray:
    """One finite number of 0 or more for each sample, not all 0, in float64."""
    if isinstance(sample_weight, (str, Mapping)):
        raise ValueError(
            f"sample_weight must be one number for each row of X, got {sample_weight!r}. For "
            "weights by class use class_weight of StackedDenoisingClassifier, or pass "
            "sklearn.utils.class_weight.compute_sample_weight(...)."
        )
    check_numbers("sample_weight", sample_weight)
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_samples, float(sample_weight))
    try:
        weight = check_array(
            sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
        )
    except TypeError as error:
        raise ValueError(
            f"sample_weight must be one number for each row of X, got "
            f"{type(sample_weight).__name__}: {error}."
        ) from error
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have one value for each of the {n_samples} rows of X, "
            f"got shape {weight.shape}. Pass an array of shape ({n_samples},)."
        )
    if weight.min() < 0:
        raise ValueError(
            f"sample_weight must not be negative, got a minimum of {weight.min():.6g}. "
            "Use 0 to leave a row out."
        )
    if weight.max() == 0:
        raise ValueError(
            "sample_weight must have at least one value above 0, got zero weights only. "
            "Pass None to give all rows the same weight."
        )
    return weight


def check_emphasis(emphasis: Any) -> tuple[float, float]:
    """Weights of corrupted and of untouched entries."""
    if emphasis is None:
        return (1.0, 1.0)
    try:
        check_numbers("emphasis", emphasis)
        corrupted, untouched = np.asarray(emphasis, dtype=np.float64).reshape(-1).tolist()
    except (TypeError, ValueError) as error:
        raise ValueError(
            "emphasis must be two numbers, the weights of corrupted and of untouched entries, "
            f"got {emphasis!r}. Pass for example (1, 0.5), or None for equal weights."
        ) from error
    if not (0 <= corrupted < math.inf and 0 <= untouched < math.inf and corrupted + untouched > 0):
        raise ValueError(
            "emphasis must be two finite numbers of 0 or more, not both 0, "
            f"got {emphasis!r}. Pass for example (1, 0) to weight corrupted entries only."
        )
    return corrupted, untouched


# ------------------------------------------------------------------ inference


def check_inference_data(
    estimator: Any, X: Any, network: Layer | Network, *, dtype: Any = None
) -> Rows:
    """X of `transform` and related methods: numbers or NaN, two-dimensional, of any layout.

    Values of sparse rows that are neither float32 nor float64 become `dtype`, None for that of the
    network.

    A plain array that needs no conversion skips scikit-learn's checks, which cost more than
    encoding one row and, for many rows, read all of X on one thread. If it is not finite, they
    decide.
    """
    if (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.shape[1] == network.n_features
        and X.size > 0
        and "feature_names_in_" not in estimator.__dict__
    ):
        rows = Rows(X)
        if rows.as_they_lie(network.dtype) is not None and rows.is_finite(estimator.n_jobs):
            return rows
    X = _valid("X", X)
    with understood("X", X):
        X = with_nan("X", X, training_dtype(X))
        checked = validate_data(
            estimator,
            X,
            reset=False,
            dtype="numeric",
            accept_sparse="csr",
            ensure_all_finite="allow-nan",
        )
        if checked.dtype.kind not in "biuf":  # some categories of pandas stay objects
            checked = checked.astype(np.float64)
    if sparse.issparse(checked):
        refuse_stored_nan("X", checked.data)
        return SparseRows.of(checked, np.dtype(network.dtype if dtype is None else dtype))
    return Rows.with_missing(checked, estimator.n_jobs)


def check_codes(estimator: Any, H: Any, n_components: int) -> Rows:
    """H of `inverse_transform`, of so many components."""
    H = code_array(estimator, H)
    if H.shape[1] != n_components:
        raise ValueError(
            f"inverse_transform requires one column for each of the {n_components} components, "
            f"got {H.shape[1]}. Pass what transform returned."
        )
    return Rows(H)


def code_array(estimator: Any, H: Any) -> np.ndarray:
    """H of `inverse_transform`, numbers; a data frame may call its columns as it likes."""
    if sparse.issparse(H):
        raise TypeError(
            f"inverse_transform requires dense codes, got a {type(H).__name__}. Pass what "
            "transform returned, or X.toarray()."
        )
    check_columns("X", H)
    check_not_masked("X", H)
    check_order_of_codes(estimator, H)
    with understood("X", H):
        H = check_array(H, dtype="numeric", ensure_all_finite="allow-nan", input_name="X")
    if H.dtype.kind == "f" and np.isnan(H).any():
        raise ValueError(
            "inverse_transform requires codes without NaN. Pass what transform returned."
        )
    return H
