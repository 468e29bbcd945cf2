"""Use cases of shots: read, update (which paints the picture anew), delete."""

from __future__ import annotations

from sqlalchemy.orm import Session

from common.errors import NotFound
from common.request_id import request_id
from models import project_queries
from models.base import new_id
from models.retrying import retrying
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType
from service import assets, calling_off, narrations_plan, parameters, settling
from service.context import Services
from service.enqueue import enqueue
from service.requests import ShotChanges

CANCELLED_BY_UPDATE = "分镜已修改，旧任务取消"
CANCELLED_BY_DELETE = "分镜已删除，任务取消"


def of_project(services: Services, project_id: str) -> list[Shot]:
    """The project's shots by order; none when the project is unknown."""
    with services.database.read() as session:
        return project_queries.shots(session, project_id)


def find(services: Services, shot_id: str) -> Shot:
    """The shot, whatever its project; raises `NotFound`."""
    with services.database.read() as session:
        return _found(project_queries.shot(session, shot_id))


def get(services: Services, project_id: str, shot_id: str) -> Shot:
    """The project's shot; raises `NotFound`."""
    shot = find(services, shot_id)
    return _found(shot if shot.project_id == project_id else None)


@retrying
def update(services: Services, project_id: str, shot_id: str, changes: ShotChanges) -> str:
    """Change what was given and paint the picture anew; an open task for the old picture, or for a clip of it, is cancelled.

    Returns the new task's id; raises `NotFound`.
    """
    now = services.clock.now()
    with services.database.write() as session:
        project = project_queries.lock_project(session, project_id)
        shot = project_queries.shot(session, shot_id)
        if project is None or shot is None or shot.project_id != project_id:
            raise NotFound("分镜不存在")
        said = shot.spoken
        given = changes.model_dump(exclude_none=True, exclude={"style"})
        if "narration" in given:
            given["description"] = given["narration"]
        for name, value in given.items():
            setattr(shot, name, value)
        old = [task for task in _open_tasks(session, shot) if _shows_old_picture(task)]
        task = Task(
            id=new_id(),
            project_id=project_id,
            shot_id=shot_id,
            type=TaskType.SHOT,
            status=TaskStatus.PENDING,
            message="等待生成图片",
            parameters=parameters.image(
                shot_id,
                prompt=shot.prompt or "",
                style=changes.style if changes.style is not None else project.style,
                transition=shot.transition or "",
                depends_on=[],
            ),
            request_id=request_id(),
            created_at=now,
            updated_at=now,
        )
        session.add(task)  # before the old one is cancelled, so that a film which waits for the shot waits for this one
        session.flush()
        if shot.spoken != said:  # the old voice spoke another text: the next film asks for a new one
            shot.audio_path, shot.duration = "", 0
            voices, speaking = narrations_plan.speak_anew(session, shot, now=now)
            old += voices
        else:
            speaking = []
        cancelled, ready = calling_off.cancel(session, old, reason=CANCELLED_BY_UPDATE, now=now)
        shot.status, shot.updated_at = ShotStatus.PROCESSING, now
        session.flush()
        settling.refresh_project(session, project, now=now)
    calling_off.stop(services, cancelled)
    enqueue(services, [task.id, *speaking, *ready])
    return task.id


@retrying
def delete(services: Services, shot_id: str) -> str:
    """Cancel what runs, then delete the shot with what it stored. Returns its project's id, "" when it was unknown."""
    now = services.clock.now()
    with services.database.read() as session:
        known = project_queries.shot(session, shot_id)
    if known is None:
        return ""
    with services.database.write() as session:
        project = project_queries.lock_project(session, known.project_id)
        shot = project_queries.shot(session, shot_id)
        if project is None or shot is None:
            return ""
        cancelled, ready = calling_off.cancel(session, _open_tasks(session, shot), reason=CANCELLED_BY_DELETE, now=now)
        keys = assets.keys_of_shot(session, shot)
        session.delete(shot)
        session.flush()
        settling.refresh_project(session, project, now=now)
    calling_off.stop(services, cancelled)
    enqueue(services, ready)
    assets.remove(services, keys)
    return known.project_id


def _open_tasks(session: Session, shot: Shot) -> list[Task]:
    """Open tasks of the shot: by their row, or, as the Go backend left them, by their parameters only."""
    return [task for task in project_queries.open_tasks(session, shot.project_id) if task.about_shot == shot.id]


def _shows_old_picture(task: Task) -> bool:
    """A picture, or a clip that has not waited for one."""
    return task.type == TaskType.SHOT or (task.type == TaskType.VIDEO and task.status != TaskStatus.BLOCKED)


def _found(shot: Shot | None) -> Shot:
    if shot is None:
        raise NotFound("分镜不存在")
    return shot
