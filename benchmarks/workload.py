"""What every client is asked to do: the same emails, the same token, the same address."""

from collections.abc import Iterator
from urllib.parse import quote

TOKEN = "user:12345-abcdefghi"  # noqa: S105 - the example token of the API's documentation
ACCOUNTS_PATH = "/ltxstudio/accounts/"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}


def emails(count: int) -> Iterator[str]:
    """Yield ``count`` different emails, one at a time; the ``+`` makes the quoting do work."""
    for number in range(count):
        yield f"ann+{number}@example.com"


def account_url(base_url: str, email: str) -> str:
    """Return the address of one account; everything in the email but ``@`` is quoted."""
    return f"{base_url}{ACCOUNTS_PATH}{quote(email, safe='@')}"
