"""Promises 12 and 13: a reply that is not whole, valid HTTP is never a result of anybody."""

import asyncio
import contextlib
import itertools
import socket
import threading
import time

import pytest
from patience import LONG

from ltx_async import AccountNotFoundError, Outcome, ProtocolError, RetryPolicy, TransportError

from .replies import account_body, chunk, head, ok, reply
from .wire import CLOSE, RESET, Pause, in_turn

ANN = account_body("ann@example.com")
LENGTH = ("Content-Length", str(len(ANN)))
CHUNKED = ("Transfer-Encoding", "chunked")
WHOLE = reply(200, ANN)
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def length(value: str, *more: tuple[str, str]) -> bytes:
    return head(200, ("Content-Length", value), *more) + ANN


CUT = {
    "by Content-Length": [head(200, LENGTH) + ANN[:-1], CLOSE],
    "by Content-Length, no body at all": [head(200, LENGTH), CLOSE],
    "by Content-Length, by a reset": [head(200, LENGTH) + ANN[:-1], RESET],
    "of an error": [head(404, ("Content-Length", "64")) + b"Account configuration not", CLOSE],
    "of an error in chunks": [head(404, CHUNKED) + chunk(b"Account configuration"), CLOSE],
    "in a chunk": [head(200, CHUNKED) + chunk(ANN)[:-4], CLOSE],
    "in a chunk's size": [head(200, CHUNKED) + chunk(ANN) + b"0", CLOSE],
    "before the last chunk": [head(200, CHUNKED) + chunk(ANN), CLOSE],
    "before the end of the trailers": [head(200, CHUNKED) + chunk(ANN) + b"0\r\n", CLOSE],
    "before the last chunk, by a reset": [head(200, CHUNKED) + chunk(ANN), RESET],
    "behind an interim reply in one piece": [
        INTERIM + head(404, ("Content-Length", "64")) + b"Account configuration not",
        CLOSE,
    ],
    "in the status line": [b"HTTP/1.1 200", CLOSE],
    "in a header": [b"HTTP/1.1 200 OK\r\nContent-Type: appl", CLOSE],
    "before the end of the headers": [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n", CLOSE],
}
LENGTHS = {
    "too long": [length(str(len(ANN) + 1)), CLOSE],
    "twice, unlike": [length(str(len(ANN)), ("Content-Length", "5")), CLOSE],
    "twice, unlike, the other way round": [length("5", LENGTH), CLOSE],
    "a list, unlike": [length(f"{len(ANN)}, 5"), CLOSE],
    "with chunked": [head(200, LENGTH, CHUNKED) + chunk(ANN) + chunk(b""), CLOSE],
    "after chunked": [head(200, CHUNKED, LENGTH) + chunk(ANN) + chunk(b""), CLOSE],
    "negative": [length("-1"), CLOSE],
    "signed": [length(f"+{len(ANN)}"), CLOSE],
    "hexadecimal": [length(hex(len(ANN))), CLOSE],
    "a fraction": [length(f"{len(ANN)}.0"), CLOSE],
    "with white space": [length(f"{str(len(ANN))[0]} {str(len(ANN))[1:]}"), CLOSE],
    "empty": [length(""), CLOSE],
    "no number": [length("abc"), CLOSE],
    "65 bits": [length(str(2**64 + len(ANN))), CLOSE],
    "400 digits": [length("1" * 400), CLOSE],
}
CHUNKS = {
    "size is no number": [head(200, CHUNKED) + b"zz\r\n" + ANN + b"\r\n0\r\n\r\n", CLOSE],
    "negative size": [head(200, CHUNKED) + b"-1\r\n" + ANN + b"\r\n0\r\n\r\n", CLOSE],
    "size of 68 bits": [head(200, CHUNKED) + b"1" + b"0" * 16 + b"\r\n" + ANN, CLOSE],
    "size too small": [head(200, CHUNKED) + b"3\r\n" + ANN + b"\r\n0\r\n\r\n", CLOSE],
    "no line end after the data": [head(200, CHUNKED) + chunk(ANN)[:-2] + b"0\r\n\r\n", CLOSE],
    "a blank line in place of a size": [head(200, CHUNKED) + b"\r\n" + ANN, CLOSE],
    "no chunk at all": [head(200, CHUNKED) + ANN, CLOSE],
}
STATUS_LINES = {
    line.decode("latin-1") or "empty": [line + WHOLE[WHOLE.index(b"\r\n") :], CLOSE]
    for line in (
        b"",
        b"200 OK",
        b"HTTP/1.1",
        b"HTTP/1.1 OK",
        b"HTTP/1.1 2x0 OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1-200 OK",
        b"HTTP/x.1 200 OK",
        b"HTTP/7.5 200 OK",
        b"HTTQ/1.1 200 OK",
        b"ICY 200 OK",
        b"GET / HTTP/1.1",
        b"\x16\x03\x01\x02\x00",
    )
}
HEADERS = {
    "20 kB in one": [reply(200, ANN, ("X-Long", "a" * 20_000)), CLOSE],
    "20 kB in a name": [reply(200, ANN, ("X" * 20_000, "a")), CLOSE],
    "300 of them": [reply(200, ANN, *[(f"X-{n}", "a") for n in range(300)]), CLOSE],
    "no colon": [WHOLE.replace(b"Content-Type: ", b"Content-Type "), CLOSE],
    "no name": [WHOLE.replace(b"Content-Type:", b":"), CLOSE],
    "a NUL": [WHOLE.replace(b"application", b"appl\0cation"), CLOSE],
    "a NUL in a name": [WHOLE.replace(b"Content-Type", b"Content\0Type"), CLOSE],
    "without end": itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X-A: b\r\n" * 100)),
    "a line without end": itertools.chain(
        [b"HTTP/1.1 200 OK\r\nX-A: "], itertools.repeat(b"a" * 4096)
    ),
    "a reason without end": itertools.chain([b"HTTP/1.1 200 "], itertools.repeat(b"a" * 4096)),
    "trailers without end": itertools.chain(
        [head(200, CHUNKED) + chunk(ANN) + b"0\r\n"], itertools.repeat(b"X-A: b\r\n" * 100)
    ),
    "an extension of a chunk without end": itertools.chain(
        [head(200, CHUNKED) + b"5;"], itertools.repeat(b"a" * 4096)
    ),
}
NO_HTTP = {
    "text": [b"hello, this is no HTTP\r\n\r\n", CLOSE],
    "HTML": [b"<html><body>502</body></html>", CLOSE],
    "bare JSON": [ANN, CLOSE],
    "zeros": [bytes(5000), CLOSE],
    "a TLS alert": [b"\x15\x03\x03\x00\x02\x02\x28", CLOSE],
    "another protocol's greeting": [b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE],
    "an interim reply and nothing else": [b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE],
    "an unknown transfer coding": [head(200, ("Transfer-Encoding", "gzip")) + ANN, CLOSE],
    "a switch of protocols": [
        b"HTTP/1.1 101 Whatever\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        CLOSE,
    ],
    **{
        f"the transfer coding {coding!r}": [
            head(200, ("Transfer-Encoding", coding)) + chunk(ANN) + chunk(b""),
            CLOSE,
        ]
        for coding in ("chunked, gzip", "gzip, chunked", "chunked, chunked", ",chunked", "")
    },
    "transfer codings in two headers": [
        head(404, ("Transfer-Encoding", "gzip"), CHUNKED) + chunk(ANN) + chunk(b""),
        CLOSE,
    ],
    "content codings in two headers": [
        reply(200, ANN, ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")),
        CLOSE,
    ],
    "an account that ends with a reset": [head(200) + ANN, RESET],
}


def played(script):
    """Return a script to play more than once; of an endless one some megabytes."""
    return script if isinstance(script, list) else [*itertools.islice(script, 1000), CLOSE]


BROKEN = {
    f"{kind}: {name}": played(script)
    for kind, scripts in (
        ("cut", CUT),
        ("length", LENGTHS),
        ("chunks", CHUNKS),
        ("status line", STATUS_LINES),
        ("headers", HEADERS),
        ("no HTTP", NO_HTTP),
    )
    for name, script in scripts.items()
}
each_broken = pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())


@each_broken
async def test_a_malformed_reply_is_retried_and_never_a_result(serve, connect, script):
    server = await serve(in_turn(script))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)
    assert (lookup.account, lookup.status) == (None, None)
    assert "400" not in str(lookup.error)
    assert server.requests == lookup.attempts == 3
    assert server.connections == 3


@each_broken
async def test_after_a_malformed_reply_a_good_one_is_the_result(serve, connect, script):
    server = await serve(lambda asked: ok(asked) if asked.number else script)
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, lookup.attempts, lookup.status) == (Outcome.OK, 2, 200)
    assert server.requests == server.connections == 2


@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
async def test_a_cut_where_only_the_end_tells_the_length_is_never_a_result(
    serve, connect, version, end
):
    cut = head(200).replace(b"HTTP/1.1", version) + ANN[:-1]
    server = await serve(lambda asked: [cut, Pause(0.01), end])
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)
    assert server.requests == lookup.attempts == 3


async def test_trailers_without_end_are_given_up_long_before_the_timeout(serve, connect):
    beginning = head(200, CHUNKED) + chunk(ANN) + b"0\r\n"
    endless = itertools.repeat(b"X-A: b\r\n" * 100)
    server = await serve(lambda asked: itertools.chain([beginning], endless))
    client = connect(server, timeout=30, retry=RetryPolicy(attempts=1))
    async with asyncio.timeout(5):
        lookup = await client.lookup("ann@example.com")
    assert type(lookup.error) is ProtocolError
    assert server.bytes_sent < 16 << 20


async def test_a_trailer_line_without_end_is_given_up_at_the_timeout_at_the_latest(serve, connect):
    beginning = head(200, CHUNKED) + chunk(ANN) + b"0\r\nX-A: "
    server = await serve(lambda asked: itertools.chain([beginning], itertools.repeat(b"a" * 4096)))
    lookup = await connect(server, timeout=0.3).lookup("ann@example.com")
    assert lookup.outcome is Outcome.FAILED
    assert isinstance(lookup.error, TransportError)
    assert server.requests == lookup.attempts == 3


@pytest.mark.parametrize("size", [1, 7])
async def test_a_reply_in_small_pieces_is_whole(serve, connect, size):
    chunks = chunk(ANN[:10]) + chunk(ANN[10:]) + b"0\r\nX-Trailer: 1\r\n\r\n"
    data = head(200, CHUNKED) + chunks
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    server = await serve(in_turn(pieces))
    client = connect(server)
    for _ in range(2):
        assert (await client.lookup("ann@example.com")).outcome is Outcome.OK
    assert (server.requests, server.connections) == (2, 1)


WHOLE_ONES = {
    "HTTP/1.0 with a length": [WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"), CLOSE],
    "HTTP/1.0 that ends with the connection": [b"HTTP/1.0 200 OK\r\n\r\n" + ANN, CLOSE],
    "ends with the connection": [head(200) + ANN, CLOSE],
    "no reason": [WHOLE.replace(b" Whatever", b""), CLOSE],
    "an empty reason": [WHOLE.replace(b" Whatever", b" "), CLOSE],
    "a reason in UTF-8": [WHOLE.replace(b"Whatever", "grün".encode()), CLOSE],
    "chunks with extensions": [
        head(200, CHUNKED) + b"%x;a=b\r\n%s\r\n" % (len(ANN), ANN) + chunk(b""),
        CLOSE,
    ],
    "another case of names": [WHOLE.replace(b"Content-Length", b"cONTENT-lENGTH"), CLOSE],
    "100 headers of 50 bytes": [
        reply(200, ANN, *[(f"X-{n}", "a" * 50) for n in range(100)]),
        CLOSE,
    ],
    "a header of 7 kB": [reply(200, ANN, ("Set-Cookie", "a" * 7000)), CLOSE],
}


@pytest.mark.parametrize("script", WHOLE_ONES.values(), ids=WHOLE_ONES.keys())
async def test_an_unusual_but_whole_reply_is_a_result(serve, connect, script):
    server = await serve(in_turn(script))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, server.requests) == (Outcome.OK, 1)


NO_ACCOUNT = b'{"error": "Account configuration not found", "code": 404}'
ENDED_BY_THE_CONNECTION = {
    "all of it": (NO_ACCOUNT, CLOSE, AccountNotFoundError),
    "all of it, by a reset": (NO_ACCOUNT, RESET, ProtocolError),
    "a part": (NO_ACCOUNT[:-1], CLOSE, ProtocolError),
    "text": (b"Account configuration not found", CLOSE, ProtocolError),
    "nothing": (b"", CLOSE, ProtocolError),
}


@pytest.mark.parametrize(
    ("body", "end", "error"),
    ENDED_BY_THE_CONNECTION.values(),
    ids=ENDED_BY_THE_CONNECTION.keys(),
)
async def test_a_404_that_may_have_been_cut_short_is_never_not_found(
    serve, connect, body, end, error
):
    """What only the connection's end delimits might go on as an HTML page."""
    server = await serve(in_turn([head(404) + body, end]))
    lookup = await connect(server).lookup("ann@example.com")
    assert type(lookup.error) is error


@pytest.mark.parametrize("first", [WHOLE, reply(404, ANN), head(204)], ids=["200", "404", "204"])
async def test_a_reply_with_junk_in_the_same_piece_is_asked_for_again(serve, connect, first):
    server = await serve(lambda asked: ok(asked) if asked.number else [first + b"}"])
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 2)


MALLORY = reply(200, account_body("bob@example.com", maxJobs=66))
WHOLE_SURPLUS = {"another reply": MALLORY, "a byte": b"}", "100 kB": b"a" * 100_000}
LINE_ENDS = {
    "CRLF": b"\r\n",
    "two": b"\r\n\r\n",
    "LF": b"\n",
    "CR": b"\r",
    "20 kB": b"\r\n" * 10_000,
}
ENCODED = reply(200, ANN, ("Content-Encoding", "gzip"))
HIDDEN = {
    "an encoding": ENCODED,
    "an encoding, in chunks": head(200, CHUNKED, ("Content-Encoding", "br"))
    + chunk(ANN)
    + chunk(b""),
    "a transfer coding": head(200, ("Transfer-Encoding", "gzip, chunked"))
    + chunk(ANN)
    + chunk(b""),
    "20 kB in one header": reply(200, ANN, ("X-Long", "a" * 20_000)),
    "300 headers": reply(200, ANN, *[(f"X-{n}", "a") for n in range(300)]),
}


@pytest.mark.parametrize("line_ends", LINE_ENDS.values(), ids=LINE_ENDS.keys())
@pytest.mark.parametrize("whole", HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.parametrize("before", [b"", INTERIM], ids=["", "behind an interim reply"])
async def test_empty_lines_before_a_reply_hide_none_of_its_headers(
    serve, connect, whole, line_ends, before
):
    server = await serve(in_turn([line_ends + before + line_ends + whole, CLOSE]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)


WITH_SPACES = ANN + b" " * 20_000
BEHIND_A_LONG_BODY = {
    "an encoding": reply(200, WITH_SPACES, ("Content-Encoding", "gzip")),
    "an encoding in capitals": reply(200, WITH_SPACES, ("CONTENT-ENCODING", "gzip")),
    "an encoding in the first field": head(200, ("content-Encoding", "br"), CHUNKED)
    + chunk(WITH_SPACES)
    + chunk(b""),
    "130 headers of a few bytes": reply(200, WITH_SPACES, *[("a", "b") for _ in range(130)]),
}


@pytest.mark.parametrize("whole", BEHIND_A_LONG_BODY.values(), ids=BEHIND_A_LONG_BODY.keys())
@pytest.mark.parametrize("more", [0, 1, 300, 20_000])
async def test_a_body_longer_than_the_headers_hides_none_of_them(serve, connect, whole, more):
    cut = whole.index(b"\r\n\r\n") + 4 + more
    server = await serve(in_turn([whole[:cut], Pause(0.02), whole[cut:]]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)


@pytest.mark.parametrize("line_ends", LINE_ENDS.values(), ids=LINE_ENDS.keys())
@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_reply_behind_empty_lines_is_a_result(serve, connect, line_ends, pieces):
    said = line_ends + INTERIM + line_ends + INTERIM + WHOLE
    size = -(-len(said) // pieces)
    script = [said[start : start + size] for start in range(0, len(said), size)]
    server = await serve(lambda asked: script)
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, server.requests) == (Outcome.OK, 1)


PARTIAL_SURPLUS = {"half a reply": MALLORY[:20], "a line end": b"\r\n", "a head": head(200)}
at_once_or_later = pytest.mark.parametrize("pause", [0, 0.02], ids=["at once", "later"])


async def ask_twice(serve, connect, first, pause):
    """Look up ann, answered by `first`, and then bob; return bob's lookup and the server."""
    server = await serve(lambda asked: ok(asked) if asked.number else first)
    client = connect(server, concurrency=1)
    await client.lookup("ann@example.com")
    await asyncio.sleep(12 * pause)  # a busy machine sends the rest late
    return await client.lookup("bob@example.com"), server


@at_once_or_later
@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("surplus", WHOLE_SURPLUS.values(), ids=WHOLE_SURPLUS.keys())
async def test_bytes_after_the_reply_never_reach_the_next_lookup(
    serve, connect, surplus, status, pause
):
    whole = reply(status, ANN)
    first = [whole, Pause(pause), surplus] if pause else [whole + surplus]
    lookup, server = await ask_twice(serve, connect, first, pause)
    assert lookup.outcome is Outcome.OK
    assert lookup.account.max_jobs is None
    assert (server.times_asked("bob@example.com"), server.connections) == (1, 2)


@at_once_or_later
@pytest.mark.parametrize("surplus", PARTIAL_SURPLUS.values(), ids=PARTIAL_SURPLUS.keys())
async def test_less_than_a_reply_after_the_reply_never_reaches_the_next_lookup(
    serve, connect, surplus, pause
):
    """aiohttp cannot tell that such bytes came; it is enough that they do no harm."""
    first = [WHOLE, Pause(pause), surplus] if pause else [WHOLE + surplus]
    lookup, server = await ask_twice(serve, connect, first, pause)
    assert (lookup.outcome, lookup.account.max_jobs) == (Outcome.OK, None)
    assert server.times_asked("bob@example.com") == 1


@pytest.mark.parametrize(
    "surplus",
    [b"\r\n", b"\n", b"\r\n" * 9, b"\n" * 8, b"\r" * 5_000],
    ids=["CRLF", "LF", "nine CRLF", "eight LF", "very many CR"],
)
@pytest.mark.parametrize(
    "whole",
    [
        WHOLE,
        reply(200, ANN + b"\r\n"),
        reply(404),
        head(204),
        head(200, CHUNKED) + chunk(ANN) + chunk(b""),
        head(200, CHUNKED) + chunk(ANN) + b"0\r\nX-Trailer: 1\r\n\r\n",
        INTERIM + WHOLE,
        INTERIM + INTERIM + reply(404),
    ],
)
@pytest.mark.parametrize("transport", ["direct"])  # aiohttp says nothing of line ends
@pytest.mark.parametrize("pieces", [1, 2])
async def test_line_ends_after_the_reply_cost_the_connection_and_nothing_else_does(
    serve, connect, whole, surplus, pieces
):
    for extra, connections in ((surplus, 2), (b"", 1)):
        said = whole + extra
        middle = len(said) // 2 if pieces == 2 else len(said)
        lookup, server = await ask_twice(serve, connect, [said[:middle], said[middle:]], 0)
        assert (lookup.outcome, server.connections) == (Outcome.OK, connections)


@contextlib.contextmanager
def late_server(*scripts):
    """Answer in a thread of its own, which goes on while the event loop stands still.

    The n-th script is for the n-th request of a connection; yields the base URL, the emails
    asked for, by connection, and a semaphore that is released at the end of each script.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[list[str]] = []
    ended = threading.Semaphore(0)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                asked.append([])
                threading.Thread(target=talk, args=(peer, asked[-1]), daemon=True).start()

    def talk(peer, emails):
        with contextlib.suppress(OSError), peer:
            while data := peer.recv(65536):
                emails.append(data.split(b" ")[1].rpartition(b"/")[2].decode())
                script = scripts[min(len(emails), len(scripts)) - 1]
                for step in script(emails[-1]):
                    if isinstance(step, bytes):
                        peer.sendall(step)
                    elif step is CLOSE:
                        peer.close()
                    else:
                        time.sleep(step.seconds)
                ended.release()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", asked, ended
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    "stray",
    [reply(404, NO_ACCOUNT), MALLORY, b"HTTP/1.1 404 Not", b"\r\n", b"}"],
    ids=["a 404", "an account", "half a reply", "a line end", "a byte"],
)
async def test_bytes_that_the_event_loop_has_not_yet_read_never_reach_the_next_lookup(
    connect, stray
):
    """What came while the loop stood still was there before the next request was written."""

    def with_stray(email):
        return [reply(200, account_body(email)), Pause(0.05), stray]

    with late_server(with_stray) as (base_url, asked, ended):
        client = connect(base_url, concurrency=1)
        for number in range(5):
            lookup = await client.lookup(f"{number}@example.com")
            assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 1)
            assert lookup.account.email == f"{number}@example.com"
            assert ended.acquire(timeout=LONG)
        await client.aclose()
    assert [len(emails) for emails in asked] == [1] * 5


async def test_an_end_that_the_event_loop_has_not_yet_read_costs_no_request(connect):
    def answer(email):
        return [reply(200, account_body(email)), Pause(0.05), CLOSE]

    with late_server(answer) as (base_url, asked, ended):
        client = connect(base_url, concurrency=1)
        for number in range(3):
            lookup = await client.lookup(f"{number}@example.com")
            assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 1)
            assert ended.acquire(timeout=LONG)
        await client.aclose()
    assert [len(emails) for emails in asked] == [1] * 3


async def test_a_second_reply_in_two_parts_never_reaches_the_next_lookup(serve, connect):
    first = [WHOLE + MALLORY[:20], Pause(0.02), MALLORY[20:]]
    lookup, server = await ask_twice(serve, connect, first, 0.02)
    assert (lookup.outcome, lookup.account.max_jobs) == (Outcome.OK, None)
    assert server.connections == 2


async def test_a_server_that_closes_after_every_reply_costs_no_answer(serve, connect):
    """It does not say so: a kept connection may be dying, and so may all others."""
    server = await serve(lambda asked: [*ok(asked), CLOSE])
    client = connect(server, concurrency=5)
    lookups = await client.lookup_many(f"{number}@example.com" for number in range(100))
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert server.requests == 100
