"""Promise 23: where the token may be sent, and which tokens are none, is settled at once."""

import traceback

import pytest

from ltx_async import ConfigurationError, LTXClient

from .conftest import TOKEN
from .replies import ok

REFUSED_URLS = [
    "http://example.com/v1",
    "http://127.0.0.1.example.com/v1",
    "http://localhost.example.com/v1",
    "http://127.0.0.1@example.com/v1",
    "http://example.com#@127.0.0.1/v1",
    "http://[::ffff:192.0.2.1]/v1",
    "http://0x7f.1.example.com/",
    "https://user@example.com/v1",
    "https://user:password@example.com/v1",
    "https://:@example.com/v1",
    "https://example.com/v1?x=1",
    "https://example.com/v1?",
    "https://example.com/v1#x",
    "https://example.com/v1#",
    "ftp://example.com/v1",
    "file:///v1",
    "ws://127.0.0.1/v1",
    "unix:///run/x",
    "javascript:alert(1)",
    "//example.com/v1",
    "example.com/v1",
    "https://",
    "https:///v1",
    "https://example.com:99999/v1",
    "https://exa mple.com/v1",
    "https://example.com/v 1",
    " https://example.com/v1",
    "https://example.com/v1\n",
    "https://example.com\r\nX: y/v1",
    TOKEN,
    "",
    "/",
]
LOOPBACK = ["http://127.0.0.1", "http://127.8.8.8:80/v1", "http://localhost/v1", "http://[::1]/v1"]
BAD_TOKENS = {
    "space": f"{TOKEN} x",
    "leading space": f" {TOKEN}",
    "newline": f"{TOKEN}\n",
    "header injection": f"{TOKEN}\r\nX-Evil: 1",
    "tab": f"{TOKEN}\t",
    "NUL": f"{TOKEN}\x00",
    "DEL": f"{TOKEN}\x7f",
    "C1": f"{TOKEN}\x85",
    "non-breaking space": f"{TOKEN}\xa0",
    "umlaut": f"{TOKEN}ü",
    "surrogate": f"{TOKEN}\udcff",
}


@pytest.mark.parametrize("base_url", REFUSED_URLS)
def test_a_base_url_that_could_lead_elsewhere_is_refused_at_construction(transport, base_url):
    with pytest.raises(ConfigurationError) as raised:
        LTXClient(TOKEN, base_url=base_url or "about:blank", transport=transport)
    assert TOKEN not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize("base_url", LOOPBACK)
def test_plain_http_is_for_this_machine(transport, base_url):
    LTXClient(TOKEN, base_url=base_url, transport=transport)


def test_plain_http_elsewhere_has_to_be_allowed(transport):
    LTXClient(TOKEN, base_url="http://example.com/v1", transport=transport, allow_http=True)


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_token_that_cannot_stand_in_a_header_is_refused_without_being_quoted(transport, token):
    with pytest.raises(ConfigurationError) as raised:
        LTXClient(token, base_url="http://127.0.0.1/v1", transport=transport)
    said = [str(raised.value), raised.value.hint, repr(raised.value), repr(vars(raised.value))]
    said += traceback.format_exception(raised.value)
    assert "12345-abcdefghi" not in "\n".join(said).replace("LTXClient(token", "")


async def test_the_path_of_the_base_url_is_kept_and_nothing_else_is_added(serve, connect):
    server = await serve(ok)
    client = connect(f"http://{server.host}:{server.port}/deep/er//v1/")
    await client.fetch_account("ann@example.com")
    assert server.asked[0].line == "GET /deep/er//v1/ltxstudio/accounts/ann@example.com HTTP/1.1"
