"""Spans of OpenTelemetry: one CLIENT span for each request, and its traceparent sent along.

pip install ltx_async opentelemetry-sdk
"""

from contextvars import ContextVar

from opentelemetry.trace import Span, SpanKind, StatusCode, get_tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ltx_async import AttemptFinished, AttemptStarted, Event

# An attempt begins, asks for its header fields and ends in one task, and so in one context.
SPAN: ContextVar[Span] = ContextVar("ltx_async_span")


def trace(event: Event) -> None:
    """Begin and end the span of an attempt, for `LTXClient(on_event=trace)`."""
    if isinstance(event, AttemptStarted):
        template = "/ltxstudio/accounts" + ("/{email}" if event.email else "")  # never the email
        attributes = {"http.request.method": "GET", "url.template": template}
        span = get_tracer(__name__).start_span(f"GET {template}", None, SpanKind.CLIENT, attributes)
        if event.attempt > 1:
            span.set_attribute("http.request.resend_count", event.attempt - 1)
        SPAN.set(span)
    elif isinstance(event, AttemptFinished):
        span = SPAN.get()
        if event.status is not None:
            span.set_attribute("http.response.status_code", event.status)
        if (kind := trouble_of(event)) is not None:
            span.set_attribute("error.type", kind)
            span.set_status(StatusCode.ERROR)
        span.end()


def trouble_of(event: AttemptFinished) -> str | None:
    """Return the `error.type` of an attempt, None where it was answered with an account."""
    if event.status is not None and event.status >= 400:
        return str(event.status)
    if event.error is not None:
        return type(event.error).__name__
    return "cancelled" if event.status is None else None


def traceparent(_attempt: AttemptStarted) -> dict[str, str]:
    """Return the header field of W3C Trace Context, for `LTXClient(headers=traceparent)`."""
    fields: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(fields, set_span_in_context(SPAN.get()))
    return fields
