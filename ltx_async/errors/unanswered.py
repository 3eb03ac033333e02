"""No usable reply came: from one attempt that is tried again to the end of a whole run."""

from __future__ import annotations

import errno as os_errors
from typing import Any, Final

from ltx_async.errors.root import LTXError

_NO_DESCRIPTORS: Final = frozenset({os_errors.EMFILE, os_errors.ENFILE})


class TransportError(LTXError):
    """No usable reply came; the attempt is retried."""

    default_hint = "Check the network and the base URL; the lookup may be repeated."
    _passes = True


class ConnectError(TransportError):
    """Nothing was sent: DNS, refused, unreachable, or a TLS handshake that was cut.

    Attributes:
        errno: the operating system's error number, None where there is none.
        nobody_listens: whether the server was to be on this machine, and its port is refused.
        misdirected: whether it is what a wrong base URL or proxy brings, and seldom passes: a
            name that does not exist, such a port, or TLS spoken to a port that speaks none.
    """

    default_hint = "Check that the base URL is right and that the host is up and reachable."

    def __init__(
        self,
        message: str,
        *,
        errno: int | None = None,
        nobody_listens: bool = False,
        misdirected: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.errno = errno
        self.nobody_listens = nobody_listens
        self.misdirected: bool = misdirected or nobody_listens

    @property
    def out_of_descriptors(self) -> bool:
        """Whether this machine, not the server, is at fault: no file descriptor is left."""
        return self.errno in _NO_DESCRIPTORS


class AttemptTimeoutError(TransportError):
    """One attempt took longer than `timeout` seconds, body included."""

    default_hint = "The server is slow: raise the timeout or lower the concurrency."


class ProtocolError(TransportError):
    """The connection broke before a whole reply, or the reply is not valid HTTP.

    Attributes:
        reused: whether a kept-alive connection died before any byte of the reply: the
            server may just have closed it, and the request may be sent again at once.
    """

    default_hint = "The server or something in front of it broke the reply off; repeat later."

    def __init__(self, message: str, *, reused: bool = False, **details: Any) -> None:
        super().__init__(message, **details)
        self.reused = reused


class DeadlineError(LTXError, TimeoutError):
    """The lookup's own deadline passed, or its next retry could not have met it.

    Attributes:
        last_error: what the last attempt ended with, None where none was finished.
    """

    default_hint = "Raise the deadline, or find out why the server answers so late."
    _passes = True

    def __init__(self, message: str, *, last_error: LTXError | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.last_error = last_error


class CertificateError(LTXError):
    """The TLS certificate of the server does not verify; ends a run."""

    default_hint = (
        "Check the host name and the clock, or give the CA that signed it: `ssl`, in a shell "
        "--ca-file or SSL_CERT_FILE."
    )
    ends_run = True


class ServiceUnavailableError(LTXError):
    """Nothing has answered for so long that the run was ended.

    Attributes:
        last_error: what the last attempt ended with, None where nobody noted it.
    """

    default_hint = (
        "The service is down, unreachable, or still retired. "
        "What is pending can be asked again when it is back."
    )
    ends_run = True
    _passes = True

    def __init__(self, message: str, *, last_error: LTXError | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.last_error = last_error


class ServiceRefusedError(LTXError):
    """Every email and the list call get the same useless reply: it is not the API that answers.

    Attributes:
        last_error: what the last lookup ended with.
    """

    default_hint = "Check the base URL, and what lies between this machine and the API."
    ends_run = True

    def __init__(self, message: str, *, last_error: LTXError | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.last_error = last_error
