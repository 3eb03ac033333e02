"""examples/error_reports.py with the SDK of Sentry, which sends nothing."""

import json
import logging

import pytest

from ltx_async import LTXClient, LTXError, RetryPolicy
from ltx_async.emulator import Emulator, GeneratedAccounts

from .recipes import example

sentry_sdk = pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed")
reports = example("error_reports")
QUICK = RetryPolicy(base=0.001, throttle_base=0.001)
EMAILS = [f"user{number:06}@example.com" for number in range(1, 301)]
COOKIE = {"lt_token": "canary-cookie", "lt_refresh_token": "canary-refresh"}
TOKEN = "user:12345-canarytoken"
SMALL = 20_000  # bytes


@pytest.fixture
def sent():
    """Whatever Sentry would have sent: events, and transactions with their spans."""
    sent = []

    class Kept(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            sent.extend(json.loads(item.payload.get_bytes()) for item in envelope.items)

    reports.report_errors(
        "https://key@sentry.invalid/1",
        transport=Kept,
        traces_sample_rate=1.0,
        shutdown_timeout=0,
    )
    sentry_sdk.get_isolation_scope().clear()  # of breadcrumbs, which are the process's
    yield sent
    sentry_sdk.init()


@pytest.fixture
async def emulator():
    accounts = GeneratedAccounts(300, unhealthy=0)
    async with Emulator(accounts, token=TOKEN) as emulator:
        for email in EMAILS[:50]:
            emulator.put({"email": email, "cookie": COOKIE})
        yield emulator


@pytest.fixture
async def client(emulator, transport):
    async with LTXClient(
        TOKEN, base_url=emulator.base_url, transport=transport, retry=QUICK
    ) as client:
        yield client


async def report(awaitable):
    """Do what an application does: something goes wrong, and that is reported."""
    with sentry_sdk.start_transaction(name="a page"):
        try:
            await awaitable
        except LTXError as error:
            sentry_sdk.capture_exception(error)


def group_of(event):
    """Return what Sentry groups by: the fingerprint, and of `{{ default }}` type and frames."""
    (thrown,) = event["exception"]["values"]
    frames = [(frame["module"], frame["function"]) for frame in thrown["stacktrace"]["frames"]]
    return *event["fingerprint"], thrown["type"], *frames


async def test_reports_are_grouped_by_what_went_wrong(sent, emulator, client):
    for email, status in (("a@example.com", 403), ("b@example.com", 403), ("c@example.com", 418)):
        emulator.script(email, status)
    for email in ("a@example.com", "b@example.com", "c@example.com", "gone@example.com"):
        await report(client.fetch_account(email))
    first, second, other, gone = (event for event in sent if "exception" in event)
    assert group_of(first) == group_of(second)
    assert len({group_of(event) for event in (first, other, gone)}) == 3
    assert other["fingerprint"] == ["{{ default }}", "ResponseError", "418"]
    assert gone["tags"] == {"error": "AccountNotFoundError", "retryable": "False"}
    (told,) = gone["exception"]["values"]
    assert told["value"].startswith("HTTP 404: ")
    assert "useapi.net" in told["value"]  # the hint, a note


async def test_a_report_tells_no_address_and_no_secret_and_is_small(sent, emulator, client):
    async def a_run():
        emulator.script(EMAILS[200], 401)
        async with client.lookup_many(EMAILS) as lookups:
            return [lookup async for lookup in lookups]

    async def a_list():
        emulator.script(EMAILS[201], 402)
        return await client.lookup_all(EMAILS)

    emulator.script("ann@example.com", 503, forever=True)
    await report(client.fetch_account("ann@example.com"))
    await report(client.fetch_account("+odd%.ann@example.com"))
    await report(a_run())
    await report(a_list())
    events = [event for event in sent if "exception" in event]
    assert len(events) == 4
    said = json.dumps(sent, ensure_ascii=False)
    assert TOKEN not in said
    assert "canary" not in said
    for address in ("user0", "ann@", "odd", "%2B"):
        assert address not in said, address
    assert max(len(json.dumps(event)) for event in events[:2]) < SMALL
    # A hundred breadcrumbs, of Sentry's own choice, are most of it.
    assert max(len(json.dumps(event | {"breadcrumbs": None})) for event in events) < SMALL


async def test_what_on_event_raises_is_one_report_without_an_address(sent, emulator, transport):
    def broken(event):
        raise RuntimeError(f"no room for {event.email}")

    logging.getLogger("ltx_async").setLevel(logging.INFO)
    async with LTXClient(
        TOKEN, base_url=emulator.base_url, transport=transport, on_event=broken
    ) as client:
        await client.lookup_all(EMAILS[:9])
    events = [event for event in sent if "exception" in event]
    assert "no room for …@example.com" in json.dumps(events[0], ensure_ascii=False)
    assert len(events) == 1
    assert "user0" not in json.dumps(sent)
