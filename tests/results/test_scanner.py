import io
import json
import os
import time
from collections.abc import Iterator
from functools import partial
from itertools import accumulate

import pytest
from attrs import evolve
from command_line import make_lookup
from hypothesis import given
from hypothesis import strategies as st

from ltx_async import LTXError, Outcome
from ltx_async.codec.emails import LONGEST_RECORD
from ltx_async.results.columns import COLUMNS, plain_text
from ltx_async.results.csv_format import CSV, TSV
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.record import Flaw, Record
from ltx_async.results.text.format import TextFormat
from ltx_async.results.text.scanner import Scanner, UnusableOutputError, items_in, pieces_of

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
WIRE = {
    "email": "ann@example.com",
    "maxJobs": 20,
    "balance": {"LTXStudio_token": 150},
    "tokenExpireUTC": "2026-07-03T12:13:14.000Z",
    "refreshTokenExpireUTC": "2026-09-01T12:13:14.000Z",
}
LOOKUPS = [
    make_lookup(wire=WIRE),
    make_lookup("bob@example.com", error=LTXError('two\nlines, "quoted"\r\n, and more')),
    make_lookup('a"b\nc,d', error=LTXError("refused"), outcome=Outcome.INVALID),
    make_lookup("=eve@example.com", wire={**WIRE, "email": "=eve@example.com"}),
]
formats = pytest.mark.parametrize("form", [JSON_LINES, CSV, TSV], ids=["jsonl", "csv", "tsv"])


def lines_of(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + (
        [] if data.endswith(b"\n") or not data else [data.rpartition(b"\n")[2]]
    )


def scan(form: TextFormat, data: bytes, *, whole=True) -> tuple[list[Record], Scanner]:
    scanner = Scanner(form)
    taken = [record for line in lines_of(data) if (record := scanner.feed(line)) is not None]
    scanner.finish()
    if whole:  # nothing stands between the records
        records = b"".join(raw for _, raw in taken)
        assert form.header + records in {data[: scanner.whole], form.header}
    return [record for record, _ in taken], scanner


def emails_of(form: TextFormat, data: bytes) -> list[str]:
    return [record.email for record in scan(form, data)[0]]


def refusal_of(form: TextFormat, data: bytes) -> str:
    with pytest.raises(UnusableOutputError) as raised:
        scan(form, data)
    return str(raised.value)


def pieces(form: TextFormat) -> Iterator[bytes]:
    yield form.header
    for lookup in LOOKUPS:
        yield form.encode(lookup)


@formats
def test_whole_records_are_all_taken_with_what_alerts_are_about(form):
    data = b"".join(pieces(form))
    finished, scanner = scan(form, data)
    assert [record.email for record in finished] == [lookup.email for lookup in LOOKUPS]
    assert [record.outcome for record in finished] == ["ok", "failed", "invalid", "ok"]
    account = finished[0].to_record()["account"]
    assert account == {**WIRE, "email": "ann@example.com"}
    assert (scanner.whole, scanner.torn, scanner.lines) == (len(data), 0, data.count(b"\n"))


@formats
@pytest.mark.parametrize("last", range(1, 5))
def test_a_file_cut_off_at_any_byte_keeps_its_whole_records_and_no_more(form, last):
    parts = list(pieces(form))[: last + 1]
    before, data = b"".join(parts[:-1]), b"".join(parts)
    for end in range(len(before), len(data)):
        finished, scanner = scan(form, data[:end])
        assert len(finished) == last - 1
        assert (scanner.whole, scanner.torn) == (len(before), end - len(before))


def test_a_header_cut_off_at_any_byte_begins_anew():
    for end in range(len(CSV.header)):
        finished, scanner = scan(CSV, CSV.header[:end])
        assert (finished, scanner.whole, scanner.torn) == ([], 0, end)
    assert scan(CSV, CSV.header)[1].whole == len(CSV.header)


@formats
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=4), st.data())
def test_any_records_cut_off_anywhere_are_found_up_to_there(form, texts, data):
    records = [form.encode(make_lookup(email, error=LTXError(message))) for email, message in texts]
    ends = list(accumulate(map(len, records), initial=len(form.header)))
    everything = form.header + b"".join(records)
    cut = data.draw(st.integers(len(form.header), len(everything)))
    finished, scanner = scan(form, everything[:cut])
    assert scanner.whole == max(end for end in ends if end <= cut)
    emails = [plain_text(email) for email, _ in texts[: len(finished)]]
    assert [plain_text(record.email).replace("\0", r"\x00") for record in finished] == emails


@formats
@pytest.mark.parametrize("position", [1, 2, 3, 4])
def test_a_record_torn_in_the_middle_is_refused_with_its_line_at_every_byte(form, position):
    parts = list(pieces(form))
    before, torn, after = b"".join(parts[:position]), parts[position], parts[1:]
    line = before.count(b"\n") + 1
    # In CSV, half an email and a record behind it are a record: of an email nobody asked for.
    first = 1 if form is JSON_LINES else torn.index(form.delimiter.encode()) + 1
    for end in range(first, len(torn)):
        data = before + torn[:end] + b"".join(after)
        told = refusal_of(form, data)
        assert told.startswith(f"line {line}: "), (end, told)


@formats
@pytest.mark.parametrize("position", [1, 3])
def test_a_line_that_was_put_in_between_is_refused(form, position):
    parts = list(pieces(form))
    line = b"".join(parts[:position]).count(b"\n") + 1
    parts.insert(position, b"a note\n")
    assert refusal_of(form, b"".join(parts)).startswith(f"line {line}: ")
    assert "line" in refusal_of(form, b"".join(pieces(form)) + b"a note\n")


@formats
@pytest.mark.parametrize("zeros", [1, 4096])
def test_zeros_left_by_a_power_cut_are_cut_off(form, zeros):
    whole = b"".join(pieces(form))
    for rest in (b"\0" * zeros, b"\0" * zeros + b"0}\n", b"\0" * zeros + b"half a"):
        finished, scanner = scan(form, whole + rest)
        assert (len(finished), scanner.torn) == (len(LOOKUPS), len(rest))
    assert scan(form, b"\0" * zeros)[1].torn == zeros
    assert refusal_of(form, b"\0" * zeros + b"ftyp").startswith("line 1: ")


def feed_pieces(scanner: Scanner, data: bytes) -> None:
    """Feed a file as it is read: no piece is longer than a record can be."""
    for piece in iter(partial(io.BytesIO(data).readline, LONGEST_RECORD), b""):
        scanner.feed(piece)
    scanner.finish()


@formats
@pytest.mark.parametrize("zeros", [999, LONGEST_RECORD, 2 * LONGEST_RECORD + 1])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_any_number_of_zeros_behind_a_torn_end_is_cut_off_in_bounded_memory(form, zeros, part):
    record = form.encode(LOOKUPS[0])
    rest, whole = record[: int(part * len(record))], form.header + record
    for behind in (b"",) if rest else (b"", b"half a", b"0}\n"):
        for length in range(zeros - len(rest) - 1, zeros - len(rest) + 2) if rest else (zeros,):
            scanner = Scanner(form)
            feed_pieces(scanner, whole + rest + b"\0" * length + behind)
            assert scanner.whole == len(whole)
            assert scanner.torn == len(rest) + length + len(behind)
            assert len(scanner._rest) <= len(record) + LONGEST_RECORD


@formats
@pytest.mark.parametrize("zeros", [LONGEST_RECORD, 2 * LONGEST_RECORD])
@pytest.mark.parametrize("part", [0.0, 0.5])
def test_no_record_is_found_behind_more_zeros_than_a_record_can_be_long(form, zeros, part):
    """Else the next one would be appended, and the zeros cut off in its place."""
    record = form.encode(LOOKUPS[0])
    rest, whole = record[: int(part * len(record))], form.header + record
    for end in range(3):
        scanner = Scanner(form)
        with pytest.raises(UnusableOutputError):
            feed_pieces(scanner, whole + rest + b"\0" * (zeros - len(rest) + end) + 2 * record)
        assert scanner.whole == len(whole)


def test_a_header_with_any_number_of_zeros_behind_it_begins_anew():
    for end in (0, 5, len(CSV.header) - 1):
        for zeros in (LONGEST_RECORD - end, 3 * LONGEST_RECORD):
            scanner = Scanner(CSV)
            feed_pieces(scanner, CSV.header[:end] + b"\0" * zeros)
            assert (scanner.whole, scanner.torn) == (0, end + zeros)
    with pytest.raises(UnusableOutputError):
        feed_pieces(Scanner(CSV), b"a note" + b"\0" * 2 * LONGEST_RECORD)


@formats
def test_a_torn_record_with_zeros_behind_it_is_cut_off_at_every_byte(form):
    before, last = b"".join(pieces(form)), form.encode(LOOKUPS[0])
    for end in range(len(last)):
        rest = last[:end] + b"\0" * 512
        finished, scanner = scan(form, before + rest)
        assert (len(finished), scanner.torn) == (len(LOOKUPS), len(rest))
        if not form.header:
            assert scan(form, rest)[1].torn == len(rest)


@pytest.mark.parametrize("form", [CSV, TSV], ids=["csv", "tsv"])
def test_a_header_with_zeros_behind_it_begins_anew_where_it_is_torn(form):
    for end in range(len(form.header)):
        rest = form.header[:end] + b"\0" * 512
        finished, scanner = scan(form, rest)
        assert (finished, scanner.whole, scanner.torn) == ([], 0, len(rest))
    scanner = scan(form, form.header + b"\0" * 512)[1]
    assert (scanner.whole, scanner.torn) == (len(form.header), 512)


@formats
@pytest.mark.parametrize("foreign", [b"kept", b'{"mail', b"emails", b"[", b"a,b"])
def test_what_is_no_part_of_a_record_is_refused_with_zeros_behind_it_too(form, foreign):
    assert refusal_of(form, foreign + b"\0" * 512).startswith("line 1: ")


tables = pytest.mark.parametrize("form", [CSV, TSV], ids=["csv", "tsv"])


def record_in(form: TextFormat, before: str, after: str) -> str:
    """A text in which a whole record stands, alone on its lines."""
    return before + form.encode(LOOKUPS[0]).decode() + after


@tables
@pytest.mark.parametrize(
    ("before", "after"),
    [("x\n", ""), ("x\n", "y"), ("\n", "\n\n"), ('"\r\n', '"'), ("x\n\n", '\n"')],
)
def test_a_cell_that_holds_a_record_is_one_cell(form, before, after):
    text = record_in(form, before, after)
    lookups = [
        make_lookup("bob@example.com", error=LTXError(text)),
        make_lookup(text, error=LTXError("refused"), outcome=Outcome.INVALID),
        make_lookup("eve@example.com", error=LTXError(text * 3)),
        LOOKUPS[0],
    ]
    data = form.header + b"".join(map(form.encode, lookups))
    assert data.count(b"\n" + form.encode(LOOKUPS[0])) >= 4
    emails = [lookup.email for lookup in lookups]
    assert emails_of(form, data) == emails
    assert [item.email for item in items_in(iter(lines_of(data)), form)] == emails
    # A row behind it that is torn is cut off, as behind any other.
    finished, scanner = scan(form, data[:-5])
    assert ([record.email for record in finished], scanner.torn) == (
        emails[:-1],
        len(data) - scanner.whole - 5,
    )


@tables
def test_a_cell_that_holds_a_record_and_never_ends_is_no_torn_end(form):
    torn = form.encode(make_lookup("bob@example.com", error=LTXError("x\ny")))
    data = form.header + torn[: torn.index(b"x\n") + 2] + form.encode(LOOKUPS[0])
    for rest in (b"", b"eve@", b"\0\0", form.encode(LOOKUPS[3])):
        assert refusal_of(form, data + rest).startswith("line 2: torn")


@tables
def test_a_row_that_is_torn_before_many_is_refused_in_no_time(form):
    row = form.encode(LOOKUPS[0])
    many = row * (LONGEST_RECORD // len(row) + 9)
    torn = form.header + b"bob@example.com" + form.delimiter.encode() + b'"failed\n'
    started = time.process_time()
    assert refusal_of(form, torn + many).startswith("line 2: torn")
    assert time.process_time() - started < 10  # and not the minutes of what is quadratic


FOREIGN = [
    b"kept\n",
    b"kept",
    b"SQLite format 3\0",
    b"\n",
    b"[]\n",
    b"1",
    b'{"email": "ann@example.com"}\n',
    b'{"email": "ann@example.com"}',
    b'{"email": "ann@example.com"}\n{"email": "bob@example.com"}\n',
    b"email\nann@example.com\n",
    b"email,outcome,status,balance\n",
    b"[" * 100_000 + b"\n",
    b"\xff\xfe\n",
]


@formats
@pytest.mark.parametrize("data", FOREIGN, ids=range(len(FOREIGN)))
def test_what_is_no_output_of_this_format_is_refused_from_its_first_line_on(form, data):
    told = refusal_of(form, data)
    assert told == "line 1: not what `check` writes here"


@formats
def test_the_output_of_the_other_format_is_refused(form):
    other = CSV if form is JSON_LINES else JSON_LINES
    assert refusal_of(form, b"".join(pieces(other))).startswith("line 1: ")


@pytest.mark.parametrize(
    ("field", "value"), [("outcome", "great"), ("outcome", []), ("email", 1), ("email", None)]
)
def test_a_json_record_with_an_impossible_value_is_none(field, value):
    record = {**LOOKUPS[0].to_record(), field: value}
    assert "line 1" in refusal_of(JSON_LINES, json.dumps(record).encode() + b"\n\n")


def test_a_json_record_may_have_fields_more_and_less_but_for_three():
    record = LOOKUPS[0].to_record()
    assert emails_of(JSON_LINES, json.dumps({**record, "more": 1}).encode() + b"\n") == [
        record["email"]
    ]
    for name in record:
        less = {key: value for key, value in record.items() if key != name}
        line = json.dumps(less).encode() + b"\n"
        if name in {"email", "outcome", "checked_at"}:
            assert "line 1" in refusal_of(JSON_LINES, line)
            good = JSON_LINES.encode(LOOKUPS[0])
            assert "line 2: torn, or no record of a check" in refusal_of(JSON_LINES, good + line)
        else:
            assert emails_of(JSON_LINES, line) == [record["email"]]


def test_a_json_record_written_by_another_tool_counts():
    record = json.dumps(LOOKUPS[0].to_record(), separators=(",", ":")).encode() + b"\n"
    assert emails_of(JSON_LINES, record) == ["ann@example.com"]
    assert scan(JSON_LINES, record + record[:20])[1].torn == 20


AT = b"2026-01-02T03:04:05.678Z"
HEAD = (
    b"email,outcome,status,balance,max_jobs,updated_at,token_expires_at,"
    b"refresh_token_expires_at,error_type,error,attempts,elapsed_ms,checked_at\n"
)
AS_IT_WAS = CSV.headed(HEAD)
ROW = b"ann@example.com,ok,200,1,,,,,,,1,1.0," + AT + b"\n"


@pytest.mark.parametrize(
    "row",
    [
        b"ann@example.com,ok\n",
        b"ann@example.com,ok,200,x,,,,,,,1,1.0,AT\n",
        b"ann@example.com,great,200,1,,,,,,,1,1.0,AT\n",
        b"ann@example.com,ok,200,1,,,,,,,1,1.0,AT,more\n",
        b'ann"@"example.com,ok,200,1,,,,,,,1,1.0,AT\n',
        b"ann@example.com,ok,200,1,,,,,,,1,1.0,\n",
        b"ann@example.com,ok,200,1,,,,,,,1,1.0,now\n",
        b"ann@example.com,ok,2.5,1,,,,,,,1,1.0,AT\n",
        b"caf\xe9@example.com,ok,200,1,,,,,,,1,1.0,AT\n",
    ],
)
def test_a_csv_row_that_check_does_not_write_is_refused(row):
    assert emails_of(AS_IT_WAS, HEAD + ROW) == ["ann@example.com"]
    assert refusal_of(AS_IT_WAS, HEAD + row.replace(b"AT", AT)).startswith("line 2: ")


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("-7", -7), ("7.5", 7.5), ("1e3", 1000.0), ("", None)]
)
def test_a_balance_in_csv_is_a_number_again(text, number):
    ((record,), _) = scan(AS_IT_WAS, HEAD + ROW.replace(b",200,1,", f",200,{text},".encode()))
    assert record.balance == number
    assert record.token_expires_at is None


def test_a_cell_longer_than_the_csv_module_allows_is_read():
    email = "x" * 300_000
    row = CSV.encode(make_lookup(email, error=LTXError("too long"), outcome=Outcome.INVALID))
    assert emails_of(CSV, CSV.header + row) == [email]


def test_a_record_without_an_end_does_not_fill_the_memory():
    scanner = Scanner(JSON_LINES)
    half = b'{"email": "' + b"x" * (LONGEST_RECORD // 2)
    scanner.feed(half)
    with pytest.raises(UnusableOutputError, match="line 1"):
        scanner.feed(half)


# Files that others have touched

BOM = b"\xef\xbb\xbf"


@formats
def test_a_bom_and_blank_lines_between_and_behind_records_are_no_matter(form):
    header, first, *others = pieces(form)
    data = BOM + header + first + b"\n" + b"".join(others) + b"\r\n\n"
    found, scanner = scan(form, data, whole=False)
    assert [record.email for record in found] == [lookup.email for lookup in LOOKUPS]
    assert (scanner.whole, scanner.torn) == (len(data), 0)


def test_a_tab_at_the_end_is_no_blank_line_but_a_torn_row():
    data = b"".join(pieces(TSV))
    for rest in (b"\t", b"\t\t", b" "):
        found, scanner = scan(TSV, data + rest)
        assert (len(found), scanner.torn) == (len(LOOKUPS), len(rest))


def test_a_file_of_blank_lines_alone_is_not_ours():
    for form in (JSON_LINES, CSV):
        assert refusal_of(form, b"\n\n").startswith("line 1: ")


def as_excel_saves(delimiter: str = ",") -> bytes:
    """CSV with a BOM and CRLF between the rows; line ends within cells are LF."""
    form = evolve(CSV, delimiter=delimiter, line_end="\r\n")
    return BOM + b"".join(pieces(form))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_as_excel_saves_it_is_continued_in_its_own_way(delimiter):
    data = as_excel_saves(delimiter)
    records, scanner = scan(CSV, data, whole=False)
    assert [record.email for record in records] == [lookup.email for lookup in LOOKUPS]
    assert scanner.whole == len(data)
    assert scanner.header == data[: data.index(b"\n") + 1]
    row = scanner.format.encode(LOOKUPS[0])
    assert row.endswith(b"\r\n")
    assert row.count(delimiter.encode()) == len(COLUMNS) - 1


def test_the_header_of_a_file_decides_which_columns_are_written_and_where():
    header = b"note,checked_at,outcome,more,email,error\n"
    scanner = Scanner(CSV)
    scanner.feed(header)
    form = scanner.format
    lookup = make_lookup(wire={**WIRE, "email": "ann@example.com", "error": "sign, in"})
    row = form.encode(lookup)
    assert row == b',2026-01-02T03:04:05.678Z,ok,,ann@example.com,"sign, in"\n'
    record, raw = scanner.feed(row)
    assert (record.email, record.error, raw) == ("ann@example.com", "sign, in", row)
    assert {"status", "balance", "attempts"} <= {*form.left_out}
    assert not {"email", "error"} & {*form.left_out}


@pytest.mark.parametrize(
    "header",
    [
        b"email,outcome\n",
        b"email,checked_at\n",
        b"outcome,checked_at\n",
        b"email,outcome,checked_at,email\n",
        b'"email,outcome,checked_at\n',
        b"email|outcome|checked_at\n",
        b"Email,Outcome,Checked_at\n",
    ],
)
def test_a_header_without_a_required_column_or_with_one_twice_is_refused(header):
    assert refusal_of(CSV, header + b"ann@example.com,ok\n").startswith("line 1: ")


@formats
def test_what_is_only_read_goes_on_after_a_flaw_and_needs_no_last_line_end(form):
    parts = list(pieces(form))
    good = [lookup.email for lookup in LOOKUPS]
    whole = b"".join(parts)
    items = list(items_in(iter(lines_of(whole[:-1])), form))
    assert [item.email for item in items] == good
    parts.insert(2, b"a note\n")
    items = list(items_in(iter(lines_of(b"".join(parts) + parts[1][:30])), form))
    assert items[1] is Flaw.UNUSABLE
    assert items[-1] is Flaw.TORN
    assert [item.email for item in items if isinstance(item, Record)] == good


def test_a_line_over_the_cap_is_one_flaw_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr("ltx_async.results.text.scanner.LONGEST_RECORD", 500)
    monkeypatch.setattr("ltx_async.results.text.scanner._PIECE", 300)
    good = JSON_LINES.encode(LOOKUPS[0])
    long = JSON_LINES.encode(make_lookup("x" * 1700))
    items = list(items_in(pieces_of(io.BytesIO(good + long + good)), JSON_LINES))
    assert [type(item) for item in items] == [Record, Flaw, Record]
    items = list(items_in(pieces_of(io.BytesIO(good + long[:-1])), JSON_LINES))
    assert items[1] is Flaw.TORN
    open_quote = CSV.header + b'"ann\n' + b"x,y\n" * 400
    items = list(items_in(pieces_of(io.BytesIO(open_quote)), CSV))
    assert Flaw.UNUSABLE in items


USUAL = [  # with the fields in the order in which they are answered
    make_lookup(
        f"{number}@example.com",
        wire={"email": "a", "maxJobs": 20, "balance": {"LTXStudio_token": number}},
    )
    for number in range(500)
]
FLAWS = [b"a note\n", b"\n", b"\r\n", b"  \n", b"\0\0\0", b'{"email":"ann@exam', b'"open\n']


@st.composite
def files(draw, form):
    """Draw a file of records, among which there is now and then something else."""
    usual = [form.encode(lookup) for lookup in USUAL[:3]]
    parts = [usual, usual, [form.encode(lookup) for lookup in LOOKUPS], FLAWS]
    drawn = draw(st.lists(st.sampled_from(parts).flatmap(st.sampled_from), max_size=12))
    return form.header + b"".join(drawn)


def told(record):
    return record if isinstance(record, Record | Flaw) else record.record()


def in_pieces(data: bytes, size: int) -> list[bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ltx_async.results.text.scanner._PIECE", size)
        return list(pieces_of(io.BytesIO(data)))


@formats
@given(data=st.data(), size=st.sampled_from([1, 7, 100, 300, 1000, 1 << 16]))
def test_pieces_of_any_size_say_what_the_lines_say(form, data, size):
    whole = data.draw(files(form))
    found = in_pieces(whole, size)
    assert b"".join(found) == whole
    assert all(piece.endswith(b"\n") for piece in found[:-1])
    by_line = items_in(iter(lines_of(whole)), form, accounts=False)
    by_piece = items_in(iter(found), form, accounts=False)
    assert list(map(told, by_piece)) == list(map(told, by_line))


@formats
@given(data=st.data(), size=st.sampled_from([1, 7, 100, 300, 1000, 1 << 16]))
def test_an_output_is_continued_alike_by_pieces_and_by_lines(form, data, size):
    whole = data.draw(files(form))
    found = in_pieces(whole, size)

    def outcome(pieces_or_lines, take):
        scanner, records = Scanner(form), []
        try:
            for one in pieces_or_lines:
                records += map(told, take(scanner, one))
            scanner.finish()
        except UnusableOutputError as error:
            return records, str(error)
        return records, scanner.whole, scanner.torn, scanner.lines, scanner.header

    def fed(scanner, line):
        return [] if (one := scanner.feed(line)) is None else [one[0]]

    assert outcome(found, Scanner.records_in) == outcome(lines_of(whole), fed)


def test_odd_lines_alone_are_looked_at_one_by_one(monkeypatch):
    odd = JSON_LINES.encode(LOOKUPS[1])
    lines = [line for lookup in USUAL for line in (JSON_LINES.encode(lookup), odd)][:-1]
    fed, feed = [], Scanner.feed

    def noted(scanner, line):
        fed.append(line)
        return feed(scanner, line)

    monkeypatch.setattr(Scanner, "feed", noted)
    scanner = Scanner(JSON_LINES)
    records = list(scanner.records_in(b"".join(lines)))
    assert fed == [odd] * (len(USUAL) - 1)
    assert list(map(told, records)) == [told(JSON_LINES.parse_briefly(one)) for one in lines]
    assert (scanner.lines, scanner.whole) == (len(lines), len(b"".join(lines)))


def test_records_of_a_pipe_come_as_they_are_written():
    lines = [JSON_LINES.encode(lookup) for lookup in USUAL[:3]]
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", 0) as other:
        found = items_in(pieces_of(pipe), JSON_LINES, accounts=False)
        for lookup, line in zip(USUAL, lines, strict=False):
            other.write(line)  # and no more until it has come out
            assert next(found).email == lookup.email


def test_a_piece_of_usual_lines_is_read_in_one_step(monkeypatch):
    lines = [JSON_LINES.encode(lookup) for lookup in USUAL]
    scanner = Scanner(JSON_LINES)
    monkeypatch.setattr(Scanner, "feed", None)
    records = scanner.records_in(b"".join(lines))
    assert [record.email for record in records] == [lookup.email for lookup in USUAL]
    assert (scanner.lines, scanner.whole) == (500, len(b"".join(lines)))
