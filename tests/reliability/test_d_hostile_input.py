"""The owner of a malicious input file gets nothing but `invalid` records and short messages."""

import asyncio
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from input_examples import emails, entries
from patience import LONG

from ltx_async.cli.app import run
from ltx_async.files.errors import InputError
from ltx_async.inputs.entries import LONGEST_TEXT
from ltx_async.inputs.source import ByteSource

from .replies import error, reply
from .shell import command, ltx, surroundings, wire_server

ANN = b"ann@example.com"
PIECE = 64 << 10


def attempted(name: str, data: bytes):
    """What the file gives, or what is said against it."""
    try:
        return entries(name, data), ""
    except InputError as failure:
        return [], str(failure)


# What each file gives besides the entries that cannot be asked for.
FILES = {
    "a BOM": ("x.txt", b"\xef\xbb\xbf" + ANN, [ANN]),
    "BOMs within": ("x.txt", b"%s\n\xef\xbb\xbf%s" % (ANN, ANN), [ANN]),
    "every line end": ("x.txt", b"a@b\rc@d\r\ne@f\n\n\n\rg@h", [b"a@b", b"c@d", b"e@f", b"g@h"]),
    "other line ends": ("x.txt", "a@b\u2028c@d\x85".encode(), []),
    "a form feed": ("x.txt", b"a@b\x0cc@d", []),
    "a NUL": ("x.txt", b"a\x00@b\n%s" % ANN, [ANN]),
    "comments": ("x.txt", b"#a@b\n  # c@d\n%s # x\n%s" % (ANN, ANN), [ANN]),
    "nothing": ("x.txt", b"", []),
    "a BOM alone": ("x.txt", b"\xef\xbb\xbf", []),
    "formulas": ("x.csv", b'email\n=cmd|x@b\n"\'=x@b"\n', [b"=cmd|x@b", b"'=x@b"]),
    "quotes": ("x.csv", b'email\n"a""b@c"\n"""a b""@c"\n"x@z"\n', [b'"a b"@c', b"x@z"]),
    "line ends in a cell": ("x.csv", b'x,email\n"1\n2\r\n3",a@b\n', [b"a@b"]),
    "too few cells": ("x.csv", b"x,email\n1\n2,a@b\n", [b"a@b"]),
    "too many cells": ("x.csv", b"email\na@b,c,d,e\n", [b"a@b"]),
    "NULs in a table": ("x.csv", b"email\na\x00@b\n", []),
    "strings": ("x.jsonl", b'"a@b"\n{"email": "c@d"}', [b"a@b", b"c@d"]),
    "a surrogate": ("x.jsonl", b'"\\ud800@b"', []),
    "two keys": ("x.jsonl", b'{"email": "a@b", "email": "c@d"}', [b"c@d"]),
    "a line end in a string": ("x.jsonl", b'"a\\n@b"', []),
    "another case": ("x.jsonl", b'{"email": "a@b"}\n{"Email": "c@d"}', [b"a@b", b"c@d"]),
}
JUNK = [
    b"[" * 100_000,
    b'{"email": ' * 50_000,
    b"9" * 5000,
    b'{"email": ["a@b"]}',
    b'{"email": {"email": "a@b"}}',
    b'{"email": 1e999}',
    b'{"mail": "a@b"}',
    b"null",
    b"true",
    b"NaN",
    b'"a@b',
    b"a@b",
    b"{}",
]


@pytest.mark.parametrize(("name", "data", "found"), FILES.values(), ids=FILES.keys())
def test_an_odd_file_is_read_to_the_letter(name, data, found):
    expected = [email.decode("utf-8", "surrogatepass") for email in found]
    assert emails(name, data) == expected


def test_of_two_columns_of_one_name_none_is_taken():
    found, said = attempted("x.csv", b"email,email\na@b,c@d\n")
    assert (found, "several columns of one name" in said) == ([], True)


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: junk[:12].decode())
def test_a_line_of_junk_in_json_lines_is_an_entry_with_a_problem(junk):
    found = entries("x.jsonl", b'"a@b"\n%s\n"c@d"\n' % junk)
    assert [entry.email for entry in found] == ["a@b", None, "c@d"]
    assert found[1].reason == "no JSON object with the text field 'email'"
    assert found[1].text.startswith(junk.decode().strip()[:LONGEST_TEXT])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("suffix", ["txt", "csv", "jsonl"])
def test_other_encodings_are_named_or_give_nothing_that_is_sent(encoding, suffix):
    data = "email\nann@example.com\n".encode(encoding)
    if encoding == "utf-16-be":
        data = b"\xfe\xff" + data
    found, said = attempted(f"x.{suffix}", data)
    assert len(said) < 500
    asked = [entry.email for entry in found if entry.email is not None]
    assert asked == [] if said else asked in ([], ["ann@example.com"])
    assert said or encoding == "utf-32" or suffix == "jsonl" or asked


@pytest.mark.untraced  # it measures time
@pytest.mark.parametrize("suffix", ["txt", "csv", "jsonl"])
@pytest.mark.parametrize("filling", [b"a", b"\x00", b'"', b",", b"@", b"[", b"\xff", b"\\", b"'"])
def test_a_line_of_10_mb_takes_little_time_and_memory(suffix, filling):
    data = b"email\n" if suffix == "csv" else b""
    data += filling * 10_000_000 + b"\n" + (b'"c@d"' if suffix == "jsonl" else b"c@d")
    began = time.process_time()
    found, said = attempted(f"x.{suffix}", data)
    assert len(said) < 500
    assert "row" in said or found[-1].email == "c@d"
    assert max((len(entry.text) for entry in found), default=0) <= 2 * LONGEST_TEXT
    assert time.process_time() - began < 5


@pytest.mark.untraced  # it measures time
def test_a_row_without_an_end_is_refused_before_it_takes_long():
    """Each piece would have it parsed from its beginning: minutes, for a few megabytes."""
    data = b'email,x\n"a@b\n"' + b',"a\n"' * 3_000_000
    began = time.process_time()
    with pytest.raises(InputError, match="row in line 2 of the input"):
        entries("x.csv", data)
    assert time.process_time() - began < 15


@pytest.mark.parametrize("header", [True, False])
def test_a_million_columns_make_a_short_message_or_none(header):
    names = [f"c{number}" for number in range(200_000)]
    if header:
        with pytest.raises(InputError) as raised:
            entries("x.csv", ",".join(names).encode() + b"\n")
        assert len(str(raised.value)) < 500
        assert "'c0', 'c1'" in str(raised.value)
    else:
        wide = ",".join([*names, "email"]) + "\n" + "," * len(names) + "ann@example.com\n"
        assert emails("x.csv", wide.encode()) == ["ann@example.com"]


@pytest.mark.parametrize("column", ["__class__", "", "email\n", "=1", "\x1b[31m", "0", "email,x"])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_a_column_is_a_name_and_nothing_else(tmp_path, capfd, column, suffix):
    path = tmp_path / f"x.{suffix}"
    path.write_text("email\na@b\n" if suffix != "jsonl" else '{"email": "a@b"}\n')
    status = run(["check", str(path), "--column", column])
    out, err = capfd.readouterr()
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    assert (out + err).replace("\n", "").isprintable()


@pytest.fixture(autouse=True)
def no_real_server(monkeypatch):
    monkeypatch.setenv("USEAPI_TOKEN", "user:12345-abcdefghi")
    monkeypatch.setenv("USEAPI_API", "http://127.0.0.1:9/v1")


def test_only_whole_lines_of_a_malicious_file_are_asked_for(tmp_path):
    long = b"x" * 10_000_000 + b"@b"
    lines = [ANN, b"a\x00@b", long, b"\xff@b", b"../../x@b/..", b"bob@example.com"]
    (tmp_path / "in.txt").write_bytes(b"\n".join(lines))
    with wire_server(lambda _asked: [error(404)]) as server:
        ended = ltx("check", "in.txt", "-o", "out.jsonl", base_url=server.base_url, cwd=tmp_path)
        assert sorted(asked.email for asked in server.asked) == [ANN.decode(), "bob@example.com"]
    assert ended.status == 1, ended.err
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sorted(record["outcome"] for record in records) == ["invalid"] * 4 + ["not_found"] * 2
    assert len(ended.err) < 3000


def test_a_directory_as_the_input_is_refused(tmp_path, capfd):
    assert run(["check", str(tmp_path)]) == 2
    assert "Is a directory" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["fifo", "/dev/zero", "comments"])
def test_an_input_without_an_email_can_be_interrupted(tmp_path, name):
    """A FIFO that nobody writes to, a device without a line end, a file without an email."""
    if name == "fifo":
        os.mkfifo(tmp_path / name)
    elif name == "comments":
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 36)  # sparse: it takes no room, and minutes to read
    elif not Path(name).exists():
        pytest.skip(f"needs {name}")
    process = subprocess.Popen(
        command("check", name, "-o", "out.jsonl"),
        cwd=tmp_path,
        env=surroundings("http://127.0.0.1:9/v1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        patience = time.monotonic() + 15
        while not (tmp_path / "out.jsonl").exists() and time.monotonic() < patience:
            time.sleep(0.02)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LONG)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, err
    assert b"Traceback" not in err


async def test_a_fifo_is_read_when_somebody_writes(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    source = ByteSource.open(str(tmp_path / "fifo"))
    reading = asyncio.create_task(source.read())
    await asyncio.sleep(0.02)
    assert not reading.done()
    writer = os.open(tmp_path / "fifo", os.O_WRONLY)
    os.write(writer, b"ann@example.com\n")
    assert await reading == b"ann@example.com\n"
    os.close(writer)
    assert await source.read() == b""
    source.close()


async def test_a_pipe_that_others_read_too_is_waited_for_again(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    source = ByteSource.open(str(tmp_path / "fifo"))
    writer = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    reading = asyncio.create_task(source.read())
    os.write(writer, b"x")
    assert os.read(writer, 1) == b"x"  # taken before the loop looks
    await asyncio.sleep(0.02)
    os.write(writer, b"y")
    assert await reading == b"y"
    os.close(writer)
    source.close()


def test_rows_up_to_the_limit_are_read():
    cell = b'"' + b"x\n" * 60_000 + b'"'
    assert emails("x.csv", b"a,b,email\n%s,%s,a@b\n" % (cell, cell)) == ["a@b"]


def test_a_symbolic_link_as_the_input_is_read(tmp_path):
    (tmp_path / "list.txt").write_bytes(ANN)
    (tmp_path / "link.txt").symlink_to("list.txt")
    with wire_server(lambda _asked: [reply(404)]) as server:
        ended = ltx("check", "link.txt", base_url=server.base_url, cwd=tmp_path)
    assert ended.status == 1
