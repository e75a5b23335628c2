"""Estimators under many Python threads, with and without the global interpreter lock."""

import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone

from dae import (
    DenoisingAutoencoder,
    StackedDenoisingAutoencoder,
    StackedDenoisingClassifier,
    StackedDenoisingRegressor,
)

N_THREADS = 8
SHORT = {"max_iter": 3, "tol": None, "random_state": 0}

X = np.random.default_rng(0).random((150, 12))
Y = np.random.default_rng(1).integers(0, 3, 150)

ESTIMATORS = {
    "autoencoder": DenoisingAutoencoder(6, corruption="swap", solver="adam", **SHORT),
    "validated": DenoisingAutoencoder(6, early_stopping=True, **SHORT),
    "stack": StackedDenoisingAutoencoder((6, 4), **SHORT),
    "classifier": StackedDenoisingClassifier((6,), max_iter=3, random_state=0),
    "regressor": StackedDenoisingRegressor((6,), max_iter=3, random_state=0),
}


def outputs(estimator):
    """What a fitted estimator answers."""
    names = ("transform", "predict", "predict_proba", "reconstruct", "score_samples")
    return [getattr(estimator, name)(X) for name in names if hasattr(estimator, name)]


def at_once(work):
    """The results of N_THREADS calls of `work` that begin together."""
    start = threading.Barrier(N_THREADS, timeout=60)

    def begin(_):
        start.wait()
        return work()

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(begin, range(N_THREADS)))


def assert_same(found, wanted):
    assert len(found) == len(wanted) > 0
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_fitted_and_used_in_many_threads(name, n_jobs, always_threads):
    """Each thread's own estimator learns what it would have learned alone; all use one of them."""
    model = clone(ESTIMATORS[name]).set_params(n_jobs=n_jobs)
    alone = clone(model).fit(X, Y)
    expected = outputs(alone)
    for found in at_once(lambda: outputs(clone(model).fit(X, Y))):
        assert_same(found, expected)
    for found in at_once(lambda: outputs(alone)):
        assert_same(found, expected)


def test_threads_that_continue_their_own_estimators(always_threads):
    def learn():
        model = DenoisingAutoencoder(6, solver="adam", n_jobs=2, random_state=0)
        for start in range(0, 150, 30):
            model.partial_fit(X[start : start + 30])
        return outputs(model)

    expected = learn()
    for found in at_once(learn):
        assert_same(found, expected)


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has a GIL")
def test_importing_the_core_does_not_bring_the_gil_back():
    """Each compiled module says that it needs no GIL; one that did not would switch it on."""
    code = (
        "import sys; before = sys._is_gil_enabled(); "
        "from daecore import _convolution, _enums, _inference, _sampled, _simd; "
        "from daecore import _threads, _training; "
        "print(before, sys._is_gil_enabled())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False", "False"], done.stderr
