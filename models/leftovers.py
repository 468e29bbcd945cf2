"""What is kept no longer: ended tasks, and which of stored objects a row names. Pages by key, so that no table need fit into memory.

Times are judged by the database's clock, which `now` has to be of.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, CursorResult, and_, delete, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from models.asset import Asset
from models.deletion import Deletion
from models.idempotency import Idempotency
from models.outbox import Removal
from models.task import ENDED, OPEN, Task
from models.webhook import Delivery, DeliveryState


class OldTask(NamedTuple):
    """An ended task and its project."""

    id: str
    project_id: str


def old_tasks(session: Session, before: datetime, after: str, limit: int) -> Sequence[OldTask]:
    """Tasks that ended before then, by id, from the one behind `after` on.

    Not those of a project that is at work, whose other tasks may ask for them, nor the last of each type in its project: by that it is
    known how a project got to where it is.
    """
    rows = select(Task.id, Task.project_id).where(Task.id > after, *_is_old(before)).order_by(Task.id).limit(limit)
    return [OldTask(*row) for row in session.execute(rows)]


def drop_tasks(session: Session, project_id: str, ids: Collection[str], before: datetime) -> int:
    """Delete those of the project's tasks that are still old; returns how many."""
    kept = select(Task.id).where(Task.project_id == project_id, Task.id.in_(ids), *_is_old(before))
    still = list(session.scalars(kept))
    gone = delete(Task).where(Task.project_id == project_id, Task.id.in_(still), Task.status.in_(ENDED))
    return _count(session, gone.execution_options(synchronize_session=False)) if still else 0


def _is_old(before: datetime) -> tuple[ColumnElement[bool], ...]:
    other, newer = aliased(Task), aliased(Task)
    at_work = select(other.id).where(other.project_id == Task.project_id, other.status.in_(OPEN)).exists()
    age = or_(
        newer.created_at > Task.created_at,
        and_(newer.created_at == Task.created_at, tuple_(newer.seq, newer.id) > tuple_(Task.seq, Task.id)),
    )
    has_newer = select(newer.id).where(newer.project_id == Task.project_id, newer.type == Task.type, age).exists()
    return (Task.status.in_(ENDED), Task.updated_at < before, ~at_work, has_newer)


def old_deliveries(session: Session, before: datetime) -> int:
    """How many messages to webhooks ended, and are older."""
    ended = select(func.count()).select_from(Delivery)
    return session.scalar(ended.where(Delivery.created_at < before, Delivery.state != DeliveryState.PENDING)) or 0


def old_keys_of_requests(session: Session, before: datetime) -> int:
    """How many idempotency keys are older."""
    return session.scalar(select(func.count()).select_from(Idempotency).where(Idempotency.created_at < before)) or 0


def ended_deletions(session: Session, now_ms: int) -> int:
    """How much was deleted, cannot be had back, and is still there."""
    return session.scalar(select(func.count()).select_from(Deletion).where(Deletion.until_ms <= now_ms)) or 0


def known_keys(session: Session, keys: Collection[str]) -> set[str]:
    """Those of the keys that an asset has, stored or not, or that are being uploaded or removed."""
    found = set(session.scalars(select(Asset.object_key).where(Asset.object_key.in_(keys))))
    return found.union(session.scalars(select(Removal.object_key).where(Removal.object_key.in_(keys))))


def projects_of_assets(session: Session, after: str | None, limit: int) -> Sequence[str]:
    """Ids of projects that have stored assets, from the one behind `after` on; "" is the music's."""
    ids = select(Asset.project_id).where(Asset.stored_at.is_not(None)).distinct().order_by(Asset.project_id)
    return list(session.scalars((ids if after is None else ids.where(Asset.project_id > after)).limit(limit)))


def stored_before(session: Session, project_id: str, before: datetime) -> list[str]:
    """The keys of the project's assets that were stored before then."""
    rows = select(Asset.object_key).where(Asset.project_id == project_id, Asset.stored_at < before)
    return list(session.scalars(rows))


def _count(session: Session, statement: Any) -> int:
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
