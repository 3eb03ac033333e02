import os
import re
import socket
import stat
import struct
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from command_line import NOW, healthy
from patience import LONG, until

from ltx_async.alerts import Sighting, Thresholds
from ltx_async.events import AttemptFinished, AttemptStarted
from ltx_async.extras import install_command
from ltx_async.files.errors import OutputRefusedError
from ltx_async.models import Outcome, Stats
from ltx_async.monitor.changes import account_id
from ltx_async.monitor.figures import Figures
from ltx_async.monitor.standing import Rules, Standing

pytest.importorskip("prometheus_client")
from prometheus_client import generate_latest

from ltx_async.monitor.metrics import Metrics, _ScrapeHandler
from ltx_async.monitor.series import Series

ANN, BOB = "ann@example.com", "bob@example.com"


def standing(email=ANN, *sightings):
    known = Standing(email)
    for outcome, figures in sightings or [(Outcome.OK, {})]:
        list(known.compare(Sighting(email, outcome, NOW, **figures), Rules()))
    return known


def show(metrics, *standings, stats=None, up=True, whole=True, at=NOW):
    figures = Figures(Thresholds(), NOW)
    for one in standings:
        figures.add(one.as_sighting(NOW))
    metrics.end_round(figures, stats, at, up=up, whole=whole, standings=standings)


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"ltx_{name}", labels)


def accounts(metrics):
    """Return the labels of all accounts that have a series."""
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    return {sample.labels["account"] for sample in samples if "account" in sample.labels}


@pytest.fixture
def metrics():
    return Metrics(Series(emails=True), accounts=True)


ENDS = {"balance": 12.5, "token_expires_at": NOW, "refresh_token_expires_at": NOW}
OF_ACCOUNTS = {
    "account_balance_tokens": 12.5,
    "account_token_expiry_timestamp_seconds": NOW.timestamp(),
    "account_sign_in_expiry_timestamp_seconds": NOW.timestamp(),
}


# What all accounts come to


def test_there_are_sums_by_outcome_and_reason_and_none_of_single_accounts():
    metrics = Metrics()
    low = Thresholds(min_balance=10, expires_within=timedelta(days=2))
    figures = Figures(low, NOW)
    for outcome, balance, days in [
        (Outcome.OK, 150, 20),
        (Outcome.OK, 5, 1),
        (Outcome.NEEDS_REAUTH, None, None),
    ]:
        ends = None if days is None else NOW + timedelta(days=days)
        figures.add(Sighting(ANN, outcome, NOW, None, balance, None, ends))
    metrics.end_round(figures, None, NOW, up=True, standings=[standing()])
    assert value(metrics, "accounts", outcome="ok") == 2
    assert value(metrics, "accounts", outcome="needs_reauth") == 1
    assert value(metrics, "accounts", outcome="failed") == 0
    assert value(metrics, "accounts_attention", reason="low_balance") == 1
    assert value(metrics, "accounts_attention", reason="sign_in_ends") == 1
    assert value(metrics, "accounts_attention", reason="sign_in_again") == 1
    assert value(metrics, "balance_tokens") == 155
    assert value(metrics, "lowest_balance_tokens") == 5
    assert [value(metrics, "sign_ins_ending", within=name) for name in ("1d", "7d", "30d")] == [
        1,
        1,
        2,
    ]
    assert accounts(metrics) == set()


def test_a_hundred_thousand_accounts_have_no_more_series_than_one():
    sizes = []
    for number in (1, 100_000):
        metrics, figures = Metrics(), Figures(Thresholds(), NOW)
        known = standing(ANN, (Outcome.OK, ENDS)).as_sighting(NOW)
        for _ in range(number):
            figures.add(known)
        metrics.end_round(figures, None, NOW, up=True)
        assert value(metrics, "accounts", outcome="ok") == number
        text = generate_latest(metrics.registry)
        sizes.append(len(text.splitlines()))
        assert len(text) < 10_000
    assert sizes[0] == sizes[1]


def test_what_is_not_known_is_absent_and_not_zero():
    metrics = Metrics()
    assert value(metrics, "service_up") is None
    assert value(metrics, "lookups_total", outcome="ok") == 0
    metrics.end_round(None, None, NOW, up=False)
    assert value(metrics, "service_up") == 0
    for name, labels in [
        ("accounts", {"outcome": "ok"}),
        ("sign_ins_ending", {"within": "7d"}),
        ("balance_tokens", {}),
        ("last_success_timestamp_seconds", {}),
    ]:
        assert value(metrics, name, **labels) is None
    show(metrics)
    assert value(metrics, "accounts", outcome="ok") == 0
    assert value(metrics, "balance_tokens") is None


def test_the_last_success_stays_when_a_round_fails_or_is_cut_short():
    metrics = Metrics()
    later = NOW + timedelta(hours=1)
    show(metrics)
    show(metrics, up=False, at=later)
    assert value(metrics, "last_success_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "last_round_timestamp_seconds") == later.timestamp()
    show(metrics, whole=False, at=later)
    assert value(metrics, "service_up") == 1
    assert value(metrics, "last_success_timestamp_seconds") == NOW.timestamp()


@pytest.mark.parametrize("labels", [{}, {"customer": "acme", "site": "b"}])
def test_the_last_success_of_an_earlier_process_is_in_its_file(tmp_path, labels):
    path = tmp_path / "ltx.prom"
    before = Metrics(Series(labels))
    show(before)
    before.save(path)
    after = Metrics(Series(labels))
    after.recall(path)
    after.end_round(None, None, NOW, up=False)
    assert value(after, "last_success_timestamp_seconds", **labels) == NOW.timestamp()


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xfe", b"ltx_last_success_timestamp_seconds nan\n",
                b"ltx_last_success_timestamp_seconds soon\n", b"# HELP nothing\n"]
)  # fmt: skip
def test_a_file_that_says_nothing_of_a_success_is_no_trouble(tmp_path, content):
    path = tmp_path / "ltx.prom"
    if content is not None:
        path.write_bytes(content)
    metrics = Metrics()
    metrics.recall(path)
    metrics.end_round(None, None, NOW, up=False)
    assert value(metrics, "last_success_timestamp_seconds") is None


def test_lookups_and_requests_are_counted_and_every_outcome_is_there(metrics):
    found = {Outcome.OK: 1, Outcome.FAILED: 0}
    stats = Stats(found, requests=7, retries=2, throttles=1, latency_p50=None, latency_p99=None)
    show(metrics, stats=stats)
    show(metrics, stats=stats, up=False)
    show(metrics, up=False)
    assert value(metrics, "lookups_total", outcome="ok") == 2
    assert value(metrics, "lookups_total", outcome="not_found") == 0
    assert [value(metrics, f"{name}_total") for name in ("requests", "retries", "throttles")] == [
        14,
        4,
        2,
    ]


@pytest.mark.parametrize("labels", [{}, {"customer": "acme"}])
def test_attempts_fill_a_histogram(labels):
    metrics = Metrics(Series(labels))
    metrics.observe(AttemptStarted(ANN, 1))
    metrics.observe(AttemptFinished(ANN, 1, 0.03, 200, None))
    assert value(metrics, "attempt_duration_seconds_bucket", le="0.025", **labels) == 0
    assert value(metrics, "attempt_duration_seconds_bucket", le="0.05", **labels) == 1
    assert value(metrics, "attempt_duration_seconds_sum", **labels) == 0.03


def test_a_label_of_the_user_is_on_every_series():
    metrics = Metrics(Series({"customer": 'a"c\\me'}), accounts=True)
    metrics.observe(AttemptFinished(ANN, 1, 0.03, 200, None))
    show(metrics, standing(ANN, (Outcome.OK, ENDS)))
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    assert {sample.labels["customer"] for sample in samples} == {'a"c\\me'}
    assert len(samples) > 40
    lines = generate_latest(metrics.registry).decode().splitlines()
    series = [line for line in lines if not line.startswith("#")]
    assert all('customer="a\\"c\\\\me"' in line for line in series)


# Single accounts


def test_an_account_has_its_health_balance_and_ends(metrics):
    show(metrics, standing(ANN, (Outcome.OK, ENDS)))
    assert value(metrics, "account_healthy", account=ANN) == 1
    assert {name: value(metrics, name, account=ANN) for name in OF_ACCOUNTS} == OF_ACCOUNTS


def test_what_a_reply_leaves_out_stays_and_a_failure_changes_nothing(metrics):
    answers = [(Outcome.OK, ENDS), (Outcome.FAILED, {}), (Outcome.NEEDS_REAUTH, {})]
    show(metrics, standing(ANN, *answers[:2]))
    assert value(metrics, "account_healthy", account=ANN) == 1
    show(metrics, standing(ANN, *answers))
    assert value(metrics, "account_healthy", account=ANN) == 0
    assert value(metrics, "account_balance_tokens", account=ANN) == 12.5


def test_an_account_that_is_gone_reads_0_and_is_not_absent(metrics):
    show(metrics, standing(ANN, (Outcome.OK, ENDS), (Outcome.NOT_FOUND, {})))
    assert value(metrics, "account_healthy", account=ANN) == 0
    assert {value(metrics, name, account=ANN) for name in OF_ACCOUNTS} == {0}


def test_an_account_that_is_watched_no_longer_leaves_no_series(metrics):
    show(metrics, standing(ANN), standing(BOB))
    show(metrics, standing(BOB))
    assert accounts(metrics) == {BOB}


def test_an_account_without_any_answer_has_no_series(metrics):
    show(metrics, standing(ANN, (Outcome.FAILED, {})), standing(BOB, (Outcome.INVALID, {})))
    assert accounts(metrics) == set()


def test_emails_are_hashed_unless_asked_for():
    metrics = Metrics(accounts=True)
    show(metrics, standing())
    assert accounts(metrics) == {account_id(ANN)}
    shown = Metrics(Series(emails=True), accounts=True)
    show(shown, standing("\udcff@EXAMPLE.com"))
    assert accounts(shown) == {"?@example.com"}


# All of it


def test_every_series_is_in_the_table_of_the_documents_in_order(metrics):
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    (table,) = re.findall(r"^\| series \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    cells = [line.split(" | ")[0] for line in table.splitlines()]
    documented = [
        (name, label)
        for cell in cells
        for name, label in re.findall(r"`(\w+)(?:\{(\w+)\})?`", cell)
    ]
    show(metrics, standing(ANN, (Outcome.OK, ENDS)))
    told = []
    for family in metrics.registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = set().union(*(sample.labels for sample in family.samples)) - {"le"}
        told.append((name, "".join(labels)))
    assert sorted(documented) == sorted(told)
    assert all(family.documentation.endswith(".") for family in metrics.registry.collect())


def test_there_is_nothing_of_the_process_in_it(metrics):
    show(metrics, standing())
    lines = generate_latest(metrics.registry).decode().splitlines()
    assert all(re.match(r"(# (HELP|TYPE) )?ltx_", line) for line in lines)
    assert not any("_created" in line for line in lines)


def test_they_are_served_on_the_address_that_was_given_alone(metrics):
    show(metrics, standing())
    with metrics.served("127.0.0.1", 0) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
            text = reply.read().decode()
        chosen = f"http://127.0.0.1:{port}/metrics?name[]=ltx_service_up"
        with urllib.request.urlopen(chosen, timeout=5) as reply:
            assert len(reply.read().splitlines()) == 3
        with pytest.raises(OSError, match="in use"), metrics.served("127.0.0.1", port):
            pass
        with socket.socket() as elsewhere:
            elsewhere.bind(("127.0.0.2", port))  # taken, were it served on every address
    assert f'ltx_account_healthy{{account="{ANN}"}} 1.0' in text
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port))


BROKEN_OFF = {
    "nothing": b"",
    "a part": b"GET /met",
    "all": b"GET /metrics HTTP/1.1\r\n\r\n",
    "a body too few": b"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    "a version without sense": (
        b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text; version=x\r\n\r\n"
    ),
    "no HTTP": b"\x16\x03\x01\x02\0\x01" * 9 + b"\r\n\r\n",
}


@pytest.mark.parametrize("request_", BROKEN_OFF.values(), ids=BROKEN_OFF)
@pytest.mark.parametrize("reset", [False, True])
def test_a_scrape_that_breaks_off_is_no_news(metrics, capfd, request_, reset):
    with metrics.served("127.0.0.1", 0) as port:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as scraper:
                scraper.sendall(request_)
                if reset:
                    linger = struct.pack("ii", 1, 0)
                    scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                else:
                    scraper.shutdown(socket.SHUT_WR)
                    while scraper.recv(1 << 16):
                        pass
        assert "ltx_" in scraped(f"http://127.0.0.1:{port}/metrics")
    assert capfd.readouterr().err == ""


def test_a_scraper_that_never_asks_holds_nobody_up(metrics, capfd, monkeypatch):
    monkeypatch.setattr(_ScrapeHandler, "timeout", 0.05)
    with (
        metrics.served("127.0.0.1", 0) as port,
        socket.create_connection(("127.0.0.1", port)) as scraper,
    ):
        assert scraper.recv(1) == b""
    assert capfd.readouterr().err == ""


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
                "--metrics-file", "ltx.prom", "--metrics-accounts", "all", "--metrics-emails",
                "--metrics-label", "customer=acme")  # fmt: skip
    assert ended.status == 1
    lines = (tmp_path / "ltx.prom").read_text().splitlines()
    acme = 'customer="acme"'
    assert f'ltx_account_healthy{{account="{ANN}",{acme}}} 0.0' in lines
    assert f'ltx_accounts{{{acme},outcome="needs_reauth"}} 1.0' in lines
    assert f'ltx_lookups_total{{{acme},outcome="ok"}} 2.0' in lines
    assert f"ltx_service_up{{{acme}}} 1.0" in lines
    assert f"ltx_requests_total{{{acme}}} 4.0" in lines


def test_watch_serves_them_and_an_account_that_leaves_the_list_reads_0(launch, server):
    process = launch("watch", "--from-api", "--every", "0.05s", "--json",
                     "--metrics-port", "0", "--metrics-accounts", "all")  # fmt: skip
    url = process.stderr.readline().decode().split()[-1]
    while b"watching" not in process.stderr.readline():
        pass
    healthy = 'ltx_account_healthy{{account="{}"}} {}.0'.format
    assert healthy(account_id(BOB), 1) in scraped(url)
    server.emulator.remove(BOB)
    assert b'"gone"' in process.stdout.readline()
    assert healthy(account_id(BOB), 0) in scraped(url)
    assert healthy(account_id(ANN), 1) in scraped(url)
    assert 'ltx_accounts{outcome="not_found"} 1.0' in scraped(url)
    assert "@" not in scraped(url)
    process.terminate()
    process.communicate(timeout=LONG)
    assert process.returncode == 143


def test_an_account_that_is_gone_is_remembered_by_the_state(ltx, server, tmp_path):
    once = ["watch", "--from-api", "--rounds", "1", "--state", "state", "--metrics-file", "m"]
    assert ltx(*once).status == 0
    server.emulator.remove(BOB)
    for _ in range(2):
        ltx(*once)
        assert 'ltx_accounts{outcome="not_found"} 1.0' in (tmp_path / "m").read_text()


def scraped(url):
    with urllib.request.urlopen(url, timeout=5) as reply:
        return reply.read().decode()


def full(_descriptor):
    raise OSError(28, "No space left on device")


def test_a_round_from_cron_that_fails_says_so_and_when_one_last_succeeded(
    ltx, server, tmp_path, monkeypatch
):
    (tmp_path / "emails.txt").write_text(f"{ANN}\n{BOB}\n")
    once = ["watch", "emails.txt", "--rounds", "1", "--metrics-file", "m"]
    assert ltx(*once).status == 0
    before = (tmp_path / "m").read_text().splitlines()
    (success,) = [one for one in before if one.startswith("ltx_last_success")]
    server.emulator.script(None, 400, forever=True)
    assert ltx(*once).status != 0
    after = (tmp_path / "m").read_text()
    assert {success, "ltx_service_up 0.0"} < set(after.splitlines())
    assert "ltx_accounts{" not in after


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


@pytest.mark.parametrize(
    ("address", "shown"),
    [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", r"\[::1\]"), ("localhost:0", "localhost")],
)
def test_they_are_served_on_an_address(ltx, server, address, shown):
    if "::1" in address and not socket.has_ipv6:
        pytest.skip("there is no IPv6")
    ended = ltx("watch", "--from-api", "--rounds", "1", "--metrics-address", address)
    assert ended.status == 0
    assert re.search(rf"metrics: http://{shown}:[0-9]+/metrics\n", ended.err)
    assert "warning" not in ended.err


def test_emails_that_other_machines_may_read_are_warned_about(ltx, server):
    everywhere = ["watch", "--from-api", "--rounds", "1", "--metrics-address", "0.0.0.0:0"]
    assert "warning" not in ltx(*everywhere, "--metrics-accounts", "all").err
    ended = ltx(*everywhere, "--metrics-accounts", "all", "--metrics-emails")
    assert "warning: 0.0.0.0 is not loopback" in ended.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--metrics-port", "0", "--metrics-address", "127.0.0.1:0"], "either"),
        (["--metrics-address", "9464"], "is no HOST:PORT"),
        (["--metrics-address", ":9464"], "is no HOST:PORT"),
        (["--metrics-address", "::1:9464"], "is no HOST:PORT"),
        (["--metrics-address", "[::1]"], "is no HOST:PORT"),
        (["--metrics-address", "[a]:1"], "is no HOST:PORT"),
        (["--metrics-address", "localhost:65536"], "is no HOST:PORT"),
        (["--metrics-address", "localhost:²"], "is no HOST:PORT"),
        (["--metrics-file", "m", "--metrics-emails"], "--metrics-accounts all"),
        (["--metrics-accounts", "all"], "need --metrics-port"),
        (["--metrics-label", "a=b"], "need --metrics-port"),
        (["--metrics-file", "m", "--metrics-label", "a"], "'a' is no label"),
        (["--metrics-file", "m", "--metrics-label", "a="], "is no label"),
        (["--metrics-file", "m", "--metrics-label", "1a=b"], "is no label"),
        (["--metrics-file", "m", "--metrics-label", "__a=b"], "is no label"),
        (["--metrics-file", "m", "--metrics-label", "ä=b"], "is no label"),
        (["--metrics-file", "m", "--metrics-label", "a=b\nc"], "is no label"),
        (["--metrics-file", "m", "--metrics-label", "a=\udcff"], "is no label"),
        (["--metrics-file", "m", "--metrics-label", "a=b", "--metrics-label", "a=c"], "twice"),
        (["--metrics-file", "m", "--metrics-label", "outcome=b"], "metrics' own"),
    ],
)
def test_what_cannot_be_is_a_usage_error(ltx, server, options, told):
    ended = ltx("watch", "--from-api", *options)
    assert (ended.status, server.asked) == (2, [])
    assert told in " ".join(ended.err.split())


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_cannot_be_had_is_told(ltx, server, host):
    ended = ltx("watch", "--from-api", "--metrics-address", f"{host}:0")
    assert ended.status == 4
    assert f"error: metrics host {host}: " in ended.err
    assert "Choose an address of this machine" in ended.err


# With `check`


def test_check_leaves_its_figures_in_a_file(ltx, server, tmp_path):
    server.emulator.put(healthy(ANN, error="session expired"))
    server.emulator.put(healthy(BOB, balance={"LTXStudio_token": 5}))
    ended = ltx("check", "--from-api", "--min-balance", "10", "--metrics-file", "m",
                "--metrics-label", "customer=acme")  # fmt: skip
    assert ended.status == 1
    lines = (tmp_path / "m").read_text().splitlines()
    for line in [
        'ltx_accounts{customer="acme",outcome="ok"} 1.0',
        'ltx_accounts{customer="acme",outcome="needs_reauth"} 1.0',
        'ltx_accounts_attention{customer="acme",reason="low_balance"} 1.0',
        'ltx_balance_tokens{customer="acme"} 155.0',
        'ltx_lookups_total{customer="acme",outcome="ok"} 1.0',
        'ltx_attempt_duration_seconds_count{customer="acme"} 3.0',
        'ltx_service_up{customer="acme"} 1.0',
    ]:
        assert line in lines


def test_a_run_that_is_continued_counts_the_results_of_before(ltx, server, tmp_path):
    (tmp_path / "emails.txt").write_text(ANN)
    ltx("check", "emails.txt", "-o", "r.jsonl")
    (tmp_path / "emails.txt").write_text(f"{ANN}\n{BOB}\n")
    ended = ltx("check", "emails.txt", "-o", "r.jsonl", "--resume", "--metrics-file", "m")
    assert ended.status == 0
    lines = (tmp_path / "m").read_text().splitlines()
    assert 'ltx_accounts{outcome="ok"} 2.0' in lines
    assert "ltx_balance_tokens 300.0" in lines
    assert 'ltx_lookups_total{outcome="ok"} 1.0' in lines


@pytest.mark.parametrize("source", [["--from-api"], ["emails.txt"]])
def test_a_run_that_fails_says_so_and_when_it_last_succeeded(
    ltx, server, tmp_path, monkeypatch, source
):
    (tmp_path / "emails.txt").write_text(f"{ANN}\n{BOB}\n")
    assert ltx("check", *source, "--metrics-file", "m").status == 0
    before = (tmp_path / "m").read_text().splitlines()
    (success,) = [one for one in before if one.startswith("ltx_last_success")]
    monkeypatch.setenv("USEAPI_TOKEN", "user:1-wrong")
    assert ltx("check", *source, "--metrics-file", "m").status == 3
    after = (tmp_path / "m").read_text()
    assert {success, "ltx_service_up 0.0"} < set(after.splitlines())
    assert "ltx_accounts{" not in after


def test_a_run_that_is_ended_by_a_signal_leaves_the_file_as_it_was(
    launch, server, tmp_path, monkeypatch
):
    server.emulator.latency = 30
    (tmp_path / "m").write_text("# HELP ltx_ as it was")
    (tmp_path / "emails.txt").write_text(ANN)
    process = launch("check", "emails.txt", "--metrics-file", "m", "--deadline", "60")
    until(lambda: server.asked)
    process.terminate()
    process.communicate(timeout=LONG)
    assert process.returncode == 143
    assert (tmp_path / "m").read_text() == "# HELP ltx_ as it was"


def test_metrics_of_a_check_that_cannot_be_written_are_told_after_the_results(
    ltx, server, tmp_path
):
    directory = tmp_path / "d"
    directory.mkdir()
    server.emulator.script(ANN, 404)
    (tmp_path / "emails.txt").write_text(f"{ANN}\n{BOB}\n")

    def refuse(_path, _content, **_options):
        raise OutputRefusedError("d/m: cannot be written.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ltx_async.monitor.metrics.write_whole", refuse)
        ended = ltx("check", "emails.txt", "--metrics-file", "d/m")
    assert ended.status == 4
    assert len(ended.records) == 2
    assert "error: d/m: cannot be written." in ended.err


@pytest.mark.parametrize(
    "options",
    [
        ["--metrics-label", "a=b"],
        ["--metrics-file", "emails.txt"],
        ["--metrics-file", "o.jsonl", "-o", "o.jsonl"],
        ["--metrics-file", "s", "--summary-json", "s"],
        ["--metrics-file", "nowhere/m"],
        ["--metrics-file", "m", "--metrics-label", "le=b"],
    ],
)
def test_metrics_of_check_that_cannot_be_are_refused_at_once(ltx, server, tmp_path, options):
    (tmp_path / "emails.txt").write_text(ANN)
    ended = ltx("check", "emails.txt", *options)
    assert (ended.status, server.asked) == (2, [])
    assert (tmp_path / "emails.txt").read_text() == ANN


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
