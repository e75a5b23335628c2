"""Training pictures, from arrays and files, cut into crops."""

import numpy as np
import pytest
from pictures import GREY, UNSEEN, make

from dae.image._crops import Crops


def test_pictures_from_files(tmp_path, tiny):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(GREY).save(tmp_path / "a.png")
    image.fromarray(UNSEEN).save(tmp_path / "b.png")
    paths = [tmp_path / "a.png", str(tmp_path / "b.png")]
    from_files = make(n_patches=200, patch_size=7).fit(paths)
    from_arrays = make(n_patches=200, patch_size=7).fit([GREY, UNSEEN])
    np.testing.assert_array_equal(from_files.transform(paths[1]), from_arrays.transform(UNSEEN))
    assert isinstance(from_files.transform(paths), list)


def test_files_without_room_are_read_again(tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(GREY).save(tmp_path / "a.png")
    fitted = []
    for room in (2**30, 0):
        monkeypatch.setattr("dae.image._crops.CACHE", room)
        fitted.append(make(n_patches=200).fit([tmp_path / "a.png"]))
    np.testing.assert_array_equal(*(d.transform(UNSEEN) for d in fitted))


def crops_of(images, noisy=None, *, are_noisy=False):
    """What is drawn in 60 times."""
    crops = Crops(
        images, noisy, size=2, luminance=True, data_range=None, are_noisy=are_noisy, noise=0.1
    )
    rng = np.random.default_rng(0)
    return [crops.draw(rng) for _ in range(60)]


def test_clean_pictures_are_turned_and_mirrored():
    corner = np.arange(6, dtype=np.uint8).reshape(2, 3)
    drawn = crops_of([corner])
    assert len({(clean.shape, clean.tobytes()) for clean, _ in drawn}) == 8


def test_noise_that_came_with_a_picture_stays_as_it_is():
    corner = np.arange(6, dtype=np.uint8).reshape(2, 3)
    drawn = crops_of([corner], [corner + 100])
    assert all(np.allclose(clean, corner / 255) for clean, _ in drawn)
    assert all(np.allclose(noisy - clean, 100 / 255) for clean, noisy in drawn)
    drawn = crops_of([corner], are_noisy=True)
    assert len({clean.tobytes() for clean, _ in drawn}) == 1


def test_large_pictures_are_more_likely():
    small, large = np.zeros((20, 20)), np.ones((20, 220))
    crops = Crops(
        [small, large], None, size=10, luminance=False, data_range=None, are_noisy=False, noise=0.1
    )
    rng = np.random.default_rng(0)
    shares = [crops.draw(rng)[0].mean() for _ in range(400)]
    assert np.mean(shares) == pytest.approx(211 / 222, abs=0.04)
