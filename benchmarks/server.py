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

from benchmarks.cores import ROOT, pin_process, server_core
from benchmarks.reply import ACCOUNT_JSON, EMAIL_MARK

START_SECONDS = 10.0

NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
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
        listen 127.0.0.1:{port} backlog=1024;
        location ~ ^/v1/ltxstudio/accounts/(?<email>[^/]+)$ {{
            default_type application/json;
            return 200 '{reply}';
        }}
    }}
}}
"""


def nginx_path() -> str | None:
    """Return the path of nginx, also where it lies outside an ordinary user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def fastest_server() -> Iterator[str]:
    """Serve accounts as fast as this machine can; yields the base URL."""
    executable = nginx_path()
    server = _nginx(executable) if executable else responder()
    with server as base_url:
        yield base_url


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
def _nginx(executable: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ltx-async-bench-") as folder:
        port = _free_port()
        config = Path(folder) / "nginx.conf"
        reply = ACCOUNT_JSON.replace(EMAIL_MARK, "$email")
        config.write_text(NGINX_CONFIG.format(folder=folder, port=port, reply=reply), "utf-8")
        errors = f"{folder}/error.log"
        command = [executable, "-p", folder, "-c", str(config), "-e", errors]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        with _ended_with_the_block(process):
            _wait_until_it_listens(process, port)
            yield f"http://127.0.0.1:{port}/v1"


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
