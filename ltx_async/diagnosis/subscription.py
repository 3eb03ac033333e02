"""What useapi.net says of the token's owner: the part of it that is not retired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import evolve

from ltx_async.codec import Request
from ltx_async.diagnosis.finding import LONGEST_REQUEST, Finding, Verdict
from ltx_async.errors import LTXError
from ltx_async.jsontext import NotJSONError, decode
from ltx_async.transport import Endpoint, Wiring, transport_of
from ltx_async.wording import counted

if TYPE_CHECKING:
    from ltx_async.codec import Reply

_CHECK: Final = "owner"
_VERSION: Final = "/v1"
_ACCOUNT: Final = Request("/v2/account", 1 << 16)
_SERVICE: Final = "LTX Studio API"


async def subscription(
    endpoint: Endpoint, wiring: Wiring, *, kind: Literal["session", "direct"], timeout: float
) -> Finding | None:
    """Ask `/v2/account` beside a base URL that ends in `/v1`; None where it does not.

    The request goes to the origin of the base URL. Who the owner is, which the reply tells
    too, is never shown (https://useapi.net/docs/account-management/get-account).
    """
    path = endpoint.base.raw_path
    if not path.endswith(_VERSION):
        return None
    base = endpoint.base.with_path(path.removesuffix(_VERSION), encoded=True)
    transport = transport_of(kind, evolve(endpoint, base=base), wiring, None)
    try:
        return _judged(await transport.send(_ACCOUNT, min(timeout, LONGEST_REQUEST)))
    except LTXError as error:
        return Finding(_CHECK, Verdict.WARN, f"/v2/account: {error.message}", error.hint)
    finally:
        await transport.aclose()


def _judged(reply: Reply) -> Finding:
    if reply.status == 401:
        hint = "Check the API token, and copy it again from useapi.net."
        return Finding(_CHECK, Verdict.FAIL, "/v2/account refuses the API token: HTTP 401", hint)
    try:
        told = decode(reply.body)
    except NotJSONError:
        told = None
    if reply.status != 200 or not isinstance(told, dict):
        text = f"/v2/account tells nothing: HTTP {reply.status}"
        hint = "Is it useapi.net that answers? The lookups do not need this."
        return Finding(_CHECK, Verdict.WARN, text, hint)
    active = told.get("subscriptionIsActive")
    if active is False:
        return Finding(_CHECK, Verdict.FAIL, _told(told), "Renew the useapi.net subscription.")
    return Finding(_CHECK, Verdict.OK, _told(told))


def _told(told: dict[str, Any]) -> str:
    """Return the numbers of a reply, each of which may be missing, and nothing else of it."""
    active = told.get("subscriptionIsActive")
    parts = [f"subscription {'active' if active else 'not active'}"] if type(active) is bool else []
    if type(number := told.get("subscriptions")) is int:
        parts.append(counted(number, "subscription"))
    if type(number := told.get("maxAccountsPerAPI")) is int:
        parts.append(f"at most {counted(number, 'account')}")
    accounts = told.get("accounts")
    states = accounts.get(_SERVICE) if isinstance(accounts, dict) else None
    if isinstance(states, dict):
        kinds = ((name, states.get(name)) for name in ("total", "active", "error"))
        parts += [f"{number:,} {name}" for name, number in kinds if type(number) is int]
    return ", ".join(parts) or "the API token is accepted; nothing more is told"
