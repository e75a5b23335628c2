"""Every SIMD level that runs here computes the same equations; DAE_SIMD chooses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dae import _core

HERE = Path(__file__).parent
FILES = sorted(
    str(path)
    for pattern in ("test_core_*.py", "test_corruption.py", "test_gradients.py")
    for path in HERE.glob(pattern)
)

# argv: the level, the files to run; exit status 3 tells of the wrong level
SCRIPT = """
import sys
import pytest
from dae import _core
if _core.simd_level() != sys.argv[1]:
    sys.exit(3)
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


def run(level, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=HERE.parent,
        env=os.environ | {"DAE_SIMD": level, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_level_in_use_is_one_of_those_available():
    """Unless DAE_SIMD chose another, the highest."""
    levels = _core.available_simd_levels()
    assert _core.simd_level() == (os.environ.get("DAE_SIMD") or levels[-1])
    assert len(set(levels)) == len(levels) > 0


@pytest.mark.parametrize(
    "level", [level for level in _core.available_simd_levels() if level != _core.simd_level()]
)
def test_other_levels(level):
    """The level asked for is the level in use, and passes the core's tests as this one does."""
    done = run(level, "-c", SCRIPT, level, *FILES)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout


def test_unknown_level():
    """An error that names the levels there are, not a silent choice of another."""
    done = run("mmx", "-c", "import dae")
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError: DAE_SIMD='mmx'")
    for level in _core.available_simd_levels():
        assert repr(level) in message
