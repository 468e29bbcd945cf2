"""Everything as it is deployed, on services that a test may take away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import psutil

from config.settings import MinioSettings
from tests.conftest import leave_out
from tests.e2e import deployment
from tests.e2e.deployment import Deployment
from tests.support.columns import Production
from tests.support.servers.mariadb_server import MariadbServer
from tests.support.servers.minio_server import ACCESS_KEY, SECRET_KEY, MinioServer
from tests.support.servers.node_server import NodeServer
from tests.support.servers.postgresql_server import PostgresqlServer
from tests.support.servers.process import MissingServiceError, ServerProcess
from tests.support.servers.redis_server import RedisServer

Service = TypeVar("Service", bound=ServerProcess)
POLLS_PER_OUTAGE = 20  # an outage of 60 s where the node is polled every 3 s, as it is by default


@dataclass(frozen=True)
class Services:
    """The services; each has `hang` and `go_on`, `kill` and `start_again`."""

    database: MariadbServer | PostgresqlServer
    storage: MinioServer
    queue: RedisServer
    node: NodeServer

    def named(self, name: str) -> MariadbServer | PostgresqlServer | MinioServer | RedisServer | NodeServer:
        """One of them by its field's name."""
        found: MariadbServer | PostgresqlServer | MinioServer | RedisServer | NodeServer = getattr(self, name)
        return found


@dataclass
class World:
    """Two servers and two processors over services of their own, and how long outages last in seconds."""

    services: Services
    deployment: Deployment
    outage_s: float

    def film_workers(self) -> list[psutil.Process]:
        """The processes that make films at this moment."""
        return [child for processor in self.deployment.processors for child in processor.family()]


@contextmanager
def opened(folder: Path, outage_s: float, database: str = "mariadb") -> Iterator[World]:
    """A world; gone afterwards."""
    with ExitStack() as stack:
        services = Services(
            _started(MariadbServer, stack) if database == "mariadb" else _started(PostgresqlServer, stack),
            _started(MinioServer, stack),
            _started(RedisServer, stack),
            _started(NodeServer, stack),
        )
        minio = MinioSettings(endpoint=services.storage.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        column = Production(mysql_dsn="", redis_url=services.queue.url, minio=minio)
        if isinstance(services.database, MariadbServer):
            column = replace(column, mysql_dsn=services.database.dsn())
        else:
            column = replace(column, postgresql=services.database.url())
        settings = {
            "worker.addr": services.node.addr,
            "worker.poll_seconds": outage_s / POLLS_PER_OUTAGE,
            "film.resolution": "320x180",
            "film.fps": 15,
        }
        running = stack.enter_context(deployment.apart(folder, column, settings))
        yield World(services, running, outage_s)


def _started(kind: Callable[[], Service], stack: ExitStack) -> Service:
    try:
        service = kind()
    except MissingServiceError as error:
        leave_out(str(error))
    stack.callback(service.close)
    return service
