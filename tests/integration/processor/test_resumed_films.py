"""A processor that is killed while it uploads a film: the next one makes the same film, and sends what is not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import FilmSettings, MinioSettings, Settings
from models.asset import Asset, AssetKind
from service import films, tasks
from service.assets import versions
from service.assets.versions import AssetOwner
from service.oss import minio as minio_module
from service.oss.minio import MinioStore
from service.oss.multipart import SMALLEST, Multipart
from service.schemas import FilmRequest
from tests.integration.processor.conftest import Backend
from tests.integration.processor.test_crashes import die_with
from tests.support.node.stand_in import StandInNode

WANTED = FilmRequest(resolution="320x180", fps=10, rate_control="cbr", bitrate=40_000)
"""Megabytes in a few seconds."""


class Killed(BaseException):
    """Nothing more of this process happens."""


@pytest.fixture
def backend(tmp_path: Path, redis_url: str, node: StandInNode, minio: MinioSettings) -> Iterator[Backend]:
    made = Backend(Settings(data_dir=tmp_path, minio=minio, film=FilmSettings()), redis_url, node, minio.bucket)
    yield made
    made.close()


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of the parts that were sent; the second sends -1 and its process is killed where the list begins with 0."""
    monkeypatch.setattr(minio_module, "PART", SMALLEST)
    sent: list[int] = []
    put, give_up = Multipart.put, Multipart.give_up

    def counted(self: Multipart, key: str, upload_id: str, number: int, data: bytes) -> str:
        if sent[:1] == [0] and number == 2:
            raise Killed
        sent.append(number)
        return put(self, key, upload_id, number, data)

    def unless_killed(self: Multipart, key: str, upload_id: str) -> None:
        if sent[:1] != [0]:
            give_up(self, key, upload_id)

    monkeypatch.setattr(Multipart, "put", counted)
    monkeypatch.setattr(Multipart, "give_up", unless_killed)
    return sent


def killed_at_the_upload(backend: Backend, task_id: str, film: Path, sha256: str, numbers: list[int]) -> Asset:
    """What a processor leaves of its upload of this file: its row, and one part."""
    die_with(backend, task_id, "dead")
    task = tasks.get(backend.services, task_id)
    owner = AssetOwner(task.project_id, "", task_id)
    size = film.stat().st_size
    asset = versions.reserve(backend.services, AssetKind.FILM, owner, "mp4", size, sha256=sha256)
    numbers[:] = [0]
    with pytest.raises(Killed):
        versions.store_file(backend.services, asset, film, owner)
    assert numbers == [0, 1]
    numbers.clear()
    return asset


@pytest.mark.parametrize("same", [True, False], ids=["the same film", "another film"])
def test_of_a_film_whose_upload_was_cut_off_the_rest_is_sent(
    backend: Backend, numbers: list[int], tmp_path: Path, same: bool
) -> None:
    store = backend.services.store
    assert isinstance(store, MinioStore)
    backend.start()
    project_id = backend.drawn(1)
    first = films.request(backend.services, project_id, WANTED)
    backend.wait(first, "finished")
    backend.stop()
    key = str((tasks.get(backend.services, first).result or {})["resource_id"])
    path = tmp_path / "film.mp4"
    path.write_bytes(backend.stored(key))
    parts = list(range(1, -(-path.stat().st_size // SMALLEST) + 1))
    assert numbers == parts
    assert len(parts) >= 2, "large enough"

    task_id = films.request(backend.services, project_id, WANTED)
    sha256 = store.stat(key).sha256 if same else "0" * 64
    left = killed_at_the_upload(backend, task_id, path, sha256, numbers)
    assert len(store._multipart.unfinished(left.object_key)) == 1
    backend.start()
    backend.wait(task_id, "finished")
    made = str((tasks.get(backend.services, task_id).result or {})["resource_id"])
    assert (made == left.object_key) == same
    assert numbers == (parts[1:] if same else parts)
    assert backend.stored(made) == path.read_bytes()
    assert store.stat(made).sha256 == store.stat(key).sha256
    assert store._multipart.unfinished(made) == []
