"""Scripted and random faults: what breaks, in which order, and how often."""

import asyncio
import json

import aiohttp
import pytest

from ltx_async.emulator import (
    FAULT_KINDS,
    Close,
    Delay,
    Emulator,
    Garbage,
    Reset,
    Slow,
    Status,
    Truncate,
    parse_faults,
)
from ltx_async.emulator.faults import RandomFaults

ANN = "ann@example.com"


async def test_steps_are_taken_in_order_then_the_truth_returns(emulator, get):
    emulator.script(ANN, 503, Status(500, {"error": "twice"}))
    emulator.script(ANN, 429)

    assert [(await get()).status for _ in range(5)] == [503, 500, 429, 200, 200]
    assert [request.status for request in emulator.requests] == [503, 500, 429, 200, 200]


async def test_a_script_is_for_its_email_alone(emulator, get):
    emulator.script("bob@example.com", 503)

    assert (await get(ANN)).status == 200
    assert (await get("bob@example.com")).status == 503


async def test_a_script_for_any_email_comes_after_the_email_s_own(emulator, get):
    emulator.script(None, 500, 502)
    emulator.script(ANN, 503)

    assert [(await get()).status for _ in range(4)] == [503, 500, 502, 200]


async def test_a_script_for_any_email_leaves_the_list_alone(emulator, get):
    emulator.script(None, 500)
    emulator.script_list(503)

    statuses = [(await get(path="/ltxstudio/accounts")).status for _ in range(2)]

    assert [*statuses, (await get()).status] == [503, 200, 500]


async def test_forever_goes_round_until_cleared(emulator, get):
    emulator.script(ANN, 503, 500, forever=True)
    emulator.script_list(502, forever=True)

    assert [(await get()).status for _ in range(5)] == [503, 500, 503, 500, 503]
    emulator.clear_scripts()
    assert (await get()).status == 200
    assert (await get(path="/ltxstudio/accounts")).status == 200


async def test_scripted_steps_come_before_the_token_check(emulator, get):
    emulator.script(ANN, 503)

    assert [(await get(token="user:12345-x")).status for _ in range(2)] == [503, 401]


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (Status(401), "application/json", '{"error":"Unauthorized","code":401}'),
        (Status(503), "application/json", '{"error":"Service Unavailable","code":503}'),
        (Status(599), "application/json", '{"error":"Status 599","code":599}'),
        (Status(404, "No such account"), "text/plain", "No such account"),
        (Status(404, b""), "application/octet-stream", ""),
        (Status(200, ["x"]), "application/json", '["x"]'),
        (
            Status(200, "nan", headers={"Content-Type": "application/json"}),
            "application/json",
            "nan",
        ),
    ],
)
async def test_a_status_has_its_usual_body_or_the_one_given(
    emulator, get, status, content_type, body
):
    emulator.script(ANN, status)

    response = await get()

    assert response.status == status.status
    assert (response.content_type, await response.text()) == (content_type, body)


async def test_headers_of_a_status_are_sent(emulator, get):
    emulator.script(ANN, Status(503, headers={"Retry-After": "7", "cf-ray": "1-EX"}))

    response = await get()

    assert (response.headers["Retry-After"], response.headers["cf-ray"]) == ("7", "1-EX")


async def test_an_edge_error_and_a_portal_are_pages_and_596_is_json(emulator, get):
    emulator.script(ANN, 522, Status.html(), 596)

    answers = [await get() for _ in range(3)]

    assert [answer.status for answer in answers] == [522, 200, 596]
    assert [answer.content_type for answer in answers] == [
        "text/html",
        "text/html",
        "application/json",
    ]


async def test_a_redirect_points_to_another_host(emulator, get):
    emulator.script(ANN, Status.redirect(), Status.redirect("https://x.example.com/y", status=308))

    first, second = await get(), await get()

    assert (first.status, first.headers["Location"]) == (302, "https://www.example.com/")
    assert (second.status, second.headers["Location"]) == (308, "https://x.example.com/y")


async def test_a_close_ends_the_connection_without_a_byte(emulator, raw_get):
    emulator.script(ANN, Close(), Close(b"HTTP/1.1 200 OK\r\nConte"))

    assert await raw_get() == b""
    assert await raw_get() == b"HTTP/1.1 200 OK\r\nConte"
    assert [request.status for request in emulator.requests] == [None, None]


async def test_a_reset_is_a_reset_even_after_some_bytes(emulator):
    emulator.script(ANN, Reset(), Reset(b"HTTP/1.1 2"))
    for expected in (b"", b"HTTP/1.1 2"):
        reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
        writer.write(b"GET /v1/ltxstudio/accounts/ann@example.com HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.read(len(expected)) == expected
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()


async def test_garbage_is_not_http(emulator, raw_get):
    emulator.script(ANN, Garbage(), Garbage(b"SSH-2.0-x\r\n"))

    assert not (await raw_get()).startswith(b"HTTP")
    assert await raw_get() == b"SSH-2.0-x\r\n"


async def test_a_truncated_answer_announces_more_than_it_sends(emulator, raw_get, get, sample):
    emulator.script(ANN, Truncate(), Truncate(missing=1))

    head, _, body = (await raw_get()).partition(b"\r\n\r\n")

    assert json.loads(body) == sample("account.json")
    assert b"Content-Length: %d" % (len(body) + 10) in head
    with pytest.raises(aiohttp.ClientPayloadError):
        await get()


async def test_a_truncated_list_is_the_whole_list_cut(emulator, get):
    emulator.script_list(Truncate())

    with pytest.raises(aiohttp.ClientPayloadError):
        await get(path="/ltxstudio/accounts")


async def test_a_slow_answer_is_true_and_takes_its_time(emulator, get, sample):
    emulator.script(ANN, Slow(0.05))

    started = asyncio.get_running_loop().time()
    response = await get()

    assert await response.json() == sample("account.json")
    assert asyncio.get_running_loop().time() - started >= 0.04


async def test_a_delay_comes_before_the_next_step_or_the_truth(emulator, get, raw_get):
    emulator.script(ANN, Delay(0.03), Delay(0.03, then=503), Delay(0.0, Delay(0.0, Close())))

    started = asyncio.get_running_loop().time()
    statuses = [(await get()).status for _ in range(2)]

    assert statuses == [200, 503]
    assert asyncio.get_running_loop().time() - started >= 0.05
    assert await raw_get() == b""
    assert [request.status for request in emulator.requests] == [200, 503, None]


@pytest.mark.parametrize(("step", "hint"), [(Reset, r"write Reset\(\)"), ("503", "a status or")])
def test_what_is_no_step_is_refused_with_advice(step, hint):
    with pytest.raises(TypeError, match=hint):
        Emulator().script(ANN, step)


# Random faults


def faults_of(percents, *, seed=0, count=4_000):
    faults = RandomFaults(percents, seed=seed)
    return [faults.step_for(f"u{number}@example.com") for number in range(count)]


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_every_kind_comes_as_often_as_asked_for(kind):
    steps = faults_of({kind: 25})

    assert 0.22 < sum(step is not None for step in steps) / len(steps) < 0.28


def test_kinds_keep_their_shares_beside_each_other():
    steps = faults_of({"404": 30, "596": 20, "503": 25, "reset": 10})
    share = {
        kind: sum(step == want for step in steps) / len(steps)
        for kind, want in {
            "404": Status(404),
            "596": Status(596),
            "503": Status(503),
            "reset": Reset(),
        }.items()
    }

    assert share["404"] == pytest.approx(0.30, abs=0.03)
    assert share["596"] == pytest.approx(0.20, abs=0.03)
    assert share["503"] == pytest.approx(0.25, abs=0.03)
    assert share["reset"] == pytest.approx(0.10, abs=0.03)


def test_the_seed_decides_the_faults():
    percents = {"503": 20, "close": 20, "404": 20}

    assert faults_of(percents, seed=1) == faults_of(percents, seed=1)
    assert faults_of(percents, seed=1) != faults_of(percents, seed=2)


def test_a_retry_meets_404_and_596_again_but_not_the_passing_faults():
    lasting = RandomFaults({"404": 30, "596": 30})
    passing = RandomFaults({"503": 50})

    for email in (f"u{number}@example.com" for number in range(50)):
        assert len({lasting.step_for(email) for _ in range(5)}) == 1
    assert {passing.step_for(ANN) for _ in range(50)} == {None, Status(503)}


def test_faults_may_take_every_request_and_no_fault_takes_none():
    assert set(faults_of({"503": 100})) == {Status(503)}
    assert set(faults_of({"404": 100})) == {Status(404)}
    assert set(faults_of({"503": 0})) == {None}


async def test_random_faults_reach_the_lookups_and_spare_the_list():
    async with Emulator(faults={"522": 100}) as emulator, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        for path, status in (("/ann@example.com", 522), ("", 200)):
            url = f"{emulator.base_url}/ltxstudio/accounts{path}"
            async with session.get(url, headers=headers) as response:
                assert response.status == status


def test_fault_texts_become_percentages():
    assert parse_faults(["503=10", "reset=2.5"]) == {"503": 10.0, "reset": 2.5}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["503"], "write for example 503=10"),
        (["503=ten"], "write for example 503=10"),
        (["503=nan"], "write for example 503=10"),
        (["=5"], "unknown fault kind ''"),
        (["999=5"], "unknown fault kind '999': choose from 503, 429"),
        (["503=101"], "from 0 to 100, not 101"),
        (["503=-1"], "from 0 to 100, not -1"),
        (["503=1", "503=2"], "given twice"),
    ],
)
def test_other_fault_texts_are_refused_with_advice(texts, message):
    with pytest.raises(ValueError, match=message):
        parse_faults(texts)


@pytest.mark.parametrize("percents", [{"x": 1}, {"503": 60, "429": 41}, {"503": 101}])
def test_an_emulator_refuses_impossible_faults_before_it_starts(percents):
    with pytest.raises(ValueError, match="fault"):
        Emulator(faults=percents)
