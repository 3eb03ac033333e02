"""`Account`, `Cookie`, `Lookup`, `Outcome`, `Stats`: what a lookup gives."""

from ltx_async.models.account import (
    LARGE,
    TOKEN_KEY,
    WIRE_NAMES,
    Account,
    Value,
    figures_of,
    make_shown,
    octets_of,
    take_shown,
)
from ltx_async.models.cookie import COOKIE_FIELDS, Cookie
from ltx_async.models.drafts import draft_of, freeze
from ltx_async.models.lookup import Lookup, LookupDraft, Outcome, outcome_of, trouble_of
from ltx_async.models.moments import EPOCH, timestamp
from ltx_async.models.stats import Stats

__all__ = [
    "COOKIE_FIELDS",
    "EPOCH",
    "LARGE",
    "TOKEN_KEY",
    "WIRE_NAMES",
    "Account",
    "Cookie",
    "Lookup",
    "LookupDraft",
    "Outcome",
    "Stats",
    "Value",
    "draft_of",
    "figures_of",
    "freeze",
    "make_shown",
    "octets_of",
    "outcome_of",
    "take_shown",
    "timestamp",
    "trouble_of",
]
