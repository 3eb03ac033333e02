"""One record, whatever it is made from, and the schema that it keeps to."""

import json
import pickle
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from attrs import evolve
from command_line import NOW, make_lookup
from jsonschema import Draft202012Validator, ValidationError
from result_examples import failed, found, missing, refused

from ltx_async import LTXError, Outcome, ReauthenticationError
from ltx_async.codec.accounts import FIELDS
from ltx_async.emulator import GeneratedAccounts
from ltx_async.results import Record
from ltx_async.results.columns import COLUMNS, REQUIRED, UnusableRecordError, cells_of

SCHEMA = json.loads((files("ltx_async.results") / "record.schema.json").read_bytes())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
WIRE = {
    "email": "ann@example.com",
    "cookie": {"lt_token": "canary-cookie"},
    "maxJobs": 20,
    "updatedUTC": "2025-06-03T12:13:14.000Z",
    "tokenExpireUTC": "2025-07-03T12:13:14.000Z",
    "refreshTokenExpireUTC": "2025-09-01T12:13:14.000Z",
    "balance": {"LTXStudio_token": 150},
    "plan": {"apiSecret": "canary-unknown"},
}
RENEW = make_lookup(
    error=ReauthenticationError("HTTP 596: sign in again", status=596, ray="ray-1"),
    outcome=Outcome.NEEDS_REAUTH,
)
LOOKUPS = {
    "ok": make_lookup(wire=WIRE),
    "bare": make_lookup(wire={"email": "ann@example.com"}),
    "broken": found(error='Session "expired",\nsign in'),
    "renew": evolve(RENEW, status=596),
    "missing": missing(),
    "failed": failed(),
    "refused": refused(),
    "strange": make_lookup("\ud800\0=1+1", error=LTXError("\ud800\0\u2028")),
}
lookups = pytest.mark.parametrize("lookup", LOOKUPS.values(), ids=LOOKUPS)


def conforms(record) -> None:
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        record
    )


@lookups
def test_a_record_of_a_lookup_gives_the_same_object_and_the_same_row(lookup):
    record = Record.of_lookup(lookup)
    assert record.to_record() == lookup.to_record()
    assert record.to_row() == lookup.to_row()
    assert tuple(record.to_row()) == tuple(COLUMNS)
    assert "canary" not in repr(record) + str(record.to_record()) + str(record.to_row())
    assert pickle.loads(pickle.dumps(record)) == record


@lookups
def test_a_record_comes_back_from_json_to_the_letter(lookup):
    text = json.dumps(lookup.to_record())
    assert Record.of_json(json.loads(text)) == Record.of_lookup(lookup)


@lookups
def test_a_record_of_cells_has_the_same_row_and_tells_the_account_as_far_as_it_is_known(lookup):
    cells = dict(zip(COLUMNS, cells_of(lookup.to_row()), strict=True))
    record = Record.of_cells(cells)
    assert record.to_row() == lookup.to_row()
    known = record.to_record()
    conforms(known)
    assert (known["account"] is None) == (lookup.account is None)
    as_text = {name: "" if cell is None else str(cell) for name, cell in cells.items()}
    assert Record.of_cells(as_text) == record


def test_an_account_that_only_columns_tell_of_has_the_names_of_the_api():
    cells = dict(zip(COLUMNS, cells_of(LOOKUPS["ok"].to_row()), strict=True))
    account = Record.of_cells(cells).to_record()["account"]
    assert account == {k: v for k, v in WIRE.items() if k not in {"cookie", "plan"}}


@lookups
def test_every_record_keeps_to_the_schema(lookup):
    conforms(lookup.to_record())
    conforms(Record.of_lookup(lookup).to_record())


def test_records_of_generated_accounts_keep_to_the_schema():
    accounts = GeneratedAccounts(50, unhealthy=30, now=NOW)
    for wire in accounts.values():
        conforms(found(**wire).to_record())


def test_the_schema_names_every_field_of_an_account():
    assert {*SCHEMA["$defs"]["account"]["properties"]} == FIELDS


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "great"},
        {"status": "200"},
        {"attempts": -1},
        {"checked_at": "2026-01-02"},
        {"account": None},
        {"account": {"cookie": {}}},
        {"account": {"maxJobs": "20"}},
        {"error": {"type": "X", "message": "x", "hint": "x", "ray": None}},
        {"error": {}},
    ],
)
def test_the_schema_refuses_what_is_no_record(change):
    record = LOOKUPS["ok"].to_record()
    with pytest.raises(ValidationError):
        conforms({**record, **change})
    with pytest.raises(ValidationError):
        conforms({name: record[name] for name in record if name not in change})


def test_the_schema_allows_fields_that_later_versions_add():
    record = LOOKUPS["ok"].to_record()
    conforms({**record, "later": 1, "account": {**record["account"], "later": 1}})


def test_the_schema_names_every_field_and_every_outcome():
    for lookup in LOOKUPS.values():
        assert {*SCHEMA["properties"]} == {*lookup.to_record()}
        assert {*SCHEMA["properties"]} - {"base_url"} == {*SCHEMA["required"]}  # older ones lack it
    assert SCHEMA["properties"]["outcome"]["enum"] == [*Outcome]
    assert {*SCHEMA["$defs"]["error"]["properties"]} == {*LOOKUPS["failed"].to_record()["error"]}


# What is wrong


@lookups
def test_error_and_error_type_are_set_for_every_outcome_but_ok(lookup):
    for row in (lookup.to_row(), Record.of_lookup(lookup).to_row()):
        is_set = row["error"] is not None, row["error_type"] is not None
        assert is_set == (lookup.outcome is not Outcome.OK,) * 2


def test_needs_reauth_has_one_type_whether_it_came_as_200_or_596():
    for name in ("broken", "renew"):
        assert LOOKUPS[name].to_row()["error_type"] == "ReauthenticationError"
    assert LOOKUPS["broken"].to_record()["error"] is None
    assert LOOKUPS["renew"].to_record()["account"] is None


def test_a_broken_account_of_an_earlier_version_without_a_word_is_explained():
    """Until then an empty error was one."""
    line = {**LOOKUPS["broken"].to_record(), "account": {"email": "a@x", "error": ""}}
    record = Record.of_json(line)
    assert (record.outcome, record.error_type) == (Outcome.NEEDS_REAUTH, "ReauthenticationError")
    assert record.error.startswith("the account is stored but broken")


def test_a_row_of_an_earlier_version_gets_the_type_that_it_did_not_have():
    cells = {"email": "a@x", "outcome": "needs_reauth", "checked_at": NOW, "error": "sign in"}
    assert Record.of_cells(cells).error_type == "ReauthenticationError"
    assert Record.of_cells({**cells, "error_type": "Other"}).error_type == "Other"
    assert Record.of_cells({**cells, "outcome": "ok"}).error_type is None


# What is taken


def test_three_values_are_enough():
    record = Record.of_json(
        {"email": "", "outcome": "ok", "checked_at": "2026-01-02T04:04:05+01:00"}
    )
    assert record == Record(
        email="", outcome=Outcome.OK, checked_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    )
    for name in REQUIRED:
        cells = {"email": "a@x", "outcome": "ok", "checked_at": NOW}
        for empty in ({}, {name: None}):
            less = {key: cell for key, cell in cells.items() if key != name}
            with pytest.raises(UnusableRecordError):
                Record.of_cells({**less, **empty})
            with pytest.raises(UnusableRecordError):
                Record.of_json({**less, **empty})


@pytest.mark.parametrize("cell", ["200", "200.0", 200, 200.0])
def test_a_whole_number_may_come_as_a_data_frame_with_gaps_writes_it(cell):
    record = Record.of_cells({"email": "a@x", "outcome": "ok", "checked_at": NOW, "status": cell})
    assert (record.status, type(record.status)) == (200, int)


@pytest.mark.parametrize(
    "cell", [{"status": "x"}, {"status": 2.5}, {"balance": "nan"}, {"error": 1}, {"outcome": []},
             {"updated_at": "2026"}, {"checked_at": "9999-01-01T00:00:00Z"}, {"attempts": "1e999"}]
)  # fmt: skip
def test_a_cell_that_is_none_of_its_column_makes_the_record_unusable(cell):
    with pytest.raises(UnusableRecordError):
        Record.of_cells({"email": "a@x", "outcome": "ok", "checked_at": NOW, **cell})


def test_a_hint_that_is_no_text_is_none():
    record = LOOKUPS["failed"].to_record()
    record["error"] = {"type": "X", "message": "x", "hint": 1}
    assert (Record.of_json(record).hint, Record.of_json(record).ray) == (None, None)
