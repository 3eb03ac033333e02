"""Files as earlier versions wrote them, as others have changed them, and as later ones may."""

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command_line import make_lookup
from result_examples import read

from ltx_async import Outcome
from ltx_async.results import open_results, read_results
from ltx_async.results.columns import COLUMNS

DATA = Path(__file__).parents[1] / "data" / "results"
SUFFIXES = ("jsonl", "csv", "sqlite")
OUTCOMES = {
    "ann@example.com": "ok",
    "+tag@example.com": "ok",
    "eve@example.com": "needs_reauth",
    "bare@example.com": "ok",
    "bad@example.com": "failed",
    "renew@example.com": "needs_reauth",
    "gone@example.com": "not_found",
    "no-email": "invalid",
    r"caf\xe9": "invalid",
}
NEW = make_lookup("new@example.com", wire={"email": "new@example.com", "maxJobs": 3})
suffixes = pytest.mark.parametrize("suffix", SUFFIXES)


@pytest.fixture
def before(tmp_path, suffix):
    """A file that the version before this one has written."""
    return Path(shutil.copy(DATA / f"before.{suffix}", tmp_path / f"out.{suffix}"))


def outcomes_in(path):
    return {record.email: record.outcome for record in read_results(path)}


async def continued(path, *, lookup=NEW, **again):
    async with open_results(path, "resume", **again) as out:
        await out.write(lookup)
    return out


@suffixes
def test_what_it_wrote_is_read_whole(before, suffix):
    records = {record.email: record for record in read_results(before)}
    assert {email: record.outcome for email, record in records.items()} == OUTCOMES
    assert read(before).remarks == ()
    eve, renew = records["eve@example.com"], records["renew@example.com"]
    assert eve.error == 'Session "expired",\nsign in again'
    assert eve.error_type == renew.error_type == "ReauthenticationError"
    assert (records["+tag@example.com"].balance, records["bare@example.com"].balance) == (0.5, None)
    account = records["+tag@example.com"].to_record()["account"]
    assert account["balance"] == {"LTXStudio_token": 0.5}
    assert ("plan" in account) == (suffix != "csv")


@suffixes
async def test_what_it_wrote_is_continued(before, suffix):
    out = await continued(before)
    left_out = [name for name in COLUMNS if suffix == "csv" and name not in HAD]
    assert out.earlier == len(OUTCOMES)
    assert len(out.remarks) == bool(left_out)
    assert all(name in str(out.remarks) for name in left_out)
    assert outcomes_in(before) == {**OUTCOMES, "new@example.com": "ok"}


@suffixes
async def test_its_failed_records_are_asked_again(before):
    out = await continued(before, retry={Outcome.FAILED})
    assert out.earlier == len(OUTCOMES) - 1
    assert "bad@example.com" not in out
    assert outcomes_in(before) == {**OUTCOMES, "new@example.com": "ok"}
    await continued(before, lookup=make_lookup("bad@example.com"), retry={Outcome.FAILED})
    assert outcomes_in(before)["bad@example.com"] == "ok"


# One column or field more or less


HAD = (DATA / "before.csv").read_text().split("\n", 1)[0].split(",")


def with_columns(path, change) -> None:
    """Rewrite a CSV file with other columns, as a spreadsheet does."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = change(HAD)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, extrasaction="ignore", restval="kept, here")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())


CHANGES = {
    "one more": lambda names: [*names, "notes"],
    "one more in front": lambda names: ["notes", *names],
    "reversed": lambda names: names[::-1],
    "without figures": lambda names: [one for one in names if not one.endswith("_expires_at")],
    "the least": lambda _: ["checked_at", "email", "outcome"],
}


@pytest.mark.parametrize("suffix", ["csv"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_csv_goes_on_in_its_own_columns(before, change):
    with_columns(before, change)
    names = change(HAD)
    head = before.read_bytes()
    out = await continued(before)
    missing = [name for name in COLUMNS if name not in names]
    assert [remark for remark in out.remarks if all(name in remark for name in missing)] == (
        [*out.remarks]
    )
    assert len(out.remarks) == bool(missing)
    assert before.read_bytes().startswith(head)
    assert before.read_bytes().count(b"\r\n") == len(OUTCOMES) + 2
    with before.open(newline="", encoding="utf-8-sig") as file:
        *_, last = csv.DictReader(file)
    assert list(last) == names
    assert (last["email"], last["outcome"]) == ("new@example.com", "ok")
    assert last.get("notes", "") == ""
    assert last.get("max_jobs", "3") == "3"
    assert outcomes_in(before) == {**OUTCOMES, "new@example.com": "ok"}
    assert (await continued(before, lookup=make_lookup("next@x"))).earlier == len(OUTCOMES) + 1


@pytest.mark.parametrize("suffix", ["csv"])
async def test_csv_without_its_failed_records_keeps_its_columns_and_its_bom(before):
    with_columns(before, CHANGES["one more in front"])
    kept = before.read_bytes()
    await continued(before, lookup=make_lookup("bad@EXAMPLE.com"), retry={Outcome.FAILED})
    data = before.read_bytes()
    assert data.startswith(kept[: kept.index(b"\n") + 1])
    assert data.count(b'"kept, here"') == len(OUTCOMES) - 1
    assert b"bad@example.com" not in data


@pytest.mark.parametrize("suffix", ["csv"])
async def test_blank_lines_at_the_end_of_csv_are_no_matter(before):
    before.write_bytes(before.read_bytes() + b"\n\r\n")
    assert (await continued(before)).earlier == len(OUTCOMES)
    assert (await continued(before, lookup=make_lookup("next@x"))).earlier == len(OUTCOMES) + 1
    assert len(outcomes_in(before)) == len(OUTCOMES) + 2


@pytest.mark.parametrize("suffix", ["jsonl"])
async def test_json_lines_with_more_fields_and_fewer_are_continued(before):
    records = [json.loads(line) for line in before.read_bytes().splitlines()]
    more = [{"note": [1], **record, "later": {}} for record in records]
    least = [{name: one[name] for name in ("email", "outcome", "checked_at")} for one in records]
    for changed in (more, least):
        before.write_bytes(b"".join(json.dumps(one).encode() + b"\r\n" for one in changed) + b"\n")
        assert (await continued(before)).earlier == len(OUTCOMES)
        assert outcomes_in(before) == {**OUTCOMES, "new@example.com": "ok"}


def columns_of(path):
    with closing(sqlite3.connect(path)) as database:
        return [row[1] for row in database.execute("PRAGMA table_info(lookups)")]


def change_database(path, *statements):
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.parametrize("suffix", ["sqlite"])
async def test_a_database_gets_the_columns_that_it_lacks_and_keeps_those_it_has(before):
    change_database(
        before,
        "ALTER TABLE lookups DROP COLUMN max_jobs",
        "ALTER TABLE lookups DROP COLUMN account",
        "ALTER TABLE lookups ADD COLUMN note TEXT DEFAULT 'mine'",
    )
    assert outcomes_in(before) == OUTCOMES
    out = await continued(before)
    assert (out.earlier, out.remarks) == (len(OUTCOMES), ())
    assert {*columns_of(before)} == {*COLUMNS, "account", "note"}
    with closing(sqlite3.connect(before)) as database:
        row = database.execute(
            "SELECT max_jobs, json_extract(account, '$.maxJobs'), note FROM lookups"
            " WHERE email = 'new@example.com'"
        ).fetchone()
    assert row == (3, 3, "mine")


@pytest.mark.parametrize("suffix", ["sqlite"])
@pytest.mark.parametrize(("version", "after"), [(0, 1), (1, 1), (7, 7)])
async def test_a_database_says_its_version_and_one_of_a_later_version_keeps_its_own(
    before, version, after
):
    change_database(before, f"PRAGMA user_version = {version}")
    await continued(before)
    with closing(sqlite3.connect(before)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (after,)


@pytest.mark.parametrize("suffix", ["sqlite"])
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE other AS SELECT * FROM lookups",  # no key any more
        "CREATE TABLE other (email TEXT PRIMARY KEY, outcome, checked_at, note TEXT NOT NULL)",
        "CREATE TABLE other (email TEXT, outcome, checked_at, PRIMARY KEY (email, outcome))",
        "CREATE TABLE other (email TEXT PRIMARY KEY, outcome)",
    ],
)
async def test_a_table_that_no_row_could_be_added_to_is_refused_at_the_beginning(before, statement):
    change_database(before, statement, "DROP TABLE lookups", "ALTER TABLE other RENAME TO lookups")
    data = before.read_bytes()
    with pytest.raises(Exception, match="holds no table `lookups` of a check"):
        await continued(before)
    assert before.read_bytes() == data
