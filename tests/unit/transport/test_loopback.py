import socket

import pytest

from ltx_async import LTXClient, Outcome
from ltx_async.emulator import Emulator
from ltx_async.transport.loopback import is_localhost
from ltx_async.transport.names import Resolver

NAMES = ["localhost", "api.localhost", "a.b.localhost", "evil.example.localhost"]


@pytest.fixture
def no_resolver(monkeypatch):
    """A resolver that would lead every name to another machine."""
    asked = []

    def elsewhere(host, *_arguments, **_options):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 1))]

    monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
    return asked


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_of_this_machine_is_its_loopback_address(no_resolver, name):
    resolver = Resolver()
    found = await resolver.resolve(name, 8080, socket.AF_UNSPEC)
    assert [(one["host"], one["port"]) for one in found] == [("127.0.0.1", 8080), ("::1", 8080)]
    (only,) = await resolver.resolve(name, 8080, socket.AF_INET6)
    assert (only["host"], only["hostname"]) == ("::1", name)
    assert no_resolver == []


@pytest.mark.parametrize("name", ["localhost.example.com", "notlocalhost", "example.com"])
async def test_another_name_is_asked_for(no_resolver, name):
    assert not is_localhost(name)
    found = await Resolver().resolve(name, 8080, socket.AF_UNSPEC)
    assert [one["host"] for one in found] == ["192.0.2.1"]
    assert no_resolver == [name]


@pytest.mark.parametrize("transport", ["session", "direct"])
@pytest.mark.parametrize("name", NAMES)
async def test_the_token_reaches_nobody_but_this_machine(no_resolver, transport, name):
    async with Emulator([{"email": "ann@example.com", "maxJobs": 1}]) as emulator:
        base_url = emulator.base_url.replace("127.0.0.1", name)
        async with LTXClient(emulator.token, base_url=base_url, transport=transport) as client:
            lookup = await client.lookup("ann@example.com")
    assert lookup.outcome is Outcome.OK
    assert no_resolver == []
