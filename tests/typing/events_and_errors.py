"""Checked by mypy and basedpyright, never run: every event and every error has its type."""

from typing import assert_never, assert_type

from ltx_async import (
    AttemptFinished,
    AttemptStarted,
    AttemptTimeoutError,
    AuthenticationError,
    ConnectError,
    DeadlineError,
    DecodeError,
    Event,
    GateClosed,
    GateOpened,
    LookupFinished,
    LTXClient,
    LTXError,
    NobodyFound,
    OutageBegan,
    OutageEnded,
    PaceLearned,
    RateLimitError,
    ResponseError,
    RetryScheduled,
    TransportError,
)


def told(event: Event) -> str:
    match event:
        case AttemptStarted(email=email, attempt=attempt):
            return f"{assert_type(email, str)} {assert_type(attempt, int)}"
        case AttemptFinished(status=status, error=error):
            return f"{assert_type(status, int | None)} {assert_type(error, LTXError | None)}"
        case RetryScheduled(delay=delay, why=why) | GateClosed(seconds=delay, why=why):
            return f"{assert_type(delay, float)} {assert_type(why, LTXError)}"
        case OutageBegan(patience=delay, why=why):
            return f"{assert_type(delay, float)} {assert_type(why, LTXError)}"
        case NobodyFound(asked=asked):
            return str(assert_type(asked, int))
        case OutageEnded(seconds=seconds):
            return str(assert_type(seconds, float))
        case GateOpened(limit=limit):
            return str(assert_type(limit, int))
        case PaceLearned(rate=rate, in_flight=in_flight):
            return f"{assert_type(rate, float)} {assert_type(in_flight, int | None)}"
        case LookupFinished(lookup=lookup):
            return lookup.email
        case _:
            assert_never(event)


def listen() -> LTXClient:
    events: list[Event] = []
    return LTXClient(on_event=events.append)


def traced(attempt: AttemptStarted) -> dict[str, str]:
    return {"X-Attempt": str(attempt.attempt)}


def with_headers() -> tuple[LTXClient, LTXClient]:
    return LTXClient(headers={"X-Id": "1"}), LTXClient(headers=traced)


def next_step(error: LTXError) -> str | float | None:
    match error:
        case RateLimitError(retry_after=seconds):
            return assert_type(seconds, float | None)
        case AuthenticationError(status=status):
            return str(assert_type(status, int))
        case ResponseError():
            return assert_type(error.ray, str | None)
        case ConnectError():
            return str(assert_type(error.errno, int | None))
        case TransportError() | DeadlineError():
            return assert_type(error.email, str | None)
        case DecodeError():
            return "; ".join(assert_type(error.problems, tuple[str, ...]))
        case _:
            return assert_type(error.hint, str)


async def caught(client: LTXClient) -> None:
    try:
        await client.fetch_account("ann@example.com")
    except (AttemptTimeoutError, DeadlineError) as late:  # all that took too long
        assert_type(late, AttemptTimeoutError | DeadlineError)
        assert_type(late.email, str | None)
    except TimeoutError as late:  # a deadline is one, an attempt's time limit is not
        assert_type(late, TimeoutError)
    except ValueError:  # an email that is refused is one
        raise
    except LTXError as error:
        assert_type(error.attempts, int)
