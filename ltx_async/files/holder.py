"""Which process holds something, written so that another process can tell whether it has ended."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Final, Self
from uuid import getnode

from attrs import asdict, field, frozen
from attrs.validators import ge, instance_of, le, optional

_KERNEL: Final = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE: Final = Path("/proc/self/ns/pid")
_MACHINE: Final = Path("/etc/machine-id")
_BEGAN: Final = 19  # index of the start time, counted after the name: proc_pid_stat(5)
_ENDED: Final = ("Z", "X")  # it has ended, but its parent has not waited for it yet
_text: Final = instance_of(str)


@frozen
class Holder:
    """A process, and the machine, boot and namespace within which its number identifies it.

    Attributes:
        host: the name of the machine, for people.
        machine: a unique id of the machine, which survives a restart; empty if not known.
        boot: an id that is new each time the machine is started; empty if not known.
        namespace: the PID namespace: containers number their processes on their own.
        pid: the number.
        began: when, in ticks since the machine was started; None where that is not known.
    """

    host: str = field(validator=_text)
    machine: str = field(validator=_text)
    boot: str = field(validator=_text)
    namespace: str = field(validator=_text)
    pid: int = field(validator=[instance_of(int), ge(1), le(2**31 - 1)])
    began: int | None = field(validator=optional(instance_of(int)))

    @classmethod
    def here(cls) -> Self:
        """Return this process."""
        pid = os.getpid()
        status = _status(pid)
        return cls(
            host=platform.node(),
            machine=_first_line(_MACHINE) if sys.platform == "linux" else f"{getnode():x}",
            boot=_first_line(_KERNEL),
            namespace=str(_NAMESPACE.stat().st_ino) if _NAMESPACE.exists() else "",
            pid=pid,
            began=None if status is None else status[1],
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return what `dump` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(**json.loads(data))
        except (TypeError, RecursionError) as error:
            raise ValueError(str(error)) from error

    def dump(self) -> bytes:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @property
    def has_ended(self) -> bool:
        """Whether the process has certainly ended, which can be known only on its machine."""
        here = Holder.here()
        if self.boot and self.boot == here.boot:
            return self.namespace == here.namespace and not self._is_running()
        if not self.machine or (self.machine, self.host) != (here.machine, here.host):
            return False
        return bool(self.boot and here.boot) or not self._is_running()

    def _is_running(self) -> bool:
        """Whether there is such a process, and not another one that was given its number."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it runs, for another user
        status = _status(self.pid)
        if status is None or self.began is None:
            return True
        return status[0] not in _ENDED and status[1] == self.began


def _first_line(path: Path) -> str:
    try:
        return path.read_text("ascii").partition("\n")[0]
    except (OSError, ValueError):
        return ""


def _status(pid: int) -> tuple[str, int] | None:
    """Return the state of a process and when it began; None where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    words = text.rpartition(")")[2].split()
    return words[0], int(words[_BEGAN])
