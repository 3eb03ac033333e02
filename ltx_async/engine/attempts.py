"""The requests of one lookup: send each, read its reply, and report it to limiter and outage."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any, Final, Generic, TypeVar

from attrs import define, evolve, field

from ltx_async.codec import AccountList, Redaction, Reply, Request, parse_accounts
from ltx_async.engine.parameters import is_coroutine
from ltx_async.engine.run import Run
from ltx_async.engine.shared import Shared
from ltx_async.errors import (
    CertificateError,
    ConfigurationError,
    ConnectError,
    DeadlineError,
    DecodeError,
    LTXError,
    ProtocolError,
    ProxyAuthenticationError,
    ResponseError,
    ServerError,
    TransportError,
)
from ltx_async.events import AttemptFinished, AttemptStarted
from ltx_async.jsontext import fold
from ltx_async.models import Outcome
from ltx_async.transport.header_fields import header_fields

_UNANSWERED: Final = (TransportError, CertificateError, ProxyAuthenticationError)
_LONGEST_AT_ONCE: Final = 64 << 10  # bytes of a body that take no millisecond to decode
_LONGEST_WITH_TOKEN: Final = 8 << 10  # bytes that take no more of which the token is to be cut out
_SHORTEST_TIMEOUT: Final = 0.001  # seconds; a deadline that just passed still gets one look
_AT_ONCE: Final = nullcontext()
T = TypeVar("T")


@define
class Sent:
    """A request that was sent elsewhere, and what came of it.

    Attributes:
        came: the reply, or the error in its place.
        at: the loop's time when it was sent.
        began: the clock's time then.
        answers: how many emails of the client had been answered by then.
    """

    came: Reply | LTXError
    at: float
    began: float
    answers: int

    def reply(self) -> Reply:
        """Return the reply, or raise why there is none."""
        if isinstance(self.came, LTXError):
            raise self.came
        return self.came


def read_list(reply: Reply, _email: str, redaction: Redaction) -> AccountList | LTXError:
    """Make the result of a reply to the list call, which concerns no email."""
    return parse_accounts(reply, redaction)


def takes_long(reply: Reply, redaction: Redaction) -> bool:
    """Whether a reply is to be read apart, so that the loop goes on."""
    length = len(reply.body)
    if length <= _LONGEST_WITH_TOKEN:
        return False
    return length > _LONGEST_AT_ONCE or redaction.concerns(reply.body, fold(reply.body))


async def read_apart(
    reply: Reply,
    read: Callable[[], T | LTXError],
    ends_at: float = math.inf,
    turn: AbstractAsyncContextManager[Any] = _AT_ONCE,
) -> T | LTXError:
    """Read a long reply in a thread, so that the loop goes on.

    A program waits at its end for such threads: where nobody waits for the result any more, the
    reply is abandoned.

    Args:
        reply: what is read.
        read: makes the result.
        ends_at: the loop's time after which nobody waits.
        turn: bounds how many are read at a time.
    """
    try:
        async with asyncio.timeout_at(ends_at if ends_at < math.inf else None), turn:
            return await asyncio.get_running_loop().run_in_executor(None, read)
    except TimeoutError:
        length = len(reply.body) >> 10
        return DeadlineError(f"a reply of {length:,} KiB came, and was not read in time")
    finally:
        reply.abandoned = True


@define(eq=False)
class Attempts(Generic[T]):
    """What one lookup has sent, and what came of it.

    Attributes:
        shared: what it shares with all others.
        request: what it asks for.
        email: whom it concerns; None for the list call.
        read: makes the result of a reply, the email and the redaction.
        run: the run it is part of; None for a single lookup.
        attempts: requests sent so far.
        status: of the last reply; None before one.
        started_at: the clock's time at the first attempt; None before it.
        throttled: whether the last reply asked for a slower pace.
        notices: whether an outage was noticed because of this lookup's last attempt.
        answers_at_failure: how many emails of the client had been answered when this one
            failed first; None before it did.
        answers_at_start: how many had been answered when it was asked for first.
        had_its_turn: whether it was set aside until another email was answered. From then on,
            silence in reply to this email is no sign of an outage.
    """

    shared: Shared
    request: Request
    email: str | None
    read: Callable[[Reply, str, Redaction], T | LTXError]
    run: Run | None = None
    attempts: int = field(init=False, default=0)
    status: int | None = field(init=False, default=None)
    started_at: float | None = field(init=False, default=None)
    throttled: bool = field(init=False, default=False)
    notices: bool = field(init=False, default=False)
    answers_at_failure: int | None = field(init=False, default=None)
    answers_at_start: int = field(init=False, default=0)
    had_its_turn: bool = field(init=False, default=False)

    @property
    def elapsed(self) -> float:
        """Seconds since the first attempt, 0 before it."""
        return 0.0 if self.started_at is None else self.shared.clock() - self.started_at

    async def attempt(
        self, timeout: float, ends_at: float, sent: Sent | None = None
    ) -> T | LTXError:
        """Send a request, and once more at once, for free, if only the connection was at fault.

        A server may close a kept-alive connection at any time (RFC 9112 9.3.1). A connection
        that brings the account of another email is out of step: its replies belong to other
        requests.

        Args:
            timeout: seconds for each request.
            ends_at: the loop's time at which the last one ends.
            sent: the first one, where it has been sent.
        """
        limiter = self.shared.limiter
        result = await self._send(timeout, ends_at, sent)
        if isinstance(result, ProtocolError) and result.reused and not limiter.stopped:
            result = await self._send_anew(timeout, ends_at)
        if isinstance(result, DecodeError) and result.another_email and not limiter.stopped:
            result = await self._send_anew(timeout, ends_at)
        return result

    async def _send_anew(self, timeout: float, ends_at: float) -> T | LTXError:
        """Send over a new connection; nobody else may have it, since nothing is awaited before."""
        self.shared.transport.renew()
        return await self._send(timeout, ends_at)

    async def _send(self, timeout: float, ends_at: float, sent: Sent | None = None) -> T | LTXError:
        """Send one request, read its reply, and report the result to whoever needs it."""
        shared = self.shared
        now = sent.at if sent else shared.loop.time()
        began = sent.began if sent else shared.clock()
        self.attempts += 1
        if self.started_at is None:
            self.started_at = began
            self.answers_at_start = sent.answers if sent else shared.outage.answers
        watched = shared.listener.watched
        if watched:
            shared.listener.tell(AttemptStarted(self.email or "", self.attempts))
        reply: Reply | None = None
        result: T | LTXError
        try:
            try:
                request = self.request if shared.headers is None else self._with_fields()
                seconds = max(_SHORTEST_TIMEOUT, min(timeout, ends_at - now))
                reply = sent.reply() if sent else await shared.transport.send(request, seconds)
            except _UNANSWERED as error:
                result = error.with_traceback(None)
            else:
                self.status = reply.status
                reading = (reply, self.email or "", shared.redaction)
                if takes_long(reply, shared.redaction):
                    read, came = partial(self.read, *reading), shared.clock()
                    result = await read_apart(reply, read, ends_at, shared.readers)
                    began += shared.clock() - came  # that was no time of the server
                else:
                    result = self.read(*reading)
                if isinstance(result, DecodeError) and result.another_email:
                    shared.transport.discard(reply)
        except BaseException as error:
            if watched:
                self._tell_end(
                    shared.clock() - began, None, error if isinstance(error, LTXError) else None
                )
            raise
        seconds = shared.clock() - began
        failure = result if isinstance(result, LTXError) else None
        if watched:
            self._tell_end(seconds, None if reply is None else reply.status, failure)
        self._report(failure, now, seconds, replied=reply is not None)
        return result

    def _tell_end(self, seconds: float, status: int | None, failure: LTXError | None) -> None:
        event = AttemptFinished(self.email or "", self.attempts, seconds, status, failure)
        self.shared.listener.tell(event)

    def _with_fields(self) -> Request:
        """Return the request with the header fields that are for this attempt."""
        assert self.shared.headers is not None
        given: object = self.shared.headers(AttemptStarted(self.email or "", self.attempts))
        if is_coroutine(given):
            raise ConfigurationError(
                "headers must be a plain function, not one that gives a coroutine",
                hint="Have the ids ready before: it is called for every attempt.",
            )
        return evolve(self.request, fields=header_fields(given))

    def _report(
        self, failure: LTXError | None, sent_at: float, seconds: float, *, replied: bool
    ) -> None:
        """Tell the limiter, the outage and the run how the attempt went."""
        if failure is None and self.email is not None:
            self.throttled = False
            self.shared.answered(self.run, sent_at, seconds)
        else:
            self._report_other(failure, sent_at, seconds, replied=replied)

    def _report_other(
        self, failure: LTXError | None, sent_at: float, seconds: float, *, replied: bool
    ) -> None:
        """Report an attempt that did not bring an account: it failed, or it was the list call."""
        shared, run = self.shared, self.run
        self.throttled = replied and shared.is_throttle(failure)
        if self.throttled:
            assert isinstance(failure, ResponseError)
            shared.throttled(failure, sent_at)
        elif failure is None or (replied and not isinstance(failure, ServerError)):
            shared.limiter.succeeded(sent_at)
        if run is not None or self.email is not None:  # the list alone is no lookup
            counters = shared.tally.counters if run is None else run.counters
            if not isinstance(failure, ConnectError):  # without a connection nothing was sent
                counters.requests += 1
            if replied:
                counters.latencies.add(seconds)
        answered = failure is None or failure.outcome != Outcome.FAILED
        if not answered and self.answers_at_failure is None:
            self.answers_at_failure = shared.outage.answers
        if failure is not None and shared.outage.counts(failure) and not self.throttled:
            shared.outage.met |= replied
            self.notices = False
            if run is not None and (shared.outage.lasts or not self.had_its_turn):
                self.notices = shared.unheard(failure, run)
        elif replied:
            self._heard(answered=answered)

    def _heard(self, *, answered: bool) -> None:
        """Note a reply, which may be one to the list."""
        shared, run = self.shared, self.run
        if self.email is None:
            shared.heard_list()
            return
        if answered and run is not None:
            run.answered = True
        shared.heard(answered=answered, throttled=self.throttled)
