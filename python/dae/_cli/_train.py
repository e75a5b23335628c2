"""``dae train``: train a denoiser on clean pictures."""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

from dae._cli._options import (
    add_n_jobs,
    check_output,
    complain,
    complain_about,
    file_or_folder,
    number,
    seed,
)
from dae._cli._process import INTERRUPTED, discard_output
from dae._files import check_place
from dae.image import ImageDenoiser
from dae.image._format import ImageFormat
from dae.image._io import find_pictures, read

DEFAULT_LEVELS = {"gaussian": [5.0, 75.0], "masking": [0.05, 0.9], "salt_and_pepper": [0.05, 0.9]}


def add_parser(commands: Any) -> None:
    """Declare the command and its options."""
    options = commands.add_parser(
        "train",
        help="train a denoiser on clean pictures",
        description="Train a denoiser on the clean pictures of a folder. Ctrl-C, "
        "SIGTERM or SIGHUP saves the denoiser as trained so far.",
        allow_abbrev=False,
    )
    options.set_defaults(run=run)
    options.add_argument(
        "folder", type=file_or_folder, metavar="FOLDER", help="with pictures, all grey or all RGB"
    )
    options.add_argument(
        "-o",
        "--output",
        type=file_or_folder,
        required=True,
        metavar="MODEL",
        help="the file to write, .npz",
    )
    options.add_argument(
        "--noise",
        choices=tuple(DEFAULT_LEVELS),
        default="gaussian",
        help="the noise to remove; default: %(default)s",
    )
    options.add_argument(
        "--level",
        nargs="+",
        type=number(float, 1e-6, 254, "a number above 0 and below 255"),
        help="one number, or the lowest and the highest: the standard deviation in grey levels of "
        "255 for gaussian (default: 5 75), else the share of the pixels hit (default: 0.05 0.9)",
    )
    options.add_argument(
        "--patches",
        type=number(int, 1, 10**12, "an integer above 0"),
        default=4_000_000,
        help="number of patches to train on; default: %(default)s",
    )
    options.add_argument(
        "--seed", type=seed, default=0, help="same seed, same model; default: %(default)s"
    )
    options.add_argument("--overwrite", action="store_true", help="replace MODEL if it exists")
    add_n_jobs(options)


def run(arguments: argparse.Namespace) -> int:
    """Train a denoiser and write it; returns the exit status."""
    goal = arguments.output
    if goal.suffix != ".npz":
        raise ValueError(f"{goal} must end in .npz.")
    check_place(goal)
    check_output(goal, arguments.overwrite)
    if not arguments.folder.is_dir():
        raise ValueError(f"{arguments.folder} is not a folder.")
    denoiser = ImageDenoiser(
        noise=arguments.noise,
        level=checked_levels(arguments.noise, arguments.level),
        n_patches=arguments.patches,
        random_state=arguments.seed,
        n_jobs=arguments.n_jobs,
        verbose=1,
    )
    found = find_pictures(arguments.folder)
    pictures = readable(found, denoiser.patch_size)
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of an interruption, which is told below
        denoiser.fit(pictures)
    denoiser.save(goal)
    done = denoiser.n_patches_
    if done < arguments.patches:
        discard_output()  # that nobody reads it may be what ended the training
        complain(
            f"interrupted after {done:,} of {arguments.patches:,} patches; the denoiser as trained "
            f"until then: {goal}"
        )
        return INTERRUPTED
    print(
        f"trained on {done:,} patches of {len(pictures)} "
        f"{'picture' if len(pictures) == 1 else 'pictures'} in "
        f"{time.perf_counter() - started:.0f} s: {goal}"
    )
    return 0 if len(pictures) == len(found) else 1


def checked_levels(noise: str, levels: list[float] | None) -> float | tuple[float, ...]:
    """The parameter `level` for the option ``--level``."""
    levels = DEFAULT_LEVELS[noise] if levels is None else levels
    if len(levels) > 2 or levels != sorted(levels):
        raise ValueError(f"--level must be one number, or the lowest and the highest, got {levels}")
    if noise == "gaussian":
        levels = [level / 255 for level in levels]
    elif levels[-1] >= 1:
        raise ValueError(
            f"--level must be a share of the pixels below 1 with --noise {noise}, got "
            f"{levels[-1]:g}."
        )
    return levels[0] if len(levels) == 1 else tuple(levels)


def readable(paths: list[Path], smallest: int) -> list[Path]:
    """The pictures that can be trained on; each of the others costs one line.

    Raises ValueError if there is none, or if grey and coloured ones are mixed.
    """
    kinds: dict[str, Path] = {}
    good = []
    for path in paths:
        try:
            picture = read(path)[0]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of the value of white
                ImageFormat.of(picture, str(path))
            if min(picture.shape[:2]) < smallest:
                raise ValueError(f"smaller than a patch of {smallest} x {smallest} pixels")
        except Exception as error:  # decoders raise what they like
            complain_about(path, error)
            continue
        kinds.setdefault("RGB" if picture.ndim == 3 and picture.shape[2] > 2 else "grey", path)
        good.append(path)
    if not good:
        raise ValueError(f"none of {len(paths)} pictures can be trained on.")
    if len(kinds) > 1:
        raise ValueError(
            f"{kinds['grey']} is grey, {kinds['RGB']} is RGB. Train on pictures of one kind: "
            "convert all to grey or all to RGB."
        )
    return good
