"""What `watch` and `check` know, as Prometheus metrics: on a port, or in a textfile."""

from __future__ import annotations

import contextlib
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler

from attrs import define, field
from prometheus_client import CollectorRegistry, Histogram, generate_latest, start_http_server
from prometheus_client.core import Metric

from ltx_async.alerts import Thresholds
from ltx_async.events import AttemptFinished, Event
from ltx_async.files.replacement import write_whole
from ltx_async.models import Outcome, Stats
from ltx_async.monitor.figures import Figures
from ltx_async.monitor.series import LAST_SUCCESS, SENT, Series
from ltx_async.monitor.standing import Standing

_PUBLIC: Final = 0o644  # the textfile collector runs as another user


class _ScrapeHandler(WSGIRequestHandler):
    """Answers one scrape, and tells nobody of one that is broken off or makes no sense.

    Prometheus itself resets a connection at its time limit. The library would print a traceback
    for each, on the standard error on which alerts are.
    """

    timeout = 10.0  # seconds for each read and write

    def log_message(self, *_: object) -> None:
        """Log no request."""

    def get_stderr(self) -> io.StringIO:
        """Return what tracebacks are written to, and then forgotten."""
        return io.StringIO()


@define(eq=False)
class Metrics:
    """The series of one `watch` or `check`, in a registry of their own.

    It has no series about the process or Python, as a textfile outlives its process. The
    series of a round are replaced all at once, so that no scrape sees half of them.

    Attributes:
        series: how they are made.
        accounts: whether single accounts have series.
        registry: what is served or written.
    """

    series: Series = field(factory=Series)
    accounts: bool = False
    registry: CollectorRegistry = field(factory=CollectorRegistry, init=False)
    _collected: Histogram = field(init=False)
    _latency: Histogram = field(init=False)
    _families: list[Metric] = field(init=False)
    _lookups: Counter[Outcome] = field(factory=Counter, init=False)
    _sent: Counter[str] = field(factory=Counter, init=False)
    _succeeded: float | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._collected, self._latency = self.series.latency()
        self._families = [*self.series.info(), *self._counters()]
        self.registry.register(self)

    # Input

    def observe(self, event: Event) -> None:
        """Take note of one event of the client."""
        if isinstance(event, AttemptFinished):
            self._latency.observe(event.seconds)

    def end_round(
        self,
        figures: Figures | None,
        stats: Stats | None,
        at: datetime,
        *,
        up: bool,
        whole: bool = True,
        standings: Iterable[Standing] = (),
    ) -> None:
        """Show what is known by the end of a round.

        Args:
            figures: the sums over all accounts; None where they are not known.
            stats: what was sent; None where nothing was.
            at: when it ended, aware.
            up: whether the service answered.
            whole: whether it was not cut short by a signal.
            standings: what is known of each account, for the series of single ones.
        """
        if up and whole:
            self._succeeded = at.timestamp()
        if stats is not None:
            self._lookups.update(stats.outcomes)
            self._sent.update({name: getattr(stats, name) for name in SENT})
        self._families = [
            *self.series.info(),
            *self.series.service(at, self._succeeded, up=up),
            *self._counters(),
            *(() if figures is None else self.series.together(figures)),
            *(self.series.single(standings) if self.accounts else ()),
        ]

    def recall(self, path: Path) -> None:
        """Take from the file of an earlier process when it last succeeded, if it says so."""
        with contextlib.suppress(OSError, ValueError), path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(LAST_SUCCESS):
                    moment = float(line.rpartition(" ")[2])
                    self._succeeded = moment if math.isfinite(moment) else None

    # Called by the registry

    def collect(self) -> Iterator[Metric]:
        """Return what was known at the end of the last round."""
        yield from self._families
        for family in self._collected.collect():
            # The creation times are of no use, and in a textfile they would change every round.
            family.samples = [one for one in family.samples if not one.name.endswith("_created")]
            yield family

    def describe(self) -> Iterator[Metric]:
        """Return one of each family, so that a scrape can choose some by name."""
        never = datetime.fromtimestamp(0, UTC)
        yield from self.series.service(never, None, up=False)
        yield from self.series.together(Figures(Thresholds(), never))
        yield from self.series.single(())
        yield from self.collect()

    def _counters(self) -> Iterator[Metric]:
        return self.series.counters(self._lookups, self._sent)

    # Output

    @contextlib.contextmanager
    def served(self, host: str, port: int) -> Iterator[int]:
        """Serve the series on an address of this machine, and return the port; 0 picks one.

        Raises:
            OSError: the address or the port cannot be had.
        """
        server, thread = start_http_server(port, host, self.registry)
        server.RequestHandlerClass = _ScrapeHandler
        server.handle_error = _ignore  # type: ignore[method-assign]
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


def _ignore(request: object, client_address: object) -> None:
    """Do nothing about a connection that broke, in place of printing a traceback."""
