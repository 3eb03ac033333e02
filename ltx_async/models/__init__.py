"""`Account`, `Cookie`, `Lookup`, `Outcome`, `Stats`: what a lookup gives."""

from ltx_async.models.account import TOKEN_KEY, WIRE_NAMES, Account, Value, figures_of, octets_of
from ltx_async.models.cookie import COOKIE_FIELDS, Cookie
from ltx_async.models.drafts import draft_of, freeze
from ltx_async.models.lookup import Lookup, LookupDraft, Outcome, outcome_of, trouble_of
from ltx_async.models.moments import EPOCH, timestamp
from ltx_async.models.stats import Stats

__all__ = [
    "COOKIE_FIELDS",
    "EPOCH",
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
    "octets_of",
    "outcome_of",
    "timestamp",
    "trouble_of",
]
