"""The accounts that the emulator serves: read from a file, and changed while it runs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from attrs import define, field

Account = Mapping[str, Any]

_EXPECTED: Final = (
    "expected a JSON object from email to account, a JSON array of accounts, or JSON Lines"
)


class AccountStore:
    """Accounts by email, with changes kept on top of a source that may be computed lazily.

    Args:
        source: a mapping from email to account object, or account objects with an `email`.

    Raises:
        ValueError: an account object without an `email`.
    """

    def __init__(self, source: Mapping[str, Account] | Iterable[Account] = ()) -> None:
        if isinstance(source, Mapping):
            self._source = cast("Mapping[str, Account]", source)
        else:
            self._source = by_email(source)
        self._changed: dict[str, Account | None] = {}
        self._size = len(self._source)

    def __len__(self) -> int:
        """Return how many accounts there are now."""
        return self._size

    def __iter__(self) -> Iterator[str]:
        """Iterate over the emails, in the order of the source, added ones last."""
        changed = self._changed.copy()
        for email in self._source:
            if changed.pop(email, self._source) is not None:
                yield email
        yield from (email for email, account in changed.items() if account is not None)

    def __contains__(self, email: object) -> bool:
        """Tell whether there is an account for `email`, compared to the letter."""
        if email in self._changed:
            return self._changed[str(email)] is not None
        return email in self._source

    def get(self, email: str) -> Account | None:
        """Return the account of `email`, compared to the letter, or None."""
        if email in self._changed:
            return self._changed[email]
        return self._source.get(email)

    def put(self, account: Account, *, email: str | None = None) -> None:
        """Add `account`, or replace the one there is, under `email` or else its own email."""
        key = account.get("email") if email is None else email
        if not isinstance(key, str):
            raise ValueError("the account has no email: set its 'email', or give email=")  # noqa: TRY004
        self._size += key not in self
        self._changed[key] = account

    def remove(self, email: str) -> None:
        """Remove the account of `email`; KeyError when there is none."""
        if email not in self:
            raise KeyError(email)
        self._size -= 1
        self._changed[email] = None


def by_email(accounts: Iterable[object]) -> dict[str, Account]:
    """Index account objects by their `email`; of several with one email the last counts.

    Raises:
        ValueError: an entry is no object, or has no `email`; says which one.
    """
    indexed: dict[str, Account] = {}
    for position, account in enumerate(accounts, start=1):
        email = account.get("email") if isinstance(account, Mapping) else None
        if not isinstance(account, Mapping) or not isinstance(email, str):
            raise ValueError(f"account {position} is not an object with an 'email': add one")  # noqa: TRY004
        indexed[email] = account
    return indexed


def load_accounts(path: str | Path) -> dict[str, Account]:
    """Read accounts from a file, by email.

    Three shapes are understood: a JSON object from email to account (what the API's list
    endpoint answers), a JSON array of accounts, and JSON Lines with one account a line.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is none of the three; the message says where, and what to do.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return _index(_parse(text))
    except UnicodeDecodeError:
        problem = "is not UTF-8 text: save it as UTF-8"
    except ValueError as error:
        problem = f"cannot be used: {error}"
    raise ValueError(f"the account file {file.name!r} {problem}")


@define
class AccountFile:
    """A file of accounts that may change while they are served.

    Args:
        path: of the file, in one of the shapes that `load_accounts` reads.
    """

    path: Path
    _read: tuple[int, ...] | None = field(default=None, init=False)
    _seen: tuple[int, ...] | None = field(default=None, init=False)

    def read(self) -> dict[str, Account]:
        """Read the accounts that the file holds now.

        Raises:
            ValueError: it cannot be read or used; the message says where, and what to do.
        """
        self._seen = self._read = self._state()
        try:
            return load_accounts(self.path)
        except OSError as error:
            problem = error.strerror or type(error).__name__
        raise ValueError(f"the account file {self.path.name!r}: {problem}")

    def changed(self) -> bool:
        """Tell whether it is another than the one read last, and at rest since the last call."""
        before, self._seen = self._seen, self._state()
        return self._seen == before != self._read

    def _state(self) -> tuple[int, ...] | None:
        try:
            state = self.path.stat()
        except OSError:
            return None
        return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as whole_file:
        # Not splitlines(): JSON strings may hold U+2028 and its like.
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if whole_file.msg != "Extra data" or not lines:
            raise ValueError(
                f"line {whole_file.lineno}, column {whole_file.colno}: {whole_file.msg}; "
                + _EXPECTED
            ) from None
    except RecursionError:
        raise ValueError("it nests too deep") from None
    return [_parse_line(number, line) for number, line in lines]


def _parse_line(number: int, line: str) -> object:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {number}: {error.msg}; write one JSON account per line") from None
    except RecursionError:
        raise ValueError(f"line {number}: it nests too deep") from None


def _index(document: object) -> dict[str, Account]:
    if isinstance(document, list):
        return by_email(document)
    if not isinstance(document, dict):
        raise ValueError(_EXPECTED)  # noqa: TRY004  # the file's content is a value
    if isinstance(document.get("email"), str):
        return by_email([document])
    for email, account in document.items():
        if not isinstance(account, dict):
            raise ValueError(f"the value under {email!r} is not an account object")  # noqa: TRY004
    return document
