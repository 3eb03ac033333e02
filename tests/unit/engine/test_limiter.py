"""The semaphore, the pace, the gate, the trial after a throttle and the slow start after an
outage, in virtual time."""

import asyncio
import contextlib
import itertools
import math
import random
import time

import pytest

from ltx_async.engine.limiter import Limiter
from ltx_async.errors import ConfigurationError
from unit.virtual_time import in_virtual_time, now, passes


async def queue(limiter, count):
    """Put `count` tasks in the queue, and return them with the list that grants are noted in."""
    granted = []

    async def wait(number):
        await limiter.acquire()
        granted.append(number)

    tasks = [asyncio.create_task(wait(number)) for number in range(count)]
    await passes()
    return tasks, granted


async def starts(limiter, count, *, hold=0.0):
    """Return when each of `count` acquires was granted; slots are held for `hold` seconds."""
    times = []

    async def use():
        await limiter.acquire()
        times.append(now())
        await asyncio.sleep(hold)
        limiter.release()

    await asyncio.gather(*(use() for _ in range(count)))
    return times


def gaps_between(times):
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def window_of(limiter):
    """Count the slots that can be taken right now, and give them back."""
    taken = 0
    while limiter.try_acquire():
        taken += 1
    for _ in range(taken):
        limiter.release()
    return taken


def throttled(limiter, seconds):
    """Report a throttle to what has just been sent, and close the gate as told."""
    polls = limiter.refused(now())
    limiter.close(seconds, throttle=True)
    return polls


async def answered_after(limiter, seconds=0.0):
    """Send one request and have it answered after a while."""
    await limiter.acquire()
    sent_at = now()
    await asyncio.sleep(seconds)
    limiter.succeeded(sent_at)
    limiter.release()
    return sent_at


# Slots


@in_virtual_time
async def test_as_many_slots_as_concurrency_and_no_more():
    limiter = Limiter(3)
    assert [limiter.try_acquire() for _ in range(4)] == [True, True, True, False]
    limiter.release()
    assert limiter.try_acquire()
    assert not limiter.try_acquire()


@in_virtual_time
async def test_slots_are_granted_first_come_first_served():
    limiter = Limiter(1)
    await limiter.acquire()
    tasks, granted = await queue(limiter, 5)
    for served in range(5):
        limiter.release()
        await passes()
        assert granted == list(range(served + 1))
    await asyncio.gather(*tasks)


@in_virtual_time
async def test_nobody_overtakes_those_who_wait():
    limiter = Limiter(1)
    await limiter.acquire()
    tasks, granted = await queue(limiter, 1)
    limiter.release()  # granted to the one who waits, before it could run
    assert not limiter.try_acquire()
    await asyncio.gather(*tasks)
    assert granted == [0]


@in_virtual_time
async def test_a_slot_granted_to_somebody_who_was_cancelled_is_not_lost():
    limiter = Limiter(1)
    await limiter.acquire()
    tasks, granted = await queue(limiter, 2)
    limiter.release()
    tasks[0].cancel()  # it has the slot, and does not know it yet
    await passes()
    assert tasks[0].cancelled()
    assert granted == [1]
    limiter.release()
    assert window_of(limiter) == 1


@in_virtual_time
async def test_one_cancelled_in_the_queue_is_passed_over():
    limiter = Limiter(1)
    await limiter.acquire()
    tasks, granted = await queue(limiter, 3)
    tasks[0].cancel()
    limiter.release()  # the cancelled one has not run yet: it stands at the head still
    await passes()
    assert granted == [1]
    limiter.release()
    await passes()
    assert granted == [1, 2]
    limiter.release()
    assert window_of(limiter) == 1


@pytest.mark.parametrize("concurrency", [1, 2, 7])
@pytest.mark.parametrize("seed", range(3))
@in_virtual_time
async def test_a_thousand_random_cancellations_lose_no_slot(concurrency, seed):
    generator = random.Random(seed)
    limiter = Limiter(concurrency)
    under_way = most = 0

    async def use():
        nonlocal under_way, most
        await limiter.acquire()
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(generator.random())
        finally:
            under_way -= 1
            limiter.release()

    async def user():
        task = asyncio.create_task(use())
        await asyncio.sleep(generator.random() * 3)
        for _ in range(generator.randrange(4)):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    for _ in range(100):
        await asyncio.gather(*(user() for _ in range(10)))
    assert most == concurrency
    assert window_of(limiter) == concurrency


@in_virtual_time
async def test_cancelling_newest_first_costs_no_more_than_oldest_first():
    async def cost(order):
        limiter = Limiter(1)
        await limiter.acquire()
        tasks, granted = await queue(limiter, 20_000)
        began = time.process_time()
        for task in order(tasks):
            task.cancel()
        await asyncio.wait(tasks)
        spent = time.process_time() - began
        limiter.release()
        assert granted == []
        assert window_of(limiter) == 1
        return spent

    costs = [(await cost(reversed), await cost(iter)) for _ in range(3)]
    newest_first, oldest_first = map(min, zip(*costs, strict=True))  # the rest is the machine's
    assert newest_first < 15 * oldest_first


@in_virtual_time
async def test_who_is_first_is_served_before_those_who_wait_even_where_some_were_cancelled():
    limiter = Limiter(1)
    await limiter.acquire()
    tasks, granted = await queue(limiter, 4)
    for number in (3, 0):
        tasks[number].cancel()
    await passes()
    early = asyncio.create_task(limiter.acquire(first=True))
    await passes()
    limiter.release()
    await early
    assert granted == []
    for expected in ([1], [1, 2]):
        limiter.release()
        await passes()
        assert granted == expected


# Pace


@pytest.mark.parametrize("rate", [0.5, 3, 10, 250.0])
@in_virtual_time
async def test_the_pace_is_even_and_exact_and_uses_the_whole_rate(rate):
    times = await starts(Limiter(1000, rate), 200)
    assert gaps_between(times) == pytest.approx([1 / rate] * 199, rel=1e-9)


@in_virtual_time
async def test_an_idle_time_is_not_made_up_for_by_a_burst():
    limiter = Limiter(1000, 10)
    await starts(limiter, 3)
    await asyncio.sleep(100)
    times = await starts(limiter, 5)
    assert gaps_between(times) == pytest.approx([0.1] * 4, abs=1e-9)


@in_virtual_time
async def test_time_behind_a_closed_gate_is_not_made_up_for_by_a_burst():
    limiter = Limiter(1000, 10)
    await starts(limiter, 1)
    times = []

    async def use():
        await limiter.acquire()
        times.append(now())
        limiter.release()
        limiter.succeeded(now())

    tasks = [asyncio.create_task(use()) for _ in range(6)]
    await passes()  # all of them wait for the pace
    limiter.close(30)
    await asyncio.gather(*tasks)
    assert gaps_between(times) == pytest.approx([0.1] * 5, abs=1e-9)


@in_virtual_time
async def test_a_late_timer_costs_no_share_of_the_rate():
    limiter = Limiter(1000, 100)
    loop = asyncio.get_running_loop()
    starts = 0

    async def use():
        nonlocal starts
        await limiter.acquire()
        starts += 1
        if starts % 2:
            loop.move(0.013)  # the loop is busy: every other timer fires 3 ms late
        limiter.release()

    began = now()
    await asyncio.gather(*(use() for _ in range(200)))
    assert 200 / (now() - began) >= 0.95 * 100


@pytest.mark.parametrize("rate", [70, 500, 900, 2300, 5000])
@in_virtual_time
async def test_a_coarse_clock_costs_no_share_of_the_rate(rate, monkeypatch):
    """As on uvloop: the time is in whole milliseconds, and a timer may fire just before it."""
    loop, limiter = asyncio.get_running_loop(), Limiter(2000, rate)
    looks = 0

    def time():
        nonlocal looks
        looks += 1
        loop.move(0.00011)  # even a look at the clock takes a while
        return math.floor(loop.now * 1000) / 1000

    def call_at(when, callback):
        return exactly_at(round((loop.now + when - time()) * 1000) / 1000, callback)

    exactly_at = loop.call_at
    began = now()
    monkeypatch.setattr(loop, "time", time)
    monkeypatch.setattr(loop, "call_at", call_at)
    await asyncio.gather(*(limiter.acquire() for _ in range(2000)))
    assert 2000 / (loop.now - began) >= 0.95 * rate


@in_virtual_time
async def test_nobody_overtakes_those_who_wait_for_the_pace():
    limiter = Limiter(5, 1)
    await limiter.acquire()
    tasks, granted = await queue(limiter, 1)
    asyncio.get_running_loop().move(1.5)  # the next start is due, and its timer late
    assert not limiter.try_acquire()
    await asyncio.gather(*tasks)
    assert granted == [0]


@in_virtual_time
async def test_a_long_standstill_is_followed_by_no_burst():
    limiter = Limiter(1000, 100)
    tasks = asyncio.create_task(starts(limiter, 50))
    await passes(0.1)
    asyncio.get_running_loop().move(5)
    resumed = now()
    times = [at for at in await tasks if at >= resumed]
    assert times[0] == resumed
    assert sum(at < resumed + 0.1 for at in times) <= 12  # ten, and what 10 ms forgive


@in_virtual_time
async def test_pace_and_slots_bound_together():
    times = await starts(Limiter(2, 10), 6, hold=1.0)
    assert [at - times[0] for at in times] == pytest.approx([0, 0.1, 1, 1.1, 2, 2.1])


@in_virtual_time
async def test_a_cancelled_wait_for_the_pace_delays_nobody():
    limiter = Limiter(5, 1)
    began = now()
    assert limiter.try_acquire()
    assert not limiter.try_acquire()
    tasks, granted = await queue(limiter, 2)
    tasks[0].cancel()
    await tasks[1]
    assert granted == [1]
    assert now() - began == pytest.approx(1.0)
    await asyncio.sleep(1)
    assert limiter.try_acquire()  # and with nobody waiting, the timer comes to rest


# The gate


@in_virtual_time
async def test_nobody_passes_a_closed_gate_until_it_opens():
    limiter = Limiter(5)
    closed_at = now()
    assert limiter.close(2.5)
    assert limiter.closed
    assert limiter.opens_at == closed_at + 2.5
    assert not limiter.try_acquire()
    await limiter.acquire()
    assert now() == closed_at + 2.5
    assert not limiter.closed
    assert limiter.opens_at <= now()


@in_virtual_time
async def test_a_closed_gate_only_stays_closed_for_longer():
    limiter = Limiter(5)
    closed_at = now()
    limiter.close(5)
    assert not limiter.close(1)
    assert limiter.opens_at == closed_at + 5
    assert not limiter.close(9)
    await limiter.acquire()
    assert now() == closed_at + 9


@in_virtual_time
async def test_a_slot_given_back_behind_a_closed_gate_is_granted_to_nobody():
    limiter = Limiter(1)
    await limiter.acquire()
    tasks, granted = await queue(limiter, 1)
    limiter.close(3)
    limiter.release()
    await passes(1)
    assert granted == []
    await asyncio.gather(*tasks)


async def grow_to(limiter, most):
    """Return the windows after the gate opens, round of successes by round, until `most`."""
    if limiter.closed:
        await asyncio.sleep(limiter.opens_at - now())
    windows = [window_of(limiter)]
    while windows[-1] < most:
        for _ in range(windows[-1]):
            assert window_of(limiter) == windows[-1]  # the round has to be full
            limiter.succeeded(now())
        windows.append(window_of(limiter))
    return windows


@in_virtual_time
async def test_after_an_outage_slow_start_doubles_round_by_round_up_to_concurrency():
    limiter = Limiter(10)
    limiter.close(1)
    assert await grow_to(limiter, 10) == [1, 2, 4, 8, 10]
    for _ in range(100):
        limiter.succeeded(now())
    assert window_of(limiter) == 10
    limiter.close(1)
    assert await grow_to(limiter, 10) == [1, 2, 4, 8, 10]


@in_virtual_time
async def test_a_success_behind_a_closed_gate_widens_nothing():
    limiter = Limiter(8)
    limiter.close(1)
    for _ in range(20):
        limiter.succeeded(now())
    assert await grow_to(limiter, 8) == [1, 2, 4, 8]
    limiter.close(1)
    limiter.succeeded(now())
    assert await grow_to(limiter, 8) == [1, 2, 4, 8]


@in_virtual_time
async def test_a_wider_window_lets_the_next_in_at_once():
    limiter = Limiter(4)
    limiter.close(1)
    tasks, granted = await queue(limiter, 4)
    await asyncio.sleep(1)
    await passes()
    assert granted == [0]
    limiter.release()
    limiter.succeeded(now())
    await passes()
    assert granted == [0, 1, 2]
    for _ in range(3):
        limiter.release()
    await asyncio.gather(*tasks)


# After a throttle


@in_virtual_time
async def test_after_a_throttle_one_request_tries_the_gate_and_then_all_go_at_the_learned_pace():
    limiter = Limiter(16)
    for _ in range(10):
        await answered_after(limiter)
    await limiter.acquire()
    throttled(limiter, 2.0)
    limiter.release()
    tasks, granted = await queue(limiter, 40)
    await asyncio.sleep(5)
    assert granted == [0]  # nobody follows it until it is answered, however long that takes
    limiter.succeeded(now())
    limiter.release()
    times = []
    while len(granted) < 40:
        count = len(granted)
        await asyncio.sleep(0.001)
        times += [now()] * (len(granted) - count)
        for _ in range(len(granted) - count):
            limiter.succeeded(now())
            limiter.release()
    await asyncio.gather(*tasks)
    gaps = gaps_between(times)
    assert min(gaps) > 0  # one after another
    # Ten were accepted in 5 s (2 s told, and 3 s until the answer), which is two a second.
    assert gaps[0] == pytest.approx(1 / 2, rel=0.2)
    assert gaps[-1] < gaps[0] / 4  # and then the pace doubles, for nothing is known yet


@in_virtual_time
async def test_a_trial_that_is_refused_closes_the_gate_again_and_is_counted():
    limiter = Limiter(4)
    await limiter.acquire()
    assert throttled(limiter, 1.0) == 0
    limiter.release()
    for polls in (1, 2, 3):
        await limiter.acquire()
        assert throttled(limiter, 1.0) == polls
        limiter.release()
    await answered_after(limiter)
    await limiter.acquire()
    assert throttled(limiter, 1.0) == 0


@in_virtual_time
async def test_a_trial_that_gets_no_reply_is_followed_by_another_one():
    limiter = Limiter(4)
    await limiter.acquire()
    throttled(limiter, 1.0)
    limiter.release()
    tasks, granted = await queue(limiter, 3)
    await asyncio.sleep(1.5)
    assert granted == [0]
    limiter.release()  # a timeout, say: nothing is reported of it
    await passes()
    assert granted == [0, 1]
    limiter.release()
    await passes(3)
    limiter.release()
    await asyncio.gather(*tasks)


@in_virtual_time
async def test_slow_requests_of_before_neither_hold_up_the_trial_nor_make_room_for_a_second_one():
    limiter = Limiter(8)
    for _ in range(4):
        await limiter.acquire()
    sent_at = now()
    await asyncio.sleep(0.1)
    throttled(limiter, 1.0)
    limiter.release()
    tasks, granted = await queue(limiter, 4)
    await asyncio.sleep(1.5)
    assert granted == [0]  # though three are still under way
    for _ in range(3):
        limiter.succeeded(sent_at)
        limiter.release()
    await passes(5)
    assert granted == [0]
    limiter.succeeded(now() - 5)
    limiter.release()
    await passes(5)
    assert len(granted) > 1
    for _ in range(3):
        limiter.release()
        await passes(5)
    await asyncio.gather(*tasks)


@in_virtual_time
async def test_the_pace_is_none_before_a_throttle_and_the_smaller_of_rate_and_pace_holds():
    limiter = Limiter(8, 5.0)
    assert limiter.pace is None
    for _ in range(100):
        await answered_after(limiter)
    await limiter.acquire()
    throttled(limiter, 1.0)
    limiter.release()
    assert limiter.pace is None
    await answered_after(limiter)
    assert limiter.pace == pytest.approx(5.0, rel=0.2)
    times = [await answered_after(limiter) for _ in range(200)]
    assert min(gaps_between(times)) >= 0.2 - 1e-9
    assert limiter.pace < 6.0  # a pace that is never tried does not grow


@in_virtual_time
async def test_at_a_learned_pace_a_late_start_brings_the_next_one_no_closer():
    """Unlike at a `rate`: a server without a burst refuses what comes too close."""
    limiter, loop = Limiter(50), asyncio.get_running_loop()
    for _ in range(30):
        await answered_after(limiter)
    await limiter.acquire()
    throttled(limiter, 1.0)
    limiter.release()
    await answered_after(limiter)
    times, least = [], []

    async def use():
        await limiter.acquire()
        times.append(now())
        least.append(1 / limiter.pace)
        if len(times) % 3 == 0:
            loop.move(1 / limiter.pace + 0.004)  # every third timer fires 4 ms late
        limiter.release()

    await asyncio.gather(*(use() for _ in range(9)))
    gaps = gaps_between(times)
    assert all(gap >= bound - 1e-9 for gap, bound in zip(gaps, least, strict=False))
    late = [gap - bound for gap, bound in zip(gaps, least, strict=False)][2::3]
    assert late == pytest.approx([0.004, 0.004], abs=1e-6)


@in_virtual_time
async def test_a_rate_that_is_slower_than_what_was_learned_is_kept_in_spite_of_late_timers():
    limiter, loop = Limiter(50, 50), asyncio.get_running_loop()
    for _ in range(100):
        await answered_after(limiter)
    await limiter.acquire()
    throttled(limiter, 0.1)
    limiter.release()
    times = []

    async def use():
        await limiter.acquire()
        times.append(now())
        if len(times) % 2:
            loop.move(0.023)  # every other timer fires 3 ms late
        limiter.succeeded(now())
        limiter.release()

    await asyncio.gather(*(use() for _ in range(300)))
    assert limiter.pace > 50
    assert 99 / (times[-1] - times[-100]) >= 0.99 * 50


@in_virtual_time
async def test_after_a_rest_what_was_accepted_before_says_nothing():
    limiter = Limiter(8)
    for _ in range(1000):
        await answered_after(limiter, 0.001)
    await asyncio.sleep(3600)
    for _ in range(20):
        await answered_after(limiter, 0.001)
    await limiter.acquire()
    throttled(limiter, 1.0)
    limiter.release()
    await answered_after(limiter)
    assert limiter.pace == pytest.approx(20, rel=0.1)  # and not 20 in an hour


@in_virtual_time
async def test_the_opening_is_told_with_the_window():
    told = []
    limiter = Limiter(4, on_open=told.append)
    limiter.close(1)
    await asyncio.sleep(0.5)
    assert told == []
    await asyncio.sleep(0.5)
    assert told == [1]


@in_virtual_time
async def test_a_gate_that_an_outage_closed_can_be_opened_before_its_time():
    told = []
    limiter = Limiter(4, on_open=told.append)
    limiter.close(5)
    tasks, granted = await queue(limiter, 2)
    limiter.reopen()
    await passes()
    assert granted == [0]  # slow start all the same
    limiter.release()
    await asyncio.gather(*tasks)
    await asyncio.sleep(10)
    assert told == [1]


@in_virtual_time
async def test_a_gate_that_a_throttle_closed_stays_closed():
    limiter = Limiter(4)
    limiter.close(5)
    throttled(limiter, 5)
    limiter.reopen()
    assert limiter.closed
    await asyncio.sleep(5)
    limiter.reopen()  # open already
    assert not limiter.closed


# What the machine or the server sets for good


@in_virtual_time
async def test_refused_for_counts_down_and_the_longest_refusal_holds():
    limiter = Limiter(4)
    assert limiter.refused_for() <= 0
    limiter.refuse(100)
    limiter.refuse(30)
    await asyncio.sleep(40)
    assert limiter.refused_for() == pytest.approx(60)
    await asyncio.sleep(60)
    assert limiter.refused_for() <= 0


@in_virtual_time
async def test_concurrency_is_lowered_to_the_slots_that_could_be_used():
    limiter = Limiter(10)
    for _ in range(5):
        assert limiter.try_acquire()
    limiter.release()  # the fifth found no descriptor
    assert limiter.lower() == 4
    assert not limiter.try_acquire()
    for _ in range(4):
        limiter.release()
    assert window_of(limiter) == limiter.concurrency == 4


@in_virtual_time
async def test_lowering_goes_down_by_one_at_least_and_ends_at_one():
    limiter = Limiter(3)
    for _ in range(3):
        limiter.try_acquire()
    assert [limiter.lower() for _ in range(4)] == [2, 1, 1, 1]


async def sizes(limiter, seconds):
    """Return the window and `concurrency` after each of some seconds."""
    seen = []
    for _ in range(seconds):
        await asyncio.sleep(1)
        seen.append(window_of(limiter))
        assert seen[-1] == limiter.concurrency
    return seen


@in_virtual_time
async def test_a_lowered_concurrency_grows_again_to_what_was_wanted_and_no_further():
    limiter = Limiter(50)
    for _ in range(8):
        limiter.try_acquire()
    limiter.release()
    assert limiter.lower() == 7
    for _ in range(7):
        limiter.release()
    await asyncio.sleep(0.5)
    grown = await sizes(limiter, 14)
    assert grown == [7, 8, 8, 10, 10, 14, 14, 22, 22, 38, 38, 50, 50, 50]
    assert limiter._growth_timer is None


@in_virtual_time
async def test_what_lacks_again_is_asked_for_by_one_more_at_a_time():
    limiter = Limiter(50)
    for _ in range(10):
        limiter.try_acquire()
    for _ in range(20):  # at most nine can be under way
        limiter.release()
        limiter.lower()
        assert limiter.concurrency == limiter.under_way == 9
        await asyncio.sleep(2.1)
        assert limiter.try_acquire()
        assert not limiter.try_acquire()


@in_virtual_time
async def test_those_who_wait_get_the_slots_that_grow():
    limiter = Limiter(3)
    for _ in range(2):
        limiter.try_acquire()
    limiter.release()
    limiter.lower()
    _, granted = await queue(limiter, 2)
    assert granted == []
    await asyncio.sleep(4.1)
    assert granted == [0, 1]


@in_virtual_time
async def test_a_concurrency_that_grows_opens_no_gate_and_ends_no_slow_start():
    limiter = Limiter(8)
    limiter.try_acquire()
    limiter.release()
    assert limiter.lower() == 1
    limiter.close(5)
    await asyncio.sleep(4.5)
    assert limiter.concurrency == 4
    assert not limiter.try_acquire()
    await asyncio.sleep(4)
    assert limiter.concurrency == 8
    for expected in (1, 2, 4, 8):
        assert window_of(limiter) == expected
        for _ in range(expected):
            limiter.try_acquire()
        for _ in range(expected):
            limiter.succeeded(now())
            limiter.release()


@in_virtual_time
async def test_a_stopped_limiter_leaves_nothing_that_grows():
    limiter = Limiter(8)
    limiter.try_acquire()
    limiter.lower()
    limiter.stop()
    limiter.release()
    limiter.lower()
    await asyncio.sleep(60)
    assert window_of(limiter) == 0
    assert limiter.concurrency < 8


@in_virtual_time
async def test_slow_start_never_grows_past_a_lowered_concurrency():
    limiter = Limiter(8)
    limiter.try_acquire()
    limiter.try_acquire()
    limiter.release()
    assert limiter.lower() == 1
    limiter.release()
    limiter.close(1)
    await asyncio.sleep(1)
    for _ in range(20):
        limiter.succeeded(now())
    assert window_of(limiter) == 1


# The end


@in_virtual_time
async def test_stopping_tells_those_who_wait_and_grants_nothing_more():
    limiter = Limiter(1, 10)
    await limiter.acquire()
    tasks, granted = await queue(limiter, 3)
    limiter.close(50)
    limiter.stop()
    limiter.stop()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [ConfigurationError] * 3
    assert {result.hint for result in results} == {"Make a new LTXClient."}
    assert granted == []
    limiter.release()
    limiter.succeeded(now())
    assert not limiter.try_acquire()
    assert not limiter.close(1)
    with pytest.raises(ConfigurationError, match="closed"):
        await limiter.acquire()
    await asyncio.sleep(100)
    assert not limiter.try_acquire()


@in_virtual_time
async def test_one_who_is_cancelled_while_the_limiter_stops_gives_no_slot_back():
    limiter = Limiter(1)
    await limiter.acquire()
    tasks, _ = await queue(limiter, 2)
    tasks[1].cancel()
    limiter.stop()
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    assert limiter.under_way == 1


@in_virtual_time
async def test_stopping_drops_the_pace_timer():
    limiter = Limiter(5, 0.01)
    limiter.try_acquire()
    tasks, _ = await queue(limiter, 1)
    limiter.stop()
    assert asyncio.get_running_loop()._scheduled[0].cancelled()
    await asyncio.gather(*tasks, return_exceptions=True)


# What it is made of


@pytest.mark.parametrize("concurrency", [0, -1, 100_001, 1.0, True, "20", None])
def test_a_concurrency_that_makes_no_sense_is_refused(concurrency):
    with pytest.raises(ConfigurationError, match="concurrency"):
        Limiter(concurrency)


@pytest.mark.parametrize("rate", [0, -1, 1e7, 1e-7, True, "5", float("nan"), float("inf")])
def test_a_rate_that_makes_no_sense_is_refused(rate):
    with pytest.raises(ConfigurationError, match="rate"):
        Limiter(5, rate)
