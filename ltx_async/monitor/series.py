"""The series of the metrics: their names, what they mean, and the labels they have.

By default they are sums: there are as many series for a million accounts as for one. An account's
label is `account_id(email)`, 16 hexadecimal digits, unless emails are asked for; the JSON lines
of `watch` carry both, so that one can be found by the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from attrs import field, frozen
from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ltx_async._version import __version__
from ltx_async.alerts import Need
from ltx_async.codec.identity import entry_key
from ltx_async.models import Outcome
from ltx_async.monitor.changes import Kind, account_id
from ltx_async.monitor.figures import ENDING_WITHIN, Figures
from ltx_async.monitor.standing import Standing

OWN_LABELS: Final = frozenset({"outcome", "reason", "within", "account", "version", "le"})
"""The labels of the library's own series, which users cannot set."""
LAST_SUCCESS: Final = "ltx_last_success_timestamp_seconds"
SENT: Final = {
    "requests": "Requests sent by lookups.",
    "retries": "Attempts after a failure, throttles aside.",
    "throttles": "Replies that asked for a slower pace.",
}
"""What is counted besides lookups, by the name of the figure in `Stats`."""
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_Values = Mapping[str, float | None]


@frozen
class Series:
    """Makes families of series of what is known.

    Attributes:
        labels: what every series has besides its own label, such as whose accounts they are.
        emails: whether accounts are labelled by email.
    """

    labels: Mapping[str, str] = field(factory=dict)
    emails: bool = False

    def latency(self) -> tuple[Histogram, Histogram]:
        """Return the latency histogram twice: as it is collected, and as it is filled."""
        histogram = Histogram(
            "ltx_attempt_duration_seconds",
            "Time from a request to its reply, or to its failure.",
            tuple(self.labels),
            buckets=_BUCKETS,
            registry=None,
        )
        return histogram, histogram.labels(**self.labels) if self.labels else histogram

    def info(self) -> Iterator[Metric]:
        """Say which version this is."""
        text = "The version of ltx_async."
        yield self._gauge("async_info", text, {__version__: 1}, "version")

    def service(self, at: datetime, succeeded: float | None, *, up: bool) -> Iterator[Metric]:
        """Say how the last round went, which ended at `at`, and when one last succeeded."""
        yield self._gauge("service_up", "1 if the last round had its answers, else 0.", {"": up})
        yield self._gauge("last_round_timestamp_seconds", "When that was.", {"": at.timestamp()})
        text = "When a round last had its answers."
        yield self._gauge(LAST_SUCCESS.removeprefix("ltx_"), text, {"": succeeded})

    def counters(self, lookups: Mapping[Outcome, int], sent: Mapping[str, int]) -> Iterator[Metric]:
        """Count what was done since the process began."""
        outcomes = {outcome.value: lookups[outcome] for outcome in Outcome}
        yield self._counter("lookups", "Lookups by outcome.", outcomes, "outcome")
        for name, text in SENT.items():
            yield self._counter(name, text, {"": sent[name]})

    def together(self, figures: Figures) -> Iterator[Metric]:
        """Show what all accounts come to."""
        outcomes = {outcome.value: figures.outcomes[outcome] for outcome in Outcome}
        yield self._gauge("accounts", "Accounts by outcome.", outcomes, "outcome")
        needs = {need.value: figures.needs[need] for need in Need}
        text = "Accounts that need somebody, by reason."
        yield self._gauge("accounts_attention", text, needs, "reason")
        text = "LTX tokens of all accounts together."
        yield self._gauge("balance_tokens", text, {"": figures.balance})
        text = "LTX tokens of the account with the fewest."
        yield self._gauge("lowest_balance_tokens", text, {"": figures.lowest})
        ending = {name: figures.ending[name] for name in ENDING_WITHIN}
        text = "Accounts whose sign-in ends within that time, or has ended."
        yield self._gauge("sign_ins_ending", text, ending, "within")

    def single(self, standings: Iterable[Standing]) -> Iterator[Metric]:
        """Show each account by itself."""
        known = {self._account(one.email): one for one in standings if one.is_known}
        healthy = {key: one.bad is None for key, one in known.items()}
        text = "1 if it is well, 0 if it is broken or gone."
        yield self._gauge("account_healthy", text, healthy, "account")
        for name, text, attribute in _OF_ACCOUNTS:
            values = {key: _figure(one, attribute) for key, one in known.items()}
            yield self._gauge(f"account_{name}", text, values, "account")

    def _account(self, email: str) -> str:
        # A lone surrogate, from a file that is not UTF-8, cannot be encoded.
        shown = entry_key(email).encode(errors="replace").decode()
        return shown if self.emails else account_id(email)

    def _gauge(self, name: str, text: str, values: _Values, label: str = "") -> Metric:
        family = GaugeMetricFamily(f"ltx_{name}", text, labels=self._names(label))
        return self._filled(family, values, label)

    def _counter(self, name: str, text: str, values: _Values, label: str = "") -> Metric:
        family = CounterMetricFamily(f"ltx_{name}", text, labels=self._names(label))
        return self._filled(family, values, label)

    def _names(self, label: str) -> list[str]:
        return [*self.labels, label] if label else [*self.labels]

    def _filled(
        self, family: GaugeMetricFamily | CounterMetricFamily, values: _Values, label: str
    ) -> Metric:
        """Add a series for each known value of the label; a family without a label has one."""
        given = [*self.labels.values()]
        for key, value in values.items():
            if value is not None:
                family.add_metric([*given, key] if label else given, value)
        return family


_OF_ACCOUNTS: Final = (
    ("balance_tokens", "LTX tokens left.", "balance"),
    ("token_expiry_timestamp_seconds", "End of the access token.", "token_expires_at"),
    (
        "sign_in_expiry_timestamp_seconds",
        "End of the sign-in; then a person is needed.",
        "refresh_token_expires_at",
    ),
)


def _figure(standing: Standing, attribute: str) -> float | None:
    """Return one figure of an account; for one that is gone 0, so that alert rules notice."""
    value: float | datetime | None = getattr(standing, attribute)
    if value is not None and standing.bad is Kind.GONE:
        return 0
    return value.timestamp() if isinstance(value, datetime) else value
