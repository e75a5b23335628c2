"""Fixtures that several files use."""

import pytest

from dae import _core


@pytest.fixture
def always_threads(monkeypatch):
    """Small work, too, goes to all threads asked for."""
    monkeypatch.setattr(_core, "_SERIAL_STEP", 0)
    monkeypatch.setattr(_core, "_SERIAL_CALL", 0)
