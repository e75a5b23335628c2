"""Model files and pictures, damaged at random: nothing but a ValueError in one line may come of it.

    python tests/fuzz.py models --n 2000 --seed 0
    python tests/fuzz.py pictures --n 2000 --seed 0

The same seed damages in the same way; a finding is printed with its number, and `--first` starts
there. `test_fuzz.py` runs a few of each.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.base import clone

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder
from dae.image import ConvolutionalAutoencoder, ImageDenoiser, _model_file, _training
from dae.image._clean_file import clean_file

PICTURE = np.random.default_rng(0).random((24, 30))
COLOUR = np.random.default_rng(1).integers(0, 256, (24, 30, 3), dtype=np.uint8)

NONSENSE = [
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, 2**70, 0.5, -0.5, 1e300, float("nan"),
    float("inf"), "", "text", "gaussian", "fit", [], {}, {"list": []}, {"tuple": []},
    {"list": [1, "a"]}, {"tuple": [0.1, 0.2]}, {"tuple": [2, None]}, {"dict": []},
    {"dict": [["size", 9]]}, {"array": 0}, {"array": 99}, {"class": "ImageDenoiser"},
    {"class": "DenoisingAutoencoder", "state": {"dict": []}}, {"class": [], "state": 0},
]  # fmt: skip

NAMES = ["get_params", "transform", "__class__", "_task", "level_", "autoencoder_", "noise", "x"]


class Finding(Exception):
    """What should not have happened."""


def small_denoiser(kind: int = 0) -> ImageDenoiser:
    networks = [
        StackedDenoisingAutoencoder((5, 4), corruption=None, fine_tune=True, tied_weights=False),
        DenoisingAutoencoder(4, corruption=None),
        StackedDenoisingAutoencoder((4,), corruption=None),
        ConvolutionalAutoencoder(16, 1),
    ]
    return ImageDenoiser(
        "masking" if kind == 2 else "gaussian", (0.02, 0.2), autoencoder=networks[kind],
        patch_size=6, n_patches=64, random_state=0, n_jobs=1,
    ).fit([PICTURE])  # fmt: skip


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, cut off, left out, repeated or put in."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(0, len(data) + 1))
        # the first and last bytes say most
        at = min(at, int(rng.integers(0, 200))) if rng.random() < 0.4 else at
        at = max(at, len(data) - int(rng.integers(0, 200))) if rng.random() < 0.2 else at
        length = int(rng.integers(1, 9))
        way = rng.integers(0, 6)
        if way == 0:
            data[at : at + length] = rng.bytes(len(data[at : at + length]))
        elif way == 1 and at < len(data):
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif way == 2:
            data[at : at + length] = bytes([int(rng.choice([0, 255]))]) * length
        elif way == 3:
            del data[at : at + length]
        elif way == 4:
            data[at:at] = data[at : at + 10 * length]
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


# ------------------------------------------------------------------ model files


def nodes(value: object, path: tuple = ()) -> list[tuple]:
    """Places of all values of a JSON text."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, (dict, list)):
            found += nodes(item, (*path, key))
        else:
            found.append((*path, key))
    return found


def edited(header: dict, rng: np.random.Generator) -> dict:
    """Values of the model's description changed, removed or added."""
    header = json.loads(json.dumps(header))
    for _ in range(int(rng.integers(1, 4))):
        places = [place for place in nodes(header["model"]) if place]
        *outer, last = places[int(rng.integers(len(places)))]
        inside = header["model"]
        for key in outer:
            inside = inside[key]
        way = rng.integers(0, 4)
        value = NONSENSE[int(rng.integers(len(NONSENSE)))]
        if way == 0 and isinstance(inside, list):
            inside.insert(int(rng.integers(len(inside) + 1)), value)
        elif way == 1:
            del inside[last]
        elif way == 2 and isinstance(inside, list) and len(inside) == 2:
            inside[0] = NAMES[int(rng.integers(len(NAMES)))]
        else:
            inside[last] = value
        if not nodes(header["model"])[1:]:
            break
    return header


def models(rng_of, numbers, folder: Path) -> Counter:
    """Damage files that `save` wrote; whatever loads must work."""
    originals = []
    for kind in range(4):
        path = folder / f"model{kind}.npz"
        small_denoiser(kind).save(path)
        with np.load(path, allow_pickle=False) as file:
            entries = {name: file[name] for name in file.files}
        originals.append((path.read_bytes(), entries))
    outcomes: Counter = Counter()
    path = folder / "damaged.npz"
    for number in numbers:
        rng = rng_of(number)
        content, entries = originals[int(rng.integers(3))]
        if rng.random() < 0.35:
            path.write_bytes(damaged(content, rng))
        else:
            write_edited(path, entries, rng)
        outcomes[checked(number, lambda: use_model(path), path)] += 1
    return outcomes


def write_edited(path: Path, entries: dict, rng: np.random.Generator) -> None:
    """A file whose checksum is right and whose content is not."""
    entries = dict(entries)
    header = json.loads(str(entries["header"]))
    if rng.random() < 0.8:
        header = edited(header, rng)
    else:
        name = f"a{int(rng.integers(len(entries) - 2))}"
        array = entries[name]
        changes = [
            array[:-1], array[None], array.astype("f2"), array.astype(">f4"), array * np.nan,
            array.astype(bool), array[..., ::-1], np.zeros(0, "f4"), array.astype("i8"),
            array * 1e38,
        ]  # fmt: skip
        with np.errstate(all="ignore"):
            entries[name] = changes[int(rng.integers(len(changes)))]
    text = json.dumps(header)
    arrays = [entries[f"a{k}"] for k in range(len(entries) - 2)]
    entries |= {"header": text, "sha256": _model_file._checksum(text, arrays)}
    np.savez(path, **entries)
    if rng.random() < 0.1:  # the text that describes an array
        with zipfile.ZipFile(path) as file:
            members = {info.filename: file.read(info) for info in file.infolist()}
        name = list(members)[int(rng.integers(len(members)))]
        members[name] = damaged(members[name][:128], rng) + members[name][128:]
        with zipfile.ZipFile(path, "w") as file:
            for member, content in members.items():
                file.writestr(member, content)


def use_model(path: Path) -> str:
    denoiser = ImageDenoiser.load(path)
    used = "worked"
    for use in (
        lambda: denoiser.transform(PICTURE),
        lambda: denoiser.estimate_sigma(PICTURE),
        lambda: denoiser.score([PICTURE]),
        lambda: denoiser.partial_fit([PICTURE]),
        lambda: (repr(denoiser), clone(denoiser), denoiser.get_params()),
        lambda: denoiser.save(path.with_name("again.npz")),
        lambda: ImageDenoiser.load(path.with_name("again.npz")),
    ):
        try:
            use()
        except ValueError:
            used = "loaded, ValueError later"
    return used


# ------------------------------------------------------------------ pictures


def picture_files(folder: Path) -> list[tuple[str, bytes]]:
    """Small files of all formats and many modes."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    colour, grey = Image.fromarray(COLOUR), Image.fromarray(COLOUR[..., 0])
    wide = Image.fromarray(COLOUR[..., 0].astype(np.uint16) * 257)
    real = Image.fromarray(np.float32(PICTURE))
    text = PngInfo()
    text.add_text("Title", "a title")
    text.add_itxt("XML:com.adobe.xmp", "<x/>")
    exif = Image.Exif()
    exif[274], exif[271] = 6, "Maker"
    exif.get_ifd(34665)[37386] = 50.0
    many = {"save_all": True, "append_images": [grey.copy(), colour.copy()]}
    wanted = [
        (colour, "png", {"pnginfo": text, "dpi": (300, 300), "exif": exif}), (wide, "png", {}),
        (grey, "png", {"transparency": 9}), (colour.quantize(16), "png", {"transparency": 3}),
        (colour.convert("RGBA"), "png", {}), (grey.convert("1"), "png", {}),
        (colour, "jpg", {"exif": exif, "comment": "c"}), (grey, "jpg", {"progressive": True}),
        (colour.convert("CMYK"), "jpg", {}), (colour, "tif", {}), (colour, "tif", many),
        (grey, "tif", {"compression": "tiff_lzw", "exif": exif}), (wide, "tif", {}),
        (real, "tif", {"compression": "tiff_adobe_deflate"}), (grey.convert("1"), "tif", {}),
        (colour, "bmp", {}), (grey, "gif", {}), (colour, "webp", {"exif": exif}),
        (colour, "webp", {"lossless": True}),
    ]  # fmt: skip
    files = []
    for image, suffix, options in wanted:
        path = folder / f"original.{suffix}"
        image.save(path, **options)
        files.append((suffix, path.read_bytes()))
    colour.save(path := folder / "original.jpg", "MPO", save_all=True, append_images=[grey])
    return [*files, ("jpg", path.read_bytes())]


def pictures(rng_of, numbers, folder: Path) -> Counter:
    """Damage picture files; whatever can be read must be cleaned and written."""
    files = picture_files(folder)
    denoiser = small_denoiser()
    outcomes: Counter = Counter()
    for number in numbers:
        rng = rng_of(number)
        suffix, content = files[int(rng.integers(len(files)))]
        path = folder / f"damaged.{suffix}"
        path.write_bytes(damaged(content, rng))
        ends = ["png", "jpg", "tif", "bmp", "webp"]
        goal = (
            folder
            / f"clean.{suffix if rng.random() < 0.5 and suffix in ends else rng.choice(ends)}"
        )

        def clean(path=path, goal=goal) -> str:
            done = clean_file(denoiser, path, goal)
            if any("\n" in note for note in done.notes):
                raise Finding(f"a note of several lines: {done.notes}")
            return "cleaned"

        goal.unlink(missing_ok=True)
        outcome = checked(number, clean, folder)
        if (outcome == "cleaned") != goal.exists():
            raise Finding(f"case {number}: {outcome}, but the file is {goal.exists()}")
        outcomes[outcome] += 1
    return outcomes


# ------------------------------------------------------------------ running


def checked(number: int, use, where: Path) -> str:
    """The outcome of a case: what `use` returns, or "ValueError". Raises Finding."""
    started = time.perf_counter()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            outcome = use()
    except ValueError as error:
        outcome = "ValueError"
        if "\n" in str(error) or str(where) not in str(error):
            raise Finding(f"case {number}: not one line that names the file: {error}") from error
    except Finding as error:
        raise Finding(f"case {number}: {error}") from error
    except Exception as error:
        raise Finding(f"case {number}: {traceback.format_exc()}") from error
    if printed.getvalue():
        raise Finding(f"case {number}: stderr has {printed.getvalue()!r}")
    if time.perf_counter() - started > 120:
        raise Finding(f"case {number}: took {time.perf_counter() - started:.0f} s")
    return outcome


def run(what: str, n: int, seed: int = 0, first: int = 0) -> Counter:
    """Try `n` cases, and count their outcomes. Raises Finding."""
    blocks = _training.BLOCK, _training.CONVOLUTIONAL_BLOCK
    _training.BLOCK = _training.CONVOLUTIONAL_BLOCK = 64
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {"models": models, "pictures": pictures}[what](
                lambda number: np.random.default_rng([seed, number]),
                range(first, first + n),
                Path(folder),
            )
    finally:
        _training.BLOCK, _training.CONVOLUTIONAL_BLOCK = blocks


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("what", choices=("models", "pictures"))
    options.add_argument("--n", type=int, default=2000, help="cases; default: %(default)s")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--first", type=int, default=0, help="number of the first case")
    arguments = options.parse_args()
    started = time.perf_counter()
    try:
        outcomes = run(arguments.what, arguments.n, arguments.seed, arguments.first)
    except Finding as finding:
        sys.exit(str(finding))
    counts = ", ".join(f"{outcome}: {count}" for outcome, count in outcomes.most_common())
    print(f"{arguments.n} {arguments.what} in {time.perf_counter() - started:.0f} s: {counts}")


if __name__ == "__main__":
    main()
