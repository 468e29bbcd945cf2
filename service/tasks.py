"""Use cases of tasks: read, cancel, retry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from common.errors import Conflict, NotFound
from models import queries, reads
from models.db import retrying
from models.project import Project
from models.rows import TaskRow
from models.shot import Shot
from models.task import OPEN, Task, TaskStatus, TaskType
from service import films, narrations, projects
from service.access import quotas
from service.container import Services
from service.workflow import completion, film_dependencies, narration_group, once, payloads
from service.workflow.unit_of_work import project_unit

CANCELLED_BY_USER = "任务已取消"
ALL = 1 << 31  # more than any project has
RETRIABLE = (TaskStatus.FAILED, TaskStatus.CANCELLED)


@dataclass(frozen=True)
class Outcome:
    """A task with what it made: the `storyboard` where it is the project's latest one, the `seconds` of what is heard or seen.

    `seconds` is None before the end, and where nothing is known.
    """

    task: TaskRow
    storyboard: projects.Storyboard | None = None
    seconds: float | None = None


def get(services: Services, task_id: str) -> Task:
    """The task; raises `NotFound`."""
    with services.database.read() as session:
        return _found(queries.task(session, task_id), task_id)


def read(services: Services, task_id: str) -> TaskRow:
    """The task as it is shown; raises `NotFound`."""
    found = reads.task(services.database, task_id)
    if found is None:
        raise _unknown(task_id)
    return found


def outcome(services: Services, task_id: str) -> Outcome:
    """The task and what it made; raises `NotFound`."""
    task = read(services, task_id)
    is_heard_or_seen = task.type in (TaskType.NARRATION, TaskType.FILM) and task.status == TaskStatus.FINISHED
    if task.type != TaskType.STORYBOARD and not is_heard_or_seen:
        return Outcome(task)
    with services.database.read() as session:
        if is_heard_or_seen:
            return Outcome(task, seconds=_seconds(session, task))
        latest = queries.latest_storyboard(session, task.project_id)
    if latest is None or latest.id != task.id:
        return Outcome(task)
    return Outcome(task, storyboard=projects.storyboard(services, task.project_id))


def _seconds(session: Session, task: TaskRow) -> float | None:
    """The length of a finished task's film, clip or narration; of a whole project's narrations, theirs together."""
    film = (task.result or {}).get("task_video")
    if isinstance(film, dict):
        return _sum([film.get("duration")])
    parts: Sequence[Task | TaskRow] = queries.children(session, task.id) if task.is_parent else [task]
    stored = [part.result or {} for part in parts if part.status == TaskStatus.FINISHED]
    keys = [str(result.get("resource_url") or "") for result in stored]
    details = queries.asset_details(session, keys)
    return _sum(details.get(key, {}).get("duration") for key in keys)


def _sum(lengths: Iterable[Any]) -> float | None:
    """None where one is not known: other versions stored none, and a film's is text."""
    try:
        return round(sum(float(length) for length in lengths), 2)
    except (TypeError, ValueError):
        return None


def of_project(services: Services, project_id: str) -> list[TaskRow]:
    """The project's tasks, oldest first; raises `NotFound`."""
    return _page(services, project_id, first=0, count=ALL)[0]


def page_of_project(services: Services, project_id: str, *, page: int, page_size: int) -> tuple[list[TaskRow], int]:
    """One page of the project's tasks, oldest first, and how many there are in all; raises `NotFound`."""
    return _page(services, project_id, first=(page - 1) * page_size, count=page_size)


def _page(services: Services, project_id: str, *, first: int, count: int) -> tuple[list[TaskRow], int]:
    found = reads.page_of_tasks(services.database, project_id, first=first, count=count)
    if found is None:
        raise NotFound("项目不存在")
    return found


@retrying
def cancel(services: Services, task_id: str) -> Task:
    """Cancel a task and what is part of it; raises `NotFound`, or `Conflict` when it has ended."""
    with project_unit(services, get(services, task_id).project_id) as unit:
        task = _found(queries.task(unit.session, task_id), task_id)
        if not completion.cancel(unit, [task], reason=CANCELLED_BY_USER):
            raise Conflict("任务已结束，无法取消")
        unit.session.refresh(task)
    return task


def retry(services: Services, task_id: str) -> str:
    """Retry a failed or cancelled task as a new row; returns its id.

    Raises `NotFound`, or `Conflict` when the task has not failed, or when what it was made for is gone or being made already.
    """
    task = get(services, task_id)
    if task.status not in RETRIABLE:
        raise Conflict("只有失败或已取消的任务可以重试")
    if task.type == TaskType.STORYBOARD:
        return _retry_storyboard(services, task)
    if task.is_parent:
        return narrations.request(services, task.project_id, narration_group.narration_request(task), retried=task)
    if task.type == TaskType.FILM:
        return films.request(services, task.project_id, film_dependencies.film_request(task))
    return _retry_part(services, task)


@once.once(once.as_kept)
@retrying
def _retry_storyboard(services: Services, task: Task) -> str:
    with project_unit(services, task.project_id) as unit:
        project = unit.project
        if project is None:
            raise NotFound("项目不存在")
        latest = queries.latest_storyboard(unit.session, project.id)
        if latest is None or latest.id != task.id:  # its shots would replace those of the newer one
            raise Conflict("已有更新的分镜任务，无需重试")
        quotas.take(services, unit.session, stories=1, tasks=1 + (project.shot_count or 1))
        projects.reset_outputs(project)
        text_task, _ = projects.new_storyboard(unit.session, project, now=unit.now)
        once.made(unit.session, text_task)
        unit.ready.append(text_task)
    return text_task


@once.once(once.as_kept)
@retrying
def _retry_part(services: Services, task: Task) -> str:
    """An image or one shot's narration."""
    with project_unit(services, task.project_id) as unit:
        session = unit.session
        shot = queries.shot(session, task.shot_id) if task.shot_id else None
        if shot is None:
            raise Conflict("任务对应的分镜已不存在，无法重试")
        if task.type == TaskType.NARRATION and not shot.spoken.strip():
            raise Conflict("该分镜没有旁白文本，无法重试")
        same = queries.open_tasks(session, task.project_id, type_=TaskType(task.type), status=OPEN)
        if any(other.shot_id == task.shot_id for other in same):
            raise Conflict("该分镜已有进行中的任务，无需重试")
        quotas.take(services, session, tasks=1)
        again = Task.new(
            TaskType(task.type),
            task.project_id,
            shot_id=task.shot_id,
            message="等待重试",
            parameters=parameters_again(session, task, shot, unit.project),
            now=unit.now,
        )
        session.add(again)
        once.made(session, again.id)
        unit.ready.append(again.id)
    return again.id


def parameters_again(session: Session, task: Task, shot: Shot, project: Project | None) -> dict[str, Any]:
    """A part's parameters as they were, with the shot's present words, which clients and subtitles show, who speaks them now, and the
    project's aspect.
    """
    stored = {**(task.parameters or {}), "depends_on": []}
    if task.type == TaskType.NARRATION:
        return narration_group.speaking(session, shot.project_id, narration_group.narration_request(task))(shot)
    wanted = stored.get("shot") or {}
    size = payloads.image_size(project.aspect) if project is not None and project.aspect else {}
    return {**stored, "shot": {**wanted, **size, "prompt": shot.prompt or wanted.get("prompt", "")}}


def _found(task: Task | None, task_id: str) -> Task:
    if task is None:
        raise _unknown(task_id)
    return task


def _unknown(task_id: str) -> NotFound:
    return NotFound(f"task not found: {task_id}")
