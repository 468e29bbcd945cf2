"""Use cases of films: ask for a project's film or for one shot's clip, list what was made."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from common.errors import Conflict, InvalidInput, NotFound
from common.request_id import request_id
from models import project_queries
from models.asset import Asset, AssetKind
from models.base import new_id
from models.retrying import retrying
from models.task import Task, TaskStatus, TaskType
from service import films_plan, music, parameters
from service.context import Services
from service.enqueue import enqueue
from service.requests import FilmRequest


@retrying
def request(services: Services, project_id: str, wanted: FilmRequest) -> str:
    """Insert and queue a `generate_video` task; returns its id.

    A film waits for pictures and clips in the making, and for the narrations that it asks for itself; a clip for its shot's picture. Raises
    `NotFound`, `InvalidInput` for music that is not there, or `Conflict` when the project has no shots and none are in the making.
    """
    now = services.clock.now()
    resolution = wanted.resolution or services.settings.film.resolution
    fps = wanted.fps or services.settings.film.fps
    with services.database.write() as session:
        if project_queries.lock_project(session, project_id) is None:
            raise NotFound("项目不存在")
        task = Task(
            id=new_id(),
            project_id=project_id,
            type=TaskType.VIDEO,
            status=TaskStatus.BLOCKED,
            request_id=request_id(),
            created_at=now,
            updated_at=now,
        )
        if wanted.shot_id:
            shot = project_queries.shot(session, wanted.shot_id)
            if shot is None or shot.project_id != project_id:
                raise NotFound("分镜不存在")
            task.shot_id, task.message = shot.id, "等待图片"
            task.parameters = parameters.clip(
                wanted, shot_id=shot.id, prompt=shot.prompt or "", resolution=resolution, fps=fps
            )
        else:
            _check_music(session, wanted.music)
            coming = project_queries.open_tasks(session, project_id, type_=TaskType.STORYBOARD)
            if not coming and not project_queries.shots(session, project_id):
                raise Conflict("项目还没有镜头，无法合成影片")
            task.message = "等待图片和旁白"
            task.parameters = parameters.film(wanted, resolution=resolution, fps=fps, depends_on=[])
        session.add(task)
        session.flush()
        ready = films_plan.plan(session, task, now=now)
    enqueue(services, ready)
    return task.id


def _check_music(session: Session, wanted: str) -> None:
    if wanted and wanted != music.AUTO:
        try:
            music.find(session, wanted)
        except NotFound as error:
            raise InvalidInput("music", f"music {error}，可用的见 GET /v1/api/music，或用 auto") from error


def of_project(services: Services, project_id: str) -> list[Asset]:
    """The project's stored films, newest first; raises `NotFound`."""
    with services.database.read() as session:
        if project_queries.project(session, project_id) is None:
            raise NotFound("项目不存在")
        films = select(Asset).where(
            Asset.project_id == project_id, Asset.kind == AssetKind.FILM, Asset.stored_at.is_not(None)
        )
        return list(session.scalars(films.order_by(Asset.number.desc())))
