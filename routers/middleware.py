"""WSGI middleware, from the outside in.

- `routers.observed` is the outermost layer, so that every answer carries its request's id, and every log line under it; `routers.metrics`
  comes next, which believes no proxy.
- `TrustedProxies`: what a reverse proxy says of the client's own request is believed only of a proxy that is configured. Anybody can send
  X-Forwarded-* headers. From a trusted address the last value of each counts, which is the one that this proxy set itself; from any other
  address they count for nothing.
- `HostCheck`: links are made of the name by which the client called, so it has to be one, and one of those that are configured.
- `RequestLineLimit`: whole stories travel in query strings, so the web server's own bound (8 KB at most) is switched off, and this one
  stands in its place.
- `routers.unpacking` stands behind these: a request that is refused is not unpacked.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from config.addresses import host_name, parse_address
from routers.errors import envelope
from service.fields import shorten

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


WEBHOOKS = "/api/webhook/"


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
        scheme = _last_forwarded(environ, "PROTO").lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last_forwarded(environ, "HOST")
        if _name_of(host):
            environ["HTTP_HOST"] = host
        for address in reversed(_forwarded(environ, "FOR")):
            if parse_address(address) is None:
                return
            environ["REMOTE_ADDR"] = address
            if not self._trusts(address):
                return

    def _trusts(self, text: str) -> bool:
        address = parse_address(text) if self._networks else None
        return address is not None and any(address in network for network in self._networks)


def _forwarded(environ: WSGIEnvironment, name: str) -> list[str]:
    return [value.strip() for value in str(environ.get(f"HTTP_X_FORWARDED_{name}", "")).split(",")]


def _last_forwarded(environ: WSGIEnvironment, name: str) -> str:
    return _forwarded(environ, name)[-1]


@lru_cache(1024)
def _name_of(header: str) -> str:
    """The name in a `Host`, "" where it holds none."""
    try:
        return host_name(header)
    except ValueError:
        return ""


class HostCheck:
    """Answers 400 to a request whose `Host` is malformed, missing in HTTP/1.1, or none of `allowed` (where there are any).

    An entry with a dot in front is that name and all below it. The model node's webhook is told from a stranger by its signature, and the
    embedded node knows this server by its address only: any well-formed name will do.
    """

    def __init__(self, application: WSGIApplication, allowed: Iterable[str]) -> None:
        self._application = application
        self._allowed = frozenset(allowed)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        name = _name_of(host)
        if not name and (host or environ.get("SERVER_PROTOCOL") != "HTTP/1.0"):
            return refuse(
                environ, start_response, HTTPStatus.BAD_REQUEST, f"Host 请求头无效：{shorten(host) or '不能为空'}"
            )
        if not host:
            environ.pop("HTTP_HOST", None)
        if self._allows(name) or environ.get("PATH_INFO", "").startswith(WEBHOOKS):
            return self._application(environ, start_response)
        return refuse(environ, start_response, HTTPStatus.BAD_REQUEST, f"本服务器不以此主机名提供服务：{shorten(host)}")

    def _allows(self, name: str) -> bool:
        if not self._allowed or name in self._allowed:
            return True
        parents = itertools.accumulate(reversed(name.split(".")), lambda below, label: f"{label}.{below}")
        return any(f".{parent}" in self._allowed for parent in parents)


def request_line_length(environ: WSGIEnvironment) -> int:
    """Bytes of the request line as the client sent it (percent-encoded), its line end left out."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:  # a server that hands on the parts only; the path is then counted decoded
        query = environ.get("QUERY_STRING", "")
        target = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") + ("?" + query if query else "")
    return len(environ["REQUEST_METHOD"]) + len(target) + len(environ.get("SERVER_PROTOCOL", "")) + 2


class RequestLineLimit:
    """Answers 414 to a request line of more than `limit` bytes."""

    def __init__(self, application: WSGIApplication, limit: int) -> None:
        self._application = application
        self._limit = limit

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if request_line_length(environ) <= self._limit:
            return self._application(environ, start_response)
        text = f"请求行过长：最多 {self._limit} 字节，请改用 JSON 请求体"
        return refuse(environ, start_response, HTTPStatus.REQUEST_URI_TOO_LONG, text)


def refuse(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: HTTPStatus,
    text: str,
    headers: Iterable[tuple[str, str]] = (),
) -> list[bytes]:
    """An answer by the middleware itself, after which the connection is closed: its body was not read."""
    own = [("Content-Type", "application/json"), ("Connection", "close")]
    start_response(f"{status.value} {status.phrase}", [*own, *headers])
    body = envelope(status, text, path=environ.get("PATH_INFO", ""))
    return [json.dumps(body, ensure_ascii=False).encode()]
