"""One line of a diagnosis."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


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
