"""Pictures as users pass them (arrays, file names, lists of both) and picture files.

`as_list`         one picture, an array of them or a list, as a list
`load`            one item of it as an array
`read`, `write`   picture files, through Pillow (``pip install "daecore[image]"``)
`find_pictures`   picture files of a folder

Only `read` and `write` need Pillow, which is imported there.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from dae._files import write_whole

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


# ------------------------------------------------------------------ collections


def is_path(image: Any) -> bool:
    return isinstance(image, (str, os.PathLike))


def as_list(images: Any, name: str = "images") -> tuple[list[Any], str]:
    """The pictures one by one, and how they came together: "one", "array" or "list".

    An array of three dimensions is one picture if its last axis can be channels (1 to 4 long),
    else a stack of grey ones.
    """
    if is_path(images):
        return [images], "one"
    if isinstance(images, np.ndarray) and images.dtype != object:
        if images.ndim == 2 or (images.ndim == 3 and images.shape[2] <= 4):
            return [images], "one"
        if images.ndim not in (3, 4):
            raise ValueError(
                f"{name} must be a picture, a stack of shape (n_images, height, width) or "
                f"(n_images, height, width, channels), or a list; got an array of shape "
                f"{images.shape}."
            )
        way, items = "array", list(images)
    else:
        try:
            way, items = "list", list(images)
        except TypeError as error:
            raise ValueError(
                f"{name} must be a list of pictures or of file names, or an array; got "
                f"{type(images).__name__}."
            ) from error
    if not items:
        raise ValueError(f"{name} is empty. Pass at least one picture.")
    return items, way


def load(image: Any, name: str) -> tuple[np.ndarray, str]:
    """A picture as an array, read if it is a file name, and what to call it in messages."""
    if is_path(image):
        return read(image)[0], str(image)
    try:
        array = np.asarray(image)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of pixels, got {error}") from error
    if array.dtype == object:
        raise ValueError(f"{name} must be an array of pixels, got {type(image).__name__}.")
    return array, name


def find_pictures(folder: Path) -> list[Path]:
    """The picture files of a folder and its folders, sorted."""
    found = sorted(
        path
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not found:
        raise ValueError(
            f"{folder} holds no pictures: no file ends in one of {', '.join(SUFFIXES)}."
        )
    return found


# ------------------------------------------------------------------ files


def _pillow() -> Any:
    if importlib.util.find_spec("PIL") is None:
        raise ImportError(
            'Picture files need Pillow; install with: pip install "daecore[image]". Or read them '
            "with another library and pass arrays."
        )
    from PIL import Image

    return Image


def read(path: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """A picture file as uint8 or uint16, and what else it says (colour profile, EXIF).

    Raises
    ------
    FileNotFoundError
    ValueError
        The file is no picture, is cut short, or holds what this cannot keep.
    """
    image_module = _pillow()
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder, a picture file is needed.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata; what matters raises
            with image_module.open(path) as image:
                if getattr(image, "n_frames", 1) > 1:
                    raise ValueError(
                        f"{path} holds {image.n_frames} pictures, one is expected. Split it."
                    )
                if _is_wide(image) and image.mode in ("RGB", "RGBA"):
                    raise ValueError(
                        f"{path} has 16 bits a colour, of which Pillow keeps 8. Read it with "
                        "another library and pass the array."
                    )
                about = {
                    name: image.info[name]
                    for name in ("icc_profile", "exif", "dpi")
                    if name in image.info
                }
                return _pixels(image, path), about
    except FileNotFoundError:
        raise
    except image_module.UnidentifiedImageError as error:
        raise ValueError(f"{path} is no picture that Pillow can read.") from error
    except image_module.DecompressionBombError as error:
        raise ValueError(f"{path} is too large to be read safely: {error}") from error
    except (OSError, SyntaxError, EOFError, IndexError) as error:  # what decoders raise
        raise ValueError(f"{path} cannot be read, it may be cut short: {error}") from error


def _is_wide(image: Any) -> bool:
    """Whether the file has 16 bits a colour: what Pillow calls its pixels, like "RGB;16B"."""
    arguments = [tile[3] for tile in image.tile]  # a string, or the first of other numbers
    names = [given if isinstance(given, str) else given[0] for given in arguments if given]
    return any(";16" in str(name) for name in names)


def _pixels(image: Any, path: Path) -> np.ndarray:
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return np.asarray(image)
    if image.mode in ("P", "PA"):
        transparent = "transparency" in image.info or image.mode == "PA"
        return np.asarray(image.convert("RGBA" if transparent else "RGB"))
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode.startswith("I"):  # 16 bits, in 32 where Pillow has no 16
        pixels = np.asarray(image)
        if pixels.min() >= 0 and pixels.max() <= 65535:
            return pixels.astype(np.uint16)
    raise ValueError(
        f"{path} has pixels of Pillow's mode {image.mode!r}; 8 or 16 bits of grey, or 8 of colour, "
        "are expected. Convert it."
    )


def write(path: Path, pixels: np.ndarray, about: dict[str, Any] | None = None) -> None:
    """Write a picture file, whole or not at all; the suffix decides on the format."""
    image_module = _pillow()
    path = Path(path)
    image_module.init()
    kind = image_module.EXTENSION.get(path.suffix.lower())
    if path.suffix.lower() not in SUFFIXES or kind is None:
        raise ValueError(f"{path} must end in one of {', '.join(SUFFIXES)}.")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    n_channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if kind == "JPEG" and (n_channels in (2, 4) or pixels.dtype != np.uint8):
        raise ValueError(
            f"{path}: JPEG keeps neither an alpha channel nor 16 bits. Write PNG or TIFF."
        )
    if kind == "BMP" and (n_channels == 2 or pixels.dtype != np.uint8):
        raise ValueError(f"{path}: BMP keeps neither grey with alpha nor 16 bits. Write PNG.")
    extra = {name: value for name, value in (about or {}).items() if kind != "BMP"}
    if kind == "JPEG":
        extra["quality"] = 95
    image = image_module.fromarray(np.ascontiguousarray(pixels))
    write_whole(path, lambda file: image.save(file, format=kind, **extra))
