"""Use cases of films: ask for a project's film or for one shot's clip, list what was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypedDict

from sqlalchemy.orm import Session

from common.errors import Conflict, InvalidInput, NotFound
from config.settings import FilmSettings
from models import queries, reads
from models.asset import Asset
from models.db import retrying
from models.project import Project
from models.rows import FilmRow, WholeProject
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from service import film_contents, music, project_options
from service.access import quotas
from service.container import Services
from service.film.spec import MAX_SHOTS, FilmShot, FilmSpec, Subtitles
from service.film.subtitles.text_metrics import reading_s
from service.film.timeline import planned_s, too_long
from service.oss import links
from service.schemas import FilmRequest
from service.shapes import film_size
from service.workflow import film_dependencies, once, payloads
from service.workflow.unit_of_work import project_unit

PACE = 30  # frames in a second of a plan that only its length is asked of


class _Size(TypedDict):
    resolution: str
    fps: int


@once.once(once.as_kept)
@retrying
def request(services: Services, project_id: str, wanted: FilmRequest) -> str:
    """Insert and queue a `generate_video` task; returns its id.

    A film waits for images and clips in the making, and for the narrations that it asks for itself; a clip for its shot's image. Raises
    `NotFound`, `InvalidInput` for music that is not there, or `Conflict` when the project has no shots and none are in the making, or when
    its film would be longer than `film.max_duration_s`.
    """
    film = services.settings.film
    with project_unit(services, project_id) as unit:
        if unit.project is None:
            raise NotFound("项目不存在")
        if wanted.shot_id:
            task = new_clip(unit.session, unit.project, wanted, film, now=unit.now)
        else:
            check_music(unit.session, wanted.music)
            _check_can_be_made(unit.session, project_id, wanted, film)
            task = new_film(unit.project, wanted, film, now=unit.now)
        quotas.take(services, unit.session, films=not wanted.shot_id, tasks=1)
        unit.session.add(task)
        unit.session.flush()
        once.made(unit.session, task.id)
        unit.ready += film_dependencies.plan(unit.session, task, now=unit.now)
    return task.id


def new_clip(session: Session, project: Project, wanted: FilmRequest, settings: FilmSettings, *, now: datetime) -> Task:
    """The task of a shot's clip, not inserted yet; raises `NotFound`."""
    shot = queries.shot(session, wanted.shot_id)
    if shot is None or shot.project_id != project.id:
        raise NotFound("分镜不存在")
    wanted = wanted.model_copy(update=project_options.wishes(project, shot.order, wanted.wishes()))
    return Task.new(
        TaskType.FILM,
        project.id,
        shot_id=shot.id,
        status=TaskStatus.BLOCKED,
        message="等待图片",
        parameters=payloads.clip(wanted, shot_id=shot.id, prompt=shot.prompt or "", **_size(wanted, project, settings)),
        now=now,
    )


def new_film(project: Project, wanted: FilmRequest, settings: FilmSettings, *, now: datetime) -> Task:
    """The task of a project's film, not inserted yet."""
    return Task.new(
        TaskType.FILM,
        project.id,
        status=TaskStatus.BLOCKED,
        message="等待图片和旁白",
        parameters=payloads.film(wanted, depends_on=[], **_size(wanted, project, settings)),
        now=now,
    )


def _size(wanted: FilmRequest, project: Project, settings: FilmSettings) -> _Size:
    width, height = film_size(wanted.resolution, project.aspect, settings.resolution)
    return {"resolution": f"{width}x{height}", "fps": wanted.fps or settings.fps}


def _check_can_be_made(session: Session, project_id: str, wanted: FilmRequest, settings: FilmSettings) -> None:
    """Raise `Conflict` when the project has no shots and none are in the making, or when they would make too long a film."""
    if queries.open_tasks(session, project_id, type_=TaskType.STORYBOARD):
        return
    shots = queries.shots(session, project_id)
    if not shots:
        raise Conflict("项目还没有镜头，无法合成影片")
    _check_length(wanted, shots, settings)


def _check_length(wanted: FilmRequest, shots: Sequence[Shot], settings: FilmSettings) -> None:
    """Raise `Conflict` when the film would be too long: narrations as long as they are, others as long as their texts take to read."""
    shots = shots[:MAX_SHOTS]
    spec = FilmSpec(
        shots=tuple(FilmShot(shot.order, text=shot.spoken) for shot in shots),
        output_dir=Path(),
        cache_dir=Path(),
        fps=PACE,
        subtitles=Subtitles(wanted.subtitles or settings.subtitles),
        intro_s=wanted.intro,
        outro_s=wanted.outro,
        first_seconds=wanted.first_seconds,
    )
    spoken = wanted.narration != "none"
    seconds = planned_s(spec, [_narration_s(shot) if spoken else 0.0 for shot in shots])
    text = too_long(seconds, settings.max_duration_s)
    if text:
        raise Conflict(text)


def _narration_s(shot: Shot) -> float:
    """`shot.duration` is in whole seconds, rounded up."""
    if shot.audio_path and shot.duration:
        return max(0.0, shot.duration - 1.0)
    return reading_s(shot.spoken)


def check_music(session: Session, wanted: str) -> None:
    """Raise `InvalidInput` for music that is not there."""
    if wanted not in ("", music.AUTO, project_options.NO_MUSIC):
        try:
            music.find(session, wanted)
        except NotFound as error:
            raise InvalidInput("music", f"music {error}，可用的见 GET /v1/api/music，或用 auto") from error


@dataclass(frozen=True)
class Film:
    """A stored film, and the shots by which it is stale."""

    asset: Asset | FilmRow
    stale_shots: Sequence[str] = ()


def of_project(services: Services, project_id: str) -> list[Film]:
    """The project's stored films, newest first; raises `NotFound`."""
    found = reads.films(services.database, project_id)
    if found is None:
        raise NotFound("项目不存在")
    return [Film(row, film_contents.stale_shots(row, found.shots)) for row in found.films]


def shown(services: Services, session: Session, project: Project, shots: Sequence[Shot]) -> Film | None:
    """The film that the project shows; None where it has none, or one that an older backend left."""
    key = links.key_of(project.video_url, services.settings.minio.bucket) if project.video_url else None
    row = session.get(Asset, key) if key is not None else None
    return Film(row, film_contents.stale_shots(row, shots)) if row is not None else None


def shown_of(services: Services, whole: WholeProject) -> Film | None:
    """The same of a project that was read as a whole; one whose film stands there as a link takes another statement."""
    row, stored = whole.film, whole.project.video_url
    key = links.key_of(stored, services.settings.minio.bucket) if stored else None
    if row is None and key not in (None, stored):
        row = reads.film(services.database, key or "")
    return Film(row, film_contents.stale_shots(row, whole.shots)) if row is not None and key is not None else None
