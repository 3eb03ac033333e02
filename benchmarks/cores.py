"""Which core the server gets and which the client: apart where the system allows it."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def server_core() -> int | None:
    """Return the server's core, or None where processes cannot be kept apart."""
    cores = _usable_cores()
    return cores[0] if len(cores) > 1 else None


def client_core() -> int | None:
    """Return the client's core, or None where processes cannot be kept apart."""
    cores = _usable_cores()
    return cores[1] if len(cores) > 1 else None


def pin_process(process_id: int, core: int | None) -> None:
    """Keep a process on one core; 0 is the calling process, a core of None changes nothing."""
    if core is not None and sys.platform == "linux":
        os.sched_setaffinity(process_id, {core})


def _usable_cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
