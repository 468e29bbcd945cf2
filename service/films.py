"""Use cases of films: ask for a project's film or for one shot's clip, list what was made."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from common.errors import Conflict, InvalidInput, NotFound
from models import queries
from models.asset import Asset, AssetKind
from models.db import retrying
from models.task import Task, TaskStatus, TaskType
from service import music
from service.container import Services
from service.schemas import FilmRequest
from service.workflow import film_dependencies, payloads
from service.workflow.unit_of_work import ProjectUnit, project_unit


class _Size(TypedDict):
    resolution: str
    fps: int


@retrying
def request(services: Services, project_id: str, wanted: FilmRequest) -> str:
    """Insert and queue a `generate_video` task; returns its id.

    A film waits for images and clips in the making, and for the narrations that it asks for itself; a clip for its shot's image. Raises
    `NotFound`, `InvalidInput` for music that is not there, or `Conflict` when the project has no shots and none are in the making.
    """
    film = services.settings.film
    size: _Size = {"resolution": wanted.resolution or film.resolution, "fps": wanted.fps or film.fps}
    with project_unit(services, project_id) as unit:
        if unit.project is None:
            raise NotFound("项目不存在")
        task = (
            _new_clip(unit, project_id, wanted, size) if wanted.shot_id else _new_film(unit, project_id, wanted, size)
        )
        unit.session.add(task)
        unit.session.flush()
        unit.ready += film_dependencies.plan(unit.session, task, now=unit.now)
    return task.id


def _new_clip(unit: ProjectUnit, project_id: str, wanted: FilmRequest, size: _Size) -> Task:
    shot = queries.shot(unit.session, wanted.shot_id)
    if shot is None or shot.project_id != project_id:
        raise NotFound("分镜不存在")
    return Task.new(
        TaskType.FILM,
        project_id,
        shot_id=shot.id,
        status=TaskStatus.BLOCKED,
        message="等待图片",
        parameters=payloads.clip(wanted, shot_id=shot.id, prompt=shot.prompt or "", **size),
        now=unit.now,
    )


def _new_film(unit: ProjectUnit, project_id: str, wanted: FilmRequest, size: _Size) -> Task:
    _check_music(unit.session, wanted.music)
    coming = queries.open_tasks(unit.session, project_id, type_=TaskType.STORYBOARD)
    if not coming and not queries.shots(unit.session, project_id):
        raise Conflict("项目还没有镜头，无法合成影片")
    return Task.new(
        TaskType.FILM,
        project_id,
        status=TaskStatus.BLOCKED,
        message="等待图片和旁白",
        parameters=payloads.film(wanted, depends_on=[], **size),
        now=unit.now,
    )


def _check_music(session: Session, wanted: str) -> None:
    if wanted and wanted != music.AUTO:
        try:
            music.find(session, wanted)
        except NotFound as error:
            raise InvalidInput("music", f"music {error}，可用的见 GET /v1/api/music，或用 auto") from error


def of_project(services: Services, project_id: str) -> list[Asset]:
    """The project's stored films, newest first; raises `NotFound`."""
    with services.database.read() as session:
        if queries.project(session, project_id) is None:
            raise NotFound("项目不存在")
        films = select(Asset).where(
            Asset.project_id == project_id, Asset.kind == AssetKind.FILM, Asset.stored_at.is_not(None)
        )
        return list(session.scalars(films.order_by(Asset.number.desc())))
