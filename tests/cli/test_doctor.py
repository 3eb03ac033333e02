import asyncio
import contextlib
import json
import os
import pty
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.metadata import PackageNotFoundError

import pytest
import trustme
from patience import LONG
from yarl import URL

from ltx_async.cli.commands.doctor import _lines
from ltx_async.codec import Redaction, Reply, parse_accounts
from ltx_async.diagnosis import answer as answers
from ltx_async.diagnosis import machine as checks
from ltx_async.diagnosis import network as probes
from ltx_async.diagnosis.advice import about_reply
from ltx_async.diagnosis.answer import clock_found
from ltx_async.diagnosis.finding import Verdict
from ltx_async.diagnosis.subscription import _judged
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator, Status
from ltx_async.errors import AccountNotFoundError
from ltx_async.extras import install_command


def findings(ended):
    return {finding["check"]: finding for finding in ended.records}


@pytest.fixture
def doctor(ltx):
    """Call `doctor --json` and return its findings by name."""

    def call(*arguments, status=0):
        ended = ltx("doctor", "--json", *arguments)
        assert ended.status == status, ended.out
        assert EXAMPLE_TOKEN not in ended.out + ended.err
        return findings(ended)

    return call


@pytest.fixture
def plain_surroundings(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def test_all_is_well_against_a_server_that_answers(doctor, server, plain_surroundings):
    found = doctor()
    assert {finding["verdict"] for finding in found.values()} == {"ok"}
    assert found["request"]["text"] == "2 accounts configured"
    for name in ("Python", "ltx_async", "aiohttp", "cattrs", "uvloop", "event loop", "transports",
                 "open files", "base URL", "DNS", "TCP", "TLS", "latency", "clock"):  # fmt: skip
        assert found[name]["text"]
    assert server.emulator.request_count == 2


def test_for_people_each_finding_is_a_line_and_each_hint_another(ltx, server):
    ended = ltx("doctor", "--base-url", "http://127.0.0.1:9/v1")
    assert ended.status == 1
    assert "ok    token      there, from USEAPI_TOKEN, well-formed\n" in ended.out
    assert (
        "fail  TCP        cannot connect to 127.0.0.1:9: Connection refused\n      → " in ended.out
    )


def test_a_missing_token_fails_and_nothing_is_asked(doctor, server, monkeypatch):
    monkeypatch.delenv("USEAPI_TOKEN")
    found = doctor(status=1)
    assert found["token"]["verdict"] == "fail"
    assert "USEAPI_TOKEN" in found["token"]["hint"]
    assert "--token-file" in found["token"]["hint"]
    assert found["TCP"]["verdict"] == "ok"
    assert server.asked == []


@pytest.mark.parametrize(
    ("token", "verdict"), [("user: 12345", "fail"), ("12345-abcdefghi", "warn")]
)
def test_an_odd_token_is_told_without_being_shown(ltx, server, monkeypatch, token, verdict):
    monkeypatch.setenv("USEAPI_TOKEN", token)
    server.emulator.token = token
    ended = ltx("doctor", "--json")
    assert findings(ended)["token"]["verdict"] == verdict
    assert token not in ended.out


@pytest.mark.parametrize(
    ("around", "words"),
    [
        ('"{}"', "quotation marks"),
        ("'{}'", "quotation marks"),
        ("\u201c{}\u201d", "quotation marks"),
        ("USEAPI_TOKEN={}", "NAME="),
        ('export TOKEN="{}"', "NAME="),
        ("Bearer {}", "Bearer"),
        ("authorization: bearer {}", "Bearer"),
    ],
)
def test_what_was_copied_along_with_a_token_is_named(doctor, server, tmp_path, around, words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("USEAPI_TOKEN", around.format(EXAMPLE_TOKEN))
        finding = doctor(status=1)["token"]
    assert finding["verdict"] == "fail"
    assert words in finding["text"]
    path = tmp_path / "token"
    path.write_text(around.format(EXAMPLE_TOKEN) + "\n", encoding="utf-8")
    path.chmod(0o600)
    finding = doctor("--token-file", str(path), status=1)["token"]
    assert words in finding["text"]
    assert "--token-file" in finding["hint"]
    assert server.asked == []


def test_a_bad_base_url_fails_and_its_password_is_not_shown(ltx):
    ended = ltx("doctor", "--json", "--base-url", "https://ann:hunter2@example.com/v1")
    assert findings(ended)["base URL"]["verdict"] == "fail"
    assert "hunter2" not in ended.out
    assert "DNS" not in findings(ended)


@pytest.mark.parametrize(
    ("steps", "verdict", "words"),
    [
        ([401], "fail", "Check the API token"),
        ([402], "fail", "Renew"),
        ([429], "fail", "Wait"),
        ([Status(404, body="Account configuration not found")], "warn", "retired"),
        ([Status(404, body="<html>gone</html>")], "fail", "retired"),
        ([Status(404, body="<html>gone</html>")], "fail", "Nothing of the API is at that path"),
        ([Status(404, body="404 page not found")], "warn", "Nothing of the API is at that path"),
        ([Status(200, body="<html>gone</html>")], "fail", "retired"),
        ([Status(200, body="<html>Sign in</html>")], "fail", "a captive portal"),
        ([Status(403, body="<title>Just a moment...</title>")], "fail", "Cloudflare"),
        ([Status(503, body="<p>/cdn-cgi/challenge-platform/h/b")], "fail", "Cloudflare"),
        ([Status(403, body="<html>blocked</html>")], "fail", "the proxy"),
        ([Status(502, body="<html>Bad Gateway</html>")], "fail", "the API behind it does not"),
        ([Status(504)], "fail", "the API behind it does not"),
        ([522], "fail", "retired"),
        ([522], "fail", "the API behind it does not"),
        ([Status(302, headers={"Location": "https://a.b/"})], "fail", "a captive portal"),
        ([530], "fail", "retired"),
        ([Status(302, headers={"Location": "https://example.com/"})], "fail", "base URL"),
        ([Status(200, body="[]")], "fail", "newer version"),
    ],
)
def test_every_answer_comes_with_what_to_do(ltx, server, steps, verdict, words):
    server.emulator.script_list(*steps)
    ended = ltx("doctor", "--json")
    finding = findings(ended)["request"]
    assert (finding["verdict"], ended.status) == (verdict, int(verdict == "fail"))
    assert words in finding["hint"]
    assert "Nothing need be wrong here" not in finding["hint"]  # the vendor's host was not asked
    assert server.emulator.request_count == 2


NOT_CONFIGURED = b"Account configuration not found for the specified email address."


@pytest.mark.parametrize(
    ("url", "body", "words"),
    [
        ("https://api.useapi.net/v1", NOT_CONFIGURED, ("No account is configured", "demo")),
        ("https://api.useapi.net/v1", b"404 page not found", ("at that path", "demo")),
        ("https://api.useapi.net/v2", NOT_CONFIGURED, ("at that path", None)),
        ("https://gate.example.com/v1", NOT_CONFIGURED, ("No account is configured", None)),
        ("https://gate.example.com/v2", NOT_CONFIGURED, ("at that path", None)),
        ("https://gate.example.com", b'{"error": "Not found"}', ("at that path", None)),
    ],
)
def test_what_a_404_means_depends_on_the_base_url(url, body, words):
    reply = Reply(404, {}, body)
    error = parse_accounts(reply, Redaction.of("user:12345-abcdefghi"))
    assert isinstance(error, AccountNotFoundError)
    advice = about_reply(error, reply, URL(url), "USEAPI_TOKEN")
    meaning, at_work = words
    assert meaning in advice
    assert ("Nothing need be wrong here" in advice) is ("ltx-async demo" in advice)
    assert ("ltx-async demo" in advice) is (at_work is not None)


@pytest.mark.parametrize("path", ["/v2", "/v1/x", ""])
def test_a_base_url_at_which_there_is_nothing_is_not_called_right(doctor, server, path):
    wrong = server.emulator.base_url.removesuffix("/v1") + path
    found = doctor("--base-url", wrong)
    assert "the vendor's is https://api.useapi.net/v1" in found["request"]["hint"]
    assert "Nothing need be wrong" not in found["request"]["hint"]
    assert "No account is configured" not in found["request"]["hint"]


def test_a_token_that_is_refused_is_looked_for_where_it_is_from(doctor, server, tmp_path):
    path = tmp_path / "token"
    path.write_text("user:999-another-token\n")
    path.chmod(0o600)
    assert "--token-file" in doctor("--token-file", str(path), status=1)["request"]["hint"]
    server.emulator.script_list(401)
    assert "USEAPI_TOKEN" in doctor(status=1)["request"]["hint"]


def unresolvable(*_arguments, **_options):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("host", "retired"), [("api.useapi.net", True), ("api.example.com", False)]
)
def test_no_dns_is_told_kindly(doctor, monkeypatch, host, retired):
    monkeypatch.setattr(socket, "getaddrinfo", unresolvable)
    found = doctor("--base-url", f"https://{host}/v1", status=1)
    assert found["DNS"]["text"] == f"no address for {host}: Name or service not known"
    assert ("Nothing need be wrong here" in found["DNS"]["hint"]) is retired
    assert "TCP" not in found


def test_nobody_listens_here_names_serve(doctor):
    found = doctor(status=1)
    assert "Connection refused" in found["TCP"]["text"]
    assert "ltx-async serve" in found["TCP"]["hint"]
    assert "request" not in found


def test_the_words_do_not_depend_on_the_event_loop(doctor, monkeypatch):
    monkeypatch.setattr("ltx_async.cli.runtime._loop_factory", lambda _talk: None)
    found = doctor(status=1)
    assert found["TCP"]["text"] == "cannot connect to 127.0.0.1:9: Connection refused"
    assert found["event loop"]["text"].startswith("asyncio")


def test_a_server_that_says_nothing_is_a_failure_within_the_timeout(doctor, server):
    server.emulator.latency = 30
    found = doctor("--timeout", "0.1", status=1)
    assert found["request"]["text"] == "no whole reply in time"
    assert "clock" not in found


def test_proxy_variables_are_named_without_their_values(doctor, server, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:hunter2@127.0.0.1:9")
    finding = doctor()["proxies"]
    assert finding["verdict"] == "warn"
    assert "HTTPS_PROXY" in finding["text"]
    assert "hunter2" not in json.dumps(finding)


def test_a_proxy_that_was_asked_for_is_named_and_stands_for_the_way_there(
    doctor, server, monkeypatch, plain_surroundings
):
    port = server.emulator.port
    monkeypatch.setenv("LTX_ASYNC_PROXY", f"http://ann:hunter2@127.0.0.1:{port}")
    found = doctor("--base-url", "http://127.0.0.1:9/v1", "--transport", "session")
    assert found["proxy"]["text"] == f"http://127.0.0.1:{port} with credentials, on the way there"
    assert server.emulator.request_count == 2
    assert not {"DNS", "TCP", "proxies"} & set(found)
    assert "hunter2" not in json.dumps(found)


def test_a_variable_that_names_no_proxy_fails(doctor, server, monkeypatch, plain_surroundings):
    monkeypatch.setenv("HTTP_PROXY", "socks5://ann:hunter2@127.0.0.1:9")
    finding = doctor("--trust-env", status=1)["proxy"]
    assert finding["verdict"] == "fail"
    assert finding["text"] == "HTTP_PROXY is a SOCKS proxy; only http proxies are supported"
    assert server.asked == []


def test_with_trust_env_and_no_proxy_the_way_there_is_looked_at(
    doctor, server, monkeypatch, plain_surroundings
):
    monkeypatch.setenv("LTX_ASYNC_TRUST_ENV", "1")
    found = doctor()
    assert found["proxy"]["text"].startswith("none on the way")
    assert found["TCP"]["verdict"] == "ok"


def test_too_few_descriptors_are_a_warning_with_the_number_needed(doctor, server, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert "ulimit -n 1064" in doctor("--concurrency", "1000")["open files"]["hint"]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert doctor()["open files"]["text"] == "no limit"


def test_missing_and_old_packages_are_told_with_the_command(monkeypatch):
    def version(name):
        if name in {"uvloop", "rich"}:
            raise PackageNotFoundError
        return {"aiohttp": "3.9.5", "yarl": "1.25.1"}.get(name, "99.0")

    monkeypatch.setattr(checks, "version", version)
    found = {finding.check: finding for finding in checks.packages_found()}
    assert found["uvloop"].verdict is Verdict.WARN
    assert install_command("speed") in found["uvloop"].hint
    assert found["rich"].verdict is Verdict.FAIL
    assert found["aiohttp"].text.startswith("3.9.5 is older than 3.14")
    assert found["yarl"].verdict is found["click"].verdict is Verdict.OK


def test_without_the_fast_lane_it_says_why(monkeypatch):
    monkeypatch.setattr(checks, "missing", lambda: "it needs httptools")
    finding = checks.transports_found()
    assert (finding.verdict, finding.text) == (
        Verdict.WARN,
        "session; no direct: it needs httptools",
    )


def test_the_loop_is_named():
    assert checks.loop_found("uvloop").text == "uvloop"
    assert checks.loop_found("asyncio.unix_events").text.startswith("asyncio")


# TLS


@pytest.fixture
def authority(monkeypatch, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


async def way(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    async with Emulator(ssl_context=context) as emulator:
        url = checks.base_url_found(emulator.base_url, allow_http=False)[1]
        return {finding.check: finding async for finding in probes.way_there(url)}


@pytest.fixture
def no_resolver(monkeypatch):
    """A resolver that would lead every name to another machine."""
    real = asyncio.BaseEventLoop.getaddrinfo

    async def elsewhere(loop, host, port, **options):
        assert host in {"127.0.0.1", "::1"}, host
        return await real(loop, host, port, **options)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", elsewhere)


@pytest.mark.usefixtures("no_resolver")
@pytest.mark.parametrize("name", ["localhost", "api.localhost", "a.b.localhost"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_the_way_to_a_name_of_this_machine_asks_no_resolver(
    authority, name, address, monkeypatch
):
    monkeypatch.setattr(probes, "_PATIENCE", LONG)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(tls)
    for context, port_text in ((None, "none: plain http"), (tls, "certificate good for")):
        try:
            server = await asyncio.start_server(_close_at_once, address, 0, ssl=context)
        except OSError:
            pytest.skip(f"this machine has no {address}")
        async with server:
            port = server.sockets[0].getsockname()[1]
            url = URL(f"http{'s' if context else ''}://{name}:{port}/v1")
            found = {finding.check: finding async for finding in probes.way_there(url)}
        assert found["DNS"].text == f"{name} is 127.0.0.1, ::1"
        assert port_text in found["TLS"].text


async def _close_at_once(_reader, writer):
    writer.close()


@pytest.mark.usefixtures("no_resolver")
async def test_where_nobody_listens_on_this_machine_that_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = URL(f"http://api.localhost:{taken.getsockname()[1]}/v1")
        found = {finding.check: finding async for finding in probes.way_there(url)}
    assert found["TCP"].verdict is Verdict.FAIL
    assert "Connection refused" in found["TCP"].text
    assert "ltx-async serve" in found["TCP"].hint


@pytest.mark.parametrize(("days", "verdict"), [(90, Verdict.OK), (5, Verdict.WARN)])
async def test_the_days_a_certificate_has_left_are_told(authority, days, verdict):
    # An hour more, so that the day is not over yet.
    end = datetime.now(UTC) + timedelta(days=days, hours=1)
    tls = (await way(authority.issue_cert("127.0.0.1", not_after=end)))["TLS"]
    assert tls.verdict is verdict
    assert tls.text.endswith(f"certificate good for {days} days")


DAY = timedelta(days=1)
CERTIFICATES = {
    "expired": ({"not_after": -DAY}, "has expired", ["renew", "clock"]),
    "not yet valid": ({"not_before": DAY}, "is not yet valid", ["clock", "behind"]),
    "another name": ({"name": "example.com"}, "mismatch", ["Another server", "base URL"]),
    "another address": ({"name": "127.0.0.9"}, "mismatch", ["Another server"]),
    "unknown": ({"unknown": True}, "issuer", ["--ca-file", "SSL_CERT_FILE", "ca.pem now"]),
}


@pytest.fixture
def secure():
    """Serve the emulator with a certificate, in a thread of its own."""
    with contextlib.ExitStack() as running:

        def start(certificate):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            certificate.configure_cert(context)
            return running.enter_context(Emulator(ssl_context=context))

        yield start


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_certificate_that_is_refused_is_told_apart(doctor, authority, secure, kind):
    details, text, advice = CERTIFICATES[kind]
    now = datetime.now(UTC)
    issuer = trustme.CA() if "unknown" in details else authority
    validity = {at: now + details.get(at, 90 * DAY) for at in ("not_after",)}
    if "not_before" in details:
        validity["not_before"] = now + details["not_before"]
    emulator = secure(issuer.issue_cert(details.get("name", "127.0.0.1"), **validity))
    found = doctor("--base-url", emulator.base_url, status=1)
    assert found["TLS"]["text"].startswith("the certificate is refused: ")
    assert text in found["TLS"]["text"]
    for words in advice:
        assert words in found["TLS"]["hint"]
    assert "request" not in found  # no token goes there


def test_without_a_ca_file_of_the_environment_the_system_s_are_named(
    doctor, authority, secure, monkeypatch
):
    monkeypatch.delenv("SSL_CERT_FILE")
    emulator = secure(authority.issue_cert("127.0.0.1"))
    hint = doctor("--base-url", emulator.base_url, status=1)["TLS"]["hint"]
    assert "--ca-file" in hint
    assert "install the system's CA certificates" in hint


def test_a_ca_file_is_used(doctor, authority, secure, monkeypatch, tmp_path):
    monkeypatch.delenv("SSL_CERT_FILE")
    emulator = secure(authority.issue_cert("127.0.0.1"))
    ca_file = ("--ca-file", str(tmp_path / "ca.pem"))
    found = doctor("--base-url", emulator.base_url, *ca_file)
    assert (found["TLS"]["verdict"], found["request"]["verdict"]) == ("ok", "ok")


def test_https_to_a_plain_port_is_told_with_the_url_that_would_do(doctor, server):
    port = server.emulator.port
    found = doctor("--base-url", f"https://127.0.0.1:{port}/v1", status=1)
    assert found["TLS"]["text"] == f"port {port} speaks plain http, and no TLS"
    assert found["TLS"]["hint"] == f"Leave the s off: http://127.0.0.1:{port}/v1."
    assert "request" not in found


def test_https_to_a_port_that_speaks_neither_is_only_a_handshake_that_fails(doctor):
    with talking(b"220 mail.example.com ESMTP\r\n") as port:
        found = doctor("--base-url", f"https://127.0.0.1:{port}/v1", status=1)
    assert found["TLS"]["text"].startswith("the handshake fails: ")


@pytest.mark.parametrize("transport", ["session", "direct"])
def test_plain_http_to_a_tls_port_is_told_with_the_url_that_would_do(
    doctor, authority, secure, transport
):
    emulator = secure(trustme.CA().issue_cert("other.example.com"))  # whatever its certificate
    base_url = emulator.base_url.replace("https:", "http:")
    found = doctor("--base-url", base_url, "--transport", transport, status=1)
    assert found["request"]["text"] == f"plain http to port {emulator.port}, which speaks TLS"
    assert found["request"]["hint"] == f"Add an s: {emulator.base_url}."
    assert emulator.request_count == 0


@pytest.mark.parametrize(("tls", "verdict"), [(True, Verdict.FAIL), (False, Verdict.WARN)])
async def test_before_the_token_goes_to_another_machine_in_plain_its_port_is_tried_for_tls(
    monkeypatch, authority, tls, verdict
):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("api.example.com").configure_cert(context)
    async with Emulator(ssl_context=context if tls else None) as emulator:

        async def here(_host, _port):
            return [(socket.AF_INET, "127.0.0.1")]

        monkeypatch.setattr(probes, "addresses_of", here)
        url = URL(f"http://api.example.com:{emulator.port}/v1")
        found = {finding.check: finding async for finding in probes.way_there(url)}
        assert found["TLS"].verdict is verdict  # after a failure `doctor` sends no request
        assert ("speaks TLS" in found["TLS"].text) is tls
        assert emulator.request_count == 0


def test_a_port_that_speaks_neither_http_nor_tls_is_a_broken_reply(doctor):
    with talking(b"220 mail.example.com ESMTP\r\n") as port:
        found = doctor("--base-url", f"http://127.0.0.1:{port}/v1", status=1)
    assert found["request"]["verdict"] == "fail"
    assert "TLS" not in found["request"]["text"]


@contextlib.contextmanager
def talking(words):
    """A port where everybody is told the same, whatever they say; then it hangs up."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, contextlib.suppress(OSError):
                    peer.settimeout(5)
                    peer.sendall(words)
                    peer.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


async def test_a_silent_port_is_given_up(monkeypatch):
    monkeypatch.setattr(probes, "_PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = URL(f"https://127.0.0.1:{silent.getsockname()[1]}/v1")
        tls = await probes._certificate(url, "127.0.0.1")
    assert tls.text == "the handshake fails: no answer within 0.05 s"
    await asyncio.sleep(0)


# The reply


@pytest.mark.parametrize(
    ("shift", "verdict", "words"),
    [
        (0, Verdict.OK, "the server's"),
        (-20, Verdict.OK, "s ahead of"),
        (-3600, Verdict.WARN, "s ahead of"),
        (3600, Verdict.WARN, "s behind"),
    ],
)
def test_the_clock_is_compared_with_the_servers(shift, verdict, words):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=shift), usegmt=True)
    finding = clock_found(date)
    assert finding.verdict is verdict
    assert words in finding.text


def test_a_date_without_a_zone_is_utc():
    date = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} -0000"
    assert clock_found(date).verdict is Verdict.OK


@pytest.mark.parametrize(
    "date",
    [
        "",
        "soon",
        "Wed, 99 Foo 2026",
        "Mon, 32 Jan 2020 00:00:00 GMT",
        "Mon, 01 Jan 2020 00:00:00 +99999999999999999",
        "Mon, 01 Jan 99999 00:00:00 GMT",
        "Mon, 01 Jan 2020 00:00:00 GMT, Mon, 01 Jan 2020 00:00:00 GMT",
    ],
)
def test_a_reply_without_a_date_is_not_compared(date):
    assert "not compared" in clock_found(date).text


@pytest.mark.parametrize("transport", ["session", "direct"])
def test_a_healthy_server_tells_the_time_in_the_same_reply(doctor, server, transport):
    assert "the server's" in doctor("--transport", transport)["clock"]["text"]
    assert server.emulator.request_count == 2


def test_a_slow_reply_is_a_warning():
    assert answers._latency(0.5).verdict is Verdict.OK
    assert answers._latency(2.5).verdict is Verdict.WARN


def test_a_reply_that_took_long_is_no_skew():
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=90), usegmt=True)
    assert clock_found(date).verdict is Verdict.WARN
    assert clock_found(date, 89.0).verdict is Verdict.OK
    ahead = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert clock_found(ahead, 89.0).verdict is Verdict.WARN


# The token's owner


@pytest.mark.parametrize("transport", ["session", "direct"])
def test_the_owner_s_subscription_is_told_and_not_who_that_is(doctor, server, transport):
    found = doctor("--transport", transport)
    assert found["owner"]["verdict"] == "ok"
    assert found["owner"]["text"].startswith("subscription active, 1 subscription, at most 3 acc")
    assert "owner@example.com" not in json.dumps(found)
    assert "Example Owner" not in json.dumps(found)


def test_a_base_url_of_another_form_has_no_account_beside_it(doctor, server):
    port = server.emulator.port
    found = doctor("--base-url", f"http://127.0.0.1:{port}/v3")
    assert "owner" not in found
    assert server.emulator.request_count == 1


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (200, b"{}", Verdict.OK, "nothing more"),
        (200, b'{"name": "Ann", "subscriptions": "2"}', Verdict.OK, "nothing more"),
        (200, b'{"accounts": {"LTX Studio API": {"error": 2}}}', Verdict.OK, "2 error"),
        (200, b'{"accounts": []}', Verdict.OK, "nothing more"),
        (200, b'{"subscriptionIsActive": false}', Verdict.FAIL, "not active"),
        (200, b"<html>", Verdict.WARN, "tells nothing"),
        (200, b"[]", Verdict.WARN, "tells nothing"),
        (404, b"{}", Verdict.WARN, "HTTP 404"),
        (401, b"{}", Verdict.FAIL, "refuses the API token"),
    ],
)
def test_each_part_of_what_is_told_may_be_missing(status, body, verdict, words):
    finding = _judged(Reply(status, {}, body))
    assert finding.verdict is verdict
    assert words in finding.text
    assert "Ann" not in finding.text


# On a terminal


@pytest.mark.parametrize("width", [40, 80])
def test_lines_fit_the_terminal(width):
    finding = checks.Finding("open files", Verdict.FAIL, "word " * 30, "what to do " * 20)
    lines = _lines(finding, width)
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("fail  open files")


@pytest.mark.parametrize("columns", ["40", "80"])
def test_on_a_terminal_nothing_is_wider_than_it(ltx, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("ltx_async.cli.commands.doctor.is_terminal", lambda _descriptor: True)
    ended = ltx("doctor", "--base-url", "http://127.0.0.1:9/v1")
    assert max(map(len, ended.out.splitlines())) <= int(columns)
    assert "fail  TCP" in ended.out


def test_the_vendors_url_is_named_as_such(monkeypatch):
    monkeypatch.delenv("USEAPI_API")
    finding, url = checks.base_url_found(None, allow_http=False)
    assert finding.text == "https://api.useapi.net/v1 (the vendor's)"
    assert url.host == "api.useapi.net"


def test_on_a_terminal_the_verdict_is_in_colour(launch, server):
    ours, theirs = pty.openpty()
    process = launch("doctor", stdout=theirs, stderr=theirs)
    process.communicate(timeout=LONG)
    shown = os.read(ours, 1 << 16)
    os.close(theirs)
    os.close(ours)
    assert b"\x1b[32mok\x1b[0m" in shown
