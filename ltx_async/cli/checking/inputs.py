"""The emails of a run: out of the inputs, or those of the list call."""

from __future__ import annotations

from ltx_async import LTXClient
from ltx_async.cli.checking.listing import listed_emails
from ltx_async.cli.checking.options import CheckOptions
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.files.errors import OutputRefusedError
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.reading import open_emails
from ltx_async.inputs.source import STANDARD_INPUT, is_same_file


async def emails_of(options: CheckOptions, client: LTXClient | None, talk: Talk) -> DistinctEmails:
    """Open what the emails are in, and look at its beginning; or ask for the list of accounts.

    Args:
        options: which it is.
        client: for the list call; else None will do.
        talk: is told what was taken for granted.

    Raises:
        InputError: an input cannot be read, or not as it was said.
        OutputRefusedError: an input is the output.
        LTXError: the list cannot be had.
    """
    if client is not None and options.from_api:
        emails = DistinctEmails.of(await listed_emails(client, talk))
    else:
        emails = await _opened(options, talk)
    emails.limit = options.limit
    return emails


async def _opened(options: CheckOptions, talk: Talk) -> DistinctEmails:
    if STANDARD_INPUT in options.sources and is_terminal(0):
        talk.say("type the emails, one per line; Ctrl-D ends them")
    if options.output != "-" and any(is_same_file(n, options.output) for n in options.sources):
        raise OutputRefusedError(f"{options.output}: is the input.")
    emails = open_emails(options.sources, options.inputs.how(talk.say))
    try:
        await emails.peek()
    except BaseException:
        emails.close()
        raise
    return emails
