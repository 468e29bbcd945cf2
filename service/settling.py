"""What follows when a task ends: the tasks that wait for it, the task that it is part of, its shot and its project.

Everything happens in the unit of work that ended the task, under the project's lock, so that no two ends miss each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from models import project_queries, task_moves
from models.project import Project, ProjectStatus
from models.shot import Shot, ShotStatus
from models.task import ENDED, Task, TaskStatus, TaskType
from service import films_plan, narrations_plan

ENDED_VALUES = frozenset(status.value for status in ENDED)


@dataclass
class Settled:
    """`ready`: ids of tasks to enqueue after the commit. `ended`: tasks that ended along with the first one."""

    ready: list[str] = field(default_factory=list)
    ended: list[Task] = field(default_factory=list)


def settle(session: Session, task: Task, *, now: datetime) -> Settled:
    """Draw the consequences of a task that has just ended. `task` is as the database has it now."""
    settled = Settled()
    _settle_shot(session, task, now=now)
    blocked = project_queries.open_tasks(session, task.project_id, status=(TaskStatus.BLOCKED,))
    # Narrations first: a film that waits for the same storyboard then finds them, and asks for none of its own.
    for waiting in sorted(blocked, key=lambda one: not one.is_parent):
        if task.id in waiting.depends_on:
            _settle_waiting(session, waiting, task, settled, now=now)
    if task.parent_id:
        refresh_parent(session, task.parent_id, settled, now=now)
    project = project_queries.project(session, task.project_id)
    if project is not None:
        refresh_project(session, project, now=now)
    return settled


def _settle_waiting(session: Session, waiting: Task, ended: Task, settled: Settled, *, now: datetime) -> None:
    """A blocked task whose dependency ended."""
    if ended.type == TaskType.STORYBOARD and ended.status != TaskStatus.FINISHED:
        status = TaskStatus.CANCELLED if ended.status == TaskStatus.CANCELLED else TaskStatus.FAILED
        reason = "分镜任务已取消" if status is TaskStatus.CANCELLED else f"分镜生成失败：{ended.error}"
        if task_moves.end(session, waiting.id, status, reason=reason, now=now):
            session.refresh(waiting)
            settled.ended.append(waiting)
            further = settle(session, waiting, now=now)
            settled.ready += further.ready
            settled.ended += further.ended
    elif waiting.type == TaskType.VIDEO:
        settled.ready += films_plan.plan(session, waiting, now=now)
    elif waiting.is_parent:
        settled.ready += narrations_plan.expand(session, waiting, now=now)
    elif waiting.type != TaskType.SHOT:  # the storyboard's own result pairs the pictures with its shots
        settled.ready += [waiting.id] if task_moves.unblock(session, waiting.id, now=now) else []


def refresh_parent(session: Session, parent_id: str, settled: Settled, *, now: datetime) -> None:
    """Bring a parent in line with its children; when that ends it, settle it too."""
    parent = project_queries.task(session, parent_id)
    if parent is None or not parent.is_parent or parent.status in ENDED_VALUES:
        return
    narrations_plan.refresh(session, parent, now=now)
    session.refresh(parent)
    if parent.status in ENDED_VALUES:
        settled.ended.append(parent)
        further = settle(session, parent, now=now)
        settled.ready += further.ready
        settled.ended += further.ended


def _settle_shot(session: Session, task: Task, *, now: datetime) -> None:
    """A picture that failed or was called off leaves the shot with the picture it had."""
    if task.type != TaskType.SHOT or task.status == TaskStatus.FINISHED or not task.shot_id:
        return
    shot = project_queries.shot(session, task.shot_id)
    if shot is None:
        return
    if shot.image_path:
        shot.status = ShotStatus.COMPLETED
    else:
        shot.status = ShotStatus.FAILED if task.status == TaskStatus.FAILED else ShotStatus.PENDING
    shot.updated_at = now


def refresh_project(session: Session, project: Project, *, now: datetime) -> None:
    """Set the project's status from what there is. `ready` means that a film of its shots is stored."""
    session.flush()
    status = _project_status(session, project)
    if project.status != status:
        project.status = status
        project.updated_at = now
        session.flush()


def _project_status(session: Session, project: Project) -> ProjectStatus:
    if project.video_url:
        return ProjectStatus.READY
    shots = project_queries.shots(session, project.id)
    storyboard = [task for task in project_queries.tasks(session, project.id) if task.type == TaskType.STORYBOARD]
    if storyboard and storyboard[-1].status != TaskStatus.FINISHED:
        return ProjectStatus.FAILED if storyboard[-1].status == TaskStatus.FAILED else ProjectStatus.CREATED
    return _parts_status(shots)


def _parts_status(shots: list[Shot]) -> ProjectStatus:
    """The furthest stage that every shot has reached; `shots_generated` while only some pictures are there."""
    if not shots:
        return ProjectStatus.CREATED
    if not any(shot.image_path for shot in shots):
        return ProjectStatus.TEXT_GENERATED
    if not all(shot.image_path for shot in shots):
        return ProjectStatus.SHOTS_GENERATED
    if all(shot.video_path for shot in shots):
        return ProjectStatus.VIDEO_GENERATED
    if all(shot.audio_path for shot in shots):
        return ProjectStatus.AUDIO_GENERATED
    return ProjectStatus.IMAGES_GENERATED
