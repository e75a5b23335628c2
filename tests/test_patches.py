"""Patches: taken from a picture and put back together."""

import numpy as np
import pytest

from dae.image._patches import average_patches, extract_patches, gather_patches, grid_positions


@pytest.fixture
def picture() -> np.ndarray:
    # small integers: sums and means of equal copies are exact
    return np.random.default_rng(0).integers(0, 256, (23, 37)).astype(np.float32)


@pytest.mark.parametrize(
    ("size", "stride"),
    [(1, 1), (5, 1), (5, 3), (5, 5), (8, 1), (8, 2), (8, 3), (8, 8), (23, 1), (23, 5), (23, 23)],
)
def test_round_trip(picture, size, stride):
    patches = extract_patches(picture, size, stride)
    again = average_patches(patches, picture.shape, size, stride)
    assert again.dtype == picture.dtype
    np.testing.assert_array_equal(again, picture)


@pytest.mark.parametrize("stride", [1, 3, 4])
def test_order_and_layout(picture, stride):
    patches = extract_patches(picture, 4, stride)
    rows, columns = grid_positions(23, 4, stride), grid_positions(37, 4, stride)
    one_by_one = [picture[i : i + 4, j : j + 4].ravel() for i in rows for j in columns]
    np.testing.assert_array_equal(patches, one_by_one)
    assert patches.flags.c_contiguous


def test_average_against_one_by_one(picture):
    size, stride = 5, 3
    patches = np.random.default_rng(1).normal(size=extract_patches(picture, size, stride).shape)
    total, copies = np.zeros(picture.shape), np.zeros(picture.shape)
    places = [(i, j) for i in grid_positions(23, 5, 3) for j in grid_positions(37, 5, 3)]
    for (i, j), patch in zip(places, patches, strict=True):
        total[i : i + size, j : j + size] += patch.reshape(size, size)
        copies[i : i + size, j : j + size] += 1
    np.testing.assert_allclose(
        average_patches(patches, picture.shape, size, stride), total / copies, rtol=1e-12
    )


def test_last_patch_ends_at_the_border():
    assert grid_positions(10, 4, 4).tolist() == [0, 4, 6]
    assert grid_positions(12, 4, 4).tolist() == [0, 4, 8]
    assert grid_positions(4, 4, 1).tolist() == [0]


def test_gather(picture):
    rows, columns = np.array([0, 19, 7, 7]), np.array([33, 0, 2, 2])
    patches = gather_patches(picture, 4, rows, columns)
    one_by_one = [picture[i : i + 4, j : j + 4].ravel() for i, j in zip(rows, columns, strict=True)]
    np.testing.assert_array_equal(patches, one_by_one)
    assert patches.flags.c_contiguous


@pytest.mark.parametrize(
    ("size", "stride", "message"),
    [(24, 1, "does not fit"), (0, 1, "does not fit"), (4, 5, "stride"), (4, 0, "stride")],
)
def test_what_cannot_be_covered(picture, size, stride, message):
    with pytest.raises(ValueError, match=message):
        extract_patches(picture, size, stride)
