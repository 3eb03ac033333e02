"""Which proxy is on the way to the server: the one that was given, or one of the environment."""

from __future__ import annotations

import base64
import os
import urllib.request

from attrs import field, frozen
from yarl import URL

from ltx_async.errors import ConfigurationError
from ltx_async.transport.endpoint import Secret

_HINT = "A proxy looks like http://proxy.example.com:3128."


@frozen
class Proxy:
    """An http proxy.

    Attributes:
        url: where it is, without credentials.
        credentials: what it is sent as `Proxy-Authorization`, None for nothing.
    """

    url: URL
    credentials: Secret | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy alone is sent."""
        return {} if self.credentials is None else {"Proxy-Authorization": self.credentials}


def find_proxy(base: URL, given: str | None, *, trust_env: bool) -> Proxy | None:
    """Return the proxy on the way to `base`: the given one, else one of the environment.

    This is not left to aiohttp: with `trust_env` it would look into netrc too, for every
    request, refuse those that bring a token of their own, and talk to SOCKS servers as if
    they spoke HTTP.

    Raises:
        ConfigurationError: it is not the URL of an http proxy.
    """
    if given is not None:
        return _checked(Secret(given), "proxy")
    if not trust_env or _is_bypassed(base):
        return None
    for scheme in (base.scheme, "all"):
        if text := _of_environment(scheme):
            return _checked(text, _variable(scheme))
    return None


def _is_bypassed(base: URL) -> bool:
    """Whether NO_PROXY names the host, or the host with its port."""
    places = (base.host or "", f"{base.host_subcomponent}:{base.port}")
    return any(map(urllib.request.proxy_bypass, places))


def _of_environment(scheme: str) -> Secret:
    return Secret(urllib.request.getproxies().get(scheme, ""))


def _variable(scheme: str) -> str:
    """Name the variable that names the proxy; a name in lower case goes before others."""
    wanted = f"{scheme}_proxy"
    names = sorted((name for name in os.environ if name.lower() == wanted), reverse=True)
    return next(filter(os.environ.get, names), "the proxy in the settings of the system")


def _checked(text: Secret, name: str) -> Proxy:
    if (problem := _problem(text)) is not None:  # no local here may hold the password
        raise ConfigurationError(f"{name} {problem}", hint=_HINT)
    url = URL(text)
    credentials = None
    if url.user is not None or url.password is not None:
        pair = f"{url.user or ''}:{url.password or ''}".encode()
        credentials = Secret(f"Basic {base64.b64encode(pair).decode()}")  # RFC 7617
    return Proxy(url.with_user(None).origin(), credentials)


def _problem(text: Secret) -> str | None:
    """Say what keeps a text from being the URL of a proxy, without quoting it."""
    if text.lower().startswith("socks"):
        return "is a SOCKS proxy; only http proxies are supported"
    try:
        url = URL(text)
        usable = url.scheme in {"http", "https"} and url.host and url.port
    except (ValueError, TypeError):
        usable = False
    if not usable or not text.isprintable() or " " in text:
        return "is not the URL of an http proxy"
    if url.raw_path not in {"", "/"} or url.raw_query_string or url.raw_fragment:
        return "has a path, which no proxy has"
    return None
