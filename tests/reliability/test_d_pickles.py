"""Promise 44: no token goes into a pickle, and no cookie into what walks through objects."""

import contextlib
import copy
import functools
import io
import json
import multiprocessing.reduction
import pickle

import attrs
import cattrs
import pytest

from ltx_async import ConfigurationError, LTXClient, Outcome

from .conftest import TOKEN
from .replies import account_body, ok, reply
from .wire import in_turn

COOKIE = {"lt_id": "canary-1", "lt_token": "canary-2", "lt_refresh_token": "canary-3"}
WITH_COOKIE_SCRIPT = [
    reply(200, account_body("ann@example.com", cookie={**COOKIE, "more": "canary-4"}))
]


@attrs.define
class Job:
    """What an application keeps of a client."""

    client: LTXClient


def worker(client: LTXClient, email: str) -> None:
    """What an application would hand to a pool of processes."""


HOLDERS = {
    "itself": lambda client: client,
    "a method": lambda client: client.lookup,
    "a partial function": lambda client: functools.partial(worker, client),
    "arguments": lambda client: {"args": (client, "ann@example.com")},
    "an object": lambda client: Job(client),
}
WAYS = {
    **{f"pickle {n}": functools.partial(pickle.dumps, protocol=n) for n in range(6)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "multiprocessing": multiprocessing.reduction.ForkingPickler.dumps,
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS.keys())
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_a_client_is_never_pickled(serve, connect, hold, way):
    server = await serve(ok)
    client = connect(server)
    await client.lookup("ann@example.com")
    held = hold(client)
    if way is copy.copy and held is not client:
        pytest.skip("a shallow copy of something else holds the very client")
    with pytest.raises(ConfigurationError, match="make one client per process"):
        way(held)
    assert (await client.lookup("bob@example.com")).outcome is Outcome.OK


async def test_what_was_pickled_before_the_refusal_holds_no_token(serve, connect):
    client = connect(await serve(ok))
    await client.lookup("ann@example.com")
    written = io.BytesIO()
    with contextlib.suppress(ConfigurationError):
        pickle.Pickler(written).dump(["before", client, "behind"])
    assert TOKEN.partition("-")[2].encode() not in written.getvalue()


async def test_a_closed_client_is_not_pickled_either(serve, connect):
    client = connect(await serve(ok))
    await client.aclose()
    with pytest.raises(ConfigurationError, match="make one client per process"):
        pickle.dumps(client)


@pytest.mark.parametrize(
    "walk",
    [attrs.asdict, attrs.astuple, cattrs.unstructure],
    ids=["asdict", "astuple", "unstructure"],
)
async def test_what_walks_through_a_lookup_finds_no_cookie(serve, connect, walk):
    client = connect(await serve(in_turn(WITH_COOKIE_SCRIPT)))
    lookup = await client.lookup("ann@example.com")
    said = json.dumps(walk(lookup), default=repr) + repr(walk(lookup.account))
    assert "canary" not in said
    assert "ann@example.com" in said
    cookie = lookup.account.cookie
    assert {name: getattr(cookie, name) for name in COOKIE} == COOKIE
    assert lookup.account.to_wire(include_secrets=True)["cookie"] == {**COOKIE, "more": "canary-4"}


async def test_a_pickled_lookup_keeps_what_came(serve, connect):
    client = connect(await serve(in_turn(WITH_COOKIE_SCRIPT)))
    lookup = await client.lookup("ann@example.com")
    again = pickle.loads(pickle.dumps(lookup))
    assert again == lookup
    assert again.account.cookie.lt_token == COOKIE["lt_token"]
    assert again.to_record() == lookup.to_record()
    assert "canary" not in json.dumps(again.to_record())
    assert "A pickle of" in type(lookup).__doc__


async def test_an_account_that_was_changed_says_what_it_is_now(serve, connect):
    client = connect(await serve(in_turn(WITH_COOKIE_SCRIPT)))
    account = await client.fetch_account("ann@example.com")
    changed = attrs.evolve(account, cookie=None, max_jobs=7)
    assert "canary" not in json.dumps(changed.to_wire(include_secrets=True))
    assert changed.to_wire()["maxJobs"] == 7
