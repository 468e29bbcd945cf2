"""What webhooks are told: the events, and the messages about them, in the commit of what they tell.

The form is that of Standard Webhooks (https://www.standardwebhooks.com): `type`, `timestamp`, `data`. A message holds ids and states, no
links and no texts of the story: whoever may read more asks the API for it.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models import webhook
from models.project import Project
from models.task import Task, TaskStatus, TaskType

TASK_ENDED, PROJECT_READY, FILM_MADE, TEST = "task.ended", "project.ready", "film.made", "webhook.test"
EVENTS = (TASK_ENDED, PROJECT_READY, FILM_MADE)
MAX_REASON = 2000  # characters of a task's error


def task_ended(session: Session, project: Project, task: Task, *, now: datetime) -> None:
    """A task has come to its end; a film that was made is told besides."""
    data = _about(task)
    _announce(session, project.owner_id, TASK_ENDED, data, now)
    if task.type == TaskType.FILM and not task.shot_id and task.status == TaskStatus.FINISHED:
        asked = (task.parameters or {}).get("video") or {}
        _announce(session, project.owner_id, FILM_MADE, {**data, "mode": asked.get("mode") or "final"}, now)


def project_ready(session: Session, project: Project, *, now: datetime) -> None:
    """The project has a film of all of its shots."""
    _announce(session, project.owner_id, PROJECT_READY, {"project_id": project.id, "status": project.status}, now)


def message(event: str, data: dict[str, Any], now: datetime) -> str:
    """The body that is sent."""
    whole = {"type": event, "timestamp": now.isoformat(timespec="milliseconds"), "data": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def new_message_id() -> str:
    """What a receiver tells a repeated message by."""
    return f"msg_{uuid.uuid4().hex}"


def _about(task: Task) -> dict[str, Any]:
    return {
        "project_id": task.project_id,
        "task_id": task.id,
        "task_type": task.type,
        "status": task.status,
        "shot_id": task.shot_id or "",
        "error": (task.error or "")[:MAX_REASON],
    }


def _announce(session: Session, owner_id: str | None, event: str, data: dict[str, Any], now: datetime) -> None:
    webhook.announce(session, owner_id, event, new_message_id(), message(event, data, now), now=now)
