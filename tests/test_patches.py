"""Patches taken from a picture."""

import numpy as np

from dae.image._patches import gather_patches


def test_gather():
    picture = np.random.default_rng(0).random((23, 37), dtype=np.float32)
    rows, columns = np.array([0, 19, 7, 7]), np.array([33, 0, 2, 2])
    patches = gather_patches(picture, 4, rows, columns)
    one_by_one = [picture[i : i + 4, j : j + 4].ravel() for i, j in zip(rows, columns, strict=True)]
    np.testing.assert_array_equal(patches, one_by_one)
    assert patches.flags.c_contiguous
