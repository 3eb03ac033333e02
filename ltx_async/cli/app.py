"""The command group: what there is, loaded when it is called, and how every command ends."""

from __future__ import annotations

import contextlib
import gc
import io
import platform
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

import click

from ltx_async._version import __version__
from ltx_async.cli.exits import ExitStatus, ReaderGoneError, explanation, status_of
from ltx_async.cli.terminal.encoding import columns
from ltx_async.cli.terminal.help_text import Context
from ltx_async.cli.terminal.meant import explained
from ltx_async.cli.terminal.streams import hurry, standard_streams
from ltx_async.errors import LTXError
from ltx_async.wording import inert, wrapped

_COMMANDS: Final = {
    "get": "Look up the accounts of one or more emails.",
    "check": "Look up the accounts of many emails, from a file or a pipe.",
    "watch": "Check again and again, and tell only what has changed.",
    "accounts": "List every configured account, in one request.",
    "serve": "Serve the API on this machine, for tests and trials.",
    "report": "Look at results: outcomes, balances, what ends when.",
    "doctor": "Find out what keeps lookups from working here.",
    "demo": "Watch a few hundred accounts being looked up, without an API token.",
}


@contextlib.contextmanager
def _reader_watched() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None


class LazyCommands(click.Group):
    """A group whose commands are imported when they are called, not for `--help`."""

    context_class: type[click.Context] = Context

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """Parse the arguments, and print the help where they ask for it."""
        with _reader_watched():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with _reader_watched():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the one that was meant."""
        if args[0] not in _COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches  # noqa: PLC0415 - only where none has that name

            if near := get_close_matches(args[0], _COMMANDS, 1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they are of use."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the declaration of one command: its help, arguments and options."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"ltx_async.cli.arguments.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        command.context_class = Context
        command.callback = partial(_carry_out, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _carry_out(name: str, **options: Any) -> int:
    """Import what a command needs to run, aiohttp for one, now that it is to run."""
    body = getattr(import_module(f"ltx_async.cli.commands.{name}"), name)
    if not gc.isenabled():  # as `__main__` leaves it
        gc.freeze()  # what is imported stays, and costs a collection more than all lookups
        gc.enable()
    return int(body(**options))


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    """Tell the versions that a report of a fault should name, without importing aiohttp."""
    if not wanted or context.resilient_parsing:
        return
    from importlib.metadata import version  # noqa: PLC0415 - only where it is asked for

    python, aiohttp = platform.python_version(), version("aiohttp")
    click.echo(f"ltx-async {__version__} (Python {python}, aiohttp {aiohttp})")
    context.exit()


@click.group(
    cls=LazyCommands,
    help="Look up LTX Studio accounts by email, one or a million.",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
The API token comes from USEAPI_TOKEN or --token-file, never as a flag.
First steps, without an API token:
  ltx-async demo""",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the versions and exit.",
)
def commands() -> None:
    """Run `ltx-async`."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status; an expected error is one line on stderr."""
    with standard_streams():
        try:
            result = commands.main(list(arguments), "ltx-async", standalone_mode=False)
            sys.stdout.flush()
        except click.ClickException as error:
            _show(error)
            return error.exit_code
        except LTXError as error:
            _complain(error)
            return status_of(error)
        except ReaderGoneError:
            return ExitStatus.BROKEN_PIPE
        except (KeyboardInterrupt, click.Abort):
            hurry()
            return 130
        return int(result) if isinstance(result, int) else ExitStatus.OK


def _show(error: click.ClickException) -> None:
    """Print an error made inert: it quotes arguments, which may be file names of any kind."""
    if isinstance(error, click.NoSuchOption):
        error = explained(error)
    said = io.StringIO()
    error.show(said)
    width = columns(2)
    for line in said.getvalue().rstrip("\n").split("\n"):
        for part in wrapped(inert(line), width):
            click.echo(part, err=True)


def _complain(error: Exception) -> None:
    from ltx_async.cli.terminal.messages import Talk  # noqa: PLC0415 - nothing has been said so far

    Talk().fail(explanation(error))
