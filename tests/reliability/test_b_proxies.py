"""Promises 15 and 16 behind a proxy: it is asked for by name, and never sees the token."""

import asyncio
import base64
import contextlib
import ssl
import traceback

import pytest
from looking_proxy import pump

from ltx_async import ConfigurationError, ConnectError, LTXClient, Outcome, ProxyAuthenticationError

from .conftest import TOKEN
from .replies import ok, reply
from .wire import in_turn

PASSWORD = "hunter2"
PAIR = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()


class Tunnel:
    """An http proxy that only makes tunnels, for those who give its password."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.heads: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_error) -> None:
        self.server.close()
        for writer in self.writers:
            writer.close()
        await asyncio.sleep(0.01)

    async def serve(self, reader, writer) -> None:
        self.writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        status = self.status
        if f"Proxy-Authorization: Basic {PAIR}\r\n".encode() not in head:
            status = 407
        writer.write(b"HTTP/1.1 %d Words\r\nContent-Length: 0\r\n\r\n" % status)
        if status != 200:
            writer.close()
            return
        host, port = head.split(b" ")[1].decode().rsplit(":", 1)
        with contextlib.suppress(OSError):
            inner, out = await asyncio.open_connection(host, int(port))
            self.writers.append(out)
            await asyncio.gather(pump(reader, out), pump(inner, writer))


@pytest.fixture
async def tunnel():
    async with Tunnel() as proxy:
        yield proxy


@pytest.fixture(params=["proxy", "trust_env"])
def through(request, monkeypatch):
    """The options that send requests through a proxy, given in each of the two ways."""

    def options(url: str) -> dict:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("https_proxy", url)
        monkeypatch.setenv("http_proxy", url)
        return {"proxy": url} if request.param == "proxy" else {"trust_env": True}

    return options


@pytest.fixture
async def secure(serve, certified):
    return await serve(ok, tls=lambda _number: certified(), scheme="https")


async def test_a_tunnel_is_asked_for_with_the_password_and_sees_no_token(
    secure, connect, trusting, tunnel, through
):
    options = through(f"http://ann:{PASSWORD}@{tunnel.address}")
    client = connect(secure, ssl=trusting, concurrency=3, **options)
    lookups = await client.lookup_many(f"{number}@example.com" for number in range(20))
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert len(tunnel.heads) == secure.connections <= 3
    assert all(head.startswith(b"CONNECT 127.0.0.1:") for head in tunnel.heads)
    assert TOKEN.encode() not in b"".join(tunnel.heads)
    assert PAIR.encode() not in secure.log


@pytest.mark.parametrize("user_info", ["", "ann@", "ann:wrong@", f"eve:{PASSWORD}@"])
async def test_who_has_the_wrong_password_for_a_proxy_is_told_once(
    connect, trusting, tunnel, through, user_info
):
    options = through(f"http://{user_info}{tunnel.address}")
    client = connect("https://127.0.0.1:9/v1", ssl=trusting, concurrency=1, **options)
    run = client.lookup_many(f"{number}@example.com" for number in range(100))
    with pytest.raises(ProxyAuthenticationError, match="proxy") as raised:
        await run
    assert len(tunnel.heads) == 1
    assert raised.value.status == 407
    assert "LTX_ASYNC_PROXY" in raised.value.hint
    assert run.delivered == ()


async def test_plain_http_has_the_password_in_the_request(serve, connect, transport):
    if transport == "direct":
        pytest.skip("direct sends no plain http through a proxy")
    proxy = await serve(ok)
    client = connect("http://127.0.0.1:9/v1", proxy=f"http://ann:{PASSWORD}@127.0.0.1:{proxy.port}")
    assert (await client.lookup("ann@example.com")).outcome is Outcome.OK
    assert proxy.asked[0].values("proxy-authorization") == [f"Basic {PAIR}"]
    refusing = await serve(in_turn([reply(407, b"")]))
    client = connect("http://127.0.0.1:9/v1", proxy=f"http://127.0.0.1:{refusing.port}")
    lookup = await client.lookup("ann@example.com")
    assert isinstance(lookup.error, ProxyAuthenticationError)
    assert refusing.requests == 1


async def test_another_answer_of_a_proxy_is_no_answer_of_the_server(connect, trusting):
    async with Tunnel(status=403) as refusing:
        options = {"proxy": f"http://ann:{PASSWORD}@{refusing.address}", "ssl": trusting}
        lookup = await connect("https://127.0.0.1:9/v1", **options).lookup("ann@example.com")
    assert type(lookup.error) is ConnectError
    assert lookup.error.message == "the proxy answered HTTP 403"


def shown(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize(
    "options",
    [
        {"proxy": f"http://ann:{PASSWORD}" + "@127.0.0.1:port"},
        {"proxy": f"socks5://ann:{PASSWORD}" + "@127.0.0.1:1"},
        {"proxy": f"ann:{PASSWORD}" + "@127.0.0.1:1"},
        {"proxy": f"http://ann:{PASSWORD}" + "@127.0.0.1:1", "concurrency": 0},
        {"proxy": f"http://ann:{PASSWORD}" + "@127.0.0.1:1", "transport": "pigeon"},
        {"proxy": f"http://ann:{PASSWORD}" + "@127.0.0.1:1", "timeout": -1},
        {"base_url": f"https://ann:{PASSWORD}" + "@example.com/v1"},
        {"base_url": f"https://:{PASSWORD}" + "@example.com"},
        {"base_url": f"ftp://ann:{PASSWORD}" + "@example.com"},
        {"base_url": f"ann:{PASSWORD}" + "@example.com"},
        {"base_url": f"https://ann:{PASSWORD}" + "@example.com:port"},
        {"base_url": f"https://ann:{PASSWORD}" + "@[::1"},
    ],
    ids=str,
)
def test_no_mistake_shows_a_password_in_a_traceback_with_locals(options):
    with pytest.raises(ConfigurationError) as raised:
        LTXClient(TOKEN, **options)
    here, _, ours = shown(raised.value).partition("in __init__")
    assert here
    assert ours
    assert PASSWORD not in ours


@pytest.mark.parametrize("refusing", [True, False])
async def test_no_trouble_with_a_proxy_shows_its_password(connect, trusting, tunnel, refusing):
    address = tunnel.address if refusing else "127.0.0.1:9"
    client = connect(
        "https://127.0.0.1:9/v1", ssl=trusting, proxy=f"http://eve:{PASSWORD}@{address}"
    )
    error = (await client.lookup("ann@example.com")).error
    assert isinstance(error, ProxyAuthenticationError if refusing else ConnectError)
    assert PASSWORD not in shown(error) + repr(error) + str(vars(error))
    assert PAIR not in shown(error)


@pytest.mark.parametrize("verify", ["nothing", "no host name", "a certificate if there is one"])
def test_tls_settings_that_do_not_verify_are_refused(verify):
    context = ssl.create_default_context()
    context.check_hostname = False
    if verify == "nothing":
        context.verify_mode = ssl.CERT_NONE
    elif verify == "a certificate if there is one":
        context.verify_mode = ssl.CERT_OPTIONAL
    with pytest.raises(ConfigurationError, match="does not verify"):
        LTXClient(TOKEN, ssl=context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    assert LTXClient(TOKEN, ssl=context)
