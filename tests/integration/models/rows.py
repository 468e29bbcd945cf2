"""Rows for the tests."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import text

from models.base import new_id
from models.db import Database
from models.project import Project, ProjectStatus
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType

NOW = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=timezone.utc)


def project(**values: Any) -> Project:
    """A project; `values` replace its defaults."""
    defaults = {"id": new_id(), "title": "山里的庙", "story_text": "从前有一座山。", "style": "movie"}
    return Project(**{**defaults, "status": ProjectStatus.CREATED, "created_at": NOW, "updated_at": NOW, **values})


def shot(project_id: str, **values: Any) -> Shot:
    """A shot of the project."""
    defaults = {"id": new_id(), "project_id": project_id, "order": 1, "title": "山"}
    return Shot(**{**defaults, "status": ShotStatus.PENDING, "created_at": NOW, "updated_at": NOW, **values})


def task(project_id: str, **values: Any) -> Task:
    """An image's task, waiting."""
    defaults = {"id": new_id(), "project_id": project_id, "type": TaskType.IMAGE, "status": TaskStatus.PENDING}
    return Task(**{**defaults, "created_at": NOW, "updated_at": NOW, **values})


def info(database: Database) -> dict[str, str]:
    """What the database knows of its tables."""
    with database.read() as session:
        return {row.name: row.value for row in session.execute(text("SELECT name, value FROM schema_info"))}
