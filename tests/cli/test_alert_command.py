import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

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


async def test_the_program_gets_the_json_and_not_the_token(command, tmp_path, monkeypatch):
    monkeypatch.setenv("USEAPI_TOKEN", "user:12345-abcdefghi")
    code = (
        "import os, sys; open('seen', 'w').write(sys.stdin.read() + str('USEAPI_TOKEN' in"
        " os.environ))"
    )
    alerts = command(code)
    alerts.hand_over(json.dumps({"change": "broken"}))
    await alerts.finish()
    assert (tmp_path / "seen").read_text() == '{"change": "broken"}\nFalse'


async def test_what_it_prints_goes_to_standard_error(command, capfd):
    alerts = command("print('sent')")
    alerts.hand_over("{}")
    await alerts.finish()
    assert capfd.readouterr() == ("", "sent\n")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("raise SystemExit(3)", "exit status 3"),
        ("import time; time.sleep(60)", "ended after 0.2 s"),
    ],
)
async def test_its_failure_is_a_warning(command, capfd, code, problem):
    alerts = command(code, timeout=0.2 if "sleep" in code else 30)
    began = time.monotonic()
    alerts.hand_over("{}")
    await alerts.finish()
    assert time.monotonic() - began < 10
    err = capfd.readouterr().err
    assert err == f"warning: the alert command {sys.executable}: {problem}\n"


async def test_a_program_that_vanishes_is_a_warning(capfd):
    alerts = AlertCommand(("/nonexistent/program",), Talk())
    alerts.hand_over("{}")
    await alerts.finish()
    assert "No such file or directory" in capfd.readouterr().err


async def test_a_program_that_reads_nothing_is_well(command, capfd):
    alerts = command("import os; os.close(0)")
    alerts.hand_over("x" * 1_000_000)
    await alerts.finish()
    assert capfd.readouterr().err == ""


async def test_four_run_at_a_time(command, tmp_path):
    code = (
        "import os, time; open(f'running-{os.getpid()}', 'w').close();"
        "print(len([n for n in os.listdir() if n.startswith('running')]),"
        " file=open('peak', 'a')); time.sleep(0.05); os.unlink(f'running-{os.getpid()}')"
    )
    alerts = command(code)
    for _ in range(12):
        alerts.hand_over("{}")
    await alerts.finish()
    peaks = [int(line) for line in (tmp_path / "peak").read_text().split()]
    assert len(peaks) == 12
    assert max(peaks) <= 4


async def test_when_patience_ends_so_do_the_programs(command, capfd, tmp_path):
    code = (
        "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c',"
        " 'import time; time.sleep(60)']); open('child', 'w').write(str(child.pid));"
        " time.sleep(60)"
    )
    alerts = command(code)
    alerts.hand_over("{}")
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        await asyncio.sleep(0.01)
    await alerts.finish(0.01)
    assert "1 alert not handed to" in capfd.readouterr().err
    child = int((tmp_path / "child").read_text())
    assert not await runs(child)


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


async def test_without_an_alert_there_is_nothing_to_wait_for(command, capfd):
    await command("raise SystemExit(1)").finish()
    assert capfd.readouterr().err == ""


async def test_of_a_flood_a_thousand_wait_and_the_rest_is_counted(command, capfd):
    alerts = command("")
    for _ in range(1003):
        alerts.hand_over("{}")
    await alerts.finish(0)
    assert "1,003 alerts not handed to" in capfd.readouterr().err


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_program_that_reads_nothing_is_as_good_as_any(loop, status, capfd):
    loops = asyncio if loop == "asyncio" else pytest.importorskip("uvloop")

    async def hand_over() -> None:
        alerts = AlertCommand(("sh", "-c", f"exit {status}"), Talk())
        for _ in range(8):
            alerts.hand_over("{}" + " " * 100_000)
        await alerts.finish()

    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        runner.run(hand_over())
    warning = "warning: the alert command sh: exit status 3\n"
    assert capfd.readouterr() == ("", warning * 8 if status else "")
