"""The sign-in of an account, which hides its values from all but who asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ltx_async.masking import MASK
from ltx_async.models.drafts import Referable

COOKIE_FIELDS: Final = ("lt_id", "lt_token", "lt_refresh_token")


class Cookie(Referable):
    """The sign-in of an account at LTX Studio; its values never show in `repr`.

    The server masks `lt_token` and `lt_refresh_token` (`…secured…`), but its masking is not
    relied on. `cookie.lt_token` is the deliberate way to a value: what walks through objects,
    as `attrs.asdict` and `cattrs.unstructure` do, meets the cookie as a whole. What the reply
    did not say is None.
    """

    __slots__ = ("_extra", "_lt_id", "_lt_refresh_token", "_lt_token")

    def __init__(
        self,
        lt_id: str | None = None,
        lt_token: str | None = None,
        lt_refresh_token: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self._lt_id = lt_id
        self._lt_token = lt_token
        self._lt_refresh_token = lt_refresh_token
        self._extra: Mapping[str, str] = {} if extra is None else extra

    @property
    def lt_id(self) -> str | None:
        """The user's id."""
        return self._lt_id

    @property
    def lt_token(self) -> str | None:
        """The access token."""
        return self._lt_token

    @property
    def lt_refresh_token(self) -> str | None:
        """The refresh token."""
        return self._lt_refresh_token

    @property
    def extra(self) -> Mapping[str, str]:
        """Further values, by name."""
        return self._extra

    def __eq__(self, other: object) -> bool:
        return self._said() == other._said() if isinstance(other, Cookie) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._said()[:3])

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in COOKIE_FIELDS}
        shown = [f"{name}={None if value is None else MASK}" for name, value in values.items()]
        extra = ", ".join(f"{name!r}: {MASK}" for name in self.extra)
        return f"Cookie({', '.join(shown)}, extra={{{extra}}})"

    def __reduce__(self) -> tuple[type[Cookie], tuple[Any, ...]]:
        return Cookie, self._said()

    def _said(self) -> tuple[Any, ...]:
        return self._lt_id, self._lt_token, self._lt_refresh_token, self._extra

    def to_wire(self) -> dict[str, str]:
        """Return the JSON object that this cookie is, secrets and all."""
        said = {name: getattr(self, name) for name in COOKIE_FIELDS} | dict(self.extra)
        return {name: value for name, value in said.items() if value is not None}
