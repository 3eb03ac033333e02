"""Promise 16: a server that cannot prove who it is gets no token, and ends a run."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from patience import in_time

from ltx_async import CertificateError, ConnectError, Outcome, ProtocolError, RetryPolicy

from .conftest import FAST
from .replies import head, ok
from .wire import CLOSE, HANG, RESET

LONG_AGO = datetime.now(UTC) - timedelta(days=30)
REFUSED = {
    "unknown CA": {"issuer": trustme.CA()},
    "wrong host": {"names": ["other.example.com"]},
    "wrong address": {"names": ["127.0.0.2"]},
    "expired": {"not_before": LONG_AGO, "not_after": LONG_AGO + timedelta(days=1)},
}
each_refused = pytest.mark.parametrize("flaw", REFUSED.values(), ids=REFUSED.keys())


@pytest.fixture
async def secure(serve, certified):
    """Start a server over TLS; its certificate is right unless `flaw` says otherwise."""

    async def start(answer=ok, *, flaw=None, **details):
        details = {"scheme": "https", **details}
        flaw = dict(flaw or {})
        context = certified(*flaw.pop("names", ()), **flaw)
        return await serve(answer, tls=lambda _connection: context, **details)

    return start


@each_refused
async def test_a_certificate_that_does_not_verify_is_refused_at_once(
    secure, connect, trusting, flaw
):
    server = await secure(flaw=flaw)
    lookup = await connect(server, ssl=trusting).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, CertificateError)
    assert (server.requests, server.connections) == (0, 1)
    assert not server.log


@each_refused
async def test_a_certificate_that_does_not_verify_ends_a_run(secure, connect, trusting, flaw):
    server = await secure(flaw=flaw)
    client = connect(server, ssl=trusting, concurrency=3)
    run = client.lookup_many(f"{number}@example.com" for number in range(100))
    with pytest.raises(CertificateError):
        await run
    assert run.delivered == ()
    assert server.requests == 0
    assert server.connections <= 3


async def test_the_system_s_authorities_are_the_default(secure, connect):
    server = await secure()
    lookup = await connect(server).lookup("ann@example.com")
    assert isinstance(lookup.error, CertificateError)
    assert server.requests == 0


async def test_a_ca_of_one_s_own_works(secure, connect, trusting):
    server = await secure()
    client = connect(server, ssl=trusting)
    for number in range(3):
        assert (await client.lookup(f"{number}@example.com")).outcome is Outcome.OK
    assert (server.requests, server.connections, server.handshakes) == (3, 1, 1)


async def test_a_certificate_for_the_name_works_under_the_name(secure, connect, trusting):
    server = await secure(flaw={"names": ["localhost"]}, host="localhost")
    lookup = await connect(server, ssl=trusting).lookup("ann@example.com")
    assert lookup.outcome is Outcome.OK


async def test_a_client_certificate_that_the_server_wants_is_sent(
    serve, connect, certified, authority
):
    demanding = certified()
    demanding.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(demanding)
    server = await serve(ok, tls=lambda _connection: demanding, scheme="https")
    presenting = ssl.create_default_context()
    authority.configure_trust(presenting)
    authority.issue_cert("client@example.com").configure_cert(presenting)
    lookup = await connect(server, ssl=presenting).lookup("ann@example.com")
    assert lookup.outcome is Outcome.OK


@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("said", [b"", b"\x15\x03\x03\x00\x02\x02\x28", b"HTTP/1.1 400 No\r\n\r\n"])
async def test_a_broken_handshake_is_retried(secure, connect, trusting, end, said):
    server = await secure(
        greeting=lambda connection: [said, end] if connection < 2 else (),
    )
    lookup = await connect(server, ssl=trusting).lookup("ann@example.com")
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 3)
    assert (server.requests, server.connections) == (1, 3)


async def test_a_handshake_that_never_works_is_a_connect_error(secure, connect, trusting):
    server = await secure(greeting=lambda _connection: [CLOSE])
    lookup = await connect(server, ssl=trusting).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ConnectError)
    assert (lookup.attempts, server.connections) == (3, 3)


@pytest.mark.parametrize("end", [CLOSE, RESET])
async def test_a_failure_in_the_middle_of_the_body_is_retried(secure, connect, trusting, end):
    cut = [head(200, ("Content-Length", "100")), b'{"email"', end]
    server = await secure(lambda asked: ok(asked) if asked.number > 1 else cut)
    lookup = await connect(server, ssl=trusting).lookup("ann@example.com")
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 3)
    assert server.requests == server.handshakes == 3


async def test_a_failure_in_every_body_is_a_protocol_error(secure, connect, trusting):
    cut = [head(200, ("Content-Length", "100")), b'{"email"', RESET]
    server = await secure(lambda _asked: cut)
    lookup = await connect(server, ssl=trusting).lookup("ann@example.com")
    assert isinstance(lookup.error, ProtocolError)
    assert server.requests == lookup.attempts == 3


async def test_attempts_are_exact_over_tls_on_a_reused_connection(secure, connect, trusting):
    server = await secure(lambda asked: [CLOSE] if asked.position else ok(asked))
    client = connect(server, ssl=trusting, retry=RetryPolicy(attempts=1))
    for number in range(4):
        assert (await client.lookup(f"{number}@example.com")).outcome is Outcome.OK
    assert (server.requests, server.handshakes) == (7, 4)


async def test_silence_over_tls_ends_at_the_timeout(secure, connect, trusting):
    server = await secure(lambda _asked: [HANG])
    client = connect(server, ssl=trusting, timeout=0.2, retry=FAST)
    lookup = await client.lookup("ann@example.com", deadline=0.3)
    assert lookup.outcome is Outcome.FAILED
    assert in_time(lookup.elapsed, 1.3)


async def test_plain_text_where_tls_was_asked_for_gets_no_token(serve, connect, trusting):
    server = await serve(ok, scheme="https")
    client = connect(server, ssl=trusting, timeout=0.5, retry=RetryPolicy(attempts=1))
    lookup = await client.lookup("ann@example.com")
    await client.aclose()
    await asyncio.sleep(0.01)
    assert lookup.outcome is Outcome.FAILED
    assert server.requests == 0
    assert server.log
    assert b"Bearer" not in server.log
