"""Error reports with Sentry: grouped by what went wrong, and without anybody's address.

pip install ltx_async sentry-sdk
"""

import re
from typing import Any

import sentry_sdk

from ltx_async import LTXError

ADDRESS = re.compile(r"[\w.!#$%&'*+=?^`{|}~-]+(?:@|%40)(?=\w)")


def without_addresses(value: Any) -> Any:
    """Return what is reported with the part of each address before its @ left out."""
    if isinstance(value, str):
        return ADDRESS.sub("…@", value)
    if isinstance(value, dict):
        return {key: without_addresses(inner) for key, inner in value.items()}
    return [*map(without_addresses, value)] if isinstance(value, list | tuple) else value


def prepare(event: Any, hint: dict[str, Any]) -> Any:
    """Group errors of ltx_async by kind, not by where they were met, and clean every report."""
    error = hint.get("exc_info", (None, None))[1]
    if isinstance(error, LTXError):
        kind = [type(error).__name__, str(getattr(error, "status", None))]
        event["fingerprint"] = ["{{ default }}", *kind]
        event.setdefault("tags", {}).update(error=kind[0], retryable=str(error.retryable))
    return without_addresses(event)


def report_errors(dsn: str, **options: Any) -> None:
    """Set Sentry up; local variables, which hold accounts and addresses, stay here."""
    sentry_sdk.init(
        dsn,
        include_local_variables=False,
        before_send=prepare,
        before_send_transaction=prepare,
        **options,
    )
