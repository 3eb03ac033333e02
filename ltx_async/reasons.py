"""Why lookups failed: a reason once, however many emails and numbers it came with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Self

from attrs import define, evolve, field, frozen

from ltx_async import errors
from ltx_async.errors import LTXError

MOST_KINDS: Final = 50
_LONGEST_KIND: Final = 120
_ANYTHING: Final = "…"
_NO_WORD: Final = r"""\s"'()\[\]<>,;"""
# A word with a digit or an @ in it, except the status, which is the same in all of a kind.
_VARYING: Final = re.compile(
    rf"(?<!HTTP )(?<![^{_NO_WORD}])[^{_NO_WORD}0-9@]*+[0-9@][^{_NO_WORD}]*+"
)


@frozen
class Reason:
    """Why lookups failed.

    Attributes:
        error_type: the name of the error's class; `other` for what is counted together.
        status: the HTTP status of the last reply, None where none came.
        message: what happened; where it differs from lookup to lookup, `…` stands for what
            differs.
        hint: what to do about it; it does not count in comparisons.
    """

    error_type: str
    status: int | None
    message: str
    hint: str = field(default="", eq=False)

    @property
    def advice(self) -> str:
        """The hint, or what is to be done about errors of that class in general."""
        cls = getattr(errors, self.error_type, None)
        known = cls if isinstance(cls, type) and issubclass(cls, LTXError) else None
        return self.hint or (known.default_hint if known else "")

    def kind(self, email: str) -> Self:
        """Return the reason with emails and numbers replaced, equal for all of the same kind."""
        text = self.message[: 2 * _LONGEST_KIND]
        if email:
            text = text.replace(email, _ANYTHING)
        common = _VARYING.sub(_ANYTHING, text)[:_LONGEST_KIND]
        return evolve(self, message=common)


OTHER: Final = Reason("other", None, "other reasons")
"""Stands for all reasons beyond the kinds that are counted one by one."""


@define
class Reasons:
    """Counts reasons by kind, in constant memory: the rarest beyond 50 are counted together."""

    _messages: dict[Reason, str] = field(factory=dict, init=False)
    _counts: dict[Reason, int] = field(factory=dict, init=False)
    _others: int = field(default=0, init=False)

    def add(self, reason: Reason | None, email: str = "") -> None:
        """Count the reason why the lookup of an email failed; None where it did not."""
        if reason is None:
            return
        if reason == OTHER:
            self._others += 1
            return
        self._count(reason.kind(email), reason.message, 1)

    def merge(self, others: Reasons) -> None:
        """Count what others have counted, too."""
        for kind, count in others._counts.items():
            self._count(kind, others._messages[kind], count)
        self._others += others._others

    def _count(self, kind: Reason, message: str, count: int) -> None:
        if kind not in self._counts:
            if len(self._counts) >= MOST_KINDS:
                self._drop_rarest()
            self._counts[kind], self._messages[kind] = 0, message
        self._counts[kind] += count
        if message != self._messages[kind]:
            self._messages[kind] = kind.message

    def _drop_rarest(self) -> None:
        rarest = min(self._counts, key=self._counts.__getitem__)
        self._others += self._counts.pop(rarest)
        del self._messages[rarest]

    def counted(self) -> dict[Reason, int]:
        """Return how many lookups failed for each reason, the most frequent first."""
        counted = Counter[Reason]()
        for kind, count in self._counts.items():
            counted[evolve(kind, message=self._messages[kind])] += count
        ordered = dict(counted.most_common())
        return {**ordered, OTHER: self._others} if self._others else ordered


def as_json(counted: Mapping[Reason, int]) -> list[dict[str, Any]]:
    """Return counted reasons as JSON, in their order."""
    return [
        {
            "count": count,
            "type": reason.error_type,
            "status": reason.status,
            "message": reason.message,
            "hint": reason.advice,
        }
        for reason, count in counted.items()
    ]
