"""The options that several commands share."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from ltx_async.cli.values import FILE_NAME, number, seconds

F = TypeVar("F", bound=Callable[..., Any])


def transport_found(_context: click.Context, _option: click.Parameter, name: str | None) -> str:
    """Choose the direct transport by default, where the extra `speed` is installed."""
    if name is not None:
        return name
    from ltx_async.transport import missing  # noqa: PLC0415 - aiohttp, not needed for --help

    if (reason := missing()) is None:
        return "direct"
    if importlib.util.find_spec("httptools") is not None:
        click.echo(f"ltx-async: warning: no direct transport: {reason}", err=True)
    return "session"


def proxy(context: click.Context, option: click.Parameter, url: str | None) -> str | None:
    """Refuse credentials on the command line, where other users of the machine see them."""
    on_the_command_line = (
        context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    )
    if url is not None and "@" in url and on_the_command_line:
        raise click.BadParameter(
            "user and password would show in the list of processes; give the URL as "
            f"{variable('proxy')}, or with --trust-env as HTTPS_PROXY."
        )
    return url


def variable(option: str) -> str:
    """Return the environment variable that stands for an option of how to ask."""
    return f"LTX_ASYNC_{option.lstrip('-').replace('-', '_').upper()}"


class _Asking(click.Option):
    """An option of how to ask; errors name the environment variable if the value is from there."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Name what gave the value."""
        source = None if ctx is None else ctx.get_parameter_source(self.name or "")
        if source is ParameterSource.ENVIRONMENT:
            return f"'{self.envvar}'"
        return super().get_error_hint(ctx)


def _asking(name: str, **attributes: Any) -> Callable[[F], F]:
    """Return an option of how to ask, for which an environment variable may stand."""
    return click.option(name, cls=_Asking, envvar=variable(name), **attributes)


_CLIENT_OPTIONS: Final = (
    _asking(
        "--token-file",
        type=FILE_NAME,
        metavar="FILE|-",
        help="Read the API token from FILE or stdin, in place of USEAPI_TOKEN.",
    ),
    _asking("--base-url", metavar="URL", help="Ask this server, in place of USEAPI_API."),
    _asking("--allow-http", is_flag=True, help="Allow plain http to another machine."),
    _asking(
        "--concurrency",
        type=click.IntRange(1, 100_000),
        default=20,
        show_default=True,
        metavar="N",
        help="Requests under way at a time.",
    ),
    _asking(
        "--rate",
        callback=number(above=True),
        metavar="N",
        help="Requests per second, evenly paced.  [no limit]",
    ),
    _asking(
        "--timeout",
        callback=seconds(above=True),
        default="30",
        show_default=True,
        metavar="SECONDS",
        help="Longest attempt.",
    ),
    _asking(
        "--deadline",
        callback=seconds(above=True),
        default="300",
        show_default=True,
        metavar="SECONDS",
        help="Longest lookup, retries included.",
    ),
    _asking(
        "--attempts",
        type=click.IntRange(1, 1000),
        default=3,
        show_default=True,
        metavar="N",
        help="Requests per email that may fail.",
    ),
    _asking(
        "--max-wait",
        callback=seconds(),
        default="60",
        show_default=True,
        metavar="SECONDS",
        help="Longest wait that the server may ask for.",
    ),
    _asking(
        "--transport",
        type=click.Choice(["session", "direct"]),
        callback=transport_found,
        help="How requests are sent.  [direct if it can]",
    ),
    _asking(
        "--proxy",
        callback=proxy,
        metavar="URL",
        help="Ask through this http proxy; with a password, give it as LTX_ASYNC_PROXY.",
    ),
    _asking("--trust-env", is_flag=True, help="Ask through the proxy of HTTPS_PROXY, NO_PROXY ..."),
    _asking(
        "--ca-file",
        type=FILE_NAME,
        metavar="PEM",
        help="Trust the certificate authorities in this file too.",
    ),
    _asking("--user-agent", metavar="TEXT", help="What requests call themselves."),
)


def client_options(command: F) -> F:
    """Add the options of `ClientOptions` to a command."""
    return with_options(command, _CLIENT_OPTIONS)


def with_options(command: F, options: Sequence[Callable[[F], F]]) -> F:
    """Add options to a command; its help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


_INPUT_OPTIONS: Final = (
    click.option("--column", metavar="NAME", help="Where in a table the emails are.  [email]"),
    click.option(
        "--input-format",
        type=click.Choice(["text", "csv", "tsv", "jsonl", "json"]),
        metavar="FORMAT",
        help="What FILE is: text, csv, tsv, jsonl or json.  [by its name and content]",
    ),
    click.option("--delimiter", metavar="CHAR", help="What separates the cells of a table."),
    click.option("--encoding", metavar="NAME", help="Of the text in FILE.  [utf-8]"),
    click.option("--extract", is_flag=True, help="Take addresses out of lines that hold more."),
)


def input_options(command: F) -> F:
    """Add the options that say what the inputs are."""
    return with_options(command, _INPUT_OPTIONS)


def quiet_option(command: F) -> F:
    """Add `--quiet`."""
    return click.option(
        "-q", "--quiet", is_flag=True, help="Only data, alerts, warnings and errors."
    )(command)


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="JSON lines, on a terminal too.")(
        command
    )
