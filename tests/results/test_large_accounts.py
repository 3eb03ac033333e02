"""Large accounts are encoded before they are written, and small ones a few at a time."""

import json
from itertools import chain

import pytest
from attrs import evolve
from command_line import make_lookup

from ltx_async import LTXError
from ltx_async.models import LARGE, make_shown, take_shown
from ltx_async.results import open_results, read_results
from ltx_async.results.ahead import Ahead, batches
from ltx_async.results.formats import FORMATS
from ltx_async.results.jsonl_format import JSON_LINES


def of_size(size: int):
    return make_lookup(wire={"email": "ann@example.com", "apiKey": "…", "x": "x" * size})


SMALL, MIDDLING, BIG = of_size(1), of_size(10 << 10), of_size(LARGE)
FAILED = make_lookup(error=LTXError("no"))


@pytest.mark.parametrize(
    ("lookups", "lengths"),
    [
        ([SMALL], [1]),
        ([BIG], [1]),
        ([SMALL] * 100, [100]),
        ([SMALL, BIG, BIG, SMALL, SMALL], [1, 1, 1, 2]),
        ([BIG, FAILED, BIG], [1, 1, 1]),
        ([MIDDLING] * 13, [6, 6, 1]),
    ],
)
def test_what_is_written_in_one_go_is_bounded_and_a_large_one_is_alone(lookups, lengths):
    several = list(batches(lookups))
    assert [len(batch) for batch in several] == lengths
    assert list(chain.from_iterable(several)) == lookups


def test_what_was_encoded_ahead_is_the_same_record_and_kept_once():
    expected = JSON_LINES.encode(BIG)
    assert json.loads(expected)["account"]["apiKey"] == "***"
    make_shown(BIG.account)
    assert JSON_LINES.encode(BIG) == expected
    assert take_shown(BIG.account) is None
    assert JSON_LINES.encode(BIG) == expected


def test_one_that_somebody_gave_an_error_is_the_same_record_too():
    lookup = evolve(of_size(LARGE), error=LTXError("no"))
    expected = JSON_LINES.encode(lookup)
    make_shown(lookup.account)
    assert JSON_LINES.encode(lookup) == expected


async def test_of_large_ones_none_is_encoded_in_the_loop_and_of_small_ones_not_all(monkeypatch):
    turns = []
    ahead = Ahead()

    async def turn(seconds):
        turns.append(seconds)

    monkeypatch.setattr("asyncio.sleep", turn)
    await ahead.prepare(BIG)
    assert take_shown(BIG.account) is not None
    for _ in range(14):
        await ahead.prepare(MIDDLING)
        assert take_shown(MIDDLING.account) is None
    assert turns == [0, 0]
    assert not ahead.busy


async def test_where_no_thread_is_left_the_writer_encodes_it(monkeypatch):
    async def no_thread(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("asyncio.to_thread", no_thread)
    lookup = of_size(LARGE)
    await Ahead().prepare(lookup)
    assert take_shown(lookup.account) is None


@pytest.mark.parametrize("suffix", [form.suffixes[0] for form in FORMATS])
async def test_a_large_one_is_written_as_every_other_is(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    async with open_results(path) as out:
        await out.write(BIG)
    (record,) = read_results(path)
    assert record.email == BIG.email
    if record.account is not None:
        assert record.account == BIG.account.to_wire()
