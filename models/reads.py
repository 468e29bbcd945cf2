"""What clients are shown: rows of columns, in one round trip for each answer. Whoever changes rows uses `models.queries`.

Which rows may be seen is as there: nobody's of another's, and none that was deleted and can still be had back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select

from common import caller
from models import deletion
from models.asset import Asset, AssetKind
from models.cast_member import CastMember
from models.db import Database
from models.project import Project
from models.rows import Board, CastRow, FilmRow, Films, ListedProject, ProjectRow, ShotRow, TaskRow, WholeProject
from models.shot import Shot
from models.stack import Stack, limited
from models.task import Task, TaskStatus, TaskType
from models.types import DAWN


def task(database: Database, task_id: str) -> TaskRow | None:
    """The task, or None."""
    rows = database.fetch(_task(_is_restricted()), {"id": task_id, **_owner()})
    return next((TaskRow._make(row) for row in rows if row[0] == task_id), None)


def shots(database: Database, project_id: str) -> list[ShotRow]:
    """The project's shots by order; none of a project of another's."""
    of_project, cast = _fetch(database, _shots(_is_restricted()), project_id)
    return _met(_in_order(of_project, project_id), cast)


def shot(database: Database, shot_id: str) -> ShotRow | None:
    """The shot, or None."""
    found, cast = _fetch(database, _shot(_is_restricted()), shot_id)
    return next(iter(_met([row for row in found if row.id == shot_id], cast)), None)


def whole_project(database: Database, project_id: str) -> WholeProject | None:
    """The project with its shots, its latest task and its film, or None."""
    found, of_project, cast, latest, films = _fetch(database, _whole(_is_restricted()), project_id)
    if not found or found[0].id != project_id:
        return None
    recent = [row for row in latest if row.project_id == project_id]
    film = [row for row in films if row.object_key == found[0].video_url]
    shots = _met(_in_order(of_project, project_id), cast)
    return WholeProject(found[0], shots, recent[0] if recent else None, film[0] if film else None)


def board(database: Database, project_id: str) -> Board | None:
    """The project's storyboard, or None."""
    found, of_project, blocked = _fetch(database, _board(_is_restricted()), project_id)
    if not found or found[0].id != project_id:
        return None
    waiting = [row for row, _ in sorted(blocked, key=_age)]
    images = [row for row in waiting if row.project_id == project_id and row.type == TaskType.IMAGE]
    return Board(found[0], _in_order(of_project, project_id), images)


def films(database: Database, project_id: str) -> Films | None:
    """The project's stored films, newest first, with its shots; None where there is no such project."""
    found, of_project, stored = _fetch(database, _films(_is_restricted()), project_id)
    if project_id not in found:
        return None
    return Films(sorted(stored, key=lambda row: -row.number), _in_order(of_project, project_id))


def film(database: Database, key: str) -> FilmRow | None:
    """The film of this key, or None."""
    rows = database.fetch(_film(), {"key": key})
    return next((FilmRow._make(row) for row in rows if row[0] == key), None)


def page_of_tasks(database: Database, project_id: str, *, first: int, count: int) -> tuple[list[TaskRow], int] | None:
    """So many of the project's tasks from the first one on, oldest first, and how many there are in all; None without the project."""
    place = {"first": first, "count": count}
    found, total, rows = _fetch(database, _page_of_tasks(_is_restricted()), project_id, **place)
    if project_id not in found:
        return None
    return [row for row, _ in sorted(rows, key=_age)], total[0]


def page_of_projects(database: Database, *, page: int, page_size: int, words: str) -> tuple[list[ListedProject], int]:
    """One page, newest first, and how many there are in all. `words` is looked for in titles and descriptions.

    Which rows they are is told by an index that holds what is searched: the rows themselves, with their stories, are read of this page
    only. Two statements: where nothing is found, or no more, it is not searched for again.
    """
    count, rows = _page_of_projects(_is_restricted(), bool(words), database.kind)
    wanted = {**_owner(), **({"words": _escaped(words)} if words else {})}
    [[total]] = database.fetch(count, wanted)
    skipped = (page - 1) * page_size
    if skipped >= total:
        return [], total
    found = database.fetch(rows, {**wanted, "first": skipped, "count": page_size})
    return [ListedProject._make(row) for row in found], total


def _fetch(database: Database, stack: Stack, id_: str, **more: int) -> list[list[Any]]:
    return stack.split(database.fetch(stack.statement, {"id": id_, **more, **_owner()}))


def _met(found: list[ShotRow], cast: Iterable[CastRow]) -> list[ShotRow]:
    """The shots with who appears in them."""
    there = sorted(cast, key=lambda member: member.position)
    if not there:
        return found
    return [
        row._replace(
            cast=tuple(
                member.public_id for member in there if member.project_id == row.project_id and member.appears_in(row)
            )
        )
        for row in found
    ]


def _age(made: tuple[TaskRow, int]) -> tuple[datetime, int, str]:
    """By this the oldest comes first; rows of an older backend may have no time."""
    row, sequence = made
    return row.created_at or DAWN, sequence, row.id


def _in_order(rows: Any, project_id: str) -> list[ShotRow]:
    """MySQL and MariaDB take "ABC", "abc" and "abc " for the same id; we do not, here and above."""
    return sorted((row for row in rows if row.project_id == project_id), key=lambda row: (row.order, row.id))


def _is_restricted() -> bool:
    return caller.restricted_to() is not None


def _owner() -> dict[str, str]:
    owner = caller.restricted_to()
    return {} if owner is None else {"owner": owner}


def _escaped(words: str) -> str:
    """For a LIKE that escapes by a slash."""
    return "%" + "".join(f"/{letter}" if letter in "/%_" else letter for letter in words) + "%"


ID: ColumnElement[str] = bindparam("id")


def _of(model: Any, row: Any) -> list[ColumnElement[Any]]:
    """The model's columns, in the order of the row's fields; a field with a default is none."""
    return [getattr(model, name).expression for name in row._fields if name not in row._field_defaults]


def _of_visible(project_id: ColumnElement[str], owned: bool) -> tuple[ColumnElement[bool], ...]:
    """What leaves rows of projects that were not deleted, and of those the caller's own."""
    there = deletion.has_project(project_id)
    own = project_id.in_(select(Project.id).where(Project.owner_id == bindparam("owner")))
    return (there, own) if owned else (there,)


def _visible_shots(owned: bool) -> tuple[ColumnElement[bool], ...]:
    return (deletion.has_shot(Shot.project_id, Shot.id), *_of_visible(Shot.project_id.expression, owned))


def _visible_projects(owned: bool) -> tuple[ColumnElement[bool], ...]:
    there = deletion.has_project(Project.id)
    return (there, Project.owner_id == bindparam("owner")) if owned else (there,)


def _statement(columns: Sequence[ColumnElement[Any]], condition: ColumnElement[bool], *more: Any) -> Select[Any]:
    return select(*columns).where(condition, *more)


# `owned`: whether the caller may see its own rows only. Made once each, and then compiled once by SQLAlchemy's own cache.
@cache
def _task(owned: bool) -> Select[Any]:
    return _statement(_of(Task, TaskRow), Task.id == ID, *_of_visible(Task.project_id.expression, owned))


def _shots_of_project(owned: bool) -> Select[Any]:
    return _statement(_of(Shot, ShotRow), Shot.project_id == ID, *_visible_shots(owned))


def _cast(condition: ColumnElement[bool]) -> tuple[Select[Any], Any]:
    return _statement(_of(CastMember, CastRow), condition), CastRow._make


@cache
def _shots(owned: bool) -> Stack:
    return Stack((_shots_of_project(owned), _shot_of), _cast(CastMember.project_id == ID))


@cache
def _shot(owned: bool) -> Stack:
    row = _statement(_of(Shot, ShotRow), Shot.id == ID, *_visible_shots(owned))
    of_shot = select(Shot.project_id).where(Shot.id == ID).scalar_subquery()
    return Stack((row, _shot_of), _cast(CastMember.project_id == of_shot))


def _project(owned: bool, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    return _statement(columns, Project.id == ID, *_visible_projects(owned))


@cache
def _whole(owned: bool) -> Stack:
    newest_first = (Task.created_at.desc(), Task.seq.desc(), Task.id.desc())
    latest = select(*_of(Task, TaskRow)).where(Task.project_id == ID).order_by(*newest_first).limit(1)
    shown = select(Project.video_url).where(Project.id == ID).scalar_subquery()
    return Stack(
        (_project(owned, _of(Project, ProjectRow)), ProjectRow._make),
        (_shots_of_project(owned), _shot_of),
        _cast(CastMember.project_id == ID),
        (limited(latest), TaskRow._make),
        (_statement(_of(Asset, FilmRow), Asset.object_key == shown), FilmRow._make),
    )


@cache
def _board(owned: bool) -> Stack:
    blocked = select(*_of(Task, TaskRow), Task.seq).where(Task.project_id == ID, Task.status == TaskStatus.BLOCKED)
    return Stack(
        (_project(owned, _of(Project, ProjectRow)), ProjectRow._make),
        (_shots_of_project(owned), _shot_of),
        (blocked, _with_sequence(TaskRow._make)),
    )


@cache
def _films(owned: bool) -> Stack:
    stored = (Asset.kind == AssetKind.FILM, Asset.stored_at.is_not(None))
    return Stack(
        (_project(owned, [Project.id.expression]), _only),
        (_shots_of_project(owned), _shot_of),
        (select(*_of(Asset, FilmRow)).where(Asset.project_id == ID, *stored), FilmRow._make),
    )


@cache
def _film() -> Select[Any]:
    return _statement(_of(Asset, FilmRow), Asset.object_key == bindparam("key"))


@cache
def _page_of_tasks(owned: bool) -> Stack:
    oldest_first = (Task.created_at, Task.seq, Task.id)
    rows = select(*_of(Task, TaskRow), Task.seq).where(Task.project_id == ID).order_by(*oldest_first)
    return Stack(
        (_project(owned, [Project.id.expression]), _only),
        (select(func.count(Task.id)).where(Task.project_id == ID), _only),
        (limited(rows.limit(bindparam("count")).offset(bindparam("first"))), _with_sequence(TaskRow._make)),
    )


@cache
def _page_of_projects(owned: bool, searched: bool, kind: str) -> tuple[Select[Any], Select[Any]]:
    """Of the count and of the rows."""
    chosen = select(Project.id).where(*_visible_projects(owned))
    if searched:
        # Large letters are as good as small ones. The others' LIKE does that by itself, and by an index.
        like = "ilike" if kind == "postgresql" else "like"
        found = [
            getattr(column, like)(bindparam("words"), escape="/") for column in (Project.title, Project.description)
        ]
        chosen = chosen.where(or_(*found))
    newest_first = (Project.created_at.desc(), Project.seq.desc(), Project.id.desc())
    ids = chosen.order_by(*newest_first).limit(bindparam("count")).offset(bindparam("first")).subquery()
    rows = select(*_of(Project, ListedProject)).join(ids, ids.c.id == Project.id).order_by(*newest_first)
    return select(func.count()).select_from(chosen.subquery()), rows


def _shot_of(columns: tuple[Any, ...]) -> ShotRow:
    return ShotRow(*columns)


def _only(columns: tuple[Any, ...]) -> Any:
    return columns[0]


def _with_sequence(made: Callable[[tuple[Any, ...]], Any]) -> Callable[[tuple[Any, ...]], Any]:
    """A row, and `seq`, which is the last column and orders what was made in one second."""
    return lambda columns: (made(columns[:-1]), columns[-1])
