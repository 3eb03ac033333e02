import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.cli.terminal.encoding import spell_out_the_unknown
from ltx_async.wording import clipped, inert


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


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "shift_jis"])
def test_what_an_encoding_has_no_characters_for_is_spelt_out(monkeypatch, encoding):
    written = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", written)
    spell_out_the_unknown()
    written.write("\N{GREEK SMALL LETTER ALPHA}\N{THAI DIGIT ONE} → … — ann@example.com")
    written.flush()
    text = written.buffer.getvalue().decode(encoding)
    assert r"\u0e51" in text
    assert text.endswith("ann@example.com")
    if encoding == "ascii":
        assert text == r"\u03b1\u0e51 > ~ - ann@example.com"


def test_how_somebody_wants_errors_of_encoding_treated_stays(monkeypatch):
    written = io.TextIOWrapper(io.BytesIO(), "ascii", errors="replace")
    monkeypatch.setattr(sys, "stdout", written)
    spell_out_the_unknown()
    assert written.errors == "replace"


def test_a_stream_that_is_no_file_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)
    spell_out_the_unknown()
