"""`python -m ltx_async` and `ltx-async`: the command line, if its packages are there."""

from __future__ import annotations

import gc
import signal
import sys


def main() -> None:
    """Run the command line and leave with its exit status.

    There is no garbage among what is imported, so that nothing is collected meanwhile; a command
    that is about to run has it collected again, without what has been imported.
    """
    gc.disable()
    try:
        status = _status()
    finally:
        gc.unfreeze()
        gc.enable()
    sys.exit(status)


def _status() -> int:
    """Run the command line and return its exit status."""
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:  # no traceback for a Ctrl-C during imports or at exit
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        import click  # noqa: F401, PLC0415
        import rich  # noqa: F401, PLC0415
    except ImportError as error:
        from ltx_async.extras import install_command  # noqa: PLC0415

        if sys.stderr is not None:  # else `print` would turn to standard output
            print(  # noqa: T201
                f"ltx-async: {error.name} is missing; do: {install_command('cli')}",
                file=sys.stderr,
            )
        return 2
    from ltx_async.cli.app import run  # noqa: PLC0415

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    status = run(sys.argv[1:])
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return status


if __name__ == "__main__":
    main()
