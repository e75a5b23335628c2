"""How training ended, in words: errors and warnings that name the estimator's own parameters."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import sklearn.base
from sklearn.exceptions import ConvergenceWarning

from dae._training.divergence import Diverged, NothingCorrupted
from dae._training.epochs import Outcome
from dae._training.settings import FINE_TUNING, Stage, stage_name

# whether the network that is trained is a part of another estimator, which speaks for it
_owned: ContextVar[bool] = ContextVar("_owned", default=False)

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")


@contextmanager
def in_words(estimator: Any) -> Iterator[None]:
    """Raise ValueError where the training of `estimator` raises what only has fields."""
    try:
        yield
    except Diverged as error:
        raise ValueError(_divergence(estimator, error)) from error
    except NothingCorrupted as error:
        raise ValueError(_nothing_corrupted(error)) from error


@contextmanager
def in_words_of_owner(owner: Any) -> Iterator[None]:
    """Raise ValueError with parameters of `owner` where training a network inside of it failed.

    The owner scales what the network reads, and trains all of it at once, by `learning_rate_init`
    and `max_iter`: warnings of how training ended name these, too.
    """
    before = _owned.set(True)
    try:
        yield
    except ValueError as error:
        if isinstance(error.__cause__, Diverged):
            raise ValueError(
                f"Training diverged with learning_rate_init={owner.learning_rate_init:g}. Lower "
                "learning_rate_init."
            ) from error
        if isinstance(error.__cause__, NothingCorrupted):
            raise ValueError(
                f"emphasis={owner.emphasis!r} counts corrupted values only, and nothing is "
                f"corrupted: corruption is {owner.corruption!r}, corruption_level "
                f"{owner.corruption_level!r}. Choose a corruption and a level above 0, or a second "
                "weight above 0."
            ) from error
        raise
    finally:
        _owned.reset(before)


def _divergence(estimator: Any, error: Diverged) -> str:
    name, initial = _parameter(estimator, "learning_rate_init", error.stage)
    rate = f"{name}={initial:g}"
    if not np.isclose(error.learning_rate, initial, rtol=1e-6, atol=0):
        rate += f" ({error.learning_rate:.3g} at that moment)"
    what = "a weight is not finite" if error.loss is None else f"the loss is {error.loss:.4g}"
    return (
        f"Training diverged at {_place(error)}: {what} with {rate}. Scale the features "
        f"(StandardScaler or MinMaxScaler) or lower {name}."
    )


def _place(error: Diverged) -> str:
    if error.epoch is None:
        passed = f"partial_fit (pass {error.presentation})"
    else:
        passed = f"epoch {error.epoch}"
    place = ", ".join(part for part in (stage_name(error.stage), passed) if part)
    if error.moment == "batch":
        return f"{place}, batch {error.batch}"
    if error.moment == "validation":
        return f"{place}, validation"
    return f"the end of {place}" if error.moment == "end" else place


def _nothing_corrupted(error: NothingCorrupted) -> str:
    settings = error.settings
    of = _of(settings.stage)
    return (
        f"emphasis={settings.emphasis} counts corrupted entries only, and nothing is corrupted: "
        f"corruption{of} is {settings.corruption!r}, corruption_level "
        f"{settings.corruption_level!r}. Choose a corruption and a level above 0, "
        "X_corrupted that differs from X, or a second weight above 0."
    )


def warn_how_it_ended(estimator: Any, outcome: Outcome) -> None:
    """Warn the caller of `fit` if training was interrupted, or may have been too short."""
    settings = outcome.settings
    stage = None if _owned.get() else settings.stage
    name = "max_iter" if _owned.get() else _parameter(estimator, "max_iter", stage)[0]
    epochs = f"{name}={settings.max_iter}"
    if outcome.interrupted:
        during = f" in {stage_name(stage)}" if stage is not None else ""
        warnings.warn(
            f"Training interrupted{during} after {len(outcome.losses)} complete epochs of "
            f"{epochs}; the estimator keeps the last complete epoch.",
            stacklevel=_level_of_caller(),
        )
    elif settings.tol is not None and not outcome.stopped and settings.schedule == "constant":
        warnings.warn(
            f"Stochastic optimization{_of(stage)} reached {epochs} epochs while the loss "
            f"was still decreasing. Raise {name}, or set tol=None for a fixed number of epochs.",
            ConvergenceWarning,
            stacklevel=_level_of_caller(),
        )


def _level_of_caller() -> int:
    """`stacklevel` of the first frame behind this package and scikit-learn's wrapper of `fit`."""
    level, frame = 1, sys._getframe(1)
    own = (_PACKAGE, sklearn.base.__file__)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(own):
        level, frame = level + 1, frame.f_back
    return level


def _of(stage: Stage) -> str:
    return "" if stage is None else f" of {stage_name(stage)}"


def _parameter(estimator: Any, name: str, stage: Stage) -> tuple[str, Any]:
    """Name and value of the parameter that plays the role of `name` in a stage of training."""
    if stage == FINE_TUNING:
        name = f"fine_tune_{name}"
    value = getattr(estimator, name)
    if isinstance(stage, int) and np.ndim(value):
        return f"{name}[{stage}]", value[stage]
    return name, value
