"""Many emails: order, laziness, hand-over, and leaving at any moment."""

import asyncio
import contextlib
import contextvars
import gc
import itertools
import json
import random
import sys
import traceback

import pytest
from inside import shared_by

from ltx_async.codec import Reply
from ltx_async.engine.bulk import BulkLookup
from ltx_async.errors import (
    AttemptTimeoutError,
    AuthenticationError,
    ConfigurationError,
    DeadlineError,
    ServiceUnavailableError,
    as_text,
)
from ltx_async.models import Outcome
from unit.scripted import (
    HANGS,
    After,
    ScriptedTransport,
    client_over,
    cut,
    emails,
    policy,
    refused,
    throttled,
)
from unit.virtual_time import in_virtual_time, now, passes

NOT_FOUND = Reply(404, {}, b"")
UNAVAILABLE = Reply(503, {"retry-after": "5"}, b"")


class Source:
    """An iterable or async iterable of emails that knows how many were taken."""

    def __init__(self, addresses, *, delay=0.0, breaks_after=None):
        self.addresses = list(addresses)
        self.delay = delay
        self.breaks_after = breaks_after
        self.taken = 0
        self.asking = 0

    def __iter__(self):
        for address in self.addresses:
            if self.taken == self.breaks_after:
                raise ValueError("broken")
            self.taken += 1
            yield address

    def asynchronous(self):
        return _Asynchronous(self)


class _Asynchronous:
    """Has no `__iter__`, and is no generator: nothing but the protocol."""

    def __init__(self, source):
        self.source, self.items = source, iter(source)

    def __aiter__(self):
        return self

    async def __anext__(self):
        assert not self.source.asking, "asked for two emails at a time"
        self.source.asking += 1
        try:
            await asyncio.sleep(self.source.delay)
            return next(self.items)
        except StopIteration:
            raise StopAsyncIteration from None
        finally:
            self.source.asking -= 1


class _AtHand(_Asynchronous):
    """Has two of three emails at hand, between two steps."""

    calls = 0

    def at_hand(self):
        assert not self.source.asking, "asked within a step"
        self.calls += 1
        return next(self.items, None) if self.calls % 3 else None


def jittery(seed=1, steps=(200,)):
    """Make a transport whose replies take up to a second each."""
    generator = random.Random(seed)
    return ScriptedTransport(lambda _e, _n: After(generator.random(), generator.choice(steps)))


def kinds(source, kind):
    if kind == "at hand":
        return _AtHand(source)
    return source if kind == "sync" else source.asynchronous()


async def consume(bulk, seen, *, pause=0.0):
    """Iterate over it, noting the index of each lookup in `seen`, which outlives an error."""
    async with bulk as lookups:
        async for lookup in lookups:
            seen.append(lookup.index)
            if pause:
                await asyncio.sleep(pause)


all_kinds = pytest.mark.parametrize("kind", ["sync", "async", "at hand"])
both_orders = pytest.mark.parametrize("ordered", [False, True])


# What comes out


@all_kinds
@in_virtual_time
async def test_lookups_come_as_they_complete(kind):
    delays = {"user0@example.com": 3, "user1@example.com": 1, "user2@example.com": 2}
    transport = ScriptedTransport(lambda email, _n: After(delays[email], 200))
    client = client_over(transport)
    began = now()
    async with client.lookup_many(kinds(Source(emails(3)), kind)) as lookups:
        seen = [(lookup.index, now() - began) async for lookup in lookups]
    assert seen == [(1, 1), (2, 2), (0, 3)]


@all_kinds
@in_virtual_time
async def test_ordered_lookups_come_in_input_order(kind):
    client = client_over(jittery(steps=(200, 404, 500, cut)), concurrency=50)
    source = Source(emails(500))
    async with client.lookup_many(kinds(source, kind), ordered=True) as lookups:
        seen = [(lookup.index, lookup.email) async for lookup in lookups]
    assert seen == list(enumerate(source.addresses))


@all_kinds
@both_orders
@in_virtual_time
async def test_an_awaited_list_is_in_input_order(kind, ordered):
    client = client_over(jittery())
    lookups = await client.lookup_many(kinds(Source(emails(200)), kind), ordered=ordered)
    assert [lookup.index for lookup in lookups] == list(range(200))
    assert [lookup.email for lookup in lookups] == emails(200)


@both_orders
@in_virtual_time
async def test_there_is_one_lookup_per_position_duplicates_and_invalid_ones_included(ordered):
    addresses = [
        "a@example.com",
        "a@example.com",
        "",
        None,
        "no-at",
        "a@example.com",
        7,
        "\ud800@x",
    ]
    transport = ScriptedTransport()
    lookups = await client_over(transport).lookup_many(addresses, ordered=ordered)
    assert [lookup.index for lookup in lookups] == list(range(8))
    assert [lookup.email for lookup in lookups] == [as_text(address) for address in addresses]
    assert [lookup.outcome for lookup in lookups] == [
        Outcome.OK if address == "a@example.com" else Outcome.INVALID for address in addresses
    ]
    assert len(transport.sent) == 3


@pytest.mark.parametrize("empty", [[], iter(()), set(), {}])
@both_orders
@in_virtual_time
async def test_nothing_in_nothing_out(empty, ordered):
    assert await client_over(ScriptedTransport()).lookup_many(empty, ordered=ordered) == []


@in_virtual_time
async def test_an_async_generator_is_a_source():
    async def generate():
        for address in emails(100):
            await asyncio.sleep(0.01)
            yield address

    lookups = await client_over(ScriptedTransport(), concurrency=50).lookup_many(generate())
    assert len(lookups) == 100


@pytest.mark.parametrize("seed", range(5))
@all_kinds
@both_orders
@in_virtual_time
async def test_nothing_is_lost_whatever_happens_on_the_way(seed, kind, ordered):
    steps = (200, 200, 200, 404, 500, 503, 596, cut, throttled(), throttled(3))
    client = client_over(jittery(seed, steps), concurrency=seed * 4 + 1, retry=policy(base=5.0))
    lookups = await client.lookup_many(kinds(Source(emails(300)), kind), ordered=ordered)
    assert [lookup.email for lookup in lookups] == emails(300)


@in_virtual_time
async def test_workers_that_retire_at_the_same_moment_leave_enough_of_them():
    # Nine lookups sleep before a retry while nine spare workers stand in. All are answered at
    # one moment, and the spare ones are to go: but not everybody who sees that one is spare.
    def script(email, n):
        early = int(email[4:].partition("@")[0]) < 9
        if early and n == 1:
            return UNAVAILABLE
        return After(3.0 if early else 8.0, 200)

    transport = ScriptedTransport(script)
    client = client_over(transport, concurrency=20, retry=policy(jitter=0.0))
    shared_by(client).limiter.wanted = 10  # half of the slots that there are
    bulk = client.lookup_many(emails(400))
    seen = []
    await consume(bulk, seen)
    assert sorted(seen) == list(range(400))
    late = [at for at in transport.times if at >= transport.times[0] + 8]
    assert late.count(late[0]) == 10


# Laziness


@all_kinds
@in_virtual_time
async def test_emails_are_taken_at_most_twice_concurrency_ahead(kind):
    source = Source(emails(1000), delay=0.01)
    client = client_over(ScriptedTransport(latency=0.001), concurrency=10)
    async with client.lookup_many(kinds(source, kind)) as lookups:
        given = 0
        await asyncio.sleep(50)
        async for _ in lookups:
            given += 1
            assert source.taken <= given + 2 * 10
            if given % 100 == 1:
                await asyncio.sleep(50)
                assert source.taken == min(1000, given - 1 + 20 + 1)
    assert given == 1000


@pytest.mark.parametrize(("concurrency", "window"), [(1, 1000), (10, 1000), (200, 2000)])
@all_kinds
@in_virtual_time
async def test_ordered_the_window_is_a_thousand_or_ten_times_concurrency(kind, concurrency, window):
    addresses = emails(5000)
    transport = ScriptedTransport(
        lambda email, _n: After(1e5 if email == addresses[0] and concurrency > 1 else 0.001, 200)
    )
    client = client_over(transport, concurrency=concurrency, timeout=1e6, deadline=1e6)
    source = Source(addresses)
    async with client.lookup_many(kinds(source, kind), ordered=True) as lookups:
        await asyncio.sleep(1e4)
        assert source.taken == window
        first = await anext(lookups)
        assert first.index == 0
        await asyncio.sleep(10)
        assert source.taken == window + 1


def large(email):
    """Return a reply with an account of 60 kB."""
    account = {"email": email, "maxJobs": 1, "x": "x" * 60_000}
    return Reply(200, {}, json.dumps(account).encode())


@all_kinds
@both_orders
@pytest.mark.parametrize("concurrency", [1, 30])
@in_virtual_time
async def test_fewer_are_taken_ahead_where_accounts_are_large(
    kind, ordered, concurrency, monkeypatch
):
    monkeypatch.setattr("ltx_async.engine.bulk.hand_over._MOST_HELD", 300_000)  # five of them
    addresses, given = emails(100), []
    source = Source(addresses)
    # In input order everybody waits for the first; else for a consumer who has much to do.
    first = After(100 if ordered else 1, 200)
    transport = ScriptedTransport(
        lambda email, _n: first if email == addresses[0] else large(email), latency=0.01
    )
    client = client_over(transport, concurrency=concurrency)
    async with client.lookup_many(kinds(source, kind), ordered=ordered) as lookups:
        given.append((await anext(lookups)).email)
        await asyncio.sleep(50)
        assert source.taken - len(given) <= 6 + concurrency
        given += [lookup.email async for lookup in lookups]
    assert sorted(given) == sorted(addresses)
    assert given == addresses or not ordered


@all_kinds
@both_orders
@pytest.mark.parametrize("concurrency", [3, 20, 50])
@pytest.mark.parametrize("pause", [0.0, 0.001, 1.0])
@in_virtual_time
async def test_large_accounts_are_all_given_however_slow_the_consumer_is(
    kind, ordered, concurrency, pause, monkeypatch
):
    """Who is woken while too much waits goes to sleep again, and has to be woken once more."""
    monkeypatch.setattr("ltx_async.engine.bulk.hand_over._MOST_HELD", 300_000)
    transport, seen = ScriptedTransport(lambda email, _n: large(email), latency=0.01), []
    client = client_over(transport, concurrency=concurrency)
    bulk = client.lookup_many(kinds(Source(emails(120)), kind), ordered=ordered)
    async with asyncio.timeout(1000), bulk as lookups:
        await asyncio.sleep(5)
        async for lookup in lookups:
            seen.append(lookup.index)
            await asyncio.sleep(pause)
    assert sorted(seen) == list(range(120))


@all_kinds
@in_virtual_time
async def test_others_are_asked_for_one_that_is_set_aside_however_much_waits(kind, monkeypatch):
    monkeypatch.setattr("ltx_async.engine.bulk.hand_over._MOST_HELD", 300_000)
    addresses, sent = emails(60), {}

    def script(email, number):
        sent[email] = number
        return After(40, 200) if email == addresses[0] else large(email)

    client = client_over(ScriptedTransport(script, latency=0.01), concurrency=5)
    lookups = await client.lookup_many(kinds(Source(addresses), kind), ordered=True)
    assert [lookup.outcome for lookup in lookups] == [Outcome.FAILED, *[Outcome.OK] * 59]
    assert sent[addresses[0]] <= 6


@in_virtual_time
async def test_large_accounts_keep_no_slot_empty_once_the_consumer_goes_on(monkeypatch):
    monkeypatch.setattr("ltx_async.engine.bulk.hand_over._MOST_HELD", 300_000)
    transport = ScriptedTransport(lambda email, _n: large(email), latency=1.0)
    began = now()
    async with client_over(transport, concurrency=20).lookup_many(emails(400)) as lookups:
        await anext(lookups)
        await asyncio.sleep(10)
        assert len([lookup async for lookup in lookups]) == 399
    assert transport.most_under_way == 20
    assert now() - began < 10 + 400 / 20 + 10


@both_orders
@pytest.mark.parametrize("pause", [0.0, 0.1])
@in_virtual_time
async def test_what_is_at_hand_is_never_asked_for_in_a_task(ordered, pause):
    source, steps = Source(emails(200)), []

    class AllAtHand(_Asynchronous):
        def at_hand(self):
            return next(self.items, None)

        async def __anext__(self):
            steps.append(source.taken)
            return await super().__anext__()

    transport, seen = ScriptedTransport(latency=0.01), []
    client = client_over(transport, concurrency=5)
    await consume(client.lookup_many(AllAtHand(source), ordered=ordered), seen, pause=pause)
    assert sorted(seen) == list(range(200))
    assert steps == [200]


@both_orders
@pytest.mark.parametrize("piece", [2, 10, 50])
@in_virtual_time
async def test_a_source_is_asked_for_each_of_its_pieces_once_in_a_task(ordered, piece):
    """Workers that wait while a piece is read are served from it, and not by a step for each."""
    source, steps = Source(emails(200)), []

    class InPieces(_Asynchronous):
        left = 0

        def at_hand(self):
            if not self.left:
                return None
            self.left -= 1
            return next(self.items, None)

        async def __anext__(self):
            assert not self.left
            steps.append(source.taken)
            await asyncio.sleep(0.02)
            self.left = piece - 1
            return await super().__anext__()

    seen = []
    await consume(
        client_over(jittery(), concurrency=5).lookup_many(InPieces(source), ordered=ordered), seen
    )
    assert sorted(seen) == list(range(200))
    assert steps == [*range(0, 201, piece)]


@in_virtual_time
async def test_nothing_is_taken_before_the_block_is_entered():
    source = Source(emails(10))
    bulk = client_over(ScriptedTransport()).lookup_many(source)
    await passes(1)
    assert source.taken == 0
    async with bulk:
        await passes(1)
        assert source.taken == 10


@in_virtual_time
async def test_a_sleeping_retry_leaves_its_slot_to_others():
    def script(email, n):
        return 500 if n == 1 and email in addresses[:4] else After(1, 200)

    addresses = emails(8)
    transport = ScriptedTransport(script)
    client = client_over(transport, concurrency=4, retry=policy(base=3.0, jitter=1.0))
    began = now()
    await client.lookup_many(addresses)
    assert now() == began + 4  # four at once in the sleep of four
    assert transport.most_under_way == 4


@in_virtual_time
async def test_there_are_at_most_twice_as_many_workers_as_slots():
    transport = ScriptedTransport([500, 200])
    client = client_over(
        transport, concurrency=5, retry=policy(base=1000.0, cap=1000.0, budget=10**6), deadline=1e5
    )
    before = len(asyncio.all_tasks())
    async with client.lookup_many(emails(100)):
        await passes(1)
        assert len(asyncio.all_tasks()) - before == 10
        assert len(transport.sent) == 10


class AnsweredAtOnce(ScriptedTransport):
    """Keeps no record, and answers in the same step of the loop but for every hundredth."""

    async def send(self, request, timeout):
        self.under_way += 1
        if self.under_way % 100 == 0:
            await asyncio.sleep(0)
        return NOT_FOUND


@pytest.mark.untraced  # it would take three times as long
@pytest.mark.parametrize(
    ("kind", "ordered", "count"),
    [("sync", False, 100_000), ("sync", True, 20_000), ("async", False, 20_000)],
)
async def test_memory_is_flat_however_many_there_are(kind, ordered, count):
    async def asynchronous(source):
        for address in source:
            yield address

    source = itertools.repeat("ann@example.com", count)
    client = client_over(AnsweredAtOnce(), concurrency=20)
    blocks = []
    async with client.lookup_many(
        source if kind == "sync" else asynchronous(source), ordered=ordered
    ) as lookups:
        async for lookup in lookups:
            if (lookup.index + 1) % (count // 4) == 0:
                gc.collect()
                blocks.append(sys.getallocatedblocks())
    assert len(blocks) == 4
    assert max(blocks) - min(blocks) < 5_000  # in 75,000 lookups


# Leaving


def busy_client():
    return client_over(jittery(steps=(200, 500, throttled(2))), concurrency=7)


@all_kinds
@both_orders
@pytest.mark.parametrize("after", [0, 1, 13])
@in_virtual_time
async def test_leaving_early_leaves_no_task(kind, ordered, after):
    client = busy_client()
    async with client.lookup_many(
        kinds(Source(emails(100), delay=0.1), kind), ordered=ordered
    ) as lookups:
        for _ in range(after):
            await anext(lookups)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert shared_by(client).limiter.under_way == shared_by(client).transport.under_way == 0
    assert (await client.lookup("ann@example.com")).attempts


@all_kinds
@in_virtual_time
async def test_an_exception_in_the_body_comes_out_and_leaves_no_task(kind):
    client = busy_client()
    bulk = client.lookup_many(kinds(Source(emails(100)), kind))

    async def stumble():
        async with bulk as lookups:
            async for _ in lookups:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert shared_by(client).limiter.under_way == 0


@all_kinds
@both_orders
@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("seed", range(15))
@in_virtual_time
async def test_cancelling_at_any_moment_leaves_no_task(kind, ordered, awaited, seed):
    client = busy_client()
    bulk = client.lookup_many(kinds(Source(emails(100), delay=0.02), kind), ordered=ordered)

    async def iterate():
        async with bulk as lookups:
            async for _ in lookups:
                await asyncio.sleep(0.05)

    async def all_at_once():
        await bulk

    task = asyncio.create_task(all_at_once() if awaited else iterate())
    generator = random.Random(seed)
    await asyncio.sleep(generator.random() * 5)
    for _ in range(generator.randrange(3)):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert shared_by(client).limiter.under_way == shared_by(client).transport.under_way == 0


@all_kinds
@pytest.mark.parametrize("turns", range(6))
@in_virtual_time
async def test_who_is_cancelled_again_while_it_leaves_leaves_nothing_either(kind, turns):
    client = client_over(ScriptedTransport(latency=1.0), concurrency=3)
    bulk = client.lookup_many(kinds(Source(emails(60)), kind))
    task = asyncio.create_task(consume(bulk, []))
    await passes(1.5)
    task.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await passes()
    assert shared_by(client).tally.runs == []
    assert client.stats.pending == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_leaving_cuts_off_a_source_that_never_yields():
    async def silent():
        await asyncio.Event().wait()
        yield "never@example.com"

    async with client_over(ScriptedTransport()).lookup_many(silent()):
        await passes()


@in_virtual_time
async def test_a_wait_for_the_next_lookup_may_be_given_up_and_repeated():
    client = client_over(ScriptedTransport(latency=5.0))
    async with client.lookup_many(emails(2)) as lookups:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(lookups)
        assert [lookup.outcome async for lookup in lookups] == [Outcome.OK, Outcome.OK]


# Misuse is refused at once


@in_virtual_time
async def test_iterating_without_entering_raises_at_once_and_says_why():
    bulk = client_over(ScriptedTransport()).lookup_many(emails(3))
    with pytest.raises(ConfigurationError, match="must be entered") as caught:
        async for _ in bulk:
            pass
    assert "async with client.lookup_many(emails) as lookups" in caught.value.hint
    assert len(await bulk) == 3  # no harm done


@all_kinds
@in_virtual_time
async def test_a_bulk_lookup_is_used_once(kind):
    bulk = client_over(ScriptedTransport()).lookup_many(kinds(Source(emails(3)), kind))
    assert len(await bulk) == 3
    with pytest.raises(ConfigurationError, match="used before"):
        await bulk
    with pytest.raises(ConfigurationError, match="used before"):
        async with bulk:
            pass


@in_virtual_time
async def test_after_the_block_there_is_nothing_more_to_have_and_that_is_said():
    async with client_over(ScriptedTransport()).lookup_many(emails(30)) as lookups:
        await anext(lookups)
        await passes(1)
    with pytest.raises(ConfigurationError, match="left"):
        await anext(lookups)


@in_virtual_time
async def test_two_consumers_at_a_time_are_refused():
    async with client_over(ScriptedTransport(latency=1.0)).lookup_many(emails(3)) as lookups:
        first = asyncio.create_task(anext(lookups))
        await passes()
        with pytest.raises(ConfigurationError, match="somebody else"):
            await anext(lookups)
        assert (await first).outcome is Outcome.OK


@pytest.mark.parametrize("one", ["ann@example.com", b"ann@example.com"])
@in_virtual_time
async def test_one_email_is_not_taken_for_many(one):
    with pytest.raises(TypeError, match="use lookup"):
        client_over(ScriptedTransport()).lookup_many(one)


@in_virtual_time
async def test_what_cannot_be_iterated_over_is_refused():
    with pytest.raises(TypeError):
        await client_over(ScriptedTransport()).lookup_many(7)


@pytest.mark.parametrize("awaiting", [asyncio.create_task, asyncio.run, asyncio.Runner().run])
@in_virtual_time
async def test_what_takes_only_coroutines_shows_no_email_and_names_the_coroutine(awaiting):
    bulk = client_over(ScriptedTransport()).lookup_many(emails(100_000))
    loop = asyncio.get_running_loop()
    with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
        loop.create_task(bulk) if awaiting is asyncio.create_task else awaiting(bulk)
    if awaiting is asyncio.create_task:
        assert "lookup_all" in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "@" not in str(caught.value)


@in_virtual_time
async def test_its_repr_is_a_status_line_without_addresses():
    bulk = client_over(ScriptedTransport(), concurrency=3).lookup_many(emails(9), ordered=True)
    assert repr(bulk).startswith("<BulkLookup concurrency=3 ordered=True finished=0 (not started;")
    async with bulk as lookups:
        await anext(lookups)
        await passes(1)
        assert repr(bulk) == "<BulkLookup concurrency=3 ordered=True finished=9>"


class Frame:
    columns = ("email",)

    def __iter__(self):
        return iter(self.columns)


class Lazy:
    collect = None

    @property
    def columns(self):
        raise AssertionError("to ask for them costs a query")


@pytest.mark.parametrize(
    ("source", "way_out"),
    [
        (Frame(), r'not a whole Frame: .* df\["email"\]'),
        (Lazy(), r'not a whole Lazy: .* df.collect\(\)\["email"\]'),
        (
            type("Table", (), {"column_names": ["email"]})(),
            r'not a whole Table: .* table\["email"\]\.to_pylist\(\)',
        ),
        (
            type("Parts", (), {"columns": (), "compute": None})(),
            r'not a whole Parts: .* df\["email"\]\.compute\(\)',
        ),
        (
            type("Series", (), {"columns": (), "compute": None, "to_frame": None})(),
            r"not a whole Series: .* column\.compute\(\)",
        ),
        (
            type("Relation", (), {"columns": (), "fetchall": None})(),
            r"not a whole Relation: .* \[row\[0\] for row in rows\.fetchall\(\)\]",
        ),
        (type("Cursor", (), {"fetchall": None})(), r"not Cursor: pass \[row\[0\] for row in"),
        (None, "not None: pass a list"),
        (7, "not int: pass a list"),
        (list.copy, "not method_descriptor: pass a list"),
    ],
)
@in_virtual_time
async def test_what_holds_no_emails_is_refused_at_once_with_the_way_out(source, way_out):
    with pytest.raises(TypeError, match=way_out):
        client_over(ScriptedTransport()).lookup_many(source)


# An asynchronous source is asked by one task


scope = contextvars.ContextVar("scope")


async def in_a_timeout(addresses, steps):
    async with asyncio.timeout(5):
        for address in addresses:
            steps.append(asyncio.current_task())
            await asyncio.sleep(0.1)
            yield address


async def in_a_task_group(addresses, steps):
    async with asyncio.TaskGroup() as group:
        for address in addresses:
            steps.append(asyncio.current_task())
            await group.create_task(asyncio.sleep(0.1))
            yield address


async def in_a_variable(addresses, steps):
    token = scope.set("source")
    try:
        for address in addresses:
            steps.append(asyncio.current_task())
            await asyncio.sleep(0)
            assert scope.get() == "source"
            yield address
    finally:
        steps.append(asyncio.current_task())
        scope.reset(token)


SCOPES = [in_a_timeout, in_a_task_group, in_a_variable]
both_ends = pytest.mark.parametrize("how", ["whole", "left", "stopped", "raised"])


@pytest.mark.parametrize("source", SCOPES)
@both_ends
@in_virtual_time
async def test_a_source_is_asked_and_closed_by_one_task(source, how):
    steps = []
    bulk = client_over(jittery(), concurrency=5).lookup_many(source(emails(20), steps))
    with contextlib.suppress(ZeroDivisionError):
        async with bulk as lookups:
            async for lookup in lookups:
                if how == "left":
                    break
                if how == "raised":
                    raise ZeroDivisionError
                if how == "stopped":
                    lookups.stop()
                    assert lookup.account is not None
    assert len(set(steps)) == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (how == "whole") == (bulk.stats.outcomes[Outcome.OK] == 20)


@in_virtual_time
async def test_the_timeout_of_a_source_comes_out_as_it_is():
    client = client_over(ScriptedTransport())
    with pytest.raises(TimeoutError) as caught:
        await client.lookup_many(in_a_timeout(emails(100), []))
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)


@in_virtual_time
async def test_the_error_of_a_task_of_a_source_comes_out_as_it_is():
    async def fails():
        await asyncio.sleep(0.25)
        raise ZeroDivisionError

    async def source():
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            for address in emails(100):
                await asyncio.sleep(0.1)
                yield address

    with pytest.raises(ExceptionGroup) as caught:
        await client_over(ScriptedTransport()).lookup_many(source())
    assert caught.group_contains(ZeroDivisionError)


@in_virtual_time
async def test_what_a_source_raises_as_it_is_closed_comes_out():
    async def source():
        try:
            for address in emails(100):
                yield address
        finally:
            raise ZeroDivisionError

    async def leave():
        async with client_over(ScriptedTransport()).lookup_many(source()) as lookups:
            await anext(lookups)

    with pytest.raises(ZeroDivisionError):
        await leave()


@in_virtual_time
async def test_a_run_that_ended_raises_the_same_each_time_without_growing():
    transport = ScriptedTransport([401])
    async with client_over(transport).lookup_many(emails(3)) as lookups:
        await passes(3)
        with contextlib.suppress(AuthenticationError):
            async for lookup in lookups:
                assert lookup.error is not None
        seen = []
        for _ in range(4):
            with pytest.raises(AuthenticationError) as caught:
                await anext(lookups)
            seen.append(caught.value)
    assert len({str(error) for error in seen}) == 1
    assert len({id(error) for error in seen}) == 4
    assert len({len(list(traceback.walk_tb(error.__traceback__))) for error in seen}) == 1


@in_virtual_time
async def test_the_error_of_a_source_is_raised_once_and_then_named():
    async with client_over(ScriptedTransport()).lookup_many(
        Source(emails(3), breaks_after=0)
    ) as lookups:
        with pytest.raises(ValueError, match="broken"):
            await anext(lookups)
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="ended with ValueError before"):
                await anext(lookups)


# Stopping, and what is pending


@all_kinds
@both_orders
@in_virtual_time
async def test_a_run_that_is_stopped_finishes_what_is_in_flight(kind, ordered):
    source = Source(emails(100))
    transport = ScriptedTransport(latency=1.0)
    client = client_over(transport, concurrency=7)
    seen = []
    async with client.lookup_many(kinds(source, kind), ordered=ordered) as lookups:
        async for lookup in lookups:
            if not seen:
                lookups.stop()
                lookups.stop()
            seen.append(lookup.index)
        assert lookups.pending() == ()
    assert sorted(seen) == list(range(len(transport.sent)))
    assert 7 <= len(seen) <= 14
    assert asyncio.all_tasks() == {asyncio.current_task()}


@all_kinds
@in_virtual_time
async def test_a_run_may_be_stopped_from_another_task_while_it_waits(kind):
    async def trickle():
        yield "ann@example.com"
        await asyncio.Event().wait()

    async def every_email():
        return [lookup.email async for lookup in lookups]

    source = Source(emails(1)) if kind == "sync" else trickle()
    async with client_over(ScriptedTransport()).lookup_many(source) as lookups:
        task = asyncio.create_task(every_email())
        await asyncio.sleep(5)
        lookups.stop()
        assert len(await task) == 1


@in_virtual_time
async def test_a_stopped_run_waits_for_a_retry():
    transport = ScriptedTransport([503, 200])
    client = client_over(transport, concurrency=2, retry=policy(base=10))
    async with client.lookup_many(emails(9)) as lookups:
        await asyncio.sleep(0.1)
        lookups.stop()
        assert [lookup.outcome async for lookup in lookups] == [Outcome.OK] * 4


@all_kinds
@both_orders
@pytest.mark.parametrize("how", ["left", "ended"])
@in_virtual_time
async def test_what_was_taken_and_not_given_is_pending(kind, ordered, how):
    addresses = emails(60)
    source = Source(addresses)
    steps = dict.fromkeys(addresses, 200) | {addresses[20]: 401 if how == "ended" else 200}
    generator = random.Random(3)
    transport = ScriptedTransport(lambda email, _n: After(generator.random(), steps[email]))
    given = []
    bulk = client_over(transport, concurrency=5).lookup_many(kinds(source, kind), ordered=ordered)
    with contextlib.suppress(AuthenticationError):
        async with bulk as lookups:
            async for lookup in lookups:
                given.append(lookup.email)
                if how == "left" and len(given) == 10:
                    break
    rest = addresses[source.taken :]
    assert sorted([*given, *bulk.pending(), *rest]) == sorted(addresses)
    assert list(bulk.pending()) == sorted(bulk.pending(), key=addresses.index)
    assert bulk.pending() or how == "ended"


class _Giving:
    """Tells what it gave; a stubborn one gives an email also where it is cancelled.

    So may an `asyncio.wait_for` of Python 3.11, around a queue for example.
    """

    def __init__(self, addresses, pauses, *, stubborn):
        self.rest, self.pauses, self.given = iter(addresses), pauses, []
        self.ignored = asyncio.CancelledError if stubborn else ()

    def __aiter__(self):
        return self

    async def __anext__(self):
        with contextlib.suppress(self.ignored):
            await asyncio.sleep(next(self.pauses))
        for email in self.rest:
            self.given.append(email)
            return email
        raise StopAsyncIteration


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("how", ["ended", "left", "stopped"])
@pytest.mark.parametrize("stubborn", [False, True])
@in_virtual_time
async def test_what_a_source_gives_while_and_after_a_run_ends_is_pending(seed, how, stubborn):
    addresses, chance = emails(30), random.Random(seed)
    last = addresses[chance.randrange(2, 20)]
    pauses = iter(lambda: chance.choice([0, 0.5, 1]), None)
    source, given = _Giving(addresses, pauses, stubborn=stubborn), []

    def script(email, _number):
        return After(chance.choice([0.5, 1]), 401 if (email, how) == (last, "ended") else 200)

    client = client_over(ScriptedTransport(script), concurrency=3)
    bulk = client.lookup_many(source)
    with contextlib.suppress(AuthenticationError):
        async with asyncio.timeout(1000), bulk as lookups:
            try:
                async for lookup in lookups:
                    given.append(lookup.email)
                    if lookup.email == last and how == "left":
                        break
                    if lookup.email == last and how == "stopped":
                        lookups.stop()
            finally:
                await asyncio.sleep(chance.choice([0, 2]))
    assert sorted([*given, *bulk.pending()]) == sorted(source.given)
    assert list(bulk.pending()) == sorted(bulk.pending(), key=addresses.index)
    assert how == "left" or bulk.stats.pending == len(bulk.pending())


@all_kinds
@both_orders
@in_virtual_time
async def test_what_is_at_hand_comes_without_a_wait_and_counts_as_given(kind, ordered):
    addresses = emails(60)
    client = client_over(ScriptedTransport(latency=1.0), concurrency=5)
    bulk = client.lookup_many(kinds(Source(addresses), kind), ordered=ordered)
    given = []
    async with bulk as lookups:
        assert lookups.at_hand() == []
        async for lookup in lookups:
            at = now()
            together = [lookup, *lookups.at_hand()]
            assert now() == at
            assert lookups.at_hand() == []
            given.append([one.email for one in together])
            assert {*given[-1]}.isdisjoint(bulk.pending())
    assert sorted(itertools.chain(*given)) == sorted(addresses)
    assert max(map(len, given)) == 5
    assert bulk.at_hand() == []


# A source that breaks, a run that ends


@all_kinds
@both_orders
@in_virtual_time
async def test_the_error_of_a_source_comes_out_after_what_was_in_flight(kind, ordered):
    source = Source(emails(100), breaks_after=12)
    client = client_over(jittery(), concurrency=5)
    seen = []
    with pytest.raises(ValueError, match="broken"):
        await consume(client.lookup_many(kinds(source, kind), ordered=ordered), seen)
    assert sorted(seen) == list(range(12))
    assert seen == sorted(seen) or not ordered


@in_virtual_time
async def test_nothing_more_is_taken_from_a_source_that_raised():
    def parse(line):
        taken.append(line)
        return {"a": "a@example.com"}[line]

    taken = []
    with pytest.raises(KeyError, match="b"):
        await client_over(ScriptedTransport(), concurrency=5).lookup_many(map(parse, "abaaaa"))
    assert taken == ["a", "b"]


@in_virtual_time
async def test_a_source_that_is_cancelled_inside_does_not_pass_for_finished():
    async def cancelled_inside():
        yield "ann@example.com"
        task = asyncio.create_task(asyncio.sleep(1))
        task.cancel()
        await task

    seen = []
    with pytest.raises(asyncio.CancelledError):
        await consume(client_over(ScriptedTransport()).lookup_many(cancelled_inside()), seen)
    assert seen == [0]


@both_orders
@in_virtual_time
async def test_what_was_answered_before_its_client_closes_is_still_given(ordered):
    client, given = client_over(ScriptedTransport(), concurrency=5), []
    async with client.lookup_many(emails(8), ordered=ordered) as lookups:
        await passes(1)
        await client.aclose()
        given += [lookup.outcome async for lookup in lookups]
    assert given == [Outcome.OK] * 8


@both_orders
@in_virtual_time
async def test_when_a_run_ends_what_was_in_flight_is_delivered_also_past_a_gap(ordered):
    addresses = emails(100)
    transport = ScriptedTransport(
        lambda email, _n: After(1, 401) if email == addresses[2] else After(1.5, 200)
    )
    client = client_over(transport, concurrency=10)
    seen = []
    with pytest.raises(AuthenticationError):
        await consume(client.lookup_many(addresses, ordered=ordered), seen)
    assert (seen if ordered else sorted(seen)) == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert len(transport.sent) == 10


@all_kinds
@both_orders
@in_virtual_time
async def test_an_awaited_run_that_ends_early_keeps_what_was_answered(kind, ordered):
    addresses = emails(100)
    transport = ScriptedTransport(
        lambda email, _n: After(1, 401) if email == addresses[50] else After(1.5, 200)
    )
    client = client_over(transport, concurrency=4)
    run = client.lookup_many(kinds(Source(addresses), kind), ordered=ordered)
    with pytest.raises(AuthenticationError):
        await run
    indexes = [lookup.index for lookup in run.delivered]
    assert indexes == sorted(indexes)
    assert set(range(48)) <= set(indexes)
    assert 50 not in indexes


@in_virtual_time
@pytest.mark.parametrize("last", [200, 401])
async def test_a_run_that_is_iterated_over_keeps_nothing(last):
    client = client_over(ScriptedTransport(lambda email, _n: 200 if email < "user2" else last))
    run, seen = client.lookup_many(emails(3)), []
    with contextlib.suppress(AuthenticationError):
        await consume(run, seen)
    assert len(seen) >= 2
    assert run.delivered == ()


@in_virtual_time
async def test_what_an_awaited_run_has_given_can_be_seen_on_the_way():
    transport = ScriptedTransport(lambda email, _n: After(3 if "user0" in email else 1, 200))
    run = client_over(transport, concurrency=2).lookup_many(emails(4))
    assert run.delivered == ()
    task = asyncio.create_task(_list_of(run))
    await passes(2.5)
    assert [lookup.index for lookup in run.delivered] == [1, 2]
    lookups = await task
    assert [lookup.index for lookup in lookups] == [0, 1, 2, 3]
    assert list(run.delivered) == lookups


@in_virtual_time
async def test_an_awaited_run_that_is_cancelled_keeps_what_was_answered():
    run = client_over(ScriptedTransport(latency=1.0), concurrency=2).lookup_many(emails(10))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2.5):
            await run
    assert [lookup.index for lookup in run.delivered] == [0, 1, 2, 3]


@in_virtual_time
async def test_lookup_all_is_a_coroutine_for_the_list():
    client = client_over(ScriptedTransport([404], latency=1.0))
    task = asyncio.create_task(client.lookup_all(e for e in [*emails(3), "nobody"]))
    lookups = await task
    assert [lookup.index for lookup in lookups] == [0, 1, 2, 3]
    assert {lookup.outcome for lookup in lookups} == {Outcome.NOT_FOUND, Outcome.INVALID}
    with pytest.raises(AuthenticationError):
        await client_over(ScriptedTransport([401])).lookup_all(emails(3))


@pytest.mark.parametrize(
    ("given", "error"),
    [({"timeout": 2}, AttemptTimeoutError), ({"deadline": 5, "timeout": 9}, DeadlineError)],
)
@pytest.mark.parametrize("call", ["lookup_many", "lookup_all"])
@in_virtual_time
async def test_a_run_may_have_its_own_timeout_and_deadline(call, given, error):
    slow, *others = emails(100)
    transport = ScriptedTransport(lambda email, _n: HANGS if email == slow else After(1, 200))
    client = client_over(transport, concurrency=2, retry=policy(attempts=2))
    lookups = await getattr(client, call)([slow, *others], **given)
    assert type(lookups[0].error) is error
    assert {lookup.outcome for lookup in lookups[1:]} == {Outcome.OK}
    assert max(sent.timeout for sent in transport.sent) == min(given.values())


@pytest.mark.parametrize("name", ["timeout", "deadline"])
@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "5", True])
@pytest.mark.parametrize("call", ["lookup_many", "lookup_all"])
@in_virtual_time
async def test_the_seconds_of_a_run_are_checked(call, name, seconds):
    transport = ScriptedTransport()
    with pytest.raises(ConfigurationError, match=f"{name} must be a number of seconds"):
        await getattr(client_over(transport), call)(emails(2), **{name: seconds})
    assert transport.sent == []


async def _list_of(run):
    return await run


@all_kinds
@in_virtual_time
async def test_when_a_run_ends_no_new_email_is_taken(kind):
    source = Source(emails(1000), delay=0.001)
    client = client_over(ScriptedTransport([After(1, 401)]), concurrency=5)
    with pytest.raises(AuthenticationError):
        await client.lookup_many(kinds(source, kind))
    assert source.taken == 5


@both_orders
@in_virtual_time
async def test_the_end_of_a_run_reaches_a_consumer_that_was_slow(ordered):
    addresses = emails(1000)
    transport = ScriptedTransport(
        lambda email, _n: After(30, 401) if email == addresses[0] else After(0.1, 200)
    )
    client = client_over(transport, concurrency=3)
    seen = []
    with pytest.raises(AuthenticationError):
        await consume(client.lookup_many(addresses, ordered=ordered), seen, pause=10)
    assert len(seen) == len(transport.sent) - 1


@in_virtual_time
async def test_when_a_run_ends_a_source_that_never_yields_again_is_not_waited_for():
    async def stalls():
        yield "ann@example.com"
        await asyncio.Event().wait()

    with pytest.raises(AuthenticationError):
        await client_over(ScriptedTransport([After(1, 401)])).lookup_many(stalls())


@in_virtual_time
async def test_an_outage_gives_an_ordered_run_back_what_was_answered():
    def script(email, _n):
        return refused if now() > began + 5 else After(1, 200)

    began = now()
    client = client_over(ScriptedTransport(script), concurrency=10)
    run = client.lookup_many(emails(500), ordered=True)
    with pytest.raises(ServiceUnavailableError):
        await run
    assert {lookup.outcome for lookup in run.delivered} == {Outcome.OK}
    assert len(run.delivered) >= 50


# Stats


@in_virtual_time
async def test_stats_may_be_asked_for_at_any_time():
    client = client_over(ScriptedTransport([404], latency=1.0), concurrency=2)
    bulk = client.lookup_many([*emails(4), "nobody"])
    assert bulk.stats.requests == 0
    async with bulk as lookups:
        done = 0
        async for _ in lookups:
            done += 1
            assert sum(bulk.stats.outcomes.values()) >= done
    assert bulk.stats.outcomes[Outcome.NOT_FOUND] == 4
    assert bulk.stats.outcomes[Outcome.INVALID] == 1
    assert bulk.stats.requests == 4


def test_it_is_importable_for_annotations():
    import ltx_async

    assert ltx_async.BulkLookup is BulkLookup
