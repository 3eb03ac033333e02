"""What a process gets: a core, apart from the other's where the system allows it, and files."""

import os
import sys
from importlib import import_module
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


def open_files(wanted: int) -> int:
    """Allow this process so many open files, and return how many it may have."""
    try:
        resource = import_module("resource")
    except ImportError:  # Windows
        return wanted
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return int(allowed)


def _usable_cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
