"""The benchmark variations: what their recipe promises, seen in the pixels."""

import doctest
import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import zoom
from scipy.spatial import ConvexHull, QhullError
from sklearn.datasets import load_digits

from dae.datasets import (
    _common,
    _convex,
    _digits,
    _idx,
    _rectangles,
    load_idx,
    make_convex,
    make_mnist_variation,
    make_rectangles,
    make_rectangles_images,
)

KINDS = ["basic", "rot", "bg_rand", "bg_img", "rot_bg_img"]
SMALL = {"n_train": 60, "n_validation": 20, "n_test": 100, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    """scikit-learn's digits at MNIST's size, and their labels."""
    images, labels = load_digits().images[:300], load_digits().target[:300]
    images = np.pad(zoom(images, (1, 2.5, 2.5), order=1), ((0, 0), (4, 4), (4, 4)))
    return np.round(images / 16 * 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def backgrounds():
    """Dark pictures of several sizes and ranges, one in colours, one flat."""
    rng = np.random.default_rng(0)
    return [
        rng.integers(20, 180, (40, 50), dtype=np.uint8),
        rng.integers(20, 180, (45, 35, 3), dtype=np.uint8),
        rng.uniform(0.1, 0.7, (60, 30)),
        np.full((50, 50), 250, dtype=np.uint8),
    ]


def make(kind, digits, backgrounds, **changes):
    return make_mnist_variation(kind, *digits, backgrounds=backgrounds, **(SMALL | changes))


def makers(digits, backgrounds):
    """Every generator, as a function of the sizes and the seed."""
    return {
        **{kind: lambda kind=kind, **a: make(kind, digits, backgrounds, **a) for kind in KINDS},
        "rectangles": lambda **a: make_rectangles(**(SMALL | a)),
        "rectangles_images": lambda **a: make_rectangles_images(backgrounds, **(SMALL | a)),
        "convex": lambda **a: make_convex(**(SMALL | a)),
    }


EVERY = [*KINDS, "rectangles", "rectangles_images", "convex"]

# ------------------------------------------------------------------ all of them


@pytest.mark.parametrize("name", EVERY)
def test_shapes_and_ranges(name, digits, backgrounds):
    sets = makers(digits, backgrounds)[name]()
    assert sets.data.shape == (180, 784) and sets.data.dtype == np.float32
    assert sets.data.min() >= 0 and sets.data.max() <= 1 and sets.data.max() > 0.6
    assert sets.target.shape == (180,)
    first = 0
    for split, n in ("train", 60), ("validation", 20), ("test", 100):
        assert np.shares_memory(sets[split].data, sets.data)
        np.testing.assert_array_equal(sets[split].data, sets.data[first : first + n])
        np.testing.assert_array_equal(sets[split].target, sets.target[first : first + n])
        first += n
    assert "not the published files" in sets.DESCR


@pytest.mark.parametrize("name", EVERY)
def test_seeds(name, digits, backgrounds):
    maker = makers(digits, backgrounds)[name]
    one, same, other = maker(), maker(), maker(random_state=1)
    np.testing.assert_array_equal(one.data, same.data)
    np.testing.assert_array_equal(one.target, same.target)
    assert not np.array_equal(one.data, other.data)
    state = np.random.RandomState(0)
    assert not np.array_equal(
        maker(random_state=state).data, maker(random_state=state).data
    )  # it goes on


@pytest.mark.parametrize("name", EVERY)
def test_blocks_do_not_show(name, digits, backgrounds, monkeypatch):
    """Rows are made in blocks; a draw per block would come again in each."""
    maker = makers(digits, backgrounds)[name]
    for module in (_convex, _digits, _rectangles):
        monkeypatch.setattr(module, "BLOCK", 64)
    data = maker().data
    if name in ("bg_rand", "bg_img", "rot_bg_img", "rectangles_images"):
        assert len(np.unique(data, axis=0)) == len(data)
    else:
        assert len(np.unique(data[:64], axis=0)) > 32


@pytest.mark.parametrize("name", EVERY)
def test_empty_splits(name, digits, backgrounds):
    sets = makers(digits, backgrounds)[name](n_train=3, n_validation=0, n_test=0)
    assert sets.train.data.shape == (3, 784)
    assert sets.validation.data.shape == sets.test.data.shape == (0, 784)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("sizes", [{"n_train": 0}, {"n_test": -1}, {"n_validation": 1.5}])
def test_sizes_that_are_none(name, sizes, digits, backgrounds):
    with pytest.raises(ValueError, match=next(iter(sizes))):
        makers(digits, backgrounds)[name](**sizes)


# ------------------------------------------------------------------ digits


@pytest.mark.parametrize("kind", KINDS)
def test_no_digit_serves_two_splits(kind, digits, backgrounds):
    sets = make(kind, digits, backgrounds)
    assert len(np.unique(sets.source)) == 180
    np.testing.assert_array_equal(sets.target, digits[1][sets.source])


@pytest.mark.parametrize("n_images", [3, 10, 100, 179])
def test_fewer_digits_than_rows(n_images, digits):
    images, labels = digits[0][:n_images], digits[1][:n_images]
    source = make_mnist_variation("basic", images, labels, **SMALL).source
    parts = [set(part.tolist()) for part in np.split(source, [60, 80])]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert len(set.union(*parts)) >= n_images - 3  # hardly one is wasted
    if n_images == 100:
        assert [len(part) for part in parts] == pytest.approx([33, 11, 56], abs=2)


def test_basic_is_the_digits(digits):
    sets = make("basic", digits, None)
    np.testing.assert_array_equal(
        sets.data, digits[0][sets.source].reshape(180, 784) / np.float32(255)
    )


@pytest.mark.parametrize("scale", [1, 255])
def test_floats_and_rows_do_as_well(digits, scale):
    expected = make("rot", digits, None)
    rows = digits[0].reshape(-1, 784)
    rows = rows / 255 if scale == 1 else rows.astype(np.int64)
    sets = make("rot", (rows, digits[1].astype(str)), None)
    np.testing.assert_allclose(sets.data, expected.data, atol=1e-6)
    assert sets.target.tolist() == expected.target.astype(str).tolist()


def test_all_kinds_take_the_same_digits(digits, backgrounds):
    sets = {kind: make(kind, digits, backgrounds) for kind in KINDS}
    for kind in KINDS:
        np.testing.assert_array_equal(sets[kind].source, sets["basic"].source)
    np.testing.assert_array_equal(sets["rot"].angle, sets["rot_bg_img"].angle)


def test_rotation_keeps_the_ink(digits):
    basic, turned = make("basic", digits, None), make("rot", digits, None)
    # all of a digit is seen at every angle: its corners are within half a side of the centre
    np.testing.assert_allclose(turned.data.sum(axis=1), basic.data.sum(axis=1), rtol=0.06)
    assert turned.angle.min() >= 0 and turned.angle.max() < 2 * np.pi
    assert turned.angle.std() == pytest.approx(2 * np.pi / np.sqrt(12), rel=0.15)


@pytest.mark.parametrize("quarters", range(5))
def test_quarter_turns_are_exact(digits, quarters):
    images = digits[0][:20] / np.float32(255)
    turned = _digits._rotate(images, np.full(20, quarters * np.pi / 2))
    np.testing.assert_allclose(turned, np.rot90(images, quarters, axes=(1, 2)), atol=1e-5)


def test_turning_back(digits):
    sets = make("rot", digits, None)
    back = _digits._rotate(sets.data.reshape(-1, 28, 28), -sets.angle).reshape(-1, 784)
    basic = make("basic", digits, None).data
    assert np.mean((back - basic) ** 2) < 0.1 * np.mean((sets.data - basic) ** 2)


@pytest.mark.parametrize("kind", ["bg_rand", "bg_img", "rot_bg_img"])
def test_background_where_the_digit_is_dark(kind, digits, backgrounds):
    digit = make("rot" if "rot" in kind else "basic", digits, None).data
    sets = make(kind, digits, backgrounds)
    brightest = 1 if kind == "bg_rand" else 0.71  # of the backgrounds
    assert (sets.data >= digit).all()
    kept = digit >= brightest
    np.testing.assert_array_equal(sets.data[kept], digit[kept])
    shows = sets.data[digit == 0]
    assert (shows > 0.05).mean() > 0.9 and shows.max() <= brightest
    if kind == "bg_rand":
        assert np.histogram(shows, bins=4, range=(0, 1))[0] == pytest.approx(
            np.full(4, len(shows) / 4), rel=0.05
        )


def test_flat_patches_are_rejected(digits, backgrounds):
    """The flat picture, the brightest, is never behind a digit."""
    assert make("bg_img", digits, backgrounds).data[:, 0].max() < 0.75
    with pytest.raises(ValueError, match="backgrounds: of 1000 random patches.*contrast"):
        make("bg_img", digits, backgrounds[-1:])


def test_patches_are_patches(backgrounds):
    """Also the outermost, and from all pictures alike."""
    picture = np.arange(30 * 29, dtype=float).reshape(30, 29) / 900
    patches = _common.draw_patches([picture], 200, 28, np.random.default_rng(0))
    corners = np.round(patches[:, 0, 0] * 900).astype(int)
    assert set(corners.tolist()) == {0, 1, 29, 30, 58, 59}
    for patch, corner in zip(patches, corners, strict=True):
        row, column = divmod(corner, 29)
        np.testing.assert_allclose(patch, picture[row : row + 28, column : column + 28], rtol=1e-6)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((0, 28, 28)), "one or more square images"),
        (np.zeros((5, 28, 27)), "square images.*got shape .5, 28, 27."),
        (np.zeros((5, 28, 28, 1)), "square images"),
        (np.zeros((5, 783)), "square images"),
        (np.zeros(784), "square images"),
        (np.full((5, 784), 16.0), "images must be floats from 0 to 1, got float64 from 16 to 16"),
        (np.full((5, 784), -1), "images must be integers from 0 to 255"),
        (np.full((5, 784), np.nan), "images must be floats from 0 to 1.*nan"),
        (np.full((5, 784), "0"), "images must be numbers"),
    ],
)
def test_images_refused(images, message):
    with pytest.raises(ValueError, match=message):
        make_mnist_variation("basic", images, np.zeros(len(images)), **SMALL)


def test_other_refusals(digits, backgrounds):
    images, labels = digits
    with pytest.raises(ValueError, match="labels must have one value for each of the 300"):
        make("basic", (images, labels[:-1]), None)
    with pytest.raises(ValueError, match="at least one image for each of the 3 splits, got 2"):
        make("basic", (images[:2], labels[:2]), None)
    with pytest.raises(ValueError, match="'kind' parameter"):
        make("mirrored", digits, None)
    with pytest.raises(ValueError, match="kind='bg_img' needs backgrounds, got None"):
        make("bg_img", digits, None)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ([], "at least one picture"),
        ([np.zeros((40, 27))], r"backgrounds\[0\] must be at least 28x28 pixels, got 40x27"),
        ([np.zeros((40, 40, 4))], "alpha"),
        (np.zeros((40, 40)), r"backgrounds\[0\] must have shape"),
        ([np.full((40, 40), np.inf)], r"backgrounds\[0\] must be floats from 0 to 1"),
        ([np.full((40, 40), 300)], r"backgrounds\[0\] must be integers from 0 to 255"),
    ],
)
def test_backgrounds_refused(digits, pictures, message):
    with pytest.raises(ValueError, match=message):
        make("bg_img", digits, pictures)
    with pytest.raises(ValueError, match=message):
        make_rectangles_images(pictures, **SMALL)


# ------------------------------------------------------------------ rectangles


def test_rectangles_in_the_pixels():
    sets = make_rectangles(n_train=2000, n_validation=0, n_test=0, random_state=0)
    sizes = []
    for pixels, tall, box in zip(sets.data, sets.target, sets.box, strict=True):
        image = pixels.reshape(28, 28)
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        top, left = rows[0], columns[0]
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        expected = np.zeros((28, 28))
        expected[top : top + height, left : left + width] = 1
        expected[top + 1 : top + height - 1, left + 1 : left + width - 1] = 0
        np.testing.assert_array_equal(image, expected)
        assert abs(height - width) >= 3
        assert tall == (height > width)
        assert box.tolist() == [top, left, height, width]
        sizes.append((height, width))
    assert 0.45 < sets.target.mean() < 0.55
    assert set(np.ravel(sizes)) == set(range(1, 29))


def test_rectangles_of_pictures():
    """Two pictures that tell their pixels apart: one low, one high; each patch of one of them."""
    rng = np.random.default_rng(0)
    low, high = rng.uniform(0, 0.45, (40, 40)), rng.uniform(0.55, 1, (40, 40))
    sets = make_rectangles_images([low, high], n_train=500, n_test=0, random_state=0)
    seen = 0
    for pixels, tall, box in zip(sets.data, sets.target, sets.box, strict=True):
        bright = pixels.reshape(28, 28) > 0.5
        top, left, height, width = box
        assert top + height <= 28 and left + width <= 28
        assert min(height, width) >= 10 and abs(height - width) >= 5
        assert 0.25 <= height * width / 784 <= 0.75
        assert tall == (height > width)
        inside = np.zeros((28, 28), dtype=bool)
        inside[top : top + height, left : left + width] = True
        assert len(np.unique(bright[inside])) == len(np.unique(bright[~inside])) == 1
        seen += bright[inside][0] != bright[~inside][0]
    assert seen > 0.4 * len(sets.data)  # half of them, the pictures being drawn independently


# ------------------------------------------------------------------ convex regions


def is_convex(image):
    """Whether the convex hull of the white pixels' centres has no black one in it."""
    white, black = np.argwhere(image), np.argwhere(image == 0)
    if not len(black):
        return True
    try:
        faces = ConvexHull(white).equations
    except QhullError:  # all on a line: none between the outermost may be missing
        span = np.ptp(white, axis=0)
        return len(white) == np.gcd(*span) + 1
    return not (black @ faces[:, :2].T + faces[:, 2] <= 1e-9).all(axis=1).any()


def test_convex_by_the_hull():
    sets = make_convex(n_train=600, n_validation=0, n_test=0, random_state=0)
    images = sets.data.reshape(-1, 28, 28)
    assert set(np.unique(images)) == {0, 1}
    assert [is_convex(image) for image in images] == sets.target.tolist()
    assert sets.data[sets.target == 1].sum(axis=1).min() >= 19


def test_both_classes_are_equally_bright():
    """The recipe says so; it is what tells how the half-planes are counted."""
    sets = make_convex(n_train=4000, n_validation=0, n_test=0, random_state=0)
    convex, other = (sets.data[sets.target == y].sum(axis=1).mean() for y in (1, 0))
    assert convex == pytest.approx(450, abs=15)
    assert other == pytest.approx(450, abs=15)


def test_half_of_each_split_is_convex():
    sets = make_convex(**SMALL)
    for split in ("train", "validation", "test"):
        assert sets[split].target.mean() == 0.5
    assert len(np.unique(sets.train.target[:20])) == 2


# ------------------------------------------------------------------ idx files


def idx(array, code):
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("code", "dtype"),
    [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")],
)
def test_idx(tmp_path, code, dtype, zipped):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    content = idx(array, code) + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if zipped else content)
    for given in path, str(path):
        loaded = load_idx(given)
        np.testing.assert_array_equal(loaded, array)
        assert loaded.dtype == array.dtype and loaded.flags.writeable


IMAGES = np.zeros((10, 28, 28), dtype=np.uint8)
GOOD = idx(IMAGES, 8) + IMAGES.tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an idx file"),
        (b"\0\0", "is not an idx file"),
        (b"\x89PNG\r\n\x1a\n", "is not an idx file: it starts with b'.x89PNG'"),
        (b"\0\0\x07\x01\0\0\0\1\0", "is not an idx file"),
        (b"\0\0\x08\x00", "is not an idx file"),
        (GOOD[:10], "is cut short in its header"),
        (GOOD[:-1], "cut short: its header states 10 x 28 x 28 values, 7840 bytes, and 7839"),
        (GOOD[:16], "and 0 bytes follow"),
        (GOOD + b"\0", "has more than the 7840 bytes"),
        (b"\0\0\x0e\x04" + b"\xff" * 16 + b"\0", "is cut short"),
        (gzip.compress(GOOD[:-1], mtime=0), "is cut short"),
        (gzip.compress(GOOD, mtime=0)[:-12], "is a damaged gzip file"),
        (gzip.compress(GOOD, mtime=0)[:5], "is a damaged gzip file"),
        (gzip.compress(GOOD, mtime=0)[:-8] + b"\0" * 8, "is a damaged gzip file"),
        (gzip.compress(GOOD, mtime=0)[:20] + b"\xff" * 30, "is a damaged gzip file"),
    ],
)
def test_files_refused(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_idx(path)
    assert str(path) in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_idx(tmp_path / "nothing")


def test_mnist():
    folder = Path(os.environ.get("DAE_DATA_DIR", "nowhere"), "mnist")
    if not folder.is_dir():
        pytest.skip("MNIST: set DAE_DATA_DIR to a folder that has mnist/")
    images = load_idx(folder / "t10k-images-idx3-ubyte.gz")
    labels = load_idx(folder / "t10k-labels-idx1-ubyte.gz")
    assert images.shape == (10_000, 28, 28) and labels.shape == (10_000,)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
    sizes = {"n_train": 500, "n_validation": 100, "n_test": 1400}
    basic, turned = (
        make_mnist_variation(kind, images, labels, random_state=0, **sizes)
        for kind in ("basic", "rot")
    )
    lost = 1 - turned.data.sum(axis=1) / basic.data.sum(axis=1)
    assert np.abs(lost).max() < 0.1 and np.abs(lost).mean() < 0.01


def test_the_examples_in_the_docstrings():
    results = [doctest.testmod(module) for module in (_convex, _digits, _idx, _rectangles)]
    assert all(tried and not failed for failed, tried in results)
