"""Processors that die with a task in hand: the next one takes it over, tidies up, and gives up on what kills every processor."""

from __future__ import annotations

from pathlib import Path

from models import task_transitions
from models.asset import Asset, AssetKind
from models.task import Task
from processor.runner import MAX_CRASHES
from service import shots, tasks
from service.assets import versions
from service.assets.versions import AssetOwner
from service.schemas import ShotChanges
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.scripts import png
from tests.support.removals import swept


def die_with(backend: Backend, task_id: str, owner: str) -> None:
    """What is left in the database when a processor is killed while it holds the task, once its lease has run out."""
    now = backend.services.clock.now()
    with backend.services.database.write() as session:
        assert task_transitions.claim(session, task_id, owner=owner, now=now, lease_ms=-1)


def crashes(backend: Backend, task_id: str) -> int:
    return tasks.get(backend.services, task_id).crashes


def test_a_task_that_kills_every_processor_is_given_up_and_can_be_retried(backend: Backend) -> None:
    created = backend.create(1)
    for number in range(MAX_CRASHES):
        die_with(backend, created.text_task_id, f"dead-{number}")
    backend.start()
    backend.wait(created.text_task_id, "failed")
    task = tasks.get(backend.services, created.text_task_id)
    assert f"{MAX_CRASHES} 次意外终止" in (task.error or "")
    assert backend.node.envelopes == [], "it was not begun once more"
    backend.wait(created.shot_task_ids[0], "failed")
    backend.wait(tasks.retry(backend.services, task.id), "finished")


@others_by_soak
def test_a_task_that_outlives_a_few_processors_is_done(backend: Backend) -> None:
    created = backend.create(1)
    for number in range(MAX_CRASHES - 1):
        die_with(backend, created.text_task_id, f"dead-{number}")
    backend.start()
    backend.wait(created.text_task_id, "finished")
    assert crashes(backend, created.text_task_id) == MAX_CRASHES - 1


@others_by_soak
def test_a_processor_that_stops_in_order_does_not_count(backend: Backend) -> None:
    task_id = backend.create(1).text_task_id
    for number in range(MAX_CRASHES + 1):
        die_with(backend, task_id, f"stopped-{number}")
        with backend.services.database.write() as session:
            task_transitions.release(session, owner=f"stopped-{number}")
    backend.start()
    backend.wait(task_id, "finished")
    assert crashes(backend, task_id) == 0


@others_by_soak
def test_a_processor_that_takes_its_own_task_up_again_does_not_count(backend: Backend) -> None:
    """Its lease ran out because the database was away."""
    task_id = backend.create(1).text_task_id
    for _ in range(3):
        die_with(backend, task_id, "alive")
    assert crashes(backend, task_id) == 0


def uploaded(backend: Backend, task: Task, path: Path, kind: AssetKind = AssetKind.IMAGE) -> Asset:
    """A file under a name of its own that does not count yet."""
    owner = AssetOwner(task.project_id, task.shot_id or "some-shot", task.id)
    extension = "mp4" if kind is AssetKind.FILM else "png"
    asset = versions.reserve(backend.services, kind, owner, extension, path.stat().st_size)
    versions.store_file(backend.services, asset, path, owner)
    return asset


def test_what_a_dead_processor_had_uploaded_goes_when_its_task_is_taken_over(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(png())
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    backend.stop()
    again = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="月亮"))
    task = tasks.get(backend.services, again)
    die_with(backend, task.id, "dead")
    left, film = uploaded(backend, task, path), uploaded(backend, task, path, AssetKind.FILM)
    beside = f"{film.object_key.rpartition('.')[0]}.log.json"
    backend.services.store.put_file(beside, path, metadata={})
    assert {left.object_key, film.object_key, beside} < set(backend.services.store.list(""))
    backend.start()
    backend.wait(task.id, "finished")
    [made] = shots.of_project(backend.services, project_id)
    stored = set(swept(backend.services))
    assert stored == {shot.image_path, made.image_path}
    # It was not dead, only slow: what it uploads now, and takes back, is its own.
    owner = AssetOwner(task.project_id, shot.id, task.id)
    versions.store_file(backend.services, left, path, owner)
    assert versions.discard(backend.services, left)
    assert set(swept(backend.services)) == stored
    assert backend.stored(made.image_path) == png()


@others_by_soak
def test_a_name_is_free_only_once_its_object_is_gone(backend: Backend, tmp_path: Path) -> None:
    """Else the removal of the one that is discarded would take the one that has its name by now."""
    path = tmp_path / "image.png"
    path.write_bytes(png())
    task = tasks.get(backend.services, backend.create(1).text_task_id)
    discarded = uploaded(backend, task, path)
    assert versions.discard(backend.services, discarded)
    other = uploaded(backend, task, path)
    assert versions.discard(backend.services, other)
    assert len({discarded.object_key, other.object_key}) == 2
    assert swept(backend.services) == []
    assert uploaded(backend, task, path).object_key == discarded.object_key
