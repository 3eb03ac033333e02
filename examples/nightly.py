"""Look up every email of a file, with a bar, and go on after whatever has stopped it.

pip install ltx_async tenacity tqdm
USEAPI_TOKEN=user:12345-abcdefghi python nightly.py emails.txt results.jsonl
"""

import asyncio
import sys

from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential
from tqdm.asyncio import tqdm

from ltx_async import LTXClient, LTXError, Outcome
from ltx_async.inputs import read_emails
from ltx_async.results import open_results


def may_pass(error: BaseException) -> bool:
    """Tell whether a later run may do what this one could not: an outage, a long wait."""
    return isinstance(error, LTXError) and error.retryable


@retry(
    retry=retry_if_exception(may_pass),
    wait=wait_exponential(min=60, max=900),
    stop=stop_after_attempt(5),
    reraise=True,
)
async def look_up(emails: str, results: str) -> None:
    """Look up what has no result yet; one lookup is retried by the client, a run is here."""
    async with (
        LTXClient() as client,
        open_results(results, existing="resume", retry={Outcome.FAILED}) as out,
    ):
        addresses = read_emails(emails, on_refused=lambda entry: print(entry.text, entry.reason))
        todo = [email async for email in addresses if email not in out]
        async with client.lookup_many(todo) as lookups:
            async for lookup in tqdm(lookups, total=len(todo), unit=" emails"):
                await out.write(lookup)


if __name__ == "__main__":
    asyncio.run(look_up(*sys.argv[1:]))
