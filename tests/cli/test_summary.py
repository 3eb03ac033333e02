import json
from datetime import timedelta

import pytest
from attrs import evolve
from command_line import make_lookup

from ltx_async import (
    AuthenticationError,
    CertificateError,
    ConfigurationError,
    ConnectError,
    GateClosed,
    GateOpened,
    LTXError,
    Outcome,
    PaceLearned,
    RateLimitError,
    ServiceUnavailableError,
    Stats,
    SubscriptionError,
)
from ltx_async.alerts import Thresholds
from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.exits import CommandError, explanation, status_of
from ltx_async.cli.terminal.messages import Talk
from ltx_async.files.errors import (
    FileError,
    InputCutError,
    InputError,
    OutputFailedError,
    OutputRefusedError,
    UnsavedError,
    write_failure,
)

STATS = Stats({}, requests=1, retries=0, throttles=0, latency_p50=0.0123, latency_p99=1.5)


def counts_of(*outcomes, thresholds=None, **fields):
    counts = Counts(thresholds or Thresholds())
    for outcome in outcomes:
        counts.add(make_lookup(outcome=outcome, **fields))
    return counts


def test_the_counts_add_up():
    counts = counts_of(*Outcome)
    counts.input, counts.duplicate = 10, 2
    assert counts.by_name() == {
        "ok": 1,
        "needs_reauth": 1,
        "not_found": 1,
        "invalid": 1,
        "failed": 1,
        "duplicate": 2,
        "pending": 3,
    }
    assert sum(counts.by_name().values()) == counts.input


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        (counts_of(), 0),
        (counts_of(Outcome.OK, Outcome.OK), 0),
        (counts_of(Outcome.OK, Outcome.NOT_FOUND), 1),
        (counts_of(Outcome.NEEDS_REAUTH), 1),
        (counts_of(Outcome.INVALID), 1),
        (counts_of(Outcome.FAILED), 1),
        (
            counts_of(
                Outcome.OK,
                thresholds=Thresholds(min_balance=10),
                wire={"email": "a@x", "balance": {"LTXStudio_token": 1}},
            ),
            1,
        ),
    ],
)
def test_the_exit_status_tells_whether_all_is_well(counts, status):
    assert Summary(counts, STATS, 1.0).exit_status == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AuthenticationError("x", status=401), 3),
        (SubscriptionError("x", status=402), 3),
        (CertificateError("x"), 4),
        (ServiceUnavailableError("x"), 4),
        (RateLimitError("x", status=429), 4),
        (ConfigurationError("x"), 2),
        (CommandError("x"), 2),
        (InputError("x"), 2),
        (InputCutError("x"), 4),
        (OutputRefusedError("x"), 2),
        (OutputFailedError("x"), 4),
        (UnsavedError("x"), 4),
        (FileError("x"), 4),
        (BrokenPipeError(), 141),
    ],
)
def test_an_error_that_ends_a_run_decides_its_exit_status(error, status):
    assert Summary(counts_of(), STATS, 1.0, error=error).exit_status == status
    assert status_of(error) == status


@pytest.mark.parametrize(("signal", "status"), [(1, 129), (2, 130), (15, 143)])
def test_a_signal_gives_128_and_its_number(signal, status):
    assert Summary(counts_of(), STATS, 1.0, signal=signal).exit_status == status


@pytest.mark.parametrize("here", [True, False])
def test_where_nobody_listens_on_this_machine_the_emulator_is_named(here):
    refused = ConnectError("cannot connect to 127.0.0.1:8080", nobody_listens=here)
    for error in (refused, ServiceUnavailableError("no answer for 60 s", last_error=refused)):
        assert ("`ltx-async serve`" in explanation(error)) is here
        observer = Observer()
        observer(GateClosed(5.0, error))
        assert observer.note.endswith("is `ltx-async serve` running?") is here


def test_an_explanation_is_a_line_with_what_to_do():
    error = LTXError("something broke", hint="Mend it.", email="ann@example.com")
    assert explanation(error) == "something broke. Mend it."
    assert explanation(CommandError("what?", hint="Say it.")) == "what? Say it."
    assert explanation(CommandError("no hint")) == "no hint."
    assert explanation(OSError("odd")) == "odd."


@pytest.mark.parametrize("number", [28, 122, 27])
def test_a_full_disk_is_called_one(number):
    failure = write_failure(OSError(number, "why"), "out.jsonl")
    assert str(failure) == "out.jsonl: disk full (why)"
    assert status_of(failure) == 4


def test_another_failed_write_says_why():
    assert str(write_failure(OSError(5, "Input/output error"), "x")) == "x: Input/output error"


def shown(summary, capfd, **talk):
    summary.show(Talk(console=None, **talk))
    return capfd.readouterr().err.splitlines()


def test_the_table_fits_a_narrow_terminal_and_ends_with_the_sum(capfd):
    counts = counts_of(*[Outcome.OK] * 3, Outcome.FAILED)
    counts.input = 1_000_005
    lines = shown(Summary(counts, STATS, 61.0, results="out.jsonl"), capfd)
    assert max(map(len, lines)) <= 50
    assert lines[0].split() == ["ok", "3"]
    assert lines[7].split() == ["input", "1,000,005"]
    assert lines[8].split() == ["need", "attention", "1"]
    assert lines[9:] == [
        "4 results in 0:01:01 (0/s)",
        "1 request, 0 repeated, 0 throttled",
        "replies within 12.3 ms (median), 1,500 ms (99%)",
        "results: out.jsonl",
        "attention: ann@example.com: lookup failed",
    ]


def test_quiet_leaves_only_the_alerts(capfd):
    wire = {"email": "a@x", "balance": {"LTXStudio_token": 1}, "tokenExpire": 0}
    thresholds = Thresholds(min_balance=10, expires_within=timedelta(0))
    counts = counts_of(*[Outcome.OK] * 25, thresholds=thresholds, wire=wire)
    lines = shown(Summary(counts, None, 0.0), capfd, quiet=True)
    assert lines[0].startswith("attention: ann@example.com: balance 1 is below 10; access token e")
    assert lines[-1] == "attention: and 5 more: --summary-json has all"
    assert len(lines) == 21


def test_the_json_holds_what_the_table_shows(tmp_path):
    counts = counts_of(Outcome.OK)
    counts.input = 2
    summary = Summary(counts, STATS, 2.5, error=CertificateError("bad"), results="x.csv")
    summary.save(tmp_path / "s.json")
    saved = json.loads((tmp_path / "s.json").read_text())
    assert saved["input"] == 2
    assert (saved["ok"], saved["pending"], saved["exit_status"]) == (1, 1, 4)
    assert (saved["elapsed_s"], saved["results"]) == (2.5, "x.csv")
    assert saved["latency_ms"] == {"p50": 12.3, "p99": 1500.0}
    assert saved["stopped"]["type"] == "CertificateError"
    assert (tmp_path / "s.json").stat().st_mode & 0o777 == 0o600


def test_the_json_of_a_run_without_replies():
    silent = Stats({}, requests=1, retries=0, throttles=0, latency_p50=None, latency_p99=None)
    assert Summary(counts_of(), silent, 0.0).as_json()["latency_ms"] is None
    assert Summary(counts_of(), None, 0.0).as_json()["requests"] == 0
    assert Summary(counts_of(), None, 0.0, signal=2).as_json()["stopped"]["message"] == "signal 2"


@pytest.mark.parametrize(
    ("pace", "text"),
    [
        (97.6, "about 98 a second is allowed"),
        (1234.5, "about 1,234 a second is allowed"),
        (1.04, "about 1 a second is allowed"),
        (0.26, "about 0.26 a second is allowed"),
    ],
)
def test_what_the_server_allows_is_told(pace, text):
    stats = evolve(STATS, pace=pace)
    summary = Summary(counts_of(), stats, 1.0)
    assert text in summary._remarks()
    assert summary.as_json()["pace"] == pytest.approx(pace, abs=0.001)


def test_without_a_throttle_nothing_is_said_of_what_is_allowed():
    summary = Summary(counts_of(), STATS, 1.0)
    assert not any("allowed" in line for line in summary._remarks())
    assert summary.as_json()["pace"] is None


def test_progress_says_what_is_allowed_while_nobody_has_to_wait():
    observer = Observer()
    observer(PaceLearned(97.6, None))
    assert observer.note == "about 98 a second is allowed"
    observer(GateClosed(3.0, RateLimitError("slow down", status=429)))
    assert observer.note.startswith("waiting 3 s")
    observer(GateOpened(1))
    assert observer.note == "about 98 a second is allowed"
