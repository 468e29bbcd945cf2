"""What the processes of a server hold, built in each of them: the services, and the application, a processor, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from common.shared import Shared
from config.settings import Settings
from processor.processor import Processor
from routers.app import create_app
from runtime.gunicorn_server import Site, Work
from runtime.wiring import reopen_services
from service.access import passwords

STOP_WORK_S = 2.5


@dataclass(frozen=True)
class Builder:
    """`settings` are those of one process; `zone` is that of the database's times."""

    settings: Settings
    zone: tzinfo

    def web(self, shared: Shared) -> Site:
        """Requests alone."""
        passwords.share(self.settings.server.processes)
        services = reopen_services(self.settings, self.zone)
        services.changes.listen()
        return Site(lambda: None, services.close, create_app(services, shared=shared))

    def work(self) -> Work:
        """Tasks alone."""
        services = reopen_services(self.settings, self.zone)
        return Work(_started(Processor(services)), services.close)

    def both(self, shared: Shared) -> Site:
        """Tasks, then requests."""
        services = reopen_services(self.settings, self.zone)
        services.changes.listen()
        stop_work = _started(Processor(services))
        return Site(stop_work, services.close, create_app(services, shared=shared))


def _started(processor: Processor) -> Callable[[], None]:
    """Start it; returns what stops it."""
    processor.start()
    return lambda: processor.stop(STOP_WORK_S)
