import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest
from patience import in_time

from ltx_async.cli.exits import CommandError
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.watching.alert_command import AlertCommand, parse_command


def python(code):
    return (sys.executable, "-c", code)


@pytest.fixture
def command():
    def make(code, **options):
        return AlertCommand(python(code), Talk(), **options)

    return make


@pytest.mark.parametrize(
    ("text", "problem"),
    [("'open", "No closing quotation"), ("", "empty"), ("no-such-program-here -x", "no program")],
)
def test_a_command_that_cannot_be_run_is_refused_at_once(text, problem):
    with pytest.raises(CommandError, match=problem):
        parse_command(text)


def test_a_command_is_split_as_a_shell_would_but_not_expanded():
    assert parse_command("echo 'a b' $HOME *;ls") == ("echo", "a b", "$HOME", "*;ls")


ALERT = {"change": "broken", "email": "ann@example.com"}


async def test_the_program_gets_the_json_and_no_secret(command, tmp_path, monkeypatch):
    monkeypatch.setenv("USEAPI_TOKEN", "user:12345-abcdefghi")
    monkeypatch.setenv("LTX_ASYNC_PROXY", "http://ann:hunter2@proxy.example.com:3128")
    code = (
        "import os, sys; told = str(os.environ); open('seen', 'w').write(sys.stdin.read() +"
        " str('abcdefghi' in told or 'hunter2' in told))"
    )
    alerts = command(code)
    await alerts.hand_over([ALERT, ALERT])
    line, has_secret = (tmp_path / "seen").read_text().splitlines()
    assert (json.loads(line), has_secret) == ({"alerts": [ALERT, ALERT]}, "False")
    assert alerts.undelivered == []


async def test_what_it_prints_goes_to_standard_error(command, capfd):
    await command("print('sent')").hand_over([ALERT])
    assert capfd.readouterr() == ("", "sent\n")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("raise SystemExit(3)", "exit status 3"),
        ("import time; time.sleep(60)", "ended after 0.2 s"),
    ],
)
async def test_its_failure_is_a_warning_and_nothing_is_lost(command, capfd, code, problem):
    alerts = command(code, timeout=0.2 if "sleep" in code else 30)
    began = time.monotonic()
    await alerts.hand_over([ALERT])
    assert in_time(time.monotonic() - began, 10)
    err = capfd.readouterr().err
    kept = "1 alert kept for the next round"
    assert err == f"warning: the alert command {sys.executable}: {problem}; {kept}\n"
    assert alerts.undelivered == [ALERT]
    await alerts.hand_over([])
    assert alerts.undelivered == [ALERT]
    alerts.give_up()
    assert "1 alert not handed to" in capfd.readouterr().err


async def test_what_was_lost_is_handed_over_with_what_is_new(command, tmp_path):
    alerts = command("import sys; open('seen', 'w').write(sys.stdin.read())")
    alerts.undelivered.append(ALERT)
    await alerts.hand_over([{"change": "gone"}])
    seen = json.loads((tmp_path / "seen").read_text())
    assert seen == {"alerts": [ALERT, {"change": "gone"}]}
    alerts.give_up()


async def test_a_program_that_vanishes_is_a_warning(capfd):
    alerts = AlertCommand(("/nonexistent/program",), Talk())
    await alerts.hand_over([ALERT])
    assert "No such file or directory" in capfd.readouterr().err
    assert alerts.undelivered == [ALERT]


async def test_a_cancelled_hand_over_ends_the_program_and_keeps_the_alerts(
    command, capfd, tmp_path
):
    code = (
        "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c',"
        " 'import time; time.sleep(60)']); open('child', 'w').write(str(child.pid));"
        " time.sleep(60)"
    )
    alerts = command(code)
    task = asyncio.create_task(alerts.hand_over([ALERT]))
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})
    assert "it was ended; 1 alert kept" in capfd.readouterr().err
    assert alerts.undelivered == [ALERT]
    child = int((tmp_path / "child").read_text())
    assert not await runs(child)


@pytest.mark.parametrize("size", [1, 1_000_000])
async def test_a_program_that_hangs_is_ended_where_processes_have_no_groups(
    size, capfd, monkeypatch
):
    monkeypatch.delattr(os, "killpg")
    # As on Windows, its child stays, and with it whoever could read the input.
    alerts = AlertCommand(("sh", "-c", "sleep 5 & wait"), Talk(), timeout=0.2)
    began = time.monotonic()
    await alerts.hand_over([{"text": "x" * size}])
    assert in_time(time.monotonic() - began, 4)
    assert "ended after 0.2 s; 1 alert kept for the next round" in capfd.readouterr().err


async def runs(pid):
    """Whether a process still runs a moment later; a zombie does not."""
    for _ in range(100):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        if stat.rpartition(")")[2].split()[0] == "Z":
            return False
        await asyncio.sleep(0.01)
    return True


async def test_without_an_alert_no_program_is_run(command, capfd):
    await command("raise SystemExit(1)").hand_over([])
    assert capfd.readouterr().err == ""


async def test_what_nobody_takes_for_long_is_given_up_and_told(command, capfd, monkeypatch):
    monkeypatch.setattr("ltx_async.cli.watching.alert_command._MOST_KEPT", 3)
    alerts = command("raise SystemExit(1)")
    await alerts.hand_over([{"n": number} for number in range(5)])
    assert alerts.undelivered == [{"n": 2}, {"n": 3}, {"n": 4}]
    assert "2 alerts given up" in capfd.readouterr().err


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_program_that_reads_nothing_is_as_good_as_any(loop, status, capfd):
    loops = asyncio if loop == "asyncio" else pytest.importorskip("uvloop")

    async def hand_over() -> None:
        for _ in range(4):
            alerts = AlertCommand(("sh", "-c", f"exit {status}"), Talk())
            await alerts.hand_over([{"text": " " * 1_000_000}])

    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        runner.run(hand_over())
    assert capfd.readouterr().err.count("exit status 3") == (4 if status else 0)
