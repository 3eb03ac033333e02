"""Metrics: the options of them that `check` and `watch` share, and how they are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ltx_async.cli.checking.activity import OBSERVED, Observer
from ltx_async.cli.exits import CommandError
from ltx_async.cli.options import F, with_options
from ltx_async.events import AttemptFinished, Event

if TYPE_CHECKING:
    from ltx_async.monitor.metrics import Metrics

_LABEL: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def _labels(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    """Read labels such as `customer=acme`."""
    labels: dict[str, str] = {}
    for text in given:
        name, _, value = text.partition("=")
        if not _LABEL.fullmatch(name) or not value or not value.isprintable():
            raise click.BadParameter(f"{text!r} is no label; write for example customer=acme.")
        if name in labels:
            raise click.BadParameter(f"the label {name} is given twice.")
        labels[name] = value
    return labels


def host_and_port(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    """Read an address such as `0.0.0.0:9464` or `[::1]:9464`."""
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_port = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65_535
    if not bare or not is_port or (":" in bare) != (bare is not host):
        raise click.BadParameter(f"{text!r} is no HOST:PORT; write for example 0.0.0.0:9464.")
    return bare, int(port)


_FILE_OPTIONS: Final = (
    click.option(
        "--metrics-file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write Prometheus metrics to FILE, after each round.",
    ),
    click.option(
        "--metrics-label",
        "metrics_labels",
        multiple=True,
        callback=_labels,
        metavar="NAME=VALUE",
        help="Give each series this label, so that those of two files differ.",
    ),
)


def metrics_options(command: F) -> F:
    """Add `--metrics-file` and `--metrics-label` to a command."""
    return with_options(command, _FILE_OPTIONS)


def make_metrics(
    labels: Mapping[str, str], *, accounts: bool = False, emails: bool = False
) -> Metrics:
    """Make metrics, for which an extra is needed.

    Raises:
        CommandError: it is not installed.
        click.UsageError: a label is one of our own.
    """
    try:
        # They need an extra.
        from ltx_async.monitor.metrics import Metrics  # noqa: PLC0415
        from ltx_async.monitor.series import OWN_LABELS, Series  # noqa: PLC0415
    except ImportError:
        from ltx_async.extras import install_command  # noqa: PLC0415 - takes time to load

        raise CommandError(
            "metrics need prometheus-client.", hint=f"Do: {install_command('metrics')}"
        ) from None
    if taken := OWN_LABELS.intersection(labels):
        raise click.UsageError(f"--metrics-label: {min(taken)} is a label of the metrics' own.")
    return Metrics(Series(labels, emails), accounts)


def told(
    observer: Observer, metrics: Metrics | None
) -> tuple[Callable[[Event], None], frozenset[type[Event]]]:
    """Return a callback that passes each event to both, and the events that they use."""
    if metrics is None:
        return observer, OBSERVED

    def tell(event: Event) -> None:
        observer(event)
        metrics.observe(event)

    return tell, OBSERVED | {AttemptFinished}
