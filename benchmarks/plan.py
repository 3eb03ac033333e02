"""How much is measured: the sizes of the full run and of the quick one."""

from attrs import frozen


@frozen
class Plan:
    """Counts and rates of one run of the benchmark.

    ``latency`` is in seconds, ``rate`` in requests per second. ``rounds`` is of the comparison;
    the other sections take ``other_rounds``. ``widths`` are numbers of requests at a time,
    ``sequential`` lookups one after the other, ``million`` the emails of the section `scale`.
    """

    lookups: int = 20_000
    concurrency: int = 50
    rounds: int = 5
    other_rounds: int = 3
    widths: tuple[int, ...] = (10, 50, 200, 1_000, 5_000)
    sequential: int = 5_000
    growth: tuple[int, ...] = (1_000, 10_000, 100_000)
    million: int = 1_000_000
    latency: float = 0.05
    latency_concurrency: int = 200
    latency_lookups: int = 20_000
    rate: float = 500.0
    rate_lookups: int = 3_000
    start_ups: int = 15


FULL = Plan()
QUICK = Plan(
    lookups=2_500,
    rounds=2,
    other_rounds=1,
    widths=(10, 500),
    sequential=1_000,
    growth=(1_000, 5_000),
    million=20_000,
    latency_lookups=4_000,
    rate_lookups=400,
    start_ups=5,
)
