"""A command as process 1 of a container: signals, exit statuses, files that are to be read only."""

import os
import signal

import pytest
from command_line import healthy
from kit import given, image
from patience import LONG, until

from ltx_async.emulator import Emulator

from .containers import NOBODY

ANN = "ann@example.com"


@pytest.fixture
def emulator():
    with Emulator([healthy(ANN)]) as emulator:
        yield emulator


@pytest.fixture
def inside(container, emulator):
    container.environment["USEAPI_API"] = emulator.base_url
    token = container.data / "token"
    token.write_text(emulator.token)
    token.chmod(0o600)
    if container.drops:
        os.chown(token, int(NOBODY), int(NOBODY))
    return container


def watch(inside, *more):
    """Return the arguments of the image, for this place."""
    return [
        *given(
            image("CMD"),
            state=inside.data / "watch.json",
            token_file=inside.data / "token",
            metrics_address="127.0.0.1:0",
        ),
        *more,
    ]


def test_it_is_process_1_and_can_write_to_its_volume_only(inside, emulator):
    done = inside.run(watch(inside, "--rounds", "1"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (inside.data / "watch.json").exists()
    assert (inside.data / "watch.json").stat().st_mode & 0o777 == 0o600
    for place, status in ((inside.place, 2), (inside.data, 0)):
        file = place / "ltx.prom"
        done = inside.run([*watch(inside, "--rounds", "1"), "--metrics-file", file])
        assert (done.returncode, file.exists()) == (status, not status)
    assert not [*inside.place.iterdir()]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_to_process_1_ends_it_with_its_status(inside, emulator, number, status):
    process = inside.start(watch(inside))
    until((inside.data / "watch.json").exists)  # the first round is over
    try:
        os.kill(inside.process_1(process), number)
        out, err = process.communicate(timeout=LONG)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (status, "", "")


def test_a_second_signal_ends_it_at_once(inside, emulator):
    emulator.latency = 300
    process = inside.start(["check", "--from-api", "--deadline", "600", "--timeout", "600",
                            "--token-file", inside.data / "token"])  # fmt: skip
    until(lambda: emulator.request_count)
    os.kill(inside.process_1(process), signal.SIGTERM)
    inside.end(process)
    assert process.returncode == 143


@pytest.mark.parametrize(
    ("account", "token", "status"),
    [
        ({}, None, 0),
        ({"error": "session expired"}, None, 1),
        ({}, "", 2),
        ({}, "user:1-wrong", 3),
    ],
)
def test_its_exit_status_is_that_of_the_container(inside, emulator, account, token, status):
    emulator.put(healthy(ANN, **account))
    if token is not None:
        (inside.data / "token").write_text(token)
    done = inside.run(["check", "--from-api", "--quiet", "--token-file", inside.data / "token"])
    assert done.returncode == status
    assert "Traceback" not in done.stderr
