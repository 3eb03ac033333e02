import sys

import pytest

from ltx_async.cli.endings import CommandError
from ltx_async.cli.options import transport_found
from ltx_async.cli.settings import ClientOptions, find_token
from ltx_async.cli.talk import Talk

TALK = Talk(console=None)
TOKEN = "user:12345-abcdefghi"


@pytest.fixture
def token_file(tmp_path):
    def write(data, mode=0o600):
        path = tmp_path / "token"
        path.write_bytes(data)
        path.chmod(mode)
        return str(path)

    return write


def test_the_file_wins_over_the_environment(token_file, monkeypatch, capfd):
    monkeypatch.setenv("USEAPI_TOKEN", "user:2-environment")
    assert find_token(token_file(b"\xef\xbb\xbf " + TOKEN.encode() + b"\r\nmore\n"), TALK) == TOKEN
    assert find_token(None, TALK) == "user:2-environment"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_token_file_that_others_can_read_is_warned_about(token_file, capfd, mode):
    path = token_file(TOKEN.encode(), mode)
    assert find_token(path, TALK) == TOKEN
    assert capfd.readouterr().err == (
        f"warning: the token file {path} can be read by others; do: chmod 600 {path}\n"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n"])
def test_an_empty_token_file_is_no_token(token_file, content):
    with pytest.raises(CommandError, match="no API token") as raised:
        find_token(token_file(content), TALK)
    assert "--token-file" in raised.value.hint


def test_without_a_token_both_ways_to_give_one_are_named(monkeypatch):
    monkeypatch.delenv("USEAPI_TOKEN")
    with pytest.raises(CommandError) as raised:
        find_token(None, TALK)
    assert "USEAPI_TOKEN" in raised.value.hint


def test_a_token_file_that_cannot_be_read_is_named():
    with pytest.raises(CommandError, match="nowhere: No such file"):
        find_token("nowhere", TALK)


def test_a_huge_token_file_is_not_read_to_its_end(token_file):
    assert len(find_token(token_file(b"x" * 100_000), TALK)) == 4096


async def test_the_options_reach_the_client():
    options = ClientOptions(concurrency=7, base_url="http://127.0.0.1:1/v1")
    async with options.client(TALK) as client:
        assert "concurrency=7" in repr(client)


class TestTheTransport:
    def test_direct_is_the_default_where_it_works(self):
        pytest.importorskip("httptools")
        assert transport_found(None, None, None) == "direct"

    @pytest.mark.parametrize("name", ["session", "direct"])
    def test_the_chosen_one_is_taken(self, name):
        assert transport_found(None, None, name) == name

    def test_without_the_extra_it_is_the_session_without_a_word(self, monkeypatch, capsys):
        monkeypatch.setitem(sys.modules, "httptools", None)
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
        assert transport_found(None, None, None) == "session"
        assert capsys.readouterr().err == ""

    def test_with_an_aiohttp_that_it_cannot_use_there_is_one_warning(self, monkeypatch, capsys):
        monkeypatch.setattr("ltx_async.transport.missing", lambda: "this aiohttp is too new")
        assert transport_found(None, None, None) == "session"
        assert capsys.readouterr().err.count("this aiohttp is too new") == 1
