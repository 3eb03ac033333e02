"""The options that several commands share, and the types of their values."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from ltx_async.models import Outcome

F = TypeVar("F", bound=Callable[..., Any])


FILE_NAME: Final = click.Path(allow_dash=True, readable=False)
"""A file name that shells complete; it is checked only when it is opened."""

Callback = Callable[[click.Context, click.Parameter, Any], Any]


def number(low: float = 0.0, *, above: bool = False) -> Callback:
    """Return a callback that reads a finite number of at least, or `above`, `low`."""

    def read(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < low or (above and value == low):
            relation = "above" if above else "of at least"
            raise click.BadParameter(f"{text!r} is not a number {relation} {low:g}.")
        return value

    return read


def duration(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> timedelta | None:
    """Read a time span such as `300`, `12h`, `7d`, `2w`."""
    return None if text is None else time_span(text)


def time_span(text: str, *, unit: str | None = "s") -> timedelta:
    """Read a time span as `parse_duration` does.

    Raises:
        click.BadParameter: the text has another form.
    """
    try:
        return parse_duration(text, unit=unit)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def seconds(*, above: bool = False, unit: str = "s") -> Callback:
    """Return a callback that reads a time span of at least, or `above`, 0 as seconds."""

    def read(_context: click.Context, _option: click.Parameter, text: str) -> float:
        value = time_span(text, unit=unit).total_seconds()
        if above and not value:
            raise click.BadParameter(f"{text!r} is not above 0.")
        return value

    return read


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


def outcomes(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> frozenset[Outcome]:
    """Read outcomes that are joined by commas; none where the option is not given."""
    return frozenset() if text is None else frozenset(map(Outcome, chosen(text, *Outcome)))


def chosen(text: str, *choices: str) -> frozenset[str]:
    """Read some of `choices` that are joined by commas.

    Raises:
        click.BadParameter: there is another name among them.
    """
    names = frozenset(name.strip() for name in text.split(","))
    if not names.issubset(choices):
        raise click.BadParameter(f"{text!r}: choose from {', '.join(choices)}.")
    return names


def outcome_names(_context: click.Context, _option: click.Parameter, typed: str) -> list[str]:
    """Complete the first outcome; the shells' scripts know no value with a comma in it."""
    return [name.value for name in Outcome if name.startswith(typed)]


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


def parse_duration(text: str, *, unit: str | None = "s") -> timedelta:
    """Read a duration such as `90`, `90s`, `1.5m`, `12h`, `7d`, `2w`, `20ms`.

    Args:
        text: a number of at least 0, and what it counts.
        unit: what it counts where it does not say; None where it has to say.

    Raises:
        ValueError: the text has another form.
    """
    found = _DURATION.fullmatch(text.strip())
    number, unit = (text, unit) if found is None else found.groups()
    try:
        value = float(number) if text.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MOST or unit is None:
        raise ValueError(f"{text!r} is no duration; write for example 30, 15m, 12h, 7d or 2w")
    return timedelta(seconds=value * _UNITS[unit])


_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOST: Final = 999_999_999


_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|[smhdw])", re.ASCII)
