"""A storyboard: the node writes the scenes, they become the project's shots, and the image tasks that waited for them start."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict

from sqlalchemy.orm import Session

from common.errors import Cancelled
from models import cast_member, queries, task_transitions
from models.base import new_id
from models.cast_member import CastMember
from models.project import Project
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType
from processor.claimed_task import ClaimedTask
from processor.node_job import outcome, run_job, told
from service import project_options, projects
from service.assets import versions
from service.node.interface import Character, Scene
from service.node.responses import clean_text, resource_url
from service.workflow import completion, payloads
from service.workflow.unit_of_work import ProjectUnit

MAX_URL = 1024  # characters
WAITING = "等待生成图片"
REPLACED = "分镜已重新生成，旧任务取消"


def run(claimed: ClaimedTask) -> None:
    """Handler of `generate_storyboard`."""
    job = run_job(claimed, "storyboard")
    scenes = claimed.node.storyboard(job)[: claimed.services.settings.story.max_shots]
    board = _Board(claimed, scenes, claimed.node.cast(job))
    url = _path(resource_url(job.result))
    claimed.finish(outcome("storyboard", job, url), told(_message(scenes), job), board.write)


class _Board:
    """Writes the scenes."""

    def __init__(self, claimed: ClaimedTask, scenes: list[Scene], cast: list[Character]) -> None:
        self._claimed = claimed
        self._scenes = scenes
        self._cast = cast

    def write(self, unit: ProjectUnit) -> None:
        """Replace the project's shots, then pair the new ones with the blocked image tasks, oldest first.

        May run again after a deadlock.
        """
        session, project = unit.session, unit.project
        if project is None:
            raise Cancelled
        stale = self._drop_old_shots(session, project)
        waiting = [
            task
            for task in queries.open_tasks(session, project.id, type_=TaskType.IMAGE, status=(TaskStatus.BLOCKED,))
            if self._claimed.task.id in task.depends_on
        ]
        for order, scene in enumerate(self._scenes, start=1):
            task = waiting[order - 1] if order <= len(waiting) else None
            shot = self._new_shot(unit, project, scene, order, task)
            self._start_image(unit, project, shot, task)
        for surplus in waiting[len(self._scenes) :]:
            session.delete(surplus)
        members = [
            CastMember(project_id=project.id, position=position, **asdict(character))
            for position, character in enumerate(self._cast, start=1)
        ]
        cast_member.retell(session, project.id, members)
        project.bgm = _mood(self._scenes)
        project.updated_at = unit.now
        # Last: a film that waited for what is cancelled is planned anew, and must find the new shots, not the old.
        completion.cancel(unit, stale, reason=REPLACED)

    def _drop_old_shots(self, session: Session, project: Project) -> list[Task]:
        """Delete the shots that are there; returns the open tasks that made something for them."""
        old = queries.shots(session, project.id)
        old_ids = {shot.id for shot in old}
        stale = [task for task in queries.open_tasks(session, project.id) if task.shot_id in old_ids]
        for shot in old:
            versions.remove_shot(self._claimed.services, session, shot)
            session.delete(shot)
        session.flush()
        if old:
            projects.reset_outputs(project)  # a film of them may have been made since this storyboard was requested
        return stale

    def _new_shot(self, unit: ProjectUnit, project: Project, scene: Scene, order: int, task: Task | None) -> Shot:
        """The shot takes the id that was reserved for it when the project was created, where there is one."""
        reserved = task.target_shot_id if task is not None else ""
        shot = Shot(
            id=reserved if reserved and unit.session.get(Shot, reserved) is None else new_id(),
            project_id=project.id,
            order=order,
            title=scene.title[:255] or f"镜头 {order}",
            description=scene.narration,
            narration=scene.narration,
            prompt=scene.prompt,
            status=ShotStatus.PENDING,
            transition="",
            created_at=unit.now,
            updated_at=unit.now,
        )
        unit.session.add(shot)
        unit.session.flush()
        return shot

    def _start_image(self, unit: ProjectUnit, project: Project, shot: Shot, task: Task | None) -> None:
        depends_on = [self._claimed.task.id]
        wanted = payloads.image(
            shot.id,
            prompt=shot.prompt or "",
            style=project.style,
            aspect=project.aspect,
            depends_on=depends_on,
            wishes=project_options.wishes(project, shot.order),
        )
        if task is None:
            task = Task.new(
                TaskType.IMAGE, project.id, shot_id=shot.id, message=WAITING, parameters=wanted, now=unit.now
            )
            unit.session.add(task)
            unit.session.flush()
        else:
            task_transitions.unblock(
                unit.session, task.id, now=unit.now, shot_id=shot.id, parameters=wanted, message=WAITING
            )
            unit.session.expire(task)
        unit.ready.append(task.id)


def _message(scenes: list[Scene]) -> str:
    """What was made, and which shots will be silent."""
    text = f"分镜完成，共 {len(scenes)} 个镜头"
    silent = [str(order) for order, scene in enumerate(scenes, start=1) if not scene.narration]
    return f"{text}（镜头 {'、'.join(silent)} 没有旁白）" if silent else text


def _path(url: str) -> str:
    """What clients see of the storyboard's address: a path on the node, whose own host is none of theirs."""
    return re.sub(r"^\w+://[^/]*", "", clean_text(url, MAX_URL))


def _mood(scenes: list[Scene]) -> str | None:
    """The music words that most scenes ask for."""
    words = Counter(scene.bgm for scene in scenes if scene.bgm)
    return words.most_common(1)[0][0][:255] if words else None
