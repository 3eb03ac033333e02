from datetime import timedelta

import pytest
from attrs import evolve
from command_line import NOW

from ltx_async.alerts import Need, Sighting, Thresholds
from ltx_async.models import Outcome
from ltx_async.monitor.changes import Change, Kind, account_id
from ltx_async.monitor.ledger import Ledger, Round, count_outcomes
from ltx_async.monitor.standing import Rules

ANN, BOB, CAY = "ann@example.com", "bob@example.com", "cay@example.com"


def well(email=ANN, **fields):
    return Sighting(email, Outcome.OK, NOW, **{"balance": 150, **fields})


def bad(outcome, email=ANN, trouble="why"):
    return Sighting(email, outcome, NOW, trouble)


def kinds(changes):
    return [(change.subject.partition("@")[0], change.kind.value) for change in changes]


LIMITS = Thresholds(min_balance=10, expires_within=(timedelta(days=7), timedelta(days=1)))


@pytest.fixture
def ledger():
    """A ledger that knows ann and bob to be well."""
    ledger = Ledger(Rules(LIMITS))
    assert settle(ledger, well(), well(BOB)) == []
    return ledger


def settle(ledger, *sightings, **details):
    return ledger.settle(Round(NOW, list(sightings), **details))


def test_the_first_round_tells_only_what_is_wrong():
    ledger, seen = Ledger(), [well(), bad(Outcome.NEEDS_REAUTH, BOB), bad(Outcome.INVALID, "x")]
    assert kinds(settle(ledger, *seen)) == [("bob", "broken"), ("x", "invalid")]
    assert settle(ledger, *seen) == []


@pytest.mark.parametrize(
    ("outcome", "kind", "alert"),
    [
        (Outcome.NEEDS_REAUTH, "broken", True),
        (Outcome.NOT_FOUND, "gone", True),
        (Outcome.FAILED, "unanswered", False),
    ],
)
def test_each_trouble_is_told_once_and_its_end_once(ledger, outcome, kind, alert):
    (begun,) = settle(ledger, bad(outcome), well(BOB))
    assert (begun.kind, begun.email, begun.is_alert) == (kind, ANN, alert)
    assert "why" in begun.text
    assert settle(ledger, bad(outcome), well(BOB)) == []
    (ended,) = settle(ledger, well(), well(BOB))
    assert ended.kind == ("answered" if outcome is Outcome.FAILED else "recovered")
    assert settle(ledger, well(), well(BOB)) == []


def test_broken_and_then_gone_are_two_changes(ledger):
    assert kinds(settle(ledger, bad(Outcome.NEEDS_REAUTH), well(BOB))) == [("ann", "broken")]
    (gone,) = settle(ledger, bad(Outcome.NOT_FOUND), well(BOB))
    assert (gone.kind, gone.before) == ("gone", "broken")
    (back,) = settle(ledger, well(), well(BOB))
    assert (back.kind, back.text) == ("recovered", "is well again, was gone")


def test_no_answer_says_nothing_of_the_health_of_an_account(ledger):
    settle(ledger, bad(Outcome.NEEDS_REAUTH), well(BOB))
    settle(ledger, bad(Outcome.FAILED), well(BOB))
    again = settle(ledger, bad(Outcome.NEEDS_REAUTH), well(BOB))
    assert kinds(again) == [("ann", "answered")]


def test_a_balance_that_moves_is_told_with_both_figures(ledger):
    (change,) = settle(ledger, well(balance=140.5), well(BOB))
    assert (change.kind, change.before, change.after) == ("balance", 150, 140.5)
    assert change.text == "balance 150 → 140.5 (-9.5)"
    assert settle(ledger, well(balance=None), well(BOB)) == []
    assert settle(ledger, well(balance=140.5), well(BOB)) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("token_expires_at", "access token"), ("refresh_token_expires_at", "sign-in")],
)
def test_a_date_that_moves_is_told_and_one_that_is_left_out_is_not(ledger, name, words):
    ledger.rules = Rules()
    soon, later = NOW + timedelta(days=3), NOW + timedelta(days=90)
    assert settle(ledger, well(**{name: soon}), well(BOB)) == []
    assert settle(ledger, well(), well(BOB)) == []
    (change,) = settle(ledger, well(**{name: later}), well(BOB))
    assert (change.kind, change.before) == ("expiry", "2026-01-05T03:04:05Z")
    assert change.text == f"{words} until 2026-01-05 → 2026-04-02"
    (change,) = settle(ledger, well(**{name: later + timedelta(minutes=5)}), well(BOB))
    assert change.text == f"{words} until 2026-04-02 03:04 → 2026-04-02 03:09"


def test_a_crossed_threshold_is_told_once_until_it_is_uncrossed(ledger):
    low = well(balance=5)
    assert kinds(settle(ledger, low, well(BOB))) == [("ann", "balance"), ("ann", "low_balance")]
    lower = evolve(low, balance=4)
    assert kinds(settle(ledger, lower, well(BOB))) == [("ann", "balance")]
    assert settle(ledger, well(balance=None), well(BOB)) == []
    assert settle(ledger, bad(Outcome.FAILED), well(BOB))[0].kind == "unanswered"
    changes = settle(ledger, well(balance=200), well(BOB))
    assert kinds(changes) == [("ann", "answered"), ("ann", "balance"), ("ann", "recovered")]
    assert changes[-1].before == "low_balance"


def test_an_end_that_comes_near_is_told_once_and_a_renewal_too(ledger):
    near = well(refresh_token_expires_at=NOW + timedelta(days=3))
    assert kinds(settle(ledger, near, well(BOB))) == [("ann", "expiring")]
    assert settle(ledger, near, well(BOB)) == []
    assert settle(ledger, well(), well(BOB)) == []
    renewed = evolve(near, refresh_token_expires_at=NOW + timedelta(days=90))
    assert kinds(settle(ledger, renewed, well(BOB))) == [("ann", "expiry"), ("ann", "recovered")]


@pytest.mark.parametrize(
    "crossed", [well(balance=5), well(refresh_token_expires_at=NOW + timedelta(days=3))]
)
@pytest.mark.parametrize(
    "looser", [Thresholds(), Thresholds(min_balance=1, expires_within=timedelta(days=2))]
)
def test_a_threshold_that_somebody_has_changed_is_no_recovery(ledger, crossed, looser):
    assert len(settle(ledger, crossed, well(BOB))) >= 1
    ledger.rules = Rules(looser)
    assert settle(ledger, crossed, well(BOB)) == []
    ledger.rules = Rules(LIMITS)
    assert [one.is_alert for one in settle(ledger, crossed, well(BOB))] == [True]


def test_an_end_that_is_left_out_is_no_renewal_although_that_of_the_access_token_is_there(ledger):
    later = NOW + timedelta(days=20)
    near = well(refresh_token_expires_at=NOW + timedelta(days=3), token_expires_at=later)
    assert kinds(settle(ledger, near, well(BOB))) == [("ann", "expiring")]
    left_out = evolve(near, refresh_token_expires_at=None)
    assert settle(ledger, left_out, well(BOB)) == []
    assert settle(ledger, near, well(BOB)) == []
    soon = evolve(left_out, token_expires_at=NOW + timedelta(hours=3))
    assert kinds(settle(ledger, soon, well(BOB))) == [("ann", "expiry"), ("ann", "expiring")]


def test_emails_that_come_and_go_in_the_input_are_no_alert(ledger):
    (came,) = settle(ledger, well(), well(CAY))
    assert (came.kind, came.email, came.is_alert) == ("new", CAY, False)
    (went,) = settle(ledger, well(), well(CAY))
    assert (went.kind, went.email, went.is_alert) == ("removed", BOB, False)
    assert settle(ledger, well(), well(CAY)) == []
    assert kinds(settle(ledger, well(), well(BOB), well(CAY))) == [("bob", "new")]


def test_an_email_that_is_missing_for_one_round_was_never_away(ledger):
    low = well(BOB, balance=5)
    assert kinds(settle(ledger, well(), low)) == [("bob", "balance"), ("bob", "low_balance")]
    for _ in range(3):
        assert settle(ledger, well()) == []
        assert settle(ledger, well(), low) == []


def test_an_input_that_is_empty_all_of_a_sudden_is_distrusted(ledger):
    (outage,) = settle(ledger)
    assert (outage.kind, "half written" in outage.text) == ("outage", True)
    assert settle(ledger) == settle(ledger) == []
    assert kinds(settle(ledger, well())) == [("service", "outage_over")]
    assert settle(ledger, well(), well(BOB)) == []


def test_another_case_of_the_domain_is_the_same_account(ledger):
    assert settle(ledger, well("ann@EXAMPLE.com"), well(BOB)) == []


def test_an_account_that_leaves_the_list_is_gone_once_and_may_come_back(ledger):
    assert kinds(settle(ledger, well(), listed=True)) == [("bob", "gone")]
    assert settle(ledger, well(), listed=True) == []
    assert kinds(settle(ledger, well(), well(BOB), listed=True)) == [("bob", "recovered")]


@pytest.mark.parametrize(
    ("sightings", "details"),
    [
        ([], {"trouble": "no answer for 60 s", "complete": False}),
        ([bad(Outcome.FAILED), bad(Outcome.FAILED, BOB)], {}),
        ([bad(Outcome.NOT_FOUND), bad(Outcome.NOT_FOUND, BOB)], {}),
        ([bad(Outcome.NOT_FOUND), bad(Outcome.FAILED, BOB)], {}),
        ([bad(Outcome.FAILED), bad(Outcome.NOT_FOUND, BOB), bad(Outcome.NOT_FOUND, CAY)], {}),
        ([], {"listed": True}),
    ],
)
def test_an_outage_is_one_change_and_its_end_one_more(ledger, sightings, details):
    (outage,) = settle(ledger, *sightings, **details)
    assert (outage.kind, outage.email, outage.subject) == ("outage", None, "service")
    assert ledger.in_outage
    assert settle(ledger, *sightings, **details) == []
    later = NOW + timedelta(minutes=10)
    (over,) = ledger.settle(Round(later, [well(), well(BOB)]))
    assert (over.kind, over.is_alert) == ("outage_over", True)
    assert over.text == "back after 0:10:00"
    assert not ledger.in_outage


def test_an_outage_says_how_many_are_missing_and_why_the_others_have_no_answer(ledger):
    missing = [bad(Outcome.NOT_FOUND, f"{number}@example.com") for number in range(1200)]
    (outage,) = settle(ledger, *missing, bad(Outcome.FAILED, trouble="HTTP 500"))
    assert outage.text.startswith(
        "none of the 1,201 emails is found, and 1 has no answer (HTTP 500): the API token may"
    )
    (outage,) = settle(Ledger(), *missing)
    assert outage.text.startswith("none of the 1,200 emails is found: the API token may")


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.NEEDS_REAUTH])
def test_where_one_account_is_there_the_others_are_gone(ledger, outcome):
    seen = [bad(outcome), bad(Outcome.NOT_FOUND, BOB), bad(Outcome.FAILED, CAY)]
    assert ("bob", "gone") in kinds(settle(ledger, *seen))
    assert not ledger.in_outage


def test_what_cannot_be_asked_for_does_not_hide_an_outage(ledger):
    changes = settle(
        ledger, bad(Outcome.FAILED), bad(Outcome.FAILED, BOB), bad(Outcome.INVALID, "x")
    )
    assert kinds(changes) == [("service", "outage"), ("x", "new"), ("x", "invalid")]


def test_what_changed_during_an_outage_is_told_after_it(ledger):
    settle(ledger, trouble="down", complete=False)
    changes = settle(ledger, bad(Outcome.NEEDS_REAUTH), well(BOB))
    assert kinds(changes) == [("service", "outage_over"), ("ann", "broken")]


def test_what_was_answered_before_an_outage_counts_but_no_absence_does(ledger):
    seen = [bad(Outcome.NEEDS_REAUTH), bad(Outcome.NOT_FOUND, BOB), bad(Outcome.FAILED, CAY)]
    changes = settle(ledger, *seen, trouble="down", complete=False)
    assert kinds(changes) == [("service", "outage"), ("ann", "broken")]


def test_a_round_that_a_signal_cuts_short_misses_nobody(ledger):
    low = well(balance=11)
    assert kinds(settle(ledger, low, complete=False)) == [("ann", "balance")]
    assert settle(ledger, bad(Outcome.NOT_FOUND), complete=False) == []


def test_a_single_account_that_is_gone_is_no_outage():
    ledger = Ledger()
    settle(ledger, well(), listed=True)
    assert kinds(settle(ledger, listed=True)) == [("ann", "gone")]
    ledger = Ledger()
    assert kinds(settle(ledger, bad(Outcome.NOT_FOUND))) == [("ann", "gone")]


def test_an_account_that_was_not_seen_before_an_outage_is_not_new_after_it():
    ledger = Ledger()
    settle(ledger, well(), trouble="down", complete=False)
    assert kinds(settle(ledger, well(), well(BOB))) == [("service", "outage_over")]


def later(sightings, **span):
    moved = timedelta(**span)
    return [evolve(one, checked_at=one.checked_at + moved) for one in sightings]


def test_each_of_several_limits_is_told_once_and_anew_after_a_renewal(ledger):
    end = well(refresh_token_expires_at=NOW + timedelta(days=5)), well(BOB)
    (week,) = settle(ledger, *end)
    assert (week.threshold, week.reason) == (7 * 86_400, Need.SIGN_IN_ENDS)
    assert week.due_at == NOW + timedelta(days=5)
    assert settle(ledger, *later(end, days=3)) == []
    (day,) = settle(ledger, *later(end, days=4, hours=1))
    assert (day.threshold, day.text) == (86_400, "sign-in ends tomorrow (2026-01-07)")
    assert settle(ledger, *later(end, days=4, hours=2)) == []
    (moved,) = settle(ledger, well(refresh_token_expires_at=NOW + timedelta(days=6)), well(BOB))
    assert moved.kind == "expiry"
    again = well(refresh_token_expires_at=NOW + timedelta(hours=20)), well(BOB)
    assert kinds(settle(ledger, *again)) == [("ann", "expiry"), ("ann", "expiring")]


def test_what_is_still_wrong_is_told_again_when_it_is_time():
    ledger = Ledger(Rules(LIMITS, remind=timedelta(days=1)))
    wrong = [well(balance=5), bad(Outcome.NEEDS_REAUTH, BOB), bad(Outcome.NOT_FOUND, CAY)]
    assert [one.reminder for one in settle(ledger, *wrong)] == [False] * 3
    assert settle(ledger, *later(wrong, hours=12)) == []
    again = settle(ledger, *later(wrong, hours=23, minutes=50))  # cron is not to the second
    assert [one.reminder for one in again] == [True] * 3
    assert again[0].line.endswith("low_balance ann@example.com: still: balance 5 is below 10")
    assert settle(ledger, *later(wrong, hours=24)) == []
    assert len(settle(ledger, *later(wrong, days=2))) == 3
    healthy = [well(), well(BOB), well(CAY)]
    assert {one.kind for one in settle(ledger, *healthy)} == {"balance", "recovered"}
    (low,) = [one for one in settle(ledger, well(balance=5), *healthy[1:]) if one.is_alert]
    assert not low.reminder


@pytest.mark.parametrize("remind", [None, timedelta(days=1)])
def test_an_outage_and_who_is_gone_are_reminded_of_too(remind):
    ledger = Ledger(Rules(LIMITS, remind))
    settle(ledger, well(), well(BOB), listed=True)
    (gone,) = settle(ledger, well(), listed=True)
    assert (gone.kind, gone.reason) == ("gone", Need.NOT_FOUND)
    then = NOW + timedelta(days=1)
    told = ledger.settle(Round(then, [well()], listed=True))
    assert [one.reminder for one in told] == ([] if remind is None else [True])
    settle(ledger, trouble="down", complete=False)
    down = ledger.settle(Round(then, [], trouble="down", complete=False))
    assert [one.reminder for one in down] == ([] if remind is None else [True])


def test_an_alert_has_its_values(ledger):
    _, low = settle(ledger, well(balance=5), well(BOB))
    assert low.as_json() == {
        "at": "2026-01-02T03:04:05.678Z",
        "change": "low_balance",
        "alert": True,
        "reminder": False,
        "email": ANN,
        "account": "c2b011ed0571909e",
        "reason": "low_balance",
        "due_at": None,
        "balance": 5,
        "threshold": 10,
        "before": None,
        "after": 5,
        "text": "balance 5 is below 10",
    }


def test_outcomes_are_counted_in_words():
    seen = [well(), well(BOB), bad(Outcome.NOT_FOUND, CAY)]
    assert count_outcomes(seen) == "2 ok, 1 not_found"


def test_lines_are_harmless_on_a_terminal():
    change = Change(NOW, Kind.BROKEN, "\x1b[2J\u2028\x7fé", "ann\n@example.com")
    assert change.line.isprintable()
    assert change.line.startswith("2026-01-02T03:04:05Z broken ann\\n@example.com: \\x1b[2J")


def test_an_account_id_is_stable_short_and_without_the_email():
    assert account_id("ann@example.com") == account_id("ann@EXAMPLE.com") == "c2b011ed0571909e"
    assert account_id("Ann@example.com") != account_id("ann@example.com")
    assert account_id("\udcff@example.com")
