"""The short way through a run: what is answered plainly is finished where its bytes arrive.

Nearly every email of a long run is answered by a 200 that holds its account. For these the
next request is written from the callback that the transport calls with the reply: no task is
woken and no coroutine entered, which saves a tenth of the instructions of a lookup.

It decides nothing. The reply goes through the same decoder, and everything else is handed to
the retry loop unchanged, before it is counted or reported: another status, a body that is long
or not an account, an error, an email that cannot be sent, no slot, no idle connection. So
the rules of waiting, repeating and ending stand in one place. Only a connection that is out of
step is given up here already, before somebody else has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import partial

from attrs import define, field

from ltx_async.codec import Reply, account_target, parse_account
from ltx_async.engine.attempts import Sent, takes_long
from ltx_async.engine.bounds import Bounds
from ltx_async.engine.bulk.source import Sign
from ltx_async.engine.lookup import lookup_of
from ltx_async.engine.run import Run
from ltx_async.engine.shared import Shared
from ltx_async.errors import DecodeError, InvalidEmailError, LTXError
from ltx_async.models import Account, Lookup
from ltx_async.transport.protocol import OnReply, Post


@define
class Left:
    """An email that the short way has taken but leaves to the retry loop.

    Attributes:
        index: its position.
        email: what is to be asked for.
        holds_slot: whether a slot is held for it.
        sent: its first request; None where there was none.
    """

    index: int
    email: str
    holds_slot: bool = False
    sent: Sent | None = None


@define(eq=False)
class ShortWay:
    """Asks for one email after the other, as long as each is answered plainly; one per worker.

    While a request is under way, the worker awaits `_end`, a slot is held, and `_give_up`
    closes the connection. Each of the three is given back exactly once, here or by the retry
    loop.

    Attributes:
        shared: what all lookups of the client share.
        bounds: how long each lookup may take.
        run: the run they are part of.
        post: writes a request.
        take: returns the next email, if there is one to be had without a wait.
        note: notes an email that was taken, and returns its position.
        finish: counts a result and hands it over.
    """

    shared: Shared
    bounds: Bounds
    run: Run
    post: Post
    take: Callable[[], str | Sign]
    note: Callable[[str], int]
    finish: Callable[[Lookup], object]
    _timeout: float = field(init=False)
    _on_reply: OnReply = field(init=False)
    _end: asyncio.Future[BaseException | None] = field(init=False)
    _give_up: Callable[[], None] | None = field(init=False, default=None)
    _holds_slot: bool = field(init=False, default=False)
    _left: Left | None = field(init=False, default=None)
    _index: int = field(init=False, default=0)
    _email: str = field(init=False, default="")
    _sent_at: float = field(init=False, default=0.0)
    _began: float = field(init=False, default=0.0)
    _answers: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._timeout = min(self.bounds.timeout, self.bounds.deadline)
        # The source is asked in the context of the worker, as the retry loop's emails are.
        in_context: Callable[..., None] = copy_context().run
        self._on_reply = partial(in_context, self._replied)

    async def go(self) -> Left | None:
        """Ask as long as everything is plain.

        Returns:
            What the retry loop is to look up; None where no email was to be had at once.
        """
        self._left = None
        self._end = self.shared.loop.create_future()
        try:
            failure = await self._end if self._ask() else None
        except BaseException:
            self._let_go()
            raise
        if failure is not None:
            self._let_go()
            raise failure
        self._holds_slot = False
        return self._left

    def _let_go(self) -> None:
        if self._give_up is not None:
            self._give_up()
            self._give_up = None
        if self._holds_slot:
            self._holds_slot = False
            self.shared.limiter.release()

    def _ask(self) -> bool:
        """Ask for the next email; return whether a request is under way."""
        shared = self.shared
        # Events and header fields for each attempt are the retry loop's business.
        if shared.listener.watched or shared.headers is not None:
            return False
        email = self.take()
        if isinstance(email, Sign):
            return False
        index = self.note(email)
        try:
            request = account_target(email)
        except InvalidEmailError:
            self._left = Left(index, email)
            return False
        self._holds_slot = shared.limiter.try_acquire()
        if self._holds_slot:
            self._index, self._email, self._answers = index, email, shared.outage.answers
            self._sent_at, self._began = shared.loop.time(), shared.clock()
            self._give_up = self.post(request, self._timeout, self._on_reply)
            if self._give_up is not None:
                return True
        self._left = Left(index, email, self._holds_slot)
        return False

    def _replied(self, came: Reply | LTXError) -> None:
        """Finish what is plain and ask for the next one; else wake the worker."""
        self._give_up = None  # another request may have the connection by now
        if self._end.done():  # the worker was cancelled, and gives everything back itself
            return
        try:
            if not (self._is_finished(came) and self._ask()):
                self._end.set_result(None)
        except BaseException as error:  # noqa: BLE001 - the worker raises it
            self._end.set_result(error)  # as a result: no future takes a StopIteration

    def _is_finished(self, came: Reply | LTXError) -> bool:
        """Finish a lookup whose reply is its account, in the order in which the retry loop does."""
        shared = self.shared
        if (
            isinstance(came, Reply)
            and came.status == 200
            and not takes_long(came, shared.redaction)
        ):
            result = parse_account(came, self._email, shared.redaction)
            if isinstance(result, Account):
                elapsed = shared.clock() - self._began
                shared.answered(self.run, self._sent_at, elapsed)
                self._holds_slot = False
                shared.limiter.release()
                shared.budget.give_back(0)
                self.finish(
                    lookup_of(
                        shared.base_url,
                        self._index,
                        self._email,
                        result,
                        attempts=1,
                        status=200,
                        elapsed=elapsed,
                    )
                )
                return True
            if isinstance(result, DecodeError) and result.another_email:
                shared.transport.discard(came)  # now, before the next request takes it
        sent = Sent(came, self._sent_at, self._began, self._answers)
        self._left = Left(self._index, self._email, holds_slot=True, sent=sent)
        return False
