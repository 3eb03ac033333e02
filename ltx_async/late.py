"""Public names that are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any


def late(package: str, homes: Mapping[str, str], name: str) -> Any:
    """Import what the `__getattr__` of a package is asked for, once.

    Args:
        package: its `__name__`.
        homes: for each of its public names the module below it that has it.
        name: what is asked for.

    Raises:
        AttributeError: it is no public name.
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value = getattr(import_module(f"{package}.{homes[name]}"), name)
    setattr(sys.modules[package], name, value)
    return value
