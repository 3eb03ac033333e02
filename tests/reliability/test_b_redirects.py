"""Promise 15: the token goes to one host only, and no reply changes the next request."""

import pytest

from ltx_async import ConfigurationError, Outcome, ProxyAuthenticationError, RedirectError

from .conftest import TOKEN
from .replies import account_body, ok, reply
from .wire import in_turn

ELSEWHERE = "https://elsewhere.example.com/login?next=secret-path"
ANN = account_body("ann@example.com")


@pytest.fixture
async def trap(serve):
    """Another server, which nobody is to ask; it would answer."""
    return await serve(ok)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("target", ["absolute", "scheme-relative", "path"])
async def test_a_redirect_is_one_request_and_never_followed(serve, connect, trap, status, target):
    location = {
        "absolute": trap.base_url + "/login?token=1",
        "scheme-relative": f"//127.0.0.1:{trap.port}/",
        "path": "/v1/ltxstudio/accounts/bob@example.com",
    }[target]
    server = await serve(in_turn([reply(status, ANN, ("Location", location))]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, RedirectError)
    assert server.requests == lookup.attempts == 1
    assert trap.connections == 0


async def test_a_redirect_error_names_the_host_and_nothing_else(serve, connect):
    server = await serve(in_turn([reply(302, b"", ("Location", ELSEWHERE))]))
    lookup = await connect(server).lookup("ann@example.com")
    assert lookup.error.message == "HTTP 302: redirects to elsewhere.example.com"


@pytest.mark.parametrize("location", ["", "http://[", "\x01", "//", "http://" + "a" * 5000, "é"])
async def test_a_redirect_to_nonsense_is_still_a_redirect(serve, connect, location):
    server = await serve(in_turn([reply(302, b"", ("Location", location))]))
    lookup = await connect(server).lookup("ann@example.com")
    if "\x01" not in location:  # which no header may hold
        assert isinstance(lookup.error, RedirectError)
    assert lookup.outcome is Outcome.FAILED
    assert len(str(lookup.error)) < 400


async def test_other_ways_to_point_elsewhere_are_ignored(serve, connect, trap):
    headers = [("Location", trap.base_url), ("Refresh", f"0; url={trap.base_url}")]
    headers += [("Alt-Svc", f'http/1.1="127.0.0.1:{trap.port}"'), ("Content-Location", "/x")]
    server = await serve(in_turn([reply(200, ANN, *headers)]))
    client = connect(server)
    for _ in range(2):
        assert (await client.lookup("ann@example.com")).outcome is Outcome.OK
    assert (server.requests, trap.connections) == (2, 0)


@pytest.mark.parametrize("status", [200, 401, 404, 503])
async def test_a_cookie_is_never_sent_back(serve, connect, status):
    cookies = [("Set-Cookie", "one=1"), ("Set-Cookie", "two=2; Path=/; HttpOnly")]
    cookies += [("Set-Cookie", "three=3; Domain=127.0.0.1; Max-Age=100")]
    server = await serve(in_turn([reply(status, ANN, *cookies)]))
    client = connect(server)
    for number in range(3):
        await client.lookup(f"{number}@example.com")
    assert server.requests >= 3
    assert not any(asked.values("cookie") for asked in server.asked)


@pytest.fixture
def environment(monkeypatch, tmp_path, trap):
    """Proxies and credentials, as an environment may have them."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{trap.port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))


async def test_proxies_and_netrc_of_the_environment_are_ignored(serve, connect, trap, environment):
    server = await serve(ok)
    assert (await connect(server).lookup("ann@example.com")).outcome is Outcome.OK
    assert (server.requests, trap.connections) == (1, 0)
    assert server.asked[0].values("authorization") == [f"Bearer {TOKEN}"]


async def test_with_trust_env_a_proxy_of_the_environment_is_used(
    serve, connect, trap, environment, transport
):
    """The proxy of plain http sees the whole URL, and still only our token."""
    server = await serve(ok)
    if transport == "direct":
        with pytest.raises(ConfigurationError, match="proxy"):
            connect(server, trust_env=True)
        return
    client = connect(server, trust_env=True)
    lookup = await client.lookup("ann@example.com")
    assert lookup.outcome is Outcome.OK
    assert (server.requests, trap.requests) == (0, 1)
    assert trap.asked[0].line.startswith(f"GET {server.base_url}/ltxstudio/accounts/")
    assert trap.asked[0].values("authorization") == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("given", ["proxy", "trust_env"])
async def test_a_proxy_in_front_of_tls_never_sees_the_token(
    serve, connect, trusting, monkeypatch, given
):
    proxy = await serve(in_turn([reply(407, b"")]))
    url = f"http://127.0.0.1:{proxy.port}"
    monkeypatch.setenv("https_proxy", url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    option = {"proxy": url} if given == "proxy" else {"trust_env": True}
    lookup = await connect("https://127.0.0.1:9/v1", ssl=trusting, **option).lookup("a@b.example")
    assert lookup.outcome is Outcome.FAILED
    assert [asked.line for asked in proxy.asked] == ["CONNECT 127.0.0.1:9 HTTP/1.1"]
    assert isinstance(lookup.error, ProxyAuthenticationError)
    assert lookup.error.status == 407
    assert TOKEN.encode() not in proxy.log
