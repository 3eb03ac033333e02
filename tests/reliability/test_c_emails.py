"""Promise 22: what the server decodes is the email to the letter, or nothing was sent."""

import asyncio
import time
from urllib.parse import unquote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltx_async import InvalidEmailError, Outcome
from ltx_async.codec import account_target

from .replies import account_body, reply
from .wire import Asked

PREFIX = "/v1/ltxstudio/accounts/"
ODD = [
    "a/b@example.com",
    "a?b=c@example.com",
    "a#b@example.com",
    "100%@example.com",
    "%2e%2e%2f@example.com",
    "a+b@example.com",
    "a@b@example.com",
    "a;b=c@example.com",
    "a b@example.com",
    '"a b"@example.com',
    "a'b@example.com",
    "a\\b@example.com",
    "ünï@exämple.com",
    "用户@例子.example.com",
    "a@[127.0.0.1]",
    "a&b=c@example.com",
    "a:b@example.com",
    "//a@example.com",
    "http://example.org/a@example.com",
    "..a@example.com",
    "a..@example.com",
    "…/@example.com",
    "\uff0e\uff0e/a@example.com",
    "\U0001f600@example.com",
    "\ufeffa@example.com",
    "a\u200b@example.com",
    "a\u202eb@example.com",
]
REFUSED = [
    "",
    " ",
    "ann",
    "@",
    "ann@",
    "@example.com",
    " ann@example.com",
    "ann@example.com\u3000",
    "../ann@example.com",
    "ann@example.com/..",
    "a/../b@example.com",
    "a\\..\\b@example.com",
    "./ann@example.com",
    "ann@example.com/.",
    "a/..\\b@example.com",
    "ann@example.com\r\nHost: example.org",
    "ann\x00@example.com",
    "ann\x7f@example.com",
    "ann\x85@example.com",
    "ann\x9b31m@example.com",
    "ann\ud800@example.com",
    "a" * 243 + "@example.com",
    "ä" * 122 + "@example.com",
]


def segment(asked: Asked) -> str:
    """What a server makes of the path that takes `+` for a space, as some do."""
    method, path, version = asked.line.split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    assert path.startswith(PREFIX)
    rest = path.removeprefix(PREFIX)
    assert not set(rest) & set("/?#\\ ")
    return unquote_plus(rest, errors="strict")


def mirror(asked: Asked):
    return [reply(200, account_body(segment(asked)))]


@pytest.mark.parametrize("email", ODD)
async def test_an_odd_email_arrives_intact(serve, connect, email):
    server = await serve(mirror)
    lookup = await connect(server).lookup(email)
    assert (lookup.outcome, lookup.account.email) == (Outcome.OK, email)
    assert [segment(asked) for asked in server.asked] == [email]
    assert server.asked[0].values("host") == [f"{server.host}:{server.port}"]


@pytest.mark.parametrize("email", REFUSED)
async def test_what_cannot_arrive_intact_is_refused_before_sending(serve, connect, email):
    server = await serve(mirror)
    lookup = await connect(server).lookup(email)
    assert (lookup.outcome, type(lookup.error)) == (Outcome.INVALID, InvalidEmailError)
    assert (server.connections, server.asked) == (0, [])


ANYTHING = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.text("/\\.@%2eE+ ?#\t", max_size=12).map(lambda text: f"{text}@example.com"),
    st.lists(st.sampled_from(["..", ".", "/", "\\", "%2f", "a", "@", "\u2024"])).map("".join),
)


async def test_any_text_arrives_intact_or_is_refused(serve, connect):
    """One server and one client for all examples; hypothesis itself knows no event loop."""
    texts: list[str] = []

    @settings(max_examples=400, deadline=None, database=None, suppress_health_check=HealthCheck)
    @given(ANYTHING)
    def collect(text: str) -> None:
        texts.append(text)

    await asyncio.to_thread(collect)
    server = await serve(mirror)
    lookups = await connect(server, concurrency=4).lookup_many(texts)
    assert [lookup.email for lookup in lookups] == texts
    for lookup in lookups:
        if lookup.outcome is not Outcome.INVALID:
            assert (lookup.outcome, lookup.account.email) == (Outcome.OK, lookup.email)
    sent = sorted(lookup.email for lookup in lookups if lookup.outcome is Outcome.OK)
    assert sorted(segment(asked) for asked in server.asked) == sent
    assert {value for asked in server.asked for value in asked.values("host")} <= {
        f"{server.host}:{server.port}"
    }


@pytest.mark.parametrize("filling", ["a", "/../", "@", "\x00", "\ud800", " "])
def test_a_line_of_10_mb_costs_nothing(filling):
    line = filling * (10_000_000 // len(filling))
    began = time.thread_time()
    with pytest.raises(InvalidEmailError) as raised:
        account_target(line)
    assert time.thread_time() - began < 0.01
    assert len(str(raised.value)) < 3000
