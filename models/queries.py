"""Queries over projects, shots and their tasks. Each takes the session of the caller's unit of work; what is only shown: `models.reads`.

Where accounts are told apart (`common.caller`) a row of another's is as if it were not there: it is asked for by the same statement as one
that is not there, and so is answered in the same words and after the same time. Lists of a project's rows leave that to whoever has looked
for the project. So is what was deleted and can still be had back (`models.deletion`): nobody sees it until it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, String, Text, and_, bindparam, cast, func, not_, or_, select
from sqlalchemy.orm import Session, aliased

from common import caller
from models import deletion
from models.asset import Asset
from models.database_clock import at, database_ms
from models.project import Project
from models.shot import Shot
from models.task import OPEN, Task, TaskStatus, TaskType, dependencies
from models.task_transitions import claimable
from models.types import DAWN

Row = TypeVar("Row", Project, Shot, Task)


class StoryboardState(NamedTuple):
    """A storyboard task's id and status."""

    id: str
    status: str


class BlockedTask(NamedTuple):
    """A blocked task's id and its project's."""

    id: str
    project_id: str


class FailedTask(NamedTuple):
    """A task that failed, and its project's title."""

    task: Task
    title: str


class Stored(NamedTuple):
    """How much there is of one kind of assets; `size` is in bytes."""

    kind: str
    files: int
    size: int


class ShotParts(NamedTuple):
    """The keys of a shot's image, narration and clip; None or "" where there is none."""

    image_path: str | None
    audio_path: str | None
    video_path: str | None


class Locked(NamedTuple):
    """A project that is locked until the unit of work ends, None where there is none; `now` is the database's time behind the lock."""

    project: Project | None
    now: datetime


def lock_project(session: Session, project_id: str) -> Locked:
    """Lock the project: whoever moves its tasks does so one at a time.

    On SQLite the whole database is locked by the write itself.
    """
    return _locked(session, project_id, deleted_too=False)


def lock_deleted_too(session: Session, project_id: str) -> Locked:
    """The same, also of one that was deleted and can still be had back."""
    return _locked(session, project_id, deleted_too=True)


def _locked(session: Session, project_id: str, *, deleted_too: bool) -> Locked:
    found = session.scalar(_lock(caller.restricted_to() is not None), {"id": project_id, **_owner()})
    row = _exactly(found, project_id)
    # Asked behind the lock: whoever held it may have deleted the project.
    now_ms, is_there = session.execute(_now(), {"id": project_id}).one()
    return Locked(row if is_there or deleted_too else None, at(now_ms))


def project(session: Session, project_id: str) -> Project | None:
    """The project, or None."""
    return _one(session, Project, project_id)


def shots(session: Session, project_id: str) -> list[Shot]:
    """The project's shots by order; none of a project of another's."""
    statement = _shots_of_project(caller.restricted_to() is not None)
    rows = session.scalars(statement, {"id": project_id, **_owner()})
    return [row for row in rows if row.project_id == project_id]


def shots_deleted_too(session: Session, project_id: str) -> list[Shot]:
    """All that the project has, also those that were deleted and can still be had back, in no order."""
    rows = session.scalars(select(Shot).where(Shot.project_id == project_id))
    return [row for row in rows if row.project_id == project_id]


def shot_parts(session: Session, project_id: str) -> list[ShotParts]:
    """What there is of the project's shots, in no order, without their texts."""
    columns = select(Shot.project_id, Shot.image_path, Shot.audio_path, Shot.video_path)
    rows = session.execute(columns.where(Shot.project_id == project_id, deletion.has_shot(Shot.project_id, Shot.id)))
    return [ShotParts(*parts) for owner, *parts in rows if owner == project_id]


def stored_names(session: Session, project_id: str) -> list[str]:
    """What the rows of a project and its shots name in storage, deleted or not."""
    columns = select(Shot.image_path, Shot.audio_path, Shot.video_path).where(Shot.project_id == project_id)
    named = [part for row in session.execute(columns) for part in row]
    of_project = select(Project.cover_image, Project.video_url).where(Project.id == project_id)
    named += [part for row in session.execute(of_project) for part in row]
    return [name for name in named if name]


def asset_details(session: Session, keys: Collection[str]) -> dict[str, dict[str, Any]]:
    """What is kept with these stored objects, by key."""
    rows = session.execute(select(Asset.object_key, Asset.details).where(Asset.object_key.in_(keys)))
    return {row.object_key: row.details or {} for row in rows}


def shot(session: Session, shot_id: str) -> Shot | None:
    """The shot, or None."""
    return _one(session, Shot, shot_id)


def is_reserved(session: Session, shot_id: str) -> bool:
    """Whether a shot that is not there yet will have this id: it waits in the parameters of a blocked image task."""
    own = _visible(Task, caller.restricted_to() is not None)
    waiting = select(Task).where(Task.status == TaskStatus.BLOCKED, Task.type == TaskType.IMAGE, *own)
    holding = waiting.where(cast(Task.parameters, Text).contains(shot_id, autoescape=True))
    return any(row.target_shot_id == shot_id for row in session.scalars(holding, _owner()))


def task(session: Session, task_id: str) -> Task | None:
    """The task, or None."""
    return _one(session, Task, task_id)


def tasks(session: Session, project_id: str) -> list[Task]:
    """The project's tasks, oldest first."""
    rows = session.scalars(
        select(Task).where(Task.project_id == project_id).order_by(Task.created_at, Task.seq, Task.id)
    )
    return [row for row in rows if row.project_id == project_id]


def tasks_with_ids(session: Session, task_ids: Collection[str], *, type_: TaskType) -> list[Task]:
    """Those of the tasks that are of this type, oldest first."""
    if not task_ids:
        return []
    rows = session.scalars(select(Task).where(Task.id.in_(task_ids), Task.type == type_))
    return _oldest_first(row for row in rows if row.id in task_ids)


def latest_storyboard(session: Session, project_id: str) -> StoryboardState | None:
    """The storyboard task that was created last, without the story and the scenes that its row holds."""
    columns = select(Task.project_id, Task.id, Task.status).where(
        Task.project_id == project_id, Task.type == TaskType.STORYBOARD
    )
    row = session.execute(columns.order_by(Task.created_at.desc(), Task.seq.desc(), Task.id.desc()).limit(1)).first()
    return StoryboardState(row.id, row.status) if row is not None and row.project_id == project_id else None


def open_tasks(
    session: Session, project_id: str, *, type_: TaskType | None = None, status: Sequence[TaskStatus] = OPEN
) -> list[Task]:
    """The project's tasks in these states, oldest first.

    Type and order are not the statement's: with either of them SQLite takes another index, and reads all that the project ever did.
    """
    rows = session.scalars(select(Task).where(Task.project_id == project_id, Task.status.in_(status)))
    return _oldest_first(row for row in rows if row.project_id == project_id and type_ in (None, row.type))


def children(session: Session, task_id: str) -> list[Task]:
    """The tasks that are part of this one, oldest first."""
    rows = session.scalars(select(Task).where(Task.parent_id == task_id).order_by(Task.seq, Task.id))
    return [row for row in rows if row.parent_id == task_id]


def jobs_by_node(session: Session) -> dict[str, int]:
    """How many tasks are in work on each model node, by its name."""
    at_work = select(Task.node, func.count(Task.id)).where(Task.status == TaskStatus.PROCESSING, Task.node.is_not(None))
    return {str(node): int(count) for node, count in session.execute(at_work.group_by(Task.node))}


def tasks_by_status(session: Session) -> dict[str, int]:
    """How many tasks there are in each status, everybody's."""
    rows = session.execute(select(Task.status, func.count(Task.id)).group_by(Task.status))
    return {str(status): int(count) for status, count in rows}


def tasks_by_kind(session: Session) -> tuple[dict[tuple[str, str], int], datetime | None]:
    """How many tasks there are of each type and status, everybody's, and when the oldest was made that waits for a processor.

    Both statements are answered by indexes alone, but for the tasks that are not finished: those are all, less the others.
    """
    of_type = {
        str(kind): int(count) for kind, count in session.execute(select(Task.type, func.count()).group_by(Task.type))
    }
    others = [status for status in TaskStatus if status is not TaskStatus.FINISHED]
    unfinished = select(Task.type, Task.status, func.count(), func.min(Task.created_at)).where(Task.status.in_(others))
    found: dict[tuple[str, str], int] = {}
    oldest: datetime | None = None
    for kind, status, count, made in session.execute(unfinished.group_by(Task.type, Task.status)):
        found[str(kind), str(status)] = int(count)
        of_type[str(kind)] = of_type.get(str(kind), 0) - int(count)
        if status == TaskStatus.PENDING:
            oldest = made if oldest is None else min(oldest, made)
    return {**found, **{(kind, TaskStatus.FINISHED.value): max(0, left) for kind, left in of_type.items()}}, oldest


def clips_by_status(session: Session) -> dict[str, int]:
    """How many of the films' tasks make a shot's clip, everybody's; also of shots that are gone, which only the parameters name.

    From the projects, whose index of types leads to the films' tasks: no other has to be looked at.
    """
    parameters = cast(Task.parameters, Text)
    named = [
        and_(parameters.contains(begin), not_(parameters.contains(f'{begin}"')))
        for begin in ('"shotId":"', '"shotId": "')  # MySQL writes JSON anew, with blanks
    ]
    films = select(Task.status, func.count()).where(Task.project_id.in_(select(Project.id)), Task.type == TaskType.FILM)
    clips = films.where(or_(Task.shot_id.is_not(None), *named))
    return {str(status): int(count) for status, count in session.execute(clips.group_by(Task.status))}


def failed_tasks(session: Session, *, limit: int) -> list[FailedTask]:
    """The tasks that failed last, everybody's, newest first, of projects that are there."""
    failed = (
        select(Task, Project.title).join(Project, Project.id == Task.project_id).where(Task.status == TaskStatus.FAILED)
    )
    newest_first = (Task.finished_at.desc(), Task.seq.desc(), Task.id.desc())
    return [FailedTask(*row) for row in session.execute(failed.order_by(*newest_first).limit(limit))]


def stored_by_kind(session: Session) -> list[Stored]:
    """What is stored of each kind, everybody's."""
    columns = select(Asset.kind, func.count(Asset.object_key), func.coalesce(func.sum(Asset.size), 0))
    rows = session.execute(columns.where(Asset.stored_at.is_not(None)).group_by(Asset.kind).order_by(Asset.kind))
    return [Stored(str(kind), int(files), int(size)) for kind, files, size in rows]


def due_tasks(session: Session, *, limit: int) -> list[str]:
    """Ids of tasks that a processor may claim now, oldest first.

    A whole project's narrations that have their tasks run nowhere, and are left out before the limit counts. (A film has parts, too: the
    narrations that it asked for.)
    """
    part = aliased(Task)
    is_group = (Task.type == TaskType.NARRATION) & select(part.id).where(part.parent_id == Task.id).exists()
    query = select(Task.id).where(claimable(), ~is_group).order_by(Task.created_at, Task.seq, Task.id)
    return list(session.scalars(query.limit(limit)))


def stuck_tasks(session: Session) -> list[BlockedTask]:
    """Blocked tasks none of whose dependencies is open, oldest first. Any may have gone on meanwhile: look again under its project's lock.

    Ids are compared here: databases that find one inside the parameters do it for every pair of a project's open tasks.
    """
    columns = select(Task.id, Task.project_id, Task.parameters).where(Task.status == TaskStatus.BLOCKED)
    blocked = session.execute(columns.order_by(Task.created_at, Task.seq, Task.id)).all()
    if not blocked:
        return []
    others = session.scalars(select(Task.id).where(Task.status.in_((TaskStatus.PENDING, TaskStatus.PROCESSING))))
    open_ids = {row.id for row in blocked}.union(others)
    return [BlockedTask(row.id, row.project_id) for row in blocked if open_ids.isdisjoint(dependencies(row.parameters))]


def _oldest_first(rows: Iterable[Task]) -> list[Task]:
    return sorted(rows, key=lambda row: (row.created_at or DAWN, row.seq, row.id))


def _one(session: Session, model: type[Row], row_id: str) -> Row | None:
    """The row of this id; None where there is none, and where it is another's, or deleted."""
    statement = _by_id(model, caller.restricted_to() is not None)
    found: Row | None = session.scalar(statement, {"id": row_id, **_owner()})
    return _exactly(found, row_id)


def _owner() -> dict[str, str]:
    owner = caller.restricted_to()
    return {} if owner is None else {"owner": owner}


# `owned`: whether the caller may see its own rows only. Made once each: making one takes as long as asking the database.
@cache
def _lock(owned: bool) -> Select[Any]:
    return select(Project).where(Project.id == bindparam("id"), *_own(Project, owned)).with_for_update()


@cache
def _by_id(model: type[Row], owned: bool) -> Select[Any]:
    return select(model).where(model.id == bindparam("id"), *_visible(model, owned))


@cache
def _shots_of_project(owned: bool) -> Select[Any]:
    of_project = select(Shot).where(Shot.project_id == bindparam("id"), *_visible(Shot, owned))
    return of_project.order_by(Shot.order, Shot.id)


@cache
def _now() -> Select[Any]:
    """The database's time, and whether the project of this id was not deleted."""
    return select(database_ms(), deletion.has_project(bindparam("id", type_=String())))


def _visible(model: type[Row], owned: bool) -> tuple[ColumnElement[bool], ...]:
    """What leaves what was not deleted, and of that the caller's own rows."""
    if model is Project:
        return (deletion.has_project(Project.id), *_own(model, owned))
    of_project = Shot.project_id if model is Shot else Task.project_id
    there = deletion.has_project(of_project)
    return (there, *([deletion.has_shot(Shot.project_id, Shot.id)] if model is Shot else []), *_own(model, owned))


def _own(model: type[Row], owned: bool) -> tuple[ColumnElement[bool], ...]:
    """What leaves the caller's own rows of a statement's; nothing where every row may be seen."""
    if not owned:
        return ()
    if model is Project:
        return (Project.owner_id == bindparam("owner"),)
    of_project = Shot.project_id if model is Shot else Task.project_id
    return (of_project.in_(select(Project.id).where(Project.owner_id == bindparam("owner"))),)


def _exactly(row: Row | None, row_id: str) -> Row | None:
    """MySQL and MariaDB take "ABC", "abc" and "abc " for the same id; we do not, here and in the lists above."""
    return row if row is not None and row.id == row_id else None
