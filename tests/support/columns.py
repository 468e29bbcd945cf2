"""The columns that tests run in: each kind of database; and the production column, whose database is MariaDB's or PostgreSQL's, beside
redis-server and MinIO, as settings of processes under test.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from config.settings import DatabaseSettings, MinioSettings, MysqlSettings
from tests.support.servers import postgresql_server
from tests.support.servers.mariadb_server import fresh_database

Values = Mapping[str, object]
"""Settings by their dotted keys."""


DATABASES = ("sqlite", "mariadb", "postgresql")


def address_of(kind: str, request: pytest.FixtureRequest) -> str:
    """The address of a fresh database of this kind; "" for SQLite."""
    fixtures = {"mariadb": "mysql_dsn", "postgresql": "postgresql_database"}
    return str(request.getfixturevalue(fixtures[kind])) if kind in fixtures else ""


def sections_of(address: str) -> dict[str, Any]:
    """The settings that name the database of this address."""
    if address.startswith("postgresql:"):
        return {"database": DatabaseSettings(url=address)}
    return {"mysql": MysqlSettings(dsn=address)}


@dataclass(frozen=True)
class Production:
    """Servers that the whole run shares. The database is PostgreSQL where its server is named."""

    mysql_dsn: str
    redis_url: str
    minio: MinioSettings
    postgresql: str = ""

    @contextmanager
    def fresh(self) -> Iterator[dict[str, object]]:
        """Settings with a database, a queue and a bucket that nobody else uses.

        Clients see MinIO under another host than the servers do, as behind a reverse proxy.
        """
        redis = urlsplit(self.redis_url)
        name = f"s2v-test-{uuid.uuid4().hex[:12]}"
        with self._database() as database:
            yield {
                **database,
                "redis.addr": f"{redis.hostname}:{redis.port}",
                "redis.password": redis.password or "",
                "redis.db": (int(redis.path.strip("/") or 0) + 1) % 16,  # other tests empty theirs as they please
                "redis.queue": name,
                "minio.endpoint": self.minio.endpoint,
                "minio.access_key": self.minio.access_key,
                "minio.secret_key": self.minio.secret_key,
                "minio.bucket": name,
                "minio.domain": self.minio.endpoint.replace("127.0.0.1", "localhost"),
            }

    @contextmanager
    def _database(self) -> Iterator[dict[str, object]]:
        if self.postgresql:
            with postgresql_server.fresh_database(self.postgresql) as url:
                yield {"database.url": url}
        else:
            with fresh_database(self.mysql_dsn) as dsn:
                yield {"mysql.dsn": dsn}
