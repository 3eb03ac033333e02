"""Run one client: ``python -m benchmarks.clients ENTRY URL LOOKUPS CONCURRENCY [OPTIONS]``.

Prints one line of JSON, a ``Measurement``. Where the client cannot run it says why in one line on
stderr and exits 1.
"""

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module

from attrs import asdict

from benchmarks.measurement import Job, Measurement


def entry_point(entry: str) -> Callable[[Job], Measurement]:
    """Return the function that ``module:function`` in this package names."""
    module, _, function = entry.partition(":")
    found: Callable[[Job], Measurement] = getattr(
        import_module(f"benchmarks.clients.{module}"), function
    )
    return found


def main() -> int:
    """Run the client that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entry")
    parser.add_argument("base_url")
    parser.add_argument("lookups", type=int)
    parser.add_argument("concurrency", type=int)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--ca-file", default="")
    options = parser.parse_args()
    job = Job(**{name: value for name, value in vars(options).items() if name != "entry"})
    try:
        measurement = entry_point(options.entry)(job)
    except Exception as error:  # noqa: BLE001 - any failure becomes the reason of a skipped row
        text = str(error).partition("\n")[0]
        print(f"{type(error).__name__}: {text}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(measurement)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
