"""httpbin, an independent server with faults of its own: each reply brings the right error."""

import threading

import pytest

from ltx_async import (
    AccountNotFoundError,
    AttemptTimeoutError,
    AuthenticationError,
    DecodeError,
    LTXClient,
    ProtocolError,
    RateLimitError,
    RedirectError,
    ResponseError,
    RetryPolicy,
    ServerError,
    SubscriptionError,
)
from ltx_async.emulator import EXAMPLE_TOKEN

httpbin = pytest.importorskip("httpbin", reason="the package httpbin is not installed")
serving = pytest.importorskip("werkzeug.serving", reason="werkzeug is not installed")

# What a lookup is made of below the base URL /NAME, and what has to come of it.
CASES = {
    **{f"status-{status}": (f"/status/{status}", ServerError) for status in (500, 502, 503, 504)},
    **{f"status-{status}": (f"/status/{status}", ResponseError) for status in (400, 403, 410, 418)},
    **{f"status-{status}": (f"/status/{status}", RedirectError) for status in (301, 302, 307)},
    "status-204": ("/status/204", ResponseError),
    "status-401": ("/status/401", AuthenticationError),
    "status-402": ("/status/402", SubscriptionError),
    "status-404": ("/status/404", AccountNotFoundError),
    "status-429": ("/status/429", RateLimitError),
    "basic-auth": ("/basic-auth/user/password", AuthenticationError),
    "redirect": ("/redirect/3", RedirectError),
    "absolute-redirect": ("/absolute-redirect/2", RedirectError),
    "redirect-away": ("/redirect-to?url=https://example.com/x", RedirectError),
    "cookies": ("/cookies/set?chocolate=chip", RedirectError),
    "drip": ("/drip?duration=3&numbytes=9&delay=0", AttemptTimeoutError),
    "drip-later": ("/drip?duration=0&numbytes=9&delay=3", AttemptTimeoutError),
    "delay": ("/delay/3", AttemptTimeoutError),
    "gzip": ("/gzip", ProtocolError),
    "deflate": ("/deflate", ProtocolError),
    "stream-bytes": ("/stream-bytes/20000?seed=1", DecodeError),
    "bytes": ("/bytes/2000?seed=1", DecodeError),
    "stream": ("/stream/20", DecodeError),
    "html": ("/html", DecodeError),
    "xml": ("/xml", DecodeError),
    "json": ("/json", DecodeError),
    "text": ("/robots.txt", DecodeError),
    "utf8": ("/encoding/utf8", DecodeError),
    "image": ("/image/png", DecodeError),
    "echo": ("/anything", DecodeError),
    "echo-of-headers": ("/headers", DecodeError),
    "echo-of-the-token": ("/bearer", DecodeError),
    "odd-headers": ("/response-headers?Retry-After=9&Content-Type=text/html", DecodeError),
}


class Httpbin:
    """httpbin behind a WSGI middleware that has a base URL for each of its pages."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.cookies: list[str] = []
        self.server = serving.make_server("127.0.0.1", 0, self, threaded=True)

    def __call__(self, environ, start_response):
        name = environ["PATH_INFO"].split("/")[1]
        path, _, query = CASES[name][0].partition("?")
        self.paths.append(environ["PATH_INFO"])
        self.cookies.append(environ.get("HTTP_COOKIE", ""))
        environ["PATH_INFO"], environ["QUERY_STRING"] = path, query
        return httpbin.app.wsgi_app(environ, start_response)

    def base_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server.port}/{name}"


@pytest.fixture(scope="module")
def server():
    running = Httpbin()
    thread = threading.Thread(target=running.server.serve_forever, args=(0.05,))
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    """Werkzeug writes a line per request."""
    monkeypatch.setattr(serving.WSGIRequestHandler, "log", lambda *_: None)


@pytest.fixture(params=["session", "direct"])
def transport(request) -> str:
    return request.param


POLICY = RetryPolicy(attempts=1, throttles=0)


async def looked_up(server, name, transport, **options):
    options = {"retry": POLICY, "timeout": 1.0, **options}
    base_url = server.base_url(name)
    async with LTXClient(
        EXAMPLE_TOKEN, base_url=base_url, transport=transport, **options
    ) as client:
        return await client.lookup("ann@example.com")


@pytest.mark.parametrize("name", CASES)
async def test_each_reply_brings_its_error(server, transport, name):
    server.paths.clear()
    lookup = await looked_up(server, name, transport)
    assert type(lookup.error) is CASES[name][1]
    assert lookup.account is None
    assert server.paths == [f"/{name}/ltxstudio/accounts/ann@example.com"]
    said = f"{lookup!r} {lookup.error} {lookup.error.hint} {vars(lookup.error)}"
    assert EXAMPLE_TOKEN not in said


async def test_what_is_worth_a_retry_is_repeated_and_the_rest_is_not(server, transport):
    policy = RetryPolicy(attempts=3, base=0.001, cap=0.002)
    asked = {}
    for name in ("status-503", "status-500", "gzip", "status-400", "json", "redirect"):
        server.paths.clear()
        lookup = await looked_up(server, name, transport, retry=policy)
        asked[name] = len(server.paths)
        assert lookup.attempts == asked[name]
    retried = {"status-503": 3, "status-500": 3, "gzip": 3}
    assert asked == {**retried, "status-400": 1, "json": 1, "redirect": 1}


async def test_no_cookie_is_ever_sent_back(server, transport):
    server.cookies.clear()
    base_url = server.base_url("cookies")
    async with LTXClient(EXAMPLE_TOKEN, base_url=base_url, transport=transport, retry=POLICY) as c:
        for _ in range(3):
            await c.lookup("ann@example.com")
    assert server.cookies == ["", "", ""]


async def test_a_redirect_names_the_host_alone(server, transport):
    error = (await looked_up(server, "redirect-away", transport)).error
    assert "example.com" in str(error)
    assert "/x" not in str(error)
