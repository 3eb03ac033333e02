import asyncio
import json
import math
import os
import pty
import stat
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve
from command_line import NOW, healthy
from patience import LONG, in_time

from ltx_async import LTXClient, RetryPolicy
from ltx_async.alerts import Thresholds
from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.input_options import InputOptions
from ltx_async.cli.runtime import Interrupt
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.values import parse_duration
from ltx_async.cli.watching.announcer import Announcer, _text_line
from ltx_async.cli.watching.rounds import Watch
from ltx_async.emulator import Delay, Emulator, Status
from ltx_async.errors import AuthenticationError, SubscriptionError
from ltx_async.files.errors import InputError
from ltx_async.monitor.changes import Change, Kind
from ltx_async.monitor.standing import Rules
from ltx_async.retry import OutageRule

ANN, BOB, CAY = "ann@example.com", "bob@example.com", "cay@example.com"
ALL_FOUND_OUT = InputOptions(None, None, None, None, extract=False)
SOON = "2020-01-01T00:00:00.000Z"


class Kept:
    """A change writer that keeps the changes."""

    def __init__(self):
        self.changes, self.closed = [], False

    async def write(self, change, /):
        self.changes.append(change)

    async def close(self):
        self.closed = True

    @property
    def texts(self):
        return [change.text for change in self.changes if change is not Mark]


@pytest.fixture
async def emulator():
    async with Emulator([healthy(ANN), healthy(BOB)]) as emulator:
        yield emulator


@pytest.fixture
def watch(emulator):
    """Run as many rounds as there are steps, and one; a step is taken in each pause."""

    async def run(*steps, source=None, interrupt=None, thresholds=None, **options):
        kept, observer, waits = Kept(), Observer(), []
        pending = iter(steps)

        async def pause(seconds):
            waits.append(seconds)
            kept.changes.append(Mark)
            done = next(pending)()
            if asyncio.iscoroutine(done):
                await done

        client = LTXClient(
            emulator.token,
            base_url=emulator.base_url,
            retry=RetryPolicy(base=0.001, throttle_base=0.001),
            outage=OutageRule(streak=3, patience=0.05, probe_base=0.01, probe_cap=0.01),
            on_event=observer,
        )
        settings = {
            "inputs": ALL_FOUND_OUT,
            "every": 300.0,
            "rounds": len(steps) + 1,
            "rules": Rules(thresholds or Thresholds()),
            "announcer": Announcer(Talk(), kept, as_json=True),
            "talk": Talk(),
            "pause": pause,
        }
        async with client:
            work = Watch(client=client, observer=observer, source=source, **settings | options)
            kept.status = await work.run(interrupt or Interrupt())
        kept.waits = waits
        kept.rounds = split(kept.changes)
        return kept

    return run


class Mark:
    """Stands between the changes of two rounds."""


def split(changes):
    rounds = [[]]
    for change in changes:
        if change is Mark:
            rounds.append([])
        else:
            rounds[-1].append((change.subject.partition("@")[0], change.kind.value))
    return rounds


def nothing():
    """Change nothing in a pause."""


async def test_nothing_is_told_while_nothing_changes(watch, emulator):
    seen = await watch(nothing, nothing)
    assert seen.rounds == [[], [], []]
    assert (seen.status, seen.closed) == (0, True)
    assert emulator.count(ANN) == 3


async def test_every_change_of_an_account_is_told_exactly_once(watch, emulator):
    seen = await watch(
        lambda: emulator.put(healthy(ANN, error="session expired")),
        nothing,
        lambda: emulator.put(healthy(ANN, balance={"LTXStudio_token": 100})),
        nothing,
        lambda: emulator.remove(BOB),
        nothing,
        lambda: emulator.put(healthy(BOB)),
        lambda: emulator.put(healthy(CAY)),
        nothing,
    )
    assert seen.rounds == [
        [],
        [("ann", "broken")],
        [],
        [("ann", "recovered"), ("ann", "balance")],
        [],
        [("bob", "gone")],
        [],
        [("bob", "recovered")],
        [("cay", "new")],
        [],
    ]


async def test_thresholds_are_raised_once_and_the_status_is_that_of_the_last_round(
    watch, emulator, capfd
):
    emulator.put(healthy(ANN, balance={"LTXStudio_token": 5}))
    emulator.put(healthy(BOB, refreshTokenExpireUTC=SOON))
    thresholds = Thresholds(min_balance=10, expires_within=parse_duration("7d"))
    seen = await watch(nothing, thresholds=thresholds)
    assert seen.rounds == [[("ann", "low_balance"), ("bob", "expiring")], []]
    assert seen.status == 1
    alerts = [line for line in capfd.readouterr().err.splitlines() if line.startswith("alert: ")]
    assert len(alerts) == 2
    assert "low_balance ann@example.com: balance 5 is below 10" in alerts[0]


async def test_a_server_that_is_down_is_one_outage_with_one_end(watch, emulator, capfd):
    seen = await watch(emulator.stop, nothing, emulator.start, nothing)
    assert seen.rounds == [
        [],
        [("service", "outage")],
        [],
        [("service", "outage_over")],
        [],
    ]
    assert capfd.readouterr().err.count("alert: ") == 2
    assert seen.status == 0


async def test_a_server_that_fails_everybody_is_one_outage(watch, emulator):
    seen = await watch(
        lambda: emulator.script(None, 500, forever=True),
        nothing,
        emulator.clear_scripts,
    )
    assert seen.rounds == [[], [("service", "outage")], [], [("service", "outage_over")]]


async def test_an_api_that_knows_nobody_any_more_is_one_outage(watch, emulator, tmp_path):
    (tmp_path / "emails.txt").write_text(f"{ANN}\n{BOB}\n")
    seen = await watch(
        lambda: emulator.script(None, 404, forever=True),
        nothing,
        emulator.clear_scripts,
        source="emails.txt",
    )
    assert seen.rounds == [[], [("service", "outage")], [], [("service", "outage_over")]]
    assert "retired" in seen.texts[0]


async def test_an_api_that_knows_nobody_and_fails_one_is_one_outage(watch, emulator, tmp_path):
    (tmp_path / "emails.txt").write_text(f"{ANN}\n{BOB}\n{CAY}\n")
    emulator.put(healthy(CAY))

    def forget():
        emulator.script(None, 404, forever=True)
        emulator.script(BOB, 500, forever=True)

    seen = await watch(forget, nothing, emulator.clear_scripts, source="emails.txt")
    assert seen.rounds == [[], [("service", "outage")], [], [("service", "outage_over")]]
    assert "none of the 3 emails is found, and 1 has no answer" in seen.texts[0]


@pytest.mark.parametrize("status", [404, 500])
async def test_a_round_that_nobody_was_found_in_is_exit_4(watch, emulator, tmp_path, status):
    (tmp_path / "emails.txt").write_text(f"{ANN}\n{BOB}\n")
    fail = partial(emulator.script, None, status, forever=True)
    assert (await watch(fail, source="emails.txt")).status == 4
    recovered = await watch(emulator.clear_scripts, source="emails.txt")
    assert recovered.rounds == [[("service", "outage")], [("service", "outage_over")]]
    assert recovered.status == 0


@pytest.mark.parametrize("list_only", [False, True])
async def test_a_list_that_is_empty_in_the_last_round_is_exit_4(watch, emulator, list_only):
    def empty():
        for email in (ANN, BOB):
            emulator.remove(email)

    seen = await watch(empty, list_only=list_only)
    assert (seen.rounds, seen.status) == ([[], [("service", "outage")]], 4)


async def test_without_an_account_at_all_nothing_is_wrong(watch, emulator):
    for email in (ANN, BOB):
        emulator.remove(email)
    seen = await watch(nothing, list_only=True)
    assert (seen.rounds, seen.status) == ([[], []], 0)


async def test_a_list_that_is_empty_all_of_a_sudden_is_one_outage(watch, emulator):
    seen = await watch(lambda: emulator.script_list(Status(404), Status(404)), nothing, nothing)
    assert seen.rounds == [[], [("service", "outage")], [], [("service", "outage_over")]]


async def test_what_changed_meanwhile_is_told_after_the_outage(watch, emulator):
    async def down():
        await emulator.stop()
        emulator.put(healthy(ANN, error="session expired"))

    seen = await watch(down, emulator.start, nothing)
    assert seen.rounds == [
        [],
        [("service", "outage")],
        [("service", "outage_over"), ("ann", "broken")],
        [],
    ]


async def test_a_watch_may_begin_in_an_outage(watch, emulator):
    await emulator.stop()
    seen = await watch(emulator.start, nothing)
    assert seen.rounds == [[("service", "outage")], [("service", "outage_over")], []]


async def test_the_last_round_in_an_outage_is_exit_4(watch, emulator):
    assert (await watch(emulator.stop)).status == 4


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthenticationError), (402, SubscriptionError)]
)
async def test_a_refusal_ends_the_first_round_but_is_an_outage_later(
    watch, emulator, status, error
):
    refuse = lambda: (  # noqa: E731
        emulator.script(None, status, forever=True),
        emulator.script_list(Status(status), forever=True),
    )
    seen = await watch(refuse, nothing, emulator.clear_scripts)
    assert seen.rounds == [[], [("service", "outage")], [], [("service", "outage_over")]]
    refuse()
    with pytest.raises(error):
        await watch(nothing)


async def test_the_file_is_read_again_in_each_round(watch, tmp_path):
    file = tmp_path / "emails.txt"
    file.write_text(f"{ANN}\nno email\n")
    seen = await watch(
        lambda: file.write_text(f"{ANN}\n{BOB}\n"),
        nothing,
        file.unlink,
        nothing,
        lambda: file.write_text(f"{BOB}\n"),
        nothing,
        source="emails.txt",
    )
    assert seen.rounds == [
        [("no email", "invalid")],
        [("bob", "new")],
        [("no email", "removed")],
        [("service", "outage")],
        [],
        [("service", "outage_over")],
        [("ann", "removed")],
    ]
    assert "emails.txt: No such file" in seen.texts[3]


@pytest.mark.parametrize("moment", ["", f"{ANN}\n", f"{ANN}\n{BOB}", "\n\n", "# later\n"])
async def test_a_file_that_is_half_written_for_a_moment_is_no_news(
    watch, emulator, tmp_path, moment
):
    for email in (ANN, BOB, CAY):
        emulator.put(healthy(email, balance={"LTXStudio_token": 5}))
    whole = f"{ANN}\n{BOB}\n{CAY}\n"
    file = tmp_path / "emails.txt"
    file.write_text(whole)
    seen = await watch(
        lambda: file.write_text(moment),
        lambda: file.write_text(whole),
        nothing,
        source="emails.txt",
        thresholds=Thresholds(min_balance=10),
    )
    first, *later = seen.rounds
    assert [kind for _, kind in first] == ["low_balance"] * 3
    assert [kind for changes in later for _, kind in changes] in ([], ["outage", "outage_over"])


async def test_a_file_is_read_when_its_writer_has_paused(watch, tmp_path, monkeypatch):
    monkeypatch.setattr("ltx_async.cli.watching.looking._GLANCE", 0.6)  # ten times as long
    file = tmp_path / "emails.txt"
    file.write_text(f"{ANN}\n")

    def write_slowly():
        with file.open("w") as writing:
            for email in (ANN, BOB, CAY):
                time.sleep(0.06)
                writing.write(f"{email}\n")
                writing.flush()

    def begin():
        threading.Thread(target=write_slowly).start()
        time.sleep(0.03)

    seen = await watch(begin, source="emails.txt")
    assert seen.rounds[1] == [("bob", "new"), ("cay", "new"), ("cay", "gone")]


async def test_it_says_how_often_it_looks_and_that_an_email_is_not_there(watch, tmp_path, capfd):
    (tmp_path / "emails.txt").write_text(f"{ANN}\nnobody@example.com\n")
    seen = await watch(nothing, source="emails.txt")
    assert "watching 2 emails every 5m: 1 ok, 1 not_found\n" in capfd.readouterr().err
    (text,) = seen.texts
    assert text.startswith("is not there: HTTP 404")


async def test_a_file_that_cannot_be_read_at_first_ends_it(watch, tmp_path):
    with pytest.raises(InputError, match="No such file"):
        await watch(source="emails.txt")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no regular file"):
        await watch(source="pipe")


async def test_a_table_is_watched_by_its_column(watch, tmp_path):
    (tmp_path / "emails.csv").write_text(f"login\n{ANN}\nnobody@example.com\n")
    seen = await watch(source="emails.csv", inputs=evolve(ALL_FOUND_OUT, column="login"))
    assert seen.rounds == [[("nobody", "gone")]]


async def test_without_an_email_it_says_so_and_goes_on(watch, emulator, capfd):
    emulator.remove(ANN)
    emulator.remove(BOB)
    seen = await watch(nothing, lambda: emulator.put(healthy(ANN)))
    assert capfd.readouterr().err.count("there is no email to watch so far") == 1
    assert seen.rounds == [[], [], [("ann", "new")]]


async def test_warnings_are_not_repeated_in_every_round(watch, emulator, tmp_path, capfd):
    (tmp_path / "emails.txt").write_text("\n".join(f"no{n}@example.com" for n in range(30)))
    await watch(nothing, nothing, source="emails.txt")
    assert capfd.readouterr().err.count("none of the first 20 emails") == 1


async def test_a_metrics_file_that_fails_later_is_one_warning(watch, tmp_path, capfd):
    metrics = pytest.importorskip("ltx_async.monitor.metrics").Metrics()
    file = tmp_path / "metrics" / "ltx.prom"
    file.parent.mkdir()

    def lose():
        file.unlink()
        file.parent.rmdir()

    seen = await watch(nothing, lose, nothing, metrics=metrics, metrics_file=file)
    assert seen.status == 0
    assert capfd.readouterr().err.count("ltx.prom: No such file or directory") == 1


def single_metrics():
    """Return metrics that show single accounts, by their emails."""
    metrics = pytest.importorskip("ltx_async.monitor.metrics")
    return metrics.Metrics(metrics.Series(emails=True), accounts=True)


async def test_metrics_keep_what_was_known_during_an_outage(watch, emulator):
    metrics = single_metrics()
    shown = []

    def look():
        names = ["ltx_service_up", "ltx_account_healthy"]
        labels = [{}, {"account": ANN}]
        shown.append([*map(metrics.registry.get_sample_value, names, labels)])

    def retire():
        look()
        emulator.script(None, 404, forever=True)

    await watch(retire, look, metrics=metrics)
    assert shown == [[1, 1], [0, 1]]


async def test_an_account_that_leaves_the_list_reads_0_in_the_metrics(watch, emulator):
    metrics = single_metrics()
    await watch(lambda: emulator.remove(BOB), metrics=metrics)
    healthy = [metrics.registry.get_sample_value("ltx_account_healthy", {"account": email})
               for email in (ANN, BOB)]  # fmt: skip
    assert healthy == [1, 0]


async def test_a_signal_ends_the_pause_at_once(watch):
    interrupt = Interrupt()
    began = time.monotonic()

    async def wait():
        asyncio.get_running_loop().call_later(0.02, interrupt.receive, 15)
        await asyncio.sleep(60)

    seen = await watch(wait, interrupt=interrupt)
    assert (seen.status, seen.closed) == (143, True)
    assert in_time(time.monotonic() - began, 5)


async def test_a_signal_during_the_list_call_ends_it_at_once(watch, emulator):
    interrupt = Interrupt()

    def slow():
        emulator.latency = 30
        asyncio.get_running_loop().call_later(0.05, interrupt.receive, 2)

    seen = await watch(slow, interrupt=interrupt)
    assert (seen.rounds, seen.status) == ([[], []], 130)


async def test_a_signal_during_a_round_ends_it_without_false_news(
    watch, emulator, tmp_path, monkeypatch
):
    monkeypatch.setattr("ltx_async.cli.checking.run._GRACE", 0.1)
    (tmp_path / "emails.txt").write_text(f"{ANN}\n{BOB}\n")
    interrupt = Interrupt()

    def slow():
        emulator.script(ANN, 404)
        emulator.script(BOB, Delay(30))
        asyncio.get_running_loop().call_later(0.05, interrupt.receive, 15)

    seen = await watch(slow, interrupt=interrupt, source="emails.txt")
    assert (seen.rounds, seen.status) == ([[], []], 143)


async def test_pauses_are_jittered(watch):
    seen = await watch(nothing, nothing, nothing)
    assert all(290 < wait <= 330 for wait in seen.waits)
    assert len(set(seen.waits)) == 3


# The command


def test_alerts_go_to_stderr_and_with_json_to_stdout_too(ltx, server):
    server.emulator.put(healthy(ANN, error="session expired"))
    ended = ltx("watch", "--from-api", "--rounds", "1")
    assert ended.status == 1
    assert ended.out == ""
    (line,) = [line for line in ended.err.splitlines() if line.startswith("alert: ")]
    assert line.endswith("Z broken ann@example.com: needs a new sign-in: session expired")
    assert "watching 2 emails once: 1 ok, 1 needs_reauth" in ended.err


def test_json_lines_name_the_change_the_account_and_the_figures(ltx, server):
    server.emulator.put(healthy(ANN, balance={"LTXStudio_token": 5}))
    ended = ltx("watch", "--from-api", "--rounds", "1", "--json", "--min-balance", "10", "-q")
    (change,) = ended.records
    del change["at"]
    assert change == {
        "change": "low_balance",
        "alert": True,
        "reminder": False,
        "email": ANN,
        "account": "c2b011ed0571909e",
        "reason": "low_balance",
        "due_at": None,
        "balance": 5,
        "threshold": 10,
        "before": None,
        "after": 5,
        "text": "balance 5 is below 10",
    }
    assert [line[:6] for line in ended.err.splitlines()] == ["alert:"]


@pytest.fixture
def keeping(tmp_path):
    """Return a command that keeps what it is given, and whose exit status is in `status`."""
    (tmp_path / "status").write_text("0")
    code = (
        "import sys; open('alerts', 'a').write(sys.stdin.read());"
        " sys.exit(int(open('status').read()))"
    )
    return f'{sys.executable} -c "{code}"'


def kept_alerts():
    """Return the emails of each call of the alert command."""
    lines = Path("alerts").read_text().splitlines() if Path("alerts").exists() else []
    return [[alert["email"] for alert in json.loads(line)["alerts"]] for line in lines]


ONCE = ("watch", "--from-api", "--rounds", "1", "-q")


def test_the_alert_command_gets_all_alerts_of_a_round_at_once(ltx, server, keeping):
    server.emulator.put(healthy(ANN, error="session expired"))
    server.emulator.put(healthy(BOB, error="session expired"))
    ltx("watch", "--from-api", "--rounds", "2", "--every", "0.05s", "--on-alert", keeping)
    assert kept_alerts() == [[ANN, BOB]]


def test_each_thing_is_told_once_over_runs_that_share_a_state(ltx, server, keeping):
    run = (*ONCE, "--state", "state", "--min-balance", "10", "--on-alert", keeping)
    assert ltx(*run).status == 0
    server.emulator.put(healthy(ANN, error="session expired"))
    server.emulator.put(healthy(BOB, balance={"LTXStudio_token": 5}))
    first = ltx(*run)
    assert (first.status, first.err.count("alert: ")) == (1, 2)
    again = ltx(*run)
    assert (again.status, again.out, again.err) == (1, "", "")
    assert stat.S_IMODE(Path("state").stat().st_mode) == 0o600
    assert not Path("state-lock").exists()
    server.emulator.put(healthy(ANN))
    assert "is well again, was broken" in ltx(*run).err
    server.emulator.put(healthy(CAY))
    assert "new cay@example.com" in ltx(*run).out
    assert kept_alerts() == [[ANN, BOB], [ANN]]


def test_alerts_that_a_command_lost_are_handed_over_again(ltx, server, keeping):
    run = (*ONCE, "--state", "state", "--on-alert", keeping)
    server.emulator.put(healthy(ANN, error="session expired"))
    Path("status").write_text("3")
    ended = ltx(*run)
    assert "exit status 3; 1 alert kept for the next round" in ended.err
    server.emulator.put(healthy(BOB, error="session expired"))
    assert "2 alerts kept" in ltx(*run).err
    Path("status").write_text("0")
    assert ltx(*run).err == ""
    assert ltx(*run).err == ""
    assert kept_alerts() == [[ANN], [ANN, BOB], [ANN, BOB]]


def test_without_a_state_they_are_handed_over_in_the_next_round_or_given_up(ltx, server, keeping):
    server.emulator.put(healthy(ANN, error="session expired"))
    Path("status").write_text("3")
    run = ("watch", "--from-api", "-q", "--rounds", "3", "--every", "0.05s", "--on-alert", keeping)
    ended = ltx(*run)
    assert kept_alerts() == [[ANN]] * 3
    assert ended.err.splitlines()[-1].startswith("warning: 1 alert not handed to ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("balance", value) for value in ("\x1b[2J", [], {}, "2026-01-01T00:00:00+00:00")),
        *(("balance", value) for value in (math.inf, math.nan)),
        ("token_expires_at", "9999-12-31T23:59:59-23:59"),
        ("refresh_token_expires_at", "0001-01-01T00:00:00+23:59"),
        ("refresh_token_expires_at", "2026-01-01T00:00:00"),
        ("refresh_token_expires_at", 5),
        ("told", {"gone": "2026-01-01T00:00:00"}),
        ("crossed", {"low_balance": "x"}),
        ("crossed", {"cold": 1}),
        ("crossed", {"gone": 1}),
        ("crossed", {"expiring": None}),
        *(
            ("crossed", {"low_balance": value})
            for value in ("5", True, 10**400, math.nan, math.inf)
        ),
        ("told", {"outage": "2026-01-01T00:00:00Z"}),
        ("told", {"gone": None}),
        ("bad", "cold"),
        *(("bad", kind) for kind in Kind if kind not in {Kind.BROKEN, Kind.GONE}),
        *(
            (name, value)
            for name in ("invalid", "unanswered", "missed")
            for value in (None, "x", 1)
        ),
        ("email", None),
    ],
)
def test_a_state_that_was_tampered_with_is_refused(ltx, server, name, value):
    arguments = [*ONCE, "--state", "state", "--min-balance", "1", "--remind", "1s"]
    ltx(*arguments)
    state = json.loads(Path("state").read_text())
    state["accounts"][0][name] = value
    Path("state").write_text(json.dumps(state))
    ended = ltx(*arguments)
    assert ended.status == 2
    assert "state: it is no state of watch. Choose another name" in ended.err


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_state_that_holds_what_is_no_number_is_refused(ltx, server, keeping, number):
    arguments = [*ONCE, "--state", "state", "--on-alert", keeping]
    ltx(*arguments)
    text = Path("state").read_text()
    assert '"undelivered": []' in text
    Path("state").write_text(
        text.replace('"undelivered": []', f'"undelivered": [{{"x": {number}}}]')
    )
    ended = ltx(*arguments)
    assert ended.status == 2
    assert "state: it is no state of watch. " in ended.err
    assert not Path("alerts").exists()


@pytest.mark.parametrize("email", [ANN, "dan@example.com"])
@pytest.mark.parametrize("bad", [None, "broken", "gone"])
def test_whatever_may_stand_in_a_state_is_taken_up(ltx, server, email, bad):
    arguments = [*ONCE, "--state", "state", "--min-balance", "1", "--metrics-file", "m.prom"]
    ltx(*arguments)
    state = json.loads(Path("state").read_text())
    told = dict.fromkeys(("broken", "gone", "low_balance", "expiring"), "2026-01-01T00:00:00Z")
    crossed = {"low_balance": 0.5, "expiring": 86400}
    state["accounts"][0] |= {"email": email, "bad": bad, "crossed": crossed, "told": told}
    Path("state").write_text(json.dumps(state))
    assert ltx(*arguments).status == 0


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "null", '{"writer": "ltx-async watch"}', "ann"]
)
def test_a_file_that_is_no_state_is_refused_and_left(ltx, server, content):
    Path("state").write_text(content)
    ended = ltx(*ONCE, "--state", "state")
    assert ended.status == 2
    assert "state: it is no state of watch. Choose another name" in ended.err
    assert Path("state").read_text() == content


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("version", 99, "another version"),
        ("accounts", [{"email": ANN}], "no state"),
        ("outage_since", "soon", "no state"),
        ("settled", "yes", "no state"),
        ("undelivered", [[["a", 1]]], "no state"),
        ("undelivered", ["a"], "no state"),
        ("undelivered", {}, "no state"),
        ("writer", "vi", "no state"),
    ],
)
def test_a_state_that_was_changed_is_refused(ltx, server, field, value, problem):
    assert ltx(*ONCE, "--state", "state").status == 0
    state = json.loads(Path("state").read_text())
    Path("state").write_text(json.dumps({**state, field: value}))
    ended = ltx(*ONCE, "--state", "state")
    assert (ended.status, problem in ended.err) == (2, True)


def test_one_process_has_a_state_at_a_time(ltx, launch, server):
    process = launch("watch", "--from-api", "--state", "state")
    assert any(b"watching" in line for line in iter(process.stderr.readline, b""))
    ended = ltx(*ONCE, "--state", "state")
    assert ended.status == 2
    assert "state" in ended.err
    process.terminate()
    assert process.wait(10) == 143
    assert ltx(*ONCE, "--state", "state").status == 0


def test_an_outage_that_outlives_a_process_is_told_once(ltx, server, monkeypatch):
    run = (*ONCE, "--state", "state", "--attempts", "1")
    ltx(*run)
    base_url = os.environ["USEAPI_API"]
    monkeypatch.setenv("USEAPI_API", "http://127.0.0.1:9/v1")
    assert ltx(*run).err.count("alert: ") == 1
    assert ltx(*run).err.count("alert: ") == 0
    monkeypatch.setenv("USEAPI_API", base_url)
    assert "outage_over service: back after" in ltx(*run).err


def test_a_round_of_the_list_alone_is_one_request(ltx, server):
    server.emulator.put(healthy(ANN, error="session expired"))
    server.emulator.put(healthy(BOB, refreshTokenExpireUTC=SOON))
    ended = ltx(
        *("watch", "--list-only", "--rounds", "2", "--every", "0.05s", "-q"),
        *("--expires-within", "7d", "--json"),
    )
    assert [one["reason"] for one in ended.records] == ["sign_in_again", "sign_in_ends"]
    assert (ended.status, server.asked) == (1, [None, None])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["emails.txt", "--from-api"],
        ["-"],
        ["--from-api", "--column", "login"],
        ["emails.txt", "--column", "login"],
        ["--from-api", "--every", "0s"],
        ["--from-api", "--every", "often"],
        ["--from-api", "--rounds", "0"],
        ["--from-api", "--metrics-emails"],
        ["emails.txt", "--list-only"],
        ["--list-only", "--min-balance", "10"],
        ["--from-api", "--remind", "0s"],
        ["--from-api", "--state", "nowhere/state"],
        ["emails.txt", "--state", "./emails.txt"],
        ["--from-api", "--metrics-port", "70000"],
        ["emails.txt", "--metrics-file", "./emails.txt"],
        ["emails.txt", "--metrics-file", "-"],
        ["emails.txt", "--state", "-"],
        ["--from-api", "--on-alert", "no-such-program-here"],
        ["--from-api", "--on-alert", "'"],
        ["nowhere.txt"],
        ["x" * 300 + ".txt"],
        ["emails.txt", "--rounds", "1", "--metrics-file", "./emails.txt"],
    ],
)
def test_usage_errors_are_exit_2_without_a_request(ltx, server, tmp_path, arguments):
    (tmp_path / "emails.txt").write_text(ANN)
    ended = ltx("watch", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert "Traceback" not in ended.err
    assert server.asked == []
    assert (tmp_path / "emails.txt").read_text() == ANN


def test_a_refused_token_is_exit_3(ltx, server, monkeypatch):
    monkeypatch.setenv("USEAPI_TOKEN", "user:1-wrong")
    ended = ltx("watch", "--from-api")
    assert ended.status == 3
    assert "HTTP 401" in ended.err


@pytest.mark.parametrize(("number", "status"), [(2, 130), (15, 143)])
def test_a_signal_ends_the_process_cleanly_during_the_wait(launch, server, number, status):
    process = launch("watch", "--from-api", "--metrics-port", "0")
    assert any(b"watching" in line for line in iter(process.stderr.readline, b""))
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=LONG)
    assert in_time(time.monotonic() - began, 3)
    assert (process.returncode, out, err) == (status, b"", b"")


def test_accounts_that_change_while_a_process_watches_are_told_once(launch, server):
    process = launch("watch", "--from-api", "--every", "0.1s", "--json")
    assert any(b"watching" in line for line in iter(process.stderr.readline, b""))
    server.emulator.put(healthy(ANN, error="session expired"))
    assert json.loads(process.stdout.readline())["change"] == "broken"
    server.emulator.remove(BOB)
    assert json.loads(process.stdout.readline())["change"] == "gone"
    asked = server.emulator.count(ANN)
    while server.emulator.count(ANN) < asked + 3:
        time.sleep(0.02)
    server.emulator.put(healthy(ANN))
    assert json.loads(process.stdout.readline())["change"] == "recovered"
    process.terminate()
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, out) == (143, b"")
    assert err.count(b"alert: ") == 3


def test_a_reader_that_goes_away_is_141(launch, server):
    server.emulator.put(healthy(ANN, error="session expired"))
    reading, writing = os.pipe()
    os.close(reading)
    process = launch("watch", "--from-api", "--rounds", "1", "--json", stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 141
    assert b"Traceback" not in err


async def test_an_alert_is_on_standard_output_only_as_json(capfd):
    alert, change = (Change(NOW, kind, "why", ANN) for kind in (Kind.BROKEN, Kind.BALANCE))
    for as_json, written in ((False, [change]), (True, [alert, change])):
        kept = Kept()
        told = await Announcer(Talk(), kept, as_json=as_json).announce([alert, change])
        assert (kept.changes, told) == (written, [alert.as_json()])
    assert capfd.readouterr().err.splitlines() == [f"alert: {alert.line}"] * 2


def test_on_a_terminal_an_alert_is_shown_once(launch, server, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    server.emulator.put(healthy(ANN, error="session expired"))
    ours, theirs = pty.openpty()
    process = launch("watch", "--from-api", "--rounds", "1", stdout=theirs, stderr=theirs)
    process.communicate(timeout=LONG)
    shown = os.read(ours, 1 << 16).decode()
    os.close(theirs)
    os.close(ours)
    assert shown.count("session expired") == 1


@pytest.mark.parametrize("width", [40, 80])
def test_on_a_terminal_a_change_is_broken_between_words(monkeypatch, width):
    change = Change(NOW, Kind.BALANCE, "balance 103 and now 5 (-98)", "user000001@example.com")
    monkeypatch.setattr("ltx_async.cli.watching.announcer.columns", lambda _descriptor: width)
    lines = _text_line(change).decode().splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(line.strip() for line in lines) == change.line


def test_elsewhere_a_change_is_one_line(monkeypatch):
    change = Change(NOW, Kind.BALANCE, "balance 103 and now 5 (-98) " * 20, ANN)
    monkeypatch.setattr("ltx_async.cli.watching.announcer.columns", lambda _descriptor: None)
    assert _text_line(change).count(b"\n") == 1
