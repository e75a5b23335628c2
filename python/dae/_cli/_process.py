"""What the commands need of their process: streams that can be written, signals that end them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any

INTERRUPTED = 130  # the exit status after Ctrl-C

# ------------------------------------------------------------------ streams


@contextmanager
def writable_streams() -> Iterator[None]:
    """Within it, stdout and stderr exist and take any text.

    One that was closed (``2>&-``, a daemon) leads nowhere. Characters that stdout cannot encode,
    of the name of a file, are escaped.
    """
    _occupy_standard_descriptors()
    with ExitStack() as stack:
        for name, redirect in (("stdout", redirect_stdout), ("stderr", redirect_stderr)):
            if getattr(sys, name) is None:
                nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(redirect(nowhere))
        stack.enter_context(_escaping(sys.stdout))
        yield


def _occupy_standard_descriptors() -> None:
    """Open those of the descriptors 0 to 2 that are closed.

    The next file opened would get the number, and a picture would take what a C library prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one


@contextmanager
def _escaping(stream: Any) -> Iterator[None]:
    """Escape what `stream` cannot encode, where it would raise an error."""
    if getattr(stream, "errors", None) != "strict" or not hasattr(stream, "reconfigure"):
        yield
        return
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with suppress(OSError, ValueError):  # it flushes; the reader may be gone
            stream.reconfigure(errors="strict")


def say(text: str) -> None:
    """One line on stderr, unless it cannot be written: a terminal that was closed, a full disk."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def discard_output() -> None:
    """Point stdout nowhere, so that Python does not fail on it once more when it ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a real file
        pass


# ------------------------------------------------------------------ signals


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt; yields a list of the one that came.

    They are sent by a batch system at its time limit, and when a terminal is closed. One that is
    ignored (``nohup``) stays ignored. As they may come together, the first one counts: a second
    one must not end what the command does about the first.
    """
    received: list[int] = []

    def end(number: int, frame: Any) -> None:
        for other in taken:
            signal.signal(other, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt

    taken = _deadly_signals()
    for number in taken:
        signal.signal(number, end)
    try:
        yield received
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _deadly_signals() -> list[int]:
    """Those of the two that would kill the process; only the main thread may handle signals."""
    if threading.current_thread() is not threading.main_thread():
        return []
    numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    return [n for n in numbers if n is not None and signal.getsignal(n) == signal.SIG_DFL]
