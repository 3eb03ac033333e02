"""What to do about each problem that `doctor` can find; pure."""

from __future__ import annotations

import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from ltx_async.errors import (
    AccountNotFoundError,
    AuthenticationError,
    CertificateError,
    ConnectError,
    DecodeError,
    LTXError,
    RedirectError,
    ResponseError,
    ServerError,
)
from ltx_async.transport import DEFAULT_BASE_URL
from ltx_async.transport.endpoint import doubt_about
from ltx_async.transport.loopback import is_loopback
from ltx_async.wording import NOT_SERVED

if TYPE_CHECKING:
    from yarl import URL

    from ltx_async.codec import Reply

_VENDOR: Final = "useapi.net"
_RETIRED: Final = "useapi.net retired this API in March 2026 and may not have brought it back."
_NOT_HERE: Final = (
    "Nothing need be wrong here: `ltx-async demo` shows it at work, `ltx-async serve` stands in "
    "for it."
)
_CHALLENGE: Final = (
    "Cloudflare wants to see a browser, which no program can show: it distrusts the address of "
    "this network, as of a cloud or a VPN. Try from another network, or tell useapi.net the ray."
)
_PORTAL: Final = (
    "A page for people is in the API's place. If this network wants a sign-in (a captive portal), "
    "open any page in a browser; else check the base URL and the proxy."
)
_GATEWAY: Final = "What stands before the API answers, and the API behind it does not: try later."
_WRONG_PATH: Final = f"Nothing of the API is at that path: the vendor's is {DEFAULT_BASE_URL}."
_CHALLENGES: Final = (b"challenge-platform", b"cf-chl", b"cf_chl", b"<title>Just a moment")
_NOT_YET_VALID: Final = 9  # X509_V_ERR_…, as in OpenSSL's x509_vfy.h
_EXPIRED: Final = 10
_UNKNOWN_ISSUERS: Final = frozenset({2, 18, 19, 20, 21})
_OTHER_NAMES: Final = frozenset({62, 64})


def about_silence(host: str) -> str:
    """Say what to do if nothing answers; the API itself may have been retired."""
    if is_loopback(host):
        return NOT_SERVED
    check = "Check the base URL and this machine's network."
    return f"{check} {_retired(host)}" if host.endswith(_VENDOR) else check


def _retired(host: str) -> str:
    """Say that the API may be gone, and, where its own host was asked, that this is no fault."""
    return f"{_RETIRED} {_NOT_HERE}" if host.endswith(_VENDOR) else _RETIRED


def about_certificate(error: ssl.SSLCertVerificationError, own_ca: str | None) -> str:
    """Say what to do about a certificate that is refused.

    Args:
        error: why it is.
        own_ca: the value of SSL_CERT_FILE, which takes the place of the system's CAs.
    """
    code = error.verify_code
    if code == _EXPIRED:
        return "Its owner has to renew it; if that was done long ago, set this machine's clock."
    if code == _NOT_YET_VALID:
        return "Set this machine's clock, which seems to be behind; else wait until it is valid."
    if code in _OTHER_NAMES:
        return "Another server answers there: check the host of the base URL, and the proxy."
    if code not in _UNKNOWN_ISSUERS:
        return CertificateError.default_hint
    advice = (
        "If the server, or a proxy that looks into TLS, has a CA of its own, give it: "
        "--ca-file PEM, or SSL_CERT_FILE for all programs."
    )
    if own_ca:
        return f"{advice} That is {own_ca} now, in place of the system's CAs."
    return f"{advice} Where no site verifies, install the system's CA certificates."


def about_no_tls(url: URL) -> str:
    """Say what to do where https was tried at a port that speaks plain http."""
    plain = url.with_scheme("http").with_port(url.port)
    if is_loopback(url.raw_host or ""):
        return f"Leave the s off: {plain}."
    return f"Check the port: https has 443. {plain} would show the token to all (--allow-http)."


def about_tls(url: URL) -> str:
    """Say what to do where plain http was tried at a port that speaks TLS."""
    return f"Add an s: {url.with_scheme('https').with_port(url.port)}."


def about_reply(error: LTXError, reply: Reply | None, base: URL, token_from: str) -> str:
    """Say what to do about an error of the one request.

    Args:
        error: what was made of it.
        reply: what came; None where nothing did.
        base: the base URL.
        token_from: where the token is from.
    """
    host = base.raw_host or ""
    retired = _retired(host)
    if isinstance(error, ConnectError):
        return error.hint if error.misdirected and not error.nobody_listens else about_silence(host)
    if isinstance(error, AuthenticationError):
        return f"Check the API token in {token_from}, and copy it again from useapi.net."
    if isinstance(error, AccountNotFoundError) and doubt_about(base) is not None:
        return _WRONG_PATH
    if isinstance(error, AccountNotFoundError) and error.confirmed:
        return f"No account is configured for this token; or: {retired}"
    if reply is not None and any(mark in reply.body for mark in _CHALLENGES):
        return _CHALLENGE
    if isinstance(error, ResponseError) and error.status == HTTPStatus.NOT_FOUND:
        return f"{_WRONG_PATH} Or: {retired}"
    if isinstance(error, ServerError):
        return f"{_GATEWAY} Or: {retired}"
    page = isinstance(error, DecodeError | ResponseError) and error.html
    if page or isinstance(error, RedirectError):
        return f"{_PORTAL} Or: {retired}" if page else f"{error.hint} {_PORTAL}"
    return error.hint
