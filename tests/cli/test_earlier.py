from datetime import UTC, datetime, timedelta

from ltx_async import Outcome
from ltx_async.alerts import Thresholds
from ltx_async.cli.checking import earlier as module
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.earlier import Earlier, EarlierResults
from ltx_async.results.record import Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOW = Thresholds(min_balance=10, expires_within=timedelta(days=7))


def record(email, outcome=Outcome.OK, **known):
    return Record(email=email, outcome=outcome, checked_at=NOW, **known)


def day(number):
    return NOW + timedelta(days=number)


def test_without_thresholds_only_outcomes_are_remembered():
    records = EarlierResults()
    for outcome in Outcome:
        records.add(record(f"{outcome}@x", outcome, balance=0))
    refused = records.seen.meet("invalid@x", refused=True)
    assert (refused, records.seen.meet("ok@x")) == (Earlier(Outcome.INVALID), Earlier(Outcome.OK))


def test_alerts_are_judged_by_what_the_record_holds():
    records = EarlierResults(thresholds=LOW, now=NOW)
    records.add(record("a@x", balance=3, refresh_token_expires_at=day(2)))
    records.add(record("b@x", balance=30, token_expires_at=day(33)))
    records.add(record("c@x"))
    records.add(record("d@x", Outcome.NOT_FOUND))
    met = records.seen.meet("a@x")
    assert (met.outcome, met.alerts) == (Outcome.OK, 2)
    assert [alert.reason for alert in met.shown] == [
        "balance 3 is below 10",
        "refresh token expires in 2 days (2026-01-03)",
    ]
    for email, outcome in {"b@x": "ok", "c@x": "ok", "d@x": "not_found"}.items():
        assert records.seen.meet(email) == Earlier(Outcome(outcome))


def test_of_a_million_alerts_all_are_counted_and_few_are_kept(monkeypatch):
    monkeypatch.setattr(module, "_SHOWN_AT_MOST", 3)
    records, counts = EarlierResults(thresholds=LOW, now=NOW), Counts(LOW)
    for number in range(10):
        records.add(record(f"{number}@x", balance=0))
    for number in reversed(range(10)):
        counts.add_earlier(records.seen.meet(f"{number}@x"))
    assert (counts.alerts, counts.earlier, counts.delivered) == (10, 10, 10)
    assert [alert.email for alert in counts.first_alerts] == ["2@x", "1@x", "0@x"]
