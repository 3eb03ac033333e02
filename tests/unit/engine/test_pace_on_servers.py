"""What the learned pace makes of servers of every kind, in virtual time: the bars of promise 39."""

import math
import random

import pytest
from attrs import define

from benchmarks.limits import AtATime, Changing, Even, Window
from benchmarks.simulation import Client, Learned, World

SEEDS = (1, 2)


def used_and_throttled(limit, *, latency=0.01, settled=60.0, until=300.0, seed=1, unevenness=0.2):
    client = Client(World(limit, latency, seed, unevenness), Learned())
    client.world.run(until)
    return client.used(settled, until), client.throttled(settled, until)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("retry_after", [1.0, 0.0])
@pytest.mark.parametrize(
    ("rate", "latency"),
    [(500, 0.0005), (500, 0.05)]
    + [(rate, latency) for rate in (100, 10, 1) for latency in (0.0005, 0.05, 0.3)],
)
def test_an_even_rate_is_used_and_hardly_ever_refused(rate, latency, retry_after, seed):
    settled, until = (10.0, 100.0) if rate >= 100 else (60.0, 360.0)
    used, throttled = used_and_throttled(
        Even(rate, 10, retry_after), latency=latency, settled=settled, until=until, seed=seed
    )
    assert used >= 0.9
    assert throttled <= 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("retry_after", [1.0, 0.0])
def test_a_large_burst_is_not_taken_for_the_rate(retry_after, seed):
    used, throttled = used_and_throttled(
        Even(100, 1000, retry_after), settled=10.0, until=120.0, seed=seed
    )
    assert used >= 0.95
    assert throttled <= 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("slides", [False, True])
@pytest.mark.parametrize("told", [True, False])
def test_a_short_window_is_filled(told, slides, seed):
    used, throttled = used_and_throttled(Window(100, 2.0, told, slides), seed=seed)
    assert used >= 0.9
    assert throttled <= 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("told", "most"), [(True, 0.02), (False, 0.1)])
def test_a_long_window_is_filled_and_its_end_is_hardly_polled_for(told, most, seed):
    used, throttled = used_and_throttled(Window(60, 60.0, told), until=660.0, seed=seed)
    assert used >= 0.9
    assert throttled <= most


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("retry_after", [1.0, 0.0])
def test_a_limit_of_requests_under_way_is_kept(retry_after, seed):
    used, throttled = used_and_throttled(
        AtATime(5, 0.05, retry_after), latency=0.001, settled=10.0, until=120.0, seed=seed
    )
    assert used >= 0.9
    assert throttled <= 0.02


@pytest.mark.parametrize("seed", SEEDS)
def test_a_limit_that_falls_is_obeyed_and_one_that_is_raised_is_found_within_90_seconds(seed):
    limit = Changing([(0, Even(500)), (40, Even(50)), (80, Even(500))])
    client = Client(World(limit, seed=seed), Learned())
    client.world.run(230)
    assert client.used(10, 40) >= 0.9
    assert client.used(50, 80) >= 0.85
    assert any(client.used(since, since + 4) >= 0.9 for since in range(80, 170, 2))
    assert client.used(170, 230) >= 0.9
    assert client.throttled(10, 230) <= 0.02


@pytest.mark.parametrize("lags", [(0.0, 0.3), (0.0, 40.0), (0.0, 0.3, 0.6)])
def test_a_limit_that_is_shared_is_shared_out(lags):
    shares = []
    for seed in range(1, 5):
        world = World(Even(100), 0.02, seed)
        clients = [Client(world, Learned(), since=lag) for lag in lags]
        world.run(300)
        used = [client.used(100, 300) for client in clients]
        assert sum(used) >= 0.9
        assert max(client.throttled(100, 300) for client in clients) <= 0.02
        shares.append(min(used) * len(clients))
    assert sum(shares) / len(shares) >= 0.5  # on average nobody has less than half of its share


# Servers that the rules were not made on


@pytest.mark.parametrize(
    ("limit", "latency"),
    [
        (Even(200, 20, 0.0), 0.02),
        (Even(200, 50, 5.0), 0.02),
        (Even(30, 5), 0.08),
        (Even(3, 3, 0.0), 0.08),
        (Even(20, 200), 0.02),
        (Even(300, 300), 0.03),
        (Even(100, 20, 0.0, queues=True), 0.005),
        (Even(100, 100, 0.0, queues=True), 0.005),
        (Window(1000, 10.0), 0.02),
        (Window(1000, 10.0, told=False), 0.02),
        (Window(300, 60.0), 0.02),
        (Window(20, 1.0), 0.02),
        (Window(600, 60.0, slides=True), 0.02),
    ],
    ids=str,
)
def test_the_bars_hold_on_servers_that_nothing_was_tuned_on(limit, latency):
    used, throttled = used_and_throttled(limit, latency=latency, until=260.0)
    assert used >= 0.9
    assert throttled <= 0.02


def test_a_cap_is_kept_where_every_request_takes_another_time():
    draw = random.Random(5).expovariate
    limit = AtATime(10, 0.1, takes=lambda: draw(10))
    used, throttled = used_and_throttled(limit, latency=0.002, settled=30.0, until=200.0)
    assert used >= 0.9
    assert throttled <= 0.005


def test_a_cap_counts_what_is_on_its_way_as_under_way():
    """At most 20 of 0.24 s are under way, and they are in service for 0.2 s: 5 in 6."""
    used, throttled = used_and_throttled(AtATime(20, 0.2), latency=0.04, until=260.0)
    assert used >= 0.8
    assert throttled <= 0.005


def test_where_requests_must_not_come_close_the_way_there_decides():
    """No burst at all, and a latency that varies by two fifths of the gap: nobody can do well."""
    used, throttled = used_and_throttled(Even(100, 1), latency=0.02, settled=30.0, until=200.0)
    assert used >= 0.7
    assert throttled <= 0.005


# nginx's `limit_req` and its kind: no burst, no Retry-After, a clock of milliseconds


def late(noise: random.Random) -> float:
    """A timer that is rounded up to milliseconds, in a loop that has other things to do."""
    stall = noise.random() * 0.01 if noise.random() < 0.005 else 0.0
    return noise.random() * 0.001 + noise.expovariate(1 / 0.0003) + stall


@define(eq=False)
class EvenSender:
    """Sends at a rate and heeds no refusal: whoever knew the limit could do as well."""

    rate: float

    def window(self, _now):
        return math.inf

    def gap(self, _now, *, waited):
        del waited
        return 1 / self.rate

    def opened(self, _now):
        """Nothing is closed."""

    def accepted(self, _now, _sent_at, _under_way):
        """Nothing is learned."""

    def refused(self, _now, _sent_at, _under_way, *, told):
        del told
        return False


def without_a_burst(control, seed, unevenness):
    limit = Even(200, 1, 0.0, tick=0.001)
    client = Client(World(limit, 0.02, seed, unevenness, late), control)
    client.world.run(45)
    return client.used(10, 45), client.throttled(10, 45)


@pytest.mark.parametrize("unevenness", [0.01, 0.2])
@pytest.mark.parametrize("seed", range(1, 7))
def test_without_a_burst_it_gets_nine_tenths_of_what_an_even_sender_gets(seed, unevenness):
    even = [without_a_burst(EvenSender(rate), seed, unevenness) for rate in range(100, 201, 10)]
    best = max(used for used, throttled in even if throttled <= 0.02)
    used, throttled = without_a_burst(Learned(), seed, unevenness)
    assert used >= 0.9 * best
    assert throttled <= 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("burst", [6, 21])
def test_late_timers_cost_little_where_there_is_a_burst(burst, seed):
    limit = Even(200, burst, 0.0, tick=0.001)
    client = Client(World(limit, 0.02, seed, 0.2, late), Learned())
    client.world.run(45)
    assert client.used(10, 45) >= 0.9
    assert client.throttled(10, 45) <= 0.02
