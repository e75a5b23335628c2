"""The task of a network: what it is shown of a patch, what it answers, what that is put to."""

import numpy as np
import pytest
from pictures import GREY, make, spoil

from dae.image._patch_task import LOST, SCALE, PatchTask
from dae.image._patches import filter_picture
from dae.image._sampling import training_block
from dae.image._training import LOST_EMPHASIS, level_range, new_crops, task_fields


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


@pytest.mark.parametrize(("size", "output"), [(8, 1), (9, 1), (8, 5), (9, 9), (5, 2)])
def test_a_pixel_that_is_not_seen_is_in_the_middle(size, output):
    """For noise of which nothing is known, whatever is answered."""
    assert PatchTask("unknown", size, output=output).asked().any()


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
