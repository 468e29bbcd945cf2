"""What every change of a project's row of shots does: look whether it may be changed, number it anew, let a shot say another text."""

from __future__ import annotations

from collections.abc import Sequence

from common.errors import Conflict, NotFound
from models import queries
from models.base import new_id
from models.shot import Shot, ShotStatus
from models.task import TaskType
from service import shots
from service.container import Services
from service.film.spec import MAX_SHOTS
from service.shot_requests import NewShot
from service.workflow import completion
from service.workflow.project_status import refresh_project
from service.workflow.unit_of_work import ProjectUnit


def put(unit: ProjectUnit, row: Sequence[Shot]) -> None:
    """The project's shots are these, in this order."""
    unit.session.flush()
    shots.number(unit.session, row)
    if unit.project is not None:
        unit.project.updated_at = unit.now
        refresh_project(unit.session, unit.project, now=unit.now)


def editable(unit: ProjectUnit, project_id: str, *, more: int = 0) -> list[Shot]:
    """The project's shots, which may become so many more; raises `NotFound` or `Conflict`."""
    if unit.project is None:
        raise NotFound("项目不存在")
    if queries.open_tasks(unit.session, project_id, type_=TaskType.STORYBOARD):
        raise Conflict("分镜还在生成中，请在分镜完成后再试")
    row = queries.shots(unit.session, project_id)
    if len(row) + more > MAX_SHOTS:
        raise Conflict(f"一个项目最多 {MAX_SHOTS} 个分镜")
    return row


def place_of(row: Sequence[Shot], shot_id: str) -> int:
    for place, shot in enumerate(row):
        if shot.id == shot_id:
            return place
    raise NotFound("分镜不存在")


def new_shot(unit: ProjectUnit, project_id: str, new: NewShot, shot_id: str = "") -> Shot:
    shot = Shot(
        id=shot_id or new_id(),
        project_id=project_id,
        order=0,
        title=new.title[:255],
        description=new.narration,
        narration=new.narration,
        prompt=new.prompt,
        status=ShotStatus.PENDING,
        transition=new.transition,
        motion=new.motion,
        created_at=unit.now,
        updated_at=unit.now,
    )
    unit.session.add(shot)
    return shot


def say(services: Services, unit: ProjectUnit, shot: Shot, text: str) -> None:
    """The shot has this text from now on; what was spoken of another is put aside, and what is being spoken of it is replaced."""
    said = shot.spoken
    shot.narration = shot.description = text
    shot.updated_at = unit.now
    if shot.spoken != said:
        completion.cancel(unit, shots.drop_narration(services, unit, shot), reason=shots.CANCELLED_BY_UPDATE)
