import asyncio
import threading
import time

import pytest
from patience import reached

from ltx_async.files.sync import SYNC_WINDOW, Syncer


@pytest.fixture
def calls():
    return []


def test_a_power_cut_costs_one_second_at_most():
    assert SYNC_WINDOW == 1.0
    assert Syncer(print).window == SYNC_WINDOW


async def test_many_records_share_one_call_soon_after_the_first(calls):
    syncer = Syncer(lambda: calls.append(threading.current_thread()), 0.02)
    for _ in range(100):
        syncer.touch()
    assert calls == []
    await reached(lambda: calls)
    await asyncio.sleep(0.05)
    assert len(calls) == 1
    assert calls[0] is not threading.current_thread()
    syncer.touch()
    await reached(lambda: len(calls) == 2)
    await syncer.close()
    assert len(calls) == 3


async def test_a_record_during_a_call_gets_a_call_after_it(calls):
    go = threading.Event()

    def slow():
        calls.append(1)
        assert go.wait(5)

    syncer = Syncer(slow, 0.01)
    syncer.touch()
    await reached(lambda: calls)
    syncer.touch()
    await asyncio.sleep(0.03)
    assert len(calls) == 1
    go.set()
    await reached(lambda: len(calls) == 2)
    await syncer.close()


async def test_closing_waits_for_the_thread_and_calls_a_last_time(calls):
    def slow():
        time.sleep(0.02)
        calls.append(1)

    syncer = Syncer(slow, 0)
    syncer.touch()
    await asyncio.sleep(0.01)
    await syncer.close()
    assert len(calls) == 2


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_closing_lets_the_loop_go_on_and_a_cancelled_one_hurries_and_still_waits(
    calls, times
):
    go, hurried = threading.Event(), []
    syncer = Syncer(lambda: calls.append(go.wait(5)))
    closing = asyncio.create_task(syncer.close(lambda: hurried.append(1)))
    for _ in range(times):
        await asyncio.sleep(0.02)
        assert (calls, closing.done()) == ([], False)
        closing.cancel()
    await asyncio.sleep(0.02)
    assert (calls, closing.done(), len(hurried)) == ([], False, times)
    go.set()
    await asyncio.wait([closing])
    assert (calls, closing.cancelled()) == ([True], True)


async def test_a_time_limit_around_a_close_is_told(calls):
    go = threading.Event()
    syncer = Syncer(lambda: calls.append(go.wait(5)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await syncer.close(go.set)
    assert calls == [True]


async def test_what_fails_in_a_cancelled_close_is_raised():
    go = threading.Event()

    def failing():
        go.wait(5)
        raise OSError(28, "No space left on device")

    closing = asyncio.create_task(Syncer(failing).close(go.set))
    await asyncio.sleep(0.02)
    closing.cancel()
    with pytest.raises(OSError, match="No space"):
        await closing


async def test_who_cannot_wait_is_caught_up_with_at_once(calls):
    syncer = Syncer(lambda: calls.append(1), 60)
    syncer.touch()
    await syncer.catch_up()
    assert calls == [1]
    await syncer.close()


async def test_a_wait_that_is_cancelled_leaves_the_call_alone(calls):
    go = threading.Event()
    syncer = Syncer(lambda: calls.append(go.wait(5)), 60)
    waiting = asyncio.create_task(syncer.catch_up())
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    go.set()
    await syncer.close()
    assert calls == [True, True]


async def test_what_failed_in_the_thread_is_raised_by_the_next_record_and_by_close(calls):
    def failing():
        calls.append(1)
        raise OSError(28, "No space left on device")

    syncer = Syncer(failing, 0.01)
    syncer.touch()
    await reached(lambda: calls)
    await asyncio.sleep(0.02)
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            syncer.touch()
    await syncer.catch_up()
    with pytest.raises(OSError, match="No space"):
        await syncer.close()
    assert len(calls) == 1  # the kernel reports such a failure only once: it is not tried away


async def test_a_failure_while_another_call_is_due_is_not_lost():
    go = threading.Event()

    def failing():
        go.wait(5)
        raise OSError(28, "No space left on device")

    syncer = Syncer(failing, 0.01)
    syncer.touch()
    await asyncio.sleep(0.02)
    syncer.touch()
    await asyncio.sleep(0.02)
    running = syncer._running
    go.set()
    await reached(lambda: running.done() and syncer._timer is None)
    with pytest.raises(OSError, match="No space"):
        syncer.touch()
