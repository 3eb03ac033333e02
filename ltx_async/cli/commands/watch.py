"""`ltx-async watch`: check again and again, and tell only what has changed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltx_async.alerts import Thresholds
from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.input_options import InputOptions, input_options
from ltx_async.cli.checking.thresholds import threshold_options
from ltx_async.cli.exits import CommandError, port_refused
from ltx_async.cli.options import client_options, duration, quiet_option
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.watching.alert_command import AlertCommand, parse_command
from ltx_async.cli.watching.announcer import Announcer, change_writer
from ltx_async.cli.watching.options import WatchOptions
from ltx_async.cli.watching.rounds import Watch
from ltx_async.events import Event
from ltx_async.monitor.standing import Rules
from ltx_async.monitor.state import StateFile

if TYPE_CHECKING:
    from ltx_async.monitor.metrics import Metrics


@click.command(
    help="""Check again and again, and tell only what has changed.

    FILE is as for check, and is read again in each round. Changes go to standard output, a
    line each; alerts go to standard error instead, once: an account that is broken, gone, low,
    about to expire or well again, and the service going and coming back. With --json they are
    on standard output too.""",
    epilog="""\b
Examples:
  ltx-async watch emails.txt --min-balance 10 --expires-within 7d
  ltx-async watch --from-api --every 15m --on-alert ./mail-me.sh
  ltx-async watch --list-only --rounds 1 --state watch.json --expires-within 7d,1d
  ltx-async watch --from-api --metrics-port 9464 --quiet

The alert command gets one JSON object, {"alerts": [...]}, on its standard
input; no shell runs it. Metrics label accounts by a hash of the email,
which --json shows as "account"; --metrics-emails puts the email there.""",
)
@click.argument("source", metavar="[FILE]", required=False, type=click.Path(dir_okay=False))
@click.option("--from-api", is_flag=True, help="Watch every account of the list call.")
@click.option(
    "--list-only", is_flag=True, help="The same with one request a round, without balances."
)
@input_options
@click.option(
    "--every", callback=duration, default="5m", show_default=True, metavar="5m", help="How often."
)
@click.option("--rounds", type=click.IntRange(1), metavar="N", help="End after so many.")
@click.option("--json", "as_json", is_flag=True, help="Changes as JSON lines.")
@threshold_options
@click.option(
    "--remind", callback=duration, metavar="1d", help="Tell again of what is wrong for so long."
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Remember in FILE what was told, over restarts and runs from cron.",
)
@click.option("--on-alert", metavar="CMD", help="Run this once a round that has alerts.")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Serve Prometheus metrics on 127.0.0.1.",
)
@click.option(
    "--metrics-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write them to FILE after each round.",
)
@click.option("--metrics-emails", is_flag=True, help="Label accounts by email.")
@client_options
@quiet_option
@in_event_loop
async def watch(talk: Talk, interrupt: Interrupt, **options: Any) -> int:
    """Run `ltx-async watch`."""
    options["inputs"] = InputOptions(**{n: options.pop(n) for n in InputOptions.__annotations__})
    own = {name: options.pop(name) for name in WatchOptions.__annotations__}
    watch_options, client = WatchOptions(**own), ClientOptions(**options)
    watch_options.verify(client.token_file)
    return await _watch(watch_options, client, talk=talk, interrupt=interrupt)


async def _watch(
    options: WatchOptions, client_options: ClientOptions, *, talk: Talk, interrupt: Interrupt
) -> int:
    observer, metrics = Observer(), _metrics(options)
    argv = None if options.on_alert is None else parse_command(options.on_alert)
    async with contextlib.AsyncExitStack() as stack:
        if metrics is not None and options.metrics_port is not None:
            port = _served(metrics, options.metrics_port, stack)
            talk.say(f"metrics: http://127.0.0.1:{port}/metrics")
        state = None if options.state is None else StateFile(options.state)
        if state is not None:
            stack.callback(state.close)
        making = client_options.client(talk, _tell_both(observer, metrics))
        client = await unless_interrupted(interrupt, making)
        watching = Watch(
            client=await stack.enter_async_context(client),
            observer=observer,
            source=options.source,
            inputs=options.inputs,
            list_only=options.list_only,
            every=options.every.total_seconds(),
            rounds=options.rounds,
            rules=Rules(Thresholds(options.min_balance, options.expires_within), options.remind),
            announcer=Announcer(talk, change_writer(as_json=options.as_json), options.as_json),
            command=None if argv is None else AlertCommand(argv, talk),
            state=state,
            talk=talk,
            metrics=metrics,
            metrics_file=options.metrics_file,
        )
        return await watching.run(interrupt)


def _metrics(options: WatchOptions) -> Metrics | None:
    if not options.wants_metrics:
        return None
    try:
        from ltx_async.monitor.metrics import Metrics  # noqa: PLC0415 - needs an extra
    except ImportError:
        raise CommandError(
            "metrics need prometheus-client.", hint="Do: pip install 'ltx_async[metrics]'"
        ) from None
    return Metrics(emails=options.metrics_emails)


def _served(metrics: Metrics, port: int, stack: contextlib.AsyncExitStack) -> int:
    try:
        return stack.enter_context(metrics.served(port))
    except OSError as error:
        raise port_refused("metrics port", port, error) from error


def _tell_both(observer: Observer, metrics: Metrics | None) -> Callable[[Event], None]:
    if metrics is None:
        return observer

    def tell(event: Event) -> None:
        observer(event)
        metrics.observe(event)

    return tell
