"""The emulator for code without an event loop: in a thread of its own."""

import gc
import json
import socket
import threading
import urllib.error
import urllib.request
import warnings

import aiohttp
import pytest

from ltx_async.emulator import Delay, Emulator

ANN = {"email": "ann@example.com", "maxJobs": 7}


def ask(emulator, email="ann@example.com"):
    request = urllib.request.Request(
        f"{emulator.base_url}/ltxstudio/accounts/{email}",
        headers={"Authorization": f"Bearer {emulator.token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "ltx_emulator"]


def test_a_plain_with_serves_code_that_has_no_event_loop():
    with Emulator([ANN]) as emulator:
        assert ask(emulator) == ANN
        emulator.put({"email": "ann@example.com"})
        emulator.script("ann@example.com", 503)
        assert [ask(emulator), ask(emulator)] == [503, {"email": "ann@example.com"}]
        assert emulator.count("ann@example.com") == 3

    assert threads() == []
    with pytest.raises(urllib.error.URLError):
        ask(emulator)


def test_leaving_warns_of_nothing_whatever_clients_are_doing():
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with Emulator([ANN]) as emulator, socket.socket() as idle, socket.socket() as busy:
            emulator.script("ann@example.com", Delay(60))
            idle.connect((emulator.host, emulator.port))
            busy.connect((emulator.host, emulator.port))
            busy.sendall(b"GET /v1/ltxstudio/accounts/ann@example.com HTTP/1.1\r\nHost: x\r\n\r\n")
            while not emulator.in_flight:
                pass
        gc.collect()

    assert warned == []
    assert (emulator.open_connections, emulator.in_flight, threads()) == (0, 0, [])


def test_it_serves_again_on_the_same_port():
    emulator = Emulator([ANN])
    with emulator:
        port = emulator.port
    with emulator:
        assert (emulator.port, ask(emulator)) == (port, ANN)


def test_what_keeps_it_from_serving_is_raised_where_the_block_is():
    with Emulator([ANN]) as emulator:
        with pytest.raises(OSError, match=str(emulator.port)), Emulator(port=emulator.port):
            pass
        with pytest.raises(RuntimeError, match="running already"), emulator:
            pass
        assert len(threads()) == 1
        assert ask(emulator) == ANN


def test_an_error_in_the_block_stops_it_and_is_not_lost():
    with pytest.raises(ZeroDivisionError), Emulator():
        _ = 1 / 0

    assert threads() == []


async def test_it_may_be_used_beside_an_event_loop_too():
    with Emulator([ANN]) as emulator:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            url = f"{emulator.base_url}/ltxstudio/accounts/ann@example.com"
            async with session.get(url) as response:
                assert await response.json() == ANN
