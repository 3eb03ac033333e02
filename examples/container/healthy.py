"""Say whether a watch goes its rounds: exit status 0 if the last one is not too long ago.

The arguments are where its metrics are, and how many seconds old its last round may be: some
times what `--every` says. A service that gives no answers is not the watch's fault, so it does
not count; `ltx_service_up` tells that. It needs no package: any Python 3 runs it.
"""

import re
import sys
import time
import urllib.request

LAST_ROUND = re.compile(r"^ltx_last_round_timestamp_seconds(?:{.*})? (\S+)$", re.MULTILINE)


def problem(address: str, seconds: float) -> str:
    """Return what is wrong, or nothing."""
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:  # noqa: S310 - the operator's own
            found = LAST_ROUND.search(reply.read().decode())
    except OSError as error:
        return f"no metrics: {error}"
    if found is None:
        return "no round so far"
    age = time.time() - float(found[1])
    return "" if age <= seconds else f"the last round was {age:.0f} seconds ago"


if __name__ == "__main__":
    sys.exit(problem(sys.argv[1], float(sys.argv[2])) or None)
