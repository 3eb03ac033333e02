"""The useapi.net LTX Studio API as a local server, for tests, demos and benchmarks.

    async with Emulator(GeneratedAccounts(300, unhealthy=10)) as emulator:
        print(emulator.base_url)  # http://127.0.0.1:PORT/v1

It answers the documented endpoints, misbehaves on request (`Emulator.script`, `faults`),
and keeps a bounded journal of what it was asked.
"""

from ltx_async.emulator.accounts import AccountFile, AccountStore, load_accounts
from ltx_async.emulator.drift import Change, Drift
from ltx_async.emulator.faults import FAULT_KINDS, parse_faults
from ltx_async.emulator.generated import GeneratedAccounts
from ltx_async.emulator.journal import RecordedRequest
from ltx_async.emulator.server import EXAMPLE_TOKEN, Emulator
from ltx_async.emulator.steps import Close, Delay, Garbage, Reset, Slow, Status, Step, Truncate

__all__ = [
    "EXAMPLE_TOKEN",
    "FAULT_KINDS",
    "AccountFile",
    "AccountStore",
    "Change",
    "Close",
    "Delay",
    "Drift",
    "Emulator",
    "Garbage",
    "GeneratedAccounts",
    "RecordedRequest",
    "Reset",
    "Slow",
    "Status",
    "Step",
    "Truncate",
    "load_accounts",
    "parse_faults",
]


def __dir__() -> list[str]:
    return __all__
