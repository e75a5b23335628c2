"""The displays: what is in the drawn arrays, what is refused."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from dae import DenoisingAutoencoder, inspection
from dae.inspection import FiltersDisplay, LossCurveDisplay, ReconstructionDisplay


@pytest.fixture(autouse=True)
def no_window_and_no_figures_left():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def X():
    return load_digits().data / 16


def make(**parameters):
    defaults = {"n_components": 12, "max_iter": 3, "tol": None, "random_state": 0}
    return DenoisingAutoencoder(**(defaults | parameters))


@pytest.fixture(scope="module")
def dae(X):
    return make(tied_weights=False).fit(X)


def tile(display, row, column, height=8, width=8):
    """A tile of the drawn array, by its place."""
    array = display.im_.get_array()
    top, left = row * (height + 1), column * (width + 1)
    return array[top : top + height, left : left + width]


def axes():
    return Figure().subplots()


# ------------------------------------------------------------------ filters


def test_filters_by_index(dae):
    ax = axes()
    display = FiltersDisplay.from_estimator(dae, order="index", n_filters=7, ax=ax)
    assert display.ax_ is ax and display.figure_ is ax.figure and display.im_ in ax.images
    assert display.im_.get_array().shape == (26, 26)  # 3 x 3 tiles of 8, gaps of 1
    assert display.im_.get_clim() == (-1, 1)
    for i in range(7):
        expected = dae.components_[i] / np.abs(dae.components_[i]).max()
        np.testing.assert_array_equal(tile(display, i // 3, i % 3).ravel(), expected)


def test_gaps_and_missing_tiles_are_masked(dae):
    array = FiltersDisplay.from_estimator(dae, n_filters=7).im_.get_array()
    drawn = np.zeros(array.shape, dtype=bool)
    for i in range(7):
        top, left = i // 3 * 9, i % 3 * 9
        drawn[top : top + 8, left : left + 8] = True
    np.testing.assert_array_equal(~np.ma.getmaskarray(array), drawn)


@pytest.mark.parametrize("decoder", [False, True])
def test_filters_by_norm(dae, decoder):
    weights = dae.decoder_components_ if decoder else dae.components_
    display = FiltersDisplay.from_estimator(dae, decoder=decoder, ax=axes())
    largest_first = np.argsort(-np.linalg.norm(weights, axis=1))
    np.testing.assert_array_equal(display.filters, weights[largest_first])
    first = weights[largest_first[0]]
    np.testing.assert_array_equal(tile(display, 0, 0).ravel(), first / np.abs(first).max())


def test_zero_filter_is_grey():
    display = FiltersDisplay(np.array([[0, 0, 0, 0], [0, 3, 0, -1]])).plot(axes())
    assert not tile(display, 0, 0, 2, 2).any()
    np.testing.assert_allclose(tile(display, 0, 1, 2, 2).ravel(), [0, 1, 0, -1 / 3])


def test_filters_of_other_shapes(dae):
    wide = FiltersDisplay.from_estimator(dae, image_shape=(2, 32), order="index", n_filters=4)
    assert wide.im_.get_array().shape == (11, 32)  # about square: one tile in a row
    wide.plot(axes(), n_columns=2)
    assert wide.im_.get_array().shape == (5, 65)
    wide.plot(axes(), n_columns=99)
    assert wide.im_.get_array().shape == (2, 131)


def test_coloured_filters():
    filters = np.random.default_rng(0).normal(size=(5, 4 * 6 * 3))
    display = FiltersDisplay(filters, image_shape=(4, 6, 3)).plot(axes(), n_columns=3)
    array = display.im_.get_array()
    assert array.shape == (9, 20, 3)
    expected = 0.5 + 0.5 * filters[0] / np.abs(filters[0]).max()
    np.testing.assert_allclose(array[:4, :6].ravel(), expected)
    assert (array[4] == 1).all() and (array[:, 6] == 1).all() and (array[5:, 14:] == 1).all()


def test_filters_are_a_copy(X):
    dae = make().fit(X)
    display = FiltersDisplay.from_estimator(dae, order="index", ax=axes())
    before = dae.components_.copy()
    dae.components_[:] = 0
    np.testing.assert_array_equal(display.filters, before)


def test_filters_of_scikit_learn(X):
    display = FiltersDisplay.from_estimator(PCA(4).fit(X), ax=axes(), cmap="RdBu")
    assert display.im_.get_cmap().name == "RdBu"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (8, 9)}, "image_shape must multiply to the 64 features, got .8, 9., "),
        ({"image_shape": (8,)}, "image_shape must be"),
        ({"image_shape": (8, 4, 2)}, "image_shape must be"),
        ({"image_shape": (-8, -8)}, "image_shape must be"),
        ({"image_shape": (8.0, 8.0)}, "image_shape must be"),
        ({"n_filters": 0}, "n_filters must be a whole number of 1 or more, got 0"),
        ({"n_filters": 2.5}, "n_filters must be"),
        ({"n_columns": -1}, "n_columns must be"),
        ({"order": "size"}, "order must be 'norm' or 'index', got 'size'"),
    ],
)
def test_filters_refuse(dae, arguments, message):
    with pytest.raises(ValueError, match=message):
        FiltersDisplay.from_estimator(dae, **arguments)


def test_not_a_square():
    with pytest.raises(ValueError, match="image_shape=None.*12 features"):
        FiltersDisplay(np.ones((2, 12))).plot()


def test_filters_that_are_not_finite(X):
    dae = make().fit(X)
    dae.components_[3, 3] = np.nan
    with pytest.raises(ValueError, match="components_ contains NaN"):
        FiltersDisplay.from_estimator(dae)


def test_no_filters(X):
    pipeline = make_pipeline(MinMaxScaler(), make()).fit(X)
    with pytest.raises(TypeError, match=r"components_, Pipeline does not.*pipeline\[-1\]"):
        FiltersDisplay.from_estimator(pipeline)
    FiltersDisplay.from_estimator(pipeline[-1], ax=axes())


# ------------------------------------------------------------------ reconstructions


@pytest.mark.parametrize("corruption", ["masking", "gaussian", "salt_and_pepper", "swap", None])
def test_reconstruction(X, corruption):
    dae = make(corruption=corruption).fit(X)
    display = ReconstructionDisplay.from_estimator(dae, X, n_samples=5, ax=axes())
    array = display.im_.get_array()
    assert array.shape == (3 * 9 - 1, 5 * 9 - 1)
    corrupted = dae.corrupt(X[:1000])[:5]
    rows = (X[:5], corrupted, dae.reconstruct(corrupted))
    for i, samples in enumerate(rows):
        for j in range(5):
            np.testing.assert_array_equal(tile(display, i, j).ravel(), samples[j])
    assert display.im_.get_clim() == (X[:5].min(), X[:5].max())
    assert np.ma.getmaskarray(array)[8].all() and np.ma.getmaskarray(array)[:, 8].all()


def test_rows_are_named(dae, X):
    display = ReconstructionDisplay.from_estimator(dae, X)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["clean", "corrupted", "reconstruction"]
    assert display.ax_.get_yticks().tolist() == [3.5, 12.5, 21.5]
    display.figure_.canvas.draw()


def test_own_noise(dae, X):
    noisy = X[::-1]
    display = ReconstructionDisplay.from_estimator(dae, X, X_corrupted=noisy, n_samples=3)
    np.testing.assert_array_equal(display.corrupted, noisy[:3])
    np.testing.assert_array_equal(display.reconstruction, dae.reconstruct(noisy[:3]))


def test_fewer_samples_than_asked_for(dae, X):
    assert len(ReconstructionDisplay.from_estimator(dae, X[:2]).clean) == 2


def test_coloured_reconstruction():
    X = np.random.default_rng(0).normal(3, 10, (20, 4 * 5 * 3))
    dae = make(n_components=4).fit(X)
    display = ReconstructionDisplay.from_estimator(dae, X, image_shape=(4, 5, 3), n_samples=2)
    array = display.im_.get_array()
    assert array.shape == (14, 11, 3)
    assert array.min() == 0 and array.max() == 1
    low, high = X[:2].min(), X[:2].max()
    np.testing.assert_allclose(array[:4, :5].ravel(), (X[0] - low) / (high - low))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(X, library):
    frame = pytest.importorskip(library).DataFrame(
        X[:50], **{"columns" if library == "pandas" else "schema": [f"p{i}" for i in range(64)]}
    )
    dae = make().fit(frame)  # warnings are errors: none about feature names may come
    display = ReconstructionDisplay.from_estimator(dae, frame, n_samples=3)
    np.testing.assert_array_equal(display.clean, X[:3])
    assert np.isfinite(display.reconstruction).all()
    FiltersDisplay.from_estimator(dae)


def test_lists(dae, X):
    display = ReconstructionDisplay.from_estimator(dae, X[:4].tolist(), n_samples=2)
    np.testing.assert_array_equal(display.clean, X[:2])


def test_range_can_be_chosen(dae, X):
    display = ReconstructionDisplay.from_estimator(dae, X, vmin=-1, vmax=2)
    assert display.im_.get_clim() == (-1, 2)
    norm = Normalize(-2, 3)
    assert display.plot(axes(), norm=norm).im_.norm is norm


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (7, 9)}, "image_shape must multiply to the 64 features"),
        ({"n_samples": 0}, "n_samples must be"),
        ({"X_corrupted": np.zeros((3, 64))}, "X_corrupted must have the 1797 rows of X, got 3"),
        ({"X_corrupted": np.full((1797, 64), np.inf)}, "X_corrupted contains infinity"),
    ],
)
def test_reconstruction_refuses(dae, X, arguments, message):
    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay.from_estimator(dae, X, **arguments)


def test_samples_that_are_not_finite(dae, X):
    X = X.copy()
    X[1, 1] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        ReconstructionDisplay.from_estimator(dae, X)


def test_rows_that_do_not_fit():
    with pytest.raises(ValueError, match="corrupted must have the shape of clean"):
        ReconstructionDisplay(np.ones((2, 4)), np.ones((1, 4)), np.ones((2, 4))).plot()


def test_nothing_to_reconstruct_with(X):
    with pytest.raises(TypeError, match=r"estimator must have corrupt\(\), PCA does not"):
        ReconstructionDisplay.from_estimator(PCA(2).fit(X), X)


# ------------------------------------------------------------------ loss curves


def test_loss_curve(dae):
    ax = axes()
    display = LossCurveDisplay.from_estimator(dae, ax=ax, color="red")
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert display.line_.get_xdata().tolist() == [1, 2, 3]
    assert display.line_.get_ydata().tolist() == dae.loss_curve_
    assert display.line_.get_color() == "red"
    assert display.validation_line_ is None
    assert ax.get_yscale() == "linear"


def test_validation_curve_and_log_scale(X):
    dae = make(early_stopping=True).fit(X)
    display = LossCurveDisplay.from_estimator(dae, log_scale=True)
    assert display.validation_line_.get_ydata().tolist() == dae.validation_loss_curve_
    assert display.validation_line_.get_xdata().tolist() == [1, 2, 3]
    assert display.ax_.get_yscale() == "log"
    assert [t.get_text() for t in display.ax_.get_legend().get_texts()] == [
        "training",
        "validation",
    ]


def test_validation_that_began_later(X):
    dae = make(warm_start=True).fit(X)
    dae.set_params(early_stopping=True).fit(X)
    display = LossCurveDisplay.from_estimator(dae)
    assert display.line_.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert display.validation_line_.get_xdata().tolist() == [4, 5, 6]


def test_axes_of_ones_own_keep_their_scales(dae):
    ax = axes()
    ax.set(xscale="log", yscale="log")
    LossCurveDisplay.from_estimator(dae, ax=ax)
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_one_epoch_is_seen(X):
    display = LossCurveDisplay.from_estimator(make().partial_fit(X))
    assert display.line_.get_marker() == "o"


def test_the_curve_keeps_the_last_epochs():
    display = LossCurveDisplay([3.0, 2.0], first_epoch=99).plot(axes())
    assert display.line_.get_xdata().tolist() == [99, 100]


def test_no_loss_curve(X):
    with pytest.raises(TypeError, match="loss_curve_, PCA has none"):
        LossCurveDisplay.from_estimator(PCA(2).fit(X))


@pytest.mark.parametrize(
    ("loss", "validation_loss", "options", "message"),
    [
        ([1.0, np.nan], None, {}, "loss contains NaN"),
        ([[1.0, 2.0]], None, {}, "loss must have one value per epoch, got shape .1, 2."),
        ([1.0], [1.0, 2.0], {}, "validation_loss must have at most the 1 epochs"),
        ([1.0, 0.0], None, {"log_scale": True}, "log_scale=True needs a loss above 0"),
    ],
)
def test_loss_curve_refuses(loss, validation_loss, options, message):
    with pytest.raises(ValueError, match=message):
        LossCurveDisplay(loss, validation_loss=validation_loss).plot(**options)


# ------------------------------------------------------------------ all of them


@pytest.mark.parametrize("display", [FiltersDisplay, ReconstructionDisplay, LossCurveDisplay])
def test_not_fitted(display, X):
    data = (X,) if display is ReconstructionDisplay else ()
    with pytest.raises(NotFittedError):
        display.from_estimator(make(), *data)


def test_without_matplotlib():
    """The module is imported all the same; drawing names the extra."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from dae.inspection import FiltersDisplay, LossCurveDisplay\n"
        "for display in FiltersDisplay([[1.0]]), LossCurveDisplay([1.0]):\n"
        "    try:\n"
        "        display.plot()\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("FiltersDisplay needs matplotlib")
    assert lines[1].startswith("LossCurveDisplay needs matplotlib")
    assert all(line.endswith('pip install "daecore[demo]"') for line in lines)


def test_the_examples_in_the_docstrings():
    failed, tried = doctest.testmod(inspection)
    assert tried and not failed


def test_image_shape_as_one_number():
    pytest.importorskip("matplotlib")
    dae = DenoisingAutoencoder(3, max_iter=1, tol=None).fit(
        np.random.default_rng(0).random((9, 64))
    )
    with pytest.raises(ValueError, match=r"image_shape must be \(height, width\).*got 8"):
        FiltersDisplay.from_estimator(dae, image_shape=8)
