"""Promise 27: nothing that a server or a file can say breaks a writer or changes on the way."""

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest

from .replies import reply
from .shell import ltx, wire_server
from .wire import Asked

DEEP = "[" * 90 + "]" * 90
# Bodies of accounts; %s stands for the email.
ACCOUNTS = {
    "NUL": '{"email": "%s", "error": "a\\u0000b", "x\\u0000": "\\u0000"}',
    "whole surrogate pairs": '{"email": "%s", "error": "\\ud83d\\ude00"}',
    "separators": '{"email": "%s", "error": "a\\u2028b\\u0085c\\u000b\\u001cd"}',
    "line ends": '{"email": "%s", "error": "a\\r\\nb\\nc\\rd"}',
    "a line feed": '{"email": "%s", "error": "a\\nb"}',
    "quotes": '{"email": "%s", "error": "\\"a\\", \'b\'; DROP TABLE lookups;--"}',
    "64 bits": '{"email": "%s", "x": [18446744073709551615, -9223372036854775808]}',
    "a balance of 64 bits": '{"email": "%s", "balance": {"LTXStudio_token": 18446744073709551615}}',
    "jobs of 64 bits": '{"email": "%s", "maxJobs": 18446744073709551615}',
    "negative jobs": '{"email": "%s", "maxJobs": -9223372036854775808}',
    "fractions": '{"email": "%s", "balance": {"LTXStudio_token": 1e308, "y": 5e-324, "z": -0.0}}',
    "nested": '{"email": "%s", "balance": {"LTXStudio_token": null, "x": {"y": [{}]}}, "z": DEEP}',
    "the first and the last day": '{"email": "%s", "updated": -62135596800000,'
    ' "tokenExpire": 253402300799999, "refreshTokenExpire": 0}',
    "long": '{"email": "%s", "error": "LONG"}',
    "empty keys": '{"email": "%s", "": {"": ""}}',
    "keys like columns": '{"email": "%s", "outcome": "failed", "status": 500, "account": null}',
}
BODIES = [body.replace("DEEP", DEEP).replace("LONG", "=" * 200_000) for body in ACCOUNTS.values()]
# Bodies that are refused, and must not take the writer with them.
REFUSED = {
    "a lone surrogate": '{"email": "%s", "error": "\\ud800"}',
    "a lone surrogate in a key": '{"email": "%s", "\\udfff": 1}',
    "2^64": '{"email": "%s", "balance": {"LTXStudio_token": 18446744073709551616}}',
    "5,000 digits": '{"email": "%s", "maxJobs": ' + "9" * 5000 + "}",
    "NaN": '{"email": "%s", "balance": {"LTXStudio_token": NaN}}',
    "infinity": '{"email": "%s", "balance": {"LTXStudio_token": -Infinity}}',
    "1e999": '{"email": "%s", "balance": {"LTXStudio_token": 1e999}}',
    "an object for text": '{"email": "%s", "error": {"message": "x"}}',
    "too deep": '{"email": "%s", "x": ' + "[" * 101 + "]" * 101 + "}",
}
# Texts of errors, in JSON and as bare bytes.
TEXTS = {
    "an error with a surrogate": b'{"error": "\\ud800"}',
    "an error with NUL": b'{"error": "a\\u0000b"}',
    "bare bytes": bytes(range(256)),
    "UTF-16": "Account not found".encode("utf-16"),
    "deep": b'{"error": ' + b"[" * 5000,
}
KINDS = {
    **{f"ok{number}": body for number, body in enumerate(BODIES)},
    **{f"refused{number}": body for number, body in enumerate(REFUSED.values())},
    **{f"text{number}": body for number, body in enumerate(TEXTS.values())},
}
EMAILS = [f"{kind}@example.com" for kind in KINDS]
NO_EMAILS = {b"\x00\x00", b"\xff\xfe\xfa@example.com", "lone\u2028\u0085".encode(), b"=1+1", b'"'}


def answer(asked: Asked):
    body = KINDS[asked.email.partition("@")[0]]
    if isinstance(body, bytes):
        return [reply(400, body)]
    return [reply(200, body.replace("%s", asked.email).encode())]


def checked(tmp_path: Path, transport: str, *arguments: str):
    given = b"\n".join([*map(str.encode, EMAILS), *sorted(NO_EMAILS)])
    with wire_server(answer) as server:
        ended = ltx(
            *("check", "-", *arguments, "--attempts", "1", "--transport", transport),
            *("--min-balance", "5", "--expires-within", "9999w"),
            base_url=server.base_url,
            cwd=tmp_path,
            given=given,
        )
    assert ended.status == 1, ended.err
    assert b"Traceback" not in ended.err
    return ended


def expected(email: str) -> str:
    return "failed" if email.startswith(("refused", "text")) else "ok"


def accounts() -> dict[str, dict]:
    """What came in for each email that has an account, as decoded JSON."""
    return {
        email: json.loads(KINDS[email.partition("@")[0]].replace("%s", email))
        for email in EMAILS
        if email.startswith("ok")
    }


def assert_outcomes(found: dict[str, str]):
    assert len(found) == len(EMAILS) + len(NO_EMAILS)
    for email in EMAILS:
        healthy = "error" not in accounts().get(email, {})
        wanted = expected(email) if healthy else "needs_reauth"
        assert (email, found[email]) == (email, wanted)
    assert sum(outcome == "invalid" for outcome in found.values()) == len(NO_EMAILS)


@pytest.mark.parametrize("output", ["stdout", "out.jsonl"])
def test_json_lines_hold_whatever_came_to_the_letter(tmp_path, transport, output):
    ended = checked(tmp_path, transport, *(() if output == "stdout" else ("-o", output)))
    data = ended.out if output == "stdout" else (tmp_path / output).read_bytes()
    records = [json.loads(line) for line in data.split(b"\n")[:-1]]
    assert_outcomes({record["email"]: record["outcome"] for record in records})
    came = {r["email"]: r["account"] for r in records if r["account"] is not None}
    assert came == accounts()
    zero = came["ok10@example.com"]["balance"]["z"]
    assert str(zero) == "-0.0"


def test_csv_holds_whatever_came(tmp_path, transport):
    checked(tmp_path, transport, "-o", "out.csv")
    csv.field_size_limit(1 << 20)
    text = (tmp_path / "out.csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {len(row) for row in rows} == {14}
    assert not [row for row in rows if None in row or None in row.values()]
    assert_outcomes({row["email"]: row["outcome"] for row in rows})
    by_email = {row["email"]: row for row in rows}
    for email, account in accounts().items():
        row, error = by_email[email], account.get("error", "")
        assert row["error"] == (f"'{error}" if error.startswith("=") else error)
        if "maxJobs" in account:
            assert int(row["max_jobs"]) == account["maxJobs"]
    edges = by_email["ok12@example.com"]
    assert edges["updated_at"] == "0001-01-01T00:00:00.000Z"
    assert edges["token_expires_at"] == "9999-12-31T23:59:59.999Z"


def test_sqlite_holds_whatever_came(tmp_path, transport):
    checked(tmp_path, transport, "-o", "out.sqlite")
    database = sqlite3.connect(tmp_path / "out.sqlite")
    try:
        rows = database.execute("SELECT email, outcome, account, error FROM lookups").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        database.close()
    assert_outcomes({email: outcome for email, outcome, _, _ in rows})
    came = {email: json.loads(account) for email, _, account, _ in rows if account is not None}
    assert came == accounts()
    errors = {email: error for email, _, _, error in rows}
    for email, account in accounts().items():
        error = account.get("error")
        assert errors[email] == (error and error.replace("\x00", "\\x00"))  # SQL text ends at NUL


def test_what_was_written_can_be_read_as_an_input_again(tmp_path, transport):
    for suffix in ("jsonl", "csv"):
        checked(tmp_path, transport, "-o", f"out.{suffix}")
        with wire_server(lambda _asked: [reply(404)]) as server:
            ended = ltx("check", f"out.{suffix}", base_url=server.base_url, cwd=tmp_path)
            asked = {asked.email for asked in server.asked} - {"accounts"}
        # What was refused as not UTF-8 is refused again, though escapes are text by now.
        assert asked == set(EMAILS)
        assert len(ended.out.splitlines()) == len(EMAILS) + len(NO_EMAILS)
