"""The database of `bench.http`: many small projects, each with shots that have image and narration, and tasks that have ended."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from sqlalchemy import insert

from bench.reads import DESCRIPTION, FIRST, STORY, TITLE, times, words
from models.base import new_id
from models.db import Database
from models.project import Project, ProjectStatus
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType

TASKS, SHOTS = 8, 6  # of each project
BATCH = 200  # projects


class Ids(NamedTuple):
    """What is in the database."""

    projects: list[str]
    shots: list[tuple[str, str]]
    tasks: list[str]


def fill(database: Database, projects: int, owner: str) -> Ids:
    """So many projects of this account."""
    rng = random.Random(1)
    ids = Ids([], [], [])
    for first in range(0, projects, BATCH):
        rows: list[dict[str, Any]] = []
        shots: list[dict[str, Any]] = []
        tasks: list[dict[str, Any]] = []
        for number in range(first, min(first + BATCH, projects)):
            project = _project(number, owner, rng)
            of_project = [_shot(project["id"], order, rng) for order in range(1, SHOTS + 1)]
            rows.append(project)
            shots += of_project
            tasks += [_task(project["id"], of_project[n % SHOTS]["id"], number, owner, rng) for n in range(TASKS)]
        with database.write() as session:
            session.execute(insert(Project), rows)
            session.execute(insert(Shot), shots)
            session.execute(insert(Task), tasks)
        ids.projects.extend(row["id"] for row in rows)
        ids.shots.extend((row["project_id"], row["id"]) for row in shots)
        ids.tasks.extend(row["id"] for row in tasks)
    return ids


def _project(number: int, owner: str, rng: random.Random) -> dict[str, Any]:
    return {
        "id": new_id(),
        "title": f"{words(TITLE, rng)}，第{number}个",
        "story_text": words(STORY // 4, rng),
        "style": "水墨",
        "status": ProjectStatus.READY,
        "description": words(DESCRIPTION, rng),
        "cover_image": "",
        "shot_count": SHOTS,
        "owner_id": owner,
        **times(number),
    }


def _shot(project: str, order: int, rng: random.Random) -> dict[str, Any]:
    shot = new_id()
    folder = f"projects/{project}/shots/{shot}"
    return {
        "id": shot,
        "project_id": project,
        "order": order,
        "title": words(TITLE, rng),
        "description": words(DESCRIPTION // 2, rng),
        "prompt": words(DESCRIPTION // 2, rng),
        "narration": words(DESCRIPTION // 2, rng),
        "status": ShotStatus.COMPLETED,
        "image_path": f"{folder}/image-1.png",
        "audio_path": f"{folder}/audio-1.mp3",
        "created_at": FIRST,
        "updated_at": FIRST,
    }


def _task(project: str, shot: str, number: int, owner: str, rng: random.Random) -> dict[str, Any]:
    return {
        "id": new_id(),
        "project_id": project,
        "shot_id": shot,
        "type": TaskType.IMAGE,
        "status": TaskStatus.FINISHED,
        "progress": 100,
        "message": "完成",
        "parameters": {"shot": {"shotId": shot, "prompt": words(DESCRIPTION // 2, rng)}, "depends_on": []},
        "result": {
            "resource_type": "image",
            "resource_id": new_id(),
            "resource_url": f"projects/{project}/shots/{shot}/image-1.png",
        },
        "owner_id": owner,
        **times(number),
    }
