"""Both stores, each empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import MinioSettings
from service.oss import ObjectStore
from service.oss.local import LocalStore
from service.oss.minio import MinioStore


@pytest.fixture
def local_store(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "assets", "secret", "http://studio.example")
    store.check()
    return store


@pytest.fixture
def minio_store(minio: MinioSettings) -> MinioStore:
    store = MinioStore(minio)
    store.check()
    return store


@pytest.fixture(params=["local", "minio"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    found: ObjectStore = request.getfixturevalue(f"{request.param}_store")
    return found
