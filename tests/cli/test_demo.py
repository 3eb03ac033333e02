import json
import stat
from pathlib import Path

import pytest
from patience import signal_when

from ltx_async.cli.commands import demo as demo_module


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(demo_module, "_LATENCY", 0.005)


def test_the_demo_works_without_a_token_and_as_often_as_it_is_run(ltx, monkeypatch):
    monkeypatch.delenv("USEAPI_TOKEN")
    for _ in range(2):
        ended = ltx("demo")
        assert ended.status == 0
        with Path("demo-results.jsonl").open() as file:
            records = [json.loads(line) for line in file]
        assert {record["outcome"] for record in records} == {
            "ok",
            "needs_reauth",
            "not_found",
            "invalid",
        }
        assert len(records) == 393
        assert f"results: {Path('demo-results.jsonl').absolute()}" in ended.err
        assert "attention: " in ended.err
    assert stat.S_IMODE(Path("demo-results.jsonl").stat().st_mode) == 0o600


def test_the_demo_can_be_interrupted(ltx, monkeypatch):
    monkeypatch.setattr(demo_module, "_LATENCY", 0.2)
    signal_when(Path("demo-results.jsonl").exists, 2)
    assert ltx("demo").status == 130


def test_a_demo_that_fails_says_so(ltx, monkeypatch):
    class Refusing(demo_module.Emulator):
        def __attrs_post_init__(self):
            super().__attrs_post_init__()
            self.subscription = False

    monkeypatch.setattr(demo_module, "Emulator", Refusing)
    ended = ltx("demo", "--quiet")
    assert ended.status == 3
    assert "402" in ended.err
