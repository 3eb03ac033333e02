import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from input_examples import emails, entries, now, opened, read_all

from ltx_async.files.errors import InputError
from ltx_async.inputs import decoding, readers, rows
from ltx_async.inputs.decoding import LineSplitter
from ltx_async.inputs.entries import LONGEST_TEXT, NOT_UTF8, Entry, LineCounts
from ltx_async.results.columns import COLUMNS

NO_FIELD = "no JSON object with the text field 'email'"


def good(email, line=1):
    return Entry(email, email, None, line)


def texts(name, data, **options):
    return [entry.text for entry in entries(name, data, **options)]


def test_text_is_trimmed_and_blank_lines_comments_and_the_bom_are_skipped():
    data = b"\xef\xbb\xbf ann@example.com\t\r\n\r\n \n\xc2\xa0\n# note\n  # note\nbob@example.com"
    one = opened("-", data)
    assert read_all(one) == [good("ann@example.com"), good("bob@example.com", 7)]
    assert one.counts == LineCounts(lines=7, blank=3, comments=2)


def test_lines_end_at_lf_crlf_and_cr_and_nowhere_else():
    assert texts("x.txt", "a@b\rc@d\r\ne@f\n\ng\u2028@h\u0085i\n".encode()) == [
        "a@b",
        "c@d",
        "e@f",
        "g\u2028@h\u0085i",
    ]


def test_undecodable_bytes_are_kept_as_escapes_with_their_reason():
    assert entries("-", b"caf\xe9@example.com\n\xff\xfe@y\ncaf\xc3\xa9@example.com\n") == [
        Entry(r"caf\xe9@example.com", None, NOT_UTF8, 1),
        Entry(r"\xff\xfe@y", None, NOT_UTF8, 2),
        good("café@example.com", 3),
    ]


@pytest.mark.parametrize(("name", "delimiter"), [("x.csv", ","), ("X.TSV", "\t")])
def test_tables_give_their_column(name, delimiter):
    rows = [["id", " email "], ["1", " ann@example.com "], ["2", "bob@example.com"]]
    text = "\n".join(delimiter.join(row) for row in rows)
    assert emails(name, text.encode()) == ["ann@example.com", "bob@example.com"]


def test_a_cell_may_hold_delimiters_quotes_and_line_breaks():
    data = b'note,email\n"a, ""b""\nc",ann@example.com\n# kept,c@d\n\n,\nx,"bob@example.com"\n'
    one = opened("x.csv", data)
    assert read_all(one) == [good("ann@example.com", 2), good("c@d", 4), good("bob@example.com", 7)]
    assert one.counts == LineCounts(lines=6, blank=2, headers=1)


def test_the_column_is_found_whatever_its_case_but_to_the_letter_first():
    assert emails("x.csv", b"Email,email\na@b,c@d\n") == ["c@d"]
    assert emails("x.csv", b"id,Login\n1,c@d\n", column="login") == ["c@d"]


def test_a_missing_column_names_those_there_are_and_those_of_mail_first():
    with pytest.raises(InputError, match="it has 'E-Mail', 'id'"):
        entries("x.csv", b"id,E-Mail\n1,2\n")
    with pytest.raises(InputError, match="no column 'login'; it has 'id', 'name'"):
        entries("x.csv", b"id,name\n1,a@b\n", column="login")


def test_a_missing_header_is_recognised():
    with pytest.raises(InputError, match="no header line") as raised:
        entries("x.csv", b"ann@example.com\nbob@example.com\n")
    assert "'email'" in raised.value.hint
    assert emails("x.csv", b"a@b\nc@d\n", format="text") == ["a@b", "c@d"]


def test_a_short_row_counts_as_an_empty_email():
    assert entries("x.csv", b"id,email\n7\n") == [Entry("", None, "the email is empty", 2)]


@pytest.mark.parametrize("limit", [500, 5_000])
def test_a_row_that_cannot_be_parsed_is_named_and_nothing_behind_it_is_read(monkeypatch, limit):
    monkeypatch.setattr(rows, "LONGEST_LINE", limit)  # two octets a line are 2,000 in all
    one = opened("x.csv", b'email\na@b\n"' + b"x\n" * 1_000)
    problem = "it is over" if limit == 500 else "the input ends within quotation marks"
    with pytest.raises(InputError, match=f"line 3 of the input: {problem}") as raised:
        read_all(one)
    assert "quotation mark" in raised.value.hint
    assert read_all(one) == []
    assert one.unread == 1_000


def test_undecodable_cells_are_told_from_good_ones_in_the_same_row():
    data = b"note,email\n\xff,ann@example.com\nok,b\xffb@example.com\n"
    assert entries("x.csv", data) == [
        good("ann@example.com", 2),
        Entry(r"b\xffb@example.com", None, NOT_UTF8, 3),
    ]


@pytest.mark.parametrize(
    "header",
    [",".join(COLUMNS), "email,outcome", "checked_at,email,note", "email,balance,max_jobs"],
)
def test_our_own_csv_is_read_without_its_neutralising_quotes(header):
    row = ",".join("'+1@example.com" if name == "email" else "1" for name in header.split(","))
    assert emails("x.csv", f"{header}\n{row}\n".encode()) == ["+1@example.com"]


def test_foreign_csv_is_read_as_it_is():
    assert emails("x.csv", b"email,note\n'+1@example.com,5\n") == ["'+1@example.com"]


def test_what_an_earlier_run_refused_stays_refused_though_it_looks_like_an_address():
    record = {"email": r"caf\xe9@x", "outcome": "invalid", "checked_at": "2026-01-01T00:00:00Z"}
    record["error"] = {"message": NOT_UTF8}
    data = json.dumps(record).encode() + b"\n" + json.dumps({**record, "outcome": "ok"}).encode()
    refused, asked = entries("x.jsonl", data)
    assert refused == Entry(r"caf\xe9@x", None, NOT_UTF8, 1)
    assert asked == good(r"caf\xe9@x", 2)
    table = b"email,outcome,checked_at,error\ncaf\\xe9@x,invalid,2026-01-01T00:00:00Z,\n"
    assert entries("x.csv", table)[0].reason == "an earlier run refused it"


def test_json_lines_give_the_field_or_the_bare_string():
    data = b'{"email": " ann@example.com"}\n# note\n\n"bob@example.com"\n{"email":"\\u00e9@x"}'
    assert emails("x.jsonl", data) == ["ann@example.com", "bob@example.com", "é@x"]
    assert emails("x.ndjson", b'{"login": "c@d"}', column="login") == ["c@d"]


@pytest.mark.parametrize(
    "line",
    [
        '{"email": 5}',
        '{"mail": "a@b"}',
        "ann@example.com",
        "[1]",
        "{",
        "[" * 900,
        '{"email":null}',
    ],
)
def test_a_bad_json_line_is_an_entry_with_a_reason_not_an_end(line):
    data = f'{line}\n{{"email": "ann@example.com"}}\n'.encode()
    assert entries("x.jsonl", data) == [
        Entry(line, None, NO_FIELD, 1),
        good("ann@example.com", 2),
    ]


def test_json_lines_tell_undecodable_bytes_from_escaped_surrogates():
    broken, escaped = entries("x.jsonl", b'{"email": "a\xff@b"}\n{"email": "a\\ud800@b"}\n')
    assert broken == Entry(r"a\xff@b", None, NOT_UTF8, 1)
    assert (escaped.text, escaped.email) == ("a\ud800@b", None)
    assert texts("x.jsonl", b'{"email": "\\ud800@b", "x": "\xff"}') == ["\ud800@b"]


def test_an_overlong_entry_keeps_its_beginning_and_differs_from_others_of_that():
    one, other = texts("x.txt", b"x" * 5_000 + b"y\n" + b"x" * 5_000 + b"z\n")
    assert one != other
    assert one.startswith("x" * LONGEST_TEXT + "… (5,001 octets, ")
    (shown,) = texts("x.txt", "é".encode() * 4_000)
    assert shown.startswith("é" * (LONGEST_TEXT // 2) + "…")
    (whole,) = texts("x.txt", b" " * 5_000 + b"a@b")
    assert whole == "a@b"


def test_a_line_without_end_takes_bounded_memory(monkeypatch):
    monkeypatch.setattr(decoding, "LONGEST_LINE", 10)
    splitter = LineSplitter()
    found = [line for _ in range(1000) for line in splitter.feed(b"x" * 100)]
    found += splitter.feed(b"xx\nann@example.com\n")
    assert found == [b"x" * 10 + b"\n", b"ann@example.com\n"]


def test_a_line_that_ends_where_it_would_be_cut_takes_nothing_of_the_next(monkeypatch):
    monkeypatch.setattr(decoding, "LONGEST_LINE", 10)
    for end in (b"\r", b"\n", b"\r\n"):
        splitter = LineSplitter()
        found = splitter.feed(b"x" * 9 + end[:1])
        found += splitter.feed(end[1:] + b"bob@example.com" + end + b"ann@example.com\n")
        assert found == [b"x" * 9 + end, b"bob@example.com" + end, b"ann@example.com\n"]


def test_what_is_searched_for_addresses_says_where_it_was_cut_off(monkeypatch):
    monkeypatch.setattr(readers, "LONGEST_LINE", 50)
    one = opened("x.txt", b"i@j\na@b, c@d, " + b"x" * 100 + b", e@f\ng@h\n", extract=True, piece=7)
    found = read_all(one)
    assert [entry.email for entry in found] == ["i@j", "a@b", "c@d", None, "g@h"]
    assert "was not read any further" in found[3].reason
    assert one.counts.lines + one.counts.additional == len(found)


def test_a_value_that_is_too_long_is_refused_before_it_takes_memory(monkeypatch):
    monkeypatch.setattr(readers, "LONGEST_LINE", 50)
    with pytest.raises(InputError, match="a value that is over"):
        entries("x.json", b'["a@b", "' + b"x" * 100_000, piece=1_000)


def test_lines_behind_a_missing_field_are_counted_in_json_lines_too():
    one = opened("x.jsonl", b'{"mail": "a@b"}\n' * 1_000, piece=100)
    with pytest.raises(InputError, match="no field 'email'"):
        read_all(one)
    assert read_all(one) == []
    assert (one.unread, one.counts.lines) == (1_000, 0)


def test_what_is_dropped_of_a_line_costs_no_copy_of_what_is_kept(monkeypatch):
    monkeypatch.setattr(decoding, "LONGEST_LINE", 10)
    splitter = LineSplitter()
    assert splitter.feed(b"x" * 100) == []
    kept = splitter._rest
    assert splitter.feed(b"x" * 100) == []
    assert splitter._rest is kept


CONTENTS = st.lists(
    st.sampled_from(
        [
            b"ann@x",
            b"\xe9",
            "é".encode(),
            b'"',
            b",",
            b"\r",
            b"\n",
            b"\r\n",
            b"#",
            b" ",
            b"{",
            b"[1]",
        ]
    ),
    max_size=40,
).map(b"".join)


def outcome(name, data, **options):
    """Return what was read and how it ended."""
    one = opened(name, data, **options)
    found = []
    try:
        while not one.exhausted:
            found += now(one.read())
    except InputError as error:
        return found, str(error)
    return found, one.counts


@given(CONTENTS, st.integers(1, 7))
def test_how_the_bytes_arrive_makes_no_difference(data, piece):
    for name, before in [
        ("-", b""),
        ("x.jsonl", b""),
        ("x.json", b""),
        ("x.csv", b"email,note\n"),
        ("x.tsv", b"email\tnote\n"),
        ("x.csv", b"a,b\n"),
    ]:
        assert outcome(name, before + data, piece=piece) == outcome(name, before + data)


@given(st.lists(st.text(max_size=20), max_size=8))
def test_what_the_csv_module_writes_is_read(written):
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["id", "email"])
    writer.writerows([f"n{text.strip()}", text] for text in written)
    found = texts("x.csv", file.getvalue().encode("utf-8", "surrogatepass"))
    assert found == [text.strip() for text in written]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=8))
def test_what_the_json_module_writes_is_read(written):
    lines = "".join(json.dumps({"email": text}) + "\n" for text in written).encode()
    wanted = [text.strip() for text in written]
    assert texts("x.jsonl", lines) == wanted
    assert texts("x.json", json.dumps([{"email": text} for text in written]).encode()) == wanted
    assert texts("x.json", json.dumps(written, indent=2).encode()) == wanted
