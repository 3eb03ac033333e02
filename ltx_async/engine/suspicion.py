"""What a run does when every email gets the same useless reply."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from ltx_async.engine.bounds import Bounds
from ltx_async.engine.health.outage import cause_of, is_silence, may_pass
from ltx_async.engine.lookup import list_accounts
from ltx_async.engine.run import Run
from ltx_async.engine.shared import Shared
from ltx_async.errors import (
    AccountNotFoundError,
    ConfigurationError,
    DecodeError,
    LTXError,
    RateLimitError,
    ResponseError,
    ServiceRefusedError,
)
from ltx_async.models import Outcome

_ALIKE: Final = 20  # results in a row


@define(eq=False)
class Suspicion:
    """Counts the results of a run that fail alike, and has the list settle whose fault that is.

    Errors that may pass are left to `Outage`. Those that do not, such as a web page in place of
    an account, are the fault of the emails or of whatever answers at the address, and the list
    call tells which. If it is answered, the run goes on, and the list is not asked again before
    an email was answered. Nothing counts while the list is asked for: these results were under
    way before, and belong to the same doubt.

    Attributes:
        shared: what the run shares with all others.
        bounds: how long the list may take.
        run: the run.
        alike: results in a row with one class and status.
    """

    shared: Shared
    bounds: Bounds
    run: Run
    alike: int = field(init=False, default=0)
    _kind: tuple[type[LTXError], int | None] | None = field(init=False, default=None)
    _settled: bool = field(init=False, default=False)

    def note(self, error: LTXError | None) -> bool:
        """Note a result; return whether so many were alike that the list call is to be made.

        Args:
            error: what the lookup ended with; None for an account.
        """
        if error is None or error.outcome in {Outcome.NOT_FOUND, Outcome.NEEDS_REAUTH}:
            self.alike, self._settled = 0, False
            return False
        cause, known = cause_of(error), self._settled or self.run.pause is not None
        if error.outcome != Outcome.FAILED or known or cause is None:
            return False
        if may_pass(cause) or is_silence(cause):
            self.alike = 0
            return False
        status = cause.status if isinstance(cause, ResponseError | DecodeError) else None
        before, self._kind = self._kind, (type(cause), status)
        self.alike = self.alike + 1 if self._kind == before else 1
        return self.alike == _ALIKE

    async def settle(self, error: LTXError) -> None:
        """Ask for the list while no email is asked for, and end the run if the list fails too.

        Args:
            error: what the last lookup ended with.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        run = self.run
        with run.waiting(), run.pausing():
            refusal = await self._refusal()
        if refusal is None:
            self._settled = True
        elif refusal.ends_run or isinstance(refusal, RateLimitError):
            run.end(refusal)
        else:
            run.end(_refused(error, refusal))

    async def _refusal(self) -> LTXError | None:
        """Return the error of the list call; None for a list, and for a 404, an empty list."""
        requests = 1
        try:
            await list_accounts(self.shared, self.bounds)
        except ConfigurationError:  # the client was closed
            raise
        except AccountNotFoundError:
            return None
        except LTXError as error:
            requests = error.attempts
            return error.with_traceback(None)
        finally:
            self.run.counters.requests += requests
        return None


def _refused(error: LTXError, refusal: LTXError) -> ServiceRefusedError:
    message = (
        f"{_ALIKE} emails in a row got no answer: {error.message}; nor did the list of accounts"
    )
    if refusal.message != error.message:
        message += f"; the list: {refusal.message}"
    return ServiceRefusedError(message, hint=error.hint, last_error=error)
