"""Sans-I/O: an email becomes a request, a reply becomes an `Account` or an error.

The only user of cattrs and of JSON in the library; it never waits and never sends.
"""

from ltx_async.codec.account_list import AccountList
from ltx_async.codec.accounts import prepare
from ltx_async.codec.emails import ACCOUNT_LIST, Request, account_target
from ltx_async.codec.limits import LIMIT_HEADERS
from ltx_async.codec.redaction import Redaction
from ltx_async.codec.replies import Reply, parse_account, parse_accounts

__all__ = [
    "ACCOUNT_LIST",
    "LIMIT_HEADERS",
    "AccountList",
    "Redaction",
    "Reply",
    "Request",
    "account_target",
    "parse_account",
    "parse_accounts",
    "prepare",
]
