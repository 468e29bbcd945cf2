"""The narration of a whole project: a group, which is one task whose children speak a shot each. Its state is theirs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from models import cast_member, queries
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from service import project_options
from service.schemas import NarrationRequest
from service.workflow import payloads

ACTIVE = (TaskStatus.PENDING, TaskStatus.PROCESSING)


Speaking = Callable[[Shot], dict[str, Any]]


def speaking(session: Session, project_id: str, asked: NarrationRequest) -> Speaking:
    """The parameters of a shot's narration that is asked for like this. Who speaks it follows from the cast and the project as they are."""
    project, cast = queries.project(session, project_id), cast_member.members(session, project_id)

    def parameters(shot: Shot) -> dict[str, Any]:
        request = project_options.narration(project, asked, cast_member.voice_in(cast, shot))
        return payloads.narration(request, shot_id=shot.id, text=shot.spoken, asked=asked)

    return parameters


def new_task(
    session: Session, shot: Shot, parameters: dict[str, Any], *, now: datetime, parent: Task | None = None
) -> Task:
    """Insert the task of one shot's narration, which may be part of another task."""
    task = Task.new(
        TaskType.NARRATION,
        shot.project_id,
        shot_id=shot.id,
        message="等待生成旁白",
        parameters=parameters,
        request=parent.request_id if parent is not None else None,
        now=now,
    )
    if parent is not None:
        task.parent_id, task.owner_id = parent.id, parent.owner_id
    session.add(task)
    return task


def narration_request(task: Task) -> NarrationRequest:
    """What a narration task was asked for with; the defaults where an older backend left what this server would not have taken."""
    stored: dict[str, Any] = task.parameters or {}
    try:
        return NarrationRequest.model_validate({**(stored.get("tts") or {}), **(stored.get(payloads.ASKED) or {})})
    except (ValidationError, TypeError):
        return NarrationRequest()


def voice_of(task: Task) -> str:
    """The voice that a narration task speaks in; "" is the model node's own."""
    return str(((task.parameters or {}).get("tts") or {}).get("voice") or "")


def text_of(task: Task) -> str:
    """The text of one shot's narration task."""
    return str(((task.parameters or {}).get("tts") or {}).get("text") or "")


def replace_stale_narrations(session: Session, shot: Shot, *, now: datetime) -> tuple[list[Task], list[str]]:
    """The shot's text or who speaks it has changed: replace the open tasks of the old text and of another voice.

    Returns the old tasks, to be cancelled once the new ones are there, and the ids of the new ones, to be enqueued.
    """
    old = [
        task
        for task in queries.open_tasks(session, shot.project_id, type_=TaskType.NARRATION, status=ACTIVE)
        if task.shot_id == shot.id and is_stale(session, shot, task)
    ]
    new: list[str] = []
    for task in old if shot.spoken.strip() else []:
        parent = queries.task(session, task.parent_id) if task.parent_id else None
        parameters = speaking(session, shot.project_id, narration_request(task))(shot)
        replacement = new_task(session, shot, parameters, now=now, parent=parent)
        session.flush()
        new.append(replacement.id)
        if parent is not None:
            depends_on = [replacement.id if known == task.id else known for known in parent.depends_on]
            parent.parameters = {**(parent.parameters or {}), "depends_on": depends_on}
    session.flush()
    return old, new


def is_stale(session: Session, shot: Shot, task: Task) -> bool:
    """Whether the task speaks something else than it would if it were made now. An older version noted nobody's wishes for a voice."""
    asked = narration_request(task) if payloads.ASKED in (task.parameters or {}) else NarrationRequest()
    spoken = speaking(session, shot.project_id, asked)(shot)["tts"]
    return text_of(task) != shot.spoken or voice_of(task) != spoken["voice"]


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
    parameters = speaking(session, group.project_id, narration_request(group))
    with_words = [shot for shot in queries.shots(session, group.project_id) if shot.spoken.strip()]
    chosen = [shot for shot in with_words if only is None or shot.id in only]
    tasks = [new_task(session, shot, parameters(shot), now=now, parent=group) for shot in chosen]
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
