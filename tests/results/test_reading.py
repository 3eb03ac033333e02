import gzip
import json
import re
import signal
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_examples import (
    NOW,
    WRITERS,
    balanced,
    days,
    failed,
    found,
    missing,
    read,
    refused,
    write_csv,
    write_jsonl,
    write_sqlite,
)

from ltx_async import Outcome
from ltx_async.files.errors import InputError, OutputRefusedError
from ltx_async.inputs import read_emails
from ltx_async.results import open_results, read_results
from ltx_async.results.record import Record
from ltx_async.results.sqlite import reading

LOOKUPS = [
    found(
        "ann@example.com",
        tokenExpireUTC=days(20),
        refreshTokenExpireUTC=days(80),
        balance={"LTXStudio_token": 1500},
        elapsed=0.1234,
        attempts=2,
    ),
    found("=1+1@example.com", error='Sign in, "again"\nnow'),
    found("'quoted'@example.com", balance={"LTXStudio_token": 0.5}),
    missing("bob@example.com"),
    failed("eve@example.com"),
    refused("not-an-email"),
]


@pytest.mark.parametrize("suffix", WRITERS)
def test_each_format_gives_the_same_rows(tmp_path, suffix):
    results = read(WRITERS[suffix](tmp_path / f"run{suffix}", LOOKUPS))
    assert results.remarks == ()
    assert results.as_of == NOW
    rows = {row.email: row for row in results.records}
    assert len(rows) == len(LOOKUPS)
    assert rows["ann@example.com"] == Record(
        email="ann@example.com",
        outcome=Outcome.OK,
        checked_at=NOW,
        status=200,
        attempts=2,
        elapsed_ms=123.4,
        balance=1500,
        token_expires_at=NOW + timedelta(days=20),
        refresh_token_expires_at=NOW + timedelta(days=80),
    )
    assert rows["=1+1@example.com"].error == 'Sign in, "again"\nnow'
    assert rows["'quoted'@example.com"].balance == 0.5
    assert rows["bob@example.com"].error == "No such account."
    assert [rows[lookup.email].outcome for lookup in LOOKUPS] == [one.outcome for one in LOOKUPS]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize("accounts", [False, True])
def test_gzip_is_unpacked_whatever_the_name(tmp_path, suffix, accounts):
    many = [found(f"user{number}@example.com") for number in range(9_000)]
    plain = WRITERS[suffix](tmp_path / f"run{suffix}", many)
    (tmp_path / "packed").write_bytes(gzip.compress(plain.read_bytes()))
    packed = list(read_results(tmp_path / "packed", accounts=accounts))
    assert packed == list(read_results(plain, accounts=accounts))
    assert len(packed) == 9_000


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-2_000], "the gzip data end too early"),
        (
            lambda data: data[:1_000] + b"\xff" * 2_000 + data[3_000:],
            "decompressing data|CRC check",
        ),
        (lambda data: data[:9], "the gzip data end too early"),
        (lambda data: data[:-8] + bytes(8), "CRC check failed"),
    ],
    ids=["cut", "damaged", "hardly begun", "another sum"],
)
def test_gzip_that_is_cut_or_damaged_is_told(tmp_path, suffix, damage, words):
    many = [found(f"user{number}@example.com") for number in range(3_000)]
    plain = WRITERS[suffix](tmp_path / f"run{suffix}", many)
    (tmp_path / "packed.gz").write_bytes(damage(gzip.compress(plain.read_bytes())))
    with pytest.raises(InputError, match=words) as raised:
        read(tmp_path / "packed.gz")
    assert "packed.gz: " in str(raised.value)


def test_what_is_no_text_of_ours_is_not_read_out_of_gzip(tmp_path):
    database = write_sqlite(tmp_path / "run.sqlite", LOOKUPS)
    for data, words in ((database.read_bytes(), "gunzip"), (b"other", "is no results of a check")):
        (tmp_path / "packed").write_bytes(gzip.compress(data))
        with pytest.raises(InputError, match=words):
            read(tmp_path / "packed")


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_content_tells_the_format_not_the_name(tmp_path, suffix):
    assert len(read(WRITERS[suffix](tmp_path / "results", LOOKUPS)).records) == len(LOOKUPS)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv"])
@pytest.mark.parametrize("cut", [1, 2, 9, 30])
def test_a_torn_last_record_is_reported_and_the_others_are_read(tmp_path, suffix, cut):
    path = WRITERS[suffix](tmp_path / "run", [found("ann@example.com"), failed("bob@example.com")])
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    results = read(path)
    if cut == 1:  # only the line end is lost
        assert (len(results.records), results.remarks) == (2, ())
    else:
        assert [row.email for row in results.records] == ["ann@example.com"]
        assert "torn" in results.remarks[0]


def test_an_open_quote_at_the_end_of_csv_is_torn(tmp_path):
    path = write_csv(tmp_path / "run.csv", [found()])
    path.write_bytes(path.read_bytes() + b'"bob@exam')
    results = read(path)
    assert len(results.records) == 1
    assert "torn" in results.remarks[0]


def test_records_of_another_form_are_left_out_and_counted(tmp_path):
    path = write_jsonl(tmp_path / "run.jsonl", [found()])
    good = json.loads(path.read_text())
    bad = [
        [],
        {**good, "email": None},
        {**good, "outcome": "splendid"},
        {**good, "checked_at": "2026-01-01T00:00:00"},
        {**good, "checked_at": "0001-01-01T00:00:00+09:00"},
        {**good, "checked_at": 7},
        {**good, "checked_at": "9999-01-01T00:00:00Z"},
        {**good, "account": {"maxJobs": "many"}},
        {**good, "account": []},
        {**good, "elapsed_ms": "soon"},
        {**good, "elapsed_ms": 1e999},
    ]
    lines = [*map(json.dumps, bad), "{", "[" * 100_000, "", "torn"]
    path.write_text(json.dumps(good) + "\n" + "\n".join(lines) + "\n")
    results = read(path)
    assert len(results.records) == 1
    assert results.remarks == (f"Left out, as not understood: {len(bad) + 3} records.",)


def test_unknown_fields_and_columns_are_no_matter(tmp_path):
    path = write_jsonl(tmp_path / "run.jsonl", [found()])
    record = {**json.loads(path.read_text()), "future": {"x": 1}}
    path.write_text("\ufeff" + json.dumps(record), "utf-8")
    assert len(read(path).records) == 1
    path.write_text(
        "\ufeffnote,outcome,email,checked_at\r\nx,ok,ann@example.com,2026-03-11T14:03:05Z\r\n\r\n",
        "utf-8",
    )
    assert list(read(path).records) == [
        Record(email="ann@example.com", outcome=Outcome.OK, checked_at=NOW)
    ]


def test_a_short_row_and_a_bad_quote_in_csv_are_left_out(tmp_path):
    path = write_csv(tmp_path / "run.csv", [found()])
    path.write_bytes(path.read_bytes() + b'bob@example.com,ok\n"a"b,ok\n')
    assert read(path).remarks == ("Left out, as not understood: 2 records.",)


def test_the_last_record_of_an_email_counts(tmp_path):
    path = write_jsonl(tmp_path / "run.jsonl", [failed(), found()])
    results = read(path)
    assert [row.outcome for row in results.records] == [Outcome.OK]
    assert results.remarks == ("Replaced by a later one of the same email: 1 record.",)


def test_what_is_torn_in_the_middle_is_not_called_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("ltx_async.results.text.scanner.LONGEST_RECORD", 1000)
    monkeypatch.setattr("ltx_async.results.text.scanner._PIECE", 500)
    path = write_jsonl(tmp_path / "run.jsonl", [found(error="x" * 1500), found("bob@example.com")])
    results = read(path)
    assert [row.email for row in results.records] == ["bob@example.com"]
    assert results.remarks == ("Left out, as not understood: 1 record.",)


def test_an_empty_file_is_a_run_without_results(tmp_path):
    (tmp_path / "run.jsonl").touch()
    results = read(tmp_path / "run.jsonl")
    assert (len(results.records), results.as_of, results.remarks) == (0, None, ())


@pytest.mark.parametrize(
    "content",
    [b"hello\n", b'{"a": 1}\n', b"email,name\na,b\n", b"\x89PNG\r\n", b"SQLite format 3\0junk"],
)
def test_what_is_no_results_file_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "some.file").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "some.file")
    assert re.search(r"some\.file: [^\n]+\.\Z", str(caught.value))
    assert caught.value.hint


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["a\0b.jsonl", "\ud800.csv", "x\0.sqlite"])
async def test_a_name_that_no_file_can_have_is_refused_like_any_other(name):
    with pytest.raises(InputError, match="no file can have this name"):
        read(name)
    with pytest.raises(InputError, match="no file can have this name"):
        [_ async for _ in read_emails(name)]
    with pytest.raises(OutputRefusedError, match="no file can have this name"):
        async with open_results(name):
            pass


def test_a_database_without_our_table_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("CREATE TABLE other (x)")
    with pytest.raises(InputError, match="lookups"):
        read(tmp_path / "other.db")


ENDLESS = """
    CREATE {} lookups AS WITH RECURSIVE count(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM count)
    SELECT x AS email, 'ok' AS outcome, '2026-01-01T00:00:00Z' AS checked_at FROM count WHERE x < 0
"""


def test_a_view_that_never_ends_is_no_table(tmp_path):
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as database, database:
        database.execute(ENDLESS.format("VIEW"))
    with pytest.raises(InputError, match="no such table: lookups"):
        read(tmp_path / "run.sqlite")


def test_a_view_that_calls_itself_a_table_is_none(tmp_path):
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as database, database:
        database.execute(ENDLESS.format("VIEW"))
        database.execute("PRAGMA writable_schema = 1")
        database.execute("UPDATE sqlite_master SET type = 'table'")
    with pytest.raises(InputError, match=r"malformed|no such table"):
        read(tmp_path / "run.sqlite")


def test_a_signal_is_heard_while_sqlite_searches(tmp_path, monkeypatch):
    """Such as in a database of a later SQLite, whose schema holds more than is known by now."""
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as database, database:
        database.execute(ENDLESS.format("VIEW"))
    monkeypatch.setattr(reading, "is_table", lambda _database: True)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            read(tmp_path / "run.sqlite")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_database_whose_damage_is_no_text_is_refused(tmp_path):
    path = write_sqlite(tmp_path / "run.sqlite", [found()])
    data = path.read_bytes()
    assert b"PRIMARY KEY" in data
    path.write_bytes(data.replace(b"PRIMARY KEY", b"PRIMARY KE\xff"))
    with pytest.raises(InputError, match="malformed"):
        read(path)


def test_a_database_is_read_while_a_check_writes_to_it(tmp_path):
    path = write_sqlite(tmp_path / "run.sqlite", [found()])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE lookups SET outcome = 'failed'")
        assert [row.outcome for row in read(path).records] == [Outcome.OK]


def test_reading_a_finished_database_leaves_nothing_beside_it(tmp_path):
    path = write_sqlite(tmp_path / "run.sqlite", [found()])
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    before = path.read_bytes()
    assert len(read(path).records) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.sqlite"]
    assert path.read_bytes() == before


def test_cells_of_a_wrong_type_in_a_database_are_left_out(tmp_path):
    path = write_sqlite(tmp_path / "run.sqlite", [found(), found("bob@example.com")])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE lookups SET error = x'ff' WHERE email LIKE 'bob%'")
    results = read(path)
    assert [row.email for row in results.records] == ["ann@example.com"]
    assert results.remarks == ("Left out, as not understood: 1 record.",)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_any_text_comes_back_from_csv(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("csv") / "run.csv"
    results = read(write_csv(path, [found(f"{text}@example.com", error=text)]))
    error = text if text.strip() else None  # a blank one is none
    assert [(row.email, row.error) for row in results.records] == [(f"{text}@example.com", error)]


@pytest.mark.parametrize("balance", [0, -5, 2**63, 1e300, 0.25])
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_balance_comes_back(tmp_path, suffix, balance):
    if suffix == ".sqlite" and balance == 2**63:
        pytest.skip("SQLite's integers are of 63 bits")
    path = WRITERS[suffix](tmp_path / "run", [balanced("ann@example.com", balance)])
    assert [row.balance for row in read(path).records] == [balance]
