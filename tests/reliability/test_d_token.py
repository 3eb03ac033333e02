"""Promise 24 on the wire: a server that echoes the token finds it in none of our errors."""

import io
import logging
import pickle
import traceback
from base64 import b64encode
from urllib.parse import quote

import pytest

from ltx_async import LTXError, RetryPolicy
from ltx_async.codec import Redaction, Reply, parse_account

from .conftest import TOKEN
from .replies import head, reply
from .wire import CLOSE, HANG, RESET, in_turn

TAIL = TOKEN.partition(":")[2]
SECRET = TOKEN.partition("-")[2]
BASE64 = b64encode(f"Bearer {TOKEN}".encode()).decode()
HALVES = tuple(half.encode() for half in TOKEN[:16].split("-"))
ECHO = f'{{"error": "no access for {TOKEN}"}}'.encode()
ECHOES = {
    "in the body": [reply(403, ECHO)],
    "in a text": [reply(403, b"x" * 190 + TOKEN.encode() + b" is unknown")],
    "in an account": [reply(200, f'{{"email": "ann@example.com", "x": "{TOKEN}"}}'.encode())],
    "in a key that is no account": [reply(200, f'{{"{TOKEN}": 1}}'.encode())],
    "in a wrong type": [reply(200, f'{{"email": "a@b", "maxJobs": "{TOKEN}"}}'.encode())],
    "in the reason": [head(f"403 {TOKEN}", ("Content-Length", "0"))],
    "in a broken status line": [f"HTTP/1.1 {TOKEN}\r\n\r\n".encode(), CLOSE],
    "in a broken header": [f"HTTP/1.1 200 OK\r\n{TOKEN}\r\n\r\n".encode(), CLOSE],
    "in cf-ray": [reply(500, b"", ("CF-Ray", TOKEN))],
    "in the host of a redirect": [reply(302, b"", ("Location", f"https://{TAIL}.example.com/"))],
    "as its part behind the hyphen": [reply(403, f'{{"error": "{SECRET}"}}'.encode())],
    "in capitals, in an account": [reply(200, f'{{"email": "a", "{TOKEN.upper()}": 1}}'.encode())],
    "in base64": [reply(403, f'{{"error": "{BASE64}"}}'.encode())],
    "in base64, in an account": [
        reply(200, f'{{"email": "ann@example.com", "x": ["{BASE64}"]}}'.encode())
    ],
    "percent-encoded, in an account": [
        reply(200, b'{"email": "ann@example.com", "x": "%s"}' % TOKEN.replace("-", "%2D").encode())
    ],
    "by its start": [reply(403, f'{{"error": "{TOKEN[:15]}"}}'.encode())],
    "by its start, escaped in an account": [
        reply(200, b'{"email": "ann@example.com", "x": "%s\\u002d%s"}' % HALVES)
    ],
    "in a redirect": [reply(302, b"", ("Location", f"https://{TOKEN}@example.com/?t={TOKEN}"))],
    "in Retry-After": [reply(503, b"", ("Retry-After", TOKEN))],
    "in no reply": [CLOSE],
    "in a reset": [TOKEN.encode(), RESET],
    "in silence": [TOKEN.encode(), HANG],
}


@pytest.mark.parametrize("token", [TOKEN, "user:12345-ab/cd+ef=="])
def test_a_token_that_is_cut_in_two_goes_as_a_whole(token):
    """Only the beginning of a text is looked at, and white space in it counts for nothing."""
    redaction = Redaction.of(token)
    for form in (token, quote(token, safe="")):
        for before in range(4096 - len(form), 4097):
            body = (" " * before + form + " " * 100).encode()
            error = parse_account(Reply(500, {}, body), "ann@example.com", redaction)
            assert str(error).partition("HTTP 500")[2] in {"", ": [token]"}


def everything_said_by(error: BaseException) -> str:
    """All that a log, a debugger or a pickle may show of an exception."""
    said = [repr(error), str(error), pickle.dumps(error).decode("latin-1")]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        said += [*report.format(), repr(vars(error)), repr(error.args)]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


async def raised_by(client) -> LTXError | None:
    """What `fetch_account` raises; the traceback begins here, where no variable holds a token."""
    try:
        await client.fetch_account("ann@example.com")
    except LTXError as error:
        return error
    return None


@pytest.mark.parametrize("script", ECHOES.values(), ids=ECHOES.keys())
async def test_an_echoed_token_shows_in_no_error_and_in_no_log(serve, connect, script):
    talk = io.StringIO()
    handler = logging.StreamHandler(talk)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    events = []
    try:
        server = await serve(in_turn(script))
        policy = RetryPolicy(attempts=2, base=0.001)
        client = connect(server, retry=policy, timeout=0.1, on_event=events.append)
        lookup = await client.lookup("ann@example.com")
        raised = await raised_by(client)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert (raised is None) == (lookup.error is None)
    said = [repr(lookup), repr(events), repr(client), talk.getvalue()]
    said += [everything_said_by(error) for error in (lookup.error, raised) if error is not None]
    if lookup.account is not None:
        said += [repr(lookup.account), str(lookup.account.to_wire(include_secrets=True))]
    assert server.requests >= 1
    everything = "\n".join(said).lower()
    assert not [form for form in (SECRET, TOKEN[:15], BASE64[12:30].lower()) if form in everything]
