"""Post the alerts of a round of `ltx-async watch` to a chat, in one message.

They are one JSON object on standard input. The argument is a file, with mode 0600, that holds the
address of an incoming webhook, as Slack, Mattermost and Rocket.Chat have them; for Discord, add
/slack to its address. It needs no package: any Python 3 runs it.
"""

import html
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

MOST_LINES = 20  # chats cut or refuse long messages


def message(alerts: list[dict[str, Any]]) -> str:
    """Return one message for all alerts, a line each, with nothing in it that a chat would run."""
    lines = [
        f"{alert['change']} {alert['email'] or 'service'}: {alert['text']}"
        for alert in alerts[:MOST_LINES]
    ]
    if hidden := len(alerts) - len(lines):
        lines.append(f"and {hidden} more")
    return html.escape("\n".join(lines), quote=False)


if __name__ == "__main__":
    address = Path(sys.argv[1]).read_text(encoding="utf-8").strip()
    text = message(json.load(sys.stdin)["alerts"])
    request = urllib.request.Request(  # noqa: S310 - the address is the operator's own
        address,
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20):  # noqa: S310
        pass  # whatever is no success raises, and is handed over again in the next round
