from datetime import date, timedelta

import pytest
from result_examples import NOW

from ltx_async import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567, "1,234,567"), (-1234, "-1,234"), (1234.5, "1,234.5"), (0.126, "0.13"),
     (200.0, "200"), (-0.001, "0"), (1e308, "1e+308"), (2**63, "9.22e+18"), (None, "—")],
)  # fmt: skip
def test_numbers_have_thousands_separators_and_stay_short(value, text):
    assert wording.number(value) == text


def test_a_movement_has_its_sign():
    assert [wording.signed(value) for value in (1200, 0, -5, None)] == [
        "+1,200",
        "0",
        "-5",
        "—",
    ]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "0%"), (0, 9, "0%"), (9, 9, "100%"), (1, 1_000_000, "0.1%"),
     (999_999, 1_000_000, "99.9%"), (1, 3, "33.3%")],
)  # fmt: skip
def test_all_and_none_are_said_only_where_they_are_exact(part, whole, text):
    assert wording.share(part, whole) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, "—"), (0.04, "0.0 ms"), (9.94, "9.9 ms"), (123.4, "123 ms"), (5734, "5,734 ms"),
     (12_345, "12.3 s"), (9_000_000, "9,000.0 s")],
)  # fmt: skip
def test_times_have_their_unit(milliseconds, text):
    assert wording.time_taken(milliseconds) == text


def test_dates_and_spans_read_well():
    assert wording.full_day(date(2026, 1, 5)) == "5 Jan 2026"
    assert wording.moment(NOW + timedelta(seconds=1)) == "11 Mar 2026, 14:03 UTC"
    assert wording.moment(None) == "—"
    assert wording.span(1000, 2000) == "1,000 to 2,000"
    assert wording.span(5000, None) == "5,000 and more"
    assert [wording.counted(count, "email") for count in (1, 2)] == ["1 email", "2 emails"]
