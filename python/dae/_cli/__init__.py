"""The command ``dae``: pictures cleaned, denoisers trained.

dae denoise IN... -o OUT     clean files, or the pictures of folders
dae train FOLDER -o MODEL    train a denoiser on clean pictures
dae demo                     ``python -m dae``

Nothing is written over unless asked for, and a file is written whole or not at all. A picture
that cannot be read costs one line and the exit status, not the others.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from dae._cli._options import Parser, n_threads, number
from dae._files import check_place
from dae.image._clean_file import clean_file
from dae.image._io import SUFFIXES, find_pictures

DESCRIPTION = "Denoising autoencoders: clean pictures, train denoisers."


class Progress:
    """One line that is written over, on a terminal; nothing elsewhere."""

    WIDTH = 30

    def __init__(self, total: int, stream: IO[str] | None = None) -> None:
        self.total = total
        self.stream = sys.stderr if stream is None else stream
        self.visible = self.stream.isatty()

    def show(self, done: int, what: str) -> None:
        if self.visible:
            bar = "#" * (self.WIDTH * done // self.total)
            self.stream.write(f"\r\033[K[{bar:<{self.WIDTH}}] {done} of {self.total}  {what[:40]}")
            self.stream.flush()

    def clear(self) -> None:
        if self.visible:
            self.stream.write("\r\033[K")
            self.stream.flush()


def parser() -> Parser:
    """The command line's options."""
    options = Parser(prog="dae", description=DESCRIPTION, allow_abbrev=False)
    commands = options.add_subparsers(dest="command", required=True, metavar="COMMAND")

    denoise = commands.add_parser(
        "denoise",
        help="clean pictures",
        description="Clean picture files (PNG, JPEG, TIFF, BMP), or all in a folder.",
        allow_abbrev=False,
    )
    denoise.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="files or folders")
    denoise.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="a file for one file; else a folder, which is made if it is missing",
    )
    denoise.add_argument(
        "--sigma",
        type=sigma,
        default="auto",
        help="standard deviation of the noise in grey levels of 255, or auto: estimated from each "
        "picture; default: %(default)s",
    )
    denoise.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="a denoiser from `dae train`; default: the one that comes with dae",
    )
    denoise.add_argument(
        "--stride",
        type=number(int, 1, 64, "an integer from 1 to 64"),
        help="pixels between patches; smaller is slower and a little better; default: the model's",
    )
    denoise.add_argument(
        "--overwrite", action="store_true", help="write over files that are there (not the inputs)"
    )
    denoise.add_argument(
        "--in-place", action="store_true", help="write over the inputs; instead of -o"
    )
    _add_n_jobs(denoise)

    train = commands.add_parser(
        "train",
        help="train a denoiser on clean pictures",
        description="Train a denoiser on the clean pictures of a folder.",
        allow_abbrev=False,
    )
    train.add_argument(
        "folder", type=Path, metavar="FOLDER", help="with pictures, all grey or all RGB"
    )
    train.add_argument(
        "-o", "--output", type=Path, required=True, metavar="MODEL", help="the file to write, .npz"
    )
    train.add_argument(
        "--noise",
        choices=("gaussian", "masking", "salt_and_pepper"),
        default="gaussian",
        help="the noise to remove; default: %(default)s",
    )
    train.add_argument(
        "--level",
        nargs="+",
        type=number(float, 1e-6, 254, "a number above 0 and below 255"),
        help="one number, or the lowest and the highest: the standard deviation in grey levels of "
        "255 for gaussian (default: 5 75), else the share of pixels hit (default: 0.05 0.9)",
    )
    train.add_argument(
        "--patches",
        type=number(int, 1, 10**12, "an integer above 0"),
        default=4_000_000,
        help="how many to train on; default: %(default)s",
    )
    train.add_argument(
        "--seed",
        type=number(int, 0, 2**32 - 1, "an integer from 0 to 2**32 - 1"),
        default=0,
        help="same seed, same model; default: %(default)s",
    )
    train.add_argument("--overwrite", action="store_true", help="write over MODEL if it is there")
    _add_n_jobs(train)

    commands.add_parser(
        "demo", help="train on one photograph, clean another, compare", add_help=False
    )
    return options


def _add_n_jobs(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--n-jobs",
        type=n_threads,
        help="threads; -1 for all cores; default: all cores that may be used",
    )


def sigma(text: str) -> float | str:
    """A converter for argparse: a noise level, or "auto"."""
    if text == "auto":
        return text
    return number(float, 0, 255, "auto, or a number from 0 to 255")(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["demo"]:
        from dae._cli._demo import main as demo

        return demo(argv[1:])
    options = parser()
    arguments = options.parse_args(argv)
    command = {"denoise": denoise, "train": train}[arguments.command]
    try:
        return command(arguments)
    except KeyboardInterrupt:
        complain("interrupted; what is written is whole")
        return 130
    except (OSError, ValueError, ImportError) as error:
        complain(error)
        return 1


def complain(problem: Any) -> None:
    """One line on stderr."""
    if isinstance(problem, OSError) and problem.filename and problem.strerror:
        problem = f"{problem.filename}: {problem.strerror}"
    print("dae: error:", " ".join(str(problem).split()), file=sys.stderr)


# ------------------------------------------------------------------ dae denoise


def denoise(arguments: argparse.Namespace) -> int:
    """Clean pictures, one after the other."""
    jobs = plan(arguments)
    denoiser = load_model(arguments)
    progress = Progress(len(jobs))
    failed, pixels = 0, 0
    levels: list[float] = []
    started = time.perf_counter()
    for number_, (source, goal) in enumerate(jobs):
        progress.show(number_, source.name)
        try:
            goal.parent.mkdir(parents=True, exist_ok=True)
            cleaned = clean_file(
                denoiser, source, goal, sigma=told_level(denoiser, arguments.sigma)
            )
        except (OSError, ValueError, MemoryError) as error:
            progress.clear()
            if str(source) not in str(error):
                error = ValueError(f"{source}: {error}")
            complain(error)
            failed += 1
            continue
        progress.clear()
        for note in cleaned.notes:
            print(f"{source}: {note}", file=sys.stderr)
        pixels += cleaned.n_pixels
        levels.extend(cleaned.sigmas)
    progress.clear()
    seconds = time.perf_counter() - started
    n_cleaned = len(jobs) - failed
    if n_cleaned:
        known = [255 * level for level in levels]
        ends = sorted({f"{min(known):.1f}", f"{max(known):.1f}"}, key=float) if known else []
        noise = f", sigma {' to '.join(ends)}" if known else ""
        print(
            f"{n_cleaned} {'picture' if n_cleaned == 1 else 'pictures'} cleaned in {seconds:.1f} s"
            f" ({seconds / pixels * 1e6:.2f} s a megapixel){noise}: "
            f"{'in place' if arguments.in_place else arguments.output}"
        )
    if failed and len(jobs) > 1:  # of one the error says it
        print(f"{failed} of {len(jobs)} failed", file=sys.stderr)
    return 1 if failed else 0


def plan(arguments: argparse.Namespace) -> list[tuple[Path, Path]]:
    """What to read and where to write it. Raises ValueError before anything is written."""
    if arguments.in_place == (arguments.output is not None):
        raise ValueError("say where to write: -o OUT, or --in-place to write over the inputs.")
    jobs = []
    alone = len(arguments.inputs) == 1 and not arguments.inputs[0].is_dir()
    into_folder = arguments.output is not None and not (
        alone and arguments.output.suffix.lower() in SUFFIXES and not arguments.output.is_dir()
    )
    if into_folder and alone and arguments.output.suffix and not arguments.output.is_dir():
        raise ValueError(
            f"{arguments.output} should end in one of {', '.join(SUFFIXES)}, or be a folder that "
            "is there."
        )
    if into_folder and arguments.output.exists() and not arguments.output.is_dir():
        raise ValueError(f"{arguments.output} is a file; several pictures need a folder.")
    for source in arguments.inputs:
        if not source.exists():
            raise FileNotFoundError(2, "No such file or folder", str(source))
        for path in find_pictures(source) if source.is_dir() else [source]:
            if arguments.in_place:
                goal = path
            elif into_folder:
                inner = path.relative_to(source) if source.is_dir() else Path(path.name)
                goal = arguments.output / inner
            else:
                goal = arguments.output
            if goal.suffix.lower() not in SUFFIXES:
                raise ValueError(f"{goal} should end in one of {', '.join(SUFFIXES)}.")
            jobs.append((path, goal))
    goals = [goal.resolve() for _, goal in jobs]
    count = Counter(goals)
    sources = {path.resolve() for path, _ in jobs}
    for (path, goal), resolved in zip(jobs, goals, strict=True):
        if count[resolved] > 1:
            raise ValueError(f"two inputs would be written to {goal}; clean them one by one.")
        if not arguments.in_place and resolved in sources:
            raise ValueError(f"{path} would be written over; use another -o, or --in-place.")
        if not arguments.in_place and goal.exists() and not arguments.overwrite:
            raise ValueError(f"{goal} is there already; use --overwrite, or another -o.")
        check_place(goal, make_folders=True)
    return jobs


def load_model(arguments: argparse.Namespace) -> Any:
    from dae.image import ImageDenoiser

    denoiser = (
        ImageDenoiser.pretrained()
        if arguments.model is None
        else ImageDenoiser.load(arguments.model)
    )
    denoiser.set_params(n_jobs=arguments.n_jobs)
    if arguments.stride is not None:
        denoiser.set_params(stride=arguments.stride)
    return denoiser


def told_level(denoiser: Any, asked: float | str) -> float | None:
    """What `transform` gets as `sigma`; None for an estimate, or a denoiser that is not told."""
    if asked == "auto":
        return None
    if not denoiser.tells_level:
        raise ValueError(
            "--sigma needs a model for a range of levels of Gaussian noise; leave it for this one."
        )
    return float(asked) / 255


# ------------------------------------------------------------------ dae train


def train(arguments: argparse.Namespace) -> int:
    """Train a denoiser and write it."""
    from dae.image import ImageDenoiser

    goal = arguments.output
    if goal.suffix != ".npz":
        raise ValueError(f"{goal} should end in .npz.")
    check_place(goal)
    if goal.exists() and not arguments.overwrite:
        raise ValueError(f"{goal} is there already; use --overwrite, or another -o.")
    if not arguments.folder.is_dir():
        raise ValueError(f"{arguments.folder} is no folder.")
    pictures = find_pictures(arguments.folder)
    gaussian = arguments.noise == "gaussian"
    levels = arguments.level or ([5, 75] if gaussian else [0.05, 0.9])
    if len(levels) > 2 or levels != sorted(levels):
        raise ValueError("--level takes one number, or the lowest and the highest.")
    levels = [level / 255 if gaussian else level for level in levels]
    denoiser = ImageDenoiser(
        noise=arguments.noise,
        level=levels[0] if len(levels) == 1 else tuple(levels),
        n_patches=arguments.patches,
        random_state=arguments.seed,
        n_jobs=arguments.n_jobs,
        verbose=1,
    )
    started = time.perf_counter()
    denoiser.fit(pictures)
    denoiser.save(goal)
    print(
        f"trained on {arguments.patches:,} patches of {len(pictures)} pictures in "
        f"{time.perf_counter() - started:.0f} s: {goal}"
    )
    return 0
