"""`ConvolutionalAutoencoder`, by itself and as the network of an `ImageDenoiser`."""

import copy
import pickle

import numpy as np
import pytest
from pictures import CHINA, FLOWER, GREY, UNSEEN, psnr, spoil
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from dae import StackedDenoisingAutoencoder, _core
from dae._core import convolutional
from dae.image import ConvolutionalAutoencoder, ImageDenoiser
from dae.image.convolutional import BETA_1, BETA_2, EPSILON, _inputs, _quarters, _whole

LEVELS = (5 / 255, 50 / 255)


def network(**parameters):
    return ConvolutionalAutoencoder(**({"n_channels": 16, "n_blocks": 2} | parameters))


def make(noise="gaussian", level=LEVELS, **parameters):
    defaults = {
        "autoencoder": network(), "patch_size": 24, "n_patches": 64, "batch_size": 8,
        "learning_rate_init": 0.002, "random_state": 0,
    }  # fmt: skip
    return ImageDenoiser(noise, level, **(defaults | parameters))


@pytest.fixture(scope="module")
def trained():
    return make(n_patches=6000).fit([CHINA])


@pytest.fixture(scope="module")
def rows():
    """Clean and noisy patches of 8 x 8, with the level in the last column."""
    rng = np.random.default_rng(0)
    clean = np.cumsum(rng.normal(size=(50, 8, 8), scale=0.1), axis=2).reshape(50, 64)
    X = np.c_[clean, np.zeros(50)].astype(np.float32)
    shown = X + np.r_[np.full(64, 0.1), 0].astype(np.float32) * rng.normal(size=X.shape)
    shown[:, -1] = 0.1
    return X, shown.astype(np.float32)


# ------------------------------------------------------------------ pictures


def test_noise_is_removed(trained):
    assert trained.loss_curve_[-1] < trained.loss_curve_[0]
    for sigma in (10 / 255, 25 / 255, 45 / 255):
        noisy = spoil("gaussian", sigma, UNSEEN)
        gain = psnr(UNSEEN / 255, trained.transform(noisy, sigma=sigma)) - psnr(UNSEEN / 255, noisy)
        assert gain > 3
    noisy = spoil("gaussian", 25 / 255, UNSEEN)
    assert psnr(UNSEEN / 255, trained.transform(noisy)) > psnr(UNSEEN / 255, noisy) + 3
    assert trained.score([UNSEEN]) > 25  # 19.3 before


def test_contrast_plays_no_part(trained):
    """Half of the noise in half of the contrast is cleaned in the same way: there are no biases."""
    noisy = spoil("gaussian", 0.15, UNSEEN)
    whole = trained.transform(noisy, sigma=0.15) - 0.5
    half = trained.transform(0.5 + (noisy - 0.5) / 2, sigma=0.075) - 0.5
    inside = np.abs(whole) < 0.45  # what is beyond black and white is cut off
    np.testing.assert_allclose(2 * half[inside], whole[inside], atol=2e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 5), (7, 30), (65, 64)])
def test_pictures_of_any_size(trained, shape):
    noisy = spoil("gaussian", 0.1, FLOWER)[: shape[0], : shape[1]]
    cleaned = trained.transform(noisy, sigma=0.1)
    assert cleaned.shape == noisy.shape and np.isfinite(cleaned).all()
    assert (cleaned != noisy).any()
    assert trained.transform(noisy).shape == noisy.shape
    assert trained.estimate_sigma(noisy) >= 0


def test_tiles_give_the_bits_of_the_whole_picture(trained, monkeypatch):
    noisy = spoil("gaussian", 0.1, CHINA[:217, :401])
    for arguments in ({"sigma": 0.1}, {}):
        monkeypatch.setattr("dae.image._cleaning.MAP_BYTES", 2**27)
        whole = trained.transform(noisy, **arguments)
        monkeypatch.setattr("dae.image._cleaning.MAP_BYTES", 32 * 90**2)
        np.testing.assert_array_equal(trained.transform(noisy, **arguments), whole)


def test_more_resolutions(trained, monkeypatch):
    with pytest.raises(ValueError, match="was trained for"):
        copy.deepcopy(trained).set_params(patch_size=22).partial_fit([GREY])
    several = make(scales=2).fit([GREY])
    assert several._task["scales"] == 2
    noisy = spoil("gaussian", 0.1, CHINA[:221, :401])
    whole = several.transform(noisy, sigma=0.1)
    assert (several.set_params(scales=1).transform(noisy, sigma=0.1) != whole).any()
    monkeypatch.setattr("dae.image._cleaning.MAP_BYTES", 32 * 100**2)
    np.testing.assert_array_equal(several.set_params(scales=2).transform(noisy, sigma=0.1), whole)


def test_colours(trained):
    noisy = spoil("gaussian", 25 / 255, FLOWER[100:300, 150:400])
    clean = FLOWER[100:300, 150:400] / 255
    by_planes = psnr(clean, trained.transform(noisy, sigma=25 / 255))
    by_channels = copy.deepcopy(trained).set_params(color="channels")
    assert by_planes > psnr(clean, by_channels.transform(noisy, sigma=25 / 255)) + 0.3
    grey = np.stack([noisy[..., 1]] * 3, axis=-1)
    cleaned = trained.transform(grey, sigma=25 / 255)
    assert (cleaned[..., 0] == cleaned[..., 2]).all()


def test_colours_are_trained_around_grey_whatever_names_the_network():
    begun = make(learning_rate="constant", warm_start=True).fit([CHINA])
    further = [copy.deepcopy(begun), copy.deepcopy(begun).set_params(autoencoder=None)]
    first, second = (model.fit([CHINA]).autoencoder_.weights_.tobytes() for model in further)
    assert first == second
    first, second = (
        model.partial_fit([CHINA]).autoencoder_.weights_.tobytes() for model in further
    )
    assert first == second


def test_parameters_of_patches_have_no_part():
    usual = make().fit([GREY])
    other = make(output_size=5, stride=30, center=False, window="uniform").fit([GREY])
    assert other.autoencoder_.weights_.tobytes() == usual.autoencoder_.weights_.tobytes()
    noisy = spoil("gaussian", 0.1, UNSEEN)
    np.testing.assert_array_equal(
        other.transform(noisy, sigma=0.1), usual.transform(noisy, sigma=0.1)
    )


@pytest.mark.parametrize("kind", ["float64", "uint16", "alpha", "Fortran", "predict", "pairs"])
def test_pictures_of_all_kinds(trained, kind):
    noisy = spoil("gaussian", 0.1, UNSEEN)
    denoiser = trained
    expected = trained.transform(noisy, sigma=0.1)
    if kind == "float64":
        noisy = noisy.astype(float)
    elif kind == "uint16":
        noisy = np.rint(noisy.clip(0, 1) * 65535).astype(np.uint16)
        expected = trained.transform(noisy / np.float32(65535), sigma=0.1) * 65535
    elif kind == "alpha":
        alpha = np.ones_like(noisy)
        noisy = np.stack([noisy, noisy, noisy, alpha], axis=-1)
        expected = np.stack([expected, expected, expected, alpha], axis=-1)
    elif kind == "Fortran":
        noisy = np.asfortranarray(noisy)
    else:
        how = {"predict": "noise"} if kind == "predict" else {}
        pair = {"noisy": [spoil("gaussian", 0.1, GREY)]} if kind == "pairs" else {}
        clean = [(GREY / 255).astype(np.float32)]
        denoiser = make(n_patches=2000, **how).fit(clean, **pair)
        cleaned = denoiser.transform(noisy, sigma=0.1)
        assert psnr(UNSEEN / 255, cleaned) > psnr(UNSEEN / 255, noisy) + 2
        return
    cleaned = denoiser.transform(noisy, sigma=0.1)
    assert cleaned.dtype == noisy.dtype
    np.testing.assert_allclose(
        cleaned, expected, rtol=0, atol=1e-5 * (noisy.max() > 2) * 65535 + 1e-6
    )


def test_missing_pixels_across_tiles(monkeypatch):
    denoiser = make("masking", 0.4).fit([GREY])
    noisy = spoil("masking", 0.4, CHINA[:350, :500, 1])
    whole = denoiser.transform(noisy)
    monkeypatch.setattr("dae.image._cleaning.MAP_BYTES", 32 * 170**2)
    np.testing.assert_allclose(denoiser.transform(noisy), whole, atol=0.5 / 255)


def test_missing_pixels():
    denoiser = make("masking", 0.4, n_patches=2000).fit([GREY])
    noisy = spoil("masking", 0.4, UNSEEN)
    cleaned = denoiser.transform(noisy)
    np.testing.assert_array_equal(cleaned[noisy > 0], noisy[noisy > 0])
    assert psnr(UNSEEN / 255, cleaned) > 25
    assert denoiser.autoencoder_.n_features_in_ == 2 * 24**2 + 1


def test_threads_and_precision(trained, monkeypatch):
    for name in ("SERIAL_STEP", "SERIAL_CALL"):
        monkeypatch.setattr(_core.tuning, name, 0)
    models = [make(n_jobs=n).fit([GREY]) for n in (1, 2, 3)]
    noisy = spoil("gaussian", 0.1, UNSEEN)
    for model in models[1:]:
        assert model.autoencoder_.weights_.tobytes() == models[0].autoencoder_.weights_.tobytes()
        np.testing.assert_array_equal(
            model.transform(noisy, sigma=0.1), models[0].transform(noisy, sigma=0.1)
        )
    wide = make(autoencoder=network(n_channels=32), n_patches=500).fit([GREY])
    highest = wide.transform(noisy, sigma=0.1)
    medium = wide.set_params(matmul_precision="medium").transform(noisy, sigma=0.1)
    assert np.abs(medium - highest).max() < 0.02
    assert wide.autoencoder_.matmul_precision == "highest"


def test_how_long_it_will_take(trained, monkeypatch, capsys):
    monkeypatch.setattr("dae.image._cleaning.MAP_BYTES", 32 * 100**2)
    monkeypatch.setattr("dae.image._cleaning.Progress.PAUSE", 0.0)
    copy.deepcopy(trained).set_params(verbose=1).transform(UNSEEN, sigma=0.1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2 and "100% cleaned" in lines[-1]


# ------------------------------------------------------------------ training


def test_a_step_is_that_of_adam(rows):
    X, shown = rows
    model = network(batch_size=50, learning_rate_init=0.01, random_state=0)
    weights = [model.partial_fit(X, X_corrupted=shown).weights_.copy() for _ in range(3)]
    first, second = model._moments
    # the last step, from the moments that it left
    corrected = first / (1 - BETA_1**3) / (np.sqrt(second / (1 - BETA_2**3)) + EPSILON)
    np.testing.assert_allclose(weights[1] - weights[2], 0.01 * corrected, atol=1e-6)
    assert model.n_steps_ == 3 and len(model.loss_curve_) == 3
    assert model.loss_curve_[0] == pytest.approx(np.sum((X - shown)[:, :-1] ** 2) / 50, rel=1e-5)


def test_partial_fit_continues(rows):
    X, shown = rows
    one = network(random_state=1, batch_size=7).partial_fit(X, X_corrupted=shown)
    two = pickle.loads(pickle.dumps(one))
    for model in (one, two):
        model.partial_fit(X, X_corrupted=shown)
    assert one.weights_.tobytes() == two.weights_.tobytes()
    assert clone(one).get_params() == one.get_params()
    other = network(random_state=2, batch_size=7).partial_fit(X, X_corrupted=shown)
    assert other.weights_.tobytes() != one.weights_.tobytes()


def test_a_denoiser_continues():
    begun = make(n_patches=64, learning_rate="constant").fit([GREY])
    weights = begun.autoencoder_.weights_.tobytes()
    further = copy.deepcopy(begun).set_params(warm_start=True).fit([GREY])
    assert further.n_patches_ == 128 and further.autoencoder_.n_steps_ == 16
    assert begun.autoencoder_.weights_.tobytes() == weights
    loaded = pickle.loads(pickle.dumps(begun)).set_params(warm_start=True, autoencoder=None)
    assert loaded.fit([GREY]).autoencoder_.weights_.tobytes() == (
        further.autoencoder_.weights_.tobytes()
    )


def test_a_failed_call_changes_nothing(rows):
    X, shown = rows
    model = network(batch_size=10, random_state=0).partial_fit(X, X_corrupted=shown)
    before = pickle.dumps(model)
    huge = np.full_like(shown, 1e30)
    with pytest.raises(ValueError, match=r"diverged in step 6: the loss is inf. Use a smaller"):
        model.partial_fit(X, X_corrupted=huge)
    for call in (model.partial_fit, model.reconstruct):
        with pytest.raises(ValueError, match="X has 17 features, but Conv.* is expecting 65"):
            call(X[:, :17])
    with pytest.raises(ValueError, match="X_corrupted contains NaN"):
        model.partial_fit(X, X_corrupted=np.where(X > 0, np.nan, X))
    with pytest.raises(ValueError, match=r"must have the shape of X, \(50, 65\), got \(40, 65\)"):
        model.partial_fit(X, X_corrupted=shown[:40])
    assert pickle.dumps(model) == before


@pytest.mark.parametrize(
    "parameters",
    [{"n_channels": 32}, {"n_blocks": 3}, {"n_blocks": 10**9}, {"n_channels": "many"}],
)
def test_a_size_that_was_changed(rows, parameters):
    X, shown = rows
    model = network().partial_fit(X, X_corrupted=shown).set_params(**parameters)
    for call in (model.reconstruct, model.partial_fit):
        with pytest.raises(ValueError, match="Restore the parameters, or fit again|parameter of"):
            call(X)


def test_weights_that_overflow_in_the_last_step(rows):
    X, shown = rows
    model = network(batch_size=50, random_state=0).partial_fit(X, X_corrupted=shown)
    before = pickle.dumps(model)
    model.set_params(learning_rate_init=1e39)
    with pytest.raises(ValueError, match="step 2: a weight is not finite. Use a smaller"):
        model.partial_fit(X, X_corrupted=shown)
    assert pickle.dumps(model.set_params(learning_rate_init=0.0005)) == before


def test_ctrl_c_keeps_what_was_complete(rows, monkeypatch):
    X, shown = rows
    model = network(batch_size=10).partial_fit(X, X_corrupted=shown)
    before, calls = pickle.dumps(model), []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return forward(*arguments)

    forward = convolutional.forward
    monkeypatch.setattr(convolutional, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, X_corrupted=shown)
    assert pickle.dumps(model) == before


def test_rows_and_pictures_are_cleaned_alike(rows):
    X, shown = rows
    model = network(random_state=0).partial_fit(X, X_corrupted=shown)
    cleaned = model.reconstruct(shown)
    assert not cleaned[:, 64:].any() and cleaned.dtype == np.float32
    pictures = model._reconstruct_pictures(shown[:, :-1].reshape(50, 1, 8, 8), shown[:, -1])
    np.testing.assert_array_equal(cleaned[:, :64].reshape(50, 8, 8), pictures)
    np.testing.assert_array_equal(model.reconstruct(shown[3:4])[0], cleaned[3])


def test_quarters_and_back():
    planes = np.arange(2 * 6 * 8.0, dtype=np.float32).reshape(2, 1, 6, 8)
    quarters = _quarters(planes)
    np.testing.assert_array_equal(quarters[0, 0, 1], planes[0, 0, :2, 2:4].ravel())
    np.testing.assert_array_equal(_whole(quarters), planes[:, 0])
    x = _inputs(planes, np.float32([3, 4]))
    assert x.shape == (2, 5, 6, 5) and (x[1, 1:-1, 1:-1, 4] == 4).all() and not x[:, 0].any()


def test_sizes_of_any_integer_type(rows):
    clean, noisy = rows
    sizes = {"n_channels": 16, "n_blocks": 1, "batch_size": 8}
    narrow = {name: np.uint8(size) for name, size in sizes.items()}
    narrow, plain = (
        network(random_state=0, **how).partial_fit(clean, X_corrupted=noisy)
        for how in (narrow, sizes)
    )
    np.testing.assert_array_equal(narrow.reconstruct(noisy), plain.reconstruct(noisy))


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_channels": 24}, "n_channels must be a multiple of 16, got 24"),
        ({"n_channels": 8}, "'n_channels' parameter .* must be an int in the range"),
        ({"n_channels": 1024}, "'n_channels' parameter .* must be an int in the range"),
        ({"n_blocks": 0}, "'n_blocks' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"matmul_precision": "low"}, "'matmul_precision' parameter"),
        ({"learning_rate_init": 10**400}, "'learning_rate_init' parameter"),
    ],
)
def test_parameters_that_cannot_be(rows, parameters, message):
    with pytest.raises(ValueError, match=message):
        network(**parameters).partial_fit(rows[0])


def test_rows_that_cannot_be(rows):
    with pytest.raises(NotFittedError, match="not fitted yet. Train it with partial_fit, or as"):
        network().reconstruct(rows[0])
    for n_columns in (1, 2, 10, 26, 64, 66):
        with pytest.raises(ValueError, match=f"even height.*got {n_columns} columns"):
            network().partial_fit(np.zeros((3, n_columns)))


def test_columns_that_cannot_be(rows):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows[0], columns=[f"p{k}" for k in range(65)])
    back = frame[frame.columns[::-1]]
    model = network(random_state=0).partial_fit(frame, X_corrupted=frame)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert (
        model.weights_.tobytes() == network(random_state=0).partial_fit(rows[0]).weights_.tobytes()
    )
    np.testing.assert_array_equal(
        model.reconstruct(frame), network(random_state=0).partial_fit(rows[0]).reconstruct(rows[0])
    )
    for call in (model.partial_fit, model.reconstruct):
        with pytest.raises(ValueError, match="same order"):
            call(back)
    with pytest.raises(ValueError, match="X_corrupted must have the columns of X in the same"):
        model.partial_fit(frame, X_corrupted=back)
    with pytest.raises(ValueError, match="X has columns that are not numbers: 'p0'"):
        model.partial_fit(frame.assign(p0="x"))
    with pytest.raises(ValueError, match="X_corrupted has columns that are not numbers: 'p0'"):
        model.partial_fit(frame, X_corrupted=frame.assign(p0="x"))


@pytest.mark.parametrize("kind", ["masked", "M8[s]", "m8[s]", "sparse", "NaN", "infinite"])
def test_values_that_cannot_be(rows, kind):
    X = rows[0].copy()
    X[3, 3] = 7
    expected, message = ValueError, {"NaN": "contains NaN", "infinite": "contains infinity"}
    if kind == "masked":
        X, message = np.ma.masked_greater(X, 6), "masked array with 1 masked values"
    elif kind == "sparse":
        X, message, expected = csr_array(X), "dense|sparse", (TypeError, ValueError)
    elif kind in message:
        X[3, 3], message = {"NaN": np.nan, "infinite": np.inf}[kind], message[kind]
    else:
        X, message = X.astype(kind), "not numbers"
    model = network().partial_fit(rows[0])
    before = pickle.dumps(model)
    new = network()
    for use in (
        new.partial_fit, model.partial_fit, model.reconstruct,
        lambda X: new.partial_fit(rows[0], X_corrupted=X),
    ):  # fmt: skip
        with pytest.raises(expected, match=message):
            use(X)
    assert pickle.dumps(model) == before
    assert vars(new) == vars(network())


@pytest.mark.parametrize("name", ["weights_", "_moments"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_state_that_is_not_finite(trained, rows, name, value):
    model = network().partial_fit(rows[0])
    model.reconstruct(rows[0])
    (model.weights_ if name == "weights_" else model._moments[0])[3] = value
    uses = [model.partial_fit]
    if name == "weights_":
        uses.append(model.reconstruct)
        broken = copy.deepcopy(trained)
        broken.autoencoder_.weights_[-1] = value
        uses.append(lambda X: broken.transform(GREY, sigma=0.1))
    for use in uses:
        with pytest.raises(ValueError, match="state is damaged: .* NaN or infinite. Fit"):
            use(rows[0])


def test_denoisers_that_cannot_be():
    with pytest.raises(ValueError, match="patch_size must be even for a Conv.*got 23. Use 64"):
        make(patch_size=23).fit([GREY])
    with pytest.raises(ValueError, match="noise='unknown' is only supported by networks of patch"):
        make("unknown").fit([GREY])
    with pytest.raises(ValueError, match="less than a patch of 24 x 24"):
        make().fit([GREY[:20, :20]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights_", None),
        ("weights_", np.zeros(7, np.float32)),
        ("loss_curve_", None),
        ("n_features_in_", "many"),
        ("n_features_in_", 7),
        ("matmul_precision", "low"),
        ("_seed", 2**40),
        ("n_steps_", -1),
        ("_moment_steps", None),
        ("_moments", None),
        ("_moments", [np.zeros(3), np.zeros(3)]),
        ("_moments", np.zeros(3)),
        ("feature_names_in_", 3),
    ],
)
def test_a_damaged_state(rows, name, value):
    model = network().partial_fit(rows[0])
    setattr(model, name, value)
    with pytest.raises(ValueError, match="damaged|columns|weights|matmul_precision"):
        model.partial_fit(rows[0])


@pytest.mark.parametrize(
    "change",
    [
        {"convolves": False},
        {"convolves": None},
        {"output": 8},
        {"centre": True},
        {"size": 23},
        {"noise": "unknown"},
        {"autoencoder_": StackedDenoisingAutoencoder(4)},
    ],
    ids=str,
)
def test_a_task_that_is_not_the_network_s(trained, change):
    broken = copy.deepcopy(trained)
    if "autoencoder_" in change:
        broken.autoencoder_ = change["autoencoder_"].fit(np.eye(9, 577))
    else:
        broken._task = broken._task | change
    with pytest.raises(ValueError, match="damaged"):
        broken.transform(GREY)
    broken._task = {name: value for name, value in broken._task.items() if name != "convolves"}
    if "autoencoder_" not in change:  # as before there were such networks: of patches
        with pytest.raises(ValueError, match="damaged"):
            broken.partial_fit([GREY])


# ------------------------------------------------------------------ files


def test_saved_and_loaded(trained, tmp_path):
    path = tmp_path / "model.npz"
    trained.save(path)
    loaded = ImageDenoiser.load(path)
    noisy = spoil("gaussian", 0.1, UNSEEN)
    np.testing.assert_array_equal(loaded.transform(noisy), trained.transform(noisy))
    assert path.stat().st_size < trained.autoencoder_.weights_.nbytes + 20_000
    loaded.set_params(warm_start=True).fit([GREY])  # with new moments
    assert loaded.n_patches_ == 12_000
    assert loaded.autoencoder_.n_steps_ == 2 * trained.autoencoder_.n_steps_
