import os
import re
import socket
import stat
import subprocess
import sys
import urllib.request

import pytest
from command_line import NOW, healthy
from patience import until

from ltx_async.alerts import Sighting
from ltx_async.events import AttemptFinished, AttemptStarted
from ltx_async.extras import install_command
from ltx_async.files.errors import OutputRefusedError
from ltx_async.models import Outcome, Stats
from ltx_async.monitor.changes import account_id

pytest.importorskip("prometheus_client")
from ltx_async.monitor.metrics import Metrics

ANN, BOB = "ann@example.com", "bob@example.com"


def seen(email=ANN, outcome=Outcome.OK, **figures):
    return Sighting(email, outcome, NOW, **figures)


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"ltx_{name}", labels)


def accounts(metrics):
    """Return the labels of all accounts that have a series."""
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    return {sample.labels["account"] for sample in samples if "account" in sample.labels}


@pytest.fixture
def metrics():
    return Metrics(emails=True)


def test_an_account_has_its_health_balance_and_ends(metrics):
    metrics.show(seen(balance=12.5, token_expires_at=NOW, refresh_token_expires_at=NOW))
    assert value(metrics, "account_healthy", account=ANN) == 1
    assert value(metrics, "account_balance_tokens", account=ANN) == 12.5
    for name in ("token", "sign_in"):
        ends = value(metrics, f"account_{name}_expiry_timestamp_seconds", account=ANN)
        assert ends == NOW.timestamp()


def test_what_a_reply_leaves_out_stays_and_a_failure_changes_nothing(metrics):
    metrics.show(seen(balance=5))
    metrics.show(seen(outcome=Outcome.FAILED))
    metrics.show(seen(outcome=Outcome.NEEDS_REAUTH))
    assert value(metrics, "account_healthy", account=ANN) == 0
    assert value(metrics, "account_balance_tokens", account=ANN) == 5


def test_an_account_that_is_gone_is_unhealthy_and_has_no_balance(metrics):
    metrics.show(seen(balance=5))
    metrics.show(seen(outcome=Outcome.NOT_FOUND))
    assert value(metrics, "account_healthy", account=ANN) == 0
    assert value(metrics, "account_balance_tokens", account=ANN) is None


def test_a_forgotten_account_leaves_no_series(metrics):
    metrics.show(seen(balance=5, token_expires_at=NOW))
    metrics.show(seen(BOB))
    metrics.forget(ANN)
    metrics.forget("never@example.com")
    assert accounts(metrics) == {BOB}


def test_emails_are_hashed_unless_asked_for():
    metrics = Metrics()
    metrics.show(seen())
    assert accounts(metrics) == {account_id(ANN)}
    shown = Metrics(emails=True)
    shown.show(seen("\udcff@EXAMPLE.com"))
    assert accounts(shown) == {"?@example.com"}


def test_lookups_and_requests_are_counted_and_every_outcome_is_there(metrics):
    stats = Stats({}, requests=7, retries=2, throttles=1, latency_p50=None, latency_p99=None)
    metrics.show(seen())
    metrics.end_round(stats, NOW, up=True)
    metrics.show(seen())
    metrics.end_round(stats, NOW, up=False)
    metrics.end_round(None, NOW, up=False)
    assert value(metrics, "lookups_total", outcome="ok") == 2
    assert value(metrics, "lookups_total", outcome="failed") == 0
    assert [value(metrics, f"{name}_total") for name in ("requests", "retries", "throttles")] == [
        14,
        4,
        2,
    ]
    assert value(metrics, "service_up") == 0
    assert value(metrics, "last_round_timestamp_seconds") == NOW.timestamp()


def test_attempts_fill_a_histogram(metrics):
    metrics.observe(AttemptStarted(ANN, 1))
    metrics.observe(AttemptFinished(ANN, 1, 0.03, 200, None))
    assert value(metrics, "attempt_duration_seconds_bucket", le="0.025") == 0
    assert value(metrics, "attempt_duration_seconds_bucket", le="0.05") == 1
    assert value(metrics, "attempt_duration_seconds_sum") == 0.03


def test_there_is_nothing_of_the_process_in_it(metrics):
    names = {family.name for family in metrics.registry.collect()}
    assert all(name.startswith("ltx_") for name in names)


def test_they_are_served_on_the_loopback_interface_alone(metrics):
    metrics.show(seen())
    with metrics.served(0) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
            text = reply.read().decode()
        with pytest.raises(OSError, match="in use"), metrics.served(port):
            pass
        with socket.socket() as elsewhere:
            elsewhere.bind(("127.0.0.2", port))  # taken, were it served on every address
    assert f'ltx_account_healthy{{account="{ANN}"}} 1.0' in text
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port))


def test_a_textfile_is_replaced_at_once_and_readable_by_all(metrics, tmp_path):
    path = tmp_path / "ltx.prom"
    path.write_text("old")
    path.chmod(0o600)
    before = path.stat().st_ino
    mask = os.umask(0o077)
    try:
        metrics.save(path)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.stat().st_ino != before
    assert path.read_text().startswith("# HELP ltx_")
    assert [*tmp_path.iterdir()] == [path]


def test_a_textfile_that_cannot_be_written_leaves_nothing_behind(metrics, tmp_path, monkeypatch):
    with pytest.raises(OutputRefusedError, match="No such file"):
        metrics.save(tmp_path / "nowhere" / "ltx.prom")
    monkeypatch.setattr("ltx_async.monitor.metrics.generate_latest", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        metrics.save(tmp_path / "ltx.prom")
    assert [*tmp_path.iterdir()] == []


# With `watch`


def test_watch_writes_a_textfile_after_each_round(ltx, server, tmp_path):
    server.emulator.put(healthy(ANN, error="session expired"))
    ended = ltx("watch", "--from-api", "--rounds", "2", "--every", "0.01s",
                "--metrics-file", "ltx.prom", "--metrics-emails")  # fmt: skip
    assert ended.status == 1
    lines = (tmp_path / "ltx.prom").read_text().splitlines()
    assert f'ltx_account_healthy{{account="{ANN}"}} 0.0' in lines
    assert 'ltx_lookups_total{outcome="ok"} 2.0' in lines
    assert "ltx_service_up 1.0" in lines
    assert "ltx_requests_total 4.0" in lines


def test_watch_serves_them_and_drops_an_account_that_leaves_the_list(launch, server):
    process = launch("watch", "--from-api", "--every", "0.05s", "--metrics-port", "0", "--json")
    url = process.stderr.readline().decode().split()[-1]
    while b"watching" not in process.stderr.readline():
        pass
    assert account_id(BOB) in scraped(url)
    server.emulator.remove(BOB)
    assert b'"gone"' in process.stdout.readline()
    until(lambda: account_id(BOB) not in scraped(url))
    assert account_id(ANN) in scraped(url)
    assert "@" not in scraped(url)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 143


def scraped(url):
    with urllib.request.urlopen(url, timeout=5) as reply:
        return reply.read().decode()


def full(_descriptor):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("name", ["nowhere/ltx.prom", "m" * 300, "/dev/null"])
def test_a_metrics_file_that_cannot_be_written_is_refused_before_anybody_is_asked(
    ltx, server, name
):
    ended = ltx("watch", "--from-api", "--metrics-file", name)
    assert ended.status == 2
    assert f"error: {name}: " in ended.err
    assert not server.emulator.requests


def test_a_metrics_file_that_cannot_be_written_any_more_ends_the_first_round(
    ltx, server, monkeypatch
):
    monkeypatch.setattr(os, "fsync", full)
    ended = ltx("watch", "--from-api", "--metrics-file", "ltx.prom")
    assert ended.status == 4
    assert "error: ltx.prom: disk full" in ended.err


def test_a_metrics_port_that_is_taken_is_told_with_what_to_do(ltx, server):
    ended = ltx("watch", "--from-api", "--metrics-port", server.emulator.port)
    assert ended.status == 4
    assert "Choose another one" in ended.err


def test_without_the_extra_one_line_says_what_to_install(server):
    code = (
        "import sys; sys.modules['prometheus_client'] = None;"
        "sys.argv = ['ltx-async', 'watch', '--from-api', '--metrics-port', '0'];"
        "import ltx_async.__main__ as m; m.main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.count(b"\n") == 1
    assert install_command("metrics").encode() in ended.stderr


def test_missing_metrics_are_a_usage_error(ltx, server, monkeypatch):
    monkeypatch.delitem(sys.modules, "ltx_async.monitor.metrics")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    ended = ltx("watch", "--from-api", "--metrics-file", "ltx.prom")
    assert ended.status == 2
    assert install_command("metrics") in ended.err
    assert server.asked == []


def test_watch_tells_where_its_metrics_are(ltx, server):
    ended = ltx("watch", "--from-api", "--rounds", "1", "--metrics-port", "0")
    assert ended.status == 0
    assert re.search(r"metrics: http://127\.0\.0\.1:[0-9]+/metrics\n", ended.err)


def test_prometheus_client_is_imported_only_where_it_is_used():
    code = (
        "import sys; from ltx_async.cli.app import run;"
        "assert run(['watch', '--help']) == 0; sys.exit('prometheus_client' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)


@pytest.mark.parametrize("link", [False, True])
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path, link):
    os.mkfifo(tmp_path / "fifo")
    path = tmp_path / "fifo"
    if link:  # as /dev/stdout is one
        path = tmp_path / "link"
        path.symlink_to("fifo")
    with pytest.raises(OutputRefusedError, match="is no regular file"):
        Metrics().save(path)
    assert (tmp_path / "fifo").is_fifo()
    assert path.is_symlink() == link
    assert {file.name for file in tmp_path.iterdir()} == {"fifo", path.name}
