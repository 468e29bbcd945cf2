"""A project whose storyboard and images are done, made through the API and finished by hand: the processor has tests of its own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from models.project import Project, ProjectStatus
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus
from service.container import Services
from service.oss import keys
from service.workflow import payloads

STORY = "从前有一只狐狸。它住在森林里。"
CREATE: Mapping[str, str] = {
    "Title": "狐狸",
    "StoryText": STORY,
    "Style": "水彩",
    "Desription": "说明",
    "ShotCount": "6",
}


def png() -> bytes:
    """A small image."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "orange").save(file, "PNG")
    return file.getvalue()


@dataclass
class Told:
    """A project as its client knows it, and what was asked about it before anything was finished."""

    project_id: str
    text_task_id: str
    shot_task_ids: list[str]
    created: TestResponse
    fresh: TestResponse
    shot_ids: list[str] = field(default_factory=list)


def create(client: FlaskClient, **params: Any) -> Told:
    """POST the story and look at the project at once."""
    created = client.post("/v1/api/projects", query_string=params or CREATE)
    assert created.status_code == 200, created.text
    body = created.get_json()
    fresh = client.get(f"/v1/api/projects/{body['project_id']}")
    return Told(body["project_id"], body["text_task_id"], body["shot_task_ids"], created, fresh)


def finish(services: Services, told: Told) -> Told:
    """Write what a processor would have written: shots, images, and ends of all tasks."""
    now = services.clock.now()
    with services.database.write() as session:
        tasks = {task.id: task for task in session.scalars(select(Task).where(Task.project_id == told.project_id))}
        board = tasks[told.text_task_id]
        board.result = payloads.result("storyboard", "job-0", "/files/job-0/storyboard.json")
        for order, task_id in enumerate(told.shot_task_ids, start=1):
            task = tasks[task_id]
            shot_id = (task.parameters or {})["shot"]["shotId"]
            key = keys.image_key(told.project_id, shot_id, 1, "png")
            services.store.put(key, io.BytesIO(png()))
            session.add(
                Shot(
                    id=shot_id,
                    project_id=told.project_id,
                    order=order,
                    title=f"镜头{order}",
                    description="旁白",
                    prompt="fox",
                    status=ShotStatus.COMPLETED,
                    image_path=key,
                    created_at=now,
                    updated_at=now,
                )
            )
            session.flush()
            task.shot_id = shot_id
            task.result = payloads.result("image", f"job-{order}", key)
            told.shot_ids.append(shot_id)
        for task in tasks.values():
            task.status, task.progress, task.message = TaskStatus.FINISHED, 100, "完成"
            task.started_at = task.finished_at = now
        session.execute(
            update(Project).where(Project.id == told.project_id).values(status=ProjectStatus.IMAGES_GENERATED)
        )
    return told
