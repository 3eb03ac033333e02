"""Promise 11, for one lookup: it ends in the error that the docstring of `fetch_account` names."""

import pytest

from ltx_async import AttemptTimeoutError, DeadlineError, RetryPolicy

from .wire import HANG, in_turn

QUICK = RetryPolicy(base=0.001)
LEISURELY = RetryPolicy(base=3600, cap=3600, random=lambda: 0.999)


@pytest.mark.parametrize(
    ("limits", "retry", "error"),
    [
        ({"timeout": 0.01}, QUICK, AttemptTimeoutError),
        ({"timeout": 0.01}, RetryPolicy(attempts=1), AttemptTimeoutError),
        ({"timeout": 0.01, "deadline": 60}, LEISURELY, DeadlineError),
        ({"deadline": 0.01}, QUICK, DeadlineError),
        ({"deadline": 0.01}, RetryPolicy(attempts=1), DeadlineError),
        ({"timeout": 60, "deadline": 0.01}, QUICK, DeadlineError),
    ],
)
async def test_each_time_limit_has_its_error_and_both_are_caught_together(
    serve, connect, limits, retry, error
):
    server = await serve(in_turn([HANG]))
    client = connect(server, retry=retry, timeout=30)
    with pytest.raises((AttemptTimeoutError, DeadlineError)) as caught:
        await client.fetch_account("ann@example.com", **limits)
    assert type(caught.value) is error
    assert caught.value.hint
    assert caught.value.__notes__ == [caught.value.hint]
