"""Every rival takes the same step: without corruption all must reach the same weights."""

import numpy as np
import pytest

from bench.rivals import MODULES, load
from bench.settings import SOLVERS, Setting, initial_weights, order, rows_of
from bench.tables.bfloat16 import OURS, THEIRS

THREADS = 2
FOUND, SKIPPED = load(MODULES, THREADS)


def trained(rival, setting):
    W, b, c = initial_weights(setting)
    session = rival.Session(setting, W, b, c, rows_of(setting), THREADS)
    session.activate()
    session.train(order(setting, 3 * setting.batch_size))
    return session.weights()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", [n for n in MODULES if n not in ("ours", "sklearn_mlp")])
def test_same_weights_after_three_steps(name, solver):
    if name not in FOUND:
        pytest.skip(" ".join(SKIPPED))
    setting = Setting(40, 24, batch_size=10, solver=solver, dtype="float64", level=0.0)
    ours = trained(FOUND["ours"], setting)
    theirs = trained(FOUND[name], setting)
    start = initial_weights(setting)
    for a, b, s in zip(ours, theirs, start, strict=True):
        assert abs(a - s).max() > 1e-4
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


# not Adam, whose steps are as long for gradients that are nothing but rounding errors
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
@pytest.mark.parametrize("name", [*OURS[1:], *THEIRS])
def test_nearly_the_same_weights_with_factors_of_bfloat16(name, solver):
    """Within a tenth of what the steps changed; and not the same."""
    found, skipped = load(("ours", name), THREADS)
    if name not in found:
        pytest.skip(" ".join(skipped))
    setting = Setting(40, 24, batch_size=50, solver=solver, level=0.0)
    ours, theirs = trained(found["ours"], setting), trained(found[name], setting)
    for a, b, s in zip(ours, theirs, initial_weights(setting), strict=True):
        assert 1e-6 < abs(a - b).mean() < 0.1 * abs(a - s).mean()


@pytest.mark.parametrize("name", list(FOUND))
def test_masks_are_drawn(name):
    """A masked step differs from an unmasked one."""
    plain = trained(FOUND[name], Setting(40, 24, batch_size=10, level=0.0))
    masked = trained(FOUND[name], Setting(40, 24, batch_size=10, level=0.3))
    assert not np.array_equal(plain[0], masked[0])
