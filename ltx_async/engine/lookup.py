"""One email, or the list: its request, the loop that gets an answer, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime

from ltx_async.codec import ACCOUNT_LIST, AccountList, account_target, parse_account
from ltx_async.engine.attempts import Sent, read_list
from ltx_async.engine.bounds import Bounds
from ltx_async.engine.logs import facts_of, logger, mask_email, message_for_log
from ltx_async.engine.retry_loop import RetryLoop
from ltx_async.engine.run import Run
from ltx_async.engine.shared import Shared
from ltx_async.errors import InvalidEmailError, LTXError, as_text
from ltx_async.events import LookupFinished
from ltx_async.models import Account, Lookup, LookupDraft, Outcome, freeze


async def look_up(
    shared: Shared,
    bounds: Bounds,
    index: int,
    email: str,
    run: Run | None = None,
    *,
    holds_slot: bool = False,
    sent: Sent | None = None,
) -> Lookup:
    """Look up one account; what happens to this email is in the result, never raised.

    Args:
        shared: what it shares with all other lookups of its client.
        bounds: how long it may take.
        index: position in the input, from 0.
        email: the address, sent as it is.
        run: the run it is part of; None for a single lookup.
        holds_slot: whether the slot of the first attempt is held; only for what can be sent.
        sent: the first request, where it has been sent.

    Raises:
        ConfigurationError: the client was closed meanwhile.
        RunEndedError: the run ended first.
    """
    loop = None
    result: Account | LTXError
    try:
        request = account_target(email)
    except InvalidEmailError as error:
        result = error.with_traceback(None)
    else:
        loop = RetryLoop(shared, request, email, parse_account, run, bounds=bounds)
        result = await loop.result(holds_slot=holds_slot, sent=sent)
    if loop is None:
        lookup = lookup_of(None, index, email, result, attempts=0, status=None, elapsed=0.0)
    else:
        attempts, status, elapsed = loop.attempts, loop.status, loop.elapsed
        asked = shared.base_url if attempts else None
        lookup = lookup_of(
            asked, index, email, result, attempts=attempts, status=status, elapsed=elapsed
        )
    if lookup.error is not None and lookup.outcome is Outcome.FAILED:
        who, what = mask_email(email), message_for_log(lookup.error, email)
        logger.info("%s failed: %s", who, what, extra=facts_of(LookupFinished(lookup)))
    if shared.listener.watched:
        shared.listener.tell(LookupFinished(lookup))
    return lookup


async def list_accounts(shared: Shared, bounds: Bounds) -> AccountList:
    """Return every configured account by email, in one call.

    Raises:
        LTXError: what kept the list from coming.
    """
    loop = RetryLoop(shared, ACCOUNT_LIST, None, read_list, bounds=bounds)
    accounts = await loop.result()
    if isinstance(accounts, LTXError):
        accounts.attempts = loop.attempts
        raise accounts
    return accounts


def lookup_of(
    base_url: str | None,
    index: int,
    email: str,
    result: Account | LTXError,
    *,
    attempts: int,
    status: int | None,
    elapsed: float,
) -> Lookup:
    """Return what a lookup comes to, as of now.

    Args:
        base_url: where it was asked for; None where nothing was sent.
        index: position in the input, from 0.
        email: the address that was asked for, or what was given in place of one.
        result: the account, or what kept it from coming.
        attempts: requests sent.
        status: of the last reply; None before one.
        elapsed: seconds since the first attempt.
    """
    account = error = None
    email = email if type(email) is str else as_text(email)
    if isinstance(result, LTXError):
        error, outcome = result, Outcome(result.outcome)
        error.email, error.attempts = email, attempts
    else:
        account, outcome = result, Outcome.NEEDS_REAUTH if result.needs_reauth else Outcome.OK
    now = datetime.now(UTC)
    return freeze(
        LookupDraft(index, email, outcome, account, error, status, attempts, elapsed, now, base_url)
    )
