from datetime import UTC, datetime, timedelta

from ltx_async import Outcome
from ltx_async.alerts import Need, Thresholds
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.earlier import Earlier, EarlierResults
from ltx_async.cli.checking.urgent import MostUrgent
from ltx_async.results.record import Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOW = Thresholds(min_balance=10, expires_within=timedelta(days=7))


def record(email, outcome=Outcome.OK, **known):
    return Record(email=email, outcome=outcome, checked_at=NOW, **known)


def day(number):
    return NOW + timedelta(days=number)


def test_only_what_is_wrong_needs_somebody_without_thresholds():
    records = EarlierResults()
    for outcome in Outcome:
        records.add(record(f"{outcome}@x", outcome, balance=0))
    refused = records.seen.meet("invalid@x", refused=True)
    assert (refused.outcome, refused.needs) == (Outcome.INVALID, (Need.INVALID,))
    assert records.seen.meet("ok@x") == Earlier(Outcome.OK)


def test_records_are_judged_by_what_they_hold():
    records = EarlierResults(thresholds=LOW, now=NOW)
    records.add(record("a@x", balance=3, refresh_token_expires_at=day(2)))
    records.add(record("b@x", balance=30, token_expires_at=day(33)))
    records.add(record("c@x"))
    met = records.seen.meet("a@x")
    assert (met.outcome, met.needs) == (Outcome.OK, (Need.LOW_BALANCE, Need.SIGN_IN_ENDS))
    assert met.attention.text == ("balance 3 is below 10; sign-in ends in 2 days (2026-01-03)")
    for email in ("b@x", "c@x"):
        assert records.seen.meet(email) == Earlier(Outcome.OK)


def test_of_a_million_all_are_counted_and_the_most_urgent_are_kept():
    records = EarlierResults(thresholds=LOW, now=NOW, urgent=MostUrgent(3))
    counts = Counts(LOW, urgent=MostUrgent(2))
    for number in range(10):
        records.add(record(f"{number}@x", refresh_token_expires_at=day(5 - number % 7)))
    for number in reversed(range(10)):
        counts.add_earlier(records.seen.meet(f"{number}@x"))
    urgent = counts.urgent
    assert (urgent.accounts, urgent.alerts, counts.earlier, counts.delivered) == (10, 10, 10, 10)
    assert urgent.reasons == {Need.SIGN_IN_ENDS: 10}
    assert [one.email for one in urgent.kept()] == ["6@x", "5@x"]


def test_a_million_records_of_which_the_same_is_known_share_it():
    records = EarlierResults(now=NOW, urgent=MostUrgent(1))
    for number in range(5):
        records.add(record(f"{number}@x", Outcome.NOT_FOUND))
    met = [records.seen.meet(f"{number}@x") for number in range(5)]
    assert met[0].attention is not None
    assert len({id(one) for one in met[1:]}) == 1
