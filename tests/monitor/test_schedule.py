import pytest

from ltx_async.cli.values import parse_duration
from ltx_async.monitor.schedule import rest
from ltx_async.wording import spoken


@pytest.mark.parametrize(
    ("every", "took", "chance", "seconds"),
    [
        (300, 0, 0, 300),
        (300, 10, 0, 290),
        (300, 10, 1, 320),
        (300, 299, 0, 30),
        (300, 5000, 1, 30),
    ],
)
def test_rounds_keep_their_distance_and_never_overlap(every, took, chance, seconds):
    assert rest(every, took, chance) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5m", "90s", "0.05s", "2h", "7d"])
def test_a_time_span_is_spoken_as_it_is_given(text):
    assert spoken(parse_duration(text).total_seconds()) == text
