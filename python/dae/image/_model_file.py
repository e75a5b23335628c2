"""A fitted denoiser in one ``.npz`` file: arrays, and everything else as JSON.

    header   JSON text: format, version of dae, class, parameters and fitted state, in which
             an array is {"array": number}
    sha256   of the header and of the dtype, shape and bytes of each array
    a0, a1   the arrays

Nothing is pickled. A file is taken for a stranger's: every size it states is checked against the
size of the file before memory is allocated (`_npz.py`), the header is read and checked before the
arrays, and the state may only set parameters and attributes that `fit` sets, each validated by
type, shape and range (`_model_state.py`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from dae._files import open_regular, write_whole
from dae._version import __version__
from dae.image._model_state import Damaged, decode, encode
from dae.image._npz import MAX_HEADER, MAX_MEMBERS, BadArchive, NpzReader

FORMAT = "dae image denoiser"
FORMAT_VERSION = 1

ADVICE = "Save the model again, or get another copy of the file."


def save(estimator: Any, path: Any) -> None:
    """Write `estimator` to `path`."""
    path = _as_path(path)
    if path.suffix != ".npz":
        raise ValueError(f"A model file must end in .npz, got {path}.")
    arrays: list[np.ndarray] = []
    header = json.dumps(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "dae_version": __version__,
            "model": encode(estimator, arrays),
        }
    )
    if 4 * len(header) + 1000 > MAX_HEADER or len(arrays) + 2 > MAX_MEMBERS:
        raise ValueError(
            "The model is too large for a model file: its parameters, loss_curve_ and names may "
            f"have {MAX_HEADER // 4} characters, and it may have {MAX_MEMBERS - 2} arrays."
        )
    content: dict[str, Any] = {f"a{number}": array for number, array in enumerate(arrays)}
    content |= {"header": header, "sha256": _checksum(header, arrays)}
    write_whole(path, lambda file: np.savez(file, **content))


def load(path: Any, cls: type) -> Any:
    """Read a file that `save` wrote; `cls` is the class expected."""
    path = _as_path(path)
    with open_regular(path) as stream:
        try:
            archive = NpzReader(stream)
            header, checksum = archive.text("header"), archive.text("sha256")
            content = _checked_header(header, path)
            arrays = [archive.array(f"a{number}") for number in range(len(archive.names) - 2)]
        except BadArchive as error:
            raise ValueError(f"{path} is not a model file of dae: {error}. {ADVICE}") from error
        except MemoryError as error:
            raise ValueError(f"{path} holds a model larger than the memory.") from error
    if _checksum(header, arrays) != checksum:
        raise ValueError(f"{path} was changed or damaged: its checksum is wrong. {ADVICE}")
    try:
        model = decode(content["model"], arrays, cls)
    except Damaged as error:
        raise ValueError(f"{path} was changed or damaged: {error}. {ADVICE}") from error
    return model


def _as_path(path: Any) -> Path:
    try:
        name = Path(path)
    except TypeError as error:
        raise ValueError(
            f"path must be the name of a model file, a str or a path, got {type(path).__name__}. "
            "Pass a name that ends in .npz."
        ) from error
    if "\0" in str(name):
        raise ValueError("path is not a file name: it has a null character.")
    return name


def _checked_header(text: str, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(text)
        kind, version, _ = content["format"], content["format_version"], content["model"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadArchive("its header cannot be read") from error
    if kind != FORMAT:
        raise BadArchive(f"its format is {_short(kind)}")
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise ValueError(
            f"{path} has version {_short(version)} of the model format, this dae {__version__} "
            f"reads version {FORMAT_VERSION}. Install the dae that wrote it "
            f"({_short(content.get('dae_version'))}), or train the model again."
        )
    return content


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _checksum(header: str, arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256(header.encode())
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
