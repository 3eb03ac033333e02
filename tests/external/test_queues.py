"""Results and errors that go from worker to worker: by pickle, and as Celery rebuilds them."""

import asyncio
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

import ltx_async
from ltx_async import LTXError
from ltx_async.emulator import Emulator, GeneratedAccounts
from ltx_async.sync import LTXClient

EMAILS = ["user000001@example.com", "nobody@example.com", "no address", "odd@example.com"]
ERRORS = [
    value
    for name in ltx_async.__all__
    if isinstance(value := getattr(ltx_async, name), type) and issubclass(value, LTXError)
]


@pytest.fixture
def emulator(monkeypatch):
    with Emulator(GeneratedAccounts(20, unhealthy=0)) as emulator:
        emulator.script("odd@example.com", 418, forever=True)
        monkeypatch.setenv("USEAPI_API", emulator.base_url)
        monkeypatch.setenv("USEAPI_TOKEN", emulator.token)
        yield emulator


def look_up(emails):
    with LTXClient() as client:
        return client.lookup_all(emails)


def fetch(email):
    with LTXClient() as client:
        return client.fetch_account(email)


async def fetch_in_a_loop(email):
    async with ltx_async.LTXClient() as client:
        return await client.fetch_account(email)


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_lookups_and_errors_come_whole_out_of_a_worker_process(emulator, start):
    emulator.script("late@example.com", 401)
    with ProcessPoolExecutor(1, mp_context=get_context(start)) as pool:
        lookups = pool.submit(look_up, EMAILS).result()
        with pytest.raises(ltx_async.AuthenticationError) as caught:
            pool.submit(fetch, "late@example.com").result()
    assert [lookup.outcome for lookup in lookups] == ["ok", "not_found", "invalid", "failed"]
    here = look_up(EMAILS)
    assert [lookup.account for lookup in lookups] == [lookup.account for lookup in here]
    assert [str(lookup.error) for lookup in lookups] == [str(lookup.error) for lookup in here]
    assert (caught.value.status, caught.value.email) == (401, "late@example.com")
    assert caught.value.hint
    with pytest.raises(ltx_async.AccountNotFoundError):
        lookups[1].unwrap()


@pytest.fixture
def backend():
    """What keeps the results of Celery's tasks, which rebuilds errors as `cls(*args)`."""
    celery = pytest.importorskip("celery", reason="celery is not installed")
    return celery.Celery("jobs", broker="memory://", backend="cache+memory://").backend


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_celery_brings_every_error_back(backend, error, serializer):
    statuses = sorted(getattr(error, "statuses", ()))
    given = {"status": statuses[0]} if len(statuses) > 1 else {}
    if issubclass(error, ltx_async.ResponseError) and not statuses:
        given = {"status": 400}
    thrown = error("HTTP: what was wrong", **given)
    kept = pickle.loads(pickle.dumps(backend.prepare_exception(thrown, serializer)))
    back = backend.exception_to_python(kept)
    assert type(back) is error
    assert back.message == "HTTP: what was wrong"
    assert back.args == thrown.args
    assert getattr(back, "status", None) == getattr(thrown, "status", None)
    assert back.hint == thrown.hint


def test_a_task_of_celery_looks_up_in_its_worker_and_tells_its_error(emulator):
    celery = pytest.importorskip("celery", reason="celery is not installed")
    app = celery.Celery("jobs", broker="memory://", backend="cache+memory://")
    app.conf.update(task_always_eager=True, task_store_eager_result=True)

    @app.task(name="balance")
    def balance(email):
        return fetch(email).token_balance

    @app.task(name="balance in a loop")
    def balance_in_a_loop(email):
        return asyncio.run(fetch_in_a_loop(email)).token_balance

    for task in (balance, balance_in_a_loop):
        assert task.delay("user000001@example.com").get() > 0
        with pytest.raises(ltx_async.AccountNotFoundError, match="HTTP 404"):
            task.delay("nobody@example.com").get()
