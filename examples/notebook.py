"""Look at all accounts, cell by cell: a script for Jupyter, VS Code or plain Python.

Without USEAPI_TOKEN, the emulator stands in for the service.
"""

# %% Look every configured account up, for its balance is not in the list
import os
from collections import Counter
from contextlib import ExitStack

from ltx_async.emulator import Emulator, GeneratedAccounts
from ltx_async.sync import LTXClient

with ExitStack() as stack:
    token, base_url = None, None
    if not os.environ.get("USEAPI_TOKEN"):
        emulator = stack.enter_context(Emulator(GeneratedAccounts(200, unhealthy=10)))
        token, base_url = emulator.token, emulator.base_url
    client = stack.enter_context(LTXClient(token, base_url=base_url))
    lookups = client.lookup_all(client.list_accounts().emails)

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
