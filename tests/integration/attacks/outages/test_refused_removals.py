"""Storage that refuses, or takes its time, when something is deleted."""

from __future__ import annotations

import errno
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.errors import StorageUnavailable
from routers.app import create_app
from service import films, projects, shots
from service.oss.local import LocalStore
from service.schemas import ProjectChanges
from tests.integration.attacks.outages.helpers import PATIENCE_S, Held, every_database, film, method
from tests.integration.processor.conftest import Backend
from tests.support.removals import outbox, swept
from tests.support.wait import wait_until

pytestmark = pytest.mark.soak


REFUSALS = [StorageUnavailable("away"), OSError(errno.EIO, "refused"), TimeoutError("slow"), RuntimeError("a bug")]


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
def test_a_project_is_deleted_at_once_though_storage_refuses_whatever_it_is_asked(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    asked = threading.Event()

    def refuse(*_given: object, **_options: object) -> None:
        asked.set()
        raise error

    backend.start()
    project_id, other = backend.drawn(2), backend.drawn(1)
    shot = shots.of_project(backend.services, project_id)[0]
    backend.wait(film(backend, project_id, shot.id), "finished")
    backend.wait(film(backend, project_id), "finished")
    client = create_app(backend.services).test_client()
    with monkeypatch.context() as away:
        for name in ("remove", "remove_prefix", "list", "stat", "open", "exists"):
            away.setattr(LocalStore, name, refuse)
        assert client.delete(f"/v1/api/projects/{project_id}").get_json()["success"]
        wait_until(asked.is_set, PATIENCE_S)
    kept = [str(shot.image_path) for shot in shots.of_project(backend.services, other)]
    wait_until(lambda: list(backend.services.store.list("projects/")) == kept, PATIENCE_S)
    wait_until(lambda: outbox(backend.services) == [], PATIENCE_S)


@every_database
def test_nobody_waits_for_a_storage_that_removes_slowly(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion, a new storyboard, its images and a film are all done while the first removal is not."""
    held = Held(LocalStore.remove)
    monkeypatch.setattr(LocalStore, "remove", method(held))
    backend.start()
    gone, project_id = backend.drawn(2), backend.drawn(2)
    backend.wait(film(backend, project_id), "finished")
    client = create_app(backend.services).test_client()
    with ThreadPoolExecutor(1) as pool:
        try:
            answer = pool.submit(client.delete, f"/v1/api/projects/{gone}")
            assert held.entered.wait(PATIENCE_S)
            assert answer.result(PATIENCE_S).status_code == 200
            changes = ProjectChanges(story_text="另一个故事。")
            updated = pool.submit(projects.update, backend.services, project_id, changes).result(PATIENCE_S)
            for task_id in updated.shot_tasks:
                backend.wait(task_id, "finished")
            again = film(backend, project_id)
            backend.wait(again, "finished")
        finally:
            held.leave.set()
    [*made] = films.of_project(backend.services, project_id)
    images = {shot.image_path for shot in shots.of_project(backend.services, project_id)}
    left = [key for key in swept(backend.services, "projects/") if "/films/" not in key]
    assert set(left) == images
    assert made[0].asset.task_id == again
