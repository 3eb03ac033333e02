import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ltx_async import Outcome
from ltx_async.files.errors import CommandError
from ltx_async.inputs.emails import Intake
from ltx_async.inputs.readers import reader_for
from ltx_async.inputs.source import ByteSource


@pytest.fixture
def opened():
    intakes = []

    def open_(name):
        intakes.append(Intake(ByteSource.open(str(name)), reader_for(str(name), "email")))
        return intakes[-1]

    yield open_
    for intake in intakes:
        intake.close()


@pytest.fixture
def emails_file(tmp_path):
    def write(data):
        path = tmp_path / "emails.txt"
        path.write_bytes(data)
        return path

    return write


async def test_each_email_is_given_once_and_everything_is_counted(opened, emails_file):
    kept = []

    async def keep(lookup):
        kept.append(lookup)

    intake = opened(emails_file(b"a@x\n\nb@x\na@X\ncaf\xe9@x\ncaf\xe9@x\nc@x"))
    intake.on_refused = keep
    assert [email async for email in intake] == ["a@x", "b@x", "c@x"]
    assert (intake.taken, intake.duplicates, intake.exhausted) == (6, 2, True)
    (refused,) = kept
    assert (refused.email, refused.outcome, refused.attempts) == (r"caf\xe9@x", "invalid", 0)
    assert refused.error.message == "the line is not valid UTF-8"


async def test_a_long_file_is_read_as_it_is_needed_and_its_length_foreseen(opened, emails_file):
    data = b"".join(b"user%05d@example.com\n" % number for number in range(20_000))
    intake = opened(emails_file(data))
    assert intake.expected is None
    await anext(intake)
    assert intake._source.offset < len(data) / 2
    assert not intake.is_read
    assert intake.expected == pytest.approx(20_000, rel=0.01)
    async for _ in intake:
        pass
    assert intake.is_read
    assert intake.expected == 20_000


async def test_after_a_stop_the_rest_of_a_file_is_counted_but_not_given_out(opened, emails_file):
    intake = opened(emails_file(b"a@x\nb@x\na@x\nc@x\n"))
    assert await anext(intake) == "a@x"
    intake.stop()
    with pytest.raises(StopAsyncIteration):
        await anext(intake)
    await intake.count_rest(5)
    assert (intake.taken, intake.duplicates, intake.exhausted) == (4, 1, True)


async def test_what_has_a_record_is_passed_over_while_signals_are_heard(opened, emails_file):
    intake = opened(emails_file(b"".join(b"%05d@example.com\n" % number for number in range(9000))))
    for number in range(9000):
        intake.seen.remember(f"{number:05d}@example.com", Outcome.OK)
    met, turns = [], []
    intake.on_earlier = met.append
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: (turns.append(len(met)), intake.stop()))
    with pytest.raises(StopAsyncIteration):
        await anext(intake)
    assert 0 < turns[0] == len(met) < 9000
    await intake.count_rest(5)
    assert (len(met), intake.duplicates, intake.taken) == (9000, 0, 9000)


async def test_counting_the_rest_has_an_end(opened, emails_file):
    intake = opened(emails_file(b"user@example.com\n" * 50_000))
    await intake.count_rest(0)
    assert 0 < intake.taken < 50_000
    assert not intake.exhausted


async def test_a_pipe_is_waited_for_without_holding_up_the_loop():
    reading, writing = os.pipe()
    intake = Intake(ByteSource("pipe", reading), reader_for("-", "email"))
    waiting = asyncio.create_task(anext(intake))
    await asyncio.sleep(0.01)
    os.write(writing, b"ann@exam")
    await asyncio.sleep(0.01)
    assert not waiting.done()
    os.write(writing, b"ple.com\nbob")
    assert await waiting == "ann@example.com"
    os.close(writing)
    assert [email async for email in intake] == ["bob"]
    assert intake.expected == 2
    intake.close()


async def test_a_stop_ends_the_wait_for_a_pipe_and_its_rest_stays_unread():
    reading, writing = os.pipe()
    intake = Intake(ByteSource("pipe", reading), reader_for("-", "email"))
    waiting = asyncio.create_task(anext(intake))
    await asyncio.sleep(0.01)
    intake.stop()
    with pytest.raises(StopAsyncIteration):
        await waiting
    os.write(writing, b"ann@example.com\n")
    await intake.count_rest(5)
    assert (intake.taken, intake.exhausted) == (0, False)
    assert await intake._source.read() == b""
    intake.close()
    os.close(writing)


async def test_arguments_that_were_not_utf8_are_refused_like_lines():
    kept = []

    async def keep(lookup):
        kept.append(lookup.email)

    intake = Intake.of([" ann@example.com", os.fsdecode(b"caf\xe9@x"), "ann@EXAMPLE.com"])
    intake.on_refused = keep
    assert intake.expected == 3
    assert [email async for email in intake] == ["ann@example.com"]
    assert kept == [r"caf\xe9@x"]
    assert intake.duplicates == 1


@pytest.mark.parametrize(
    ("name", "why"), [("nothing.txt", "No such file"), (".", "Is a directory")]
)
def test_an_input_that_cannot_be_opened_is_named(name, why):
    with pytest.raises(CommandError, match=why):
        ByteSource.open(name)


async def test_a_read_that_fails_is_told(emails_file):
    source = ByteSource.open(str(emails_file(b"a@x")))
    os.close(source._descriptor)
    with pytest.raises(CommandError, match="Bad file descriptor"):
        await source.read()


async def test_a_device_is_read_like_a_file():
    source = ByteSource.open(os.devnull)
    assert source.size is None
    assert await source.read() == b""
    source.close()


def test_an_input_knows_its_own_path(emails_file):
    path = emails_file(b"")
    source = ByteSource.open(str(path))
    assert source.is_file(path)
    assert not source.is_file(path.parent / "other")
    source.close()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_line_without_end_does_not_keep_a_signal_from_being_heard(tmp_path):
    command = [sys.executable, "-m", "ltx_async", "check", "/dev/zero", "-q"]
    surroundings = os.environ | {"USEAPI_TOKEN": "user:12345-abcdefghi"}
    with subprocess.Popen(command, cwd=tmp_path, env=surroundings, stderr=-3) as process:
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(10) == 130
        finally:
            process.kill()
