"""The outbox: what is to be removed goes, nothing else does, and one that cannot go keeps no other."""

from __future__ import annotations

import io
import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import update

from common.errors import StorageError, StorageUnavailable
from models import database_clock
from models import outbox as table
from models.asset import Asset, AssetKind
from models.outbox import ONCE, TWICE, UPLOADING, Removal
from models.project import Project
from models.shot import Shot
from processor import removals
from processor.removals import BATCH, LONGEST_PAUSE_S, Remover
from service import projects, shots
from service.assets import versions
from service.assets.versions import AssetOwner
from service.oss.local import LocalStore
from service.schemas import ProjectChanges
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.scripts import png
from tests.support.removals import outbox, sweep, swept
from tests.support.wait import wait_until

DAY_MS = 86_400_000


def now_ms(backend: Backend) -> int:
    with backend.services.database.read() as session:
        return database_clock.milliseconds(session)


def key(number: int) -> str:
    return f"projects/p/shots/s/image-{number}.png"


def put(backend: Backend, *keys: str) -> None:
    for each in keys:
        backend.services.store.put(each, io.BytesIO(b"x"))


def to_be_removed(backend: Backend, *keys: str, project_id: str = "p") -> None:
    with backend.services.database.write() as session:
        table.remove(session, keys, project_id)


def listed(backend: Backend) -> list[str]:
    return list(backend.services.store.list(""))


def image_uploaded(backend: Backend, tmp_path: Path, project_id: str = "p") -> Asset:
    """An image whose upload is over, and not committed."""
    path = tmp_path / "image.png"
    path.write_bytes(png())
    owner = AssetOwner(project_id, "s", "t")
    asset = versions.reserve(backend.services, AssetKind.IMAGE, owner, "png", path.stat().st_size)
    return versions.store_file(backend.services, asset, path, owner)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Keys that cannot be removed."""
    refused: set[str] = set()
    remove = LocalStore.remove

    def fail(store: LocalStore, wanted: str) -> None:
        if wanted in refused:
            raise StorageError("the object is locked")
        remove(store, wanted)

    monkeypatch.setattr(LocalStore, "remove", fail)
    return refused


def test_a_removal_is_a_row_of_the_commit_that_takes_the_objects_rows(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.start()
    project_id = backend.drawn(2)
    backend.stop()
    before = listed(backend)

    def forbidden(_store: LocalStore, _key: str) -> None:
        raise AssertionError("whoever deletes waits for no storage")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "remove", forbidden)
        projects.delete(backend.services, project_id)
    assert [(row.object_key, row.passes) for row in outbox(backend.services)] == [(each, ONCE) for each in before]
    assert listed(backend) == before
    assert swept(backend.services) == []
    assert outbox(backend.services) == []


def test_what_is_not_committed_is_not_removed(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)

    def fail(*_given: object, **_options: object) -> None:
        raise RuntimeError("a fault in the middle of the deletion")

    monkeypatch.setattr("service.shots.refresh_project", fail)
    with pytest.raises(RuntimeError):
        shots.delete(backend.services, shot.id)
    assert outbox(backend.services) == []
    assert swept(backend.services) == [shot.image_path]


def test_a_running_processor_removes_what_is_due(backend: Backend) -> None:
    put(backend, key(1), key(2))
    to_be_removed(backend, key(1))
    backend.start()
    wait_until(lambda: listed(backend) == [key(2)], 60)
    wait_until(lambda: outbox(backend.services) == [], 60)


@pytest.mark.parametrize("poisoned", [1, BATCH + 3])
@others_by_soak
def test_those_that_cannot_go_keep_no_other(backend: Backend, refusing: set[str], poisoned: int) -> None:
    bad = [key(number) for number in range(100, 100 + poisoned)]
    refusing.update(bad)
    put(backend, *bad, key(500))
    to_be_removed(backend, *bad)
    with backend.services.database.write() as session:
        session.execute(update(Removal).values(not_before=-1))  # they are the first in every batch
    to_be_removed(backend, key(500))
    for _ in range(3):
        sweep(backend.services)
    assert listed(backend) == bad
    assert [row.object_key for row in outbox(backend.services)] == bad
    refusing.clear()
    assert swept(backend.services) == []


def test_one_that_fails_is_tried_again_less_and_less_often_but_for_ever(backend: Backend, refusing: set[str]) -> None:
    put(backend, key(1))
    refusing.add(key(1))
    to_be_removed(backend, key(1))
    now, pauses = now_ms(backend), []
    ahead = 0
    for _ in range(12):
        assert not sweep(backend.services, ahead_ms=ahead)
        [row] = outbox(backend.services)
        pauses.append(row.not_before - now - ahead)
        ahead = row.not_before - now + 1000
    assert row.attempts == 12
    assert pauses[0] < LONGEST_PAUSE_S * 1000 / 2
    assert max(pauses) < 2 * LONGEST_PAUSE_S * 1000
    refusing.clear()
    sweep(backend.services, ahead_ms=ahead)
    assert listed(backend) == []


def test_a_storage_that_is_away_is_asked_less_and_less_often(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    stopped = threading.Event()

    def wait(event: threading.Event, seconds: float) -> bool:
        waits.append(seconds)
        with backend.services.database.write() as session:
            session.execute(update(Removal).values(not_before=0))
        return len(waits) == 6

    def away(_store: LocalStore, _key: str) -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(backend.clock, "wait", wait)
    monkeypatch.setattr(LocalStore, "remove", away)
    to_be_removed(backend, key(1))
    Remover(backend.services).run(stopped)
    assert waits == sorted(waits)
    assert waits[0] > removals.PERIOD_S
    assert waits[-1] == LONGEST_PAUSE_S


@pytest.mark.parametrize("named_by", ["asset", "shot", "project", "link"])
@others_by_soak
def test_an_object_that_a_row_names_by_now_stays(backend: Backend, named_by: str) -> None:
    """A project that was put back from a copy of the database, say, while storage was away."""
    project_id = backend.create(1).project_id
    put(backend, key(1), key(2))
    to_be_removed(backend, key(1), key(2), project_id=project_id)
    now = backend.clock.now()
    with backend.services.database.write() as session:
        if named_by == "asset":
            asset = Asset(object_key=key(1), project_id="other", shot_id="s", kind="image", number=1, created_at=now)
            asset.stored_at = now
            session.add(asset)
        elif named_by == "project":
            session.get_one(Project, project_id).cover_image = key(1)
        else:
            link = f"http://10.0.0.7:9000/{backend.services.store.bucket}/{key(1)}?X-Amz-Signature=0"
            shot = Shot(id="s", project_id=project_id, order=1, title="", status="completed")
            shot.image_path, shot.created_at, shot.updated_at = link if named_by == "link" else key(1), now, now
            session.add(shot)
    assert swept(backend.services) == [key(1)]
    assert outbox(backend.services) == []


def test_two_that_share_the_work_make_each_removal_once(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [key(number) for number in range(3 * BATCH)]
    put(backend, *many)
    to_be_removed(backend, *many)
    asked: list[str] = []
    remove = LocalStore.remove

    def count(store: LocalStore, wanted: str) -> None:
        asked.append(wanted)
        remove(store, wanted)

    monkeypatch.setattr(LocalStore, "remove", count)
    others = [backend.new_services() for _ in range(2)]
    both = [threading.Thread(target=sweep, args=(services,)) for services in others]
    for each in both:
        each.start()
    for each in both:
        each.join(120)
    for services in others:
        services.close()
    assert sorted(asked) == sorted(many)
    assert listed(backend) == [] == outbox(backend.services)


def test_what_a_process_that_died_had_claimed_is_removed_by_another(backend: Backend) -> None:
    put(backend, key(1))
    to_be_removed(backend, key(1))
    with backend.services.database.write() as session:
        due = table.due(session, now_ms(backend), 10)
        [claim] = table.claim(session, due, until_ms=now_ms(backend) + 60_000)
    sweep(backend.services)
    assert listed(backend) == [key(1)], "it is another's"
    sweep(backend.services, ahead_ms=61_000)
    assert listed(backend) == []
    put(backend, key(1))
    to_be_removed(backend, key(1))
    with backend.services.database.write() as session:
        table.removed(session, claim, again_ms=0)  # the dead one was only slow: its word is worth nothing by now
    assert len(outbox(backend.services)) == 1


def test_an_upload_is_in_the_outbox_until_it_is_committed(backend: Backend, tmp_path: Path) -> None:
    asset = image_uploaded(backend, tmp_path)
    [row] = outbox(backend.services)
    assert (row.object_key, row.passes, row.project_id) == (asset.object_key, UPLOADING, "p")
    sweep(backend.services)
    assert listed(backend) == [asset.object_key], "it may be committed yet"
    with backend.services.database.write() as session:
        versions.mark_stored(session, asset, now=backend.clock.now())
    assert outbox(backend.services) == []
    sweep(backend.services, ahead_ms=DAY_MS)
    assert listed(backend) == [asset.object_key]


def test_an_upload_whose_process_died_goes_and_cannot_be_committed_any_more(backend: Backend, tmp_path: Path) -> None:
    asset = image_uploaded(backend, tmp_path)
    sweep(backend.services, ahead_ms=DAY_MS)
    assert listed(backend) == []
    with pytest.raises(StorageUnavailable), backend.services.database.write() as session:
        versions.mark_stored(session, asset, now=backend.clock.now())
    # It was not dead, only slow, and what it had sent arrives in the end.
    put(backend, asset.object_key)
    assert versions.discard(backend.services, asset)
    assert swept(backend.services) == []
    assert outbox(backend.services) == []


def test_an_upload_that_failed_is_looked_for_twice(backend: Backend, tmp_path: Path) -> None:
    """What its client gave up may still be on its way within the storage."""
    asset = image_uploaded(backend, tmp_path)
    assert versions.discard(backend.services, asset)
    assert [row.passes for row in outbox(backend.services)] == [TWICE]
    sweep(backend.services)
    assert listed(backend) == []
    put(backend, asset.object_key)
    sweep(backend.services)
    assert listed(backend) == [asset.object_key], "not at once again"
    sweep(backend.services, ahead_ms=60_000)
    assert listed(backend) == []
    assert outbox(backend.services) == []


def test_one_that_is_given_up_while_it_is_being_removed_is_removed_again(backend: Backend, tmp_path: Path) -> None:
    asset = image_uploaded(backend, tmp_path)
    with backend.services.database.write() as session:
        table.give_up(session, [asset.object_key], "p")
    with backend.services.database.write() as session:
        [claim] = table.claim(session, table.due(session, now_ms(backend), 10), until_ms=DAY_MS * 100_000)
    assert versions.discard(backend.services, asset)
    with backend.services.database.write() as session:
        table.removed(session, claim, again_ms=0)
    assert [row.passes for row in outbox(backend.services)] == [TWICE]
    assert swept(backend.services) == []


def test_keys_that_differ_by_case_are_two(backend: Backend) -> None:
    put(backend, "projects/P/films/1.mp4", "projects/p/films/1.mp4")
    to_be_removed(backend, "projects/P/films/1.mp4", "projects/p/films/1.mp4")
    assert len(outbox(backend.services)) == 2
    assert swept(backend.services) == []


def test_a_film_goes_with_all_that_belongs_to_it(backend: Backend) -> None:
    parts = [f"projects/p/films/1.{extension}" for extension in ("mp4", "jpg", "srt", "ass", "log.json")]
    put(backend, *parts, "projects/p/films/10.mp4", "projects/p/films/10.jpg")
    to_be_removed(backend, parts[0])
    assert swept(backend.services) == ["projects/p/films/10.jpg", "projects/p/films/10.mp4"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("folder", ["assets", "assets/objects"])
@pytest.mark.parametrize("instead", ["file", "nothing"])
def test_a_folder_that_refuses_keeps_no_deletion_and_is_emptied_when_it_can_be(
    backend: Backend, tmp_path: Path, folder: str, instead: str
) -> None:
    """A disk that is not mounted, say: something else stands in its place."""
    backend.start()
    project_id, other = backend.drawn(2), backend.drawn(1)
    backend.stop()
    kept = [shot.image_path for shot in shots.of_project(backend.services, other)]
    path, away = tmp_path / folder, tmp_path / "away"
    path.rename(away)
    if instead == "file":
        path.write_bytes(b"")
    projects.delete(backend.services, project_id)
    assert not sweep(backend.services)
    assert len(outbox(backend.services)) == 2
    if instead == "file":
        path.unlink()
    if path.exists():
        shutil.rmtree(path)
    away.rename(path)
    assert swept(backend.services) == kept
    assert outbox(backend.services) == []


def test_shots_that_a_new_storyboard_replaces_are_removed_with_its_commit(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(2)
    updated = projects.update(backend.services, project_id, ProjectChanges(story_text="另一个故事。"))
    backend.wait(updated.text_task, "finished")
    for task_id in updated.shot_tasks:
        backend.wait(task_id, "finished")
    images = sorted(str(shot.image_path) for shot in shots.of_project(backend.services, project_id))
    assert swept(backend.services, "projects/") == images
