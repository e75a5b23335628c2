"""``python -m dae``, on a small setting; the full job is run by the CI."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("skimage")
pytest.importorskip("matplotlib")

from PIL import Image
from skimage.metrics import structural_similarity

from dae._cli import _demo
from dae._cli._demo import Noise, centred, filter_tiles, main, run

METHODS = ["noisy", "median 3x3", "median 5x5", "bilateral", "non-local means", "autoencoder"]
SMALL = {"n_patches": 20_000, "stride": 4}


def psnr(clean, picture):
    return -10 * np.log10(np.mean((clean.astype(np.float64) - picture) ** 2))


@pytest.fixture(scope="module", params=["gaussian", "masking", "salt_and_pepper"])
def job(request, tmp_path_factory):
    """A small run: its noise, result, printed lines and picture file."""
    noise = Noise(request.param, _demo.DEFAULT_LEVELS[request.param])
    out, stream = tmp_path_factory.mktemp("demo") / "picture.png", io.StringIO()
    result = run(noise, out, stream=stream, **SMALL)
    return noise, result, stream.getvalue().splitlines(), out


def test_table_is_what_recomputation_gives(job):
    _, result, lines, _ = job
    clean = result.pictures["clean"]
    for name in METHODS:
        (row,) = [line for line in lines if line.startswith(f"  {name} ")]
        shown = [float(word) for word in row.removeprefix(f"  {name}").split()]
        picture = result.pictures[name]
        expected = [psnr(clean, picture), structural_similarity(clean, picture, data_range=1)]
        assert shown[0] == pytest.approx(expected[0], abs=0.006)
        assert shown[1] == pytest.approx(expected[1], abs=0.0006)


def test_training_is_reported(job):
    _, result, lines, out = job
    assert any("20,000 of 20,000 patches" in line and "patches/s" in line for line in lines)
    (row,) = [line for line in lines if line.startswith("  training:")]
    assert "20,000 samples in" in row and row.endswith("samples per second")
    assert result.seconds > 0
    assert lines[-1] == f"  picture: {out}"


def test_autoencoder_cleans(job):
    _, result, _, _ = job
    assert result.scores["autoencoder"][0] > result.scores["noisy"][0] + 3
    assert result.scores["autoencoder"][1] > result.scores["noisy"][1] + 0.1


def test_noisy_picture(job):
    noise, result, _, _ = job
    clean, noisy = result.pictures["clean"], result.pictures["noisy"]
    assert noisy.min() >= 0 and noisy.max() <= 1
    if noise.kind == "gaussian":
        inner = (clean > 0.4) & (clean < 0.6)  # where clipping plays no part
        assert np.std((noisy - clean)[inner]) == pytest.approx(noise.level, rel=0.02)
        return
    hit = noisy != clean
    assert hit.mean() == pytest.approx(noise.level, rel=0.02)
    values = {0.0} if noise.kind == "masking" else {0.0, 1.0}
    assert set(np.unique(noisy[hit]).tolist()) == values
    for name in METHODS:  # no method has altered a pixel that the noise left alone
        untouched = ~noise.lost(noisy)
        np.testing.assert_array_equal(result.pictures[name][untouched], clean[untouched])


def test_picture_file(job):
    _, result, _, out = job
    height, width = result.pictures["clean"].shape
    with Image.open(out) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[0] > 2 * height and pixels.shape[1] > 4 * width
    assert pixels.std() > 10
    assert os.listdir(out.parent) == [out.name]


def test_same_numbers_for_any_number_of_threads(tmp_path):
    noise = Noise("gaussian", 0.1)
    runs = [
        run(noise, tmp_path / "p.png", seed=5, n_jobs=n, stream=io.StringIO(), **SMALL)
        for n in (1, 2)
    ]
    assert runs[0].scores == runs[1].scores


def test_centred_counts_only_what_is_left():
    noisy = np.array([[0.0, 0.2, 0.4, 0.0], [1.0, 1.0, 1.0, 1.0]], dtype=np.float32)
    lost = np.array([[True, False, False, True], [True, True, True, True]])
    shown, mean = centred(noisy, lost)
    np.testing.assert_allclose(mean, [[0.3], [1.0]], rtol=1e-6)
    np.testing.assert_allclose(shown, [[0, -0.1, 0.1, 0], [0, 0, 0, 0]], atol=1e-7)
    assert shown.dtype == np.float32


def test_filter_tiles():
    filters = np.zeros((3, 64))
    filters[0, 0], filters[1, 63], filters[1, 5] = 1.0, -4.0, 2.0
    tiles = filter_tiles(filters)
    assert tiles.shape == (17, 17)
    assert tiles[7, 7] == -1 and tiles[0, 5] == 0.5  # the largest first, by its own maximum
    assert tiles[0, 9] == 1
    assert np.isnan(tiles[8]).all() and np.isnan(tiles[:, 8]).all()
    assert (tiles[9:, :8] == 0).all()  # a filter of zeros is no division by zero


# ------------------------------------------------------------------ command line


def test_main(tmp_path, capsys):
    out = tmp_path / "picture.jpg"
    out.write_text("an older one")
    arguments = ["--noise", "masking", "--level", "0.2", "--seed", "3", "--n-jobs", "1"]
    assert main([*arguments, "--out", str(out)], n_patches=1_000, stride=8) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "masking noise of level 0.2" in printed.out
    assert printed.out.endswith(f"  picture: {out}\n")
    with Image.open(out) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--noise", "rain"], "--noise: invalid choice: 'rain'"),
        (["--level", "0"], "--level: should be a number from 0.001 to 0.999, got 0"),
        (["--level", "25"], "--level: should be a number"),
        (["--level", "nan"], "--level: should be a number"),
        (["--level", "much"], "--level: should be a number"),
        (["--seed", "-1"], "--seed: should be an integer from 0"),
        (["--seed", "1.5"], "--seed: should be an integer from 0"),
        (["--n-jobs", "0"], "--n-jobs: should be 1 or more, or -1 for all cores, got 0"),
        (["--n-jobs", "two"], "--n-jobs: should be an integer"),
        (["--out", "picture.docx"], "--out: should end in one of .png"),
        (["--out", "picture"], "--out: should end in one of .png"),
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


def test_ctrl_c(tmp_path, capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(_demo, "train", interrupted)
    assert main(["--out", str(tmp_path / "picture.png")]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert os.listdir(tmp_path) == []


def test_failed_write_leaves_the_old_picture(tmp_path, capsys, monkeypatch):
    out = tmp_path / "picture.png"
    out.write_text("an older one")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["--out", str(out)], n_patches=1_000, stride=8) == 1
    assert "No space left" in capsys.readouterr().err
    assert out.read_text() == "an older one"
    assert os.listdir(tmp_path) == [out.name]


def test_terminal_gets_one_line_that_is_written_over():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    progress = _demo.Progress(300, stream)
    for done in (100, 200, 300):
        progress.show(done, loss=0.5)
    assert stream.getvalue().count("\r") == 3
    assert stream.getvalue().count("\n") == 1 and stream.getvalue().endswith("\n")


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "dae", "--level", "2"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr.count("\n") == 1
