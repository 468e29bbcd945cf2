"""One world for all: what each case tries must leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from argon2 import PasswordHasher

from service.access import passwords
from tests.integration.hostile.world import World, world

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(scope="package", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Every world hashes half a dozen; what they cost otherwise: `tests/unit/service/test_passwords.py`."""
    with pytest.MonkeyPatch.context() as patch:
        nobodys = CHEAP.hash("nobody's password")
        patch.setattr(passwords, "_hasher", lambda: CHEAP)
        patch.setattr(passwords, "_nobodys", lambda: nobodys)
        yield


@pytest.fixture(scope="package")
def closed(_cheap_passwords: None, _redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
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
