"""Look at all accounts, cell by cell: a script for Jupyter, VS Code or plain Python.

Without USEAPI_TOKEN, the emulator stands in for the service.
"""

# %% Who is there to ask?
import asyncio
import os
from collections import Counter
from contextlib import AsyncExitStack

from ltx_async import Lookup, LTXClient
from ltx_async.emulator import Emulator, GeneratedAccounts


# %% Look every configured account up, for its balance is not in the list
async def look_up_all() -> list[Lookup]:
    """Return one lookup per configured account."""
    async with AsyncExitStack() as stack:
        token, base_url = None, None
        if not os.environ.get("USEAPI_TOKEN"):
            emulator = Emulator(GeneratedAccounts(200, unhealthy=10))
            await stack.enter_async_context(emulator)
            token, base_url = emulator.token, emulator.base_url
        client = await stack.enter_async_context(LTXClient(token, base_url=base_url))
        return await client.lookup_many((await client.list_accounts()).emails)


lookups = asyncio.run(look_up_all())  # in Jupyter: lookups = await look_up_all()

# %% What became of them
for outcome, count in Counter(lookup.outcome for lookup in lookups).most_common():
    print(f"{outcome:>14} {count:>6,}")

# %% The five that run dry first
accounts = [lookup.account for lookup in lookups if lookup.account is not None]
known = [account for account in accounts if account.token_balance is not None]
for account in sorted(known, key=lambda account: account.token_balance or 0)[:5]:
    print(f"{account.token_balance:>14,} {account.email}")

# %% The five sign-ins that end first
ends = [(account.refresh_token_expires_at, account.email) for account in accounts]
for end, email in sorted((end, email) for end, email in ends if end is not None)[:5]:
    print(f"{end:%Y-%m-%d %H:%M} {email}")
