"""libcurl's multi interface by hand, each reply checked and structured like everyone's."""

import time
from collections.abc import Iterator
from io import BytesIO

import orjson
import pycurl  # type: ignore[import-untyped]
from attrs import define, field

from benchmarks.account import is_account_reply, structure
from benchmarks.measurement import Job, Measurement, Stopwatch
from benchmarks.workload import HEADERS, account_url, emails


@define(eq=False)
class Slot:
    """One easy handle, used for one lookup after another on a kept-alive connection."""

    easy: pycurl.Curl = field(factory=pycurl.Curl)
    body: BytesIO = field(factory=BytesIO)
    started: float = 0.0

    def prepare(self, ca_file: str) -> None:
        """Set what is the same for every lookup."""
        self.easy.setopt(pycurl.HTTPHEADER, [f"{name}: {text}" for name, text in HEADERS.items()])
        self.easy.setopt(pycurl.TIMEOUT, 30)
        self.easy.setopt(pycurl.NOSIGNAL, 1)
        if ca_file:
            self.easy.setopt(pycurl.CAINFO, ca_file)

    def ask(self, url: str) -> None:
        """Aim the handle at the next address."""
        self.body = BytesIO()
        self.easy.setopt(pycurl.WRITEDATA, self.body)
        self.easy.setopt(pycurl.URL, url)
        self.started = time.perf_counter()

    def finish(self, watch: Stopwatch) -> None:
        """Check and structure the reply, and count it."""
        status = self.easy.getinfo(pycurl.RESPONSE_CODE)
        if not is_account_reply(status, self.easy.getinfo(pycurl.CONTENT_TYPE)):
            raise ValueError(f"status {status}")
        structure(orjson.loads(self.body.getbuffer()))
        watch.answered(time.perf_counter() - self.started)


def run(job: Job) -> Measurement:
    """Look up every email of the job."""
    watch = Stopwatch(job.lookups)
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAXCONNECTS, job.concurrency)
    urls = (account_url(job.base_url, email) for email in emails(job.lookups))
    slots = {slot.easy: slot for slot in (Slot() for _ in range(job.concurrency))}
    with watch:
        _start(multi, slots, urls, job.ca_file)
        _transfer_all(multi, slots, urls, watch)
    multi.close()
    return watch.measurement()


def _start(
    multi: pycurl.CurlMulti, slots: dict[pycurl.Curl, Slot], urls: Iterator[str], ca_file: str
) -> None:
    for slot, url in zip(slots.values(), urls, strict=False):
        slot.prepare(ca_file)
        slot.ask(url)
        multi.add_handle(slot.easy)


def _transfer_all(
    multi: pycurl.CurlMulti,
    slots: dict[pycurl.Curl, Slot],
    urls: Iterator[str],
    watch: Stopwatch,
) -> None:
    running = 1
    while running or watch.ok < watch.lookups:
        _, running = multi.perform()
        if not _refill(multi, slots, urls, watch):
            multi.select(1.0)  # never with a fresh request waiting: perform() is what sends it


def _refill(
    multi: pycurl.CurlMulti,
    slots: dict[pycurl.Curl, Slot],
    urls: Iterator[str],
    watch: Stopwatch,
) -> int:
    _, finished, failed = multi.info_read(len(slots))
    if failed:
        raise ConnectionError(failed[0][2])
    for easy in finished:
        slot = slots[easy]
        slot.finish(watch)
        multi.remove_handle(easy)
        if (url := next(urls, None)) is not None:
            slot.ask(url)
            multi.add_handle(easy)
    return len(finished)
