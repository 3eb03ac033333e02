"""Promise 19: a body that is no account is a `DecodeError`, never an account, never "not found"."""

import pytest

from ltx_async import DecodeError, LTXError, Outcome, jsontext

from .replies import chunk, head, reply
from .wire import in_turn

ACCOUNT = b'{"email": "ann@example.com", "maxJobs": 3}'
NO_ACCOUNTS = {
    "html": b"<!DOCTYPE html><title>Not found</title>",
    "html after white space": b" \r\n\t<html></html>",
    "html after a byte order mark": b"\xef\xbb\xbf<html></html>",
    "empty": b"",
    "white space": b" \n ",
    "null": b"null",
    "true": b"true",
    "an array": b"[]",
    "an array with an account": b"[%s]" % ACCOUNT,
    "a string": b'"x"',
    "a number": b"404",
    "an empty object": b"{}",
    "an error alone": b'{"error": "Account configuration not found"}',
    "an error with a code": b'{"error": "Not found", "code": 404}',
    "nulls alone": b'{"email": null, "balance": null}',
    "unknown fields alone": b'{"status": "ok", "data": %s}' % ACCOUNT,
    "two documents": ACCOUNT + ACCOUNT,
    "two lines": ACCOUNT + b"\n" + ACCOUNT,
    "half a document": ACCOUNT[:-1],
    "trailing garbage": ACCOUNT + b"x",
    "a trailing comma": ACCOUNT[:-1] + b",}",
    "a comment": b"/* */" + ACCOUNT,
    "a byte order mark": b"\xef\xbb\xbf" + ACCOUNT,
    "UTF-16": ACCOUNT.decode().encode("utf-16"),
    "invalid UTF-8": b'{"email": "ann@example.com", "x": "\xff"}',
    "overlong UTF-8": b'{"email": "ann@example.com", "x": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"email": "ann@example.com", "x": "\xed\xa0\x80"}',
    "a lone surrogate": b'{"email": "ann@example.com", "x": "\\ud800"}',
    "a lone surrogate in a key": b'{"email": "ann@example.com", "\\udc00": 1}',
    "a raw NUL": b'{"email": "ann@example.com", "x": "\x00"}',
    "NaN": b'{"email": "ann@example.com", "maxJobs": NaN}',
    "infinity": b'{"email": "ann@example.com", "x": -Infinity}',
    "out of range": b'{"email": "ann@example.com", "x": 1e999}',
    "5,000 digits": b'{"email": "ann@example.com", "x": %s}' % (b"9" * 5000),
    "2^64": b'{"email": "ann@example.com", "x": 18446744073709551616}',
    "-2^63 - 1": b'{"email": "ann@example.com", "x": -9223372036854775809}',
    "depth of 200,000": b'{"email": "ann@example.com", "x": ' + b"[" * 200_000 + b"]" * 200_000,
    "depth of 101 beside a shallower part": b'{"email": "ann@example.com", "x": %s}'
    % (b"[" * 98 + b"[], [[]]" + b"]" * 98),
    "depth without an end": b"[" * 200_000,
    "depth of objects": b'{"a":' * 100_000,
    "an open string": b'{"email": "' + b"\\\\" * 100_000,
}


@pytest.fixture(params=["the installed library", "the standard library"])
def library(request, monkeypatch):
    """Decode JSON with orjson where it is installed, and without it."""
    if request.param == "the standard library":
        monkeypatch.setattr(jsontext, "_orjson_loads", None)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("body", NO_ACCOUNTS.values(), ids=NO_ACCOUNTS.keys())
async def test_a_200_that_is_no_account_is_a_decode_error(serve, connect, body):
    server = await serve(in_turn([reply(200, body)]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, DecodeError)
    assert (lookup.account, lookup.status) == (None, 200)
    assert server.requests == 1


async def test_a_body_in_single_bytes_has_the_same_verdict(serve, connect):
    body = NO_ACCOUNTS["a lone surrogate"]
    script = [
        head(200, ("Transfer-Encoding", "chunked")),
        *(chunk(bytes([byte])) for byte in body),
        chunk(b""),
    ]
    server = await serve(in_turn(script))
    lookup = await connect(server).lookup("ann@example.com")
    assert type(lookup.error) is DecodeError


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 226, 299])
async def test_no_other_2xx_is_an_account(serve, connect, status):
    body = b"" if status == 204 else ACCOUNT
    server = await serve(in_turn([reply(status, body)]))
    lookup = await connect(server).lookup("ann@example.com")
    assert lookup.outcome is Outcome.FAILED
    assert isinstance(lookup.error, LTXError)
    assert (lookup.error.status, lookup.account) == (status, None)


@pytest.mark.parametrize("name", ["html", "html after a byte order mark"])
async def test_a_404_in_html_is_not_called_not_found(serve, connect, name):
    server = await serve(in_turn([reply(404, NO_ACCOUNTS[name])]))
    lookup = await connect(server).lookup("ann@example.com")
    assert lookup.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b'"x"', b'{"total": []}', b"<html>", b"", b"{}{}"]
)
async def test_a_list_that_is_none_is_a_decode_error(serve, connect, body):
    server = await serve(in_turn([reply(200, body)]))
    with pytest.raises(DecodeError):
        await connect(server).list_accounts()
