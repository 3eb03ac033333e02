"""Mail one alert of `ltx-async watch` to the addresses given as arguments.

The alert is a JSON object on standard input. It needs no package: any Python 3 runs it.
"""

import json
import subprocess
import sys
from email.message import EmailMessage


def message(alert: dict[str, str], recipients: list[str]) -> EmailMessage:
    """Return the mail for an alert."""
    mail = EmailMessage()
    mail["To"] = ", ".join(recipients)
    subject = f"LTX: {alert['change']} {alert['email'] or 'service'}"
    mail["Subject"] = " ".join(subject.split())  # an email comes from a file, a header is one line
    mail.set_content(f"{alert['text']}\n\nseen at {alert['at']}\n")
    return mail


if __name__ == "__main__":
    mail = message(json.load(sys.stdin), sys.argv[1:])
    subprocess.run(["sendmail", "-t"], input=mail.as_bytes(), check=True)
