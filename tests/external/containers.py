"""Run a program as a container runs it, by the same means of the kernel."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from attrs import define, field
from kit import SCRIPTS, here, image
from patience import LONG, until

NOBODY = "65534"
_INSIDE = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro /
cd "$2"
shift 2
exec "$@" <&-
"""
_DROP = [
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--no-new-privs",
    "--inh-caps=-all",
    "--bounding-set=-all",
]


@define(eq=False)
class Container:
    """Process 1 of its own, nobody, on a read-only file system, with closed standard input.

    There is nothing in the environment but what is given, not even a home.

    Attributes:
        data: the one directory that can be written to.
        place: where programs are started, which they cannot write to.
        environment: what they get.
    """

    data: Path
    place: Path
    environment: dict[str, str]
    _namespaces: list[str] = field(init=False)
    _drop: list[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        root = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        self._namespaces = ["unshare", *root, "--pid", "--mount", "--fork", "--kill-child"]
        self._drop = []
        if os.getuid() == 0 and self._works(_DROP):
            os.chown(self.data, int(NOBODY), int(NOBODY))
            self._drop = _DROP

    @property
    def drops(self) -> bool:
        """Whether programs run as nobody."""
        return bool(self._drop)

    def problem(self) -> str:
        """Say why this machine cannot do it; empty where it can."""
        try:
            done = self.run([])
        except FileNotFoundError as error:
            return f"there is no {error.filename}"
        return "" if done.returncode == 0 else f"no namespaces: {done.stderr.strip()}"

    @staticmethod
    def _works(drop: list[str]) -> bool:
        """Whether nobody can read this Python; where that lies in a home, it is not dropped."""
        probe = [*drop, str(SCRIPTS / "ltx-async"), "--version"]
        try:
            return subprocess.run(probe, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False

    def start(self, arguments, **options) -> subprocess.Popen[str]:
        """Start `ltx-async` with arguments, or with none the shell's `true`."""
        program = [*here(image("ENTRYPOINT")), *map(str, arguments)] if arguments else ["true"]
        inside = ["sh", "-c", _INSIDE, "sh", self.data, self.place, *self._drop, *program]
        return subprocess.Popen(
            [*self._namespaces, *map(str, inside)],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def end(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        """End it as `docker stop` does, and return what it has said."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it has ended by itself
            os.kill(self.process_1(process), signal.SIGTERM)
        try:
            return process.communicate(timeout=LONG)
        finally:
            process.kill()  # and with it process 1

    def run(self, arguments) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        process = self.start(arguments)
        try:
            out, err = process.communicate(timeout=LONG)
        finally:
            process.kill()  # and with it process 1
        return subprocess.CompletedProcess([*arguments], process.returncode, out, err)

    @staticmethod
    def process_1(process: subprocess.Popen[str]) -> int:
        """Return the number by which others know process 1 of a container."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return int(until(lambda: children.read_text().split())[0])
