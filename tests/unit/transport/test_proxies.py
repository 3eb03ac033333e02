import base64
import os

import pytest
from yarl import URL

from ltx_async import ConfigurationError, LTXClient
from ltx_async.transport.proxies import find_proxy

BASE = URL("https://api.example.com/v1")
PASSWORD = "hunter2"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return monkeypatch.setenv


def found(base=BASE):
    proxy = find_proxy(base, None, trust_env=True)
    return None if proxy is None else str(proxy.url)


def test_a_given_proxy_goes_before_the_environment(environment):
    environment("HTTPS_PROXY", "http://one.example.com:1")
    environment("NO_PROXY", "*")
    proxy = find_proxy(BASE, "http://two.example.com:2/", trust_env=True)
    assert (str(proxy.url), proxy.headers) == ("http://two.example.com:2", {})


def test_the_environment_counts_where_it_is_trusted(environment):
    environment("HTTPS_PROXY", "http://one.example.com:1")
    assert find_proxy(BASE, None, trust_env=False) is None
    assert found() == "http://one.example.com:1"
    assert found(URL("http://api.example.com")) is None
    environment("all_proxy", "http://all.example.com:3")
    assert found() == "http://one.example.com:1"
    assert found(URL("http://api.example.com")) == "http://all.example.com:3"


@pytest.mark.parametrize(
    ("exceptions", "base", "bypassed"),
    [
        ("api.example.com", "https://api.example.com/v1", True),
        ("example.com", "https://api.example.com/v1", True),
        (".example.com", "https://api.example.com/v1", True),
        ("api.example.com:443", "https://api.example.com/v1", True),
        ("api.example.com:8443", "https://api.example.com/v1", False),
        ("other.example.com, api.example.com:8443", "https://api.example.com:8443/v1", True),
        ("api.example.com:443", "https://api.example.com:8443/v1", False),
        ("127.0.0.1:8080", "https://127.0.0.1:8080", True),
        ("127.0.0.1:80", "https://127.0.0.1:8080", False),
        ("[::1]:8080", "https://[::1]:8080", True),
        ("::1", "https://[::1]:8080", True),
        ("*", "https://[::1]:8080", True),
        ("", "https://api.example.com/v1", False),
    ],
)
def test_no_proxy_may_name_a_port(environment, exceptions, base, bypassed):
    environment("https_proxy", "http://one.example.com:1")
    environment("no_proxy", exceptions)
    assert (found(URL(base)) is None) == bypassed


UNUSABLE = [
    f"ann:{PASSWORD}@proxy.example.com:3128",
    "proxy.example.com",
    "proxy.example.com:3128",
    f"socks5://ann:{PASSWORD}@127.0.0.1:1080",
    "socks5h://127.0.0.1:1080",
    "SOCKS4://127.0.0.1:1080",
    f"ftp://ann:{PASSWORD}@proxy.example.com",
    "http://",
    f"http://ann:{PASSWORD}@",
    f"http://ann:{PASSWORD}@proxy.example.com:port",
    f"http://ann:{PASSWORD}@proxy.example.com:99999",
    f"http://ann:{PASSWORD}@proxy.example.com/path",
    f"http://ann:{PASSWORD}@proxy.example.com?x=1",
    f"http://ann:{PASSWORD}@proxy example.com",
    f"http://ann:{PASSWORD}@proxy.example.com\n",
    "nonsense",
]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("text", UNUSABLE)
def test_a_variable_that_names_no_http_proxy_is_named_and_not_quoted(environment, variable, text):
    environment(variable, text)
    with pytest.raises(ConfigurationError) as raised:
        LTXClient("user:12345-abcdefghi", base_url=str(BASE), trust_env=True)
    assert raised.value.message.startswith((f"{variable} is ", f"{variable} has a path"))
    assert PASSWORD not in raised.value.message
    assert LTXClient("user:12345-abcdefghi", base_url=str(BASE))


@pytest.mark.parametrize("text", [*UNUSABLE, ""])
def test_a_given_one_is_checked_alike(text):
    with pytest.raises(ConfigurationError, match=r"^proxy (is|has) ") as raised:
        LTXClient("user:12345-abcdefghi", base_url=str(BASE), proxy=text)
    assert PASSWORD not in raised.value.message


@pytest.mark.parametrize(
    ("user_info", "pair"),
    [
        (f"ann:{PASSWORD}", f"ann:{PASSWORD}"),
        ("ann", "ann:"),
        ("ann%40example.com:p%3Aw%2F", "ann@example.com:p:w/"),
        ("%C3%A4nn:%E2%82%AC", "änn:€"),
    ],
)
def test_credentials_leave_the_url_for_a_header(user_info, pair):
    proxy = find_proxy(BASE, f"http://{user_info}@proxy.example.com:3128/", trust_env=False)
    assert str(proxy.url) == "http://proxy.example.com:3128"
    sent = base64.b64encode(pair.encode()).decode()
    assert proxy.headers == {"Proxy-Authorization": f"Basic {sent}"}
    assert sent not in repr(proxy) + repr(proxy.headers)
