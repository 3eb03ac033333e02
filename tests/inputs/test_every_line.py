# ruff: noqa: E501, RUF001 - tables of odd texts, a case per line
"""Promise 42: every line of an input is accounted for, and nothing but an address is ever sent."""

import codecs
import csv
import gzip
import io
import json
import re
import shlex
import sqlite3
import subprocess
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest
from attrs import frozen
from command_line import healthy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import LONG

U1, U2, U3 = (f"user{number:06}@example.com" for number in (1, 2, 3))
OUTCOMES = ("ok", "needs_reauth", "not_found", "invalid", "failed", "duplicate", "pending")
QUOTED_LOCAL_PART = re.compile(r'"(?:[^"\\]|\\.)*"(?=@)')


@pytest.fixture(autouse=True)
def twenty(server):
    for number in range(1, 21):
        server.emulator.put(healthy(f"user{number:06}@example.com"))


def is_plausible(email):
    """The rule as it is written down, in other words than the program's."""
    quoted = QUOTED_LOCAL_PART.match(email)
    outside = email[quoted.end() :] if quoted else email
    return outside.count("@") == 1 and not any(
        mark.isspace() or mark in ',;<>()[]"' or unicodedata.category(mark) == "Cf"
        for mark in outside
    )


@frozen
class Checked:
    """A check that came to its end, or was refused."""

    status: int
    err: str
    records: list
    saved: dict | None

    @property
    def counts(self):
        return {name: self.saved[name] for name in OUTCOMES if self.saved[name]}

    @property
    def reasons(self):
        return [r["error"]["message"] for r in self.records if r["outcome"] == "invalid"]


@pytest.fixture
def check(ltx, server):
    """Check inputs, and hold what must hold of every check."""

    def run(*arguments):
        Path("s.json").unlink(missing_ok=True)
        before = len(server.asked)
        ended = ltx("check", *arguments, "--summary-json", "s.json")
        saved = json.loads(Path("s.json").read_text()) if Path("s.json").exists() else None
        asked = server.asked[before:]
        assert all(is_plausible(email) for email in asked if email is not None), asked
        assert "Traceback" not in ended.err
        if saved is not None:
            assert saved["input"] == sum(saved[name] for name in OUTCOMES)
            entries = saved["lines"] + saved["extracted"] - sum(saved["skipped"].values())
            assert not saved["whole_input"] or entries == saved["input"]
        else:
            assert asked == []
        return Checked(ended.status, ended.err, ended.records, saved)

    return run


@pytest.fixture
def checked(check):
    """Check one input of this name and content."""

    def run(name, data, *options):
        Path(name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return check(name, *options)

    return run


# Tables

TABLES = {
    "a first cell that begins with #": (
        "x.csv", f"Name,Email\n#1001,{U1}\n1002,{U2}\n", {"ok": 2}),
    "a header that begins with #": ("x.csv", f"#,Name,Email\n1,Ann,{U1}\n2,Bob,{U2}\n", {"ok": 2}),
    "a lone # as a cell": ("x.csv", f"#,Email\n#,{U1}\n", {"ok": 1}),
    "an address that begins with #": ("x.csv", "email\n#ann@x\n", {"not_found": 1}),
    "a # in tab-separated values": ("x.tsv", f"#id\temail\n#7\t{U1}\n", {"ok": 1}),
    "a quotation mark in a database's TSV": (
        "x.tsv", f'name\temail\n"Ann\t{U1}\nB"ob\t{U2}\n5" disk\t{U3}\n', {"ok": 3}),
    "a TSV that a spreadsheet wrote": (
        "x.tsv", f'"name"\t"email"\n"Lee\tAnn"\t"{U1}"\n', {"ok": 1}),
    "semicolons": ("x.csv", f"Name;Email\nLee, Ann;{U1}\nBob;{U2}\n", {"ok": 2}),
    "semicolons and a decimal comma": ("x.csv", f"Id;Sum;Email\n1;1,5;{U1}\n2;2,75;{U2}\n", {"ok": 2}),
    "tabs in .csv": ("x.csv", f"Name\tEmail\nLee, Ann\t{U1}\n", {"ok": 1}),
    "bars": ("x.csv", f"Name|Email\nLee, Ann|{U1}\n", {"ok": 1}),
    "commas in .tsv": ("x.tsv", f"name,email\nAnn,{U1}\n", {"ok": 1}),
    "a line sep=;": ("x.csv", f"sep=;\r\nName;Email\r\nAnn;{U1}\r\n", {"ok": 1}),
    "a line sep=,": ("x.csv", f"SEP=,\nName,Email\nAnn,{U1}\n", {"ok": 1}),
    "a line sep= and a tab": ("x.csv", f"sep=\t\nName\tEmail\nAnn\t{U1}\n", {"ok": 1}),
    "blank rows": ("x.csv", f"Name,Email\n,\n\nAnn,{U1}\n , \n", {"ok": 1}),
    "blank rows before the header": ("x.csv", f"\n,\nName,Email\nAnn,{U1}\n", {"ok": 1}),
    "rows without an email": ("x.csv", f"Name,Email\nAnn,\nBob,{U1}\nCay\n", {"ok": 1, "invalid": 1, "duplicate": 1}),
    "a quoted cell over lines": (
        "x.csv", f'Note,Email\n"one\ntwo\n\n#three",{U1}\n"a ""b"" c",{U2}\n', {"ok": 2}),
    "a quoted header over lines": ("x.csv", f'"No\nte",Email\nx,{U1}\n', {"ok": 1}),
    "old line ends": ("x.csv", f"Name,Email\rAnn,{U1}\rBob,{U2}", {"ok": 2}),
    "a column of another name": ("x.csv", f"Name,E-Mail-Adresse\nAnn,{U1}\nBob,{U2}\n", {"ok": 2}),
    "a column whose name says nothing": ("x.csv", f"a,b\n1,{U1}\n2,{U2}\n", {"ok": 2}),
    "a column with some odd cells": ("x.csv", f"a,b\n1,{U1}\n2,none\n3,{U2}\n", {"ok": 2, "invalid": 1}),
    "a shifted row": ("x.csv", f"Name,Email,City\nLee, Ann,{U1},Rome\n", {"invalid": 1}),
    "duplicates by the case of the domain": (
        "x.csv", "email\nann@example.com\nann@EXAMPLE.com\n", {"ok": 1, "duplicate": 1}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "data", "counts"), TABLES.values(), ids=TABLES)
def test_a_table_gives_every_row(checked, name, data, counts):
    done = checked(name, data)
    assert done.counts == counts
    assert done.status == (0 if set(counts) <= {"ok", "duplicate"} else 1)


GOOGLE = (
    "Name,Given Name,Family Name,Notes,Labels,E-mail 1 - Label,E-mail 1 - Value,"
    "Phone 1 - Label,Phone 1 - Value\n"
    f'Ann Lee,Ann,Lee,"met at ""Rome""\nin May",* myContacts,* Home,{U1},Mobile,+49 151 555\n'
    f"Bob,Bob,,,* myContacts ::: Friends,Work,{U2},,\n"
)
OUTLOOK = (
    '"First Name","Middle Name","Last Name","E-mail Address","E-mail Type","Notes"\r\n'
    f'"Ann","","Lee","{U1}","SMTP","one\r\ntwo"\r\n"Bob","","","{U2}","SMTP",""\r\n'
)
WIDE = ",".join(["Email Address", *(f"FIELD{number}" for number in range(39))]) + "\n"
WIDE += f"{U1}{',x' * 39}\n{U2}{',' * 39}\n"
EXPORTS = {
    "Google Contacts": ("contacts.csv", GOOGLE.encode()),
    "Outlook": ("contacts.CSV", OUTLOOK.encode("cp1252")),
    "Outlook's Unicode": ("contacts.csv", OUTLOOK.replace('","', '"\t"').encode("utf-16")),
    "a mailing tool of 40 columns": ("subscribed.csv", WIDE.encode()),
    "Excel's CSV UTF-8": ("x.csv", codecs.BOM_UTF8 + f"Name;E-Mail\r\nJörg;{U1}\r\nAnn;{U2}\r\n".encode()),
    "Excel's Unicode text": ("x.txt", f"Name\tE-Mail\r\nJörg\t{U1}\r\nAnn\t{U2}\r\n".encode("utf-16")),
    "LibreOffice, all quoted": ("x.csv", f'"Nr";"Mail"\n1;"{U1}"\n2;"{U2}"\n'.encode()),
    "Numbers": ("x.csv", f"sep=,\r\nName,Mail\r\nAnn,{U1}\r\nBob,{U2}\r\n".encode()),
    "psql --csv": ("out", f"id,email,created_at\n1,{U1},2026-01-01\n2,{U2},\n".encode()),
    "mysql --batch": ("dump.txt", f"id\temail\n1\t{U1}\n2\t{U2}\n".encode()),
    "pandas": ("x.csv", f",email\n0,{U1}\n1,{U2}\n".encode()),
    "Latin-1 beside the emails": ("x.csv", f"Name,email\nJ\xf6rg,{U1}\nAnn,{U2}\n".encode("latin-1")),
    "UTF-32": ("x.txt", f"{U1}\n{U2}\n".encode("utf-32")),
    "UTF-16, the other way": ("x.txt", codecs.BOM_UTF16_BE + f"{U1}\n{U2}\n".encode("utf-16-be")),
    "gzip": ("x.csv.gz", gzip.compress(f"id,email\n1,{U1}\n2,{U2}\n".encode())),
    "gzip without a suffix": ("x", gzip.compress(f"{U1}\n{U2}\n".encode())),
    "gzip in two members": ("x.gz", gzip.compress(f"{U1}\n".encode()) + gzip.compress(U2.encode())),
    "gzip of JSON Lines": ("x.jsonl.gz", gzip.compress(f'{{"email": "{U1}"}}\n"{U2}"'.encode())),
    "a JSON array": ("x.json", json.dumps([{"email": U1}, {"email": U2}]).encode()),
    "a pretty JSON array": ("x", json.dumps([{"id": 1, "email": U1}, U2], indent=2).encode()),
    "a JSON array in .txt": ("x.txt", json.dumps([U1, U2]).encode()),
    "what jq prints": ("-", f'{{\n  "email": "{U1}"\n}}\n{{\n  "email": "{U2}"\n}}\n'.encode()),
    "an array in .jsonl": ("x.jsonl", json.dumps([{"Email": U1}, {"Email": U2}], indent=1).encode()),
}  # fmt: skip


@pytest.mark.parametrize(("name", "data"), EXPORTS.values(), ids=EXPORTS)
def test_what_other_programs_export_is_read(checked, name, data):
    done = checked("stdin.txt" if name == "-" else name, data)
    assert done.counts == {"ok": 2}, done.err
    assert done.status == 0


def test_a_column_that_was_found_is_said(checked):
    assert "the emails are taken from the column 'E-mail 1 - Value'" in checked("x.csv", GOOGLE).err


UNBALANCED = {
    "the given one": (f'Name,Email\nAnn,{U2}\n"Bob,{U1}\nCay,{U3}\n', "line 3", "within quotation"),
    "in the last row": (f'Name,Email\nAnn,{U1}\n"Bob,{U2}', "line 3", "within quotation marks"),
    "a cell that begins with a space": (f'Name,Email\nAnn, "{U1}"\n', "line 2", "within a cell"),
    "a quotation mark within a cell": (f'Name,Email\n5" disk,{U1}\n', "line 2", "within a cell"),
    "text behind a closing one": (f'Name,Email\n"Ann" Lee,{U1}\n', "line 2", "text follows"),
    "one closed by the next row's": (f'Name,Email\n"Bob,{U1}\n"Ann",{U2}\n', "line 2", "text follows"),
    "a backslash before one": (f'Name,Email\n"a \\"b\\" c",{U1}\n', "line 2", "text follows"),
    "an odd one of three": (f'Name,Email\n"a"""b",{U1}\n', "line 2", "text follows"),
    "in the header": (f'"Name,Email\nAnn,{U1}\n', "line 1", "within quotation marks"),
    "between semicolons": (f'Name;Email\n"Bob;{U1}\nAnn;{U2}\n', "line 2", "within quotation marks"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "line", "cause"), UNBALANCED.values(), ids=UNBALANCED)
def test_a_table_that_is_none_is_refused_before_anything_is_asked(checked, data, line, cause):
    done = checked("x.csv", data)
    assert (done.status, done.saved) == (2, None)
    assert line in done.err
    assert cause in done.err
    assert "quotation mark" in done.err


@pytest.mark.parametrize("damage", ['"Bob,{}\n', 'Bob, "{}"\n', '"Bob"x,{}\n'])
def test_what_was_not_read_behind_damage_is_pending(checked, damage):
    good = "".join(f"Ann,n{number}@example.com\n" for number in range(15_000))
    rest = "".join(f"Cay,r{number}@example.com\n" for number in range(300))
    done = checked(
        "x.csv", f"Name,Email\n{good}{damage.format(U1)}\n{rest}", "--concurrency", "200"
    )
    assert done.status == 4
    assert "the row in line 15002 of the input" in done.err
    assert done.saved["whole_input"] is False
    assert done.saved["input"] == 15_301
    assert done.saved["pending"] >= 301
    assert done.saved["stopped"]["type"] == "InputCutError"


# Text, and what is no address

NO_ADDRESS = {
    "a row": ("Ann,Lee,user000001@example.com,+49 151 555,Main St 1", "row of a table"),
    "a row with semicolons": ("Ann;user000001@example.com", "row of a table"),
    "a row with tabs": ("Ann\tuser000001@example.com", "row of a table"),
    "two": (f"{U1}, {U2}", "several addresses"),
    "two with a semicolon": (f"{U1};{U2}", "several addresses"),
    "two with a space": (f"{U1} {U2}", "white space"),
    "a display name": (f"Ann Lee <{U1}>", "brackets"),
    "angle brackets": (f"<{U1}>", "brackets"),
    "a comment": (f"{U1} (Ann)", "brackets"),
    "a Markdown link": (f"[{U1}](mailto:{U1})", "brackets"),
    "a mailto link": (f"mailto:{U1}", "mailto"),
    "a MAILTO link": (f"MailTo:{U1}", "mailto"),
    "apostrophes": (f"'{U1}'", "quotation marks"),
    "backticks": (f"`{U1}`", "quotation marks"),
    "quotation marks": (f'"{U1}"', "quotation marks"),
    "one quotation mark": (f'{U1}"', "quotation marks"),
    "smart quotes": (f"“{U1}”", "quotation marks"),
    "German quotes": (f"„{U1}“", "quotation marks"),
    "guillemets": (f"«{U1}»", "quotation marks"),
    "single smart quotes": (f"‘{U1}’", "quotation marks"),
    "wide brackets": (f"（{U1}）", "brackets"),
    "a dot at the end": (f"{U1}.", "ends in a dot"),
    "a formula": (f'="{U1}"', "quotation marks"),
    "an assignment": (f"EMAIL={U1}", "assignment"),
    "an exported variable": (f"export LTX_USER={U1}", "white space"),
    "a field": (f"Email:{U1}", "assignment"),
    "two at signs": ("a@b@example.com", "more than one @"),
    "a comment behind": (f"{U1} # the first", "white space"),
    "a name alone": ("Ann", "no @"),
    "a domain alone": ("@example.com", "no @"),
    "a lost character": (f"us\ufffder{U1}", "lost"),
    "zero width space": (f"{U1}\u200b", "U+200B"),
    "zero width space within": ("user\u200b000001@example.com", "U+200B"),
    "a mark in mid-file": (f"\ufeff{U1}", "U+FEFF"),
    "a soft hyphen": ("user\u00ad000001@example.com", "U+00AD"),
    "left to right": (f"\u200e{U1}", "U+200E"),
    "right to left": (f"{U1}\u200f", "U+200F"),
    "embedding": (f"\u202a{U1}\u202c", "U+202A"),
    "a word joiner": ("user000001@\u2060example.com", "U+2060"),
    "an isolate": (f"\u2068{U1}\u2069", "U+2068"),
    "a zero width joiner": ("user\u200d000001@example.com", "U+200D"),
    "an Arabic mark": (f"{U1}\u061c", "U+061C"),
    "no-break space": ("user\u00a0000001@example.com", "white space"),
    "a line separator": (f"{U1}\u2028{U2}", "white space"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), NO_ADDRESS.values(), ids=NO_ADDRESS)
def test_what_is_no_address_is_refused_with_its_reason(checked, ltx, server, line, reason):
    done = checked("x.txt", f"{U3}\n{line}\n")
    assert done.counts == {"ok": 1, "invalid": 1}
    (said,) = done.reasons
    assert reason in said
    asked = len(server.asked)
    assert [r["outcome"] for r in ltx("get", line).records] == ["invalid"]
    assert len(server.asked) == asked


SENT = [
    "o'brien@example.com", "'ann@example.com", "a/b@example.com", "a+b@example.com",
    "#ann@example.com", "a#b@example.com", "a%41@example.com", "a=b@example.com",
    "!#$%&'*+-/=?^_`{|}~@example.com", "a:b@example.com", "a\\b@example.com",
    '"ann lee"@example.com', '"a,b;<c>@d"@example.com', '"a\\"b"@example.com',
    "jörg@example.com", "ann@müller.example", "用户@example.com", "ann@localhost",
    "prvs=12-ann@example.com", ".ann.@example.com", "a@-b-",
]  # fmt: skip


@pytest.mark.parametrize("email", SENT)
def test_what_may_be_an_address_is_sent_to_the_letter(checked, ltx, server, email):
    table = io.StringIO()
    csv.writer(table).writerows([["email"], [email]])
    assert checked("x.csv", table.getvalue()).counts == {"not_found": 1}
    assert server.asked[-1] == email
    ltx("get", "--", email)
    assert server.asked[-1] == email
    if not email.startswith("#"):
        assert checked("x.txt", email).counts == {"not_found": 1}


def test_comments_and_blank_lines_are_counted_as_skipped_and_said(checked):
    done = checked("x.txt", f"# the list\n\n{U1}\n  #ann@x\n \n")
    assert done.counts == {"ok": 1}
    assert done.saved["skipped"] == {"blank": 2, "comment": 2, "header": 0}
    assert "skipped: 2 blank lines, 2 comment lines" in done.err


EXTRACTED = {
    "lists": (f"{U1}, {U2};{U3}", 3),
    "display names": (f'"Lee, Ann" <{U1}>, Bob <{U2}>', 2),
    "a To header": (f"To: Ann <{U1}>,\n Bob <{U2}>", 2),
    "mailto links": (f"mailto:{U1}?subject=Hi\n<a href='mailto:{U2}'>", 2),
    "smart quotes": (f"“{U1}”\n‘{U2}’\n«{U3}»", 3),
    "what jq prints": (f'"{U1}"\n"{U2}"', 2),
    "assignments": (f"EMAIL={U1}\nexport LTX_EMAIL='{U2}'", 2),
    "dots": (f"Write to {U1}. Or to {U2}!", 2),
    "invisible characters": ("user\u00ad000001@example.com\n\u200euser000002@exa\u200bmple.com", 2),
    "formulas": (f'="{U1}"\n=HYPERLINK("mailto:{U2}")', 2),
    "a row": (f"Ann,Lee,{U1},+49 151 555,Main St 1", 1),
    "vCards' lines": (f"EMAIL;TYPE=INTERNET:{U1}\nitem1.EMAIL:{U2}", 2),
    "a letter": (f"Dear all, by mail,\nwrite to {U1}\nor to {U2}", 2),
    "plain ones": (f"{U1}\n{U2}", 2),
    "a list of thousands": (", ".join([U1] * 3_000 + [U2]), 2),
}  # fmt: skip


@pytest.mark.parametrize(("text", "ok"), EXTRACTED.values(), ids=EXTRACTED)
def test_addresses_are_extracted_and_each_is_counted(checked, text, ok):
    done = checked("x.txt", text, "--extract")
    assert done.saved["ok"] == ok
    assert set(done.counts) <= {"ok", "duplicate", "invalid"}


def test_where_there_is_no_address_to_extract_the_line_is_refused(checked):
    done = checked("x.txt", f"nothing\n{U1}\nAnn <>\n", "--extract")
    assert done.counts == {"ok": 1, "invalid": 2}
    assert all("no address is in it" in reason for reason in done.reasons)


# JSON


def test_json_lines_with_another_key_are_refused_with_the_keys_that_hold_addresses(checked):
    done = checked("x.jsonl", f'{{"id": "1", "mail": "{U1}"}}\n{{"id": "2", "mail": "{U2}"}}\n')
    assert (done.status, done.saved) == (2, None)
    assert "no field 'email'" in done.err
    assert "Addresses are in 'mail'." in done.err
    nested = json.dumps([{"id": 1, "user": {"Email": U1}}, {"id": 2, "user": {"Email": U2}}])
    done = checked("x.json", nested)
    assert "Addresses are in 'user.Email'." in done.err
    assert checked("x.json", nested, "--column", "user.email").counts == {"ok": 2}


FIELDS = {
    "another case": ('{{"EMAIL": "{}"}}', None),
    "nested": ('{{"user": {{"email": "{}"}}}}', "user.email"),
    "nested in another case": ('{{"User": {{"EMail": "{}"}}}}', "user.email"),
    "nested twice": ('{{"a": {{"b": {{"c": "{}"}}}}}}', "a.b.c"),
    "a name with a dot": ('{{"user.email": "{}"}}', "user.email"),
    "a name with a dot below": ('{{"a": {{"b.c": "{}"}}}}', "a.b.c"),
}


@pytest.mark.parametrize(("line", "column"), FIELDS.values(), ids=FIELDS)
def test_a_field_is_found_whatever_its_case_and_depth(checked, line, column):
    options = () if column is None else ("--column", column)
    data = f"{line.format(U1)}\n{line.format(U2)}\n"
    assert checked("x.jsonl", data, *options).counts == {"ok": 2}
    array = f"[{line.format(U1)},\n{line.format(U2)}]"
    assert checked("x.json", array, *options).counts == {"ok": 2}


NO_JSON = {
    "an array that is not closed": f'["{U1}"',
    "no comma": f'["{U1}" "{U2}"]',
    "text behind the end": f'["{U1}"] x',
    "a word": f'["{U1}", ann]',
    "one brace too many": f'[{{"email": "{U1}"}}}}]',
    "a value that is cut": '[{"email": "user0000',
}


@pytest.mark.parametrize("data", NO_JSON.values(), ids=NO_JSON)
def test_json_that_is_none_is_refused_with_its_line(checked, data):
    done = checked("x.json", data)
    assert done.status == 2
    assert "line 1 of the input" in done.err


def test_elements_without_an_email_are_refused_one_by_one(checked):
    done = checked("x.json", json.dumps([U1, {"email": U2}, 5, None, {"mail": U3}, [U3], ""]))
    assert done.counts == {"ok": 2, "invalid": 5}


# Our own results


@pytest.mark.parametrize("form", ["jsonl", "csv", "tsv", "ndjson", "sqlite"])
def test_results_of_a_check_are_inputs_and_what_was_invalid_stays_so(checked, check, form):
    lines = (
        f"{U1}\n=x@example.com\n+y@example.com\nAnn <{U2}>\n".encode() + b"caf\xe9@example.com\n"
    )
    assert checked("in.txt", lines, "-o", f"r.{form}").status == 1
    again = check(f"r.{form}", "-o", "again.jsonl")
    assert again.counts == {"ok": 1, "not_found": 2, "invalid": 2}
    assert again.status == 1
    zipped = gzip.compress(Path(f"r.{form}").read_bytes())
    Path("zipped.gz").write_bytes(zipped)
    if form != "sqlite":
        assert check("zipped.gz").counts == again.counts


@pytest.mark.parametrize("keep", [("email",), ("email", "balance"), ("checked_at", "email")])
def test_results_in_csv_are_read_whatever_was_cut_or_added(checked, keep):
    checked("in.txt", "+ann@example.com\n", "-o", "r.csv")
    with Path("r.csv").open() as file:
        rows = [{**{name: row[name] for name in keep}, "note": "x"} for row in csv.DictReader(file)]
    with Path("cut.csv").open("w") as file:
        writer = csv.DictWriter(file, [*keep, "note"])
        writer.writeheader()
        writer.writerows(rows)
    found = checked("again.csv", Path("cut.csv").read_bytes())
    if keep != ("email",):  # which any table may be
        assert [record["email"] for record in found.records] == ["+ann@example.com"]


def test_the_input_is_never_the_output(check, checked):
    checked("in.txt", U1, "-o", "r.sqlite")
    for name in ("in.txt", "r.sqlite"):
        done = check(name, "-o", f"./{name}") if name == "r.sqlite" else None
        assert done is None or (done.status, "is the input" in done.err) == (2, True)


# Other kinds of files


def database():
    with closing(sqlite3.connect("other.db")) as other:
        other.execute("CREATE TABLE users (email)")
        other.commit()
    return Path("other.db").read_bytes()


OTHERS = {
    "xlsx": (b"PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml \xa2", "Excel workbook", "CSV (UTF-8)"),
    "xlsx from LibreOffice": (b"PK\x03\x04\x14\0\x08\x08xl/worksheets/sheet1.xml", "Excel", "CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "old Excel workbook", "CSV (UTF-8)"),
    "ods": (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument", "CSV"),
    "zip": (b"PK\x03\x04\x14\0emails.csv", "ZIP archive", "unzip -p"),
    "parquet": (b"PAR1\x15\x04", "Parquet file", "duckdb"),
    "arrow": (b"ARROW1\0\0", "Arrow file", "CSV"),
    "avro": (b"Obj\x01\x04", "Avro file", "JSON"),
    "zst": (b"\x28\xb5\x2f\xfd\x04\0", "zstd data", "zstdcat"),
    "bz2": (b"BZh91AY&SY\0", "bzip2 data", "bzcat"),
    "xz": (b"\xfd7zXZ\0\0\x04", "xz data", "xzcat"),
    "lz4": (b"\x04\x22\x4d\x18\x64", "LZ4 data", "lz4cat"),
    "7z": (b"7z\xbc\xaf\x27\x1c", "7-Zip archive", "Unpack"),
    "tar": (b"emails.txt" + b"\0" * 247 + b"ustar\0", "tar archive", "tar -xOf"),
    "pdf": (b"%PDF-1.7\n", "PDF", "pdftotext"),
    "rtf": (b"{\\rtf1\\ansi", "rich text", "plain text"),
    "vcf": (f"BEGIN:VCARD\r\nVERSION:3.0\r\nEMAIL:{U1}\r\nEND:VCARD\r\n".encode(), "vCards", "--extract"),
    "html": (f"<!DOCTYPE html>\n<td>{U1}</td>".encode(), "HTML or XML", "CSV"),
    "xml": (f"<?xml version='1.0'?>\n<e>{U1}</e>".encode(), "HTML or XML", "CSV"),
    "a gzipped workbook": (gzip.compress(b"PK\x03\x04[Content_Types].xml"), "Excel workbook", "CSV"),
    "UTF-16 without a mark": (U1.encode("utf-16-le"), "UTF-16", "--encoding utf-16-le"),
    "UTF-16 without a mark, the other way": (U1.encode("utf-16-be"), "UTF-16", "utf-16-be"),
    "damaged gzip": (gzip.compress(U1.encode() * 99)[:14] + b"xxxxxxx", "gzip data are damaged", ""),
}  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "way_out"), OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("name", ["x.bin", "x.csv", "x.jsonl"])
def test_another_kind_of_file_is_named_with_the_way_out(checked, name, data, kind, way_out):
    done = checked(name, data)
    assert (done.status, done.saved) == (2, None)
    assert kind in done.err
    assert way_out in done.err
    assert len(done.err) < 500


@pytest.mark.parametrize("name", ["x y.csv", "x'; touch taken; '.csv", "$(touch taken).csv"])
@pytest.mark.parametrize("kind", ["zip", "zst", "pdf", "vcf", "parquet"])
def test_the_way_out_can_be_typed_whatever_a_file_is_called(checked, name, kind):
    done = checked(name, OTHERS[kind][0])
    words = shlex.split(done.err.partition("Do: ")[2] or done.err.partition("CSV: ")[2])
    assert name in words or "'FILE'" in words[2]


@pytest.mark.parametrize("kind", ["zip", "zst", "tar", "pdf", "parquet"])
def test_the_way_out_of_standard_input_names_no_file_that_is_not_there(launch, kind):
    Path("x").write_bytes(OTHERS[kind][0])
    with Path("x").open() as data:
        _, err = launch("check", "-", "--dry-run", stdin=data).communicate()
    assert err.startswith(b"error: standard input: is ")
    assert b"FILE" in err
    assert b"'standard input'" not in err


@pytest.mark.parametrize("first", [(), ("first.txt",)])
def test_gzip_that_is_cut_off_is_refused_before_anything_is_asked(check, first):
    Path("first.txt").write_text(f"{U1}\n")
    whole = gzip.compress("".join(f"n{n}@example.com\n" for n in range(99)).encode())
    Path("x.gz").write_bytes(whole[:-9])
    done = check(*first, "x.gz", "-o", "r.jsonl")
    assert (done.status, done.saved, Path("r.jsonl").exists()) == (2, None, False)
    assert "the gzip data end too early. Nothing was asked: get the whole of it" in done.err
    assert "--resume" not in done.err


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ((), "run again"),
        (("-o", "r.jsonl"), "continue with --resume"),
        (("-o", "r.jsonl", "--only", "ok"), "run again with --overwrite"),
    ],
)
def test_gzip_that_is_cut_off_in_a_pipe_ends_the_run_where_it_is_noticed(
    launch, server, options, advice
):
    data = gzip.compress(f"{U1}\n{U2}\n".encode())[:-9]
    process = launch("check", "-", *options, stdin=subprocess.PIPE)
    _, err = process.communicate(data)
    assert process.returncode == 4
    assert f"the gzip data end too early. When it is whole again, {advice}." in err.decode()
    assert sorted(server.asked) == [U1, U2]


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ((), "Then run again."),
        (("-o", "r.jsonl"), "Then continue with --resume."),
        (("-o", "r.jsonl", "--only", "ok"), "Then run again with --overwrite."),
    ],
)
def test_a_bad_row_behind_what_was_asked_is_told_with_what_can_be_done(
    launch, server, options, advice
):
    process = launch("check", "-", *options, stdin=subprocess.PIPE)
    _, err = process.communicate(f'email,name\n{U1},Ann\n{U2},"b"c\n'.encode())
    assert (process.returncode, server.asked) == (4, [U1])
    assert err.decode().rstrip().endswith(advice)


FAULTY = {
    "json": ("x.json", '[{"email":"ann@x"},{"email":"b', "line 1: "),
    "a column": ("x.csv", "id,foo\n1,x\n", "has no column 'email'"),
    "a header": ("x.csv", "ann@example.com,x\n", "has no header line"),
    "a row": ("x.csv", 'email,x\nann@example.com,"b"c\n', "the row in line 2: text follows"),
    "a field": ("x.jsonl", '{"foo": 1}\n', "has no field 'email'"),
    "gzip": ("x.gz", gzip.compress(b"ann@example.com\n")[:-9], "the gzip data end too early"),
    "damaged gzip": ("x.gz", b"\x1f\x8b\x08\xff", "the gzip data "),
    "a workbook": ("x.xlsx", b"PK\x03\x04[Content_Types]", "is an Excel workbook"),
    "an encoding": ("x.txt", b"a\0n\0n\0@\0x\0", "seems to be UTF-16"),
}


@pytest.mark.parametrize(("name", "data", "told"), FAULTY.values(), ids=FAULTY)
@pytest.mark.parametrize("last", [False, True])
def test_of_several_inputs_the_one_that_is_at_fault_is_named(check, name, data, told, last):
    Path(name).write_bytes(data if isinstance(data, bytes) else data.encode())
    Path("good.txt").write_text(f"{U1}\n")
    done = check(*(("good.txt", name) if last else (name, "good.txt")))
    assert (done.status, done.saved) == (2, None)
    assert f"error: {name}: {told}" in done.err
    assert done.err.count(name) == 1
    assert "input" not in done.err.partition("line")[0]


def test_of_several_inputs_the_one_that_fails_later_is_named(launch, server):
    Path("good.txt").write_text(f"{U1}\n")
    process = launch("check", "good.txt", "-", stdin=subprocess.PIPE)
    _, err = process.communicate(f'email,name\n{U2},"b"c\n'.encode())
    assert (process.returncode, server.asked) == (4, [U1])
    assert "error: standard input: the row in line 2: text follows" in err.decode()


DAMAGED = {
    "cut off in a text": ('["ann@x",\n"bo', 2, "closing quotation mark is missing"),
    "cut off behind a name": ('[{"email"\n', 2, "ends within a value"),
    "cut off behind a comma": ('[{"email": "ann@x",\n', 2, "ends within a value"),
    "a line end in a text": ('[{"email":\n"a\nb"}]', 2, "a line end or a control character"),
    "no value": ('[{"email":\n}]', 2, "a value is missing"),
    "no value of JSON": ('["ann@x",\nNone]', 2, "a value is missing, or is none of JSON"),
    "no quotation marks": ('[\n{email: "ann@x"}]', 2, "is not in quotation marks"),
    "a comma too many": ('[\n{"email": "ann@x",}]', 2, "line 2"),
    "no comma": ('[{"a": "b"\n "email": "ann@x"}]', 2, "no comma between two values"),
    "no colon": ('[{"email" "ann@x"}]', 1, "no colon"),
    "a backslash": ('["\\q"]', 1, "a backslash that means nothing"),
    "too deep": ("[" + '[{"a":' * 5_000, 1, "cannot be parsed"),
}


@pytest.mark.parametrize(("data", "line", "told"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_json_is_told_in_our_words_with_its_line(checked, data, line, told):
    done = checked("x.json", data)
    assert (done.status, done.saved) == (2, None)
    assert done.err.startswith(f"error: line {line} of the input: ")
    assert told in done.err
    assert "starting at" not in done.err
    assert "Expecting" not in done.err


HIDDEN = {
    "a list of objects": ('{"accounts": [{"email": "ann@x"}]}', "accounts", "but a list"),
    "a list of texts": ('[{"Accounts": ["ann@x"]}]', "accounts", "but a list"),
    "a nested list": ('[{"data": {"accounts": []}}]', "data.accounts", "but a list"),
    "null": ('[{"email": null}, {"email": null}]', "email", "but a number or null"),
    "a number": ('[{"id": 7, "mail": "ann@x"}]', "id", "but a number"),
    "a number beside others": ('[{"email": 7, "mail": "ann@x"}]', "email", "but a number"),
    "true": ('[{"ok": true, "mail": "ann@x"}]', "ok", "but true or false"),
}


@pytest.mark.parametrize(("data", "column", "told"), HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_a_field_that_is_there_and_holds_no_text_is_not_called_missing(
    checked, name, data, column, told
):
    if name == "x.jsonl":
        data = "".join(f"{json.dumps(one)}\n" for one in json.loads(f"[{data.strip('[]')}]"))
    done = checked(name, data, "--column", column)
    assert done.status == 2
    assert "the input has no text in the field" in done.err
    assert told in done.err
    assert ("Addresses are in 'mail'." in done.err) == ('"mail"' in data)
    assert "; it has " in done.err
    assert ("jq ." in done.err) == ("list" in told)


def test_a_list_within_an_object_is_told_with_the_way_to_take_it_out(checked, check):
    done = checked("x.json", json.dumps({"total": 1, "accounts": [{"email": U1}]}))
    assert done.err.rstrip().endswith("Take the list out: jq .accounts FILE | ltx-async check -")
    done = checked("x.json", json.dumps({"a b'c": [U1]}))
    assert "jq .NAME FILE" in done.err


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.txt"])
def test_a_delimiter_for_json_is_refused(checked, name):
    done = checked(name, f'{{"email": "{U1}"}}\n', "--delimiter", ";")
    assert (done.status, done.saved) == (2, None)
    assert f"error: {name}: is JSON; --delimiter is for tables." in done.err


@pytest.mark.parametrize("options", [("--column", "login"), ("--delimiter", ";")])
def test_what_is_said_of_text_is_refused_for_a_database(check, options):
    Path("a.txt").write_text(f"{U1}\n")
    check("a.txt", "-o", "a.sqlite")
    done = check("a.sqlite", *options)
    assert (done.status, done.saved) == (2, None)
    assert f"is an SQLite database; {options[0]} is for text" in done.err
    assert check("a.sqlite", "--column", "email").status == 0
    assert check("a.txt", "a.sqlite", *options).status == 0


ALIKE = {
    "twice": ("email,email", (), "several columns of one name: 'email' and 'email'"),
    "twice, apart": ("email,id,email", (), "several columns of one name"),
    "in other case": ("Email,EMAIL", (), "has the columns 'Email' and 'EMAIL'. Choose one"),
    "as said": ("mail,mail", ("--column", "mail"), "several columns of one name"),
    "as said in other case": ("Mail,MAIL", ("--column", "mail"), "Choose one with --column"),
    "found by what they hold": ("mail,mail", (), "several columns of one name"),
}


@pytest.mark.parametrize(("header", "options", "told"), ALIKE.values(), ids=ALIKE)
def test_columns_that_are_called_alike_are_refused(checked, header, options, told):
    done = checked("x.csv", f"{header}\n{U1},{U2},{U3}\n", *options)
    assert (done.status, done.saved) == (2, None)
    assert told in done.err


def test_the_column_that_is_called_to_the_letter_is_taken_and_that_is_said(checked):
    data = f"EMAIL,email\n{U1},{U2}\n"
    done = checked("x.csv", data)
    assert [record["email"] for record in done.records] == [U2]
    assert "the emails are taken from the column 'email', not 'EMAIL'" in done.err
    done = checked("x.csv", data, "--column", "EMAIL")
    assert [record["email"] for record in done.records] == [U1]
    assert "are taken from" not in done.err


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", f"id,email\n1,\n2,{U1}\n3, \n4\n"),
        ("x.jsonl", "".join(f'{{"email": "{one}"}}\n' for one in ("", U1, " ", ""))),
    ],
)
def test_rows_without_an_email_are_counted_in_a_warning(check, name, data):
    Path(name).write_text(data)
    for options in (("-o", "r.jsonl"), ("-o", "r.jsonl", "--resume")):
        done = check(name, *options)
        assert done.counts == {"ok": 1, "invalid": 1, "duplicate": 2}
        assert "warning: 3 lines without an email: one record stands for all" in done.err
    assert Path("r.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("data", [f"id,email\n1,\n2,{U1}\n3,{U1}\n", "id,email\n1,x\n2,x\n"])
def test_what_comes_twice_and_is_not_empty_needs_no_warning(checked, data):
    assert "without an email" not in checked("x.csv", data).err


def test_columns_alike_that_nobody_asks_for_make_no_difference(checked):
    assert checked("x.csv", f"id,email,id\n1,{U1},2\n").counts == {"ok": 1}


def test_an_input_that_cannot_be_opened_is_named_alone(check):
    Path("good.txt").write_text(f"{U1}\n")
    assert "error: gone.txt: No such file" in check("good.txt", "gone.txt").err


def test_other_databases_directories_and_urls_are_named(check):
    database()
    done = check("other.db")
    assert (done.status, "SQLite database without results" in done.err) == (2, True)
    Path("folder").mkdir()
    done = check("folder")
    assert (done.status, "folder/*\n" in done.err) == (2, True)
    Path("a $(folder)").mkdir()
    assert "Name the files in it: 'a $(folder)'/*\n" in check("a $(folder)").err
    done = check("https://example.com/emails.csv")
    assert (done.status, "curl" in done.err) == (2, True)
    url = "https://example.com/$(touch taken)'"
    assert shlex.split(check(url).err.partition("URL: ")[2])[:3] == ["curl", "-sSf", url]


@pytest.mark.parametrize("name", ["x.txt", "x.csv", "x"])
@pytest.mark.parametrize(
    "header", ["Email", "E-Mail", "E-Mail address", "emails", '"Mail"', " e_mail ", "MAIL\r"]
)
def test_a_single_name_that_speaks_of_mail_is_a_header_whatever_the_name(checked, name, header):
    done = checked(name, f"{header}\n{U1}\n")
    assert (done.counts, done.saved["skipped"]["header"]) == ({"ok": 1}, 1)


@pytest.mark.parametrize("line", ["ann.mail.com", "mail2024", "mailto:", "ann(mail)", "name"])
def test_any_other_single_name_is_an_entry_that_is_refused(checked, line):
    done = checked("x.txt", f"{line}\n{U1}\n")
    assert done.counts == {"ok": 1, "invalid": 1}


@pytest.mark.parametrize("name", ["x.txt", "x.csv"])
def test_what_cannot_be_decoded_is_told_with_what_helps(checked, name):
    head = "email\n" if name == "x.csv" else ""
    data = f"{head}j\xf6rg@example.com\n{U1}\nAnn <ann@example.com>\n".encode("latin-1")
    err = checked(name, data).err
    assert "1 line not asked for: the email cannot be decoded. Name the encoding" in err
    assert "1 line not asked for: there are addresses among other things" in err
    assert "--encoding cp1252" in err
    err = checked(name, data, "--extract").err
    assert ("--encoding cp1252" in err, "--extract" in err) == (True, False)
    assert "not asked for" not in checked(name, data, "--extract", "--encoding", "latin-1").err


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv", "r.sqlite"])
def test_what_stays_refused_is_not_said_to_be_helped(check, name):
    Path("x.txt").write_bytes(f"Ann <ann@example.com>\nj\xf6rg@x\n{U1}\n".encode("latin-1"))
    assert "--extract takes them out" in check("x.txt", "-o", name).err
    done = check(name)
    assert done.counts == {"ok": 1, "invalid": 2}
    assert "not asked for" not in done.err


def test_a_name_that_says_another_format_than_the_content_is_told(checked):
    data = f'{{"email": "{U1}"}}\n'
    done = checked("x.csv", data)
    assert (done.status, "--input-format jsonl" in done.err) == (2, True)
    assert checked("x.csv", data, "--input-format", "jsonl").counts == {"ok": 1}


def test_what_is_said_holds_over_name_and_content(checked):
    table = f"email,name\n{U1},Ann\n"
    assert checked("x.txt", table, "--input-format", "text").counts == {"invalid": 2}
    assert checked("x.txt", table.replace(",", "~"), "--input-format", "csv", "--delimiter", "~").counts == {"ok": 1}  # fmt: skip
    assert checked("x.csv", table.replace(",", "\t"), "--delimiter", "tab").counts == {"ok": 1}
    latin = f"näme;email\nÄnn;{U1}\nÖ;jörg@example.com\n".encode("cp1252")
    done = checked("x.csv", latin, "--encoding", "cp1252")
    assert done.counts == {"ok": 1, "not_found": 1}
    assert {record["email"] for record in done.records} == {U1, "jörg@example.com"}
    bare = U1.encode("utf-16-le")
    assert checked("x.txt", bare, "--encoding", "utf-16-le").counts == {"ok": 1}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--encoding", "base64"], "no encoding of text"),
        (["--encoding", "nonsense"], "no encoding of text"),
        (["--encoding", "punycode"], "no encoding of text"),
        (["--encoding", "IDNA"], "no encoding of text"),
        (["--encoding", "utf-16"], "the text is not in utf-16: "),
        (["--encoding", "utf-32"], "the text is not in utf-32: "),
        (["--delimiter", ",,"], "no delimiter"),
        (["--delimiter", '"'], "no delimiter"),
        (["--column", "login"], "plain text"),
        (["--delimiter", ";"], "plain text"),
    ],
)
def test_what_makes_no_sense_is_exit_2(checked, options, said):
    done = checked("x.txt", U1, *options)
    assert (done.status, done.saved, said in done.err) == (2, None, True)


# Several inputs, limits, dry runs


def test_several_inputs_are_one_with_duplicates_across_them(check):
    Path("a.csv").write_text(f"id,email\n1,{U1}\n2,{U2}\n")
    Path("b.jsonl").write_text(f'{{"email": "{U2}"}}\n{{"email": "{U3}"}}\n')
    Path("c.txt").write_text(f"# more\n{U1}\nnobody@example.com\n")
    done = check("a.csv", "b.jsonl", "c.txt")
    assert done.counts == {"ok": 3, "not_found": 1, "duplicate": 2}
    assert done.saved["skipped"] == {"blank": 0, "comment": 1, "header": 1}


def test_a_bad_input_among_several_is_told_before_anything_is_asked(check):
    Path("a.txt").write_text(U1)
    Path("b.csv").write_text("id,name\n1,x\n")
    done = check("a.txt", "b.csv")
    assert (done.status, done.saved, "no column" in done.err) == (2, None, True)
    done = check("a.txt", "missing.csv")
    assert (done.status, done.saved, "missing.csv: No such file" in done.err) == (2, None, True)


def test_a_limit_asks_for_so_many_and_with_resume_for_the_next(checked, check, server):
    emails = [f"user{number:06}@example.com" for number in range(1, 11)]
    done = checked("x.txt", "\n".join([emails[0], *emails]), "-n", "4", "-o", "r.jsonl")
    assert (done.counts, done.saved["whole_input"]) == ({"ok": 4, "duplicate": 1}, False)
    check("x.txt", "-n", "4", "-o", "r.jsonl", "--resume")
    done = check("x.txt", "--limit", "4", "-o", "r.jsonl", "--resume")
    assert (done.counts, done.saved["whole_input"]) == ({"ok": 10, "duplicate": 1}, True)
    assert sorted(server.asked) == emails


def test_a_limit_that_nothing_exceeds_changes_nothing(checked):
    done = checked("x.txt", f"{U1}\nAnn\n{U1}\n", "-n", "1")
    assert (done.counts, done.saved["whole_input"]) == (
        {"ok": 1, "invalid": 1, "duplicate": 1},
        True,
    )


def test_a_dry_run_prints_what_would_be_asked_and_asks_nothing(ltx, server, monkeypatch):
    Path("x.txt").write_text(f"{U1}\n{U2}\nAnn\n{U1}\n{U3}\n")
    assert ltx("check", "x.txt", "-n", "1", "-o", "r.jsonl").status == 0
    asked = len(server.asked)
    monkeypatch.delenv("USEAPI_TOKEN")
    ended = ltx("check", "x.txt", "-o", "r.jsonl", "--resume", "--dry-run", "--rate", "0.5")
    assert (ended.status, ended.out.split()) == (0, [U2, U3])
    assert "about 0:00:04 at 0.5 requests per second" in ended.err
    assert re.search(r"to be asked\s+2\n", ended.err)
    assert len(server.asked) == asked
    ended = ltx("check", "x.txt", "--dry-run", "--limit", "2")
    assert ended.out.split() == [U1, U2]
    assert "as fast as 20 requests at a time are answered" in ended.err
    ended = ltx("check", "x.txt", "-o", "new.jsonl", "--resume", "--dry-run")
    assert ended.out.split() == [U1, U2, U3]
    assert not Path("new.jsonl").exists()


@pytest.mark.parametrize(
    "place", ["x" * 300 + ".jsonl", "link.jsonl", "folder.jsonl", "no/r.jsonl"]
)
def test_a_dry_run_refuses_an_output_that_the_run_would_refuse(ltx, server, place):
    Path("x.txt").write_text(U1)
    Path("folder.jsonl").mkdir()
    Path("link.jsonl").symlink_to("nowhere")
    arguments = ["check", "x.txt", "-o", place, "--resume"]
    dry, ended = ltx(*arguments, "--dry-run"), ltx(*arguments)
    assert (dry.status, dry.out, ended.status) == (2, "", 2)
    assert dry.err.startswith(f"error: {place}: ")


def test_a_dry_run_of_the_list_needs_the_list_alone(ltx, server):
    ended = ltx("check", "--from-api", "--dry-run", "-n", "2")
    assert len(ended.out.split()) == 2
    assert server.asked == [None]


# Pipes

PIPED = {
    "a table": (f"Name,Email\nAnn,{U1}\nBob,{U2}\n", {U1: "ok", U2: "ok"}),
    "a table with semicolons": (f"Name;Mail\nLee, Ann;{U1}\n", {U1: "ok"}),
    "a table with tabs": (f"id\temail\n7\t{U1}\n", {U1: "ok"}),
    "a column": (f"email\n{U1}\n", {U1: "ok"}),
    "a quoted column": (f'"email"\r\n"{U1}"\r\n', {U1: "ok"}),
    "JSON Lines": (f'{{"email": "{U1}"}}\n{{"email": "{U2}"}}\n', {U1: "ok", U2: "ok"}),
    "an array": (f'[{{"email": "{U1}"}}]', {U1: "ok"}),
    "text": (f"{U1}\n# note\n{U2}", {U1: "ok", U2: "ok"}),
    "text in gzip": (gzip.compress(U1.encode()), {U1: "ok"}),
    "a row": ("Ann,Lee,user000001@example.com,+49 151 555", None),
    "rows without a header": (f"Ann,{U1}\nBob,{U2}\n", None),
}


@pytest.mark.parametrize(("data", "outcomes"), PIPED.values(), ids=PIPED)
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_what_comes_through_a_pipe_is_recognised_too(launch, server, data, outcomes, name):
    process = launch("check", name, "-q", stdin=subprocess.PIPE)
    out, err = process.communicate(data if isinstance(data, bytes) else data.encode(), 30)
    records = [json.loads(line) for line in out.splitlines()]
    assert b"Traceback" not in err
    if outcomes is not None:
        assert {record["email"]: record["outcome"] for record in records} == outcomes
    else:
        assert {record["outcome"] for record in records} == {"invalid"}
        assert server.asked == []


def test_our_own_commands_combine(launch, server):
    listing = launch("accounts")
    counted = launch("check", "-", "--summary-json", "s.json", stdin=listing.stdout)
    out, err = counted.communicate(timeout=LONG)
    assert counted.returncode == 0, err
    assert len(out.splitlines()) == 22
    again = launch("check", "-", "-q", stdin=subprocess.PIPE)
    out, err = again.communicate(out, 30)
    assert (again.returncode, len(out.splitlines())) == (0, 22)


def test_a_database_in_a_pipe_is_told_to_be_named(launch, server):
    process = launch("check", "-", "-q", stdin=subprocess.PIPE)
    _, err = process.communicate(database(), 30)
    assert process.returncode == 2
    assert b"cannot be read from a pipe" in err


def test_a_table_that_breaks_off_in_a_pipe_leaves_its_rest_pending(launch, server):
    process = launch("check", "-", "--summary-json", "s.json", stdin=subprocess.PIPE)
    process.communicate(f'Name,Email\nAnn,{U1}\nBob, "{U2}"\nCay,{U3}\n'.encode(), 30)
    assert process.returncode == 4
    saved = json.loads(Path("s.json").read_text())
    assert (saved["ok"], saved["pending"], saved["input"]) == (1, 2, 3)
    assert saved["whole_input"] is False


# Any table, any damage

CELL = st.text(st.sampled_from("ab ,;\t\"'#@\n|é<>\u200b"), max_size=6)
EMAIL = st.sampled_from([U1, U2, "x@y", "", "Ann <x@y>", "a@b@c", "'x@y'", "#x@y", "x@y\u00ad"])


@st.composite
def damaged_tables(draw):
    """A table in some dialect, cut, or with a piece put somewhere."""
    width = draw(st.integers(0, 3))
    rows = draw(
        st.lists(st.tuples(EMAIL, st.lists(CELL, min_size=width, max_size=width)), max_size=8)
    )
    file = io.StringIO()
    writer = csv.writer(
        file,
        delimiter=draw(st.sampled_from(",;\t|")),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    writer.writerow([*(f"c{number}" for number in range(width)), "email"])
    writer.writerows([[*cells, email] for email, cells in rows])
    data = file.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = (
            data[:at]
            + draw(st.sampled_from([b"", b'"', b"\n", b"\xff", b'","', b"\0"]))
            + data[at:]
        )
    if draw(st.booleans()):
        data = data[: draw(st.integers(0, len(data)))]
    return draw(st.sampled_from(["x.csv", "x.tsv", "x.txt"])), data, draw(st.booleans())


@given(damaged_tables())
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_table_in_any_dialect_with_any_damage_adds_up(checked, table):
    name, data, extract = table
    done = checked(name, data, *(["--extract"] if extract else []))
    assert done.status in {0, 1, 2}
    assert (done.saved is None) == (done.status == 2)
