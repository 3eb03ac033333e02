"""Promise 24 for Python: no error, however it came about, shows a secret or is aiohttp's."""

import asyncio
import contextlib
import io
import json
import logging
import pickle
import socket
import ssl

import pytest
import trustme
from yarl import URL

import ltx_async.sync
from ltx_async import ConfigurationError, LTXClient, LTXError, RetryPolicy

from .conftest import TOKEN
from .leaks import everything_said_by, foreign
from .replies import account_body, error, head, reply
from .wire import CLOSE, HANG, RESET, in_turn

TAIL = TOKEN.partition(":")[2]
ACCESS, REFRESH, UNKNOWN = "canary-access", "canary-refresh", "canary-unknown"
SECRETS = (TAIL, ACCESS, REFRESH, UNKNOWN)
COOKIE = {"lt_id": "7", "lt_token": ACCESS, "lt_refresh_token": REFRESH, "further": UNKNOWN}
UNKNOWN_FIELDS = {
    "apiToken": UNKNOWN,
    "nested": [{"clientSecret": {"value": [UNKNOWN]}}],
    "Set-Cookie": UNKNOWN,
    "userJwt": UNKNOWN,
    "SESSION_ID": UNKNOWN,
    "passwordHash": UNKNOWN,
    "oauth": {"x": UNKNOWN},
}
BROKEN = {"cookie": COOKIE, **UNKNOWN_FIELDS, "maxJobs": "many"}
REPLIES = {
    **{str(status): [error(status)] for status in (400, 401, 402, 403, 404, 410, 500, 525, 596)},
    "404 text": [reply(404, b"Account configuration not found")],
    "404 html": [reply(404, b"<html></html>")],
    "429": [error(429, retry_after=3600)],
    "redirect": [reply(302, b"", ("Location", "https://example.com/"))],
    "reset": [RESET],
    "reset in the headers": [b"HTTP/1.1 200 OK\r\nContent-", RESET],
    "closed": [CLOSE],
    "garbage": [b"\x16\x03\x01 this is no HTTP\r\n\r\n", CLOSE],
    "bad header": [b"HTTP/1.1 200 OK\r\nX\x00: y\r\n\r\n", CLOSE],
    "truncated": [head(200, ("Content-Length", "100")), b"{", CLOSE],
    "too long": [head(200, ("Content-Length", str(1 << 30))), CLOSE],
    "encoded": [reply(200, b"x", ("Content-Encoding", "gzip"))],
    "silent": [HANG],
    "no JSON": [reply(200, b"{")],
    "wrong types": [reply(200, account_body("ann@example.com", **BROKEN))],
    "wrong types in the cookie": [
        reply(200, account_body("ann@example.com", cookie={"lt_token": [ACCESS], "x": {}}))
    ],
    "another account": [reply(200, account_body("bob@example.com", cookie=COOKIE))],
}
LISTED = {
    "a list of wrong types": [reply(200, json.dumps({"ann@example.com": BROKEN}).encode())],
    "no list": [reply(200, json.dumps([ACCESS, TOKEN]).encode())],
    "a list of values": [reply(200, json.dumps({"ann@example.com": ACCESS}).encode())],
}
POLICY = RetryPolicy(attempts=2, base=0.001, cap=0.002, throttle_base=0.001)


@pytest.fixture
def talk():
    """All that is logged, by anybody, at debug level."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield heard
    root.removeHandler(handler)
    root.setLevel(level)


async def raised_by(work) -> BaseException:
    """What a coroutine raises; the traceback begins here, where no variable holds a secret."""
    try:
        await work
    except BaseException as error:  # noqa: BLE001 - a cancellation is one of the cases
        return error
    raise AssertionError


def assert_silent(error, *more: object):
    said = "\n".join([everything_said_by(error), *map(str, more)])
    assert [secret for secret in SECRETS if secret in said] == []
    assert foreign(error) == []


@pytest.mark.parametrize("script", REPLIES.values(), ids=REPLIES.keys())
async def test_no_reply_makes_an_error_that_tells_a_secret(serve, connect, talk, script):
    asyncio.get_running_loop().set_debug(True)
    events = []
    server = await serve(in_turn(script))
    client = connect(server, retry=POLICY, timeout=0.15, on_event=events.append)
    error = await raised_by(client.fetch_account("ann@example.com"))
    assert isinstance(error, LTXError)
    lookup = await client.lookup("ann@example.com")
    assert_silent(error, repr(events), repr(client), repr(lookup), talk.getvalue())
    assert_silent(lookup.error)


@pytest.mark.parametrize("script", LISTED.values(), ids=LISTED.keys())
async def test_no_list_makes_an_error_that_tells_a_secret(serve, connect, talk, script):
    server = await serve(in_turn(script))
    error = await raised_by(problem_of(connect(server, retry=POLICY).list_accounts()))
    assert isinstance(error, LTXError)
    assert_silent(error, talk.getvalue())


async def problem_of(listing) -> None:
    """Raise what keeps a list from coming, or what is odd about its only entry."""
    listed = await listing
    (error,) = listed.problems.values()
    assert_silent(error, repr(listed), dict(listed))
    raise error


@pytest.mark.parametrize("status", [401, 402, 429])
async def test_the_error_that_ends_a_run_tells_no_secret(serve, connect, talk, status):
    """What was answered before stays with the run; those accounts hide their cookies."""
    good = reply(200, account_body("0@example.com", cookie=COOKIE, **UNKNOWN_FIELDS))
    server = await serve(in_turn([good], [error(status, retry_after=3600)]))
    client = connect(server, retry=POLICY, concurrency=1)
    run = client.lookup_many(["0@example.com", "1@example.com"])
    raised = await raised_by(_listed(run))
    assert isinstance(raised, LTXError)
    assert [lookup.account.cookie.lt_token for lookup in run.delivered] == [ACCESS]
    assert_silent(raised, talk.getvalue(), repr(run.delivered))


async def _listed(lookups):
    return await lookups


async def test_nothing_that_cannot_be_reached_tells_a_secret(connect, talk, monkeypatch):
    async def no_address(*_arguments, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        error = await raised_by(connect(refused, retry=POLICY).fetch_account("ann@example.com"))
        assert_silent(error, talk.getvalue())
    monkeypatch.setattr("ltx_async.transport.names.Resolver.resolve", no_address)
    nowhere = connect("https://nowhere.example.com/v1", retry=POLICY)
    error = await raised_by(nowhere.fetch_account("ann@example.com"))
    assert "no address" in str(error)
    assert_silent(error, talk.getvalue())


@pytest.mark.parametrize("name", ["127.0.0.1", "example.com"])
async def test_no_certificate_makes_an_error_that_tells_a_secret(serve, connect, talk, name):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    trusting = ssl.create_default_context()
    if name == "example.com":
        authority.configure_trust(trusting)
    server = await serve(in_turn([CLOSE]), tls=lambda _number: context, scheme="https")
    error = await raised_by(connect(server, ssl=trusting).fetch_account("ann@example.com"))
    assert type(error).__name__ == "CertificateError"
    assert_silent(error, talk.getvalue())
    assert TAIL.encode() not in server.log


@pytest.mark.parametrize("script", [[HANG], [head(200, ("Content-Length", "9")), b"{", HANG]])
async def test_a_cancellation_tells_no_secret(serve, connect, talk, script):
    server = await serve(in_turn(script))
    client = connect(server)
    task = asyncio.create_task(_fetched(client))
    while not server.asked:
        await asyncio.sleep(0.005)
    task.cancel()
    error = await raised_by(task)
    assert isinstance(error, asyncio.CancelledError)
    assert_silent(error, talk.getvalue())


async def _fetched(client):
    return await client.fetch_account("ann@example.com")


async def test_the_deadline_tells_no_secret(serve, connect, talk):
    server = await serve(in_turn([error(500)]))
    client = connect(server, retry=RetryPolicy(base=5.0, random=lambda: 1.0), deadline=0.2)
    error_of_it = await raised_by(client.fetch_account("ann@example.com"))
    assert type(error_of_it).__name__ == "DeadlineError"
    assert_silent(error_of_it, talk.getvalue())


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "ftp://example.com"},
        {"base_url": "https://user:password@example.com"},
        {"timeout": 0},
        {"concurrency": 0},
        {"transport": "pigeon"},
        {"user_agent": "x\n"},
        {"retry": None},
        {"proxy": "ftp://example.com"},
        {"base_url": "https://example.com/v1?key=" + "abcdefghi"},
        {"base_url": URL("https://user:" + "abcdefghi@example.com")},
        {"proxy": "http://user:" + "abcdefghi@example.com/path"},
        {"headers": {"X-Api-Key": "abcdefghi" + "\n"}},
        {"token": b"user:12345-" + b"abcdefghi"},
        {"token": "Bearer user:12345-" + "abcdefghi"},
        {"token": "user:12345-" + "abcdefghi\n"},
    ],
    ids=lambda options: "-".join(options),
)
@pytest.mark.parametrize("client", [LTXClient, ltx_async.sync.LTXClient])
@pytest.mark.parametrize("by_name", [False, True])
def test_no_mistake_at_construction_shows_a_secret_in_a_traceback_with_locals(
    client, options, by_name
):
    token = options.get("token", "user:12345-" + "abcdefghi")
    others = {name: value for name, value in options.items() if name != "token"}
    with pytest.raises(ConfigurationError) as raised:
        client(**others, token=token) if by_name else client(token, **others)
    here = raised.value.__traceback__
    assert_silent(raised.value.with_traceback(here.tb_next))  # this frame is the test's own


def test_what_is_hidden_is_sent_as_it_is():
    given = {"X-Api-Key": "abcdefghi", "traceparent": "00-1"}
    client = ltx_async.sync.LTXClient("user:1-abc", headers=given, base_url="https://a.example/v1")
    assert client._client._endpoint.headers()["X-Api-Key"] == "abcdefghi"
    assert "X-Api-Key: abcdefghi\r\ntraceparent: 00-1\r\n" in client._client._endpoint.head()


async def test_an_account_shows_no_secret_unless_asked(serve, connect, talk):
    events = []
    body = account_body("ann@example.com", cookie=COOKIE, **UNKNOWN_FIELDS)
    server = await serve(in_turn([reply(200, body)]))
    client = connect(server, on_event=events.append)
    lookup = await client.lookup("ann@example.com")
    account = lookup.account
    wire = account.to_wire()
    said = [repr(lookup), repr(account), str(account), f"{account}", f"{account.cookie}"]
    said += [repr(account.cookie), json.dumps(wire), repr(events), talk.getvalue()]
    assert [secret for secret in SECRETS if secret in "\n".join(said)] == []
    assert wire["nested"] == [{"clientSecret": {"value": ["***"]}}]
    assert account.cookie.lt_token == ACCESS
    assert account.to_wire(include_secrets=True) == json.loads(body)
    assert pickle.loads(pickle.dumps(lookup)) == lookup


async def test_what_fails_in_a_callback_tells_no_secret(serve, connect, talk):
    def broken(event):
        raise RuntimeError(event)

    server = await serve(in_turn([reply(200, account_body("ann@example.com", cookie=COOKIE))]))
    with contextlib.suppress(LTXError):
        await connect(server, on_event=broken).lookup("ann@example.com")
    assert "on_event raised" in talk.getvalue()
    assert [secret for secret in SECRETS if secret in talk.getvalue()] == []
