"""From options and environment to an `LTXClient`; the token never comes as a flag."""

from __future__ import annotations

import os
import shlex
import ssl as tls
import stat
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, Literal

from attrs import field, frozen

from ltx_async import LTXClient, RetryPolicy
from ltx_async.cli.terminal.messages import Talk
from ltx_async.client import TOKEN_VARIABLE
from ltx_async.errors import ConfigurationError
from ltx_async.events import Event
from ltx_async.files.errors import InputError

if TYPE_CHECKING:
    from ltx_async.inputs.source import ByteSource

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
    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = False
    ca_file: str | None = None
    user_agent: str | None = None

    async def client(
        self,
        talk: Talk,
        on_event: Callable[[Event], None] | None = None,
        events: Collection[type[Event]] | None = None,
    ) -> LTXClient:
        """Make the client; that takes as long as somebody takes to give the token.

        Raises:
            ConfigurationError: there is no token, or an option or an environment variable
                cannot be used.
            InputError: the file of the token or of the CA cannot be used.
        """
        return LTXClient(
            await find_token(self.token_file, talk),
            base_url=self.base_url,
            allow_http=self.allow_http,
            concurrency=self.concurrency,
            rate=self.rate,
            timeout=self.timeout,
            deadline=self.deadline,
            retry=RetryPolicy(attempts=self.attempts, retry_after_cap=self.max_wait),
            transport=self.transport,
            ssl=self.trust(),
            proxy=self.proxy,
            trust_env=self.trust_env,
            user_agent=self.user_agent,
            on_event=on_event,
            events=events,
        )

    def trust(self) -> tls.SSLContext | None:
        """Return the TLS settings, None for the system's own.

        Raises:
            InputError: the file of the certificate authorities cannot be used.
        """
        if self.ca_file is None:
            return None
        context = tls.create_default_context()
        try:
            context.load_verify_locations(cafile=self.ca_file)
        except tls.SSLError:
            raise InputError(
                f"the CA file {self.ca_file}: holds no certificate in PEM form.",
                hint="It begins with -----BEGIN CERTIFICATE-----.",
            ) from None
        except OSError as error:
            raise InputError(f"the CA file {self.ca_file}: {error.strerror}.") from None
        return context


async def find_token(token_file: str | None, talk: Talk) -> str:
    """Return the API token: from the file where one is given, else from USEAPI_TOKEN.

    Raises:
        ConfigurationError: there is none.
        InputError: its file cannot be read.
    """
    if token_file is not None:
        return await _read_token(token_file, talk)
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise ConfigurationError(
            "no API token.",
            hint=f"Set {TOKEN_VARIABLE}, or give --token-file FILE (- reads stdin).",
        )
    return token


async def _read_token(name: str, talk: Talk) -> str:
    from ltx_async.inputs.source import ByteSource  # noqa: PLC0415 - few give a file

    try:
        source = ByteSource.open(name, "the token file ")
    except InputError as error:
        message = error.message
    else:
        return await _token_in(source, name, talk)
    raise InputError(message, hint="Name the file that the API token is in.")


async def _token_in(source: ByteSource, name: str, talk: Talk) -> str:
    try:
        _warn_of_readers(source, name, talk)
        text = await _first_line(source)
    finally:
        source.close()
    # A token that is not UTF-8 fails the client's own check, which never quotes it.
    if token := text.decode("utf-8-sig", "replace").strip():
        return token
    raise ConfigurationError(
        f"no API token in {source.name}: its first line is empty.",
        hint="Write it there, alone: it has the form user:<number>-<string>.",
    )


async def _first_line(source: ByteSource) -> bytes:
    text = b""
    while b"\n" not in text and len(text) < _LONGEST_TOKEN_FILE:
        piece = await source.read()
        if not piece:
            break
        text += piece
    return text.split(b"\n")[0][:_LONGEST_TOKEN_FILE]


def _warn_of_readers(source: ByteSource, name: str, talk: Talk) -> None:
    if os.name == "posix" and stat.S_ISREG(source.mode) and source.mode & _FOR_OTHERS:
        talk.warn(f"{source.name} can be read by others; do: chmod 600 {shlex.quote(name)}")
