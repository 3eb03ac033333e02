"""The account JSON that both benchmark servers answer with, the documented sample's fields."""

EMAIL_MARK = "@EMAIL@"
ACCOUNT_JSON = (
    '{"email": "@EMAIL@", "cookie": {"lt_id": "user123", "lt_token": "…secured…", '
    '"lt_refresh_token": "…secured…"}, "maxJobs": 20, "updatedUTC": "2025-06-03T12:13:14.000Z", '
    '"tokenExpireUTC": "2025-07-03T12:13:14.000Z", "balance": {"LTXStudio_token": 150}, '
    '"latestCreatedAtMs": {"LTXStudio_token": 1717401194000}}'
)
_UNKNOWN = ", ".join(f'"note{number}": "{"x" * 90}"' for number in range(26))
REPLIES = {
    "plain": ACCOUNT_JSON,
    "escaped": ACCOUNT_JSON.replace("…", "\\u2026"),
    "large": f"{ACCOUNT_JSON[:-1]}, {_UNKNOWN}}}",
}
"""What is answered below ``/v1``, and below ``/escaped/v1`` and ``/large/v1`` (3 kB)."""
