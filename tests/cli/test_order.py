"""Invalid entries among answers, in the order of the input."""

import asyncio

import pytest

from ltx_async.cli.checking import order
from ltx_async.cli.checking.order import InputOrder


@pytest.fixture
def kept():
    return []


@pytest.fixture
def ordered(kept):
    async def keep(text):
        await asyncio.sleep(0)
        kept.append(text)

    return InputOrder(keep)


async def test_an_invalid_entry_waits_for_the_answers_before_it(ordered, kept):
    await ordered.add_invalid("x", 1)
    await ordered.add_invalid("y", 2)
    assert kept == []
    await ordered.add_answer("a")
    assert kept == ["a", "x"]
    await ordered.add_answer("b")
    await ordered.add_invalid("z", 2)
    assert kept == ["a", "x", "b", "y", "z"]


async def test_what_comes_while_another_is_written_does_not_overtake_it(ordered, kept):
    await ordered.add_invalid("x", 1)
    await asyncio.gather(
        ordered.add_answer("a"), ordered.add_answer("b"), ordered.add_invalid("y", 2)
    )
    assert kept == ["a", "x", "b", "y"]


async def test_after_the_last_answer_the_rest_is_kept(ordered, kept):
    await ordered.add_invalid("x", 5)
    await ordered.finish()
    assert kept == ["x"]


async def test_only_so_many_are_held(ordered, kept, monkeypatch):
    monkeypatch.setattr(order, "_MOST_HELD", 2)
    await ordered.add_invalid("x", 1)
    await ordered.add_invalid("y", 1)
    third = asyncio.create_task(ordered.add_invalid("z", 1))
    await asyncio.sleep(0.01)
    assert not third.done()
    await ordered.add_answer("a")
    await third
    assert kept == ["a", "x", "y", "z"]
