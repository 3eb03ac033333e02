"""Check what users pass to a client, and refuse at once what would fail or do harm later."""

from __future__ import annotations

import inspect
import ssl as tls
from collections.abc import Collection

from ltx_async.errors import ConfigurationError
from ltx_async.events import KINDS, Event
from ltx_async.retry import OutageRule, RetryPolicy


def check_kinds(*, retry: object, outage: object, ssl: object) -> None:
    """Refuse arguments of a type that a client cannot use.

    Raises:
        ConfigurationError: one has such a type; the hint says what to pass.
    """
    if not isinstance(retry, RetryPolicy):
        raise ConfigurationError(
            f"retry must be a RetryPolicy, not {type(retry).__name__}",
            hint="Pass RetryPolicy(attempts=1) for no retries.",
        )
    if not isinstance(outage, OutageRule):
        raise ConfigurationError(
            f"outage must be an OutageRule, not {type(outage).__name__}",
            hint="Pass OutageRule(patience=600) to wait ten minutes for the end of an outage.",
        )
    if ssl is not None and not isinstance(ssl, tls.SSLContext):
        raise ConfigurationError(
            "ssl must be an SSLContext", hint="Certificates are always verified; give the CA."
        )
    if ssl is not None and (ssl.verify_mode != tls.CERT_REQUIRED or not ssl.check_hostname):
        raise ConfigurationError(
            "the ssl context does not verify who the server is, and the API token goes there",
            hint="Start from ssl.create_default_context() and load your own CA into it.",
        )


def is_coroutine(result: object) -> bool:
    """Whether a function that was to be plain gave a coroutine; it is closed, not forgotten."""
    if not inspect.iscoroutine(result):
        return False
    result.close()
    return True


def check_functions(*, on_event: object, headers: object) -> None:
    """Refuse what cannot be called, and coroutine functions, whose result would not be awaited.

    Raises:
        ConfigurationError: an argument is one of these.
    """
    if on_event is not None and not callable(on_event):
        raise ConfigurationError(
            f"on_event must be a plain function, not {type(on_event).__name__}",
            hint="It is called with each event: def on_event(event): …",
        )
    for name, function in (("on_event", on_event), ("headers", headers)):
        called = getattr(type(function), "__call__", None)  # noqa: B004 - an object may be called
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):
            raise ConfigurationError(
                f"{name} must be a plain function, not a coroutine function",
                hint="Hand what has to be awaited to a task: asyncio.create_task(…).",
            )


def kinds_of(events: Collection[type[Event]] | None) -> frozenset[type[Event]] | None:
    """Return the classes of events that are wanted, None for all.

    Raises:
        ConfigurationError: something else was given.
    """
    if events is None:
        return None
    if isinstance(events, Collection):
        wanted = [one for one in events if isinstance(one, type) and one in KINDS]
        if len(wanted) == len(events):
            return frozenset(wanted)
    names = ", ".join(sorted(kind.__name__ for kind in KINDS))
    raise ConfigurationError("events must be classes of events", hint=f"Choose from {names}.")


def set_attribute(client: object, name: str, value: object) -> None:
    """Set an attribute that a client has; for any other, say where the value may belong.

    Raises:
        AttributeError: the client has none of that name.
    """
    try:
        object.__setattr__(client, name, value)
    except AttributeError:
        raise AttributeError(
            f"an LTXClient has no attribute {name!r} to be set: "
            "its settings are parameters of LTXClient(…)"
        ) from None
