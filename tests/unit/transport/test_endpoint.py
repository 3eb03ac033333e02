"""Where the token may go, and what every request carries."""

import pytest
from yarl import URL

from ltx_async._version import __version__
from ltx_async.errors import ConfigurationError
from ltx_async.transport.endpoint import Endpoint, Secret, check_base_url, check_token
from ltx_async.transport.loopback import is_loopback
from ltx_async.transport.pool import Wiring
from ltx_async.transport.proxies import find_proxy

TOKEN = "user:12345-abcdefghi"


def endpoint(base_url="https://example.com/v1", **options):
    return Endpoint.checked(base_url, TOKEN, **options)


# The token


@pytest.mark.parametrize("token", [TOKEN, "x", "!~", "user:1-" + "a" * 5000])
def test_a_token_of_visible_ascii_is_used_as_it_is(token):
    assert check_token(token) == token


@pytest.mark.parametrize("code", [*range(33), 127, 0x80, 0xA0, 0xE9, 0x2028, 0xFEFF, 0xD800])
@pytest.mark.parametrize(
    "form", ["{0}user:12345-hunter2", "user:12345{0}-hunter2", "user:12345-hunter2{0}"]
)
def test_a_token_with_anything_else_is_refused_without_being_quoted(form, code):
    with pytest.raises(ConfigurationError) as caught:
        check_token(form.format(chr(code)))
    said = str(caught.value) + caught.value.hint + repr(caught.value) + repr(caught.value.args)
    assert "hunter2" not in said
    assert "12345" not in said


@pytest.mark.parametrize("token", [7, b"user:12345-hunter2", ["user:12345-hunter2"], object()])
def test_a_token_of_another_type_is_refused_by_its_type(token):
    with pytest.raises(ConfigurationError, match=f"text, not {type(token).__name__}") as caught:
        check_token(token)
    assert "hunter2" not in str(caught.value) + caught.value.hint
    assert "user:<number>" in caught.value.hint


@pytest.mark.parametrize(
    ("form", "along"),
    [
        ("'{}'", "quotation marks"),
        ('"{}"', "quotation marks"),
        ("\u201c{}\u201d", "quotation marks"),
        ("`{}`", "quotation marks"),
        ("Bearer {}", "Bearer"),
        ("bearer\t{}", "Bearer"),
        ("Authorization: Bearer {}", "Bearer"),
        ("USEAPI_TOKEN={}", "NAME="),
    ],
)
def test_what_was_copied_along_is_named_and_the_token_is_not(form, along):
    with pytest.raises(ConfigurationError, match=along) as caught:
        check_token(form.format("user:12345-hunter2"))
    assert "hunter2" not in str(caught.value) + caught.value.hint
    assert "alone" in caught.value.hint


@pytest.mark.parametrize("token", ["", None])
def test_no_token_is_refused_with_a_hint_where_it_belongs(token):
    with pytest.raises(ConfigurationError, match="no API token") as caught:
        check_token(token)
    assert "USEAPI_TOKEN" in caught.value.hint


def test_a_secret_is_itself_but_for_its_repr():
    secret = Secret(TOKEN)
    assert secret == TOKEN
    assert str(secret) == f"{secret}" == TOKEN
    assert repr(secret) == repr([secret])[1:-1] == "'***'"


# The base URL


@pytest.mark.parametrize(
    ("base_url", "base"),
    [
        ("https://api.useapi.net/v1", "https://api.useapi.net/v1"),
        ("https://example.com/v1/", "https://example.com/v1"),
        ("https://example.com/v1///", "https://example.com/v1"),
        ("https://example.com/a%20b%2F", "https://example.com/a%20b%2F"),
        ("https://EXAMPLE.com:8443/v1", "https://example.com:8443/v1"),
        ("https://[2001:db8::1]/v1", "https://[2001:db8::1]/v1"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://127.8.9.1/v1", "http://127.8.9.1/v1"),
        ("http://[::1]/v1", "http://[::1]/v1"),
        ("https://example.com:443/v1", "https://example.com/v1"),
        ("http://[::1]:80/v1", "http://[::1]/v1"),
        ("http://localhost/v1", "http://localhost/v1"),
        ("http://api.localhost:1/v1", "http://api.localhost:1/v1"),
    ],
)
def test_a_base_url_that_may_be_used(base_url, base):
    accounts = "/ltxstudio/accounts"
    assert str(endpoint(base_url).url(accounts)) == base + accounts


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.useapi.net/v1",
        "/v1",
        "https://",
        "https:///v1",
        "https://:443/v1",
        "http://[::1/v1",
        "https://example.com:99999",
        "https://example.com:port",
        "https://example.com:/v1",
        "http://127.0.0.1:",
        "//example.com/v1",
        "ftp://example.com/v1",
        "file:///etc/hosts",
        "ws://127.0.0.1/v1",
        "javascript:alert(1)//example.com",
        "https://user@example.com/v1",
        "https://user:password@example.com/v1",
        "https://:password@example.com/v1",
        "https://example.com@192.0.2.1/v1",
        "https://example.com/v1?",
        "https://example.com/v1?a=b",
        "https://example.com/v1#",
        "https://example.com/v1#part",
        "https://example.com?x",
        None,
        7,
    ],
)
def test_a_base_url_that_may_not_be_used_is_refused(base_url):
    with pytest.raises(ConfigurationError):
        check_base_url(base_url, allow_http=True)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "192.0.2.1",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "[2001:db8::1]",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "notlocalhost",
        "2130706433",
        "0x7f000001",
    ],
)
def test_plain_http_is_for_this_machine_unless_allowed(host):
    with pytest.raises(ConfigurationError, match="plain http") as caught:
        check_base_url(f"http://{host}/v1", allow_http=False)
    assert "--allow-http" in caught.value.hint
    assert check_base_url(f"http://{host}/v1", allow_http=True).scheme == "http"


def test_a_password_in_a_refused_base_url_is_not_quoted():
    with pytest.raises(ConfigurationError) as caught:
        check_base_url("https://ann:hunter2@example.com", allow_http=False)
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("localhost.com", False),
        ("", False),
    ],
)
def test_what_counts_as_this_machine(host, loopback):
    assert is_loopback(host) is loopback


# Requests


@pytest.mark.parametrize(
    "target",
    [
        ".evil.example.com/x",
        "@evil.example.com/x",
        ":80@evil.example.com/",
        ":8443/x",
        "evil.example.com",
    ],
)
def test_a_target_that_would_lead_to_another_host_gets_no_token(target):
    with pytest.raises(ConfigurationError, match="leave the host"):
        endpoint("https://example.com").url(target)


@pytest.mark.parametrize(
    "target", ["/a", "//evil.example.com/x", "/..%2f", "/%2e%2e/x@y", "/a?b#c"]
)
def test_a_target_below_the_base_url_stays_as_it_is_encoded(target):
    url = endpoint().url(target)
    assert (url.host, url.scheme) == ("example.com", "https")
    assert str(url).startswith("https://example.com/v1/")
    assert str(url) == "https://example.com/v1" + target


def test_a_request_carries_the_token_and_asks_for_plain_json():
    assert endpoint().headers() == {
        "Authorization": f"Bearer {TOKEN}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"ltx_async/{__version__}",
    }
    assert endpoint(user_agent="mine/1.0").headers()["User-Agent"] == "mine/1.0"


def test_the_token_shows_in_no_repr():
    assert TOKEN not in repr(endpoint()) + repr(endpoint().headers())


@pytest.mark.parametrize("agent", ["a\r\nX: y", "a\nb", "tab\t", "é", "\x7f", "\x00"])
def test_a_user_agent_that_would_break_the_header_is_refused(agent):
    with pytest.raises(ConfigurationError, match="user agent"):
        endpoint(user_agent=agent)


def test_the_password_of_a_proxy_shows_in_no_repr():
    proxy = find_proxy(URL("https://x.example"), "http://ann:hunter2@127.0.0.1:1", trust_env=False)
    shown = repr(Wiring(limit=1, proxy=proxy))
    assert "127.0.0.1:1" in shown
    assert "hunter2" not in shown
    assert "YW5uOmh1bnRlcjI" not in shown  # the same in base64


@pytest.mark.parametrize("agent", [7, b"agent"])
def test_a_user_agent_of_another_type_is_refused(agent):
    with pytest.raises(ConfigurationError, match="user agent"):
        endpoint(user_agent=agent)


def test_a_base_url_may_be_a_yarl_url():
    assert str(endpoint(URL("https://example.com/v1")).base) == "https://example.com/v1"
