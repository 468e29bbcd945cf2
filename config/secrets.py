"""The secrets among the settings: what no log line may hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from config import go_dsn, postgresql_url
from config.addresses import parse_node
from config.settings import Settings

SECRET_WORDS = ("key", "token", "secret", "password")


def secrets_of(settings: Settings) -> list[str]:
    """All of them that are set."""
    worker, minio = settings.worker, settings.minio
    found = [settings.redis.password, minio.secret_key, worker.token, worker.webhook_secret, settings.auth.secret]
    found += [minio.cdn_key, settings.log.sentry_dsn]
    if settings.mysql.dsn:
        found.append(str(go_dsn.parse(settings.mysql.dsn).url.password or ""))
    if settings.database.url:
        found.append(str(postgresql_url.parse(settings.database.url).password or ""))
    for node in worker.nodes:
        found += [node.token, *_of_address(node.addr)]
    found += _within(settings.node)
    return [secret for secret in found if secret]


def _of_address(addr: str) -> Iterator[str]:
    _, auth = parse_node(addr)
    if auth is not None:
        yield auth[1].decode("utf-8", "replace")


def _within(part: Any, name: str = "") -> Iterator[str]:
    """The embedded node's settings are known by their names only."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _within(value, str(key).lower())
    elif isinstance(part, list):
        for value in part:
            yield from _within(value, name)
    elif isinstance(part, str) and any(word in name for word in SECRET_WORDS):
        yield part
