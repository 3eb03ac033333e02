"""An event loop whose clock jumps from timer to timer: hours pass in no time, and exactly."""

import asyncio
import functools
import selectors


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: where the loop would, it moves the loop's clock to the next timer."""

    loop = None

    def select(self, timeout=None):
        events = super().select(0)
        if not events and timeout is None:
            raise AssertionError("everybody waits, and no timer will ever wake anybody")
        if not events and timeout:
            self.loop.jump(timeout)
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, with time that only passes while everybody waits."""

    def __init__(self, start=1000.0):
        selector = _JumpingSelector()
        selector.loop = self
        self.now = start
        self.complaints = []
        super().__init__(selector)
        self.set_exception_handler(lambda _loop, context: self.complaints.append(context))

    def time(self):
        return self.now

    def jump(self, seconds):
        due = self._scheduled[0].when() if self._scheduled else 0.0
        arrival = self.now + seconds
        self.now = due if abs(due - arrival) < 1e-6 else arrival

    def move(self, seconds):
        """Let time pass at once, as when the process is busy or was stopped."""
        self.now += seconds


def in_virtual_time(test):
    """Run a coroutine test in a loop of its own; it must leave no task and no complaint."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(_tidily(test(*args, **kwargs)))

    return run


async def _tidily(test):
    loop = asyncio.get_running_loop()
    await test
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"
    assert not loop.complaints


def now():
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()


async def passes(seconds=0.0):
    """Let others run, and virtual time pass."""
    for _ in range(5):
        await asyncio.sleep(0)
    if seconds:
        await asyncio.sleep(seconds)
