"""The moves of the state machine that end a task. Only `service.workflow.completion`, which knows what follows, imports this."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.task import OPEN, Task, TaskStatus
from models.task_transitions import held_by, hit
from models.types import first_time

DONE = 100


def finish(session: Session, task_id: str, *, owner: str, result: dict[str, Any], message: str, now: datetime) -> bool:
    """`processing → finished`."""
    values = {"result": result, "message": message, "progress": DONE, "error": ""}
    return hit(session, held_by(task_id, owner).values(**values, **_end_values(TaskStatus.FINISHED, now)))


def fail(
    session: Session, task_id: str, *, owner: str, error: str, now: datetime, result: dict[str, Any] | None = None
) -> bool:
    """`processing → failed`; the progress stays where it was, and so does the result where none is given."""
    values = {"error": error, "message": error, **({"result": result} if result else {})}
    return hit(session, held_by(task_id, owner).values(**values, **_end_values(TaskStatus.FAILED, now)))


def terminate(session: Session, task_id: str, status: TaskStatus, *, reason: str, now: datetime) -> bool:
    """Move any open task to `failed` or `cancelled`, whoever owns its lease."""
    error = reason if status is TaskStatus.FAILED else ""
    statement = update(Task).where(Task.id == task_id, Task.status.in_(OPEN))
    return hit(session, statement.values(message=reason, error=error, **_end_values(status, now)))


def end_group(
    session: Session, task_id: str, status: TaskStatus, *, progress: int, message: str, error: str, now: datetime
) -> bool:
    """End an open group, all of whose tasks have ended."""
    values = {"progress": progress, "message": message, "error": error, **_end_values(status, now)}
    return hit(session, update(Task).where(Task.id == task_id, Task.status.in_(OPEN)).values(**values))


def _end_values(status: TaskStatus, now: datetime) -> dict[str, Any]:
    return {
        "status": status,
        "lease_owner": None,
        "lease_until": 0,
        "finished_at": now,
        "updated_at": now,
        "started_at": first_time(Task.started_at, now),
    }
