"""Use case: start again whatever of a project failed or was cancelled, and go on to its film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from common.errors import Conflict, NotFound
from models import queries
from models.asset import Asset
from models.db import retrying
from models.project import Project
from models.shot import Shot, ShotStatus
from models.task import OPEN, Task, TaskStatus, TaskType
from models.types import DAWN
from service import films, projects, shots
from service.access import quotas
from service.container import Services
from service.oss import links
from service.schemas import FilmRequest, ResumeRequest
from service.tasks import RETRIABLE, parameters_again
from service.workflow import completion, film_dependencies, once
from service.workflow.unit_of_work import ProjectUnit, project_unit

REPLACED = "项目已恢复生成，影片将重新合成"


@dataclass(frozen=True)
class Resumed:
    """What was begun, and the film that this leads to: a new one, the one that waits already, or the one that is there."""

    tasks: list[Task]
    film_task_id: str


def _as_resumed(services: Services, kept: dict[str, Any]) -> Resumed:
    with services.database.read() as session:
        found = [queries.task(session, task_id) for task_id in kept["tasks"]]
    return Resumed([task for task in found if task is not None], kept["film"])


@once.once(_as_resumed)
@retrying
def resume(services: Services, project_id: str, wanted: ResumeRequest) -> Resumed:
    """Begin anew what failed or was cancelled and is not in the making: storyboard, images, narrations, clips; then the film.

    Nothing is begun twice: asked again while all of it runs, this begins nothing. Raises `NotFound`, or `Conflict` when there is neither a
    shot nor a storyboard that could be begun.
    """
    with project_unit(services, project_id) as unit:
        if unit.project is None:
            raise NotFound("项目不存在")
        resumed = _Resumption(services, unit, unit.project).begin(wanted)
        once.made(unit.session, {"tasks": [task.id for task in resumed.tasks], "film": resumed.film_task_id})
    return resumed


class _Resumption:
    """One project's tasks, oldest first, and what is to be done about them."""

    def __init__(self, services: Services, unit: ProjectUnit, project: Project) -> None:
        self._services, self._unit, self._project = services, unit, project
        self._tasks = queries.tasks(unit.session, project.id)
        boards = [task for task in self._tasks if task.type == TaskType.STORYBOARD]
        self._board = boards[-1] if boards else None
        self._films = [task for task in self._tasks if task.type == TaskType.FILM and not task.target_shot_id]

    def begin(self, wanted: ResumeRequest) -> Resumed:
        session = self._unit.session
        board_again = self._board is not None and self._board.status in RETRIABLE
        parts = [] if board_again else self._parts()
        if not board_again and not self._is_told() and not queries.shots(session, self._project.id):
            raise Conflict("项目还没有镜头，无法恢复生成")
        waiting = self._open_film()
        film = self._new_film(wanted) if self._needs_film(waiting, begun=board_again or bool(parts)) else None
        images = (self._project.shot_count or 1) if board_again else 0
        count = board_again + images + len(parts) + (film is not None)
        quotas.take(self._services, session, stories=board_again, films=film is not None, tasks=count)
        begun = self._tell_again() if board_again else self._insert(parts)
        kept = self._plan(film or waiting, replaced=waiting if film is not None else None)
        return Resumed([*begun, *([film] if film is not None else [])], kept)

    def _is_told(self) -> bool:
        """Whether a storyboard is in the making."""
        return self._board is not None and self._board.status in OPEN

    def _tell_again(self) -> list[Task]:
        session, project = self._unit.session, self._project
        projects.reset_outputs(project)
        text_task, images = projects.new_storyboard(session, project, now=self._unit.now)
        self._unit.ready.append(text_task)
        return [session.get_one(Task, text_task), *images]

    def _insert(self, parts: list[Task]) -> list[Task]:
        session = self._unit.session
        session.add_all(parts)
        session.flush()
        for part in parts:
            is_clip = part.type == TaskType.FILM
            self._unit.ready += film_dependencies.plan(session, part, now=self._unit.now) if is_clip else [part.id]
        return parts

    def _parts(self) -> list[Task]:
        """What is missing of the shots that are there; none while their storyboard is in the making."""
        if self._is_told():
            return []
        session, project_id = self._unit.session, self._project.id
        newest = {(task.type, task.target_shot_id): task for task in self._tasks}
        open_ = {(task.type, task.target_shot_id) for task in self._tasks if task.status in OPEN}
        stored = _stored(session.scalars(select(Asset).where(Asset.project_id == project_id)).all())
        found: list[Task] = []
        for shot in queries.shots(session, project_id):
            for kind, path in (
                (TaskType.IMAGE, shot.image_path),
                (TaskType.NARRATION, shot.audio_path),
                (TaskType.FILM, shot.video_path),
            ):
                last = newest.get((kind, shot.id))
                key = links.key_of(path, self._services.settings.minio.bucket) if path else None
                if (kind, shot.id) not in open_ and self._is_wanting(shot, kind, last, stored.get(key or "")):
                    found.append(self._again(shot, kind, last))
        return found

    def _is_wanting(self, shot: Shot, kind: TaskType, last: Task | None, stored_at: datetime | None) -> bool:
        """Whether a part failed or was cancelled and nothing came since; an image also where there simply is none.

        A narration without any task is the film's to ask for.
        """
        if kind is TaskType.NARRATION and not shot.spoken.strip():
            return False
        if last is not None and last.status in RETRIABLE:
            return stored_at is None or stored_at <= (last.created_at or DAWN)
        return kind is TaskType.IMAGE and not shot.image_path

    def _again(self, shot: Shot, kind: TaskType, last: Task | None) -> Task:
        unit, project = self._unit, self._project
        if kind is TaskType.FILM and last is not None:
            wanted = film_dependencies.film_request(last).model_copy(update={"shot_id": shot.id})
            return films.new_clip(unit.session, project, wanted, self._services.settings.film, now=unit.now)
        if kind is TaskType.IMAGE:
            shot.status, shot.updated_at = ShotStatus.PROCESSING, unit.now
        if last is not None and last.status in RETRIABLE:
            wishes = parameters_again(unit.session, last, shot, project)
        else:
            wishes = shots.image_parameters(shot, project)
        return Task.new(kind, project.id, shot_id=shot.id, message="等待重试", parameters=wishes, now=unit.now)

    def _open_film(self) -> Task | None:
        return next((film for film in reversed(self._films) if film.status in OPEN), None)

    def _needs_film(self, waiting: Task | None, *, begun: bool) -> bool:
        """Whether a film is to be made: one at work lacks what was begun just now, one that is there does too."""
        if waiting is not None:
            return begun and waiting.status != TaskStatus.BLOCKED
        return begun or not self._films or self._films[-1].status in RETRIABLE or not self._project.video_url

    def _new_film(self, wanted: ResumeRequest) -> Task:
        """As it is asked for, else like the last that was no preview."""
        session, settings = self._unit.session, self._services.settings.film
        if wanted.film is not None:
            films.check_music(session, wanted.film.music)
            request = FilmRequest(**wanted.film.model_dump())
        else:
            before = [film_dependencies.film_request(film) for film in self._films]
            request = next((one for one in reversed(before) if one.mode != "preview"), FilmRequest())
        return films.new_film(self._project, request, settings, now=self._unit.now)

    def _plan(self, film: Task | None, *, replaced: Task | None) -> str:
        """Let the film wait for what is in the making; returns its id, or that of the one that is there."""
        if film is None:
            return self._films[-1].id if self._films else ""
        unit = self._unit
        unit.session.add(film)
        unit.session.flush()
        if film.status == TaskStatus.BLOCKED:
            unit.ready += film_dependencies.plan(unit.session, film, now=unit.now)
        if replaced is not None:
            completion.cancel(unit, [replaced], reason=REPLACED)
        return film.id


def _stored(assets: Any) -> Mapping[str, datetime | None]:
    return {asset.object_key: asset.stored_at for asset in assets}
