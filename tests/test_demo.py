"""``python -m dae``, mostly on the small setting of ``--quick``; the CI runs the full job."""

import contextlib
import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("skimage")
pytest.importorskip("matplotlib")

from PIL import Image
from skimage.metrics import structural_similarity

from dae._cli import _demo
from dae._cli._demo import BUNDLED, KINDS, LEARNED, main
from dae.image import ImageDenoiser

TINY = _demo.Size(n_patches=500, stride=5, n_filter_patches=500, part=(slice(150, 210),) * 2)


def psnr(clean, picture):
    return -10 * np.log10(np.mean((clean.astype(np.float64) - picture) ** 2))


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A small run: its results by kind of noise, the printed lines, the picture file."""
    out = tmp_path_factory.mktemp("demo") / "picture.png"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        results = _demo.run(out, size=_demo.QUICK)
    return results, printed.getvalue().splitlines(), out


@pytest.fixture
def tiny(monkeypatch):
    """The command on an even smaller setting."""
    monkeypatch.setattr(_demo, "FULL", TINY)


def clean_part():
    return _demo.load_pictures()[1][_demo.PART]


def test_the_table_is_what_recomputation_gives(job):
    results, lines, _ = job
    clean = clean_part()
    rows = [re.fullmatch(r"  (\S.*?) +(\d+\.\d\d) +(\d\.\d{3})", line) for line in lines]
    rows = [(m[1], float(m[2]), float(m[3])) for m in rows if m]
    expected = [
        (name, psnr(clean, picture), structural_similarity(clean, picture, data_range=1))
        for result in results.values()
        for name, picture in result.pictures.items()
    ]
    assert [row[0] for row in rows] == [row[0] for row in expected]
    for shown, computed in zip(rows, expected, strict=True):
        assert shown[1] == pytest.approx(computed[1], abs=0.006)
        assert shown[2] == pytest.approx(computed[2], abs=0.0006)


def test_each_kind_of_noise_has_its_methods(job):
    results, lines, out = job
    assert list(results) == list(KINDS)
    assert {"bilateral", "total variation", "non-local means"} < set(results["gaussian"].scores)
    assert {"median of known pixels", "biharmonic inpainting"} < set(results["masking"].scores)
    assert {"median 3 x 3", "median 5 x 5"} < set(results["salt_and_pepper"].scores)
    for kind, result in results.items():
        assert LEARNED in result.scores
        assert (BUNDLED in result.scores) == (kind == "gaussian")
        assert KINDS[kind][1] in lines
    assert any("20,000 patches in " in line for line in lines)
    assert lines[-2].startswith("* trained in advance") and "other photographs" in lines[-2]
    assert lines[-1].endswith(f" s in all; picture: {out}")


def test_the_learned_denoiser_cleans(job):
    for result in job[0].values():
        assert result.scores[LEARNED][0] > result.scores["noisy"][0] + 5
        assert result.scores[LEARNED][1] > result.scores["noisy"][1] + 0.2


def test_noisy_pictures(job):
    clean = clean_part()
    for kind, result in job[0].items():
        noisy, level = result.pictures["noisy"], KINDS[kind][0]
        assert noisy.min() >= 0 and noisy.max() <= 1
        if kind == "gaussian":
            inner = (clean > 0.4) & (clean < 0.6)  # where clipping does not matter
            assert np.std((noisy - clean)[inner]) == pytest.approx(level, rel=0.03)
            continue
        hit = noisy != clean
        assert hit.mean() == pytest.approx(level, rel=0.05)
        assert set(np.unique(noisy[hit])) == ({0.0} if kind == "masking" else {0.0, 1.0})
        for picture in result.pictures.values():  # no method alters pixels that are not hit
            np.testing.assert_array_equal(picture[~hit], clean[~hit])


def test_the_picture_file(job):
    out = job[2]
    with Image.open(out) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("L"))
    height, width = clean_part().shape
    assert pixels.shape[0] > 3 * height and pixels.shape[1] > 4 * width
    assert pixels.std() > 10
    assert os.listdir(out.parent) == [out.name]


def test_same_numbers_for_any_number_of_threads(tmp_path):
    runs = [_demo.run(tmp_path / "p.png", seed=5, n_jobs=n, size=TINY) for n in (1, 2)]
    for kind in KINDS:
        assert runs[0][kind].scores == runs[1][kind].scores


def test_the_median_leaves_out_lost_pixels():
    noisy = np.array([[0.1, 0.2, 0.3], [0.4, 0.0, 0.6], [0.0, 0.0, 0.9]], dtype=np.float32)
    lost = noisy == 0
    cleaned = _demo.median_of_known(noisy, lost)
    np.testing.assert_array_equal(cleaned[~lost], noisy[~lost])
    assert cleaned[1, 1] == pytest.approx(0.35)  # of six known ones around
    far = np.zeros((9, 9), dtype=np.float32)
    far[0, 0] = 0.5
    np.testing.assert_array_equal(_demo.median_of_known(far, far == 0), np.full((9, 9), 0.5))


# ------------------------------------------------------------------ command line


def test_main(tmp_path, capsys, tiny):
    out = tmp_path / "picture.jpg"
    out.write_text("an older one")
    assert main(["--seed", "3", "--n-jobs", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.endswith(f"picture: {out}\n")
    with Image.open(out) as image:
        assert image.format == "JPEG"


def test_help_names_the_options(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--out", "--quick", "--seed", "--n-jobs"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "-1"], "--seed: must be an integer from 0"),
        (["--seed", "1.5"], "--seed: must be an integer from 0"),
        (["--n-jobs", "0"], "--n-jobs: must be 1 or more, or -1 for all cores, got 0"),
        (["--n-jobs", "two"], "--n-jobs: must be an integer"),
        (["--out", "picture.docx"], "--out: must end in one of .png"),
        (["--out", "picture"], "--out: must end in one of .png"),
        (["--out", "no/such/folder/picture.png"], "does not exist"),
        (["--patches", "3"], "unrecognized arguments: --patches 3"),
    ],
)
def test_wrong_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.startswith("python -m dae: error: ") and printed.err.count("\n") == 1


def test_folder_as_output(tmp_path, capsys):
    folder = tmp_path / "folder.png"
    folder.mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(folder)])
    assert ended.value.code == 2
    assert "is a folder" in capsys.readouterr().err


def test_folder_not_writable(tmp_path, capsys, monkeypatch):
    # asked of the system rather than set with chmod, which does not bind the superuser
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(tmp_path / "picture.png")])
    assert ended.value.code == 2
    assert "not writable" in capsys.readouterr().err


@pytest.mark.parametrize(("module", "name"), list(_demo.EXTRAS.items()))
def test_missing_extras(module, name, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert name in error and 'pip install ".[demo]"' in error and error.count("\n") == 1


@pytest.mark.parametrize("kept", [False, True], ids=["before", "after the first block"])
def test_ctrl_c(tmp_path, capsys, monkeypatch, kept):
    def interrupted(self, images):
        if not kept:
            raise KeyboardInterrupt
        self.n_patches_ = 1  # `fit` returns what it has
        return self

    monkeypatch.setattr(ImageDenoiser, "fit", interrupted)
    assert main(["--out", str(tmp_path / "picture.png")]) == 130
    assert capsys.readouterr().err == "python -m dae: error: interrupted\n"
    assert os.listdir(tmp_path) == []


def test_failed_write_leaves_the_old_picture(tmp_path, capsys, monkeypatch, tiny):
    out = tmp_path / "picture.png"
    out.write_text("an older one")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["--out", str(out)]) == 1
    assert "No space left" in capsys.readouterr().err
    assert out.read_text() == "an older one"
    assert os.listdir(tmp_path) == [out.name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "x"], "python -m dae: error: argument --seed"),
        (["denoise", "no.png", "-o", "x"], "dae: error: no.png: No such file or folder"),
        (["clean", "folder"], "dae: error: argument COMMAND: invalid choice: 'clean'"),
    ],
    ids=["the demonstration", "another command", "no command"],
)
def test_as_a_module(arguments, message):
    command = [sys.executable, "-m", "dae", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert done.stdout == "" and done.stderr.startswith(message) and done.stderr.count("\n") == 1
