"""The options of `watch`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from attrs import frozen

from ltx_async.cli.input_options import InputOptions
from ltx_async.cli.saving import METRICS, verify_named
from ltx_async.files.private import verify_distinct, verify_replaceable
from ltx_async.inputs.source import STANDARD_INPUT

_LOOPBACK: Final = "127.0.0.1"


@frozen
class WatchOptions:
    """The options of `watch` alone; names as on the command line."""

    source: str | None
    from_api: bool
    inputs: InputOptions
    every: timedelta
    rounds: int | None
    as_json: bool
    min_balance: float | None
    expires_within: tuple[timedelta, ...]
    remind: timedelta | None
    state: Path | None
    list_only: bool
    on_alert: str | None
    metrics_port: int | None
    metrics_address: tuple[str, int] | None
    metrics_file: Path | None
    metrics_labels: dict[str, str]
    metrics_accounts: str
    metrics_emails: bool

    def verify(self, token_file: str | None) -> None:
        """Refuse what does not go together, before anything is asked.

        Raises:
            click.UsageError: with what to write instead.
            OutputRefusedError: likewise, of the metrics file.
        """
        if (self.source is None) != (self.from_api or self.list_only):
            raise click.UsageError("Give either FILE, or --from-api or --list-only.")
        if self.list_only and self.min_balance is not None:
            raise click.UsageError(
                "The list of accounts has no balance: --min-balance needs --from-api alone."
            )
        if self.source == STANDARD_INPUT:
            raise click.UsageError("Standard input cannot be read again: give a FILE.")
        if self.source is None and self.inputs.given:
            raise click.UsageError("Options of the input go with FILE, not with --from-api.")
        if not self.every:
            raise click.UsageError("--every must be above 0.")
        if self.remind is not None and not self.remind:
            raise click.UsageError("--remind must be above 0.")
        self._verify_metrics()
        if self.metrics_file is not None:
            METRICS.verify(self.metrics_file, self.source, token_file)
        if self.state is not None:
            verify_named("--state", self.state)
            verify_distinct(self.state, self.source, token_file, self.metrics_file)
            verify_replaceable(self.state)

    def _verify_metrics(self) -> None:
        if self.metrics_port is not None and self.metrics_address is not None:
            raise click.UsageError("Give either --metrics-port or --metrics-address.")
        if self.metrics_emails and not self.single_accounts:
            raise click.UsageError("--metrics-emails needs --metrics-accounts all.")
        if (self.single_accounts or self.metrics_labels) and not self.wants_metrics:
            raise click.UsageError(
                "Options of the metrics need --metrics-port, --metrics-address or --metrics-file."
            )

    @property
    def served_at(self) -> tuple[str, int] | None:
        """The host and the port where metrics are served; None for nowhere."""
        if self.metrics_port is not None:
            return _LOOPBACK, self.metrics_port
        return self.metrics_address

    @property
    def single_accounts(self) -> bool:
        """Whether single accounts have series."""
        return self.metrics_accounts == "all"

    @property
    def wants_metrics(self) -> bool:
        """Whether figures are to be kept."""
        return self.served_at is not None or self.metrics_file is not None
