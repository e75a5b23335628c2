"""The command ``dae``: what it writes, what it leaves alone, what it says."""

import io
import os
import signal
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from dae import StackedDenoisingAutoencoder
from dae._cli import _denoise, main
from dae._cli._process import ended_as_by_ctrl_c
from dae._version import __version__
from dae.image import ImageDenoiser
from dae.image._io import read

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (30, 40), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)
MAIN = "import sys; from dae._cli import main; sys.exit(main())"  # what `dae` runs


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small denoiser of one level, and of many."""
    folder = tmp_path_factory.mktemp("models")
    small = StackedDenoisingAutoencoder((8,), corruption=None, fine_tune=True)
    for name, level in (("one", 0.1), ("many", (0.02, 0.2))):
        denoiser = ImageDenoiser(
            level=level, patch_size=6, n_patches=300, random_state=0, autoencoder=small
        )
        denoiser.fit([GREY]).save(folder / f"{name}.npz")
    return folder


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    (folder / "more").mkdir(parents=True)
    Image.fromarray(GREY).save(folder / "grey.png")
    Image.fromarray(COLOUR).save(folder / "more" / "colour.tif")
    (folder / "notes.txt").write_text("no picture")
    return folder


def run(*arguments):
    return main([str(argument) for argument in arguments])


def error_of(capsys):
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith("dae")
    return printed.err


# ------------------------------------------------------------------ dae denoise


def test_one_file(folder, model, capsys):
    out = folder / "clean.png"
    assert run("denoise", folder / "grey.png", "-o", out, "--model", model / "many.npz") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith("1 picture cleaned in ") and "sigma" in printed.out
    denoiser = ImageDenoiser.load(model / "many.npz")
    np.testing.assert_array_equal(read(out)[0], denoiser.transform(GREY))


def test_without_a_model_of_ones_own(folder):
    """The bundled one."""
    target = folder.parent / "clean.png"
    assert run("denoise", folder / "grey.png", "-o", target) == 0
    assert read(target)[0].shape == GREY.shape


def test_sigma(folder, model):
    out = folder / "clean.png"
    common = ["denoise", folder / "grey.png", "-o", out, "--model", model / "many.npz"]
    assert run(*common, "--sigma", "12.75") == 0
    expected = ImageDenoiser.load(model / "many.npz").transform(GREY, sigma=0.05)
    np.testing.assert_array_equal(read(out)[0], expected)


def test_a_folder(folder, model, capsys):
    out = folder.parent / "out"
    assert run("denoise", folder, "-o", out, "--model", model / "one.npz", "--stride", 5) == 0
    assert "2 pictures cleaned" in capsys.readouterr().out
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found == {"grey.png", "more/colour.tif"}
    assert read(out / "more" / "colour.tif")[0].shape == COLOUR.shape


def test_in_place(folder, model):
    before = (folder / "notes.txt").read_bytes()
    assert run("denoise", folder, "--in-place", "--model", model / "one.npz") == 0
    assert (read(folder / "grey.png")[0] != GREY).any()
    assert (folder / "notes.txt").read_bytes() == before
    assert sorted(os.listdir(folder)) == ["grey.png", "more", "notes.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grey.png"], "say where to write: -o OUT, or --in-place"),
        (["grey.png", "-o", "x.png", "--in-place"], "say where to write"),
        (["grey.png", "-o", "grey.png", "--overwrite"], "would be replaced; choose another -o"),
        ([".", "-o", "."], "would be replaced"),
        (["grey.png", "-o", "there.png"], "there.png already exists; pass --overwrite"),
        (["grey.png", "grey.png", "-o", "x"], "two inputs would be written to"),
        (["grey.png", "more/colour.tif", "-o", "there.png"], "is a file; several pictures need"),
        (["grey.png", "more/colour.tif", "-o", "x.png"], "x.png is the name of a picture; several"),
        ([".", "-o", "x.tif"], "x.tif is the name of a picture; several pictures need a folder"),
        (["no.png", "-o", "x.png"], "no.png: No such file or folder"),
        (["empty", "-o", "x"], "holds no pictures: no file ends in one of .png"),
        (["notes.txt", "-o", "x"], "must end in one of .png"),
        (["grey.png", "-o", "x.gif"], "x.gif must end in one of .png"),
        (["grey.png", "-o", "notes.txt/x.png"], "notes.txt is a file"),
        (
            ["grey.png", "-o", "x.png", "--model", "notes.txt"],
            "notes.txt is not a model file of dae",
        ),
        (["grey.png", "-o", "x.png", "--model", "no.npz"], "no.npz: No such file or directory"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_stops_before_anything_is_written(
    folder, model, capsys, monkeypatch, arguments, message
):
    monkeypatch.chdir(folder)
    os.mkdir("empty")
    (folder / "there.png").write_bytes(b"an older one")
    if "--model" not in arguments:
        arguments = [*arguments, "--model", model / "one.npz"]
    assert run("denoise", *arguments) == 1
    assert message in error_of(capsys)
    assert (folder / "there.png").read_bytes() == b"an older one"
    np.testing.assert_array_equal(read(folder / "grey.png")[0], GREY)
    assert sorted(os.listdir(folder)) == ["empty", "grey.png", "more", "notes.txt", "there.png"]


def test_a_bad_picture_does_not_stop_the_others(folder, model, capsys):
    whole = (folder / "grey.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("no picture")
    Image.fromarray(GREY[:3]).save(folder / "small.png")
    out = folder.parent / "out"
    assert run("denoise", folder, "-o", out, "--model", model / "one.npz") == 1
    printed = capsys.readouterr()
    errors = printed.err.splitlines()
    assert "cut.png cannot be read, it may be cut short" in printed.err
    assert "text.jpg is not a picture that Pillow can read" in printed.err
    assert "small.png" in printed.err and "less than a patch of 6 x 6" in printed.err
    assert len(errors) == 4 and errors[-1] == "3 of 5 failed"
    assert "2 pictures cleaned" in printed.out
    found = sorted(path.name for path in out.rglob("*") if path.is_file())
    assert found == ["colour.tif", "grey.png"]


def test_a_failed_write_leaves_the_old_picture(folder, model, capsys, monkeypatch):
    out = folder / "old.png"
    out.write_bytes(b"an older one")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    arguments = ["-o", out, "--overwrite", "--model", model / "one.npz"]
    assert run("denoise", folder / "grey.png", *arguments) == 1
    assert "No space left" in capsys.readouterr().err
    assert out.read_bytes() == b"an older one"
    assert sorted(os.listdir(folder)) == ["grey.png", "more", "notes.txt", "old.png"]


def test_a_model_of_one_level_is_not_told(folder, model, capsys):
    arguments = ["-o", folder / "x.png", "--model", model / "one.npz", "--sigma", "25"]
    assert run("denoise", folder / "grey.png", *arguments) == 1
    assert "--sigma needs a model for a range of levels" in capsys.readouterr().err


def test_ctrl_c(folder, model, capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_denoise, "clean_file", interrupted)
    out = folder / "x.png"
    assert run("denoise", folder / "grey.png", "-o", out, "--model", model / "one.npz") == 130
    assert "interrupted" in error_of(capsys)
    assert not out.exists()


def test_progress_is_for_terminals():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream, terminal = io.StringIO(), Terminal()
    for where in (stream, terminal):
        progress = _denoise.Progress(3, where)
        progress.show(1, "picture.png")
        progress.clear()
    assert stream.getvalue() == ""
    assert "1 of 3  picture.png" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K")
    assert "s left" not in terminal.getvalue()


def test_progress_on_a_terminal_that_was_closed():
    class Closed(io.StringIO):
        def isatty(self):
            return True

        def write(self, text):
            raise OSError(5, "Input/output error")

    progress = _denoise.Progress(3, Closed())
    progress.show(1, "picture.png")
    progress.clear()
    assert not progress.visible


def test_a_long_job_says_how_long_it_will_take(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    progress = _denoise.Progress(4, Terminal())
    now[0] += 30
    progress.show_part(1, "large.png", 0.5)  # 1.5 of 4 pictures in 30 s
    assert "1 of 4  large.png  50 s left" in progress.stream.getvalue()


# ------------------------------------------------------------------ dae train, dae demo


def test_train(folder, capsys, monkeypatch):
    def small(noise):
        return StackedDenoisingAutoencoder((8,), corruption=None, fine_tune=True)

    monkeypatch.setattr("dae.image._training.default_autoencoder", small)
    os.rename(folder / "more" / "colour.tif", folder.parent / "colour.tif")
    out = folder / "model.npz"
    arguments = ["train", folder, "-o", out, "--patches", 500, "--level", 10, 30]
    assert run(*arguments) == 0
    printed = capsys.readouterr().out
    assert "500 of 500 patches" in printed and "trained on 500 patches of 1 picture in" in printed
    denoiser = ImageDenoiser.load(out)
    assert denoiser.level_ == pytest.approx((10 / 255, 30 / 255))
    assert run(*arguments) == 1
    assert "model.npz already exists; pass --overwrite" in capsys.readouterr().err
    assert run(*arguments, "--overwrite", "--noise", "masking", "--level", "0.5") == 0
    assert ImageDenoiser.load(out).noise == "masking"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no", "-o", "m.npz"], "no is not a folder."),
        ([".", "-o", "m.pkl"], "m.pkl must end in .npz"),
        ([".", "-o", "no/m.npz"], "folder no does not exist; create it first"),
        (["empty", "-o", "m.npz"], "empty holds no pictures"),
        ([".", "-o", "folder.npz", "--overwrite"], "folder.npz is a folder"),
        ([".", "-o", "m.npz", "--level", "30", "10"], "the lowest and the highest"),
        (
            [".", "-o", "m.npz"],
            f"grey.png is grey, {Path('more/colour.tif')} is RGB. Train on pictures of one kind",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_stops_a_training(folder, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    os.mkdir("empty")
    os.mkdir("folder.npz")
    assert run("train", *arguments) == 1
    assert message in error_of(capsys)
    assert not (folder / "m.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["wash"], "invalid choice: 'wash'"),
        (["denoise"], "IN"),
        (
            ["denoise", "a", "--sigma", "loud"],
            "must be auto, or a number from 0 to 255, got loud",
        ),
        (["denoise", "a", "--stride", "0"], "must be an integer from 1 to 64, got 0"),
        (["denoise", "a", "--n-jobs", "0"], "must be 1 or more, or -1 for all cores"),
        (["train", "a"], "-o/--output"),
    ],
    ids=str,
)
def test_wrong_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert message in error_of(capsys)


def test_demo_receives_the_options(capsys):
    with pytest.raises(SystemExit) as ended:
        run("demo", "--seed", "-2")
    assert ended.value.code == 2
    assert "--seed: must be an integer from 0" in capsys.readouterr().err


def test_as_a_process():
    command = [sys.executable, "-c", MAIN, "denoise", "no.png", "-o", "x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "dae: error: no.png: No such file or folder\n"


def test_without_pillow(monkeypatch, folder, model, capsys):
    monkeypatch.setitem(sys.modules, "PIL", None)
    out = folder / "x.png"
    assert run("denoise", folder / "grey.png", "-o", out, "--model", model / "one.npz") == 1
    assert 'pip install "daecore[image]"' in error_of(capsys)


# ------------------------------------------------------------------ what must not stop the rest


def odd_tiff(path):
    """A TIFF with a second directory that has no width: Pillow raises TypeError."""
    Image.fromarray(GREY).save(path)
    raw = bytearray(path.read_bytes())
    (at,) = struct.unpack("<I", raw[4:8])
    (n_tags,) = struct.unpack("<H", raw[at : at + 2])
    raw[at + 2 + 12 * n_tags : at + 6 + 12 * n_tags] = struct.pack("<I", len(raw))
    raw += struct.pack("<HHHIII", 1, 305, 2, 1, 0, 0)
    path.write_bytes(raw)


def set_tag(path, tag, value):
    """Give a tag of a TIFF, an integer, another value."""
    raw = bytearray(path.read_bytes())
    (at,) = struct.unpack("<I", raw[4:8])
    (n_tags,) = struct.unpack("<H", raw[at : at + 2])
    for start in range(at + 2, at + 2 + 12 * n_tags, 12):
        if struct.unpack("<H", raw[start : start + 2]) == (tag,):
            raw[start + 8 : start + 12] = struct.pack("<I", value)
    path.write_bytes(raw)


def test_what_decoders_raise_is_one_line(folder, model, capsys):
    odd_tiff(folder / "a.tif")
    out = folder.parent / "out"
    assert run("denoise", folder, "-o", out, "--model", model / "one.npz") == 1
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert len(lines) == 2 and "a.tif" in lines[0] and lines[1] == "1 of 3 failed"
    assert "2 pictures cleaned" in printed.out and (out / "grey.png").exists()


@pytest.mark.parametrize("error", [struct.error, SyntaxError, OverflowError, RuntimeError])
def test_what_encoders_raise_is_one_line(folder, model, capsys, monkeypatch, error):
    save = Image.Image.save

    def failing(image, file, format=None, **options):
        if format == "TIFF":
            raise error("odd\nthing")
        save(image, file, format=format, **options)

    monkeypatch.setattr(Image.Image, "save", failing)
    out = folder.parent / "out"
    assert run("denoise", folder, "-o", out, "--model", model / "one.npz") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "colour.tif" in lines[0] and "odd thing" in lines[0]
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["grey.png"]


def test_pillow_adds_no_lines_to_stderr(folder, model):
    """Its logger speaks of many samples, its warnings of EXIF that is no EXIF."""
    Image.fromarray(COLOUR).save(folder / "many.tif")
    set_tag(folder / "many.tif", 277, 86)
    exif = Image.Exif()
    exif[270] = "text"
    data = bytearray(exif.tobytes())
    data[data.index(struct.pack(">H", 270)) + 2 :] = b"\xff" * 10
    Image.fromarray(GREY).save(folder / "exif.jpg", exif=bytes(data))
    arguments = [folder, "-o", folder.parent / "out", "--model", model / "one.npz"]
    command = [sys.executable, "-W", "always", "-c", MAIN, "denoise", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and "3 pictures cleaned" in done.stdout
    assert len(lines) == 2 and lines[0].startswith("dae: error: ") and "many.tif" in lines[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
@pytest.mark.parametrize("where", ["model", "input"])
def test_a_pipe_is_not_waited_for(folder, where):
    os.mkfifo(folder / "pipe.png")
    given = [folder / "pipe.png", "-o", folder / "x.png"]
    if where == "model":
        given = [folder / "grey.png", "-o", folder / "x.png", "--model", folder / "pipe.png"]
    command = [sys.executable, "-c", MAIN, "denoise", *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "pipe.png is a pipe or a device" in done.stderr


def test_a_folder_as_model(folder, capsys):
    arguments = ["-o", folder / "x.png", "--model", folder]
    assert run("denoise", folder / "grey.png", *arguments) == 1
    assert "is a folder; --model must be a regular file" in error_of(capsys)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("20", "sigma 20.0:"),
        ("0", "sigma 0.0:"),  # the picture is unchanged
        ("200", "sigma 51.0:"),
    ],
)
def test_the_summary_tells_the_sigma_that_was_used(folder, model, capsys, asked, shown):
    arguments = ["-o", folder / "x.png", "--model", model / "many.npz", "--sigma", asked]
    assert run("denoise", folder / "grey.png", *arguments) == 0
    printed = capsys.readouterr().out
    assert shown in printed
    unchanged = (read(folder / "x.png")[0] == GREY).all()
    assert unchanged == (asked == "0")
    assert ("sigma 200 is outside the levels of the model" in printed) == (asked == "200")


def test_the_summary_says_what_was_converted(folder, model, capsys):
    Image.fromarray(COLOUR).quantize(16).save(folder / "palette.png")
    arguments = ["-o", folder.parent / "out", "--model", model / "one.npz"]
    assert run("denoise", folder / "palette.png", *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("  ") and "palette" in lines[1]
    assert run("denoise", folder, *arguments, "--overwrite") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 pictures cleaned")
    assert len(lines) == 2 and lines[1].startswith("  1 of 3 files: ") and "palette" in lines[1]


def test_webp_is_found_in_folders(folder, model, capsys):
    Image.fromarray(COLOUR).save(folder / "photo.webp", lossless=True)
    out = folder.parent / "out"
    assert run("denoise", folder, "-o", out, "--model", model / "one.npz") == 0
    assert "3 pictures cleaned" in capsys.readouterr().out
    assert read(out / "photo.webp")[0].shape == COLOUR.shape


def test_each_page_of_a_stack_is_a_picture(folder, model, capsys):
    Image.fromarray(GREY).save(
        folder / "stack.tif", save_all=True, append_images=[Image.fromarray(GREY[::-1])]
    )
    arguments = ["-o", folder.parent / "x.tif", "--model", model / "one.npz"]
    assert run("denoise", folder / "stack.tif", *arguments) == 0
    assert capsys.readouterr().out.startswith("2 pictures cleaned")


def test_an_output_folder_is_no_input_the_second_time(folder, model, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    arguments = ["denoise", ".", "-o", "out", "--model", model / "one.npz"]
    assert run(*arguments) == 0
    assert run(*arguments, "--overwrite") == 0
    assert capsys.readouterr().out.count("2 pictures cleaned") == 2
    assert run(*arguments) == 1
    assert "already exists; pass --overwrite" in error_of(capsys)
    assert not (folder / "out" / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need permission")
def test_a_link_to_a_picture_beside_it_is_the_same_picture(folder, model, capsys):
    (folder / "a.png").symlink_to("grey.png")  # in the order of names, before the file
    (folder / "z.png").symlink_to("a.png")
    expected = folder.parent / "expected.png"
    settings = ["--model", model / "one.npz"]
    assert run("denoise", folder / "grey.png", "-o", expected, *settings) == 0
    capsys.readouterr()
    assert run("denoise", folder, folder / "z.png", "--in-place", *settings) == 0
    assert "2 pictures cleaned" in capsys.readouterr().out  # the other is more/colour.tif
    np.testing.assert_array_equal(read(folder / "grey.png")[0], read(expected)[0])
    assert (folder / "a.png").is_symlink() and (folder / "z.png").is_symlink()
    assert not (folder / "grey.png").is_symlink()


def test_hidden_files_are_left_alone(folder, model, capsys, monkeypatch):
    """Those that macOS puts beside a picture are none, whatever their names end in."""
    hidden = [".old.png", ".thumbnails/a.png", "more/._colour.tif", "__MACOSX/._grey.png"]
    for name in hidden:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"Mac OS X")
    monkeypatch.chdir(folder)  # "." is no hidden folder
    out = folder.parent / ".out"
    assert run("denoise", ".", "-o", out, "--model", model / "one.npz") == 0
    printed = capsys.readouterr()
    assert "2 pictures cleaned" in printed.out and printed.err == ""
    assert run("denoise", out, "--in-place", "--model", model / "one.npz") == 0  # named
    (folder / "grey.png").unlink()
    (folder / "more" / "colour.tif").unlink()
    capsys.readouterr()
    assert run("denoise", ".", "--in-place", "--model", model / "one.npz") == 1
    assert "holds no pictures" in error_of(capsys)
    assert all((folder / name).read_bytes() == b"Mac OS X" for name in hidden)


def test_quality_of_jpeg(folder, model):
    sizes = []
    for quality in ("20", "98"):
        out = folder.parent / f"{quality}.jpg"
        arguments = ["-o", out, "--model", model / "one.npz", "--quality", quality]
        assert run("denoise", folder / "grey.png", *arguments) == 0
        sizes.append(out.stat().st_size)
    assert sizes[0] < sizes[1] / 1.5


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        run("--version")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"dae {__version__}\n"


# ------------------------------------------------------------------ training that ends early


@pytest.fixture
def train(folder, monkeypatch):
    """``dae train`` of a small network on one grey picture, in several blocks of patches."""

    def small(noise):
        return StackedDenoisingAutoencoder((4,), corruption=None, fine_tune=True)

    monkeypatch.setattr("dae.image._training.default_autoencoder", small)
    (folder / "more" / "colour.tif").unlink()
    out = folder.parent / "model.npz"
    return out, lambda *options: run("train", folder, "-o", out, "--patches", 80_000, *options)


def interrupt(monkeypatch, block):
    """Raise KeyboardInterrupt once, in that block of patches."""
    left, partial_fit = [block], StackedDenoisingAutoencoder.partial_fit

    def interrupted(self, *args, **kwargs):
        left[0] -= 1
        if left[0] == -1:
            raise KeyboardInterrupt
        return partial_fit(self, *args, **kwargs)

    monkeypatch.setattr(StackedDenoisingAutoencoder, "partial_fit", interrupted)


def test_ctrl_c_keeps_the_training_so_far(train, capsys, monkeypatch):
    interrupt(monkeypatch, 2)
    out, dae_train = train
    assert dae_train() == 130
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "interrupted after 65,536 of 80,000 patches" in lines[0]
    denoiser = ImageDenoiser.load(out)
    assert denoiser.n_patches_ == 65_536
    assert denoiser.transform(GREY).shape == GREY.shape


def test_ctrl_c_without_standard_output(train, capsys, monkeypatch):
    interrupt(monkeypatch, 1)
    monkeypatch.setattr(sys, "stdout", None)
    out, dae_train = train
    assert dae_train() == 130
    assert "interrupted after 32,768" in capsys.readouterr().err
    assert ImageDenoiser.load(out).n_patches_ == 32_768


def test_ctrl_c_before_anything_is_learned(train, capsys, monkeypatch):
    interrupt(monkeypatch, 0)
    out, dae_train = train
    assert dae_train() == 130
    assert "interrupted" in error_of(capsys) and not out.exists()


@pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent to one process")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_keeps_the_training_so_far(folder, name):
    """Of a batch system at its time limit, or of a terminal that is closed; twice, as it may be."""
    (folder / "more" / "colour.tif").unlink()
    out = folder.parent / "model.npz"
    script = f"""
        import os, signal, sys
        import dae.image._training as training
        from dae import StackedDenoisingAutoencoder as Stack
        from dae._cli import main
        from dae.image import ImageDenoiser

        signal.signal(signal.{name}, signal.SIG_DFL)  # a parent may ignore it
        training.BLOCK = 300
        training.default_autoencoder = lambda noise: Stack((4,), corruption=None, fine_tune=True)
        left, partial_fit, save = [2], Stack.partial_fit, ImageDenoiser.save

        def killed(self, *args, **kwargs):
            left[0] -= 1
            if left[0] == -1:
                os.kill(os.getpid(), signal.{name})
            return partial_fit(self, *args, **kwargs)

        def killed_again(self, path):
            os.kill(os.getpid(), signal.SIGTERM)
            save(self, path)

        Stack.partial_fit, ImageDenoiser.save = killed, killed_again
        sys.exit(main(sys.argv[1:]))
        """
    command = [sys.executable, "-c", textwrap.dedent(script), "train", folder, "-o", out]
    command += ["--patches", "900"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 128 + getattr(signal, name), done.stderr
    assert "interrupted after 600 of 900 patches" in done.stderr
    assert ImageDenoiser.load(out).n_patches_ == 600


@pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent to one process")
def test_signals_are_left_as_they_were():
    numbers = signal.SIGTERM, signal.SIGHUP
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    try:
        with pytest.raises(KeyboardInterrupt), ended_as_by_ctrl_c() as received:
            signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGTERM]
        assert [signal.getsignal(number) for number in numbers] == [signal.SIG_DFL] * 2
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with ended_as_by_ctrl_c() as received:
            signal.raise_signal(signal.SIGHUP)
        assert received == [] and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@pytest.mark.parametrize(
    "error", [BrokenPipeError(32, "Broken pipe"), OSError(5, "Input/output error")], ids=str
)
def test_a_closed_pipe_keeps_the_training_so_far(train, capsys, monkeypatch, error):
    class Closed(io.StringIO):
        def write(self, text):
            raise error

    out, dae_train = train
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Closed())
        assert dae_train() == 130
    assert "interrupted after 32,768 of 80,000 patches" in capsys.readouterr().err
    assert ImageDenoiser.load(out).n_patches_ == 32_768


def test_an_interrupted_fit_keeps_complete_blocks(monkeypatch):
    def denoiser():
        small = StackedDenoisingAutoencoder((4,), corruption=None, fine_tune=True)
        return ImageDenoiser(level=0.1, autoencoder=small, n_patches=80_000, random_state=0)

    expected = denoiser().partial_fit([GREY]).transform(GREY)  # the first block of `fit`
    interrupt(monkeypatch, 1)
    with pytest.warns(UserWarning, match="interrupted after 32,768 of n_patches=80,000"):
        fitted = denoiser().fit([GREY])
    np.testing.assert_array_equal(fitted.transform(GREY), expected)
    fresh = denoiser()
    interrupt(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        fresh.fit([GREY])
    assert not hasattr(fresh, "autoencoder_")


def test_odd_pictures_do_not_stop_a_training(folder, train, capsys):
    odd_tiff(folder / "a.tif")
    Image.fromarray(GREY.astype(np.float32)).save(folder / "b.tif")
    Image.fromarray(np.full((40, 40), np.nan, np.float32)).save(folder / "c.tif")
    Image.fromarray(GREY[:3]).save(folder / "small.png")
    out, dae_train = train
    assert dae_train("--patches", 500) == 1
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert len(lines) == 4 and "a.tif" in lines[0] and "small.png" in lines[3]
    assert "b.tif must have floats from 0 (black) to 1 (white)" in lines[1]
    assert "c.tif has NaN in 1600 places" in lines[2]
    assert "of 1 picture in" in printed.out and ImageDenoiser.load(out).n_patches_ == 500
    (folder / "grey.png").unlink()
    assert dae_train("--patches", 500, "--overwrite") == 1
    assert "none of 4 pictures can be trained on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--noise", "masking", "--level", "25"], "--level must be a share of the pixels below 1"),
        (["--level", "5", "10", "20"], "--level must be one number, or the lowest and the highest"),
    ],
    ids=["share", "three"],
)
def test_messages_about_levels_name_the_option(train, capsys, options, message):
    assert train[1](*options) == 1
    assert message in error_of(capsys)


@pytest.mark.parametrize("name", ["", "-"])
def test_names_that_are_no_files_are_refused(folder, capsys, monkeypatch, name):
    """An unset variable of the shell must not be the present folder."""
    monkeypatch.chdir(folder)
    before = (folder / "grey.png").read_bytes()
    for arguments in (["denoise", name, "--in-place"], ["denoise", "grey.png", "-o", name]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert "name" in error_of(capsys) or name == "-"
    assert (folder / "grey.png").read_bytes() == before
    assert not (folder / "-").exists()


def test_without_standard_output(folder, tmp_path, model, monkeypatch):
    """As under cron."""
    monkeypatch.setattr(sys, "stdout", None)
    out = tmp_path / "out.png"
    assert run("denoise", folder / "grey.png", "-o", out, "--model", model / "one.npz") == 0
    assert out.exists()


def test_without_standard_error(folder, tmp_path, model, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    out = tmp_path / "out.png"
    assert run("denoise", folder / "grey.png", "-o", out, "--model", model / "one.npz") == 0
    assert out.exists() and "1 picture cleaned" in capsys.readouterr().out
    assert run("denoise", folder / "no.png", "-o", out, "--model", model / "one.npz") == 1
    assert capsys.readouterr().out == ""  # no place for what went wrong
    assert sys.stderr is None


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_with_closed_descriptors(folder, tmp_path, model):
    """No file that is opened takes the place of standard error, where C libraries print."""
    script = """
        import sys
        from dae import _files
        from dae._cli import main

        fill = _files._fill

        def watched(file, *rest):
            assert file.fileno() > 2
            fill(file, *rest)

        _files._fill = watched
        sys.exit(main())
        """
    out = tmp_path / "out.png"
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c"]
    command += [textwrap.dedent(script), "denoise", folder / "grey.png", "-o", out]
    done = subprocess.run([*command, "--model", model / "one.npz"], timeout=60)
    assert done.returncode == 0
    assert read(out)[0].shape == GREY.shape


@pytest.mark.parametrize("name", ["\u56f3", "\udcff"])
def test_a_name_that_standard_output_cannot_encode(folder, model, capsys, monkeypatch, name):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stdout)
    out = folder.parent / name
    assert run("denoise", folder, "-o", out, "--model", model / "one.npz") == 0
    assert capsys.readouterr().err == ""
    printed = stdout.buffer.getvalue().decode("cp1252")
    assert "2 pictures cleaned" in printed and f"\\u{ord(name):x}" in printed
    assert (out / "grey.png").exists() and stdout.errors == "strict"


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_lossy_file_that_is_clean_is_copied(tmp_path, model, suffix):
    smooth = np.tile(np.linspace(20, 230, 64).astype(np.uint8), (48, 1))
    path, out = tmp_path / f"clean{suffix}", tmp_path / f"out{suffix}"
    Image.fromarray(smooth).save(path, quality=80)
    settings = ("--model", model / "many.npz", "--sigma", "0")
    assert run("denoise", path, "-o", out, *settings) == 0
    assert out.read_bytes() == path.read_bytes()
    assert run("denoise", path, "--in-place", *settings) == 0
    assert out.read_bytes() == path.read_bytes()
