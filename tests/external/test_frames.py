"""Lookups in data frames: the recipes of docs/python.md with the real libraries."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ltx_async.emulator import Emulator, GeneratedAccounts
from ltx_async.sync import LTXClient

from .recipes import recipes, run

ANN, BOB = "user000001@example.com", "user000002@example.com"
BROKEN, GONE, ODD = "broken@example.com", "nobody@example.com", "odd@example.com"
ACCOUNTS = dict(GeneratedAccounts(200, unhealthy=0))
BALANCE = ACCOUNTS[ANN]["balance"]["LTXStudio_token"]
PEOPLE = f"id,email\n1,{ANN}\n2,{BOB}\n3,{GONE}\n4,\n5,{ANN}\n"
NUMBERS = ("status", "balance", "max_jobs", "attempts", "elapsed_ms")
MOMENTS = ("updated_at", "token_expires_at", "refresh_token_expires_at", "checked_at")
TEXTS = ("base_url", "email", "outcome", "error_type", "error")


def recipe_of(library):
    return next(
        recipe
        for language in ("py", "sql")
        for recipe in recipes("python.md", "Data frames", language)
        if library in recipe
    )


@pytest.fixture(autouse=True)
def service(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text(PEOPLE)
    with Emulator(ACCOUNTS) as server:
        server.put({"email": BROKEN, "error": "session expired"})
        server.script(ODD, 400, forever=True)
        monkeypatch.setenv("USEAPI_API", server.base_url)
        monkeypatch.setenv("USEAPI_TOKEN", server.token)
        yield server


@pytest.fixture
def lookups(service):
    """Two hundred that are well, and only then one of each other outcome and kind of number."""
    service.put({"email": BOB, "balance": {"LTXStudio_token": 12.5}})
    emails = [*ACCOUNTS, BROKEN, GONE, "no address", ODD]
    with LTXClient() as client:
        return client.lookup_all(emails)


def test_pandas_joins_lookups_to_its_own(service):
    pytest.importorskip("pandas")
    joined = run(recipe_of("pandas"))["joined"]
    assert list(joined["id"]) == ["1", "2", "3", "4", "5"]
    assert joined["balance"][0] == joined["balance"][4] == BALANCE
    assert list(joined["outcome"])[:3] == ["ok", "ok", "not_found"]
    assert joined["balance"].isna().tolist() == [False, False, True, True, False]
    assert service.request_count == 3


def test_polars_joins_lookups_to_its_own(service):
    pytest.importorskip("polars")
    joined = run(recipe_of("polars"))["joined"].sort("id").to_dict(as_series=False)
    assert joined["outcome"] == ["ok", "ok", "not_found", None, "ok"]
    assert joined["balance"][0] == joined["balance"][4] == BALANCE
    assert service.request_count == 3


def test_duckdb_reads_json_lines_whatever_the_accounts_hold(lookups):
    duckdb = pytest.importorskip("duckdb")

    def told(chosen):
        lines = (json.dumps(lookup.to_record()) + "\n" for lookup in chosen)
        Path("results.jsonl").write_text("".join(lines))
        return {row[0]: row[1:] for row in duckdb.sql(recipe_of("read_json")).fetchall()}

    rows = told(lookups)
    assert len(rows) == len(lookups)
    assert {row[1].tzinfo is None for row in rows.values()} == {False}
    assert [rows[email][2] for email in (ANN, BOB, BROKEN, GONE)] == [BALANCE, 12.5, None, None]
    none_answered = told([lookup for lookup in lookups if lookup.account is None])
    assert len(none_answered) == 3
    assert none_answered[GONE][::2] == ("not_found", None)
    assert none_answered[GONE][3].startswith("HTTP 404: ")


def test_the_columns_of_pandas_have_one_type_each(lookups):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(lookup.to_row() for lookup in lookups)
    assert list(frame.columns) == list(lookups[0].to_row())
    assert set(frame.columns) == {*NUMBERS, *MOMENTS, *TEXTS}
    assert all(pandas.api.types.is_numeric_dtype(frame[name]) for name in NUMBERS)
    assert {str(frame[name].dtype.tz) for name in MOMENTS} == {"UTC"}
    assert all(pandas.api.types.is_string_dtype(frame[name].dropna()) for name in TEXTS)
    assert frame["checked_at"].max() <= pandas.Timestamp(datetime.now(UTC))
    assert frame["outcome"].value_counts().to_dict() == {
        "ok": 200,
        **dict.fromkeys(("needs_reauth", "not_found", "invalid", "failed"), 1),
    }


def test_the_columns_of_polars_have_one_type_each(lookups):
    polars = pytest.importorskip("polars")
    rows = [lookup.to_row() for lookup in lookups]
    schema = polars.DataFrame(rows, infer_schema_length=None).schema
    assert list(schema) == list(rows[0])
    assert all(schema[name].is_numeric() for name in NUMBERS)
    assert {schema[name] for name in MOMENTS} == {polars.Datetime("us", "UTC")}
    assert {schema[name] for name in TEXTS} == {polars.String}


def test_the_columns_of_arrow_and_duckdb_have_one_type_each(lookups):
    pyarrow, duckdb = pytest.importorskip("pyarrow"), pytest.importorskip("duckdb")
    arrow = pyarrow.Table.from_pylist([lookup.to_row() for lookup in lookups])
    types = {field.name: str(field.type) for field in arrow.schema}
    assert {types[name] for name in NUMBERS} == {"int64", "double"}
    assert {types[name] for name in MOMENTS} == {"timestamp[us, tz=UTC]"}
    assert {types[name] for name in TEXTS} == {"string"}
    described = duckdb.from_arrow(arrow)
    columns = dict(zip(described.columns, map(str, described.types), strict=True))
    assert {columns[name] for name in NUMBERS} == {"BIGINT", "DOUBLE"}
    assert {columns[name] for name in MOMENTS} == {"TIMESTAMP WITH TIME ZONE"}


def test_no_cookie_comes_into_a_frame(service):
    pandas = pytest.importorskip("pandas")
    service.put({"email": ANN, "cookie": {"lt_token": "canary-4711"}, "note": "plain"})
    with LTXClient() as client:
        frame = pandas.DataFrame([client.lookup(ANN).to_row()])
    assert "canary" not in frame.to_csv()
