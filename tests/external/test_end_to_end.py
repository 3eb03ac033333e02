"""From a server whose accounts drift to alerts that fire and are resolved once for each change.

Every command runs as in a container, and every round as from cron: a process of its own, whose
metrics lie in a file for the node exporter. The test, not the clock, sets the pace: after a round
it waits until Prometheus has seen its figures and judged the rules by them.
"""

import json
import re
import shutil
from collections import defaultdict
from datetime import UTC, datetime

import pytest
from kit import EXAMPLES
from patience import until

from .monitoring import alert_receiver, node_exporter, prometheus
from .test_prometheus import installed

FEW, MANY = 4, 80
"""So many rounds at least, and at most until there was something of everything."""
RULES = {
    "LTXAccountsBroken": 'ltx_accounts{outcome="needs_reauth"}',
    "LTXBalanceLow": 'ltx_accounts_attention{reason="low_balance"}',
    "LTXSignInsEnd": 'ltx_sign_ins_ending{within="7d"}',
    "LTXSignInsEndTomorrow": 'ltx_sign_ins_ending{within="1d"}',
}
"""The rules that fire at once, and the series that they are about."""


@pytest.fixture
def drifting(container):
    """A server of eight accounts, one or two of which are in trouble most of the time."""
    container.environment["USEAPI_TOKEN"] = "user:12345-abcdefghi"
    server = container.start(
        ["serve", "--count", "8", "--seed", "4", "--drift", "300ms", "--port", "0", "--quiet"]
    )
    try:
        container.environment["USEAPI_API"] = server.stdout.readline().strip()
        assert container.environment["USEAPI_API"], server.stderr.read()
        yield container
    finally:
        container.end(server)


def figures(text):
    """Return the figures of a textfile by series."""
    return {
        name: float(value) for name, value in re.findall(r"^(ltx_.*) (\S+)$", text, re.MULTILINE)
    }


def arrived(server, shown):
    """Whether Prometheus has the figures of this round."""
    (when,) = server.values("ltx_last_round_timestamp_seconds").values() or (0,)
    return when == shown["ltx_last_round_timestamp_seconds"]


def test_from_nothing_to_alerts(drifting, tmp_path):
    data = drifting.data
    (data / "metrics").mkdir(mode=0o777)
    (data / "metrics").chmod(0o777)
    thresholds = ["--min-balance", "100", "--expires-within", "7d"]

    checked = drifting.run(["check", "--from-api", *thresholds, "-o", data / "results.jsonl"])
    assert (checked.returncode in {0, 1}, checked.stdout) == (True, ""), checked.stderr
    assert "input            8" in checked.stderr
    reported = drifting.run(["report", data / "results.jsonl", *thresholds])
    assert (reported.returncode, reported.stderr) == (0, "")
    assert "8 emails" in reported.stdout

    shutil.copy(EXAMPLES / "prometheus" / "rules.yml", tmp_path)
    watch = ["watch", "--from-api", "--rounds", "1", "--quiet", "--json", *thresholds]
    watch += ["--state", data / "watch.json", "--metrics-file", data / "metrics" / "ltx.prom"]
    alerts, held, expected = [], dict.fromkeys(RULES, False), defaultdict(list)
    lasting = 0  # rounds in which something was still wrong, which is not told again
    exporter = node_exporter(
        installed("prometheus-node-exporter"), data / "metrics", tmp_path / "exporter.log"
    )
    with (
        alert_receiver() as receiver,
        exporter as target,
        prometheus(
            installed("prometheus"), tmp_path, target, every="250ms", receiver=receiver
        ) as server,
    ):
        for number in range(MANY):
            done = drifting.run(watch)
            assert done.returncode in {0, 1}, done.stderr
            told = [json.loads(line) for line in done.stdout.splitlines()]
            alerts += [one for one in told if one["alert"]]
            assert done.stderr.count("alert: ") == sum(one["alert"] for one in told)

            shown = figures((data / "metrics" / "ltx.prom").read_text())
            until(lambda shown=shown: arrived(server, shown))
            now = datetime.now(UTC)
            until(lambda now=now: server.evaluated_at() > now)
            lasting += any(held[name] and shown[series] > 0 for name, series in RULES.items())
            for name, series in RULES.items():
                if (holds := shown[series] > 0) != held[name]:
                    held[name] = holds
                    expected[name].append("firing" if holds else "resolved")
            if number >= FEW and sum(map(len, expected.values())) >= 4 and lasting >= 2:
                break
        until(lambda: all(len(receiver.of(name)) >= len(expected[name]) for name in RULES))
        assert server.values("up") == {("__name__=up",): 1}
    assert {name: receiver.of(name) for name in RULES} == {name: expected[name] for name in RULES}
    assert {name for name, _ in receiver.told} <= {*RULES}
    assert any("resolved" in states for states in expected.values())
    assert lasting >= 2
    each_is_told_once(alerts)
    assert not [*drifting.place.iterdir()]


def each_is_told_once(alerts):
    """Nothing is told again before the word that it is over."""
    open_ = set()
    for one in alerts:
        assert not one["reminder"]
        what = one["before"] if one["change"] == "recovered" else one["change"]
        if one["change"] == "recovered":
            open_.remove((one["email"], what))
        else:
            assert (one["email"], what) not in open_
            open_.add((one["email"], what))
    assert alerts
