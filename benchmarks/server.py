"""Servers in processes of their own: nginx where found, else the responder shipped here."""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from benchmarks.cores import ROOT, open_files, pin_process, server_core
from benchmarks.reply import EMAIL_MARK, REPLIES

START_SECONDS = 10.0

NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections {files}; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 120s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} {tls}backlog=4096;
{certificate}{locations}    }}
}}
"""
LOCATION = """\
        location ~ ^{folder}/v1/ltxstudio/accounts/(?<email>[^/]+)$ {{
            default_type application/json;
            return 200 '{reply}';
        }}
"""
MOST_FILES = 12_000  # for connections; a system may allow fewer


@frozen
class Server:
    """Where a server answers, and by which CA its certificate is known (PEM; empty: no TLS)."""

    base_url: str
    ca_file: str = ""

    def answering(self, reply: str) -> str:
        """Return the base URL below which another of the ``REPLIES`` is given."""
        return self.base_url if reply == "plain" else self.base_url[:-2] + f"{reply}/v1"


def nginx_path() -> str | None:
    """Return the path of nginx, also where it lies outside an ordinary user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def fastest_server(*, tls: bool = False) -> Iterator[Server]:
    """Serve accounts as fast as this machine can.

    Raises:
        RuntimeError: TLS is asked for, and there is no nginx.
    """
    executable = nginx_path()
    if executable:
        with _nginx(executable, tls=tls) as server:
            yield server
    elif tls:
        raise RuntimeError("no nginx, which serves TLS here")
    else:
        with responder() as base_url:
            yield Server(base_url)


@contextlib.contextmanager
def responder(*, latency: float = 0.0, rate: float = 0.0) -> Iterator[str]:
    """Serve accounts after ``latency`` seconds, at most ``rate`` a second; yields the base URL."""
    arguments = ("--latency", str(latency), "--rate", str(rate))
    command = [sys.executable, "-m", "benchmarks.responder", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with _ended_with_the_block(process):
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the responder did not start")
        yield f"http://127.0.0.1:{port}/v1"


@contextlib.contextmanager
def _nginx(executable: str, *, tls: bool) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="ltx-async-bench-") as folder:
        port = _free_port()
        config = Path(folder) / "nginx.conf"
        certificate, ca_file = _certificate(Path(folder)) if tls else ("", "")
        listening = {"port": port, "tls": "ssl " if tls else "", "certificate": certificate}
        limits = {"files": open_files(MOST_FILES), "locations": _locations()}
        config.write_text(NGINX_CONFIG.format(folder=folder, **limits, **listening), "utf-8")
        errors = f"{folder}/error.log"
        command = [executable, "-p", folder, "-c", str(config), "-e", errors]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        with _ended_with_the_block(process):
            _wait_until_it_listens(process, port)
            scheme = "https" if tls else "http"
            yield Server(f"{scheme}://127.0.0.1:{port}/v1", ca_file)


def _locations() -> str:
    replies = {"" if name == "plain" else f"/{name}": text for name, text in REPLIES.items()}
    return "".join(
        LOCATION.format(folder=folder, reply=text.replace(EMAIL_MARK, "$email"))
        for folder, text in replies.items()
    )


def _certificate(folder: Path) -> tuple[str, str]:
    """Return nginx's lines for a new certificate, and the file of the CA that issued it."""
    import trustme  # noqa: PLC0415 - only TLS needs it

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    both = folder / "server.pem"
    lines = f"        ssl_certificate {both};\n        ssl_certificate_key {both};\n"
    return lines, str(folder / "ca.pem")


@contextlib.contextmanager
def _ended_with_the_block(
    process: subprocess.Popen[str] | subprocess.Popen[bytes],
) -> Iterator[None]:
    try:
        pin_process(process.pid, server_core())
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise RuntimeError("nginx did not start")
