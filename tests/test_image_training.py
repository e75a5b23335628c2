"""How an `ImageDenoiser` is trained: parameters, blocks, warm starts, failures."""

import copy
import pickle

import numpy as np
import pytest
from pictures import GREY, UNSEEN, make, psnr, spoil
from sklearn.base import clone

from dae import DenoisingAutoencoder
from dae.image import ImageDenoiser, _training, default_autoencoder
from dae.image._training import task_fields


def test_more_training_is_better():
    short, long = (make(n_patches=n).fit([GREY]) for n in (2_000, 60_000))
    assert long.score([UNSEEN]) > short.score([UNSEEN]) + 1


@pytest.mark.parametrize(
    "parameters",
    [{"predict": "noise"}, {"center": False}, {"window": "uniform"}, {"learning_rate": "linear"}],
    ids=str,
)
def test_other_settings_learn_too(parameters):
    noisy = spoil("gaussian", 25 / 255, UNSEEN)
    cleaned = make(**parameters).fit([GREY]).transform(noisy)
    assert psnr(UNSEEN / 255, cleaned) > psnr(UNSEEN / 255, noisy) + 3


def test_any_autoencoder():
    autoencoder = DenoisingAutoencoder(n_components=40, corruption=None, activation="tanh")
    denoiser = make(autoencoder=autoencoder, batch_size=100, n_patches=500, n_jobs=1).fit([GREY])
    assert denoiser.autoencoder_.components_.shape == (40, 82)
    assert denoiser.autoencoder_.batch_size == 100
    assert not hasattr(autoencoder, "components_")


def test_the_loss_is_that_of_a_pixel():
    """Of those that are answered: as large for any number of them, at the start."""
    first = [
        make(output_size=size, stride=1, n_patches=2_000, learning_rate_init=1e-9)
        .fit([GREY])
        .loss_curve_[0]
        for size in (5, 9)
    ]
    assert first[0] == pytest.approx(first[1], rel=0.5)


def test_the_loss_is_that_of_a_cleaned_picture():
    """All but what averaging gains."""
    denoiser = make().fit([GREY])
    cleaned = denoiser.transform(spoil("gaussian", 25 / 255, GREY))
    loss = -10 * np.log10(denoiser.loss_curve_[-1])
    assert psnr(GREY / 255, cleaned) == pytest.approx(loss, abs=2.5)


def test_warm_start_keeps_the_output_size(tiny):
    """What it is by default depends on the stride, which may change."""
    warm = make(n_patches=200, patch_size=9, stride=7).fit([GREY])
    warm.set_params(stride=3, warm_start=True).fit([GREY])
    assert warm._task["output"] == 7
    old = copy.deepcopy(tiny)
    del old._task["output"]  # saved by a version that answered all of a patch
    old.set_params(warm_start=True).fit([GREY])
    assert old._task["output"] == 7 == old.patch_size


def test_scales_by_default():
    assert task_fields(make())["scales"] == 2
    assert task_fields(make("masking"))["scales"] == 1
    assert task_fields(make("masking", scales=1))["scales"] == 1


def test_output_size_by_default():
    assert task_fields(make())["output"] == 5
    assert task_fields(make(stride=7))["output"] == 7
    assert task_fields(make(patch_size=4, stride=1))["output"] == 4
    assert task_fields(make("unknown"))["output"] == 9
    assert task_fields(make(output_size=3, stride=1))["output"] == 3


def test_a_picture_without_room_is_not_halved():
    """The smallest that has a patch, in training and after."""
    smallest = GREY[:9, :9]
    cleaned = make(n_patches=500).fit([smallest]).transform(smallest)
    assert cleaned.shape == smallest.shape and np.isfinite(cleaned).all()


def test_clone_and_parameters():
    denoiser = make(level=(0.1, 0.2), autoencoder=DenoisingAutoencoder(n_components=3))
    twin = clone(denoiser)
    assert twin.get_params()["autoencoder__n_components"] == 3
    assert twin.level == (0.1, 0.2)
    assert twin.set_params(stride=2).stride == 2


def test_same_seed_same_bits():
    a, b = (make(n_patches=3_000, n_jobs=n).fit([GREY]) for n in (1, 2))
    np.testing.assert_array_equal(a.transform(UNSEEN), b.transform(UNSEEN))
    c = make(n_patches=3_000, random_state=1).fit([GREY])
    assert (c.transform(UNSEEN) != a.transform(UNSEEN)).any()


@pytest.mark.parametrize("way", [copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))])
def test_copies(tiny, way):
    twin = way(tiny)
    np.testing.assert_array_equal(twin.transform(UNSEEN), tiny.transform(UNSEEN))


def test_partial_fit_goes_on(monkeypatch):
    monkeypatch.setattr("dae.image._training.BLOCK", 1_000)
    whole, parts = make(learning_rate="constant", n_patches=3_000), make()
    whole.fit([GREY])
    for _ in range(3):
        parts = pickle.loads(pickle.dumps(parts)).partial_fit([GREY])
    np.testing.assert_array_equal(parts.transform(UNSEEN), whole.transform(UNSEEN))
    assert parts.n_patches_ == whole.n_patches_ == 3_000
    assert len(parts.loss_curve_) == 3


def test_warm_start_takes_along_what_was_learned(gaussian):
    """A tenth of the training, on top of the range of levels, gives more than by itself."""
    few = {"level": 25 / 255, "n_patches": 10_000}
    noisy = spoil("gaussian", 25 / 255, UNSEEN)
    warm = copy.deepcopy(gaussian).set_params(warm_start=True, **few).fit([GREY])
    cold = make(**few).fit([GREY])
    assert warm.n_patches_ == gaussian.n_patches_ + 10_000
    assert warm.level_ == (25 / 255, 25 / 255) and not warm.tells_level
    assert psnr(UNSEEN, 255 * warm.transform(noisy)) > psnr(UNSEEN, 255 * cold.transform(noisy)) + 1


def test_a_failed_warm_start_changes_nothing(tiny, monkeypatch):
    """Though it fails in its second block."""
    warm = copy.deepcopy(tiny).set_params(warm_start=True, n_patches=100)
    before = pickle.dumps(warm)
    monkeypatch.setattr(_training, "BLOCK", 50)
    blocks = iter([_training.training_block])
    monkeypatch.setattr(_training, "training_block", lambda *given: next(blocks)(*given))
    with pytest.raises((StopIteration, RuntimeError)):
        warm.fit([GREY])
    assert pickle.dumps(warm) == before


def test_warm_start_goes_on_with_the_same_task_only(tiny):
    warm = copy.deepcopy(tiny).set_params(warm_start=True)
    before = pickle.dumps(warm)
    with pytest.raises(
        ValueError, match="fitted network was trained for patch_size=7, got patch_size=8"
    ):
        warm.set_params(patch_size=8).fit([GREY])
    with pytest.raises(ValueError, match="warm_start=False"):
        warm.set_params(patch_size=7, noise="masking").fit([GREY])
    assert pickle.dumps(warm.set_params(noise="gaussian")) == before


def test_partial_fit_goes_on_with_the_same_task_only(tiny):
    further = copy.deepcopy(tiny)
    before = pickle.dumps(further)
    with pytest.raises(ValueError, match="was trained for patch_size=7, got patch_size=5"):
        further.set_params(patch_size=5).partial_fit([GREY])
    assert pickle.dumps(further.set_params(patch_size=7)) == before
    further.set_params(level=0.2).partial_fit([GREY])
    assert further.level_ == (0.2, 0.2) and further.n_patches_ == 200 + _training.BLOCK


def test_what_noise_is_expected_depends_on_its_kind():
    """The level of missing pixels is a share, no standard deviation."""
    grey = (GREY / 255).astype(np.float32)
    noisy = grey.copy()
    noisy[0, 0] = 3
    with pytest.raises(ValueError, match=r"noisy\[0\] must have floats from 0"):
        make("masking", (0.2, 0.8), n_patches=200).fit([grey], noisy=[noisy])
    noisy[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"noisy\[0\] has NaN; .* missing pixels are 0"):
        make("masking", (0.2, 0.8), n_patches=200).fit([grey], noisy=[noisy])


def test_the_learning_rate_falls(monkeypatch):
    monkeypatch.setattr("dae.image._training.BLOCK", 100)
    seen = []

    class Spy(DenoisingAutoencoder):
        def partial_fit(self, X, y=None, *, X_corrupted=None):
            seen.append(self.learning_rate_init)
            return super().partial_fit(X, X_corrupted=X_corrupted)

    make(autoencoder=Spy(n_components=2), n_patches=500, learning_rate_init=0.01).fit([GREY])
    assert seen[0] == 0.01 and seen == sorted(seen, reverse=True) and 0 < seen[-1] < 0.002


def test_a_failed_fit_changes_nothing(tiny):
    denoiser = copy.deepcopy(tiny)
    before = denoiser.transform(UNSEEN)
    with pytest.raises(ValueError, match="less than a patch"):
        denoiser.fit([GREY[:5, :5]])
    denoiser.set_params(learning_rate_init=1e30, n_patches=500)
    with pytest.raises(ValueError, match="learning_rate"):
        denoiser.fit([GREY])
    np.testing.assert_array_equal(denoiser.transform(UNSEEN), before)


def test_verbose(capsys):
    make(n_patches=500, verbose=1).fit([GREY])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].startswith("500 of 500 patches  PSNR ")


def test_skops():
    skops = pytest.importorskip("skops.io")
    denoiser = make(n_patches=200).fit([GREY])
    data = skops.dumps(denoiser)
    twin = skops.loads(data, trusted=skops.get_untrusted_types(data=data))
    np.testing.assert_array_equal(twin.transform(UNSEEN), denoiser.transform(UNSEEN))


def test_bad_pairs(tiny):
    for noisy, message in (
        ([], "noisy is empty"),
        ([GREY, GREY], "noisy must have one picture for each of the 1 images, got 2"),
        ([GREY[:50]], "noisy[0] must have the shape of images[0], (214, 320), got (50, 320)"),
    ):
        with pytest.raises(ValueError) as caught:
            make().fit([GREY], noisy=noisy)
        assert message in str(caught.value)
        if noisy:
            with pytest.raises(ValueError, match=r"noisy"):
                tiny.score([GREY], noisy=noisy)
    with pytest.raises(ValueError, match="learns from noisy pictures alone"):
        make("unknown").fit([GREY], noisy=[GREY])
    with pytest.raises(ValueError, match="score needs noisy="):
        make("unknown", n_patches=10).fit([GREY]).score([GREY])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"noise": "rain"}, "'noise' parameter of ImageDenoiser"),
        ({"level": 25}, "'level' parameter of ImageDenoiser"),
        ({"level": (5, 75)}, "level must be a number between 0 and 1, or a range"),
        ({"level": (0.1, 0.2, 0.3)}, "level must be a number between 0 and 1, or a range"),
        ({"level": ["a", "b"]}, "level must be a number between 0 and 1, or a range"),
        ({"stride": 10}, "stride must be at most patch_size=9"),
        ({"stride": 4, "output_size": 3}, "stride must be at most output_size=3"),
        ({"output_size": 10}, "output_size must be at most patch_size=9, got 10"),
        ({"noise": "masking", "scales": 2}, "scales must be 1 or None for noise='masking'"),
        ({"scales": 0}, "'scales' parameter"),
        ({"stride": 0}, "'stride' parameter of ImageDenoiser"),
        ({"patch_size": 3, "stride": 1, "noise": "unknown"}, "patch_size must be at least 5"),
        ({"autoencoder": "deep"}, "'autoencoder' parameter of ImageDenoiser"),
        ({"n_patches": 0}, "'n_patches' parameter of ImageDenoiser"),
    ],
    ids=str,
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError) as caught:
        make(**({"n_patches": 10} | parameters)).fit([GREY])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("autoencoder", "message"),
    [
        (DenoisingAutoencoder(5), "fitted network is a StackedDenoisingAutoencoder, got auto"),
        ({"hidden_layer_sizes": (9,)}, r"has hidden_layer_sizes=\(128, 128\), got .*\(9,\)"),
        ({"activation": "tanh"}, "has activation='relu', got autoencoder with activation='tanh'"),
        ({"tied_weights": True}, "has tied_weights=False"),
        ({"alpha": 0.1}, r"has alpha=0.0, got autoencoder with alpha=0.1"),
    ],
)
def test_partial_fit_with_another_autoencoder(tiny, autoencoder, message):
    denoiser = copy.deepcopy(tiny)
    if isinstance(autoencoder, dict):
        autoencoder = clone(denoiser.autoencoder).set_params(**autoencoder)
    denoiser.autoencoder = autoencoder
    with pytest.raises(ValueError, match=f"(?s){message}.*Restore"):
        denoiser.partial_fit([GREY])


def test_partial_fit_with_another_random_state(tiny):
    """It would be ignored: the patches of a fitted network continue those of its first seed."""
    denoiser = copy.deepcopy(tiny)
    for way in ("partial_fit", "fit"):
        denoiser.set_params(random_state=7, warm_start=True, n_patches=10)
        with pytest.raises(ValueError, match="random_state=7 has no effect.*Restore"):
            getattr(denoiser, way)([GREY])
    for same in (tiny.random_state, np.int64(tiny.random_state), None):
        denoiser.set_params(random_state=same).partial_fit([GREY])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_a_number_of_patches_of_any_integer_type(dtype):
    network = default_autoencoder().set_params(hidden_layer_sizes=(8,))
    how = {"level": 0.1, "autoencoder": network, "random_state": 0}
    narrow = ImageDenoiser(n_patches=dtype(100), batch_size=dtype(40), **how).fit([GREY])
    plain = ImageDenoiser(n_patches=100, batch_size=40, **how).fit([GREY])
    assert type(narrow.n_patches_) is int
    np.testing.assert_array_equal(narrow.transform([GREY])[0], plain.transform([GREY])[0])


def test_the_bundled_model_continues():
    bundled = ImageDenoiser.pretrained().set_params(warm_start=True, n_patches=10)
    assert bundled.fit([GREY]).n_patches_ == 300_010


def test_training_continues_with_another_precision():
    network = default_autoencoder().set_params(hidden_layer_sizes=(8,))
    denoiser = ImageDenoiser(
        level=0.1, autoencoder=network, n_patches=10, matmul_precision="medium", random_state=0
    ).fit([GREY])
    denoiser.set_params(matmul_precision="highest", warm_start=True)
    assert denoiser.fit([GREY]).n_patches_ == 20
    assert denoiser.autoencoder_.matmul_precision == "highest"
