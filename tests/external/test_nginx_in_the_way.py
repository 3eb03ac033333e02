"""What stands in the way of the API answers in its place: whatever it says, it is told as that."""

import pytest

from ltx_async import DecodeError, Outcome, RedirectError, ResponseError
from ltx_async.emulator import EXAMPLE_TOKEN

PAGE = "default_type text/html; return {} '<!DOCTYPE html><title>Just a moment...</title>';"
CHALLENGE = PAGE.format(403)
PORTAL = PAGE.format(200)
EMAILS = [f"{number}@example.com" for number in range(5)]


async def errors(front, transport, **options):
    """Return the errors of a run of which nobody's email is at fault, and nothing was served."""
    async with front.client(transport, **options) as client:
        lookups = await client.lookup_many(EMAILS)
        alone = await client.lookup(EMAILS[0])
    assert {lookup.outcome for lookup in [*lookups, alone]} == {Outcome.FAILED}
    assert front.emulator.request_count == 0
    assert EXAMPLE_TOKEN not in repr(lookups) + str(alone.error)
    return [lookup.error for lookup in [*lookups, alone]]


@pytest.mark.parametrize(("page", "kind"), [(CHALLENGE, ResponseError), (PORTAL, DecodeError)])
async def test_a_page_for_people_is_no_answer(front, transport, page, kind):
    await front.start(answer=page)
    for error in await errors(front, transport):
        assert type(error) is kind
        assert error.html
        assert "browser" in error.hint


@pytest.mark.parametrize("status", [301, 302, 308])
async def test_where_a_portal_or_another_host_is_pointed_to_the_token_does_not_go(
    front, transport, status
):
    elsewhere = f"https://localhost:{front.port}/elsewhere"
    await front.start(answer=f"return {status} {elsewhere}$request_uri;")
    for error in await errors(front, transport):
        assert type(error) is RedirectError
        assert error.message == f"HTTP {status}: redirects to localhost"
    assert "GET /elsewhere" not in front.log
    assert front.log.count(f'" {status} ') == len(EMAILS) + 1


async def test_a_tls_port_asked_in_plain_text_says_so(front, transport):
    await front.start()
    base_url = front.base_url.replace("https:", "http:")
    for error in await errors(front, transport, base_url=base_url, ssl=None):
        assert (type(error), error.status, error.html) == (ResponseError, 400, True)
        assert "browser" in error.hint
