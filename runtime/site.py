"""What the worker process of the web server holds: the services, the application and, unless told otherwise, a processor."""

from __future__ import annotations

from processor.processor import Processor
from routers.app import create_app
from runtime.embedded.parts import EmbeddedParts
from runtime.gunicorn_server import Site
from runtime.wiring import open_services

STOP_WORK_S = 2.5


def build(parts: EmbeddedParts, with_processor: bool) -> Site:
    """Open the services and start what serves them. Raises `DependencyError`."""
    services = open_services(parts.settings)
    if not with_processor:
        return Site(create_app(services), lambda: None, services.close, parts.exited)
    processor = Processor(services)
    processor.start()
    return Site(create_app(services), lambda: processor.stop(STOP_WORK_S), services.close, parts.exited)
