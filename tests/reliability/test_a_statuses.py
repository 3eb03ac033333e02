"""Promise 3: what every status means: its class, whether it is retried, the outcome."""

import pytest

from ltx_async import (
    AccountNotFoundError,
    AuthenticationError,
    DecodeError,
    Outcome,
    ProtocolError,
    RateLimitError,
    ReauthenticationError,
    RedirectError,
    ResponseError,
    RetryPolicy,
    ServerError,
    SubscriptionError,
)

from .replies import account_body, head, ok, reply
from .wire import CLOSE, in_turn

NOT_FOUND = b"Account configuration not found for the specified email address."
JSON_ERROR = b'{"error": "scripted", "code": 0}'

CASES = [
    *[(status, ResponseError, False, Outcome.FAILED) for status in (201, 202, 203, 206, 226)],
    *[(status, RedirectError, False, Outcome.FAILED) for status in (300, 301, 302, 303, 307, 308)],
    *[(status, ResponseError, False, Outcome.FAILED) for status in (400, 403, 405, 409, 410)],
    (401, AuthenticationError, False, Outcome.FAILED),
    (402, SubscriptionError, False, Outcome.FAILED),
    (404, AccountNotFoundError, False, Outcome.NOT_FOUND),
    *[(status, ResponseError, True, Outcome.FAILED) for status in (408, 425)],
    (429, RateLimitError, True, Outcome.FAILED),
    *[(status, ServerError, True, Outcome.FAILED) for status in (500, 502, 503, 504)],
    *[
        (status, ServerError, True, Outcome.FAILED)
        for status in (520, 521, 522, 523, 524, 527, 529)
    ],
    *[(status, ServerError, False, Outcome.FAILED) for status in (501, 505, 525, 526, 530, 599)],
    (596, ReauthenticationError, False, Outcome.NEEDS_REAUTH),
    *[(status, ResponseError, False, Outcome.FAILED) for status in (600, 999)],
]
# A throttle is a wait and no attempt: two of them are put up with here.
POLICY = RetryPolicy(attempts=3, base=0.001, throttles=2, throttle_base=0.001)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
async def test_each_status_has_its_class_its_retries_and_its_outcome(serve, connect, case):
    status, error_class, retried, outcome = case
    server = await serve(in_turn([reply(status, JSON_ERROR)]))
    lookup = await connect(server, retry=POLICY).lookup("ann@example.com")
    assert type(lookup.error) is error_class
    assert (lookup.outcome, lookup.status, lookup.account) == (outcome, status, None)
    assert server.requests == lookup.attempts == (3 if retried else 1)


@pytest.mark.parametrize("body", [b"", NOT_FOUND, JSON_ERROR, b"<html>edge</html>"])
@pytest.mark.parametrize("status", [403, 500, 522, 596, 999])
async def test_the_body_changes_nothing_about_an_error(serve, connect, status, body):
    server = await serve(in_turn([reply(status, body)]))
    lookup = await connect(server, retry=POLICY).lookup("ann@example.com")
    assert lookup.status == lookup.error.status == status


@pytest.mark.parametrize("body", [b"", NOT_FOUND, JSON_ERROR])
async def test_a_404_is_not_found_with_prose_json_or_nothing(serve, connect, body):
    server = await serve(in_turn([reply(404, body)]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, server.requests) == (Outcome.NOT_FOUND, 1)


async def test_an_html_404_is_never_not_found(serve, connect):
    server = await serve(in_turn([reply(404, b"\r\n <!DOCTYPE html><html>Not Found</html>")]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ResponseError)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_that_has_no_body_is_no_account(serve, connect, status):
    server = await serve(in_turn([head(status)]))
    lookup = await connect(server, timeout=1.0).lookup("ann@example.com")
    assert (lookup.outcome, lookup.status, server.requests) == (Outcome.FAILED, status, 1)
    assert isinstance(lookup.error, ResponseError)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_body_after_a_status_that_has_none_is_not_the_next_answer(serve, connect, status):
    smuggled = reply(200, account_body("bob@example.com", maxJobs=99))
    server = await serve(lambda asked: ok(asked) if asked.number else [head(status) + smuggled])
    client = connect(server, timeout=1.0, retry=RetryPolicy(attempts=1))
    await client.lookup("ann@example.com")
    lookup = await client.lookup("bob@example.com")
    assert lookup.outcome is Outcome.OK
    assert lookup.account.max_jobs is None


@pytest.mark.parametrize("status", ["99", "099", "0", "000", "-1", "1000", "2e2", "٢٠٠"])
async def test_a_status_below_100_or_no_number_is_a_broken_reply(serve, connect, status):
    line = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode()
    server = await serve(in_turn([line, CLOSE]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)
    assert server.requests == lookup.attempts == 3


async def test_interim_replies_are_passed_over(serve, connect):
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    server = await serve(lambda asked: [interim, *ok(asked)])
    client = connect(server)
    for number in range(3):
        lookup = await client.lookup(f"{number}@example.com")
        assert (lookup.outcome, lookup.status) == (Outcome.OK, 200)
    assert (server.requests, server.connections) == (3, 1)


async def test_switching_protocols_unasked_is_no_result(serve, connect):
    switch = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    server = await serve(in_turn([switch + account_body("ann@example.com")]))
    client = connect(server, timeout=60.0, retry=RetryPolicy(attempts=1))
    lookup = await client.lookup("ann@example.com")  # at once, though nobody closes the connection
    assert lookup.outcome is Outcome.FAILED
    assert isinstance(lookup.error, ProtocolError)
    assert "switch protocols" in lookup.error.message


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html></html>", b'{"error": "x"}', b"{}"])
async def test_a_200_without_an_account_is_a_decode_error_and_final(serve, connect, body):
    server = await serve(in_turn([reply(200, body)]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error), lookup.status) == (
        Outcome.FAILED,
        DecodeError,
        200,
    )
    assert server.requests == 1
