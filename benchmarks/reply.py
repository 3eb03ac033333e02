"""The account JSON that both benchmark servers answer with, the documented sample's fields."""

EMAIL_MARK = "@EMAIL@"
ACCOUNT_JSON = (
    '{"email": "@EMAIL@", "cookie": {"lt_id": "user123", "lt_token": "…secured…", '
    '"lt_refresh_token": "…secured…"}, "maxJobs": 20, "updatedUTC": "2025-06-03T12:13:14.000Z", '
    '"tokenExpireUTC": "2025-07-03T12:13:14.000Z", "balance": {"LTXStudio_token": 150}, '
    '"latestCreatedAtMs": {"LTXStudio_token": 1717401194000}}'
)
