"""The narration of a whole project: a group, which is one task whose children speak a shot each. Its state is theirs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.orm import Session

from models import queries
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from service.schemas import NarrationRequest
from service.workflow import payloads

ACTIVE = (TaskStatus.PENDING, TaskStatus.PROCESSING)


def new_task(
    session: Session, shot: Shot, request: NarrationRequest, *, now: datetime, parent: Task | None = None
) -> Task:
    """Insert the task of one shot's narration, which may be part of another task."""
    task = Task.new(
        TaskType.NARRATION,
        shot.project_id,
        shot_id=shot.id,
        message="等待生成旁白",
        parameters=payloads.narration(request, shot_id=shot.id, text=shot.spoken),
        request=parent.request_id if parent is not None else None,
        now=now,
    )
    if parent is not None:
        task.parent_id, task.owner_id = parent.id, parent.owner_id
    session.add(task)
    return task


def narration_request(task: Task) -> NarrationRequest:
    """The request that a narration task was made for; the defaults where an older backend left what this server would not have taken."""
    try:
        return NarrationRequest.model_validate((task.parameters or {}).get("tts") or {})
    except ValidationError:
        return NarrationRequest()


def text_of(task: Task) -> str:
    """The text of one shot's narration task."""
    return str(((task.parameters or {}).get("tts") or {}).get("text") or "")


def replace_stale_narrations(session: Session, shot: Shot, *, now: datetime) -> tuple[list[Task], list[str]]:
    """The shot's text has changed: replace the open tasks that narrate the old text.

    Returns the old tasks, to be cancelled once the new ones are there, and the ids of the new ones, to be enqueued.
    """
    old = [
        task
        for task in queries.open_tasks(session, shot.project_id, type_=TaskType.NARRATION, status=ACTIVE)
        if task.shot_id == shot.id and text_of(task) != shot.spoken
    ]
    new: list[str] = []
    for task in old if shot.spoken.strip() else []:
        parent = queries.task(session, task.parent_id) if task.parent_id else None
        replacement = new_task(session, shot, narration_request(task), now=now, parent=parent)
        session.flush()
        new.append(replacement.id)
        if parent is not None:
            depends_on = [replacement.id if known == task.id else known for known in parent.depends_on]
            parent.parameters = {**(parent.parameters or {}), "depends_on": depends_on}
    session.flush()
    return old, new


def unfinished(session: Session, parent: Task, speaking: set[str]) -> set[str]:
    """Ids of the shots that a parent was to narrate and that have no narration of their present text from it.

    All of `speaking` when it never had children.
    """
    shots = {shot.id: shot for shot in queries.shots(session, parent.project_id)}
    children = [child for child in queries.children(session, parent.id) if child.shot_id in shots]
    spoken = {
        child.shot_id
        for child in children
        if child.status == TaskStatus.FINISHED
        and shots[child.shot_id or ""].audio_path
        and text_of(child) == shots[child.shot_id or ""].spoken
    }
    return {child.shot_id or "" for child in children if child.shot_id not in spoken} if children else speaking


def expand(session: Session, group: Task, *, now: datetime, only: Collection[str] | None = None) -> list[Task]:
    """Insert a group's tasks, one for each shot that has something to say (and is in `only`, when that is given), and return them."""
    request = narration_request(group)
    speaking = [shot for shot in queries.shots(session, group.project_id) if shot.spoken.strip()]
    chosen = [shot for shot in speaking if only is None or shot.id in only]
    tasks = [new_task(session, shot, request, now=now, parent=group) for shot in chosen]
    session.flush()
    group.parameters = {**(group.parameters or {}), "depends_on": [task.id for task in tasks]}
    session.flush()
    return tasks


@dataclass(frozen=True)
class GroupState:
    """What a group's row says of its tasks."""

    status: TaskStatus
    progress: int
    message: str
    error: str = ""


def state(session: Session, group: Task) -> GroupState | None:
    """A group's state: its progress is its tasks' mean, and it ends when the last of them does; None for one that has no tasks yet.

    It ends well when all that was not cancelled did; a task that was replaced does not count.
    """
    tasks = [task for task in queries.children(session, group.id) if task.id in group.depends_on]
    if not tasks:
        return None
    of = {status: [task for task in tasks if task.status == status] for status in TaskStatus}
    finished, failed = of[TaskStatus.FINISHED], of[TaskStatus.FAILED]
    progress = sum(100 if task.status == TaskStatus.FINISHED else task.progress or 0 for task in tasks) // len(tasks)
    message = f"已完成 {len(finished)}/{len(tasks)} 个镜头的旁白"
    waiting = len(of[TaskStatus.PENDING]) + len(of[TaskStatus.BLOCKED])
    if waiting or of[TaskStatus.PROCESSING]:
        status = TaskStatus.PROCESSING if waiting < len(tasks) else TaskStatus.PENDING
        return GroupState(status, min(progress, 99), message)
    if failed:
        error = f"{len(failed)}/{len(tasks)} 个镜头的旁白失败：{failed[0].error}"
        return GroupState(TaskStatus.FAILED, progress, error, error)
    if not finished:
        return GroupState(TaskStatus.CANCELLED, progress, "旁白任务已取消")
    return GroupState(TaskStatus.FINISHED, progress, message)
