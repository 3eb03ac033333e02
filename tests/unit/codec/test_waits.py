"""`Retry-After` and its relatives: obeyed in every form, junk ignored."""

import math
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_async.codec.waits import http_date, retry_after

NOW = datetime(2026, 3, 9, 12, 0, 0, tzinfo=UTC).timestamp()
DATE = "Mon, 09 Mar 2026 12:00:00 GMT"
HALF_A_MINUTE_ON = [
    "Mon, 09 Mar 2026 12:00:30 GMT",
    "Monday, 09-Mar-26 12:00:30 GMT",
    "Mon Mar  9 12:00:30 2026",
    "Mon, 09 Mar 2026 12:00:30 UTC",
    "Mon, 09 Mar 2026 12:00:30 +0000",
    "Mon, 09 Mar 2026 12:00:30 -0000",
    "Monday, 09-Mar-26 12:00:30 UTC",
]
ISO_FORMS = ["2026-03-09T12:00:30Z", "2026-03-09T12:00:30.000+00:00", "2026-03-09T13:00:30+01:00"]
ISO_FORMS += ["20260309T120030Z", "2026-03-09T12:00:30"]
BODY_FORMS = [
    {"retryAfter": "2026-03-09T12:00:30.000Z"},
    {"retryAfter": "2026-03-09T13:00:30+01:00"},
    {"retryAfter": "2026-03-09T12:00:30"},
    {"retryAt": "2026-03-09T12:00:30Z"},
    {"retryAfter": "Mon, 09 Mar 2026 12:00:30 GMT"},
    {"retry_after": 30},
    {"retry_after": 30.0},
    {"retry_after": "30"},
    {"retry_after": "30.0"},
    {"retryAfter": " 30 "},
    {"error": {"retryAfter": "29.9999"}},
    {"retryAfter": 30},
    {"error": {"code": 429, "retry_after": 30}},
    {"error": {"retryAt": "2026-03-09T12:00:30Z"}},
    {"error": "slow down", "retry_after": 30},
    {"retryAfter": None, "retryAt": "junk", "retry_after": 30},
]
WRONG_CLOCKS = [0.0, 946684800.0, NOW - 3600, NOW + 86400, 4102444799.0, 4.2e9, 2.5e11]


@pytest.fixture(params=["UTC0", "NST3:30NDT", "LINT-14"])
def time_zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("30", 30), ("007", 7), ("86400", 86_400), (" 5 ", 5)]
)
def test_seconds_are_obeyed(text, seconds):
    assert retry_after({"retry-after": text}, None, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4.5", 4.5), ("2.0", 2), ("0.25", 0.25), ("0.0", 0), ("1.23456", 1.235), ("0.0001", 0.001),
     ("0.07", 0.07), ("29.999999999", 30), ("86399.9999", 86_400)],
)  # fmt: skip
def test_fractions_are_obeyed_and_rounded_up_to_the_millisecond(text, seconds):
    assert retry_after({"retry-after": text}, None, NOW) == seconds
    assert retry_after({}, {"retry_after": text}, NOW) == seconds
    assert retry_after({}, {"retry_after": float(text)}, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1500", 1.5), ("0", 0), ("20", 0.02), ("12.5", 0.013), ("90000000", 3600)],
)
def test_milliseconds_are_obeyed_before_seconds(text, seconds):
    assert retry_after({"retry-after-ms": text}, None, NOW) == seconds
    assert retry_after({"retry-after-ms": text, "retry-after": "7"}, None, NOW) == seconds
    assert retry_after({"retry-after-ms": text}, {"retry_after": 7}, NOW) == seconds


@pytest.mark.parametrize("text", ["", "-1", "nan", "1e3", "1, 2", "1" * 11, "\u0663", DATE])
def test_junk_for_milliseconds_leaves_it_to_the_seconds(text):
    assert retry_after({"retry-after-ms": text}, None, NOW) is None
    assert retry_after({"retry-after-ms": text, "retry-after": "7"}, None, NOW) == 7


@pytest.mark.parametrize("text", ISO_FORMS)
def test_an_iso_date_in_the_header_is_obeyed_in_every_time_zone(time_zone, text):
    assert retry_after({"retry-after": text}, None, NOW) == 30
    assert retry_after({"retry-after": text, "date": DATE}, None, NOW + 99) == 30


@pytest.mark.parametrize("text", HALF_A_MINUTE_ON)
def test_all_three_http_dates_are_obeyed_in_every_time_zone(time_zone, text):
    assert retry_after({"retry-after": text}, None, NOW) == 30
    assert retry_after({"retry-after": text, "date": DATE}, None, NOW) == 30


@pytest.mark.parametrize("body", BODY_FORMS)
def test_every_body_form_is_obeyed_in_every_time_zone(time_zone, body):
    assert retry_after({}, body, NOW) == 30
    assert retry_after({"date": DATE}, body, NOW) == 30


@pytest.mark.parametrize("now", WRONG_CLOCKS)
@pytest.mark.parametrize("text", HALF_A_MINUTE_ON)
def test_a_wrong_local_clock_does_no_harm_to_dates(time_zone, now, text):
    assert retry_after({"retry-after": text, "date": DATE}, None, now) == 30


@pytest.mark.parametrize("now", WRONG_CLOCKS)
@pytest.mark.parametrize("body", BODY_FORMS)
def test_a_wrong_local_clock_does_no_harm_to_body_forms(now, body):
    assert retry_after({"date": DATE}, body, now) == 30


@pytest.mark.parametrize("date", HALF_A_MINUTE_ON)
def test_the_date_of_the_reply_may_have_any_form(date):
    headers = {"retry-after": "Mon, 09 Mar 2026 12:01:00 GMT", "date": date}
    assert retry_after(headers, None, NOW + 7) == 30


@pytest.mark.parametrize("text", ["", "junk", "Mon, 31 Feb 2026 12:00:00 GMT", f"{DATE}, {DATE}"])
def test_without_a_usable_date_the_local_clock_is_used(text):
    headers = {"retry-after": HALF_A_MINUTE_ON[0], "date": text}
    assert retry_after(headers, None, NOW + 10) == 20


@pytest.mark.parametrize(
    "text",
    ["Mon, 09 Mar 2026 11:59:59 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_a_moment_that_has_passed_means_no_wait(text):
    assert retry_after({"retry-after": text}, None, NOW) == 0
    assert retry_after({}, {"retryAt": "2020-01-01T00:00:00Z"}, NOW) == 0


JUNK = [
    "",
    " ",
    "abc",
    "-1",
    "+1",
    "1e3",
    "1.",
    ".5",
    "1.5.2",
    "-1.5",
    "1,5",
    "1.0000000000",
    "\u0663.\u0665",
    "30s",
    "0x10",
    "1_000",
    "nan",
    "inf",
    "3 0",
    "\u0663\u0660",
    "\uff13\uff10",
    "²",
    "1" * 11,
    "1" * 35,
    "1" * 5000,
    "30, 60",
    f"{HALF_A_MINUTE_ON[0]}, {HALF_A_MINUTE_ON[0]}",
    "Mon, 31 Feb 2026 12:00:00 GMT",
    "Mon, 00 Mar 2026 12:00:00 GMT",
    "Mon, 09 Mar 0000 12:00:00 GMT",
    "Mon, 09 Mar 2026 24:00:00 GMT",
    "Mon, 09 Mar 2026 12:60:00 GMT",
    "Mon, 09 Mar 2026 12:00:61 GMT",
    "Mon, 09 Mar 2026 12:00:99 GMT",
    "Mon, 09 Mrz 2026 12:00:30 GMT",
    "Mon, 09 mar 2026 12:00:30 GMT",
    "Mon, 9 Mar 2026 12:00:30 GMT",
    "Mon, 09 Mar 2026 12:00:30",
    "Mon, 09 Mar 2026 12:00:30 EST",
    "Mon, 09 Mar 2026 12:00:30 +0100",
    "Mon, 09 Mar 2026 12:00:30 utc",
    "Mon, \u06609 Mar 2026 12:00:30 GMT",
    "Monday, 31-Feb-26 12:00:30 GMT",
    "Monday, 09-Mar-2026 12:00:30 GMT",
    "Mon Feb 31 12:00:30 2026",
    "Mon Mar  0 12:00:30 2026",
    "2026-03-09",
    "2026-02-31T12:00:30Z",
    "\u0662026-03-09T12:00:30Z",
    "2026-03-09T12:00:30Z, 2026-03-09T12:00:30Z",
    "2026-03-09T12:00:30.00000000000000000000000Z",
]


@pytest.mark.parametrize("text", JUNK)
def test_junk_in_the_header_is_ignored(text):
    assert retry_after({"retry-after": text, "date": DATE}, None, NOW) is None
    assert retry_after({"retry-after": text, "date": DATE}, {"retry_after": 7}, NOW) == 7


JUNK_VALUES = [None, True, False, -1, -0.5, math.nan, math.inf, -math.inf, [], [30], {}, {"s": 30}]
JUNK_VALUES += [
    "",
    "abc",
    "-1",
    "1e3",
    "nan",
    "\u0663\u0660",
    "1" * 35,
    "2026-02-31T00:00:00Z",
    "T",
    "nopeT",
]
JUNK_VALUES += ["2026-03-09", "0001-01-01T00:00:00+23:59x"]


@pytest.mark.parametrize("value", JUNK_VALUES)
@pytest.mark.parametrize("name", ["retryAfter", "retryAt", "retry_after"])
def test_junk_in_the_body_is_ignored(name, value):
    assert retry_after({}, {name: value}, NOW) is None
    assert retry_after({}, {"error": {name: value}}, NOW) is None
    assert retry_after({}, {name: value, "error": {"retry_after": 7}}, NOW) == 7


def test_a_number_is_no_moment():
    assert retry_after({}, {"retryAt": 30}, NOW) is None


@pytest.mark.parametrize("body", [None, [], "30", 30, {}, {"error": None}, {"error": [30]}])
def test_a_body_without_the_fields_says_nothing(body):
    assert retry_after({}, body, NOW) is None


def test_the_header_wins_over_the_body_and_the_body_over_its_error():
    body = {"retry_after": 2, "error": {"retry_after": 3}}
    assert retry_after({"retry-after": "1"}, body, NOW) == 1
    assert retry_after({}, body, NOW) == 2


def test_the_edges_of_the_calendar_are_no_trouble():
    assert retry_after({}, {"retryAt": "0001-01-01T00:00:00+23:59"}, NOW) == 0
    assert retry_after({}, {"retryAt": "9999-12-31T23:59:59-23:59"}, NOW) == 3600
    far = {"date": "Fri, 31 Dec 9999 23:59:59 GMT", "retry-after": "Monday, 09-Mar-26 12:00:30 GMT"}
    assert retry_after(far, None, NOW) is None
    first = {"date": "Mon, 01 Jan 0001 00:00:00 GMT", "retry-after": HALF_A_MINUTE_ON[1]}
    assert retry_after(first, None, NOW) == 3600  # 25 years, which nobody means


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"retry-after": "86401"}, None),
        ({"retry-after": str(int(NOW))}, None),  # the time of the day in place of seconds
        ({"retry-after": "9999999999"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, None),
        ({}, {"retry_after": 1e308}),
        ({}, {"retry_after": NOW * 1000}),
        ({}, {"error": {"retryAfter": "9999-12-31T00:00:00Z"}}),
    ],
)
def test_a_wait_of_more_than_a_day_counts_as_an_hour(headers, body):
    assert retry_after(headers, body, NOW) == 3600


def test_a_leap_second_counts_as_the_second_before_it():
    assert http_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW) == http_date(
        "Sat, 31 Dec 2016 23:59:59 GMT", NOW
    )


@pytest.mark.parametrize(
    ("this_year", "digits", "year"),
    [
        (2026, "26", 2026),
        (2026, "76", 2076),
        (2026, "77", 1977),
        (2026, "99", 1999),
        (2026, "00", 2000),
        (1999, "00", 2000),
        (1999, "49", 2049),
        (1999, "50", 1950),
        (2099, "01", 2101),
    ],
)
def test_two_digits_of_a_year_mean_at_most_fifty_years_ahead(this_year, digits, year):
    now = datetime(this_year, 6, 1, tzinfo=UTC).timestamp()
    moment = http_date(f"Monday, 09-Mar-{digits} 00:00:00 GMT", now)
    assert moment == datetime(year, 3, 9, tzinfo=UTC).timestamp()


MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS)
def test_every_imf_date_is_read_to_the_second(moment):
    text = format_datetime(moment.astimezone(UTC), usegmt=True)
    assert http_date(text, NOW) == moment.replace(microsecond=0).timestamp()


@given(MOMENTS)
def test_every_asctime_date_is_read_to_the_second(moment):
    month = format_datetime(moment).split()[2]
    text = f"Mon {month} {moment.day:2} {moment:%H:%M:%S} {moment.year:04}"
    assert http_date(text, NOW) == moment.replace(microsecond=0).timestamp()


FLOAT = 1e-4  # seconds; more than a float loses of a moment in the year 9999


@given(MOMENTS, st.integers(0, 10**6))
@example(datetime(3059, 1, 1, 0, 0, 0, 8999, tzinfo=UTC), 0)
def test_iso_moments_are_judged_against_the_date_of_the_reply(moment, seconds):
    date = (
        moment.replace(microsecond=0) - timedelta(seconds=seconds) if moment.year > 20 else moment
    )
    headers = {"date": format_datetime(date, usegmt=True)}
    wait = retry_after(headers, {"retryAt": moment.isoformat()}, NOW)
    told = (moment - date.replace(microsecond=0)).total_seconds()
    early = wait - (told if told <= 86_400 else 3600)
    assert -FLOAT <= early < 0.001 + FLOAT  # rounded up to the millisecond


@given(
    st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d\d (Jan|Feb) \d{4} \d\d:\d\d:\d\d GMT"),
    st.text(),
    st.text() | st.floats() | st.integers() | st.none(),
)
def test_whatever_comes_the_answer_is_none_or_a_wait_of_zero_or_more(header, date, value):
    headers = {"retry-after": header, "date": date}
    wait = retry_after(headers, {"retryAfter": value, "error": {"retryAt": value}}, NOW)
    assert wait is None or 0 <= wait < math.inf
