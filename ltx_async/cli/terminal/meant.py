"""What people type for an option, out of the habit of another program."""

from __future__ import annotations

from typing import Final

import click

_ALIASES: Final = {
    "--base-url": ("--url", "--api-url", "--api", "--endpoint", "--server", "--host"),
    "--ca-file": ("--ca", "--cacert", "--ca-bundle", "--ca-cert", "--cert"),
    "--concurrency": (
        *("-c", "-j", "-w", "-p", "--jobs", "--workers", "--parallel", "--threads", "--tasks"),
        *("--connections", "--max-connections", "--max-concurrency", "--concurrent"),
    ),
    "--attempts": ("--retries", "--retry", "--max-retries", "--tries", "--max-attempts"),
    "--rate": ("--rps", "--qps", "--rate-limit", "--max-rate", "--throttle", "--limit-rate"),
    "--proxy": ("-x", "--http-proxy", "--https-proxy"),
    "--timeout": ("-m", "--max-time", "--time-out", "--request-timeout"),
    "--user-agent": ("-A", "--agent"),
    "--output": ("-O", "--out", "--outfile", "--out-file", "--output-file", "--save"),
    "--overwrite": ("-y", "--yes", "--force", "--replace", "--clobber"),
    "--resume": ("--continue", "--append", "--restart"),
    "--quiet": ("-s", "--silent", "--no-progress"),
    "--limit": ("-l", "--head", "--max", "--count", "--number", "--max-emails"),
    "--ordered": ("--order", "--in-order", "--keep-order", "--sorted", "--sort"),
    "--dry-run": ("--dryrun", "--check", "--plan"),
    "--every": ("--interval", "--period", "--sleep"),
    "--rounds": ("--once", "--times", "--repeat"),
    "--only": ("--filter", "--outcome", "--status"),
    "--format": ("--csv", "--tsv", "--jsonl", "--json"),
}
_NO_OPTIONS: Final = {
    ("--token", "--api-token", "--api-key", "--key", "-t", "-u", "--user"): (
        "The API token is never an option: set USEAPI_TOKEN, or give --token-file FILE."
    ),
    ("-k", "--insecure", "--no-verify", "--no-check-certificate", "--verify"): (
        "Certificates are always verified; --ca-file PEM trusts one more authority."
    ),
    ("-v", "--verbose", "--debug", "--log-level"): (
        "Set LTX_ASYNC_LOG=debug in the environment to see every attempt."
    ),
    ("-f", "-i", "--file", "--input", "--emails", "--email", "--from"): (
        "Inputs are named without an option: check FILE, get EMAIL."
    ),
    ("--color", "--colour", "--no-color", "--no-colour"): (
        "Colours are for terminals; NO_COLOR=1 in the environment turns them off."
    ),
}


def explained(error: click.NoSuchOption) -> click.NoSuchOption:
    """Return the error with the option that was meant, where that is known."""
    typed, context = error.option_name, error.ctx
    there = [] if context is None else context.command.params
    known = {name for option in there for name in option.opts}
    for option, names in _ALIASES.items():
        if typed in names and option in known:
            message = f"{error.message} Did you mean {option!r}?"
            return click.NoSuchOption(typed, message, ctx=context)
    for names, advice in _NO_OPTIONS.items():
        if typed in names:
            return click.NoSuchOption(typed, f"{error.message} {advice}", ctx=context)
    return error
