"""Model files: what goes in comes out, and what was touched is refused."""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from sklearn.base import clone

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder, _files
from dae._files import write_whole
from dae.image import ImageDenoiser, _model_file

PICTURE = np.random.default_rng(0).random((40, 50))

DEEP = StackedDenoisingAutoencoder((9, 5), tied_weights=False, fine_tune=True, corruption=None)


def fitted(autoencoder=DEEP, **parameters):
    defaults = {"patch_size": 6, "n_patches": 300, "level": (0.1, 0.2), "random_state": 0}
    return ImageDenoiser(autoencoder=autoencoder, **(defaults | parameters)).fit([PICTURE])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.npz"
    fitted().save(path)
    return path


def contents(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def rewrite(path, *, sign=True, **changes):
    """The same file with other entries; with `sign`, by somebody who knows the checksum."""
    entries = {**contents(path), **changes}
    arrays = [entries[f"a{number}"] for number in range(len(entries) - 2)]
    if sign:
        entries["sha256"] = _model_file._checksum(str(entries["header"]), arrays)
    np.savez(path, **entries)


def change_header(path, change):
    header = json.loads(str(contents(path)["header"]))
    change(header)
    rewrite(path, header=json.dumps(header))


# ------------------------------------------------------------------ there and back


@pytest.mark.parametrize(
    "autoencoder",
    [
        DEEP,
        DenoisingAutoencoder(n_components=4),
        DenoisingAutoencoder(n_components=4, tied_weights=False, activation="tanh"),
    ],
    ids=["deep", "tied", "free"],
)
@pytest.mark.parametrize("noise", ["gaussian", "masking"])
def test_there_and_back(tmp_path, autoencoder, noise):
    denoiser = fitted(autoencoder, noise=noise)
    denoiser.save(tmp_path / "model.npz")
    twin = ImageDenoiser.load(str(tmp_path / "model.npz"))
    np.testing.assert_array_equal(twin.transform(PICTURE), denoiser.transform(PICTURE))
    assert twin.loss_curve_ == denoiser.loss_curve_
    assert twin.level_ == (0.1, 0.2) and twin.level == (0.1, 0.2)
    assert type(twin.autoencoder) is type(autoencoder)
    twin.partial_fit([PICTURE])  # training goes on, with fresh moments


def test_only_the_weights_are_large(path):
    size = sum(array.size for name, array in contents(path).items() if name[0] == "a")
    assert size == 2 * (37 + 9) * 16 + (9 + 5 + 37 + 9)  # padded rows; no moments of the solver


def test_an_old_file_is_replaced_or_left(path, monkeypatch):
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            fitted(random_state=1).save(path)
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]
    fitted(random_state=1).save(path)
    assert path.read_bytes() != before and os.listdir(path.parent) == [path.name]


def test_the_pretrained_model():
    denoiser = ImageDenoiser.pretrained()
    assert denoiser.noise == "gaussian" and denoiser.tells_level
    # a scene of its own: discs and a slope, 25 grey levels of noise
    rows, columns = np.mgrid[:120, :120]
    clean = 0.3 + rows / 400 + 0.3 * (np.hypot(rows % 60 - 30, columns % 60 - 30) < 20)
    noisy = clean + np.random.default_rng(0).normal(scale=25 / 255, size=clean.shape)
    error = np.mean((denoiser.transform(noisy) - clean) ** 2)
    assert -10 * np.log10(error) > 29  # 20 before


def test_the_pretrained_model_is_an_estimator_like_any_other():
    """Whatever parameters have been added since its file was written."""
    denoiser = ImageDenoiser.pretrained()
    assert set(denoiser.get_params()) >= set(ImageDenoiser().get_params(deep=False))
    assert clone(denoiser.set_params(stride=4)).stride == 4
    assert "stride=4" in repr(denoiser)


def test_a_parameter_that_the_file_does_not_know(tmp_path):
    """It is at its default."""
    path = tmp_path / "model.npz"
    fitted().save(path)

    def forget(header):
        pairs = header["model"]["state"]["dict"]
        pairs[:] = [pair for pair in pairs if pair[0] != "warm_start"]

    change_header(path, forget)
    assert ImageDenoiser.load(path).warm_start is False


# ------------------------------------------------------------------ refused


def test_not_a_model(tmp_path):
    path = tmp_path / "model.npz"
    with pytest.raises(FileNotFoundError):
        ImageDenoiser.load(path)
    for content in (b"", b"hello", b"PK\x03\x04 and nothing more"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"model.npz is not a model file of dae"):
            ImageDenoiser.load(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ValueError, match="it has no header"):
        ImageDenoiser.load(path)
    np.savez(path, header="[1, 2", sha256="")
    with pytest.raises(ValueError, match="its header cannot be read"):
        ImageDenoiser.load(path)
    np.savez(path, header=json.dumps({"format": "tar", "format_version": 1, "model": 0}), sha256="")
    with pytest.raises(ValueError, match="its format is 'tar'"):
        ImageDenoiser.load(path)
    np.savez(path, header=np.array([{}], dtype=object), sha256="")
    with pytest.raises(ValueError, match="is not a model file of dae"):
        ImageDenoiser.load(path)


def test_cut_short(path):
    whole = path.read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="was cut short or changed"):
            ImageDenoiser.load(path)


def test_every_changed_byte_is_noticed(path):
    whole = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        info = max(file.infolist(), key=lambda entry: entry.file_size)
    for place in (info.header_offset + 300, len(whole) // 3):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="cut short or changed|checksum is wrong"):
            ImageDenoiser.load(path)


def test_every_changed_byte_of_the_list_of_contents_is_noticed(path):
    """Or does not matter; zipfile and NumPy have many errors of their own."""
    whole = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        start = file.start_dir
    noticed = 0
    for place in range(start, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            ImageDenoiser.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            noticed += 1
    assert noticed > 50


def test_one_array_is_no_model(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="is not a model file of dae: it holds one array"):
        ImageDenoiser.load(path)


def test_a_header_that_does_not_end(path):
    rewrite(path, header='{"format": ' + "[" * 100_000)
    with pytest.raises(ValueError, match="its header cannot be read"):
        ImageDenoiser.load(path)


def test_changed_weights(path):
    array = contents(path)["a0"]
    rewrite(path, sign=False, a0=array + 1)
    with pytest.raises(
        ValueError, match="its checksum is wrong. Save the model again, or get another"
    ):
        ImageDenoiser.load(path)


def test_another_version(path):
    change_header(path, lambda header: header.update(format_version=99, dae_version="7.0"))
    with pytest.raises(ValueError, match=r"version 99 of the model format, .* reads version 1"):
        ImageDenoiser.load(path)


def test_a_class_that_is_not_ours(path):
    change_header(path, lambda header: header["model"].update({"class": "Popen"}))
    with pytest.raises(ValueError, match="changed or damaged"):
        ImageDenoiser.load(path)


def test_another_estimator(path):
    def only_the_network(header):
        state = dict(map(tuple, header["model"]["state"]["dict"]))
        header["model"] = state["autoencoder_"]

    change_header(path, only_the_network)
    with pytest.raises(ValueError, match="holds a StackedDenoisingAutoencoder, a ImageD"):
        ImageDenoiser.load(path)


def test_signed_nonsense_is_noticed_in_use(path):
    """Who can sign can write anything; nothing of it may reach the core unchecked."""
    whole = path.read_bytes()
    for name in ("a0", "a1", "a3", "a4", "a5", "a7"):  # the weights, and biases of what is decoded
        for change in (lambda a: a[:-1], lambda a: a.astype(np.float16), lambda a: a[None]):
            rewrite(path, **{name: change(contents(path)[name])})
            with pytest.raises(ValueError, match="damaged"):
                ImageDenoiser.load(path).transform(PICTURE)
            path.write_bytes(whole)


# ------------------------------------------------------------------ hostile files


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)


def npy_of(description, content=b""):
    """A member whose header is that text."""
    text = description.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


def refused(path, match="is not a model file of dae"):
    """Whether it is refused, in one sentence, and without much memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match) as caught:
            ImageDenoiser.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6 + 2 * path.stat().st_size
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("which", ["a0", "header", "sha256"])
def test_compressed_members_are_not_unpacked(tmp_path, which):
    path = tmp_path / "bomb.npz"
    header = json.dumps({"format": "dae image denoiser", "format_version": 1, "model": None})
    members = {name: npy(np.array(header)) for name in ("header", "sha256")}
    members["a0"] = npy(np.zeros(3))
    members[which] = npy(np.zeros(10**8, np.uint8) if which == "a0" else np.array("x" * 10**7))
    archive(path, {f"{name}.npy": c for name, c in members.items()}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**6
    refused(path, "is not a model file of dae: its members are compressed")


@pytest.mark.parametrize(
    "description",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (100000000000, 0, 5), }",
        "{'descr': '<U999999999', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ((, }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
        "",
    ],
)
@pytest.mark.parametrize("name", ["header", "a0"])
def test_nothing_is_allocated_on_the_word_of_an_array(path, name, description):
    with zipfile.ZipFile(path) as file:
        members = {info.filename: file.read(info) for info in file.infolist()}
    members[f"{name}.npy"] = npy_of(description, b"1234")
    archive(path, members)
    refused(path)


def test_sizes_of_members_are_checked_against_the_file(path):
    whole = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        start = file.start_dir
    for offset in (20, 24):  # compressed size, size
        whole[start + offset : start + offset + 4] = (2**31 - 1).to_bytes(4, "little")
    path.write_bytes(whole)
    refused(path)


def test_a_long_list_of_members(tmp_path):
    path = tmp_path / "many.npz"
    for n_members in (2_000, 30_000):
        archive(path, {f"a{number}.npy": b"" for number in range(n_members)})
        refused(path, "more than [0-9]+ (members|bytes)")


def test_a_long_header(path):
    rewrite(path, header=" " * 5 * 10**6)
    with pytest.raises(ValueError, match="its header has more than 16777216 bytes"):
        ImageDenoiser.load(path)


def test_members_that_no_model_has(path):
    with zipfile.ZipFile(path) as file:
        members = {info.filename: file.read(info) for info in file.infolist()}
    archive(path, {**members, "more.npy": npy(np.zeros(3))})
    refused(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile says it
        archive(path, members)
        with zipfile.ZipFile(path, "a") as file:
            file.writestr("a0.npy", members["a0.npy"])
    refused(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_does_not_wait(tmp_path):
    path = tmp_path / "pipe.npz"
    os.mkfifo(path)
    with pytest.raises(ValueError, match="pipe.npz is not a regular file"):
        ImageDenoiser.load(path)
    with pytest.raises(ValueError, match="is a folder"):
        ImageDenoiser.load(tmp_path)


def test_nobody_is_advised_to_load_unsafely(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError) as caught:
        ImageDenoiser.load(path)
    assert "pickle" not in str(caught.value)


def edit(path, place, value):
    """Change, add or (by ...) remove a value of the state; place goes into inner dicts."""

    def change(header):
        node = header["model"]["state"]
        *outer, name = place
        for key in outer:
            node = dict(map(tuple, node["dict"]))[key]
            node = node.get("state", node)
        node["dict"] = [pair for pair in node["dict"] if pair[0] != name]
        if value is not ...:
            node["dict"].append([name, value])

    change_header(path, change)


NONSENSE = [
    ..., None, True, -1, 2**70, 0.5, float("nan"), "text", {"list": []}, {"tuple": [0.1, "a"]},
    {"dict": []}, {"array": 0}, {"array": -1}, {"array": "a"}, {"class": "int", "state": None},
    [1], {}, {"dict": [[{"list": []}, 1]]},
]  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        *[(name,) for name in (
            "level", "patch_size", "noise", "n_jobs", "autoencoder", "autoencoder_", "level_",
            "loss_curve_", "n_patches_", "_seed", "_block", "_task", "_dae_version",
        )],
        ("_task", "size"), ("_task", "noise"), ("_task", "scales"), ("_task", "more"),
        ("autoencoder_", "_layers"), ("autoencoder_", "_stages"), ("autoencoder_", "n_jobs"),
        ("autoencoder_", "batch_size"), ("autoencoder_", "n_features_in_"),
        ("autoencoder_", "_dae_version"),
    ],
    ids=lambda place: ".".join(place),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::dae._estimator.version_stamp.VersionMismatchWarning")
def test_an_edited_state_is_refused_or_works(path, place):
    whole = path.read_bytes()
    refusals = 0
    for value in NONSENSE:
        edit(path, place, value)
        try:
            denoiser = ImageDenoiser.load(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            refusals += 1
        else:
            denoiser.transform(PICTURE)
            with contextlib.suppress(ValueError):  # patch_size is not that of the network
                denoiser.partial_fit([PICTURE])
            repr(denoiser), clone(denoiser)
        path.write_bytes(whole)
    assert refusals >= len(NONSENSE) - 6


@pytest.mark.parametrize(
    "name", ["get_params", "transform", "__class__", "__dict__", "_cleaner", "x", ""]
)
@pytest.mark.parametrize("place", [(), ("autoencoder_",)])
def test_only_parameters_and_what_fit_leaves_may_be_set(path, place, name):
    edit(path, (*place, name), None)
    with pytest.raises(ValueError, match="has no attribute"):
        ImageDenoiser.load(path)


def test_two_weights_cannot_share_an_array(path):
    def share(header):
        text = json.dumps(header["model"]).replace('{"array": 4}', '{"array": 0}')
        header["model"] = json.loads(text)

    change_header(path, share)
    with pytest.raises(ValueError, match="an array that is missing or in use"):
        ImageDenoiser.load(path)


def test_what_scikit_learn_adds_is_left_out(tmp_path):
    autoencoder = DenoisingAutoencoder(n_components=3).set_output(transform="pandas")
    fitted(autoencoder).save(tmp_path / "model.npz")
    ImageDenoiser.load(tmp_path / "model.npz").transform(PICTURE)


# ------------------------------------------------------------------ killed while saving

SAVE_FOR_EVER = """
import os, sys, time
from pathlib import Path
from dae import _files
{setup}
def write(file):
    file.write(b"x" * 10**6)
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
_files.write_whole(Path(sys.argv[1]), write)
"""


def kill_while_saving(goal, setup=""):
    code = SAVE_FOR_EVER.format(setup=setup)
    with subprocess.Popen([sys.executable, "-c", code, goal], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"writing\n"
        process.kill()


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="unnamed files")
def test_killed_while_saving_leaves_nothing(tmp_path):
    kill_while_saving(tmp_path / "model.npz")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="locks of files")
def test_the_next_save_removes_what_a_killed_one_left(tmp_path):
    goal = tmp_path / "model.npz"
    kill_while_saving(goal, "_files._write_unnamed = lambda *args: False")
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".model.npz.") and left.endswith(".tmp")
    others = [".other.npz.0123456789abcdef.tmp", ".model.npz.txt.tmp", "model.npz.tmp"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    write_whole(goal, lambda file: file.write(b"whole"))
    assert goal.read_bytes() == b"whole"
    assert sorted(os.listdir(tmp_path)) == sorted(["model.npz", *others])


@pytest.mark.skipif(os.name != "posix", reason="locks of files")
@pytest.mark.parametrize("unnamed", [True, False])
def test_two_may_save_at_a_time(tmp_path, monkeypatch, unnamed):
    if not unnamed:
        monkeypatch.setattr(_files, "_write_unnamed", lambda *args: False)
    goal = tmp_path / "model.npz"

    def slow(file):
        file.write(b"outer")
        write_whole(goal, lambda inner: inner.write(b"inner"))

    write_whole(goal, slow)
    assert goal.read_bytes() == b"outer" and os.listdir(tmp_path) == ["model.npz"]


def test_what_cannot_be_saved(tmp_path):
    class Foreign(DenoisingAutoencoder):
        pass

    with pytest.raises(ValueError, match="cannot hold a Foreign.*Use pickle or skops"):
        fitted(Foreign(n_components=2)).save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=r"must end in .npz"):
        fitted().save(tmp_path / "model.pkl")
    assert os.listdir(tmp_path) == []


def test_names_of_model_files(tmp_path):
    denoiser = fitted()
    for name, given in ((None, "NoneType"), (b"a.npz", "bytes"), (io.BytesIO(), "BytesIO")):
        for use in (denoiser.save, ImageDenoiser.load):
            with pytest.raises(ValueError, match=f"path must be the name of .*, got {given}. Pass"):
                use(name)
    with pytest.raises(ValueError, match="path is not a file name: it has a null character"):
        denoiser.save("a\0.npz")


@pytest.mark.parametrize("unnamed", [True, False])
def test_errors_name_the_file_that_was_asked_for(tmp_path, monkeypatch, unnamed):
    """Not what it is called until it is complete."""
    if not unnamed:
        monkeypatch.setattr(_files, "_write_unnamed", lambda *args: False)
    path = tmp_path / "none" / "model.npz"
    with pytest.raises(FileNotFoundError) as caught:
        fitted().save(path)
    assert caught.value.filename == str(path) and ".tmp" not in str(caught.value)

    def full(*args):
        raise OSError(28, "No space left on device", *map(str, args[:1]))

    monkeypatch.setattr(os, "replace", full)
    path = tmp_path / "model.npz"
    path.write_bytes(b"")
    with pytest.raises(OSError) as caught:
        write_whole(path, lambda file: file.write(b"more"))
    assert caught.value.filename == str(path) and caught.value.errno == 28


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="Linux")
def test_a_file_that_cannot_be_read():
    with pytest.raises(ValueError, match="/proc/self/mem is not a model file of dae"):
        ImageDenoiser.load("/proc/self/mem")


def test_the_checksum_is_over_everything():
    arrays = [np.arange(3.0)]
    sums = {
        _model_file._checksum("a", arrays),
        _model_file._checksum("b", arrays),
        _model_file._checksum("a", [np.arange(3)]),
        _model_file._checksum("a", [np.arange(3.0)[None]]),
        _model_file._checksum("a", []),
        hashlib.sha256(b"a").hexdigest() + "!",
    }
    assert len(sums) == 6
