"""The line of docs/options.md for each shell brings completion."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patience import LONG

from ltx_async.cli.app import run

SCRIPTS = Path(sys.executable).parent
PAGE = Path(__file__).parents[2] / "docs" / "options.md"
LINES = {
    shell: line
    for line, shell in re.findall(
        r"^(.*_LTX_ASYNC_COMPLETE=(\w+)_source.*)$", PAGE.read_text("utf-8"), re.MULTILINE
    )
}
SHELLS = ["bash", "zsh", "fish"]


@pytest.fixture
def ltx_async(monkeypatch, capfd):
    """Call the command line as a shell's script does; return what it answers."""

    def call(instruction, **variables):
        with monkeypatch.context() as environment:
            for name, value in {**variables, "_LTX_ASYNC_COMPLETE": instruction}.items():
                environment.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                run([])
        assert left.value.code == 0
        return capfd.readouterr().out

    return call


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script(ltx_async, shell):
    script = ltx_async(f"{shell}_source")
    assert f"_LTX_ASYNC_COMPLETE={shell}_complete" in script
    assert "ltx-async" in script


@pytest.fixture
def completed(ltx_async):
    """Return what a shell's script is offered for the last word."""

    def offered(shell, *words):
        position = words[-1] if shell == "fish" else str(len(words))
        typed = {"COMP_WORDS": " ".join(["ltx-async", *words]), "COMP_CWORD": position}
        return ltx_async(f"{shell}_complete", **typed)

    return offered


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_is_completed_with_its_purpose(completed, shell):
    offered = completed(shell, "ch")
    assert "check" in offered
    assert "watch" not in offered
    assert shell == "bash" or "Look up the accounts of many emails" in offered


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["watch", "--ev"], "--every"),
        (["doctor", "--js"], "--json"),
        (["check", "--transp"], "--t"),
    ],
)
def test_options_are_completed(completed, shell, words, option):
    assert option in completed(shell, *words)


def test_values_are_completed(completed):
    offered = completed("bash", "check", "--transport", "")
    assert offered.split() == ["plain,session", "plain,direct"]


def test_outcomes_are_completed(completed):
    assert completed("bash", "check", "--only", "n").split() == [
        "plain,needs_reauth",
        "plain,not_found",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["watch", "em"],
        ["check", "em"],
        ["check", "-o", "em"],
        ["check", "emails.txt", "--output", "em"],
        ["get", "--token-file", "em"],
        ["serve", "--token-file", "em"],
        ["report", "em"],
    ],
)
def test_file_names_are_completed_by_the_shell(completed, words):
    assert completed("bash", *words) == "file,em\n"


COMPLETING = {
    "bash": """
        COMP_WORDS=(ltx-async ch) COMP_CWORD=1
        $(complete -p ltx-async | sed 's/.*-F \\([^ ]*\\).*/\\1/') ltx-async ch ltx-async
        echo "${COMPREPLY[@]}"
    """,
    # Without a terminal nobody shows what `_describe` is given.
    "zsh": """
        _describe() { print -l -- ${(P)3} }
        words=(ltx-async ch) CURRENT=2
        $_comps[ltx-async]
    """,
    "fish": "complete --do-complete 'ltx-async ch'",
}
BEFORE = {"zsh": "autoload -Uz compinit; compinit -D -u"}


def test_the_page_has_a_line_for_each_shell():
    assert list(LINES) == SHELLS


@pytest.mark.parametrize("shell", SHELLS)
def test_the_documented_line_completes_ch_to_check(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    done = subprocess.run(
        [shell, "-c", "\n".join([BEFORE.get(shell, ""), LINES[shell], COMPLETING[shell]])],
        env=os.environ | {"PATH": f"{SCRIPTS}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert re.fullmatch(r"check(\b.*)?\n", done.stdout), (done.stdout, done.stderr)
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_take_their_scripts(ltx_async, shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    script = tmp_path / "completion"
    script.write_text(ltx_async(f"{shell}_source"))
    subprocess.run([shell, "-n", script], timeout=LONG, check=True)


def test_the_version_names_python_and_aiohttp_without_importing_it():
    code = (
        "import sys; from ltx_async.cli import app; status = app.run(['--version']);"
        "sys.exit(status or 'aiohttp' in sys.modules and 'aiohttp was imported')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    python = ".".join(map(str, sys.version_info[:3]))
    assert done.stdout.startswith("ltx-async ")
    assert f"(Python {python}, aiohttp 3." in done.stdout
