"""Fetching a film's parts from either store: hashes, tries, limits, and whose objects they are."""

from __future__ import annotations

import dataclasses
import errno
import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from common.errors import Cancelled, HostUnavailable, StorageUnavailable
from config.settings import FilmSettings, MinioSettings, WorkerSettings
from service.assets.fetch import PARALLEL, TRIES, fetch
from service.container import Services
from service.oss import ObjectStore
from service.oss.minio import MinioStore
from service.oss.store import ObjectInfo
from tests.support.web_app import make_settings, open_services

KEY = "projects/p/shots/s/image-1.png"
CONTENT = bytes(range(256)) * 5000


class FaultyStore:
    """A real store, whose `open` and `stat` may be told to do something else for the first few times."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.opened: list[str] = []
        self.on_open: Callable[[int, bytes], bytes] = lambda _time, content: content
        self.on_stat: Callable[[str], None] = lambda _key: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def open(self, key: str) -> BinaryIO:
        self.opened.append(key)
        with self._store.open(key) as stream:
            return io.BytesIO(self.on_open(self.opened.count(key), stream.read()))

    def stat(self, key: str) -> ObjectInfo:
        self.on_stat(key)
        return self._store.stat(key)


@pytest.fixture(params=["local", "minio"])
def services(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Services]:
    settings = make_settings(tmp_path / "data").model_copy(
        update={
            "worker": WorkerSettings(max_download=2 << 20),
            "film": FilmSettings(max_music=1 << 20, max_upload=1 << 20),
        }
    )
    with open_services(settings, redis_url) as parts:
        store: ObjectStore = parts.store
        if request.param == "minio":
            minio: MinioSettings = request.getfixturevalue("minio")
            settings = settings.model_copy(update={"minio": minio})
            store = MinioStore(minio)
        store.check()
        store.put(KEY, io.BytesIO(CONTENT))
        yield dataclasses.replace(parts, store=FaultyStore(store), settings=settings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fetched").mkdir()
    return tmp_path / "fetched"


def faulty(services: Services) -> FaultyStore:
    assert isinstance(services.store, FaultyStore)
    return services.store


def fetched(services: Services, stored: str, folder: Path) -> bytes | str:
    """What came of one object: its bytes, or why there are none."""
    files, missing = fetch(services, {"it": stored}, folder, lambda: None)
    assert set(files) | set(missing) == {"it"}
    return missing["it"] if missing else files["it"].read_bytes()


def test_what_was_stored_is_fetched(services: Services, folder: Path) -> None:
    assert fetched(services, KEY, folder) == CONTENT
    assert faulty(services).opened == [KEY]


@pytest.mark.parametrize("spoil", [lambda c: c[:-1], lambda c: c + b"x", lambda c: b"x" + c[1:], lambda c: b""])
def test_bytes_that_are_not_those_that_were_stored_are_fetched_again(
    spoil: Callable[[bytes], bytes], services: Services, folder: Path
) -> None:
    faulty(services).on_open = lambda time, content: spoil(content) if time < TRIES else content
    assert fetched(services, KEY, folder) == CONTENT
    assert len(faulty(services).opened) == TRIES


def test_what_is_spoilt_for_good_counts_as_missing_after_three_tries(services: Services, folder: Path) -> None:
    faulty(services).on_open = lambda _time, content: content[::-1]
    assert fetched(services, KEY, folder) == "文件内容与存储时不一致"
    assert len(faulty(services).opened) == 3


def test_a_store_that_is_away_twice_is_asked_again(services: Services, folder: Path) -> None:
    def away(time: int, content: bytes) -> bytes:
        if time < TRIES:
            raise StorageUnavailable("away")
        return content

    faulty(services).on_open = away
    assert fetched(services, KEY, folder) == CONTENT


def test_a_store_that_stays_away_is_an_error_that_the_processor_retries(services: Services, folder: Path) -> None:
    asked: list[str] = []

    def away(key: str) -> None:
        asked.append(key)
        raise StorageUnavailable("away")

    faulty(services).on_stat = away
    with pytest.raises(StorageUnavailable) as caught:
        fetch(services, {"it": KEY}, folder, lambda: None)
    assert caught.value.retryable
    assert len(asked) == TRIES


@pytest.mark.parametrize(
    "stored",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://elsewhere.example/storytovideo/projects/p/image-1.png",
        "http://127.0.0.1:9000/other-bucket/projects/p/image-1.png?X-Amz-Signature=1",
        "../../etc/passwd",
        "file:///etc/passwd",
    ],
)
def test_what_is_not_in_our_own_store_is_not_asked_for(stored: str, services: Services, folder: Path) -> None:
    assert fetched(services, stored, folder) == "不在本服务的存储中"
    assert faulty(services).opened == []
    assert list(folder.iterdir()) == []


def test_an_expired_link_into_our_own_bucket_is_its_key(services: Services, folder: Path) -> None:
    bucket = services.settings.minio.bucket
    assert fetched(services, f"http://gone:9000/{bucket}/{KEY}?X-Amz-Expires=1&X-Amz-Signature=0", folder) == CONTENT
    assert [path.suffix for path in folder.iterdir()] == [".png"]


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ("/static/images/a%201.png", CONTENT),
        ("/static/images/a 1.png?v=2", CONTENT),
        ("/static/images/none.png", "文件已不存在"),
        ("/static/../secret.png", "文件已不存在"),
        ("/static/%2e%2e/secret.png", "文件已不存在"),
        ("/static/link.png", "文件已不存在"),
        ("/static/large.png", "文件过大，最多 2 MB"),
    ],
)
def test_what_an_older_backend_left_in_static_is_read_there_and_nowhere_else(
    stored: str, found: bytes | str, services: Services, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "static" / "images").mkdir(parents=True)
    (tmp_path / "static" / "images" / "a 1.png").write_bytes(CONTENT)
    (tmp_path / "static" / "large.png").write_bytes(bytes((2 << 20) + 1))
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "static" / "link.png").symlink_to(tmp_path / "secret.png")
    assert fetched(services, stored, folder) == found
    assert {path.suffix for path in folder.iterdir()} == ({".png"} if found == CONTENT else set())


def test_an_object_that_is_not_there_is_told_at_once(services: Services, folder: Path) -> None:
    assert fetched(services, "projects/p/nothing.png", folder) == "文件已不存在"


def test_an_object_over_the_limit_is_not_fetched(services: Services, folder: Path) -> None:
    services.store.put("projects/p/films/1.mp4", io.BytesIO(bytes((2 << 20) + 1)))
    assert fetched(services, "projects/p/films/1.mp4", folder) == "文件过大，最多 2 MB"
    assert faulty(services).opened == []


def test_several_are_fetched_at_once_each_under_its_own_name(services: Services, folder: Path) -> None:
    together = threading.Barrier(PARALLEL)

    def meet(_time: int, content: bytes) -> bytes:
        together.wait(timeout=60)  # breaks, and fails the fetch, unless that many are at it together
        return content

    faulty(services).on_open = meet
    wanted = {}
    for number in range(PARALLEL):
        services.store.put(f"projects/p/{number}.bin", io.BytesIO(bytes([number]) * 1000))
        wanted[f"name {number}"] = f"projects/p/{number}.bin"
    files, missing = fetch(services, wanted, folder, lambda: None)
    assert not missing
    assert {name: path.read_bytes()[0] for name, path in files.items()} == {f"name {n}": n for n in range(PARALLEL)}


def test_calling_off_stops_what_is_under_way_and_what_waits(services: Services, folder: Path) -> None:
    stop = threading.Event()

    def set_and_go_on(_time: int, content: bytes) -> bytes:
        stop.set()
        return content

    def check() -> None:
        if stop.is_set():
            raise Cancelled

    faulty(services).on_open = set_and_go_on
    started = time.monotonic()
    with pytest.raises(Cancelled):
        fetch(services, {str(number): KEY for number in range(50)}, folder, check)
    assert time.monotonic() - started < 20
    assert len(faulty(services).opened) <= PARALLEL


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.ENOSPC])
@pytest.mark.parametrize("failing", ["is_file", "copyfile"])
def test_a_file_in_static_that_this_machine_cannot_read_is_not_a_missing_one(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, number: int
) -> None:
    def refuse(*_arguments: object) -> Any:
        raise OSError(number, "refused")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "1.png").write_bytes(CONTENT)
    (tmp_path / "fetched").mkdir()
    if failing == "is_file":
        monkeypatch.setattr(Path, "is_file", refuse)
    else:
        monkeypatch.setattr(shutil, "copyfile", refuse)
    with pytest.raises(HostUnavailable):
        fetch(services, {"image": "/static/1.png"}, tmp_path / "fetched", lambda: None)
