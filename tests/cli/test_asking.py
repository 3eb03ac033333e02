"""How to ask: by an option or by its variable, alike in every command."""

import os
import ssl

import click
import pytest
import trustme
from attrs import fields_dict
from patience import LONG

from ltx_async.cli import app
from ltx_async.cli.arguments.get import get
from ltx_async.cli.settings import ClientOptions
from ltx_async.files.errors import InputError

ASKING = ["get", "check", "watch", "accounts", "doctor"]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in os.environ:
        if name.startswith("LTX_ASYNC_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("command", ASKING)
def test_every_option_of_how_to_ask_has_its_variable_and_no_other_has(command):
    found = app.commands.get_command(click.Context(app.commands), command)
    shared = {f"LTX_ASYNC_{name.upper()}": name for name in fields_dict(ClientOptions)}
    assert {option.envvar: option.name for option in found.params if option.envvar} == shared


VALUES = {
    "TOKEN_FILE": ("token", "token_file", "token"),
    "BASE_URL": ("https://x.example/v1", "base_url", "https://x.example/v1"),
    "ALLOW_HTTP": ("1", "allow_http", True),
    "CONCURRENCY": ("7", "concurrency", 7),
    "RATE": ("2.5", "rate", 2.5),
    "TIMEOUT": ("4", "timeout", 4.0),
    "DEADLINE": ("50", "deadline", 50.0),
    "ATTEMPTS": ("2", "attempts", 2),
    "MAX_WAIT": ("90", "max_wait", 90.0),
    "TRANSPORT": ("session", "transport", "session"),
    "PROXY": ("http://ann:hunter2@x.example:1", "proxy", "http://ann:hunter2@x.example:1"),
    "TRUST_ENV": ("true", "trust_env", True),
    "CA_FILE": ("ca.pem", "ca_file", "ca.pem"),
    "USER_AGENT": ("mine/1", "user_agent", "mine/1"),
}


def parsed(*arguments):
    values = get.make_context("get", ["ann@example.com", *arguments]).params
    return ClientOptions(**{name: values[name] for name in fields_dict(ClientOptions)})


def test_each_variable_is_read_and_an_empty_one_is_none(monkeypatch):
    plain = parsed()
    assert {f"LTX_ASYNC_{name}" for name in VALUES} == {
        f"LTX_ASYNC_{name.upper()}" for name in fields_dict(ClientOptions)
    }
    for name, (text, attribute, value) in VALUES.items():
        monkeypatch.setenv(f"LTX_ASYNC_{name}", text)
        assert getattr(parsed(), attribute) == value
        monkeypatch.setenv(f"LTX_ASYNC_{name}", "")
        assert parsed() == plain


def test_an_option_wins_over_its_variable(monkeypatch):
    monkeypatch.setenv("LTX_ASYNC_RATE", "2.5")
    monkeypatch.setenv("LTX_ASYNC_PROXY", "http://one.example:1")
    options = parsed("--rate", "9", "--proxy", "http://two.example:2")
    assert (options.rate, options.proxy) == (9.0, "http://two.example:2")


@pytest.mark.parametrize("name", ["CONCURRENCY", "RATE", "TIMEOUT", "ATTEMPTS", "TRANSPORT"])
def test_a_variable_that_cannot_be_read_is_named(ltx, monkeypatch, name):
    monkeypatch.setenv(f"LTX_ASYNC_{name}", "pigeon")
    ended = ltx("get", "ann@example.com")
    assert ended.status == 2
    assert f"LTX_ASYNC_{name}" in ended.err.replace("\n", "")


@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize("url", ["http://ann:hunter2@x.example:1", "http://hunter2@x.example"])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(ltx, command, url):
    ended = ltx(command, "--proxy", url)
    assert (ended.status, ended.out) == (2, "")
    assert "LTX_ASYNC_PROXY" in ended.err
    assert "hunter2" not in ended.err


def test_a_proxy_of_the_environment_that_is_none_is_named(ltx, server, monkeypatch):
    monkeypatch.setenv("http_proxy", "hunter2:8080")
    ended = ltx("get", "ann@example.com", "--trust-env")
    assert (ended.status, server.asked) == (2, [])
    assert ended.err.startswith("error: http_proxy is not the URL of an http proxy.")
    assert "hunter2" not in ended.err


def test_a_request_goes_through_the_proxy_and_direct_sends_no_plain_http_there(
    ltx, server, monkeypatch
):
    monkeypatch.setenv("LTX_ASYNC_PROXY", server.emulator.base_url.removesuffix("/v1"))
    options = ("--base-url", "http://127.0.0.1:9/v1", "-q")
    ended = ltx("get", "ann@example.com", *options, "--transport", "session")
    assert (ended.err, server.emulator.request_count) == ("", 1)
    ended = ltx("get", "ann@example.com", *options, "--transport", "direct")
    assert ended.status == 2
    assert "--transport session" in ended.err


def test_requests_call_themselves_what_was_asked_for(ltx, server):
    assert ltx("get", "ann@example.com", "--user-agent", "mine/1").status == 0
    assert ltx("doctor", "--user-agent", "mine/2").status == 0
    agents = [request.headers["User-Agent"] for request in server.emulator.requests]
    assert agents == ["mine/1", "mine/2", "mine/2"]  # doctor asks twice


@pytest.fixture
def authority(tmp_path):
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


def test_a_ca_file_is_trusted_too(authority, tmp_path):
    before = len(ssl.create_default_context().get_ca_certs())
    context = ClientOptions(ca_file=str(tmp_path / "ca.pem")).trust()
    assert len(context.get_ca_certs()) == before + 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert ClientOptions().trust() is None


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\x30\x82\x00"])
def test_a_ca_file_without_a_certificate_is_refused(ltx, server, tmp_path, content):
    (tmp_path / "ca.pem").write_bytes(content)
    ended = ltx("get", "ann@example.com", "--ca-file", "ca.pem")
    assert (ended.status, server.asked) == (2, [])
    assert ended.err.startswith("error: the CA file ca.pem: holds no certificate in PEM form.")


@pytest.mark.parametrize("name", ["missing.pem", "."])
def test_a_ca_file_that_cannot_be_read_is_refused(name):
    with pytest.raises(InputError, match=r"the CA file .*: [A-Z]"):
        ClientOptions(ca_file=name).trust()


def test_passwords_show_in_no_repr():
    assert "hunter2" not in repr(ClientOptions(proxy="http://ann:hunter2@x.example"))


def test_serve_takes_the_token_that_clients_take(launch, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("user:7-other\n")
    (tmp_path / "token").chmod(0o600)
    monkeypatch.setenv("LTX_ASYNC_TOKEN_FILE", str(tmp_path / "token"))
    process = launch("serve", "--count", "3")
    base_url = process.stdout.readline().decode().strip()
    ended = launch("accounts", "--base-url", base_url, "-q").communicate(timeout=LONG)
    assert ended[0].count(b"\n") == 3
