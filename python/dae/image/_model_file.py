"""A fitted denoiser in one ``.npz`` file: arrays, and a description of everything else as JSON.

    header   JSON text: format, version of dae, class, parameters and fitted state, in which
             arrays stand as {"array": number}
    sha256   of the header and of every array's dtype, shape and bytes
    a0, a1   the arrays

Nothing is pickled, and a class is only made if it is in `CLASSES`: a file from a stranger can be
wrong, it cannot run code. What the state says is checked by the estimators when it is used.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from dae._estimator.version_stamp import STAMP
from dae._files import write_whole
from dae._version import __version__

FORMAT = "dae image denoiser"
FORMAT_VERSION = 1

# what NumPy, zipfile and zlib raise where a file is not what it should be
DAMAGED = (
    OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, MemoryError, OverflowError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip

CLASSES = {
    "ImageDenoiser": "dae.image",
    "DenoisingAutoencoder": "dae.autoencoder",
    "StackedDenoisingAutoencoder": "dae.stacked",
}


def save(estimator: Any, path: Any) -> None:
    """Write `estimator` to `path`."""
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"A model file must end in .npz, got {path}.")
    arrays: list[np.ndarray] = []
    header = json.dumps(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "dae_version": __version__,
            "model": _encode(estimator, arrays),
        }
    )
    content: dict[str, Any] = {f"a{number}": array for number, array in enumerate(arrays)}
    content |= {"header": header, "sha256": _checksum(header, arrays)}
    write_whole(path, lambda file: np.savez(file, **content))


def load(path: Any, cls: type) -> Any:
    """Read what `save` wrote; `cls` is what it should be."""
    path = Path(path)
    again = "Save the model again, or get the file anew."
    try:
        with open(path, "rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise ValueError(f"{path} is no model of dae: it holds one array.")
            with file:
                if not {"header", "sha256"} <= set(file.files):
                    raise ValueError(f"{path} is no model of dae: it has no header.")
                header, checksum = str(file["header"]), str(file["sha256"])
                n_arrays = len(file.files) - 2
                arrays = [file[f"a{number}"] for number in range(n_arrays)]
    except FileNotFoundError:
        raise
    except DAMAGED as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(
            f"{path} is no model of dae, or was cut short or changed ({error}). {again}"
        ) from error
    try:
        content = json.loads(header)
        kind, version = content["format"], content["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is no model of dae: its header cannot be read.") from error
    if kind != FORMAT:
        raise ValueError(f"{path} is no model of dae: its format is {kind!r}.")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has version {version!r} of the model format, this dae {__version__} reads "
            f"version {FORMAT_VERSION}. Install the dae that wrote it "
            f"({content.get('dae_version', 'unknown')}), or train the model again."
        )
    if _checksum(header, arrays) != checksum:
        raise ValueError(f"{path} was changed or damaged: its checksum is wrong. {again}")
    try:
        model = _decode(content["model"], arrays)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} was changed or damaged: {error}. {again}") from error
    if not isinstance(model, cls):
        raise ValueError(f"{path} holds a {type(model).__name__}, not a {cls.__name__}.")
    return model


def _checksum(header: str, arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256(header.encode())
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    """`value` as JSON; arrays are put aside."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays.append(np.ascontiguousarray(value))
        return {"array": len(arrays) - 1}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [_encode(item, arrays) for item in value]}
    if isinstance(value, dict):
        pairs = _without_moments(value).items()
        return {"dict": [[_encode(key, arrays), _encode(item, arrays)] for key, item in pairs]}
    name = type(value).__name__
    if CLASSES.get(name) == type(value).__module__:
        state = {**value.__getstate__(), STAMP: __version__}
        if not isinstance(state.get("random_state"), (int, np.integer, type(None))):
            state["random_state"] = None  # a generator has done its work
        return {"class": name, "state": _encode(state, arrays)}
    raise ValueError(
        f"A model file cannot hold a {name}; it holds denoisers with one of dae's own "
        "autoencoders. Use pickle or skops for others."
    )


def _without_moments(state: dict[Any, Any]) -> dict[Any, Any]:
    """Without the solver's moments: twice the weights, for the going on of a training only."""
    if "_moments" not in state:
        return state
    return {**state, "_moments": type(state["_moments"])(), "_moments_kind": None}


def _decode(value: Any, arrays: list[np.ndarray]) -> Any:
    """The other way round."""
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "list" in value:
        return [_decode(item, arrays) for item in value["list"]]
    if "tuple" in value:
        return tuple(_decode(item, arrays) for item in value["tuple"])
    if "dict" in value:
        return {_decode(k, arrays): _decode(v, arrays) for k, v in value["dict"]}
    cls = getattr(importlib.import_module(CLASSES[value["class"]]), value["class"])
    estimator = cls.__new__(cls)
    estimator.__setstate__(_decode(value["state"], arrays))
    return estimator
