"""The options of `check` alone, and which of them exclude each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from attrs import frozen

from ltx_async.alerts import Thresholds
from ltx_async.cli.checking.thresholds import Only
from ltx_async.cli.exits import BEGIN_ANEW, GO_ON, RUN_AGAIN
from ltx_async.cli.input_options import InputOptions
from ltx_async.cli.saving import METRICS, SUMMARY
from ltx_async.inputs.source import STANDARD_INPUT
from ltx_async.models import Outcome
from ltx_async.results.earlier import Renewal
from ltx_async.results.formats import Existing, format_of
from ltx_async.results.stream import is_stream


@frozen
class CheckOptions:
    """The options of `check` alone; names as on the command line."""

    sources: tuple[str, ...]
    from_api: bool
    inputs: InputOptions
    limit: int | None
    ordered: bool
    dry_run: bool
    output: str
    output_format: str | None
    overwrite: bool
    resume: bool
    retry: frozenset[Outcome]
    retry_failed: bool
    older_than: timedelta | None
    only: Only | None
    min_balance: float | None
    expires_within: tuple[timedelta, ...]
    summary_json: Path | None
    metrics_file: Path | None
    metrics_labels: dict[str, str]

    def verify(self, token_file: str | None) -> None:
        """Refuse what does not go together, before anything is opened.

        Raises:
            click.UsageError: with what to write instead.
            OutputRefusedError: likewise, of an output.
        """
        if bool(self.sources) == self.from_api:
            raise click.UsageError("Give either FILE (- for stdin) or --from-api.")
        if token_file == STANDARD_INPUT and STANDARD_INPUT in self.sources:
            raise click.UsageError("Standard input cannot be both the emails and the API token.")
        if self.sources.count(STANDARD_INPUT) > 1:
            raise click.UsageError("Standard input can be read once only.")
        if self.from_api and self.inputs.given:
            raise click.UsageError("Options of the input go with FILE, not with --from-api.")
        self._verify_format()
        if self.summary_json is not None:
            SUMMARY.verify(self.summary_json, *self.sources, self.output, token_file)
        if self.metrics_file is not None:
            METRICS.verify(
                self.metrics_file, *self.sources, self.output, token_file, self.summary_json
            )
        elif self.metrics_labels:
            raise click.UsageError("--metrics-label needs --metrics-file.")
        if self.existing is Existing.RESUME:
            self._verify_resume()

    def _verify_format(self) -> None:
        if is_stream(self.output):
            return
        form = format_of(self.output)
        if self.output_format not in {None, form.name}:
            raise click.UsageError(
                f"{self.output} is {form.title}; --format is for standard output and named pipes."
            )

    def _verify_resume(self) -> None:
        flag = self._continuing
        if is_stream(self.output):
            raise click.UsageError(f"{flag} needs a file: name the one to continue with -o OUT.")
        if self.overwrite:
            raise click.UsageError(f"Give either {flag} or --overwrite.")
        if self.only is not None:
            raise click.UsageError(
                f"{flag} cannot go with --only: what is not written cannot be told from what is "
                "still to be asked."
            )

    @property
    def thresholds(self) -> Thresholds:
        """When an account needs somebody."""
        return Thresholds(self.min_balance, self.expires_within)

    @property
    def existing(self) -> Existing:
        """What to do with an output that is there already."""
        if self._continuing:
            return Existing.RESUME
        return Existing.OVERWRITE if self.overwrite else Existing.REFUSE

    @property
    def renewal(self) -> Renewal:
        """Which records of an output that is continued are asked for again."""
        outcomes = self.retry | {Outcome.FAILED} if self.retry_failed else self.retry
        before = None if self.older_than is None else datetime.now(UTC) - self.older_than
        return Renewal(outcomes, before)

    @property
    def again(self) -> str:
        """How to go on with the output of a run that ended early."""
        if self.only is not None:
            return BEGIN_ANEW
        return RUN_AGAIN if self.renewal else GO_ON

    @property
    def _continuing(self) -> str:
        """The option by which the output is continued; empty for none."""
        asked = {
            "--retry-failed": self.retry_failed,
            "--retry": bool(self.retry),
            "--older-than": self.older_than is not None,
            "--resume": self.resume,
        }
        return next((flag for flag, is_set in asked.items() if is_set), "")
