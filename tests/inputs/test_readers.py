import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.files.errors import InputError
from ltx_async.inputs import lines
from ltx_async.inputs.entries import Entry
from ltx_async.inputs.lines import LONGEST_LINE, LineSplitter
from ltx_async.inputs.readers import is_plain_text, reader_for
from ltx_async.results.columns import COLUMNS

NOT_UTF8 = "the line is not valid UTF-8"


def read(name, data, *, column="email", piece=None):
    reader = reader_for(name, column)
    step = piece or max(1, len(data))
    entries = []
    for start in range(0, len(data), step):
        entries += reader.feed(data[start : start + step])
    return [*entries, *reader.finish()]


def emails(name, data, **options):
    return [entry.email for entry in read(name, data, **options)]


def test_text_is_trimmed_and_blank_lines_comments_and_the_bom_are_skipped():
    data = b"\xef\xbb\xbf ann@example.com\t\r\n\r\n \n# note\n  # note\nbob@example.com"
    assert emails("-", data) == ["ann@example.com", "bob@example.com"]


def test_lines_end_at_lf_crlf_and_cr_and_nowhere_else():
    assert emails("x.txt", "a@b\rc@d\r\ne@f\n\ng\u2028@h\u0085i\n".encode()) == [
        "a@b",
        "c@d",
        "e@f",
        "g\u2028@h\u0085i",
    ]


def test_undecodable_bytes_are_kept_as_escapes_with_their_reason():
    assert read("-", b"caf\xe9@example.com\n\xff\xfe@y\ncaf\xc3\xa9@example.com\n"[0:]) == [
        Entry(r"caf\xe9@example.com", NOT_UTF8),
        Entry(r"\xff\xfe@y", NOT_UTF8),
        Entry("café@example.com"),
    ]


def test_utf16_is_refused_with_what_to_do():
    with pytest.raises(InputError, match="UTF-16") as raised:
        read("-", "ann@example.com".encode("utf-16"))
    assert "UTF-8" in raised.value.hint


@pytest.mark.parametrize(("name", "delimiter"), [("x.csv", ","), ("X.TSV", "\t")])
def test_tables_give_their_column(name, delimiter):
    rows = [["id", " email "], ["1", " ann@example.com "], ["2", "bob@example.com"]]
    text = "\n".join(delimiter.join(row) for row in rows)
    assert emails(name, text.encode()) == ["ann@example.com", "bob@example.com"]


def test_a_cell_may_hold_delimiters_quotes_and_line_breaks():
    data = b'note,email\n"a, ""b""\nc",ann@example.com\n# left out\n\n,\nx,"bob@example.com"\n'
    assert emails("x.csv", data) == ["ann@example.com", "bob@example.com"]


def test_the_column_is_found_whatever_its_case_but_to_the_letter_first():
    assert emails("x.csv", b"Email,email\na@b,c@d\n") == ["c@d"]
    assert emails("x.csv", b"id,Login\n1,c@d\n", column="login") == ["c@d"]


def test_a_missing_column_names_those_there_are():
    with pytest.raises(InputError, match="'id', 'mail'"):
        read("x.csv", b"id,mail\n")


@pytest.mark.parametrize(
    ("name", "header", "mark"),
    [("x.csv", b"email;name\n", "';'"), ("x.csv", b"email\tname\n", r"'\t'"),
     ("x.tsv", b"email,name\n", "','")],
)  # fmt: skip
def test_cells_that_are_apart_by_something_else_are_recognised(name, header, mark):
    with pytest.raises(InputError) as raised:
        read(name, header)
    assert str(raised.value).endswith(f"seem apart by {mark}.")
    assert ".csv" in raised.value.hint


def test_a_missing_header_is_recognised():
    with pytest.raises(InputError, match="no header line") as raised:
        read("x.csv", b"ann@example.com\nbob@example.com\n")
    assert "'email'" in raised.value.hint


def test_a_short_row_counts_as_an_empty_email():
    assert emails("x.csv", b"id,email\n7\n") == [""]


def test_a_row_that_cannot_be_parsed_is_named():
    with pytest.raises(InputError, match="row 2") as raised:
        read("x.csv", b'email\n"' + b"x\n" * LONGEST_LINE)
    assert "quotation mark" in raised.value.hint


@pytest.mark.untraced  # a million lines, which the test before has already counted
def test_nothing_is_read_behind_a_row_that_cannot_be_parsed():
    reader = reader_for("x.csv", "email")
    with pytest.raises(InputError, match="row 2"):
        list(reader.feed(b'email\n"' + b"x\n" * LONGEST_LINE))
    assert list(reader.feed(b"ann@example.com\n" * 10)) == []
    assert list(reader.finish()) == []


def test_undecodable_cells_are_told_from_good_ones_in_the_same_row():
    data = b"note,email\n\xff,ann@example.com\nok,b\xffb@example.com\n"
    assert read("x.csv", data) == [
        Entry("ann@example.com"),
        Entry(r"b\xffb@example.com", NOT_UTF8),
    ]


def test_our_own_csv_is_read_without_its_neutralising_quotes_and_foreign_csv_as_it_is():
    header = ",".join(COLUMNS)
    assert emails("x.csv", f"{header}\n'+1@example.com,ok\n".encode()) == ["+1@example.com"]
    assert emails("x.csv", b"email\n'+1@example.com\n") == ["'+1@example.com"]


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
        "[" * 5000,
        '{"email":null}',
    ],
)
def test_a_bad_json_line_is_an_entry_with_a_problem_not_an_end(line):
    data = f'{line}\n{{"email": "ann@example.com"}}\n'.encode()
    bad, good = read("x.jsonl", data)
    assert bad.email == line
    assert "'email'" in str(bad.problem)
    assert good == Entry("ann@example.com")


def test_json_lines_tell_undecodable_bytes_from_escaped_surrogates():
    broken, escaped = read("x.jsonl", b'{"email": "a\xff@b"}\n{"email": "a\\ud800@b"}\n')
    assert broken == Entry(r"a\xff@b", NOT_UTF8)
    assert escaped == Entry("a\ud800@b")
    assert emails("x.jsonl", b'{"email": "\\ud800@b", "x": "\xff"}') == ["\ud800@b"]


def test_only_suffixes_of_tables_and_json_are_no_plain_text():
    names = ["-", "emails", "emails.txt", "x.csv", "x.TSV", "x.jsonl", "x.ndjson"]
    assert [is_plain_text(name) for name in names] == [True] * 3 + [False] * 4


def test_a_line_without_end_takes_bounded_memory(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 10)
    splitter = LineSplitter()
    found = [line for _ in range(1000) for line in splitter.feed(b"x" * 100)]
    found += splitter.feed(b"xx\nann@example.com\n")
    assert found == [b"x" * 10 + b"\n", b"ann@example.com\n"]


def test_what_is_dropped_of_a_line_costs_no_copy_of_what_is_kept(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 10)
    splitter = LineSplitter()
    assert splitter.feed(b"x" * 100) == []
    kept = splitter._rest
    assert splitter.feed(b"x" * 100) == []
    assert splitter._rest is kept


CONTENTS = st.lists(
    st.sampled_from(
        [b"ann@x", b"\xe9", "é".encode(), b'"', b",", b"\r", b"\n", b"\r\n", b"#", b" "]
    ),
    max_size=40,
).map(b"".join)


@given(CONTENTS, st.integers(1, 7))
def test_how_the_bytes_arrive_makes_no_difference(data, piece):
    assert read("-", data, piece=piece) == read("-", data)
    assert read("x.jsonl", data, piece=piece) == read("x.jsonl", data)
    table = b"email,note\n" + data
    assert read("x.csv", table, piece=piece) == read("x.csv", table)


@given(st.lists(st.text(max_size=20), max_size=8))
def test_what_the_csv_module_writes_is_read(texts):
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["id", "email"])
    writer.writerows([f"n{text.strip()}", text] for text in texts)
    found = emails("x.csv", file.getvalue().encode("utf-8", "surrogatepass"))
    assert found == [text.strip() for text in texts]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=8))
def test_what_the_json_module_writes_is_read(texts):
    data = "".join(json.dumps({"email": text}) + "\n" for text in texts).encode()
    assert emails("x.jsonl", data) == [text.strip() for text in texts]
