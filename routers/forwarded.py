"""What a reverse proxy says of the client's own request: believed only of a proxy that is configured.

Anybody can send X-Forwarded-* headers. From a trusted address the last value of each counts, which is the one that this proxy set itself;
from any other address they count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


class TrustedProxies:
    """Puts scheme, host and client address of the outer request in the place of the proxy's own, where the proxy is one of `networks`."""

    def __init__(self, application: WSGIApplication, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        self._application = application
        self._networks = tuple(networks)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._trusts(environ.get("REMOTE_ADDR", "")):
            self._adopt(environ)
        return self._application(environ, start_response)

    def _adopt(self, environ: WSGIEnvironment) -> None:
        scheme = _last(environ, "PROTO").lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(environ, "HOST")
        if _HOST.fullmatch(host):
            environ["HTTP_HOST"] = host
        for address in reversed(_all(environ, "FOR")):
            if not _is_address(address):
                return
            environ["REMOTE_ADDR"] = address
            if not self._trusts(address):
                return

    def _trusts(self, text: str) -> bool:
        if not self._networks or not _is_address(text):
            return False
        address = ip_address(text)
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def _all(environ: WSGIEnvironment, name: str) -> list[str]:
    return [value.strip() for value in str(environ.get(f"HTTP_X_FORWARDED_{name}", "")).split(",")]


def _last(environ: WSGIEnvironment, name: str) -> str:
    return _all(environ, name)[-1]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
