"""`ltx-async watch`: check again and again, and tell only what has changed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from yarl import URL

from ltx_async.alerts import Thresholds
from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.measuring import make_metrics, told
from ltx_async.cli.exits import not_served
from ltx_async.cli.input_options import InputOptions
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.watching.alert_command import AlertCommand, parse_command
from ltx_async.cli.watching.announcer import Announcer, change_writer
from ltx_async.cli.watching.options import WatchOptions
from ltx_async.cli.watching.rounds import Watch
from ltx_async.errors import LTXError
from ltx_async.monitor.standing import Rules
from ltx_async.monitor.state import StateFile
from ltx_async.transport.loopback import is_loopback

if TYPE_CHECKING:
    from ltx_async.monitor.metrics import Metrics


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
    observer, metrics = Observer(talk), _metrics(options)
    argv = None if options.on_alert is None else parse_command(options.on_alert)
    async with contextlib.AsyncExitStack() as stack:
        if metrics is not None and options.served_at is not None:
            _serve(metrics, *options.served_at, stack, talk)
        state = None if options.state is None else StateFile(options.state)
        if state is not None:
            stack.callback(state.close)
        making = client_options.client(talk, *told(observer, metrics))
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
    metrics = make_metrics(
        options.metrics_labels, accounts=options.single_accounts, emails=options.metrics_emails
    )
    if options.metrics_file is not None:
        metrics.recall(options.metrics_file)
    return metrics


def _serve(
    metrics: Metrics, host: str, port: int, stack: contextlib.AsyncExitStack, talk: Talk
) -> None:
    try:
        port = stack.enter_context(metrics.served(host, port))
    except (OSError, UnicodeError) as error:
        raise not_served(LTXError, "metrics ", host, port, error) from error
    talk.say(f"metrics: {URL.build(scheme='http', host=host, port=port, path='/metrics')}")
    if metrics.series.emails and not is_loopback(host):
        talk.warn(f"{host} is not loopback: other machines may read the emails in the metrics.")
