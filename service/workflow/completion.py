"""The one door through which every task ends: finished, failed or cancelled, with everything that follows from it.

Each of these takes place in one unit of work under the project's lock: the guarded move, then what it means for the tasks that wait for
this one, for the group that it is part of, for its shot and its project. Once that is committed, what was at work is stopped and what
became ready is enqueued (`project_unit`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from common.errors import Cancelled
from models import queries, task_endings, task_transitions
from models.db import retrying
from models.project import ProjectStatus
from models.shot import ShotStatus
from models.task import ENDED, Task, TaskStatus, TaskType
from service.container import Services
from service.node.usage import added, total_cost
from service.workflow import film_dependencies, narration_group, webhook_events
from service.workflow.narration_group import GroupState
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import ProjectUnit, project_unit

ENDED_VALUES = frozenset(status.value for status in ENDED)
NOTHING_TO_SAY = "没有可朗读的旁白"
ORPHANED = "所依赖的分镜任务已结束，任务取消"


@retrying
def finish(
    services: Services,
    task: Task,
    *,
    owner: str,
    result: dict[str, Any],
    message: str,
    write: Callable[[ProjectUnit], None],
) -> None:
    """End a task well. Its row, and what `write` changes, become visible in one commit.

    Raises `Cancelled`, with nothing written, when `owner` does not hold the task any more.
    """
    with project_unit(services, task.project_id) as unit:
        if not task_endings.finish(unit.session, task.id, owner=owner, result=result, message=message, now=unit.now):
            raise Cancelled
        write(unit)
        charge(unit, result)
        unit.session.flush()
        if not _propagate_end_of(unit, task.id):
            raise Cancelled


@retrying
def fail(services: Services, task: Task, *, owner: str, error: str, result: dict[str, Any] | None = None) -> None:
    """End a task with an error; nothing happens when `owner` does not hold it any more. `result` is that of its job, where one ended."""
    with project_unit(services, task.project_id) as unit:
        if task_endings.fail(unit.session, task.id, owner=owner, error=error, result=result, now=unit.now):
            charge(unit, result)
            unit.session.flush()
            _propagate_end_of(unit, task.id)


def charge(unit: ProjectUnit, result: dict[str, Any] | None) -> None:
    """Add to the project's cost what a job cost, by its result."""
    cost = total_cost(result or {})
    if unit.project is not None and cost:
        unit.project.cost = added(unit.project.cost, cost)


def cancel(unit: ProjectUnit, tasks: Iterable[Task], *, reason: str) -> bool:
    """Cancel those of the tasks that are open, and the open tasks that are part of them; whether there were any."""
    hit = False
    for task in tasks:
        if not task_endings.terminate(unit.session, task.id, TaskStatus.CANCELLED, reason=reason, now=unit.now):
            continue
        hit = True
        unit.ended.append(task)
        parts = queries.children(unit.session, task.id)
        unit.session.refresh(task)
        cancel(unit, [part for part in parts if part.status not in ENDED_VALUES], reason=reason)
        propagate(unit, task)
    return hit


def resume_blocked(unit: ProjectUnit, task: Task, ended: Task | None = None) -> None:
    """Let a blocked task go on when `ended`, which it waited for, has ended; None: nothing that it waited for is open any more.

    A film or a clip looks what else it has to wait for; a group gets its tasks; what has lost its storyboard ends with it.
    """
    if ended is not None and ended.type == TaskType.STORYBOARD and ended.status != TaskStatus.FINISHED:
        _end_with_storyboard(unit, task, ended)
    elif task.type == TaskType.FILM:
        unit.ready += film_dependencies.plan(unit.session, task, now=unit.now)
    elif task.is_parent:
        begin_narrations(unit, task)
    elif ended is None:
        cancel(unit, [task], reason=ORPHANED)
    elif task.type == TaskType.IMAGE:
        pass  # the storyboard's own result pairs the images with its shots
    elif task_transitions.unblock(unit.session, task.id, now=unit.now):
        unit.ready.append(task.id)


def begin_narrations(unit: ProjectUnit, group: Task, only: Collection[str] | None = None) -> None:
    """Give a group its tasks, one for each shot with words to speak (and whose id is in `only`); it ends at once where there is none."""
    if queries.children(unit.session, group.id):
        return
    tasks = narration_group.expand(unit.session, group, now=unit.now, only=only)
    unit.ready += [task.id for task in tasks]
    if tasks:
        _write_group(unit, group, GroupState(TaskStatus.PENDING, 0, "等待生成旁白"))
    else:
        _write_group(unit, group, GroupState(TaskStatus.FAILED, 0, NOTHING_TO_SAY, NOTHING_TO_SAY))


def refresh_group(unit: ProjectUnit, group_id: str) -> None:
    """Bring a group in line with its tasks; when that ends it, what follows from its end happens too."""
    group = queries.task(unit.session, group_id)
    if group is None or not group.is_parent or group.status in ENDED_VALUES:
        return
    state = narration_group.state(unit.session, group)
    if state is not None:
        _write_group(unit, group, state)


def _write_group(unit: ProjectUnit, group: Task, state: GroupState) -> None:
    session, status, progress, message = unit.session, state.status, state.progress, state.message
    if status not in ENDED:
        task_transitions.set_group_progress(
            session, group.id, status=status, progress=progress, message=message, now=unit.now
        )
    elif task_endings.end_group(
        session, group.id, status, progress=progress, message=message, error=state.error, now=unit.now
    ):
        session.refresh(group)
        unit.ended.append(group)
        propagate(unit, group)


def _propagate_end_of(unit: ProjectUnit, task_id: str) -> bool:
    """Propagate the end of a task as the database has it; False when it was deleted."""
    task = queries.task(unit.session, task_id)
    if task is None:
        return False
    unit.session.refresh(task)
    propagate(unit, task)
    return True


def propagate(unit: ProjectUnit, task: Task) -> None:
    """Draw the consequences of a task that has just ended. `task` is as the database has it now."""
    _release_shot(unit, task)
    blocked = queries.open_tasks(unit.session, task.project_id, status=(TaskStatus.BLOCKED,))
    # Narrations first: a film that waits for the same storyboard then finds them, and asks for none of its own.
    for waiting in sorted(blocked, key=lambda one: not one.is_parent):
        if task.id in waiting.depends_on:
            resume_blocked(unit, waiting, task)
    if task.parent_id:
        refresh_group(unit, task.parent_id)
    project = queries.project(unit.session, task.project_id)
    if project is not None:
        webhook_events.task_ended(unit.session, project, task, now=unit.now)
        if refresh_project(unit.session, project, now=unit.now) and project.status == ProjectStatus.READY:
            webhook_events.project_ready(unit.session, project, now=unit.now)


def _end_with_storyboard(unit: ProjectUnit, waiting: Task, storyboard: Task) -> None:
    status = TaskStatus.CANCELLED if storyboard.status == TaskStatus.CANCELLED else TaskStatus.FAILED
    reason = "分镜任务已取消" if status is TaskStatus.CANCELLED else f"分镜生成失败：{storyboard.error}"
    if task_endings.terminate(unit.session, waiting.id, status, reason=reason, now=unit.now):
        unit.session.refresh(waiting)
        unit.ended.append(waiting)
        propagate(unit, waiting)


def _release_shot(unit: ProjectUnit, task: Task) -> None:
    """An image that failed or was cancelled leaves the shot with the image it had."""
    if task.type != TaskType.IMAGE or task.status == TaskStatus.FINISHED or not task.shot_id:
        return
    shot = queries.shot(unit.session, task.shot_id)
    if shot is None:
        return
    if shot.image_path:
        shot.status = ShotStatus.COMPLETED
    else:
        shot.status = ShotStatus.FAILED if task.status == TaskStatus.FAILED else ShotStatus.PENDING
    shot.updated_at = unit.now
