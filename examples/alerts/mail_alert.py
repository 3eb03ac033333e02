"""Mail the alerts of a round of `ltx-async watch` to the addresses given as arguments.

They are one JSON object on standard input. It needs no package: any Python 3 runs it.
"""

import json
import subprocess
import sys
from email.message import EmailMessage
from typing import Any


def message(alerts: list[dict[str, Any]], recipients: list[str]) -> EmailMessage:
    """Return one mail for all alerts."""
    mail = EmailMessage()
    mail["To"] = ", ".join(recipients)
    first = f"LTX: {alerts[0]['change']} {alerts[0]['email'] or 'service'}"
    subject = first if len(alerts) == 1 else f"{first} and {len(alerts) - 1} more"
    mail["Subject"] = " ".join(subject.split())  # an email comes from a file, a header is one line
    mail.set_content(
        "".join(f"{alert['email'] or 'service'}: {alert['text']}\n" for alert in alerts)
    )
    return mail


if __name__ == "__main__":
    mail = message(json.load(sys.stdin)["alerts"], sys.argv[1:])
    subprocess.run(["sendmail", "-t"], input=mail.as_bytes(), check=True)
