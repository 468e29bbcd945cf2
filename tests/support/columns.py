"""The production column: MariaDB, redis-server and MinIO, as settings of processes under test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.settings import MinioSettings
from tests.support.servers.mariadb_server import fresh_database

Values = Mapping[str, object]
"""Settings by their dotted keys."""


@dataclass(frozen=True)
class Production:
    """Servers that the whole run shares."""

    mysql_dsn: str
    redis_url: str
    minio: MinioSettings

    @contextmanager
    def fresh(self) -> Iterator[dict[str, object]]:
        """Settings with a database, a queue and a bucket that nobody else uses.

        Clients see MinIO under another host than the servers do, as behind a reverse proxy.
        """
        redis = urlsplit(self.redis_url)
        name = f"s2v-test-{uuid.uuid4().hex[:12]}"
        with fresh_database(self.mysql_dsn) as dsn:
            yield {
                "mysql.dsn": dsn,
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
