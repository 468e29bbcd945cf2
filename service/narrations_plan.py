"""The narration of a whole project: one parent task whose children speak a shot each."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.orm import Session

from models import project_queries, task_moves
from models.base import new_id
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from service import parameters
from service.requests import NarrationRequest

COMING = (TaskStatus.PENDING, TaskStatus.PROCESSING)


def new_child(session: Session, parent: Task, shot: Shot, request: NarrationRequest, *, now: datetime) -> Task:
    """Insert the task that speaks one shot's narration."""
    child = Task(
        id=new_id(),
        project_id=parent.project_id,
        shot_id=shot.id,
        parent_id=parent.id,
        type=TaskType.AUDIO,
        status=TaskStatus.PENDING,
        message="等待生成旁白",
        parameters=parameters.narration(request, shot_id=shot.id, text=shot.spoken),
        request_id=parent.request_id,
        created_at=now,
        updated_at=now,
    )
    session.add(child)
    return child


def narration_request(task: Task) -> NarrationRequest:
    """The request that a narration task was made for; the defaults where an older backend left what this server would not have taken."""
    try:
        return NarrationRequest.model_validate((task.parameters or {}).get("tts") or {})
    except ValidationError:
        return NarrationRequest()


def text_of(task: Task) -> str:
    """What one shot's narration task speaks."""
    return str(((task.parameters or {}).get("tts") or {}).get("text") or "")


def speak_anew(session: Session, shot: Shot, *, now: datetime) -> tuple[list[Task], list[str]]:
    """The shot says something else now: replace the open tasks that speak its old text.

    Returns the old tasks, to be called off once the new ones are there, and the ids of the new ones, to be enqueued.
    """
    old = [
        task
        for task in project_queries.open_tasks(session, shot.project_id, type_=TaskType.AUDIO, status=COMING)
        if task.shot_id == shot.id and text_of(task) != shot.spoken
    ]
    new: list[str] = []
    for task in old if shot.spoken.strip() else []:
        parent = project_queries.task(session, task.parent_id) if task.parent_id else None
        replacement = new_child(session, parent or task, shot, narration_request(task), now=now)
        replacement.parent_id = task.parent_id
        session.flush()
        new.append(replacement.id)
        if parent is not None:
            depends_on = [replacement.id if known == task.id else known for known in parent.depends_on]
            parent.parameters = {**(parent.parameters or {}), "depends_on": depends_on}
    session.flush()
    return old, new


def unfinished(session: Session, parent: Task, speaking: set[str]) -> set[str]:
    """Ids of the shots that a parent was to speak and that have not got these words and a voice from it.

    All of `speaking` when it never came to have children.
    """
    shots = {shot.id: shot for shot in project_queries.shots(session, parent.project_id)}
    children = [child for child in project_queries.children(session, parent.id) if child.shot_id in shots]
    spoken = {
        child.shot_id
        for child in children
        if child.status == TaskStatus.FINISHED
        and shots[child.shot_id or ""].audio_path
        and text_of(child) == shots[child.shot_id or ""].spoken
    }
    return {child.shot_id or "" for child in children if child.shot_id not in spoken} if children else speaking


def expand(session: Session, parent: Task, *, now: datetime, only: Collection[str] | None = None) -> list[str]:
    """Give a parent its children, one for each shot that has something to say (and is in `only`, when that is given).

    Returns their ids, to be enqueued.

    A project without words to speak ends the parent at once.
    """
    if project_queries.children(session, parent.id):
        return []
    request = narration_request(parent)
    speaking = [shot for shot in project_queries.shots(session, parent.project_id) if shot.spoken.strip()]
    chosen = [shot for shot in speaking if only is None or shot.id in only]
    children = [new_child(session, parent, shot, request, now=now) for shot in chosen]
    session.flush()
    parent.parameters = {**(parent.parameters or {}), "depends_on": task_moves.ids(children)}
    session.flush()
    if children:
        task_moves.set_aggregate(
            session, parent.id, status=TaskStatus.PENDING, progress=0, message="等待生成旁白", error="", now=now
        )
    else:
        reason = "没有可朗读的旁白"
        task_moves.set_aggregate(
            session, parent.id, status=TaskStatus.FAILED, progress=0, message=reason, error=reason, now=now
        )
    return task_moves.ids(children)


def refresh(session: Session, parent: Task, *, now: datetime) -> None:
    """Write the parent's state: its progress is its children's mean, and it ends when the last of them does.

    It ends well when all that was not called off did; a child that was replaced does not count.
    """
    children = [child for child in project_queries.children(session, parent.id) if child.id in parent.depends_on]
    if not children:
        return
    of = {status: [child for child in children if child.status == status] for status in TaskStatus}
    finished, failed = of[TaskStatus.FINISHED], of[TaskStatus.FAILED]
    progress = sum(100 if child.status == TaskStatus.FINISHED else child.progress or 0 for child in children) // len(
        children
    )
    message, error = f"已完成 {len(finished)}/{len(children)} 个镜头的旁白", ""
    if of[TaskStatus.BLOCKED] or of[TaskStatus.PENDING] or of[TaskStatus.PROCESSING]:
        started = len(of[TaskStatus.PENDING]) + len(of[TaskStatus.BLOCKED]) < len(children)
        status = TaskStatus.PROCESSING if started else TaskStatus.PENDING
        progress = min(progress, 99)
    elif failed:
        status = TaskStatus.FAILED
        error = message = f"{len(failed)}/{len(children)} 个镜头的旁白失败：{failed[0].error}"
    elif not finished:
        status, message = TaskStatus.CANCELLED, "旁白任务已取消"
    else:
        status = TaskStatus.FINISHED
    task_moves.set_aggregate(
        session, parent.id, status=status, progress=progress, message=message, error=error, now=now
    )
