"""The drawings that the bundled denoiser learns from, `bench.drawings`."""

import numpy as np
import pytest

pytest.importorskip("PIL")
pytest.importorskip("skimage")


@pytest.fixture
def drawings(bench_module):
    return bench_module("drawings")


@pytest.mark.parametrize("kind", ["woven", "waves", "lines", "writing", "flat"])
def test_drawings(drawings, kind, monkeypatch):
    monkeypatch.setattr(drawings, "KINDS", (getattr(drawings, kind),))
    found = [drawings.drawing(np.random.default_rng(seed)) for seed in range(20)]
    for picture in found:
        assert picture.shape == (drawings.SIDE, drawings.SIDE) and picture.dtype == np.float32
        assert 0 <= picture.min() <= picture.max() <= 1
    assert np.median([np.ptp(picture) for picture in found]) > 0.2
    again = drawings.drawing(np.random.default_rng(0))
    np.testing.assert_array_equal(again, found[0])
