import io
from pathlib import Path

import pytest
from attrs import evolve
from result_examples import (
    NOW,
    balanced,
    days,
    failed,
    found,
    missing,
    read,
    refused,
    run_of,
    write_jsonl,
)
from rich.cells import cell_len
from rich.console import Console

from ltx_async.cli.terminal.report_text import show_report
from ltx_async.report import compare, summarise

HOSTILE = "\x1b[31mred\x07\r\u202e[bold]x[/bold] :smile:"


@pytest.fixture
def shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def show(newer, older=None, *, width=80, encoding="utf-8"):
        results = read(write_jsonl(Path("run.jsonl"), newer))
        comparison = None
        if older is not None:
            comparison = compare(read(write_jsonl(Path("older.jsonl"), older)), results)
        file = io.TextIOWrapper(io.BytesIO(), encoding)
        console = Console(file=file, width=width, markup=False, emoji=False, highlight=False)
        show_report(summarise(results), comparison, console)
        file.flush()
        return file.buffer.getvalue().decode(encoding)

    return show


@pytest.mark.parametrize("width", [40, 72, 80, 200])
def test_the_report_fits_the_terminal(shown, width):
    lookups = [*run_of(200), failed(f"{'long' * 30}@example.com"), refused("x" * 300)]
    older = [balanced("user000001@example.com", 1), missing("user000002@example.com"), *run_of(50)]
    lines = shown(lookups, older, width=width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert len(lines) > 50


def test_where_the_results_are_from_is_told(shown):
    emulated, real = (
        evolve(missing(email), base_url=url)
        for email, url in (
            ("a@x", "http://127.0.0.1:8080/v1\x1b[31m"),
            ("b@x", "https://api.example/v1"),
        )
    )
    assert "asked at" not in shown([missing()])
    assert r"asked at http://127.0.0.1:8080/v1\x1b[31m" in shown([emulated, refused()])
    both = shown([emulated, real], width=200)
    assert "asked at" not in both
    assert r"Asked at 2 base URLs: http://127.0.0.1:8080/v1\x1b[31m (1 email), https://" in both


def test_every_section_is_there_with_its_figures(shown):
    text = shown(
        [
            balanced("ann@example.com", 1500, refreshTokenExpireUTC=days(3)),
            balanced("bob@example.com", 500, tokenExpireUTC=days(-1), attempts=2, elapsed=1.5),
            missing("eve@example.com"),
        ]
    )
    assert "3 emails\nchecked until 11 Mar 2026, 14:03 UTC\n" in text
    assert "2 66.7%" in text
    assert "2,000 in 2 accounts\n  median 500, lowest 500" in text
    assert "Sign-ins ending, by week from\n  ended" in text
    assert "1,500 ms  bob@example.com  ok, 2 attempts" in text


def test_bars_are_to_scale_and_even_the_smallest_shows(shown):
    text = shown(
        [*(found(f"{n}@example.com") for n in range(1000)), missing(), failed("x@example.com")]
    )
    bars = {line.split()[0]: line.count("█") for line in text.splitlines() if "█" in line}
    assert bars["ok"] == 40
    assert [line for line in text.splitlines() if "not_found" in line and "▏" in line]


def test_a_terminal_without_unicode_gets_plain_bars(shown):
    text = shown([found(), missing("bob@example.com")], encoding="ascii")
    assert "####" in text


def test_changes_are_told_with_what_is_wrong(shown):
    text = shown(
        [found("ann@example.com", error="Sign in again"), balanced("bob@example.com", 70)],
        [found("ann@example.com"), balanced("bob@example.com", 100)],
    )
    assert "Changes since 11 Mar 2026, 14:03 UTC" in text
    assert "1  newly broken" in text
    assert "newly broken  ann@example.com  Sign in again" in text
    assert "bob@example.com  -30 LTX tokens" in text
    assert "balances known twice: -30 LTX tokens" in text


def test_many_changes_are_cut_and_counted(shown):
    assert "and 5 more" in shown(
        [found(f"{n}@example.com") for n in range(15)],
        [found("0@example.com"), found("gone@example.com")],
    )


def test_server_text_is_inert(shown):
    text = shown([found(f"{HOSTILE}@example.com", error=HOSTILE)], [])
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "[bold]x[/bold]" in text
    assert ":smile:" in text


def test_empty_results_and_absent_figures_are_said(shown):
    assert shown([]).splitlines()[1:] == ["0 emails"]
    text = shown([refused()])
    assert "no balances in these results" in text
    assert text.count("no such dates in these results") == 2
    assert "Slowest" not in text


def test_remarks_are_shown(shown):
    text = shown([found(at=NOW.replace(year=2025))], [found(at=NOW)])
    assert "are the newer ones" in " ".join(text.split())
