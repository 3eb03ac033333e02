"""The configured accounts, as the list call gives them."""

from __future__ import annotations

from collections.abc import Mapping

from ltx_async import Account, LTXClient
from ltx_async.errors import AccountNotFoundError


async def listed_accounts(client: LTXClient) -> Mapping[str, Account]:
    """Return the configured accounts by email; the API may say with a 404 that there are none.

    Raises:
        LTXError: the list cannot be had.
    """
    try:
        return await client.list_accounts()
    except AccountNotFoundError:
        return {}
