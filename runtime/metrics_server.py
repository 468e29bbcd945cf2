"""`/metrics` of a processor that serves nothing else: a small server of its own, in a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from common.errors import DependencyError
from config.addresses import parse_listen
from routers.metrics import Metrics
from service.container import Services
from service.metrics.state import State

log = logging.getLogger(__name__)

CLIENT_S = 10.0  # that a client may be silent


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_S

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


@contextmanager
def serving(services: Services) -> Iterator[str]:
    """Serve it at `metrics.processor_port` until the block ends; yields the address. Raises `DependencyError` where that is taken."""
    settings = services.settings.metrics
    place = parse_listen(settings.processor_port)
    try:
        server = make_server(
            place.host or "0.0.0.0",  # noqa: S104 - what ":port" says; who may read it is looked at
            place.port,
            Metrics(None, settings, State(services, None)),
            server_class=_Server,
            handler_class=_Handler,
        )
    except OSError as error:
        raise DependencyError(
            f"metrics.processor_port: cannot listen on {settings.processor_port}: {error.strerror}"
        ) from error
    with server:
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        address = f"http://{place.host or '127.0.0.1'}:{server.server_port}"
        log.info("metrics at %s/metrics", address)
        try:
            yield address
        finally:
            server.shutdown()
            thread.join()
