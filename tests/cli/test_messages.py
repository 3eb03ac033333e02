import io
import logging
import sys

import pytest
from rich.console import Console

from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.errors import ConfigurationError


def test_control_characters_in_a_line_become_escapes(capfd):
    Talk(console=None).line("a\x1b[31mb\nc")
    assert capfd.readouterr().err == "a\\x1b[31mb\\nc\n"


def said_on_a_terminal(text, width):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, markup=False, highlight=False)
    Talk(console=console).line(text)
    return screen.getvalue()


def test_markup_is_printed_as_it_is_and_long_words_are_not_broken_up():
    assert said_on_a_terminal("[bold-red]" + "x" * 40, 20) == "[bold-red]" + "x" * 40 + "\n"


def test_a_long_line_is_broken_between_words_on_a_terminal_and_nowhere_else(capfd):
    text = "error: out.jsonl: exists already. Continue it with --resume, or choose another name."
    assert said_on_a_terminal(text, 40).splitlines() == [
        "error: out.jsonl: exists already.",
        "  Continue it with --resume, or choose",
        "  another name.",
    ]
    Talk(console=None).line(text)
    assert capfd.readouterr().err == f"{text}\n"


def test_an_empty_line_and_the_figures_of_a_table_stay_as_they_are():
    assert said_on_a_terminal("", 40) == "\n"
    assert said_on_a_terminal(f"{'ok':>14}  {12:>11,}", 40) == f"{'ok':>14}  {12:>11,}\n"


def test_a_command_on_a_narrow_terminal_can_still_be_copied():
    said = said_on_a_terminal("  ltx-async accounts --base-url http://127.0.0.1:8080/v1", 40)
    assert said == "  ltx-async accounts --base-url \\\n  http://127.0.0.1:8080/v1\n"


def test_colour_is_left_out_under_no_color(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    screen = io.StringIO()
    Talk(console=Console(file=screen, force_terminal=True)).warn("x")
    assert screen.getvalue() == "warning: x\n"


def test_quiet_talk_says_only_what_matters(capfd):
    talk = Talk(quiet=True, console=None)
    talk.say("progress")
    talk.warn("careful")
    talk.fail("broken")
    assert capfd.readouterr().err == "warning: careful\nerror: broken\n"


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_standard_error_that_is_no_file_is_no_terminal(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    talk = Talk()
    assert talk.console is None
    talk.line("said to nobody")


def test_a_closed_standard_error_breaks_nothing(monkeypatch):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    Talk(console=None).line("said to nobody")


def test_a_dumb_terminal_is_none(monkeypatch):
    monkeypatch.setattr("os.isatty", lambda _descriptor: True)
    monkeypatch.setenv("TERM", "xterm")
    assert is_terminal(1)
    assert Talk(quiet=True).console is not None
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(1)


@pytest.mark.parametrize(
    ("level", "shown"), [("debug", "diw"), ("INFO", "iw"), ("", "w"), ("error", ""), (" ", "w")]
)
def test_the_log_shows_what_its_variable_asks_for(capfd, monkeypatch, level, shown):
    monkeypatch.setenv("LTX_ASYNC_LOG", level)
    logger = logging.getLogger("ltx_async")
    with Talk(quiet=True, console=None).logging():
        logger.debug("d\x1b")
        logger.info("i")
        logger.warning("w")
    lines = capfd.readouterr().err.splitlines()
    assert "".join(line.split(": ")[1][0] for line in lines) == shown
    assert logger.handlers == []


@pytest.mark.parametrize("before", [logging.NOTSET, logging.CRITICAL, logging.DEBUG])
def test_afterwards_the_log_is_as_it_was_and_its_levels_are_asked_anew(monkeypatch, caplog, before):
    monkeypatch.setenv("LTX_ASYNC_LOG", "info")
    logger = logging.getLogger("ltx_async")
    caplog.set_level(before, "ltx_async")
    loggers = [logger, logging.getLogger("ltx_async.doubts")]
    levels = [logging.DEBUG, logging.INFO, logging.ERROR]

    def enabled():
        return [one.isEnabledFor(level) for one in loggers for level in levels]

    expected = enabled()
    with Talk(quiet=True, console=None).logging():
        assert enabled() == [False, True, True] * 2
    assert (logger.level, enabled()) == (before, expected)


@pytest.mark.parametrize("level", ["junk", "10", "critical", "debug,info", "\x1b[31m"])
def test_a_level_that_is_none_is_refused_with_those_there_are(monkeypatch, level):
    monkeypatch.setenv("LTX_ASYNC_LOG", level)
    talking = Talk(quiet=True, console=None).logging()
    with pytest.raises(ConfigurationError, match="LTX_ASYNC_LOG is no level") as caught, talking:
        pass
    assert "debug, info, warning, error" in caught.value.hint
    assert logging.getLogger("ltx_async").handlers == []
