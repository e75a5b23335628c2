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
