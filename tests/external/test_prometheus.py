"""Prometheus and its tools, and the node exporter, take what is written and served."""

import os
import re
import shutil
import subprocess

import pytest
from command_line import healthy
from kit import EXAMPLES, run
from patience import until

from ltx_async.emulator import Emulator, GeneratedAccounts

from .monitoring import get, node_exporter, prometheus

ANN = "ann@example.com"
KIT = EXAMPLES / "prometheus"


def installed(name):
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def promtool():
    return installed("promtool")


def check(promtool, *arguments, **options):
    return subprocess.run(
        [promtool, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def test_the_rules_are_rules_and_the_configuration_is_one(promtool):
    done = check(promtool, "check", "rules", KIT / "rules.yml")
    assert (done.returncode, "11 rules found" in done.stdout) == (0, True), done
    done = check(promtool, "check", "config", KIT / "prometheus.yml")
    assert done.returncode == 0, done


def test_what_fires_when_is_as_its_tests_say(promtool, tmp_path):
    assert check(promtool, "test", "rules", "rules.test.yml", cwd=KIT).returncode == 0
    # There is no rule that they do not see firing, and none that might always fire.
    rules = (KIT / "rules.yml").read_text()
    tests = (KIT / "rules.test.yml").read_text()
    names = re.findall(r"alert: (\w+)", rules)
    assert {*re.findall(r"alertname: (\w+)\n +exp_alerts:\n", tests)} == {*names}
    (tmp_path / "rules.test.yml").write_text(tests)
    for condition in re.findall(r"^ +expr: .*$", rules, re.MULTILINE):
        (tmp_path / "rules.yml").write_text(rules.replace(condition, "        expr: vector(7)"))
        done = check(promtool, "test", "rules", "rules.test.yml", cwd=tmp_path)
        assert done.returncode, condition


@pytest.fixture
def api():
    with Emulator([healthy(ANN), healthy("bob@example.com", error="gone")]) as emulator:
        yield {"USEAPI_API": emulator.base_url, "USEAPI_TOKEN": emulator.token}


WRITERS = {
    "watch": ["watch", "--from-api", "--rounds", "1", "--metrics-accounts", "all"],
    "check": ["check", "--from-api"],
}


@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize("label", [[], ["--metrics-label", 'customer=a "b"\\c']])
def test_a_textfile_has_no_fault(promtool, api, tmp_path, command, label):
    writing = ["ltx-async", *WRITERS[command], "--metrics-file", "m.prom", *label]
    assert run(writing, env=api, cwd=tmp_path).returncode == 1
    text = (tmp_path / "m.prom").read_text()
    done = check(promtool, "check", "metrics", input=text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert check(promtool, "check", "metrics", input=text + "ltx_accounts 1\nltx\n").returncode


def collected(directory, tmp_path):
    exporter = installed("prometheus-node-exporter")
    with node_exporter(exporter, directory, tmp_path / "log") as address:
        return get(f"http://{address}/metrics").decode()


@pytest.mark.parametrize("labelled", [True, False])
def test_textfiles_of_two_runs_do_not_collide_where_they_have_labels(api, tmp_path, labelled):
    directory = tmp_path / "metrics"
    directory.mkdir()
    for customer in ("acme", "bolt"):
        label = ["--metrics-label", f"customer={customer}"] if labelled else []
        file = directory / f"{customer}.prom"
        writing = ["ltx-async", *WRITERS["check"], "--metrics-file", file, *label]
        assert run(writing, env=api, cwd=tmp_path).returncode == 1
    try:
        text = collected(directory, tmp_path)
    except OSError:  # the whole scrape fails
        text = ""
    one_each = {
        customer: f'ltx_accounts{{customer="{customer}",outcome="needs_reauth"}} 1\n' in text
        for customer in ("acme", "bolt")
    }
    assert one_each == dict.fromkeys(one_each, labelled)
    if labelled:
        assert "node_textfile_scrape_error 0\n" in text


def test_prometheus_takes_the_figures_of_a_hundred_thousand_accounts(tmp_path, launch, monkeypatch):
    program = installed("prometheus")
    with Emulator(GeneratedAccounts(100_000, unhealthy=10)) as emulator:
        monkeypatch.setenv("USEAPI_API", emulator.base_url)
        monkeypatch.setenv("USEAPI_TOKEN", emulator.token)
        watch = launch("watch", "--list-only", "--every", "1h", "--metrics-port", "0")
        url = re.search(r"http://(\S+)/metrics", watch.stderr.readline().decode())[1]
        assert any(b"watching" in line for line in iter(watch.stderr.readline, b""))
    with prometheus(program, tmp_path, url, every="1s") as server:
        until(lambda: server.values("up") == {("__name__=up",): 1})
        assert sum(server.values("ltx_accounts").values()) == 100_000
        assert server.values("scrape_samples_scraped").popitem()[1] < 100
        # The best of some: another program may have had the processor.
        until(
            lambda: min(server.values("min_over_time(scrape_duration_seconds[1m])").values()) < 0.1
        )
    assert len(get(f"http://{url}/metrics")) < 10_000
