"""What a document has to run, and how it is run as its reader would.

- Python runs by itself and has to print something. What awaits, and stands in no coroutine
  function, runs as in a notebook or in `python -m asyncio`.
- In a `console` block each `$` line is a command, and `>` lines go on with it. Lines below it are
  what a terminal shows, in this order, perhaps with others between them; `…` stands for anything.
  `^C` is what the reader presses once the command has written something.
- `$ ltx-async serve … --port 8080` keeps running, on a free port, until the document ends; what
  comes after finds it at the port that the document names. Without one, an emulator is there.
- `$ export NAME=VALUE` counts for what comes after it.
- A `sh` block that begins with `#!` is a script, named by the last `NAME.sh` before it.
- Other `sh` blocks are not run here, and what they install or start is run by tests of their own.
  A shell has to take them, and each `ltx-async` in them or in a `console` block its options.
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
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from attrs import Factory, define, frozen

BLOCK = re.compile(r"^```(python|console|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SCRIPT = re.compile(r"`([\w-]+\.sh)`")
OWN = re.compile(r"(?<![=\w-])ltx-async (?=[a-z-])([^|;&)\n]*)")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
AWAITING = """
import ast, asyncio, sys
code = compile(sys.argv[1], "<document>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
asyncio.run(eval(code, {"__name__": "__main__"}))
"""
LONGEST = 120.0  # seconds; nothing here takes a tenth of it
ENDS = {0, 1, 130, 141}  # fine, attention, Ctrl-C, a reader that has enough


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
        elif block.startswith("#!"):
            yield Step("script", block, (SCRIPT.findall(text, 0, found.start())[-1],))


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
    _servers: list[subprocess.Popen[str]] = Factory(list)
    _ports: dict[str, str] = Factory(dict)

    def follow(self, step: Step) -> None:
        words = shlex.split(step.text) if step.kind == "console" else []
        if step.kind == "python":
            self._python(step.text)
        elif step.kind == "script":
            script = self.directory / step.shown[0]
            script.write_text(step.text)
            script.chmod(0o700)
        elif words[0] == "export":
            self.environment |= dict(word.split("=", 1) for word in map(self._here, words[1:]))
        elif words[:2] == ["ltx-async", "serve"]:
            self._serve(step)
        elif step.shown:
            self._in_a_terminal(step)
        else:
            self._run(step.text)

    def leave(self) -> None:
        for server in self._servers:
            server.terminate()
            server.communicate(timeout=LONGEST)

    def _here(self, text: str) -> str:
        for told, real in self._ports.items():
            text = text.replace(f":{told}", f":{real}")
        return text

    def _serve(self, step: Step) -> None:
        (told,) = re.findall(r"--port (\d+)", step.text)
        command = shlex.split(step.text.replace(f"--port {told}", "--port 0"))
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
        self._ports[told] = url.rpartition(":")[2].partition("/")[0]
        holds(step, f"{url.replace(self._ports[told], told)}\n")

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
        assert done.returncode in ENDS, (text, done.stderr)

    def _done(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
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
        until = time.monotonic() + LONGEST
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            assert time.monotonic() < until, (step.text, output)
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    output += os.read(ours, 65536)
                except OSError:  # Linux: the last who could write has gone
                    break
            if presses and self._written() != before:
                os.killpg(process.pid, signal.SIGINT)
                presses = False
        os.close(ours)
        assert process.wait(LONGEST) in ENDS, (step.text, output)
        holds(step, output.decode())

    def _written(self) -> dict[str, int]:
        return {file.name: file.stat().st_size for file in self.directory.iterdir()}


def holds(step: Step, output: str) -> None:
    """Check that the lines of a step are in the output, in their order."""
    assert "Traceback" not in output, step.text
    lines = iter([line.rstrip() for line in CONTROL.sub("", output).split("\n")])
    for wanted in step.shown:
        if wanted != "^C":
            pattern = re.compile(".*".join(map(re.escape, wanted.rstrip().split("…"))))
            found = any(pattern.fullmatch(line) for line in lines)
            assert found, f"{step.text} does not show {wanted!r}:\n{output}"
