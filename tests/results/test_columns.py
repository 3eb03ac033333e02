from datetime import UTC, datetime, timedelta, timezone

import pytest
from command_line import make_lookup
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_async import AccountNotFoundError, Outcome
from ltx_async.models import timestamp
from ltx_async.results.columns import COLUMNS
from ltx_async.results.csv_format import CSV, neutralised, restored

WIRE = {
    "email": "ann@example.com",
    "cookie": {"lt_token": "canary-cookie"},
    "maxJobs": 20,
    "updatedUTC": "2025-06-03T12:13:14.000Z",
    "tokenExpireUTC": "2025-07-03T12:13:14.000Z",
    "refreshTokenExpireUTC": "2025-09-01T12:13:14.000Z",
    "balance": {"LTXStudio_token": 150},
    "apiSecret": "canary-unknown",
}


def test_a_record_has_the_documented_shape_and_no_secrets():
    record = make_lookup(wire=WIRE).to_record()
    assert record == {
        "email": "ann@example.com",
        "outcome": "ok",
        "status": 200,
        "attempts": 1,
        "elapsed_ms": 12.3,
        "checked_at": "2026-01-02T03:04:05.678Z",
        "base_url": None,
        "account": {**{k: WIRE[k] for k in WIRE if k != "cookie"}, "apiSecret": "***"},
        "error": None,
    }
    assert "canary" not in str(record)


def test_an_error_is_written_with_its_hint_and_ray():
    error = AccountNotFoundError("HTTP 404: none", status=404, ray="ray-1")
    record = make_lookup(error=error, outcome=Outcome.NOT_FOUND).to_record()
    assert record["account"] is None
    assert record["error"] == {
        "type": "AccountNotFoundError",
        "message": "HTTP 404: none",
        "hint": error.hint,
        "ray": "ray-1",
    }


def test_a_row_has_a_cell_per_column():
    row = make_lookup(wire=WIRE).to_row()
    assert tuple(row) == tuple(COLUMNS)
    assert row["balance"] == 150
    assert row["max_jobs"] == 20
    assert row["updated_at"] == datetime(2025, 6, 3, 12, 13, 14, tzinfo=UTC)
    assert row["token_expires_at"] == datetime(2025, 7, 3, 12, 13, 14, tzinfo=UTC)
    assert row["refresh_token_expires_at"] == datetime(2025, 9, 1, 12, 13, 14, tzinfo=UTC)
    assert type(row["outcome"]) is str
    assert "canary" not in str(row)
    assert row["error_type"] is row["error"] is None


def test_a_broken_account_shows_its_own_error():
    wire = {"email": "ann@example.com", "error": "sign in again"}
    row = make_lookup(wire=wire).to_row()
    assert (row["error_type"], row["error"]) == ("ReauthenticationError", "sign in again")


START = datetime(2025, 1, 1, tzinfo=UTC)


@given(
    st.datetimes(timezones=st.just(UTC))
    | st.datetimes(timezones=st.just(timezone(timedelta(hours=5))))
    | st.integers(0, 2_000_000).map(lambda past: START + timedelta(microseconds=past))
)
@example(datetime(1, 1, 1, tzinfo=UTC))
@example(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
@example(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
def test_a_timestamp_is_what_isoformat_says(moment):
    assert timestamp(moment) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_timestamps_are_iso_with_milliseconds():
    assert timestamp(datetime(2025, 1, 1, tzinfo=UTC)) == "2025-01-01T00:00:00.000Z"


@given(st.text())
def test_neutralising_can_be_undone(text):
    assert restored(neutralised(text)) == text


@given(st.sampled_from("=+-@\t\r"), st.text())
def test_no_neutralised_text_begins_as_a_formula(first, rest):
    assert neutralised(first + rest) == f"'{first}{rest}"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain", "plain"),
        (" before", '" before"'),
        ("behind\t", '"behind\t"'),
        ("a;b", '"a;b"'),
        ("a\uff1bb", '"a\uff1bb"'),
        ('a"b', '"a""b"'),
        ("a\nb", '"a\nb"'),
        ("=1", "'=1"),
    ],
)
def test_a_cell_that_programs_read_differently_is_in_quotation_marks(text, cell):
    assert CSV.line([text]) == f"{cell}\n".encode()
