"""What `watch` knows, as Prometheus metrics: on a loopback port, or in a textfile.

An account's label is `account_id(email)`, 16 hexadecimal digits, unless emails are
asked for; the JSON lines of `watch` carry both, so that one can be found by the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)

from ltx_async._version import __version__
from ltx_async.alerts import Sighting
from ltx_async.codec.identity import entry_key
from ltx_async.events import AttemptFinished, Event
from ltx_async.files.replacement import write_whole
from ltx_async.models import Outcome, Stats
from ltx_async.monitor.changes import account_id

LOOPBACK: Final = "127.0.0.1"
_PUBLIC: Final = 0o644  # the textfile collector runs as another user
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The series of one `watch`, in a registry of their own.

    There is nothing in it of the process or of Python: in a textfile such series would be
    those of a process that is long gone.

    Args:
        emails: whether accounts are labelled by email, not by `account_id`.

    Attributes:
        registry: what is served or written.
    """

    def __init__(self, *, emails: bool = False) -> None:
        self.registry: CollectorRegistry = CollectorRegistry()
        self._emails = emails
        self._healthy = self._account_gauge("healthy", "1 if it is well, 0 if broken or gone.")
        self._balance = self._account_gauge("balance_tokens", "LTX tokens left.")
        self._token = self._account_gauge(
            "token_expiry_timestamp_seconds", "End of the access token."
        )
        self._sign_in = self._account_gauge(
            "sign_in_expiry_timestamp_seconds", "End of the sign-in; then a person is needed."
        )
        self._service = self._gauge("service_up", "1 if the last round had its answers.")
        self._round_at = self._gauge("last_round_timestamp_seconds", "When that was.")
        self._lookups = self._counter("lookups", "Lookups by outcome.", "outcome")
        for outcome in Outcome:
            self._lookups.labels(outcome.value)
        self._requests = self._counter("requests", "Requests sent by lookups.")
        self._retries = self._counter("retries", "Attempts after a failure, throttles aside.")
        self._throttles = self._counter("throttles", "Replies with status 429.")
        self._latency = Histogram(
            "ltx_attempt_duration_seconds",
            "Time from a request to its reply, or to its failure.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._gauge("async_info", "The version of ltx_async.", "version").labels(__version__).set(1)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"ltx_{name}", text, labels, registry=self.registry)

    def _account_gauge(self, name: str, text: str) -> Gauge:
        return self._gauge(f"account_{name}", text, "account")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"ltx_{name}", text, labels, registry=self.registry)

    # What happens

    def observe(self, event: Event) -> None:
        """Take note of one event of the client."""
        if isinstance(event, AttemptFinished):
            self._latency.observe(event.seconds)

    def show(self, seen: Sighting) -> None:
        """Show what a round has told of one account; without an answer it stays as it is."""
        self._lookups.labels(seen.outcome.value).inc()
        if seen.outcome in {Outcome.FAILED, Outcome.INVALID}:
            return
        label = self._label(seen.email)
        self._healthy.labels(label).set(seen.outcome is Outcome.OK)
        gone = seen.outcome is Outcome.NOT_FOUND
        for gauge, value in (
            (self._balance, seen.balance),
            (self._token, _seconds(seen.token_expires_at)),
            (self._sign_in, _seconds(seen.refresh_token_expires_at)),
        ):
            if value is not None:
                gauge.labels(label).set(value)
            elif gone:
                _remove(gauge, label)

    def forget(self, email: str) -> None:
        """Remove every series of an account that is watched no longer."""
        for gauge in (self._healthy, self._balance, self._token, self._sign_in):
            _remove(gauge, self._label(email))

    def end_round(self, stats: Stats | None, at: datetime, *, up: bool) -> None:
        """Add what a round has sent, and say how it went."""
        self._service.set(up)
        self._round_at.set(at.timestamp())
        if stats is not None:
            self._requests.inc(stats.requests)
            self._retries.inc(stats.retries)
            self._throttles.inc(stats.throttles)

    def _label(self, email: str) -> str:
        # A lone surrogate, from a file that is not UTF-8, cannot be sent to anybody.
        shown = entry_key(email).encode(errors="replace").decode()
        return shown if self._emails else account_id(email)

    # Where they go

    @contextlib.contextmanager
    def served(self, port: int) -> Iterator[int]:
        """Serve the series on the loopback interface, and return the port; 0 picks one.

        Raises:
            OSError: the port cannot be had.
        """
        server, thread = start_http_server(port, LOOPBACK, self.registry)
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def save(self, path: Path) -> None:
        """Replace the file at `path`, mode 0644, so that no reader ever sees half of it.

        Raises:
            FileError: it cannot be written, or it is a device, a pipe or a directory: what
                cannot be replaced without harm.
        """
        write_whole(path, generate_latest(self.registry), mode=_PUBLIC)


def _remove(gauge: Gauge, label: str) -> None:
    with contextlib.suppress(KeyError):
        gauge.remove(label)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
