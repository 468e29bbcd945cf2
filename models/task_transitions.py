"""The task state machine: every move is one guarded UPDATE, and whoever makes it looks at whether a row was hit.

`blocked → pending → processing → finished | failed | cancelled`, and `processing → pending` when a dispatch is to be retried.
Only the holder of a task's lease moves it out of `processing`, but for a cancel, which anybody may ask for. The moves that end a task stand
in `models.task_endings`. Leases and delays are written and judged by the database's clock alone (`models.database_clock`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Update, and_, or_, select, update
from sqlalchemy.orm import Session

from models.database_clock import database_ms
from models.task import OPEN, Task, TaskStatus
from models.types import first_time


def claimable() -> ColumnElement[bool]:
    """Whether a processor may claim a task now: it waits and is due, or its lease has expired."""
    return or_(
        and_(Task.status == TaskStatus.PENDING, Task.not_before <= database_ms()),
        and_(Task.status == TaskStatus.PROCESSING, Task.lease_until < database_ms()),
    )


def claim(session: Session, task_id: str, *, owner: str, now: datetime, lease_ms: int) -> bool:
    """Take a waiting task, or one whose lease has expired, for `owner`. False when somebody else holds it or it has ended.

    A lease that expired, instead of being given up, tells that its holder died: `crashes` counts that.
    """
    free = claimable()
    died = and_(Task.lease_owner.is_not(None), Task.lease_owner != owner)
    crashed = update(Task).where(Task.id == task_id, free, died).values(crashes=Task.crashes + 1, lease_owner=None)
    session.execute(crashed.execution_options(synchronize_session=False))
    return hit(
        session,
        update(Task)
        .where(Task.id == task_id, free)
        .values(
            status=TaskStatus.PROCESSING,
            lease_owner=owner,
            lease_until=database_ms() + lease_ms,
            started_at=first_time(Task.started_at, now),
            updated_at=now,
        ),
    )


def renew(session: Session, task_ids: Sequence[str], *, owner: str, lease_ms: int) -> set[str]:
    """Extend the owner's leases to `lease_ms` from now; returns the ids that it still owns.

    The others were cancelled, deleted or taken over.
    """
    owned = and_(Task.id.in_(task_ids), Task.lease_owner == owner, Task.status == TaskStatus.PROCESSING)
    session.execute(update(Task).where(owned).values(lease_until=database_ms() + lease_ms))
    return set(session.scalars(select(Task.id).where(owned)))


def release(session: Session, *, owner: str) -> None:
    """Release every lease of an owner that stops, so that the next processor resumes at once."""
    owned = and_(Task.lease_owner == owner, Task.status == TaskStatus.PROCESSING)
    session.execute(update(Task).where(owned).values(lease_owner=None, lease_until=0))


def record_job(session: Session, task_id: str, *, owner: str, result: dict[str, Any], node: str, now: datetime) -> bool:
    """Store the model node and its job's id (`result.resource_id`), so that polling resumes after a restart."""
    return hit(session, held_by(task_id, owner).values(result=result, node=node, updated_at=now))


def record_progress(session: Session, task_id: str, *, owner: str, progress: int, message: str, now: datetime) -> bool:
    """Write what the node or the film pipeline reports."""
    return hit(session, held_by(task_id, owner).values(progress=progress, message=message, updated_at=now))


def schedule_retry(session: Session, task_id: str, *, owner: str, pause_ms: int, message: str, now: datetime) -> bool:
    """`processing → pending`: retry after a pause; the recoverer enqueues the task when it is due."""
    return hit(
        session,
        held_by(task_id, owner).values(
            status=TaskStatus.PENDING,
            lease_owner=None,
            lease_until=0,
            not_before=database_ms() + pause_ms,
            attempts=Task.attempts + 1,
            message=message,
            updated_at=now,
        ),
    )


def reschedule(session: Session, task_id: str, *, pause_ms: int, message: str, now: datetime) -> bool:
    """Let a pending task wait for its turn, which it looks for after a pause; unlike `schedule_retry` it is no failed attempt."""
    waiting = update(Task).where(Task.id == task_id, Task.status == TaskStatus.PENDING)
    return hit(session, waiting.values(not_before=database_ms() + pause_ms, message=message, updated_at=now))


def unblock(session: Session, task_id: str, *, now: datetime, **values: Any) -> bool:
    """`blocked → pending`, with whatever the task was waiting to learn (shot id, parameters)."""
    statement = update(Task).where(Task.id == task_id, Task.status == TaskStatus.BLOCKED)
    return hit(session, statement.values(status=TaskStatus.PENDING, updated_at=now, **values))


def set_group_progress(
    session: Session, task_id: str, *, status: TaskStatus, progress: int, message: str, now: datetime
) -> bool:
    """Write the state of a group some of whose tasks are still open."""
    values: dict[str, Any] = {
        "status": status,
        "progress": progress,
        "message": message,
        "error": "",
        "updated_at": now,
    }
    if status is not TaskStatus.PENDING:
        values["started_at"] = first_time(Task.started_at, now)
    return hit(session, update(Task).where(Task.id == task_id, Task.status.in_(OPEN)).values(**values))


def held_by(task_id: str, owner: str) -> Update:
    """An UPDATE of the task that hits its row only while `owner` holds its lease."""
    return update(Task).where(Task.id == task_id, Task.status == TaskStatus.PROCESSING, Task.lease_owner == owner)


def hit(session: Session, statement: Update) -> bool:
    """Execute a guarded UPDATE; whether it hit its row."""
    result = cast("CursorResult[Any]", session.execute(statement.execution_options(synchronize_session=False)))
    return result.rowcount == 1
