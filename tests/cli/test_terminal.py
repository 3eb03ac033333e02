import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.cli.terminal import clipped, inert


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字", "plain ünïcode 漢字"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb\nc\td", r"a\rb\nc\td"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f", r"\x7f"),
        ("abc\u202edef\u2066", r"abc\u202edef\u2066"),
        ("a\u2028b\u0085c", r"a\u2028b\x85c"),
        ("\ud800", r"\ud800"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_what_would_move_colour_or_reverse_is_shown_as_an_escape(text, shown):
    assert inert(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_becomes_printable(text):
    assert inert(text).isprintable()


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 50))
def test_a_clipped_text_fits(text, width):
    assert len(clipped(text, width)) <= width


def test_a_cut_is_shown():
    assert clipped("abcdef", 4) == "abc…"
    assert clipped("abcd", 4) == "abcd"
