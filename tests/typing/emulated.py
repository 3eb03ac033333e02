"""Checked by mypy and basedpyright, never run: the emulator and the fixtures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_type

from ltx_async import Account, LTXClient
from ltx_async.emulator import (
    EXAMPLE_TOKEN,
    FAULT_KINDS,
    AccountStore,
    Close,
    Delay,
    Emulator,
    GeneratedAccounts,
    RecordedRequest,
    Reset,
    Status,
    Step,
    load_accounts,
    parse_faults,
)
from ltx_async.testing import MockedAPI


async def served(path: Path) -> None:
    async with Emulator(GeneratedAccounts(300, unhealthy=10), latency=0.02) as emulator:
        assert_type(emulator, Emulator)
        assert_type(emulator.base_url, str)
        emulator.put({"email": "ann@example.com", "balance": {"LTXStudio_token": 150}})
        emulator.script("ann@example.com", 503, Status(404, body=b""), Delay(0.1), Close(), Reset())
        assert_type(emulator.request_count, int)
        requests: Sequence[RecordedRequest] = emulator.requests
        assert_type(requests[0], RecordedRequest)
    Emulator(AccountStore(load_accounts(path)), faults=parse_faults(["503=5"]))
    Emulator([{"email": "ann@example.com"}], token=EXAMPLE_TOKEN)
    assert_type("503" in FAULT_KINDS, bool)


def scripted() -> list[Step]:
    return [Status(200), Delay(1), Close()]


async def test_with_fixtures(
    ltx_emulator: Emulator, ltx_client: LTXClient, ltx_mock: MockedAPI
) -> None:
    ltx_emulator.put({"email": "ann@example.com"})
    assert_type(await ltx_client.fetch_account("ann@example.com"), Account)
    ltx_mock.put({"email": "ann@example.com"})
    ltx_mock.answer("ann@example.com", 503, headers={"Retry-After": "1"})
    ltx_mock.answer(None, payload={})


def refused(accounts: Mapping[str, object]) -> None:
    """Each line is an error of both checkers; one that is not makes its `ignore` one."""
    Emulator(accounts, 8080)  # type: ignore[arg-type, call-arg]
    GeneratedAccounts("many")  # type: ignore[arg-type]
