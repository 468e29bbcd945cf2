"""The services that tests ask for are really there."""

from __future__ import annotations

import redis
import requests
from sqlalchemy import URL, create_engine, text

from config.settings import MinioSettings


def test_redis_is_empty_and_takes_writes(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        assert client.set("key", "value")


def test_mysql_database_is_fresh_and_keeps_emoji(mysql_url: URL) -> None:
    engine = create_engine(mysql_url)
    with engine.begin() as connection:
        assert connection.execute(text("SHOW TABLES")).all() == []
        assert connection.scalar(text("SELECT '🎬'")) == "🎬"
    engine.dispose()


def test_minio_answers(minio: MinioSettings) -> None:
    assert requests.get(f"http://{minio.endpoint}/minio/health/live", timeout=60).status_code == 200
