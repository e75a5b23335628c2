"""Valid values of the estimators' parameters, for scikit-learn's check; shared ones once."""

from __future__ import annotations

import functools
from numbers import Integral, Real
from operator import is_
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval as _Interval
from sklearn.utils._param_validation import (
    Options,
    StrOptions,
    validate_parameter_constraints,
)

from dae._data.scaling import INPUT_NORMS
from dae._model.activations import ACTIVATIONS, DECODER_ACTIVATIONS
from dae._model.corruption import KINDS, NO_CORRUPTION
from dae._model.losses import LOSSES
from dae._model.numbers import as_float
from dae._model.precision import PRECISIONS
from dae._model.solver import SOLVERS
from dae._training.settings import AUTO, SCHEDULES


class Interval(_Interval):
    """scikit-learn's, for all real numbers: it asks NumPy, which does not know Fraction.

    An integer that float64 does not hold is in no interval of real numbers.
    """

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, Real) and (self.type is Real or not isinstance(value, Integral)):
            value = as_float(value)
        return super().__contains__(value)


# the values of each estimator that have passed the check
_passed: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()
_CANNOT_CHANGE = (str, int, float, bool, type(None), np.random.RandomState)


class CheckedParametersMixin(BaseEstimator):
    """scikit-learn's check of the parameters, not repeated while they are the same objects.

    It takes 0.25 ms, a third of a `partial_fit` of one row.
    """

    def _validate_params(self) -> None:
        values = [getattr(self, name) for name in _parameter_names(cast(Any, type(self)))]
        before = _passed.pop(self, None)
        if before is None or not all(map(is_, values, before)):
            super()._validate_params()
        if all(type(value) in _CANNOT_CHANGE for value in values):
            _passed[self] = values


@functools.cache
def _parameter_names(of: Any) -> list[str]:
    return of._get_param_names()


# of one layer; a stack may have one value for each
LAYER: dict[str, list[Any]] = {
    "corruption": [StrOptions(set(KINDS) - {NO_CORRUPTION.kind}), callable, None],
    "corruption_level": [Interval(Real, 0, None, closed="left"), "array-like"],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
}

# of the reconstruction
DECODING: dict[str, list[Any]] = {
    "decoder_activation": [StrOptions({"auto", *DECODER_ACTIVATIONS})],
    "loss": [StrOptions(set(LOSSES))],
    "tied_weights": ["boolean"],
    "emphasis": ["array-like", None],
    "input_norm": [StrOptions(set(INPUT_NORMS)), None],
    "reconstruction_sampling": [Interval(Real, 0, None, closed="left"), None],
}

# of the training of any network
TRAINING: dict[str, list[Any]] = {
    "solver": [StrOptions(set(SOLVERS))],
    "learning_rate": [StrOptions(set(SCHEDULES))],
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "nesterovs_momentum": ["boolean"],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "tol": [Interval(Real, 0, None, closed="left"), None],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "matmul_precision": [StrOptions(set(PRECISIONS))],
    "n_jobs": [
        Interval(Integral, 1, None, closed="left"),
        Interval(Integral, None, -1, closed="right"),
        None,
    ],
}

# epochs of a network that is trained; of a layer of a stack, 0 for none
EPOCHS: list[Any] = [StrOptions({AUTO}), Interval(Integral, 1, None, closed="left")]
_LAYERS_EPOCHS: list[Any] = [StrOptions({AUTO}), Interval(Integral, 0, None, closed="left")]
_PER_LAYER = {**LAYER, "max_iter": _LAYERS_EPOCHS}

STACK: dict[str, list[Any]] = {
    "hidden_layer_sizes": [Interval(Integral, 1, None, closed="left"), "array-like"],
    **{name: [*constraints, "array-like"] for name, constraints in _PER_LAYER.items()},
    **DECODING,
    "fine_tune_max_iter": EPOCHS,
    "fine_tune_learning_rate_init": LAYER["learning_rate_init"],
    **TRAINING,
}


def layer_sizes(estimator: Any) -> tuple[int, ...]:
    """`hidden_layer_sizes` as a tuple; a number means one layer."""
    sizes = estimator.hidden_layer_sizes
    try:
        sizes = tuple(sizes) if _is_sequence(sizes) else (sizes,)
        valid = len(sizes) > 0 and all(
            isinstance(size, (int, np.integer)) and not isinstance(size, bool) and size >= 1
            for size in sizes
        )
    except TypeError:
        valid = False
    if not valid:
        raise ValueError(
            "hidden_layer_sizes must be one integer of 1 or more for each layer, "
            f"got {estimator.hidden_layer_sizes!r}. Pass for example (256, 128)."
        )
    return tuple(int(size) for size in sizes)


def per_layer(estimator: Any, name: str) -> list[Any]:
    """A parameter's value for each layer, each checked as one of a single layer would be."""
    n_layers = len(layer_sizes(estimator))
    value = getattr(estimator, name)
    if _is_sequence(value):
        values = list(value)
        if len(values) != n_layers:
            raise ValueError(
                f"{name} must be one value, or one for each of the {n_layers} layers, "
                f"got {len(values)} values: {value!r}."
            )
    else:
        values = [value] * n_layers
    owner = type(estimator).__name__
    for k, layers_own in enumerate(values):
        validate_parameter_constraints(
            {f"{name}[{k}]": _PER_LAYER[name]}, {f"{name}[{k}]": layers_own}, caller_name=owner
        )
    return values


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)
