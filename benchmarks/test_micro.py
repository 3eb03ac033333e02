"""Micro-benchmarks of what every lookup passes: ``pytest benchmarks --benchmark-group-by=group``.

They tell which part of a lookup grew dearer; how a whole lookup fares beside its rivals is
``run.py``'s to say. Each asserts what it timed, so that a fast wrong answer does not count.
"""

import asyncio
from pathlib import Path

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.account import Account as RivalAccount
from benchmarks.account import structure
from benchmarks.reply import ACCOUNT_JSON, EMAIL_MARK
from benchmarks.workload import TOKEN
from ltx_async.codec import Redaction, Reply, account_target, parse_account
from ltx_async.engine.limiter import Limiter
from ltx_async.errors import (
    AccountNotFoundError,
    ConnectError,
    DecodeError,
    InvalidEmailError,
    RateLimitError,
)
from ltx_async.inputs.reading import how_to_read, open_emails
from ltx_async.models import Account
from ltx_async.retry import RetryBudget, RetryPolicy

EMAIL = "ann+1@example.com"
BODY = ACCOUNT_JSON.replace(EMAIL_MARK, EMAIL).encode()
REDACTION = Redaction.of(TOKEN)
NOT_FOUND = b"Account configuration not found for the specified email address."
TASKS = 200


@pytest.mark.benchmark(group="codec: email to target")
def test_email_becomes_a_target(benchmark: BenchmarkFixture) -> None:
    """Check and quote an ordinary email."""
    request = benchmark(account_target, EMAIL)
    assert request.target == "/ltxstudio/accounts/ann%2B1@example.com"


LINES = {
    "txt": ("", "{}\n"),
    "csv": ("id,name,email\n", "7,Ann Lee,{}\n"),
    "jsonl": ("", '{{"id": 7, "email": "{}"}}\n'),
}


@pytest.mark.benchmark(group="inputs: 10,000 lines to emails")
@pytest.mark.parametrize("suffix", LINES)
def test_lines_become_emails(benchmark: BenchmarkFixture, tmp_path: Path, suffix: str) -> None:
    """Read a file, and tell what may be sent from duplicates and from what may not."""
    header, line = LINES[suffix]
    path = tmp_path / f"emails.{suffix}"
    emails = [f"user{number:06}@example.com" for number in range(10_000)]
    path.write_text(header + "".join(map(line.format, emails)))

    async def read() -> list[str]:
        return [email async for email in open_emails([str(path)], how_to_read())]

    assert benchmark(lambda: asyncio.run(read())) == emails


@pytest.mark.benchmark(group="codec: email to target")
def test_megabytes_are_refused_at_no_cost(benchmark: BenchmarkFixture) -> None:
    """Refuse a line of ten megabytes."""
    line = "a" * 10_000_000

    def refuse() -> str:
        with pytest.raises(InvalidEmailError) as refused:
            account_target(line)
        return str(refused.value)

    assert "254" in benchmark(refuse)


@pytest.mark.benchmark(group="codec: reply to result")
def test_reply_becomes_an_account(benchmark: BenchmarkFixture) -> None:
    """Decode, check and structure a whole account."""
    account = benchmark(parse_account, Reply(200, {}, BODY), EMAIL, REDACTION)
    assert isinstance(account, Account)
    assert account.token_balance == 150


@pytest.mark.benchmark(group="codec: reply to result")
def test_rivals_structure_for_comparison(benchmark: BenchmarkFixture) -> None:
    """Do what the rivals do with the same bytes."""
    account = benchmark(lambda: structure(orjson.loads(BODY)))
    assert isinstance(account, RivalAccount)
    assert account.balance == {"LTXStudio_token": 150}


@pytest.mark.benchmark(group="codec: reply to result")
def test_reply_becomes_not_found(benchmark: BenchmarkFixture) -> None:
    """Understand the prose 404."""
    reply = Reply(404, {"content-type": "text/plain"}, NOT_FOUND)
    found = benchmark(parse_account, reply, EMAIL, REDACTION)
    assert isinstance(found, AccountNotFoundError)


@pytest.mark.benchmark(group="codec: reply to result")
def test_wrong_type_is_a_decode_error(benchmark: BenchmarkFixture) -> None:
    """Find and name a field of the wrong type."""
    body = BODY.replace(b'"maxJobs": 20', b'"maxJobs": "20"')
    found = benchmark(parse_account, Reply(200, {}, body), EMAIL, REDACTION)
    assert isinstance(found, DecodeError)


@pytest.mark.benchmark(group="retry")
def test_next_delay_of_a_transport_error(benchmark: BenchmarkFixture) -> None:
    """Decide on a retry and draw its delay."""
    policy = RetryPolicy()
    delay = benchmark(policy.next_delay, ConnectError("refused"), 1)
    assert delay is not None
    assert 0 <= delay <= policy.base


@pytest.mark.benchmark(group="retry")
def test_throttle_delay_of_a_429(benchmark: BenchmarkFixture) -> None:
    """Decide how long everybody waits."""
    throttled = RateLimitError("slow down", email=EMAIL, status=429, retry_after=2.0)
    delay = benchmark(RetryPolicy().throttle_delay, throttled, 1)
    assert delay is not None
    assert delay >= 2


@pytest.mark.benchmark(group="retry")
def test_budget_after_a_success(benchmark: BenchmarkFixture) -> None:
    """Give back after a clean success."""
    budget = RetryBudget(500)
    benchmark(budget.give_back, 0)
    assert budget.available == 500


@pytest.mark.benchmark(group="limiter")
def test_free_slot_is_taken_and_given_back(benchmark: BenchmarkFixture) -> None:
    """Pass the limiter when it is free."""
    limiter = Limiter(20)

    def attempt() -> bool:
        taken = limiter.try_acquire()
        limiter.succeeded(0.0)
        limiter.release()
        return taken

    assert benchmark(attempt)


@pytest.mark.benchmark(group="limiter")
def test_slots_are_handed_over_among_tasks(benchmark: BenchmarkFixture) -> None:
    """Time 200 tasks that pass ten slots, the loop's own start and end included."""
    assert benchmark(lambda: asyncio.run(_pass_ten_slots())) == TASKS


async def _pass_ten_slots() -> int:
    limiter, passed = Limiter(10), 0

    async def attempt() -> None:
        nonlocal passed
        await limiter.acquire()
        await asyncio.sleep(0)
        limiter.release()
        passed += 1

    await asyncio.gather(*(attempt() for _ in range(TASKS)))
    return passed
