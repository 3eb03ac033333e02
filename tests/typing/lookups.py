"""Checked by mypy and basedpyright, never run: what a lookup gives, as type checkers see it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never, assert_type

from ltx_async import (
    Account,
    AccountList,
    BulkLookup,
    Cookie,
    DecodeError,
    Lookup,
    LTXClient,
    LTXError,
    Outcome,
    RetryPolicy,
    Stats,
)


async def one(client: LTXClient) -> None:
    assert_type(await client.lookup("ann@example.com", timeout=5, deadline=20.5), Lookup)
    assert_type(await client.fetch_account("ann@example.com"), Account)
    listed = await client.list_accounts()
    assert_type(listed, AccountList)
    accounts: Mapping[str, Account] = listed
    assert_type(accounts["ann@example.com"], Account)
    assert_type(listed.problems["bob@example.com"], DecodeError)
    assert_type(listed.emails, tuple[str, ...])


async def many(client: LTXClient, later: AsyncIterator[str]) -> None:
    run = client.lookup_many(email for email in ("ann@example.com", "bob@example.com"))
    assert_type(run, BulkLookup)
    async with run as lookups:
        async for lookup in lookups:
            assert_type(lookup, Lookup)
            assert_type(lookups.at_hand(), list[Lookup])
    assert_type(run.stats, Stats)
    assert_type(await client.lookup_many(later, ordered=True), list[Lookup])


async def opened() -> None:
    async with LTXClient("user:12345-abcdefghi", rate=2, retry=RetryPolicy(attempts=5)) as client:
        assert_type(client, LTXClient)


def narrowed(lookup: Lookup) -> float | None:
    if lookup.account is not None:
        assert_type(lookup.account, Account)
        return lookup.account.token_balance
    if lookup.error is not None:
        assert_type(lookup.error, LTXError)
        assert_type(lookup.error.hint, str)
    return assert_type(lookup.unwrap(), Account).token_balance


def told(outcome: Outcome) -> str:
    match outcome:
        case Outcome.OK:
            return "well"
        case Outcome.NEEDS_REAUTH:
            return "sign in again"
        case Outcome.NOT_FOUND:
            return "configure it"
        case Outcome.INVALID:
            return "correct it"
        case Outcome.FAILED:
            return "ask again"
        case _:
            assert_never(outcome)


def described(account: Account, cookie: Cookie) -> None:
    assert_type(account.email, str | None)
    assert_type(account.cookie, Cookie | None)
    assert_type(cookie.lt_token, str | None)
    assert_type(account.max_jobs, int | None)
    assert_type(account.token_expires_at, datetime | None)
    assert_type(account.latest_created_at, datetime | None)
    assert_type(account.needs_reauth, bool)
    assert_type(account.to_wire(include_secrets=True), dict[str, Any])


def counted(stats: Stats, lookups: Sequence[Lookup]) -> bool:
    return sum(stats.outcomes.values()) == len(lookups) == stats.outcomes[Outcome.OK]


async def refused(client: LTXClient, account: Account) -> None:
    """Each line is an error of both checkers; one that is not makes its `ignore` one."""
    account.email = "bob@example.com"  # type: ignore[misc]
    LTXClient("user:12345-abcdefghi", "https://api.useapi.net/v1")  # type: ignore[call-arg]
    LTXClient(transport="carrier pigeon")  # type: ignore[arg-type]
    LTXClient(on_event=print, concurrency="20")  # type: ignore[arg-type]
    await client.lookup(12345)  # type: ignore[arg-type]
    client.lookup_many([12345])  # type: ignore[list-item]
    _ = account.token_balance + 1  # type: ignore[operator]
