import asyncio
import io

import pytest
from command_line import make_lookup
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.terminal import progress
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.terminal.progress import (
    Snapshot,
    Speedometer,
    plain_line,
    progress_lines,
    shown_progress,
)
from ltx_async.errors import ConnectError, RateLimitError
from ltx_async.events import GateClosed, GateOpened, LookupFinished, OutageBegan, OutageEnded

HALF = Snapshot(done=500, expected=1000, counts={"ok": 400, "not_found": 100}, rate=50.0)


def test_eighty_columns_show_bar_share_rate_and_time_left():
    assert progress_lines(HALF, 80) == [
        "█" * 15 + "░" * 15 + "   50%  500/1,000  50/s  ETA 0:00:10",
        "ok 400  not_found 100",
    ]


def test_forty_columns_leave_the_bar_out_first():
    assert progress_lines(HALF, 40)[0] == " 50%  500/1,000  50/s  ETA 0:00:10"
    assert progress_lines(HALF, 25)[0] == " 50%  500/1,000  50/s"


def test_a_terminal_without_utf8_gets_ascii():
    assert progress_lines(HALF, 80, ascii_only=True)[0].startswith("#####")


def test_an_estimate_says_that_it_is_one():
    estimate = Snapshot(done=5, expected=1000, counts={}, exact=False)
    assert progress_lines(estimate, 40) == ["░" * 19 + "    0%  5/~1,000  0/s", "nothing yet"]


def test_an_unknown_length_shows_no_share():
    assert progress_lines(Snapshot(7, None, {"ok": 7}, rate=3.2), 80) == ["7  3/s", "ok 7"]


def test_an_empty_input_is_done():
    assert Snapshot(0, 0, {}).share == 1.0


def test_no_time_left_is_shown_that_nobody_believes():
    assert Snapshot(1, 10**9, {}, rate=0.001).eta is None


def test_a_closed_gate_is_explained():
    waiting = Snapshot(5, 10, {"ok": 5}, note="waiting 9 s: HTTP 429: slow \x1b[1m down")
    lines = progress_lines(waiting, 30)
    assert lines[-2:] == ["waiting 9 s: HTTP 429: slow", r"  \x1b[1m down"]
    assert plain_line(waiting).endswith("ok 5; waiting 9 s: HTTP 429: slow \x1b[1m down")


COUNTS = st.dictionaries(
    st.sampled_from(["ok", "needs_reauth", "not_found", "invalid", "failed", "duplicate"]),
    st.integers(0, 10**9),
)


@given(
    st.builds(
        Snapshot,
        done=st.integers(0, 10**9),
        expected=st.none() | st.integers(0, 10**9),
        counts=COUNTS,
        rate=st.floats(0, 1e9),
        note=st.text(max_size=200),
        exact=st.booleans(),
    ),
    st.integers(26, 200),
)
def test_no_line_is_wider_than_the_terminal(snapshot, width):
    lines = progress_lines(snapshot, width)
    assert all(len(line) <= width and line.isprintable() for line in lines)
    for name, count in snapshot.counts.items():
        assert not count or f"{name} {count:,}" in "\n".join(lines)


def test_the_rate_is_that_of_the_last_seconds():
    speed = Speedometer()
    assert speed.rate(0, 0.0) == 0.0
    assert speed.rate(100, 1.0) == 100.0
    for second in range(2, 12):
        rate = speed.rate(100 + second, float(second))
    assert rate == pytest.approx(1.0)


async def test_progress_elsewhere_is_a_plain_line_now_and_then(capfd, monkeypatch):
    monkeypatch.setattr(progress, "_PLAIN_INTERVAL", 0.01)
    async with shown_progress(Talk(console=None), lambda _now: HALF):
        await asyncio.sleep(0.03)
    lines = capfd.readouterr().err.splitlines()
    assert lines
    assert set(lines) == {" 50%  500/1,000  50/s  ETA 0:00:10: ok 400, not_found 100"}


@pytest.mark.parametrize("width", [40, 80])
async def test_progress_on_a_terminal_is_live_and_leaves_nothing_behind(width, monkeypatch):
    monkeypatch.setattr(progress, "_LIVE_INTERVAL", 0.01)
    monkeypatch.setattr(progress, "_NOT_BEFORE", 0.0)
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, legacy_windows=False)
    async with shown_progress(Talk(console=console), lambda _now: HALF):
        await asyncio.sleep(0.05)
    assert "ETA 0:00:10" in screen.getvalue()
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h") == 1
    assert screen.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize("quiet", [True, False])
async def test_no_progress_when_quiet_or_when_the_terminal_shows_the_data(quiet, monkeypatch):
    monkeypatch.setattr(progress, "_NOT_BEFORE", 0.0)
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)
    async with shown_progress(Talk(quiet=quiet, console=console), lambda _now: HALF, live=quiet):
        await asyncio.sleep(0.01)
    assert screen.getvalue() == ""


def test_the_observer_knows_why_nobody_sends():
    observer = Observer()
    error = RateLimitError("HTTP 429", status=429)
    observer(GateClosed(12.4, error))
    assert observer.note == "waiting 12 s: HTTP 429"
    observer(LookupFinished(make_lookup()))
    observer(GateOpened(1))
    assert observer.note == ""


def test_the_observer_tells_when_an_outage_begins_and_when_it_ends(capsys):
    why = ConnectError("no address for api.example.com")
    for observer in (Observer(), Observer(Talk(quiet=True))):
        observer(OutageBegan(60.0, why))
        observer(OutageEnded(12.3))
    assert capsys.readouterr().err.splitlines() == [
        "warning: nobody answers; waiting up to 60 s: no address for api.example.com",
        "warning: answered again, 12 s later",
    ]
