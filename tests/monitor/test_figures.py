from collections import Counter
from datetime import timedelta

import pytest
from command_line import NOW

from ltx_async.alerts import Need, Sighting, Thresholds
from ltx_async.models import Outcome
from ltx_async.monitor.changes import Kind
from ltx_async.monitor.figures import Figures
from ltx_async.monitor.standing import Rules, Standing


def seen(outcome=Outcome.OK, **figures):
    return Sighting("ann@example.com", outcome, NOW, **figures)


def figures_of(*sightings, thresholds=None):
    figures = Figures(thresholds or Thresholds(), NOW)
    for one in sightings:
        figures.add(one)
    return figures


def test_accounts_are_counted_by_outcome_and_by_reason():
    limits = Thresholds(min_balance=10, expires_within=timedelta(days=2))
    soon = NOW + timedelta(days=1)
    figures = figures_of(
        seen(),
        seen(balance=5, refresh_token_expires_at=soon),
        seen(Outcome.NEEDS_REAUTH, balance=5),
        seen(Outcome.FAILED),
        thresholds=limits,
    )
    assert figures.outcomes == {Outcome.OK: 2, Outcome.NEEDS_REAUTH: 1, Outcome.FAILED: 1}
    assert figures.needs == Counter(
        {Need.LOW_BALANCE: 2, Need.SIGN_IN_ENDS: 1, Need.SIGN_IN_AGAIN: 1, Need.FAILED: 1}
    )


def test_balances_are_summed_and_the_lowest_is_kept_where_any_is_known():
    nothing = figures_of(seen(), seen(Outcome.NOT_FOUND))
    assert (nothing.balance, nothing.lowest) == (None, None)
    figures = figures_of(seen(balance=3), seen(balance=-2.5), seen(), seen(balance=0))
    assert (figures.balance, figures.lowest) == (0.5, -2.5)


def test_a_sum_beyond_every_number_is_not_known():
    figures = figures_of(seen(balance=1.7e308), seen(balance=1.7e308))
    assert (figures.balance, figures.lowest) == (None, 1.7e308)
    figures.add(seen(balance=-1.7e308))
    assert (figures.balance, figures.lowest) == (None, -1.7e308)


@pytest.mark.parametrize(
    ("left", "spans"),
    [
        (timedelta(days=-3), {"1d", "7d", "30d"}),
        (timedelta(days=1), {"1d", "7d", "30d"}),
        (timedelta(days=1, seconds=1), {"7d", "30d"}),
        (timedelta(days=8), {"30d"}),
        (timedelta(days=31), set()),
    ],
)
def test_a_sign_in_counts_for_every_span_within_which_it_ends(left, spans):
    ends = figures_of(seen(refresh_token_expires_at=NOW + left))
    assert ends.ending == dict.fromkeys(spans, 1)
    assert not figures_of(seen(token_expires_at=NOW + left)).ending


# What is known of an account, as it is counted


def standing(*sightings):
    known = Standing("ann@example.com")
    for one in sightings:
        list(known.compare(one, Rules()))
    return known


ENDS = {"balance": 5.0, "token_expires_at": NOW, "refresh_token_expires_at": NOW}


@pytest.mark.parametrize(
    ("known", "outcome", "figures"),
    [
        (standing(seen(**ENDS)), Outcome.OK, ENDS),
        (standing(seen(**ENDS), seen(Outcome.NEEDS_REAUTH)), Outcome.NEEDS_REAUTH, ENDS),
        (standing(seen(**ENDS), seen(Outcome.FAILED)), Outcome.FAILED, ENDS),
        (standing(seen(Outcome.INVALID)), Outcome.INVALID, {}),
        (standing(seen(**ENDS), seen(Outcome.NOT_FOUND)), Outcome.NOT_FOUND, {}),
        (standing(seen(**ENDS), seen(Outcome.FAILED), seen(**ENDS)), Outcome.OK, ENDS),
    ],
)
def test_what_is_known_counts_as_one_lookup_would_have_shown_it(known, outcome, figures):
    assert known.as_sighting(NOW) == seen(outcome, **figures)


def test_a_broken_account_stays_broken_while_there_is_no_answer():
    broken = standing(seen(Outcome.NEEDS_REAUTH), seen(Outcome.FAILED))
    assert broken.as_sighting(NOW).outcome is Outcome.NEEDS_REAUTH


@pytest.mark.parametrize(
    ("known", "answered"),
    [
        (standing(seen()), True),
        (standing(seen(Outcome.FAILED)), False),
        (standing(seen(Outcome.INVALID)), False),
        (standing(seen(balance=0), seen(Outcome.FAILED)), True),
        (Standing("ann@example.com", bad=Kind.GONE, unanswered=True), True),
    ],
)
def test_an_account_that_was_never_answered_is_not_known(known, answered):
    assert known.is_known == answered
