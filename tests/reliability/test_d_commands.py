"""Promise 24 for the shell: every command, over every reply, at debug level, tells no secret."""

import json
import signal
import ssl
import stat
import subprocess
import time
from pathlib import Path

import pytest
import trustme
from patience import LONG

from ltx_async.cli.app import run

from .conftest import TOKEN
from .replies import account_body, head, reply
from .shell import Ended, command, ltx, ltx_process, surroundings, wire_server
from .wire import CLOSE, HANG, RESET, Asked

TAIL = TOKEN.partition(":")[2]
ACCESS, REFRESH, UNKNOWN = "canary-access", "canary-refresh", "canary-unknown"
SECRETS = (TAIL, ACCESS, REFRESH, UNKNOWN)
COOKIE = {"lt_id": "7", "lt_token": ACCESS, "lt_refresh_token": REFRESH, "further": UNKNOWN}
FIELDS = {
    "cookie": COOKIE,
    "apiToken": UNKNOWN,
    "nested": [{"clientSecret": {"value": [UNKNOWN]}}],
    "Set-Cookie": UNKNOWN,
    "note": f"echoed {TOKEN}",
    f"key {TOKEN}": [TOKEN, {TOKEN: 1}],
    "escaped": TOKEN,
    "balance": {"LTXStudio_token": 5, "accessToken": UNKNOWN, "x": {"password": UNKNOWN}},
    "latestCreatedAtMs": {"LTXStudio_token": 1, "lt_refresh_token": REFRESH},
}
DEBUG = {"LTX_ASYNC_LOG": "debug", "PYTHONASYNCIODEBUG": "1"}
HTML = f"<html><body>{TOKEN}</body></html>".encode()
LOCATION = ("Location", f"https://{TAIL}.example.com/{TOKEN}?t={TOKEN}")


def account(asked: Asked, email: str | None = None, **fields: object) -> bytes:
    body = account_body(email or asked.email, **{**FIELDS, **fields})
    return body.replace(b"escaped", b"\\u0065scaped")


def reason(status: int) -> bytes:
    """A reply whose status line, headers and body are full of the token."""
    echoes = [("CF-Ray", TOKEN), ("Retry-After", TOKEN), ("Date", TOKEN), ("X", TOKEN)]
    body = json.dumps({"error": {"message": f"no {TOKEN}", "status": TOKEN}}).encode()
    length = ("Content-Length", str(len(body)))
    return head(f"{status} {TOKEN}", length, *echoes) + body


# What is answered for NAME@example.com, and what has to come of it.
ANSWERS = {
    "well": (lambda asked: [reply(200, account(asked))], "ok"),
    "broken": (
        lambda asked: [reply(200, account(asked, error=f"sign in with {TOKEN}"))],
        "needs_reauth",
    ),
    "dead": (lambda _: [reason(596)], "needs_reauth"),
    "missing": (lambda _: [reason(404)], "not_found"),
    "missing.text": (lambda _: [reply(404, f"no {TOKEN}".encode())], "not_found"),
    "missing.html": (lambda _: [reply(404, HTML)], "failed"),
    "bad": (lambda _: [reason(400)], "failed"),
    "forbidden": (lambda _: [reply(403, HTML)], "failed"),
    "upstream": (lambda _: [reason(500)], "failed"),
    "text": (lambda _: [reply(500, b"x" * 4090 + TOKEN.encode())], "failed"),
    "redirect": (lambda _: [reply(302, b"", LOCATION)], "failed"),
    "reset": (lambda _: [head(200, ("Content-Length", "9"), ("X", TOKEN)), RESET], "failed"),
    "closed": (lambda _: [CLOSE], "failed"),
    "garbage": (lambda _: [f"{TOKEN} HTTP/9\r\n\r\n".encode(), CLOSE], "failed"),
    "bad.header": (lambda _: [f"HTTP/1.1 200 OK\r\n{TOKEN}\r\n\r\n".encode(), CLOSE], "failed"),
    "truncated": (
        lambda asked: [head(200, ("Content-Length", "9999")), account(asked), CLOSE],
        "failed",
    ),
    "silent": (lambda _: [HANG], "failed"),
    "html": (lambda _: [reply(200, HTML)], "failed"),
    "no.json": (lambda asked: [reply(200, account(asked)[:-1])], "failed"),
    "wrong.types": (lambda asked: [reply(200, account(asked, maxJobs=TOKEN))], "failed"),
    "wrong.cookie": (
        lambda asked: [reply(200, account(asked).replace(f'"{ACCESS}"'.encode(), b"[1]"))],
        "failed",
    ),
    "another": (lambda asked: [reply(200, account(asked, email="bob@example.com"))], "failed"),
}
EXPECTED = {f"{name}@example.com": outcome for name, (_, outcome) in ANSWERS.items()}
INVALID = "no-email"


def answer(asked: Asked):
    return ANSWERS[asked.email.partition("@")[0]][0](asked)


@pytest.fixture
def emails(tmp_path) -> Path:
    path = tmp_path / "emails.txt"
    path.write_text("\n".join([*EXPECTED, INVALID]))
    return path


def assert_silent(directory: Path, *said: bytes):
    files = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    texts = {"what was said": b"".join(said), **files}
    found = [
        (secret, str(at)) for secret in SECRETS for at in texts if secret.encode() in texts[at]
    ]
    assert found == []
    assert b"Traceback" not in b"".join(said)


def outcomes(lines: bytes) -> dict[str, str]:
    records = [json.loads(line) for line in lines.splitlines()]
    return {record["email"]: record["outcome"] for record in records}


# One answer never comes; there is time for the others, also on a busy machine.
HASTE = ("--attempts", "1", "--timeout", "3", "--concurrency", "8")


@pytest.mark.parametrize("suffix", ["stdout", "jsonl", "csv", "sqlite"])
def test_check_tells_no_secret(transport, tmp_path, emails, suffix):
    output = () if suffix == "stdout" else ("-o", f"out.{suffix}")
    with wire_server(answer) as server:
        ended = ltx_process(
            *("check", emails.name, *output, *HASTE, "--transport", transport),
            *("--summary-json", "summary.json", "--min-balance", "10"),
            base_url=server.base_url,
            cwd=tmp_path,
            options=("-X", "dev"),
            **DEBUG,
        )
    assert ended.status == 1, ended.err
    assert b"DEBUG" in ended.err
    if suffix in {"stdout", "jsonl"}:
        lines = ended.out if suffix == "stdout" else (tmp_path / "out.jsonl").read_bytes()
        assert outcomes(lines) == {**EXPECTED, INVALID: "invalid"}
        assert b'"***"' in lines
    assert len(server.asked) >= len(EXPECTED)
    assert_silent(tmp_path, ended.said)


def test_get_and_report_tell_no_secret(transport, tmp_path):
    with wire_server(answer) as server:
        ended = ltx(
            *("get", *EXPECTED, *HASTE, "--transport", transport),
            base_url=server.base_url,
            cwd=tmp_path,
            **DEBUG,
        )
    assert ended.status == 1
    assert outcomes(ended.out) == EXPECTED
    (tmp_path / "out.jsonl").write_bytes(ended.out)
    report = ltx("report", "out.jsonl", cwd=tmp_path, **DEBUG)
    assert report.out
    assert_silent(tmp_path, ended.said, report.said)


ENDS = {"401": (401, 3), "402": (402, 3), "429": (429, 4)}


@pytest.mark.parametrize(("status", "exit_status"), ENDS.values(), ids=ENDS.keys())
def test_a_run_that_is_ended_tells_no_secret(transport, tmp_path, status, exit_status):
    body = json.dumps({"error": f"no {TOKEN}", "code": status, "retry_after": 3600}).encode()
    with wire_server(lambda _asked: [reply(status, body, ("CF-Ray", TOKEN))]) as server:
        said = [
            ltx(
                *(*arguments, *HASTE, "--transport", transport),
                base_url=server.base_url,
                cwd=tmp_path,
                **DEBUG,
            )
            for arguments in (("get", "ann@example.com"), ("accounts",))
        ]
    assert [ended.status for ended in said] == [exit_status, exit_status]
    assert_silent(tmp_path, *(ended.said for ended in said))


def test_a_certificate_that_is_refused_tells_no_secret(transport, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with wire_server(answer, tls=lambda _number: context, scheme="https") as server:
        ended = ltx(
            *("get", "ann@example.com", "--transport", transport),
            base_url=server.base_url,
            cwd=tmp_path,
            **DEBUG,
        )
    assert (ended.status, server.asked) == (4, [])
    assert b"certificate" in ended.err
    assert_silent(tmp_path, ended.said)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9/v1", "http://nowhere.localhost:9/v1"])
def test_a_server_that_cannot_be_reached_tells_no_secret(transport, tmp_path, base_url):
    arguments = ("accounts", *HASTE, "--transport", transport)
    ended = ltx(*arguments, base_url=base_url, cwd=tmp_path, **DEBUG)
    assert ended.status == 4
    assert_silent(tmp_path, ended.said)


LISTS = {
    "good": (reply(200, json.dumps({"ann@example.com": {**FIELDS, "maxJobs": 1}}).encode()), 0),
    "wrong types": (
        reply(200, json.dumps({f"{TOKEN}@example.com": {**FIELDS, "maxJobs": TOKEN}}).encode()),
        1,
    ),
    "values": (reply(200, json.dumps({"ann@example.com": TOKEN}).encode()), 1),
    "html": (reply(200, HTML), 4),
    "redirect": (reply(301, b"", LOCATION), 4),
    "upstream": (reason(500), 4),
}


@pytest.mark.parametrize(("answered", "exit_status"), LISTS.values(), ids=LISTS.keys())
def test_accounts_tells_no_secret(tmp_path, answered, exit_status):
    with wire_server(lambda _asked: [answered]) as server:
        ended = ltx("accounts", *HASTE, base_url=server.base_url, cwd=tmp_path, **DEBUG)
    assert ended.status == exit_status, ended.err
    assert_silent(tmp_path, ended.said)


@pytest.mark.parametrize("source", ["variable", "file"])
def test_an_interrupted_run_and_its_command_line_tell_no_secret(transport, tmp_path, source):
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    arguments = ["check", "-", "-o", "out.jsonl", "--transport", transport]
    with wire_server(lambda _asked: [HANG]) as server:
        environment = surroundings(server.base_url, **DEBUG)
        if source == "file":
            arguments += ["--token-file", "token"]
            del environment["USEAPI_TOKEN"]
        process = subprocess.Popen(
            command(*arguments),
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(b"ann@example.com\n")
        process.stdin.flush()
        patience = time.monotonic() + 15
        while not server.asked and time.monotonic() < patience:
            time.sleep(0.02)
        cmdline = Path(f"/proc/{process.pid}/cmdline")
        shown = cmdline.read_bytes() if cmdline.exists() else b""
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)
    assert server.asked[0].values("authorization") == [f"Bearer {TOKEN}"]
    (tmp_path / "token").unlink()
    assert process.returncode == 130
    assert_silent(tmp_path, shown, out, err)


@pytest.mark.parametrize("name", ["get", "check", "accounts", "serve", "demo"])
def test_no_option_takes_a_secret(name, capfd):
    assert run([name, "--token", TOKEN]) == 2
    assert "No such option" in capfd.readouterr().err


def test_serve_tells_no_secret(tmp_path):
    accounts = tmp_path / "accounts.json"
    accounts.write_text(json.dumps([{"email": "ann@example.com", "cookie": COOKIE}]))
    process = subprocess.Popen(
        command("serve", "--accounts", accounts),
        cwd=tmp_path,
        env=surroundings("http://127.0.0.1:9/v1", **DEBUG),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().decode().strip()
        ended = ltx("get", "ann@example.com", "bob@example.com", base_url=base_url, cwd=tmp_path)
        refused = ltx(
            *("get", "ann@example.com"),
            base_url=base_url,
            cwd=tmp_path,
            USEAPI_TOKEN="user:1-other",
        )
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LONG)
    assert (ended.status, refused.status, process.returncode) == (1, 3, 143)
    accounts.unlink()
    assert_silent(tmp_path, out, err, ended.said, refused.said)


def test_demo_tells_no_secret(tmp_path):
    """Its server accepts the example token; its accounts have cookies."""
    ended = ltx_process("demo", cwd=tmp_path, options=("-X", "dev"), timeout=60, **DEBUG)
    assert ended.status == 0, ended.err
    assert_silent(tmp_path, ended.said)


@pytest.mark.parametrize("token", [f"{TOKEN} x", f"{TOKEN}\nX: y", f"{TOKEN}é"])
def test_a_token_that_cannot_be_used_is_not_quoted(tmp_path, token):
    ended = ltx("get", "ann@example.com", cwd=tmp_path, USEAPI_TOKEN=token, **DEBUG)
    assert ended.status == 2
    assert_silent(tmp_path, ended.said)


def test_a_token_given_as_the_base_url_is_not_quoted(tmp_path):
    ended = ltx("get", "ann@example.com", base_url=TOKEN, cwd=tmp_path, **DEBUG)
    assert ended.status == 2
    assert_silent(tmp_path, ended.said)


def test_a_token_file_that_others_can_read_is_warned_about(tmp_path):
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    warned: dict[int, Ended] = {}
    with wire_server(answer) as server:
        for mode in (0o600, 0o400, 0o640, 0o604, 0o644):
            token.chmod(mode)
            warned[mode] = ltx(
                *("get", "well@example.com", "--token-file", "token", "-q"),
                base_url=server.base_url,
                cwd=tmp_path,
            )
            assert stat.S_IMODE(token.stat().st_mode) == mode
    assert {ended.status for ended in warned.values()} == {0}
    told = {mode: b"can be read by others" in ended.err for mode, ended in warned.items()}
    assert told == {0o600: False, 0o400: False, 0o640: True, 0o604: True, 0o644: True}
    token.unlink()
    assert_silent(tmp_path, *(ended.said for ended in warned.values()))
