import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from patience import LONG, until

from ltx_async import Outcome
from ltx_async.files.errors import InputError
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.input import HowToRead, Input
from ltx_async.inputs.reading import open_emails
from ltx_async.inputs.sequence import InputSequence
from ltx_async.inputs.source import ByteSource, is_same_file


@pytest.fixture
def opened():
    opened_emails = []

    def open_(name):
        opened_emails.append(open_emails([str(name)], HowToRead()))
        return opened_emails[-1]

    yield open_
    for emails in opened_emails:
        emails.close()


def piped(descriptor):
    one = Input(ByteSource("pipe", descriptor))
    return DistinctEmails(InputSequence(one, deque(), HowToRead(), None))


@pytest.fixture
def emails_file(tmp_path):
    def write(data):
        path = tmp_path / "emails.txt"
        path.write_bytes(data)
        return path

    return write


async def test_each_email_is_given_once_and_everything_is_counted(opened, emails_file):
    kept = []

    async def keep(lookup, before):
        kept.append(lookup)

    emails = opened(emails_file(b"a@x\n\nb@x\na@X\ncaf\xe9@x\ncaf\xe9@x\nc@x"))
    emails.on_refused = keep
    assert [email async for email in emails] == ["a@x", "b@x", "c@x"]
    assert (emails.taken, emails.duplicates, emails.exhausted) == (6, 2, True)
    (refused,) = kept
    assert (refused.email, refused.outcome, refused.attempts) == (r"caf\xe9@x", "invalid", 0)
    assert refused.error.message == "the line is not valid UTF-8"


async def test_what_is_at_hand_comes_without_a_wait_and_in_its_place(opened, emails_file):
    refused = []

    async def keep(lookup, before):
        refused.append((lookup.email, before))

    emails = opened(emails_file(b"a@x\nb@x\na@X\nc@x\nno email\nd@x\nd@x\ne@x\nf@x\n"))
    emails.on_refused, emails.limit = keep, 5
    assert emails.at_hand() is None  # nothing has been read
    assert await anext(emails) == "a@x"
    assert [emails.at_hand() for _ in range(4)] == ["b@x", "c@x", None, None]
    assert (emails.duplicates, emails.given, refused) == (1, 3, [])
    assert await anext(emails) == "d@x"
    assert refused == [("no email", 3)]
    assert [emails.at_hand(), emails.at_hand()] == ["e@x", None]  # the limit
    assert [email async for email in emails] == []
    assert (emails.taken, emails.given, emails.duplicates) == (8, 5, 2)


async def test_after_a_stop_nothing_is_at_hand(opened, emails_file):
    emails = opened(emails_file(b"a@x\nb@x\n"))
    await anext(emails)
    emails.stop()
    assert emails.at_hand() is None


async def test_at_hand_an_email_of_an_earlier_run_is_told_and_not_given(opened, emails_file):
    emails, told = opened(emails_file(b"a@x\nb@x\nc@x\n")), []
    emails.on_earlier = told.append
    emails.seen.remember("b@x", "known")
    assert await anext(emails) == "a@x"
    assert emails.at_hand() == "c@x"
    assert told == ["known"]


async def test_a_long_file_is_read_as_it_is_needed_and_its_length_foreseen(opened, emails_file):
    data = b"".join(b"user%05d@example.com\n" % number for number in range(20_000))
    emails = opened(emails_file(data))
    assert emails.expected is None
    await anext(emails)
    assert emails._inputs._current.offset < len(data) / 2
    assert not emails.is_read
    assert emails.expected == pytest.approx(20_000, rel=0.01)
    async for _ in emails:
        pass
    assert emails.is_read
    assert emails.expected == 20_000


async def test_after_a_stop_the_rest_of_a_file_is_counted_but_not_given_out(opened, emails_file):
    emails = opened(emails_file(b"a@x\nb@x\na@x\nc@x\n"))
    assert await anext(emails) == "a@x"
    emails.stop()
    with pytest.raises(StopAsyncIteration):
        await anext(emails)
    await emails.count_rest(5)
    assert (emails.taken, emails.duplicates, emails.exhausted) == (4, 1, True)


async def test_what_has_a_record_is_passed_over_while_signals_are_heard(opened, emails_file):
    emails = opened(emails_file(b"".join(b"%05d@example.com\n" % number for number in range(9000))))
    for number in range(9000):
        emails.seen.remember(f"{number:05d}@example.com", Outcome.OK)
    met, turns = [], []
    emails.on_earlier = met.append
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: (turns.append(len(met)), emails.stop()))
    with pytest.raises(StopAsyncIteration):
        await anext(emails)
    assert 0 < turns[0] == len(met) < 9000
    await emails.count_rest(5)
    assert (len(met), emails.duplicates, emails.taken) == (9000, 0, 9000)


async def test_counting_the_rest_has_an_end(opened, emails_file):
    emails = opened(emails_file(b"user@example.com\n" * 50_000))
    await emails.count_rest(0)
    assert 0 < emails.taken < 50_000
    assert not emails.exhausted


async def test_a_pipe_is_waited_for_without_holding_up_the_loop():
    reading, writing = os.pipe()
    emails = piped(reading)
    waiting = asyncio.create_task(anext(emails))
    await asyncio.sleep(0.01)
    os.write(writing, b"ann@exam")
    await asyncio.sleep(0.01)
    assert not waiting.done()
    os.write(writing, b"ple.com\nbob@x")
    assert await waiting == "ann@example.com"
    os.close(writing)
    assert [email async for email in emails] == ["bob@x"]
    assert emails.expected == 2
    emails.close()


async def test_a_stop_ends_the_wait_for_a_pipe_and_its_rest_stays_unread():
    reading, writing = os.pipe()
    emails = piped(reading)
    waiting = asyncio.create_task(anext(emails))
    await asyncio.sleep(0.01)
    emails.stop()
    with pytest.raises(StopAsyncIteration):
        await waiting
    os.write(writing, b"ann@example.com\n")
    await emails.count_rest(5)
    assert (emails.taken, emails.exhausted) == (0, False)
    assert await emails._inputs._current._source.read() == b""
    emails.close()
    os.close(writing)


async def test_arguments_that_were_not_utf8_are_refused_like_lines():
    kept = []

    async def keep(lookup, before):
        kept.append(lookup.email)

    emails = DistinctEmails.of([" ann@example.com", os.fsdecode(b"caf\xe9@x"), "ann@EXAMPLE.com"])
    emails.on_refused = keep
    assert emails.expected == 3
    assert [email async for email in emails] == ["ann@example.com"]
    assert kept == [r"caf\xe9@x"]
    assert emails.duplicates == 1


@pytest.mark.parametrize(
    ("name", "why"), [("nothing.txt", "No such file"), (".", "Is a directory")]
)
def test_an_input_that_cannot_be_opened_is_named(name, why):
    with pytest.raises(InputError, match=why):
        ByteSource.open(name)


async def test_a_read_that_fails_is_told(emails_file):
    source = ByteSource.open(str(emails_file(b"a@x")))
    os.close(source._descriptor)
    with pytest.raises(InputError, match="Bad file descriptor"):
        await source.read()


async def test_a_device_is_read_like_a_file():
    source = ByteSource.open(os.devnull)
    assert source.size is None
    assert await source.read() == b""
    source.close()


def test_an_input_is_known_again_under_any_name(emails_file):
    path = emails_file(b"")
    (path.parent / "link").symlink_to(path.name)
    assert is_same_file(str(path), str(path.parent / "link"))
    assert not is_same_file(str(path), str(path.parent / "other"))
    assert not is_same_file("\0", str(path))


def has_open(process, path):
    """Return whether a process has a file open, as Linux shows it."""
    opened = Path(f"/proc/{process.pid}/fd")
    with contextlib.suppress(OSError):  # it may open and close others meanwhile
        return Path(path) in [one.readlink() for one in opened.iterdir()]
    return False


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="not Linux")
def test_a_line_without_end_does_not_keep_a_signal_from_being_heard(tmp_path):
    command = [sys.executable, "-m", "ltx_async", "check", "/dev/zero", "-q"]
    surroundings = os.environ | {"USEAPI_TOKEN": "user:12345-abcdefghi"}
    with subprocess.Popen(command, cwd=tmp_path, env=surroundings, stderr=-3) as process:
        try:
            until(lambda: has_open(process, "/dev/zero"))
            process.send_signal(signal.SIGINT)
            assert process.wait(LONG) == 130
        finally:
            process.kill()
