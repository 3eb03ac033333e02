"""Results joined back to the input, by the recipes of docs/inputs.md, with the real libraries."""

from pathlib import Path

import pytest

from ltx_async.cli.app import run
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator, GeneratedAccounts

from .recipes import recipes
from .recipes import run as run_recipe

PEOPLE = (
    "id,email,city\n"
    "1,user000001@example.com,Rome\n"
    "2, user000002@example.com ,Oslo\n"
    "3,nobody@example.com,Bern\n"
    "4,Ann <user000003@example.com>,Paris\n"
    "5,user000001@example.com,Rome again\n"
)
OUTCOMES = ["ok", "ok", "not_found", "invalid", "ok"]


def recipe(language):
    (found,) = recipes("inputs.md", "Joining results back to the input", language)
    return found


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USEAPI_TOKEN", EXAMPLE_TOKEN)
    Path("people.csv").write_text(PEOPLE)
    with Emulator(GeneratedAccounts(20, unhealthy=0)) as server:
        monkeypatch.setenv("USEAPI_API", server.base_url)
        assert run(["check", "people.csv", "-o", "results.csv"]) == 1


def test_duckdb_joins_them():
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(recipe("sql")).order("id").fetchall()
    assert [(row[0], row[2], row[3]) for row in rows] == [
        (number, city, outcome)
        for number, city, outcome in zip(
            range(1, 6), ["Rome", "Oslo", "Bern", "Paris", "Rome again"], OUTCOMES, strict=True
        )
    ]
    assert [row[4] is not None for row in rows] == [o == "ok" for o in OUTCOMES]


def test_pandas_joins_them():
    pytest.importorskip("pandas")
    joined = run_recipe(recipe("py"))["joined"]
    assert list(joined["outcome"]) == OUTCOMES
    assert list(joined["id"]) == ["1", "2", "3", "4", "5"]
    assert list(joined["balance"].notna()) == [o == "ok" for o in OUTCOMES]
