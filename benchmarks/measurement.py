"""One measurement: what a client was asked, and what it took. Time and CPU of the lookups only."""

import os
import resource
import ssl
import sys
import time
from array import array
from collections.abc import Iterable, Mapping, MutableSequence
from pathlib import Path
from typing import Self

from attrs import define, field, frozen

LATENCIES_KEPT = 20_000


@frozen
class Job:
    """What one client is to do: ``lookups`` at ``base_url``, ``concurrency`` at a time.

    ``rate`` (requests per second) is what the server allows; 0 where it has no limit.
    ``ca_file`` (PEM) holds the CA of a server over TLS; empty for plain http.
    """

    base_url: str
    lookups: int
    concurrency: int
    rate: float = 0.0
    ca_file: str = ""

    def tls(self) -> ssl.SSLContext | bool:
        """Return what aiohttp takes as ``ssl=``: a context that trusts the server's CA."""
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True


@frozen
class Measurement:
    """What one run of one client took.

    ``wall`` and ``cpu`` in seconds (user and system, children included), latencies in
    milliseconds or None where the tool does not tell, ``peak_rss`` in KiB of the whole process.
    """

    lookups: int
    ok: int
    wall: float
    cpu: float
    p50_ms: float | None
    p99_ms: float | None
    peak_rss: int

    @property
    def per_second(self) -> float:
        """Lookups answered per second of wall time."""
        return self.ok / self.wall

    @property
    def cpu_us(self) -> float:
        """CPU microseconds per lookup answered."""
        return self.cpu / self.ok * 1e6 if self.ok else float("inf")

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """Build the measurement that a client process printed."""
        return cls(**fields)  # type: ignore[arg-type]


@define
class Stopwatch:
    """Times a block; inside it the client reports each lookup that was answered."""

    lookups: int
    ok: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    _latencies: MutableSequence[float] = field(factory=lambda: array("d"))
    _stride: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        # A bounded sample: a million floats would show as memory of the client under test.
        self._stride = 1 + self.lookups // LATENCIES_KEPT

    def __enter__(self) -> Self:
        """Start the clocks."""
        self.cpu = -cpu_seconds()
        self.wall = -time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the clocks."""
        self.wall += time.perf_counter()
        self.cpu += cpu_seconds()

    def answered(self, seconds: float) -> None:
        """Count one account delivered ``seconds`` after it was asked for."""
        self.ok += 1
        if not self.ok % self._stride:
            self._latencies.append(seconds)

    def measurement(self) -> Measurement:
        """Return what was measured, the process' peak memory included."""
        p50, p99 = percentile(self._latencies, 50), percentile(self._latencies, 99)
        return Measurement(
            self.lookups, self.ok, self.wall, self.cpu, _to_ms(p50), _to_ms(p99), peak_rss()
        )


def cpu_seconds() -> float:
    """Return user and system seconds of this process and of its children that have ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def percentile(values: Iterable[float], percent: int) -> float | None:
    """Return the value that ``percent`` of the values do not exceed, None without values."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)] if ranked else None


def peak_rss(process_id: int | None = None) -> int:
    """Return the peak resident memory of a living process (by default this one) in KiB.

    Linux carries ``ru_maxrss`` of the parent over into a new program, so the kernel's own
    per-program figure is read where there is one. 0 where a foreign process cannot be read.
    """
    status = Path(f"/proc/{process_id or os.getpid()}/status")
    try:
        lines = status.read_text("ascii", "replace").splitlines()
    except OSError:
        return 0 if process_id else _peak_rss_by_rusage()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _peak_rss_by_rusage() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak  # macOS counts bytes


def _to_ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
