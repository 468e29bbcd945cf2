"""How the whole server is, for who runs it."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import insert

from common.clock import Clock
from models.asset import Asset
from models.task import TaskStatus, TaskType
from service.container import Services
from tests.support.web_app import change, new_task


def test_it_counts_tasks_and_files_and_names_what_failed_last(client: FlaskClient, services: Services) -> None:
    created = client.post(
        "/v1/api/projects", json={"story_text": "一只狐狸。", "title": "<b>狐狸</b>", "shot_count": 2}
    ).get_json()
    project, now = created["project_id"], Clock().now()
    failed = [new_task(services, project_id=project, type=TaskType.IMAGE) for _ in range(22)]
    for task in failed:
        change(services, task, status=TaskStatus.FAILED, error=f"{task} 超时", finished_at=now)
    common = {"project_id": project, "shot_id": "s", "kind": "image", "created_at": now}
    rows = [{**common, "number": n, "object_key": f"k{n}", "size": n, "stored_at": now} for n in (3, 4)]
    with services.database.write() as session:
        session.execute(insert(Asset), rows)
        session.execute(
            insert(Asset), [{**common, "number": 5, "object_key": "unfinished", "size": 99, "stored_at": None}]
        )
    found = client.get("/v1/api/admin/overview").get_json()
    assert found["tasks"] == {"pending": 1, "blocked": 2, "failed": 22}
    assert found["stored"] == [{"kind": "image", "files": 2, "bytes": 7}]
    assert len(found["failed"]) == 20
    assert found["failed"][0]["project"] == {"id": project, "title": "<b>狐狸</b>"}
    assert 0 < found["disk"]["free"] < found["disk"]["total"]
    assert found["users"] == found["keys"] == []  # nobody logs in here
