"""What is made of a limit that nobody tells of: how much of it is used, and what that costs."""

from collections.abc import Callable
from typing import Any, Final

from attrs import asdict, frozen

from benchmarks.limits import AtATime, Changing, Even, Limit, Window
from benchmarks.markdown import table
from benchmarks.pacers import Cubic, Halving, Oracle
from benchmarks.sections import Section
from benchmarks.simulation import Client, Control, Learned, World

HEADS = ("server", "obedience alone", "CUBIC as in the AWS SDKs", "ltx_async", "`rate=` set right")
NOTE = (
    "Share of the allowed rate that was used / share of throttles, both from the 10th second on "
    "(from the 60th where fewer than 100 a second are allowed) / time over the ideal for all that "
    "the server allows in that time, the learning included. Virtual time, concurrency 50, one "
    "client that always has something to ask, unless said otherwise."
)
CONTROLS: Final[dict[str, Callable[[Limit, int], Control]]] = {
    "obedience": lambda _limit, _clients: Halving(),
    "cubic": lambda _limit, _clients: Cubic(),
    "learned": lambda _limit, _clients: Learned(),
    "oracle": Oracle,
}
_PATIENCE: Final = 10  # times the ideal


@frozen
class Server:
    """A server, the way to it, and how long it is looked at.

    Attributes:
        title: for the table.
        limit: makes its limit anew.
        latency: seconds of the way there and back.
        settled: seconds from which on shares are counted.
        until: seconds to which they are.
        clients: how many share the limit.
        must_be_polled: whether only refusals tell when a long window ends.
    """

    title: str
    limit: Callable[[], Limit]
    latency: float = 0.01
    settled: float = 10.0
    until: float = 120.0
    clients: int = 1
    must_be_polled: bool = False


def _slow(title: str, limit: Callable[[], Limit], **details: Any) -> Server:
    return Server(title, limit, **{"settled": 60.0, "until": 360.0, **details})


SERVERS: Final = (
    Server("500/s, burst 10, Retry-After 1", lambda: Even(500), 0.0005),
    Server("the same, 50 ms away", lambda: Even(500), 0.05),
    Server("100/s, 300 ms away", lambda: Even(100), 0.3),
    Server("100/s, burst 50, Retry-After 5", lambda: Even(100, 50, 5.0)),
    Server("100/s, burst 1,000", lambda: Even(100, 1000)),
    Server("100/s after a queue of 20", lambda: Even(100, 20, 0.0, queues=True)),
    _slow("10/s", lambda: Even(10)),
    _slow("1/s, no Retry-After", lambda: Even(1, 10, 0.0)),
    _slow("windows of 100 per 2 s", lambda: Window(100, 2.0)),
    _slow("a sliding window of 100 per 2 s", lambda: Window(100, 2.0, slides=True)),
    _slow("windows of 60 per 60 s", lambda: Window(60, 60.0), until=660.0),
    _slow(
        "the same, no Retry-After",
        lambda: Window(60, 60.0, told=False),
        until=660.0,
        must_be_polled=True,
    ),
    Server("5 at a time, of 50 ms", lambda: AtATime(5, 0.05), 0.001),
    Server(
        "500/s, from 40 to 80 s 50/s; shares from 170 s on",
        lambda: Changing([(0, Even(500)), (40, Even(50)), (80, Even(500))]),
        settled=170.0,
        until=230.0,
    ),
    _slow("100/s shared by two", lambda: Even(100), latency=0.02, clients=2),
    _slow("100/s shared by three", lambda: Even(100), latency=0.02, clients=3),
)


@frozen
class Use:
    """What a control made of a server.

    Attributes:
        used: share of what was allowed.
        throttled: share of throttles among the replies.
        over: time for all that is allowed, as a multiple of the ideal; None above the patience.
    """

    used: float
    throttled: float
    over: float | None

    def __str__(self) -> str:
        over = f"> {_PATIENCE}" if self.over is None else f"{self.over:.2f}"
        return f"{self.used * 100:.1f} / {self.throttled * 100:.2f} / {over}"


def measure() -> Section:
    """Have each control meet each server."""
    found = [(one, {name: use(one, make) for name, make in CONTROLS.items()}) for one in SERVERS]
    rows = [(one.title, *map(str, uses.values())) for one, uses in found]
    data = {
        "servers": [
            {
                "title": one.title,
                "must_be_polled": one.must_be_polled,
                **{name: asdict(each) for name, each in uses.items()},
            }
            for one, uses in found
        ]
    }
    title = "A limit that nobody told of: % used / % throttles / time over the ideal"
    return Section("pace", title, f"{NOTE}\n\n{table(HEADS, rows)}", data)


def use(server: Server, make: Callable[[Limit, int], Control]) -> Use:
    """Have clients of one kind meet a server, until all that it allows has been served."""
    limit = server.limit()
    world = World(limit, server.latency)
    shared = server.clients
    clients = [Client(world, make(limit, shared), since=0.3 * number) for number in range(shared)]
    world.run(server.until)
    accepted = sum(each.used(server.settled, server.until) for each in clients)
    good = bad = 0
    for each in clients:
        good += sum(server.settled <= at < server.until for at in each.accepted)
        bad += sum(server.settled <= at < server.until for at in each.refused)
    return Use(accepted, bad / max(1, good + bad), _over(server, world, clients))


def _over(server: Server, world: World, clients: list[Client]) -> float | None:
    wanted = int(world.limit.allowed(0.0, server.until))
    while sum(len(each.accepted) for each in clients) < wanted:
        if world.now >= _PATIENCE * server.until:
            return None
        world.run(world.now + server.until / 10)
    times = sorted(at for each in clients for at in each.accepted)
    return times[wanted - 1] / server.until
