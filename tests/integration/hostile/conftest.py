"""One world for all: what each case tries must leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.integration.hostile.world import World, world


@pytest.fixture(scope="package")
def closed(_redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The closed server, without limits on requests."""
    with redis.Redis.from_url(_redis_server) as client:
        client.flushdb()
    with world(tmp_path_factory.mktemp("closed"), _redis_server) as made:
        yield made


@pytest.fixture
def fresh(redis_url: str, tmp_path: Path) -> Iterator[World]:
    """A closed server of the test's own, which it may change."""
    with world(tmp_path, redis_url) as made:
        yield made
