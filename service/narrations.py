"""Use case of narrations: let every shot of a project be spoken."""

from __future__ import annotations

from common.errors import Conflict, NotFound
from common.request_id import request_id
from models import project_queries
from models.base import new_id
from models.retrying import retrying
from models.task import Task, TaskStatus, TaskType
from service import narrations_plan, parameters
from service.context import Services
from service.enqueue import enqueue
from service.requests import NarrationRequest


@retrying
def request(services: Services, project_id: str, wanted: NarrationRequest, *, retried: Task | None = None) -> str:
    """Insert the parent task and one child per shot, and queue these; returns the parent's id.

    Of a task that is retried, what it finished is left out. While the storyboard is in the making the parent waits for it.
    Raises `NotFound`, or `Conflict` when there is nothing to speak.
    """
    now = services.clock.now()
    with services.database.write() as session:
        if project_queries.lock_project(session, project_id) is None:
            raise NotFound("项目不存在")
        storyboards = project_queries.open_tasks(session, project_id, type_=TaskType.STORYBOARD)
        speaking = {shot.id for shot in project_queries.shots(session, project_id) if shot.spoken.strip()}
        if not storyboards and not speaking:
            raise Conflict("项目还没有旁白文本，无法生成语音")
        wanting = speaking if retried is None else speaking & narrations_plan.unfinished(session, retried, speaking)
        if not storyboards and not wanting:
            raise Conflict("所有镜头的旁白都已生成，无需重试")
        task = Task(
            id=new_id(),
            project_id=project_id,
            type=TaskType.AUDIO,
            status=TaskStatus.BLOCKED if storyboards else TaskStatus.PENDING,
            message="等待分镜完成" if storyboards else "等待生成旁白",
            parameters={**parameters.narration(wanted), "depends_on": [board.id for board in storyboards]},
            request_id=request_id(),
            created_at=now,
            updated_at=now,
        )
        session.add(task)
        session.flush()
        ready = [] if storyboards else narrations_plan.expand(session, task, now=now, only=wanting)
    enqueue(services, ready)
    return task.id
