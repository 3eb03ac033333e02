"""examples/tracing.py with the SDK of OpenTelemetry and its exporter in memory."""

import asyncio
import json

import pytest

from ltx_async import LTXClient, RetryPolicy
from ltx_async.emulator import Close, Delay, Emulator, Garbage
from ltx_async.sync import LTXClient as SyncClient

from .recipes import example, recipes

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)
from opentelemetry.trace import SpanKind, StatusCode

ANN, BOB = "ann@example.com", "bob@example.com"
QUICK = RetryPolicy(base=0.001, throttle_base=0.001)
tracing = example("tracing")


@pytest.fixture(scope="module")
def exporter():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)  # once per process
    return exporter


@pytest.fixture
async def emulator():
    async with Emulator([{"email": ANN}, {"email": BOB}]) as emulator:
        yield emulator


@pytest.fixture
def client(emulator, exporter, transport):
    exporter.clear()
    return LTXClient(
        emulator.token,
        base_url=emulator.base_url,
        transport=transport,
        retry=QUICK,
        on_event=tracing.trace,
        headers=tracing.traceparent,
    )


def parents_sent(emulator):
    """Return the trace and the span that each request names, without version and flags."""
    return [request.headers["traceparent"].split("-")[1:3] for request in emulator.requests]


def parent_of(span):
    context = span.get_span_context()
    return [f"{context.trace_id:032x}", f"{context.span_id:016x}"]


async def test_each_attempt_is_a_span_whose_traceparent_is_sent(emulator, exporter, client):
    emulator.script(ANN, 503, Close())
    tracer = trace.get_tracer("application")
    async with client:
        with tracer.start_as_current_span("of the application") as around:
            await client.fetch_account(ANN)
    *spans, outer = exporter.get_finished_spans()
    assert outer.name == "of the application"
    assert parents_sent(emulator) == [parent_of(span) for span in spans]
    template = "/ltxstudio/accounts/{email}"
    for span in spans:
        assert (span.name, span.kind) == (f"GET {template}", SpanKind.CLIENT)
        assert span.parent.span_id == around.get_span_context().span_id
        assert span.attributes["url.template"] == template
    told = [
        (
            span.attributes.get("http.request.resend_count"),
            span.attributes.get("http.response.status_code"),
            span.attributes.get("error.type"),
            span.status.status_code,
        )
        for span in spans
    ]
    assert told[0] == (None, 503, "503", StatusCode.ERROR)
    assert told[1] == (1, None, "ProtocolError", StatusCode.ERROR)
    assert told[-1] == (len(spans) - 1, 200, None, StatusCode.UNSET)


async def test_the_line_of_the_document_is_all_it_takes(emulator, exporter, monkeypatch):
    exporter.clear()
    monkeypatch.setenv("USEAPI_TOKEN", emulator.token)
    monkeypatch.setenv("USEAPI_API", emulator.base_url)
    (recipe,) = recipes("python.md", "Tracing and error reports", "py")
    scope = {"LTXClient": LTXClient, "trace": tracing.trace, "traceparent": tracing.traceparent}
    exec(recipe, scope)
    async with scope["client"] as client:
        await client.fetch_account(ANN)
    (span,) = exporter.get_finished_spans()
    assert parents_sent(emulator) == [parent_of(span)]


async def test_many_at_a_time_keep_their_spans_apart(emulator, exporter, client):
    emails = [f"{number}@example.com" for number in range(100)] + [ANN] * 100
    async with client:
        lookups = await client.lookup_all(emails)
        await asyncio.gather(*(client.lookup(ANN) for _ in range(100)))
    spans = exporter.get_finished_spans()
    assert sorted(parents_sent(emulator)) == sorted(parent_of(span) for span in spans)
    assert len(spans) == 300
    kinds = [span.attributes.get("error.type") for span in spans]
    assert kinds.count("404") == sum(lookup.outcome == "not_found" for lookup in lookups) == 100


async def test_the_list_and_what_is_no_account_are_told_apart(emulator, exporter, client):
    emulator.script(BOB, Garbage())
    async with client:
        await client.list_accounts()
        await client.lookup(BOB)
    listed, odd, *_ = exporter.get_finished_spans()
    assert listed.attributes["url.template"] == "/ltxstudio/accounts"
    assert odd.attributes["error.type"] in {"ProtocolError", "DecodeError"}


async def test_no_span_tells_whose_it_is_or_the_token(emulator, exporter, client):
    emulator.script(ANN, 401)
    async with client:
        await client.lookup(ANN)
    said = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert json.loads(said)["attributes"]["error.type"] == "401"
    assert ANN not in said
    assert emulator.token not in said


async def test_a_cancelled_attempt_ends_its_span_and_no_other(emulator, exporter, client):
    emulator.script(ANN, Delay(30))
    async with client:
        held = asyncio.create_task(client.lookup(ANN))
        while not emulator.requests:
            await asyncio.sleep(0.001)
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
        assert (await client.lookup(BOB)).outcome == "ok"
    spans = exporter.get_finished_spans()
    assert parents_sent(emulator) == [parent_of(span) for span in spans]
    assert [span.attributes.get("error.type") for span in spans] == ["cancelled", None]


def test_the_client_that_waits_has_the_spans_of_its_callers_as_parents(exporter):
    exporter.clear()
    with (
        Emulator([{"email": ANN}]) as emulator,
        SyncClient(
            emulator.token,
            base_url=emulator.base_url,
            on_event=tracing.trace,
            headers=tracing.traceparent,
        ) as client,
        trace.get_tracer("application").start_as_current_span("of the application") as around,
    ):
        client.fetch_account(ANN)
        (span,) = exporter.get_finished_spans()
        assert span.parent.span_id == around.get_span_context().span_id
        assert parents_sent(emulator) == [parent_of(span)]
