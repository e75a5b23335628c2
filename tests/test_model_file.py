"""Model files: what goes in comes out, and what was touched is refused."""

import hashlib
import json
import os
import zipfile

import numpy as np
import pytest
from sklearn.base import clone

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder
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
        with pytest.raises(ValueError, match=r"model.npz is no model of dae"):
            ImageDenoiser.load(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ValueError, match="it has no header"):
        ImageDenoiser.load(path)
    np.savez(path, header="[1, 2", sha256="")
    with pytest.raises(ValueError, match="its header cannot be read"):
        ImageDenoiser.load(path)
    np.savez(path, header=json.dumps({"format": "tar", "format_version": 1}), sha256="")
    with pytest.raises(ValueError, match="its format is 'tar'"):
        ImageDenoiser.load(path)
    np.savez(path, header=np.array([{}], dtype=object), sha256="")
    with pytest.raises(ValueError, match="is no model of dae"):
        ImageDenoiser.load(path)


def test_cut_short(path):
    whole = path.read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut short or changed"):
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
    with pytest.raises(ValueError, match="is no model of dae: it holds one array"):
        ImageDenoiser.load(path)


def test_a_header_that_does_not_end(path):
    rewrite(path, header='{"format": ' + "[" * 100_000)
    with pytest.raises(ValueError, match="its header cannot be read"):
        ImageDenoiser.load(path)


def test_changed_weights(path):
    array = contents(path)["a0"]
    rewrite(path, sign=False, a0=array + 1)
    with pytest.raises(ValueError, match="its checksum is wrong. Save the model again, or get"):
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
    with pytest.raises(ValueError, match="holds a StackedDenoisingAutoencoder, not a ImageD"):
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


def test_what_cannot_be_saved(tmp_path):
    class Foreign(DenoisingAutoencoder):
        pass

    with pytest.raises(ValueError, match="cannot hold a Foreign.*Use pickle or skops"):
        fitted(Foreign(n_components=2)).save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=r"must end in .npz"):
        fitted().save(tmp_path / "model.pkl")
    assert os.listdir(tmp_path) == []


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
