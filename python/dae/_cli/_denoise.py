"""``dae denoise``: clean picture files."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from dae._cli._options import (
    add_n_jobs,
    check_output,
    check_regular,
    complain_about,
    file_or_folder,
    number,
)
from dae._cli._process import say
from dae._files import check_place
from dae.image import ImageDenoiser
from dae.image._clean_file import CleanedFile, clean_file
from dae.image._io import SUFFIXES, find_pictures


def add_parser(commands: Any) -> None:
    """Declare the command and its options."""
    options = commands.add_parser(
        "denoise",
        help="clean pictures",
        description=f"Clean picture files ({', '.join(SUFFIXES)}), or all in a folder.",
        allow_abbrev=False,
    )
    options.set_defaults(run=run)
    options.add_argument(
        "inputs", nargs="+", type=file_or_folder, metavar="IN", help="files or folders"
    )
    options.add_argument(
        "-o",
        "--output",
        type=file_or_folder,
        metavar="OUT",
        help="for one file, a file or a folder; else a folder, created if it does not exist",
    )
    options.add_argument(
        "--sigma",
        type=sigma,
        default="auto",
        help="standard deviation of the noise in grey levels of 255, or auto: estimated from each "
        "picture; default: %(default)s",
    )
    options.add_argument(
        "--model",
        type=file_or_folder,
        metavar="FILE",
        help="a denoiser written by `dae train`; default: the bundled one",
    )
    options.add_argument(
        "--stride",
        type=number(int, 1, 64, "an integer from 1 to 64"),
        help="pixels between patches, of a model that has patches (the bundled one has none): "
        "smaller is slower and slightly better; default: the model's",
    )
    options.add_argument(
        "--quality",
        type=number(int, 1, 100, "an integer from 1 to 100"),
        help="quality of the JPEG and WebP files that are written; default: as the input, or 95",
    )
    options.add_argument(
        "--overwrite", action="store_true", help="replace existing files (but never an input)"
    )
    options.add_argument("--in-place", action="store_true", help="replace the inputs; no -o then")
    add_n_jobs(options)


def sigma(text: str) -> float | str:
    """A converter for argparse: a noise level, or "auto"."""
    if text == "auto":
        return text
    return number(float, 0, 255, "auto, or a number from 0 to 255")(text)


class Progress:
    """A progress bar on a terminal; nothing elsewhere."""

    WIDTH = 30

    def __init__(self, total: int, stream: IO[str] | None = None) -> None:
        self.total = total
        self.started = time.perf_counter()
        self.stream = sys.stderr if stream is None else stream
        self.visible = self.stream.isatty()

    def show(self, done: float, what: str) -> None:
        """`done` of `total` pictures are complete; the fraction is that of the present one."""
        if self.visible:
            bar = "#" * int(self.WIDTH * done / self.total)
            seconds = time.perf_counter() - self.started
            left = (
                f"  {seconds * (self.total / done - 1):.0f} s left" if seconds > 2 and done else ""
            )
            self._write(
                f"\r\033[K[{bar:<{self.WIDTH}}] {int(done)} of {self.total}  {what[:40]}{left}"
            )

    def show_part(self, done: int, what: str, share: float) -> None:
        """`share` of the picture after the `done` complete ones."""
        self.show(done + share, what)

    def clear(self) -> None:
        if self.visible:
            self._write("\r\033[K")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:  # the terminal was closed, which is no reason to stop
            self.visible = False


def run(arguments: argparse.Namespace) -> int:
    """Clean the pictures one by one; returns the exit status."""
    jobs = plan(arguments)
    denoiser = load_model(arguments)
    progress = Progress(len(jobs))
    done: list[CleanedFile] = []
    started = time.perf_counter()
    for index, (source, goal) in enumerate(jobs):
        progress.show(index, source.name)
        try:
            goal.parent.mkdir(parents=True, exist_ok=True)
            cleaned = clean_file(
                denoiser,
                source,
                goal,
                sigma=None if arguments.sigma == "auto" else arguments.sigma / 255,
                quality=arguments.quality,
                progress=partial(progress.show_part, index, source.name),
            )
        except Exception as error:  # decoders and encoders raise what they like
            progress.clear()
            complain_about(source, error)
            continue
        done.append(cleaned)
    progress.clear()
    if done:
        place = "in place" if arguments.in_place else arguments.output
        print(summary(done, time.perf_counter() - started, place))
    n_failed = len(jobs) - len(done)
    if n_failed and len(jobs) > 1:  # for a single picture, the error says it
        say(f"{n_failed} of {len(jobs)} failed")
    return 1 if n_failed else 0


def summary(done: list[CleanedFile], seconds: float, place: Any) -> str:
    """What was cleaned, with which noise levels, and what was converted or lost on the way."""
    n_pictures = sum(cleaned.n_pages for cleaned in done)
    megapixels = sum(cleaned.n_pixels for cleaned in done) / 1e6
    sigmas = [255 * sigma for cleaned in done for sigma in cleaned.sigmas]
    levels = sorted({f"{min(sigmas):.1f}", f"{max(sigmas):.1f}"}, key=float) if sigmas else []
    lines = [
        f"{n_pictures} {'picture' if n_pictures == 1 else 'pictures'} cleaned in {seconds:.1f} s "
        f"({seconds / megapixels:.2f} s per megapixel)"
        f"{', sigma ' if levels else ''}{' to '.join(levels)}: {place}"
    ]
    notes = Counter(note for cleaned in done for note in cleaned.notes)
    for note, count in notes.items():
        lines.append(f"  {note}" if len(done) == 1 else f"  {count} of {len(done)} files: {note}")
    return "\n".join(lines)


# ------------------------------------------------------------------ what to read, where to write


def plan(arguments: argparse.Namespace) -> list[tuple[Path, Path]]:
    """What to read and where to write it. Raises ValueError before anything is written."""
    output, inputs = arguments.output, arguments.inputs
    if arguments.in_place == (output is not None):
        raise ValueError("say where to write: -o OUT, or --in-place to replace the inputs.")
    alone = len(inputs) == 1 and not inputs[0].is_dir()
    into_folder = output is not None and not (
        alone and output.suffix.lower() in SUFFIXES and not output.is_dir()
    )
    if into_folder and alone and output.suffix and not output.is_dir():
        raise ValueError(
            f"{output} must end in one of {', '.join(SUFFIXES)}, or be an existing folder."
        )
    if into_folder and output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file; several pictures need a folder.")
    if into_folder and output.suffix.lower() in SUFFIXES and not output.is_dir():
        raise ValueError(
            f"{output} is the name of a picture; several pictures need a folder. Choose another "
            "-o, or create that folder first."
        )
    jobs = []
    for source in inputs:
        for path in pictures_of(source, output if into_folder else None):
            goal = path if output is None else output
            if into_folder:
                goal = output / (path.relative_to(source) if source.is_dir() else path.name)
            if goal.suffix.lower() not in SUFFIXES:
                raise ValueError(f"{goal} must end in one of {', '.join(SUFFIXES)}.")
            jobs.append((path, goal))
    if arguments.in_place:
        jobs = once_each(jobs)
    check_goals(jobs, arguments)
    return jobs


def pictures_of(source: Path, output: Path | None) -> Iterator[Path]:
    """A file; of a folder its pictures, without those of an output folder inside it."""
    if not source.exists():
        raise FileNotFoundError(2, "No such file or folder", str(source))
    if not source.is_dir():
        check_regular(source, "a picture")
        yield source
        return
    results = None if output is None else output.resolve()
    if results == source.resolve():
        results = None  # `check_goals` refuses it
    for path in find_pictures(source):
        if results is None or results not in path.resolve().parents:
            yield path


def once_each(jobs: list[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Each file once, by its own name where links to it are among the inputs too."""
    files: dict[Path, tuple[Path, Path]] = {}
    for path, goal in jobs:
        file = path.resolve()
        if file not in files or (files[file][0].is_symlink() and not path.is_symlink()):
            files[file] = path, goal
    return list(files.values())


def check_goals(jobs: list[tuple[Path, Path]], arguments: argparse.Namespace) -> None:
    """Raise ValueError where something would be replaced, or cannot be written."""
    goals = [goal.resolve() for _, goal in jobs]
    count = Counter(goals)
    sources = {path.resolve() for path, _ in jobs}
    for (path, goal), resolved in zip(jobs, goals, strict=True):
        if count[resolved] > 1:
            raise ValueError(f"two inputs would be written to {goal}; clean them one by one.")
        if not arguments.in_place:
            if resolved in sources:
                raise ValueError(f"{path} would be replaced; choose another -o, or --in-place.")
            check_output(goal, arguments.overwrite)
        check_place(goal, make_folders=True)


# ------------------------------------------------------------------ the denoiser


def load_model(arguments: argparse.Namespace) -> ImageDenoiser:
    """The denoiser that the options ask for."""
    if arguments.model is None:
        denoiser = ImageDenoiser.pretrained()
    else:
        check_regular(arguments.model, "--model")
        denoiser = ImageDenoiser.load(arguments.model)
    if not denoiser.tells_level and arguments.sigma != "auto":
        raise ValueError(
            "--sigma needs a model for a range of levels of Gaussian noise; omit it for "
            f"{arguments.model}."
        )
    denoiser.set_params(n_jobs=arguments.n_jobs)
    if arguments.stride is not None:
        denoiser.set_params(stride=arguments.stride)
    return denoiser
