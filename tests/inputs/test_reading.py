"""What Python users call: `read_entries` and `read_emails`."""

import asyncio
import contextlib
import gzip
import io
import logging
import os
from pathlib import Path

import pytest

from ltx_async import ConfigurationError, InputError, LTXClient
from ltx_async.inputs import Entry, read_emails, read_entries
from ltx_async.results import open_results, read_results

TEXT = "ann@example.com\n\nAnn <a@b>\nbob@example.com\nann@example.com\n"
ENTRIES = [
    Entry("ann@example.com", "ann@example.com", None, 1),
    Entry("Ann <a@b>", None, "has brackets; give the address alone, without a name", 3),
    Entry("bob@example.com", "bob@example.com", None, 4),
    Entry("ann@example.com", "ann@example.com", None, 5),
]
EMAILS = ["ann@example.com", "bob@example.com", "ann@example.com"]


def sources():
    Path("emails.txt").write_text(TEXT)
    yield "emails.txt"
    yield Path("emails.txt")
    yield io.BytesIO(TEXT.encode())
    yield io.StringIO(TEXT)
    yield io.BytesIO(gzip.compress(TEXT.encode()))


async def test_every_entry_of_a_path_or_a_stream_is_given():
    for source in sources():
        assert [entry async for entry in read_entries(source)] == ENTRIES
    with Path("emails.txt").open("rb") as file:
        assert [entry async for entry in read_entries(file)] == ENTRIES
        assert not file.closed


async def test_emails_are_given_repeated_ones_too_and_the_refused_to_whom_they_concern():
    refused = []
    for source in sources():
        assert [e async for e in read_emails(source, on_refused=refused.append)] == EMAILS
    assert refused == [ENTRIES[1]] * 5


async def test_without_anybody_to_take_it_a_refused_entry_is_an_error_with_its_line():
    emails = read_emails(io.StringIO(TEXT))
    assert await anext(emails) == EMAILS[0]
    with pytest.raises(InputError, match="line 3 of the input: 'Ann <a@b>': has") as raised:
        await anext(emails)
    assert "on_refused=" in raised.value.hint


async def test_the_hint_for_gzip_that_is_cut_off_names_no_option_of_the_command(tmp_path):
    cut = gzip.compress("".join(f"n{n}@example.com\n" for n in range(99)).encode())[:-9]
    (tmp_path / "x.gz").write_bytes(cut)
    for source in (tmp_path / "x.gz", io.BytesIO(cut)):
        with pytest.raises(InputError, match="the gzip data end too early") as raised:
            _ = [entry async for entry in read_entries(source)]
        assert raised.value.hint == "When it is whole again, run again."


async def test_what_is_known_of_an_input_can_be_said():
    table = "Näme~Login\nÄnn~Ann <a@b>, c@d\n".encode("cp1252")
    emails = read_emails(
        io.BytesIO(table),
        format="csv", column="login", delimiter="~", encoding="cp1252", extract=True,
    )  # fmt: skip
    assert [email async for email in emails] == ["a@b", "c@d"]


@pytest.mark.parametrize("wrong", [{"format": "xml"}, {"delimiter": "::"}, {"delimiter": "\n"}])
async def test_what_there_is_not_is_a_configuration_error(wrong):
    with pytest.raises(ConfigurationError):
        await anext(read_entries(io.StringIO(), **wrong))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "punycode", "hz", "utf-7", "ascii"])
async def test_text_of_another_encoding_is_read_or_an_input_error(encoding):
    data = b"ann@example.com\n" * 9_000 + b"\xc3\xa4@example.com\n\xff\xfe~{\x80\n"
    refused = True
    with contextlib.suppress(InputError):
        async for entry in read_entries(io.BytesIO(data), encoding=encoding):
            assert entry.email in {None, "ann@example.com"}
        refused = False
    assert refused is (encoding in {"utf-16", "utf-32", "punycode"})


async def test_an_encoding_that_there_is_not_and_a_file_that_is_not_there_are_input_errors():
    with pytest.raises(InputError, match="'nonsense' is no encoding"):
        await anext(read_entries(io.StringIO(), encoding="nonsense"))
    with pytest.raises(InputError, match="No such file"):
        await anext(read_emails("nowhere.txt"))


async def test_a_stream_that_fails_is_an_input_error():
    class Broken(io.RawIOBase):
        def read(self, size=-1):
            raise OSError("it broke")

    with pytest.raises(InputError, match="it broke"):
        await anext(read_entries(Broken()))


class Slow(io.RawIOBase):
    """A stream with no data after the first line, for as long as nobody waits."""

    def __init__(self):
        super().__init__()
        self._pieces = [b"ann@example.com\n", None, b"bob@example.com\n"]

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = self._pieces.pop(0) if self._pieces else b""
        if piece is not None:
            buffer[: len(piece)] = piece
        return piece if piece is None else len(piece)


@contextlib.contextmanager
def slow_pipe(mode, buffering=-1):
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.write(writing, b"ann@example.com\n")
    with os.fdopen(reading, mode, buffering) as file:
        yield file
    os.close(writing)


@pytest.mark.parametrize(
    "opened",
    [
        lambda: contextlib.nullcontext(Slow()),
        lambda: contextlib.nullcontext(io.BufferedReader(Slow())),
        lambda: slow_pipe("rb", buffering=0),
        lambda: slow_pipe("rb"),
        lambda: slow_pipe("r"),
    ],
)
async def test_a_stream_that_has_nothing_yet_is_not_taken_for_one_at_its_end(opened):
    with opened() as stream:
        with pytest.raises(InputError, match="non-blocking") as raised:
            _ = [email async for email in read_emails(stream)]
        assert "os.set_blocking(stream.fileno(), True)" in raised.value.hint


@pytest.mark.parametrize("mode", ["rb", "r"])
async def test_the_end_of_a_stream_that_does_not_block_is_one(mode):
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.write(writing, b"ann@example.com\n")
    os.close(writing)
    with os.fdopen(reading, mode) as file:
        assert [email async for email in read_emails(file)] == ["ann@example.com"]


@pytest.mark.parametrize("bad", ["\ud800@x", "ä\udfff@x", "\ud83d\ude00@x"])
@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com\n{}\nbob@example.com\n",
        "email,id\nann@example.com,1\n{},2\nbob@example.com,3\n",
        '"ann@example.com"\n"{}"\n"bob@example.com"\n',
        '["ann@example.com",\n"{}",\n"bob@example.com"]',
    ],
)
async def test_a_text_that_no_encoding_has_is_refused_with_its_line(text, bad):
    text = text.replace("{}", bad)
    line = 3 if text.startswith("email") else 2
    format_ = "jsonl" if text.startswith('"') else None
    refused = []
    emails = read_emails(io.StringIO(text), format=format_, on_refused=refused.append)
    assert [email async for email in emails] == ["ann@example.com", "bob@example.com"]
    assert [(entry.line, entry.reason) for entry in refused] == [
        (line, "the line is not valid UTF-8")
    ]
    with pytest.raises(InputError, match=f"line {line} of the input") as raised:
        _ = [email async for email in read_emails(io.StringIO(text), format=format_)]
    assert "on_refused=" in raised.value.hint


async def test_a_text_stream_is_not_decoded_again():
    emails = read_emails(io.StringIO("änn@example.com\n"), encoding="cp1252")
    assert [email async for email in emails] == ["änn@example.com"]


async def test_what_was_taken_for_granted_is_logged(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    emails = read_emails(io.StringIO("id,mail\n1,a@b\n"))
    assert [email async for email in emails] == ["a@b"]
    assert "taken from the column 'mail'" in caplog.text


def descriptors():
    """Return how many descriptors are open, as far as that can be seen here."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else None


async def test_leaving_early_closes_the_file():
    Path("emails.txt").write_text(TEXT)
    before = descriptors()
    entries = read_entries("emails.txt")
    await anext(entries)
    await entries.aclose()
    assert descriptors() == before


async def test_a_stream_that_keeps_us_waiting_does_not_hold_up_the_loop():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file:
        waiting = asyncio.create_task(anext(read_entries(file)))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        os.write(writing, b"ann@example.com\nb")
        assert (await waiting).email == "ann@example.com"
        os.close(writing)


async def test_the_snippet_of_the_documents_reads_asks_writes_and_goes_on(server):
    Path("emails.csv").write_text("id,login\n1,ann@example.com\n2,none\n3,bob@example.com\n")
    refused = []

    async def check():
        async with (
            LTXClient(server.emulator.token, base_url=server.emulator.base_url) as client,
            open_results("r.sqlite", existing="resume") as out,
        ):
            emails = read_emails("emails.csv", column="login", on_refused=refused.append)
            todo = (email async for email in emails if email not in out)
            async with client.lookup_many(todo) as lookups:
                async for lookup in lookups:
                    await out.write(lookup)

    await check()
    await check()
    assert sorted(record.email for record in read_results("r.sqlite")) == EMAILS[:2]
    assert server.asked == EMAILS[:2]
    assert [entry.text for entry in refused] == ["none", "none"]
