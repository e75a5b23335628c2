"""The command ``dae``: clean pictures, train denoisers.

dae denoise IN... -o OUT     clean files, or the pictures of folders     `_denoise`
dae train FOLDER -o MODEL    train a denoiser on clean pictures          `_train`
dae demo                     the same as ``python -m dae``               `_demo`

No file is replaced unless an option says so, and a file is written completely or not at all. A
picture that cannot be read or written costs one line and the exit status, not the other pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dae._cli import _denoise, _train
from dae._cli._options import Parser, complain
from dae._cli._process import (
    INTERRUPTED,
    discard_output,
    ended_as_by_ctrl_c,
    writable_streams,
)
from dae._version import __version__


def parser() -> Parser:
    """The options of all commands."""
    options = Parser(
        prog="dae",
        description="Denoising autoencoders: clean pictures, train denoisers.",
        allow_abbrev=False,
    )
    options.add_argument("--version", action="version", version=f"dae {__version__}")
    commands = options.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _denoise.add_parser(commands)
    _train.add_parser(commands)
    commands.add_parser(
        "demo", help="train on one photograph, clean another, compare", add_help=False
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: of one that a signal ended, as shells have it."""
    argv = list(sys.argv[1:] if argv is None else argv)
    with writable_streams(), ended_as_by_ctrl_c() as received:
        status = run(argv)
    return 128 + received[0] if received and status == INTERRUPTED else status


def run(argv: list[str]) -> int:
    """The same of a process that can print and is not killed."""
    if argv[:1] == ["demo"]:  # it needs packages that the others do not
        from dae._cli import _demo

        return _demo.main(argv[1:])
    arguments = parser().parse_args(argv)
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        complain("interrupted; every file that was written is complete")
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()
        complain("the output was closed before the end; every file that was written is complete")
        return 1
    except (OSError, ValueError, ImportError, MemoryError) as error:
        complain(error)
        return 1
