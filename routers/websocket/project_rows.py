"""What the database has of a watched project, and how one look finds what of it is news.

A look is one statement, of small columns. Whole rows are read of what it finds changed, and through the queries that the routes use: what
those leave out is not there for a watcher either.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, String, func, literal, select, type_coerce, union_all
from sqlalchemy.orm import Session

from models import cast_member, deletion, queries
from models.asset import Asset, AssetKind
from models.cast_member import CastMember
from models.project import Project
from models.shot import Shot
from models.task import OPEN, Task
from models.types import Timestamp, nothing

PROJECT, SHOT, TASK, FILM, CAST = KINDS = ("project", "shot", "task", "film", "cast")
NEWEST = 200  # tasks that are looked at, beside those that are open: a project may have had thousands

Row = Project | Shot | Task | Asset


class Key(NamedTuple):
    """A row's kind and its id."""

    kind: str
    id: str


State = tuple[str, int, str, datetime | None]
"""Status, number, text and time: a change of these is news for a watcher."""


def states(session: Session, project_id: str) -> dict[Key, State]:
    """The project's rows by what tells whether they changed; empty where there is no such project."""
    found: dict[Key, State] = {}
    cast = []
    for kind, row_id, status, number, text, time in session.execute(_statement(project_id)):
        if kind == CAST:
            cast.append((number, row_id, status, text))
        else:
            found[Key(kind, row_id)] = (status or "", number or 0, text or "", time)
    found[Key(CAST, project_id)] = ("", len(cast), repr(sorted(cast)), None)
    # MariaDB compares ids without regard to case, we do not.
    return found if Key(PROJECT, project_id) in found else {}


def rows(session: Session, project_id: str, changed: Iterable[Key]) -> dict[Key, Row]:
    """Whole rows; one that went meanwhile is missing. Of shots all are read where one changed, or the cast, which has no row of its own."""
    ids: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for key in changed:
        ids[key.kind].append(key.id)
    found: list[tuple[str, str, Row | None]] = []
    if ids[PROJECT]:
        found.append((PROJECT, project_id, queries.project(session, project_id)))
    if ids[SHOT] or ids[CAST]:
        shots = queries.shots(session, project_id)
        cast_member.meet(session, project_id, shots)
        found += [(SHOT, shot.id, shot) for shot in shots]
    if ids[TASK]:
        found += [(TASK, task.id, task) for task in session.scalars(select(Task).where(Task.id.in_(ids[TASK])))]
    if ids[FILM]:
        films = select(Asset).where(Asset.object_key.in_(ids[FILM]))
        found += [(FILM, film.object_key, film) for film in session.scalars(films)]
    return {Key(kind, row_id): row for kind, row_id, row in found if row is not None}


def _statement(project_id: str) -> Any:
    return union_all(
        _columns(
            PROJECT, Project.id, Project.status, literal(0), func.coalesce(Project.cost, ""), Project.updated_at
        ).where(Project.id == project_id, deletion.has_project(Project.id)),
        _columns(SHOT, Shot.id, Shot.status, Shot.order, _paths(), Shot.updated_at).where(
            Shot.project_id == project_id, deletion.has_shot(Shot.project_id, Shot.id)
        ),
        _columns(FILM, Asset.object_key, literal(""), Asset.number, literal(""), Asset.stored_at).where(
            Asset.project_id == project_id, Asset.kind == AssetKind.FILM, Asset.stored_at.is_not(None)
        ),
        _columns(
            CAST, func.coalesce(CastMember.id, ""), CastMember.name, CastMember.position, _look(), nothing(Timestamp())
        ).where(CastMember.project_id == project_id),
        _tasks().where(Task.project_id == project_id, Task.status.in_(OPEN)),
        _tasks().where(Task.id.in_(_newest(project_id))),
    )


def _tasks() -> Select[Any]:
    return _columns(TASK, Task.id, Task.status, Task.progress, Task.message, nothing(Timestamp()))


def _newest(project_id: str) -> Select[Any]:
    """Within a statement of its own: MySQL takes no limit in what `IN` asks."""
    newest_first = (Task.created_at.desc(), Task.seq.desc(), Task.id.desc())
    chosen = select(Task.id).where(Task.project_id == project_id).order_by(*newest_first).limit(NEWEST).subquery()
    return select(chosen.c.id)


def _columns(kind: str, *columns: Any) -> Select[Any]:
    *others, time = columns
    return select(literal(kind).label("kind"), *others, type_coerce(time, Timestamp()).label("time"))


def _look() -> Any:
    """What `CastMember.painted_look` is."""
    return func.coalesce(func.nullif(CastMember.look_en, ""), CastMember.look_zh, "")


def _paths() -> Any:
    """A shot's files in one text: a new one is news though nobody touched the shot's time."""
    paths = [func.coalesce(column, "") for column in (Shot.image_path, Shot.audio_path, Shot.video_path)]
    return type_coerce(paths[0] + "|" + paths[1] + "|" + paths[2], String())
