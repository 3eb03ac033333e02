"""The exception tree: plain data, split by what the caller does next.

No exception here holds or chains to an exception of aiohttp: those carry the
request headers, and with them the bearer token, in their `repr`.
"""

from ltx_async.errors.replied import (
    CLASS_OF_STATUS,
    RETRIED_STATUSES,
    AccountNotFoundError,
    AuthenticationError,
    DecodeError,
    ProxyAuthenticationError,
    RateLimitError,
    ReauthenticationError,
    RedirectError,
    ResponseError,
    ServerError,
    SubscriptionError,
)
from ltx_async.errors.root import (
    LONGEST_EMAIL,
    ConfigurationError,
    InvalidEmailError,
    LTXError,
    as_text,
)
from ltx_async.errors.unanswered import (
    AttemptTimeoutError,
    CertificateError,
    ConnectError,
    DeadlineError,
    ProtocolError,
    ServiceRefusedError,
    ServiceUnavailableError,
    TransportError,
)

__all__ = [
    "CLASS_OF_STATUS",
    "LONGEST_EMAIL",
    "RETRIED_STATUSES",
    "AccountNotFoundError",
    "AttemptTimeoutError",
    "AuthenticationError",
    "CertificateError",
    "ConfigurationError",
    "ConnectError",
    "DeadlineError",
    "DecodeError",
    "InvalidEmailError",
    "LTXError",
    "ProtocolError",
    "ProxyAuthenticationError",
    "RateLimitError",
    "ReauthenticationError",
    "RedirectError",
    "ResponseError",
    "ServerError",
    "ServiceRefusedError",
    "ServiceUnavailableError",
    "SubscriptionError",
    "TransportError",
    "as_text",
]
