"""What a document has to run, and how it is run as its reader would.

- Python runs by itself and has to print something. What awaits, and stands in no coroutine
  function, runs as in a notebook or in `python -m asyncio`.
- In a `console` block each `$` line is a command, and `>` lines go on with it. Lines below it are
  what a terminal shows, in this order, perhaps with others between them; `…` stands for anything.
  `^C` is what the reader presses once the lines before it are shown, or, where there are none, once
  the command has written into a file.
- `$ ltx-async serve … --port 8080` keeps running, on a free port, until the document ends; what
  comes after finds it at the port that the document names. Without one, an emulator is there.
- `$ export NAME=VALUE` counts for what comes after it.
- A `sh` block that begins with `#!` is a script, named by the last `NAME.sh` before it. Of another
  one each line is a command, and an `export` counts to its end. A `watch` that would go on for ever
  ends after two rounds. A line of a crontab is run as cron does.
- What `ELSEWHERE` lists is run by the tests that it names, or cannot be run; all else is run here.
"""

import ast
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from attrs import Factory, define, frozen

BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SCRIPT = re.compile(r"`([\w-]+\.sh)`")
OWN = re.compile(r"(?<![=\w-])ltx-async (?=[a-z-])([^|;&)\n]*)")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
AWAITING = """
import ast, asyncio, sys
code = compile(sys.argv[1], "<document>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
asyncio.run(eval(code, {"__name__": "__main__"}))
"""
FOR_EVER = re.compile(r"ltx-async watch (?!.*--rounds)(.*?)(?:--every \S+|$)", re.MULTILINE)
CRON = re.compile(r"(?:[\d*/,-]+ ){5} *(.*)")
LONGEST = 120.0  # seconds; nothing here takes a tenth of it
ENDS = {0, 1, 130, 141}  # fine, attention, Ctrl-C, a reader that has enough


ELSEWHERE = {
    # What installs takes minutes, and is done in clean homes.
    "make demo": "tests/external/test_installing.py",
    "python3 -m venv .venv": "tests/external/test_installing.py",
    ".venv/bin/pip install '.[speed]'": "tests/external/test_installing.py",
    "uv sync": "tests/external/test_installing.py",
    "uv run ltx-async demo": "tests/external/test_installing.py",
    "uvx --from . ltx-async demo": "tests/external/test_installing.py",
    "pipx install '.[speed]'": "tests/external/test_installing.py",
    ".venv/bin/pip install --upgrade 'pip>=25.1'": "tests/external/test_installing.py",
    ".venv/bin/pip install --editable '.[speed]' --group dev   # with uv: uv sync": (
        "tests/external/test_installing.py"
    ),
    # Each is for one shell, and is run where a word is completed by it.
    'eval "$(_LTX_ASYNC_COMPLETE=bash_source ltx-async)"    # ~/.bashrc': (
        "tests/cli/test_completion.py"
    ),
    'eval "$(_LTX_ASYNC_COMPLETE=zsh_source ltx-async)"     # ~/.zshrc, below compinit': (
        "tests/cli/test_completion.py"
    ),
    "_LTX_ASYNC_COMPLETE=fish_source ltx-async | source     # ~/.config/fish/config.fish": (
        "tests/cli/test_completion.py"
    ),
    # The whole suite, and all that `make check` takes half a minute for.
    ".venv/bin/python -m pytest --numprocesses 4 --dist worksteal --cov": "Makefile",
    ".venv/bin/ruff format --check . && .venv/bin/ruff check .": "Makefile",
    ".venv/bin/mypy && .venv/bin/basedpyright && .venv/bin/lint-imports": "Makefile",
    # Minutes of fetching and building the rivals; their environment has pytest-benchmark.
    "python -m venv .venv-bench": "Makefile",
    "URLLIB3_NO_OVERRIDE=1 .venv-bench/bin/pip install --no-binary urllib3-future"
    " -e '.[cli,speed]' --group bench": "Makefile",
    ".venv-bench/bin/pytest benchmarks                                    # micro-benchmarks": (
        "needs the packages of `make bench`"
    ),
    # Other languages.
    "docs/install.md: powershell": "needs Windows",
    "docs/api.md: {eval-rst}": "tests/test_site.py",
    "docs/options.md: plain": "tests/cli/test_options_page.py",  # usage lines, out of `--help`
    "docs/design.md: plain": "tests/test_readme.py",  # pictures
    "docs/python.md: plain": "tests/test_documented_names.py",  # the tree of errors
    "docs/inputs.md: py": "tests/external/test_joining.py",
    "docs/inputs.md: sql": "tests/external/test_joining.py",
    "docs/python.md: py": "tests/external/test_frames.py",  # and test_jobs, test_tracing, test_dask
    "docs/python.md: sql": "tests/external/test_frames.py",
}
"""What is not run by following a document: a line of `sh`, or a document's blocks of a language,
with the test that runs it, the Makefile that has the same, or what it needs that is not here."""


@frozen
class Step:
    """A program that a document runs: Python, or a command with what it shows."""

    kind: str
    text: str
    shown: tuple[str, ...] = ()

    @property
    def missing(self) -> str | None:
        """The first package that Python needs and that is not installed here."""
        if self.kind != "python":
            return None
        for node in ast.walk(ast.parse(self.text)):
            names = [alias.name for alias in getattr(node, "names", ())]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name in names:
                    if find_spec(name.partition(".")[0]) is None:
                        return name
        return None


def _awaits(text: str) -> bool:
    """Tell whether Python awaits outside of any coroutine function."""
    try:
        compile(text, "<document>", "exec")
    except SyntaxError:
        return True
    return False


def steps(text: str) -> Iterator[Step]:
    for found in BLOCK.finditer(text):
        kind, block = found.groups()
        if kind == "python":
            yield Step(kind, block)
        elif kind == "console":
            yield from _commands(block)
        elif kind == "sh" and block.startswith("#!"):
            yield Step("script", block, (SCRIPT.findall(text, 0, found.start())[-1],))
        elif kind == "sh" and any(line not in ELSEWHERE for line in lines(block)):
            yield Step("sh", block)


def lines(block: str) -> list[str]:
    """Return the commands of a block of `sh`."""
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def elsewhere(name: str, text: str) -> Iterator[str]:
    """Give what of a document is not run by following it, as `ELSEWHERE` names it."""
    for kind, block in BLOCK.findall(text):
        if kind == "sh" and not block.startswith("#!"):
            yield from (line for line in lines(block) if line in ELSEWHERE)
        elif kind not in {"python", "console", "sh"}:
            yield f"{name}: {kind or 'plain'}"


def shell(text: str) -> Iterator[str]:
    """Give what a document has for a shell: whole blocks of `sh`, and commands one by one."""
    for kind, block in BLOCK.findall(text):
        if kind == "sh":
            yield block
        elif kind == "console":
            yield from (step.text for step in _commands(block))


def own_commands(text: str) -> Iterator[list[str]]:
    """Give the arguments of each `ltx-async` in what a shell is given."""
    for arguments in OWN.findall(text.replace("\\\n", " ")):
        yield shlex.split(arguments, comments=True)


def _commands(block: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, *lines = part.splitlines()
        command = [first]
        while lines and lines[0].startswith("> "):
            command.append(lines.pop(0).removeprefix("> "))
        yield Step("console", "\n".join(command), tuple(line for line in lines if line.strip()))


@define
class Reader:
    """Somebody who does what a document says, in a directory and an environment of their own."""

    directory: Path
    environment: dict[str, str]
    stand_ins: dict[str, str] = Factory(dict)
    _servers: list[subprocess.Popen[str]] = Factory(list)

    def follow(self, step: Step) -> None:
        words = shlex.split(step.text, comments=True) if step.kind == "console" else []
        if step.kind == "python":
            self._python(step.text)
        elif step.kind == "script":
            script = self.directory / step.shown[0]
            script.write_text(step.text)
            script.chmod(0o700)
        elif step.kind == "sh":
            self._block(step.text)
        elif words[0] == "export":
            given = shlex.split(self._here(step.text))[1:]
            self.environment = self.environment | dict(one.split("=", 1) for one in given)
        elif words[:2] == ["ltx-async", "serve"]:
            self._serve(step)
        elif found := CRON.fullmatch(step.text):
            self._as_cron(found[1])
        elif step.shown:
            self._in_a_terminal(step)
        else:
            self._run(step.text)

    def leave(self) -> None:
        for server in self._servers:
            server.terminate()
            server.communicate(timeout=LONGEST)

    def _here(self, text: str) -> str:
        for told, real in self.stand_ins.items():
            text = text.replace(told, real)
        return text

    def _block(self, text: str) -> None:
        before = self.environment
        for line in lines(text):
            if line not in ELSEWHERE:
                ends = FOR_EVER.sub(r"ltx-async watch --rounds 2 --every 0.2s \1", line)
                self.follow(Step("console", ends))
        self.environment = before

    def _as_cron(self, command: str) -> None:
        """Run a command as cron does, with a PATH that leads to `ltx-async` (crontab(5))."""
        assert "%" not in command, "cron makes a new line of it"
        kept = {name: self.environment[name] for name in ("PATH", "USEAPI_API")}
        environment = {**kept, "HOME": str(self.directory), "SHELL": "/bin/sh", "LOGNAME": "ann"}
        done = self._done(["/bin/sh", "-c", self._here(command)], environment)
        assert done.returncode in {0, 1}, (command, done.stderr)

    def _serve(self, step: Step) -> None:
        (told,) = re.findall(r"--port (\d+)", step.text) or [None]
        command = shlex.split(step.text, comments=True)
        if told is not None:
            command[command.index("--port") + 1] = "0"
        server = subprocess.Popen(
            command,
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        port = url.rpartition(":")[2].partition("/")[0]
        if told is not None:
            self.stand_ins[f":{told}"] = f":{port}"
            url = url.replace(port, told)
        holds(step, f"{url}\n")

    def _python(self, text: str) -> None:
        program = (AWAITING, text) if _awaits(text) else (text,)
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", *program]
        done = self._done(command)
        said = done.stderr.splitlines()
        complaints = [line for line in said if not line.startswith("Executing <")]  # a busy machine
        assert (done.returncode, complaints) == (0, []), text
        assert done.stdout, f"prints nothing:\n{text}"

    def _run(self, text: str) -> None:
        done = self._done(["bash", "-c", f"set -o pipefail; {self._here(text)}"])
        assert "Traceback" not in done.stderr, text
        assert done.returncode in ends_of(text), (text, done.stderr)

    def _done(
        self, command: list[str], environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.directory,
            env=environment or self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )

    def _in_a_terminal(self, step: Step) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        before = self._written()
        process = subprocess.Popen(
            ["bash", "-c", f"set -o pipefail; {self._here(step.text)}"],
            cwd=self.directory,
            env=self.environment | {"TERM": "xterm"},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        output, presses = b"", "^C" in step.shown
        above = step.shown[: step.shown.index("^C")] if presses else ()
        until = time.monotonic() + LONGEST
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            assert time.monotonic() < until, (step.text, output)
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    output += os.read(ours, 65536)
                except OSError:  # Linux: the last who could write has gone
                    break
            told = above and first_missing(above, output.decode(errors="replace")) is None
            if presses and (told or (not above and self._written() != before)):
                os.killpg(process.pid, signal.SIGINT)
                presses = False
        os.close(ours)
        assert process.wait(LONGEST) in ends_of(step.text), (step.text, output)
        holds(step, output.decode())

    def _written(self) -> dict[str, int]:
        return {file.name: file.stat().st_size for file in self.directory.iterdir()}


def holds(step: Step, output: str) -> None:
    """Check that the lines of a step are in the output, in their order."""
    assert "Traceback" not in output, step.text
    wanted = first_missing(step.shown, output)
    assert wanted is None, f"{step.text} does not show {wanted!r}:\n{output}"


def ends_of(text: str) -> set[int]:
    """Return the exit statuses that a command may have; that of another program has to be 0."""
    return ENDS if OWN.search(text) else {0}


def first_missing(shown: Iterable[str], output: str) -> str | None:
    """Return the first of the lines that is not in the output behind those before it."""
    there = iter([line.rstrip() for line in CONTROL.sub("", output).split("\n")])
    for wanted in shown:
        pattern = re.compile(".*".join(map(re.escape, wanted.rstrip().split("…"))))
        if wanted != "^C" and not any(pattern.fullmatch(line) for line in there):
            return wanted
    return None
