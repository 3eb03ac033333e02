"""A transport that answers from a script in the loop's time, and keeps a record; no sockets."""

import asyncio
import errno
import json
from typing import NamedTuple
from urllib.parse import unquote

from inside import shared_by

from ltx_async.client import LTXClient
from ltx_async.codec import Reply
from ltx_async.errors import AttemptTimeoutError, ConnectError, LTXError, ProtocolError
from ltx_async.retry import RetryPolicy

TOKEN = "user:12345-abcdefghi"
EMAIL = "ann@example.com"


class After(NamedTuple):
    """A step that takes a while."""

    seconds: float
    step: object


class Sent(NamedTuple):
    at: float
    email: str
    timeout: float


def account_reply(email):
    body = {"email": email, "maxJobs": 20, "balance": {"LTXStudio_token": 7}}
    return Reply(200, {}, json.dumps(body).encode())


def refused():
    return ConnectError("cannot connect to example.com:443: Connection refused", errno=111)


def no_descriptors():
    return ConnectError("cannot connect: Too many open files", errno=errno.EMFILE)


def cut(*, reused=False):
    return ProtocolError("the connection closed before the whole reply", reused=reused)


def throttled(retry_after=None):
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Reply(429, headers, b'{"error": "slow down", "code": 429}')


HANGS = After(1e9, 200)


class ScriptedTransport:
    """Sends nothing.

    A script is a function of (email, number of this request for this email from 1), or a
    list of steps for each email, the last of which is repeated. A step is a status, a
    `Reply`, an error of ours (or a function that makes one), or one of those `After` seconds.
    """

    def __init__(self, script=(200,), *, latency=0.0):
        self.script = script
        self.latency = latency
        self.sent = []
        self.asked = {}
        self.under_way = self.most_under_way = 0
        self.closed = 0
        self.discarded = []
        self.renewed = 0

    async def send(self, request, timeout):
        email = unquote(request.target.rpartition("/")[2])
        self.asked[email] = number = self.asked.get(email, 0) + 1
        self.sent.append(Sent(asyncio.get_running_loop().time(), email, timeout))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._answer(email, number, timeout)
        finally:
            self.under_way -= 1

    async def _answer(self, email, number, timeout):
        if callable(self.script):
            step = self.script(email, number)
        else:
            step = self.script[min(number, len(self.script)) - 1]
        delay, step = step if isinstance(step, After) else (self.latency, step)
        await asyncio.sleep(min(delay, timeout))
        if delay > timeout:
            raise AttemptTimeoutError("no whole reply in time")
        if callable(step):
            step = step()
        if isinstance(step, LTXError):
            raise step
        if isinstance(step, Reply):
            return step
        return account_reply(email) if step == 200 else Reply(step, {}, b"")

    post = None

    def discard(self, reply):
        self.discarded.append(reply)

    def renew(self):
        self.renewed += 1

    async def aclose(self):
        self.closed += 1

    is_open = False

    @property
    def times(self):
        return [sent.at for sent in self.sent]


def client_over(transport, **options):
    """Make a client that sends over `transport`; without jitter unless asked for a policy."""
    options.setdefault("retry", policy())
    client = LTXClient(TOKEN, **options)
    shared_by(client).transport = transport
    return client


def policy(*, jitter=0.5, **changes):
    """Make a retry policy whose random numbers are all `jitter`."""
    return RetryPolicy(random=lambda: jitter, **changes)


def emails(count):
    return [f"user{n}@example.com" for n in range(count)]
