"""CONTRIBUTING's recipe for an elementwise loss is complete: three files, and it trains.

A copy of the tree gets a loss by edits of exactly these files, is built (the baseline SIMD level
alone, to be quick) and used.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dae

ROOT = Path(dae.__file__).parents[2]

ENUMS = "src/daecore/csrc/enums.h"
FORMULA = "src/daecore/csrc/losses.h"
OBJECT = "python/dae/_model/losses.py"

LAST_ENUMERATOR = "    X(DAE_SOFTMAX_LOG_LOSS, softmax_log_loss)"
NEW_ENUMERATOR = "    X(DAE_ABSOLUTE_ERROR, absolute_error)"

SQUARED_ERROR = "    const vec z = activate(activation, a), error = z - x;\n"
ABSOLUTE_ERROR = """
    if (loss == DAE_ABSOLUTE_ERROR) {
        const vec rate = DERIVATIVE(activation, z);
        *delta = blend(error >= (REAL)0, rate, -rate);
        return -minus_absolute(error);
    }
"""

NEW_OBJECT = '''
class AbsoluteError(Loss):
    """sum_d |x_d - z_d|."""

    name = "absolute_error"

    def at_zero(self, x: Entries, activation: str) -> float:
        return float(np.sqrt(x.n_features * x.largest_energy(get_activation(activation).at_zero)))

    def entries(
        self, activation: str, a: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        g = get_activation(activation)
        z = g.value(a)
        sign = np.where(z >= x, 1, -1).astype(a.dtype)
        return np.abs(z.astype(np.float64) - x), sign * g.derivative(z)


SQUARED_ERROR = SquaredError()
'''

PROGRAM = """
import numpy as np
from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder
from dae import _core
from dae._model import reference
from dae._model.network import initial_network

X = np.random.default_rng(0).random((200, 20)).astype(np.float32)
for activation in ("identity", "tanh"):
    network = initial_network(
        20, 7, dtype=np.dtype("f4"), activation="tanh", decoder_activation=activation,
        loss="absolute_error", tied_weights=True, random_state=np.random.RandomState(0),
    )
    found = _core.sample_losses(network, X, X, n_threads=1)
    np.testing.assert_allclose(found, reference.sample_losses(network, X, X), rtol=1e-4)

dae = DenoisingAutoencoder(10, loss="absolute_error", max_iter=30, tol=None, random_state=0).fit(X)
assert dae.loss_curve_[-1] < 0.9 * dae.loss_curve_[0], dae.loss_curve_
expected = np.abs(X - dae.reconstruct(X)).sum(axis=1)
np.testing.assert_allclose(-dae.score_samples(X), expected, rtol=1e-4)
StackedDenoisingAutoencoder((8, 4), loss="absolute_error", max_iter=2, tol=None).fit(X)
try:
    dae.set_params(loss="absolute_errors").fit(X)
except ValueError as error:
    assert "'absolute_error'" in str(error), error
else:
    raise AssertionError("an unknown loss is accepted")
print("trained")
"""


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name}: {old!r} is there {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")


def copy_of_the_tree(folder):
    """Sources and generated C, without what was built in place: compilation starts there."""
    for name in ("src", "python"):
        ignored = shutil.ignore_patterns("*.so", "__pycache__", "*.npz")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)


def add_loss(folder):
    """The recipe."""
    edit(folder / ENUMS, LAST_ENUMERATOR, f"{NEW_ENUMERATOR} \\\n{LAST_ENUMERATOR}")
    formula = folder / FORMULA
    derivative = re.search(r"(\w+)\(activation, z\)", formula.read_text(encoding="utf-8"))[1]
    edit(formula, SQUARED_ERROR, SQUARED_ERROR + ABSOLUTE_ERROR.replace("DERIVATIVE", derivative))
    edit(folder / OBJECT, "\nSQUARED_ERROR = SquaredError()\n", NEW_OBJECT)
    edit(
        folder / OBJECT, "(\n    SQUARED_ERROR,\n", "(\n    SQUARED_ERROR,\n    AbsoluteError(),\n"
    )


def build_baseline(folder):
    """Build in place, the other SIMD levels left out."""
    setup = folder / "setup.py"
    text = setup.read_text(encoding="utf-8")
    first_level = re.search(r"^LEVELS = \{\n    \"baseline\".*\n", text, re.M)[0]
    text = re.sub(r"^LEVELS = \{\n.*?^\}\n", f"{first_level}}}\n", text, flags=re.M | re.S)
    setup.write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--inplace"],
        cwd=folder, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not (ROOT / "CONTRIBUTING.md").exists(), reason="no sources")
def test_contributing_names_the_files_of_the_recipe():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = re.search(r"^### \.\.\. a loss\n(.*?)^### ", text, re.M | re.S)[1]
    files = {name for name in re.findall(r"`([\w/]+\.\w+)`", recipe) if "tests/" not in name}
    assert files == {ENUMS, FORMULA, OBJECT}


@pytest.mark.skipif(not (ROOT / ENUMS).exists(), reason="dae runs without its sources")
def test_an_elementwise_loss_is_added_by_the_files_of_the_recipe(tmp_path):
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    compiler = os.environ.get("CC", "cc").split()[0]
    if shutil.which(compiler) is None:
        pytest.skip("no compiler")
    copy_of_the_tree(tmp_path)
    add_loss(tmp_path)
    build = build_baseline(tmp_path)
    assert build.returncode == 0, build.stderr[-3000:]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(["python", "src"])}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.stdout.strip() == "trained", run.stderr[-3000:]
