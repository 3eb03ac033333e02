"""From options and environment to an `LTXClient`; the token never comes as a flag."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Final, Literal

from attrs import frozen

from ltx_async import LTXClient, RetryPolicy
from ltx_async.cli.endings import CommandError
from ltx_async.cli.sources import STANDARD_INPUT
from ltx_async.cli.talk import Talk
from ltx_async.client import TOKEN_VARIABLE
from ltx_async.events import Event

_LONGEST_TOKEN_FILE: Final = 4096
_FOR_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@frozen
class ClientOptions:
    """The options that all commands share which ask the API; times in seconds."""

    token_file: str | None = None
    base_url: str | None = None
    allow_http: bool = False
    concurrency: int = 20
    rate: float | None = None
    timeout: float = 30.0
    deadline: float = 300.0
    attempts: int = 3
    max_wait: float = 60.0
    transport: Literal["session", "direct"] = "session"

    def client(self, talk: Talk, on_event: Callable[[Event], None] | None = None) -> LTXClient:
        """Make the client.

        Raises:
            CommandError: there is no token, or its file cannot be read.
            ConfigurationError: an option or an environment variable cannot be used.
        """
        return LTXClient(
            find_token(self.token_file, talk),
            base_url=self.base_url,
            allow_http=self.allow_http,
            concurrency=self.concurrency,
            rate=self.rate,
            timeout=self.timeout,
            deadline=self.deadline,
            retry=RetryPolicy(attempts=self.attempts, retry_after_cap=self.max_wait),
            transport=self.transport,
            on_event=on_event,
        )


def find_token(token_file: str | None, talk: Talk) -> str:
    """Return the API token: from the file where one is given, else from USEAPI_TOKEN.

    Raises:
        CommandError: there is none.
    """
    token = os.environ.get(TOKEN_VARIABLE) if token_file is None else _read_token(token_file, talk)
    if not token:
        raise CommandError(
            "no API token.", f"Set {TOKEN_VARIABLE}, or give --token-file FILE (- reads stdin)."
        )
    return token


def _read_token(name: str, talk: Talk) -> str:
    shown = "standard input" if name == STANDARD_INPUT else name
    try:
        descriptor = 0 if name == STANDARD_INPUT else os.open(name, os.O_RDONLY)
        try:
            _warn_of_readers(descriptor, shown, talk)
            text = _first_line(descriptor)
        finally:
            if descriptor:
                os.close(descriptor)
    except OSError as error:
        failure = CommandError(f"the token file {shown}: {error.strerror}.", "Name another file.")
    else:
        # What is no UTF-8 fails the client's own check, which never quotes the token.
        return text.decode("utf-8-sig", "replace").strip()
    raise failure


def _first_line(descriptor: int) -> bytes:
    text = b""
    while b"\n" not in text and len(text) < _LONGEST_TOKEN_FILE:
        piece = os.read(descriptor, _LONGEST_TOKEN_FILE)
        if not piece:
            break
        text += piece
    return text.split(b"\n")[0]


def _warn_of_readers(descriptor: int, shown: str, talk: Talk) -> None:
    mode = os.fstat(descriptor).st_mode
    if os.name == "posix" and stat.S_ISREG(mode) and mode & _FOR_OTHERS:
        talk.warn(f"the token file {shown} can be read by others; do: chmod 600 {shown}")
