"""Look up LTX Studio accounts by email, one or a million, from async Python or a shell.

Two lines do it, with a token in USEAPI_TOKEN::

    async with LTXClient() as client:
        print(await client.fetch_account("ann@example.com"))
"""

from typing import TYPE_CHECKING, Any

from ltx_async._version import __version__
from ltx_async.late import late

if TYPE_CHECKING:
    from ltx_async.client import LTXClient
    from ltx_async.codec.account_list import AccountList
    from ltx_async.engine.bulk import BulkLookup
    from ltx_async.errors import (
        AccountNotFoundError,
        AttemptTimeoutError,
        AuthenticationError,
        CertificateError,
        ConfigurationError,
        ConnectError,
        DeadlineError,
        DecodeError,
        InvalidEmailError,
        LTXError,
        ProtocolError,
        ProxyAuthenticationError,
        RateLimitError,
        ReauthenticationError,
        RedirectError,
        ResponseError,
        ServerError,
        ServiceRefusedError,
        ServiceUnavailableError,
        SubscriptionError,
        TransportError,
    )
    from ltx_async.events import (
        AttemptFinished,
        AttemptStarted,
        Event,
        GateClosed,
        GateOpened,
        LookupFinished,
        NobodyFound,
        OutageBegan,
        OutageEnded,
        PaceLearned,
        RetryScheduled,
    )
    from ltx_async.files.errors import (
        FileError,
        InputError,
        OutputFailedError,
        OutputRefusedError,
        UnsavedError,
    )
    from ltx_async.models import Account, Cookie, Lookup, Outcome, Stats
    from ltx_async.reasons import Reason
    from ltx_async.retry import OutageRule, RetryPolicy

__all__ = [
    "Account",
    "AccountList",
    "AccountNotFoundError",
    "AttemptFinished",
    "AttemptStarted",
    "AttemptTimeoutError",
    "AuthenticationError",
    "BulkLookup",
    "CertificateError",
    "ConfigurationError",
    "ConnectError",
    "Cookie",
    "DeadlineError",
    "DecodeError",
    "Event",
    "FileError",
    "GateClosed",
    "GateOpened",
    "InputError",
    "InvalidEmailError",
    "LTXClient",
    "LTXError",
    "Lookup",
    "LookupFinished",
    "NobodyFound",
    "OutageBegan",
    "OutageEnded",
    "OutageRule",
    "Outcome",
    "OutputFailedError",
    "OutputRefusedError",
    "PaceLearned",
    "ProtocolError",
    "ProxyAuthenticationError",
    "RateLimitError",
    "Reason",
    "ReauthenticationError",
    "RedirectError",
    "ResponseError",
    "RetryPolicy",
    "RetryScheduled",
    "ServerError",
    "ServiceRefusedError",
    "ServiceUnavailableError",
    "Stats",
    "SubscriptionError",
    "TransportError",
    "UnsavedError",
    "__version__",
]

_HOMES = {
    "engine.bulk": ("BulkLookup",),
    "client": ("LTXClient",),
    "codec.account_list": ("AccountList",),
    "events": (
        "AttemptFinished",
        "AttemptStarted",
        "Event",
        "GateClosed",
        "GateOpened",
        "LookupFinished",
        "NobodyFound",
        "OutageBegan",
        "OutageEnded",
        "PaceLearned",
        "RetryScheduled",
    ),
    "files.errors": (
        "FileError",
        "InputError",
        "OutputFailedError",
        "OutputRefusedError",
        "UnsavedError",
    ),
    "models": ("Account", "Cookie", "Lookup", "Outcome", "Stats"),
    "reasons": ("Reason",),
    "retry": ("OutageRule", "RetryPolicy"),
}
_HOME_OF = dict.fromkeys(__all__, "errors") | {
    name: home for home, names in _HOMES.items() for name in names
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for.

    So `ltx-async --help`, completion in a shell and `--version` need not wait for aiohttp.
    """
    return late(__name__, _HOME_OF, name)


def __dir__() -> list[str]:
    return __all__
