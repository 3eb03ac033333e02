import os

import pytest

from ltx_async.cli.runtime import _occupy_streams

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="closes streams in a child")


def in_child(work) -> int:
    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        except BaseException:  # noqa: BLE001 - a child must not run the tests on
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2), ()])
def test_a_closed_stream_is_taken_by_what_nobody_can_use(closed):
    def work() -> int:
        for number in closed:
            os.close(number)
        _occupy_streams()
        for number in closed:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(number, b"x") if number else os.read(number, 1)
        return 0 if os.open(os.devnull, os.O_RDONLY) > 2 else 2

    assert in_child(work) == 0
