import csv
import json
import os
import re
import resource
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from result_examples import NOW, WRITERS, balanced, found, missing, run_of, write_jsonl

from ltx_async.extras import install_command
from ltx_async.models import timestamp


@pytest.fixture
def results(tmp_path):
    return write_jsonl(tmp_path / "run.jsonl", run_of(40))


@pytest.fixture
def without_plotly(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_summary_goes_to_standard_output(ltx, tmp_path, suffix):
    ended = ltx("report", WRITERS[suffix](tmp_path / f"run{suffix}", run_of(40)))
    assert (ended.status, ended.err) == (0, "")
    assert "40 emails" in ended.out


@pytest.mark.parametrize("key", ["sign_ins", "access_tokens"])
def test_the_weeks_of_results_without_a_record_begin_with_this_one(ltx, tmp_path, key):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    weeks = json.loads(ltx("report", tmp_path / "empty.jsonl", "--json").out)[key]["weeks"]
    begins = datetime.fromisoformat(weeks[0]["begins"]).replace(tzinfo=UTC)
    assert timedelta(0) <= datetime.now(UTC) - begins < timedelta(days=8)


def test_json_is_one_object_with_the_changes(ltx, tmp_path, results):
    older = write_jsonl(tmp_path / "older.jsonl", [balanced("gone@example.com", 1)])
    ended = ltx("report", results, "--since", older, "--json")
    figures = json.loads(ended.out)
    assert figures["accounts"] == 40
    assert figures["changes"]["counts"]["gone"] == 1
    assert json.loads(ltx("report", results, "--json").out)["changes"] is None


def test_the_terminal_report_needs_no_plotly(ltx, results, without_plotly):
    assert ltx("report", results).status == 0


def test_a_missing_extra_is_named_in_one_line(ltx, results, without_plotly, tmp_path):
    ended = ltx("report", results, "-o", "report.html")
    assert ended.status == 2
    assert install_command("report") in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("name", ["none.jsonl", "some.txt", "."])
def test_a_bad_file_is_one_line_and_exit_2(ltx, tmp_path, name):
    (tmp_path / "some.txt").write_text("hello\n")
    ended = ltx("report", name)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)


def test_bad_older_results_are_one_line_and_exit_2(ltx, results):
    ended = ltx("report", results, "--since", "none.jsonl")
    assert (ended.status, ended.err.count("\n")) == (2, 1)


def test_a_torn_end_is_said_and_the_rest_is_reported(ltx, results):
    results.write_bytes(results.read_bytes()[:-20])
    ended = ltx("report", results)
    assert ended.status == 0
    assert "39 emails" in ended.out
    assert "torn" in ended.out


def test_the_command_line_does_not_import_plotly_for_the_terminal(results):
    script = (
        "import sys; from ltx_async.cli.app import run; status = run(['report', sys.argv[1]]);"
        "sys.exit(status or ('plotly' in sys.modules) * 9)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, results], capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_without_unicode_shows_every_address(tmp_path, encoding):
    results = write_jsonl(tmp_path / "run.jsonl", [found("\u6f22\u5b57@example.com", error="x")])
    ended = subprocess.run(
        [sys.executable, "-m", "ltx_async", "report", results],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    shown = "\u6f22\u5b57" if encoding == "utf-8" else r"\u6f22\u5b57"
    assert f"{shown}@example.com" in ended.stdout.decode(encoding)


class TestPage:
    """What needs plotly."""

    @pytest.fixture(autouse=True)
    def plotly(self):
        pytest.importorskip("plotly", reason="the extra `report` is not installed")

    def test_it_is_private_and_announced_on_standard_error(self, ltx, results, tmp_path):
        old = os.umask(0)
        try:
            ended = ltx("report", results, "-o", "report.html")
        finally:
            os.umask(old)
        assert (ended.status, ended.out) == (0, "")
        assert "report.html" in ended.err
        assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == 0o600
        assert ltx("report", results, "-o", "second.html", "--quiet").err == ""

    def test_a_name_that_promises_another_format_is_refused(self, ltx, results):
        ended = ltx("report", results, "-o", "report.pdf")
        assert ended.status == 2
        assert ended.err == (
            "error: report.pdf: a report in a file is HTML. End the name in .html.\n"
        )
        assert not Path("report.pdf").exists()

    def test_an_existing_file_is_refused_unless_told_to(self, ltx, results, tmp_path):
        page = tmp_path / "report.html"
        page.write_text("mine")
        ended = ltx("report", results, "-o", page)
        assert (ended.status, page.read_text()) == (2, "mine")
        assert "--overwrite" in ended.err
        assert ltx("report", results, "-o", page, "--overwrite").status == 0
        assert page.read_text("utf-8").startswith("<!doctype html>")

    def test_the_results_themselves_are_never_replaced(self, ltx, results, tmp_path):
        older = write_jsonl(tmp_path / "older.jsonl", run_of(3))
        before = results.read_bytes(), older.read_bytes()
        for name in (results, older):
            ended = ltx("report", results, "--since", older, "-o", name, "--overwrite")
            assert ended.status == 2
        assert (results.read_bytes(), older.read_bytes()) == before

    @pytest.mark.parametrize("options", [(), ("--overwrite",)])
    def test_it_is_never_written_through_a_link(self, ltx, results, tmp_path, options):
        (tmp_path / "target").write_text("mine")
        (tmp_path / "report.html").symlink_to("target")
        assert ltx("report", results, "-o", "report.html", *options).status == 2
        assert (tmp_path / "target").read_text() == "mine"

    @pytest.mark.parametrize("there", [True, False])
    def test_a_full_disk_is_said_and_leaves_the_old_report(self, results, tmp_path, there):
        page = tmp_path / "report.html"
        if there:
            page.write_text("the old one")
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        ended = subprocess.run(
            [sys.executable, "-m", "ltx_async", "report", results, "-o", page, "--overwrite"],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100 << 10, 100 << 10)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 4
        assert ended.stderr.startswith(f"error: {page}: disk full")
        assert "What was there before is as it was" in ended.stderr
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

    def test_json_may_be_had_beside_it(self, ltx, tmp_path):
        results = write_jsonl(tmp_path / "run.jsonl", [found(), missing("bob@example.com")])
        ended = ltx("report", results, "-o", "report.html", "--json")
        assert json.loads(ended.out)["accounts"] == 2
        assert (tmp_path / "report.html").stat().st_size > 1_000_000


def ending(email, left):
    return balanced(email, 50, at=datetime.now(UTC), refreshTokenExpireUTC=from_now(left))


def from_now(left):
    return timestamp(datetime.now(UTC) + left)


@pytest.fixture
def needy(tmp_path):
    """Results of which some need somebody."""
    lookups = [
        *(balanced(f"well{number}@example.com", 100) for number in range(30)),
        balanced("low@example.com", 3),
        ending("later@example.com", timedelta(days=6)),
        ending("soon@example.com", timedelta(days=1)),
        found("broken@example.com", error="Session expired", at=datetime.now(UTC)),
    ]
    return write_jsonl(tmp_path / "needy.jsonl", lookups)


LIMITS = ("--min-balance", "10", "--expires-within", "7d,1d")
URGENT = ["broken@example.com", "soon@example.com", "later@example.com", "low@example.com"]


def emails_in(text):
    return re.findall(r"\S+@example\.com", text)


def test_it_opens_with_who_needs_somebody_most_urgent_first(ltx, needy):
    text = ltx("report", needy, *LIMITS).out
    assert text.index("Needs attention") < text.index("Outcomes")
    section = text.split("Needs attention")[1].split("Outcomes")[0]
    assert emails_in(section) == URGENT
    assert "sign-in ends tomorrow (" in section
    assert f"{datetime.now(UTC):%Y-%m-%d}" in section.splitlines()[1]
    assert emails_in(ltx("report", needy).out.split("Outcomes")[0]) == ["broken@example.com"]


@pytest.mark.parametrize("width", ["40", "80"])
def test_the_list_alone_is_whole_and_fits(ltx, tmp_path, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    many = [balanced(f"low{number:03}@example.com", 1) for number in range(60)]
    results = write_jsonl(tmp_path / "many.jsonl", many)
    whole = ltx("report", results, "--attention", *LIMITS).out
    assert len(emails_in(whole)) == 60
    assert "Outcomes" not in whole
    assert max(map(len, whole.splitlines())) <= int(width)
    page = ltx("report", results, *LIMITS).out
    assert len(emails_in(page.split("Outcomes")[0])) == 20
    assert "and 40 more; --attention shows all" in page


def test_the_list_is_in_the_figures(ltx, needy):
    figures = json.loads(ltx("report", needy, *LIMITS, "--json").out)
    assert [one["email"] for one in figures["attention"]] == URGENT
    assert figures["attention"][1]["reasons"] == ["sign_in_ends"]
    assert figures["accounts"] == 34
    alone = json.loads(ltx("report", needy, *LIMITS, "--json", "--attention").out)
    assert (alone["accounts"], alone["attention"]) == (4, figures["attention"])


def test_the_list_is_a_table_for_a_spreadsheet(ltx, needy):
    ended = ltx("report", needy, *LIMITS, "--attention", "-o", "attention.csv")
    assert (ended.status, ended.out) == (0, "")
    assert re.search(r"attention\.csv \([1-9][0-9]* bytes\)\n", ended.err)
    with Path("attention.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["email"] for row in table] == URGENT
    assert [row["reasons"] for row in table][-1] == "low_balance"
    assert (table[-1]["due_at"], table[-1]["balance"]) == ("", "3")
    assert all(row["source"] == str(needy) for row in table)
    assert ltx("report", needy, "--attention", "-o", "attention.csv").status == 2
    assert ltx("report", needy, *LIMITS, "--attention", "-o", "attention.tsv").status == 0
    assert b"\t" in Path("attention.tsv").read_bytes()


def test_a_formula_in_an_email_is_neutralised(ltx, tmp_path):
    results = write_jsonl(tmp_path / "r.jsonl", [missing("=cmd()@example.com")])
    ltx("report", results, "--attention", "-o", "attention.csv")
    assert b"\n'=cmd()@example.com," in Path("attention.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-o", "attention.csv"], "Add --attention"),
        (["--attention", "-o", "attention.txt"], "End the name in .html, .csv or .tsv"),
        (["--attention", "-o", "a.json"], "a report in a file is HTML, CSV or TSV"),
        (["-o", "a.json"], "a report in a file is HTML. End the name in .html."),
        (["--attention", "--since", "older.jsonl"], "either --attention or --since"),
        (["-", "-"], "once only"),
        (["--expires-within", "soon"], "7d"),
        (["-o", "needy.html", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_does_not_go_together_is_refused(ltx, needy, arguments, problem):
    ended = ltx("report", needy, *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert problem in ended.err
    assert not Path("attention.csv").exists()


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_results_come_from_a_pipe(tmp_path, suffix):
    file = WRITERS[suffix](tmp_path / f"run{suffix}", run_of(40))
    done = subprocess.run(
        [sys.executable, "-m", "ltx_async", "report", "-"],
        input=file.read_bytes(),
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"40 emails" in done.stdout


def test_several_files_are_taken_together_and_of_an_email_the_latest_counts(ltx, tmp_path):
    yesterday = NOW - timedelta(days=1)
    one = write_jsonl(
        tmp_path / "one.jsonl", [balanced("ann@example.com", 1), balanced("bob@example.com", 2)]
    )
    other = write_jsonl(
        tmp_path / "two.jsonl",
        [balanced("ANN@example.com", 4), balanced("bob@EXAMPLE.com", 7, at=yesterday)],
    )
    for order in ((one, other), (other, one)):
        figures = json.loads(ltx("report", *order, "--json").out)
        assert figures["results"] == f"{order[0]}, {order[1]}"
        assert (figures["accounts"], figures["balance"]["total"]) == (3, 7)
        assert figures["remarks"] == ["In several files, of which the latest counts: 1 email."]
    ended = ltx("report", one, other, "--attention", "--min-balance", "5", "-o", "attention.csv")
    assert ended.status == 0
    with Path("attention.csv").open(newline="") as file:
        sources = {row["email"]: row["source"] for row in csv.DictReader(file)}
    assert sources == {
        "ann@example.com": str(one),
        "bob@example.com": str(one),
        "ANN@example.com": str(other),
    }


def test_how_old_the_results_are_is_told(ltx, tmp_path):
    at = datetime.now(UTC) - timedelta(days=3, minutes=1)
    results = write_jsonl(tmp_path / "r.jsonl", [balanced("ann@example.com", 1, at=at)])
    assert "UTC, 3 days ago" in ltx("report", results).out
