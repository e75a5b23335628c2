"""The state of a denoiser as JSON and arrays, and back, with every value validated.

An estimator is {"class": name, "state": dict}. Only the classes of `CLASSES` are made, and only
parameters of their constructors and attributes that their `fit` sets are stored and restored:
another name could replace a method. Values are validated where they are restored, so that a
denoiser that has been loaded works: the outcome of a damaged or edited file is one `Damaged`.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Collection
from copy import deepcopy
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np

from dae._estimator.state import STATE
from dae._estimator.version_stamp import STAMP
from dae._version import __version__
from dae.image._patch_task import PatchTask
from dae.image._training import level_range, task_fields

CLASSES = {
    "ImageDenoiser": "dae.image",
    "DenoisingAutoencoder": "dae.autoencoder",
    "StackedDenoisingAutoencoder": "dae.stacked",
    "ConvolutionalAutoencoder": "dae.image.convolutional",
}

# what scikit-learn adds to an estimator; it has no part in cleaning, and older files have it
IGNORED = ("_sklearn_output_config", "_metadata_request", "_sklearn_version")


class Damaged(ValueError):
    """What is wrong with a state, as the end of a sentence without its full stop."""


# ------------------------------------------------------------------ to JSON


def encode(value: Any, arrays: list[np.ndarray]) -> Any:
    """`value` as JSON; arrays are appended to `arrays`."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays.append(np.ascontiguousarray(value))
        return {"array": len(arrays) - 1}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [encode(item, arrays) for item in value]}
    if isinstance(value, dict):
        pairs = _without_moments(value).items()
        return {"dict": [[encode(key, arrays), encode(item, arrays)] for key, item in pairs]}
    name = type(value).__name__
    if CLASSES.get(name) == type(value).__module__:
        known = _parameters(type(value)) | _fitted(type(value))
        state = {key: item for key, item in value.__getstate__().items() if key in known}
        if not isinstance(state.get("random_state"), (int, np.integer, type(None))):
            state["random_state"] = None  # a generator, already used
        return {"class": name, "state": encode({**state, STAMP: __version__}, arrays)}
    raise ValueError(
        f"A model file cannot hold a {name}; it holds denoisers with one of dae's own "
        "autoencoders. Use pickle or skops for others."
    )


def _without_moments(state: dict[Any, Any]) -> dict[Any, Any]:
    """Without the solver's moments: twice the weights, needed to continue training only."""
    if "_moments" not in state:
        return state
    emptied = {**state, "_moments": type(state["_moments"])()}
    return {**emptied, "_moments_kind": None} if "_moments_kind" in state else emptied


def _parameters(cls: type) -> set[str]:
    return set(signature(cls).parameters)


def _fitted(cls: type) -> set[str]:
    """Names of the attributes that `fit` of the class sets."""
    return set(OWN_STATE.get(cls.__name__, STATE))


# ------------------------------------------------------------------ back


def decode(value: Any, arrays: list[np.ndarray], cls: type) -> Any:
    """The fitted estimator that `encode` described. Raises Damaged."""
    try:
        reader = _Reader(arrays)
        model = reader.read(value)
        if reader.unused:
            raise Damaged("it has arrays that the state does not name")
    except Damaged:
        raise
    except Warning:  # of another version, where warnings are errors
        raise
    except Exception as error:  # whatever nonsense in the state leads to
        raise Damaged(f"its state cannot be restored ({_one_line(error)})") from error
    if not isinstance(model, cls):
        raise Damaged(f"it holds a {type(model).__name__}, a {cls.__name__} is expected")
    if "autoencoder_" not in vars(model):
        raise Damaged(f"its {cls.__name__} is not fitted")
    return model


class _Reader:
    """JSON to values; each array is used once, or two weights would share their memory."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self.unused = dict(enumerate(arrays))

    def read(self, value: Any) -> Any:
        if not isinstance(value, dict):
            if isinstance(value, list):
                raise Damaged("its state has a list where a value belongs")
            return value
        if "array" in value:
            number = value["array"]
            if type(number) is not int or number not in self.unused:
                raise Damaged("its state names an array that is missing or in use")
            return self.unused.pop(number)
        if "list" in value:
            return [self.read(item) for item in value["list"]]
        if "tuple" in value:
            return tuple(self.read(item) for item in value["tuple"])
        if "dict" in value:
            return {self.read(key): self.read(item) for key, item in value["dict"]}
        name, state = value.get("class"), value.get("state")
        if name not in CLASSES:
            raise Damaged("its state names a class that is not one of dae's")
        cls = getattr(importlib.import_module(CLASSES[name]), name)
        return _restored(cls, self.read(state))


def _restored(cls: type, state: Any) -> Any:
    """An estimator of that class and state, validated."""
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise Damaged(f"the state of its {cls.__name__} is not a dict of names")
    stamp = state.get(STAMP)
    if not isinstance(stamp, str) or len(stamp) > 50:
        raise Damaged(f"the state of its {cls.__name__} has no version")
    for name in IGNORED:
        state.pop(name, None)
    parameters = _parameters(cls)
    for name in state:
        if name not in parameters | _fitted(cls) | {STAMP}:
            raise Damaged(f"{cls.__name__} has no attribute {name[:50]!r}")
        if name in parameters and isinstance(state[name], dict):
            raise Damaged(f"parameter {name} of its {cls.__name__} is a dict")
    estimator: Any = object.__new__(cls)
    estimator.__setstate__(state)
    estimator._validate_params()
    if cls.__name__ == "ImageDenoiser":
        level_range(estimator.level)
        task_fields(estimator)
        if set(state) & set(FITTED):
            _check_denoiser(estimator)
    else:
        _check_values(estimator)
    return estimator


def _check_denoiser(denoiser: Any) -> None:
    for name, is_valid in FITTED.items():
        if not is_valid(getattr(denoiser, name, None)):
            raise Damaged(f"{name} of its ImageDenoiser is missing, or of a wrong type or value")
    task = PatchTask(**denoiser._task)
    if task.size > 64 or task.scales > 64:
        raise Damaged("_task of its ImageDenoiser is out of range")
    network = denoiser.autoencoder_
    if type(network).__name__ not in CLASSES or type(network) is type(denoiser):
        raise Damaged("its network is not one of dae's autoencoders")
    # one row there and back, and one step of training on a copy, visit every value in use
    row = np.zeros((1, task.n_features), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.reconstruct(row)
        deepcopy(network).partial_fit(row, X_corrupted=row)


def _check_values(autoencoder: Any) -> None:
    """Check the attributes that report on training; the others are checked where they are used."""
    for name, is_valid in REPORTS.items():
        if name in vars(autoencoder) and not is_valid(getattr(autoencoder, name)):
            raise Damaged(f"{name} of its {type(autoencoder).__name__} is of a wrong type")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_curve(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _is_count(limit: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and 0 <= value < limit


def _is_level(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(type(level) is float for level in value)
        and 0 < value[0] <= value[1] < 1
    )


# what `ImageDenoiser.fit` sets -> whether a value can be one
FITTED: dict[str, Callable[[Any], bool]] = {
    "autoencoder_": lambda value: (
        not isinstance(value, type)
        and hasattr(value, "get_params")
        and hasattr(value, "reconstruct")
    ),
    "level_": _is_level,
    "loss_curve_": _is_curve,
    "n_patches_": _is_count(2**63),
    "_seed": _is_count(2**32),
    "_block": _is_count(2**63),
    "_task": lambda value: isinstance(value, dict),
}

# what the fitted state of a class consists of; of the others it is `STATE`
OWN_STATE: dict[str, Collection[str]] = {
    "ImageDenoiser": FITTED,
    "ConvolutionalAutoencoder": (
        "weights_", "loss_curve_", "n_steps_", "n_features_in_", "_moments",
        "_moment_steps", "_seed",
    ),
}  # fmt: skip

REPORTS: dict[str, Callable[[Any], bool]] = {
    "loss_curve_": _is_curve,
    "validation_loss_curve_": lambda value: value is None or _is_curve(value),
    "best_loss_": _is_number,
    "n_iter_": lambda value: type(value) is int and value >= 0,
}


def _one_line(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else f"{text[:200]}..."
