import errno
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from patience import LONG

from ltx_async import ConfigurationError
from ltx_async.cli.options import transport_found
from ltx_async.cli.settings import ClientOptions, find_token
from ltx_async.cli.terminal.messages import Talk
from ltx_async.files.errors import InputError

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


async def test_the_file_wins_over_the_environment(token_file, monkeypatch, capfd):
    monkeypatch.setenv("USEAPI_TOKEN", "user:2-environment")
    assert (
        await find_token(token_file(b"\xef\xbb\xbf " + TOKEN.encode() + b"\r\nmore\n"), TALK)
        == TOKEN
    )
    assert await find_token(None, TALK) == "user:2-environment"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
async def test_a_token_file_that_others_can_read_is_warned_about(token_file, capfd, mode):
    path = token_file(TOKEN.encode(), mode)
    assert await find_token(path, TALK) == TOKEN
    assert capfd.readouterr().err == (
        f"warning: the token file {path} can be read by others; do: chmod 600 {path}\n"
    )


async def test_what_is_to_be_done_about_a_token_file_can_be_typed(tmp_path, capfd):
    path = tmp_path / "my $(token)"
    path.write_text(TOKEN)
    path.chmod(0o644)
    await find_token(str(path), TALK)
    command = capfd.readouterr().err.partition("do: ")[2]
    assert shlex.split(command) == ["chmod", "600", str(path)]


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n"])
async def test_an_empty_token_file_is_no_token(token_file, content):
    path = token_file(content)
    with pytest.raises(ConfigurationError) as raised:
        await find_token(path, TALK)
    assert (
        raised.value.message == f"no API token in the token file {path}: its first line is empty."
    )
    assert "Write it there" in raised.value.hint


async def test_a_token_on_another_line_than_the_first_is_not_found(token_file):
    with pytest.raises(ConfigurationError, match="its first line is empty"):
        await find_token(token_file(b"\nuser:1-a\n"), TALK)


@pytest.mark.parametrize("command", [("get", "ann@example.com"), ("accounts",), ("doctor",)])
@pytest.mark.parametrize("name", ["folder", "nowhere", "https://example.com/token"])
def test_a_token_file_that_is_none_has_no_hint_of_an_input(ltx, tmp_path, command, name):
    (tmp_path / "folder").mkdir()
    ended = ltx(*command, "--token-file", name)
    said = ended.out + ended.err
    assert f"the token file {name}: " in said
    assert "Name the file that the API token is in." in said
    assert ".csv" not in said
    assert "curl" not in said


def test_an_empty_standard_input_is_no_token_and_named(launch):
    process = launch("get", "ann@example.com", "--token-file", "-", stdin=subprocess.DEVNULL)
    _, err = process.communicate(timeout=LONG)
    assert b"no API token in the token file standard input: its first line is empty" in err


async def test_without_a_token_both_ways_to_give_one_are_named(monkeypatch):
    monkeypatch.delenv("USEAPI_TOKEN")
    with pytest.raises(ConfigurationError) as raised:
        await find_token(None, TALK)
    assert "USEAPI_TOKEN" in raised.value.hint


async def test_a_token_file_that_cannot_be_read_is_named():
    with pytest.raises(InputError, match="nowhere: No such file"):
        await find_token("nowhere", TALK)


async def test_a_huge_token_file_is_not_read_to_its_end(token_file):
    assert len(await find_token(token_file(b"x" * 100_000), TALK)) == 4096


@pytest.fixture
def fifo(tmp_path):
    """A FIFO, and how to become its writer once a process reads it."""
    os.mkfifo(tmp_path / "fifo")
    descriptors = []

    def write_end() -> int:
        patience = time.monotonic() + 20
        while not descriptors:
            try:
                descriptors.append(os.open(tmp_path / "fifo", os.O_WRONLY | os.O_NONBLOCK))
            except OSError as error:
                assert error.errno == errno.ENXIO  # noqa: PT017 - nobody reads it so far
                assert time.monotonic() < patience
                time.sleep(0.01)
        return descriptors[0]

    yield write_end
    for descriptor in descriptors:
        os.close(descriptor)


COMMANDS = [
    ("get", "ann@example.com"),
    ("check", "emails.txt"),
    ("watch", "emails.txt"),
    ("accounts",),
    ("doctor",),
    ("serve",),
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_a_signal_ends_the_wait_for_a_token(fifo, launch, command, number, status):
    process = launch(*command, "--token-file", "fifo")
    fifo()
    process.send_signal(number)
    _, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (status, b"")


@pytest.mark.usefixtures("fifo")
def test_a_signal_ends_the_wait_for_somebody_to_give_the_token(launch):
    process = launch("doctor", "--token-file", "fifo")
    while b"proxies" not in process.stdout.readline():  # the token is next
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (130, b"")


def test_a_token_is_waited_for(fifo, launch, server, monkeypatch):
    monkeypatch.delenv("USEAPI_TOKEN")
    process = launch("get", "ann@example.com", "--token-file", "fifo")
    os.write(fifo(), TOKEN[:7].encode())
    os.write(fifo(), TOKEN[7:].encode() + b"\n")  # a whole line is enough
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (0, b"")
    assert b"ann@example.com" in out
    assert server.asked == ["ann@example.com"]


@pytest.mark.parametrize("name", ["-", "/dev/fd/{}"])
def test_a_token_comes_through_a_pipe(launch, server, monkeypatch, name):
    monkeypatch.delenv("USEAPI_TOKEN")
    reading, writing = os.pipe()
    options = {"stdin": reading} if name == "-" else {"pass_fds": [reading]}
    process = launch("accounts", "--token-file", name.format(reading), **options)
    os.close(reading)
    os.write(writing, f"{TOKEN}\n".encode())
    os.close(writing)
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (0, b"2 accounts, 0 to be signed in again\n")
    assert out.count(b"\n") == 2
    assert server.asked == [None]


async def test_the_options_reach_the_client():
    options = ClientOptions(concurrency=7, base_url="http://127.0.0.1:1/v1")
    async with await options.client(TALK) as client:
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
