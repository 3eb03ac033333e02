"""One line of a diagnosis, and how long a request for it may take."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from attrs import frozen

LONGEST_REQUEST: Final = 10.0
"""Seconds that the answer to a request is waited for at most."""


class Verdict(StrEnum):
    """How well one thing is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@frozen
class Finding:
    """One line of a diagnosis.

    Attributes:
        check: what was looked at.
        verdict: how well it is.
        text: what was found, one line, no secrets.
        hint: what to do about it; empty where nothing need be done.
    """

    check: str
    verdict: Verdict
    text: str
    hint: str = ""
