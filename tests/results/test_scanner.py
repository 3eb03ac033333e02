import json
from collections.abc import Iterator
from itertools import accumulate

import pytest
from command_line import make_lookup
from hypothesis import given
from hypothesis import strategies as st

from ltx_async import LTXError, Outcome
from ltx_async.results.columns import plain_text, record_of
from ltx_async.results.csv_format import CSV
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.record import Finished
from ltx_async.results.scanner import LONGEST_RECORD, RecordFormat, Scanner, UnusableOutputError
from ltx_async.results.sqlite.opening import finished_of_row

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
formats = pytest.mark.parametrize("form", [JSON_LINES, CSV], ids=["jsonl", "csv"])


def lines_of(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + (
        [] if data.endswith(b"\n") or not data else [data.rpartition(b"\n")[2]]
    )


def scan(form: RecordFormat, data: bytes) -> tuple[list[Finished], Scanner]:
    scanner = Scanner(form.layout, form.header)
    taken = [record for line in lines_of(data) if (record := scanner.feed(line)) is not None]
    scanner.finish()
    assert form.header + b"".join(raw for _, raw in taken) in {data[: scanner.whole], form.header}
    return [finished for finished, _ in taken], scanner


def emails_of(form: RecordFormat, data: bytes) -> list[str]:
    return [finished.email for finished in scan(form, data)[0]]


def refusal_of(form: RecordFormat, data: bytes) -> str:
    with pytest.raises(UnusableOutputError) as raised:
        scan(form, data)
    return str(raised.value)


def pieces(form: RecordFormat) -> Iterator[bytes]:
    yield form.header
    for lookup in LOOKUPS:
        yield form.encode(lookup)


@formats
def test_whole_records_are_all_taken_with_what_alerts_are_about(form):
    data = b"".join(pieces(form))
    finished, scanner = scan(form, data)
    assert [record.email for record in finished] == [lookup.email for lookup in LOOKUPS]
    assert [record.outcome for record in finished] == ["ok", "failed", "invalid", "ok"]
    assert finished[0].wire["balance"] == {"LTXStudio_token": 150}
    assert finished[0].wire["tokenExpireUTC"] == WIRE["tokenExpireUTC"]
    assert finished[0].wire["refreshTokenExpireUTC"] == WIRE["refreshTokenExpireUTC"]
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
    first = 1 if form is JSON_LINES else torn.index(b",") + 1
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
    assert told == "line 1: not what `check` of this version writes here"


@formats
def test_the_output_of_the_other_format_is_refused(form):
    other = CSV if form is JSON_LINES else JSON_LINES
    assert refusal_of(form, b"".join(pieces(other))).startswith("line 1: ")


@pytest.mark.parametrize(
    ("field", "value"), [("outcome", "great"), ("outcome", []), ("email", 1), ("email", None)]
)
def test_a_json_record_with_an_impossible_value_is_none(field, value):
    record = {**record_of(LOOKUPS[0]), field: value}
    assert "line 1" in refusal_of(JSON_LINES, json.dumps(record).encode() + b"\n\n")


def test_a_json_record_with_a_field_more_or_less_is_of_another_version():
    record = record_of(LOOKUPS[0])
    less = {name: value for name, value in record.items() if name != "status"}
    for other in ({**record, "more": 1}, less):
        line = json.dumps(other).encode() + b"\n"
        assert "line 1" in refusal_of(JSON_LINES, line)
        good = JSON_LINES.encode(LOOKUPS[0])
        assert "line 2: torn, or no record of this version" in refusal_of(JSON_LINES, good + line)


def test_a_json_record_written_by_another_tool_counts():
    record = json.dumps(record_of(LOOKUPS[0]), separators=(",", ":")).encode() + b"\n"
    assert emails_of(JSON_LINES, record) == ["ann@example.com"]
    assert scan(JSON_LINES, record + record[:20])[1].torn == 20


@pytest.mark.parametrize(
    "row",
    [
        b"ann@example.com,ok\n",
        b"ann@example.com,ok,200,x,,,,,,,1,1.0,now\n",
        b"ann@example.com,great,200,1,,,,,,,1,1.0,now\n",
        b"ann@example.com,ok,200,1,,,,,,,1,1.0,now,more\n",
        b'ann"@"example.com,ok,200,1,,,,,,,1,1.0,now\n',
        b"ann@example.com,ok,200,1,,,,,,,1,1.0,now\r\n",
        b"caf\xe9@example.com,ok,200,1,,,,,,,1,1.0,now\n",
    ],
)
def test_a_csv_row_that_check_does_not_write_is_refused(row):
    assert refusal_of(CSV, CSV.header + row).startswith("line 2: ")


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("-7", -7), ("7.5", 7.5), ("1e3", 1000.0), ("", None)]
)
def test_a_balance_in_csv_is_a_number_again(text, number):
    row = f"ann@example.com,ok,200,{text},,,,,,,1,1.0,now\n".encode()
    ((finished,), _) = scan(CSV, CSV.header + row)
    balance = finished.wire["balance"]
    assert balance == (None if number is None else {"LTXStudio_token": number})
    assert finished.wire["tokenExpireUTC"] is None


def test_a_cell_longer_than_the_csv_module_allows_is_read():
    email = "x" * 300_000
    row = CSV.encode(make_lookup(email, error=LTXError("too long"), outcome=Outcome.INVALID))
    assert emails_of(CSV, CSV.header + row) == [email]


def test_a_record_without_an_end_does_not_fill_the_memory():
    scanner = Scanner(JSON_LINES.layout)
    half = b'{"email": "' + b"x" * (LONGEST_RECORD // 2)
    scanner.feed(half)
    with pytest.raises(UnusableOutputError, match="line 1"):
        scanner.feed(half)


def test_a_database_row_is_a_record_too():
    finished = finished_of_row("ann@example.com", "ok", 3, "2026", None)
    assert (finished.email, finished.outcome) == ("ann@example.com", Outcome.OK)
    assert finished.wire == {
        "balance": {"LTXStudio_token": 3},
        "tokenExpireUTC": "2026",
        "refreshTokenExpireUTC": None,
    }
    for row in ((b"ann", "ok"), ("ann", "great"), ("ann", None)):
        with pytest.raises(ValueError, match=r"email|not a valid"):
            finished_of_row(*row, None, None, None)
