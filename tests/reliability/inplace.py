"""The command line called in this process, where nothing depends on its being another one."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest import mock

from ltx_async.cli.app import run

STREAMS = (("stdin", "r", "surrogateescape"), ("stdout", "w", "surrogateescape"))
STREAMS += (("stderr", "w", "backslashreplace"),)


@contextlib.contextmanager
def standard_streams(descriptors: Sequence[int]) -> Iterator[None]:
    """Put three descriptors in the place of 0, 1 and 2, and of the objects over these."""
    saved = [os.dup(number) for number in range(3)]
    with contextlib.ExitStack() as stack:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            stack.callback(os.close, saved[number])
            stack.callback(os.dup2, saved[number], number)
        for number, (name, mode, errors) in enumerate(STREAMS):
            stream = os.fdopen(
                number, mode, encoding="utf-8", errors=errors, newline="\n", closefd=False
            )
            stack.enter_context(stream)
            stack.enter_context(mock.patch.object(sys, name, stream))
        yield


@contextlib.contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the body when it takes longer."""

    def give_up(*_signal: object) -> None:
        raise TimeoutError(f"still not at its end after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_in_place(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    seconds: float,
) -> int:
    """Run a command with a directory, environment and streams of its own; return its status."""
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, environment, clear=True),
        patience(seconds),
        standard_streams(descriptors),
    ):
        return int(run(list(arguments)))
