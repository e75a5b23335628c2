"""Fixtures that several files use."""

import importlib
from pathlib import Path

import pytest

from dae import _core

ROOT = Path(__file__).parents[1]


@pytest.fixture
def always_threads(monkeypatch):
    """Small work, too, goes to all threads asked for."""
    monkeypatch.setattr(_core.tuning, "SERIAL_STEP", 0)
    monkeypatch.setattr(_core.tuning, "SERIAL_CALL", 0)


@pytest.fixture
def bench_module(monkeypatch):
    """A function from the name of a module of bench/ to the module."""

    def load(name):
        if not (ROOT / "bench" / f"{name.replace('.', '/')}.py").exists():
            pytest.skip("bench/ is not here")
        monkeypatch.syspath_prepend(ROOT)
        return importlib.import_module(f"bench.{name}")

    return load


# ------------------------------------------------------------------ small image denoisers


@pytest.fixture(scope="session")
def gaussian():
    import pictures  # needs Pillow

    return pictures.make(level=(10 / 255, 50 / 255)).fit([pictures.GREY])


@pytest.fixture(scope="session")
def masking():
    import pictures  # needs Pillow

    return pictures.make("masking", (0.5, 0.9)).fit([pictures.GREY])


@pytest.fixture(scope="session")
def salt_and_pepper():
    import pictures  # needs Pillow

    return pictures.make("salt_and_pepper", (0.1, 0.5)).fit([pictures.GREY])


@pytest.fixture(scope="session")
def tiny():
    """Fitted, and hardly trained."""
    import pictures  # needs Pillow

    return pictures.make(n_patches=200, patch_size=7).fit([pictures.GREY])
