"""Pictures as users pass them (arrays, files, lists of both) and picture files.

`as_list`        one picture, an array of pictures or a list of them, as a list
`load`           one item of it as an array
`read`           a picture file as an array, and how it was stored
`read_pages`     the same of a file with several pages
`write`          a picture file, as the source was stored; returns what is lost or changed
`find_pictures`  picture files of a folder

Files need Pillow (``pip install "daecore[image]"``), which is imported when it is needed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dae.image._encode import encode
from dae.image._pillow import decode, pillow, pixels_of, silence
from dae.image._source import Refused, SourceFile

# what can be written, and by these names is found in folders; GIF can only be read
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")

KINDS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF",
    ".bmp": "BMP", ".webp": "WEBP",
}  # fmt: skip


MOST_CHANNELS = 16  # of a picture from space, say: an array of more is a stack of grey pictures
TEXT = "OUST"  # kinds of dtype of arrays of file names: objects, and text of any kind

# ------------------------------------------------------------------ collections


def is_path(image: Any) -> bool:
    return isinstance(image, (str, bytes, os.PathLike))


def _is_file(image: Any) -> bool:
    return hasattr(image, "read") and hasattr(image, "seek")


def _is_pillow(image: Any) -> bool:
    return type(image).__module__.partition(".")[0] == "PIL" and hasattr(image, "getbands")


def as_list(images: Any, name: str = "images") -> tuple[list[Any], str]:
    """The pictures one by one, and their container: "one", "array" or "list".

    An array of three dimensions is one picture if its last axis can be channels (1 to 4 long),
    else a stack of grey ones. An array of file names is a list.
    """
    images = _unboxed(images)
    if is_path(images) or isinstance(images, bytearray) or _is_file(images) or _is_pillow(images):
        return [images], "one"
    if hasattr(images, "columns") and hasattr(images, "iloc"):
        raise ValueError(
            f"{name} must be pictures, got a DataFrame. Pass its column of file names, or one "
            "picture as an array with .to_numpy()."
        )
    if isinstance(images, dict):
        raise ValueError(f"{name} must be a list of pictures, got a dict. Pass list(d.values()).")
    if not isinstance(images, np.ndarray) and (
        hasattr(images, "__array__") or isinstance(images, memoryview)
    ):
        images = _as_array(images, name)
    if isinstance(images, np.ndarray) and images.dtype.kind not in TEXT:
        if images.ndim == 2 or (images.ndim == 3 and images.shape[2] <= 4):
            return [images], "one"
        if images.ndim not in (3, 4):
            raise ValueError(
                f"{name} must be a picture, a stack of shape (n_images, height, width) or "
                f"(n_images, height, width, channels), or a list; got an array of shape "
                f"{images.shape}."
            )
        if images.ndim == 3 and _looks_like_channels(images.shape):
            warnings.warn(
                f"{name} has shape {images.shape}, which is taken for {images.shape[0]} grey "
                f"pictures of {images.shape[1]} x {images.shape[2]} pixels. If the last axis is "
                "channels, pass each as a picture: list(np.moveaxis(array, -1, 0)).",
                stacklevel=2,
            )
        container, items = "array", list(images)
    else:
        try:
            container, items = "list", list(images)
        except TypeError as error:
            raise ValueError(
                f"{name} must be a list of pictures or of file names, or an array; got "
                f"{type(images).__name__}."
            ) from error
    if not items:
        raise ValueError(f"{name} is empty. Pass at least one picture.")
    return items, container


def _looks_like_channels(shape: tuple[int, ...]) -> bool:
    """Whether an array may be one picture of more channels than a picture may have."""
    height, width, last = shape
    return 4 < last <= MOST_CHANNELS and min(height, width) >= 3 * last


def load(image: Any, name: str) -> tuple[np.ndarray, str]:
    """A picture as an array, and what to call it in messages: its file name, if it has one."""
    image = _unboxed(image)
    if is_path(image):
        path = _as_path(image, name)
        return read(path)[0], str(path)
    if _is_file(image):
        own = getattr(image, "name", None)
        name = own if isinstance(own, str) else name
        if getattr(image, "closed", False):
            raise ValueError(f"{name} is a file that was closed. Open it again, or pass its name.")
        image.seek(0)
        return _single(*decode(image, name), name)[0], name
    if _is_pillow(image):
        with silence():
            return _pixels_of_pillow(image, name), name
    if isinstance(image, np.ma.MaskedArray) and np.ma.is_masked(image):
        raise ValueError(
            f"{name} is a masked array with masked pixels. Fill them, for example with .filled(); "
            "a denoiser of noise='masking' takes them in transform."
        )
    if isinstance(image, (list, tuple)) and image and isinstance(image[0], (int, float)):
        raise ValueError(
            f"{name} is a list of {len(image)} numbers, an array of pixels is expected. Pass "
            "np.asarray(...) of nested lists."
        )
    if image is None or (isinstance(image, float) and np.isnan(image)):
        raise ValueError(
            f"{name} is {'None' if image is None else 'NaN'}, an array of pixels or a file name is "
            "expected. Leave it out."
        )
    if isinstance(image, bytearray):
        raise ValueError(
            f"{name} is the content of a file. Pass io.BytesIO(...) of it, or a file name."
        )
    array = _as_array(image, name)
    if array.dtype.kind in TEXT:
        raise ValueError(
            f"{name} must be an array of pixels or a file name, got {type(image).__name__}."
        )
    return array, name


def _pixels_of_pillow(image: Any, name: str) -> np.ndarray:
    """The pixels of a picture that Pillow may not have read yet."""
    try:
        image.load()  # NumPy before 2 hides what goes wrong in it
        return pixels_of(image)
    except MemoryError:
        raise
    except Refused as error:
        raise ValueError(f"{name} {error}") from error
    except Exception as error:  # decoders raise errors of every kind
        raise ValueError(
            f"{name} cannot be read by Pillow: {error}. Pass it before it is closed, or pass its "
            "file name."
        ) from error


def _unboxed(image: Any) -> Any:
    """What an array without dimensions holds, if that is text or an object: a file name, say."""
    is_box = isinstance(image, np.ndarray) and image.ndim == 0 and image.dtype.kind in TEXT
    return image.item() if is_box else image


def _as_array(image: Any, name: str) -> np.ndarray:
    """As NumPy converts it."""
    try:
        return np.asarray(image)
    except MemoryError:
        raise
    except Exception as error:  # tensors of other libraries raise what they like
        kind = type(image)
        what = f"{kind.__module__}.{kind.__name__}".removeprefix("builtins.")
        raise ValueError(
            f"{name} must be an array of pixels; NumPy cannot convert a {what}: {error}"
        ) from error


def _as_path(image: Any, name: str) -> Path:
    if not os.fspath(image):
        raise ValueError(f"{name} is an empty file name. Pass that of a picture.")
    if isinstance(image, bytes):
        if b"\0" in image:
            raise ValueError(
                f"{name} is the content of a file. Pass io.BytesIO(...) of it, or a file name."
            )
        return Path(os.fsdecode(image))
    path = Path(image)
    if "\0" in str(path):
        raise ValueError(f"{name} is not a file name: it has a null character.")
    return path


def find_pictures(folder: Path) -> list[Path]:
    """The picture files of a folder and its folders, sorted, without hidden ones."""
    found = sorted(
        path
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(map(_is_hidden, path.relative_to(folder).parts))
        and path.is_file()
    )
    if not found:
        raise ValueError(
            f"{folder} holds no pictures: no file ends in one of {', '.join(SUFFIXES)}, but for "
            "hidden ones."
        )
    return found


def _is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or what archives of macOS have beside their content."""
    return name.startswith(".") or name == "__MACOSX"


# ------------------------------------------------------------------ files


def read(path: Any) -> tuple[np.ndarray, SourceFile]:
    """A picture file of one page: its pixels, and how it was stored.

    Pixels are uint8, uint16, int32 or float32; palettes, CMYK and the like are RGB, as
    `SourceFile.notes` say.

    Raises
    ------
    FileNotFoundError, PermissionError
    ValueError
        The file is not a picture, is cut short, or holds what this cannot keep.
    """
    return _single(*read_pages(path), str(path))


def read_pages(path: Any) -> tuple[list[np.ndarray], SourceFile]:
    """The same of a file of one or more pages."""
    path = Path(path)
    return decode(path, str(path))


def _single(
    pages: list[np.ndarray], source: SourceFile, name: str
) -> tuple[np.ndarray, SourceFile]:
    if len(pages) > 1:
        raise ValueError(
            f"{name} holds {len(pages)} pages, one picture is expected. Pass them as arrays; "
            "the command dae denoise cleans each."
        )
    return pages[0], source


def write(
    path: Any,
    pixels: np.ndarray | Sequence[np.ndarray],
    source: SourceFile | None = None,
    *,
    quality: int | None = None,
) -> list[str]:
    """Write a picture file, whole or not at all; the suffix decides on the format.

    Parameters
    ----------
    path : str or path
    pixels : ndarray, or list of them (the pages of a TIFF)
    source : SourceFile or None
        Its metadata are kept as far as the format keeps them, its compression or JPEG quality
        where the format is the same.
    quality : int or None
        Of JPEG and WebP, 1 to 100; None takes that of the source, or 95.

    Returns
    -------
    notes : list of str
        What is lost or changed, for users to read.
    """
    path = Path(path)
    pillow().init()
    kind = KINDS.get(path.suffix.lower())
    if kind is None or kind not in pillow().SAVE:
        raise ValueError(f"{path} must end in one of {', '.join(SUFFIXES)}.")
    pages = [pixels] if isinstance(pixels, np.ndarray) else list(pixels)
    notes = [] if source is None else _misnamed(source, kind)
    return [*notes, *encode(path, kind, pages, source, quality)]


def _misnamed(source: SourceFile, kind: str) -> list[str]:
    """A note if pixels lose bits only because the source has the name of another format."""
    named = KINDS.get(source.path.suffix.lower())
    lossless = source.kind != "JPEG" and source.storage.get("lossless", source.kind != "WEBP")
    if kind == named != source.kind and kind in ("JPEG", "WEBP") and lossless:
        return [f"the file is {source.kind} with the name of {kind}: it is stored as lossy {kind}"]
    return []
