"""The clients under test: one file each, run in a process of its own."""

import shutil
from importlib import import_module
from importlib.util import find_spec

from attrs import frozen


@frozen
class Client:
    """One entry of the benchmark.

    ``entry`` is ``module:function`` in this package; ``share`` the part of the lookups that this
    client is given, smaller where one takes a hundred times longer; ``needs`` the modules, and
    ``program`` the executable, without which it is skipped.
    """

    name: str
    entry: str
    title: str
    share: float = 1.0
    needs: tuple[str, ...] = ()
    program: str | None = None

    def missing(self) -> str | None:
        """Return why this client cannot run here, or None."""
        if "ltx_async" in self.needs and (reason := _why_ours_cannot_run()):
            return reason
        absent = [name for name in self.needs if find_spec(name) is None]
        if absent:
            return f"not installed: {', '.join(absent)}"
        if self.program and shutil.which(self.program) is None:
            return f"no {self.program} on PATH"
        return None


def _why_ours_cannot_run() -> str | None:
    try:
        ltx_async = import_module("ltx_async")
    except ImportError as error:
        return f"ltx_async cannot be imported: {error.msg}"
    return None if hasattr(ltx_async, "LTXClient") else "ltx_async has no LTXClient yet"


OURS = ("ltx_async",)
SPEED = ("uvloop", "httptools", "orjson")

CLIENTS = {
    client.name: client
    for client in (
        Client("direct", "ours:direct", "ltx_async direct, bulk, uvloop", needs=(*OURS, *SPEED)),
        Client("direct-asyncio", "ours:direct_asyncio", "ltx_async direct, bulk, asyncio",
               needs=(*OURS, *SPEED)),
        Client("direct-lookup", "ours:direct_lookup", "ltx_async direct, lookup in gather, uvloop",
               needs=(*OURS, *SPEED)),
        Client("session", "ours:session", "ltx_async session, bulk, asyncio", needs=OURS),
        Client("session-uvloop", "ours:session_uvloop", "ltx_async session, bulk, uvloop",
               needs=(*OURS, "uvloop")),
        Client("session-lookup", "ours:session_lookup",
               "ltx_async session, lookup in gather, asyncio", needs=OURS),
        Client("aiohttp-semaphore", "aiohttp_gather:run_bounded",
               "aiohttp, gather under a semaphore, asyncio", needs=("aiohttp",)),
        Client("aiohttp-semaphore-uvloop", "aiohttp_gather:run_bounded_uvloop",
               "aiohttp, gather under a semaphore, uvloop", needs=("aiohttp", "uvloop")),
        Client("aiohttp-gather", "aiohttp_gather:run",
               "aiohttp, gather of all at once, asyncio", needs=("aiohttp",)),
        Client("aiohttp-gather-uvloop", "aiohttp_gather:run_uvloop",
               "aiohttp, gather of all at once, uvloop", needs=("aiohttp", "uvloop")),
        Client("aiohttp-tuned", "aiohttp_tuned:run", "aiohttp, hand-tuned workers, uvloop",
               needs=("aiohttp", "uvloop", "orjson")),
        Client("httpx", "httpx_workers:run", "httpx, workers", share=0.05, needs=("httpx",)),
        Client("httpx2", "httpx_workers:run_successor", "httpx2, workers", share=0.05,
               needs=("httpx2",)),
        Client("wreq", "wreq_workers:run", "wreq (Rust), workers, uvloop",
               needs=("wreq", "uvloop", "orjson")),
        Client("pyreqwest", "pyreqwest_workers:run", "pyreqwest (Rust), workers, uvloop",
               needs=("pyreqwest", "uvloop", "orjson")),
        Client("niquests", "niquests_workers:run", "niquests, workers", share=0.1,
               needs=("niquests",)),
        Client("requests", "requests_threads:run", "requests, threads", share=0.1,
               needs=("requests",)),
        Client("pycurl", "pycurl_multi:run", "pycurl multi, same work", needs=("pycurl", "orjson")),
        Client("curl", "curl_parallel:run", "curl --parallel, fetch only", program="curl"),
        Client("wrk", "wrk_limit:run", "wrk, fetch only: the limit", program="wrk"),
    )
}  # fmt: skip

THROTTLED_CLIENTS = {
    client.name: client
    for client in (
        Client("direct-rate", "ours:direct_at_rate", "ltx_async direct, rate= as allowed",
               needs=(*OURS, *SPEED)),
        Client("session-rate", "ours:session_at_rate", "ltx_async session, rate= as allowed",
               needs=OURS),
        Client("session", "ours:session", "ltx_async session, rate unknown", share=0.125,
               needs=OURS),
        Client("aiohttp-gather", "aiohttp_gather:run_through_errors", "aiohttp, naive gather",
               needs=("aiohttp",)),
        Client("aiohttp-gather-retry", "aiohttp_gather:run_with_retry",
               "aiohttp, gather that sleeps Retry-After", share=0.125,
               needs=("aiohttp",)),
    )
}  # fmt: skip

OPTIONS = {
    client.name: client
    for client in (
        Client("direct-ordered", "ours:direct_ordered", "ltx_async direct, ordered=True",
               needs=(*OURS, *SPEED)),
        Client("direct-watched", "ours:direct_watched", "ltx_async direct, on_event set",
               needs=(*OURS, *SPEED)),
    )
}  # fmt: skip

SEQUENTIAL_CLIENTS = {
    client.name: client
    for client in (
        Client("raw", "raw_socket:run", "a blocking socket and orjson: the floor",
               needs=("orjson",)),
        Client("direct", "ours:direct_one_after_another", "ltx_async direct, uvloop",
               needs=(*OURS, *SPEED)),
        Client("session", "ours:session_one_after_another", "ltx_async session, asyncio",
               needs=OURS),
        Client("sync", "ours:sync_one_after_another", "ltx_async.sync, session", needs=OURS),
        Client("aiohttp", "aiohttp_gather:run_one_after_another", "aiohttp, asyncio",
               needs=("aiohttp",)),
    )
}  # fmt: skip

COMMANDS = {
    client.name: client
    for client in (
        Client("library", "ours:direct", "the library: direct, bulk, uvloop",
               needs=(*OURS, *SPEED)),
        Client("jsonl", "command:to_jsonl", "`check -o OUT.jsonl`", needs=(*OURS, "click")),
        Client("csv", "command:to_csv", "`check -o OUT.csv`", needs=(*OURS, "click")),
        Client("sqlite", "command:to_sqlite", "`check -o OUT.sqlite`", needs=(*OURS, "click")),
    )
}  # fmt: skip

ARRIVAL_CLIENTS = {
    client.name: client
    for client in (
        Client("direct", "ours:direct_arriving", "ltx_async direct, uvloop",
               needs=(*OURS, *SPEED)),
        Client("session", "ours:session_arriving", "ltx_async session, asyncio", needs=OURS),
        Client("aiohttp", "aiohttp_gather:run_arriving", "aiohttp, asyncio", needs=("aiohttp",)),
    )
}  # fmt: skip
