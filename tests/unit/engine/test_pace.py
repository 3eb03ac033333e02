"""The rules by which a pace is learned, one by one; what they make of servers is told elsewhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.engine.pace import Cap, Cycle, Pace, Pacing, least_gap


def cycle(accepted, open_for, *, closed_at=1000.0, **changes):
    changes.setdefault("paced", True)
    return Cycle(closed_at - open_for, accepted, closed_at, 1, **changes)


def settled(rate=100.0, *, cost=1.0):
    """Return a pace that was met while it doubled, and has a plateau now."""
    pace = Pace.after(cycle(10, 0.1), 1000.0 + cost)
    pace.rate = rate
    pace.learn(cycle(1000, 30.0), 1000.0 + cost, 0.01)
    return pace


def risen(pace, seconds):
    """Let a pace rise in small steps and return it."""
    for _ in range(round(seconds * 100)):
        pace.grow(0.01, 0.01)
    return pace.rate


# The first refusal


def test_what_was_accepted_until_the_gate_opened_again_is_surely_allowed():
    assert Pace.after(cycle(60, 0.2), 1059.8).rate == pytest.approx(1.0)
    assert Pace.after(cycle(300, 3.0), 1001.0).rate == pytest.approx(75.0)


@pytest.mark.parametrize(("closed", "rate"), [(30.0, 1.0), (2.0, 2.0), (0.1, 4.0)])
def test_where_nothing_was_accepted_some_are_tried_fewer_after_a_long_wait(closed, rate):
    assert Pace.after(cycle(0, 0.0), 1000.0 + closed).rate == rate


@pytest.mark.parametrize(("rate", "seconds"), [(100.0, 0.5), (5.0, 1.0), (1.0, 5.0)])
def test_until_more_is_known_the_pace_doubles_in_the_time_of_some_requests(rate, seconds):
    pace = Pace.after(cycle(10, 0.1), 1001.0)
    pace.rate = rate
    pace.grow(seconds, 0.01)
    assert pace.rate == pytest.approx(2 * rate)


def test_it_doubles_no_faster_than_refusals_can_be_heard_of():
    pace = Pace.after(cycle(10, 0.1), 1001.0)
    pace.rate = 100.0
    pace.grow(1.2, 0.3)  # four round trips
    assert pace.rate == pytest.approx(200.0)
    pace.met(0.3, 0.3)
    assert pace.rate == pytest.approx(200.0 / 2**0.25)  # as it was when the refused one was sent


def test_a_limit_that_is_stated_is_kept_to_from_the_first_refusal_on():
    pace = Pace.after(cycle(10, 0.1), 1001.0, 500.0)
    assert not pace.doubling
    assert 480 < pace.rate < risen(pace, 18) == pytest.approx(0.985 * 500, rel=0.01)
    pace.rate = 510.0
    pace.learn(cycle(10_000, 20.0), 1001.0, 0.01, 500.0)
    assert risen(pace, 18) == pytest.approx(0.985 * 500, rel=0.01)


def test_a_limit_that_is_stated_and_refused_all_the_same_is_shared_by_others():
    pace = Pace.after(cycle(10, 0.1), 1001.0, 500.0)
    for _ in range(6):
        pace.learn(cycle(60, 1.0), 1001.0, 0.01, 500.0)
    assert pace.rate < 150


LITTLE = [1 / 3600, 10 / 3600, 1e-12]


@pytest.mark.parametrize("stated", LITTLE)
@pytest.mark.parametrize("closed", [0.01, 1.0, 8.0])
def test_a_limit_that_is_stated_is_none_where_more_has_just_been_allowed(stated, closed):
    """One that says a request an hour would silence a client for that hour, whatever it allows."""
    first = cycle(30, 0.3)
    said, unsaid = (Pace.after(first, 1000.0 + closed, one) for one in (stated, None))
    assert (said.rate, said.doubling) == (unsaid.rate, unsaid.doubling)
    for pace, named in ((said, stated), (unsaid, None)):
        pace.learn(cycle(300, 3.0), 1000.0 + closed, 0.01, named)
    assert (said.rate, said.doubling) == (unsaid.rate, unsaid.doubling)


@pytest.mark.parametrize(
    ("stated", "wait"), [(1.0, 1.0), (1 / 60, 60.0), (1 / 60, 10.0), (40.0, 0.001)]
)
def test_a_limit_that_is_stated_holds_where_the_wait_for_one_request_agrees(stated, wait):
    assert risen(Pace.after(cycle(10, 0.1), 1000.0 + wait, stated), 1.0) <= stated


# The course after a refusal


def test_the_pace_starts_at_the_floor_rises_to_its_plateau_stays_there_and_leaves_it():
    pace = settled(100.0)
    assert not pace.doubling
    assert pace.rate < 85
    assert risen(pace, 12) == pytest.approx(85, rel=0.03)
    assert risen(pace, 12) == pytest.approx(85, rel=0.01)
    assert 90 < risen(pace, 15) < 100
    assert risen(pace, 30) > 200
    assert pace.doubling


def test_a_refusal_late_on_the_plateau_is_near_the_limit():
    pace = settled(100.0)
    refused_at = risen(pace, 25)
    pace.learn(cycle(2100, 25.0), 1001.0, 0.01)
    assert risen(pace, 18) == pytest.approx(0.975 * refused_at, rel=0.01)


def test_a_refusal_soon_after_the_start_is_well_above_the_limit():
    pace = settled(100.0)
    refused_at = risen(pace, 5)
    pace.learn(cycle(200, 5.0), 1001.0, 0.01)  # 40 a second, and ten of them a burst
    assert risen(pace, 18) == pytest.approx(math.sqrt(refused_at * 38), rel=0.02)


def test_a_handful_of_requests_says_nothing_and_the_pace_goes_on_doubling():
    pace = settled(100.0)
    pace.learn(cycle(5, 0.05), 1001.0, 0.01)
    assert pace.doubling
    assert pace.rate < 30


@pytest.mark.parametrize("cost", [1.0, 5.0, 60.0])
def test_probing_costs_a_twentieth_of_the_time_whatever_a_refusal_costs(cost):
    pace = settled(100.0, cost=cost)
    assert risen(pace, 18 * cost) == pytest.approx(pace._plateau, rel=0.02)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**7),
            st.floats(0, 1e5),
            st.floats(0, 1e5),
            st.booleans(),
            st.floats(0, 1e4),
            st.floats(0, 100),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_whatever_comes_the_pace_is_a_sane_number(cycles):
    pace = None
    for accepted, open_for, closed_for, paced, seconds, round_trip in cycles:
        one = cycle(accepted, open_for, paced=paced, lately=accepted / max(open_for, 0.001))
        if pace is None:
            pace = Pace.after(one, 1000.0 + closed_for)
        else:
            pace.learn(one, 1000.0 + closed_for, round_trip)
        pace.grow(seconds, round_trip)
        pace.met(seconds, round_trip)
        assert 1e-3 <= pace.rate <= 1e6


# The cap


def capped(served=5, *, under_way=50):
    cap = Cap()
    one = cycle(served, 0.1, alongside=under_way, paced=False)
    one.refused = under_way - served
    assert not cap.explains(one, 1001.0)
    return cap


def test_as_many_as_are_served_while_others_are_refused_are_what_a_server_takes():
    cap = capped(5)
    assert cap.limit == cap.window(1002.9) == 5
    assert cap.window(1003.1) == 6  # a probe


def test_where_all_others_are_refused_too_it_is_no_limit_of_what_is_under_way():
    assert capped(0).limit is None


def test_a_refusal_of_the_probe_confirms_the_cap_and_the_next_probe_comes_later():
    cap = capped(5)
    assert cap.explains(cycle(100, 2.0, closed_at=1003.5, alongside=6, paced=False), 1004.5)
    assert cap.limit == cap.window(1024.0) == 5
    assert cap.window(1024.6) == 6
    assert cap.explains(cycle(100, 20.0, closed_at=1025.0, alongside=6, paced=False), 1026.0)
    assert cap.window(1065.9) == 5


def test_what_is_accepted_above_a_confirmed_cap_raises_it_ever_faster():
    cap, now = capped(5), 1024.6
    assert cap.explains(cycle(100, 2.0, closed_at=1003.5, alongside=6, paced=False), 1004.5)
    limits = []
    while cap.limit < 100:
        now += 0.01
        cap.accepted(now, now, cap.window(now))
        limits.append(cap.limit)
    assert sorted(set(limits)) == [5, 6, 8, 12, 20, 36, 68, 132]
    assert now < 1050


def test_what_was_sent_before_the_probe_says_nothing_of_it():
    cap = capped(5)
    for _ in range(100):
        cap.accepted(1003.5, 1002.9, 6)
    assert cap.limit == 5


def test_a_refusal_at_the_pace_leaves_the_cap_alone():
    cap = capped(20)
    assert not cap.explains(cycle(100, 2.0, alongside=10), 1001.0)
    assert cap.limit == 20


@pytest.mark.parametrize("changes", [{"alongside": 3, "polls": 1}, {"alongside": 1}])
def test_a_refusal_that_a_cap_cannot_explain_disproves_it_for_good(changes):
    cap = capped(5)
    one = cycle(100, 2.0, paced=False, **changes)
    assert not cap.explains(one, 1001.0)
    assert cap.limit is None
    one = cycle(5, 0.1, alongside=50, paced=False)
    one.refused = 45
    assert not cap.explains(one, 1001.0)
    assert cap.limit is None


def test_a_server_that_takes_fewer_lowers_the_cap():
    cap = capped(5)
    one = cycle(100, 2.0, alongside=5, paced=False)
    one.refused = 2
    assert cap.explains(one, 1001.0)
    assert cap.limit == 3


def test_a_cap_that_is_lowered_twice_and_never_raised_is_none():
    cap = capped(5)
    one = cycle(100, 2.0, alongside=5, paced=False)
    one.refused = 2
    assert cap.explains(one, 1001.0)
    one = cycle(100, 2.0, alongside=3, paced=False)
    assert not cap.explains(one, 1001.0)
    assert cap.limit is None


def test_a_cap_that_chance_has_lowered_is_soon_where_it_was_and_left_alone():
    cap = capped(5)
    assert cap.explains(cycle(100, 2.0, alongside=5, paced=False), 1010.0)
    assert cap.limit == cap.window(1011.9) == 4
    for _ in range(50):
        cap.accepted(1012.1, 1012.1, cap.window(1012.1))
    assert cap.limit == cap.window(1032.0) == 5
    assert cap.window(1032.2) == 6


def test_where_the_cap_is_reached_at_the_pace_both_may_be_why():
    cap = capped(25)
    assert not cap.explains(cycle(500, 3.0, alongside=25), 1010.0)
    assert cap.limit == 24
    assert not cap.explains(cycle(500, 3.0, alongside=24), 1020.0)
    assert cap.limit is None


def test_some_acceptances_above_a_cap_do_not_raise_it_yet():
    cap = capped(5)
    for _ in range(14):
        cap.accepted(1003.2, 1003.2, 6)
    assert cap.limit == 5
    cap.accepted(1003.2, 1003.2, 6)
    assert cap.limit == 6


def raised(cap, now):
    limit = cap.limit
    while cap.limit == limit:
        cap.accepted(now, now, cap.window(now))
    return cap


def test_a_cap_that_was_exceeded_and_never_confirmed_yields_to_the_pace():
    cap = raised(capped(1), 1003.1)
    assert cap.limit == 2
    assert not cap.explains(cycle(100, 2.0, alongside=4, paced=True), 1005.0)
    assert cap.limit is None


def test_a_cap_that_was_exceeded_twice_and_never_confirmed_is_none():
    cap = raised(raised(capped(1), 1003.1), 1003.2)
    assert cap.limit is None


def test_what_was_confirmed_takes_ten_times_the_evidence_to_raise():
    cap = capped(5)
    assert cap.explains(cycle(100, 2.0, closed_at=1003.5, alongside=6, paced=False), 1004.5)
    for _ in range(49):
        cap.accepted(1024.6, 1024.6, 6)
    assert cap.limit == 5
    cap.accepted(1024.6, 1024.6, 6)
    assert cap.limit == 6


# Both together


def test_replies_to_what_was_sent_before_the_closing_are_neither_trials_nor_news():
    pacing = Pacing(Cycle(0.0, accepted=10))
    pacing.refused(1.0, 0.9, 10)
    pacing.opened(2.0)
    assert pacing.gap(2.0, waited=True) == 0.0
    assert not pacing.accepted(2.1, 0.95, 3)
    assert pacing.closed
    assert pacing.accepted(2.2, 2.0, 2)
    assert not pacing.closed
    rate = pacing.pace.rate
    pacing.refused(2.3, 0.95, 1)
    assert not pacing.closed
    assert pacing.pace.rate == rate


def kept(pacing, since, seconds, rate=100):
    """Have requests accepted for a while, each a hundredth of a second after it was sent."""
    for n in range(round(seconds * rate)):
        now = since + n / rate
        pacing.gap(now, waited=True)
        pacing.accepted(now + 0.01, now, 2)
    return since + seconds


def settled_pacing():
    pacing = Pacing(Cycle(0.0, accepted=100))
    pacing.refused(1.0, 1.0, 1)
    pacing.opened(2.0)
    pacing.gap(2.0, waited=False)
    assert pacing.accepted(2.01, 2.0, 1)
    pacing.pace.doubling, pacing.pace.rate, pacing.pace._plateau = False, 100.0, 100.0
    pacing.pace._plateau_at = 1e9
    return pacing


@pytest.mark.parametrize(("plateau_at", "share"), [(1.5, 0.975), (1e9, 0.95)])
def test_a_lone_refusal_that_tells_no_wait_costs_little(plateau_at, share):
    pacing = settled_pacing()
    pacing.pace._plateau_at = plateau_at
    now = kept(pacing, 3.0, 2.0)
    pacing.gap(now, waited=True)
    rate = pacing.pace.rate
    assert pacing.refused(now, now, 2, told=False) is None
    assert not pacing.closed
    assert pacing.pace.rate == rate
    kept(pacing, now + 0.01, 0.02)
    assert 0.85 * rate < pacing.pace.rate < rate
    assert risen(pacing.pace, 4) == pytest.approx(share * 100, rel=0.01)


def test_replies_to_what_was_sent_before_a_lone_refusal_are_forgiven_too():
    pacing = settled_pacing()
    now = kept(pacing, 3.0, 2.0)
    assert {pacing.refused(now + 0.1, now - n / 100, 9, told=False) for n in range(9)} == {None}


def test_where_the_wait_is_told_nothing_is_forgiven():
    pacing = settled_pacing()
    now = kept(pacing, 3.0, 2.0)
    assert pacing.refused(now, now, 2, told=True) == 0
    assert pacing.closed


def test_soon_after_the_gate_opened_one_is_forgiven():
    pacing = settled_pacing()
    now = kept(pacing, 3.0, 0.4)
    assert pacing.refused(now, now, 2, told=False) is None
    assert pacing.refused(now + 1, now + 1, 2, told=False) == 0


def test_refusals_that_go_on_are_not_forgiven():
    pacing = settled_pacing()
    now = kept(pacing, 3.0, 9.0)
    given = [pacing.refused(now + n, now + n, 2, told=False) for n in range(9)]
    assert given == [None] * 8 + [0]


def test_a_slow_pace_forgives_nothing():
    pacing = settled_pacing()
    now = kept(pacing, 3.0, 5.0)
    pacing.pace.rate = 9.0
    assert pacing.refused(now, now, 2, told=False) == 0


def test_a_refusal_above_the_cap_is_learned_from():
    pacing = settled_pacing()
    now = kept(pacing, 3.0, 5.0)
    pacing.cap.limit = 4
    assert pacing.refused(now, now, 4, told=False) is None
    assert pacing.refused(now, now + 0.1, 5, told=False) == 0


def test_one_too_many_for_a_cap_by_chance_stops_nobody_however_the_pace_rises():
    pacing = settled_pacing()
    pacing.pace.doubling, pacing.pace.rate = True, 1000.0
    pacing.cap.limit, pacing.cap.confirmed = 5, True
    for n in range(200):
        pacing.gap(3.0 + n / 100, waited=n % 3 == 0)
        pacing.accepted(3.0 + n / 100, 2.99 + n / 100, 5)
    assert pacing.refused(5.0, 5.0, 5, told=False) is None
    assert pacing.refused(5.1, 5.1, 6, told=False) == 0


def test_the_first_probe_after_chance_has_lowered_a_cap_may_be_refused_by_chance_too():
    pacing = settled_pacing()
    now = kept(pacing, 3.0, 5.0)
    pacing.cap = capped(5)
    assert pacing.cap.explains(cycle(100, 2.0, alongside=5, paced=False), 1010.0)
    assert pacing.cap.limit == 4
    assert pacing.refused(now, now, 5, told=False) is None
    assert pacing.refused(now + 0.1, now + 0.1, 6, told=False) == 0


def confirmed(limit):
    """Return pacing where nothing but the confirmed number at a time holds the client back."""
    pacing = settled_pacing()
    pacing.cap.limit, pacing.cap.confirmed = limit, True
    for n in range(450):
        pacing.gap(3.0 + n / 100, waited=False)
        pacing.accepted(3.02 + n / 100, 3.0 + n / 100, limit)
    return pacing


def test_one_fewer_at_a_time_stops_nobody_where_refusals_by_chance_go_on():
    pacing = confirmed(5)
    for n in range(8):
        assert pacing.refused(8.0 + n, 8.0 + n, 5, told=False) is None
        assert pacing.cap.limit == 5
    assert pacing.refused(17.0, 17.0, 5, told=False) is None
    assert (pacing.closed, pacing.cap.limit, pacing.cap.window(18.9)) == (False, 4, 4)
    assert pacing.refused(17.1, 16.9, 4, told=False) is None  # it was sent before
    assert pacing.refused(17.2, 17.1, 4, told=False) == 0  # lowered twice: it is no such limit


def test_where_the_pace_holds_the_client_back_one_fewer_at_a_time_is_no_answer():
    pacing = confirmed(5)
    kept(pacing, 8.0, 0.2)
    given = [pacing.refused(9.0 + n, 9.0 + n, 5, told=False) for n in range(9)]
    assert given == [None] * 8 + [0]


def test_one_request_at_a_time_cannot_be_fewer():
    pacing = confirmed(1)
    given = [pacing.refused(9.0 + n, 9.0 + n, 1, told=False) for n in range(9)]
    assert given == [None] * 8 + [0]


def test_starts_in_bunches_at_a_pace_of_many_times_as_much_are_not_held_back_by_it():
    pacing = settled_pacing()
    pacing.pace.doubling, pacing.pace.rate, pacing.cap.limit = True, 2000.0, 5
    for n in range(60):
        now = 3.0 + n // 5 / 40 + n % 5 / 2000
        pacing.gap(now, waited=True)
        pacing.accepted(now + 0.02, now, 5)
    assert pacing.pace.rate < 2300  # it grew for the first starts, which tell nothing yet
    pacing.refused(4.0, 3.99, 6)
    assert not pacing.cycle.paced


def test_what_doubles_is_held_back_by_the_pace_though_less_was_sent_before():
    pacing = settled_pacing()
    pacing.pace.doubling, now = True, 3.0
    for _ in range(400):
        now += pacing.gap(now, waited=True)
        pacing.accepted(now, now, 2)
    pacing.refused(now, now, 2)
    assert pacing.cycle.paced


def test_who_waits_for_the_pace_now_and_then_is_held_back_by_something_else():
    pacing = settled_pacing()
    pacing.pace.rate, pacing.cap.limit = 600.0, 25
    for n in range(60):
        pacing.gap(3.0 + n / 200, waited=n % 3 == 2)
        pacing.accepted(3.0 + n / 200, 2.99 + n / 200, 25)
    pacing.refused(4.0, 3.99, 26)
    assert not pacing.cycle.paced


def test_what_was_sent_before_the_gate_opened_says_nothing_of_the_rate_since():
    pacing = settled_pacing()
    now = kept(pacing, 3.0, 0.1)
    pacing.refused(now, now, 2)
    assert pacing.cycle.lately == math.inf


@pytest.mark.parametrize(("gap", "least"), [(0.005, 0.005), (0.0021, 0.0021), (0.002, 0.0)])
def test_a_late_timer_is_made_up_for_where_timers_are_too_coarse_alone(gap, least):
    assert least_gap(gap) == least


def test_time_in_which_nobody_tried_the_open_gate_counts_for_nothing():
    pacing = Pacing(Cycle(0.0, accepted=50))
    pacing.refused(1.0, 1.0, 1)
    pacing.opened(2.0)
    pacing.gap(3600.0, waited=False)
    assert pacing.accepted(3600.0, 3600.0, 1)
    assert pacing.pace.rate == pytest.approx(25.0)


def test_while_it_is_a_cap_that_holds_the_rate_is_what_is_delivered():
    pacing = Pacing(Cycle(0.0, accepted=5))
    pacing.refused(0.1, 0.1, 50)
    for _ in range(44):
        pacing.refused(0.1, 0.0, 5)
    pacing.opened(1.1)
    pacing.gap(1.1, waited=False)
    pacing.accepted(1.2, 1.1, 1)
    assert pacing.cap.limit == 5
    assert pacing.rate <= 5
    for n in range(100):
        pacing.gap(1.2 + n / 20, waited=False)
        pacing.accepted(1.2 + n / 20, 1.1 + n / 20, 5)
    pacing.pace.rate = 1000.0
    assert pacing.rate == pytest.approx(20, rel=0.05)
