"""The data dictionary names every field that is written, in order, and none that is not."""

import re
from pathlib import Path

import pytest
from command_line import NOW, make_lookup

from ltx_async import Outcome
from ltx_async.alerts import Attention, Need, Thresholds
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.exits import ExitStatus
from ltx_async.monitor.changes import Change, Kind
from ltx_async.reasons import OTHER, as_json
from ltx_async.report import Comparison, Results, summarise
from ltx_async.report.records import Records
from ltx_async.results.columns import COLUMNS

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs" / "data.md").read_text("utf-8")


def rows(text, heading):
    """Return the cells of the first table below a heading."""
    section = text.split(f"\n{heading}\n", 1)[1]
    table = re.search(r"^\| .*\n\|[-|]+\|\n((?:\|.*\n)+)", section, re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()
    ]


def named(heading):
    """Return the names in the first column of a table, in order."""
    return [name for first, *_ in rows(TEXT, heading) for name in re.findall(r"`(\w+)`", first)]


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("## Outcomes", [outcome.value for outcome in Outcome]),
        ("## A record", list(make_lookup(wire={"email": "ann@example.com"}).to_record())),
        ("## A row", list(COLUMNS)),
        ("## A reason", list(as_json({OTHER: 1})[0])),
        ("## Attention", list(Attention("a", ()).as_json())),
        ("## A report", [*summarise(Results("", Records())).as_json(), "changes"]),
        ("## A comparison", list(Comparison("", None, ()).as_json())),
        ("## The summary", list(Summary(Counts(Thresholds()), None, 0.0).as_json())),
    ],
)
def test_every_field_is_named_in_order(heading, names):
    assert named(heading) == names


def test_every_field_of_a_change_is_named_in_order():
    text = (PROJECT / "docs" / "operations.md").read_text("utf-8")
    names = [name for first, *_ in rows(text, "## A watch") for name in re.findall(r"\w+", first)]
    assert names == list(Change(NOW, Kind.NEW, "").as_json())


def test_every_reason_for_attention_is_named_in_order():
    (table,) = re.findall(r"^\| reason \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [need.value for need in Need]


def test_every_exit_status_is_named():
    named = {
        int(number) for first, _ in rows(TEXT, "## Exit statuses") for number in first.split(", ")
    }
    assert named >= {int(status) for status in ExitStatus}
