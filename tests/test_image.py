"""`ImageDenoiser`: what it learns, what it takes, what it gives back, what it refuses."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_sample_images

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder, _core
from dae.image import ImageDenoiser, _training
from dae.image._colour import from_planes, to_planes
from dae.image._crops import Crops
from dae.image._format import ImageFormat
from dae.image._noise import add_noise, estimate_sigma, fill, lost_pixels
from dae.image._patch_task import LOST, SCALE, PatchTask
from dae.image._patches import filter_picture
from dae.image._sampling import training_block
from dae.image._training import LOST_EMPHASIS, level_range, new_crops, task_fields

CHINA, FLOWER = load_sample_images().images
GREY = CHINA[::2, ::2, 1]  # 214 x 320, uint8
UNSEEN = FLOWER[::2, ::2, 1][:200, :200]


SMALL = StackedDenoisingAutoencoder((128, 128), corruption=None, tied_weights=False, fine_tune=True)


def psnr(clean, picture):
    return -10 * np.log10(np.mean((np.float64(clean) - picture) ** 2))


def spoil(noise, level, picture, seed=1):
    return add_noise(noise, level, (picture / 255).astype(np.float32), np.random.default_rng(seed))


def make(noise="gaussian", level=25 / 255, **parameters):
    defaults = {
        "n_patches": 100_000, "random_state": 0, "stride": 4, "patch_size": 9, "batch_size": 64,
        "learning_rate_init": 0.002, "autoencoder": SMALL,
    }  # fmt: skip
    return ImageDenoiser(noise, level, **(defaults | parameters))


@pytest.fixture(scope="module")
def gaussian():
    return make(level=(10 / 255, 50 / 255)).fit([GREY])


@pytest.fixture(scope="module")
def masking():
    return make("masking", (0.5, 0.9)).fit([GREY])


@pytest.fixture(scope="module")
def salt_and_pepper():
    return make("salt_and_pepper", (0.1, 0.5)).fit([GREY])


@pytest.fixture(scope="module")
def tiny():
    """Fitted, and hardly trained."""
    return make(n_patches=200, patch_size=7).fit([GREY])


# ------------------------------------------------------------------ what it learns


@pytest.mark.parametrize("level", [20 / 255, 50 / 255])
def test_gaussian_noise_goes(gaussian, level):
    noisy = spoil("gaussian", level, UNSEEN)
    cleaned = gaussian.transform(noisy, sigma=level)
    assert psnr(UNSEEN / 255, cleaned) > psnr(UNSEEN / 255, noisy) + 3


@pytest.mark.parametrize("level", [0.7, 0.85])
def test_missing_pixels_come_back(masking, level, monkeypatch):
    noisy = spoil("masking", level, np.maximum(UNSEEN, 1))
    cleaned = masking.transform(noisy)
    lost = noisy == 0
    np.testing.assert_array_equal(cleaned[~lost], noisy[~lost])
    smooth = fill(noisy, lost)
    monkeypatch.setattr("dae.image._noise.SMOOTHING_STEPS", 0)
    nearest = fill(noisy, lost)
    assert psnr(UNSEEN / 255, smooth) > psnr(UNSEEN / 255, nearest) > 20
    assert psnr(UNSEEN / 255, cleaned) > psnr(UNSEEN / 255, nearest)


def test_salt_and_pepper_go(salt_and_pepper):
    noisy = np.rint(255 * spoil("salt_and_pepper", 0.2, UNSEEN)).astype(np.uint8)
    cleaned = salt_and_pepper.transform(noisy)
    grey = (noisy > 0) & (noisy < 255)
    np.testing.assert_array_equal(cleaned[grey], noisy[grey])
    assert psnr(UNSEEN / 255, cleaned / 255) > 28


def test_white_in_the_midst_of_white_stays():
    picture = np.full((40, 40), 0.5, dtype=np.float32)
    picture[:, 20:] = 1  # white of its own
    picture[5, 5] = 1  # salt
    picture[5, 35] = 0  # pepper
    lost = lost_pixels("salt_and_pepper", picture)
    assert np.argwhere(lost).tolist() == [[5, 5], [5, 35]]


def test_no_hit_pixel_of_a_grey_picture_is_taken_for_its_own():
    """By chance some windows have more white pixels than others."""
    picture = np.linspace(90, 165, 500 * 500).reshape(500, 500)
    noisy = spoil("salt_and_pepper", 0.5, picture)
    hit = (noisy == 0) | (noisy == 1)
    np.testing.assert_array_equal(lost_pixels("salt_and_pepper", noisy), hit)


def test_unknown_noise_from_the_noisy_picture_alone():
    noisy = spoil("gaussian", 40 / 255, GREY)
    cleaned = make("unknown", n_patches=200_000).fit_transform([noisy])[0]
    assert psnr(GREY / 255, cleaned) > psnr(GREY / 255, noisy) + 4


def test_unknown_noise_does_not_look_at_the_pixel():
    """The value of a pixel has no part in its own prediction."""
    denoiser = make("unknown", n_patches=2_000).fit([GREY])
    other = GREY.copy()
    other[100, 100] ^= 128
    before, after = denoiser.transform([GREY, other])
    assert before[100, 100] == after[100, 100]
    assert (before != after).any()


def test_pairs():
    rng = np.random.default_rng(0)
    # noise that no option makes: stripes
    noisy = GREY / 255 + 0.2 * (rng.random((len(GREY), 1)) - 0.5)
    denoiser = make(n_patches=100_000).fit([GREY / 255], noisy=[noisy])
    assert psnr(GREY / 255, denoiser.transform(noisy)) > psnr(GREY / 255, noisy) + 3
    assert denoiser.score([GREY / 255], noisy=[noisy]) == pytest.approx(
        psnr(GREY / 255, denoiser.transform(noisy)), abs=1e-3
    )


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


# ------------------------------------------------------------------ blind


def test_estimate_sigma_is_that_of_scikit_image():
    restoration = pytest.importorskip("skimage.restoration")
    pytest.importorskip("pywt")
    for shape in ((64, 80), (65, 81)):
        picture = GREY[: shape[0], : shape[1]] / 255
        noisy = picture + np.random.default_rng(0).normal(scale=0.1, size=shape)
        expected = restoration.estimate_sigma(noisy)
        assert estimate_sigma(noisy) == pytest.approx(expected, rel=1e-9)


def test_sigma_auto(gaussian):
    level = 30 / 255
    noisy = spoil("gaussian", level, UNSEEN)
    assert gaussian.estimate_sigma(noisy) == pytest.approx(level, rel=0.1)
    blind, auto = gaussian.transform(noisy), gaussian.transform(noisy, sigma="auto")
    np.testing.assert_array_equal(blind, auto)
    told = gaussian.transform(noisy, sigma=level)
    assert abs(psnr(UNSEEN / 255, told) - psnr(UNSEEN / 255, blind)) < 0.3
    wrong = gaussian.transform(noisy, sigma=10 / 255)
    assert psnr(UNSEEN / 255, wrong) < psnr(UNSEEN / 255, blind) - 1


def test_a_flat_picture_has_no_noise(gaussian):
    flat = np.full((50, 50), 100, dtype=np.uint8)
    assert gaussian.estimate_sigma(flat) < 1e-12
    assert np.abs(gaussian.transform(flat).astype(int) - 100).max() <= 3


# ------------------------------------------------------------------ forms


@pytest.mark.parametrize(
    ("dtype", "white"),
    [(np.uint8, 255), (np.uint16, 65535), (np.float16, 1), (np.float32, 1), (np.float64, 1)],
)
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_comes_back_as_it_came(tiny, dtype, white, channels):
    shape = (40, 50) if channels is None else (40, 50, channels)
    values = np.random.default_rng(0).uniform(0.3, 0.7, shape)
    image = (values * white).astype(dtype)
    cleaned = tiny.transform(image)
    assert cleaned.dtype == dtype and cleaned.shape == shape
    assert abs(float(cleaned.mean(dtype=float)) / white - 0.5) < 0.1
    if channels in (2, 4):
        np.testing.assert_array_equal(cleaned[..., -1], image[..., -1])
    if channels in (2, 4):
        assert (cleaned[..., 0] != image[..., 0]).any()


def test_same_picture_in_every_dtype(tiny):
    as_float = tiny.transform((UNSEEN / 255).astype(np.float32))
    assert np.abs(tiny.transform(UNSEEN) - 255.0 * as_float).max() <= 0.51
    assert np.abs(tiny.transform(UNSEEN.astype(np.uint16) * 257) / 65535 - as_float).max() < 1e-4


def test_data_range():
    wide = make(n_patches=200, patch_size=7, data_range=255).fit([GREY.astype(float)])
    usual = make(n_patches=200, patch_size=7).fit([GREY])
    cleaned = wide.transform(UNSEEN.astype(float))
    assert np.abs(cleaned - usual.transform(UNSEEN)).max() < 0.51


def test_containers(tiny):
    one = tiny.transform(UNSEEN)
    assert one.shape == UNSEEN.shape
    listed = tiny.transform([UNSEEN, CHINA[:50, :60]])
    assert isinstance(listed, list) and listed[1].shape == (50, 60, 3)
    np.testing.assert_array_equal(listed[0], one)
    stack = tiny.transform(np.stack([UNSEEN, UNSEEN]))
    assert stack.shape == (2, *UNSEEN.shape)
    np.testing.assert_array_equal(stack[1], one)
    assert tiny.transform(CHINA[None, :50, :60]).shape == (1, 50, 60, 3)


def test_the_input_is_not_written_to(tiny, masking):
    image = UNSEEN.copy()
    image.setflags(write=False)
    tiny.transform(image)
    masking.transform(image)


def test_luminance_and_chrominance():
    colours = CHINA[:20, :30].astype(np.float32) / 255
    planes = to_planes(colours, True)
    np.testing.assert_allclose(from_planes(planes, True), colours, atol=1e-6)
    assert np.std(planes[0]) > 3 * np.std(planes[2])  # most is in the luminance
    white = np.random.default_rng(0).normal(size=(200, 200, 3)).astype(np.float32)
    for plane in to_planes(white, True):
        assert np.std(plane) == pytest.approx(1, abs=0.02)  # the noise keeps its strength


@pytest.mark.parametrize("color", ["luminance", "channels"])
def test_colours(color):
    picture = FLOWER[100:250, 200:350]
    noisy = np.clip(np.rint(255 * spoil("gaussian", 25 / 255, picture)), 0, 255).astype(np.uint8)
    cleaned = make(color=color).fit([CHINA[::2, ::2]]).transform(noisy)
    assert psnr(picture / 255, cleaned / 255) > psnr(picture / 255, noisy / 255) + 4


@pytest.mark.parametrize("way", ["nan", "mask", "zero"])
def test_ways_to_say_what_is_missing(masking, way):
    picture = (np.maximum(UNSEEN, 1) / 255).astype(np.float32)
    missing = np.random.default_rng(0).random(picture.shape) < 0.8
    given = picture.copy()
    if way == "nan":
        given[missing] = np.nan
    elif way == "zero":
        given[missing] = 0
    cleaned = masking.transform(given, mask=missing if way == "mask" else None)
    np.testing.assert_array_equal(cleaned[~missing], picture[~missing])
    assert psnr(picture, cleaned) > psnr(picture, fill(picture, missing))
    reference = masking.transform(np.where(missing, np.nan, picture))
    np.testing.assert_array_equal(cleaned, reference)


def test_a_large_hole(masking):
    picture = UNSEEN.copy()
    missing = np.zeros(picture.shape, dtype=bool)
    missing[50:110, 60:120] = True  # larger than any patch
    cleaned = masking.transform(picture, mask=missing)
    inside = cleaned[missing].astype(float)
    ring = picture[45:115, 55:125]
    assert int(ring.min()) - 30 <= inside.mean() <= int(ring.max()) + 30


def test_strips_and_tiles_agree():
    picture = np.random.default_rng(0).random((61, 47))
    profile = np.exp(-np.square(np.arange(8) - 3.5) / 8)

    def double(patches):
        return 2 * patches

    for stride in (1, 3, 8):
        results = [filter_picture([picture], double, 8, stride, profile, b) for b in (1, 10**6)]
        np.testing.assert_allclose(results[0], 2 * picture, atol=1e-12)
        np.testing.assert_allclose(*results, rtol=1e-12)


@pytest.mark.parametrize("output", [None, 1, 4, 5, 13])
def test_what_is_answered_is_what_was_asked(output):
    """A network that answers its target gives back the middle of the clean patch."""
    rng = np.random.default_rng(0)
    clean = rng.random((5, 169), dtype=np.float32)
    noisy = clean + 0.1
    for noise in ("gaussian", "masking"):
        for predict in ("noise", "patch"):
            task = PatchTask(noise, 13, predict, output=output)
            given = task.show((noisy, clean > 0.5), 0.1)
            assert given.shown.shape == (5, 169 * (1 + (noise == "masking")) + 1)
            answer = task.target(clean, given)
            asked = task.asked()
            assert asked.sum() == (output or 13) ** 2
            assert not answer[:, :169][:, ~asked].any()
            cleaned = task.cleaned(answer, given)
            np.testing.assert_allclose(cleaned[:, asked], clean[:, asked], atol=1e-6)
            weights = np.outer(task.profile(), task.profile()).ravel()
            assert (weights > 0).tolist() == asked.tolist()


@pytest.mark.parametrize(("size", "output"), [(13, 5), (8, 5), (8, 1), (13, 1), (5, 5), (6, 5)])
def test_every_pixel_is_in_the_middle_of_a_patch(size, output):
    """At the largest stride, for pictures of any size."""
    task = PatchTask("gaussian", size, output=output)
    for height in range(size, size + 7):
        picture = np.random.default_rng(0).random((height, 2 * size))
        same = filter_picture([picture], lambda p: p.copy(), size, output, task.profile())
        np.testing.assert_allclose(same, picture, atol=1e-12)


def test_the_middle_of_a_patch_is_answered_better():
    """Than all of it, by a network that learned as long."""
    noisy = spoil("gaussian", 25 / 255, UNSEEN)
    found = {
        output: make(output_size=output, stride=2).fit([GREY]).transform(noisy)
        for output in (None, 9)
    }
    assert psnr(UNSEEN, 255 * found[None]) > psnr(UNSEEN, 255 * found[9]) + 0.05


@pytest.mark.parametrize(("size", "output"), [(8, 1), (9, 1), (8, 5), (9, 9), (5, 2)])
def test_a_pixel_that_is_not_seen_is_in_the_middle(size, output):
    """For noise of which nothing is known, whatever is answered."""
    assert PatchTask("unknown", size, output=output).asked().any()


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


def test_strong_noise_goes_better_at_two_scales():
    smooth, level = FLOWER[..., 1], 50 / 255
    denoiser = make(level=(10 / 255, 60 / 255), n_patches=200_000).fit([GREY])
    noisy = spoil("gaussian", level, smooth)
    one, two = (
        psnr(smooth / 255, denoiser.set_params(scales=scales).transform(noisy, sigma=level))
        for scales in (1, 2)
    )
    assert two > one + 0.2


def test_scales_by_default():
    assert task_fields(make())["scales"] == 2
    assert task_fields(make("masking"))["scales"] == 1
    assert task_fields(make("masking", scales=1))["scales"] == 1


def test_no_more_scales_than_were_trained_for():
    denoiser = make(scales=1, n_patches=500).fit([GREY])
    noisy = spoil("gaussian", 0.1, GREY)
    before = denoiser.transform(noisy)
    np.testing.assert_array_equal(denoiser.set_params(scales=3).transform(noisy), before)
    # what `transform` does by default is what was trained for, whatever becomes of parameters
    denoiser.set_params(scales=None)
    np.testing.assert_array_equal(denoiser.transform(noisy), before)
    del denoiser._task["scales"]  # as in files that were written before there were any
    np.testing.assert_array_equal(denoiser.transform(noisy), before)
    denoiser.set_params(warm_start=True).fit([GREY])
    assert denoiser._task["scales"] == 1
    assert denoiser.set_params(scales=2).fit([GREY])._task["scales"] == 2


def test_a_picture_without_room_is_not_halved():
    """The smallest that has a patch, in training and after."""
    make(n_patches=500).fit([GREY[:9, :9]]).transform(GREY[:9, :9])


@pytest.mark.parametrize("noise", LOST)
def test_known_pixels_are_those_whose_input_is_the_answer(noise):
    """By that the autoencoder's emphasis tells them from lost ones."""
    fitted = make(noise, autoencoder=None, n_patches=64).fit([GREY])
    assert fitted.autoencoder_.emphasis == LOST_EMPHASIS
    task = PatchTask(noise, 9, output=5)
    clean = (GREY[40:49, 40:49] / 255).astype(np.float32)
    noisy = spoil(noise, 0.3, GREY[40:49, 40:49])
    lost = noisy != clean
    patches = [plane.reshape(1, -1) for plane in task.planes(noisy, lost)]
    given = task.show(tuple(patches), 0.3)
    target = task.target(clean.reshape(1, -1), given)
    same = (target == given.shown)[0, :81][task.asked()]
    np.testing.assert_array_equal(same, ~lost.ravel()[task.asked()])


def test_the_unit_of_the_loss_is_that_of_all_crops():
    """Crops of several levels and scales are divided by different numbers."""
    denoiser = make(level=(5 / 255, 75 / 255), patch_size=9)
    crops = new_crops(denoiser, [GREY], None)
    levels, seen = level_range(denoiser.level), []
    show = PatchTask.show

    def noting(self, patches, level):
        seen.append(level)
        return show(self, patches, level)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PatchTask, "show", noting)
        task = PatchTask(**task_fields(denoiser))
        *_, unit = training_block(task, crops, levels, 640, np.random.default_rng(0), 1)
    assert max(seen) > 4 * min(seen)
    assert unit == pytest.approx(np.mean(seen) * SCALE / 2, rel=1e-5)


def test_output_size_by_default():
    assert task_fields(make())["output"] == 5
    assert task_fields(make(stride=7))["output"] == 7
    assert task_fields(make(patch_size=4, stride=1))["output"] == 4
    assert task_fields(make("unknown"))["output"] == 9
    assert task_fields(make(output_size=3, stride=1))["output"] == 3


# ------------------------------------------------------------------ scikit-learn


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


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("color", "lum"), ("stride", 0), ("scales", 0), ("data_range", -1), ("n_jobs", 0)],
)
def test_what_may_be_changed_after_fit_is_looked_at(tiny, parameter, value):
    changed = copy.deepcopy(tiny).set_params(**{parameter: value})
    for method in (changed.transform, changed.score):
        with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
            method(GREY)


def test_cleaning_takes_the_threads_of_the_denoiser(tiny, monkeypatch):
    """Not those that its network was trained with."""
    asked = []
    n_threads = _core.n_threads

    def spy(n_jobs):
        asked.append(n_jobs)
        return n_threads(n_jobs)

    monkeypatch.setattr(_core, "n_threads", spy)
    changed = copy.deepcopy(tiny).set_params(n_jobs=3)
    np.testing.assert_array_equal(changed.transform(GREY), tiny.transform(GREY))
    assert 3 in asked and changed.autoencoder_.n_jobs is None


def test_what_noise_is_expected_depends_on_its_kind():
    """The level of missing pixels is a share, no standard deviation."""
    grey = (GREY / 255).astype(np.float32)
    noisy = grey.copy()
    noisy[0, 0] = 3
    with pytest.raises(ValueError, match=r"noisy\[0\] must have floats from 0"):
        make("masking", (0.2, 0.8), n_patches=200).fit([grey], noisy=[noisy])
    noisy[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"noisy\[0\] has NaN; .* missing pixels as 0"):
        make("masking", (0.2, 0.8), n_patches=200).fit([grey], noisy=[noisy])


def test_strong_noise_may_go_far_beyond_black_and_white():
    strong = make(level=0.6, n_patches=200, patch_size=7).fit([GREY])
    assert np.isfinite(strong.score([GREY]))
    noisy = spoil("gaussian", 0.6, GREY)
    assert noisy.min() < -1.5 and strong.transform(noisy).shape == GREY.shape
    with pytest.raises(ValueError, match=r"floats from 0 \(black\) to 1 \(white\)"):
        strong.transform(GREY.astype(np.float32))


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


def test_transform_writes_nothing(tiny):
    before = pickle.dumps(tiny)
    tiny.transform(UNSEEN)
    tiny.score([UNSEEN])
    assert pickle.dumps(tiny) == before


def test_score_is_psnr(tiny):
    score = tiny.score([UNSEEN])
    assert score == tiny.score([UNSEEN]) == pytest.approx(tiny.score([UNSEEN / 255]), abs=1e-4)
    noisy = spoil("gaussian", 0.1, UNSEEN)
    expected = psnr(UNSEEN / 255, tiny.transform(noisy))
    assert tiny.score([UNSEEN / 255], noisy=[noisy]) == pytest.approx(expected, abs=1e-4)


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


# ------------------------------------------------------------------ files


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


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "images is empty. Pass at least one picture."),
        (3, "must be a list of pictures or of file names, or an array; got int"),
        (np.zeros(5), "got an array of shape"),
        (["no/such/file.png"], "no/such/file.png"),
        ([GREY[:5]], "images[0] has 5 x 320 pixels, less than a patch of 9 x 9. Use larger"),
        ([GREY, CHINA], "images[1] has 3 colour channels, images[0] has 1. Train on pictures"),
        ([np.zeros((20, 20, 5))], "must have shape (height, width) or (height, width, channels)"),
        ([np.zeros((20, 0))], "images[0] must have pixels"),
        ([np.full((20, 20), np.nan)], "images[0] has NaN in 400 places. Fill them, or use"),
        ([np.full((20, 20), np.inf)], "got values from inf to inf"),
        ([GREY.astype(float)], "floats from 0 (black) to 1 (white), got values from"),
        ([GREY.astype(np.int64)], "must hold uint8, uint16 or floats, got int64. Convert it"),
        ([GREY > 100], "got bool"),
        ([GREY * 1j], "got complex128"),
        ([[["a"]]], "must hold uint8, uint16 or floats"),
        ([[[1, 2], [3]]], "images[0] must be an array of pixels"),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_bad_pictures_in_fit(images, message):
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        make(n_patches=10).fit(images)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "images is empty"),
        (np.zeros((6, 300)), "has 6 x 300 pixels, less than a patch of 7 x 7"),
        (
            np.full((20, 20), 9.0),
            "floats from 0 (black) to 1 (white), got values from 9 to 9",
        ),
        (
            np.where(np.eye(20), np.nan, 0.5),
            "has NaN in 20 places. Fill them, or use a denoiser of",
        ),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_bad_pictures_in_transform(tiny, images, message):
    with pytest.raises(ValueError) as caught:
        tiny.transform(images)
    assert message in str(caught.value)


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


def test_bad_sigma_and_mask(gaussian, masking, tiny):
    for sigma in (25, -1, "loud", np.nan, True):
        with pytest.raises(ValueError, match="sigma must be 'auto' or a number from 0 to 1"):
            gaussian.transform(UNSEEN, sigma=sigma)
    for denoiser in (tiny, masking):
        for sigma in (0.1, "auto"):
            with pytest.raises(ValueError, match=r"range of levels of Gaussian noise"):
                denoiser.transform(UNSEEN, sigma=sigma)
    with pytest.raises(ValueError, match="mask is only supported with noise='masking'"):
        gaussian.transform(UNSEEN, mask=UNSEEN > 3)
    for mask, message in (
        (UNSEEN, "should be bool, True where a pixel is missing, of shape"),
        (UNSEEN[:5] > 3, "should be bool, True where a pixel is missing, of shape"),
        (UNSEEN >= 0, "has no pixel that is known"),
    ):
        with pytest.raises(ValueError, match=message):
            masking.transform(UNSEEN, mask=mask)
    with pytest.raises(ValueError, match="one mask for each of the 2 images, got 1"):
        masking.transform([UNSEEN, UNSEEN], mask=[UNSEEN > 3])
    with pytest.raises(ValueError, match="mask must be a list of one mask for each of the 1 im"):
        masking.transform([UNSEEN], mask=True)
    with pytest.raises(ValueError, match="no pixel that is known: all are NaN"):
        masking.transform(np.full((20, 20), np.nan))


def test_a_damaged_state(tiny):
    broken = copy.deepcopy(tiny)
    broken._task = {"noise": "gaussian"}
    with pytest.raises(ValueError, match="damaged"):
        broken.transform(UNSEEN)
    for change in ({"noise": "gausian"}, {"size": 0}, {"output": 9}, {"scales": 0.5}):
        broken = copy.deepcopy(tiny)
        broken._task = {**broken._task, **change}
        with pytest.raises(ValueError, match="damaged"):
            broken.transform(UNSEEN)
    broken = copy.deepcopy(tiny)
    broken._task = {**broken._task, "size": 9}
    with pytest.raises(ValueError, match="features"):
        broken.transform(UNSEEN)


def test_forms_of_arrays():
    form = ImageFormat.of(np.zeros((4, 5, 2), dtype=np.uint16), "it")
    assert (form.n_channels, form.n_colours, form.white) == (2, 1, 65535)
