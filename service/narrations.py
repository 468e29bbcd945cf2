"""Use cases of narrations: narrate every shot of a project, or one of them."""

from __future__ import annotations

from common.errors import Conflict, NotFound
from models import queries
from models.db import retrying
from models.task import Task, TaskStatus, TaskType
from service.access import quotas
from service.container import Services
from service.schemas import NarrationRequest
from service.workflow import completion, narration_group, once, payloads
from service.workflow.unit_of_work import project_unit

REPLACED = "旁白正在重新生成，旧任务取消"


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
        task = Task.new(
            TaskType.NARRATION,
            project_id,
            status=TaskStatus.BLOCKED if storyboards else TaskStatus.PENDING,
            message="等待分镜完成" if storyboards else "等待生成旁白",
            parameters={**payloads.narration(wanted), "depends_on": [board.id for board in storyboards]},
            now=unit.now,
        )
        session.add(task)
        session.flush()
        once.made(session, task.id)
        if not storyboards:
            completion.begin_narrations(unit, task, wanting)
    return task.id


@once.once(once.as_kept)
@retrying
def request_one(services: Services, project_id: str, shot_id: str, wanted: NarrationRequest) -> str:
    """Speak one shot anew, in place of whatever is being spoken of it; returns the task's id.

    Raises `NotFound`, or `Conflict` when the shot has nothing to say, or the storyboard that replaces it is in the making.
    """
    with project_unit(services, project_id) as unit:
        session = unit.session
        shot = queries.shot(session, shot_id)
        if unit.project is None or shot is None or shot.project_id != project_id:
            raise NotFound("分镜不存在")
        if queries.open_tasks(session, project_id, type_=TaskType.STORYBOARD):
            raise Conflict("分镜还在生成中，请在分镜完成后再试")
        if not shot.spoken.strip():
            raise Conflict("该分镜没有旁白文本，无法生成语音")
        quotas.take(services, session, tasks=1)
        old = [
            one for one in queries.open_tasks(session, project_id, type_=TaskType.NARRATION) if one.shot_id == shot.id
        ]
        parameters = narration_group.speaking(session, project_id, wanted)(shot)
        task = narration_group.new_task(session, shot, parameters, now=unit.now)
        session.flush()  # before the old ones are cancelled, so that a film which waits for the shot waits for this one
        unit.ready.append(task.id)
        completion.cancel(unit, old, reason=REPLACED)
        once.made(session, task.id)
    return task.id
