import asyncio
import errno
import json
import os
import sqlite3
import stat
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve
from command_line import make_lookup
from hypothesis import given
from hypothesis import strategies as st

from ltx_async import Account, LTXError, Outcome, ServerError
from ltx_async.cli.checking.earlier import EarlierResults
from ltx_async.cli.exits import ExitStatus, status_of
from ltx_async.files.errors import FileError, OutputFailedError, OutputRefusedError, UnsavedError
from ltx_async.inputs.seen import Meeting
from ltx_async.results.columns import plain_text
from ltx_async.results.earlier import EarlierRecords, Renewal
from ltx_async.results.sqlite import opening
from ltx_async.results.sqlite import waiting as sqlitelock
from ltx_async.results.sqlite import writer as sqlitefile
from ltx_async.results.sqlite.failures import database_failure
from ltx_async.results.sqlite.opening import create_database, resume_database
from ltx_async.results.sqlite.triggers import verify_others_stay, watch_records
from ltx_async.results.sqlite.writer import DATABASE_COLUMNS, database_row, prepare

WIRE = {"email": "ann@example.com", "maxJobs": 20, "balance": {"LTXStudio_token": 150}}
ANN, BOB = make_lookup(wire=WIRE), make_lookup("bob@example.com", wire={"email": "bob@example.com"})
BAD = make_lookup("bad@example.com", error=ServerError("HTTP 503", status=503))
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.sqlite"


def rows(path, columns="*", order="rowid"):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT {columns} FROM lookups ORDER BY {order}").fetchall()


async def written(path, *lookups):
    writer = await create_database(path, overwrite=True)
    for lookup in lookups:
        await writer.write(lookup)
    await writer.close()


async def test_records_that_come_together_are_all_kept(out):
    writer = await create_database(out, overwrite=False)
    await writer.write_all([ANN, BOB])
    await writer.write_all([BAD])
    await writer.close()
    assert rows(out, "email") == [(one.email,) for one in (ANN, BOB, BAD)]


def seen_by(earlier):
    """The emails that the records of a resumed output were remembered in."""
    return earlier.on_record.__self__.seen


async def resumed(path, *, retry_failed=False):
    renewal = Renewal(frozenset({Outcome.FAILED})) if retry_failed else Renewal()
    earlier = EarlierRecords(EarlierResults().add, renewal)
    return await resume_database(path, earlier), earlier


async def test_a_row_has_the_columns_of_every_table_and_the_account(out):
    await written(out, ANN, BAD)
    with closing(sqlite3.connect(out)) as database:
        columns = database.execute("PRAGMA table_info(lookups)").fetchall()
    assert tuple(column[1] for column in columns) == tuple(DATABASE_COLUMNS)
    assert [column[1] for column in columns if column[5]] == ["email"]
    ann, bad = (dict(zip(DATABASE_COLUMNS, row, strict=True)) for row in rows(out))
    assert (ann["email"], ann["outcome"], ann["balance"]) == ("ann@example.com", "ok", 150)
    assert json.loads(ann["account"]) == WIRE
    assert (bad["error_type"], bad["error"], bad["account"]) == ("ServerError", "HTTP 503", None)
    assert [path.name for path in out.parent.iterdir()] == ["out.sqlite"]


async def test_all_its_files_are_private(out):
    writer = await create_database(out, overwrite=False)
    await writer.write(ANN)
    await writer._syncer.catch_up()
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in out.parent.iterdir()}
    await writer.close()
    names = ["out.sqlite", "out.sqlite-lock", "out.sqlite-shm", "out.sqlite-wal"]
    assert files == dict.fromkeys(names, 0o600)


async def test_others_read_what_is_committed_while_it_grows(out):
    writer = await create_database(out, overwrite=False)
    writer._syncer.window = 0.01
    await writer.write(ANN)
    assert rows(out) == []
    while not rows(out):
        await asyncio.sleep(0.005)
    await writer.write(BOB)
    assert rows(out, "email") == [("ann@example.com",)]
    await writer.close()
    assert len(rows(out)) == 2


async def test_a_later_row_replaces_an_earlier_one_of_the_same_email(out):
    await written(out, BAD, make_lookup("bad@example.com", wire={"email": "bad@example.com"}))
    assert rows(out, "email, outcome, error") == [("bad@example.com", "ok", None)]


async def test_a_refused_email_never_replaces_one_that_was_asked_for(out):
    name = r"caf\xe9@example.com"
    asked = make_lookup(name, wire={"email": name})
    refused = make_lookup(name, error=LTXError("not UTF-8"), outcome=Outcome.INVALID)
    for lookups in ((asked, refused), (refused, asked)):
        await written(out, *lookups)
        assert rows(out, "email, outcome") == [(name, "ok")]


@given(ANY_TEXT)
def test_any_text_of_a_server_is_kept_in_a_form_that_sqlite_can_keep(text):
    error = make_lookup(text, error=LTXError(text))
    account = make_lookup(text, account=Account(email=text, error=text))
    with closing(sqlite3.connect(":memory:")) as database:
        sqlitefile.prepare(database)
        database.execute(sqlitefile._UPSERT, database_row(error))
        database.execute(sqlitefile._UPSERT, database_row(account))
        (row,) = database.execute("SELECT email, error, account FROM lookups").fetchall()
    said = plain_text(text) if text.strip() else None  # a blank error is none
    assert row[:2] == (plain_text(text), said)
    assert "\0" not in "".join(cell or "" for cell in row)
    assert json.loads(row[2])["error"] == text


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**63, 2**64, -(2**63) - 1, 10**30, 1e300])
async def test_a_number_of_any_size_stays_a_number(out, number):
    balance = {"LTXStudio_token": number}
    account = Account(balance=balance, max_jobs=2**70)
    await written(out, make_lookup(account=account))
    ((kept, jobs, wire),) = rows(out, "balance, max_jobs, account")
    assert kept == pytest.approx(number)
    assert (isinstance(kept, int), jobs) == (abs(number) < 2**63, float(2**70))
    assert json.loads(wire)["balance"]["LTXStudio_token"] == number


async def test_a_slow_disk_slows_the_writer(out, monkeypatch):
    monkeypatch.setattr(sqlitefile, "_BATCH", 3)
    writer = await create_database(out, overwrite=False)
    longest = 0
    for number in range(20):
        await writer.write(make_lookup(f"{number}@example.com"))
        longest = max(longest, len(writer._pending))
    await writer.close()
    assert longest <= 3
    assert len(rows(out)) == 20


def failing(_sql, _rows):
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


class FullDatabase:
    """A database that takes no rows."""

    def __init__(self, database) -> None:
        self._database = database

    executemany = staticmethod(failing)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return self._database.__exit__(*exc)

    def __getattr__(self, name):
        return getattr(self._database, name)


async def test_a_full_disk_ends_the_run_and_takes_back_what_was_not_kept(out):
    writer = await create_database(out, overwrite=False)
    await writer.write(ANN)
    await writer._syncer.catch_up()
    database, writer._database = writer._database, FullDatabase(writer._database)
    await writer.write(BOB)
    await writer.write(BAD)
    await writer._syncer.catch_up()
    with pytest.raises(OutputFailedError, match="disk full") as raised:
        await writer.write(make_lookup("eve@example.com"))
    assert status_of(raised.value) is ExitStatus.STOPPED
    with pytest.raises(UnsavedError, match="disk full") as raised:
        await writer.close()
    assert raised.value.outcomes == Counter({Outcome.OK: 1, Outcome.FAILED: 1})
    assert rows(out, "email") == [("ann@example.com",)]
    assert [path.name for path in out.parent.iterdir()] == ["out.sqlite"]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")


def unseen(monkeypatch, out, number):
    """Let the system fail to say what is at this name."""
    true = Path.stat

    def stat_of(path, **options):
        if path == out:
            raise OSError(number, os.strerror(number))
        return true(path, **options)

    monkeypatch.setattr(Path, "stat", stat_of)


failures = pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EACCES, errno.ESTALE])


@failures
async def test_a_database_that_cannot_be_looked_at_any_more_ends_the_run(out, monkeypatch, number):
    writer = await create_database(out, overwrite=False)
    await writer.write(ANN)
    with monkeypatch.context() as patch:
        unseen(patch, out, number)
        await writer._syncer.catch_up()
        with pytest.raises(OutputFailedError, match=os.strerror(number)) as raised:
            await writer.write(BOB)
        assert status_of(raised.value) is ExitStatus.STOPPED
        with pytest.raises(UnsavedError, match=os.strerror(number)) as raised:
            await writer.close()
    assert not raised.value.outcomes  # what was taken is committed
    assert rows(out, "email") == [("ann@example.com",)]


@failures
@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_database_that_cannot_be_looked_at_is_not_begun(
    out, monkeypatch, number, overwrite
):
    with monkeypatch.context() as patch:
        unseen(patch, out, number)
        with pytest.raises(FileError, match=os.strerror(number)):
            await create_database(out, overwrite=overwrite)
    await written(out, ANN)  # nobody holds its lock
    assert rows(out, "email") == [("ann@example.com",)]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["unlink", "sync_directory"])
async def test_a_full_disk_is_called_one_where_a_database_cannot_be_begun(
    out, monkeypatch, number, call
):
    def full(*_arguments, **_options):
        raise OSError(number, os.strerror(number))

    where = Path if call == "unlink" else opening
    with monkeypatch.context() as patch:
        patch.setattr(where, call, full)
        with pytest.raises(OutputFailedError, match="disk full") as raised:
            await create_database(out, overwrite=False)
    assert status_of(raised.value) is ExitStatus.STOPPED


DELETING = [
    ("AFTER INSERT ON lookups BEGIN DELETE FROM lookups; END", 3),
    ("AFTER INSERT ON lookups BEGIN DELETE FROM lookups WHERE outcome = 'failed'; END", 1),
    ("AFTER INSERT ON lookups BEGIN DELETE FROM lookups WHERE email <> new.email; END", 2),
    ("BEFORE INSERT ON lookups BEGIN SELECT RAISE(IGNORE); END", 3),
]


@pytest.mark.parametrize(("trigger", "lost"), DELETING, ids=range(len(DELETING)))
async def test_what_a_trigger_does_not_let_stay_is_told_and_counted(out, trigger, lost):
    await (await create_database(out, overwrite=False)).close()
    with closing(sqlite3.connect(out)) as database:
        database.execute(f"CREATE TRIGGER keep {trigger}")
    writer, _ = await resumed(out)
    for lookup in (ANN, BAD, BOB):
        await writer.write(lookup)
    with pytest.raises(UnsavedError, match="a trigger of the database") as raised:
        await writer.close()
    assert raised.value.outcomes.total() == lost
    assert len(rows(out)) == 3 - lost


OF_OTHERS = [
    "AFTER INSERT ON lookups BEGIN DELETE FROM lookups WHERE email = 'ann@example.com'; END",
    "AFTER INSERT ON lookups BEGIN DELETE FROM lookups WHERE email <> new.email; END",
    "AFTER INSERT ON lookups BEGIN UPDATE lookups SET email = 'x' || email; END",
    "AFTER INSERT ON lookups BEGIN UPDATE OR REPLACE lookups SET email = 'x'; END",
    "BEFORE INSERT ON lookups BEGIN DELETE FROM lookups WHERE checked_at < '2100'; END",
    "AFTER INSERT ON lookups BEGIN INSERT INTO log VALUES (1); END; "  # noqa: ISC004 - two of them
    "CREATE TRIGGER next AFTER INSERT ON log BEGIN DELETE FROM lookups; END",
]
"""Some make up for it by a record of their own, and one does it by way of another table."""


@pytest.mark.parametrize("trigger", OF_OTHERS, ids=range(len(OF_OTHERS)))
@pytest.mark.parametrize("earlier_run", [True, False])
async def test_a_trigger_that_deletes_other_records_ends_the_run_and_they_stay(
    out, trigger, earlier_run
):
    """Records of an earlier run, or of this one that were committed before."""
    await written(out, ANN)
    if not earlier_run:
        out.unlink()
    writer, _ = await resumed(out)
    if not earlier_run:
        await writer.write(ANN)
        await writer._syncer.catch_up()
    with closing(sqlite3.connect(out)) as database:
        database.executescript(f"CREATE TABLE log (email); CREATE TRIGGER keep {trigger}")
    for lookup in (BAD, BOB):
        await writer.write(lookup)
    with pytest.raises(UnsavedError, match="a trigger of the database deletes records") as raised:
        await writer.close()
    assert status_of(raised.value) is ExitStatus.STOPPED
    assert raised.value.outcomes == {Outcome.FAILED: 1, Outcome.OK: 1}
    assert rows(out, "email") == [("ann@example.com",)]
    with closing(sqlite3.connect(out)) as database:
        database.executescript("DROP TRIGGER keep; DROP TRIGGER IF EXISTS next")
    writer, earlier = await resumed(out)
    assert earlier.count == 1
    await writer.write(BOB)
    await writer.close()
    assert rows(out, "email") == [("ann@example.com",), ("bob@example.com",)]


async def test_a_trigger_that_deletes_more_than_is_asked_again_changes_nothing(out):
    await written(out, ANN, BAD, BOB)
    with closing(sqlite3.connect(out)) as database:
        database.execute(
            "CREATE TRIGGER keep AFTER DELETE ON lookups "
            "BEGIN DELETE FROM lookups WHERE outcome = 'ok'; END"
        )
    writer, _ = await resumed(out, retry_failed=True)
    await writer.write(evolve(BAD, email="bad@EXAMPLE.com"))
    with pytest.raises(UnsavedError, match="a trigger of the database deletes records") as raised:
        await writer.close()
    assert "Drop the triggers" in raised.value.hint
    assert len(rows(out)) == 3


async def test_what_others_delete_is_theirs(out):
    writer = await create_database(out, overwrite=False)
    await writer.write(ANN)
    await writer._syncer.catch_up()
    with closing(sqlite3.connect(out)) as database, database:
        database.execute("DELETE FROM lookups")
    await writer.write(BOB)
    await writer.close()
    assert rows(out, "email") == [("bob@example.com",)]


async def test_a_trigger_that_deletes_nothing_is_no_matter(out):
    await written(out, ANN)
    with closing(sqlite3.connect(out)) as database:
        database.execute("CREATE TABLE log (email)")
        database.execute(
            "CREATE TRIGGER note AFTER INSERT ON lookups "
            "BEGIN INSERT INTO log VALUES (new.email); END"
        )
    writer, _ = await resumed(out)
    await writer.write(BOB)
    await writer.close()
    assert rows(out, "email") == [("ann@example.com",), ("bob@example.com",)]


def test_other_failures_are_told_as_they_are():
    failure = database_failure(sqlite3.OperationalError("disk I/O error"), "out.db")
    assert (str(failure), status_of(failure)) == ("out.db: disk I/O error", ExitStatus.STOPPED)


# Creating


async def test_an_existing_file_is_only_replaced_when_told_to(out):
    await written(out, ANN)
    with pytest.raises(OutputRefusedError, match="exists already"):
        await create_database(out, overwrite=False)
    assert len(rows(out)) == 1
    for companion in ("-wal", "-journal"):
        out.with_name(out.name + companion).write_bytes(b"of another database")
    await written(out, BOB)
    assert rows(out, "email") == [("bob@example.com",)]


async def test_one_process_writes_at_a_time(out):
    writer = await create_database(out, overwrite=False)
    await writer.write(ANN)
    for overwrite in (False, True):
        with pytest.raises(OutputRefusedError, match="another ltx-async is writing to it"):
            await create_database(out, overwrite=overwrite)
    for retry_failed in (False, True):
        with pytest.raises(OutputRefusedError, match="another ltx-async is writing to it"):
            await resumed(out, retry_failed=retry_failed)
    await writer.close()
    assert len(rows(out)) == 1


async def test_a_database_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    with pytest.raises(OutputRefusedError, match="No such file"):
        await create_database(tmp_path / "no" / "out.db", overwrite=False)

    def unwritable(*_arguments, **_named):
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr("ltx_async.results.sqlite.opening.connect", unwritable)
    with pytest.raises(OutputFailedError, match="unable to open"):
        await create_database(tmp_path / "out.db", overwrite=False)


@pytest.mark.parametrize("resume", [False, True])
async def test_a_name_that_leaves_no_room_for_the_companions_makes_nothing(tmp_path, resume):
    out = tmp_path / ("x" * 243 + ".sqlite")
    with pytest.raises(OutputRefusedError, match="too long"):
        await (resumed(out) if resume else create_database(out, overwrite=False))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-lock"])
@pytest.mark.parametrize("resume", [False, True])
async def test_a_directory_in_the_place_of_a_companion_is_told(out, suffix, resume):
    out.with_name(out.name + suffix).mkdir()
    with pytest.raises(OutputRefusedError, match=f"{out.name}{suffix}"):
        await (resumed(out) if resume else create_database(out, overwrite=False))
    assert not out.exists()


# Resuming


@pytest.mark.parametrize("before", [None, b""])
async def test_a_database_that_is_not_there_yet_is_made(out, before):
    if before is not None:
        out.write_bytes(before)
    writer, earlier = await resumed(out)
    await writer.write(ANN)
    await writer.close()
    assert (len(rows(out)), earlier.count) == (1, 0)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


async def test_records_are_taken_in_and_others_are_added(out, monkeypatch):
    monkeypatch.setattr("ltx_async.results.sqlite.opening._ROWS_AT_A_TIME", 1)
    await written(out, ANN, BAD)
    out.chmod(0o644)
    writer, earlier = await resumed(out)
    await writer.write(BOB)
    await writer.close()
    assert rows(out, "email", "email") == [
        ("ann@example.com",),
        ("bad@example.com",),
        ("bob@example.com",),
    ]
    assert earlier.count == 2
    ann, bad = map(seen_by(earlier).meet, ("ann@EXAMPLE.com", "bad@example.com"))
    assert (ann.outcome, ann.reason) == (Outcome.OK, None)
    assert (bad.outcome, bad.reason.message) == (Outcome.FAILED, "HTTP 503")
    assert stat.S_IMODE(out.stat().st_mode) == 0o644  # its owner has let others read it


async def test_failed_records_stay_until_they_are_asked_again(out):
    await written(out, ANN, BAD)
    writer, earlier = await resumed(out, retry_failed=True)
    await writer.put_in_place()
    await writer.write(BOB)
    await writer.close()
    assert rows(out, "email") == [(one.email,) for one in (ANN, BAD, BOB)]
    assert (earlier.count, earlier.again) == (1, 1)
    assert seen_by(earlier).meet("bad@example.com") is Meeting.FIRST


async def test_another_spelling_that_comes_while_a_transaction_runs_is_the_only_one_left(out):
    await written(out, ANN, BAD)
    writer, _ = await resumed(out, retry_failed=True)
    await writer.write(BOB)
    other = evolve(BAD, email="bad@EXAMPLE.com")
    writer._pending.append(database_row(other))  # the thread takes the row a moment earlier
    await writer._syncer.catch_up()
    writer._drop_other_spellings([other])
    await writer.close()
    assert {email for (email,) in rows(out, "email")} == {ANN.email, BOB.email, other.email}


async def test_what_only_the_log_of_a_killed_process_has_counts(out, tmp_path):
    writer = await create_database(out, overwrite=False)
    await writer.write(ANN)
    await writer._syncer.catch_up()
    (tmp_path / "killed").mkdir()
    killed = tmp_path / "killed" / out.name
    for suffix in ("", "-wal"):
        killed.with_name(killed.name + suffix).write_bytes(
            out.with_name(out.name + suffix).read_bytes()
        )
    await writer.close()
    writer, earlier = await resumed(killed)
    await writer.close()
    assert (earlier.count, rows(killed, "email")) == (1, [("ann@example.com",)])


async def make_other_table(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE lookups (email TEXT, outcome TEXT)")


async def make_no_table(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (email TEXT)")


async def make_no_database(path):
    path.write_bytes(b'{"email": "ann@example.com"}\n' * 100)


async def make_other_outcome(path):
    await written(path, make_lookup())
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE lookups SET outcome = 'great'")
        database.commit()


@pytest.mark.parametrize("retry_failed", [False, True])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_other_table, "holds no table `lookups` of a check"),
        (make_no_table, "holds no table `lookups` of a check"),
        (make_no_database, "is no SQLite database"),
        (make_other_outcome, "holds records of another version"),
    ],
)
async def test_another_database_or_file_is_refused_and_left_as_it_is(
    out, make, words, retry_failed
):
    await make(out)
    before = out.read_bytes()
    with pytest.raises(OutputRefusedError, match=words) as raised:
        await resumed(out, retry_failed=retry_failed)
    assert status_of(raised.value) is ExitStatus.USAGE
    assert out.read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["out.sqlite"]


def table(email="email TEXT PRIMARY KEY", *more):
    return f"CREATE TABLE lookups ({', '.join([email, 'outcome', 'checked_at', *more])})"


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        *(
            (statements, "unique besides its key")
            for statements in (
                [table("email PRIMARY KEY", "UNIQUE (outcome) ON CONFLICT REPLACE")],
                [table("email PRIMARY KEY", "UNIQUE (outcome) ON CONFLICT IGNORE")],
                [table("email PRIMARY KEY", "status UNIQUE ON CONFLICT REPLACE")],
                [table("email PRIMARY KEY", "UNIQUE (email COLLATE NOCASE)")],
                [table(), "CREATE UNIQUE INDEX one ON lookups (outcome)"],
                [table(), "CREATE UNIQUE INDEX one ON lookups (lower(email))"],
                [table(), "CREATE UNIQUE INDEX one ON lookups (outcome) WHERE outcome = 'ok'"],
            )
        ),
        *(
            ([table(*columns)], "takes some emails for one another")
            for columns in (
                ("email TEXT COLLATE NOCASE PRIMARY KEY",),
                ("email TEXT COLLATE RTRIM PRIMARY KEY",),
                ("email TEXT", "PRIMARY KEY (email COLLATE NOCASE)"),
                ("email NUMERIC PRIMARY KEY",),
                ("email INTEGER PRIMARY KEY",),
            )
        ),
        *(
            ([table("email TEXT PRIMARY KEY", column)], "holds no table `lookups` of a check")
            for column in (
                "error TEXT NOT NULL ON CONFLICT IGNORE DEFAULT ''",
                "error TEXT NOT NULL DEFAULT ''",
                "error TEXT AS ('x')",
                "account TEXT AS ('x') STORED",
            )
        ),
    ],
)
async def test_a_table_that_would_lose_records_is_refused_and_left_as_it_is(out, statements, words):
    with closing(sqlite3.connect(out)) as database:
        for statement in statements:
            database.execute(statement)
    before = out.read_bytes()
    with pytest.raises(OutputRefusedError, match=words) as raised:
        await resumed(out)
    assert status_of(raised.value) is ExitStatus.USAGE
    assert out.read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["out.sqlite"]


@pytest.mark.parametrize(
    "statements",
    [
        [f"{table()} WITHOUT ROWID"],
        [table("email VARCHAR(320) PRIMARY KEY")],
        [table("email PRIMARY KEY ON CONFLICT IGNORE")],
        [
            table("email PRIMARY KEY", "host AS (substr(email, instr(email, '@') + 1))"),
            "CREATE INDEX by_host ON lookups (host COLLATE NOCASE)",
        ],
        # The key alone tells records apart, whatever the column is compared as elsewhere.
        [table("email COLLATE NOCASE", "PRIMARY KEY (email COLLATE BINARY)")],
    ],
)
async def test_a_table_of_another_make_that_loses_nothing_is_continued(out, statements):
    with closing(sqlite3.connect(out)) as database:
        for statement in statements:
            database.execute(statement)
        database.execute(
            "INSERT INTO lookups (email, outcome, checked_at)"
            " VALUES ('ANN@example.com', 'ok', '2026-01-01T00:00:00.000Z'),"
            " ('BOB@example.com', 'ok', '2026-01-01T00:00:00.000Z'),"
            " ('bob@example.com', 'failed', '2026-01-01T00:00:00.000Z')"
        )
        database.commit()
    writer, _ = await resumed(out, retry_failed=True)
    for lookup in (ANN, BOB):
        await writer.write(lookup)
    await writer.close()
    emails = ["ANN@example.com", "BOB@example.com", "ann@example.com", "bob@example.com"]
    assert sorted(email for (email,) in rows(out, "email", "email COLLATE BINARY")) == emails


@pytest.mark.parametrize("clause", ["", " ON CONFLICT IGNORE", " ON CONFLICT REPLACE"])
async def test_what_a_check_of_the_table_refuses_is_told_and_counted(out, clause):
    with closing(sqlite3.connect(out)) as database:
        database.execute(table("email PRIMARY KEY", f"CHECK (outcome <> 'ok'){clause}"))
    writer, _ = await resumed(out)
    await writer.write(ANN)
    with pytest.raises(UnsavedError, match="CHECK constraint failed") as raised:
        await writer.close()
    assert raised.value.outcomes == {Outcome.OK: 1}
    assert status_of(raised.value) is ExitStatus.STOPPED
    assert rows(out, "email") == []


@pytest.mark.parametrize("what", ["page", "index"])
async def test_a_damaged_database_is_refused(out, what):
    await written(out, *(make_lookup(f"{number}@example.com", wire=WIRE) for number in range(500)))
    if what == "page":
        with out.open("r+b") as file:
            file.seek(4096 * 5)
            file.write(b"\xff" * 4096)
    else:
        with closing(sqlite3.connect(out)) as database:
            database.execute("PRAGMA writable_schema = ON")
            database.execute("UPDATE sqlite_master SET rootpage = 2 WHERE type = 'index'")
            database.commit()
    with pytest.raises(OutputFailedError, match="damaged") as raised:
        await resumed(out)
    assert status_of(raised.value) is ExitStatus.STOPPED


@pytest.mark.parametrize("name", ["out.sqlite", "out.sqlite-wal"])
async def test_links_are_never_followed(out, tmp_path, name):
    if name != out.name:
        await written(out, ANN)
    target = tmp_path / "target"
    (tmp_path / name).symlink_to(target)
    with pytest.raises(OutputRefusedError, match="link"):
        await resumed(out)
    assert not target.exists()


async def test_the_check_of_a_large_database_can_be_interrupted(out, monkeypatch):
    await written(out, ANN)
    connected = sqlitefile.connect
    interrupted = []

    class Slow(sqlite3.Connection):
        def execute(self, sql, *arguments):
            if "integrity" in sql:
                while not interrupted:
                    pass
                raise sqlite3.OperationalError("interrupted")
            return super().execute(sql, *arguments)

        def interrupt(self):
            interrupted.append(1)

    def slow(path):
        connected(path).close()
        return sqlite3.connect(path, factory=Slow, isolation_level=None, check_same_thread=False)

    monkeypatch.setattr("ltx_async.results.sqlite.opening.connect", slow)
    task = asyncio.create_task(resumed(out))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert interrupted
    assert not out.with_name("out.sqlite-lock").exists()


def denied(*_arguments, **_named):
    raise PermissionError(13, "Permission denied")


async def test_a_database_that_may_not_be_written_is_told(out, monkeypatch):
    await written(out, ANN)
    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(OutputRefusedError, match="Permission denied"):
        await resumed(out)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_database_of_somebody_else_is_refused(out, monkeypatch):
    await written(out, ANN)
    os.chown(out, 4321, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    for opened in (resumed(out), create_database(out, overwrite=True)):
        with pytest.raises(OutputRefusedError, match="belongs to somebody else"):
            await opened
    assert len(rows(out)) == 1


@pytest.mark.parametrize("call", ["prepare", "sync_directory"])
async def test_a_database_that_cannot_be_set_up_is_closed_and_let_go(out, monkeypatch, call):
    def failing(*_arguments, **_named):
        raise sqlite3.OperationalError("disk I/O error")

    await written(out, ANN)
    with monkeypatch.context() as patch:
        patch.setattr(f"ltx_async.results.sqlite.opening.{call}", failing)
        with pytest.raises(OutputFailedError, match="disk I/O error"):
            await resumed(out)
    assert [path.name for path in out.parent.iterdir()] == ["out.sqlite"]


async def test_a_database_that_is_locked_too_long_is_told(out, monkeypatch):
    await written(out, ANN)
    monkeypatch.setattr(sqlitelock, "LONGEST_WAIT", 0.01)
    with closing(sqlite3.connect(out, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputFailedError, match="locked") as raised:
            await resumed(out, retry_failed=True)
    assert status_of(raised.value) is ExitStatus.STOPPED


async def test_the_loop_goes_on_while_a_lock_is_waited_for(out):
    writer = await create_database(out, overwrite=False)
    await writer.write(ANN)
    with closing(sqlite3.connect(out, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        closing_it = asyncio.create_task(writer.close())
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not closing_it.done()
        other.rollback()
        await closing_it
    assert rows(out, "email") == [("ann@example.com",)]


async def test_who_is_cancelled_waits_for_no_lock_and_is_told_what_is_not_kept(out):
    writer = await create_database(out, overwrite=False)
    await writer.write(ANN)
    with closing(sqlite3.connect(out, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        closing_it = asyncio.create_task(writer.close())
        await asyncio.sleep(0.05)
        closing_it.cancel()
        with pytest.raises(UnsavedError, match="another program has locked") as raised:
            await closing_it
    assert raised.value.outcomes == Counter({Outcome.OK: 1})
    assert [path.name for path in out.parent.iterdir()] == ["out.sqlite"]


def test_records_are_watched_though_the_first_try_met_a_lock():
    with closing(sqlite3.connect(":memory:")) as database:
        prepare(database)
        for _ in range(2):
            watch_records(database)
        database.execute("INSERT INTO lookups (email, outcome, checked_at) VALUES ('a', 'ok', '')")
        database.execute("DELETE FROM lookups")
        with pytest.raises(OutputFailedError, match="a trigger of the database deletes records"):
            verify_others_stay(database, "out.sqlite", ["b"])
