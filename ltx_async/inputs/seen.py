"""Which emails of an input are duplicates, and which have a record of an earlier run."""

from __future__ import annotations

from enum import Enum, auto
from typing import Generic, TypeVar

from attrs import define, field

from ltx_async.results.known import KeyNumbers, email_key

Earlier = TypeVar("Earlier")


class Meeting(Enum):
    """Whether an email of the input is new or a duplicate."""

    FIRST = auto()
    AGAIN = auto()


@define
class SeenEmails(Generic[Earlier]):
    """Tells for each email of an input whether it is new, a duplicate, or has an earlier record.

    It takes about 35 bytes for each, however long the email is. An email that is refused and one
    that is sent are never the same, even if both are written alike.
    """

    _numbers: KeyNumbers = field(factory=KeyNumbers, init=False)
    _earlier: list[Earlier] = field(factory=list, init=False)
    _number_of: dict[int, int] = field(factory=dict, init=False)  # by identity of what is kept

    def remember(self, email: str, earlier: Earlier, *, refused: bool = False) -> None:
        """Note what an earlier run has recorded of an email; a later record replaces it.

        What many emails share should be one object.
        """
        number = self._number_of.get(id(earlier))
        if number is None:
            self._earlier.append(earlier)
            number = self._number_of[id(earlier)] = len(self._earlier)
        self._numbers.put(email_key(email, refused=refused), number)

    def meet(self, email: str, *, refused: bool = False) -> Earlier | Meeting:
        """Note an email of the input, and return what is known of it.

        An earlier record is returned once: when its email comes again, it is a duplicate.

        Args:
            email: as it stands in the input.
            refused: whether it will not be asked for.
        """
        number = self._numbers.put(email_key(email, refused=refused))
        if number is None:
            return Meeting.FIRST
        return self._earlier[number - 1] if number else Meeting.AGAIN
