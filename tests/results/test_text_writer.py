import asyncio
import contextlib
import csv
import fcntl
import io
import json
import os
import select
from pathlib import Path

import pytest
from command_line import make_lookup
from hypothesis import given
from hypothesis import strategies as st

from ltx_async import LTXError
from ltx_async.cli.exits import ExitStatus, status_of
from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.open_file import OpenFile
from ltx_async.results.columns import COLUMNS
from ltx_async.results.csv_format import CSV, TSV, CSVFormat, restored
from ltx_async.results.formats import FORMATS
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.stream import StreamWriter, standard_output
from ltx_async.results.text.writer import FileWriter

ANY_TEXT = st.text(st.characters(exclude_categories=()))
BEGINNINGS = ("", "'", *"=+-@\t\r \uff1d")
CELLS = st.lists(
    st.none()
    | st.integers()
    | st.floats()
    | ANY_TEXT
    | st.builds("{}{}{}".format, *map(st.sampled_from, (BEGINNINGS, 'a1",;\t\n\uff1b', ("", " ")))),
    max_size=3,
)


@given(ANY_TEXT)
def test_a_json_record_is_one_line_of_printable_ascii_and_reads_back(text):
    line = JSON_LINES.encode(make_lookup(text, error=LTXError(text)))
    assert line.endswith(b"\n")
    assert line[:-1].decode("ascii").isprintable()
    record = json.loads(line)
    assert (record["email"], record["error"]["message"]) == (text, text)


@given(ANY_TEXT, st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_csv_row_reads_back(text, number):
    line = CSV.line(("first", text, number)).decode()
    (row,) = csv.reader(io.StringIO(line, newline=""))
    shown = text.encode("utf-8", "backslashreplace").decode()
    assert row == ["first", row[1], "" if number is None else str(number)]
    assert restored(row[1]) == shown


@pytest.mark.parametrize("form", [CSV, TSV, CSVFormat(delimiter=";")])
@given(CELLS)
def test_a_row_is_what_its_cells_are_one_by_one(form, cells):
    row = form.delimiter.join(map(form._cell, cells)) + "\n"
    assert form.line(iter(cells)) == row.encode("utf-8", "backslashreplace")


def test_numbers_are_not_neutralised():
    assert CSV.line((-5, 7.5, "-5")) == b"-5,7.5,'-5\n"


async def test_a_csv_file_begins_with_its_columns(tmp_path):
    path = tmp_path / "out.csv"
    writer = FileWriter.create(path, CSV)
    await writer.write(make_lookup(wire={"email": "ann@example.com", "maxJobs": 1}))
    await writer.close()
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert tuple(row) == tuple(COLUMNS)
    assert row["email"] == "ann@example.com"


async def test_a_record_leaves_in_one_write(tmp_path, monkeypatch):
    sizes = []
    writer = FileWriter.create(tmp_path / "out.jsonl", JSON_LINES)
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: sizes.append(len(data)) or write(fd, data))
    await writer.write(make_lookup())
    monkeypatch.undo()
    await writer.close()
    assert sizes == [(tmp_path / "out.jsonl").stat().st_size]


async def test_records_that_come_together_leave_in_one_write_or_none_does(tmp_path, monkeypatch):
    path, write, taken = tmp_path / "out.jsonl", os.write, []

    def counted(descriptor, data):
        taken.append(len(data))
        return write(descriptor, data)

    def short(descriptor, data):
        if len(taken) > 1:
            raise OSError(28, "No space left on device")
        return counted(descriptor, data[: len(data) // 2])

    writer = FileWriter.create(path, JSON_LINES)
    lookups = [make_lookup(f"{number}@example.com") for number in range(5)]
    monkeypatch.setattr(os, "write", counted)
    await writer.write_all(lookups)
    whole = path.read_bytes()
    assert taken == [len(whole)]
    assert whole == b"".join(map(JSON_LINES.encode, lookups))
    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OutputFailedError, match="disk full"):
        await writer.write_all(lookups)
    monkeypatch.undo()
    await writer.close()
    assert path.read_bytes() == whole


async def test_a_full_disk_leaves_whole_records_and_says_so(tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    writer = FileWriter.create(path, JSON_LINES)
    await writer.write(make_lookup())
    whole = path.read_bytes()
    room, write = [30], os.write

    def short(descriptor, data):
        taken = min(len(data), room[0])
        if not taken:
            raise OSError(28, "No space left on device")
        room[0] -= taken
        return write(descriptor, data[:taken])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OutputFailedError, match="disk full") as raised:
        await writer.write(make_lookup("bob@example.com"))
    monkeypatch.undo()
    await writer.close()
    assert status_of(raised.value) is ExitStatus.STOPPED
    assert path.read_bytes() == whole


async def test_a_failure_on_closing_is_told(tmp_path):
    writer = FileWriter.create(tmp_path / "out.jsonl", JSON_LINES)
    os.close(writer._file.descriptor)
    with pytest.raises(OutputFailedError, match="Bad file descriptor"):
        await writer.close()


@pytest.mark.parametrize("call", ["write", "fsync"])
async def test_a_file_that_cannot_be_begun_is_told_and_closed(tmp_path, monkeypatch, call):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OutputFailedError, match="disk full"):
            FileWriter.create(tmp_path / "out.csv", CSV)
    await FileWriter.replacing(tmp_path / "out.csv", CSV).close()  # nobody has its lock


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def stream(descriptor):
    return OpenFile("standard output", descriptor)


def read_all(descriptor):
    data = b""
    while select.select([descriptor], [], [], 0)[0]:
        data += os.read(descriptor, 1 << 16)
    return data


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_slow_reader_holds_up_the_writer_but_not_the_loop(pipe, blocking):
    reading, writing = pipe
    os.set_blocking(writing, blocking)
    writer = StreamWriter(stream(writing), JSON_LINES)
    lookup = make_lookup("x" * 10_000)

    async def write_many():
        for _ in range(20):
            await writer.write(lookup)

    task = asyncio.create_task(write_many())
    await asyncio.sleep(0.01)
    assert not task.done()
    data = b""
    while not task.done():
        data += read_all(reading)
        await asyncio.sleep(0)
    assert data + read_all(reading) == JSON_LINES.encode(lookup) * 20


async def test_writes_at_the_same_time_do_not_mix(pipe):
    reading, writing = pipe
    writer = StreamWriter(stream(writing), JSON_LINES)
    long = [make_lookup(letter * 30_000) for letter in "abc"]
    tasks = [asyncio.create_task(writer.write(lookup)) for lookup in long]
    data = b""
    while not all(task.done() for task in tasks):
        data += read_all(reading)
        await asyncio.sleep(0)
    assert data + read_all(reading) == b"".join(map(JSON_LINES.encode, long))


async def test_a_cancelled_record_is_finished_by_close(pipe):
    reading, writing = pipe
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    writer = StreamWriter(stream(writing), JSON_LINES)
    lookup = make_lookup("x" * 20_000)
    task = asyncio.create_task(writer.write(lookup))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    closing = asyncio.create_task(writer.close())
    data = b""
    while not closing.done():
        data += read_all(reading)
        await asyncio.sleep(0)
    assert data + read_all(reading) == JSON_LINES.encode(lookup)


async def test_a_reader_that_has_gone_is_a_broken_pipe(pipe):
    reading, writing = pipe
    os.close(reading)
    writer = StreamWriter(stream(writing), JSON_LINES)
    with pytest.raises(BrokenPipeError):
        await writer.write(make_lookup())
    await writer.close()


async def test_standard_output_is_taken_for_what_it_is_and_left_open(pipe, tmp_path):
    assert isinstance(standard_output(JSON_LINES, pipe[1]), StreamWriter)
    with Path(tmp_path / "x").open("wb") as file:
        writer = standard_output(JSON_LINES, file.fileno())
        assert isinstance(writer, FileWriter)
        await writer.close()
        file.write(b"still open")
    with pytest.raises(OutputRefusedError, match="closed"):
        standard_output(JSON_LINES, 999)


async def test_a_terminal_or_socket_that_fails_is_told(pipe):
    os.close(pipe[0])
    writer = StreamWriter(stream(os.open("/dev/full", os.O_WRONLY)), JSON_LINES)
    with pytest.raises(OutputFailedError, match="standard output: disk full"):
        await writer.write(make_lookup())
    os.close(writer._file.descriptor)


async def test_a_stream_that_is_full_after_all_is_tried_again(pipe, monkeypatch):
    write, refusals = os.write, [BlockingIOError()]

    def reluctant(descriptor, data):
        if refusals:
            raise refusals.pop()
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", reluctant)
    await StreamWriter(stream(pipe[1]), JSON_LINES).write(make_lookup())
    assert read_all(pipe[0]) == JSON_LINES.encode(make_lookup())


def test_every_format_encodes_bytes():
    assert {form.text.encode(make_lookup())[-1:] for form in FORMATS if form.text} == {b"\n"}
