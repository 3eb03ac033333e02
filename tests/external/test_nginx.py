"""nginx in front: TLS, a limit of its own, paths that it normalises, a reload in mid-run."""

import asyncio
import contextlib
import os
import signal
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme

from ltx_async import LTXClient, Outcome, RateLimitError, RetryPolicy
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator

from .conftest import free_port
from .test_addresses import AnyEmail

CONFIGURATION = """
daemon off;
worker_processes 2;
{user}
pid {directory}/nginx.pid;
error_log {directory}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    limit_req_zone $server_port zone=all:1m rate=200r/s;
    limit_req_status 429;
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {directory}/chain.pem;
        ssl_certificate_key {directory}/key.pem;
        keepalive_requests {keepalive_requests};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location /v1/ltxstudio/accounts/ {{ {limit} proxy_pass http://api; }}
        location / {{ return 410; }}
    }}
}}
"""


class Front:
    """An nginx with TLS before an emulator."""

    def __init__(self, program: str, directory: Path, upstream: int) -> None:
        self.program, self.directory, self.upstream = program, directory, upstream
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(str(directory / "key.pem"))
        for number, part in enumerate(certificate.cert_chain_pems):
            part.write_to_path(str(directory / "chain.pem"), append=bool(number))

    @property
    def base_url(self) -> str:
        return f"https://127.0.0.1:{self.port}/v1"

    @property
    def log(self) -> str:
        return (self.directory / "access.log").read_text()

    async def start(self, *, limit: str = "", keepalive_requests: int = 1000) -> None:
        text = CONFIGURATION.format(
            user="user root;" if os.geteuid() == 0 else "",
            directory=self.directory,
            upstream=self.upstream,
            port=self.port,
            limit=limit,
            keepalive_requests=keepalive_requests,
        )
        path = self.directory / "nginx.conf"
        path.write_text(text)
        arguments = ("-p", str(self.directory), "-e", str(self.directory / "error.log"))
        self.process = subprocess.Popen([self.program, *arguments, "-c", str(path)])
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.02)
        raise AssertionError((self.directory / "error.log").read_text())

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)

    def client(self, transport: str, **options) -> LTXClient:
        options = {"ssl": self.trusting, "retry": RetryPolicy(throttle_base=0.01), **options}
        return LTXClient(EXAMPLE_TOKEN, base_url=self.base_url, transport=transport, **options)


@pytest.fixture(params=["session", "direct"])
def transport(request) -> str:
    return request.param


@pytest.fixture
async def front(nginx, tmp_path):
    async with Emulator(AnyEmail(), history=10_000) as emulator:
        front = Front(nginx, tmp_path, emulator.port)
        front.emulator = emulator
        try:
            yield front
        finally:
            front.stop()


EMAILS = [f"{number}@example.com" for number in range(300)]


async def test_its_tls_is_spoken_and_verified(front, transport):
    await front.start()
    async with front.client(transport) as client:
        assert (await client.fetch_account("ann@example.com")).email == "ann@example.com"
    async with front.client(transport, ssl=ssl.create_default_context()) as stranger:
        error = (await stranger.lookup("ann@example.com")).error
    assert type(error).__name__ == "CertificateError"
    assert front.emulator.request_count == 1


async def test_its_429s_are_waited_out(front, transport):
    """It sends no Retry-After; every email is answered all the same."""
    await front.start(limit="limit_req zone=all burst=3 nodelay;")
    async with front.client(transport, concurrency=30, retry=RetryPolicy(throttle_base=0.02)) as c:
        lookups = await c.lookup_many(EMAILS[:60])
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert '" 429 ' in front.log
    once = RetryPolicy(throttles=0)
    async with front.client(transport, concurrency=30, retry=once, rate=None) as client:
        lookups = await asyncio.gather(*map(client.lookup, EMAILS[:60]))
    assert RateLimitError in {type(lookup.error) for lookup in lookups}


TRAVERSALS = [
    "..%2f..%2fb@example.com",
    "%2e%2e/%2e%2e/b@example.com",
    "a/b@example.com",
    "//a@example.com",
    "a//b@example.com",
    "a/...//b@example.com",
    "..;/a@example.com",
    "..a/b@example.com",
    "a@b/c..",
    "....//....//a@b",
    "a?b#c@example.com",
    "\\a\\b@example.com",
    "%252e%252e%252fa@example.com",
    "%c0%ae%c0%ae/a@example.com",
    "\uff0e\uff0e/a@example.com",
    "\u2025/a@example.com",
    "http://example.org/a@example.com",
    "b@/a@c",
    "/a@b",
    "a@b/",
    "%00a@b",
    "~/a@b",
]
REFUSED = ["../a@b", "a/../b@c", "a@b/..", "./a@b", "a\\..\\b@c", "a/..\\b@c", "..\\a@b", "a@b/."]


async def test_no_target_leaves_the_accounts(front, transport):
    await front.start()
    async with front.client(transport) as client:
        lookups = await client.lookup_many([*TRAVERSALS, *REFUSED])
    outcomes = {lookup.email: lookup.outcome for lookup in lookups}
    assert {outcomes[email] for email in TRAVERSALS} == {Outcome.OK}
    assert {outcomes[email] for email in REFUSED} == {Outcome.INVALID}
    arrived = sorted(str(request.email) for request in front.emulator.requests)
    assert arrived == sorted(TRAVERSALS)
    assert '" 410 ' not in front.log
    assert front.log.count("\n") == len(TRAVERSALS)


async def test_a_reload_in_mid_run_loses_no_email(front, transport):
    await front.start(keepalive_requests=20)
    front.emulator.latency = 0.01
    answered = []
    async with (
        front.client(transport, concurrency=10) as client,
        client.lookup_many(EMAILS) as lookups,
    ):
        async for lookup in lookups:
            answered.append(lookup)
            if len(answered) in {50, 120, 200}:
                front.reload()
    assert sorted(lookup.email for lookup in answered) == sorted(EMAILS)
    assert {lookup.outcome for lookup in answered} == {Outcome.OK}
    assert lookups.stats.requests <= len(EMAILS) + 60
