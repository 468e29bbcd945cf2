"""Use case of narrations: narrate every shot of a project."""

from __future__ import annotations

from common.errors import Conflict, NotFound
from models import queries
from models.db import retrying
from models.task import Task, TaskStatus, TaskType
from service import project_options
from service.access import quotas
from service.container import Services
from service.schemas import NarrationRequest
from service.workflow import completion, narration_group, once, payloads
from service.workflow.unit_of_work import project_unit


@once.once(once.as_kept)
@retrying
def request(services: Services, project_id: str, wanted: NarrationRequest, *, retried: Task | None = None) -> str:
    """Insert the parent task and one child per shot, and queue these; returns the parent's id.

    Of a task that is retried, what it finished is left out. While the storyboard is in the making the parent waits for it.
    Raises `NotFound`, or `Conflict` when there is nothing to speak.
    """
    with project_unit(services, project_id) as unit:
        session = unit.session
        if unit.project is None:
            raise NotFound("项目不存在")
        storyboards = queries.open_tasks(session, project_id, type_=TaskType.STORYBOARD)
        speaking = {shot.id for shot in queries.shots(session, project_id) if shot.spoken.strip()}
        if not storyboards and not speaking:
            raise Conflict("项目还没有旁白文本，无法生成语音")
        wanting = speaking if retried is None else speaking & narration_group.unfinished(session, retried, speaking)
        if not storyboards and not wanting:
            raise Conflict("所有镜头的旁白都已生成，无需重试")
        quotas.take(services, session, tasks=1 + len(wanting))
        spoken_by = project_options.narration(unit.project, wanted)
        task = Task.new(
            TaskType.NARRATION,
            project_id,
            status=TaskStatus.BLOCKED if storyboards else TaskStatus.PENDING,
            message="等待分镜完成" if storyboards else "等待生成旁白",
            parameters={**payloads.narration(spoken_by), "depends_on": [board.id for board in storyboards]},
            now=unit.now,
        )
        session.add(task)
        session.flush()
        once.made(session, task.id)
        if not storyboards:
            completion.begin_narrations(unit, task, wanting)
    return task.id
