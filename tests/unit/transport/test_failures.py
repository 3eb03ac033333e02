"""Foreign exceptions become ours, with the facts that others decide by."""

import errno

import aiohttp
import ports
import pytest
from aiohttp.client_reqrep import ConnectionKey

from ltx_async.client import LTXClient
from ltx_async.errors import AttemptTimeoutError, ConnectError, ProtocolError
from ltx_async.retry import RetryPolicy
from ltx_async.transport.failures import translated

TOKEN = "user:12345-abcdefghi"
ONCE = RetryPolicy(attempts=1)
both_transports = pytest.mark.parametrize("transport", ["session", "direct"])


def key(host):
    return ConnectionKey(host, 8080, False, True, None, None, None)


def refused(host, kind=aiohttp.ClientConnectorError, number=errno.ECONNREFUSED):
    return kind(key(host), OSError(number, "Connect call failed"))


@pytest.fixture
def free_port():
    with ports.refusing() as port:
        yield port


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "a.localhost"])
def test_a_refused_port_of_this_machine_is_one_where_nobody_listens(host):
    error = translated(refused(host))
    assert (type(error), error.errno) == (ConnectError, errno.ECONNREFUSED)
    assert error.nobody_listens
    assert error.message == f"cannot connect to {host}:8080: Connection refused"


@pytest.mark.parametrize("host", ["example.com", "192.0.2.1", "localhost.example.com", "::2"])
def test_a_refused_port_of_another_machine_is_not(host):
    assert not translated(refused(host)).nobody_listens


@pytest.mark.parametrize("number", [errno.ECONNRESET, errno.EHOSTUNREACH, errno.EMFILE])
def test_another_failure_to_connect_to_this_machine_is_not(number):
    error = translated(refused("127.0.0.1", number=number))
    assert (type(error), error.errno, error.nobody_listens) == (ConnectError, number, False)


def test_a_proxy_that_refuses_is_called_a_proxy_wherever_it_is():
    error = translated(refused("127.0.0.1", aiohttp.ClientProxyConnectionError))
    assert error.message == "cannot connect to the proxy 127.0.0.1:8080: Connection refused"
    assert not error.nobody_listens  # of the server, nothing is known


@both_transports
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_over_real_sockets_nobody_listens(transport, free_port, host):
    base_url = f"http://{host}:{free_port}/v1"
    async with LTXClient(TOKEN, base_url=base_url, transport=transport, retry=ONCE) as client:
        error = (await client.lookup("ann@example.com")).error
    assert type(error) is ConnectError
    assert error.nobody_listens


@both_transports
async def test_over_real_sockets_a_proxy_is_absent(transport, free_port):
    proxy = f"http://127.0.0.1:{free_port}"
    options = {"base_url": "https://example.com/v1", "transport": transport, "retry": ONCE}
    async with LTXClient(TOKEN, proxy=proxy, **options) as client:
        error = (await client.lookup("ann@example.com")).error
    assert type(error) is ConnectError
    assert error.message == f"cannot connect to the proxy 127.0.0.1:{free_port}: Connection refused"
    assert not error.nobody_listens


def test_what_is_no_failure_to_connect_keeps_its_class():
    assert type(translated(TimeoutError())) is AttemptTimeoutError
    broken = translated(ConnectionResetError(errno.ECONNRESET, "odd words"))
    assert (type(broken), broken.message) == (
        ProtocolError,
        "the connection broke: Connection reset by peer",
    )
