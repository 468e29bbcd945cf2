"""A large film on its way to MinIO: where the way breaks, what is there is not sent again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from common.errors import StorageError, StorageUnavailable
from config.settings import MinioSettings
from service.oss import minio as minio_module
from service.oss import resumed_upload
from service.oss.minio import MinioStore
from tests.support.cutting_proxy import CuttingProxy
from tests.support.servers.minio_server import MinioServer
from tests.support.servers.process import silent_port
from tests.support.wait import wait_until

KEY = "projects/p1/films/1.mp4"
PART = 5 << 20
HEADS = 200_000  # bytes of the heads of all requests, and what stands in sockets


@pytest.fixture(autouse=True)
def small_parts_and_short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minio_module, "PART", PART)
    monkeypatch.setattr(resumed_upload, "FIRST_PAUSE_S", 0.05)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(4 * PART + 12_345))
    return path


def is_whole(store: MinioStore, film: Path) -> bool:
    with store.open(KEY) as stream:
        return hashlib.sha256(stream.read()).digest() == hashlib.sha256(film.read_bytes()).digest()


def changed(settings: MinioSettings, endpoint: str) -> MinioSettings:
    return settings.model_copy(update={"endpoint": endpoint})


@pytest.mark.parametrize("cuts", [(), (PART + PART // 2, 4 * PART)], ids=["whole", "cut twice"])
def test_of_a_connection_that_breaks_the_part_under_way_is_sent_again(
    minio: MinioSettings, film: Path, cuts: tuple[int, ...]
) -> None:
    with CuttingProxy(minio.endpoint, cuts) as proxy:
        store = MinioStore(changed(minio, proxy.addr))
        store.check()
        info = store.put_file(KEY, film, metadata={"title": "雨夜"})
        assert proxy.cuts == len(cuts)
        size = film.stat().st_size
        assert size <= proxy.sent <= size + len(cuts) * PART + HEADS
    store = MinioStore(minio)
    assert is_whole(store, film)
    assert store.stat(KEY) == info
    assert store._multipart.unfinished(KEY) == []


def test_a_store_that_restarts_goes_on_where_it_was(
    minio_of_ours: MinioServer, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = minio_of_ours.settings("restarted")
    MinioStore(settings).check()
    with CuttingProxy(minio_of_ours.endpoint) as proxy:
        store = MinioStore(changed(settings, proxy.addr))
        real, numbers = store._multipart.put, []

        def put(key: str, upload_id: str, number: int, data: bytes) -> str:
            numbers.append(number)
            if number == 3 and numbers.count(3) == 1:
                minio_of_ours.stop()
            elif number == 3:
                minio_of_ours.start_again()
            return real(key, upload_id, number, data)

        monkeypatch.setattr(store._multipart, "put", put)
        store.put_file(KEY, film)
        assert numbers == [1, 2, 3, 3, 4, 5]
        assert proxy.sent <= film.stat().st_size + PART + HEADS
    assert is_whole(MinioStore(settings), film)


def test_an_answer_that_was_lost_is_asked_for_and_not_sent_again(
    minio: MinioSettings, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CuttingProxy(minio.endpoint) as proxy:
        store = MinioStore(changed(minio, proxy.addr))
        store.check()
        put, finish, lost = store._multipart.put, store._multipart.finish, []

        def losing(step: str, answer: object) -> object:
            if step not in lost:
                lost.append(step)
                raise StorageUnavailable("lost")
            return answer

        monkeypatch.setattr(store._multipart, "put", lambda *args: losing("put", put(*args)))
        monkeypatch.setattr(store._multipart, "finish", lambda *args: losing("finish", finish(*args)))
        store.put_file(KEY, film)
        assert lost == ["put", "finish"]
        assert proxy.sent <= film.stat().st_size + HEADS
    assert is_whole(MinioStore(minio), film)


def test_an_upload_that_gets_nowhere_ends_and_leaves_nothing(
    minio: MinioSettings, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MinioStore(minio)
    store.check()
    monkeypatch.setattr(resumed_upload, "PATIENCE_S", 0.2)
    asked: list[int] = []

    def put(key: str, upload_id: str, number: int, data: bytes) -> str:
        asked.append(number)
        raise StorageUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(store._multipart, "put", put)
        with pytest.raises(StorageUnavailable):
            store.put_file(KEY, film)
    assert set(asked) == {1}
    assert (list(store.list("")), store._multipart.unfinished(KEY)) == ([], [])
    with silent_port() as port, pytest.raises(StorageUnavailable):
        MinioStore(changed(minio, f"127.0.0.1:{port}")).put_file(KEY, film)
    wrong = MinioStore(minio.model_copy(update={"secret_key": "not-the-secret"}))
    with pytest.raises(StorageError) as caught:
        wrong.put_file(KEY, film)
    assert not caught.value.retryable


def test_what_a_killed_uploader_left_goes_with_the_object(minio: MinioSettings) -> None:
    store = MinioStore(minio)
    store.check()
    for key in (KEY, f"{KEY}.other"):
        store._multipart.put(key, store._multipart.begin(key, {}), 1, b"x" * PART)
    store.remove(KEY)
    assert store._multipart.unfinished(KEY) == []
    assert len(store._multipart.unfinished(f"{KEY}.other")) == 1
    wait_until(lambda: list(store.list("")) == [], what="an empty bucket")
