"""A build without OpenMP says so once, where more than one thread was wanted, and works."""

import logging

import numpy as np
import pytest

from dae import DenoisingAutoencoder
from dae._core import threads


@pytest.fixture
def serial(monkeypatch, caplog, always_threads):
    """A serial build on four cores that has said nothing yet; its records are returned."""
    monkeypatch.setattr(threads, "openmp_enabled", lambda: False)
    monkeypatch.setattr(threads, "_said", set())
    monkeypatch.setattr(threads, "_cores", lambda: 4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    caplog.set_level(logging.INFO, logger="dae")
    return lambda: [
        record for record in caplog.records if "This build of dae is serial" in record.message
    ]


X = np.random.default_rng(0).random((60, 8))


def fit(**parameters):
    return DenoisingAutoencoder(3, max_iter=2, tol=None, **parameters).fit(X)


def test_the_first_fit_says_it_and_nothing_after_it_does(serial):
    fit(n_jobs=2).transform(X)
    fit()
    [record] = serial()
    assert record.name == "dae"
    assert record.levelno == logging.WARNING  # seen without any configuration of logging
    assert "OpenMP" in record.message


@pytest.mark.parametrize("n_jobs", [None, -1])
def test_all_cores_are_more_than_one(serial, n_jobs):
    fit(n_jobs=n_jobs)
    assert len(serial()) == 1


def test_who_wants_one_thread_hears_nothing(serial, monkeypatch):
    fit(n_jobs=1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fit()
    monkeypatch.setattr(threads, "_cores", lambda: 1)
    fit(n_jobs=2)
    assert serial() == []


def test_a_wrong_n_jobs_is_still_refused(serial):
    with pytest.raises(ValueError, match="n_jobs must be"):
        threads.n_threads(0)
