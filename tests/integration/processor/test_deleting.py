"""What is deleted leaves nothing behind: neither rows nor objects."""

from __future__ import annotations

import io

from sqlalchemy import func, select

from models.asset import Asset
from models.shot import Shot
from models.task import Task
from service import projects, shots
from tests.integration.processor.conftest import Backend
from tests.support.node.scripts import png
from tests.support.removals import swept


def rows(backend: Backend, table: type[Asset | Shot | Task]) -> int:
    with backend.services.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_deleted_shot_takes_its_objects_along_and_no_other(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(2)
    first, second = shots.of_project(backend.services, project_id)
    shots.delete(backend.services, first.id)
    assert swept(backend.services, "projects/") == [second.image_path]
    assert [shot.id for shot in shots.of_project(backend.services, project_id)] == [second.id]


def test_a_deleted_project_takes_its_objects_and_rows_along(backend: Backend) -> None:
    backend.start()
    kept, project_id = backend.drawn(1), backend.drawn(2)
    [old, _] = shots.of_project(backend.services, project_id)
    key = f"shots/{old.id}/image.png"  # where the Go backend put it
    backend.services.store.put(key, io.BytesIO(png()))
    with backend.services.database.write() as session:
        link = f"http://10.0.0.7:9000/{backend.services.store.bucket}/{key}?X-Amz-Expires=259200&X-Amz-Signature=0"
        session.get_one(Shot, old.id).image_path = link
    assert len(list(backend.services.store.list("projects/"))) == 3
    projects.delete(backend.services, project_id)
    [shot] = shots.of_project(backend.services, kept)
    assert swept(backend.services) == [shot.image_path]
    assert (rows(backend, Shot), rows(backend, Asset), rows(backend, Task)) == (1, 1, 2)
