"""A wrong option is told with the one that was meant."""

import click
import pytest

from ltx_async.cli import app
from ltx_async.cli.terminal.meant import _ALIASES, _NO_OPTIONS

MEANT = {
    ("check", "--url=x"): "--base-url",
    ("get", "-c", "3"): "--concurrency",
    ("check", "--threads", "3"): "--concurrency",
    ("check", "--retries", "3"): "--attempts",
    ("watch", "--interval", "5m"): "--every",
    ("watch", "--once"): "--rounds",
    ("check", "--force"): "--overwrite",
    ("report", "--force"): "--overwrite",
    ("check", "--out", "x.csv"): "--output",
    ("accounts", "--silent"): "--quiet",
    ("doctor", "--cacert", "x"): "--ca-file",
}


@pytest.mark.parametrize(("typed", "meant"), MEANT.items(), ids=str)
def test_the_option_that_was_meant_is_named(ltx, typed, meant):
    ended = ltx(*typed)
    option = typed[1].partition("=")[0]
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.endswith(f"Error: No such option '{option}'. Did you mean '{meant}'?\n")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("get", "--token", "user:1-secret"), "USEAPI_TOKEN"),
        (("check", "--api-key=user:1-secret"), "USEAPI_TOKEN"),
        (("doctor", "-k"), "--ca-file"),
        (("check", "-v"), "LTX_ASYNC_LOG=debug"),
        (("check", "--file", "x"), "check FILE"),
        (("report", "--no-color"), "NO_COLOR=1"),
    ],
)
def test_what_is_no_option_is_said_with_what_there_is_instead(ltx, typed, words):
    ended = ltx(*typed)
    assert ended.status == 2
    assert words in ended.err.splitlines()[-1]
    assert "secret" not in ended.err


def test_what_is_not_there_is_not_recommended(ltx):
    assert "--concurrency" not in ltx("report", "--threads", "3").err
    assert ltx("get", "--nothing-like-it").err.endswith("No such option '--nothing-like-it'.\n")


def test_every_option_that_may_be_meant_exists_and_no_habit_has_two_meanings():
    context = click.Context(app.commands)
    names = {
        name
        for command in app.commands.list_commands(context)
        for option in app.commands.get_command(context, command).params
        for name in option.opts
    }
    assert set(_ALIASES) <= names
    typed = [name for group in (*_ALIASES.values(), *_NO_OPTIONS) for name in group]
    assert len(typed) == len(set(typed))
