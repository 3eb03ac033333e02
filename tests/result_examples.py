"""Results of made-up runs, in the three formats."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

from ltx_async import AccountNotFoundError, Lookup, Outcome, ServerError
from ltx_async.codec.accounts import structure_account
from ltx_async.emulator import GeneratedAccounts
from ltx_async.report import collect
from ltx_async.results.columns import COLUMNS, cells_of
from ltx_async.results.csv_format import CSV, TSV
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.reading import read_results

NOW = datetime(2026, 3, 11, 14, 3, 5, tzinfo=UTC)  # a Wednesday


def days(number: float) -> str:
    """Return a wire timestamp so many days after NOW."""
    moment = NOW + timedelta(days=number)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def found(email="ann@example.com", *, elapsed=0.12, attempts=1, at=NOW, **wire) -> Lookup:
    """Return the lookup of an account with these wire fields."""
    account = structure_account(
        {"email": email, **wire}, json.dumps({"email": email, **wire}).encode()
    )
    outcome = Outcome.NEEDS_REAUTH if account.needs_reauth else Outcome.OK
    return Lookup(0, email, outcome, account, None, 200, attempts, elapsed, at)


def balanced(email, balance, **details) -> Lookup:
    """Return the lookup of an account with this balance."""
    return found(email, balance={"LTXStudio_token": balance}, **details)


def missing(email="ann@example.com") -> Lookup:
    error = AccountNotFoundError("No such account.", status=404, email=email)
    return Lookup(0, email, Outcome.NOT_FOUND, None, error, 404, 1, 0.1, NOW)


def failed(email="ann@example.com", *, elapsed=9.5) -> Lookup:
    error = ServerError("Service Unavailable", status=503, email=email)
    return Lookup(0, email, Outcome.FAILED, None, error, 503, 3, elapsed, NOW)


def refused(email="no-email") -> Lookup:
    error = ServerError("There is no @ in it.", status=400, email=email)
    return Lookup(0, email, Outcome.INVALID, None, error, None, 0, 0.0, NOW)


def run_of(count: int) -> list[Lookup]:
    """Return lookups of generated accounts: mostly well, some of every other kind."""
    accounts = GeneratedAccounts(count, unhealthy=10, now=NOW)
    lookups = []
    for number, (email, wire) in enumerate(accounts.items()):
        elapsed = 0.05 + number % 97 / 300
        if number % 50 == 7:
            lookups.append(missing(email))
        elif number % 50 == 8:
            lookups.append(failed(email, elapsed=elapsed + 3))
        else:
            lookups.append(found(**{**wire, "elapsed": elapsed}))
    return lookups


def write_jsonl(path, lookups):
    path.write_bytes(b"".join(map(JSON_LINES.encode, lookups)))
    return path


def write_csv(path, lookups):
    path.write_bytes(CSV.header + b"".join(map(CSV.encode, lookups)))
    return path


def write_tsv(path, lookups):
    path.write_bytes(TSV.header + b"".join(map(TSV.encode, lookups)))
    return path


def write_sqlite(path, lookups):
    columns = [*COLUMNS, "account"]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        types = ", ".join(f"{name} PRIMARY KEY" if name == "email" else name for name in columns)
        database.execute(f"CREATE TABLE lookups ({types}) WITHOUT ROWID")
        for lookup in lookups:
            account = json.dumps(lookup.to_record()["account"])
            marks = ", ".join("?" * len(columns))
            cells = [*cells_of(lookup.to_row()), account]
            database.execute(f"INSERT INTO lookups VALUES ({marks})", cells)
    return path


WRITERS = {".jsonl": write_jsonl, ".csv": write_csv, ".tsv": write_tsv, ".sqlite": write_sqlite}


def read(path):
    """Return the results in a file as a report sees them."""
    return collect(read_results(path))
