"""Prometheus, the node exporter and who is told of alerts, beside a test, on free ports."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from attrs import define, field, frozen
from patience import until
from ports import free_port


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as reply:
        return reply.read()


@contextlib.contextmanager
def running(command, url: str, log: Path) -> Iterator[None]:
    """Run a server until the block is left, once it answers at `url`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={"PATH": "/usr/bin:/bin", "GOMAXPROCS": "1"},
        )

    def answers():
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return get(url)

    try:
        until(answers)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def node_exporter(program: str, directory: Path, log: Path) -> Iterator[str]:
    """Run a node exporter for the textfiles in a directory alone; return its host and port."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={directory}",
        f"--web.listen-address={address}",
    ]
    with running(command, f"http://{address}/", log):
        yield address


@frozen
class Prometheus:
    """A Prometheus that runs.

    Attributes:
        url: where it is asked.
    """

    url: str

    def ask(self, path: str, **query):
        text = urllib.parse.urlencode(query)
        reply = json.loads(get(f"{self.url}/api/v1/{path}?{text}"))
        assert reply["status"] == "success"
        return reply["data"]

    def values(self, expression: str) -> dict[tuple[str, ...], float]:
        """Return the values of an expression by name and labels, but for job and instance."""
        found = {}
        for one in self.ask("query", query=expression)["result"]:
            labels = {k: v for k, v in one["metric"].items() if k not in {"job", "instance"}}
            found[tuple(f"{k}={v}" for k, v in sorted(labels.items()))] = float(one["value"][1])
        return found

    def evaluated_at(self) -> datetime:
        """Return when the rules were evaluated last."""
        (group,) = self.ask("rules")["groups"]
        return moment(group["lastEvaluation"])


def moment(text: str) -> datetime:
    """Read a time as Go writes it, which has nanoseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction + '000000')[:6]}+00:00")


@define
class Receiver:
    """Takes alerts as an Alertmanager does.

    Attributes:
        address: host and port.
        told: what it was told, in order: the name of the rule, and whether it is resolved.
    """

    address: str
    told: list[tuple[str, str]] = field(factory=list)

    def take(self, body: bytes) -> None:
        for alert in json.loads(body):
            resolved = moment(alert["endsAt"]) <= datetime.now(UTC)
            name = alert["labels"]["alertname"]
            self.told.append((name, "resolved" if resolved else "firing"))

    def of(self, name: str) -> list[str]:
        """Return what was told of one rule."""
        return [state for one, state in self.told if one == name]


@contextlib.contextmanager
def prometheus(
    program: str, directory: Path, target: str, *, every: str, receiver: Receiver | None = None
) -> Iterator[Prometheus]:
    """Run a Prometheus; where there is a receiver, with the rules in `directory/rules.yml`."""
    address = f"127.0.0.1:{free_port()}"
    times = ("scrape_interval", "scrape_timeout", "evaluation_interval")
    config = {
        "global": dict.fromkeys(times, every),
        "scrape_configs": [{"job_name": "ltx", "static_configs": [{"targets": [target]}]}],
    }
    if receiver is not None:
        known = [{"static_configs": [{"targets": [receiver.address]}]}]
        config |= {"rule_files": ["rules.yml"], "alerting": {"alertmanagers": known}}
    (directory / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    command = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
        "--rules.alert.resend-delay=1h",  # each is told once, and once more when it is resolved
    ]
    with running(command, f"http://{address}/-/ready", directory / "prometheus.log"):
        yield Prometheus(f"http://{address}")


@contextlib.contextmanager
def alert_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
