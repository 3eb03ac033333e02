"""What the list call gives: accounts by email, and what of the list cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from ltx_async.errors import DecodeError
from ltx_async.models import Account
from ltx_async.wording import counted


@frozen(eq=False, repr=False)
class AccountList(Mapping[str, Account]):
    """The configured accounts by email; an odd entry of the list hides none of the others.

    Attributes:
        problems: what is odd about each entry that is not an account as documented, by the
            entry's name.
        emails: the names of all accounts, odd ones included, in the order of the list; they can
            be passed to `lookup_many`.
    """

    _entries: Mapping[str, Account | DecodeError] = field(factory=dict)
    _accounts: Mapping[str, Account] = field(init=False)
    problems: Mapping[str, DecodeError] = field(init=False)
    emails: tuple[str, ...] = field(init=False)

    @_accounts.default
    def _readable(self) -> dict[str, Account]:
        return {name: one for name, one in self._entries.items() if isinstance(one, Account)}

    @problems.default
    def _unreadable(self) -> dict[str, DecodeError]:
        return {name: one for name, one in self._entries.items() if isinstance(one, DecodeError)}

    @emails.default
    def _names(self) -> tuple[str, ...]:
        return tuple(name for name in self._entries if name in self._accounts or "@" in name)

    def __getitem__(self, email: str) -> Account:
        return self._accounts[email]

    def __iter__(self) -> Iterator[str]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    def __repr__(self) -> str:
        read, odd = counted(len(self), "account"), counted(len(self.problems), "problem")
        return f"<AccountList: {read}, {odd}>"
