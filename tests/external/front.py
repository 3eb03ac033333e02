"""An nginx with TLS before an emulator."""

import asyncio
import contextlib
import os
import signal
import ssl
import subprocess
from pathlib import Path

import trustme
from ports import free_port

from ltx_async import LTXClient, RetryPolicy
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator

CONFIGURATION = """
daemon off;
worker_processes 2;
{user}
pid {directory}/nginx.pid;
error_log {directory}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    limit_req_zone $server_port zone=all:1m rate=200r/s;
    limit_req_status 429;
    limit_conn_zone $server_port zone=conns:1m;
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {directory}/chain.pem;
        ssl_certificate_key {directory}/key.pem;
        keepalive_requests {keepalive_requests};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location /v1/ltxstudio/accounts/ {{ {limit} {answer} }}
        location / {{ return 410; }}
    }}
}}
"""


class AnyEmail(dict):
    """Accounts of whatever email the server has decoded."""

    def __contains__(self, email):
        return True

    def __missing__(self, email):
        return {"email": email, "maxJobs": 1}

    def get(self, email, default=None):
        return self[email]

    def __len__(self):
        return 1


class Front:
    """An nginx with TLS before an emulator."""

    def __init__(self, program: str, directory: Path, emulator: Emulator) -> None:
        self.program, self.directory, self.emulator = program, directory, emulator
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(str(directory / "key.pem"))
        for number, part in enumerate(certificate.cert_chain_pems):
            part.write_to_path(str(directory / "chain.pem"), append=bool(number))

    @property
    def base_url(self) -> str:
        return f"https://127.0.0.1:{self.port}/v1"

    @property
    def log(self) -> str:
        return (self.directory / "access.log").read_text()

    async def start(
        self,
        *,
        limit: str = "",
        answer: str = "proxy_pass http://api;",
        keepalive_requests: int = 1000,
    ) -> None:
        text = CONFIGURATION.format(
            user="user root;" if os.geteuid() == 0 else "",
            directory=self.directory,
            upstream=self.emulator.port,
            port=self.port,
            limit=limit,
            answer=answer,
            keepalive_requests=keepalive_requests,
        )
        path = self.directory / "nginx.conf"
        path.write_text(text)
        arguments = ("-p", str(self.directory), "-e", str(self.directory / "error.log"))
        self.process = subprocess.Popen([self.program, *arguments, "-c", str(path)])
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.02)
        raise AssertionError((self.directory / "error.log").read_text())

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)

    def client(self, transport: str, **options) -> LTXClient:
        options = {
            "base_url": self.base_url,
            "ssl": self.trusting,
            "retry": RetryPolicy(throttle_base=0.01),
            **options,
        }
        return LTXClient(EXAMPLE_TOKEN, transport=transport, **options)
