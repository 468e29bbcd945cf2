"""Use cases of shots: read, update (which regenerates the image), delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from common.errors import Conflict, NotFound
from models import cast_member, queries, reads
from models.asset import AssetKind
from models.db import retrying
from models.project import Project
from models.rows import ShotRow
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType
from service import preconditions, project_options
from service.access import quotas
from service.assets import shot_versions, versions
from service.container import Services
from service.preconditions import Known
from service.schemas import ModelWishes, ShotChanges
from service.workflow import completion, narration_group, once, payloads
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import ProjectUnit, project_unit

_WISHES = set(ModelWishes.model_fields)
CANCELLED_BY_UPDATE = "分镜已修改，旧任务取消"
CANCELLED_BY_DELETE = "分镜已删除，任务取消"


def of_project(services: Services, project_id: str) -> list[ShotRow]:
    """The project's shots by order; none when the project is unknown."""
    return reads.shots(services.database, project_id)


def find(services: Services, shot_id: str) -> Shot:
    """The shot, whatever its project; raises `NotFound`."""
    with services.database.read() as session:
        shot = _found(queries.shot(session, shot_id))
        cast_member.meet(session, shot.project_id, [shot])
        return shot


def promised(services: Services, shot_id: str) -> Shot:
    """The shot; raises `Conflict` for one that the storyboard in the making is to fill in, `NotFound` for any other that is not there."""
    with services.database.read() as session:
        shot = queries.shot(session, shot_id)
        if shot is None and queries.is_reserved(session, shot_id):
            raise Conflict("分镜还在生成中，请在分镜完成后再试")
        return _found(shot)


def get(services: Services, project_id: str, shot_id: str) -> ShotRow:
    """The project's shot; raises `NotFound`."""
    shot = reads.shot(services.database, shot_id)
    if shot is None or shot.project_id != project_id:
        raise NotFound("分镜不存在")
    return shot


@once.once(once.as_kept)
@retrying
def update(services: Services, project_id: str, shot_id: str, changes: ShotChanges, known: Known | None = None) -> str:
    """Change what was given and regenerate the image; an open task for the old image, or for a clip of it, is cancelled.

    Returns the new task's id, "" where nothing but the motion was given, which is the film's alone; raises `NotFound`, or
    `PreconditionFailed` where the shot is not as it was `known`.
    """
    with project_unit(services, project_id) as unit:
        session, project = unit.session, unit.project
        shot = queries.shot(session, shot_id)
        if project is None or shot is None or shot.project_id != project_id:
            raise NotFound("分镜不存在")
        preconditions.check(shot, known)
        said = shot.spoken
        _apply(shot, changes)
        shot.updated_at = unit.now
        if changes.model_dump(exclude_none=True, exclude=_WISHES).keys() == {"motion"} and not changes.wishes():
            return ""
        quotas.take(services, session, tasks=1)
        old = [task for task in open_tasks(session, shot) if _shows_old_image(task)]
        task = new_image(shot, project, now=unit.now, style=changes.style, own=changes.wishes())
        session.add(task)  # before the old one is cancelled, so that a film which waits for the shot waits for this one
        session.flush()
        unit.ready.append(task.id)
        old += drop_narration(services, unit, shot) if shot.spoken != said else []
        completion.cancel(unit, old, reason=CANCELLED_BY_UPDATE)
        shot.status = ShotStatus.PROCESSING
        session.flush()
        refresh_project(session, project, now=unit.now)
        once.made(session, task.id)
    return task.id


@retrying
def update_texts(services: Services, shot_id: str, changes: ShotChanges) -> Shot:
    """Change prompt and narration as given, and start nothing: the image stays as it is until it is asked for anew.

    A narration of another text is forgotten, and where one is in the making, the new text is spoken in its place. Raises `NotFound`.
    """
    with project_unit(services, find(services, shot_id).project_id) as unit:
        shot = _found(queries.shot(unit.session, shot_id))
        if unit.project is None:
            raise NotFound("分镜不存在")
        said = shot.spoken
        _apply(shot, changes)
        shot.updated_at = unit.now
        if shot.spoken != said:
            completion.cancel(unit, drop_narration(services, unit, shot), reason=CANCELLED_BY_UPDATE)
            unit.session.flush()
            refresh_project(unit.session, unit.project, now=unit.now)
    return shot


def drop_narration(services: Services, unit: ProjectUnit, shot: Shot) -> list[Task]:
    """The shot's text has changed: the next film asks for a narration of it. Returns the open tasks of the old text, to be cancelled."""
    shot_versions.adopt(services, unit.session, shot, (AssetKind.NARRATION,), now=unit.now)
    shot.audio_path, shot.duration = "", 0
    stale, speaking = narration_group.replace_stale_narrations(unit.session, shot, now=unit.now)
    unit.ready += speaking
    return stale


def _apply(shot: Shot, changes: ShotChanges) -> None:
    given = changes.model_dump(exclude_none=True, exclude={"style", *_WISHES})
    if "narration" in given:
        given["description"] = given["narration"]
    for name, value in given.items():
        setattr(shot, name, value)


def image_parameters(
    shot: Shot, project: Project, *, style: str | None = None, own: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What an image of the shot is painted by; in the project's style unless one is given, and with wishes of its `own`."""
    return payloads.image(
        shot.id,
        prompt=shot.prompt or "",
        style=project.style if style is None else style,
        transition=shot.transition or "",
        aspect=project.aspect,
        depends_on=[],
        wishes=project_options.wishes(project, shot.order, own),
    )


def new_image(
    shot: Shot, project: Project, *, now: datetime, style: str | None = None, own: dict[str, Any] | None = None
) -> Task:
    """The task of another image of the shot; see `image_parameters`."""
    parameters = image_parameters(shot, project, style=style, own=own)
    return Task.new(TaskType.IMAGE, project.id, shot_id=shot.id, message="等待生成图片", parameters=parameters, now=now)


@retrying
def delete(services: Services, shot_id: str, known: Known | None = None) -> str:
    """Cancel what runs, then delete the shot with what it stored; those behind it move up. Returns its project's id, "" when it was
    unknown. Raises `PreconditionFailed` where it is not as it was `known`.
    """
    with services.database.read() as session:
        found = queries.shot(session, shot_id)
    if found is None:
        return ""
    with project_unit(services, found.project_id) as unit:
        shot = queries.shot(unit.session, shot_id)
        if unit.project is None or shot is None:
            return ""
        preconditions.check(shot, known)
        completion.cancel(unit, open_tasks(unit.session, shot), reason=CANCELLED_BY_DELETE)
        remove(services, unit.session, shot)
        number(unit.session, queries.shots(unit.session, found.project_id))
        refresh_project(unit.session, unit.project, now=unit.now)
    return found.project_id


def remove(services: Services, session: Session, shot: Shot) -> None:
    """Take the shot's row, and have removed what it stored."""
    versions.remove_shot(services, session, shot)
    session.delete(shot)
    session.flush()


def number(session: Session, row: Sequence[Shot]) -> None:
    """Number the shots from 1 in this order."""
    for order, shot in enumerate(row, start=1):
        if shot.order != order:
            shot.order = order
    session.flush()


def open_tasks(session: Session, shot: Shot) -> list[Task]:
    """Open tasks of the shot: by their row, or, as the Go backend left them, by their parameters only."""
    return [task for task in queries.open_tasks(session, shot.project_id) if task.target_shot_id == shot.id]


def _shows_old_image(task: Task) -> bool:
    """An image, or a clip that has not waited for one."""
    return task.type == TaskType.IMAGE or (task.type == TaskType.FILM and task.status != TaskStatus.BLOCKED)


def _found(shot: Shot | None) -> Shot:
    if shot is None:
        raise NotFound("分镜不存在")
    return shot
