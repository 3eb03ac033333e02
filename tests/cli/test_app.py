import importlib.util
import os
import runpy
import signal
import subprocess
import sys
import time
from importlib import import_module

import click
import pytest
from patience import LONG

from ltx_async import __version__
from ltx_async.cli import app
from ltx_async.cli.commands.serve import _DEFAULT_COUNT
from ltx_async.cli.runtime import Interrupt, _loop_factory
from ltx_async.cli.terminal.messages import Talk
from ltx_async.emulator import EXAMPLE_TOKEN, FAULT_KINDS
from ltx_async.extras import install_command
from ltx_async.inputs.kinds import InputFormat
from ltx_async.results.formats import FORMATS, SUFFIXES
from ltx_async.transport import missing

COMMANDS = app.commands.list_commands(click.Context(app.commands))


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_80_columns_and_has_an_example(ltx, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ended = ltx(*filter(None, [command]), "--help")
    assert ended.status == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    assert f"ltx-async {command or 'demo'}" in ended.out.split("Options:")[1]


def test_the_version_is_told(ltx):
    assert ltx("--version").out.startswith(f"ltx-async {__version__} (Python 3.")
    assert ltx("-V").out == ltx("--version").out


@pytest.mark.parametrize("arguments", [["wrong"], ["get"], ["get", "--wrong"], ["--wrong"]])
def test_usage_errors_are_exit_2_with_a_hint(ltx, arguments):
    ended = ltx(*arguments)
    assert ended.status == 2
    assert "--help" in ended.err


def test_a_mistyped_command_is_told_with_the_one_that_was_meant(ltx):
    ended = ltx("chek", "emails.txt")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.endswith("Error: No such command 'chek'. Did you mean 'check'?\n")
    assert ltx("help").err.endswith("Error: No such command 'help'.\n")


def test_a_keyboard_interrupt_before_the_loop_is_130(monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(app.commands, "main", interrupted)
    assert app.run([]) == 130
    monkeypatch.setattr(app.commands, "main", lambda *_a, **_o: (_ for _ in ()).throw(click.Abort))
    assert app.run([]) == 130


def test_a_second_signal_leaves_at_once_and_shows_the_cursor_again(monkeypatch):
    left, shown = [], []
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(os, "isatty", lambda _descriptor: True)
    monkeypatch.setattr(os, "write", lambda _descriptor, data: shown.append(data))
    interrupt = Interrupt()
    interrupt.receive(15)
    assert (interrupt.exit_status, left) == (143, [])
    interrupt.receive(2)
    assert (left, shown) == ([130], [b"\x1b[?25h\n"])


def run_python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_one_line_says_what_to_install(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import ltx_async.__main__ as m; m.main()"
    ended = run_python(code)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert install_command("cli") in ended.stderr
    assert ended.stdout == ""


@pytest.fixture
def interruptible():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=["module", "entry point"])
def started(request, monkeypatch, interruptible):
    """Do what `python -m ltx_async` or `ltx-async` does; return the exit status."""
    ways = {
        "module": lambda: runpy.run_module("ltx_async", run_name="__main__"),
        "entry point": lambda: import_module("ltx_async.__main__").main(),
    }

    def start(*arguments):
        monkeypatch.setattr(sys, "argv", ["ltx-async", *arguments])
        monkeypatch.delitem(sys.modules, "ltx_async.__main__", raising=False)
        with pytest.raises(SystemExit) as left:
            ways[request.param]()
        return left.value.code

    return start


@pytest.mark.parametrize(("arguments", "status"), [(["--version"], 0), (["--nothing"], 2)])
def test_the_interpreter_ends_with_the_status_of_the_command(started, capfd, arguments, status):
    assert started(*arguments) == status
    assert bool(capfd.readouterr().err) == (status == 2)


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_no_command_runs(started, monkeypatch, capfd, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert started("--version") == 2
    assert capfd.readouterr() == (
        "",
        f"ltx-async: {missing} is missing; do: {install_command('cli')}\n",
    )


@pytest.mark.parametrize("arguments", ["--version", "--help", *(f"{c} --help" for c in COMMANDS)])
def test_help_and_version_wait_for_nothing_that_running_needs(arguments):
    code = (
        "import sys; from ltx_async.cli.app import run; run(sys.argv[1:]);"
        "bad = {'aiohttp', 'asyncio', 'sqlite3', 'ssl', 'rich.console', 'uvloop', 'cattrs'};"
        "mine = [name for name in sys.modules if name.startswith('ltx_async.cli.commands.')];"
        "sys.exit(', '.join(sorted(bad & set(sys.modules)) + mine) or 0)"
    )
    ended = run_python(code, *arguments.split())
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "collecting"),
    [("report missing.jsonl", "True True"), ("--version", "False False")],
)
def test_garbage_is_collected_while_a_command_runs_but_not_what_was_imported(arguments, collecting):
    code = (
        "import gc, sys; import ltx_async.__main__ as m; from ltx_async.cli import app;"
        "end = lambda *_: print(gc.isenabled(), gc.get_freeze_count() > 10_000, file=sys.stderr);"
        "run = app.run; app.run = lambda a: [run(a), end()][0]; m.main()"
    )
    ended = run_python(code, *arguments.split())
    assert ended.stderr.splitlines()[-1] == collecting


def help_of(command):
    return app.commands.get_command(click.Context(app.commands), command)


def choices_of(command, name):
    return [
        choice
        for option in help_of(command).params
        if option.name == name
        for choice in option.type.choices
    ]


def test_what_help_names_without_loading_it_is_what_there_is(ltx):
    formats = [form.name for form in FORMATS if form.text is not None]
    assert choices_of("check", "output_format") == formats
    assert f"Results: {SUFFIXES}." in " ".join(ltx("check", "--help").out.split())
    for command in ("check", "watch"):
        assert choices_of(command, "input_format") == [form.value for form in InputFormat]
    said = " ".join(ltx("serve", "--help").out.split())
    assert f"Fault kinds: {', '.join(FAULT_KINDS)}." in said
    assert f"[USEAPI_TOKEN, else {EXAMPLE_TOKEN}]" in said
    assert f"[{_DEFAULT_COUNT}]" in said


def test_commands_can_be_completed():
    context = click.Context(app.commands)
    assert [item.value for item in app.commands.shell_complete(context, "")] == COMMANDS


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["check", "--help"], ["--version"], ["serve", "--count", "1"], ["accounts"]],
)
def test_output_into_a_closed_pipe_is_141_without_a_word(server, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "ltx_async", *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_module_and_entry_point_are_the_same():
    ended = subprocess.run(
        [sys.executable, "-m", "ltx_async", "--version"], capture_output=True, check=True
    )
    assert ended.stdout.decode().startswith(f"ltx-async {__version__} ")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_needs_no_docstrings(command):
    """Which `-OO` leaves out."""
    both = []
    for options in ((), ("-OO",)):
        line = [sys.executable, *options, "-m", "ltx_async", *command.split(), "--help"]
        ended = subprocess.run(line, capture_output=True, text=True, check=True)
        both.append(ended.stdout)
    assert both[0] == both[1]
    assert both[0].split("\n")[2].startswith("  ")


BROKEN = {
    "uvloop": "uvloop cannot be loaded, asyncio's own loop runs: ",
    "orjson": "orjson cannot be loaded, the standard library decodes: ",
    "httptools": "no direct transport: httptools cannot be loaded: ",
}


@pytest.mark.parametrize("error", ["RuntimeError", "OSError", "AttributeError", "SystemError"])
@pytest.mark.parametrize("package", BROKEN)
@pytest.mark.usefixtures("server")
def test_an_extra_that_cannot_be_loaded_is_one_line_and_done_without(
    launch, tmp_path, monkeypatch, package, error
):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / f"{package}.py").write_text(f"raise {error}('built for \\x1b[31m')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    (tmp_path / "emails.txt").write_text("ann@example.com\n")
    process = launch("check", str(tmp_path / "emails.txt"), "-q")
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, err.count(b"\n")) == (0, 1)
    assert BROKEN[package] in err.decode()
    assert b"\x1b" not in err
    assert b'"ok"' in out


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Packages that are installed and cannot be loaded, in this process."""
    for package in BROKEN:
        (tmp_path / f"{package}.py").write_text("raise RuntimeError('built for another Python')\n")
        monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("broken")
def test_a_loop_and_a_transport_that_cannot_be_loaded_are_none(capfd):
    assert _loop_factory(Talk()) is None
    assert capfd.readouterr().err == f"warning: {BROKEN['uvloop']}built for another Python\n"
    assert missing() == "httptools cannot be loaded: built for another Python"


@pytest.mark.usefixtures("broken")
def test_without_an_orjson_that_can_be_loaded_the_standard_library_decodes(caplog):
    spec = importlib.util.find_spec("ltx_async.jsontext")
    another = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(another)
    assert another.decode(b'{"a": [1]}') == {"a": [1]}
    assert caplog.messages == [f"{BROKEN['orjson']}RuntimeError('built for another Python')"]


@pytest.mark.parametrize("arguments", [["--help"], ["get", "ann@example.com"], ["report", "none"]])
def test_an_interrupt_while_modules_are_loaded_is_no_traceback(launch, arguments):
    for hundredths in range(3, 30, 3):
        process = launch(*arguments)
        time.sleep(hundredths / 100)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=LONG)[1]
        assert b"ltx_async/cli" not in err  # the interpreter has a start of its own


def test_uvloop_is_used_where_it_is_installed(monkeypatch):
    uvloop = pytest.importorskip("uvloop")
    assert _loop_factory(Talk()) is uvloop.new_event_loop
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert _loop_factory(Talk()) is None
