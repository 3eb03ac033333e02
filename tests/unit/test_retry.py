"""When to try again: a pure decision, and a bucket that bounds how often."""

import pickle
import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async import errors
from ltx_async.errors import (
    RETRIED_STATUSES,
    AttemptTimeoutError,
    CertificateError,
    ConfigurationError,
    ConnectError,
    DeadlineError,
    DecodeError,
    InvalidEmailError,
    ProtocolError,
    RateLimitError,
    ResponseError,
    ServerError,
    ServiceUnavailableError,
)
from ltx_async.retry import (
    OUTAGE_STATUSES,
    OutageRule,
    RetryBudget,
    RetryPolicy,
)

ALMOST_ONE = 1 - 2**-53
RETRIED = {408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 527, 529}


def lowest(**changes):
    return RetryPolicy(random=lambda: 0.0, **changes)


def highest(**changes):
    return RetryPolicy(random=lambda: ALMOST_ONE, **changes)


def status_error(status, retry_after=None):
    return ResponseError(f"HTTP {status}", status=status, retry_after=retry_after)


def throttle(retry_after=None):
    return RateLimitError("HTTP 429", status=429, retry_after=retry_after)


def test_exactly_the_documented_statuses_are_retried():
    policy = RetryPolicy()
    assert {status for status in range(1000) if policy.retries(status_error(status))} == RETRIED
    assert {n for n in range(1000) if policy.next_delay(status_error(n), 1) is not None} == RETRIED


def test_outage_statuses_are_the_edge_that_cannot_reach_the_origin():
    assert {*range(520, 528), 530} == OUTAGE_STATUSES
    assert {525, 526, 530} == OUTAGE_STATUSES - RETRIED_STATUSES


@pytest.mark.parametrize("cls", [ConnectError, AttemptTimeoutError, ProtocolError])
def test_transport_errors_are_retried(cls):
    assert RetryPolicy().retries(cls("no reply"))


@pytest.mark.parametrize(
    "cls",
    [
        CertificateError,
        ConfigurationError,
        DeadlineError,
        DecodeError,
        InvalidEmailError,
        ServiceUnavailableError,
        errors.LTXError,
    ],
)
def test_what_cannot_pass_by_itself_is_never_retried(cls):
    assert not RetryPolicy().retries(cls("no"))
    assert RetryPolicy().next_delay(cls("no"), 1) is None


@pytest.mark.parametrize("attempts", [1, 2, 3, 7])
def test_a_failure_is_followed_by_exactly_the_attempts_that_are_left(attempts):
    policy = RetryPolicy(attempts=attempts)
    delays = [policy.next_delay(ConnectError("x"), n) for n in range(1, attempts + 3)]
    assert [delay is not None for delay in delays] == [True] * (attempts - 1) + [False] * 3


@pytest.mark.parametrize(("attempt", "bound"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 20.0)])
def test_backoff_is_drawn_below_a_doubling_bound(attempt, bound):
    assert lowest(attempts=99).next_delay(ConnectError("x"), attempt) == 0
    assert highest(attempts=99).next_delay(ConnectError("x"), attempt) == pytest.approx(bound)


def test_backoff_never_exceeds_its_cap_up_to_attempt_10_000():
    policy = highest(attempts=20_000)
    for attempt in range(1, 10_001):
        assert 0 <= policy.next_delay(ConnectError("x"), attempt) < 20.0


@given(
    st.floats(0, 3600),
    st.floats(0, 86_400),
    st.integers(0, 10**9),
    st.floats(0, 1, exclude_max=True),
)
def test_backoff_never_exceeds_any_cap(base, cap, n, draw):
    delay = RetryPolicy(base=base, cap=cap, random=lambda: draw).backoff(n)
    assert 0 <= delay <= cap


def test_ten_thousand_draws_fill_twenty_buckets_evenly():
    policy = RetryPolicy(attempts=99, random=random.Random(20_260_101).random)
    buckets = [0] * 20
    for _ in range(10_000):
        buckets[int(policy.next_delay(ConnectError("x"), 50))] += 1
    assert sum((count - 500) ** 2 / 500 for count in buckets) < 43.8  # chi², 19 degrees, p = 0.001


@pytest.mark.parametrize(("told", "least", "most"), [(0, 0, 0.01), (5, 5, 5.5), (60, 60, 61)])
def test_retry_after_on_a_503_is_obeyed_plus_a_little(told, least, most):
    error = ServerError("HTTP 503", status=503, retry_after=told)
    assert lowest().next_delay(error, 1) == least
    assert least < highest().next_delay(error, 1) <= most


def test_retry_after_over_the_cap_on_a_503_gives_up():
    error = ServerError("HTTP 503", status=503, retry_after=60.001)
    assert RetryPolicy().next_delay(error, 1) is None
    assert RetryPolicy(retry_after_cap=61).next_delay(error, 1) >= 60.001


@pytest.mark.parametrize("status", sorted(RETRIED - {503}))
def test_retry_after_on_another_status_changes_nothing(status):
    assert lowest().next_delay(status_error(status, retry_after=1e9), 1) == 0


def test_a_503_without_retry_after_backs_off():
    assert highest().next_delay(status_error(503), 1) == pytest.approx(0.5)


def test_a_429_is_a_wait_and_no_failed_attempt():
    assert RetryPolicy().next_delay(throttle(), 1) is None
    assert RetryPolicy().throttle_delay(throttle(), 1) is not None


@pytest.mark.parametrize(
    ("told", "least", "most"), [(0, 1, 1), (0.5, 1, 1), (2, 2, 2.2), (60, 60, 61)]
)
def test_a_throttle_waits_as_told_and_never_less_than_its_base(told, least, most):
    assert lowest().throttle_delay(throttle(told), 1) == least
    assert least <= highest().throttle_delay(throttle(told), 1) <= most


def test_a_throttle_that_says_nothing_is_waited_for_longer_after_each_lone_refusal():
    delays = [lowest().throttle_delay(throttle(), n) for n in range(7)]
    assert delays == [1, 2, 4, 8, 10, 10, 10]
    delays = [highest().throttle_delay(throttle(), n) for n in (0, 1, 10**9)]
    assert delays == pytest.approx([1.1, 2.2, 11])  # a tenth more, so that no two are alike
    assert RetryPolicy(throttle_base=0.01, random=lambda: 0.0).throttle_delay(throttle(), 3) == 0.08


def test_a_throttle_over_the_cap_gives_up():
    assert RetryPolicy().throttle_delay(throttle(60.001)) is None
    assert RetryPolicy().throttle_delay(throttle(60)) is not None
    assert RetryPolicy(retry_after_cap=0).throttle_delay(throttle(1), 5) is None


@given(st.floats(0, 60), st.floats(0, 1, exclude_max=True), st.integers(1, 10))
def test_no_wait_is_ever_shorter_than_told(told, draw, n):
    policy = RetryPolicy(random=lambda: draw)
    assert policy.throttle_delay(throttle(told), n) >= max(told, 1.0)
    assert policy.next_delay(status_error(503, told), 1) >= told


OUT_OF_RANGE = {
    "attempts": [0, -1, 1_000_001, 1.0, True, "3", None],
    "base": [-0.001, 3601, float("nan"), float("inf"), True, "1", None],
    "cap": [-1, 86_401, float("nan"), float("-inf"), False],
    "throttle_base": [-1, 3601, float("nan"), None],
    "throttles": [-1, 1_000_001, 0.5, False],
    "retry_after_cap": [-1, 1e10, float("nan"), "60"],
    "budget": [-1, 10**10, 1.5, True],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OUT_OF_RANGE.items() for value in values]
)
def test_a_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} must be an? .* from .* to .*, not "):
        RetryPolicy(**{name: value})


OUTAGE_OUT_OF_RANGE = {
    "streak": [0, -1, 1_000_001, 2.5, True, "20", None],
    "patience": [-0.1, 1e10, float("nan"), float("inf"), "60", True],
    "probe_base": [0, 3601, float("nan"), "0.5"],
    "probe_cap": [0, 86_401, float("inf"), None],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in OUTAGE_OUT_OF_RANGE.items() for value in values],
)
def test_a_value_of_the_outage_rule_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} must be an? .* from .* to .*, not "):
        OutageRule(**{name: value})


def test_the_outage_rule_is_a_frozen_value_by_keyword_with_the_documented_defaults():
    rule = OutageRule()
    assert rule == OutageRule(
        streak=20, patience=60.0, first_patience=5.0, probe_base=0.5, probe_cap=5.0
    )
    assert OutageRule(streak=1, patience=0, probe_base=0.001, probe_cap=86_400) != rule
    assert pickle.loads(pickle.dumps(rule)) == rule
    with pytest.raises(TypeError):
        OutageRule(3)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        rule.patience = 5


@pytest.mark.parametrize(
    "edges",
    [
        {"attempts": 1, "base": 0, "cap": 0, "throttle_base": 0, "throttles": 0},
        {"attempts": 1_000_000, "base": 3600, "cap": 86_400, "throttle_base": 3600.0},
        {"retry_after_cap": 0, "budget": 0},
        {"retry_after_cap": 1e9, "budget": 1_000_000_000, "throttles": 1_000_000},
    ],
)
def test_the_edges_of_every_range_are_allowed(edges):
    policy = RetryPolicy(**edges)
    assert {name: getattr(policy, name) for name in edges} == edges


def test_the_defaults_are_the_documented_ones():
    assert RetryPolicy() == RetryPolicy(
        attempts=3,
        base=0.5,
        cap=20.0,
        throttle_base=1.0,
        throttles=10,
        retry_after_cap=60.0,
        budget=500,
    )


def test_a_policy_is_a_frozen_value_by_keyword():
    with pytest.raises(TypeError):
        RetryPolicy(3)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RetryPolicy().attempts = 5
    assert RetryPolicy() == RetryPolicy(random=lambda: 0.5)
    assert hash(RetryPolicy()) == hash(RetryPolicy())
    assert RetryPolicy() != RetryPolicy(attempts=4)
    assert "random" not in repr(RetryPolicy())


def test_a_pickled_policy_draws_from_the_generator_of_its_new_process():
    policy = RetryPolicy(attempts=7)
    first, second = (pickle.loads(pickle.dumps(policy)) for _ in range(2))
    assert first == second == policy
    assert first.backoff(5) != second.backoff(5)
    random.seed(7)
    drawn = first.backoff(5)
    random.seed(7)
    assert second.backoff(5) == drawn


FAIL = ServerError("HTTP 500", status=500)
TIMEOUT = AttemptTimeoutError("slow")


def play(policy, budget, replies):
    """Look one email up: return requests sent and whether one was answered."""
    cost = 0
    for requests, error in enumerate(replies, 1):
        if error is None:
            budget.give_back(cost)
            return requests, True
        if policy.next_delay(error, requests) is None:
            return requests, False
        cost = budget.take(error)
        if not cost:
            return requests, False
    raise AssertionError("more requests than scripted")


@pytest.mark.parametrize(
    ("capacity", "replies", "requests", "answered", "left"),
    [
        (500, [FAIL, FAIL, None], 3, True, 495),
        (500, [FAIL, FAIL, FAIL], 3, False, 490),
        (500, [FAIL, None], 2, True, 500),
        (500, [None], 1, True, 500),
        (5, [FAIL, FAIL], 2, False, 0),
        (5, [FAIL, None], 2, True, 5),
        (4, [FAIL], 1, False, 4),
        (0, [FAIL], 1, False, 0),
        (0, [None], 1, True, 0),
        (500, [TIMEOUT, TIMEOUT, None], 3, True, 490),
        (500, [TIMEOUT, FAIL, None], 3, True, 490),
        (500, [TIMEOUT, None], 2, True, 500),
        (9, [TIMEOUT], 1, False, 9),
        (10, [TIMEOUT, TIMEOUT], 2, False, 0),
    ],
)
def test_the_budget_is_exact_for_scripted_replies(capacity, replies, requests, answered, left):
    budget = RetryBudget(capacity)
    assert play(RetryPolicy(), budget, replies) == (requests, answered)
    assert budget.available == left


def test_a_clean_success_gives_one_back():
    budget = RetryBudget(500)
    budget.take(TIMEOUT)
    budget.give_back(0)
    assert budget.available == 491


@given(
    st.integers(0, 60),
    st.lists(st.sampled_from(["fail", "timeout", "clean", "recovered"]), max_size=200),
)
def test_the_budget_stays_between_zero_and_its_capacity(capacity, steps):
    budget = RetryBudget(capacity)
    for step in steps:
        before = budget.available
        if step in ("fail", "timeout"):
            price = 5 if step == "fail" else 10
            cost = budget.take(FAIL if step == "fail" else TIMEOUT)
            assert cost == (price if before >= price else 0)
            assert budget.available == before - cost
        else:
            budget.give_back(0 if step == "clean" else 5)
        assert 0 <= budget.available <= capacity


def test_a_total_outage_costs_a_thousand_lookups_at_most_1_100_requests():
    policy, budget = RetryPolicy(), RetryBudget(500)
    results = [play(policy, budget, [FAIL] * 3) for _ in range(1000)]
    assert sum(requests for requests, _ in results) <= 1100
    assert not any(answered for _, answered in results)


def test_one_503_in_ten_costs_little_and_fails_almost_nobody():
    chance = random.Random(5)
    policy, budget = RetryPolicy(), RetryBudget(500)
    results = [
        play(policy, budget, [FAIL if chance.random() < 0.1 else None for _ in range(3)])
        for _ in range(20_000)
    ]
    assert sum(answered for _, answered in results) >= 0.998 * 20_000
    assert sum(requests for requests, _ in results) <= 1.12 * 20_000


def test_a_budget_survives_pickling():
    budget = RetryBudget(500)
    budget.take(FAIL)
    assert pickle.loads(pickle.dumps(budget)) == budget


def test_a_clean_success_fills_the_last_place_too():
    budget = RetryBudget(7)
    assert budget.take(ProtocolError("cut")) == 5
    for left in (3, 4, 5, 6, 7, 7):
        budget.give_back(0)
        assert budget.available == left
