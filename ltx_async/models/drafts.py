"""Values that are made for every lookup: filled as a draft, then frozen."""

from __future__ import annotations

from typing import TypeVar

from attrs import NOTHING, field, fields, make_class

T = TypeVar("T")


def draft_of(value: type[T]) -> type[T]:
    """Return a mutable twin of a frozen attrs class, for where very many are made.

    The `__init__` of a frozen class has to work around its own `__setattr__`, field by
    field. A draft is filled by plain assignment, in a third of the time, and `freeze` then
    makes it a `value` for good. Every field without a factory must be given, as defaults
    cost time as well.
    """
    names = {
        one.name: field(
            default=NOTHING if one.default is None else one.default,
            alias=one.alias,
            kw_only=one.kw_only,
            repr=one.repr,
        )
        for one in fields(value)  # type: ignore[arg-type]
    }
    return make_class(
        f"{value.__name__}Draft",
        names,
        bases=value.__bases__,
        class_body={"frozen_class": value},
        slots=True,
        eq=False,
    )


def freeze(draft: T) -> T:
    """Make a draft the value that it is a draft of, and return it.

    Python lets an object change its class where both lay out the same slots above the same
    base; that costs a fraction of copying the fields over.
    """
    draft.__class__ = draft.frozen_class  # type: ignore[attr-defined]
    return draft


class Referable:
    """What can be referred to weakly: in a base, so that a value and its draft share the slot."""

    __slots__ = ("__weakref__",)
