"""What users pass in, checked and brought into the form that the core reads."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from dae import _core
from dae._model.corruption import NO_CORRUPTION, Corruption
from dae._model.network import Layer, Network, is_plain

CorruptionFunction = Callable[[np.ndarray, np.random.Generator], np.ndarray]

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))

# float32 holds every value of these exactly
_SMALL_TYPES = {
    "bool", "boolean", "int8", "uint8", "int16", "uint16", "float16", "float32",
}  # fmt: skip

_BLOCK = 2**20  # entries of a temporary, when a large array is looked through


# ------------------------------------------------------------------ training data


def training_dtype(X: Any) -> Any:
    """The dtype to train in: float32 where it holds X exactly, else float64."""
    dtypes = getattr(X, "dtypes", None)  # a data frame's columns
    if dtypes is None:
        dtype = getattr(X, "dtype", None)
        dtypes = [] if dtype is None else [dtype]
    names = {str(getattr(dtype, "name", dtype)).lower() for dtype in dtypes}
    return np.float32 if names and names <= _SMALL_TYPES else np.float64


def check_training_data(estimator: Any, X: Any, *, reset: bool, dtype: Any = None) -> np.ndarray:
    """X as a C-ordered, aligned float array; not copied when it is one already.

    Parameters
    ----------
    reset : bool
        Whether X decides the number and the names of the features.
    dtype : dtype or None
        That of the weights when training goes on; None lets X decide.
    """
    wanted = training_dtype(X) if dtype is None else np.dtype(dtype)
    X = validate_data(estimator, X, reset=reset, dtype=wanted, order="C")
    return np.require(X, requirements=["C", "A"])


def check_shown(X_corrupted: Any, X: np.ndarray) -> np.ndarray | None:
    """The user's own noisy copies of X, in X's dtype and shape."""
    if X_corrupted is None:
        return None
    X_corrupted = check_array(X_corrupted, dtype=X.dtype, order="C", input_name="X_corrupted")
    if X_corrupted.shape != X.shape:
        raise ValueError(
            f"X_corrupted should have the shape of X, {X.shape}, got {X_corrupted.shape}. "
            "Pass one corrupted copy of each row of X."
        )
    return np.require(X_corrupted, requirements=["C", "A"])


def check_weights(
    sample_weight: Any, X: np.ndarray, *, normalise: bool
) -> tuple[np.ndarray | None, np.ndarray]:
    """Weights in X's dtype, or None, and the rows that weigh anything.

    With `normalise` the weights of these rows get a mean of 1.
    """
    n_samples = len(X)
    everyone = np.arange(n_samples, dtype=np.intp)
    if sample_weight is None:
        return None, everyone
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_samples, sample_weight)
    weight = check_array(
        sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
    )
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight should have one value for each of the {n_samples} rows of X, "
            f"got shape {weight.shape}. Pass an array of shape ({n_samples},)."
        )
    if weight.min() < 0:
        raise ValueError(
            f"sample_weight should not be negative, got a minimum of {weight.min():.6g}. "
            "Use 0 to leave a row out."
        )
    largest = weight.max()
    if largest == 0:
        raise ValueError(
            "sample_weight should have at least one value above 0, got zero weights only. "
            "Pass None to weigh all rows alike."
        )
    weight = weight / (largest if normalise else 1.0)  # the sum of such does not overflow
    weight[weight < np.finfo(X.dtype).tiny] = 0  # nothing, in this dtype
    rows = everyone[weight > 0]
    if normalise:
        weight /= weight[rows].mean()
    with np.errstate(over="ignore"):
        held = weight.astype(X.dtype)
    if not (len(rows) and np.isfinite(held).all()):
        raise ValueError(
            f"sample_weight should be of a size that {X.dtype} holds, got a maximum of "
            f"{largest:.6g}. Divide the weights by their mean."
        )
    return held, rows


def check_unit_range(X: np.ndarray) -> None:
    """Raise ValueError unless X lies in [0, 1], as cross-entropy needs it."""
    low, high = X.min(), X.max()
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"loss='log_loss' needs X in [0, 1], got values from {low:.6g} to {high:.6g}. "
            "Scale X, for example with MinMaxScaler(clip=True), or use loss='squared_error'."
        )


# ------------------------------------------------------------------ corruption


def check_emphasis(emphasis: Any) -> tuple[float, float]:
    """Weights of corrupted and of untouched entries."""
    try:
        corrupted, untouched = (float(weight) for weight in emphasis)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "emphasis should be two numbers, the weights of corrupted and of untouched entries, "
            f"got {emphasis!r}. Pass for example (1, 0.5), or None to weigh all alike."
        ) from error
    if not (0 <= corrupted < math.inf and 0 <= untouched < math.inf and corrupted + untouched > 0):
        raise ValueError(
            "emphasis should be two finite numbers of 0 or more, not both 0, "
            f"got {emphasis!r}. Pass for example (1, 0) to weigh corrupted entries only."
        )
    return corrupted, untouched


def check_levels(kind: str, level: Any, n_features: int) -> np.ndarray:
    """`corruption_level` as one float64 for each feature."""
    try:
        levels = np.asarray(level, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"corruption_level should be a number or one number a feature, got {level!r}."
        ) from error
    if levels.ndim and levels.shape != (n_features,):
        raise ValueError(
            f"corruption_level should be a number or one value for each of the {n_features} "
            f"features, got shape {levels.shape}."
        )
    low, high = levels.min(initial=np.inf), levels.max(initial=-np.inf)
    if kind == "gaussian":
        limit = float(np.finfo(np.float32).max)
        meaning = "the standard deviation, finite and at least 0"
    else:
        limit, meaning = 1.0, "a probability in [0, 1]"
    if not (low >= 0 and high <= limit):
        values = f"{low:.6g}" if low == high else f"values from {low:.6g} to {high:.6g}"
        raise ValueError(
            f"corruption_level should be {meaning}, for corruption={kind!r}; got {values}."
        )
    return np.ascontiguousarray(np.broadcast_to(levels, (n_features,)))


def built_in_corruption(
    kind: str | None,
    level: Any,
    seed: int,
    X: np.ndarray,
    *,
    rows: np.ndarray,
    feature_range: tuple[np.ndarray, np.ndarray] | None,
) -> Corruption:
    """The plain numbers for the core.

    Parameters
    ----------
    rows : intp ndarray
        Rows of X that "swap" may take values from.
    feature_range : (minimum, maximum) of each feature, or None
        Needed by "salt_and_pepper".
    """
    if kind is None:
        return NO_CORRUPTION
    corruption = Corruption(kind, check_levels(kind, level, X.shape[1]), seed)
    if kind == "salt_and_pepper":
        assert feature_range is not None
        corruption.low, corruption.high = (
            np.ascontiguousarray(edge, dtype=X.dtype) for edge in feature_range
        )
    elif kind == "swap":
        corruption.donors = np.ascontiguousarray(rows, dtype=np.intp)
    return corruption


def call_corruption(
    function: CorruptionFunction, batch: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """What the user's function makes of a batch; it gets a copy and may write into it."""
    made = function(batch.copy(), generator)
    name = getattr(function, "__name__", type(function).__name__)
    advice = "Return a finite real array with the shape of the batch it was given."
    try:
        shown = np.asarray(made)
    except Exception as error:
        raise ValueError(f"corruption={name} returned no array. {advice}") from error
    if shown.dtype.kind not in "biuf":
        raise ValueError(
            f"corruption={name} should return real numbers, got "
            f"{type(made).__name__} of dtype {shown.dtype}. {advice}"
        )
    if shown.shape != batch.shape:
        raise ValueError(
            f"corruption={name} should return shape {batch.shape}, got {shown.shape}. {advice}"
        )
    with np.errstate(over="ignore"):
        shown = np.require(shown, dtype=batch.dtype, requirements=["C", "A"])
    if not np.isfinite(shown).all():
        raise ValueError(f"corruption={name} returned NaN or infinite values. {advice}")
    return shown


def feature_range(X: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of each feature over `rows`, without a copy of X."""
    if len(rows) == len(X):
        return X.min(axis=0), X.max(axis=0)
    step = max(1, _BLOCK // X.shape[1])
    blocks = [X[rows[first : first + step]] for first in range(0, len(rows), step)]
    low = np.min([block.min(axis=0) for block in blocks], axis=0)
    return low, np.max([block.max(axis=0) for block in blocks], axis=0)


# ------------------------------------------------------------------ the limit of a sane loss


def largest_sane_loss(
    X: np.ndarray,
    network: Layer | Network,
    corruption: Corruption | CorruptionFunction | None,
    X_corrupted: np.ndarray | None,
) -> float:
    """A per-sample loss that no training reaches unless it diverges.

    10^4 times what an output that ignores its input (pre-activation zero) would lose on the
    worst row, plus the number of features, plus the energy that the corruption brings in.
    """
    n_features = X.shape[1]
    if network.loss == "log_loss":
        worst = n_features * math.log(2)
    else:
        decoder_activation = network.layers[0].decoder_activation
        worst = largest_energy(X, 0.5 if decoder_activation == "logistic" else 0.0)
    if X_corrupted is not None:
        worst += largest_energy(X_corrupted)
    elif isinstance(corruption, Corruption) and corruption.kind == "gaussian":
        worst += float((corruption.level**2).sum())
    return 1e4 * (worst + n_features)


def largest_energy(X: np.ndarray, origin: float = 0.0) -> float:
    """Largest squared distance of a row of X from `origin`."""
    largest = 0.0
    step = max(1, _BLOCK // X.shape[1])
    for first in range(0, len(X), step):
        block = X[first : first + step].astype(np.float64)
        if origin:
            block -= origin
        largest = max(largest, float(np.einsum("ij,ij->i", block, block).max()))
    return largest


# ------------------------------------------------------------------ inference


def check_inference_data(estimator: Any, X: Any, network: Layer | Network) -> np.ndarray:
    """X of `transform` and its kin as a finite, numeric, two-dimensional array of any layout.

    A plain array that needs nothing done skips scikit-learn's checks, which cost more than coding
    one row and, of many rows, read all of X on one thread. If it is not finite, they decide.
    """
    if (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype == network.dtype
        and X.shape[1] == network.n_features
        and X.size > 0
        and is_plain(X)
        and "feature_names_in_" not in estimator.__dict__
        and _core.all_finite(X, estimator.n_jobs)
    ):
        return X
    return validate_data(estimator, X, reset=False, dtype="numeric")


def check_codes(H: Any, n_components: int) -> np.ndarray:
    """H of `inverse_transform`; its columns are codes, so feature names do not apply."""
    H = check_array(H, dtype="numeric", input_name="X")
    if H.shape[1] != n_components:
        raise ValueError(
            f"inverse_transform needs one column for each of the {n_components} components, "
            f"got {H.shape[1]}. Pass what transform returned."
        )
    return H


def by_rows(
    function: Callable[..., np.ndarray],
    network: Layer | Network,
    X: np.ndarray,
    *,
    width: int | None,
    n_threads: int,
) -> np.ndarray:
    """``function(network, X)``, of any layout and dtype; the network is checked.

    Blocks of rows are brought into the weights' dtype and C order one by one: X is never
    copied whole. The result follows X where X is float32 or float64, else the weights. `width` None
    stands for one float64 a row.
    """
    if X.dtype == network.dtype and is_plain(X):
        return function(network, X, n_threads=n_threads, checked=True)
    step = max(1, _BLOCK // X.shape[1])
    if width is None:
        result = np.empty(len(X), dtype=np.float64)
    else:
        result = np.empty((len(X), width), dtype=X.dtype if X.dtype in FLOATS else network.dtype)
    for first in range(0, len(X), step):
        block = _converted(X[first : first + step], network.dtype)
        with np.errstate(over="ignore"):
            result[first : first + step] = function(
                network, block, n_threads=n_threads, checked=True, n_rows=len(X)
            )
    return result


def _converted(block: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):
        converted = np.require(block, dtype=dtype, requirements=["C", "A"])
    # a float64 may be infinite as float32; an infinity that was there was let in on purpose
    if block.dtype.kind == "f" and block.dtype.itemsize > dtype.itemsize:
        if not np.array_equal(np.isfinite(converted), np.isfinite(block)):
            raise ValueError(
                f"X has a value too large for {dtype}, the dtype that the estimator was fitted "
                "in. Scale X, or fit on float64 data."
            )
    return converted
