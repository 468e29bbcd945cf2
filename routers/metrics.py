"""`/metrics`, for Prometheus: without a login, to addresses that the configuration names, and never to what came through a proxy.

A proxy in front has an address of its own, usually this machine's, and asks for whoever asks it. What one says of itself is enough to be
refused; whether it is one that is trusted does not matter. Whoever may not read it is told what they would be told of an unknown address.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from common.request_id import goes_to
from config.addresses import parse_address, parse_network
from config.settings import MetricsSettings
from routers.errors import envelope
from service.metrics import requests, work
from service.metrics.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from prometheus_client.registry import Collector

PATH = "/metrics"
_BY_A_PROXY = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_VIA",
)


class _Counted:
    """What the processes of this server count."""

    def collect(self) -> Iterable[object]:
        instruments = (
            requests.REQUESTS,
            requests.SECONDS,
            work.STAGES,
            work.SPEED,
            work.HITS,
            work.MISSES,
            work.IN_USE,
        )
        return [instrument.collect() for instrument in instruments]


class Metrics:
    """WSGI middleware that answers this one address; it stands before whatever looks at forwarded headers."""

    def __init__(self, application: WSGIApplication | None, settings: MetricsSettings, state: State) -> None:
        self._application = application
        self._networks = tuple(map(parse_network, settings.allow_networks))
        self._registry = CollectorRegistry(auto_describe=False)
        collectors: list[Collector] = [_Counted(), state]  # type: ignore[list-item]  # by what they do
        for collector in collectors:
            self._registry.register(collector)
        work.begin()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asks_for_it = environ.get("PATH_INFO") == PATH
        if not asks_for_it and self._application is not None:
            return self._application(environ, start_response)
        if not asks_for_it or environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not self._may_read(environ):
            body = json.dumps(envelope(HTTPStatus.NOT_FOUND, "没有这个地址"), ensure_ascii=False).encode()
            start_response("404 NOT FOUND", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        goes_to(PATH)
        body = generate_latest(self._registry)
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4), ("Content-Length", str(len(body)))])
        return [body if environ["REQUEST_METHOD"] == "GET" else b""]

    def _may_read(self, environ: WSGIEnvironment) -> bool:
        if any(name in environ for name in _BY_A_PROXY):
            return False
        address = parse_address(environ.get("REMOTE_ADDR", ""))
        return address is not None and any(address in network for network in self._networks)
