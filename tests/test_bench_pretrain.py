"""What the bundled denoiser learns from, `bench.pretrain`."""

import numpy as np
import pytest

pytest.importorskip("PIL")
pytest.importorskip("skimage")


@pytest.fixture
def drawings(bench_module):
    return bench_module("drawings")


@pytest.fixture
def pretrain(bench_module):
    return bench_module("pretrain")


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


def test_pieces_of_photographs_and_drawings(pretrain):
    pictures = [np.full((200, 250), 0.25, np.float32), np.full((128, 300), 0.75, np.float32)]
    rng = np.random.default_rng(0)
    pieces = [pretrain.piece(pictures, rng) for _ in range(300)]
    of_photographs = [part for part in pieces if np.ptp(part) == 0 and part[0, 0] in (0.25, 0.75)]
    assert 0.8 < len(of_photographs) / len(pieces) < 0.97
    assert {part.shape for part in of_photographs} == {(192, 192), (192, 128), (128, 192)}
    assert all(part.flags.c_contiguous for part in pieces)


def test_noise_as_files_have_it(pretrain):
    clean = np.full((128, 128), 0.1, np.float32)
    rng = np.random.default_rng(0)
    noisy = [pretrain.spoiled(clean, rng) for _ in range(80)]
    levels = [255 * np.std(part - clean) for part in noisy]
    assert 1 < min(levels) < 10 and 40 < max(levels) < 76
    in_files = [part for part in noisy if part.min() >= 0]
    strong = [part for part, level in zip(noisy, levels, strict=True) if level > 20]
    assert 0.2 < np.mean([part.min() == 0 for part in strong]) < 0.8
    for part in in_files:
        rounded = 255 * part.astype(float)
        if part.min() == 0:
            np.testing.assert_allclose(rounded, np.rint(rounded), atol=1e-4)
    assert all(part.dtype == np.float32 for part in noisy)
