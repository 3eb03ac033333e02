"""A line that is read without its account says the same as one that is read in full."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_examples import NOW, WRITERS, found, run_of

from ltx_async.results import jsonl_format
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.reading import read_results
from ltx_async.results.usual_record import UsualRecord

FULL = {
    "maxJobs": 20,
    "updatedUTC": "2026-02-28T06:52:48.080Z",
    "tokenExpireUTC": "2026-12-17T06:52:48.080Z",
    "refreshTokenExpireUTC": "2027-02-01T03:31:50.498Z",
    "balance": {"LTXStudio_token": 1061},
    "latestCreatedAtMs": {"LTXStudio_token": 1794075915225},
}
LINES = [
    JSON_LINES.encode(found(at=NOW)),
    JSON_LINES.encode(found("bob@EXAMPLE.com", at=NOW, **FULL)),
    JSON_LINES.encode(found(at=NOW, **{**FULL, "balance": {"LTXStudio_token": 0.5}})),
    *map(JSON_LINES.encode, run_of(12)),
]
PIECES = [b"0", b"-0", b"-1", b"00", b"1.0", b"1e3", b"NaN", b"null", b'"', b"\\", b"\\u00e9"]
PIECES += [b"\xe9", b"\xc3\xa9", b"\x7f", b"\0", b" ", b"\n", b"\r\n", b"{}", b"}", b",", b"9001"]
PIECES += [b"-02-30T", b"T24:", b"9999-12-31", b"0000-01-01", b"+02:00", b'"error":"x",', b"[]"]
PIECES += [b"not_found", b"9" * 20, b'"base_url":"http://x",', b'"base_url":"",', b":", b"true"]


def told(parse, data):
    try:
        record = parse(data)
    except ValueError:
        return None
    if isinstance(record, UsualRecord):
        assert record.reason is None
        record = record.record()
    return repr(record.forget_account())  # 5 is not 5.0 here


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_a_check_is_read_alike(line):
    assert told(JSON_LINES.parse_briefly, line) == told(JSON_LINES.parse, line) is not None


def test_the_usual_line_is_read_without_its_json(monkeypatch):
    monkeypatch.setattr(jsonl_format, "decode", None)
    assert JSON_LINES.parse_briefly(LINES[1]).balance == 1061


@given(st.data())
def test_a_line_that_was_tampered_with_is_read_or_refused_alike(data):
    line = data.draw(st.sampled_from(LINES))
    for _ in range(data.draw(st.integers(1, 2))):
        edges = sorted({0, len(line), *(m.end() for m in re.finditer(rb"[:,{}\"T.-]|\d+", line))})
        begin = data.draw(st.sampled_from(edges))
        end = data.draw(st.sampled_from([begin, *(one for one in edges if one > begin)][:4]))
        line = line[:begin] + data.draw(st.sampled_from(PIECES) | st.just(b"")) + line[end:]
    assert told(JSON_LINES.parse_briefly, line) == told(JSON_LINES.parse, line)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-02-28", "2026-02-30"),
        ("2026-02-28", "2026-02-29"),
        ("2026-02-28", "2028-02-29"),
        ("2026-02-28", "2026-04-31"),
        ("2026-02-28", "2026-12-31"),
        ("2026-02-28", "0000-01-01"),
        ("2026-02-28", "9001-01-01"),
        ("T06:52:48", "T24:00:00"),
        ("T06:52:48", "T06:60:48"),
        ("T06:52:48", "T06:52:60"),
        (NOW.strftime("%Y"), "9001"),
        ('"status":200', '"status":0200'),
        ('"status":200', '"status":-0'),
        ("1061", "-0"),
        ("1061", "1061.50"),
        ("1061", "1e3"),
        ("1794075915225", "99999999999999999999"),
        ('"error":null', '"error":{}'),
        ("bob", "b\\u00f6b"),
        ("bob", "b\u00f6b"),
        ('"maxJobs":20', '"maxJobs":20,"error":"sign in"'),
        ('"maxJobs":20', '"maxJobs":0'),
    ],
)
def test_an_odd_line_is_read_or_refused_alike(old, new):
    line = LINES[1].decode().replace(old, new).encode()
    assert line != LINES[1]
    assert told(JSON_LINES.parse_briefly, line) == told(JSON_LINES.parse, line)


@pytest.mark.parametrize("suffix", WRITERS)
def test_without_accounts_every_format_has_the_same_records(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"run{suffix}", run_of(50))
    in_full, brief = list(read_results(path)), list(read_results(path, accounts=False))
    assert len(brief) == 50
    assert [one.forget_account() for one in in_full] == brief
